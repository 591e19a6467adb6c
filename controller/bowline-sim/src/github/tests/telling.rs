//! What hooks are told, and what git says over HTTP.

use std::process::{Command, Output};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::{REPOSITORY, Site};
use crate::{Permissions, Protection, Webhook};

/// Receives one webhook: the event's name, its id, and the body.
async fn receive(listener: &TcpListener) -> (String, String, Value) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut text = Vec::new();
    loop {
        stream.read_buf(&mut text).await.unwrap();
        let so_far = String::from_utf8_lossy(&text);
        let Some((head, body)) = so_far.split_once("\r\n\r\n") else { continue };
        let head = head.to_lowercase();
        let header = |name: &str| {
            let line = head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
            line.unwrap_or_default().to_owned()
        };
        if body.len() < header("content-length").parse().unwrap() {
            continue;
        }
        let got =
            (header("x-github-event"), header("x-github-delivery"), serde_json::from_str(body).unwrap());
        stream.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        return got;
    }
}

async fn hooked() -> (Site, TcpListener) {
    let site = Site::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let webhook = Webhook {
        url: format!("http://{}/webhooks/github", listener.local_addr().unwrap()),
        secret: "hush".to_owned(),
        events: vec!["push".to_owned(), "pull_request".to_owned()],
    };
    site.github.add_webhook(REPOSITORY, webhook).unwrap();
    let (event, _, body) = receive(&listener).await;
    assert_eq!((event.as_str(), &body["hook"]["events"]), ("ping", &json!(["push", "pull_request"])));
    (site, listener)
}

#[tokio::test]
async fn a_merge_is_told_as_a_pull_request_and_a_push() {
    let (site, listener) = hooked().await;
    let number = site.open("change").await;
    let (event, _, body) = receive(&listener).await;
    assert_eq!(
        (event.as_str(), &body["action"], &body["number"]),
        ("pull_request", &json!("opened"), &json!(1))
    );
    let before = site.tip("main");
    site.call(&format!("PUT /pulls/{number}/merge"), json!({})).await;
    let (event, _, body) = receive(&listener).await;
    assert_eq!(
        (event.as_str(), &body["action"], &body["pull_request"]["merged"], &body["sender"]["login"]),
        ("pull_request", &json!("closed"), &json!(true), &json!("ada"))
    );
    let (event, _, body) = receive(&listener).await;
    let ids: Vec<&str> =
        body["commits"].as_array().unwrap().iter().map(|commit| commit["id"].as_str().unwrap()).collect();
    let log = site.git(&["rev-list", "--reverse", "--topo-order", &format!("{before}..main")]);
    assert_eq!(event, "push");
    assert_eq!(
        (&body["ref"], &body["before"], &body["after"], &body["forced"]),
        (&json!("refs/heads/main"), &json!(before), &json!(site.tip("main")), &json!(false))
    );
    assert_eq!(ids, log.lines().collect::<Vec<_>>());
    assert_eq!(body["commits"][0]["added"], json!(["b.txt"]));
}

#[tokio::test]
async fn nothing_is_sent_twice_but_when_asked_for() {
    let (site, listener) = hooked().await;
    site.commit("main", Some("main"), "by path", &[("d.txt", "d\n")]);
    site.github.notice("bob");
    let (event, guid, body) = receive(&listener).await;
    assert_eq!((event.as_str(), &body["pusher"]["name"]), ("push", &json!("bob")));
    site.github.notice("bob");
    site.github.redeliver(&guid).unwrap();
    let again = receive(&listener).await;
    assert_eq!(again, (event, guid.clone(), body));
    let of_push = site.github.deliveries(REPOSITORY).unwrap();
    let of_push: Vec<bool> =
        of_push.iter().filter(|sent| sent.guid == guid).map(|sent| sent.redelivery).collect();
    assert_eq!(of_push, [false, true]);
    assert!(site.github.redeliver("nothing").is_err());
}

#[tokio::test]
async fn a_push_to_the_head_and_its_deletion_are_told() {
    let (site, listener) = hooked().await;
    let number = site.open("change").await;
    receive(&listener).await;
    let before = site.tip("change");
    let after = site.commit("change", Some("change"), "fourth", &[("e.txt", "e\n")]);
    site.github.notice("bob");
    assert_eq!(receive(&listener).await.0, "push");
    let (_, _, body) = receive(&listener).await;
    assert_eq!(
        (&body["action"], &body["before"], &body["after"]),
        (&json!("synchronize"), &json!(before), &json!(after))
    );
    site.call("DELETE /git/refs/heads/change", Value::Null).await;
    let (_, _, body) = receive(&listener).await;
    assert_eq!((&body["deleted"], &body["after"]), (&json!(true), &json!("0".repeat(40))));
    assert_eq!(receive(&listener).await.2["action"], "closed");
    let pull = site.get(&format!("/pulls/{number}")).await.body;
    assert_eq!((&pull["state"], &pull["merged"]), (&json!("closed"), &json!(false)));
    let reopened = site.call(&format!("PATCH /pulls/{number}"), json!({"state": "open"})).await;
    assert_eq!(reopened.status, 422);
}

/// Git, as somebody with this token has it.
async fn git(site: &Site, token: &str, folder: &std::path::Path, arguments: &str) -> Output {
    let url = site.github.git_url(REPOSITORY);
    let url = url.replace("http://", &format!("http://x-access-token:{token}@"));
    let script = arguments.replace("URL", &url);
    let folder = folder.to_owned();
    let run = move || {
        Command::new("sh")
            .args(["-euc", &script])
            .current_dir(&folder)
            .env("HOME", &folder)
            .env("GIT_TERMINAL_PROMPT", "0")
            .envs([("GIT_AUTHOR_NAME", "Ada"), ("GIT_AUTHOR_EMAIL", "ada@example.com")])
            .envs([("GIT_COMMITTER_NAME", "Ada"), ("GIT_COMMITTER_EMAIL", "ada@example.com")])
            .output()
            .unwrap()
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

#[tokio::test]
async fn git_clones_and_pushes_with_a_token_and_not_without() {
    let site = Site::new().await;
    let folder = tempfile::tempdir().unwrap();
    let ok = git(&site, &site.ada, folder.path(), "git clone -q URL . && git log --format=%s").await;
    assert_eq!(String::from_utf8_lossy(&ok.stdout), "first\n", "{ok:?}");
    let push = "echo new > new.txt && git add . && git commit -qm pushed && git push -q origin HEAD:refs/heads/pushed";
    let pushed = git(&site, &site.ada, folder.path(), push).await;
    assert!(pushed.status.success(), "{pushed:?}");
    assert_eq!(site.git(&["log", "-1", "--format=%s", "pushed"]), "pushed");
    let fails = async |token: &str, line: &str, message: &str| {
        let output = git(&site, token, folder.path(), line).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(message), "{said}");
    };
    fails("wrong", "git ls-remote URL", "Authentication failed").await;
    let reader = Permissions::default().read("metadata").read("contents");
    let reader = site.github.create_token("eve", reader).unwrap();
    fails(&reader, "git push -q URL HEAD:refs/heads/eve", "403").await;
    let blind = site.github.create_token("mallory", Permissions::default().read("metadata")).unwrap();
    fails(&blind, "git ls-remote URL", "not found").await;
}

#[tokio::test]
async fn a_push_to_a_protected_branch_is_refused_until_its_check_has_passed() {
    let site = Site::new().await;
    let rules = Protection { required_checks: vec!["ci".to_owned()], ..Protection::default() };
    site.github.protect(REPOSITORY, "main", Some(rules)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let push = "git clone -q URL . 2>/dev/null || true; git push -q origin origin/change:main";
    let refused = git(&site, &site.ada, folder.path(), push).await;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("GH006: Protected branch update failed for refs/heads/main."), "{said}");
    assert!(said.contains("Required status check \"ci\" is expected."), "{said}");
    site.status("change", "ci", "success").await;
    let pushed = git(&site, &site.ada, folder.path(), push).await;
    assert!(pushed.status.success(), "{pushed:?}");
    assert_eq!(site.tip("main"), site.tip("change"));
    let back = "git push -q --force origin origin/change~1:main";
    site.call(
        &format!("POST /statuses/{}", site.git(&["rev-parse", "change~1"])),
        json!({"state": "success", "context": "ci"}),
    )
    .await;
    let refused = git(&site, &site.ada, folder.path(), back).await;
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("Cannot force-push to this branch"),
        "{refused:?}"
    );
}
