use serde_json::{Value, json};

use super::Lab;

#[test]
fn a_service_shows_the_defaults_that_aws_fills_in() {
    let mut lab = Lab::new();
    let mut service = lab.create("demo/web:1", &json!({}));
    let object = service.as_object_mut().unwrap();
    for generated in ["deployments", "currentServiceDeployment", "currentServiceRevisions", "createdAt"] {
        assert!(object.remove(generated).is_some(), "{generated}");
    }
    let network = json!({"awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": [], "assignPublicIp": "DISABLED"}});
    let expected = json!({
        "serviceArn": "arn:aws:ecs:us-east-1:111122223333:service/main/web",
        "serviceName": "web",
        "clusterArn": "arn:aws:ecs:us-east-1:111122223333:cluster/main",
        "taskDefinition": "arn:aws:ecs:us-east-1:111122223333:task-definition/web:1",
        "status": "ACTIVE", "desiredCount": 2, "runningCount": 0, "pendingCount": 0,
        "launchType": "FARGATE", "platformVersion": "LATEST", "platformFamily": "Linux",
        "deploymentConfiguration": {"maximumPercent": 200, "minimumHealthyPercent": 100, "strategy": "ROLLING",
            "bakeTimeInMinutes": 0, "deploymentCircuitBreaker": {"enable": false, "rollback": false}},
        "networkConfiguration": network,
        "loadBalancers": [], "serviceRegistries": [], "placementConstraints": [], "placementStrategy": [],
        "events": [], "healthCheckGracePeriodSeconds": 0, "schedulingStrategy": "REPLICA",
        "enableECSManagedTags": false, "propagateTags": "NONE", "enableExecuteCommand": false,
        "availabilityZoneRebalancing": "ENABLED", "createdBy": "arn:aws:iam::111122223333:user/operator",
        "roleArn": "arn:aws:iam::111122223333:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS",
    });
    assert_eq!(service, expected);
}

#[test]
fn a_task_definition_shows_what_aws_derives() {
    let mut lab = Lab::new();
    let arn = lab.register("demo/web:1");
    let definition =
        lab.call("DescribeTaskDefinition", json!({"taskDefinition": arn}))["taskDefinition"].take();
    assert_eq!(definition["compatibilities"], json!(["EC2", "FARGATE"]));
    assert_eq!((&definition["status"], &definition["revision"]), (&json!("ACTIVE"), &json!(1)));
    assert_eq!(definition["registeredAt"], json!(1_700_000_000.0));
    assert!(
        definition["requiresAttributes"]
            .as_array()
            .unwrap()
            .contains(&json!({"name": "ecs.capability.task-eni"}))
    );
    assert_eq!(definition["tags"], Value::Null);
}

#[test]
fn registering_the_same_again_makes_another_revision() {
    let mut lab = Lab::new();
    lab.register("demo/web:1");
    lab.call("DeregisterTaskDefinition", json!({"taskDefinition": "web:1"}));
    assert!(lab.register("demo/web:1").ends_with("web:2"));
    let described = lab.call("DescribeTaskDefinition", json!({"taskDefinition": "web:1"}));
    assert_eq!(described["taskDefinition"]["status"], "INACTIVE");
}

#[test]
fn the_clusters_default_strategy_places_a_service_that_names_none() {
    let mut lab = Lab::new();
    lab.register("demo/web:1");
    lab.call(
        "CreateCluster",
        json!({"clusterName": "spot",
            "defaultCapacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]}),
    );
    let service = lab.call(
        "CreateService",
        json!({"cluster": "spot", "serviceName": "web", "taskDefinition": "web", "desiredCount": 1,
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}}),
    )["service"]
        .take();
    assert_eq!(service["launchType"], Value::Null);
    assert_eq!(
        service["capacityProviderStrategy"],
        json!([{"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0}])
    );
    assert_eq!(service["platformVersion"], "LATEST");
}
