use serde_json::{Value, json};

use super::Lab;

#[test]
fn calls_are_refused_in_the_words_of_aws() {
    let mut lab = Lab::new();
    lab.create("demo/web:1", &json!({}));
    lab.register("demo/web:2");
    lab.call("DeregisterTaskDefinition", json!({"taskDefinition": "web:2"}));
    let network = json!({"awsvpcConfiguration": {"subnets": ["subnet-1"]}});
    let create = |more: Value| {
        let mut body = json!({"cluster": "main", "serviceName": "new", "taskDefinition": "web:1", "desiredCount": 1,
            "launchType": "FARGATE", "networkConfiguration": network});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let balancer = |container: &str, port: u16| json!([{"targetGroupArn": "arn:x", "containerName": container, "containerPort": port}]);
    let cases = [
        (
            "DescribeServices",
            json!({"cluster": "nope", "services": ["web"]}),
            "ClusterNotFoundException: Cluster not found.",
        ),
        ("DescribeServices", json!({"services": ["web"]}), "ClusterNotFoundException: Cluster not found."),
        (
            "UpdateService",
            json!({"cluster": "main", "service": "nope"}),
            "ServiceNotFoundException: Service not found.",
        ),
        (
            "DescribeTaskDefinition",
            json!({"taskDefinition": "nope:1"}),
            "ClientException: Unable to describe task definition.",
        ),
        (
            "CreateService",
            create(json!({"taskDefinition": "nope"})),
            "ClientException: TaskDefinition not found.",
        ),
        (
            "CreateService",
            create(json!({"taskDefinition": "web:2"})),
            "ClientException: TaskDefinition is inactive",
        ),
        (
            "CreateService",
            create(json!({"serviceName": "web"})),
            "InvalidParameterException: Creation of service was not idempotent.",
        ),
        (
            "CreateService",
            create(json!({"networkConfiguration": null})),
            "InvalidParameterException: Network Configuration must be provided when networkMode 'awsvpc' is specified.",
        ),
        (
            "CreateService",
            create(json!({"loadBalancers": balancer("web", 80)})),
            "InvalidParameterException: The container web does not exist in the task definition.",
        ),
        (
            "CreateService",
            create(json!({"loadBalancers": balancer("app", 81)})),
            "InvalidParameterException: The container app did not have a container port 81 defined.",
        ),
        (
            "CreateService",
            create(json!({"desiredCount": "1"})),
            "SerializationException: STRING_VALUE can not be converted to an Integer",
        ),
        ("ExecuteCommand", json!({}), "UnknownOperationException: "),
    ];
    for (operation, body, expected) in cases {
        let (code, message) = lab.refused(operation, body);
        assert_eq!(format!("{code}: {message}"), expected);
    }
}

#[test]
fn a_long_token_and_a_daemon_on_fargate_are_refused() {
    let mut lab = Lab::new();
    let definition = lab.register("demo/web:1");
    let network = json!({"awsvpcConfiguration": {"subnets": ["subnet-1"]}});
    let body = json!({"cluster": "main", "serviceName": "web", "taskDefinition": definition, "launchType": "FARGATE",
        "networkConfiguration": network});
    for (field, value, expected) in [
        ("clientToken", json!("t".repeat(37)), "The client token must be at most 36 ASCII characters."),
        (
            "schedulingStrategy",
            json!("DAEMON"),
            "The daemon scheduling strategy is not supported for the Fargate launch type.",
        ),
    ] {
        let mut body = body.clone();
        body[field] = value;
        let refused = lab.refused("CreateService", body);
        assert_eq!(refused, ("InvalidParameterException".to_owned(), expected.to_owned()));
    }
}

#[test]
fn what_goes_with_one_deployment_strategy_only_is_refused_with_another_and_leaves_with_it() {
    let mut lab = Lab::new();
    let canary = json!({"strategy": "CANARY", "canaryConfiguration": {"canaryPercent": 50.0}});
    lab.create("demo/web:1", &json!({"deploymentConfiguration": canary}));
    let update = |deployment: Value| json!({"cluster": "main", "service": "web", "deploymentConfiguration": deployment});
    for (deployment, member, strategy) in [
        (json!({"strategy": "BLUE_GREEN", "canaryConfiguration": {}}), "canaryConfiguration", "BLUE_GREEN"),
        (json!({"linearConfiguration": {"stepPercent": 10.0}}), "linearConfiguration", "CANARY"),
    ] {
        let message = format!("{member} is not valid for the deployment strategy {strategy}.");
        assert_eq!(
            lab.refused("UpdateService", update(deployment)),
            ("InvalidParameterException".to_owned(), message)
        );
    }
    let service = lab.update(&json!({"deploymentConfiguration": {"strategy": "BLUE_GREEN"}}));
    let shown = &service["deploymentConfiguration"];
    assert_eq!((&shown["strategy"], &shown["canaryConfiguration"]), (&json!("BLUE_GREEN"), &Value::Null));
}

#[test]
fn creating_the_same_service_twice_returns_it() {
    let mut lab = Lab::new();
    let first = lab.create("demo/web:1", &json!({"taskDefinition": "web"}));
    let network = json!({"awsvpcConfiguration": {"subnets": ["subnet-1"]}});
    let again = lab.call(
        "CreateService",
        json!({"cluster": "main", "serviceName": "web", "taskDefinition": "web", "desiredCount": 2,
            "launchType": "FARGATE", "networkConfiguration": network}),
    );
    assert_eq!(again["service"], first);
}

#[test]
fn a_cluster_with_services_is_not_deleted() {
    let mut lab = Lab::new();
    lab.create("demo/web:1", &json!({}));
    assert_eq!(
        lab.refused("DeleteCluster", json!({"cluster": "main"})).0,
        "ClusterContainsServicesException"
    );
    lab.call("DeleteService", json!({"cluster": "main", "service": "web", "force": true}));
    lab.wait(120);
    assert_eq!(lab.call("DeleteCluster", json!({"cluster": "main"}))["cluster"]["status"], "INACTIVE");
    assert_eq!(lab.call("ListClusters", json!({}))["clusterArns"], json!([]));
}
