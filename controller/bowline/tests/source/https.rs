//! Over TLS, with the certificate checked against the system's authorities.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use bowline::source::{GitAuth, GitSettings, GitSource, SourceError};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::http_server::HttpServer;
use crate::repo::{Repo, applied, at, service, write};

/// A certificate for `localhost` that signs itself, and its key: good for nothing but these tests.
const CERTIFICATE: &str = "tests/source/localhost.pem";

/// TLS on a port of its own in front of `behind`.
async fn tls(behind: u16) -> u16 {
    let certificate = CertificateDer::from_pem_file(CERTIFICATE).unwrap();
    let key = PrivateKeyDer::from_pem_file(CERTIFICATE).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut front = acceptor.accept(stream).await?;
                let mut back = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], behind))).await?;
                tokio::io::copy_bidirectional(&mut front, &mut back).await
            });
        }
    });
    port
}

fn settings(repo: &Repo, port: u16) -> GitSettings {
    let auth = GitAuth::Token("s3cret".to_owned().into());
    GitSettings { repo: format!("https://localhost:{port}/repo.git"), auth, ..repo.settings() }
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let repo = Repo::seeded();
    let server = HttpServer::start(repo.root.path(), Some("x-access-token:s3cret"));
    let port = tls(server.port).await;
    let error = GitSource::new(settings(&repo, port)).sync(at(0), &applied(&[])).await.unwrap_err();
    assert!(matches!(error, SourceError::Certificate { .. }), "{error:?}");
    assert_eq!((error.category(), server.requests()), ("certificate", 0));
}

/// OpenSSL takes its authorities from the environment once, so the second half runs in a process of its own.
#[tokio::test]
async fn a_trusted_server_is_read_with_a_token() {
    const NAME: &str = "https::a_trusted_server_is_read_with_a_token";
    if std::env::var_os("SSL_CERT_FILE").is_none_or(|file| Path::new(&file) != Path::new(CERTIFICATE)) {
        let again = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", NAME])
            .env("SSL_CERT_FILE", CERTIFICATE)
            .output()
            .unwrap();
        assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stdout));
        assert!(String::from_utf8_lossy(&again.stdout).contains("1 passed"));
        return;
    }
    let repo = Repo::seeded();
    let server = HttpServer::start(repo.root.path(), Some("x-access-token:s3cret"));
    let port = tls(server.port).await;
    let mut source = GitSource::new(settings(&repo, port));
    let first = source.sync(at(0), &applied(&[])).await.unwrap();
    let head = repo.commit("more", &[write("env/web.yml", &service("web", 2))]);
    assert_eq!(source.head().await.unwrap(), head);
    let second = source.sync(at(1), &applied(&[&first.commit])).await.unwrap();
    assert_eq!((second.commit, second.parsed_files), (head, 1));

    // A redirect to another server is not given the token.
    let elsewhere = tls(redirect(format!("https://localhost:{port}")).await).await;
    let (requests, mirror) = (server.requests(), repo.root.path().join("other"));
    let error = GitSource::new(GitSettings { mirror, ..settings(&repo, elsewhere) })
        .sync(at(0), &applied(&[]))
        .await
        .unwrap_err();
    assert!(matches!(error, SourceError::Redirected { .. }), "{error:?}");
    assert_eq!(server.requests() - requests, 1);
}

/// A server that leads every request to `to`.
async fn redirect(to: String) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream = BufReader::new(stream);
            let mut first = String::new();
            stream.read_line(&mut first).await.unwrap();
            let path = first.split(' ').nth(1).unwrap();
            let answer = format!(
                "HTTP/1.1 301 Moved\r\nLocation: {to}{path}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
            while stream.read_line(&mut first).await.is_ok_and(|count| count > 2) {}
        }
    });
    port
}

#[tokio::test]
async fn a_closed_port_is_named() {
    let repo = Repo::seeded();
    let port = TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap().port();
    let error = GitSource::new(settings(&repo, port)).sync(at(0), &applied(&[])).await.unwrap_err();
    let sentence = format!(
        "https://localhost:{port}/repo.git cannot be reached: connecting to localhost:{port} failed: "
    );
    assert!(error.to_string().starts_with(&sentence), "{error}");
}
