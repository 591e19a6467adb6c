//! What a merge commits.

use serde_json::{Value, json};

use super::{REPOSITORY, Site};
use crate::RepositorySettings;

#[tokio::test]
async fn a_merge_commit_has_both_sides_as_parents() {
    let site = Site::new().await;
    let (main, change) = (site.tip("main"), site.tip("change"));
    let number = site.open("change").await;
    let reply = site.call(&format!("PUT /pulls/{number}/merge"), json!({"sha": change})).await;
    assert_eq!(reply.status, 200);
    let merged = site.tip("main");
    assert_eq!(
        reply.body,
        json!({"sha": merged, "merged": true, "message": "Pull Request successfully merged"})
    );
    assert_eq!(site.git(&["log", "-1", "--format=%P", "main"]), format!("{main} {change}"));
    assert_eq!(
        site.git(&["log", "-1", "--format=%B|%an|%cn|%ce", "main"]),
        "Merge pull request #1 from acme/change\n\nRelease change|ada|GitHub|noreply@github.com"
    );
    assert_eq!(site.git(&["ls-tree", "--name-only", "main"]), "a.txt\nb.txt\nc.txt");
    let pull = site.get(&format!("/pulls/{number}")).await.body;
    assert_eq!(
        (&pull["state"], &pull["merged"], &pull["merge_commit_sha"], &pull["merged_by"]["login"]),
        (&json!("closed"), &json!(true), &json!(merged), &json!("ada"))
    );
    assert_eq!(site.get(&format!("/pulls/{number}/merge")).await.status, 204);
}

#[tokio::test]
async fn a_squash_is_one_commit_on_the_base() {
    let site = Site::new().await;
    let main = site.tip("main");
    let number = site.open("change").await;
    let line = format!("PUT /pulls/{number}/merge");
    assert_eq!(site.call(&line, json!({"merge_method": "squash"})).await.status, 200);
    assert_eq!(site.git(&["log", "-1", "--format=%P", "main"]), main);
    assert_eq!(
        site.git(&["log", "-1", "--format=%B", "main"]),
        "Release change (#1)\n\n* second\n\n* third\n\nand why"
    );
    assert_eq!(site.git(&["diff", "--stat", "main", "change"]), "");
}

#[tokio::test]
async fn a_rebase_is_as_many_commits_as_there_were() {
    let site = Site::new().await;
    let moved = site.commit("main", Some("main"), "meanwhile", &[("d.txt", "d\n")]);
    let number = site.open("change").await;
    let line = format!("PUT /pulls/{number}/merge");
    assert_eq!(site.call(&line, json!({"merge_method": "rebase"})).await.status, 200);
    assert_eq!(
        site.git(&["log", "--format=%s|%an|%cn", &format!("{moved}..main")]),
        "third|Bob|ada\nsecond|Bob|ada"
    );
    assert_eq!(site.git(&["rev-list", "--merges", "main"]), "");
    assert_eq!(site.git(&["ls-tree", "--name-only", "main"]), "a.txt\nb.txt\nc.txt\nd.txt");
}

#[tokio::test]
async fn what_cannot_be_merged_is_refused_and_nothing_moves() {
    let site = Site::new().await;
    site.commit("other", Some("main"), "other", &[("a.txt", "uno\n")]);
    site.commit("main", Some("main"), "meanwhile", &[("a.txt", "eins\n")]);
    let main = site.tip("main");
    let number = site.open("other").await;
    let pull = site.get(&format!("/pulls/{number}")).await.body;
    assert_eq!((&pull["mergeable"], &pull["mergeable_state"]), (&json!(false), &json!("dirty")));
    let line = format!("PUT /pulls/{number}/merge");
    let refused = site.call(&line, json!({})).await;
    assert_eq!(
        refused.body,
        json!({
            "message": "Pull Request is not mergeable",
            "documentation_url": "https://docs.github.com/rest/pulls/pulls#merge-a-pull-request",
            "status": "405",
        })
    );
    assert_eq!(refused.status, 405);
    let moved = site.call(&line, json!({"sha": main})).await;
    assert_eq!(
        (moved.status, moved.message()),
        (409, "Head branch was modified. Review and try the merge again.")
    );
    assert_eq!(site.call(&line, json!({"merge_method": "octopus"})).await.status, 422);
    assert_eq!(site.tip("main"), main);
}

#[tokio::test]
async fn a_method_that_the_repository_does_not_allow_is_refused() {
    let settings = RepositorySettings { allow_merge_commit: false, ..RepositorySettings::default() };
    let site = Site::with(settings).await;
    let number = site.open("change").await;
    let refused = site.call(&format!("PUT /pulls/{number}/merge"), Value::Null).await;
    assert_eq!(
        (refused.status, refused.message()),
        (405, "Merge commits are not allowed on this repository.")
    );
}

#[tokio::test]
async fn mergeability_is_not_known_at_first_and_again_after_each_push() {
    let site = Site::with(RepositorySettings::default()).await;
    let number = site.open("change").await;
    let look = async || {
        let pull = site.get(&format!("/pulls/{number}")).await.body;
        (pull["mergeable"].clone(), pull["mergeable_state"].clone())
    };
    // Opening it was the first look.
    assert_eq!(look().await, (json!(true), json!("clean")));
    site.commit("change", Some("change"), "fourth", &[("e.txt", "e\n")]);
    assert_eq!(site.get("").await.status, 200);
    assert_eq!(look().await, (Value::Null, json!("unknown")));
    assert_eq!(look().await, (json!(true), json!("clean")));
}

#[tokio::test]
async fn a_merged_branch_goes_where_that_is_wanted_and_a_push_of_the_head_is_a_merge() {
    let settings = RepositorySettings { delete_branch_on_merge: true, ..RepositorySettings::default() };
    let site = Site::with(settings).await;
    let number = site.open("change").await;
    site.call(&format!("PUT /pulls/{number}/merge"), json!({})).await;
    assert_eq!(site.git(&["branch", "--list", "change"]), "");

    site.commit("next", Some("main"), "next", &[("n.txt", "n\n")]);
    let number = site.open("next").await;
    site.git(&["update-ref", "refs/heads/main", "refs/heads/next"]);
    let pull = site.get(&format!("/pulls/{number}")).await.body;
    assert_eq!((&pull["merged"], &pull["merge_commit_sha"]), (&json!(true), &json!(site.tip("next"))));
}

#[tokio::test]
async fn updating_a_branch_merges_the_base_into_it() {
    let site = Site::new().await;
    let number = site.open("change").await;
    let line = format!("PUT /pulls/{number}/update-branch");
    let nothing = site.call(&line, json!({})).await;
    assert_eq!((nothing.status, nothing.message()), (422, "There are no new commits on the base branch."));
    site.commit("main", Some("main"), "meanwhile", &[("d.txt", "d\n")]);
    let (main, change) = (site.tip("main"), site.tip("change"));
    assert_eq!(site.call(&line, json!({"expected_head_sha": main})).await.status, 422);
    assert_eq!(site.call(&line, json!({"expected_head_sha": change})).await.status, 202);
    assert_eq!(site.git(&["log", "-1", "--format=%P", "change"]), format!("{change} {main}"));
    let pull = site.get(&format!("/pulls/{number}")).await.body;
    assert_eq!(pull["head"]["sha"], json!(site.tip("change")));
    assert_eq!(site.git(&["rev-parse", "refs/pull/1/head"]), site.tip("change"));
    assert_eq!(pull["base"]["repo"]["full_name"], REPOSITORY);
}
