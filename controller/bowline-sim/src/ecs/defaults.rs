//! The defaults that AWS writes into a task definition when it is registered.
//!
//! Filled: what a `DescribeTaskDefinition` is known to echo. Not filled although they have an effective default,
//! because AWS does not echo them: `networkMode`, `stopTimeout`, `versionConsistency`, `mountPoints[].readOnly`, `appProtocol`.

use serde_json::{Map, Value, json};

use super::validate::fargate_size;

/// Fills a task definition's own members and those of its containers and volumes.
pub(super) fn fill(definition: &mut Map<String, Value>) {
    let mode = definition.get("networkMode").and_then(Value::as_str).unwrap_or_default();
    let same_ports = matches!(mode, "awsvpc" | "host");
    for container in objects(definition, "containerDefinitions") {
        fill_container(container, same_ports);
    }
    for volume in objects(definition, "volumes") {
        fill_volume(volume);
    }
    fill_missing(
        definition,
        [("volumes", json!([])), ("placementConstraints", json!([])), ("enableFaultInjection", json!(false))],
    );
    normalise(definition, "cpu", cpu_units);
    normalise(definition, "memory", memory_mib);
}

/// The members that AWS derives from the rest.
pub(super) fn derive(definition: &mut Map<String, Value>) {
    let number = |name: &str| definition.get(name).and_then(Value::as_str).and_then(|text| text.parse().ok());
    let awsvpc = definition.get("networkMode").is_some_and(|mode| mode == "awsvpc");
    let fargate = awsvpc && fargate_size(number("cpu"), number("memory"));
    let compatibilities = if fargate { json!(["EC2", "FARGATE"]) } else { json!(["EXTERNAL", "EC2"]) };
    let attributes: Vec<Value> =
        required_attributes(definition, awsvpc).into_iter().map(|name| json!({ "name": name })).collect();
    definition.insert("compatibilities".to_owned(), compatibilities);
    definition.insert("requiresAttributes".to_owned(), attributes.into());
}

fn required_attributes(definition: &Map<String, Value>, awsvpc: bool) -> Vec<&'static str> {
    let containers = definition.get("containerDefinitions").and_then(Value::as_array);
    let any =
        |test: &dyn Fn(&Value) -> bool| containers.is_some_and(|containers| containers.iter().any(test));
    let execution_role = definition.contains_key("executionRoleArn");
    let logs = any(&|container| container["logConfiguration"]["logDriver"] == "awslogs");
    let ecr = any(&|container| container["image"].as_str().is_some_and(|image| image.contains(".dkr.ecr.")));
    let candidates = [
        (logs, "com.amazonaws.ecs.capability.logging-driver.awslogs"),
        (logs && execution_role, "ecs.capability.execution-role-awslogs"),
        (ecr, "com.amazonaws.ecs.capability.ecr-auth"),
        (ecr && execution_role, "ecs.capability.execution-role-ecr-pull"),
        (logs, "com.amazonaws.ecs.capability.docker-remote-api.1.19"),
        (
            any(&|container| container.get("secrets").is_some()),
            "ecs.capability.secrets.asm.environment-variables",
        ),
        (any(&|container| container.get("healthCheck").is_some()), "ecs.capability.container-health-check"),
        (definition.contains_key("taskRoleArn"), "com.amazonaws.ecs.capability.task-iam-role"),
        (true, "com.amazonaws.ecs.capability.docker-remote-api.1.18"),
        (awsvpc, "ecs.capability.task-eni"),
    ];
    candidates.into_iter().filter(|(needed, _)| *needed).map(|(_, name)| name).collect()
}

fn fill_container(container: &mut Map<String, Value>, same_ports: bool) {
    for port in objects(container, "portMappings") {
        let container_port = port.get("containerPort").cloned();
        let unset = port.get("hostPort").is_none_or(|host| host == 0);
        let host_port = if same_ports && unset { container_port } else { None };
        if let Some(host_port) = host_port {
            port.insert("hostPort".to_owned(), host_port);
        }
        let protocol = port.get("protocol").and_then(Value::as_str);
        let protocol = if protocol == Some("udp") { "udp" } else { "tcp" };
        port.insert("protocol".to_owned(), protocol.into());
        if !port.contains_key("containerPortRange") {
            fill_missing(port, [("hostPort", json!(0))]);
        }
    }
    if let Some(Value::Object(check)) = container.get_mut("healthCheck") {
        fill_missing(check, [("interval", json!(30)), ("timeout", json!(5)), ("retries", json!(3))]);
    }
    if let Some(Value::Object(policy)) = container.get_mut("restartPolicy")
        && policy.get("enabled").is_some_and(|enabled| enabled == true)
    {
        fill_missing(policy, [("restartAttemptPeriod", json!(300))]);
    }
    let lists = ["environment", "mountPoints", "volumesFrom", "portMappings", "systemControls"];
    fill_missing(container, lists.map(|name| (name, json!([]))));
    fill_missing(container, [("cpu", json!(0)), ("essential", json!(true))]);
}

fn fill_volume(volume: &mut Map<String, Value>) {
    if let Some(Value::Object(efs)) = volume.get_mut("efsVolumeConfiguration") {
        fill_missing(efs, [("rootDirectory", json!("/")), ("transitEncryption", json!("DISABLED"))]);
        if let Some(Value::Object(authorization)) = efs.get_mut("authorizationConfig") {
            fill_missing(authorization, [("iam", json!("DISABLED"))]);
        }
    }
    let configured = volume.keys().any(|name| name.ends_with("VolumeConfiguration"));
    let at_launch = volume.get("configuredAtLaunch").is_some_and(|value| value == true);
    if !configured && !at_launch {
        fill_missing(volume, [("host", json!({}))]);
    }
    fill_missing(volume, [("configuredAtLaunch", json!(false))]);
}

/// Inserts the members that are absent.
pub(super) fn fill_missing<const N: usize>(object: &mut Map<String, Value>, members: [(&str, Value); N]) {
    for (name, value) in members {
        object.entry(name).or_insert(value);
    }
}

fn objects<'a>(
    parent: &'a mut Map<String, Value>,
    name: &str,
) -> impl Iterator<Item = &'a mut Map<String, Value>> {
    parent.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut)
}

fn normalise(definition: &mut Map<String, Value>, name: &str, units: fn(&str) -> Option<u32>) {
    if let Some(Value::String(text)) = definition.get_mut(name)
        && let Some(units) = units(text)
    {
        *text = units.to_string();
    }
}

/// CPU units of `1024`, `1 vCPU` or `.5 vcpu`.
pub(super) fn cpu_units(text: &str) -> Option<u32> {
    scaled(text, "vcpu")
}

/// MiB of `2048`, `2GB` or `0.5 GB`.
pub(super) fn memory_mib(text: &str) -> Option<u32> {
    scaled(text, "gb")
}

fn scaled(text: &str, unit: &str) -> Option<u32> {
    let text = text.trim().to_ascii_lowercase();
    let Some(number) = text.strip_suffix(unit) else { return text.parse().ok() };
    // In thousandths, so that 0.25 vCPU needs no floating point.
    let (whole, fraction) = number.trim().split_once('.').unwrap_or((number.trim(), ""));
    let whole: u32 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let thousandths: u32 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    whole.checked_mul(1000)?.checked_add(thousandths)?.checked_mul(1024).map(|units| units / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_become_plain_units() {
        assert_eq!(
            ["1024", "1 vCPU", "1 vcpu", ".25 vCPU"].map(cpu_units),
            [1024, 1024, 1024, 256].map(Some)
        );
        assert_eq!(["512", "0.5GB", "30 GB"].map(memory_mib), [512, 512, 30720].map(Some));
        assert_eq!(cpu_units("many"), None);
    }

    #[test]
    fn a_bare_container_gets_what_aws_writes_into_it() {
        let mut definition = json!({"family": "a", "networkMode": "awsvpc", "cpu": "1 vCPU", "memory": "2GB",
            "volumes": [{"name": "scratch"}],
            "containerDefinitions": [{"name": "app", "image": "web", "portMappings": [{"containerPort": 80}],
                "healthCheck": {"command": ["CMD", "true"]}}]})
        .as_object()
        .unwrap()
        .clone();
        fill(&mut definition);
        let expected = json!({"family": "a", "networkMode": "awsvpc", "cpu": "1024", "memory": "2048",
            "placementConstraints": [], "enableFaultInjection": false,
            "volumes": [{"name": "scratch", "host": {}, "configuredAtLaunch": false}],
            "containerDefinitions": [{"name": "app", "image": "web", "cpu": 0, "essential": true,
                "environment": [], "mountPoints": [], "volumesFrom": [], "systemControls": [],
                "portMappings": [{"containerPort": 80, "hostPort": 80, "protocol": "tcp"}],
                "healthCheck": {"command": ["CMD", "true"], "interval": 30, "timeout": 5, "retries": 3}}]});
        assert_eq!(Value::Object(definition), expected);
    }
}
