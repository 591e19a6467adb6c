//! Every request to GitHub's API that rollbacks and verbs make, and every answer, held by Prism against GitHub's own description
//! of that API.

use std::collections::BTreeSet;

use bowline_core::rollback::machine::{Mergeability, PullState};
use bowline_sim::{Permissions, Protection};
use bowline_tests::servers::Server;
use bowline_tests::until::until;
use serde_json::{Value, json};

use super::{REPOSITORY, SetUp, Site, files, put};

/// What was found in REST. GraphQL has no description of this kind, and each call of it is told as that; the contract of the
/// simulated GitHub holds it against GitHub's own schema.
fn violations(prism: &Server, site: &Site) -> Vec<String> {
    const UNKNOWN: &str = "Selected route not found";
    let (unknown, violations): (Vec<_>, Vec<_>) =
        prism.violations().into_iter().partition(|found| found.contains(UNKNOWN));
    let graphql = site.github.calls().into_iter().filter(|call| call.operation.contains("/graphql"));
    assert_eq!(unknown.len(), graphql.count(), "{unknown:#?}");
    violations
}

/// The operations of the API that were called, without git's own.
fn called<'a>(sites: impl IntoIterator<Item = &'a Site>) -> BTreeSet<String> {
    let all = sites.into_iter().flat_map(Site::operations);
    all.filter(|operation| !operation.contains(".git/")).collect()
}

fn are(operations: &[&str]) -> BTreeSet<String> {
    operations.iter().map(|operation| (*operation).to_owned()).collect()
}

/// What every rollback with a pull request calls.
const ALWAYS: [&str; 9] = [
    "GET /repos/{owner}/{repo}/commits/{ref}/statuses",
    "GET /repos/{owner}/{repo}/issues/{issue_number}/comments",
    "GET /repos/{owner}/{repo}/pulls",
    "GET /repos/{owner}/{repo}/pulls/{pull_number}",
    "POST /repos/{owner}/{repo}/issues/{issue_number}/comments",
    "POST /repos/{owner}/{repo}/issues/{issue_number}/labels",
    "POST /repos/{owner}/{repo}/pulls",
    "POST /repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers",
    "POST /repos/{owner}/{repo}/statuses/{sha}",
];

#[tokio::test(flavor = "multi_thread")]
async fn github_is_asked_as_it_describes_by_rollbacks_with_a_token() {
    let merged = Site::new(SetUp::auto_merge()).await;
    let prism = merged.judge().await;
    let process = merged.run();
    merged.reaches(&process, "verified").await;
    let told = "PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}";
    until("the comment's last text", || async { merged.operations().contains(told).then_some(()) }).await;
    merged.is_equal("merged").await;
    assert_eq!(violations(&prism, &merged), Vec::<String>::new());

    // Somebody repairs it in another way: the pull request is closed.
    let overtaken = Site::new(SetUp::default()).await;
    let prism = overtaken.judge().await;
    let process = overtaken.run();
    overtaken.reaches(&process, "pull-request").await;
    put(&overtaken.path, "Release web 3", &files("enforce", "pull-request", "registry.test/web:3"));
    overtaken.reaches(&process, "overtaken").await;
    until("the end of the pull request", || async {
        (overtaken.pulls().await[0].state == PullState::Closed).then_some(())
    })
    .await;
    assert_eq!(violations(&prism, &overtaken), Vec::<String>::new());

    let more = [
        "GET /repos/{owner}/{repo}",
        told,
        "PATCH /repos/{owner}/{repo}/pulls/{pull_number}",
        "PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge",
    ];
    assert_eq!(called([&merged, &overtaken]), are(&[&ALWAYS[..], &more].concat()));
}

#[tokio::test(flavor = "multi_thread")]
async fn github_is_asked_as_it_describes_by_a_rollback_as_an_app() {
    let rules = Protection { required_checks: vec!["ci".to_owned()], ..Protection::default() };
    // An hour, for which a token of an App is good, has to last as long as the test.
    let set_up = SetUp { protection: Some(rules), time_scale: 100.0, ..SetUp::auto_merge() };
    let site = Site::new(set_up).await;
    site.be_an_app(Permissions::controller());
    let prism = site.judge().await;
    let process = site.run();
    until("auto-merge", || async {
        let pull = site.ada.pull(site.pulls().await.first()?.number).await.ok()?;
        let waits = PullState::Open { mergeability: Mergeability::Blocked, auto_merge: true };
        (pull.state == waits).then_some(())
    })
    .await;
    site.github.protect(REPOSITORY, "main", None).unwrap();
    site.reaches(&process, "verified").await;
    let told = "PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}";
    until("the check run's last text", || async { site.operations().contains(told).then_some(()) }).await;
    site.is_equal("merged by GitHub").await;
    assert_eq!(violations(&prism, &site), Vec::<String>::new());
    let more = [
        "GET /repos/{owner}/{repo}",
        "GET /repos/{owner}/{repo}/commits/{ref}/check-runs",
        "GET /repos/{owner}/{repo}/installation",
        "PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}",
        told,
        "POST /app/installations/{installation_id}/access_tokens",
        "POST /graphql enablePullRequestAutoMerge",
        "POST /repos/{owner}/{repo}/check-runs",
    ];
    assert_eq!(called([&site]), are(&[&ALWAYS[..], &more].concat()));
}

#[tokio::test(flavor = "multi_thread")]
async fn github_is_asked_as_it_describes_by_verbs() {
    let site = Site::new(SetUp::default()).await;
    let prism = site.judge().await;
    let verbs = [
        "scale web 3",
        "restart web",
        "release web --image web=registry.test/web:3",
        "suspend web --reason maintenance --until 2030-01-01T00:00:00Z",
        "rollback web --merge",
    ];
    for verb in verbs {
        let ended = site.bowline.run(&format!("{verb} -o json")).await.with_code(0);
        let document: Value = ended.json();
        let result = if verb.ends_with("--merge") { "merged" } else { "pull-request" };
        assert_eq!(document["result"], json!(result), "{verb}: {ended}");
    }
    assert_eq!(violations(&prism, &site), Vec::<String>::new());
    assert_eq!(site.pulls().await.len(), verbs.len());
}
