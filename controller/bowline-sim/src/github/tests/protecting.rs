//! Protected branches, required checks, and merges that wait for them.

use serde_json::{Value, json};

use super::{REPOSITORY, Site};
use crate::{Permissions, Protection};

const ENABLE: &str = "mutation($id: ID!, $head: GitObjectID) { enablePullRequestAutoMerge(input: {pullRequestId: $id, \
                      mergeMethod: SQUASH, expectedHeadOid: $head}) { pullRequest { number autoMergeRequest { mergeMethod \
                      enabledBy { login } } } } }";
const DISABLE: &str =
    "mutation($id: ID!) { disablePullRequestAutoMerge(input: {pullRequestId: $id}) { clientMutationId } }";

async fn protected(rules: Protection) -> Site {
    let site = Site::new().await;
    site.github.protect(REPOSITORY, "main", Some(rules)).unwrap();
    site
}

fn checks(names: &[&str]) -> Protection {
    let required_checks = names.iter().map(|name| (*name).to_owned()).collect();
    Protection { required_checks, enforce_admins: true, ..Protection::default() }
}

async fn merge(site: &Site, number: u64) -> (u16, String) {
    let reply = site.call(&format!("PUT /pulls/{number}/merge"), json!({})).await;
    (reply.status, reply.message().to_owned())
}

async fn state(site: &Site, number: u64) -> Value {
    site.get(&format!("/pulls/{number}")).await.body["mergeable_state"].clone()
}

fn refused(message: &str) -> (u16, String) {
    (405, message.to_owned())
}

#[tokio::test]
async fn nothing_is_merged_before_its_checks_have_passed() {
    let site = protected(checks(&["ci"])).await;
    let number = site.open("change").await;
    assert_eq!(merge(&site, number).await, refused("Required status check \"ci\" is expected."));
    site.status("change", "ci", "pending").await;
    assert_eq!(merge(&site, number).await, refused("Required status check \"ci\" is in progress."));
    site.status("change", "ci", "failure").await;
    assert_eq!(merge(&site, number).await, refused("Required status check \"ci\" is failing."));
    assert_eq!(state(&site, number).await, "blocked");
    site.status("change", "ci", "success").await;
    assert_eq!(state(&site, number).await, "clean");
    assert_eq!(merge(&site, number).await.0, 200);
}

#[tokio::test]
async fn several_checks_are_counted_and_others_do_not_block() {
    let site = protected(checks(&["ci", "lint"])).await;
    let number = site.open("change").await;
    assert_eq!(merge(&site, number).await, refused("2 of 2 required status checks are expected."));
    site.status("change", "ci", "failure").await;
    assert_eq!(merge(&site, number).await, refused("2 of 2 required status checks have not succeeded."));
    site.status("change", "ci", "success").await;
    site.status("change", "lint", "success").await;
    site.status("change", "nice to have", "failure").await;
    assert_eq!(state(&site, number).await, "unstable");
    assert_eq!(merge(&site, number).await.0, 200);
}

#[tokio::test]
async fn reviews_and_up_to_date_branches_may_be_required() {
    let rules = Protection { required_approvals: 1, strict: true, ..checks(&[]) };
    let site = protected(rules).await;
    let number = site.open("change").await;
    let needed = "At least 1 approving review is required by reviewers with write access.";
    assert_eq!(merge(&site, number).await, refused(needed));
    let review = format!("POST /pulls/{number}/reviews");
    let own = site.call(&review, json!({"event": "APPROVE"})).await;
    assert_eq!((own.status, own.message()), (422, "Can not approve your own pull request"));
    let grace = site.github.create_token("grace", Permissions::controller()).unwrap();
    site.call_as(&grace, &review, json!({"event": "REQUEST_CHANGES", "body": "no"})).await;
    assert_eq!(
        merge(&site, number).await,
        refused("Changes have been requested by a reviewer with write access.")
    );
    site.call_as(&grace, &review, json!({"event": "APPROVE"})).await;
    assert_eq!(state(&site, number).await, "clean");
    site.commit("main", Some("main"), "meanwhile", &[("d.txt", "d\n")]);
    assert_eq!(state(&site, number).await, "behind");
    assert_eq!(merge(&site, number).await, refused("Head branch is out of date with the base branch."));
}

#[tokio::test]
async fn a_protected_branch_is_not_moved_past_its_rules_by_refs_either() {
    let site = protected(checks(&["ci"])).await;
    let change = site.tip("change");
    let update = site.call("PATCH /git/refs/heads/main", json!({"sha": change})).await;
    assert_eq!((update.status, update.message()), (422, "Required status check \"ci\" is expected."));
    assert_eq!(update.body["documentation_url"], "https://docs.github.com/articles/about-protected-branches");
    site.status("change", "ci", "success").await;
    assert_eq!(site.call("PATCH /git/refs/heads/main", json!({"sha": change})).await.status, 200);
    let other = site.commit("other", None, "unrelated", &[("z.txt", "z\n")]);
    site.status("other", "ci", "success").await;
    let line = "PATCH /git/refs/heads/main";
    let backwards = site.call(line, json!({"sha": other})).await;
    assert_eq!((backwards.status, backwards.message()), (422, "Update is not a fast forward"));
    let forced = site.call(line, json!({"sha": other, "force": true})).await;
    assert_eq!((forced.status, forced.message()), (422, "Cannot force-push to this branch"));
    assert_eq!(site.tip("main"), change);
}

#[tokio::test]
async fn rules_that_do_not_bind_administrators_let_them_pass() {
    let rules = Protection { enforce_admins: false, ..checks(&["ci"]) };
    let site = protected(rules).await;
    let number = site.open("change").await;
    let owner = site.github.create_token("acme", Permissions::owner()).unwrap();
    let line = format!("PUT /pulls/{number}/merge");
    assert_eq!(merge(&site, number).await.0, 405);
    assert_eq!(site.call_as(&owner, &line, json!({})).await.status, 200);
}

#[tokio::test]
async fn what_protects_a_branch_is_told_to_those_who_may_know() {
    let site = protected(Protection { strict: true, required_approvals: 2, ..checks(&["ci"]) }).await;
    let path = "/branches/main/protection";
    let denied = site.get(path).await;
    assert_eq!(
        (denied.status, denied.message(), denied.header("x-accepted-github-permissions")),
        (403, "Resource not accessible by personal access token", "administration=read")
    );
    let owner = site.github.create_token("acme", Permissions::owner()).unwrap();
    let rules = site.call_as(&owner, &format!("GET {path}"), Value::Null).await.body;
    assert_eq!(rules["required_status_checks"]["contexts"], json!(["ci"]));
    assert_eq!(rules["required_status_checks"]["strict"], json!(true));
    assert_eq!(rules["required_pull_request_reviews"]["required_approving_review_count"], json!(2));
    let none = site.call_as(&owner, "GET /branches/change/protection", Value::Null).await;
    assert_eq!((none.status, none.message()), (404, "Branch not protected"));
    let branch = site.get("/branches/main").await.body;
    assert_eq!(branch["protection"]["required_status_checks"]["contexts"], json!(["ci"]));
}

async fn node_id(site: &Site, number: u64) -> String {
    site.get(&format!("/pulls/{number}")).await.body["node_id"].as_str().unwrap().to_owned()
}

fn error(body: &Value) -> (&str, &str) {
    let first = &body["errors"][0];
    (first["type"].as_str().unwrap_or_default(), first["message"].as_str().unwrap())
}

#[tokio::test]
async fn auto_merge_merges_when_the_last_required_check_passes() {
    let site = protected(checks(&["ci", "lint"])).await;
    let number = site.open("change").await;
    let id = node_id(&site, number).await;
    let head = site.tip("change");
    let enabled = site.graphql(ENABLE, json!({"id": id, "head": head})).await;
    assert_eq!(
        enabled,
        json!({"data": {"enablePullRequestAutoMerge": {"pullRequest": {
            "number": 1, "autoMergeRequest": {"mergeMethod": "SQUASH", "enabledBy": {"login": "ada"}},
        }}}})
    );
    site.status("change", "ci", "success").await;
    assert_eq!(site.get(&format!("/pulls/{number}")).await.body["merged"], json!(false));
    site.status("change", "lint", "success").await;
    let pull = site.get(&format!("/pulls/{number}")).await.body;
    assert_eq!(
        (&pull["merged"], &pull["merge_commit_sha"], &pull["merged_by"]["login"]),
        (&json!(true), &json!(site.tip("main")), &json!("ada"))
    );
    assert_eq!(site.git(&["log", "-1", "--format=%s", "main"]), "Release change (#1)");
}

#[tokio::test]
async fn auto_merge_can_be_taken_back() {
    let site = protected(checks(&["ci"])).await;
    let number = site.open("change").await;
    let id = node_id(&site, number).await;
    site.graphql(ENABLE, json!({"id": id})).await;
    let disabled = site.graphql(DISABLE, json!({"id": id})).await;
    assert_eq!(disabled, json!({"data": {"disablePullRequestAutoMerge": {"clientMutationId": null}}}));
    site.status("change", "ci", "success").await;
    assert_eq!(site.get(&format!("/pulls/{number}")).await.body["merged"], json!(false));
    let twice = site.graphql(DISABLE, json!({"id": id})).await;
    assert_eq!(error(&twice), ("UNPROCESSABLE", "Can't disable auto-merge for this pull request."));
}

#[tokio::test]
async fn auto_merge_is_refused_where_there_is_nothing_to_wait_for() {
    let site = Site::new().await;
    let number = site.open("change").await;
    let id = node_id(&site, number).await;
    let clean = site.graphql(ENABLE, json!({"id": id})).await;
    assert_eq!(error(&clean), ("UNPROCESSABLE", "Pull request Pull request is in clean status"));
    assert_eq!(clean["data"], json!({"enablePullRequestAutoMerge": null}));
    site.github.protect(REPOSITORY, "main", Some(checks(&["ci"]))).unwrap();
    let moved = site.graphql(ENABLE, json!({"id": id, "head": site.tip("main")})).await;
    assert_eq!(error(&moved), ("UNPROCESSABLE", "Head branch was modified. Review and try the merge again."));
    let unknown = site.graphql(ENABLE, json!({"id": "PR_x"})).await;
    assert_eq!(error(&unknown), ("NOT_FOUND", "Could not resolve to a node with the global id of 'PR_x'."));
    let settings = crate::RepositorySettings { allow_auto_merge: false, ..Default::default() };
    site.github.set_settings(REPOSITORY, settings).unwrap();
    let off = site.graphql(ENABLE, json!({"id": id})).await;
    assert_eq!(error(&off), ("UNPROCESSABLE", "Pull request Auto merge is not allowed for this repository"));
}

#[tokio::test]
async fn a_query_is_checked_as_a_whole_and_gives_what_was_asked_for() {
    let site = protected(checks(&["ci"])).await;
    site.open("change").await;
    let query = "query($owner: String!, $number: Int!) { repository(owner: $owner, name: \"infra\") { pullRequest(number: \
                 $number) { ...state again: state mergeStateStatus mergeable author { __typename login } mergeCommit { oid } } } } \
                 fragment state on PullRequest { state headRefOid }";
    let found = site.graphql(query, json!({"owner": "acme", "number": 1})).await;
    assert_eq!(
        found,
        json!({"data": {"repository": {"pullRequest": {
            "state": "OPEN",
            "headRefOid": site.tip("change"),
            "again": "OPEN",
            "mergeStateStatus": "BLOCKED",
            "mergeable": "MERGEABLE",
            "author": {"__typename": "User", "login": "ada"},
            "mergeCommit": null,
        }}}})
    );
    let missing = site.graphql(query, json!({"owner": "acme", "number": 7})).await;
    assert_eq!(error(&missing), ("NOT_FOUND", "Could not resolve to a PullRequest with the number of 7."));
    let without = site.graphql(query, json!({"owner": "acme"})).await;
    assert_eq!(error(&without).1, "Variable $number of type Int! was provided invalid value");
    let misspelt = site.graphql("{ viewer { loggin } }", Value::Null).await;
    assert_eq!(error(&misspelt).1, "Field 'loggin' doesn't exist on type 'User'");
    assert_eq!(misspelt["data"], Value::Null);
}
