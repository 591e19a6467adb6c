//! What a pass over an unchanged world costs in calls.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bowline_sim::{Simulator, SimulatorConfig};
use bowline_tests::bowline::{Bowline, TIME_SCALE};
use bowline_tests::git::Remote;
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
        let spec = json!({"taskDefinition": {"revision": "web:1"}, "desiredCount": 1, "settings": settings});
        writeln!(manifests, "---\n{}", service(&name, spec)).unwrap();
    }
    world.settled(&format!("s{:04}", SERVICES - 1)).await;
    let remote = Remote::new();
    remote
        .commit("A thousand services", &[("target.yaml", &target("enforce")), ("services.yaml", &manifests)]);
    let server = remote.serve(None);
    let bowline = Bowline::new(&simulator.url(), &server.url());

    simulator.clear_calls();
    let plan = bowline.plan().await.with_code(0).json();
    assert_eq!(plan["totals"], json!({"in-sync": SERVICES + 1}), "the services and their Target");
    let mut calls: BTreeMap<(String, String), usize> = BTreeMap::new();
    for call in simulator.calls() {
        *calls.entry((call.service, call.operation)).or_default() += 1;
    }
    let of = |service: &str, operation: &str, count| ((service.to_owned(), operation.to_owned()), count);
    // What is left over is looked for as well: a hundred names in a call, and nothing more to ask.
    let wanted = [
        of("ecs", "DescribeServices", SERVICES / 10),
        of("ecs", "ListServices", SERVICES / 100),
        of("sts", "GetCallerIdentity", 1),
    ];
    assert_eq!(calls, BTreeMap::from(wanted));
}
