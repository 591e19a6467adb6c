//! What becomes of rollbacks while something else happens: by the built binary.

use bowline::source::github::Check;
use bowline_core::name::CommitId;
use bowline_core::preview::Conclusion;
use bowline_core::rollback::machine::{Mergeability, PullState};
use bowline_sim::Protection;
use bowline_tests::until::until;
use serde_json::json;

use super::{REPOSITORY, SetUp, Site, files, put};

fn checked(strict: bool) -> Protection {
    Protection { required_checks: vec!["ci".to_owned()], strict, ..Protection::default() }
}

impl Site {
    /// Waits until the one pull request is in this state.
    pub(super) async fn pull_is(&self, wanted: PullState) {
        until(format!("{wanted:?}"), || async {
            let pull = self.pulls().await.into_iter().next()?;
            let pull = self.ada.pull(pull.number).await.ok()?;
            (pull.state == wanted).then_some(())
        })
        .await;
    }

    /// The required check passes on a commit.
    pub(super) async fn succeed(&self, commit: &CommitId) {
        let check = Check {
            context: "ci".to_owned(),
            conclusion: Conclusion::Success,
            title: "CI".to_owned(),
            summary: "fine".to_owned(),
            url: None,
        };
        self.ada.report(commit, &check).await.unwrap();
    }
}

fn open(mergeability: Mergeability, auto_merge: bool) -> PullState {
    PullState::Open { mergeability, auto_merge }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_manifest_wants_a_person_by_now_github_does_not_merge_it_any_more() {
    let site = Site::new(SetUp { protection: Some(checked(false)), ..SetUp::auto_merge() }).await;
    let process = site.run();
    site.pull_is(open(Mergeability::Blocked, true)).await;
    put(&site.path, "Let a person merge", &files("enforce", "pull-request", "registry.test/crash:2"));
    site.pull_is(open(Mergeability::Blocked, false)).await;
    site.github.protect(REPOSITORY, "main", None).unwrap();
    let pull = site.pull().await;
    site.ada.merge(pull.number, &pull.head, "").await.unwrap();
    site.reaches(&process, "verified").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_only_observed_by_now_holds_its_rollbacks() {
    let site = Site::new(SetUp::default()).await;
    let process = site.run();
    let pull = site.pull().await;
    put(&site.path, "Look only", &files("observe", "pull-request", "registry.test/crash:2"));
    let why =
        "held: by now a Target is in the mode observe, in which nothing is written, at the server neither";
    until("the hold", || async {
        let rollbacks = site.rollbacks(&process).await;
        (rollbacks.first()?["why"] == json!(why)).then_some(())
    })
    .await;
    site.ada.close(pull.number).await.unwrap();
    site.reaches(&process, "closed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_branch_has_to_be_up_to_date_it_is_brought_there_and_merged() {
    let site = Site::new(SetUp { protection: Some(checked(true)), ..SetUp::auto_merge() }).await;
    let process = site.run();
    site.pull_is(open(Mergeability::Blocked, true)).await;
    put(&site.path, "Say hello", &[("README.md", "Hello\n".to_owned())]);
    let pushed = site.pull().await.head;
    // The check passes on whatever the head is: first that of the revert, then that of the update.
    site.succeed(&pushed).await;
    let updated = until("the update", || async {
        let pull = site.pulls().await.into_iter().next()?;
        (pull.head != pushed).then_some(pull.head)
    })
    .await;
    site.succeed(&updated).await;
    site.reaches(&process, "verified").await;
    assert_eq!(site.log().len(), 4, "{:?}", site.log());
    assert_eq!(site.image().await, "registry.test/web:1");
}
