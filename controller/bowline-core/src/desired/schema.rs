//! What does a document of each kind look like? The JSON Schemas that are checked against, and the CustomResourceDefinitions.
//!
//! Both are derived from the Rust kinds, so that what is parsed, what is documented and what an editor or a Kubernetes API
//! server accepts cannot drift apart.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::kind::{API_VERSION, EcsService, Secret, Target, TerraformState};
use super::state::{Metadata, ResourceKind};
use crate::name;

/// The whole document of each kind, in the few keywords that `check` understands.
static DOCUMENTS: LazyLock<BTreeMap<ResourceKind, Value>> =
    LazyLock::new(|| ResourceKind::ALL.into_iter().map(|kind| (kind, document(kind))).collect());

/// The schema of a whole document of the kind.
pub(super) fn of(kind: ResourceKind) -> &'static Value {
    DOCUMENTS.get(&kind).unwrap_or(&Value::Null)
}

/// The JSON Schema (draft 2020-12) of a whole document of the kind: `crds/schema/<kind>.json`.
pub fn json_schema(kind: ResourceKind) -> Value {
    let mut schema = of(kind).clone();
    if let Some(fields) = schema.as_object_mut() {
        fields.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        fields.insert("title".to_owned(), json!(kind.as_str()));
    }
    schema
}

fn document(kind: ResourceKind) -> Value {
    let spec = spec(kind);
    json!({
        "type": "object",
        "description": spec.get("description").cloned().unwrap_or_default(),
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "additionalProperties": false,
        "properties": {
            "apiVersion": { "type": "string", "enum": [API_VERSION], "description": "The version of this format." },
            "kind": { "type": "string", "enum": [kind.as_str()], "description": "What this document describes." },
            "metadata": derived::<Metadata>(),
            "spec": spec,
        },
    })
}

fn spec(kind: ResourceKind) -> Value {
    let free = |description: &str| json!({ "type": "object", "description": description, "additionalProperties": true });
    match kind {
        ResourceKind::Target => derived::<Target>(),
        ResourceKind::EcsService => derived::<EcsService>(),
        ResourceKind::Secret => derived::<Secret>(),
        ResourceKind::TerraformState => derived::<TerraformState>(),
        ResourceKind::Policy => free(
            "When and how much Bowline may change. This version reads the document and does not act on it.",
        ),
        ResourceKind::AlertRoute => {
            free("Where alerts go. This version reads the document and does not act on it.")
        }
    }
}

/// The schema of a type with everything inlined, reduced to plain keywords.
fn derived<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    simplify(&mut schema);
    schema
}

/// Takes out what neither a reader nor a Kubernetes API server needs: titles, `null` as a second type (a field is there
/// or it is not), and one `const` a value where an `enum` says the same.
fn simplify(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(simplify),
        Value::Object(fields) => {
            fields.values_mut().for_each(simplify);
            fields.remove("title");
            if fields.get("default") == Some(&Value::Null) {
                fields.remove("default");
            }
            drop_null_type(fields);
            merge_constants(fields);
        }
        _ => {}
    }
}

fn drop_null_type(fields: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = fields.get("type")
        && let Some(only) = types.iter().find(|name| *name != "null").cloned()
    {
        fields.insert("type".to_owned(), only);
    }
    if let Some(Value::Array(choices)) = fields.remove("anyOf") {
        let mut choices: Vec<Value> =
            choices.into_iter().filter(|choice| choice.get("type") != Some(&json!("null"))).collect();
        match (choices.pop(), choices.is_empty()) {
            (Some(Value::Object(only)), true) => {
                for (key, value) in only {
                    fields.entry(key).or_insert(value);
                }
            }
            (Some(last), _) => {
                choices.push(last);
                fields.insert("anyOf".to_owned(), Value::Array(choices));
            }
            (None, _) => {}
        }
    }
}

fn merge_constants(fields: &mut Map<String, Value>) {
    let Some(Value::Array(choices)) = fields.get("oneOf") else { return };
    let constants: Vec<Value> = choices.iter().filter_map(|choice| choice.get("const").cloned()).collect();
    if constants.len() != choices.len() || constants.is_empty() {
        return;
    }
    let mut description = fields.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
    for choice in choices {
        if let (Some(name), Some(text)) =
            (choice.get("const").and_then(Value::as_str), choice.get("description").and_then(Value::as_str))
        {
            description = format!("{description}\n`{name}`: {text}");
        }
    }
    fields.remove("oneOf");
    fields.insert("type".to_owned(), json!("string"));
    fields.insert("enum".to_owned(), Value::Array(constants));
    fields.insert("description".to_owned(), json!(description.trim_start()));
}

/// Names of a kind in a Kubernetes API.
struct Names {
    plural: &'static str,
    singular: &'static str,
    short: &'static [&'static str],
    /// Columns of `kubectl get`: name, type, path below `.spec`.
    columns: &'static [(&'static str, &'static str, &'static str)],
}

fn names(kind: ResourceKind) -> Names {
    match kind {
        ResourceKind::Target => Names {
            plural: "targets",
            singular: "target",
            short: &["bt"],
            columns: &[
                ("Account", "string", "accountId"),
                ("Region", "string", "region"),
                ("Cluster", "string", "cluster"),
                ("Mode", "string", "mode"),
            ],
        },
        ResourceKind::EcsService => Names {
            plural: "ecsservices",
            singular: "ecsservice",
            short: &["ecs"],
            columns: &[
                ("Target", "string", "target"),
                ("Service", "string", "service"),
                ("Revision", "string", "taskDefinition.revision"),
                ("Desired", "integer", "desiredCount"),
            ],
        },
        ResourceKind::Secret => Names {
            plural: "secrets",
            singular: "secret",
            short: &["bsec"],
            columns: &[
                ("Target", "string", "target"),
                ("Secret", "string", "secretId"),
                ("Version", "string", "versionId"),
            ],
        },
        ResourceKind::TerraformState => Names {
            plural: "terraformstates",
            singular: "terraformstate",
            short: &["tfs"],
            columns: &[
                ("Target", "string", "target"),
                ("Bucket", "string", "bucket"),
                ("Key", "string", "key"),
                ("Serial", "integer", "version.serial"),
            ],
        },
        ResourceKind::Policy => {
            Names { plural: "policies", singular: "policy", short: &["bpol"], columns: &[] }
        }
        ResourceKind::AlertRoute => {
            Names { plural: "alertroutes", singular: "alertroute", short: &["bar"], columns: &[] }
        }
    }
}

/// The CustomResourceDefinition (`apiextensions.k8s.io/v1`) of the kind: `crds/<plural>.yaml`.
pub fn custom_resource_definition(kind: ResourceKind) -> Value {
    let Names { plural, singular, short, columns } = names(kind);
    let (group, version) = API_VERSION.split_once('/').unwrap_or((API_VERSION, "v1alpha1"));
    let mut columns: Vec<Value> = columns
        .iter()
        .map(|(name, kind, path)| json!({ "name": name, "type": kind, "jsonPath": format!(".spec.{path}") }))
        .collect();
    columns.push(json!({ "name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp" }));
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("{plural}.{group}") },
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {
                "kind": kind.as_str(),
                "listKind": format!("{}List", kind.as_str()),
                "plural": plural,
                "singular": singular,
                "shortNames": short,
                "categories": ["bowline"],
            },
            "versions": [{
                "name": version,
                "served": true,
                "storage": true,
                "subresources": { "status": {} },
                "additionalPrinterColumns": columns,
                "schema": { "openAPIV3Schema": structural_document(kind) },
            }],
        },
    })
}

fn structural_document(kind: ResourceKind) -> Value {
    let mut spec = spec(kind);
    let description = spec.get("description").cloned().unwrap_or_default();
    structural(&mut spec);
    json!({
        "type": "object",
        "description": description,
        "required": ["spec"],
        "properties": {
            "apiVersion": { "type": "string" },
            "kind": { "type": "string" },
            "metadata": { "type": "object" },
            "spec": spec,
            "status": {
                "type": "object",
                "description": "What the controller found; written by it alone.",
                "x-kubernetes-preserve-unknown-fields": true,
            },
        },
    })
}

/// Turns a schema into what apiextensions/v1 calls structural: no `additionalProperties: false` (unknown fields are
/// pruned anyway), no `uniqueItems`, and only formats that Kubernetes knows. Our own formats go into the description.
fn structural(schema: &mut Value) {
    let Value::Object(fields) = schema else { return };
    for key in ["properties", "patternProperties"] {
        if let Some(Value::Object(properties)) = fields.get_mut(key) {
            properties.values_mut().for_each(structural);
        }
    }
    for key in ["items", "additionalProperties"] {
        if let Some(inner) = fields.get_mut(key) {
            structural(inner);
        }
    }
    match fields.get("additionalProperties") {
        Some(Value::Bool(true)) => {
            fields.remove("additionalProperties");
            fields.insert("x-kubernetes-preserve-unknown-fields".to_owned(), json!(true));
        }
        Some(Value::Bool(false)) => {
            fields.remove("additionalProperties");
        }
        _ => {}
    }
    if fields.remove("uniqueItems") == Some(json!(true)) {
        fields.insert("x-kubernetes-list-type".to_owned(), json!("set"));
    }
    if let Some(Value::Array(known)) = fields.remove("examples") {
        let known: Vec<&str> = known.iter().filter_map(Value::as_str).collect();
        describe(fields, &format!("Known values: {}.", known.join(", ")));
    }
    let format = fields.remove("format");
    match format.as_ref().and_then(Value::as_str) {
        Some("uint" | "uint16" | "uint32" | "uint64" | "int64") => {
            fields.insert("format".to_owned(), json!("int64"));
        }
        Some(format) => {
            if let Some(expected) = name::expected(format) {
                describe(fields, &format!("Must be {expected}."));
            }
        }
        None => {}
    }
}

/// Adds a sentence to the description.
fn describe(fields: &mut Map<String, Value>, sentence: &str) {
    let description = fields.get("description").and_then(Value::as_str).unwrap_or_default();
    let description = format!("{description}\n{sentence}");
    fields.insert("description".to_owned(), json!(description.trim_start()));
}
