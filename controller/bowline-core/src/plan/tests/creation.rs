//! Services that do not exist: when they are created, with what, and what comes first.

use serde_json::json;

use crate::desired::Retry;
use crate::desired::kind::Capability;
use crate::live::{LiveService, Observed, RolloutState, ServiceStatus};
use crate::name::RestartToken;
use crate::plan::fixture::*;
use crate::plan::*;

const NETWORK: &str = "networkConfiguration";

/// Git wants `web` created on a revision that exists, and another service is there.
fn web() -> Fixture {
    let mut world = Fixture::new()
        .with_service("other", "other:1")
        .with_service("web", "web:6")
        .with_revision("web:6", content("web", "f"));
    let create = json!({"launchType": "FARGATE", "tags": [{"key": "team", "value": "shop"}]});
    let settings = json!({NETWORK: {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}});
    world.spec("web").create = Some(serde_json::from_value(create).unwrap());
    world.spec("web").settings = serde_json::from_value(settings).unwrap();
    gone(world)
}

fn gone(mut world: Fixture) -> Fixture {
    world.live.services.insert(name("web"), Observed::Missing);
    world
}

fn creation(world: &Fixture) -> Operation {
    match &world.propose().actions[..] {
        [Action { operation: operation @ Operation::CreateService { .. }, .. }] => operation.clone(),
        other => panic!("a creation was expected: {other:?}"),
    }
}

fn token(world: &Fixture) -> String {
    let Operation::CreateService { client_token, .. } = creation(world) else { unreachable!() };
    client_token
}

fn held(world: &Fixture) -> Vec<String> {
    world.report("web").held.iter().map(ToString::to_string).collect()
}

/// The creation went out and began this deployment.
fn created(world: &mut Fixture, deployment: Option<&str>) {
    let action = world.propose().actions[0].clone();
    let id = deployment.map(|id| format!("ecs-svc/{id}"));
    let outcome = Outcome::Done { deployment_id: id, task_definition: Some(arn("web:6")) };
    record(&mut world.memory, &action, &outcome, &world.desired, COMMIT, world.now);
}

/// As ECS shows it right after.
fn shown(world: &Fixture, state: RolloutState) -> LiveService {
    let Operation::CreateService { tags, settings, .. } = creation(world) else { unreachable!() };
    let mut service = live_service("web", "web:6");
    service.deployments = vec![deployment("9", "web:6", state)];
    service.deployments[0].created_at = Some(world.now);
    service.settings = serde_json::from_value(serde_json::Value::Object(settings.0.clone())).unwrap();
    service.tags = tags.into_iter().map(|(key, value)| (key.as_str().to_owned(), value)).collect();
    service
}

#[test]
fn a_missing_service_is_created_with_everything_at_once() {
    let world = web().restarting("web", "t1");
    let plan = world.propose();
    let Operation::CreateService { client_token, spec_hash, .. } = creation(&world) else { unreachable!() };
    let tags = [
        (TagKey::ManagedBy, "bowline"),
        (TagKey::Owner, "bowline"),
        (TagKey::Resource, "EcsService/web"),
        (TagKey::Commit, COMMIT),
        (TagKey::Restart, "t1@-"),
    ];
    let fields = json!({
        "launchType": "FARGATE", "tags": [{"key": "team", "value": "shop"}],
        NETWORK: {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
    });
    let expected = Action {
        target: name("prod"),
        resource: service_key("web"),
        operation: Operation::CreateService {
            service: crate::name::ServiceName::parse("web").unwrap(),
            task_definition: arn("web:6"),
            desired_count: Some(2),
            settings: SettingsRequest(fields.as_object().unwrap().clone()),
            tags: tags.map(|(key, value)| (key, value.to_owned())).to_vec(),
            client_token,
            spec_hash,
        },
        expect: Expectation::NoService,
        wave: Wave::Services,
        because: plan.reports[&service_key("web")].differences.clone(),
    };
    assert_eq!(plan.actions, [expected]);
    assert_eq!(world.actions(), ["EcsService/web: create the service web with web:6 and 2 tasks"]);
    assert_eq!((world.report("web").sync, held(&world)), (Sync::Missing, Vec::new()));
    assert!(!plan.is_clean());
}

#[test]
fn without_create_it_is_reported_with_what_to_do() {
    let mut world = web();
    world.spec("web").create = None;
    assert_eq!(world.propose().actions, []);
    assert_eq!(
        held(&world),
        [
            "the service does not exist, and its manifest has no `create`: create it, let Bowline create it (add `create`, and \
          ecs:create to the capabilities), or delete its manifest"
        ]
    );
}

#[test]
fn without_the_capability_it_is_held() {
    let mut world = web();
    world.target("prod").capabilities.remove(&Capability::EcsCreate);
    let approved = crate::policy::approve(
        world.propose(),
        &world.desired,
        &ceiling(),
        &crate::policy::GitStanding::Fresh,
    );
    assert_eq!(approved.actions(), []);
    assert_eq!(
        approved.reports[&service_key("web")].held,
        [HeldWhy::NotPermitted {
            target: name("prod"),
            capability: Capability::EcsCreate,
            by_ceiling: false
        }]
    );
}

#[test]
fn what_it_runs_its_secrets_and_its_dependencies_come_first() {
    let file = web().with_file("web", content("web", "g")).with_recent("web", &["web:6"]);
    assert_eq!(file.actions(), ["EcsService/web: register a new revision of web"]);
    let registered = file.with_recent("web", &["web:7", "web:6"]).with_revision("web:7", content("web", "g"));
    assert_eq!(registered.actions(), ["EcsService/web: create the service web with web:7 and 2 tasks"]);
    let secret = web()
        .with_secret("db", "2", "1")
        .with_dates("db", &[("1", -200), ("2", -100)])
        .with_reader("web", "db");
    assert_eq!(
        secret.actions(),
        [format!("Secret/db: move AWSCURRENT from {} to {}", version("1"), version("2"))]
    );
    assert_eq!(secret.report("web").waiting_on, Some(WaitingOn::Wave { of: vec![secret_key("db")] }));
    let mut dependent = web();
    dependent.spec("web").depends_on = vec![name("other")];
    dependent.spec("other").desired_count = Some(5);
    assert_eq!(dependent.actions(), ["EcsService/other: set the desired count to 5"]);
    assert_eq!(dependent.report("web").waiting_on, Some(WaitingOn::Dependency { on: name("other") }));
}

#[test]
fn a_revision_that_is_not_known_is_read_first_and_one_that_does_not_exist_is_told() {
    let mut world = web();
    world.live.task_definitions.clear();
    let need = Need::TaskDefinition { target: name("prod"), reference: "web:6".to_owned() };
    assert_eq!(world.needs(), BTreeSet::from([need]));
    assert_eq!(world.propose().actions, []);
    world.live.task_definitions.insert((name("prod"), "web:6".to_owned()), Observed::Missing);
    assert_eq!(held(&world), ["the task definition web:6 does not exist: pin one that does, or register it"]);
}

#[test]
fn the_rollout_of_a_new_service_is_watched_and_then_all_is_well() {
    let mut world = web();
    let live = shown(&world, RolloutState::InProgress);
    created(&mut world, Some("9"));
    world.live.services.insert(name("web"), known_service(live));
    world.learn();
    assert_eq!((world.report("web").sync, world.propose().actions), (Sync::Progressing, vec![]));
    world.live("web").deployments[0].rollout_state = Some(RolloutState::Completed);
    world.learn();
    let memory = &world.memory.services[&name("web")];
    assert_eq!((memory.in_flight.clone(), memory.last_good.is_some()), (None, true));
    assert!(world.propose().is_clean());
    assert_eq!(world.propose().actions, []);
}

#[test]
fn a_creation_that_failed_is_not_made_again_until_git_changes_or_a_token_asks_for_it() {
    let mut world = web();
    let mut live = shown(&world, RolloutState::Failed);
    live.deployments[0].rollout_reason = Some("tasks failed to start".to_owned());
    created(&mut world, Some("9"));
    world.live.services.insert(name("web"), known_service(live));
    world.learn();
    assert_eq!((world.report("web").sync, world.propose().actions), (Sync::AwaitingGit, vec![]));
    // Somebody deletes what failed.
    let world = gone(world);
    assert_eq!((world.report("web").sync, world.propose().actions), (Sync::AwaitingGit, vec![]));
    assert!(matches!(world.report("web").held[..], [HeldWhy::Quarantined { .. }]));
    let mut again = world.clone();
    again.spec("web").restart = Some(RestartToken::parse("once-more").unwrap());
    creation(&again);
    creation(&world.with_revision("web:7", content("web", "g")).wanting("web", "web:7"));
}

#[test]
fn a_creation_that_failed_is_released_by_a_commit_once() {
    let mut world = web();
    let mut live = shown(&world, RolloutState::Failed);
    live.deployments[0].rollout_reason = Some("tasks failed to start".to_owned());
    created(&mut world, Some("9"));
    world.live.services.insert(name("web"), known_service(live));
    world.learn();
    let mut world = gone(world);
    let failed = world.report("web").failed.unwrap();
    assert_eq!((failed.commit.as_str(), failed.reason.as_str()), (COMMIT, "failed: tasks failed to start"));
    let retry = Retry { spec: failed.spec_hash.to_string(), commit: "c1".to_owned(), committed_at: at(60) };
    world.desired.retries.insert(0, retry);
    world.now = at(120);
    let action = world.propose().actions[0].clone();
    creation(&world);
    let outcome = Outcome::Done { deployment_id: Some("ecs-svc/10".to_owned()), task_definition: None };
    let events = record(&mut world.memory, &action, &outcome, &world.desired, COMMIT, world.now);
    let kinds: Vec<EventKind> = events.into_iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::RetryReleased, EventKind::ServiceCreated]);
    let mut live = live_service("web", "web:6");
    live.deployments = vec![deployment("10", "web:6", RolloutState::Failed)];
    live.deployments[0].created_at = Some(world.now);
    world.live.services.insert(name("web"), Observed::Known { value: live.into(), at: world.now });
    world.learn();
    let world = gone(world);
    assert_eq!((world.report("web").sync, world.propose().actions), (Sync::AwaitingGit, vec![]));
}

#[test]
fn a_creation_that_hangs_is_not_stopped_since_there_is_nothing_to_go_back_to() {
    let mut world = web();
    let live = shown(&world, RolloutState::InProgress);
    created(&mut world, Some("9"));
    world.now = at(1201);
    let live = LiveService { running_count: 0, ..live };
    world.live.services.insert(name("web"), Observed::Known { value: live.into(), at: at(1201) });
    world.learn();
    assert_eq!((world.report("web").sync, world.propose().actions), (Sync::AwaitingGit, vec![]));
}

#[test]
fn what_could_not_be_judged_is_not_created() {
    let mut world = web();
    let condition = json!([{"tcp": {"host": "web.test", "port": 80}}]);
    world.spec("web").health = serde_json::from_value(condition).unwrap();
    // Nothing answers of a service that does not exist: nothing is asked before.
    assert_eq!(world.needs(), BTreeSet::new());
    let approved = crate::policy::approve(
        world.propose(),
        &world.desired,
        &ceiling(),
        &crate::policy::GitStanding::Fresh,
    );
    assert_eq!(approved.actions(), []);
    let held = &approved.reports[&service_key("web")].held;
    assert!(
        matches!(&held[..], [HeldWhy::NeedsPerson { what }] if what.contains("ceiling.probeHosts")),
        "{held:?}"
    );
}

#[test]
fn the_token_is_the_same_until_an_attempt_has_ended() {
    let mut world = web();
    let first = token(&world);
    assert!(first.len() <= 36 && first.is_ascii(), "{first}");
    world.now = at(600);
    assert_eq!(token(&world), first);
    // AWS refused: nothing was created, and the same request may be made again.
    let action = world.propose().actions[0].clone();
    let failed = Outcome::Failed(reason(crate::live::UnknownCategory::Refused));
    record(&mut world.memory, &action, &failed, &world.desired, COMMIT, world.now);
    assert_eq!(token(&world), first);
    // It was created, and somebody deleted it.
    created(&mut world, Some("9"));
    let second = token(&world);
    assert_ne!(second, first);
    let moved = web().wanting("web", "web:7").with_revision("web:7", content("web", "g"));
    assert_ne!(token(&moved), first);
}

#[test]
fn a_service_that_is_being_deleted_is_waited_for_until_a_deadline() {
    let mut world = web();
    let mut live = live_service("web", "web:6");
    live.status = ServiceStatus::Draining;
    world.live.services.insert(name("web"), known_service(live));
    let waits = WaitingOn::Deletion { deadline: at(1200) };
    assert_eq!(world.report("web").waiting_on, Some(waits.clone()));
    world.learn();
    world.now = at(900);
    world.learn();
    assert_eq!(world.report("web").waiting_on, Some(waits));
    world.now = at(1201);
    world.learn();
    assert_eq!(world.report("web").waiting_on, None);
    assert!(held(&world)[0].starts_with("ECS has been deleting the service since 2026-11-21T12:00:00Z"));
    assert_eq!(world.propose().actions, []);
    world.live("web").status = ServiceStatus::Inactive;
    world.learn();
    assert_eq!(world.memory.services[&name("web")].draining_since, None);
    creation(&world);
}

#[test]
fn what_create_says_and_cannot_be_changed_is_reported_and_the_rest_is_only_where_it_began() {
    let mut world = Fixture::new().with_service("web", "web:6");
    let create = json!({
        "launchType": "FARGATE", "role": "/team/ecs", "enableExecuteCommand": true, "desiredCount": 7});
    world.spec("web").create = Some(serde_json::from_value(create).unwrap());
    let role = "arn:aws:iam::111122223333:role/team/ecs";
    let live = json!({"launchType": "EC2", "role": role, "enableExecuteCommand": false});
    world.live("web").settings = serde_json::from_value(live).unwrap();
    let report = world.report("web");
    let paths: Vec<&str> = report.differences.iter().map(|difference| difference.path.as_str()).collect();
    assert_eq!((report.sync, paths), (Sync::Drifted, vec!["create.launchType"]));
    assert_eq!(report.held, [HeldWhy::NeedsRecreation { field: "create.launchType".to_owned() }]);
    assert_eq!(world.propose().actions, []);
    world.spec("web").ignore = vec![crate::name::FieldPath::parse("create.launchType").unwrap()];
    assert!(world.propose().is_clean());
}

#[test]
fn a_launch_type_that_the_service_began_with_is_not_brought_back_but_told_how() {
    let mut world = Fixture::new().with_service("web", "web:6");
    world.spec("web").create =
        Some(serde_json::from_value(json!({"launchType": "FARGATE", "desiredCount": 2})).unwrap());
    let spot = json!({"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT"}]});
    world.live("web").settings = serde_json::from_value(spot).unwrap();
    assert_eq!(
        held(&world),
        [
            "a capacity provider strategy is in the place of create.launchType, and Bowline takes it away only where it knew the \
             service with that launch type, and nothing of the strategy is ignored: to keep the strategy, take create.launchType \
             out of git; to go back, `aws ecs update-service --cluster main --service web --capacity-provider-strategy '[]' \
             --force-new-deployment`, and see that tasks start"
        ]
    );
    assert_eq!(world.propose().actions, []);
}

#[test]
fn a_new_environment_is_created_and_one_that_vanished_is_not_believed() {
    let mut world = web();
    world.live.services.insert(name("other"), Observed::Missing);
    world.spec("other").create = Some(serde_json::from_value(json!({})).unwrap());
    let world = world.with_revision("other:1", content("other", "f"));
    assert_eq!(world.propose().actions.len(), 2);
    let mut vanished = world.clone();
    vanished.remember("other").reached_count = Some(2);
    assert_eq!(vanished.propose().actions, []);
    assert_eq!(vanished.report("web").sync, Sync::Unknown);
}
