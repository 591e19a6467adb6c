//! Ports that the service relies on: a task definition with which ECS would refuse the service is not even registered.

use serde_json::{Value, json};

use crate::desired::TaskDefinitionContent;
use crate::plan::fixture::*;
use crate::plan::*;

/// A task definition with one container that has these port mappings.
fn with_ports(container: &str, ports: &Value) -> TaskDefinitionContent {
    TaskDefinitionContent::new(json!({
        "family": "web", "networkMode": "awsvpc",
        "containerDefinitions": [{"name": container, "image": "web:6", "portMappings": ports}],
    }))
}

fn http() -> Value {
    json!([{"name": "http", "containerPort": 80, "appProtocol": "http"}, {"name": "admin", "containerPort": 81}])
}

/// `web` runs the container `app` with these settings, and its file has this content.
fn web(live: Value, file: TaskDefinitionContent) -> Fixture {
    let mut world = Fixture::new()
        .with_service("web", "web:6")
        .with_revision("web:6", with_ports("app", &http()))
        .with_recent("web", &["web:6"])
        .with_history("web", Vec::new())
        .with_file("web", file);
    world.live("web").settings = serde_json::from_value(live).unwrap();
    world
}

fn held(world: &Fixture) -> Vec<String> {
    world.report("web").held.iter().map(ToString::to_string).collect()
}

const REGISTERED: [&str; 1] = ["EcsService/web: register a new revision of web"];

/// Service Connect is on, or off, and serves these ports.
fn connect(enabled: bool, ports: &[&str]) -> Value {
    let services: Vec<Value> = ports.iter().map(|port| json!({"portName": port})).collect();
    json!({"serviceConnectConfiguration": {"enabled": enabled, "namespace": "internal", "services": services}})
}

#[test]
fn a_port_that_service_connect_serves_is_no_other_kind_of_port_later() {
    let file = with_ports(
        "app",
        &json!([{"name": "http", "containerPort": 80, "appProtocol": "grpc"}, {"name": "admin", "containerPort": 81, "protocol": "udp"}]),
    );
    let at = |port: &str, field: &str| {
        let field =
            format!("taskDefinition.containerDefinitions[name=app].portMappings[name={port}].{field}");
        HeldWhy::NeedsRecreation { field }
    };
    let both = web(connect(true, &["http", "admin"]), file.clone());
    let report = both.report("web");
    assert_eq!(report.held, [at("http", "appProtocol"), at("admin", "protocol")]);
    assert_eq!((both.actions(), report.sync, report.waiting_on), (vec![], Sync::Drifted, None));
    let one = web(connect(true, &["admin"]), file.clone());
    assert_eq!((one.actions(), one.report("web").held), (vec![], vec![at("admin", "protocol")]));

    // It is not on, does not serve that port, or git takes the port out of it with the same commit.
    for free in [connect(false, &["http"]), connect(true, &[]), json!({})] {
        let world = web(free, file.clone());
        assert_eq!((world.actions(), held(&world)), (REGISTERED.map(str::to_owned).to_vec(), vec![]));
    }
    let mut taken_out = web(connect(true, &["http", "admin"]), file);
    taken_out.spec("web").settings =
        serde_json::from_value(json!({"serviceConnectConfiguration": {"enabled": false}})).unwrap();
    assert_eq!((taken_out.actions(), held(&taken_out)), (REGISTERED.map(str::to_owned).to_vec(), vec![]));
    // Another container port, and a default that is written out, are no such change.
    let same = with_ports(
        "app",
        &json!([{"name": "http", "containerPort": 8080, "appProtocol": "http", "protocol": "tcp"}, {"name": "admin", "containerPort": 81}]),
    );
    let moved = web(connect(true, &["http", "admin"]), same);
    assert_eq!((moved.actions(), held(&moved)), (REGISTERED.map(str::to_owned).to_vec(), vec![]));
}

#[test]
fn a_port_that_the_service_names_keeps_its_name() {
    let renamed = with_ports("app", &json!([{"name": "web", "containerPort": 80}]));
    let gone = |setting: &str| {
        let what = format!(
            "the service's {setting} names the port `http`, and no port mapping of the task definition that git wants has that \
             name, so ECS refuses it: give one the name again, or name another one in `settings.{setting}`"
        );
        vec![HeldWhy::NeedsPerson { what }]
    };
    let lattice = |port: &str| json!({"vpcLatticeConfigurations": [{"portName": port, "roleArn": "arn:role", "targetGroupArn": "arn:one"}]});
    for (live, setting) in [
        (connect(true, &["http"]), "serviceConnectConfiguration"),
        (lattice("http"), "vpcLatticeConfigurations"),
    ] {
        let world = web(live, renamed.clone());
        assert_eq!((world.actions(), world.report("web").held), (vec![], gone(setting)));
    }
    let mut along = web(lattice("http"), renamed);
    along.spec("web").settings = serde_json::from_value(lattice("web")).unwrap();
    assert_eq!((along.actions(), held(&along)), (REGISTERED.map(str::to_owned).to_vec(), vec![]));
}

#[test]
fn a_pinned_revision_with_another_kind_of_port_is_held_and_what_runs_is_read_for_it() {
    let pinned = with_ports("app", &json!([{"name": "http", "containerPort": 80}]));
    let mut world =
        web(connect(true, &["http"]), pinned.clone()).with_revision("web:7", pinned).wanting("web", "web:7");
    let at = "taskDefinition.containerDefinitions[name=app].portMappings[name=http].appProtocol";
    assert_eq!(
        (world.actions(), world.report("web").held),
        (vec![], vec![HeldWhy::NeedsRecreation { field: at.to_owned() }])
    );
    // What runs is not known: nothing is begun.
    world.live.task_definitions.remove(&(name("prod"), "web:6".to_owned()));
    let what = "the task definition web:6: not read yet".to_owned();
    assert_eq!((world.actions(), world.report("web").waiting_on), (vec![], Some(WaitingOn::Read { what })));
}

#[test]
fn what_a_load_balancer_that_only_live_names_needs_is_told_before_anything_is_registered() {
    let balancers = |container: &str, port: u32| json!({"loadBalancers": [{"targetGroupArn": "arn:blue", "containerName": container, "containerPort": port}]});
    let other_port = with_ports("app", &json!([{"containerPort": 8080}]));
    let gone = |sent_to: &str, lacking: &str| {
        let what = format!(
            "the service's load balancer (arn:blue) sends traffic to {sent_to}, and the task definition that git wants \
             {lacking}, so ECS refuses it: put it back, or say in `settings.loadBalancers` where the traffic is to go"
        );
        vec![HeldWhy::NeedsPerson { what }]
    };
    let without_port = web(balancers("app", 80), other_port.clone());
    assert_eq!(
        (without_port.actions(), without_port.report("web").held),
        (vec![], gone("the container `app` on port 80", "does not map that port"))
    );
    let renamed = web(balancers("app", 80), with_ports("server", &http()));
    assert_eq!(
        (renamed.actions(), renamed.report("web").held),
        (vec![], gone("the container `app` on port 80", "does not have that container"))
    );
    // With git's own load balancers it fits again, and so does what keeps both.
    let mut moved = web(balancers("app", 80), other_port);
    moved.spec("web").settings = serde_json::from_value(balancers("app", 8080)).unwrap();
    let kept = web(balancers("app", 81), with_ports("app", &json!([{"containerPort": 81}])));
    for world in [moved, kept] {
        assert_eq!((world.actions(), held(&world)), (REGISTERED.map(str::to_owned).to_vec(), vec![]));
    }
}
