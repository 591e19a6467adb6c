//! Tags of a task definition that a file names: told field by field and changed in place, without a new revision or deployment;
//! those of others stay.

use bowline_sim::{Simulator, SimulatorConfig};
use bowline_tests::aws::Cli;
use bowline_tests::bowline::{Bowline, TIME_SCALE};
use bowline_tests::git::Remote;
use bowline_tests::servers::ACCOUNT;
use bowline_tests::world::{World, service, target, task_definition};
use serde_json::{Value, json};

/// The file of `web` with these tags.
fn file(tags: &Value) -> String {
    let mut file: Value = serde_json::from_str(&task_definition("web", "registry.test/web:1")).unwrap();
    file["tags"] = tags.clone();
    format!("{file:#}\n")
}

/// The tags of a revision, by key.
async fn found(aws: &Cli<'_>) -> Value {
    let found = aws.run("ecs describe-task-definition --task-definition web:1 --include TAGS").await;
    let mut tags = serde_json::Map::new();
    for tag in found["tags"].as_array().unwrap() {
        tags.insert(tag["key"].as_str().unwrap().to_owned(), tag["value"].clone());
    }
    Value::Object(tags)
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_are_told_and_changed_in_place_and_those_of_others_stay() {
    let config = SimulatorConfig { time_scale: TIME_SCALE, ..SimulatorConfig::default() };
    let simulator = Simulator::start(config).await.unwrap();
    let world = World::new(&simulator.url()).await;
    let revision = world.revision("web", "registry.test/web:1").await;
    world.service("web", &revision, 1).await;
    let web = service("web", json!({"taskDefinition": {"file": "web.json"}, "reveal": ["tier"]}));
    let remote = Remote::new();
    let tags = json!([{"key": "team", "value": "shop"}, {"key": "tier", "value": "1"}]);
    let files = [("target.yaml", &*target("enforce")), ("web.yaml", &web), ("web.json", &file(&tags))];
    remote.commit("Name who owns it", &files);
    let server = remote.serve(None);
    let bowline = Bowline::new(&simulator.url(), &server.url());
    let url = simulator.url();
    let aws = Cli::new(&url, ACCOUNT, bowline.home());
    aws.run(&format!(
        "ecs tag-resource --resource-arn {revision} --tags key=team,value=others key=cost,value=42"
    ))
    .await;

    let plan = bowline.plan().await.with_code(1).json();
    let path = |key: &str| format!("taskDefinition.tags[key={key}].value");
    assert_eq!(
        plan["resources"][1]["differences"],
        json!([
            {"path": path("team"), "reason": "changed", "wanted": {"length": 4}, "found": {"length": 6}, "note": null},
            {"path": path("tier"), "reason": "added", "wanted": {"text": "1"}, "found": "absent", "note": null},
        ])
    );
    bowline.apply().await.with_code(0);
    assert_eq!(found(&aws).await, json!({"team": "shop", "tier": "1", "cost": "42"}));

    remote.commit("It has no tier", &[("web.json", &file(&json!([{"key": "team", "value": "shop"}])))]);
    let plan = bowline.plan().await.with_code(1).json();
    assert_eq!(
        plan["resources"][1]["differences"],
        json!([{"path": path("tier"), "reason": "removed", "wanted": "absent", "found": {"text": "1"}, "note": null}])
    );
    bowline.apply().await.with_code(0);
    assert_eq!(found(&aws).await, json!({"team": "shop", "cost": "42"}));
    bowline.plan().await.with_code(0);
    assert_eq!(
        (world.revisions("web").await, world.deployments("web").await),
        (1, 1),
        "nothing was deployed"
    );

    // Taken off by hand, and put back by the controller, once it looks again.
    aws.run(&format!("ecs untag-resource --resource-arn {revision} --tag-keys team")).await;
    bowline.apply().await.with_code(0);
    assert_eq!(found(&aws).await, json!({"team": "shop", "cost": "42"}));
}

/// A revision that Bowline registers gets the file's tags with it: there is nothing to change afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_revision_is_registered_with_its_tags() {
    let config = SimulatorConfig { time_scale: TIME_SCALE, ..SimulatorConfig::default() };
    let simulator = Simulator::start(config).await.unwrap();
    let world = World::new(&simulator.url()).await;
    let revision = world.revision("web", "registry.test/web:0").await;
    world.service("web", &revision, 1).await;
    let web = service("web", json!({"taskDefinition": {"file": "web.json"}}));
    let remote = Remote::new();
    let tags = json!([{"key": "team", "value": "shop"}]);
    let files = [("target.yaml", &*target("enforce")), ("web.yaml", &web), ("web.json", &file(&tags))];
    remote.commit("Deploy", &files);
    let server = remote.serve(None);
    let bowline = Bowline::new(&simulator.url(), &server.url());
    bowline.apply().await.with_code(0);
    bowline.plan().await.with_code(0);
    let on_it = |call: &bowline_sim::CallRecord| {
        call.operation.ends_with("tagResource") || call.operation == "TagResource"
    };
    let tagged: Vec<Option<String>> =
        simulator.calls().into_iter().filter(on_it).map(|call| call.resource).collect();
    assert!(tagged.iter().flatten().all(|arn| arn.contains(":service/")), "{tagged:?}");
    assert_eq!(world.revisions("web").await, 2);
}
