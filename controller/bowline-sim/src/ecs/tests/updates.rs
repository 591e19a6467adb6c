use serde_json::{Value, json};

use super::Lab;

/// Whether an update of a steady service with these members starts a deployment.
fn deploys(changes: &Value) -> bool {
    let mut lab = Lab::new();
    lab.create("demo/web:1", &json!({}));
    lab.wait(60);
    lab.register("demo/web:2");
    lab.update(changes)["deployments"].as_array().unwrap().len() == 2
}

#[test]
fn some_fields_start_a_deployment() {
    for changes in [
        json!({"taskDefinition": "web:2"}),
        json!({"taskDefinition": "web"}),
        json!({"platformVersion": "1.4.0"}),
        json!({"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-2"]}}}),
        json!({"loadBalancers": [{"targetGroupArn": "arn:x", "containerName": "app", "containerPort": 80}]}),
        json!({"serviceRegistries": [{"registryArn": "arn:x"}]}),
        json!({"serviceConnectConfiguration": {"enabled": true}}),
        json!({"volumeConfigurations": [{"name": "data"}]}),
        json!({"forceNewDeployment": true}),
    ] {
        assert!(deploys(&changes), "{changes}");
    }
}

#[test]
fn other_fields_take_effect_without_one() {
    for changes in [
        json!({"desiredCount": 5}),
        json!({"taskDefinition": "web:1"}),
        json!({"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}}),
        json!({"deploymentConfiguration": {"maximumPercent": 150}}),
        json!({"availabilityZoneRebalancing": "DISABLED"}),
        json!({"healthCheckGracePeriodSeconds": 30}),
        json!({"enableExecuteCommand": true}),
        json!({"enableECSManagedTags": true, "propagateTags": "SERVICE"}),
        json!({"placementConstraints": [], "placementStrategy": []}),
        json!({"forceNewDeployment": false}),
    ] {
        assert!(!deploys(&changes), "{changes}");
    }
}

#[test]
fn another_capacity_provider_strategy_needs_a_deployment_that_is_forced() {
    let strategy = |weight: u32| json!([{"capacityProvider": "FARGATE_SPOT", "weight": weight}]);
    let mut lab = Lab::new();
    lab.create("demo/web:1", &json!({}));
    lab.wait(60);
    for (given, deployments) in [(strategy(1), 2), (strategy(2), 2), (json!([]), 2)] {
        let input = json!({"cluster": "main", "service": "web", "capacityProviderStrategy": given});
        let (code, message) = lab.refused("UpdateService", input);
        assert_eq!(code, "InvalidParameterException");
        assert!(message.ends_with("you must force a new deployment."), "{message}");
        let forced = lab.update(&json!({"capacityProviderStrategy": given, "forceNewDeployment": true}));
        assert_eq!(forced["deployments"].as_array().unwrap().len(), deployments);
        lab.wait(60);
        // What is as it was needs none.
        let same = lab.update(&json!({"capacityProviderStrategy": given}));
        assert_eq!(same["deployments"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn what_is_omitted_stays_and_what_is_emptied_goes() {
    let mut lab = Lab::new();
    let balancers = json!([{"targetGroupArn": "arn:x", "containerName": "app", "containerPort": 80}]);
    let configuration =
        json!({"maximumPercent": 150, "deploymentCircuitBreaker": {"enable": true, "rollback": true}});
    lab.create(
        "demo/web:1",
        &json!({"loadBalancers": balancers, "deploymentConfiguration": configuration, "enableExecuteCommand": true}),
    );
    let service = lab.update(&json!({"deploymentConfiguration": {"minimumHealthyPercent": 50}}));
    assert_eq!(service["loadBalancers"], balancers);
    assert_eq!(service["enableExecuteCommand"], true);
    assert_eq!(
        service["deploymentConfiguration"],
        json!({"maximumPercent": 150, "minimumHealthyPercent": 50, "strategy": "ROLLING", "bakeTimeInMinutes": 0,
            "deploymentCircuitBreaker": {"enable": true, "rollback": true}})
    );
    let service = lab
        .update(&json!({"loadBalancers": [], "deploymentConfiguration": {"deploymentCircuitBreaker": {}}}));
    assert_eq!(service["loadBalancers"], json!([]));
    assert_eq!(
        service["deploymentConfiguration"]["deploymentCircuitBreaker"],
        json!({"enable": false, "rollback": false})
    );
}

#[test]
fn a_family_without_revision_is_its_latest_active_one() {
    let mut lab = Lab::new();
    lab.create("demo/web:1", &json!({}));
    lab.register("demo/web:2");
    lab.register("demo/web:3");
    lab.call("DeregisterTaskDefinition", json!({"taskDefinition": "web:3"}));
    let service = lab.update(&json!({"taskDefinition": "web"}));
    assert!(service["taskDefinition"].as_str().unwrap().ends_with("web:2"));
    assert_eq!(
        lab.refused("UpdateService", json!({"cluster": "main", "service": "web", "taskDefinition": "web:3"})),
        ("ClientException".to_owned(), "TaskDefinition is inactive".to_owned())
    );
}

#[test]
fn service_connect_and_volumes_show_in_deployments_only() {
    let mut lab = Lab::new();
    let connect = json!({"enabled": true, "namespace": "demo"});
    lab.create("demo/web:1", &json!({ "serviceConnectConfiguration": connect }));
    let service = lab.service();
    assert_eq!(service["serviceConnectConfiguration"], Value::Null);
    assert_eq!(service["deployments"][0]["serviceConnectConfiguration"], connect);
}

#[test]
fn code_deploy_services_leave_the_task_definition_to_code_deploy() {
    let mut lab = Lab::new();
    let service = lab.create("demo/web:1", &json!({"deploymentController": {"type": "CODE_DEPLOY"}}));
    assert_eq!(service["deploymentController"], json!({"type": "CODE_DEPLOY"}));
    assert_eq!((&service["deployments"], service["taskSets"].as_array().unwrap().len()), (&json!([]), 1));
    let (code, message) =
        lab.refused("UpdateService", json!({"cluster": "main", "service": "web", "taskDefinition": "web:1"}));
    assert_eq!(code, "InvalidParameterException");
    assert!(message.starts_with(
        "Unable to update task definition on services with a CODE_DEPLOY deployment controller"
    ));
    lab.update(&json!({"desiredCount": 3}));
    lab.wait(60);
    assert_eq!(lab.service()["runningCount"], 3);
}

#[test]
fn daemon_and_external_services_are_accepted() {
    let mut lab = Lab::new();
    lab.register("demo/web:1");
    let network = json!({"awsvpcConfiguration": {"subnets": ["subnet-1"]}});
    let daemon = json!({"cluster": "main", "serviceName": "agent", "taskDefinition": "web",
        "schedulingStrategy": "DAEMON", "networkConfiguration": network});
    let daemon = lab.call("CreateService", daemon)["service"].take();
    assert_eq!(daemon["deploymentConfiguration"]["maximumPercent"], 100);
    let external = json!({"cluster": "main", "serviceName": "other", "desiredCount": 1,
        "deploymentController": {"type": "EXTERNAL"}});
    let external = lab.call("CreateService", external)["service"].take();
    assert_eq!((&external["deployments"], &external["taskDefinition"]), (&json!([]), &Value::Null));
    lab.wait(60);
    assert_eq!(lab.tasks("RUNNING").len(), 0);
}

#[test]
fn tags_are_kept_and_changed_by_their_own_calls() {
    let mut lab = Lab::new();
    let arn = lab.create("demo/web:1", &json!({"tags": [{"key": "a", "value": "1"}]}))["serviceArn"].clone();
    lab.call(
        "TagResource",
        json!({"resourceArn": arn, "tags": [{"key": "b", "value": "{}}"}, {"key": "a", "value": "2"}]}),
    );
    let with_tags = json!({"cluster": "main", "services": ["web"], "include": ["TAGS"]});
    let described = lab.call("DescribeServices", with_tags)["services"][0]["tags"].take();
    assert_eq!(described, json!([{"key": "a", "value": "2"}, {"key": "b", "value": "{}}"}]));
    assert_eq!(lab.service()["tags"], Value::Null);
    lab.call("UntagResource", json!({"resourceArn": arn, "tagKeys": ["a"]}));
    let listed = lab.call("ListTagsForResource", json!({"resourceArn": arn}));
    assert_eq!(listed, json!({"tags": [{"key": "b", "value": "{}}"}]}));
}
