//! Safe at once: which bad deployments are stopped, and which are not.

use serde_json::json;

use crate::live::{CircuitBreaker, DeploymentStatus, Observed, RolloutState, StoppedTask, UnknownCategory};
use crate::plan::fixture::*;
use crate::plan::*;

/// `web` ran web:6; Bowline deploys web:7 as `ecs-svc/2`, which hangs until its deadline has passed.
fn hanging() -> (Fixture, SpecHash) {
    let mut world = Fixture::new()
        .with_service("web", "web:6")
        .with_revision("web:6", content("web", "f"))
        .with_revision("web:7", content("web", "g"))
        .with_history("web", Vec::new())
        .wanting("web", "web:7");
    let action = world.propose().actions[0].clone();
    let outcome = Outcome::Done { deployment_id: Some("ecs-svc/2".to_owned()), task_definition: None };
    record(&mut world.memory, &action, &outcome, &world.desired, COMMIT, at(0));
    let Operation::UpdateService { spec_hash, .. } = action.operation else { panic!("no update") };
    world.now = at(1201);
    let mut service = live_service("web", "web:7");
    service.tags = world.live("web").tags.clone();
    let mut old = deployment("1", "web:6", RolloutState::Completed);
    old.status = DeploymentStatus::Active;
    service.deployments = vec![deployment("2", "web:7", RolloutState::InProgress), old];
    service.deployments[0].created_at = Some(at(0));
    service.deployments[0].running_count = 0;
    world.live.services.insert(name("web"), Observed::Known { value: service.into(), at: at(1201) });
    (world, spec_hash.unwrap())
}

fn stops() -> Vec<String> {
    vec!["EcsService/web: stop ecs-svc/2, so that ECS goes back".to_owned()]
}

/// Does the one action that is planned.
fn act(world: &mut Fixture, outcome: &Outcome) -> Vec<EventKind> {
    let action = world.propose().actions[0].clone();
    let now = world.now;
    let events = record(&mut world.memory, &action, outcome, &world.desired, COMMIT, now);
    events.into_iter().map(|event| event.kind).collect()
}

#[test]
fn our_bad_deployment_that_is_in_progress_is_stopped_once() {
    let (mut world, hash) = hanging();
    assert_eq!(world.actions(), Vec::<String>::new());
    world.learn();
    assert_eq!(world.actions(), stops());
    assert_eq!(world.propose().actions[0].wave, Wave::Safety);
    // What is noted before the call says nothing yet: if the call was never made, it is planned again.
    let begun = Outcome::Done { deployment_id: None, task_definition: None };
    assert_eq!(act(&mut world, &begun), []);
    assert_eq!(world.actions(), stops());
    let done = Outcome::Done { deployment_id: Some("ecs-svc/2".to_owned()), task_definition: None };
    assert_eq!(act(&mut world, &done), [EventKind::DeploymentStopped]);
    assert_eq!(world.actions(), Vec::<String>::new());
    let stopped = world.memory.services[&name("web")].attempts[&hash].aftermath.stopped_at;
    assert_eq!(stopped, Some(at(1201)));
    assert_eq!(
        world.report("web").notes[0],
        "ECS has not gone back to an earlier deployment: 2 of 2 tasks are running"
    );
}

#[test]
fn a_suspended_or_held_service_is_not_stopped() {
    let (mut world, _) = hanging();
    world.learn();
    assert_eq!(world.actions(), stops());
    let hold = Hold { until: at(3600), reason: "the shop is down".to_owned() };
    let kept = world.clone().with_tag("web", TagKey::Hold, &hold.value());
    assert_eq!(kept.actions(), Vec::<String>::new());
    assert_eq!(world.suspended("web", 3600).actions(), Vec::<String>::new());
}

#[test]
fn what_was_stopped_is_told_as_rolled_back_by_ecs() {
    // The second: after a crash between the call and its answer.
    for outcome in [Outcome::AlreadyDone, Outcome::Done { deployment_id: None, task_definition: None }] {
        is_told_as_rolled_back(&outcome);
    }
}

fn is_told_as_rolled_back(outcome: &Outcome) {
    let (mut world, _) = hanging();
    world.learn();
    act(&mut world, outcome);
    let back = deployment("9", "web:6", RolloutState::Completed);
    let service = world.live("web");
    service.deployments = vec![back];
    service.task_definition = Some(arn("web:6"));
    let report = world.report("web");
    assert_eq!(report.sync, Sync::AwaitingGit);
    assert_eq!(
        report.notes,
        [
            "rolled back by ECS, awaiting git; live runs web:6 (not completed by its deadline: 0 of 2 tasks are running, 0 \
          failed in a row)"
        ]
    );
    assert_eq!(world.actions(), Vec::<String>::new());
}

#[test]
fn what_somebody_else_began_is_not_stopped() {
    let (mut world, hash) = hanging();
    world.learn();
    world.remember("web").attempts.get_mut(&hash).unwrap().aftermath.ours = false;
    assert_eq!(world.actions(), Vec::<String>::new());
}

#[test]
fn what_another_instance_has_claimed_meanwhile_is_not_stopped() {
    let (mut world, _) = hanging();
    world.learn();
    let expect =
        Expectation::InProgress { owner: Some("bowline".to_owned()), deployment_id: "ecs-svc/2".to_owned() };
    assert_eq!(world.propose().actions[0].expect, expect);
    let world = world.claimed_by("web", "staging", "EcsService/web");
    assert_eq!(world.actions(), Vec::<String>::new());
}

#[test]
fn what_ecs_leaves_by_itself_or_what_has_ended_is_not_stopped() {
    let (mut world, _) = hanging();
    world.learn();
    world.live("web").deployments[0].rollout_reason =
        Some("ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1.".to_owned());
    assert_eq!(world.actions(), Vec::<String>::new());
    world.live("web").deployments[0].rollout_reason = None;
    world.live("web").deployments[0].rollout_state = Some(RolloutState::Failed);
    assert_eq!(world.actions(), Vec::<String>::new());
}

#[test]
fn what_git_wants_newly_replaces_it_without_a_stop() {
    let (mut world, _) = hanging();
    world.learn();
    let world = world.with_revision("web:8", content("web", "h")).wanting("web", "web:8");
    assert_eq!(world.actions(), ["EcsService/web: deploy web:8"]);
}

#[test]
fn tasks_are_read_in_the_pass_of_the_verdict_and_asked_for_until_they_are_known() {
    let (mut world, hash) = hanging();
    let need = Need::StoppedTasks { service: name("web"), deployment_id: "ecs-svc/2".to_owned() };
    assert_eq!(world.needs(), [need.clone()].into());
    let key = (name("web"), "ecs-svc/2".to_owned());
    world.live.stopped_tasks.insert(key.clone(), unknown(UnknownCategory::Throttled));
    world.learn();
    // The verdict does not wait for them.
    assert_eq!(world.actions(), stops());
    world.live.stopped_tasks.clear();
    assert_eq!(world.needs(), [need].into());
    let task = StoppedTask {
        id: None,
        stopped_at: Some(at(100)),
        stop_code: Some("EssentialContainerExited".to_owned()),
        reason: None,
        containers: Vec::new(),
    };
    world.live.stopped_tasks.insert(key, known(vec![task]));
    world.learn();
    let evidence = world.memory.services[&name("web")].attempts[&hash].aftermath.evidence.clone().unwrap();
    let group = StoppedGroup {
        count: 1,
        last_at: Some(at(100)),
        stop_code: "EssentialContainerExited".to_owned(),
        reason: String::new(),
        containers: Vec::new(),
    };
    assert_eq!((evidence.tasks, evidence.unread), (Some(vec![group]), None));
    world.live.stopped_tasks.clear();
    assert_eq!(world.needs(), [].into());
}

#[test]
fn of_a_service_without_a_circuit_breaker_is_warned_unless_git_decides() {
    let warnings = |live: CircuitBreaker, wanted: serde_json::Value| {
        let mut world =
            Fixture::new().with_service("web", "web:6").with_revision("web:6", content("web", "f"));
        let settings = json!({"deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": false}}});
        world.live("web").settings = serde_json::from_value(settings).unwrap();
        world.live("web").circuit_breaker = live;
        world.spec("web").settings = serde_json::from_value(wanted).unwrap();
        let report = world.report("web");
        (report.sync, report.warnings)
    };
    let off = json!({"deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": false}}});
    let warned = (Sync::InSync, vec![Warning::CircuitBreakerOff]);
    assert_eq!(warnings(CircuitBreaker::Off, json!({})), warned);
    assert_eq!(warnings(CircuitBreaker::Off, off), (Sync::InSync, vec![]));
    assert_eq!(warnings(CircuitBreaker::On, json!({})), (Sync::InSync, vec![]));
    assert_eq!(warnings(CircuitBreaker::Unsaid, json!({})), (Sync::InSync, vec![]));
}
