//! What a pass over an unchanged world costs in calls.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bowline_sim::{Simulator, SimulatorConfig};
use bowline_tests::bowline::{Bowline, TIME_SCALE};
use bowline_tests::git::Remote;
use bowline_tests::until::until;
use bowline_tests::world::{World, service, target};
use serde_json::json;

const SERVICES: usize = 1000;

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_unchanged_services_cost_a_hundred_calls() {
    let config = SimulatorConfig { time_scale: TIME_SCALE, ..SimulatorConfig::default() };
    let simulator = Simulator::start(config).await.unwrap();
    let world = World::new(&simulator.url()).await;
    let revision = world.revision("web", "registry.test/web:1").await;
    let mut manifests = String::new();
    for number in 0..SERVICES {
        let name = format!("s{number:04}");
        world.create_service(&name, &revision, 1).await;
        let settings = json!({
            "enableExecuteCommand": false,
            "deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": true, "rollback": true}},
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
        });
        // One of them has drifted, and the mode holds it.
        let runs = if number == 0 { json!({"file": "web.json"}) } else { json!({"revision": "web:1"}) };
        let spec = json!({"taskDefinition": runs, "desiredCount": 1, "settings": settings});
        writeln!(manifests, "---\n{}", service(&name, spec)).unwrap();
    }
    world.settled(&format!("s{:04}", SERVICES - 1)).await;
    let remote = Remote::new();
    let wanted = json!({
        "family": "web", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
        "containerDefinitions": [
            {"name": "web", "image": "registry.test/web:2", "portMappings": [{"containerPort": 8080}]},
        ],
    });
    let files = [
        ("target.yaml", &target("observe")),
        ("services.yaml", &manifests),
        ("web.json", &wanted.to_string()),
    ];
    remote.commit("A thousand services", &files.map(|(path, text)| (path, text.as_str())));
    let server = remote.serve(None);
    let bowline = Bowline::new(&simulator.url(), &server.url());

    simulator.clear_calls();
    let plan = bowline.plan().await.with_code(1).json();
    let totals = json!({"in-sync": SERVICES, "drifted": 1});
    assert_eq!(plan["totals"], totals, "the services and their Target; one has another task definition");
    let once = [
        ("DescribeScalableTargets", SERVICES / 50),
        ("DescribeServiceRevisions", SERVICES / 20 + 1),
        ("DescribeServices", SERVICES / 10),
        ("DescribeTaskDefinition", 1),
        ("DescribeTasks", SERVICES / 100),
        ("ListServiceDeployments", 1),
        ("ListServices", SERVICES / 100),
        ("ListTaskDefinitions", 1),
        ("ListTasks", SERVICES / 100),
        ("GetCallerIdentity", 1),
    ];
    assert_eq!(
        simulator.call_counts(None),
        counts(&once),
        "the first pass reads once what is else read once an hour"
    );

    // An hour of Bowline's is three minutes here.
    let bowline = Bowline::new(&simulator.url(), &server.url()).with("BOWLINE_TIME_SCALE", "20");
    simulator.clear_calls();
    let running = bowline.start("run");
    let described = || simulator.call_counts(None).get("DescribeServices").copied().unwrap_or_default();
    until("the second pass", || async { (described() > SERVICES / 10).then_some(()) }).await;
    simulator.clear_calls();
    until("two more passes", || async { (described() > SERVICES / 5).then_some(()) }).await;
    drop(running);
    let hot: Vec<String> = simulator.call_counts(Some("ecs")).into_keys().collect();
    assert_eq!(hot, ["DescribeServices"]);
    assert_eq!(simulator.call_counts(None).get("DescribeScalableTargets"), None);
}

fn counts(calls: &[(&str, usize)]) -> BTreeMap<String, usize> {
    calls.iter().map(|(call, count)| ((*call).to_owned(), *count)).collect()
}
