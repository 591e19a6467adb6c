//! A state that Terraform keeps of the same service: who agrees with whom, and who would undo what.

use std::collections::BTreeMap;

use bowline_sim::{Simulator, SimulatorConfig};
use bowline_tests::bowline::{Bowline, TIME_SCALE};
use bowline_tests::git::{GitHttp, Remote};
use bowline_tests::world::{BUCKET, LINEAGE, STATE, World, arn, service, target};
use serde_json::{Value, json};

/// A state as Terraform writes it, with what nobody may see around the service.
fn state(serial: u64, attributes: &Value) -> String {
    let provider = "provider[\\\"registry.terraform.io/hashicorp/aws\\\"]";
    let database = r#"{"mode":"managed","type":"aws_db_instance","name":"db","instances":[{"attributes":{"password":"hunter2"}}]}"#;
    let instance = json!({"schema_version": 0, "attributes": attributes, "sensitive_attributes": [], "private": "aHVudGVyMg=="});
    format!(
        "{{\n  \"version\": 4,\n  \"terraform_version\": \"1.15.5\",\n  \"serial\": {serial},\n  \"lineage\": \"{LINEAGE}\",\n  \
         \"outputs\": {{\"password\": {{\"value\": \"hunter2\"}}}},\n  \"resources\": [{database},\n  {{\"mode\": \"managed\", \
         \"type\": \"aws_ecs_service\", \"name\": \"web\", \"provider\": \"{provider}\", \"instances\": [{instance}]}}],\n  \
         \"check_results\": null\n}}\n"
    )
}

fn manifest(more: &Value) -> String {
    let mut spec = json!({"target": "prod", "bucket": BUCKET, "key": STATE, "resources": {"aws_ecs_service.web": "web"}});
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let manifest = json!({"apiVersion": "bowline.dev/v1alpha1", "kind": "TerraformState", "metadata": {"name": "app"}, "spec": spec});
    format!("{manifest:#}\n")
}

/// A service that runs 3 tasks, its state, and git that wants 2.
struct Site {
    simulator: Simulator,
    remote: Remote,
    _server: GitHttp,
    bowline: Bowline,
}

impl Site {
    /// `state` gets the ARN of the service's task definition; `settings` may be null.
    async fn new(state: impl FnOnce(&str) -> String, settings: Value) -> Self {
        let config = SimulatorConfig { time_scale: TIME_SCALE, ..SimulatorConfig::default() };
        let simulator = Simulator::start(config).await.unwrap();
        let world = World::new(&simulator.url()).await;
        let revision = world.revision("web", "registry.test/web:1").await;
        world.service("web", &revision, 3).await;
        world.bucket().await;
        let put = world.clients.s3.put_object().bucket(BUCKET).key(STATE);
        put.body(state(&revision).into_bytes().into()).send().await.unwrap();
        let remote = Remote::new();
        let mut web = json!({"taskDefinition": {"revision": "web:1"}, "desiredCount": 2});
        if !settings.is_null() {
            web["settings"] = settings;
        }
        remote.commit(
            "Two of them",
            &[
                ("target.yaml", &target("enforce")),
                ("web.yaml", &service("web", web)),
                ("state.yaml", &manifest(&json!({}))),
            ],
        );
        let server = remote.serve(None);
        let bowline = Bowline::new(&simulator.url(), &server.url());
        simulator.clear_calls();
        Self { simulator, remote, _server: server, bowline }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_difference_names_the_state_and_says_what_the_next_apply_would_undo() {
    let state = |revision: &str| {
        let attributes = json!({
            "id": arn("service/main/web"), "name": "web", "desired_count": 3, "task_definition": revision,
            "enable_execute_command": true, "tags": {"password": "hunter2"},
        });
        state(1, &attributes)
    };
    let Site { simulator, remote, bowline, _server } =
        Site::new(state, json!({"enableExecuteCommand": true})).await;
    let ended = bowline.plan().await.with_code(1);
    assert!(!ended.stdout.contains("hunter2") && !ended.stderr.contains("hunter2"), "{ended}");
    let calls = [("HeadObject".to_owned(), 1), ("GetObject".to_owned(), 1)];
    assert_eq!(simulator.call_counts(Some("s3")), BTreeMap::from(calls));

    let plan = ended.json();
    let place = format!("aws_ecs_service.web in {BUCKET}/{STATE}");
    let labels: Vec<Value> = plan["resources"][1]["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|difference| json!([difference["path"], difference["owner"], difference["note"]]))
        .collect();
    let owner = format!("Terraform ({place})");
    let note =
        |verdict: &str| format!("also managed by Terraform: {place}, whose state agrees with {verdict}");
    let undone = note("live: the next `terraform apply` would undo what git wants");
    assert_eq!(
        labels,
        [
            json!(["settings.enableExecuteCommand", owner, note("git")]),
            json!(["desiredCount", owner, undone]),
        ]
    );
    assert_eq!(
        plan["resources"][1]["warnings"],
        json!([{"kind": "managedByTerraform", "place": place, "state": "app", "address": "aws_ecs_service.web",
            "attributes": ["desired_count", "enable_execute_command", "task_definition"]}])
    );
    let text = bowline.run("plan").await.with_code(1).stdout;
    assert!(text.contains(&format!("    desiredCount: 3 -> 2\n          -> {undone}\n")), "{text}");

    let declared = json!({"ignoreChanges": {"aws_ecs_service.web": ["desired_count", "enable_execute_command", "task_definition"]}});
    remote.commit("Declare it", &[("state.yaml", &manifest(&declared))]);
    let plan = bowline.plan().await.with_code(1).json();
    assert_eq!(plan["resources"][1]["warnings"], Value::Null);
    assert!(plan["resources"][1]["differences"].as_array().unwrap().iter().all(|one| one["owner"].is_null()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_state_is_unknown_and_changes_nothing_else() {
    let state = r#"{"meta":{},"encrypted_data":"hunter2","encryption_version":"v0"}"#;
    let site = Site::new(|_| state.to_owned(), Value::Null).await;
    let plan = site.bowline.plan().await.with_code(2).json();
    let web = &plan["resources"][1];
    assert_eq!(
        web["notes"],
        json!(["whether Terraform manages these fields, too, is not known: see TerraformState/app"])
    );
    assert_eq!((&web["sync"], plan["actions"].as_array().unwrap().len()), (&json!("drifted"), 1));
    let why = plan["resources"][2]["unknown"]["message"].as_str().unwrap();
    assert!(why.contains("the state is encrypted by OpenTofu"), "{why}");
}
