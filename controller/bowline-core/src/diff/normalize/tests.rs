use super::*;
use serde_json::json;

fn same(one: Value, other: Value) {
    assert_eq!(normalize(&TaskDefinitionContent::new(one)), normalize(&TaskDefinitionContent::new(other)));
}

fn differ(one: Value, other: Value) {
    assert_ne!(normalize(&TaskDefinitionContent::new(one)), normalize(&TaskDefinitionContent::new(other)));
}

fn container(fields: impl Into<Value>) -> Value {
    json!({"family": "web", "networkMode": "awsvpc", "containerDefinitions": [fields.into()]})
}

#[test]
fn registering_and_describing_gives_no_difference() {
    let file = json!({
        "family": "web",
        "requiresCompatibilities": ["FARGATE", "EC2"],
        "networkMode": "awsvpc",
        "cpu": "1 vCPU",
        "memory": "2GB",
        "tags": [{"key": "team", "value": "shop"}],
        "volumes": [{"name": "tmp"}, {"name": "efs", "efsVolumeConfiguration": {"fileSystemId": "fs-1"}}],
        "containerDefinitions": [{
            "name": "web",
            "image": "web:1",
            "portMappings": [{"containerPort": 8080}, {"containerPort": 53, "protocol": "udp"}],
            "environment": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}],
            "healthCheck": {"command": ["CMD", "true"]},
            "mountPoints": [{"sourceVolume": "tmp", "containerPath": "/tmp"}],
            "restartPolicy": {"enabled": true},
        }],
    });
    let described = json!({
        "taskDefinitionArn": "arn:aws:ecs:eu-central-1:111122223333:task-definition/web:1",
        "revision": 1,
        "status": "ACTIVE",
        "requiresAttributes": [{"name": "x"}],
        "compatibilities": ["EC2", "FARGATE"],
        "registeredAt": 1.5,
        "registeredBy": "somebody",
        "family": "web",
        "requiresCompatibilities": ["EC2", "FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "1024",
        "memory": "2048",
        "placementConstraints": [],
        "enableFaultInjection": false,
        "volumes": [
            {"name": "efs", "configuredAtLaunch": false, "efsVolumeConfiguration": {"fileSystemId": "fs-1",
                "rootDirectory": "/", "transitEncryption": "DISABLED", "authorizationConfig": {"iam": "DISABLED"}}},
            {"name": "tmp", "host": {}, "configuredAtLaunch": false},
        ],
        "containerDefinitions": [{
            "name": "web",
            "image": "web:1",
            "cpu": 0,
            "essential": true,
            "versionConsistency": "enabled",
            "portMappings": [
                {"containerPort": 53, "hostPort": 53, "protocol": "udp"},
                {"containerPort": 8080, "hostPort": 8080, "protocol": "tcp"},
            ],
            "environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
            "healthCheck": {"command": ["CMD", "true"], "interval": 30, "timeout": 5, "retries": 3},
            "mountPoints": [{"sourceVolume": "tmp", "containerPath": "/tmp", "readOnly": false}],
            "restartPolicy": {"enabled": true, "restartAttemptPeriod": 300},
            "volumesFrom": [],
            "systemControls": [],
            "command": null,
        }],
    });
    same(file, described);
}

#[test]
fn sizes_are_compared_in_awss_units() {
    let size = |cpu: Value, memory: Value| json!({"family": "web", "cpu": cpu, "memory": memory});
    same(size(json!("1 vCPU"), json!("1 GB")), size(json!("1024"), json!("1024")));
    same(size(json!(".5 vcpu"), json!("0.5GB")), size(json!(512), json!("512")));
    differ(size(json!("1 vCPU"), json!("1GB")), size(json!("512"), json!("1024")));
}

#[test]
fn a_role_is_its_name_however_it_is_written() {
    let role = |role: &str| json!({"family": "web", "taskRoleArn": role});
    let arn = "arn:aws:iam::111122223333:role/team/shop/task";
    same(role(arn), role("task"));
    same(role(arn), role("/team/shop/task"));
    same(role(arn), role("team/shop/task"));
    differ(role(arn), role("/team/task/shop"));
    differ(role("arn:aws:iam::111122223333:user/team/task"), role("task"));
}

#[test]
fn what_means_something_is_kept() {
    differ(container(json!({"name": "a", "essential": false})), container(json!({"name": "a"})));
    differ(container(json!({"name": "a", "cpu": 1})), container(json!({"name": "a"})));
    differ(
        container(json!({"name": "a", "command": ["x", "y"]})),
        container(json!({"name": "a", "command": ["y", "x"]})),
    );
    differ(
        container(json!({"name": "a", "dnsServers": ["1", "2"]})),
        container(json!({"name": "a", "dnsServers": ["2", "1"]})),
    );
    let bridge = |port: u32| json!({"family": "web", "containerDefinitions": [{"name": "a", "portMappings": [{"containerPort": 80, "hostPort": port}]}]});
    differ(bridge(80), bridge(0));
    differ(container(json!({"name": "a", "user": "0"})), container(json!({"name": "a"})));
    same(
        container(json!({"name": "a", "user": "0", "firelensConfiguration": {"type": "fluentbit"}})),
        container(json!({"name": "a", "firelensConfiguration": {"type": "fluentbit"}})),
    );
}

#[test]
fn defaults_are_only_that_at_their_own_place() {
    // `value: ""` of an environment variable is its default; a label that is empty is a label.
    same(
        container(json!({"name": "a", "environment": [{"name": "E", "value": ""}]})),
        container(json!({"name": "a", "environment": [{"name": "E"}]})),
    );
    differ(container(json!({"name": "a", "dockerLabels": {"l": ""}})), container(json!({"name": "a"})));
    same(
        container(json!({"name": "a", "healthCheck": {"command": ["x"], "interval": 30.0}})),
        container(json!({"name": "a", "healthCheck": {"command": ["x"]}})),
    );
}
