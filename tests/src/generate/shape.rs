//! Values by chance, in the shape that a JSON Schema gives.

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Any text that one may find in a value: also nothing at all, quotes, and more than ASCII.
const FREE_TEXT: &str = "[ -~äß€😀]{0,16}";

/// Fields that AWS requires although its model does not say so.
const ALWAYS: [&str; 3] = [
    "tags.key",
    "containerDefinitions.resourceRequirements.sharingStrategy.nvidiaMps",
    "serviceConnectConfiguration.containerConfigurations.logLevel",
];

/// A value for the field at this path; items of lists and keys of maps are not in the path.
pub(super) fn of(path: &str, schema: &Value) -> BoxedStrategy<Value> {
    match schema["type"].as_str() {
        Some("object") => match schema["properties"].as_object() {
            Some(properties) => object(path, properties, &schema["required"]),
            None => {
                btree_map("[a-z]{1,8}([.-][a-z]{1,8})?", FREE_TEXT, 1..3).prop_map(|keys| json!(keys)).boxed()
            }
        },
        Some("array") => vec(of(path, &schema["items"]), 1..4).prop_map(Value::Array).boxed(),
        Some("boolean") => any::<bool>().prop_map(Value::from).boxed(),
        Some("integer") => integer(path),
        // Halves are told exactly by every JSON reader.
        Some("number") => (1..=198_u32).prop_map(|halves| json!(f64::from(halves) / 2.0)).boxed(),
        _ => match schema["examples"].as_array() {
            Some(values) => proptest::sample::select(values.clone()).boxed(),
            None => text(path),
        },
    }
}

fn object(path: &str, properties: &Map<String, Value>, required: &Value) -> BoxedStrategy<Value> {
    let fields: Vec<BoxedStrategy<(String, Option<Value>)>> = properties
        .iter()
        .map(|(name, schema)| {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            let often = if path.matches('.').count() < 2 { 0.3 } else { 0.6 };
            let value = of(&path, schema);
            let needed = ALWAYS.contains(&path.as_str());
            let value = if needed || required.as_array().is_some_and(|all| all.contains(&json!(name))) {
                value.prop_map(Some).boxed()
            } else {
                option::weighted(often, value).boxed()
            };
            let name = name.clone();
            value.prop_map(move |value| (name.clone(), value)).boxed()
        })
        .collect();
    fields
        .prop_map(|fields| {
            Value::Object(fields.into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
        })
        .boxed()
}

fn integer(path: &str) -> BoxedStrategy<Value> {
    let range = match path.rsplit('.').next() {
        Some("containerPort" | "hostPort" | "transitEncryptionPort") => 1..=65535,
        Some("sizeInGiB") => 21..=200,
        Some("interval" | "startPeriod") => 5..=300,
        Some("timeout") => 2..=60,
        Some("retries") => 1..=10,
        Some("restartAttemptPeriod") => 60..=1800,
        Some("swappiness" | "maxComputePercent") => 1..=100,
        Some("startTimeout" | "stopTimeout") => 2..=120,
        Some("ignoredExitCodes") => 0..=255,
        Some("hardLimit") => 1000..=2000,
        _ => 1..=1000,
    };
    range.prop_map(Value::from).boxed()
}

fn text(path: &str) -> BoxedStrategy<Value> {
    let pattern = match path.rsplit('.').next() {
        Some("image") => r"registry\.test/[a-z]{1,8}:[0-9]{1,3}",
        Some("taskRoleArn" | "executionRoleArn" | "roleArn") => {
            r"arn:aws:iam::111122223333:role/([a-z]{1,4}/)?[a-z]{1,8}"
        }
        Some("valueFrom" | "credentialsParameter") => {
            r"arn:aws:secretsmanager:eu-central-1:111122223333:secret:[a-z]{1,8}-AbCdEf"
        }
        Some("containerPath" | "sourcePath" | "hostPath" | "rootDirectory" | "workingDirectory") => {
            "/[a-z]{1,8}"
        }
        Some("fileSystemId") => "fs-[0-9a-f]{8}",
        Some("containerPortRange") => "[1-3]000-[4-6]000",
        Some("value") if path.ends_with("environmentFiles.value") => r"arn:aws:s3:::files/[a-z]{1,8}\.env",
        Some("value" | "command" | "entryPoint") => FREE_TEXT,
        _ => "[a-z][a-z0-9-]{0,11}",
    };
    pattern.prop_map(Value::from).boxed()
}
