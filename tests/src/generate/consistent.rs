//! What a value by chance needs to become a task definition that AWS would take: names that exist, fields that go together.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::place::{DEFINITION, Form};

type Object = Map<String, Value>;

/// The nearest task definition that AWS would take.
pub(super) fn made(mut drawn: Value) -> Value {
    unique(*DEFINITION, &mut drawn, "");
    let definition = drawn.as_object_mut().expect("a task definition is an object");
    let fargate = definition
        .get("requiresCompatibilities")
        .and_then(Value::as_array)
        .is_some_and(|all| all.contains(&json!("FARGATE")));
    let network =
        if fargate { "awsvpc" } else { text(definition, "networkMode").unwrap_or("bridge") }.to_owned();
    let volumes = volumes(definition, fargate);
    containers(definition, &network, fargate, &volumes);
    definition.insert("executionRoleArn".to_owned(), json!("arn:aws:iam::111122223333:role/execution"));
    if let Some(proxy) = definition.get_mut("proxyConfiguration") {
        proxy["containerName"] = json!("c0");
    }
    if fargate {
        for field in ["ipcMode", "pidMode", "placementConstraints", "inferenceAccelerators"] {
            definition.remove(field);
        }
        definition.insert("networkMode".to_owned(), json!("awsvpc"));
    }
    let memory = if fargate { ["2 vCPU", "4GB"] } else { ["4096", "8192"] };
    for (field, size) in ["cpu", "memory"].into_iter().zip(memory) {
        if fargate || field == "memory" || definition.contains_key(field) {
            definition.insert(field.to_owned(), json!(size));
        }
    }
    drawn
}

/// Takes out list items whose key another one has already.
pub(super) fn unique(form: Form, value: &mut Value, path: &str) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                unique(form, value, &if path.is_empty() { name.clone() } else { format!("{path}.{name}") });
            }
        }
        Value::Array(items) => {
            let key = form.keyed(path).and_then(|by| by.first());
            let mut seen = BTreeSet::new();
            items.retain(|item| {
                let key = key.map_or_else(|| item.clone(), |key| item[*key].clone());
                key.is_null() || seen.insert(key.to_string())
            });
            for item in items {
                unique(form, item, path);
            }
        }
        _ => {}
    }
}

/// Gives the volumes names and one kind each; returns the names.
fn volumes(definition: &mut Object, fargate: bool) -> Vec<String> {
    let mut names = Vec::new();
    for (number, volume) in objects(definition, "volumes").enumerate() {
        let kinds: Vec<String> = volume
            .keys()
            .filter(|key| *key == "host" || key.ends_with("VolumeConfiguration"))
            .cloned()
            .collect();
        for more in kinds.iter().skip(1) {
            volume.remove(more);
        }
        if fargate {
            volume.remove("dockerVolumeConfiguration");
            volume.remove("host");
        }
        if let Some(efs) = volume.get_mut("efsVolumeConfiguration").and_then(Value::as_object_mut)
            && let Some(authorization) = efs.get("authorizationConfig")
        {
            if authorization.get("accessPointId").is_some() {
                efs.remove("rootDirectory");
            }
            efs.insert("transitEncryption".to_owned(), json!("ENABLED"));
        }
        if let Some(files) = volume.get_mut("s3filesVolumeConfiguration").and_then(Value::as_object_mut)
            && files.contains_key("accessPointArn")
        {
            files.remove("rootDirectory");
        }
        names.push(format!("v{number}"));
        volume.insert("name".to_owned(), json!(names[number]));
    }
    names
}

fn containers(definition: &mut Object, network: &str, fargate: bool, volumes: &[String]) {
    let mut before: Vec<Value> = Vec::new();
    for (number, container) in (0_u64..).zip(objects(definition, "containerDefinitions")) {
        container.insert("name".to_owned(), json!(format!("c{number}")));
        let image = json!(format!("registry.test/app:{number}"));
        container.entry("image").or_insert(image);
        if number == 0 {
            container.remove("essential");
        }
        references(container, &before, volumes);
        ports(container, network, number);
        sizes(container);
        single_names(container);
        if let Some(check) = container.get_mut("healthCheck") {
            check["command"][0] = json!("CMD");
        }
        let log = container.get_mut("logConfiguration").and_then(Value::as_object_mut);
        if let Some(log) = log.filter(|log| fargate || log.get("logDriver") == Some(&json!("awsfirelens"))) {
            log.insert("logDriver".to_owned(), json!("awslogs"));
        }
        if network == "awsvpc" {
            container.remove("hostname");
            container.remove("extraHosts");
        }
        if fargate {
            for field in ["privileged", "dockerSecurityOptions", "resourceRequirements"] {
                container.remove(field);
            }
            if let Some(linux) = container.get_mut("linuxParameters").and_then(Value::as_object_mut) {
                linux.retain(|field, _| field == "initProcessEnabled" || field == "tmpfs");
            }
        }
        before.push(Value::Object(container.clone()));
    }
}

/// Names of other containers are those of earlier ones, so nothing waits for itself.
fn references(container: &mut Object, before: &[Value], volumes: &[String]) {
    let earlier: Vec<Value> = before.iter().map(|other| other["name"].clone()).collect();
    let names: Vec<Value> = volumes.iter().map(|name| json!(name)).collect();
    point(container, "volumesFrom", "sourceContainer", &earlier);
    point(container, "dependsOn", "containerName", &earlier);
    if names.is_empty() {
        container.remove("mountPoints");
    }
    for (number, mount) in objects(container, "mountPoints").enumerate() {
        mount.insert("sourceVolume".to_owned(), names[number % names.len()].clone());
        mount.entry("containerPath").or_insert_with(|| json!(format!("/m{number}")));
    }
    for dependency in objects(container, "dependsOn") {
        let other = before.iter().find(|other| Some(&other["name"]) == dependency.get("containerName"));
        let field = |field: &str| other.and_then(|other| other.get(field));
        let condition = match (field("essential"), field("healthCheck")) {
            (Some(Value::Bool(false)), _) => "COMPLETE",
            (_, Some(_)) => "HEALTHY",
            _ => "START",
        };
        dependency.insert("condition".to_owned(), json!(condition));
    }
    if let Some(links) = container.get_mut("links").and_then(Value::as_array_mut) {
        *links =
            earlier.iter().map(|name| json!(format!("{}:l", name.as_str().unwrap_or_default()))).collect();
    }
}

/// Points each item to another name; takes out what is left over.
fn point(container: &mut Object, list: &str, field: &str, names: &[Value]) {
    let Some(items) = container.get_mut(list).and_then(Value::as_array_mut) else { return };
    items.truncate(names.len());
    for (item, name) in items.iter_mut().zip(names) {
        item[field] = name.clone();
    }
}

/// Each mapping has ports of its own: two may not have the same.
fn ports(container: &mut Object, network: &str, of: u64) {
    if network != "bridge" {
        container.remove("links");
    }
    if network == "none" {
        container.remove("portMappings");
    }
    for (number, port) in (0_u64..).zip(objects(container, "portMappings")) {
        let first = 1 + 5000 * (3 * of + number);
        let own = |port: &Value| json!(first + port.as_u64().unwrap_or(0) % 5000);
        if number > 0 || !port.contains_key("containerPortRange") {
            port.remove("containerPortRange");
            let inside = port.get("containerPort").map_or_else(|| json!(first), own);
            port.insert("containerPort".to_owned(), inside);
        } else {
            port.insert("containerPortRange".to_owned(), json!(format!("{first}-{}", first + 10 + of)));
            port.remove("containerPort");
            port.remove("hostPort");
        }
        if let Some(host) = port.get("hostPort") {
            let host = if network == "bridge" { own(host) } else { port["containerPort"].clone() };
            port.insert("hostPort".to_owned(), host);
        }
    }
}

fn sizes(container: &mut Object) {
    for (field, most) in [("memoryReservation", 200), ("memory", 400), ("cpu", 300)] {
        if let Some(size) = container.get(field).and_then(Value::as_u64) {
            let least = if field == "memory" { 200 } else { 1 };
            container.insert(field.to_owned(), json!(size.clamp(least, most)));
        }
    }
}

/// A variable is either in `environment` or in `secrets`.
fn single_names(container: &mut Object) {
    for (list, prefix) in [("environment", "E"), ("secrets", "S")] {
        for (number, variable) in objects(container, list).enumerate() {
            variable.insert("name".to_owned(), json!(format!("{prefix}{number}")));
        }
    }
}

fn objects<'a>(parent: &'a mut Object, list: &str) -> impl Iterator<Item = &'a mut Object> {
    parent.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut)
}

fn text<'a>(parent: &'a Object, field: &str) -> Option<&'a str> {
    parent.get(field).and_then(Value::as_str)
}
