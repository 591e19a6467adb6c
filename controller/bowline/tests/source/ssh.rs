//! Over SSH, with OpenSSH's sshd at the other end. These fail, and say so, where sshd is not installed.

use std::fs;
use std::path::PathBuf;

use bowline::source::{GitAuth, GitSettings, GitSource, SourceError};
use bowline_core::policy::GitStanding;

use crate::repo::{Repo, applied, at, service, write};
use crate::sshd::Sshd;

fn settings(repo: &Repo, sshd: &Sshd, key: &str, known_hosts: PathBuf) -> GitSettings {
    GitSettings {
        repo: format!("ssh://{}@127.0.0.1:{}{}", sshd.user, sshd.port, repo.path().display()),
        auth: GitAuth::SshKey { private_key: sshd.key(key), public_key: None, passphrase: None, known_hosts },
        ..repo.settings()
    }
}

#[tokio::test]
async fn a_known_host_and_a_key_read_and_fetch() {
    let (repo, sshd) = (Repo::seeded(), Sshd::start());
    for hashed in [false, true] {
        let mut source =
            GitSource::new(settings(&repo, &sshd, "client", sshd.known_hosts("host.pub", hashed)));
        let first = source.sync(at(0), &applied(&[])).await.unwrap();
        assert_eq!(first.state.services.len(), 1);
        let head = repo.commit("more", &[write("env/web.yml", &service("web", if hashed { 5 } else { 6 }))]);
        assert_eq!(source.head().await.unwrap(), head);
        let snapshot = source.sync(at(1), &applied(&[&first.commit])).await.unwrap();
        assert_eq!(
            (snapshot.commit, snapshot.parsed_files, snapshot.standing),
            (head, 1, GitStanding::Fresh)
        );
    }
}

#[tokio::test]
async fn a_key_with_a_passphrase_is_opened() {
    let (repo, sshd) = (Repo::seeded(), Sshd::start());
    let with = |passphrase: &str| {
        let mut settings = settings(&repo, &sshd, "locked", sshd.known_hosts("host.pub", false));
        let GitAuth::SshKey { passphrase: wanted, .. } = &mut settings.auth else { unreachable!() };
        *wanted = Some(passphrase.to_owned().into());
        GitSource::new(settings)
    };
    let error = with("open barley").sync(at(0), &applied(&[])).await.unwrap_err();
    assert_eq!(error.category(), "auth", "{error:?}");
    assert_eq!(with("open sesame").sync(at(0), &applied(&[])).await.unwrap().parsed_files, 2);
}

#[tokio::test]
async fn an_unknown_host_is_refused_with_the_way_out() {
    let (repo, sshd) = (Repo::seeded(), Sshd::start());
    let nobody = sshd.key("nobody");
    fs::write(&nobody, "").unwrap();
    let error = GitSource::new(settings(&repo, &sshd, "client", nobody.clone()))
        .sync(at(0), &applied(&[]))
        .await
        .unwrap_err();
    let SourceError::HostUnknown { key, .. } = &error else { panic!("{error:?}") };
    assert_eq!(
        (key.host.as_str(), key.key_type),
        (format!("[127.0.0.1]:{}", sshd.port).as_str(), "ssh-ed25519")
    );
    let way_out = format!("ssh-keyscan -p {} -t ed25519 127.0.0.1 >> {}", sshd.port, nobody.display());
    assert!(error.hint().ends_with(&way_out), "{}", error.hint());
}

#[tokio::test]
async fn another_key_than_the_known_one_is_refused() {
    let (repo, sshd) = (Repo::seeded(), Sshd::start());
    let known = sshd.known_hosts("stranger.pub", false);
    let mut source = GitSource::new(settings(&repo, &sshd, "client", known));
    let error = source.sync(at(0), &applied(&[])).await.unwrap_err();
    assert!(matches!(error, SourceError::HostChanged { line: 2, .. }), "{error:?}");
    assert_eq!(error.category(), "host-key");
}

#[tokio::test]
async fn a_key_that_the_server_does_not_know_is_offered_once() {
    let (repo, sshd) = (Repo::seeded(), Sshd::start());
    let known = sshd.known_hosts("host.pub", false);
    let error = GitSource::new(settings(&repo, &sshd, "stranger", known.clone()))
        .sync(at(0), &applied(&[]))
        .await
        .unwrap_err();
    assert!(matches!(error, SourceError::AuthRejected { configured: "SSH key", .. }), "{error:?}");

    let error =
        GitSource::new(settings(&repo, &sshd, "absent", known)).sync(at(0), &applied(&[])).await.unwrap_err();
    assert!(error.to_string().starts_with("the private key "), "{error}");

    let mut none = settings(&repo, &sshd, "client", sshd.key("nowhere"));
    none.auth = GitAuth::None;
    assert_eq!(GitSource::new(none).sync(at(0), &applied(&[])).await.unwrap_err().category(), "auth");
}

#[tokio::test]
async fn a_missing_repository_is_named() {
    let (repo, sshd) = (Repo::seeded(), Sshd::start());
    let mut settings = settings(&repo, &sshd, "client", sshd.known_hosts("host.pub", false));
    settings.repo += "-not-there";
    let error = GitSource::new(settings).sync(at(0), &applied(&[])).await.unwrap_err();
    assert_eq!(error.category(), "not-found", "{error:?}");
}
