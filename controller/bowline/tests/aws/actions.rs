//! Every operation: done, already done, superseded, failed, and with its answer lost.

use std::collections::BTreeMap;
use std::sync::Arc;

use bowline::execute::execute;
use bowline_core::desired::{ResourceKey, ResourceKind, TaskDefinitionContent};
use bowline_core::diff::settings_fingerprint;
use bowline_core::live::{Live, LiveService, UnknownCategory};
use bowline_core::name::{SecretVersionId, ServiceName, TaskDefinitionArn};
use bowline_core::plan::{Action, Expectation, Operation, Outcome, SettingsRequest, TagKey, Wave, Whose};
use bowline_sim::{Fault, FaultRule};
use serde_json::json;

use crate::world::{World, arn, name};

pub(crate) const ONE: &str = "version-000000000000000000000001";
pub(crate) const TWO: &str = "version-000000000000000000000002";
pub(crate) const THREE: &str = "version-000000000000000000000003";

pub(crate) fn action(operation: Operation, expect: Expectation) -> Action {
    let resource = ResourceKey { kind: ResourceKind::EcsService, name: name("web") };
    Action { target: name("live"), resource, operation, expect, wave: Wave::Services, because: Vec::new() }
}

async fn web(world: &World) -> LiveService {
    let live: Live = world.observe(None).await;
    live.services[&name("web")].known().unwrap().as_ref().clone()
}

fn as_found(service: &LiveService) -> Expectation {
    Expectation::Service {
        owner: bowline_core::plan::owner(service).map(str::to_owned),
        task_definition: service.task_definition.clone(),
        primary_deployment: service.primary().map(|primary| primary.id.clone()),
        desired_count: service.desired_count,
        settings: BTreeMap::new(),
    }
}

struct Change {
    task_definition: Option<TaskDefinitionArn>,
    desired_count: Option<u32>,
    force: bool,
}

fn update(service: &LiveService, change: Change) -> Operation {
    Operation::UpdateService {
        service: ServiceName::parse("web").unwrap(),
        service_arn: service.arn.clone(),
        task_definition: change.task_definition,
        desired_count: change.desired_count,
        force_new_deployment: change.force,
        settings: SettingsRequest::default(),
        tags: if change.force { vec![(TagKey::Restart, "token-1@old".to_owned())] } else { Vec::new() },
        spec_hash: None,
    }
}

fn deploy() -> Change {
    Change { task_definition: Some(arn("web:2")), desired_count: Some(3), force: false }
}

fn force() -> Change {
    Change { task_definition: None, desired_count: None, force: true }
}

async fn with_web() -> (World, LiveService) {
    let mut world = World::new().await;
    world.service("web").await;
    world.register("web", "example/app:2").await;
    let found = web(&world).await;
    (world, found)
}

#[tokio::test]
async fn a_deployment_is_done_once_and_known_by_its_id() {
    let (world, before) = with_web().await;
    let action = action(update(&before, deploy()), as_found(&before));
    let outcome = execute(&world.aws, &world.desired, &action).await;
    let after = web(&world).await;
    let primary = after.primary().unwrap().id.clone();
    assert_eq!(outcome, Outcome::Done { deployment_id: Some(primary), task_definition: Some(arn("web:2")) });
    assert_eq!((after.desired_count, after.task_definition.clone()), (3, Some(arn("web:2"))));
    assert_ne!(after.primary(), before.primary());

    world.calls();
    assert_eq!(execute(&world.aws, &world.desired, &action).await, Outcome::AlreadyDone);
    assert!(!world.calls().contains_key("UpdateService"));
}

#[tokio::test]
async fn a_restart_is_tagged_before_it_is_forced() {
    let (world, before) = with_web().await;
    world.calls();
    let action = action(update(&before, force()), as_found(&before));
    let outcome = execute(&world.aws, &world.desired, &action).await;
    let order: Vec<String> = world.simulator.calls().into_iter().map(|call| call.operation).collect();
    assert_eq!(order, ["DescribeServices", "TagResource", "UpdateService"]);
    let after = web(&world).await;
    assert!(
        matches!(outcome, Outcome::Done { deployment_id: Some(id), .. } if Some(&id) == after.primary().map(|p| &p.id))
    );
    assert_ne!(after.primary().map(|p| &p.id), before.primary().map(|p| &p.id));
    assert_eq!(after.tags.get("bowline:restart").map(String::as_str), Some("token-1@old"));

    // The PRIMARY deployment is another one now: the same action is not made a second time.
    let outcome = execute(&world.aws, &world.desired, &action).await;
    assert!(
        matches!(outcome, Outcome::Superseded { found } if found.starts_with("the PRIMARY deployment is ecs-svc/"))
    );
}

#[tokio::test]
async fn a_service_that_somebody_changed_is_left_alone() {
    let (world, before) = with_web().await;
    world.ecs.update_service().cluster("main").service("web").desired_count(5).send().await.unwrap();
    world.calls();
    let outcome =
        execute(&world.aws, &world.desired, &action(update(&before, deploy()), as_found(&before))).await;
    assert_eq!(outcome, Outcome::Superseded { found: "the desired count is 5, expected 2".to_owned() });
    assert!(!world.calls().contains_key("UpdateService"));
}

#[tokio::test]
async fn what_another_instance_claims_after_the_plan_is_left_alone() {
    let (world, before) = with_web().await;
    let claim = aws_sdk_ecs::types::Tag::builder().key("bowline:owner").value("staging").build();
    world.ecs.tag_resource().resource_arn(&before.arn).tags(claim).send().await.unwrap();
    let tags = vec![(TagKey::Owner, "bowline".to_owned())];
    let tag = Operation::TagService { service_arn: before.arn.clone(), tags };
    for operation in [update(&before, deploy()), update(&before, force()), tag] {
        world.calls();
        let outcome = execute(&world.aws, &world.desired, &action(operation, as_found(&before))).await;
        let found = "the service belongs to the Bowline instance `staging`, expected nobody".to_owned();
        assert_eq!(outcome, Outcome::Superseded { found });
        assert_eq!(world.calls(), BTreeMap::from([("DescribeServices".to_owned(), 1)]));
    }
}

#[tokio::test]
async fn a_claim_that_is_refused_holds_no_repair_up_but_a_record_does() {
    let claim = (TagKey::Owner, "bowline".to_owned());
    for (change, is_done) in [(deploy(), true), (force(), false)] {
        let (world, before) = with_web().await;
        let mut operation = update(&before, change);
        if let Operation::UpdateService { tags, .. } = &mut operation {
            tags.push(claim.clone());
        }
        world.simulator.add_fault(FaultRule::new(Fault::AccessDenied).operation("TagResource"));
        let outcome = execute(&world.aws, &world.desired, &action(operation, as_found(&before))).await;
        assert_eq!(matches!(outcome, Outcome::Done { .. }), is_done, "{outcome:?}");
        assert_eq!(web(&world).await.primary() != before.primary(), is_done);
    }
}

#[tokio::test]
async fn an_update_whose_answer_is_lost_is_looked_for_and_never_repeated() {
    for (fault, change) in [
        (Fault::LostReply, deploy()),
        (Fault::HalfBody, deploy()),
        (Fault::TruncateBody, force()),
        (Fault::LostReply, force()),
    ] {
        let (world, before) = with_web().await;
        world.simulator.add_fault(FaultRule::new(fault.clone()).operation("UpdateService"));
        world.calls();
        let outcome =
            execute(&world.aws, &world.desired, &action(update(&before, change), as_found(&before))).await;
        assert_eq!(world.calls().get("UpdateService"), Some(&1), "{fault:?}");
        let after = web(&world).await;
        let id = after.primary().unwrap().id.clone();
        let expected =
            Outcome::Done { deployment_id: Some(id), task_definition: after.task_definition.clone() };
        assert_eq!(outcome, expected, "{fault:?}");
    }
}

#[tokio::test]
async fn an_update_that_did_not_arrive_is_failed_and_not_repeated() {
    for (fault, category) in
        [(Fault::Reset, UnknownCategory::Unreachable), (Fault::ServerError500, UnknownCategory::ServerError)]
    {
        let (world, before) = with_web().await;
        world.simulator.add_fault(FaultRule::new(fault).operation("UpdateService"));
        world.calls();
        let outcome =
            execute(&world.aws, &world.desired, &action(update(&before, deploy()), as_found(&before))).await;
        assert!(matches!(&outcome, Outcome::Failed(why) if why.category == category), "{outcome:?}");
        assert_eq!(world.calls().get("UpdateService"), Some(&1));
    }
}

#[tokio::test]
async fn a_throttled_update_is_repeated_since_it_had_no_effect() {
    let (world, before) = with_web().await;
    world.simulator.add_fault(FaultRule::new(Fault::Throttle).operation("UpdateService").times(2));
    world.calls();
    let outcome =
        execute(&world.aws, &world.desired, &action(update(&before, deploy()), as_found(&before))).await;
    assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
    assert_eq!(world.calls().get("UpdateService"), Some(&3));
}

#[tokio::test]
async fn a_record_is_written_once() {
    let (world, before) = with_web().await;
    let tag = Operation::TagService {
        service_arn: before.arn.clone(),
        tags: vec![(TagKey::Secrets, "abc@-".to_owned()), (TagKey::Owner, "bowline".to_owned())],
    };
    let action = action(tag, as_found(&before));
    let done = Outcome::Done { deployment_id: None, task_definition: None };
    assert_eq!(execute(&world.aws, &world.desired, &action).await, done);
    let written = [("bowline:owner", "bowline"), ("bowline:secrets", "abc@-")];
    let written = written.map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(web(&world).await.tags, written.into_iter().collect());
    assert_eq!(execute(&world.aws, &world.desired, &action).await, Outcome::AlreadyDone);
}

async fn with_secret() -> (World, Action) {
    let mut world = World::new().await;
    world.secret("db", ONE).await;
    for version in [TWO, THREE] {
        let put = world
            .secrets
            .put_secret_value()
            .secret_id("db")
            .secret_string(version)
            .client_request_token(version);
        put.version_stages(format!("label-{version}")).send().await.unwrap();
    }
    let live = world.observe(None).await;
    let promote = Operation::PromoteSecret {
        secret_arn: live.secrets[&name("db")].known().unwrap().arn.clone(),
        to: SecretVersionId::parse(TWO).unwrap(),
        from: ONE.to_owned(),
    };
    let labels = live.secrets[&name("db")].known().unwrap().stages.clone();
    let expect = Expectation::SecretCurrent { version_id: ONE.to_owned(), labels, readers: Vec::new() };
    (world, action(promote, expect))
}

async fn current(world: &World) -> Option<String> {
    let live = world.observe(None).await;
    live.secrets[&name("db")].known().unwrap().current().map(str::to_owned)
}

pub(crate) async fn move_to(world: &World, to: &str, from: &str) {
    let call = world.secrets.update_secret_version_stage().secret_id("db").version_stage("AWSCURRENT");
    call.move_to_version_id(to).remove_from_version_id(from).send().await.unwrap();
}

#[tokio::test]
async fn a_secret_is_promoted_once() {
    let (world, promote) = with_secret().await;
    let done = Outcome::Done { deployment_id: None, task_definition: None };
    assert_eq!(execute(&world.aws, &world.desired, &promote).await, done);
    assert_eq!(current(&world).await.as_deref(), Some(TWO));
    assert_eq!(execute(&world.aws, &world.desired, &promote).await, Outcome::AlreadyDone);
}

#[tokio::test]
async fn a_promotion_whose_answer_is_lost_is_done() {
    for fault in [Fault::LostReply, Fault::TruncateBody] {
        let (world, promote) = with_secret().await;
        world.simulator.add_fault(FaultRule::new(fault).operation("UpdateSecretVersionStage"));
        let done = Outcome::Done { deployment_id: None, task_definition: None };
        assert_eq!(execute(&world.aws, &world.desired, &promote).await, done);
        assert_eq!(current(&world).await.as_deref(), Some(TWO));
    }
}

#[tokio::test]
async fn a_secret_that_somebody_rotated_is_left_alone() {
    let (world, promote) = with_secret().await;
    move_to(&world, THREE, ONE).await;
    let superseded = Outcome::Superseded { found: format!("AWSCURRENT is on {THREE}") };
    assert_eq!(execute(&world.aws, &world.desired, &promote).await, superseded);
    assert_eq!(current(&world).await.as_deref(), Some(THREE));
}

#[tokio::test]
async fn a_rotation_between_the_check_and_the_swap_makes_the_swap_fail() {
    let (world, mut promote) = with_secret().await;
    move_to(&world, THREE, ONE).await;
    // The check passes, as if it had been made before the rotation; the swap itself still names the older version.
    let labels = world.observe(None).await.secrets[&name("db")].known().unwrap().stages.clone();
    promote.expect = Expectation::SecretCurrent { version_id: THREE.to_owned(), labels, readers: Vec::new() };
    let superseded = Outcome::Superseded { found: format!("AWSCURRENT is on {THREE}") };
    assert_eq!(execute(&world.aws, &world.desired, &promote).await, superseded);
    assert_eq!(current(&world).await.as_deref(), Some(THREE));
}

pub(crate) fn content() -> Arc<TaskDefinitionContent> {
    Arc::new(TaskDefinitionContent::new(json!({
        "family": "web",
        "containerDefinitions": [{
            "name": "app", "image": "example/app:3", "memory": 256, "restartPolicy": { "enabled": true },
            "versionConsistency": "disabled", "secrets": [{ "name": "A", "valueFrom": "arn:aws:ssm:eu-central-1:111122223333:parameter/a" }],
        }],
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "executionRoleArn": "arn:aws:iam::111122223333:role/exec",
        "enableFaultInjection": true,
        "ephemeralStorage": { "sizeInGiB": 30 },
        "tags": [{ "key": "team", "value": "blue" }],
    })))
}

fn register(newest: Option<&str>) -> Action {
    let operation = Operation::RegisterTaskDefinition { family: "web".to_owned(), content: content() };
    let service = ServiceName::parse("web").unwrap();
    let whose = Whose { target: name("live"), service, owner: None };
    action(operation, Expectation::NewestRevision { arn: newest.map(arn), whose })
}

#[tokio::test]
async fn a_task_definition_arrives_exactly_as_it_was_sent() {
    let (world, _) = with_web().await;
    let outcome = execute(&world.aws, &world.desired, &register(Some("web:2"))).await;
    assert_eq!(outcome, Outcome::Done { deployment_id: None, task_definition: Some(arn("web:3")) });
    let mut live = world.observe(None).await;
    let need =
        bowline_core::plan::Need::TaskDefinition { target: name("live"), reference: "web:3".to_owned() };
    bowline::observe::read(&world.aws, &world.desired, &mut live, &std::collections::BTreeSet::from([need]))
        .await;
    let found = live.task_definitions[&(name("live"), "web:3".to_owned())].known().unwrap();
    let sent = content().value().clone();
    for (field, value) in sent.as_object().unwrap() {
        if field != "containerDefinitions" {
            assert_eq!(found.content.value().get(field), Some(value), "{field}");
        }
    }
    for (field, value) in sent["containerDefinitions"][0].as_object().unwrap() {
        let found = &found.content.value()["containerDefinitions"][0][field];
        if field == "restartPolicy" {
            assert_eq!(found["enabled"], true);
        } else {
            assert_eq!(found, value, "{field}");
        }
    }

    // The newest revision is another one now.
    let outcome = execute(&world.aws, &world.desired, &register(Some("web:2"))).await;
    let found = "the newest revision is web:3, expected web:2".to_owned();
    assert_eq!(outcome, Outcome::Superseded { found });
}

#[tokio::test]
async fn a_registration_whose_answer_is_lost_costs_no_second_revision() {
    for fault in [Fault::LostReply, Fault::HalfBody] {
        let (world, _) = with_web().await;
        world.simulator.add_fault(FaultRule::new(fault).operation("RegisterTaskDefinition"));
        let outcome = execute(&world.aws, &world.desired, &register(Some("web:2"))).await;
        assert_eq!(outcome, Outcome::Done { deployment_id: None, task_definition: Some(arn("web:3")) });
    }
    let (world, _) = with_web().await;
    world.simulator.add_fault(FaultRule::new(Fault::Reset).operation("RegisterTaskDefinition"));
    let outcome = execute(&world.aws, &world.desired, &register(Some("web:2"))).await;
    assert!(matches!(outcome, Outcome::Failed(why) if why.category == UnknownCategory::Unreachable));
}

#[tokio::test]
async fn a_first_revision_expects_none() {
    let world = World::new().await;
    let outcome = execute(&world.aws, &world.desired, &register(None)).await;
    assert_eq!(outcome, Outcome::Done { deployment_id: None, task_definition: Some(arn("web:1")) });
}

#[tokio::test]
async fn nothing_is_done_with_credentials_of_another_account() {
    let (mut world, before) = with_web().await;
    world.aws = crate::world::connect(&world.simulator.url(), "999988887777").await;
    world.calls();
    let outcome =
        execute(&world.aws, &world.desired, &action(update(&before, deploy()), as_found(&before))).await;
    assert!(matches!(outcome, Outcome::Failed(why) if why.category == UnknownCategory::WrongAccount));
    assert_eq!(world.calls().keys().collect::<Vec<_>>(), ["GetCallerIdentity"]);
}

#[tokio::test]
async fn an_inactive_task_definition_is_refused_by_ecs() {
    let (world, before) = with_web().await;
    world.ecs.deregister_task_definition().task_definition("web:2").send().await.unwrap();
    let outcome =
        execute(&world.aws, &world.desired, &action(update(&before, deploy()), as_found(&before))).await;
    assert!(matches!(outcome, Outcome::Failed(why) if why.category == UnknownCategory::Refused));
}

/// The change to at most 150 % during deployments, as it is planned now, with what it expects.
fn at_most_150_percent(service: &LiveService) -> Action {
    let field = "deploymentConfiguration";
    let mut value = service.settings.fields()[field].clone();
    value["maximumPercent"] = json!(150);
    let mut operation = update(service, Change { task_definition: None, desired_count: None, force: false });
    let mut expect = as_found(service);
    if let Operation::UpdateService { settings, .. } = &mut operation {
        settings.0.insert(field.to_owned(), value);
    }
    if let Expectation::Service { settings, .. } = &mut expect {
        settings.insert(field.to_owned(), settings_fingerprint(&service.settings, field));
    }
    action(operation, expect)
}

#[tokio::test]
async fn a_setting_that_somebody_changed_after_the_plan_is_not_overwritten() {
    let mut world = World::new().await;
    world.service("web").await;
    let planned = at_most_150_percent(&web(&world).await);
    let half = aws_sdk_ecs::types::DeploymentConfiguration::builder().minimum_healthy_percent(50).build();
    let update = world.ecs.update_service().cluster("main").service("web");
    update.deployment_configuration(half).send().await.unwrap();

    let found = "settings.deploymentConfiguration is not what it was when the plan was made".to_owned();
    assert_eq!(execute(&world.aws, &world.desired, &planned).await, Outcome::Superseded { found });

    // Planned anew, it goes through, and keeps what somebody else has set beside it.
    let planned = at_most_150_percent(&web(&world).await);
    let outcome = execute(&world.aws, &world.desired, &planned).await;
    assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
    let deployment = &web(&world).await.settings.fields()["deploymentConfiguration"];
    assert_eq!(
        (&deployment["maximumPercent"], &deployment["minimumHealthyPercent"]),
        (&json!(150), &json!(50))
    );
    assert_eq!(execute(&world.aws, &world.desired, &planned).await, Outcome::AlreadyDone);
}
