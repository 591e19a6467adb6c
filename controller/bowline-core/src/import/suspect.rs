//! Does a value look as if it were confidential? Asked of everything free in a task definition, and in the settings of a service,
//! before it is written to a file.
//!
//! Simple rules, and rather one refusal too many: whoever knows better says so by name. They find what was put there in good
//! faith, not what somebody hides.

mod looks;

use serde_json::{Map, Value};

use crate::desired::TaskDefinitionContent;
use crate::diff::fields::{Rule, SERVICE};
use looks::{assigns_secret, command_looks_secret, header_looks_secret, looks_secret, value_looks_secret};

/// A value that looks confidential: where, and why. The value itself is never in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Suspect {
    /// The service at ECS.
    pub service: String,
    /// Where in the task definition: `container web`, `volume data`, `proxyConfiguration`, `tags`.
    pub place: String,
    /// The environment variable, label, option, property or tag; or `command`, `entryPoint`, `healthCheck`.
    pub variable: String,
    /// What gave it away.
    pub because: Because,
}

/// What makes a value look confidential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Because {
    /// What it is called.
    Name,
    /// What it looks like.
    Value,
}

impl Because {
    /// As a person reads it.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Name => "by its name",
            Self::Value => "by its value",
        }
    }
}

/// Where maps stand in a container that the user fills.
const MAPS_OF_A_CONTAINER: [&str; 3] =
    ["/dockerLabels", "/logConfiguration/options", "/firelensConfiguration/options"];
/// Commands of a container, and what `--allow-env` calls them.
const COMMANDS: [(&str, &str); 3] =
    [("command", "/command"), ("entryPoint", "/entryPoint"), ("healthCheck", "/healthCheck/command")];

/// Everything in the content that looks confidential and is not in `allowed`: containers in their order, then what is beside
/// them.
pub(super) fn suspects(
    service: &str,
    content: &TaskDefinitionContent,
    allowed: impl Fn(&str) -> bool,
) -> Vec<Suspect> {
    let content = content.value();
    let mut found = Vec::new();
    let mut add = |place: &str, variable: &str, because: Option<Because>| {
        if let Some(because) = because.filter(|_| !allowed(variable)) {
            let (service, place) = (service.to_owned(), place.to_owned());
            let suspect = Suspect { service, place, variable: variable.to_owned(), because };
            if !found.contains(&suspect) {
                found.push(suspect);
            }
        }
    };
    for container in list(content.get("containerDefinitions")) {
        let place = format!("container {}", text(container, "name"));
        pairs(container.get("environment"), "name", &mut |name, because| add(&place, name, because));
        for pointer in MAPS_OF_A_CONTAINER {
            map(container.pointer(pointer), &mut |key, because| add(&place, key, because));
        }
        for (field, pointer) in COMMANDS {
            let arguments: Vec<&str> = list(container.pointer(pointer)).filter_map(Value::as_str).collect();
            let is_secret = command_looks_secret(&arguments);
            add(&place, field, is_secret.then_some(Because::Value));
        }
    }
    let properties = content.pointer("/proxyConfiguration/properties");
    pairs(properties, "name", &mut |name, because| add("proxyConfiguration", name, because));
    for volume in list(content.get("volumes")) {
        let place = format!("volume {}", text(volume, "name"));
        for pointer in ["/dockerVolumeConfiguration/driverOpts", "/dockerVolumeConfiguration/labels"] {
            map(volume.pointer(pointer), &mut |key, because| add(&place, key, because));
        }
    }
    pairs(content.get("tags"), "key", &mut |key, because| add("tags", key, because));
    found
}

/// What there is to say of each item that has a name, in the field `named`, and a value.
fn pairs(items: Option<&Value>, named: &str, told: &mut impl FnMut(&str, Option<Because>)) {
    for item in list(items) {
        told(text(item, named), looks_secret(text(item, named), text(item, "value")));
    }
}

/// The same of each option or label.
fn map(options: Option<&Value>, told: &mut impl FnMut(&str, Option<Because>)) {
    for (key, value) in options.and_then(Value::as_object).into_iter().flatten() {
        let value = value.as_str().unwrap_or_default();
        let because = looks_secret(key, value);
        told(key, because.or_else(|| assigns_secret(value).then_some(Because::Value)));
    }
}

fn text<'v>(item: &'v Value, field: &str) -> &'v str {
    item.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// A part of a service's settings that looks confidential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SettingSuspect {
    /// The fields that lead to it; those of the list where it is in one, which is managed as a whole.
    pub(super) names: Vec<String>,
    /// What it is called: an option, a header, a tag, or the field.
    pub(super) name: String,
    /// What gave it away.
    pub(super) because: Because,
}

/// Everything free in these settings that looks confidential, in their order.
pub(super) fn confidential_settings(settings: &Map<String, Value>) -> Vec<SettingSuspect> {
    let mut found = Vec::new();
    for (name, value) in settings {
        in_settings(name, &Place::default().child(name), value, &mut found);
    }
    found
}

/// The fields that lead to a value, as far as they are not in a list.
#[derive(Debug, Clone, Default)]
struct Place {
    names: Vec<String>,
    within_list: bool,
}

impl Place {
    fn child(&self, name: &str) -> Self {
        let mut child = self.clone();
        if !self.within_list {
            child.names.push(name.to_owned());
        }
        child
    }

    fn item(&self) -> Self {
        Self { within_list: true, ..self.clone() }
    }
}

/// Looks at what is free in a value: options and documents, headers, tags, paths. `path` is as in the table.
fn in_settings(path: &str, place: &Place, value: &Value, found: &mut Vec<SettingSuspect>) {
    let field = path.rsplit('.').next().unwrap_or(path);
    let mut add = |place: &Place, name: &str, because: Option<Because>| {
        let of = |because| SettingSuspect { names: place.names.clone(), name: name.to_owned(), because };
        found.extend(because.map(of));
    };
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    match value {
        Value::Object(keys) if SERVICE.row(path).is_some_and(|row| row.has(Rule::Map)) => {
            for (key, value) in keys {
                in_document(key, value, &mut |name, because| add(&place.child(key), name, Some(because)));
            }
        }
        Value::Object(_) if field == "header" => {
            add(place, text("/name"), header_looks_secret(text("/name"), text("/value/exact")));
        }
        Value::Object(_) if field == "tags" => {
            add(place, text("/key"), looks_secret(text("/key"), text("/value")));
        }
        Value::String(text) if field == "healthCheckPath" => {
            add(place, field, value_looks_secret(text).then_some(Because::Value));
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                in_settings(&format!("{path}.{name}"), &place.child(name), value, found);
            }
        }
        Value::Array(items) => {
            for item in items {
                in_settings(path, &place.item(), item, found);
            }
        }
        _ => {}
    }
}

/// Every text of a document, each under the name of its field.
fn in_document(name: &str, value: &Value, add: &mut impl FnMut(&str, Because)) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                in_document(name, value, add);
            }
        }
        Value::Array(items) => {
            for item in items {
                in_document(name, item, add);
            }
        }
        Value::String(text) => {
            if let Some(because) = looks_secret(name, text) {
                add(name, because);
            }
        }
        _ => {}
    }
}

fn list(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_free_place_of_a_task_definition_is_looked_at_and_no_value_is_told() {
        let content = TaskDefinitionContent::new(json!({
            "containerDefinitions": [
                {"name": "web", "environment": [
                    {"name": "DB_PASSWORD", "value": "hunter2"}, {"name": "API_KEY", "value": "k"}, {"name": "PORT", "value": "1"},
                ]},
                {"name": "log", "command": ["run", "--password=hunter2"], "entryPoint": ["redis-server", "--requirepass", "hunter2"],
                 "healthCheck": {"command": ["CMD-SHELL", "curl http://a:hunter2@localhost"]},
                 "dockerLabels": {"auth-token": "hunter2"},
                 "firelensConfiguration": {"options": {"HTTP_Passwd": "hunter2"}},
                 "logConfiguration": {"options": {"Header": "Authorization Bearer hunter2", "Host": "logs"}}},
            ],
            "proxyConfiguration": {"properties": [{"name": "AppPorts", "value": "80"}, {"name": "ADMIN_PASS", "value": "hunter2"}]},
            "volumes": [{"name": "data", "dockerVolumeConfiguration": {
                "driverOpts": {"o": "username=u,pass=hunter2", "type": "cifs"}, "labels": {"token": "hunter2"}}}],
            "tags": [{"key": "team", "value": "core"}, {"key": "secret", "value": "hunter2"}],
        }));
        let found = suspects("prod-web", &content, |name| name == "API_KEY");
        let told: Vec<(&str, &str, Because)> =
            found.iter().map(|one| (one.place.as_str(), one.variable.as_str(), one.because)).collect();
        let (name, value) = (Because::Name, Because::Value);
        assert_eq!(
            told,
            [
                ("container web", "DB_PASSWORD", name),
                ("container log", "auth-token", name),
                ("container log", "Header", name),
                ("container log", "HTTP_Passwd", name),
                ("container log", "command", value),
                ("container log", "entryPoint", value),
                ("container log", "healthCheck", value),
                ("proxyConfiguration", "ADMIN_PASS", name),
                ("volume data", "o", value),
                ("volume data", "token", name),
                ("tags", "secret", name),
            ]
        );
        assert!(!serde_json::to_string(&found).unwrap().contains("hunter2"));
    }

    #[test]
    fn what_is_free_in_settings_is_looked_at_and_nothing_else() {
        let arn = |name: &str| format!("arn:aws:iam::111122223333:role/{name}Ab12Cd34Ef56Gh78Ij90");
        let header = |name: &str, value: &str| json!({"name": name, "value": {"exact": value}});
        let alias = |header: Value| json!({"port": 80, "testTrafficRules": {"header": header}});
        let settings = json!({
            "deploymentConfiguration": {
                "alarms": {"alarmNames": ["TargetTracking-service/main/web-AlarmHigh-0a1b2c3d"]},
                "lifecycleHooks": [{"roleArn": arn("hook"), "hookDetails": {"to": {"apiKey": "k", "level": "info"}}}],
            },
            "gatewayConnectors": [{"healthCheck": {"healthCheckPath": "/health?token=abc"}}],
            "serviceConnectConfiguration": {
                "namespace": "ns-0a1b2c3d4e5f6071",
                "logConfiguration": {"logDriver": "splunk", "options": {"splunk-token": "hunter2", "splunk-url": "https://s"}},
                "services": [
                    {"portName": "http", "tls": {"kmsKey": "alias/key"}, "clientAliases": [alias(header("x-test", "1"))]},
                    {"portName": "grpc", "clientAliases": [alias(header("Authorization", "Basic 1"))]},
                ],
            },
            "volumeConfigurations": [{"managedEBSVolume": {"kmsKeyId": "1234", "tagSpecifications": [
                {"tags": [{"key": "team", "value": "core"}, {"key": "password", "value": "hunter2"}]}]}}],
        });
        let found = confidential_settings(settings.as_object().unwrap());
        let told: Vec<(String, &str, Because)> =
            found.iter().map(|one| (one.names.join("."), one.name.as_str(), one.because)).collect();
        let (name, value) = (Because::Name, Because::Value);
        let expected = [
            ("deploymentConfiguration.lifecycleHooks", "apiKey", name),
            ("gatewayConnectors", "healthCheckPath", value),
            ("serviceConnectConfiguration.logConfiguration.options.splunk-token", "splunk-token", name),
            ("serviceConnectConfiguration.services", "Authorization", name),
            ("volumeConfigurations", "password", name),
        ];
        assert_eq!(told, expected.map(|(path, name, because)| (path.to_owned(), name, because)));
    }
}
