use super::*;
use crate::name::RestartToken;
use crate::plan::fixture::{COMMIT, arn, at, deployment, live_service, past};
use crate::plan::{Attempt, LastGood, Recorded, Restart};
use PastDeploymentStatus::{Failed, InProgress, RolledBack, Stopped, Successful};

fn failed(id: &str, how: &str) -> Failure {
    Failure {
        deployment_id: Some(format!("ecs-svc/{id}")),
        task_definition: Some(arn("web:7")),
        reason: format!("{how}: tasks failed to start"),
        began_at: Some(at(-7200)),
    }
}

#[test]
fn the_newest_end_of_the_same_revision_decides() {
    let seven = |arn_found: &TaskDefinitionArn| *arn_found == arn("web:7");
    let cases = [
        (vec![], None),
        (vec![past("1", "web:7", Successful)], None),
        (
            vec![past("2", "web:7", RolledBack), past("1", "web:7", Successful)],
            Some(failed("2", "rolled back by ECS")),
        ),
        (vec![past("2", "web:7", Successful), past("1", "web:7", RolledBack)], None),
        (vec![past("2", "web:7", Failed)], Some(failed("2", "failed"))),
        (vec![past("3", "web:7", Stopped), past("2", "web:7", Failed)], Some(failed("2", "failed"))),
        (vec![past("3", "web:7", InProgress)], None),
        (vec![past("2", "web:6", RolledBack)], None),
    ];
    for (history, expected) in cases {
        assert_eq!(failed_before(&history, seven, &BTreeSet::new()), expected, "{history:?}");
    }
    // What memory explains belongs to another spec (other secret versions).
    let history = [past("2", "web:7", RolledBack)];
    assert_eq!(failed_before(&history, seven, &BTreeSet::from(["ecs-svc/2"])), None);
}

fn attempt(token: Option<&str>, verdict: Option<AttemptVerdict>) -> Attempt {
    Attempt {
        deployment_id: Some("ecs-svc/2".to_owned()),
        task_definition: Some(arn("web:7")),
        commit: COMMIT.to_owned(),
        restart: token.map(|token| RestartToken::parse(token).unwrap()),
        at: at(0),
        verdict,
        aftermath: Box::default(),
    }
}

fn late() -> AttemptVerdict {
    AttemptVerdict::Bad("late".to_owned())
}

fn hash() -> SpecHash {
    SpecHash("a".repeat(64))
}

fn last_good() -> LastGood {
    LastGood {
        spec_hash: Some(hash()),
        task_definition: arn("web:7"),
        content: None,
        commit: COMMIT.to_owned(),
        at: at(0),
    }
}

fn memory_of(attempt: Attempt) -> ServiceMemory {
    ServiceMemory { attempts: [(hash(), attempt)].into(), ..ServiceMemory::default() }
}

#[test]
fn memory_knows_what_was_tried() {
    let with = |verdict| remembered(Some(&memory_of(attempt(None, verdict))), &hash(), Recorded::default());
    assert_eq!(remembered(None, &hash(), Recorded::default()), Remembered::Nothing);
    assert_eq!(
        remembered(Some(&ServiceMemory::default()), &hash(), Recorded::default()),
        Remembered::Nothing
    );
    assert_eq!(with(None), Remembered::Free);
    assert_eq!(with(Some(AttemptVerdict::Good)), Remembered::Free);
    assert_eq!(with(Some(AttemptVerdict::Superseded)), Remembered::Free);
    let bad = Failure {
        deployment_id: Some("ecs-svc/2".to_owned()),
        task_definition: Some(arn("web:7")),
        reason: "late".to_owned(),
        began_at: Some(at(0)),
    };
    assert_eq!(with(Some(late())), Remembered::Bad(bad));
    let memory = ServiceMemory { last_good: Some(last_good()), ..ServiceMemory::default() };
    assert_eq!(remembered(Some(&memory), &hash(), Recorded::default()), Remembered::Free);
}

#[test]
fn an_attempt_without_an_id_is_a_question_to_ecs() {
    let with = |verdict| {
        let lost = Attempt { deployment_id: None, ..attempt(None, verdict) };
        remembered(Some(&memory_of(lost)), &hash(), Recorded::default())
    };
    assert_eq!(with(None), Remembered::Lost { since: at(0) });
    assert_eq!(with(Some(AttemptVerdict::Superseded)), Remembered::Lost { since: at(0) });
    assert_eq!(with(Some(AttemptVerdict::Good)), Remembered::Free);
}

#[test]
fn what_was_before_says_nothing_of_a_record_that_is_noted() {
    let token = RestartToken::parse("t2").unwrap();
    let restart = Recorded { restart: Restart::Noted(&token), secrets_noted: false };
    let secrets = Recorded { restart: Restart::Settled, secrets_noted: true };
    let good = || Some(AttemptVerdict::Good);
    let cases = [
        (restart, Some("t1"), Some(late()), false),
        (restart, None, Some(late()), false),
        (restart, Some("t2"), Some(late()), true),
        (restart, Some("t1"), good(), false),
        (secrets, Some("t1"), Some(late()), true),
        (secrets, Some("t1"), good(), false),
    ];
    for (recorded, token, verdict, is_bad) in cases {
        let found = remembered(Some(&memory_of(attempt(token, verdict))), &hash(), recorded);
        assert_eq!(matches!(found, Remembered::Bad(_)), is_bad, "{recorded:?} {token:?}");
        assert_eq!(found == Remembered::Nothing, !is_bad, "{recorded:?} {token:?}");
    }
    let memory = ServiceMemory { last_good: Some(last_good()), ..ServiceMemory::default() };
    for recorded in [restart, secrets] {
        assert_eq!(remembered(Some(&memory), &hash(), recorded), Remembered::Nothing);
    }
}

#[test]
fn a_later_success_of_the_same_revision_repairs_and_a_rollback_does_not() {
    let live = |id: &str, revision: &str, state| {
        let mut service = live_service("web", revision);
        service.deployments = vec![deployment(id, revision, state)];
        service
    };
    let failed = past("2", "web:7", RolledBack);
    let first = past("1", "web:7", Successful);
    let somebodys = vec![past("4", "web:7", Successful), failed.clone(), first.clone()];
    let bad = attempt(None, Some(late()));
    let cases = [
        (live("4", "web:7", RolloutState::Completed), somebodys.clone(), true),
        (live("4", "web:7", RolloutState::InProgress), somebodys.clone(), false),
        (live("4", "web:8", RolloutState::Completed), somebodys.clone(), false),
        // ECS's own way back: not listed under a new id, and older under the old one.
        (live("3", "web:7", RolloutState::Completed), vec![failed.clone(), first.clone()], false),
        (live("1", "web:7", RolloutState::Completed), vec![failed, first], false),
    ];
    for (service, past, expected) in cases {
        assert_eq!(is_repaired(&bad, &service, &past), expected, "{past:?}");
    }
    let good = attempt(None, Some(AttemptVerdict::Good));
    assert!(!is_repaired(&good, &live("4", "web:7", RolloutState::Completed), &somebodys));
}
