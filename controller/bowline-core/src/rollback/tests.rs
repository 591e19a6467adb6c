use super::*;
use crate::plan::fixture::{COMMIT, arn, at, past};
use crate::plan::{Attempt, LastGood};
use PastDeploymentStatus::{Failed, InProgress, RolledBack, Stopped, Successful};

fn failed(id: &str, how: &str) -> Failure {
    Failure {
        deployment_id: Some(format!("ecs-svc/{id}")),
        task_definition: Some(arn("web:7")),
        reason: format!("{how}: tasks failed to start"),
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

#[test]
fn memory_knows_what_was_tried() {
    let hash = SpecHash("a".repeat(64));
    let attempt = |deployment_id: Option<&str>, verdict| Attempt {
        deployment_id: deployment_id.map(str::to_owned),
        task_definition: None,
        commit: COMMIT.to_owned(),
        at: at(0),
        verdict,
    };
    let told = |deployment_id, verdict| {
        let mut memory = ServiceMemory::default();
        memory.attempts.insert(hash.clone(), attempt(deployment_id, verdict));
        remembered(Some(&memory), &hash)
    };
    let with = |verdict| told(Some("ecs-svc/1"), verdict);
    assert_eq!(remembered(None, &hash), Remembered::Nothing);
    assert_eq!(remembered(Some(&ServiceMemory::default()), &hash), Remembered::Nothing);
    assert_eq!(with(None), Remembered::Free);
    assert_eq!(with(Some(AttemptVerdict::Good)), Remembered::Free);
    assert_eq!(with(Some(AttemptVerdict::Superseded)), Remembered::Free);
    let bad = |id: Option<&str>| {
        let deployment_id = id.map(str::to_owned);
        Remembered::Bad(Failure { deployment_id, task_definition: None, reason: "late".to_owned() })
    };
    assert_eq!(with(Some(AttemptVerdict::Bad("late".to_owned()))), bad(Some("ecs-svc/1")));
    // A crash between the call and its answer: the deployment may have failed meanwhile.
    assert_eq!(told(None, None), Remembered::Nothing);
    assert_eq!(told(None, Some(AttemptVerdict::Superseded)), Remembered::Nothing);
    assert_eq!(told(None, Some(AttemptVerdict::Good)), Remembered::Free);
    assert_eq!(told(None, Some(AttemptVerdict::Bad("late".to_owned()))), bad(None));
    let last_good = Some(LastGood {
        spec_hash: Some(hash.clone()),
        task_definition: arn("web:7"),
        content: None,
        commit: COMMIT.to_owned(),
        at: at(0),
    });
    let memory = ServiceMemory { last_good, ..ServiceMemory::default() };
    assert_eq!(remembered(Some(&memory), &hash), Remembered::Free);
}
