//! What goes wrong: unknown, with the reason, for exactly the resources that it concerns, and gone by itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use bowline_core::live::{AwsErrorDetail, UnknownCategory};
use bowline_core::name::{AccountId, RoleArn};
use bowline_sim::{Fault, FaultRule, SimulatorConfig};
use serde_json::json;

use crate::world::{ACCOUNT, World, connect, name, resource, services, target, why};

async fn two_services() -> World {
    let mut world = World::new().await;
    world.service("web").await;
    world.service("billing").await;
    world.observe(None).await;
    world
}

fn describe(fault: Fault) -> FaultRule {
    FaultRule::new(fault).operation("DescribeServices")
}

#[tokio::test]
async fn one_denied_service_leaves_the_others_known() {
    let world = two_services().await;
    world.simulator.add_fault(describe(Fault::AccessDenied).resource_contains("billing"));
    let live = world.observe(None).await;
    let expected = BTreeMap::from([("billing", Err(UnknownCategory::Denied)), ("web", Ok("known"))]);
    assert_eq!(services(&live), expected);
    let why = why(&live.services[&name("billing")]);
    assert_eq!(why.hint, "Allow ecs:DescribeServices for the role that Bowline uses.");
    let AwsErrorDetail { code, request_id, .. } = why.aws.clone().unwrap();
    assert_eq!(code, "AccessDeniedException");
    assert!(request_id.is_some());
}

#[tokio::test]
async fn what_passes_is_repeated_and_what_stays_is_unknown_until_it_is_gone() {
    let cases = [
        (Fault::Throttle, UnknownCategory::Throttled),
        (Fault::ServerError500, UnknownCategory::ServerError),
        (Fault::ServiceUnavailable503, UnknownCategory::ServerError),
        (Fault::Reset, UnknownCategory::Unreachable),
        (Fault::TruncateBody, UnknownCategory::BadAnswer),
        (Fault::HalfBody, UnknownCategory::BadAnswer),
    ];
    let world = two_services().await;
    let all = |state| BTreeMap::from([("billing", state), ("web", state)]);
    for (fault, category) in cases {
        world.simulator.add_fault(describe(fault.clone()).times(2));
        assert_eq!(services(&world.observe(None).await), all(Ok("known")), "{fault:?} twice");
        world.simulator.clear_faults();

        world.simulator.add_fault(describe(fault.clone()));
        world.calls();
        let live = world.observe(None).await;
        assert_eq!(services(&live), all(Err(category)), "{fault:?} for good");
        assert_eq!(world.calls().get("DescribeServices"), Some(&4), "{fault:?}: four attempts");
        let why = why(&live.services[&name("web")]);
        assert!(why.message.starts_with("ECS DescribeServices of billing, web in cluster main: "), "{why:?}");
        assert!(!why.message.contains(" { ") && !why.hint.is_empty(), "{why:?}");
        world.simulator.clear_faults();

        assert_eq!(services(&world.observe(Some(&live)).await), all(Ok("known")), "after {fault:?}");
    }
}

#[tokio::test]
async fn credentials_of_another_account_read_nothing() {
    let mut world =
        World::with(SimulatorConfig { time_scale: 0.0, ..SimulatorConfig::default() }, "999988887777").await;
    world.service("web").await;
    world.secret("db", "version-000000000000000000000001").await;
    world.calls();
    let live = world.observe(None).await;
    assert_eq!(services(&live), BTreeMap::from([("web", Err(UnknownCategory::WrongAccount))]));
    assert_eq!(why(&live.secrets[&name("db")]).category, UnknownCategory::WrongAccount);
    let why = why(&live.targets[&name("live")]);
    let message = &why.message;
    assert!(message.contains("999988887777") && message.contains(ACCOUNT), "{message}");
    assert_eq!(world.calls(), BTreeMap::from([("GetCallerIdentity".to_owned(), 1)]));
}

#[tokio::test]
async fn a_role_is_assumed_with_its_external_id() {
    let mut world =
        World::with(SimulatorConfig { time_scale: 0.0, ..SimulatorConfig::default() }, "999988887777").await;
    world.service("web").await;
    let arn = format!("arn:aws:iam::{ACCOUNT}:role/needs-external-id");
    let role = target(&json!({ "assumeRole": { "arn": arn } }));
    world.desired.targets.insert(name("live"), resource("live", role));
    let live = world.observe(None).await;
    let refused = why(&live.targets[&name("live")]);
    assert_eq!(refused.category, UnknownCategory::Denied, "{refused:?}");
    assert_eq!(services(&live), BTreeMap::from([("web", Err(UnknownCategory::Denied))]));

    let role = target(&json!({ "assumeRole": { "arn": arn, "externalId": "bowline-1" } }));
    world.desired.targets.insert(name("live"), resource("live", role));
    assert_eq!(services(&world.observe(None).await), BTreeMap::from([("web", Ok("known"))]));
}

#[tokio::test]
async fn of_a_target_outside_the_ceiling_aws_is_not_asked_and_others_go_on() {
    let role = |name: &str| format!("arn:aws:iam::{ACCOUNT}:role/{name}");
    let mut world = World::new().await;
    world.service("web").await;
    world.secret("db", "version-000000000000000000000001").await;
    world.want_state("app", "states", "app.tfstate");
    let within = resource("within", target(&json!({})));
    world.desired.targets.insert(name("within"), within);
    let mut other = world.desired.services[&name("web")].clone();
    Arc::make_mut(&mut other.resource).spec.target = name("within");
    world.desired.services.insert(name("other"), other);
    let before = world.observe(None).await;
    assert_eq!(services(&before), BTreeMap::from([("other", Ok("known")), ("web", Ok("known"))]));

    // Git names another account, or a role, and neither is in bowline.yaml.
    let cases = [
        json!({ "accountId": "999988887777" }),
        json!({ "assumeRole": { "arn": role("admin") } }),
        json!({ "accountId": "999988887777", "assumeRole": { "arn": "arn:aws:iam::999988887777:role/admin" } }),
    ];
    world.ceiling.accounts = [AccountId::parse(ACCOUNT).unwrap()].into();
    world.ceiling.roles = [RoleArn::parse(&role("bowline")).unwrap()].into();
    for fields in cases {
        world.desired.targets.insert(name("live"), resource("live", target(&fields)));
        world.calls();
        let live = world.observe(Some(&before)).await;
        let outside = Err(UnknownCategory::OutsideCeiling);
        assert_eq!(services(&live), BTreeMap::from([("other", Ok("known")), ("web", outside)]), "{fields}");
        assert_eq!(why(&live.secrets[&name("db")]).category, UnknownCategory::OutsideCeiling);
        assert_eq!(why(&live.states[&name("app")]).category, UnknownCategory::OutsideCeiling);
        assert_eq!(why(&live.targets[&name("live")]).category, UnknownCategory::OutsideCeiling);
        // The one call is that for the service of the other Target; whose account it is, is remembered.
        assert_eq!(world.calls(), BTreeMap::from([("DescribeServices".to_owned(), 1)]), "{fields}");
    }
}

#[tokio::test]
async fn expired_credentials_say_so_and_recover() {
    let mut world = two_services().await;
    world.simulator.add_fault(FaultRule::new(Fault::ExpiredToken).service("ecs"));
    let live = world.observe(None).await;
    let expired = Err(UnknownCategory::InvalidCredentials);
    assert_eq!(services(&live), BTreeMap::from([("billing", expired), ("web", expired)]));
    world.simulator.clear_faults();
    world.calls();
    assert_eq!(
        services(&world.observe(None).await),
        BTreeMap::from([("billing", Ok("known")), ("web", Ok("known"))])
    );
    assert_eq!(world.calls().get("GetCallerIdentity"), Some(&1), "refused credentials are asked for again");

    world.aws = connect(&world.simulator.url(), "AKIAEXPIRED0000000").await;
    let live = world.observe(None).await;
    assert_eq!(services(&live), BTreeMap::from([("billing", expired), ("web", expired)]));
}

#[tokio::test]
async fn nobody_at_the_endpoint_is_unreachable() {
    let mut world = two_services().await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    world.aws = connect(&format!("http://{free}"), ACCOUNT).await;
    let live = world.observe(None).await;
    let why = why(&live.services[&name("web")]);
    assert_eq!(why.category, UnknownCategory::Unreachable);
    assert!(why.message.contains("Connection refused"), "{}", why.message);
}

#[tokio::test]
async fn a_denied_secret_and_a_denied_state_concern_nothing_else() {
    let mut world = two_services().await;
    world.secret("db", "version-000000000000000000000001").await;
    world.bucket("states").await;
    world.want_state("prod", "states", "prod.tfstate");
    world.simulator.add_fault(FaultRule::new(Fault::AccessDenied).operation("DescribeSecret"));
    world.simulator.add_fault(FaultRule::new(Fault::AccessDenied).operation("HeadObject"));
    let live = world.observe(None).await;
    assert_eq!(services(&live), BTreeMap::from([("billing", Ok("known")), ("web", Ok("known"))]));
    let denied = why(&live.secrets[&name("db")]);
    assert_eq!(denied.category, UnknownCategory::Denied);
    assert_eq!(denied.hint, "Allow secretsmanager:DescribeSecret for the role that Bowline uses.");
    let denied = why(&live.states[&name("prod")]);
    assert_eq!(denied.category, UnknownCategory::Denied);
    assert_eq!(denied.message, "S3 HeadObject of s3://states/prod.tfstate: HTTP 403");
}
