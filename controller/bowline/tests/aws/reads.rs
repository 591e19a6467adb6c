//! What is read, and with how many calls.

use std::collections::{BTreeMap, BTreeSet};

use bowline::observe::{Scope, observe, read};
use bowline_core::live::{
    CircuitBreaker, DeploymentController, DeploymentStatus, Live, LiveDeployment, LiveService, LiveState,
    Observed, RolloutState, SchedulingStrategy, ServiceStatus, Tags, UnknownCategory,
};
use bowline_core::plan::Need;
use bowline_sim::{Fault, FaultRule};
use serde_json::json;

use crate::world::{ACCOUNT, World, arn, name, resource, services, target, why};

const VERSION: &str = "version-000000000000000000000001";
const LINEAGE: &str = "3f5b8b9e-0000-4000-8000-000000000001";

fn state(serial: u64) -> String {
    let head =
        format!(r#"{{"version":4,"terraform_version":"1.11.4","serial":{serial},"lineage":"{LINEAGE}","#);
    format!(r#"{head}"outputs":{{"password":{{"value":"hunter2"}}}},"resources":[]}}"#)
}

#[tokio::test]
async fn a_service_is_read_as_it_is() {
    let mut world = World::new().await;
    world.service("web").await;
    let live = world.observe(None).await;
    let Some(Observed::Known { value, .. }) = live.services.get(&name("web")) else { panic!("{live:?}") };
    let primary = value.primary().unwrap();
    let expected = LiveService {
        arn: format!("arn:aws:ecs:eu-central-1:{ACCOUNT}:service/main/web"),
        status: ServiceStatus::Active,
        desired_count: 2,
        running_count: 0,
        pending_count: value.pending_count,
        task_definition: Some(arn("web:1")),
        controller: DeploymentController::Ecs,
        scheduling: SchedulingStrategy::Replica,
        managed_by_ecs: false,
        circuit_breaker: CircuitBreaker::Off,
        deployments: vec![LiveDeployment {
            id: primary.id.clone(),
            status: DeploymentStatus::Primary,
            rollout_state: Some(RolloutState::InProgress),
            rollout_reason: primary.rollout_reason.clone(),
            task_definition: Some(arn("web:1")),
            desired_count: 2,
            running_count: 0,
            pending_count: primary.pending_count,
            failed_tasks: 0,
            created_at: primary.created_at,
        }],
        events: value.events.clone(),
        service_revision: value.service_revision.clone(),
        settings: value.settings.clone(),
        tags: Tags::default(),
    };
    assert_eq!(**value, expected);
    assert!(primary.id.starts_with("ecs-svc/") && primary.created_at.is_some());
}

#[tokio::test]
async fn a_daemon_service_is_told_apart() {
    let mut world = World::new().await;
    world.register("agent", "example/agent:1").await;
    let call = world.ecs.create_service().cluster("main").service_name("agent").task_definition("agent:1");
    call.scheduling_strategy(aws_sdk_ecs::types::SchedulingStrategy::Daemon).send().await.unwrap();
    world.want_service("agent");
    let live = world.observe(None).await;
    let scheduling = live.services[&name("agent")].known().map(|service| service.scheduling);
    assert_eq!(scheduling, Some(SchedulingStrategy::Daemon));
}

#[tokio::test]
async fn unchanged_services_cost_one_call_for_ten() {
    let mut world = World::new().await;
    for number in 0..25 {
        world.service(&format!("svc-{number}")).await;
    }
    let first = world.observe(None).await;
    world.calls();
    let second = world.observe(Some(&first)).await;
    assert!(second.services.values().all(|service| service.known().is_some()));
    // The account is verified once in five minutes.
    assert_eq!(world.calls(), BTreeMap::from([("DescribeServices".to_owned(), 3)]));
}

#[tokio::test]
async fn missing_is_believed_the_second_time() {
    let mut world = World::new().await;
    world.service("web").await;
    world.want_service("ghost");
    let first = world.observe(None).await;
    let suspicious = Err(UnknownCategory::SuspiciouslyMissing);
    assert_eq!(services(&first), BTreeMap::from([("ghost", suspicious), ("web", Ok("known"))]));
    let second = world.observe(Some(&first)).await;
    assert_eq!(services(&second), BTreeMap::from([("ghost", Ok("missing")), ("web", Ok("known"))]));
    let third = world.observe(Some(&second)).await;
    assert_eq!(services(&third), BTreeMap::from([("ghost", Ok("missing")), ("web", Ok("known"))]));
    world.service("ghost").await;
    let fourth = world.observe(Some(&third)).await;
    assert_eq!(services(&fourth), BTreeMap::from([("ghost", Ok("known")), ("web", Ok("known"))]));
}

#[tokio::test]
async fn a_target_of_which_everything_is_missing_is_unknown() {
    let mut world = World::new().await;
    world.want_service("a");
    world.want_service("b");
    let mut live = world.observe(None).await;
    for _ in 0..2 {
        live = world.observe(Some(&live)).await;
        let suspicious = Err(UnknownCategory::SuspiciouslyMissing);
        assert_eq!(services(&live), BTreeMap::from([("a", suspicious), ("b", suspicious)]));
    }
}

#[tokio::test]
async fn an_unknown_cluster_is_named_in_the_hint() {
    let mut world = World::new().await;
    world.want_service("web");
    let elsewhere = target(&json!({ "cluster": "mian" }));
    world.desired.targets.insert(name("live"), resource("live", elsewhere));
    let live = world.observe(None).await;
    let why = why(&live.services[&name("web")]);
    assert_eq!(why.category, UnknownCategory::Refused);
    assert_eq!(why.aws.as_ref().map(|aws| aws.code.as_str()), Some("ClusterNotFoundException"));
    let hint = format!(
        "Account {ACCOUNT} has no cluster `mian` in eu-central-1: check the Target's cluster and region."
    );
    assert_eq!(why.hint, hint);
}

#[tokio::test]
async fn secrets_are_read_without_their_values() {
    let mut world = World::new().await;
    world.secret("db", VERSION).await;
    let second = "version-000000000000000000000002";
    let put =
        world.secrets.put_secret_value().secret_id("db").secret_string("two").client_request_token(second);
    put.send().await.unwrap();
    let ghost = json!({ "target": "live", "secretId": "ghost", "versionId": VERSION });
    world.desired.secrets.insert(name("ghost"), resource("ghost", serde_json::from_value(ghost).unwrap()));
    world.calls();

    let mut live = world.observe(None).await;
    let stages = live.secrets[&name("db")].known().unwrap().stages.clone();
    let expected = [(VERSION, "AWSPREVIOUS"), (second, "AWSCURRENT")];
    let expected = expected.map(|(version, label)| (version.to_owned(), BTreeSet::from([label.to_owned()])));
    assert_eq!(stages, BTreeMap::from(expected));
    assert_eq!(live.secrets[&name("ghost")], Observed::Missing);

    let need = Need::SecretVersionDates { secret: name("db") };
    read(&world.aws, &world.desired, &mut live, &BTreeSet::from([need])).await;
    let dates = live.secret_version_dates[&name("db")].known().unwrap();
    assert_eq!(dates.keys().map(String::as_str).collect::<Vec<_>>(), [VERSION, second]);
    let calls = world.calls();
    assert!(!calls.contains_key("GetSecretValue") && !calls.contains_key("BatchGetSecretValue"), "{calls:?}");
}

#[tokio::test]
async fn of_a_state_only_four_fields_are_read_and_only_once_a_version() {
    let mut world = World::new().await;
    world.bucket("states").await;
    let put = |key: &'static str, body: String| {
        let call = world.s3.put_object().bucket("states").key(key).body(body.into_bytes().into());
        async move { call.send().await.unwrap() }
    };
    put("a", state(42)).await;
    put("old", r#"{"version":3,"serial":1}"#.to_owned()).await;
    put("tofu", r#"{"meta":{},"encrypted_data":"x","encryption_version":"v0"}"#.to_owned()).await;
    let second = put("a", state(43)).await;
    for (key, bucket) in
        [("a", "states"), ("old", "states"), ("tofu", "states"), ("gone", "states"), ("lost", "nowhere")]
    {
        world.want_state(key, bucket, key);
    }
    let live = world.observe(None).await;
    let found = live.states[&name("a")].known().unwrap();
    let expected = LiveState {
        services: BTreeMap::new(),
        version_id: None,
        etag: second.e_tag.unwrap(),
        last_modified: found.last_modified,
        serial: 43,
        lineage: LINEAGE.to_owned(),
        terraform_version: Some("1.11.4".to_owned()),
    };
    assert_eq!(*found, expected);
    assert_eq!(live.states[&name("gone")], Observed::Missing);
    let message = |state: &str| why(&live.states[&name(state)]).message.clone();
    assert_eq!(message("old"), "S3 GetObject of s3://states/old: the state's format version is not 4");
    assert_eq!(
        message("tofu"),
        "S3 GetObject of s3://states/tofu: the state is encrypted by OpenTofu: its serial and lineage cannot be read"
    );
    assert!(
        message("lost").starts_with("S3 GetObject of s3://nowhere/lost: NoSuchBucket"),
        "{}",
        message("lost")
    );

    for state in ["old", "tofu", "gone", "lost"] {
        world.desired.states.remove(&name(state));
    }
    world.calls();
    let again = world.observe(Some(&live)).await;
    assert_eq!(again.states[&name("a")].known(), Some(found));
    assert_eq!(world.calls(), BTreeMap::from([("HeadObject".to_owned(), 1)]));
}

#[tokio::test]
async fn what_is_not_due_is_carried_over() {
    let mut world = World::new().await;
    world.service("web").await;
    world.secret("db", VERSION).await;
    let first = world.observe(None).await;
    world.calls();
    let scope = Scope { services: false, secrets: true, states: false, strangers: false, all_tags: false };
    let second = observe(&world.aws, &world.desired, &world.ceiling, Some(&first), scope).await;
    assert_eq!(second.services, first.services);
    assert_eq!(world.calls(), BTreeMap::from([("DescribeSecret".to_owned(), 1)]));
}

#[tokio::test]
async fn of_task_definitions_those_are_kept_that_somebody_runs() {
    let mut world = World::new().await;
    world.service("web").await;
    world.register("web", "example/app:2").await;
    let mut first = world.observe(None).await;
    let need = |number: u32| {
        let reference = arn(&format!("web:{number}")).as_str().to_owned();
        Need::TaskDefinition { target: name("live"), reference }
    };
    read(&world.aws, &world.desired, &mut first, &[need(1), need(2)].into()).await;
    assert_eq!(first.task_definitions.len(), 2);
    let second = world.observe(Some(&first)).await;
    let runs = (name("live"), arn("web:1").as_str().to_owned());
    assert_eq!(
        second.task_definitions,
        [(runs.clone(), first.task_definitions[&runs].clone())].into(),
        "web:2 runs nowhere, and nobody asked for it"
    );
}

#[tokio::test]
async fn task_definitions_are_read_in_aws_s_own_shape_and_once() {
    let mut world = World::new().await;
    world.service("web").await;
    world.register("web", "example/app:2").await;
    world.register("web-canary", "example/app:3").await;
    let mut live = world.observe(None).await;
    let full = arn("web:1");
    let needs = BTreeSet::from([
        Need::TaskDefinition { target: name("live"), reference: "web:1".to_owned() },
        Need::TaskDefinition { target: name("live"), reference: full.as_str().to_owned() },
        Need::TaskDefinition { target: name("live"), reference: "web:9".to_owned() },
        Need::RecentRevisions { target: name("live"), family: "web".to_owned() },
    ]);
    read(&world.aws, &world.desired, &mut live, &needs).await;
    let definition =
        |live: &Live, reference: &str| live.task_definitions[&(name("live"), reference.to_owned())].clone();
    let found = definition(&live, "web:1").known().unwrap().clone();
    assert_eq!(found.arn, full);
    let content = found.content.value();
    let content = content.as_object().unwrap();
    assert_eq!(content["family"], "web");
    assert_eq!(content["containerDefinitions"][0]["image"], "example/app:1");
    for server_only in
        ["taskDefinitionArn", "revision", "status", "compatibilities", "registeredAt", "registeredBy"]
    {
        assert!(!content.contains_key(server_only), "{server_only}");
    }
    assert_eq!(definition(&live, full.as_str()).known(), Some(&found));
    assert_eq!(definition(&live, "web:9"), Observed::Missing);
    let revisions = live.recent_revisions[&(name("live"), "web".to_owned())].known().unwrap();
    assert_eq!(*revisions, [arn("web:2"), arn("web:1")]);

    world.calls();
    let mut again = world.observe(None).await;
    let need = Need::TaskDefinition { target: name("live"), reference: full.as_str().to_owned() };
    read(&world.aws, &world.desired, &mut again, &BTreeSet::from([need])).await;
    assert_eq!(definition(&again, full.as_str()).known(), Some(&found));
    assert!(!world.calls().contains_key("DescribeTaskDefinition"));
}

#[tokio::test]
async fn histories_and_task_starts_are_read_on_demand() {
    let mut world = World::new().await;
    world.service("web").await;
    for _ in 0..30 {
        world.simulator.advance(std::time::Duration::from_secs(10));
    }
    let mut live = world.observe(None).await;
    let needs = BTreeSet::from([
        Need::History { service: name("web") },
        Need::TaskStarts { service: name("web") },
        Need::History { service: name("no-longer-in-git") },
    ]);
    read(&world.aws, &world.desired, &mut live, &needs).await;
    let history = live.histories[&name("web")].known().unwrap();
    let service = live.services[&name("web")].known().unwrap();
    assert_eq!(history.len(), 1);
    assert_eq!(history[0].task_definition, Some(arn("web:1")));
    assert_eq!(Some(&history[0].deployment_id), service.primary().map(|primary| &primary.id));
    assert_eq!(live.task_starts[&name("web")].known().unwrap().len(), 2);
    assert_eq!(why(&live.histories[&name("no-longer-in-git")]).category, UnknownCategory::NotRead);
}

#[tokio::test]
async fn a_settled_history_is_kept_and_a_half_one_is_unknown() {
    let mut world = World::new().await;
    world.service("web").await;
    let needs = BTreeSet::from([Need::History { service: name("web") }]);
    let denied = FaultRule::new(Fault::AccessDenied).operation("DescribeServiceRevisions");
    world.simulator.add_fault(denied);
    let mut live = world.observe(None).await;
    read(&world.aws, &world.desired, &mut live, &needs).await;
    assert_eq!(why(&live.histories[&name("web")]).category, UnknownCategory::Denied);
    world.simulator.clear_faults();

    // A failure is not kept, so that it is asked for again; nor is anything while the rollout is under way.
    let mut live = world.observe(Some(&live)).await;
    assert!(live.histories.is_empty());
    read(&world.aws, &world.desired, &mut live, &needs).await;
    assert!(live.histories[&name("web")].known().is_some());
    assert!(world.observe(Some(&live)).await.histories.is_empty());

    for _ in 0..30 {
        world.simulator.advance(std::time::Duration::from_secs(10));
    }
    let mut live = world.observe(Some(&live)).await;
    read(&world.aws, &world.desired, &mut live, &needs).await;
    assert_eq!(world.observe(Some(&live)).await.histories, live.histories);
}
