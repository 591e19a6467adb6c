//! The whole way: a git repository over HTTP, an AWS that people change behind git's back, and the built binary.

use bowline_sim::{Simulator, SimulatorConfig};
use bowline_tests::aws::Cli;
use bowline_tests::bowline::{Bowline, TIME_SCALE};
use bowline_tests::git::Remote;
use bowline_tests::servers::{ACCOUNT, Server};
use bowline_tests::world::{World, arn, secret, service, target, task_definition, version};
use serde_json::{Value, json};

/// Git and live agree: two services, one by revision and one by file, and a secret.
async fn agreed(endpoint: &str) -> (World, Remote) {
    let world = World::new(endpoint).await;
    let web = world.revision("web", "registry.test/web:1").await;
    let api = world.revision("api", "registry.test/api:1").await;
    world.service("web", &web, 2).await;
    world.service("api", &api, 2).await;
    world.secret("app/db", 2).await;
    world.promote("app/db", &version(1), &version(2)).await;
    let remote = Remote::new();
    remote.commit(
        "Describe production",
        &[
            ("prod/target.yaml", &target("enforce")),
            ("prod/web.yaml", &service("web", json!({"taskDefinition": {"revision": "web:1"}, "desiredCount": 2}))),
            ("prod/api.yaml", &service("api", json!({"taskDefinition": {"file": "api.json"}, "desiredCount": 2}))),
            ("prod/api.json", &task_definition("api", "registry.test/api:1")),
            ("prod/secrets.yaml", &secret("db", "app/db", &version(2))),
        ],
    );
    (world, remote)
}

/// What people do by hand: scale, deploy another image, move a secret back.
async fn tamper(endpoint: &str, home: &std::path::Path) {
    let aws = Cli::new(endpoint, ACCOUNT, home);
    aws.run("ecs update-service --cluster main --service web --desired-count 3").await;
    std::fs::write(home.join("api.json"), task_definition("api", "registry.test/api:hotfix")).unwrap();
    let registered = aws.run("ecs register-task-definition --cli-input-json file://api.json").await;
    let hotfix = registered["taskDefinition"]["taskDefinitionArn"].as_str().unwrap();
    aws.run(&format!("ecs update-service --cluster main --service api --task-definition {hotfix}")).await;
    let (from, to) = (version(2), version(1));
    aws.run(&format!(
        "secretsmanager update-secret-version-stage --secret-id app/db --version-stage AWSCURRENT \
         --remove-from-version-id {from} --move-to-version-id {to}"
    ))
    .await;
}

/// The resources of a plan that are not in sync, with what is shown of them.
fn drifted(plan: &Value) -> Value {
    let resources = plan["resources"].as_array().unwrap().iter();
    resources
        .filter(|resource| resource["sync"] != "in-sync")
        .map(|resource| {
            let differences = resource["differences"].as_array().unwrap().iter().map(|difference| {
                json!([difference["path"], difference["reason"], difference["wanted"], difference["found"]])
            });
            json!({
                "resource": resource["resource"],
                "sync": resource["sync"],
                "differences": differences.collect::<Value>(),
                "held": resource["held"],
                "unknown": resource["unknown"],
            })
        })
        .collect()
}

async fn found_and_repaired(endpoint: &str) {
    let (world, remote) = agreed(endpoint).await;
    let server = remote.serve(None);
    let bowline = Bowline::new(endpoint, &server.url());
    bowline.plan().await.with_code(0);
    tamper(endpoint, bowline.home()).await;
    world.settled("web").await;
    world.settled("api").await;

    let plan = bowline.plan().await.with_code(1).json();
    assert_eq!(drifted(&plan), json!([]), "{plan:#}");

    bowline.apply().await.with_code(0);
    assert_eq!(world.at_a_glance("web").await, ("web:1".to_owned(), 2, 2));
    assert_eq!(world.at_a_glance("api").await, ("api:1".to_owned(), 2, 2));
    assert_eq!(world.current("app/db").await, Some(version(2)));
    assert_eq!(world.revisions("api").await, 2);
    let plan = bowline.plan().await.with_code(0).json();
    assert_eq!(drifted(&plan), json!([]), "{plan:#}");
    assert_eq!(world.described("api").await.task_definition(), Some(&*arn("task-definition/api:1")));
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_by_hand_in_the_simulator_are_shown_field_by_field_and_repaired() {
    let config = SimulatorConfig { time_scale: TIME_SCALE, ..SimulatorConfig::default() };
    let simulator = Simulator::start(config).await.unwrap();
    found_and_repaired(&simulator.url()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_by_hand_in_moto_are_shown_field_by_field_and_repaired() {
    let moto = Server::moto(2).await;
    found_and_repaired(&moto.url).await;
}
