use serde_json::json;

use super::Lab;

#[test]
fn a_new_service_starts_its_tasks_and_reaches_a_steady_state() {
    let mut lab = Lab::new();
    let created = lab.create("demo/web:1", &json!({}));
    assert_eq!((&created["runningCount"], &created["desiredCount"]), (&json!(0), &json!(2)));
    lab.wait(2);
    assert_eq!(lab.statuses(), ["PROVISIONING", "PROVISIONING"]);
    lab.wait(4);
    assert_eq!(lab.statuses(), ["PENDING", "PENDING"]);
    lab.wait(4);
    assert_eq!(lab.statuses(), ["ACTIVATING", "ACTIVATING"]);
    assert_eq!(lab.deployments(), ["PRIMARY IN_PROGRESS rev 1 0/2 failed 0"]);
    lab.wait(2);
    assert_eq!(lab.statuses(), ["RUNNING", "RUNNING"]);
    assert_eq!(lab.deployments(), ["PRIMARY COMPLETED rev 1 2/2 failed 0"]);
    assert_eq!(
        lab.events(),
        [
            "(service web) has reached a steady state.",
            "(service web) (deployment ecs-svc/#) deployment completed.",
            "(service web) has started 2 tasks: (task #) (task #).",
        ]
    );
}

#[test]
fn the_outcome_does_not_depend_on_how_often_one_looks() {
    let run = |steps: u64| {
        let mut lab = Lab::new();
        lab.create("demo/web:1", &json!({}));
        lab.register("demo/crash:1");
        lab.wait(60);
        lab.update(&json!({"taskDefinition": "web:2"}));
        for _ in 0..600 / steps {
            lab.wait(steps);
            lab.service();
        }
        lab.service().to_string()
    };
    assert_eq!(run(1), run(600));
}

#[test]
fn a_rolling_update_never_goes_below_the_minimum_and_drains_the_old_tasks() {
    let mut lab = Lab::new();
    lab.create("demo/web:1", &json!({}));
    lab.wait(60);
    lab.register("demo/web:2");
    lab.update(&json!({"taskDefinition": "web:2"}));
    let mut least = 2;
    let mut most = 0;
    for _ in 0..60 {
        lab.wait(1);
        let service = lab.service();
        let running = service["runningCount"].as_u64().unwrap();
        least = least.min(running);
        most = most.max(running + service["pendingCount"].as_u64().unwrap());
    }
    assert_eq!((least, most), (2, 4));
    assert_eq!(lab.deployments(), ["PRIMARY COMPLETED rev 2 2/2 failed 0"]);
    let stopped = lab.tasks("STOPPED");
    assert_eq!(stopped.len(), 2);
    assert_eq!(stopped[0]["stopCode"], "ServiceSchedulerInitiated");
    assert!(
        stopped[0]["stoppedReason"]
            .as_str()
            .unwrap()
            .starts_with("Scaling activity initiated by (deployment ecs-svc/")
    );
}

#[test]
fn half_of_the_tasks_may_go_first_where_there_is_no_room_for_more() {
    let mut lab = Lab::new();
    let configuration = json!({"minimumHealthyPercent": 50, "maximumPercent": 100});
    lab.create("demo/web:1", &json!({ "deploymentConfiguration": configuration }));
    lab.wait(60);
    lab.register("demo/web:2");
    lab.update(&json!({"taskDefinition": "web:2"}));
    lab.wait(1);
    assert_eq!(
        lab.deployments(),
        ["PRIMARY IN_PROGRESS rev 2 0/2 failed 0", "ACTIVE COMPLETED rev 1 1/1 failed 0"]
    );
    lab.wait(60);
    assert_eq!(lab.deployments(), ["PRIMARY COMPLETED rev 2 2/2 failed 0"]);
}

#[test]
fn scaling_changes_the_count_without_a_deployment() {
    let mut lab = Lab::new();
    lab.create("demo/web:1", &json!({}));
    lab.wait(60);
    let before = lab.service()["deployments"][0]["id"].clone();
    lab.update(&json!({"desiredCount": 4}));
    lab.wait(60);
    assert_eq!(lab.deployments(), ["PRIMARY COMPLETED rev 1 4/4 failed 0"]);
    lab.update(&json!({"desiredCount": 1}));
    lab.wait(1);
    assert_eq!(lab.deployments(), ["PRIMARY COMPLETED rev 1 1/1 failed 0"]);
    assert!(
        lab.events()
            .contains(&"(service web) has stopped 3 running tasks: (task #) (task #) (task #).".to_owned())
    );
    lab.update(&json!({"desiredCount": 0}));
    lab.wait(60);
    assert_eq!(lab.deployments(), ["PRIMARY COMPLETED rev 1 0/0 failed 0"]);
    assert_eq!(lab.service()["deployments"][0]["id"], before);
    assert_eq!(lab.service_deployments().len(), 1);
}

#[test]
fn of_two_quick_updates_the_second_wins() {
    let mut lab = Lab::new();
    lab.create("demo/web:1", &json!({}));
    lab.wait(60);
    lab.register("demo/web:2");
    lab.register("demo/web:3");
    lab.update(&json!({"taskDefinition": "web:2"}));
    lab.wait(3);
    lab.update(&json!({"taskDefinition": "web:3"}));
    lab.wait(2);
    assert_eq!(
        lab.deployments(),
        ["PRIMARY IN_PROGRESS rev 3 0/2 failed 0", "ACTIVE COMPLETED rev 1 2/2 failed 0"]
    );
    lab.wait(60);
    assert_eq!(lab.deployments(), ["PRIMARY COMPLETED rev 3 2/2 failed 0"]);
    let statuses: Vec<_> = lab.service_deployments().iter().map(|record| record["status"].clone()).collect();
    assert_eq!(statuses, ["SUCCESSFUL", "STOPPED", "SUCCESSFUL"]);
}

#[test]
fn a_task_that_somebody_stops_is_replaced() {
    let mut lab = Lab::new();
    lab.create("demo/web:1", &json!({}));
    lab.wait(60);
    let task = lab.tasks("RUNNING")[0]["taskArn"].clone();
    lab.call("StopTask", json!({"cluster": "main", "task": task, "reason": "a look inside"}));
    lab.wait(60);
    assert_eq!(lab.deployments(), ["PRIMARY COMPLETED rev 1 2/2 failed 0"]);
    let stopped = lab.tasks("STOPPED");
    assert_eq!(
        (&stopped[0]["stopCode"], &stopped[0]["stoppedReason"]),
        (&json!("UserInitiated"), &json!("a look inside"))
    );
}

#[test]
fn a_stopped_task_is_forgotten_after_an_hour() {
    let mut lab = Lab::new();
    lab.create("demo/web:1", &json!({}));
    lab.wait(60);
    lab.update(&json!({"desiredCount": 1}));
    lab.wait(3000);
    assert_eq!(lab.tasks("STOPPED").len(), 1);
    lab.wait(1000);
    assert_eq!(lab.tasks("STOPPED").len(), 0);
}

#[test]
fn a_container_health_check_delays_success() {
    let mut lab = Lab::new();
    let body = json!({"family": "checked", "containerDefinitions": [{"name": "app", "image": "demo/web:1", "memory": 64,
        "healthCheck": {"command": ["CMD", "true"], "interval": 20}}]});
    lab.call("RegisterTaskDefinition", body);
    lab.call(
        "CreateService",
        json!({"cluster": "main", "serviceName": "web", "taskDefinition": "checked", "desiredCount": 1}),
    );
    lab.wait(20);
    assert_eq!(lab.tasks("RUNNING")[0]["healthStatus"], "UNKNOWN");
    assert_eq!(lab.deployments(), ["PRIMARY IN_PROGRESS rev 1 1/1 failed 0"]);
    lab.wait(20);
    assert_eq!(lab.tasks("RUNNING")[0]["healthStatus"], "HEALTHY");
    assert_eq!(lab.deployments(), ["PRIMARY COMPLETED rev 1 1/1 failed 0"]);
}

#[test]
fn behind_a_load_balancer_tasks_register_and_drain() {
    let mut lab = Lab::new();
    let group = "arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/web/1";
    let balancers = json!([{"targetGroupArn": group, "containerName": "app", "containerPort": 80}]);
    lab.create("demo/web:1", &json!({ "loadBalancers": balancers }));
    lab.wait(60);
    lab.update(&json!({"desiredCount": 1}));
    lab.wait(5);
    let draining = lab.tasks("STOPPED");
    assert_eq!(draining[0]["lastStatus"], "DEACTIVATING");
    let events = lab.events();
    assert!(events.contains(&format!("(service web) registered 2 targets in (target-group {group})")));
    assert!(events.contains(&"(service web) has begun draining connections on 1 tasks.".to_owned()));
    assert!(events.contains(&format!("(service web) deregistered 1 targets in (target-group {group})")));
}

#[test]
fn a_deleted_service_drains_and_stays_describable() {
    let mut lab = Lab::new();
    lab.create("demo/web:1", &json!({}));
    lab.wait(60);
    let (code, _) = lab.refused("DeleteService", json!({"cluster": "main", "service": "web"}));
    assert_eq!(code, "InvalidParameterException");
    lab.call("DeleteService", json!({"cluster": "main", "service": "web", "force": true}));
    assert_eq!(lab.service()["status"], "DRAINING");
    lab.wait(60);
    assert_eq!((&lab.service()["status"], &lab.service()["deployments"]), (&json!("INACTIVE"), &json!([])));
    let (code, _) =
        lab.refused("UpdateService", json!({"cluster": "main", "service": "web", "desiredCount": 1}));
    assert_eq!(code, "ServiceNotActiveException");
    let created = lab.create("demo/web:1", &json!({}));
    assert_eq!(created["status"], "ACTIVE");
}

#[test]
fn a_task_of_run_task_lives_and_is_stopped() {
    let mut lab = Lab::new();
    lab.register("demo/web:1");
    let body = json!({"cluster": "main", "taskDefinition": "web", "launchType": "FARGATE", "startedBy": "me",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}});
    lab.call("RunTask", body);
    lab.wait(20);
    let tasks = lab.tasks("RUNNING");
    assert_eq!((&tasks[0]["lastStatus"], &tasks[0]["startedBy"]), (&json!("RUNNING"), &json!("me")));
    lab.call("StopTask", json!({"cluster": "main", "task": tasks[0]["taskArn"]}));
    lab.wait(20);
    assert_eq!(lab.tasks("STOPPED")[0]["lastStatus"], "STOPPED");
}

#[test]
fn a_service_that_stays_as_it_is_says_so_every_six_hours_up_to_a_hundred_times() {
    let mut lab = Lab::new();
    lab.create("demo/web:1", &json!({}));
    lab.wait(13 * 3600);
    assert_eq!(
        lab.events(),
        [
            "(service web) has reached a steady state.",
            "(service web) has reached a steady state.",
            "(service web) has reached a steady state.",
            "(service web) (deployment ecs-svc/#) deployment completed.",
            "(service web) has started 2 tasks: (task #) (task #).",
        ]
    );
    lab.wait(26 * 24 * 3600);
    assert_eq!(lab.events(), ["(service web) has reached a steady state."; 100]);
}
