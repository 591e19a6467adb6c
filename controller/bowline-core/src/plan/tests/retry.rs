//! What failed is released by a commit's trailer, once; and many failures at once hold automatic rollback.

use serde_json::json;

use crate::desired::Retry;
use crate::live::{LiveService, PastDeploymentStatus};
use crate::plan::fixture::*;
use crate::plan::*;
use crate::rollback::{shared_outage, was_shared_outage};

/// `web` runs web:6 after ECS went back from web:7, which began at 100 and which git still wants.
fn failed() -> Fixture {
    let past = crate::live::PastDeployment {
        created_at: Some(at(100)),
        ..past("2", "web:7", PastDeploymentStatus::RolledBack)
    };
    let mut world = Fixture::new()
        .with_service("web", "web:6")
        .with_revision("web:6", content("web", "f"))
        .with_revision("web:7", content("web", "g"))
        .with_history("web", vec![past])
        .wanting("web", "web:7");
    world.now = at(200);
    world.learn();
    world
}

fn hash(world: &Fixture) -> SpecHash {
    world.memory.services[&name("web")].attempts.keys().next().unwrap().clone()
}

fn releasing(world: &mut Fixture, commit: &str, seconds: i64) {
    let spec = hash(world).to_string();
    let retry = Retry { spec, commit: commit.to_owned(), committed_at: at(seconds) };
    world.desired.retries.insert(0, retry);
}

/// Makes the attempt, which fails as the one before.
fn attempt(world: &mut Fixture, id: &str) -> Vec<EventKind> {
    let action = world.propose().actions[0].clone();
    let outcome = Outcome::Done { deployment_id: Some(format!("ecs-svc/{id}")), task_definition: None };
    let now = world.now;
    let events = record(&mut world.memory, &action, &outcome, &world.desired, COMMIT, now);
    let again = crate::live::PastDeployment {
        created_at: Some(now),
        ..past(id, "web:7", PastDeploymentStatus::RolledBack)
    };
    let mut history = world.live.histories[&name("web")].known().cloned().unwrap();
    history.insert(0, again);
    world.live.histories.insert(name("web"), known(history));
    events.into_iter().map(|event| event.kind).collect()
}

const NOTHING: [String; 0] = [];

#[test]
fn a_commit_after_the_failure_releases_it_once() {
    let mut world = failed();
    assert_eq!(world.actions(), NOTHING);
    releasing(&mut world, "c1", 150);
    assert_eq!(world.actions(), ["EcsService/web: deploy web:7"]);
    assert_eq!(attempt(&mut world, "3"), [EventKind::RetryReleased, EventKind::RolloutStarted]);
    world.now = at(300);
    let hash = hash(&world);
    let memory = world.remember("web");
    memory.in_flight = None;
    let attempt = memory.attempts.get_mut(&hash).unwrap();
    attempt.verdict = Some(AttemptVerdict::Bad("late".to_owned()));
    attempt.aftermath.ours = true;
    assert_eq!(world.actions(), NOTHING);
    // The next one is another release, whenever it was committed.
    releasing(&mut world, "c2", 90);
    assert_eq!(world.actions(), ["EcsService/web: deploy web:7"]);
}

#[test]
fn with_the_store_lost_a_release_that_was_used_stays_used() {
    let mut world = failed();
    releasing(&mut world, "c1", 150);
    attempt(&mut world, "3");
    world.memory = Memory::default();
    world.now = at(300);
    world.learn();
    assert_eq!(world.actions(), NOTHING);
    assert_eq!(world.report("web").sync, Sync::AwaitingGit);
}

#[test]
fn what_names_another_spec_or_comes_from_before_or_from_the_future_releases_nothing() {
    for (spec, seconds) in [(None, 99), (None, 100), (None, 200 + 301), (Some("0123456789ab"), 150)] {
        let mut world = failed();
        releasing(&mut world, "c1", seconds);
        if let Some(spec) = spec {
            spec.clone_into(&mut world.desired.retries[0].spec);
        }
        assert_eq!(world.actions(), NOTHING, "{spec:?} {seconds}");
    }
}

#[test]
fn where_ecs_does_not_go_back_it_is_told_what_is_left() {
    let mut world = failed();
    let hash = hash(&world);
    *world.live("web") = live_service("web", "web:7");
    world.live("web").deployments[0].id = "ecs-svc/2".to_owned();
    world.live("web").running_count = 1;
    world.remember("web").attempts.get_mut(&hash).unwrap().aftermath.unhealthy = true;
    let left = "ECS has not gone back to an earlier deployment: 1 of 2 tasks are running";
    assert_eq!(world.report("web").notes[0], left);
    // It is in progress: it may be stopped, unless it is the first one.
    world.live("web").deployments[0].rollout_state = Some(crate::live::RolloutState::InProgress);
    assert_eq!(world.report("web").notes[0], left);
    world.live("web").deployments.push(deployment("1", "web:6", crate::live::RolloutState::Completed));
    assert_ne!(world.report("web").notes[0], left);
}

#[test]
fn what_runs_already_is_started_anew_when_it_is_released() {
    let mut world = failed();
    let hash = hash(&world);
    let tags = world.live("web").tags.clone();
    *world.live("web") = LiveService { tags, ..live_service("web", "web:7") };
    world.live("web").deployments[0].id = "ecs-svc/2".to_owned();
    // Unhealthy: ECS has completed it.
    world.remember("web").attempts.get_mut(&hash).unwrap().aftermath.unhealthy = true;
    assert_eq!((world.actions(), world.report("web").sync), (vec![], Sync::AwaitingGit));
    releasing(&mut world, "c1", 150);
    assert_eq!(world.actions(), ["EcsService/web: start new tasks"]);
}

#[test]
fn the_hold_says_how_to_release_it() {
    let world = failed();
    let held = world.report("web").held[0].to_string();
    assert!(held.ends_with("; to try it once more as it is, run `bowline retry web`"), "{held}");
}

#[test]
fn what_is_quarantined_gets_nothing_but_its_count() {
    assert_eq!(failed().unclaimed("web").actions(), NOTHING);
    let mut world = failed();
    world.spec("web").settings = serde_json::from_value(json!({"enableExecuteCommand": true})).unwrap();
    assert_eq!(world.actions(), NOTHING);
    world.spec("web").desired_count = Some(5);
    assert_eq!(world.actions(), ["EcsService/web: set the desired count to 5"]);
}

#[test]
fn bad_rollouts_of_more_than_three_commits_at_once_hold_automatic_rollback() {
    let mut world = Fixture::new();
    world.now = at(700);
    for (number, ended) in [(1, 90), (2, 150), (3, 160), (4, 170), (5, 170)] {
        let of = format!("s{number}");
        world = world.with_service(&of, &format!("{of}:1"));
        let commit = format!("commit{}", number.min(4));
        let attempt = Attempt {
            deployment_id: None,
            task_definition: None,
            commit,
            restart: None,
            at: at(0),
            verdict: Some(AttemptVerdict::Bad("late".to_owned())),
            aftermath: Box::new(Aftermath { ended_at: Some(at(ended)), ..Aftermath::default() }),
        };
        world.remember(&of).attempts.insert(SpecHash(format!("{number}")), attempt);
    }
    let commits = |now| shared_outage(&world.memory, at(now)).map(|outage| outage.commits.len());
    assert_eq!(commits(690), Some(4));
    assert_eq!(commits(691), None);
    // Whichever of them it was, and whenever that is asked.
    let was = [89, 90, 160, 690, 691].map(|seconds| was_shared_outage(&world.memory, at(seconds)));
    assert_eq!(was, [false, true, true, true, false]);
    for attempt in world.remember("s5").attempts.values_mut() {
        attempt.commit = "commit3".to_owned();
    }
    for attempt in world.remember("s4").attempts.values_mut() {
        attempt.commit = "commit3".to_owned();
    }
    assert!(!was_shared_outage(&world.memory, at(160)), "a bad commit that touches many services is one");
}
