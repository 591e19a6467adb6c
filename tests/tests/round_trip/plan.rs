//! The same through the built binary: services that run what their files say, and services in which one field is other.

use std::fmt::Write as _;

use aws_sdk_ecs::config::{Builder, Region};
use aws_sdk_ecs::types::{AwsVpcConfiguration, LaunchType, NetworkConfiguration};
use bowline_tests::aws::Clients;
use bowline_tests::bowline::Bowline;
use bowline_tests::generate::changes::{Change, of_each_field, of_each_tag};
use bowline_tests::generate::place::DEFINITION;
use bowline_tests::generate::samples::every_field;
use bowline_tests::git::Remote;
use bowline_tests::register::{Check, register_in};
use bowline_tests::servers::{ACCOUNT, REGION};
use bowline_tests::world::{CLUSTER, service, target};
use serde_json::{Value, json};

use super::{everything, simulator};

/// Bowline reads task definitions at half of AWS's rate, for each region: so many regions take a second, one takes a
/// minute.
const REGIONS: [&str; 18] = [
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

/// Creates a service without tasks.
async fn create(clients: &Clients, region: &'static str, name: &str, definition: &Value, arn: &str) {
    let fargate =
        definition["requiresCompatibilities"].as_array().is_some_and(|all| all.contains(&json!("FARGATE")));
    let launch = if fargate { LaunchType::Fargate } else { LaunchType::Ec2 };
    let network = AwsVpcConfiguration::builder().subnets("subnet-1").build().unwrap();
    let network = NetworkConfiguration::builder().awsvpc_configuration(network).build();
    let create = clients.ecs.create_service().cluster(CLUSTER).service_name(name);
    let create = create.task_definition(arn).desired_count(0).launch_type(launch);
    let create = create.set_network_configuration((definition["networkMode"] == "awsvpc").then_some(network));
    let there = Builder::new().region(Region::new(region));
    let sent = create.customize().config_override(there).send().await;
    sent.unwrap_or_else(|error| panic!("{name}: {error:?}\n{definition:#}"));
}

/// The paths of a service's differences.
fn paths(plan: &Value, name: &str) -> Vec<String> {
    let wanted = json!({"kind": "EcsService", "name": name});
    let report =
        plan["resources"].as_array().unwrap().iter().find(|report| report["resource"] == wanted).unwrap();
    let differences = report["differences"].as_array().unwrap().iter();
    let path = |difference: &Value| difference["path"].as_str().unwrap().to_owned();
    let inside = |path: String| path.strip_prefix("taskDefinition.").map_or(path.clone(), str::to_owned);
    differences.map(path).map(inside).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_empty_until_a_field_is_changed_and_names_that_field() {
    let simulator = simulator().await;
    let clients = Clients::new(&simulator.url(), ACCOUNT);
    let (unchanged, mut changes) = (everything(), of_each_field(*DEFINITION, &every_field()));
    changes.extend(of_each_tag(*DEFINITION, &every_field()));
    let live: Vec<Value> =
        unchanged.iter().cloned().chain(changes.iter().map(|change| change.definition.clone())).collect();
    let arns = register_in(&REGIONS, &simulator.url(), &live, Check::Nothing).await;

    let (mut manifests, mut files) = (String::new(), Vec::new());
    for region in REGIONS {
        let there = Builder::new().region(Region::new(region));
        let create = clients.ecs.create_cluster().cluster_name(CLUSTER);
        create.customize().config_override(there).send().await.unwrap();
        let target = target("observe").replace(REGION, region).replace(r#""prod""#, &format!("\"{region}\""));
        writeln!(manifests, "---\n{target}").unwrap();
    }
    for (number, (definition, arn)) in live.iter().zip(&arns).enumerate() {
        let name = format!("s{number:03}");
        let region = REGIONS[number % REGIONS.len()];
        create(&clients, region, &name, definition, arn).await;
        // The changed ones should run the definition before the change, which is the first one.
        let file = format!("definitions/{}.json", if number < unchanged.len() { number } else { 0 });
        let spec = json!({"taskDefinition": {"file": file}, "reveal": []});
        let service = service(&name, spec).replace(r#""prod""#, &format!("\"{region}\""));
        writeln!(manifests, "---\n{service}").unwrap();
        if number < unchanged.len() {
            files.push((file, format!("{definition:#}\n")));
        }
    }
    files.push(("services.yaml".to_owned(), manifests));
    let remote = Remote::new();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (&**path, &**text)).collect();
    remote.commit("All kinds of services", &files);
    let server = remote.serve(None);
    let plan = Bowline::new(&simulator.url(), &server.url()).plan().await.with_code(1).json();

    let name = |number: usize| format!("s{number:03}");
    let wrong: Vec<String> = (0..unchanged.len())
        .map(|number| (number, paths(&plan, &name(number))))
        .filter(|(_, paths)| !paths.is_empty())
        .map(|(number, paths)| format!("{}: {paths:?}", unchanged[number]["family"]))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let told = |(number, change): (usize, &Change)| {
        let paths = paths(&plan, &name(unchanged.len() + number));
        (!change.reported.is(&paths))
            .then(|| format!("{}: {paths:?} instead of {:?}", change.field, change.reported))
    };
    let wrong: Vec<String> = changes.iter().enumerate().filter_map(told).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let totals = json!({"in-sync": unchanged.len() + REGIONS.len(), "drifted": changes.len()});
    assert_eq!(plan["totals"], totals, "the services and their Targets");
    let text = plan.to_string();
    assert!(!text.contains("hidden"), "values of labels, driver options and log options are shown by length");
}
