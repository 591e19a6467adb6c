use super::*;
use serde_json::json;

fn diff(wanted: Value, found: Value, ignore: &[&str], reveal: &[&str]) -> Vec<String> {
    let ignore: Vec<FieldPath> = ignore.iter().map(|path| FieldPath::parse(path).unwrap()).collect();
    let reveal: Vec<String> = reveal.iter().map(|name| (*name).to_owned()).collect();
    differences(wanted, found, &ignore, &reveal).iter().map(ToString::to_string).collect()
}

fn differences(wanted: Value, found: Value, ignore: &[FieldPath], reveal: &[String]) -> Vec<Difference> {
    let (wanted, found) = (TaskDefinitionContent::new(wanted), TaskDefinitionContent::new(found));
    diff_task_definition(&wanted, &found, ignore, reveal)
}

/// Each difference as a line, with its reason before it.
fn reasons(wanted: Value, found: Value) -> Vec<String> {
    let differences = differences(wanted, found, &[], &[]);
    differences.iter().map(|difference| format!("{:?} {difference}", difference.reason)).collect()
}

fn container(fields: impl Into<Value>) -> Value {
    let mut container = json!({"name": "web", "image": "web:1"});
    for (key, value) in fields.into().as_object().unwrap() {
        container[key] = value.clone();
    }
    json!({"family": "web", "containerDefinitions": [container]})
}

const NONE: [&str; 0] = [];

#[test]
fn values_that_may_be_confidential_are_shown_by_length() {
    let wanted = container(json!({
        "environment": [{"name": "LOG_LEVEL", "value": "debug"}, {"name": "NEW", "value": "four"}],
        "command": ["serve", "--token=abc"],
        "dockerLabels": {"com.example.team": "shop"},
        "logConfiguration": {"logDriver": "splunk", "options": {"splunk-token": "t1", "splunk-url": "https://b"}},
    }));
    let found = container(json!({
        "environment": [{"name": "LOG_LEVEL", "value": "information"}, {"name": "OLD", "value": "x"}],
        "command": ["serve"],
        "dockerLabels": {"com.example.team": "platform"},
        "logConfiguration": {"logDriver": "splunk", "options": {"splunk-token": "t22", "splunk-url": "https://a"}},
    }));
    assert_eq!(
        diff(wanted.clone(), found.clone(), &[], &[]),
        [
            "containerDefinitions[name=web].command changed (9 -> 23 chars)",
            "containerDefinitions[name=web].dockerLabels.com.example.team changed (8 -> 4 chars)",
            "containerDefinitions[name=web].environment[name=LOG_LEVEL].value changed (11 -> 5 chars)",
            "containerDefinitions[name=web].environment[name=NEW].value is not set, git wants (4 chars)",
            "containerDefinitions[name=web].environment[name=OLD].value is (1 chars), git does not have it",
            "containerDefinitions[name=web].logConfiguration.options.splunk-token changed (3 -> 2 chars)",
            "containerDefinitions[name=web].logConfiguration.options.splunk-url changed (9 -> 9 chars)",
        ]
    );
    assert_eq!(
        diff(
            wanted,
            found,
            &[
                "containerDefinitions[*].environment[name=NEW]",
                "taskDefinition.containerDefinitions[name=web].logConfiguration"
            ],
            &["LOG_LEVEL", "command", "com.example.team"]
        ),
        [
            r#"containerDefinitions[name=web].command is ["serve"], git wants ["serve","--token=abc"]"#,
            "containerDefinitions[name=web].dockerLabels.com.example.team is platform, git wants shop",
            "containerDefinitions[name=web].environment[name=LOG_LEVEL].value is information, git wants debug",
            "containerDefinitions[name=web].environment[name=OLD].value is (1 chars), git does not have it",
        ]
    );
}

#[test]
fn nested_fields_are_compared_to_the_leaf() {
    let wanted = container(
        json!({"healthCheck": {"command": ["CMD", "true"], "interval": 10}, "ulimits": [{"name": "nofile", "softLimit": 1, "hardLimit": 2}]}),
    );
    let found = container(
        json!({"healthCheck": {"command": ["CMD", "true"], "interval": 30, "timeout": 5, "retries": 3}}),
    );
    assert_eq!(
        diff(wanted, found, &[], &[]),
        [
            "containerDefinitions[name=web].healthCheck.interval is 30, git wants 10",
            "containerDefinitions[name=web].ulimits[name=nofile].hardLimit is not set, git wants 2",
            "containerDefinitions[name=web].ulimits[name=nofile].softLimit is not set, git wants 1",
        ]
    );
}

#[test]
fn what_a_side_leaves_to_aws_is_shown_as_what_aws_fills_in() {
    let wanted = container(json!({
        "cpu": 128,
        "environment": [{"name": "A", "value": "x"}],
        "healthCheck": {"command": ["CMD", "true"], "interval": 10},
        "linuxParameters": {
            "initProcessEnabled": true,
            "devices": [{"hostPath": "/dev/fuse", "permissions": ["read", "mknod"]}],
        },
        "portMappings": [{"containerPort": 80, "hostPort": 8080}],
    }));
    let found = container(json!({
        "cpu": 0,
        "environment": [{"name": "A", "value": ""}],
        "essential": false,
        "healthCheck": {"command": ["CMD", "true"], "interval": 30, "timeout": 7},
        "linuxParameters": {"initProcessEnabled": false, "devices": [{"hostPath": "/dev/fuse"}]},
        "portMappings": [{"containerPort": 80, "hostPort": 0, "protocol": "tcp"}],
    }));
    assert_eq!(
        reasons(wanted, found),
        [
            "Defaulted containerDefinitions[name=web].cpu is 0, git wants 128",
            "Defaulted containerDefinitions[name=web].environment[name=A].value changed (0 -> 1 chars)",
            "Defaulted containerDefinitions[name=web].essential is false, git wants true",
            "Defaulted containerDefinitions[name=web].healthCheck.interval is 30, git wants 10",
            "Defaulted containerDefinitions[name=web].healthCheck.timeout is 7, git wants 5",
            "Defaulted containerDefinitions[name=web].linuxParameters.devices[hostPath=/dev/fuse].permissions[write] is write, git does not have it",
            "Defaulted containerDefinitions[name=web].linuxParameters.initProcessEnabled is false, git wants true",
            // What it is without being set depends on the network mode.
            "Added containerDefinitions[name=web].portMappings[containerPort=80].hostPort is not set, git wants 8080",
        ]
    );
    let alone = container(json!({"linuxParameters": {"initProcessEnabled": true}}));
    assert_eq!(
        reasons(alone, container(json!({}))),
        [
            "Defaulted containerDefinitions[name=web].linuxParameters.initProcessEnabled is false, git wants true"
        ]
    );
}

#[test]
fn nothing_is_at_its_default_in_what_a_side_does_not_have_at_all() {
    let mut wanted = container(json!({"healthCheck": {"command": ["CMD", "true"], "interval": 10}}));
    let log = json!({"name": "log", "image": "log:1", "cpu": 10});
    wanted["containerDefinitions"].as_array_mut().unwrap().push(log);
    wanted["volumes"] = json!([{"name": "data", "dockerVolumeConfiguration": {"autoprovision": true}}]);
    let mut found = container(json!({}));
    found["volumes"] = json!([{"name": "data"}]);
    let lines = [
        ("containerDefinitions[name=log].cpu", "10"),
        ("containerDefinitions[name=log].image", "log:1"),
        ("containerDefinitions[name=web].healthCheck.command", "(14 chars)"),
        ("containerDefinitions[name=web].healthCheck.interval", "10"),
        ("volumes[name=data].dockerVolumeConfiguration.autoprovision", "true"),
    ];
    assert_eq!(
        reasons(wanted.clone(), found.clone()),
        lines.map(|(path, value)| format!("Added {path} is not set, git wants {value}"))
    );
    assert_eq!(
        reasons(found, wanted),
        lines.map(|(path, value)| format!("Removed {path} is {value}, git does not have it"))
    );
}

#[test]
fn a_whole_container_is_listed_by_its_fields() {
    let wanted = json!({"family": "web", "containerDefinitions": [{"name": "web", "image": "web:1"}, {"name": "log", "image": "log:1"}]});
    let found = json!({"family": "web", "containerDefinitions": [{"name": "web", "image": "web:1"}]});
    assert_eq!(
        diff(wanted, found, &[], &[]),
        ["containerDefinitions[name=log].image is not set, git wants log:1"]
    );
}

#[test]
fn an_item_that_is_only_its_name_is_not_lost() {
    let wanted = container(json!({"environment": [{"name": "EMPTY", "value": ""}]}));
    assert_eq!(
        diff(wanted, container(json!({})), &[], &[]),
        ["containerDefinitions[name=web].environment[name=EMPTY] is not set, git wants EMPTY"]
    );
}

#[test]
fn sets_list_what_is_more_and_what_is_less() {
    let wanted = json!({"family": "web", "requiresCompatibilities": ["EC2", "FARGATE"]});
    let found = json!({"family": "web", "requiresCompatibilities": ["FARGATE", "EXTERNAL"]});
    assert_eq!(
        diff(wanted, found, &[], &[]),
        [
            "requiresCompatibilities[EC2] is not set, git wants EC2",
            "requiresCompatibilities[EXTERNAL] is EXTERNAL, git does not have it",
        ]
    );
}

#[test]
fn ports_differ_by_protocol_and_duplicates_are_kept() {
    let ports = |list: Value| container(json!({"portMappings": list}));
    let both =
        ports(json!([{"containerPort": 53, "protocol": "udp"}, {"containerPort": 53, "protocol": "tcp"}]));
    assert_eq!(diff(both.clone(), both.clone(), &[], &[]), NONE);
    assert_eq!(
        diff(both, ports(json!([{"containerPort": 53}])), &[], &[]),
        [
            "containerDefinitions[name=web].portMappings[containerPort=53/udp].protocol is not set, git wants udp"
        ]
    );
    let twice = container(json!({"environment": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}));
    let once = container(json!({"environment": [{"name": "A", "value": "1"}]}));
    assert_eq!(
        diff(twice, once, &[], &["A#2"]),
        ["containerDefinitions[name=web].environment[name=A#2].value is not set, git wants 2"]
    );
}

#[test]
fn everything_that_the_user_fills_is_shown_by_length_unless_it_is_revealed() {
    let content = |text: &str| {
        json!({
            "family": "web",
            "containerDefinitions": [{
                "name": "web",
                "firelensConfiguration": {"type": "fluentbit", "options": {"config-file-value": text}},
                "logConfiguration": {"logDriver": "awsfirelens", "options": {"HTTP_Passwd": text, "Header": text}},
            }],
            "proxyConfiguration": {"containerName": "web", "properties": [{"name": "AppPorts", "value": text}]},
            "volumes": [{"name": "data", "dockerVolumeConfiguration": {"driverOpts": {"o": text}, "labels": {"team": text}}}],
        })
    };
    let by_length = [
        "containerDefinitions[name=web].firelensConfiguration.options.config-file-value changed (3 -> 2 chars)",
        "containerDefinitions[name=web].logConfiguration.options.HTTP_Passwd changed (3 -> 2 chars)",
        "containerDefinitions[name=web].logConfiguration.options.Header changed (3 -> 2 chars)",
        "proxyConfiguration.properties[name=AppPorts].value changed (3 -> 2 chars)",
        "volumes[name=data].dockerVolumeConfiguration.driverOpts.o changed (3 -> 2 chars)",
        "volumes[name=data].dockerVolumeConfiguration.labels.team changed (3 -> 2 chars)",
    ];
    let names = ["config-file-value", "HTTP_Passwd", "Header", "AppPorts", "o", "team"];
    assert_eq!(diff(content("pw"), content("old"), &[], &[]), by_length);
    let shown = diff(content("pw"), content("old"), &[], &names);
    assert!(shown.iter().all(|line| line.ends_with(" is old, git wants pw")), "{shown:?}");
}
