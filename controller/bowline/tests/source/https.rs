//! Over TLS, with the certificate checked against the machine's authorities.

use std::time::Duration;

use bowline::source::{GitAuth, GitSettings, GitSource, SourceError};
use bowline_core::policy::GitStanding;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time;

use crate::http_server::HttpServer;
use crate::repo::{Repo, applied, at, service, write};
use crate::tls_server::{Stall, TlsServer, answering, redirect, trusting};

const LOGIN: &str = "x-access-token:s3cret";
/// The authority of the certificates for these tests.
const AUTHORITY: &str = "tests/source/certificates/authority.pem";
/// Certificates, with their keys.
const LOCALHOST: &str = "tests/source/certificates/localhost.pem";
const EXPIRED: &str = "tests/source/certificates/expired.pem";
const ELSEWHERE: &str = "tests/source/certificates/elsewhere.pem";

fn settings(repo: &Repo, port: u16, path: &str) -> GitSettings {
    let auth = GitAuth::Token("s3cret".to_owned().into());
    GitSettings { repo: format!("https://localhost:{port}/{path}"), auth, ..repo.settings() }
}

fn source(repo: &Repo, port: u16) -> GitSource {
    GitSource::new(settings(repo, port, "repo.git"))
}

async fn refusal(settings: GitSettings) -> SourceError {
    GitSource::new(settings).sync(at(0), &applied(&[])).await.unwrap_err()
}

#[tokio::test]
async fn a_trusted_server_is_read_with_a_token() {
    trusting(AUTHORITY, "https::a_trusted_server_is_read_with_a_token", async || {
        let repo = Repo::seeded();
        let server = HttpServer::start(repo.root.path(), Some(LOGIN));
        let tls = TlsServer::start(LOCALHOST, server.port).await;
        let mut source = source(&repo, tls.port);
        let first = source.sync(at(0), &applied(&[])).await.unwrap();
        let head = repo.commit("more", &[write("env/web.yml", &service("web", 2))]);
        assert_eq!(source.head().await.unwrap(), head);
        let second = source.sync(at(1), &applied(&[&first.commit])).await.unwrap();
        assert_eq!((second.commit, second.parsed_files, server.refused()), (head, 1, 0));

        let wrong = GitAuth::Token("wr0ng".to_owned().into());
        let mirror = repo.root.path().join("other");
        let error =
            refusal(GitSettings { auth: wrong, mirror, ..settings(&repo, tls.port, "repo.git") }).await;
        assert!(matches!(error, SourceError::AuthRejected { configured: "token", .. }), "{error:?}");
        assert_eq!(server.refused(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_user_in_the_address_goes_with_the_token_and_the_server_is_named_to_itself() {
    let name = "https::a_user_in_the_address_goes_with_the_token_and_the_server_is_named_to_itself";
    trusting(AUTHORITY, name, async || {
        let repo = Repo::seeded();
        let server = HttpServer::start(repo.root.path(), Some("oauth2:s3cret"));
        let tls = TlsServer::start(LOCALHOST, server.port).await;
        let address = format!("https://oauth2@localhost:{}/repo.git/", tls.port);
        let settings = GitSettings { repo: address, ..settings(&repo, tls.port, "") };
        GitSource::new(settings).sync(at(0), &applied(&[])).await.unwrap();
        assert_eq!(server.host(), format!("localhost:{}", tls.port));
    })
    .await;
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    trusting(ELSEWHERE, "https::a_certificate_that_nobody_vouches_for_is_refused", async || {
        let repo = Repo::seeded();
        let server = HttpServer::start(repo.root.path(), Some(LOGIN));
        let tls = TlsServer::start(LOCALHOST, server.port).await;
        let error = refusal(settings(&repo, tls.port, "repo.git")).await;
        assert_eq!(
            error.sentence(),
            format!(
                "the TLS certificate of https://localhost:{}/repo.git is not trusted: no certificate authority that this machine trusts has signed it; \
                 add the certificate authority to the system's store, or point SSL_CERT_FILE to a file that holds it",
                tls.port
            )
        );
        assert_eq!((error.category(), server.requests()), ("certificate", 0));
    })
    .await;
}

#[tokio::test]
async fn a_machine_without_authorities_trusts_nobody_and_says_so() {
    trusting("/nowhere.pem", "https::a_machine_without_authorities_trusts_nobody_and_says_so", async || {
        let repo = Repo::seeded();
        let tls = TlsServer::start(LOCALHOST, 1).await;
        let sentence = refusal(settings(&repo, tls.port, "repo.git")).await.sentence();
        assert!(
            sentence.contains(" is not trusted: this machine has no certificate authorities (")
                && sentence.contains("/nowhere.pem")
                && sentence.contains("point SSL_CERT_FILE to a file"),
            "{sentence}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_certificate_for_another_name_or_time_is_refused() {
    trusting(AUTHORITY, "https::a_certificate_for_another_name_or_time_is_refused", async || {
        let repo = Repo::seeded();
        let server = HttpServer::start(repo.root.path(), Some(LOGIN));
        let cases = [
            (
                ELSEWHERE,
                "certificate not valid for name \"localhost\"; certificate is only valid for DnsName(\"git.example\"); \
                 write the name that the certificate is for into `repo`, or give the server a certificate for this name",
            ),
            (
                EXPIRED,
                "it expired on 2025-01-01T00:00:00Z; \
                 renew the certificate on the server; if its dates are right, this machine's clock is wrong",
            ),
            // What `openssl req -x509` makes, unless told otherwise.
            (
                "tests/source/certificates/itself.pem",
                "CaUsedAsEndEntity; \
                 give the server a certificate for its name that a certificate authority has issued, not an authority's own",
            ),
        ];
        for (certificate, wanted) in cases {
            let tls = TlsServer::start(certificate, server.port).await;
            let error = refusal(settings(&repo, tls.port, "repo.git")).await;
            let prefix = format!("the TLS certificate of https://localhost:{}/repo.git is not trusted: ", tls.port);
            assert_eq!(error.sentence(), prefix + wanted);
        }
        assert_eq!(server.requests(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_closed_port_is_named() {
    trusting(AUTHORITY, "https::a_closed_port_is_named", async || {
        let repo = Repo::seeded();
        let port = TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap().port();
        let error = refusal(settings(&repo, port, "repo.git")).await;
        let sentence = format!(
            "https://localhost:{port}/repo.git cannot be reached: connecting to localhost:{port} failed: "
        );
        assert!(error.to_string().starts_with(&sentence), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_server_without_tls_is_named() {
    trusting(AUTHORITY, "https::a_server_without_tls_is_named", async || {
        let cases = [
            ("HTTP/1.1 400 Bad Request\r\n\r\n", "TLS with localhost:PORT failed: received corrupt message"),
            ("", "localhost:PORT closed the connection during the TLS handshake: "),
        ];
        for (answer, wanted) in cases {
            let repo = Repo::seeded();
            let port = answering(answer).await;
            let error = refusal(settings(&repo, port, "repo.git")).await;
            let wanted = format!("cannot be reached: {}", wanted.replace("PORT", &port.to_string()));
            assert!(error.to_string().contains(&wanted), "{error}");
            assert_eq!(error.category(), "unreachable");
        }
    })
    .await;
}

/// Lets `time` pass for the relay, and waits for libgit2's thread. If the last bytes reached the relay only after the clock
/// had moved, it moves once more.
async fn ended<T>(mut reading: JoinHandle<T>, time: Duration) -> T {
    loop {
        time::pause();
        time::advance(time).await;
        time::resume();
        if let Ok(ended) = time::timeout(Duration::from_secs(2), &mut reading).await {
            return ended.unwrap();
        }
    }
}

#[tokio::test]
async fn a_silent_server_is_given_up_and_read_again_when_it_speaks() {
    let name = "https::a_silent_server_is_given_up_and_read_again_when_it_speaks";
    trusting(AUTHORITY, name, async || {
        let cases = [
            (Stall::BeforeTls, 11, "did not end the TLS handshake within 10s"),
            (Stall::BeforeAnswer, 61, "sent nothing for 60s"),
            (Stall::InThePack, 61, "sent nothing for 60s"),
        ];
        for (stall, seconds, wanted) in cases {
            let repo = Repo::seeded();
            let server = HttpServer::start(repo.root.path(), Some(LOGIN));
            let tls = TlsServer::start(LOCALHOST, server.port).await;
            let mut source = source(&repo, tls.port);
            let good = source.sync(at(0), &applied(&[])).await.unwrap();
            let head = repo.commit("more", &[write("env/web.yml", &service("web", 2))]);

            tls.stall(Some(stall));
            let reading = tokio::spawn(async move {
                let read = source.sync(at(1), &applied(&[])).await;
                (source, read)
            });
            tls.stalled().await;
            let (mut source, read) = ended(reading, Duration::from_secs(seconds)).await;
            let snapshot = read.unwrap();
            let GitStanding::Stale(why) = snapshot.standing else { panic!("{:?}", snapshot.standing) };
            assert_eq!(snapshot.commit, good.commit);
            assert!(why.contains(&format!("cannot be reached: localhost:{} {wanted};", tls.port)), "{why}");

            tls.stall(None);
            let read = source.sync(at(2), &applied(&[])).await.unwrap();
            assert_eq!((read.commit, read.standing), (head, GitStanding::Fresh));
        }
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_breaks_in_the_pack_is_named() {
    trusting(AUTHORITY, "https::a_connection_that_breaks_in_the_pack_is_named", async || {
        let repo = Repo::seeded();
        let server = HttpServer::start(repo.root.path(), Some(LOGIN));
        let tls = TlsServer::start(LOCALHOST, server.port).await;
        tls.stall(Some(Stall::CutInThePack));
        let error = refusal(settings(&repo, tls.port, "repo.git")).await.to_string();
        let wanted = format!("cannot be reached: the connection to localhost:{} broke: ", tls.port);
        assert!(error.contains(&wanted), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_redirect_is_followed_on_the_same_server_only() {
    trusting(AUTHORITY, "https::a_redirect_is_followed_on_the_same_server_only", async || {
        let repo = Repo::seeded();
        let server = HttpServer::start(repo.root.path(), Some(LOGIN));
        // `old.git` has moved to `repo.git`, which is on the same server.
        let front = TlsServer::bind().await;
        let moved = redirect("/old.git", format!("https://localhost:{}/repo.git", front.port()), server.port).await;
        let tls = front.serve(LOCALHOST, moved);
        let mut source = GitSource::new(settings(&repo, tls.port, "old.git"));
        assert_eq!(source.sync(at(0), &applied(&[])).await.unwrap().parsed_files, 2);
        let head = repo.commit("more", &[write("env/web.yml", &service("web", 2))]);
        assert_eq!(source.sync(at(1), &applied(&[])).await.unwrap().commit, head);

        // Another server is not asked, not even without the token.
        let away = redirect("/repo.git", format!("https://localhost:{}/repo.git", tls.port), server.port).await;
        let elsewhere = TlsServer::start(LOCALHOST, away).await;
        let (requests, mirror) = (server.requests(), repo.root.path().join("other"));
        let error = refusal(GitSettings { mirror, ..settings(&repo, elsewhere.port, "repo.git") }).await;
        assert_eq!(
            error.sentence(),
            format!(
                "https://localhost:{}/repo.git redirects to https://localhost:{}/repo.git, where Bowline does not follow it; \
                 if the repository has moved, write its new address into `repo`: credentials are sent to that server only",
                elsewhere.port, tls.port
            )
        );
        assert_eq!((error.category(), server.requests() - requests), ("auth", 0));
    })
    .await;
}

#[tokio::test]
async fn a_large_pack_passes() {
    trusting(AUTHORITY, "https::a_large_pack_passes", async || {
        let repo = Repo::seeded();
        let server = HttpServer::start(repo.root.path(), Some(LOGIN));
        let tls = TlsServer::start(LOCALHOST, server.port).await;
        // Numbers that do not compress.
        let numbers =
            (0..2_000_000_u64).map(|count| count.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29));
        let noise: Vec<u8> = numbers.flat_map(|number| (number ^ (number >> 31)).to_le_bytes()).collect();
        let head = repo.commit("large", &[write("other/noise", &noise)]);
        let snapshot = source(&repo, tls.port).sync(at(0), &applied(&[])).await.unwrap();
        assert_eq!((snapshot.commit, snapshot.parsed_files), (head, 2));
        let packs = repo.mirror_files("objects/pack");
        let size: u64 = packs.iter().map(|pack| pack.metadata().unwrap().len()).sum();
        assert!(size > 10_000_000, "{size}");
    })
    .await;
}
