use serde_json::{Value, json};

use super::Lab;

fn breaker(rollback: bool) -> Value {
    json!({"deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": true, "rollback": rollback}}})
}

/// Service `web` healthy on revision 1, then updated to revision 2 with this image, and time to fail.
fn broken(lab: &mut Lab, image: &str, more: &Value) {
    lab.create("demo/web:1", more);
    lab.wait(60);
    lab.register(image);
    lab.update(&json!({"taskDefinition": "web:2"}));
    lab.wait(300);
    lab.service();
}

#[test]
fn an_image_that_is_missing_fails_before_it_starts() {
    let mut lab = Lab::new();
    lab.create("demo/missing:1", &json!({}));
    lab.wait(12);
    assert_eq!(lab.deployments(), ["PRIMARY IN_PROGRESS rev 1 0/2 failed 2"]);
    let task = &lab.tasks("STOPPED")[0];
    assert_eq!((&task["stopCode"], &task["lastStatus"]), (&json!("TaskFailedToStart"), &json!("STOPPED")));
    assert!(task["stoppedReason"].as_str().unwrap().starts_with("CannotPullContainerError: "));
    assert!(task["containers"][0]["reason"].as_str().unwrap().starts_with("CannotPullContainerError: "));
    assert_eq!(task["containers"][0]["exitCode"], Value::Null);
}

#[test]
fn a_container_that_crashes_exits_with_1() {
    let mut lab = Lab::new();
    lab.create("demo/crash:1", &json!({}));
    lab.wait(20);
    let task = &lab.tasks("STOPPED")[0];
    assert_eq!(
        (&task["stopCode"], &task["stoppedReason"]),
        (&json!("EssentialContainerExited"), &json!("Essential container in task exited"))
    );
    assert_eq!(task["containers"][0]["exitCode"], 1);
}

#[test]
fn a_task_that_is_never_healthy_is_stopped_by_its_service() {
    let mut lab = Lab::new();
    lab.create("demo/unhealthy:1", &json!({}));
    lab.wait(50);
    let task = &lab.tasks("STOPPED")[0];
    assert_eq!(
        (&task["stopCode"], &task["stoppedReason"], &task["healthStatus"]),
        (
            &json!("ServiceSchedulerInitiated"),
            &json!("Task failed container health checks"),
            &json!("UNHEALTHY")
        )
    );
    assert_eq!(lab.service()["deployments"][0]["failedTasks"], 2);
    assert!(lab.events().contains(&"(service web) (task #) failed container health checks.".to_owned()));
}

#[test]
fn a_secret_that_cannot_be_read_fails_the_task_until_it_can() {
    let mut lab = Lab::new();
    let secret = "arn:aws:secretsmanager:us-east-1:111122223333:secret:db-AbCdEf";
    lab.missing_secrets.push(secret.to_owned());
    let body = json!({"family": "web", "containerDefinitions": [{"name": "app", "image": "demo/web:1", "memory": 64,
        "secrets": [{"name": "DB", "valueFrom": secret}]}]});
    lab.call("RegisterTaskDefinition", body);
    lab.call(
        "CreateService",
        json!({"cluster": "main", "serviceName": "web", "taskDefinition": "web", "desiredCount": 1}),
    );
    lab.wait(10);
    let task = &lab.tasks("STOPPED")[0];
    assert_eq!(task["stopCode"], "TaskFailedToStart");
    assert!(
        task["stoppedReason"]
            .as_str()
            .unwrap()
            .starts_with("ResourceInitializationError: unable to pull secrets or registry auth: ")
    );
    lab.missing_secrets.clear();
    lab.wait(60);
    assert_eq!(lab.deployments(), ["PRIMARY COMPLETED rev 1 1/1 failed 0"]);
}

#[test]
fn without_a_breaker_a_bad_rollout_stays_in_progress_and_backs_off() {
    let mut lab = Lab::new();
    broken(&mut lab, "demo/crash:1", &json!({}));
    let early = lab.tasks("STOPPED").len();
    lab.wait(24 * 3600);
    let service = lab.service();
    assert_eq!(service["deployments"][0]["rolloutState"], "IN_PROGRESS");
    assert_eq!(
        (&service["runningCount"], &service["taskDefinition"]),
        (&json!(2), &service["deployments"][0]["taskDefinition"])
    );
    // One round of 2 each 15 minutes and a few seconds: within the last hour, fewer than in the first 5 minutes.
    assert!(lab.tasks("STOPPED").len() <= 8 && early > 8, "{early}");
    assert!(
        lab.events().iter().any(|event| event.contains("is unable to consistently start tasks successfully"))
    );
}

#[test]
fn the_breaker_rolls_back_to_the_last_completed_deployment() {
    for image in ["demo/crash:1", "demo/missing:1", "demo/unhealthy:1"] {
        let mut lab = Lab::new();
        broken(&mut lab, image, &breaker(true));
        assert_eq!(lab.deployments(), ["PRIMARY COMPLETED rev 1 2/2 failed 0"], "{image}");
        assert!(lab.service()["taskDefinition"].as_str().unwrap().ends_with("web:1"));
        let records = lab.service_deployments();
        assert_eq!(records.len(), 2);
        assert_eq!(records[0]["status"], "ROLLBACK_SUCCESSFUL");
        assert_eq!(
            records[0]["deploymentCircuitBreaker"],
            json!({"status": "TRIGGERED", "failureCount": 4, "threshold": 3})
        );
        assert_eq!(records[0]["rollback"]["serviceRevisionArn"], records[1]["targetServiceRevision"]["arn"]);
        let events = lab.events();
        assert!(events.contains(
            &"(service web) (deployment ecs-svc/#) deployment failed: tasks failed to start.".to_owned()
        ));
        assert!(events.contains(&"(service web) rolling back to deployment ecs-svc/#.".to_owned()));
    }
}

#[test]
fn a_rollback_in_progress_is_visible() {
    let mut lab = Lab::new();
    lab.create("demo/web:1", &breaker(true));
    lab.wait(60);
    let good = lab.service()["deployments"][0]["id"].clone();
    lab.register("demo/crash:1");
    let bad = lab.update(&json!({"taskDefinition": "web:2"}))["deployments"][0]["id"].clone();
    lab.wait(22);
    let service = lab.service();
    let primary = &service["deployments"][0];
    assert_eq!(
        lab.deployments(),
        ["PRIMARY IN_PROGRESS rev 1 0/2 failed 0", "ACTIVE COMPLETED rev 1 2/2 failed 0"]
    );
    assert!(primary["id"] != good && primary["id"] != bad);
    assert_eq!(
        primary["rolloutStateReason"],
        format!("ECS deployment circuit breaker: rolling back to deploymentId {}.", good.as_str().unwrap())
    );
    assert_eq!(lab.service_deployments()[0]["status"], "ROLLBACK_IN_PROGRESS");
}

#[test]
fn a_rollback_may_keep_the_old_deployment_and_its_tasks() {
    let mut lab = Lab::with_rollback_that_keeps_id(true);
    lab.create("demo/web:1", &breaker(true));
    lab.wait(60);
    let good = lab.service()["deployments"][0]["id"].clone();
    let tasks = lab.call("ListTasks", json!({"cluster": "main"}));
    lab.register("demo/crash:1");
    lab.update(&json!({"taskDefinition": "web:2"}));
    lab.wait(300);
    assert_eq!(lab.deployments(), ["PRIMARY COMPLETED rev 1 2/2 failed 0"]);
    assert_eq!(lab.service()["deployments"][0]["id"], good);
    assert_eq!(lab.call("ListTasks", json!({"cluster": "main"})), tasks);
    assert_eq!(lab.service_deployments()[0]["status"], "ROLLBACK_SUCCESSFUL");
}

#[test]
fn the_breaker_without_rollback_fails_and_stays() {
    let mut lab = Lab::new();
    broken(&mut lab, "demo/crash:1", &breaker(false));
    assert_eq!(
        lab.deployments(),
        ["PRIMARY FAILED rev 2 0/2 failed 4", "ACTIVE COMPLETED rev 1 2/2 failed 0"]
    );
    assert_eq!(
        lab.service()["deployments"][0]["rolloutStateReason"],
        "ECS deployment circuit breaker: tasks failed to start."
    );
    let stopped = lab.tasks("STOPPED").len();
    lab.wait(600);
    assert_eq!(lab.tasks("STOPPED").len(), stopped);
    assert_eq!(lab.service_deployments()[0]["status"], "STOPPED");
}

#[test]
fn with_nothing_to_roll_back_to_a_service_stalls() {
    let mut lab = Lab::new();
    lab.create("demo/crash:1", &breaker(true));
    lab.wait(300);
    assert_eq!(lab.deployments(), ["PRIMARY FAILED rev 1 0/2 failed 4"]);
    assert_eq!(lab.service_deployments()[0]["status"], "ROLLBACK_FAILED");
    let stopped = lab.tasks("STOPPED").len();
    lab.wait(600);
    assert_eq!(lab.tasks("STOPPED").len(), stopped);
    lab.register("demo/web:1");
    lab.update(&json!({"taskDefinition": "web:2"}));
    lab.wait(60);
    assert_eq!(lab.deployments(), ["PRIMARY COMPLETED rev 2 2/2 failed 0"]);
}

#[test]
fn a_bad_update_during_a_rollback_finds_nothing_to_go_back_to() {
    let mut lab = Lab::new();
    lab.create("demo/web:1", &breaker(true));
    lab.wait(60);
    lab.register("demo/crash:1");
    lab.register("demo/crash:2");
    lab.update(&json!({"taskDefinition": "web:2"}));
    lab.wait(24);
    assert_eq!(lab.service_deployments()[0]["status"], "ROLLBACK_IN_PROGRESS");
    lab.update(&json!({"taskDefinition": "web:3"}));
    lab.wait(300);
    assert_eq!(
        lab.deployments(),
        ["PRIMARY FAILED rev 3 0/2 failed 4", "ACTIVE COMPLETED rev 1 2/2 failed 0"]
    );
    assert_eq!(lab.service_deployments()[0]["status"], "ROLLBACK_FAILED");
}

#[test]
fn stopping_a_service_deployment_rolls_it_back() {
    let mut lab = Lab::new();
    lab.create("demo/web:1", &json!({}));
    lab.wait(60);
    lab.register("demo/web:2");
    lab.update(&json!({"taskDefinition": "web:2"}));
    lab.wait(3);
    let arn = lab.service_deployments()[0]["serviceDeploymentArn"].clone();
    let stop = json!({"serviceDeploymentArn": arn, "stopType": "ROLLBACK"});
    assert_eq!(lab.call("StopServiceDeployment", stop.clone()), json!({"serviceDeploymentArn": arn}));
    assert_eq!(lab.refused("StopServiceDeployment", stop.clone()).0, "ConflictException");
    lab.wait(60);
    assert_eq!(lab.deployments(), ["PRIMARY COMPLETED rev 1 2/2 failed 0"]);
    assert_eq!(lab.service_deployments()[0]["status"], "ROLLBACK_SUCCESSFUL");
    let unknown = json!({"serviceDeploymentArn": format!("{}x", arn.as_str().unwrap())});
    assert_eq!(lab.refused("StopServiceDeployment", unknown).0, "ServiceDeploymentNotFoundException");
}

/// A deployment of web:2 after web:1 completed, with these fields of `deploymentConfiguration`, so far that it would complete.
fn held(configuration: &Value) -> Lab {
    let mut lab = Lab::new();
    lab.create("demo/web:1", &json!({}));
    lab.wait(60);
    lab.register("demo/web:2");
    lab.update(&json!({"taskDefinition": "web:2", "deploymentConfiguration": configuration}));
    lab.wait(60);
    lab
}

fn described(lab: &mut Lab) -> Value {
    let arn = lab.service_deployments()[0]["serviceDeploymentArn"].clone();
    let mut answer = lab.call("DescribeServiceDeployments", json!({"serviceDeploymentArns": [arn]}));
    answer["serviceDeployments"][0].take()
}

fn pause(action: &str) -> Value {
    let timeout = json!({"timeoutInMinutes": 60, "action": action});
    let stages = ["POST_SCALE_UP", "POST_PRODUCTION_TRAFFIC_SHIFT"];
    json!({"lifecycleHooks": [{"targetType": "PAUSE", "lifecycleStages": stages, "timeoutConfiguration": timeout}]})
}

#[test]
fn a_pause_hook_holds_a_deployment_at_each_of_its_stages_until_it_is_continued() {
    let mut lab = held(&pause("ROLLBACK"));
    for stage in ["POST_SCALE_UP", "POST_PRODUCTION_TRAFFIC_SHIFT"] {
        let found = described(&mut lab);
        assert_eq!((&found["status"], &found["lifecycleStage"]), (&json!("IN_PROGRESS"), &json!(stage)));
        let hook = &found["lifecycleHookDetails"][0];
        assert_eq!(
            (&hook["status"], &hook["timeoutAction"]),
            (&json!("AWAITING_ACTION"), &json!("ROLLBACK"))
        );
        let go_on = json!({
            "serviceDeploymentArn": found["serviceDeploymentArn"], "hookId": hook["hookId"], "action": "CONTINUE"
        });
        lab.call("ContinueServiceDeployment", go_on.clone());
        assert_eq!(lab.refused("ContinueServiceDeployment", go_on).0, "InvalidParameterException");
    }
    lab.wait(5);
    assert_eq!(described(&mut lab)["status"], "SUCCESSFUL");
}

#[test]
fn a_pause_that_times_out_does_what_it_was_told() {
    for (action, status) in [("ROLLBACK", "ROLLBACK_SUCCESSFUL"), ("CONTINUE", "SUCCESSFUL")] {
        let mut lab = held(&pause(action));
        lab.wait(3_600 * 2 + 120);
        assert_eq!(described(&mut lab)["status"], status);
    }
}

#[test]
fn a_deployment_bakes_before_it_completes() {
    let mut lab = held(&json!({"bakeTimeInMinutes": 10}));
    let found = described(&mut lab);
    assert_eq!((&found["status"], &found["lifecycleStage"]), (&json!("IN_PROGRESS"), &json!("BAKE_TIME")));
    lab.wait(600);
    assert_eq!(described(&mut lab)["status"], "SUCCESSFUL");
}
