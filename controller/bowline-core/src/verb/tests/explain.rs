//! What is said of a rollback.

use super::*;
use crate::rollback::machine::State;
use crate::verb::{Explanation, RollbackSeen};

fn seen(state: State) -> RollbackSeen {
    RollbackSeen {
        id: "222222222222-1".to_owned(),
        state,
        since: in_hours(0),
        bad_commit: "2".repeat(40),
        subject: "Release web 2".to_owned(),
        branch: Some("bowline/rollback/ecsservice-web/222222222222-1".to_owned()),
        pull_request: Some("https://github.com/acme/infra/pull/7".to_owned()),
        why: Some("held".to_owned()),
    }
}

fn explained(rollback: Option<&RollbackSeen>) -> Explanation {
    explain(&report(vec![quarantined(&SpecHash("ab".repeat(32)), "it crashed")]), rollback)
}

#[test]
fn where_a_rollback_is_decides_what_comes_next() {
    let branch = "bowline/rollback/ecsservice-web/222222222222-1";
    let named = "bowline rollback web --to COMMIT";
    let cases = [
        (State::Detected, Some("wait; bowline history web tells what happens".to_owned()), true),
        (
            State::Branch,
            Some(format!("wait, or open the pull request by hand, from the branch {branch}")),
            true,
        ),
        (
            State::PullRequest,
            Some("look at the revert, and merge it: https://github.com/acme/infra/pull/7".to_owned()),
            true,
        ),
        (State::Merged, Some("wait; bowline history web tells what happens".to_owned()), true),
        (State::Converged, Some("wait; bowline history web tells what happens".to_owned()), true),
        (
            State::NeedsPerson,
            Some("look at what was merged: https://github.com/acme/infra/pull/7".to_owned()),
            false,
        ),
        (State::Closed, Some("to go back after all: bowline rollback web".to_owned()), false),
        (State::Failed, Some(format!("go back further: {named}")), false),
        (State::Verified, None, false),
        (State::Overtaken, None, false),
    ];
    assert_eq!(cases.len(), State::ALL.len());
    let usual = explained(None).can_do;
    assert!(usual.contains(&"go back in git: bowline rollback web".to_owned()), "{usual:?}");
    for (state, next, goes_back) in cases {
        let mut wanted: Vec<String> = next.into_iter().collect();
        wanted.extend(usual.iter().filter(|one| !goes_back || !one.starts_with("go back in git")).cloned());
        assert_eq!(explained(Some(&seen(state))).can_do, wanted, "{state}");
    }
    let by_hand = RollbackSeen { pull_request: None, ..seen(State::NeedsPerson) };
    let can_do = explained(Some(&by_hand)).can_do;
    assert_eq!(can_do[0], format!("look at the revert, and merge the branch {branch} by hand"));
    assert!(!can_do.iter().any(|one| one.starts_with("go back in git")), "{can_do:?}");
    let stuck = RollbackSeen { branch: None, pull_request: None, ..seen(State::NeedsPerson) };
    let can_do = explained(Some(&stuck)).can_do;
    assert_eq!(can_do[0], format!("go back to a commit that you name: {named}"));
    assert_eq!(can_do[1..], usual);
}

#[test]
fn a_rollback_is_told_with_its_state_its_page_and_why_it_waits() {
    let explained = explained(Some(&seen(State::PullRequest)));
    assert_eq!(
        serde_json::to_value(&explained.rollback).unwrap(),
        serde_json::json!({
            "id": "222222222222-1",
            "state": "pull-request",
            "since": in_hours(0).to_string(),
            "means": "the revert waits to be merged",
            "badCommit": "2".repeat(40),
            "subject": "Release web 2",
            "branch": "bowline/rollback/ecsservice-web/222222222222-1",
            "pullRequest": "https://github.com/acme/infra/pull/7",
            "why": "held",
        })
    );
}
