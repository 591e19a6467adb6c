//! Settings of services to test with: samples of what people run, and varied ones by chance that ECS would take.

mod consistent;
mod samples;

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

pub use samples::{more_than_aws_takes, samples};

use super::place::SETTINGS;
use super::shape;

/// The family of a task definition for Fargate: containers `c0` and `c1`, ports `http` and `grpc`, volumes `data` and `logs`; and
/// what load balancers are pointed at by a change of one field.
pub const FARGATE: &str = "fargate";
/// The family of the same for EC2, in bridge mode.
pub const BRIDGE: &str = "bridge";

/// Where services may run: a server may look whether it exists.
#[derive(Debug, Clone)]
pub struct Network {
    /// At least two.
    pub subnets: Vec<String>,
    /// At least two.
    pub groups: Vec<String>,
    /// Whether the server fails where no groups are given, which ECS takes.
    pub needs_groups: bool,
}

impl Network {
    /// For servers that do not look.
    pub fn anywhere() -> Self {
        let names = |of: &str| (1..=3).map(|number| format!("{of}-{number}")).collect();
        Self { subnets: names("subnet"), groups: names("sg"), needs_groups: false }
    }
}

/// The task definitions that all services run.
pub fn task_definitions() -> Vec<Value> {
    let port =
        |port: u16, name: &str| json!([{"containerPort": port, "name": name}, {"containerPort": port + 1}]);
    let container = |name: &str, ports: Value| json!({"name": name, "image": "registry.test/app:1", "memory": 128, "portMappings": ports});
    let volume = |name: &str| json!({"name": name, "configuredAtLaunch": true});
    let containers = json!([
        container("c0", port(8080, "http")),
        container("c1", port(9090, "grpc")),
        container("c0-other", port(8080, "other")),
    ]);
    let volumes = json!([volume("data"), volume("logs")]);
    vec![
        json!({"family": FARGATE, "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
            "memory": "512", "containerDefinitions": containers, "volumes": volumes}),
        json!({"family": BRIDGE, "networkMode": "bridge", "requiresCompatibilities": ["EC2"],
            "containerDefinitions": containers, "volumes": volumes}),
    ]
}

/// Settings over the full shape of CreateService, each of which ECS would take; the same at every run.
pub fn varied(network: &Network, count: usize) -> Vec<Value> {
    let mut runner = TestRunner::deterministic();
    let strategy = shape::of("", SETTINGS.whole_schema());
    (0..count)
        .map(|number| {
            let drawn = strategy.new_tree(&mut runner).expect("nothing is rejected").current();
            consistent::made(number, drawn, network)
        })
        .collect()
}

/// CreateService of a service without tasks, with these settings.
pub fn request(name: &str, settings: &Value) -> Value {
    let mut request = settings.clone();
    request["serviceName"] = json!(name);
    request["taskDefinition"] = json!(revision(settings));
    if settings["schedulingStrategy"] != "DAEMON" {
        request["desiredCount"] = json!(0);
    }
    request
}

/// What a service with these settings runs.
pub fn revision(settings: &Value) -> String {
    let family = if settings.get("networkConfiguration").is_some() { FARGATE } else { BRIDGE };
    format!("{family}:1")
}
