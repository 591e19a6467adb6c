//! Over the wire: by hand what must be refused, and by the simulated GitHub what is GitHub's own.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::SocketAddr;

use bowline_sim::{GitHub as Simulated, GitHubConfig, Permissions, RepositorySettings, Webhook as Hook};
use secrecy::SecretString;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;

use super::*;
use crate::clock::Clock;
use crate::source::github::{Credential, GitHubAuth, GitHubSettings, RepositoryName};

const SECRET: &str = "correct horse battery staple";

struct Running {
    address: SocketAddr,
    wakes: mpsc::Receiver<()>,
    previews: Arc<Notify>,
    rollbacks: mpsc::Receiver<u64>,
    shutdown: CancellationToken,
}

async fn start(repository: &str) -> Running {
    let settings = GitHubSettings {
        base_url: "http://127.0.0.1:9".to_owned(),
        repository: RepositoryName::parse(repository).unwrap(),
        auth: GitHubAuth::Token(Credential::Value(SecretString::from("unused".to_owned()))),
        labels: BTreeSet::new(),
        reviewers: BTreeSet::new(),
    };
    let previews = Arc::new(Notify::new());
    let (git, wakes) = GitHandle::without_owner();
    let (touched, rollbacks) = mpsc::channel(8);
    let webhook = Webhook {
        secret: WebhookSecret::new(&SecretString::from(SECRET.to_owned())).unwrap(),
        github: Arc::new(GitHub::new(settings, Clock::real())),
        reference: "main".to_owned(),
        git,
        previews: Arc::clone(&previews),
        rollbacks: touched,
        received: Received::default(),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    tokio::spawn(serve(listener, webhook, shutdown.clone()));
    Running { address, wakes, previews, rollbacks, shutdown }
}

fn sign(body: &[u8]) -> String {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, SECRET.as_bytes());
    let tag = ring::hmac::sign(&key, body);
    tag.as_ref().iter().fold("sha256=".to_owned(), |digits, byte| format!("{digits}{byte:02x}"))
}

/// The headers of a delivery that is as it should be, changed by `change` (no value: left out).
fn headers<'a>(
    signature: &'a str,
    id: &'a str,
    change: (&'a str, Option<&'a str>),
) -> Vec<(&'a str, &'a str)> {
    let usual = [
        ("content-type", "application/json"),
        ("x-github-event", "push"),
        ("x-github-delivery", id),
        ("x-hub-signature-256", signature),
    ];
    let kept = usual.into_iter().filter(|(name, _)| *name != change.0);
    kept.chain(change.1.map(|value| (change.0, value))).collect()
}

fn push(branch: &str) -> Vec<u8> {
    let repository = json!({"full_name": "acme/infra", "default_branch": "main"});
    json!({"ref": format!("refs/heads/{branch}"), "repository": repository}).to_string().into_bytes()
}

impl Running {
    async fn send(&self, line: &str, headers: &[(&str, &str)], body: &[u8]) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let mut request = format!("{line} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            let _ = write!(request, "{name}: {value}\r\n");
        }
        stream.write_all(format!("{request}\r\n").as_bytes()).await.unwrap();
        stream.write_all(body).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, text) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), text.to_owned())
    }

    async fn post(&self, headers: &[(&str, &str)], body: &[u8]) -> (u16, String) {
        self.send("POST /webhooks/github", headers, body).await
    }

    /// How often git was to be read since the last question.
    fn woke(&mut self) -> usize {
        std::iter::from_fn(|| self.wakes.try_recv().ok()).count()
    }
}

#[tokio::test]
async fn what_is_not_signed_with_the_secret_is_refused_and_says_nothing_about_why() {
    let mut running = start("acme/infra").await;
    let body = push("main");
    let good = sign(&body);
    let of_another = sign(b"{}");
    let refused = (401, "refused\n".to_owned());
    let name = "x-hub-signature-256";
    for value in [None, Some(""), Some("sha256="), Some("sha256=00"), Some(&*of_another), Some(&good[7..])] {
        let headers = headers(&good, "1", (name, value));
        assert_eq!(running.post(&headers, &body).await, refused, "{value:?}");
    }
    // Whatever else is wrong with it, the signature is looked at first.
    let not_json = headers("sha256=00", "1", ("content-type", Some("text/plain")));
    assert_eq!(running.post(&not_json, b"\xff").await, refused);
    assert_eq!(running.woke(), 0);
    // None of them was remembered.
    assert_eq!(running.post(&headers(&good, "1", ("", None)), &body).await, (202, "looking\n".to_owned()));
    assert_eq!(running.woke(), 1);
    running.shutdown.cancel();
}

#[tokio::test]
async fn what_is_too_large_or_not_githubs_is_refused() {
    let mut running = start("acme/infra").await;
    let large = vec![b' '; LARGEST + 1];
    assert_eq!(running.post(&headers(&sign(&large), "1", ("", None)), &large).await.0, 413);
    let most = vec![b' '; LARGEST];
    assert_eq!(
        running.post(&headers(&sign(&most), "1", ("", None)), &most).await.0,
        400,
        "no JSON, but not too large"
    );
    let body = push("main");
    let signature = sign(&body);
    let form = ("content-type", Some("application/x-www-form-urlencoded"));
    assert_eq!(running.post(&headers(&signature, "1", form), &body).await.0, 415);
    for missing in ["x-github-event", "x-github-delivery"] {
        assert_eq!(running.post(&headers(&signature, "1", (missing, None)), &body).await.0, 400, "{missing}");
    }
    assert_eq!(running.send("GET /webhooks/github", &[], b"").await.0, 405);
    assert_eq!(running.send("POST /metrics", &[], b"").await.0, 404);
    assert_eq!(running.woke(), 0);
}

#[tokio::test]
async fn a_delivery_counts_once_and_only_for_what_is_watched() {
    let mut running = start("acme/infra").await;
    let body = push("main");
    let signature = sign(&body);
    let once = headers(&signature, "1", ("", None));
    assert_eq!(running.post(&once, &body).await, (202, "looking\n".to_owned()));
    assert_eq!(running.post(&once, &body).await, (200, "known already\n".to_owned()));
    let other = push("topic");
    let signature = sign(&other);
    assert_eq!(
        running.post(&headers(&signature, "2", ("", None)), &other).await,
        (200, "not watched\n".to_owned())
    );
    assert_eq!(running.woke(), 1);
}

#[test]
fn only_the_newest_ids_are_remembered() {
    let mut deliveries = Deliveries::default();
    assert!((0..=REMEMBERED).all(|id| deliveries.note(&id.to_string())));
    assert!(!deliveries.note("1"));
    assert!(deliveries.note("0"), "it was the oldest, and is forgotten");
    assert_eq!((deliveries.known.len(), deliveries.order.len()), (REMEMBERED, REMEMBERED));
}

#[tokio::test(start_paused = true)]
async fn who_does_not_go_on_is_cut_off() {
    let running = start("acme/infra").await;
    let begun = Instant::now();
    let mut silent = TcpStream::connect(running.address).await.unwrap();
    let mut slow = TcpStream::connect(running.address).await.unwrap();
    slow.write_all(b"POST /webhooks/github HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\n{").await.unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    let mut nothing = Vec::new();
    silent.read_to_end(&mut nothing).await.unwrap();
    assert_eq!(nothing, b"");
    assert!(begun.elapsed() <= PATIENCE * 2 + Duration::from_secs(1));
}

/// GitHub's deliveries, once all were answered: the event, and the answer.
async fn delivered(github: &Simulated, count: usize) -> Vec<(String, u16)> {
    let begun = std::time::Instant::now();
    loop {
        let deliveries = github.deliveries("acme/infra").unwrap();
        let ended: Vec<(String, u16)> =
            deliveries.into_iter().filter_map(|one| Some((one.event, one.status?))).collect();
        if ended.len() >= count {
            return ended;
        }
        assert!(begun.elapsed() < Duration::from_mins(1), "only {ended:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_github_sends_wakes_and_what_it_sends_again_does_nothing() {
    let mut running = start("acme/infra").await;
    let github = Simulated::start(GitHubConfig::default()).await.unwrap();
    let path = github.create_repository("acme/infra", RepositorySettings::default()).unwrap();
    let url = format!("http://{}{PATH}", running.address);
    let hook = |secret: &str| Hook {
        url: url.clone(),
        secret: secret.to_owned(),
        events: vec!["push".to_owned(), "pull_request".to_owned()],
    };
    github.add_webhook("acme/infra", hook(SECRET)).unwrap();
    commit(&path, "main", None);
    github.notice("ada");
    let event = |name: &str, status| (name.to_owned(), status);
    let mut expected = vec![event("ping", 200), event("push", 202)];
    assert_eq!(delivered(&github, 2).await, expected);
    assert_eq!(running.woke(), 1);

    commit(&path, "topic", Some("main"));
    github.notice("ada");
    expected.push(event("push", 200));
    assert_eq!(delivered(&github, 3).await, expected);
    assert_eq!(running.woke(), 0, "another branch");

    let token = github.create_token("ada", Permissions::owner()).unwrap();
    let ada = GitHub::new(
        GitHubSettings {
            base_url: github.url(),
            repository: RepositoryName::parse("acme/infra").unwrap(),
            auth: GitHubAuth::Token(Credential::Value(token.into())),
            labels: BTreeSet::new(),
            reviewers: BTreeSet::new(),
        },
        Clock::real(),
    );
    let new = crate::source::github::NewPull {
        title: "Topic".to_owned(),
        body: String::new(),
        head: "topic".to_owned(),
        base: "main".to_owned(),
    };
    ada.open_pull(&new).await.unwrap();
    expected.push(event("pull_request", 202));
    assert_eq!(delivered(&github, 4).await, expected);
    assert_eq!(running.woke(), 0, "git has nothing new");
    running.previews.notified().await;
    assert_eq!(running.rollbacks.recv().await, Some(1), "which one it is about");

    let again = github.deliveries("acme/infra").unwrap().pop().unwrap();
    github.redeliver(&again.guid).unwrap();
    expected.push(event("pull_request", 200));
    assert_eq!(delivered(&github, 5).await, expected);
    assert_eq!(running.woke(), 0, "it was here before");

    let before = github.deliveries("acme/infra").unwrap().len();
    github.add_webhook("acme/infra", hook("another secret")).unwrap();
    let last = delivered(&github, before + 1).await.pop();
    assert_eq!(last, Some(event("ping", 401)));
}

fn commit(path: &std::path::Path, branch: &str, onto: Option<&str>) {
    let git = git2::Repository::open_bare(path).unwrap();
    let parent =
        onto.map(|name| git.find_reference(&format!("refs/heads/{name}")).unwrap().peel_to_commit().unwrap());
    let mut tree = git.treebuilder(None).unwrap();
    tree.insert("file", git.blob(branch.as_bytes()).unwrap(), 0o100_644).unwrap();
    let tree = git.find_tree(tree.write().unwrap()).unwrap();
    let who = git2::Signature::new("Ada", "ada@example.com", &git2::Time::new(1_760_000_000, 0)).unwrap();
    let parents: Vec<_> = parent.iter().collect();
    let id = git.commit(None, &who, &who, branch, &tree, &parents).unwrap();
    git.reference(&format!("refs/heads/{branch}"), id, true, "test").unwrap();
}
