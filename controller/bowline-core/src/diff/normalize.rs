//! What is the same although it is written differently? The one table of what AWS fills in, and of which lists have no
//! order, for the content of task definitions.
//!
//! Both sides go through it, so registering a file and describing the revision gives no difference. Sources: `domain.md`
//! A3 (defaults) and A4 (order), from botocore's model and the Terraform provider's own comparison.

use std::sync::Arc;

use serde_json::{Map, Number, Value};

use super::canonical::canonical_json;
use crate::desired::TaskDefinitionContent;

/// How the items of a list belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListKind {
    /// The order means something (`command`, `dnsServers`, `environmentFiles`): compared as one value.
    Ordered,
    /// A set: the order means nothing.
    Set,
    /// Items are told apart by this field; the order means nothing.
    Keyed(&'static str),
}

/// Lists that are not ordered. A list that is not here is ordered.
const LISTS: &[(&str, ListKind)] = &[
    ("containerDefinitions", ListKind::Keyed("name")),
    ("containerDefinitions.credentialSpecs", ListKind::Set),
    ("containerDefinitions.dependsOn", ListKind::Keyed("containerName")),
    ("containerDefinitions.dockerSecurityOptions", ListKind::Set),
    ("containerDefinitions.environment", ListKind::Keyed("name")),
    ("containerDefinitions.extraHosts", ListKind::Keyed("hostname")),
    ("containerDefinitions.linuxParameters.capabilities.add", ListKind::Set),
    ("containerDefinitions.linuxParameters.capabilities.drop", ListKind::Set),
    ("containerDefinitions.linuxParameters.devices", ListKind::Keyed("hostPath")),
    ("containerDefinitions.linuxParameters.tmpfs", ListKind::Keyed("containerPath")),
    ("containerDefinitions.logConfiguration.secretOptions", ListKind::Keyed("name")),
    ("containerDefinitions.mountPoints", ListKind::Keyed("containerPath")),
    ("containerDefinitions.portMappings", ListKind::Keyed("containerPort")),
    ("containerDefinitions.resourceRequirements", ListKind::Keyed("type")),
    ("containerDefinitions.restartPolicy.ignoredExitCodes", ListKind::Set),
    ("containerDefinitions.secrets", ListKind::Keyed("name")),
    ("containerDefinitions.systemControls", ListKind::Keyed("namespace")),
    ("containerDefinitions.ulimits", ListKind::Keyed("name")),
    ("containerDefinitions.volumesFrom", ListKind::Keyed("sourceContainer")),
    ("inferenceAccelerators", ListKind::Keyed("deviceName")),
    ("placementConstraints", ListKind::Set),
    ("proxyConfiguration.properties", ListKind::Keyed("name")),
    ("requiresCompatibilities", ListKind::Set),
    ("volumes", ListKind::Keyed("name")),
];

/// A value that AWS fills in, or that means the same as leaving the field out.
#[derive(Debug, Clone, Copy)]
enum Default {
    Text(&'static str),
    Number(i64),
    Flag(bool),
}

const DEFAULTS: &[(&str, Default)] = &[
    ("containerDefinitions.cpu", Default::Number(0)),
    ("containerDefinitions.disableNetworking", Default::Flag(false)),
    ("containerDefinitions.environment.value", Default::Text("")),
    ("containerDefinitions.essential", Default::Flag(true)),
    ("containerDefinitions.healthCheck.interval", Default::Number(30)),
    ("containerDefinitions.healthCheck.retries", Default::Number(3)),
    ("containerDefinitions.healthCheck.startPeriod", Default::Number(0)),
    ("containerDefinitions.healthCheck.timeout", Default::Number(5)),
    ("containerDefinitions.interactive", Default::Flag(false)),
    ("containerDefinitions.linuxParameters.initProcessEnabled", Default::Flag(false)),
    ("containerDefinitions.mountPoints.readOnly", Default::Flag(false)),
    ("containerDefinitions.portMappings.hostPort", Default::Number(0)),
    ("containerDefinitions.portMappings.protocol", Default::Text("tcp")),
    ("containerDefinitions.privileged", Default::Flag(false)),
    ("containerDefinitions.pseudoTerminal", Default::Flag(false)),
    ("containerDefinitions.readonlyRootFilesystem", Default::Flag(false)),
    ("containerDefinitions.restartPolicy.restartAttemptPeriod", Default::Number(300)),
    ("containerDefinitions.versionConsistency", Default::Text("enabled")),
    ("containerDefinitions.volumesFrom.readOnly", Default::Flag(false)),
    ("enableFaultInjection", Default::Flag(false)),
    ("networkMode", Default::Text("bridge")),
    ("volumes.configuredAtLaunch", Default::Flag(false)),
    ("volumes.dockerVolumeConfiguration.autoprovision", Default::Flag(false)),
    ("volumes.efsVolumeConfiguration.authorizationConfig.iam", Default::Text("DISABLED")),
    ("volumes.efsVolumeConfiguration.rootDirectory", Default::Text("/")),
    ("volumes.efsVolumeConfiguration.transitEncryption", Default::Text("DISABLED")),
];

/// Fields that only the server sets, and `tags`, which DescribeTaskDefinition returns beside the content.
const NOT_CONTENT: &[&str] = &[
    "compatibilities",
    "deleteRequestedAt",
    "deregisteredAt",
    "registeredAt",
    "registeredBy",
    "requiresAttributes",
    "revision",
    "status",
    "tags",
    "taskDefinitionArn",
];

/// How the list at this path (field names only, joined by dots) is to be compared.
pub(crate) fn list_kind(path: &str) -> ListKind {
    LISTS.binary_search_by(|(at, _)| (*at).cmp(path)).map_or(ListKind::Ordered, |found| LISTS[found].1)
}

/// What tells an item of a keyed list apart, as text; a port that is mapped for UDP is another one than for TCP.
pub(crate) fn item_key(field: &str, item: &Value) -> String {
    let text = match item.get(field) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => item.get("containerPortRange").and_then(Value::as_str).unwrap_or_default().to_owned(),
    };
    match item.get("protocol").and_then(Value::as_str) {
        Some("udp") => format!("{text}/udp"),
        _ => text,
    }
}

/// The content with everything removed that AWS fills in by itself or that means nothing: defaults, nulls, empty lists and
/// objects, server-only fields, `tags`; sizes in AWS's units, lists without order sorted. Two contents that AWS treats alike
/// give equal values.
pub fn normalize(content: &TaskDefinitionContent) -> Value {
    let mut root = match content.value() {
        Value::Object(map) => map.clone(),
        other => return other.clone(),
    };
    root.retain(|key, _| !NOT_CONTENT.contains(&key.as_str()));
    for key in ["cpu", "memory"] {
        if let Some(size) = root.get(key).and_then(|value| size(key, value)) {
            root.insert(key.to_owned(), Value::String(size));
        }
    }
    let host_ports_follow =
        matches!(root.get("networkMode").and_then(Value::as_str), Some("awsvpc" | "host"));
    if let Some(Value::Array(containers)) = root.get_mut("containerDefinitions") {
        for container in containers.iter_mut().filter_map(Value::as_object_mut) {
            normalize_container(container, host_ports_follow);
        }
    }
    let mut path = String::new();
    prune(Value::Object(root), &mut path).unwrap_or_else(|| Value::Object(Map::new()))
}

/// The normal form as canonical JSON, made once for each content: two contents that AWS treats alike have equal texts.
pub(crate) fn normal_text(content: &TaskDefinitionContent) -> Arc<str> {
    content.normal_text(|| canonical_json(&normalize(content)))
}

/// What depends on more than one field.
fn normalize_container(container: &mut Map<String, Value>, host_ports_follow: bool) {
    if container.contains_key("firelensConfiguration")
        && container.get("user").and_then(Value::as_str) == Some("0")
    {
        container.remove("user");
    }
    let Some(Value::Array(ports)) = container.get_mut("portMappings") else { return };
    for port in ports.iter_mut().filter_map(Value::as_object_mut) {
        if host_ports_follow && port.get("hostPort") == port.get("containerPort") {
            port.remove("hostPort");
        }
        // ECS treats any protocol that it does not know as tcp.
        if port.get("protocol").and_then(Value::as_str) != Some("udp") {
            port.remove("protocol");
        }
    }
}

/// CPU units or MiB as AWS stores them: `"1 vCPU"` and `"1GB"` become `"1024"`, numbers become text.
fn size(field: &str, value: &Value) -> Option<String> {
    let text = match value {
        Value::Number(number) => return Some(number.to_string()),
        Value::String(text) => text.trim().to_ascii_lowercase(),
        _ => return None,
    };
    let unit = if field == "cpu" { "vcpu" } else { "gb" };
    let Some(amount) = text.strip_suffix(unit) else { return Some(text) };
    let (whole, fraction) = amount.trim().split_once('.').unwrap_or((amount.trim(), ""));
    if fraction.len() > 6 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(text);
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let scale = 10u64.pow(u32::try_from(fraction.len()).ok()?);
    let part: u64 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    Some((whole.checked_mul(1024)? + part * 1024 / scale).to_string())
}

fn prune(value: Value, path: &mut String) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Object(map) => {
            let length = path.len();
            let mut kept = Map::new();
            for (key, child) in map {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(&key);
                if let Some(child) = prune(child, path) {
                    kept.insert(key, child);
                }
                path.truncate(length);
            }
            (!kept.is_empty()).then_some(Value::Object(kept))
        }
        Value::Array(items) => {
            let mut kept: Vec<Value> = items.into_iter().filter_map(|item| prune(item, path)).collect();
            match list_kind(path) {
                ListKind::Ordered => {}
                ListKind::Set => kept.sort_by_cached_key(canonical_json),
                ListKind::Keyed(field) => {
                    kept.sort_by_cached_key(|item| (item_key(field, item), canonical_json(item)));
                }
            }
            (!kept.is_empty()).then_some(Value::Array(kept))
        }
        leaf => {
            let leaf = whole_number(leaf);
            (!is_default(path, &leaf)).then_some(leaf)
        }
    }
}

/// `5.0` and `5` are one number.
fn whole_number(value: Value) -> Value {
    let whole = match &value {
        Value::Number(number) if number.is_f64() => {
            number.as_f64().filter(|float| float.fract() == 0.0).map(|float| format!("{float:.0}"))
        }
        _ => None,
    };
    whole
        .and_then(|digits| digits.parse::<i64>().ok())
        .map_or(value, |integer| Value::Number(Number::from(integer)))
}

fn is_default(path: &str, value: &Value) -> bool {
    let Ok(found) = DEFAULTS.binary_search_by(|(at, _)| (*at).cmp(path)) else { return false };
    match DEFAULTS[found].1 {
        Default::Text(text) => value.as_str() == Some(text),
        Default::Number(number) => value.as_i64() == Some(number),
        Default::Flag(flag) => value.as_bool() == Some(flag),
    }
}

#[cfg(test)]
mod tests;
