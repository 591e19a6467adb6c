//! Another deployment controller: what AWS is known to refuse is not attempted.

use serde_json::{Value, json};

use crate::desired::kind::ServiceSettings;
use crate::live::{DeploymentController, RolloutState};
use crate::plan::fixture::*;
use crate::plan::*;

const CHANGED: [&str; 1] = ["EcsService/web: change deploymentController"];

fn settings(value: Value) -> ServiceSettings {
    serde_json::from_value(value).unwrap()
}

/// `web` with these settings, which git wants under the controller EXTERNAL, with these settings, too.
fn web(live: Value, mut wanted: Value) -> Fixture {
    let mut world = Fixture::new()
        .with_service("web", "web:6")
        .with_revision("web:6", content("web", "web:f"))
        .with_history("web", Vec::new());
    wanted["deploymentController"] = json!({"type": "EXTERNAL"});
    world.live("web").settings = settings(live);
    world.spec("web").settings = settings(wanted);
    world
}

#[test]
fn it_is_not_changed_during_a_deployment() {
    let mut world = web(json!({}), json!({}));
    assert_eq!(world.actions(), CHANGED);
    world.live("web").deployments[0].rollout_state = Some(RolloutState::InProgress);
    world.live("web").deployments[0].created_at = Some(at(-60));
    let report = world.report("web");
    let rollout = WaitingOn::Rollout { deployment_id: Some("ecs-svc/1".to_owned()), deadline: at(1140) };
    assert_eq!(
        (world.actions(), report.held, report.waiting_on, report.sync),
        (vec![], vec![], Some(rollout.clone()), Sync::Progressing)
    );
    // Whoever deploys the service.
    let mut back = web(json!({"deploymentController": {"type": "CODE_DEPLOY"}}), json!({}));
    back.live("web").controller = DeploymentController::CodeDeploy;
    assert_eq!(back.actions(), CHANGED);
    back.live("web").deployments.clone_from(&world.live("web").deployments);
    assert_eq!((back.actions(), back.report("web").waiting_on), (vec![], Some(rollout)));
    // Our own.
    world.in_flight("web", "web:6", "1");
    assert_eq!((world.actions(), world.report("web").held), (vec![], vec![]));
    // Past its deadline a person is told.
    let mut late = web(json!({}), json!({}));
    late.live("web").deployments[0].rollout_state = Some(RolloutState::InProgress);
    assert_eq!(late.actions(), Vec::<String>::new());
    assert!(matches!(late.report("web").held.as_slice(), [HeldWhy::NeedsPerson { .. }]));
}

#[test]
fn what_begins_a_deployment_goes_first() {
    let world = web(json!({"platformVersion": "1.3.0"}), json!({"platformVersion": "LATEST"}));
    assert_eq!(world.actions(), ["EcsService/web: change platformVersion"]);
}

#[test]
fn what_keeps_a_service_at_ecs_is_named_with_what_turns_it_off() {
    let held = |live: Value| {
        let world = web(live, json!({}));
        let report = world.report("web");
        assert_eq!((world.actions(), report.sync, report.waiting_on), (vec![], Sync::Drifted, None));
        report.held.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let told = |what: &str, off: &str| {
        vec![format!(
            "settings.deploymentController is not changed: AWS lets no service leave ECS that has {what}; turn that off \
             first, in `settings`: {off}"
        )]
    };
    let deployment = |value: Value| json!({"deploymentConfiguration": value});
    assert_eq!(
        held(json!({"serviceConnectConfiguration": {"enabled": true}})),
        told("Service Connect", "`serviceConnectConfiguration: {enabled: false}`")
    );
    assert_eq!(
        held(json!({"vpcLatticeConfigurations": [{"portName": "http"}]})),
        told("VPC Lattice", "`vpcLatticeConfigurations: []`")
    );
    assert_eq!(
        held(deployment(json!({"strategy": "BLUE_GREEN"}))),
        told("the strategy BLUE_GREEN", "`deploymentConfiguration: {strategy: ROLLING}`")
    );
    let guarded = json!({
        "alarms": {"alarmNames": ["a"], "enable": true, "rollback": true},
        "deploymentCircuitBreaker": {"enable": true, "rollback": true},
    });
    assert_eq!(
        held(deployment(guarded)),
        told(
            "deployment alarms, a deployment circuit breaker",
            "`deploymentConfiguration: {alarms: {enable: false}, deploymentCircuitBreaker: {enable: false}}`"
        )
    );
    // What is there and off keeps nothing, and another controller than ECS has other rules.
    let off = json!({
        "serviceConnectConfiguration": {"enabled": false}, "vpcLatticeConfigurations": [],
        "deploymentConfiguration": {
            "deploymentCircuitBreaker": {"enable": false, "rollback": false}, "strategy": "ROLLING",
            "alarms": {"alarmNames": [], "enable": false, "rollback": false}},
    });
    assert_eq!(web(off, json!({})).actions(), CHANGED);
    let breaker = json!({
        "deploymentController": {"type": "CODE_DEPLOY"},
        "deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": true, "rollback": true}},
    });
    let mut elsewhere = web(breaker, json!({}));
    elsewhere.live("web").controller = DeploymentController::CodeDeploy;
    assert_eq!(elsewhere.actions(), CHANGED);
}

#[test]
fn what_git_turns_off_with_the_same_commit_is_turned_off_first() {
    let breaker = |on: bool| json!({"deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": on, "rollback": false}}});
    let mut world = web(breaker(true), breaker(false));
    assert_eq!(
        (world.actions(), world.report("web").held),
        (vec!["EcsService/web: change deploymentConfiguration".to_owned()], vec![])
    );
    world.live("web").settings = settings(breaker(false));
    assert_eq!(world.actions(), CHANGED);
}
