//! What a pass says of services that run one definition while git has another one: registered by boto3, observed and planned by
//! the functions that a pass of Bowline calls.

use std::fmt::Write as _;

use aws_sdk_ecs::types::{AwsVpcConfiguration, LaunchType, NetworkConfiguration};
use bowline::observe::{self, Scope};
use bowline::source::folder;
use bowline_core::desired::{ResourceKey, ResourceKind};
use bowline_core::diff::Difference;
use bowline_core::name::{InstanceName, ResourceName};
use bowline_core::plan::{Actor, Memory, due_seldom, needs, propose};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::aws::bowlines;
use crate::register::{Check, anything, register};
use crate::world::{CLUSTER, World, service, target};

/// As many rounds as a pass asks for more to read.
const MOST_ROUNDS: usize = 8;

/// A server, and where its services are put.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Where it listens.
    pub url: String,
    /// A subnet and a security group, where the server looks whether they exist.
    pub network: [String; 2],
    /// How many tasks each service has: moto says of all that so many run.
    pub tasks: i32,
}

impl Endpoint {
    /// A server that takes any subnet.
    pub fn new(url: &str) -> Self {
        Self { url: url.to_owned(), network: ["subnet-1".to_owned(), "sg-1".to_owned()], tasks: 0 }
    }
}

/// The differences of each pair: what git has, and what the service runs. `cluster` is made for them.
///
/// # Panics
/// When the server refuses something, or a definition of git has findings.
pub async fn planned(
    endpoint: &Endpoint,
    cluster: &str,
    pairs: &[(&Value, &Value)],
    check: Check,
) -> Vec<Vec<Difference>> {
    let world = World::in_cluster(&endpoint.url, cluster).await.in_network(endpoint.network.clone());
    let live: Vec<Value> = pairs.iter().map(|(_, live)| (*live).clone()).collect();
    let arns = register(&endpoint.url, &live, check).await;
    let home = tempfile::tempdir().expect("a folder can be made");
    let write = |name: &str, text: &str| {
        std::fs::write(home.path().join(name), text).expect("a file can be written");
    };
    let mut manifests = target("observe").replace(&format!("\"{CLUSTER}\""), &format!("\"{cluster}\""));
    for (number, ((git, live), arn)) in pairs.iter().zip(&arns).enumerate() {
        let name = name(number);
        create(&world, cluster, (&name, live, arn), endpoint.tasks).await;
        write(&format!("{name}.json"), &git.to_string());
        let spec = json!({"taskDefinition": {"file": format!("{name}.json")}});
        write!(manifests, "---\n{}", service(&name, spec)).expect("text can be written");
    }
    write("services.yaml", &manifests);
    let (desired, findings) = folder::read(home.path()).expect("the folder can be read");
    assert!(findings.is_empty(), "{findings:#?}");

    let aws = bowlines(&endpoint.url).await;
    let (memory, now) = (Memory::default(), Timestamp::now());
    let instance = InstanceName::parse("bowline").expect("a name");
    let actor = Actor { instance: &instance, commit: "c0ffee" };
    let mut live = observe::observe(&aws, &desired, &anything(), None, Scope::ALL).await;
    let due = due_seldom(&desired, &live, &memory, now);
    observe::read_seldom(&aws, &desired, &mut live, due, Scope::ALL).await;
    for _ in 0..MOST_ROUNDS {
        let needs = needs(&desired, &live, &memory, actor, now);
        if needs.is_empty() {
            break;
        }
        observe::read(&aws, &desired, &mut live, &needs).await;
    }
    let mut proposed = propose(&desired, &live, &memory, actor, now);
    let reports = (0..pairs.len()).map(|number| {
        let name = ResourceName::parse(&name(number)).expect("a name");
        let key = ResourceKey { kind: ResourceKind::EcsService, name };
        let report = proposed.reports.remove(&key).expect("it is in git");
        assert!(report.unknown.is_none(), "{}: {:?}", pairs[number].1["family"], report.unknown);
        report.differences.into_iter().map(inside).collect()
    });
    reports.collect()
}

fn name(number: usize) -> String {
    format!("s{number:03}")
}

/// The difference as inside of the task definition.
fn inside(mut difference: Difference) -> Difference {
    if let Some(path) = difference.path.strip_prefix("taskDefinition.") {
        difference.path = path.to_owned();
    }
    difference
}

async fn create(world: &World, cluster: &str, (name, definition, arn): (&str, &Value, &str), tasks: i32) {
    let fargate =
        definition["requiresCompatibilities"].as_array().is_some_and(|all| all.contains(&json!("FARGATE")));
    let launch = if fargate { LaunchType::Fargate } else { LaunchType::Ec2 };
    let [subnet, group] = world.network();
    let network = AwsVpcConfiguration::builder().subnets(subnet).security_groups(group).build();
    let network = network.expect("it has subnets");
    let network = NetworkConfiguration::builder().awsvpc_configuration(network).build();
    let create = world.clients.ecs.create_service().cluster(cluster).service_name(name);
    let create = create.task_definition(arn).desired_count(tasks).launch_type(launch);
    let create = create.set_network_configuration((definition["networkMode"] == "awsvpc").then_some(network));
    create.send().await.unwrap_or_else(|error| panic!("{name}: {error:?}\n{definition:#}"));
}
