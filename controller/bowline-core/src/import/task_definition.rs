//! A task definition as a file: in the shape of RegisterTaskDefinition, without what AWS fills in by itself.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::desired::TaskDefinitionContent;
use crate::diff::fields::TASK_DEFINITION;
use crate::diff::normalize::normalize_by;

/// Lines are broken so that they are no longer.
const WIDTH: usize = 110;

/// Fields that stand first, in this order, wherever they occur; the others follow by name.
const FIRST: [&str; 14] = [
    "family",
    "name",
    "image",
    "requiresCompatibilities",
    "networkMode",
    "runtimePlatform",
    "cpu",
    "memory",
    "memoryReservation",
    "executionRoleArn",
    "taskRoleArn",
    "essential",
    "type",
    "key",
];
/// Fields that stand last.
const LAST: [&str; 3] = ["containerDefinitions", "volumes", "tags"];

/// A task definition as a file.
#[derive(Debug)]
pub(super) struct File {
    /// JSON.
    pub(super) text: String,
    /// What AWS fills in, and the file therefore leaves out: `containerDefinitions.essential true`.
    pub(super) left_out: BTreeSet<String>,
}

/// The file that says what this content says.
pub(super) fn file(content: &TaskDefinitionContent) -> File {
    let (value, left_out) = without_defaults(content);
    let mut text = String::new();
    write(&value, 0, 0, &mut text);
    text.push('\n');
    File { text, left_out }
}

/// The content without fields that make no difference, as [`normalize_by`] knows: what is left is the same to AWS.
fn without_defaults(content: &TaskDefinitionContent) -> (Value, BTreeSet<String>) {
    let mut left_out = BTreeSet::new();
    let mut value = content.value();
    let Some(Value::Array(containers)) = value.get_mut("containerDefinitions").map(Value::take) else {
        return (value, left_out);
    };
    if let Some(Value::Array(tags)) = value.get_mut("tags") {
        // AWS's own tags cannot be registered.
        tags.retain(|tag| !tag.get("key").and_then(Value::as_str).is_some_and(|key| key.starts_with("aws:")));
        // A list of no tags is refused.
        if tags.is_empty()
            && let Some(fields) = value.as_object_mut()
        {
            fields.remove("tags");
        }
    }
    let outer = value.clone();
    // One container at a time, beside what is said of the whole task: normalising all of them for each field is slow.
    let containers: Vec<Value> = containers
        .into_iter()
        .map(|container| {
            let mut alone = outer.clone();
            alone["containerDefinitions"] = Value::Array(vec![container]);
            let mut walk = Walk::new(alone, &mut left_out);
            walk.object("/containerDefinitions/0", "containerDefinitions");
            walk.content["containerDefinitions"][0].take()
        })
        .collect();
    let mut walk = Walk::new(outer, &mut left_out);
    walk.object("", "");
    let mut trimmed = walk.content;
    trimmed["containerDefinitions"] = Value::Array(containers);
    if normal(&trimmed) == normal(&content.value()) {
        return (trimmed, left_out);
    }
    // Fields that are nothing alone and something together: better too much in the file.
    (content.value(), BTreeSet::new())
}

fn normal(content: &Value) -> Value {
    normalize_by(&TASK_DEFINITION, content)
}

struct Walk<'a> {
    content: Value,
    same: Value,
    left_out: &'a mut BTreeSet<String>,
}

impl<'a> Walk<'a> {
    fn new(content: Value, left_out: &'a mut BTreeSet<String>) -> Self {
        let same = normal(&content);
        Self { content, same, left_out }
    }

    /// Leaves out what it can of the object at a JSON pointer; `path` is the same place by its fields' names.
    fn object(&mut self, pointer: &str, path: &str) {
        let keys: Vec<String> = match self.content.pointer(pointer) {
            Some(Value::Object(map)) => map.keys().cloned().collect(),
            _ => return,
        };
        for key in keys {
            // DescribeTaskDefinition gives tags beside the content, so that nothing tells whether they matter.
            if key == "family" || key == "tags" {
                continue;
            }
            let Some(removed) = self.remove(pointer, &key) else { continue };
            let field = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            if normal(&self.content) == self.same {
                if !matches!(removed, Value::Null | Value::Array(_) | Value::Object(_)) {
                    let shown = removed.as_str().map_or_else(|| removed.to_string(), str::to_owned);
                    self.left_out.insert(format!("{field} {shown}"));
                }
                continue;
            }
            let length = removed.as_array().map(Vec::len);
            self.put_back(pointer, &key, removed);
            // A variable without a value would puzzle whoever reads the file, although it means the same as an empty one.
            if key == "environment" {
                continue;
            }
            let below = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
            match length {
                Some(length) => (0..length).for_each(|at| self.object(&format!("{below}/{at}"), &field)),
                None => self.object(&below, &field),
            }
        }
    }

    fn remove(&mut self, pointer: &str, key: &str) -> Option<Value> {
        self.content.pointer_mut(pointer)?.as_object_mut()?.remove(key)
    }

    fn put_back(&mut self, pointer: &str, key: &str, value: Value) {
        if let Some(Value::Object(map)) = self.content.pointer_mut(pointer) {
            map.insert(key.to_owned(), value);
        }
    }
}

/// The secrets in Secrets Manager that a task of this content reads when it is started, by the id that DescribeSecret takes,
/// as far as they follow AWSCURRENT: a reference with a version of its own does not change with the secret.
pub fn secrets_read_at_start(content: &TaskDefinitionContent) -> BTreeSet<String> {
    let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    let text = |value: &Value, at: &str| value.pointer(at).and_then(Value::as_str).map(str::to_owned);
    let mut found = BTreeSet::new();
    for container in list(content.value().get("containerDefinitions")) {
        for at in ["/secrets", "/logConfiguration/secretOptions"] {
            let references = list(container.pointer(at));
            found.extend(references.iter().filter_map(|one| secret_id(&text(one, "/valueFrom")?)));
        }
        let credentials = text(&container, "/repositoryCredentials/credentialsParameter");
        found
            .extend(credentials.and_then(|parameter| secret_id(&parameter).or_else(|| bare_name(parameter))));
    }
    for volume in list(content.value().get("volumes")) {
        let at = "/fsxWindowsFileServerVolumeConfiguration/authorizationConfig/credentialsParameter";
        found.extend(text(&volume, at).and_then(|parameter| secret_id(&parameter)));
    }
    found
}

/// The secret of `arn:...:secret:name[:json-key:version-stage:version-id]`, if its current version is meant. Anything else
/// is a parameter of Systems Manager.
fn secret_id(value_from: &str) -> Option<String> {
    let parts: Vec<&str> = value_from.split(':').collect();
    let part = |at: usize| parts.get(at).copied().unwrap_or_default();
    let is_secret =
        part(0) == "arn" && part(2) == "secretsmanager" && part(5) == "secret" && !part(6).is_empty();
    let follows = ["", "AWSCURRENT"].contains(&part(8)) && part(9).is_empty();
    (is_secret && follows).then(|| parts[..7].join(":"))
}

/// `credentialsParameter` takes a secret's name, too.
fn bare_name(parameter: String) -> Option<String> {
    (!parameter.starts_with("arn:")).then_some(parameter)
}

fn write(value: &Value, depth: usize, used: usize, text: &mut String) {
    let is_scalar = !value.is_array() && !value.is_object();
    let fits = |line: &String| is_scalar || used + line.chars().count() <= WIDTH;
    if let Some(line) = one_line(value, depth).filter(fits) {
        text.push_str(&line);
        return;
    }
    let indent = "  ".repeat(depth + 1);
    let (open, close) = if value.is_array() { ('[', ']') } else { ('{', '}') };
    text.push(open);
    let mut between = "";
    for (key, inner) in entries(value) {
        let start = key.map_or_else(|| indent.clone(), |key| format!("{indent}{}: ", Value::from(key)));
        text.push_str(between);
        text.push('\n');
        text.push_str(&start);
        write(inner, depth + 1, start.chars().count(), text);
        between = ",";
    }
    text.push('\n');
    text.push_str(&"  ".repeat(depth));
    text.push(close);
}

/// A value that reads better on one line: no object but one of scalars, and no list of several objects.
fn one_line(value: &Value, depth: usize) -> Option<String> {
    let scalar = |value: &Value| !matches!(value, Value::Object(_) | Value::Array(_));
    match value {
        Value::Object(map) if map.is_empty() => Some("{}".to_owned()),
        Value::Object(map) if depth > 0 && map.values().all(scalar) && map.len() <= 3 => {
            let fields = entries(value).into_iter().filter_map(|(key, inner)| {
                Some(format!("{}: {}", Value::from(key?), one_line(inner, depth + 1)?))
            });
            Some(format!("{{ {} }}", fields.collect::<Vec<_>>().join(", ")))
        }
        Value::Array(items) if items.iter().all(scalar) || items.len() == 1 => {
            let items: Option<Vec<String>> = items.iter().map(|item| one_line(item, depth + 1)).collect();
            items.map(|items| format!("[{}]", items.join(", ")))
        }
        Value::Object(_) | Value::Array(_) => None,
        scalar => Some(scalar.to_string()),
    }
}

/// The items of a list, or the fields of an object in the order in which people expect them.
fn entries(value: &Value) -> Vec<(Option<&str>, &Value)> {
    match value {
        Value::Array(items) => items.iter().map(|item| (None, item)).collect(),
        Value::Object(map) => {
            let mut fields: Vec<(Option<&str>, &Value)> =
                map.iter().map(|(key, inner)| (Some(key.as_str()), inner)).collect();
            fields.sort_by_key(|(key, _)| rank(key.unwrap_or_default()));
            fields
        }
        _ => Vec::new(),
    }
}

fn rank(key: &str) -> (usize, &str) {
    let first = FIRST.iter().position(|field| *field == key);
    let last = LAST.iter().position(|field| *field == key).map(|at| FIRST.len() + 1 + at);
    (first.or(last).unwrap_or(FIRST.len()), key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_file_leaves_out_what_aws_fills_in_and_says_what() {
        let described = TaskDefinitionContent::new(json!({
            "family": "web", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
            "memory": "512", "volumes": [{"name": "tmp", "host": {}}], "placementConstraints": [],
            "tags": [{"key": "team", "value": "core"}, {"key": "aws:cloudformation:stack-name", "value": "web"}],
            "containerDefinitions": [{
                "name": "web", "image": "registry.test/web:1", "cpu": 0, "essential": true, "mountPoints": [],
                "volumesFrom": [], "systemControls": [], "command": ["serve", "--port", "8080"],
                "environment": [{"name": "EMPTY", "value": ""}, {"name": "A", "value": "1"}],
                "portMappings": [{"containerPort": 8080, "hostPort": 8080, "protocol": "tcp"}],
                "dockerLabels": {"a/b~c": "1"},
                "healthCheck": {"command": ["CMD", "true"], "interval": 30, "timeout": 7, "retries": 3},
            }],
        }));
        // A list of no tags would be refused.
        let mut untagged = described.value();
        untagged["tags"] = json!([{"key": "aws:cloudformation:stack-name", "value": "web"}]);
        assert!(!file(&TaskDefinitionContent::new(untagged)).text.contains("\"tags\""));

        let file = file(&described);
        let expected = r#"{
  "family": "web",
  "requiresCompatibilities": ["FARGATE"],
  "networkMode": "awsvpc",
  "cpu": "256",
  "memory": "512",
  "containerDefinitions": [
    {
      "name": "web",
      "image": "registry.test/web:1",
      "command": ["serve", "--port", "8080"],
      "dockerLabels": { "a/b~c": "1" },
      "environment": [
        { "name": "EMPTY", "value": "" },
        { "name": "A", "value": "1" }
      ],
      "healthCheck": {
        "command": ["CMD", "true"],
        "timeout": 7
      },
      "portMappings": [{ "containerPort": 8080 }]
    }
  ],
  "volumes": [{ "name": "tmp" }],
  "tags": [{ "key": "team", "value": "core" }]
}
"#;
        assert_eq!(file.text, expected);
        let left_out = [
            "containerDefinitions.cpu 0",
            "containerDefinitions.essential true",
            "containerDefinitions.healthCheck.interval 30",
            "containerDefinitions.healthCheck.retries 3",
            "containerDefinitions.portMappings.hostPort 8080",
            "containerDefinitions.portMappings.protocol tcp",
        ];
        assert_eq!(file.left_out, left_out.map(str::to_owned).into());
        let read = TaskDefinitionContent::new(serde_json::from_str::<Value>(&file.text).unwrap());
        assert_eq!(normal(&read.value()), normal(&described.value()));
    }

    #[test]
    fn lines_are_broken_where_they_can_be() {
        let long = "x".repeat(200);
        let content = TaskDefinitionContent::new(json!({"family": "web", "containerDefinitions": [
            {"name": "web", "image": long, "command": [long, "--port"], "secrets": [{"name": "A", "valueFrom": long}]},
            {"name": "side", "image": "registry.test/side:1"},
        ]}));
        let expected = format!(
            r#"{{
  "family": "web",
  "containerDefinitions": [
    {{
      "name": "web",
      "image": "{long}",
      "command": [
        "{long}",
        "--port"
      ],
      "secrets": [
        {{
          "name": "A",
          "valueFrom": "{long}"
        }}
      ]
    }},
    {{ "name": "side", "image": "registry.test/side:1" }}
  ]
}}
"#
        );
        assert_eq!(file(&content).text, expected);
    }

    #[test]
    fn secrets_are_those_that_follow_the_current_version() {
        let arn = |name: &str| format!("arn:aws:secretsmanager:eu-central-1:111122223333:secret:{name}");
        let content = TaskDefinitionContent::new(json!({
            "containerDefinitions": [
                {"secrets": [
                    {"name": "A", "valueFrom": arn("app/db-AbCdEf")},
                    {"name": "B", "valueFrom": arn("app/db-AbCdEf:password::")},
                    {"name": "C", "valueFrom": arn("app/api-AbCdEf:key:AWSCURRENT:")},
                    {"name": "D", "valueFrom": arn("app/old-AbCdEf::AWSPREVIOUS:")},
                    {"name": "E", "valueFrom": arn("app/pinned-AbCdEf:::11111111111111111111111111111111")},
                    {"name": "F", "valueFrom": "arn:aws:ssm:eu-central-1:111122223333:parameter/app"},
                    {"name": "G", "valueFrom": "a-parameter"},
                ]},
                {"logConfiguration": {"secretOptions": [{"name": "splunk-token", "valueFrom": arn("splunk-AbCdEf")}]},
                 "repositoryCredentials": {"credentialsParameter": "registry"}},
            ],
            "volumes": [{"fsxWindowsFileServerVolumeConfiguration": {
                "authorizationConfig": {"credentialsParameter": arn("fsx-AbCdEf")}}}],
        }));
        let mut expected: BTreeSet<String> =
            ["app/db", "app/api", "splunk", "fsx"].map(|name| arn(&format!("{name}-AbCdEf"))).into();
        expected.insert("registry".to_owned());
        assert_eq!(secrets_read_at_start(&content), expected);
    }
}
