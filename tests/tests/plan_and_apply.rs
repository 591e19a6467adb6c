//! The whole way: a git repository over HTTP, an AWS that people change behind git's back, and the built binary.

use bowline_sim::{Simulator, SimulatorConfig};
use bowline_tests::aws::Cli;
use bowline_tests::bowline::{Bowline, TIME_SCALE};
use bowline_tests::git::Remote;
use bowline_tests::servers::{ACCOUNT, Server};
use bowline_tests::world::{World, arn, secret, service, target, task_definition, version};
use serde_json::{Value, json};

/// Git and live agree: two services, one by revision and one by file, and a secret.
async fn agreed(endpoint: &str, network: Option<[String; 2]>) -> (World, Remote) {
    let mut world = World::new(endpoint).await;
    if let Some(network) = network {
        world = world.in_network(network);
    }
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
            (
                "prod/web.yaml",
                &service("web", json!({"taskDefinition": {"revision": "web:1"}, "desiredCount": 2})),
            ),
            (
                "prod/api.yaml",
                &service("api", json!({"taskDefinition": {"file": "api.json"}, "desiredCount": 2})),
            ),
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

/// CodeDeploy deploys the service, and its count is git's: it is compared, told and set, and ECS takes it.
#[tokio::test(flavor = "multi_thread")]
async fn the_count_of_a_service_that_code_deploy_deploys_is_put_right() {
    let config = SimulatorConfig { time_scale: TIME_SCALE, ..SimulatorConfig::default() };
    let simulator = Simulator::start(config).await.unwrap();
    let world = World::new(&simulator.url()).await;
    world.revision("shop", "registry.test/shop:1").await;
    world.revision("shop", "registry.test/shop:2").await;
    let remote = Remote::new();
    let shop = service("shop", json!({"taskDefinition": {"revision": "shop:2"}, "desiredCount": 2}));
    remote.commit("Two", &[("target.yaml", &target("enforce")), ("shop.yaml", &shop)]);
    let server = remote.serve(None);
    let bowline = Bowline::new(&simulator.url(), &server.url());
    Cli::new(&simulator.url(), ACCOUNT, bowline.home())
        .run(
            "ecs create-service --cluster main --service-name shop --task-definition shop:1 --desired-count 1 \
             --launch-type FARGATE --deployment-controller type=CODE_DEPLOY \
             --network-configuration awsvpcConfiguration={subnets=[subnet-1]}",
        )
        .await;
    let plan = bowline.plan().await.with_code(1).json();
    let shop = &plan["resources"][1];
    let note =
        "CodeDeploy deploys this service: its task definition is not compared, and nothing is restarted";
    let count = json!([{"path": "desiredCount", "reason": "changed", "wanted": {"text": "2"}, "found": {"text": "1"},
        "note": null}]);
    assert_eq!((&shop["differences"], &shop["notes"]), (&count, &json!([note])));
    bowline.apply().await.with_code(0);
    let found = world.described("shop").await;
    assert_eq!((found.desired_count, found.running_count), (2, 2));
    assert_eq!(found.task_definition, Some(arn("task-definition/shop:1")));
    bowline.plan().await.with_code(0);
}

/// The document without what differs from one run to the next.
fn masked(mut document: Value) -> Value {
    const VARYING: [&str; 7] =
        ["id", "commit", "readAt", "repo", "primaryDeployment", "secretArn", "specHash"];
    fn mask(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    if VARYING.contains(&name.as_str()) && value.is_string() {
                        *value = json!("...");
                    }
                    mask(value);
                }
            }
            Value::Array(values) if values.first() == Some(&json!("bowline:commit")) => {
                values.truncate(1);
                values.push(json!("..."));
            }
            Value::Array(values) => values.iter_mut().for_each(mask),
            _ => {}
        }
    }
    mask(&mut document);
    document
}

fn difference(path: &str, wanted: &str, found: &str, note: Option<&str>) -> Value {
    json!({"path": path, "reason": "changed", "wanted": {"text": wanted}, "found": {"text": found}, "note": note})
}

fn report(kind: &str, name: &str, sync: &str, differences: &[Value], waiting_on: &Value) -> Value {
    let target = if kind == "Target" { Value::Null } else { json!("prod") };
    json!({
        "resource": {"kind": kind, "name": name}, "target": target, "sync": sync, "differences": differences,
        "held": [], "notes": [], "unknown": null, "waitingOn": waiting_on,
    })
}

fn update(name: &str, revision: u32, count: u32, because: &Value, change: &Value) -> Value {
    let mut operation = json!({
        "operation": "updateService", "service": name, "serviceArn": arn(&format!("service/main/{name}")),
        "taskDefinition": null, "desiredCount": null, "forceNewDeployment": false, "specHash": null,
        "tags": [
            ["bowline:managed-by", "bowline"], ["bowline:owner", "bowline"],
            ["bowline:resource", format!("EcsService/{name}")], ["bowline:commit", "..."],
        ],
    });
    for (field, value) in change.as_object().unwrap() {
        operation[field] = value.clone();
    }
    json!({
        "target": "prod", "resource": {"kind": "EcsService", "name": name}, "wave": "services", "because": [because],
        "operation": operation,
        "expect": {
            "expect": "service", "owner": null, "primaryDeployment": "...", "desiredCount": count,
            "taskDefinition": arn(&format!("task-definition/{name}:{revision}")),
        },
    })
}

/// Everything that `plan -o json` says after [`tamper`].
fn expected() -> Value {
    let (old, new) = (version(1), version(2));
    let image = difference(
        "taskDefinition.containerDefinitions[name=api].image",
        "registry.test/api:1",
        "registry.test/api:hotfix",
        Some("wanted by prod/api.json"),
    );
    let count = difference("desiredCount", "2", "3", None);
    let current = difference("versionId", &new, &old, None);
    let after_secret = json!({"for": "wave", "of": [{"kind": "Secret", "name": "db"}]});
    json!({
        "version": 1,
        "exitCode": 1,
        "git": {
            "repo": "...", "reference": "HEAD", "path": "", "standing": "fresh", "reason": null,
            "commit": {
                "id": "...", "subject": "Describe production", "author": "Ada <ada@example.com>",
                "committedAt": "2025-10-09T08:53:20Z", "readAt": "...",
            },
        },
        "findings": [],
        "commit": "...",
        "clean": false,
        "unknown": false,
        "totals": {"drifted": 3, "in-sync": 1},
        "resources": [
            report("Target", "prod", "in-sync", &[], &Value::Null),
            report("EcsService", "api", "drifted", std::slice::from_ref(&image), &after_secret),
            report("EcsService", "web", "drifted", std::slice::from_ref(&count), &after_secret),
            report("Secret", "db", "drifted", std::slice::from_ref(&current), &Value::Null),
        ],
        "actions": [{
            "target": "prod", "resource": {"kind": "Secret", "name": "db"}, "wave": "secrets", "because": [current],
            "operation": {"operation": "promoteSecret", "secretArn": "...", "from": old, "to": new},
            "expect": {
                "expect": "secretCurrent", "versionId": old,
                "labels": {&*old: ["AWSCURRENT"], &*new: ["AWSPREVIOUS", "pending-2"]},
            },
        }],
        "later": [
            update("api", 2, 2, &image, &json!({"taskDefinition": arn("task-definition/api:1"), "specHash": "..."})),
            update("web", 1, 3, &count, &json!({"desiredCount": 2})),
        ],
    })
}

async fn found_and_repaired(endpoint: &str, network: Option<[String; 2]>) {
    let (world, remote) = agreed(endpoint, network).await;
    let server = remote.serve(None);
    let bowline = Bowline::new(endpoint, &server.url());
    bowline.plan().await.with_code(0);
    tamper(endpoint, bowline.home()).await;

    let plan = masked(bowline.plan().await.with_code(1).json());
    assert_eq!(plan, expected(), "{plan:#}");

    bowline.apply().await.with_code(0);
    let web = world.described("web").await;
    assert_eq!((web.task_definition(), web.desired_count), (Some(&*arn("task-definition/web:1")), 2));
    let api = world.described("api").await;
    assert_eq!((api.task_definition(), api.desired_count), (Some(&*arn("task-definition/api:1")), 2));
    assert_eq!(world.current("app/db").await, Some(version(2)));
    assert_eq!(world.revisions("api").await, 2, "the revision that git wants existed already");

    let plan = bowline.plan().await.with_code(0).json();
    let clean = plan["resources"].as_array().unwrap().iter().all(|resource| resource["sync"] == "in-sync");
    assert!(clean && plan["actions"] == json!([]), "{plan:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_by_hand_in_the_simulator_are_shown_field_by_field_and_repaired() {
    let config = SimulatorConfig { time_scale: TIME_SCALE, ..SimulatorConfig::default() };
    let simulator = Simulator::start(config).await.unwrap();
    found_and_repaired(&simulator.url(), None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_by_hand_in_moto_are_shown_field_by_field_and_repaired() {
    let moto = Server::moto(2).await;
    found_and_repaired(&moto.url, Some(moto.network().await)).await;
}
