//! ECS as a client sees it, on a clock that only the test moves.

mod breaker;
mod defaults;
mod images;
mod listing;
mod refusals;
mod rollouts;
mod updates;

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Ecs;
use crate::clock::later;
use crate::context::{ApiError, CallContext};

/// A simulated ECS with a cluster `main`.
struct Lab {
    ecs: Ecs,
    now: Timestamp,
    /// Secrets that cannot be read.
    missing_secrets: Vec<String>,
}

impl Lab {
    fn new() -> Self {
        Self::with_rollback_that_keeps_id(false)
    }

    fn with_rollback_that_keeps_id(keeps: bool) -> Self {
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        let mut lab = Self { ecs: Ecs::new(1, keeps), now, missing_secrets: Vec::new() };
        lab.call("CreateCluster", json!({"clusterName": "main"}));
        lab
    }

    fn try_call(&mut self, operation: &str, body: &Value) -> Result<Value, ApiError> {
        let context = CallContext {
            account: "111122223333".to_owned(),
            region: "us-east-1".to_owned(),
            now: self.now,
            request_id: "request".to_owned(),
            principal_arn: "arn:aws:iam::111122223333:user/operator".to_owned(),
        };
        let missing = &self.missing_secrets;
        let can_read = |from: &str| !missing.iter().any(|secret| secret == from);
        let text = self.ecs.handle(&context, operation, body, &can_read)?;
        Ok(serde_json::from_str(&text).unwrap())
    }

    #[track_caller]
    fn call(&mut self, operation: &str, body: impl Into<Value>) -> Value {
        self.try_call(operation, &body.into()).unwrap()
    }

    #[track_caller]
    fn refused(&mut self, operation: &str, body: impl Into<Value>) -> (String, String) {
        let error = self.try_call(operation, &body.into()).unwrap_err();
        (error.code, error.message)
    }

    fn wait(&mut self, seconds: u64) {
        self.now = later(self.now, Duration::from_secs(seconds));
    }

    /// Registers the next revision of family `web` with this image.
    fn register(&mut self, image: &str) -> String {
        let body = json!({"family": "web", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"],
            "cpu": "256", "memory": "512",
            "containerDefinitions": [{"name": "app", "image": image, "portMappings": [{"containerPort": 80}]}]});
        let reply = self.call("RegisterTaskDefinition", body);
        reply["taskDefinition"]["taskDefinitionArn"].as_str().unwrap().to_owned()
    }

    /// Creates service `web` on revision 1 of `image`, with these members beside the usual ones.
    fn create(&mut self, image: &str, more: &Value) -> Value {
        let definition = self.register(image);
        let mut body = json!({"cluster": "main", "serviceName": "web", "taskDefinition": definition,
            "desiredCount": 2, "launchType": "FARGATE",
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.call("CreateService", body)["service"].take()
    }

    fn update(&mut self, changes: &Value) -> Value {
        let mut body = json!({"cluster": "main", "service": "web"});
        body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        self.call("UpdateService", body)["service"].take()
    }

    fn service(&mut self) -> Value {
        self.call("DescribeServices", json!({"cluster": "main", "services": ["web"]}))["services"][0].take()
    }

    /// `status rolloutState revision running/desired failed` of each deployment.
    fn deployments(&mut self) -> Vec<String> {
        let service = self.service();
        service["deployments"].as_array().unwrap().iter().map(deployment_line).collect()
    }

    /// The newest messages first, without ids.
    fn events(&mut self) -> Vec<String> {
        let service = self.service();
        let events = service["events"].as_array().unwrap();
        events.iter().map(|event| without_ids(event["message"].as_str().unwrap())).collect()
    }

    fn tasks(&mut self, desired_status: &str) -> Vec<Value> {
        let arns =
            self.call("ListTasks", json!({"cluster": "main", "desiredStatus": desired_status}))["taskArns"]
                .take();
        if arns.as_array().unwrap().is_empty() {
            return Vec::new();
        }
        let reply = self.call("DescribeTasks", json!({"cluster": "main", "tasks": arns}));
        reply["tasks"].as_array().unwrap().clone()
    }

    fn statuses(&mut self) -> Vec<String> {
        self.tasks("RUNNING").iter().map(|task| task["lastStatus"].as_str().unwrap().to_owned()).collect()
    }

    /// The service deployments, newest first.
    fn service_deployments(&mut self) -> Vec<Value> {
        let listed = self.call("ListServiceDeployments", json!({"cluster": "main", "service": "web"}));
        let arns: Vec<&Value> = listed["serviceDeployments"]
            .as_array()
            .unwrap()
            .iter()
            .map(|deployment| &deployment["serviceDeploymentArn"])
            .collect();
        let reply = self.call("DescribeServiceDeployments", json!({"serviceDeploymentArns": arns}));
        assert_eq!(reply["failures"], json!([]));
        reply["serviceDeployments"].as_array().unwrap().clone()
    }
}

fn deployment_line(deployment: &Value) -> String {
    let revision = deployment["taskDefinition"].as_str().unwrap().rsplit(':').next().unwrap();
    format!(
        "{} {} rev {revision} {}/{} failed {}",
        deployment["status"].as_str().unwrap(),
        deployment["rolloutState"].as_str().unwrap(),
        deployment["runningCount"],
        deployment["desiredCount"],
        deployment["failedTasks"]
    )
}

/// Replaces task ids and deployment numbers by `#`.
fn without_ids(message: &str) -> String {
    let id = |word: &str| word.len() >= 19 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut out = String::new();
    let mut word = String::new();
    for character in message.chars().chain(['\0']) {
        if character.is_ascii_alphanumeric() {
            word.push(character);
            continue;
        }
        out.push_str(if id(&word) { "#" } else { &word });
        word.clear();
        if character != '\0' {
            out.push(character);
        }
    }
    out
}
