//! Who may do what, how refusals are worded, limits, redirects and caching.

use std::time::Duration;

use serde_json::{Value, json};

use super::{REPOSITORY, Site};
use crate::{Fault, FaultRule, GitHub, GitHubConfig, Permissions, RepositorySettings};

#[tokio::test]
async fn nobody_and_the_wrong_one_are_told_apart_as_github_does() {
    let site = Site::new().await;
    let anonymous = site.send("GET /pulls", &[], &Value::Null).await;
    assert_eq!((anonymous.status, anonymous.message()), (404, "Not Found"));
    let wrong = site.call_as("ghs_wrong", "GET /pulls", Value::Null).await;
    assert_eq!(
        wrong.body,
        json!({
            "message": "Bad credentials", "documentation_url": "https://docs.github.com/rest", "status": "401",
        })
    );
    site.github.revoke_token(&site.ada);
    assert_eq!(site.get("/pulls").await.status, 401);
    let reader = Permissions::default().read("metadata").read("contents").read("pull_requests");
    let reader = site.github.create_token("eve", reader).unwrap();
    let body = json!({"title": "x", "head": "change", "base": "main"});
    let denied = site.call_as(&reader, "POST /pulls", body).await;
    assert_eq!(
        (denied.status, denied.message(), denied.header("x-accepted-github-permissions")),
        (403, "Resource not accessible by personal access token", "pull_requests=write")
    );
    assert_eq!(site.call_as(&reader, "GET /pulls", Value::Null).await.body, json!([]));
}

#[tokio::test]
async fn what_does_not_exist_is_not_found_and_recorded() {
    let site = Site::new().await;
    for path in ["GET /pulls/7", "GET /git/ref/heads/none", "GET /nothing/at/all", "GET //repos/acme/none"] {
        let reply = site.call(path, Value::Null).await;
        assert_eq!((reply.status, reply.message()), (404, "Not Found"), "{path}");
    }
    let calls: Vec<(String, String, u16)> =
        site.github.calls().into_iter().map(|call| (call.operation, call.account, call.status)).collect();
    let call = |name: &str| (name.to_owned(), "ada".to_owned(), 404);
    assert_eq!(
        calls,
        [
            call("GET /repos/{owner}/{repo}/pulls/{pull_number}"),
            call("GET /repos/{owner}/{repo}/git/ref/{ref}"),
            call("GET /repos/acme/infra/nothing/at/all"),
            call("GET /repos/{owner}/{repo}"),
        ]
    );
}

#[tokio::test]
async fn a_pull_request_that_cannot_be_is_refused_with_the_reason() {
    let site = Site::new().await;
    let open = async |head: &str, base: &str| {
        let reply = site.call("POST /pulls", json!({"title": "x", "head": head, "base": base})).await;
        assert_eq!((reply.status, reply.message()), (422, "Validation Failed"));
        reply.body["errors"].clone()
    };
    assert_eq!(
        open("none", "main").await,
        json!([{"resource": "PullRequest", "field": "head", "code": "invalid"}])
    );
    let none = "No commits between change and main";
    assert_eq!(
        open("main", "change").await,
        json!([{"resource": "PullRequest", "code": "custom", "message": none}])
    );
    site.open("change").await;
    let double = "A pull request already exists for acme:change.";
    assert_eq!(
        open("acme:change", "main").await,
        json!([{"resource": "PullRequest", "code": "custom", "message": double}])
    );
    let missing = site.call("POST /pulls", json!({"title": "x", "base": "main"})).await;
    assert_eq!((missing.status, missing.message()), (422, "Invalid request.\n\n\"head\" wasn't supplied."));
    let unreadable = site.call("POST /pulls", json!("x")).await;
    assert_eq!(unreadable.message(), "Body should be a JSON object");
}

#[tokio::test]
async fn pull_requests_are_found_by_head_and_state() {
    let site = Site::new().await;
    let number = site.open("change").await;
    let found = async |query: &str| {
        let all = site.get(&format!("/pulls?{query}")).await.body;
        let numbers = all.as_array().unwrap().iter().map(|pull| pull["number"].as_u64().unwrap());
        numbers.collect::<Vec<_>>()
    };
    assert_eq!(found("head=acme:change").await, [number]);
    assert_eq!(found("head=acme:other").await, [0; 0]);
    // GitHub's trap: without the owner it lists everything.
    assert_eq!(found("head=other").await, [number]);
    let closed = site.call(&format!("PATCH /pulls/{number}"), json!({"state": "closed"})).await;
    assert_eq!((closed.status, &closed.body["state"]), (200, &json!("closed")));
    assert_eq!(found("head=acme:change").await, [0; 0]);
    assert_eq!(found("head=acme:change&state=all").await, [number]);
}

#[tokio::test]
async fn lists_come_in_pages() {
    let site = Site::new().await;
    for index in 0..5 {
        site.commit(&format!("b{index}"), Some("main"), "x", &[("x.txt", &format!("{index}\n"))]);
        site.open(&format!("b{index}")).await;
    }
    let reply = site.get("/pulls?per_page=2&page=2").await;
    let numbers: Vec<_> = reply.body.as_array().unwrap().iter().map(|pull| &pull["number"]).collect();
    assert_eq!(numbers, [3, 2]);
    let to = |page: u32| format!("<http://github.test/repos/acme/infra/pulls?per_page=2&page={page}>");
    assert_eq!(
        reply.header("link"),
        format!(
            "{}; rel=\"prev\", {}; rel=\"next\", {}; rel=\"last\", {}; rel=\"first\"",
            to(1),
            to(3),
            to(3),
            to(1)
        )
    );
}

#[tokio::test]
async fn a_renamed_repository_redirects_and_git_goes_on() {
    let site = Site::new().await;
    site.github.rename(REPOSITORY, "desired-state").unwrap();
    let moved = site.get("/pulls?state=all").await;
    let id = site.get("//repos/acme/desired-state").await.body["id"].clone();
    let to = format!("http://github.test/repositories/{id}/pulls");
    assert_eq!((moved.status, moved.message(), moved.header("location")), (301, "Moved Permanently", &*to));
    assert_eq!(site.call("POST /pulls", json!({})).await.status, 307);
    assert_eq!(site.get(&format!("//repositories/{id}/pulls")).await.body, json!([]));
    let git = "//acme/infra.git/info/refs?service=git-upload-pack";
    let moved = site.get(git).await;
    let to = "http://github.test/acme/desired-state.git/info/refs?service=git-upload-pack";
    assert_eq!((moved.status, moved.header("location")), (301, to));
    assert_eq!(site.get(&git.replace("infra", "desired-state")).await.status, 200);
}

#[tokio::test]
async fn the_enterprise_base_is_kept_in_all_addresses() {
    let site = Site::new().await;
    let reply = site.get("//api/v3/repos/acme/infra").await;
    assert_eq!(reply.body["url"], "http://github.test/api/v3/repos/acme/infra");
    assert_eq!(reply.body["clone_url"], "http://github.test/acme/infra.git");
    let viewer = site.call("POST //api/graphql", json!({"query": "{ viewer { login } }"})).await;
    assert_eq!(viewer.body, json!({"data": {"viewer": {"login": "ada"}}}));
}

#[tokio::test]
async fn what_did_not_change_is_not_sent_again_and_costs_nothing() {
    let site = Site::new().await;
    let first = site.get("/pulls").await;
    let tag = first.header("etag").to_owned();
    let token = format!("Bearer {}", site.ada);
    let headers = [("authorization", token.as_str()), ("if-none-match", tag.as_str())];
    let again = site.send("GET /pulls", &headers, &Value::Null).await;
    assert_eq!((again.status, &again.body), (304, &json!("")));
    assert_eq!(again.header("x-ratelimit-remaining"), first.header("x-ratelimit-remaining"));
    site.open("change").await;
    assert_eq!(site.send("GET /pulls", &headers, &Value::Null).await.status, 200);
}

#[tokio::test]
async fn an_hour_has_so_many_calls() {
    let config = GitHubConfig { time_scale: 0.0, rate_limit: 2, ..GitHubConfig::default() };
    let github = GitHub::start(config).await.unwrap();
    let path = github.create_repository(REPOSITORY, RepositorySettings::default()).unwrap();
    let ada = github.create_token("ada", Permissions::controller()).unwrap();
    let site = Site { github, path, ada };
    let left = async || {
        let reply = site.get("/pulls").await;
        (reply.status, reply.header("x-ratelimit-remaining").to_owned())
    };
    assert_eq!([left().await, left().await], [(200, "1".to_owned()), (200, "0".to_owned())]);
    let refused = site.get("/pulls").await;
    assert!(refused.message().starts_with("API rate limit exceeded for user ID "), "{}", refused.body);
    let reset: i64 = refused.header("x-ratelimit-reset").parse().unwrap();
    assert_eq!((refused.status, reset - site.github.now().as_second()), (403, 3600));
    site.github.advance(Duration::from_hours(1));
    assert_eq!(left().await, (200, "1".to_owned()));
    site.github.exhaust(&site.ada).unwrap();
    assert_eq!(left().await, (403, "0".to_owned()));
}

#[tokio::test]
async fn too_much_content_in_a_minute_is_refused_with_a_wait() {
    let site = Site::new().await;
    let comment = async || site.call("POST /issues/1/comments", json!({"body": "x"})).await;
    site.open("change").await;
    for _ in 0..79 {
        assert_eq!(comment().await.status, 201);
    }
    let refused = comment().await;
    assert_eq!((refused.status, refused.header("retry-after")), (403, "60"));
    assert!(refused.message().contains("secondary rate limit"), "{}", refused.body);
    site.github.advance(Duration::from_mins(1));
    assert_eq!(comment().await.status, 201);
}

#[tokio::test]
async fn faults_speak_githubs_words() {
    let site = Site::new().await;
    let fault = async |fault: Fault| {
        site.github.add_fault(FaultRule::new(fault).service("github").times(1));
        let reply = site.get("/pulls").await;
        (reply.status, reply.message().to_owned(), reply.header("retry-after").to_owned())
    };
    let secondary =
        "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
    let expected = |status: u16, message: &str, wait: &str| (status, message.to_owned(), wait.to_owned());
    assert_eq!(fault(Fault::Throttle).await, expected(403, secondary, "60"));
    assert_eq!(fault(Fault::AccessDenied).await, expected(403, "Resource not accessible by integration", ""));
    assert_eq!(fault(Fault::ServerError500).await, expected(500, "Server Error", ""));
    assert_eq!(fault(Fault::ServiceUnavailable503).await, expected(503, "", ""));
    assert_eq!(fault(Fault::ExpiredToken).await, expected(401, "Bad credentials", ""));
    let modified = "Base branch was modified. Review and try the merge again.";
    let refuse = Fault::Refuse { status: 405, message: modified.to_owned() };
    assert_eq!(fault(refuse).await, expected(405, modified, ""));
    assert_eq!(fault(Fault::QuotaExhausted).await.0, 403);
    assert_eq!(site.get("/pulls").await.status, 200);
}

#[tokio::test]
async fn a_lost_reply_is_applied_all_the_same() {
    let site = Site::new().await;
    let rule = FaultRule::new(Fault::TruncateBody).operation("POST /repos/{owner}/{repo}/pulls").times(1);
    site.github.add_fault(rule);
    let body = json!({"title": "x", "head": "change", "base": "main"});
    assert!(site.call("POST /pulls", body).await.body.is_string());
    assert_eq!(site.get("/pulls").await.body[0]["number"], json!(1));
}

#[tokio::test]
async fn trees_are_changed_added_to_and_emptied() {
    let site = Site::new().await;
    let base = site.git(&["rev-parse", "main^{tree}"]);
    let tree = json!({"base_tree": base, "tree": [
        {"path": "a.txt", "mode": "100644", "type": "blob", "sha": null},
        {"path": "dir/run.sh", "mode": "100755", "type": "blob", "content": "#!/bin/sh\n"},
    ]});
    let made = site.call("POST /git/trees", tree).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let id = made.body["sha"].as_str().unwrap();
    assert_eq!(site.git(&["ls-tree", "-r", "--format=%(objectmode) %(path)", id]), "100755 dir/run.sh");
    let gone = json!({"base_tree": id, "tree": [
        {"path": "dir/run.sh", "mode": "100755", "type": "blob", "sha": null},
    ]});
    let emptied = site.call("POST /git/trees", gone).await.body["sha"].clone();
    assert_eq!(emptied, site.git(&["hash-object", "-t", "tree", "/dev/null"]));
    let commit = json!({"message": "by API", "tree": id, "parents": [site.tip("main")]});
    let commit = site.call("POST /git/commits", commit).await.body["sha"].clone();
    let made = site.call("POST /git/refs", json!({"ref": "refs/heads/api", "sha": commit})).await;
    assert_eq!((made.status, &made.body["object"]["sha"]), (201, &commit));
    assert_eq!(site.git(&["log", "-1", "--format=%an|%s", "api"]), "ada|by API");
    let again = site.call("POST /git/refs", json!({"ref": "refs/heads/api", "sha": commit})).await;
    assert_eq!((again.status, again.message()), (422, "Reference already exists"));
    assert_eq!(site.call("DELETE /git/refs/heads/api", Value::Null).await.status, 204);
    let missing = site.call("DELETE /git/refs/heads/api", Value::Null).await;
    assert_eq!((missing.status, missing.message()), (422, "Reference does not exist"));
}
