//! Over HTTP, with `git http-backend` at the other end.

use std::net::TcpListener;

use bowline::source::{GitAuth, GitSettings, GitSource, SourceError};
use bowline_core::policy::GitStanding;

use crate::http_server::HttpServer;
use crate::repo::{Repo, applied, at, service, write};

fn settings(repo: &Repo, url: String, auth: GitAuth) -> GitSettings {
    GitSettings { repo: url, auth, ..repo.settings() }
}

fn token(text: &str) -> GitAuth {
    GitAuth::Token(text.to_owned().into())
}

#[tokio::test]
async fn a_token_reads_and_fetches_what_is_new() {
    let repo = Repo::seeded();
    let server = HttpServer::start(repo.root.path(), Some("x-access-token:s3cret"));
    let mut source = GitSource::new(settings(&repo, server.url("repo.git"), token("s3cret")));
    let first = source.sync(at(0), &applied(&[])).await.unwrap();
    assert_eq!((first.parsed_files, first.state.services.len()), (2, 1));

    for count in 0..3 {
        let head = repo.commit("more", &[write("env/web.yml", &service("web", 10 + count))]);
        assert_eq!(source.head().await.unwrap(), head);
        let snapshot = source.sync(at(1), &applied(&[&first.commit])).await.unwrap();
        assert_eq!(
            (snapshot.commit, snapshot.parsed_files, snapshot.standing),
            (head, 1, GitStanding::Fresh)
        );
    }
    assert_eq!(server.refused(), 0);
}

#[tokio::test]
async fn an_unchanged_head_costs_one_question_and_no_fetch() {
    let repo = Repo::seeded();
    let server = HttpServer::start(repo.root.path(), None);
    let mut source = GitSource::new(settings(&repo, server.url("repo.git"), GitAuth::None));
    source.sync(at(0), &applied(&[])).await.unwrap();
    let before = server.requests();
    source.sync(at(1), &applied(&[])).await.unwrap();
    source.head().await.unwrap();
    assert_eq!(server.requests() - before, 2);
}

#[tokio::test]
async fn a_user_in_the_address_goes_with_the_token() {
    let repo = Repo::seeded();
    let server = HttpServer::start(repo.root.path(), Some("oauth2:s3cret"));
    let url = server.url("repo.git").replace("http://", "http://oauth2@");
    let mut source = GitSource::new(settings(&repo, url, token("s3cret")));
    assert_eq!(source.sync(at(0), &applied(&[])).await.unwrap().parsed_files, 2);
}

#[tokio::test]
async fn a_wrong_token_is_offered_once_and_an_absent_one_is_named() {
    let repo = Repo::seeded();
    let server = HttpServer::start(repo.root.path(), Some("x-access-token:s3cret"));
    let mut wrong = GitSource::new(settings(&repo, server.url("repo.git"), token("wr0ng")));
    let error = wrong.sync(at(0), &applied(&[])).await.unwrap_err();
    assert!(matches!(error, SourceError::AuthRejected { configured: "token", .. }), "{error:?}");
    assert_eq!(server.refused(), 1);
    assert!(!error.sentence().contains("wr0ng"));
    assert_eq!(wrong.head().await.unwrap_err().category(), "auth");
    assert_eq!(server.refused(), 2);

    let mut absent = GitSource::new(settings(&repo, server.url("repo.git"), GitAuth::None));
    let error = absent.sync(at(0), &applied(&[])).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{} asks for a token, and `auth` is not set", server.url("repo.git"))
    );
}

#[tokio::test]
async fn an_expired_token_leaves_the_last_good_commit() {
    let repo = Repo::seeded();
    let server = HttpServer::start(repo.root.path(), Some("x-access-token:s3cret"));
    GitSource::new(settings(&repo, server.url("repo.git"), token("s3cret")))
        .sync(at(0), &applied(&[]))
        .await
        .unwrap();
    let mut source = GitSource::new(settings(&repo, server.url("repo.git"), token("expired")));
    let snapshot = source.sync(at(200), &applied(&[])).await.unwrap();
    let GitStanding::Stale(sentence) = snapshot.standing else { panic!("{:?}", snapshot.standing) };
    assert!(
        sentence.contains("was last read 3h ago:") && sentence.contains("refused the token"),
        "{sentence}"
    );
}

#[tokio::test]
async fn a_missing_repository_and_a_closed_port_are_told_apart() {
    let repo = Repo::seeded();
    let server = HttpServer::start(repo.root.path(), None);
    let mut missing = GitSource::new(settings(&repo, server.url("nothing.git"), GitAuth::None));
    assert_eq!(missing.sync(at(0), &applied(&[])).await.unwrap_err().category(), "not-found");

    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}/repo.git");
    let mut closed = GitSource::new(settings(&repo, url.clone(), GitAuth::None));
    let error = closed.sync(at(0), &applied(&[])).await.unwrap_err();
    let sentence =
        format!("{url} cannot be reached: connecting to 127.0.0.1:{port} failed: Connection refused");
    assert!(error.to_string().starts_with(&sentence), "{error}");
}

#[tokio::test]
async fn an_empty_repository_is_refused() {
    let repo = Repo::new();
    let server = HttpServer::start(repo.root.path(), None);
    let error = GitSource::new(settings(&repo, server.url("repo.git"), GitAuth::None))
        .sync(at(0), &applied(&[]))
        .await
        .unwrap_err();
    assert!(matches!(error, SourceError::EmptyRepository { .. }), "{error:?}");
}
