//! What is kept of a state, and what it agrees with.

use serde_json::json;

use super::*;

#[test]
fn a_field_is_set_by_the_argument_that_says_most() {
    let cases = [
        ("desiredCount", Some("desired_count")),
        ("taskDefinition", Some("task_definition")),
        ("taskDefinition.containerDefinitions[name=web].image", Some("task_definition")),
        (
            "settings.networkConfiguration.awsvpcConfiguration.subnets[subnet-1]",
            Some("network_configuration.subnets"),
        ),
        ("settings.deploymentConfiguration.bakeTimeInMinutes", Some("deployment_configuration")),
        ("settings.deploymentConfiguration.maximumPercent", Some("deployment_maximum_percent")),
        ("settings.loadBalancers[targetGroupArn=a].containerPort", Some("load_balancer")),
        ("settings.enableExecuteCommandX", None),
        ("restart", None),
    ];
    for (path, expected) in cases {
        assert_eq!(attribute_of(path).map(|row| row.terraform), expected, "{path}");
    }
}

#[test]
fn nothing_is_kept_but_what_is_compared() {
    let attributes = json!({
        "id": "arn:aws:ecs:eu-central-1:111122223333:service/main/web", "name": "web", "desired_count": 3,
        "task_definition": "arn:aws:ecs:eu-central-1:111122223333:task-definition/web:6",
        "platform_version": "hunter2", "propagate_tags": "", "health_check_grace_period_seconds": null,
        "tags": {"password": "hunter2"}, "triggers": {"a": "hunter2"},
        "service_connect_configuration": [{"enabled": true, "log_configuration": [{"options": {"token": "hunter2"}}]}],
        "network_configuration": [{"assign_public_ip": false, "security_groups": ["sg-1"], "subnets": ["b", "a"]}],
        "deployment_circuit_breaker": [], "load_balancer": [],
    });
    let kept = TerraformService::of(&attributes, &BTreeSet::from(["platform_version".to_owned()]));
    let expected = BTreeMap::from([
        ("desired_count", Some(json!(3))),
        ("task_definition", Some(json!("arn:aws:ecs:eu-central-1:111122223333:task-definition/web:6"))),
        ("platform_version", None),
        ("service_connect_configuration", None),
        ("network_configuration.assign_public_ip", Some(json!(false))),
        ("network_configuration.security_groups", Some(json!(["sg-1"]))),
        ("network_configuration.subnets", Some(json!(["b", "a"]))),
    ]);
    let arn = Some("arn:aws:ecs:eu-central-1:111122223333:service/main/web".to_owned());
    assert_eq!(kept, TerraformService { arn, set: expected });
    assert!(!format!("{kept:?}").contains("hunter2"));
}

#[test]
fn values_agree_by_their_form() {
    let arn = "arn:aws:ecs:eu-central-1:111122223333:task-definition/web:6";
    let cases = [
        (Form::Same, json!(3), json!(3), Some(true)),
        (Form::Same, json!(3), json!(4), Some(false)),
        (Form::Revision, json!("web:6"), json!(arn), Some(true)),
        (Form::Revision, json!("web:7"), json!(arn), Some(false)),
        (Form::Revision, json!("web"), json!(arn), None),
        (Form::Enabled, json!(true), json!("ENABLED"), Some(true)),
        (Form::Enabled, json!(true), json!("DISABLED"), Some(false)),
        (Form::Texts, json!(["a", "b"]), json!(["b", "a"]), Some(true)),
        (Form::Texts, json!(["a"]), json!(["b", "a"]), Some(false)),
        (Form::Presence, json!([{}]), json!([{}]), None),
    ];
    for (form, terraform, ecs, expected) in cases {
        assert_eq!(agrees(form, &terraform, &ecs), expected, "{form:?} {terraform} {ecs}");
    }
}
