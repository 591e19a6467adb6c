use serde_json::json;

use super::*;
use crate::live::DeploymentController;
use crate::plan::fixture::live_service;

fn settings(value: Value) -> ServiceSettings {
    serde_json::from_value(value).unwrap()
}

fn found(live: Value) -> FoundService {
    let mut service = live_service("web", "web:1");
    service.settings = settings(live);
    FoundService { live: service, task_definition: None, revision_settings: None }
}

fn written(found: &FoundService) -> (Value, Vec<String>) {
    let listed = listed(found, |_| false);
    let defaults = listed.defaults.iter().flat_map(|(at, fields)| {
        fields.iter().map(move |field| if at.is_empty() { field.clone() } else { format!("{at}.{field}") })
    });
    (Value::Object(listed.fields), defaults.collect())
}

#[test]
fn what_aws_fills_in_is_left_out_and_named() {
    let described = found(json!({
        "availabilityZoneRebalancing": "ENABLED", "enableECSManagedTags": false, "enableExecuteCommand": true,
        "healthCheckGracePeriodSeconds": 0, "launchType": "FARGATE", "platformVersion": "LATEST", "propagateTags": "",
        "role": "arn:aws:iam::111122223333:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS",
        "schedulingStrategy": "REPLICA", "deploymentController": {"type": "ECS"},
        "deploymentConfiguration": {
            "deploymentCircuitBreaker": {"enable": true, "rollback": false},
            "alarms": {"alarmNames": [], "enable": false, "rollback": false},
            "maximumPercent": 200, "minimumHealthyPercent": 50, "strategy": "ROLLING", "bakeTimeInMinutes": 0},
        "networkConfiguration": {"awsvpcConfiguration": {
            "subnets": ["subnet-b", "subnet-a"], "securityGroups": [], "assignPublicIp": "DISABLED", "newer": 1}},
        "capacityProviderStrategy": [{"capacityProvider": "FARGATE", "base": 0, "weight": 1}],
        "serviceConnectConfiguration": {"enabled": false},
    }));
    let (fields, defaults) = written(&described);
    assert_eq!(
        fields,
        json!({
            "availabilityZoneRebalancing": "ENABLED", "enableExecuteCommand": true, "launchType": "FARGATE",
            "capacityProviderStrategy": [{"capacityProvider": "FARGATE", "weight": 1}],
            "deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": true}, "minimumHealthyPercent": 50},
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-a", "subnet-b"]}},
        })
    );
    let expected = [
        "enableECSManagedTags false",
        "healthCheckGracePeriodSeconds 0",
        "platformVersion LATEST",
        "propagateTags NONE",
        "schedulingStrategy REPLICA",
        "deploymentConfiguration.bakeTimeInMinutes 0",
        "deploymentConfiguration.maximumPercent 200",
        "deploymentConfiguration.strategy ROLLING",
        "deploymentConfiguration.alarms.enable false",
        "deploymentConfiguration.alarms.rollback false",
        "deploymentConfiguration.deploymentCircuitBreaker.rollback false",
        "deploymentController.type ECS",
        "networkConfiguration.awsvpcConfiguration.assignPublicIp DISABLED",
        "serviceConnectConfiguration.enabled false",
    ];
    assert_eq!(defaults, expected);
}

/// Which of the two a service has by itself depends on when it was created.
#[test]
fn rebalancing_of_zones_is_listed_whichever_it_is() {
    for chosen in ["ENABLED", "DISABLED"] {
        let rebalancing = json!({"availabilityZoneRebalancing": chosen});
        assert_eq!(written(&found(rebalancing.clone())), (rebalancing, vec![]));
    }
}

#[test]
fn every_list_of_target_groups_that_are_exchanged_is_told() {
    let group =
        json!({"targetGroupArn": "one", "advancedConfiguration": {"alternateTargetGroupArn": "other"}});
    let exchanged = |strategy: &str| {
        let settings = json!({"deploymentConfiguration": {"strategy": strategy}, "loadBalancers": [group.clone()],
            "vpcLatticeConfigurations": [group.clone()]});
        listed(&found(settings), |_| false).exchanged
    };
    assert_eq!(exchanged("CANARY"), ["loadBalancers", "vpcLatticeConfigurations"]);
    assert_eq!(exchanged("ROLLING"), Vec::<&str>::new());
}

#[test]
fn a_daemon_has_other_defaults() {
    let percents = json!({"deploymentConfiguration": {"maximumPercent": 100, "minimumHealthyPercent": 0}});
    let mut daemon = found(percents.clone());
    assert_eq!(written(&daemon).0, percents);
    daemon.live.scheduling = SchedulingStrategy::Daemon;
    assert_eq!(written(&daemon).0, json!({}));
}

#[test]
fn what_a_manifest_has_to_have_stays_beside_what_says_something() {
    let breaker = |kind: &str, value: u32| {
        let threshold = json!({"type": kind, "value": value});
        json!({"deploymentConfiguration": {"deploymentCircuitBreaker": {"thresholdConfiguration": threshold}}})
    };
    assert_eq!(written(&found(breaker("BOUNDED_PERCENT", 30))).0, breaker("BOUNDED_PERCENT", 30));
    assert_eq!(written(&found(breaker("BOUNDED_PERCENT", 50))).0, json!({}));
}

#[test]
fn what_only_revisions_show_is_written_unless_it_is_aws_own() {
    let monitoring = |seconds: u32| {
        let metrics =
            json!({"metricNames": ["MemoryUtilization", "CPUUtilization"], "resolutionSeconds": seconds});
        json!({"monitoring": {"metricConfigurations": [metrics]}})
    };
    let mut service = found(json!({"platformVersion": "LATEST"}));
    let mut shown = monitoring(60);
    shown["platformVersion"] = json!("1.4.0");
    service.revision_settings = Some(settings(shown));
    let left_out = ["platformVersion LATEST", "monitoring.metricConfigurations"].map(str::to_owned);
    assert_eq!(written(&service), (json!({}), left_out.to_vec()));
    service.revision_settings = Some(settings(monitoring(20)));
    let sorted = json!({"metricNames": ["CPUUtilization", "MemoryUtilization"], "resolutionSeconds": 20});
    assert_eq!(written(&service).0, json!({"monitoring": {"metricConfigurations": [sorted]}}));
}

#[test]
fn what_another_controller_sets_is_left_out_and_said() {
    let mut shop = found(json!({
        "deploymentController": {"type": "CODE_DEPLOY"}, "launchType": "FARGATE", "propagateTags": "SERVICE",
        "loadBalancers": [{"targetGroupArn": "blue", "containerName": "web", "containerPort": 80}],
        "deploymentConfiguration": {"maximumPercent": 150}, "platformVersion": "LATEST", "enableExecuteCommand": true,
    }));
    let named = |listed: &Listed| listed.fields.keys().cloned().collect::<Vec<_>>();
    shop.live.controller = DeploymentController::CodeDeploy;
    let of_code_deploy = listed(&shop, |_| false);
    assert_eq!(named(&of_code_deploy), ["deploymentConfiguration", "deploymentController", "propagateTags"]);
    let owned = vec!["enableExecuteCommand", "launchType", "loadBalancers"];
    assert_eq!(of_code_deploy.owned, BTreeMap::from([("CodeDeploy", owned)]));
    shop.live.controller = DeploymentController::External;
    assert_eq!(named(&listed(&shop, |_| false)), ["deploymentController", "propagateTags"]);
}

#[test]
fn what_looks_confidential_is_left_out_unless_it_is_allowed() {
    let connect = json!({"serviceConnectConfiguration": {"enabled": true, "logConfiguration": {
        "logDriver": "splunk", "options": {"splunk-token": "hunter2"}}}});
    let service = found(connect.clone());
    let without = listed(&service, |_| false);
    assert_eq!(
        Value::Object(without.fields),
        json!({"serviceConnectConfiguration": {"enabled": true, "logConfiguration": {"logDriver": "splunk"}}})
    );
    let path = "serviceConnectConfiguration.logConfiguration.options.splunk-token".to_owned();
    let told = Confidential { path, name: "splunk-token".to_owned(), because: Because::Name };
    assert_eq!(without.confidential, [told]);
    let allowed = listed(&service, |name| name == "splunk-token");
    assert_eq!((Value::Object(allowed.fields), allowed.confidential), (connect, vec![]));
}
