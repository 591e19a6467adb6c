//! A tag stands for one digest during a deployment, unless version consistency is off.

use serde_json::{Value, json};

use super::Lab;

const IMAGE: &str = "registry.test/web:1";

fn digest(number: u8) -> String {
    format!("sha256:{}", number.to_string().repeat(64))
}

/// A service of two tasks, whose container has this version consistency.
fn lab(consistency: &str) -> Lab {
    let mut lab = Lab::new();
    lab.ecs.move_tag(IMAGE, &digest(1));
    let body = json!({"family": "web", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
        "memory": "512", "containerDefinitions": [{"name": "app", "image": IMAGE, "versionConsistency": consistency}]});
    lab.call("RegisterTaskDefinition", body);
    let network = json!({"awsvpcConfiguration": {"subnets": ["subnet-1"]}});
    lab.call(
        "CreateService",
        json!({"cluster": "main", "serviceName": "web", "taskDefinition": "web:1", "desiredCount": 2,
            "launchType": "FARGATE", "networkConfiguration": network}),
    );
    lab.wait(60);
    lab
}

/// The digests of the tasks that are to run.
fn running(lab: &mut Lab) -> Vec<Value> {
    let tasks = lab.tasks("RUNNING");
    let mut digests: Vec<Value> =
        tasks.into_iter().map(|mut task| task["containers"][0]["imageDigest"].take()).collect();
    digests.sort_by_key(ToString::to_string);
    digests
}

/// What the newest revision was resolved to.
fn resolved(lab: &mut Lab) -> Value {
    let arn = lab.service()["currentServiceRevisions"][0]["arn"].clone();
    let mut reply = lab.call("DescribeServiceRevisions", json!({"serviceRevisionArns": [arn]}));
    reply["serviceRevisions"][0]["containerImages"].take()
}

/// Moves the tag and lets ECS replace one task.
fn replace_one(lab: &mut Lab) {
    lab.ecs.move_tag(IMAGE, &digest(2));
    let task = lab.tasks("RUNNING")[0]["taskArn"].clone();
    lab.call("StopTask", json!({"cluster": "main", "task": task}));
    lab.wait(60);
}

#[test]
fn with_consistency_a_replaced_task_runs_what_its_deployment_began_with() {
    let mut lab = lab("enabled");
    replace_one(&mut lab);
    assert_eq!(running(&mut lab), [digest(1), digest(1)]);
    let image = json!([{"containerName": "app", "image": IMAGE, "imageDigest": digest(1)}]);
    assert_eq!(resolved(&mut lab), image);
    lab.update(&json!({"forceNewDeployment": true}));
    lab.wait(120);
    assert_eq!(running(&mut lab), [digest(2), digest(2)], "a new deployment resolves the tag anew");
}

#[test]
fn without_it_each_task_pulls_what_the_tag_stands_for_then() {
    let mut lab = lab("disabled");
    assert_eq!(resolved(&mut lab), json!([{"containerName": "app", "image": IMAGE}]));
    replace_one(&mut lab);
    assert_eq!(running(&mut lab), [digest(1), digest(2)]);
}
