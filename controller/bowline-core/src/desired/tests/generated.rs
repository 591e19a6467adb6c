use serde_json::Value;

use super::*;

/// The rules of apiextensions.k8s.io/v1 for structural schemas, as far as they concern what we generate.
fn structural(schema: &Value, at: &str) {
    const KEYWORDS: [&str; 15] = [
        "type",
        "description",
        "properties",
        "required",
        "items",
        "additionalProperties",
        "enum",
        "format",
        "minimum",
        "maximum",
        "default",
        "oneOf",
        "x-kubernetes-preserve-unknown-fields",
        "x-kubernetes-list-type",
        "nullable",
    ];
    let fields = schema.as_object().unwrap_or_else(|| panic!("{at}: not an object"));
    for key in fields.keys() {
        assert!(KEYWORDS.contains(&key.as_str()), "{at}: keyword {key}");
    }
    let kind = fields.get("type").and_then(Value::as_str);
    assert!(kind.is_some(), "{at}: every level needs one type");
    if let Some(format) = fields.get("format") {
        assert!(kind == Some("integer") && format == "int64", "{at}: format {format}");
    }
    for choice in fields.get("oneOf").and_then(Value::as_array).into_iter().flatten() {
        assert_eq!(choice.as_object().unwrap().keys().collect::<Vec<_>>(), ["required"], "{at}");
    }
    let properties = fields.get("properties").and_then(Value::as_object);
    assert!(properties.is_none() || !fields.contains_key("additionalProperties"), "{at}: both");
    for (name, property) in properties.into_iter().flatten() {
        structural(property, &format!("{at}.{name}"));
    }
    for name in ["items", "additionalProperties"] {
        if let Some(inner) = fields.get(name) {
            structural(inner, &format!("{at}.{name}"));
        }
    }
    assert_eq!(kind == Some("array"), fields.contains_key("items"), "{at}: items");
}

#[test]
fn every_definition_has_a_structural_schema() {
    for kind in ResourceKind::ALL {
        let definition = custom_resource_definition(kind);
        let version = &definition["spec"]["versions"][0];
        structural(&version["schema"]["openAPIV3Schema"], kind.as_str());
        let (group, version) = kind::API_VERSION.split_once('/').unwrap();
        assert_eq!(definition["spec"]["group"], group);
        assert_eq!(definition["spec"]["versions"][0]["name"], version);
        let plural = definition["spec"]["names"]["plural"].as_str().unwrap();
        assert_eq!(definition["metadata"]["name"], format!("{plural}.{group}"));
    }
}

/// Every path of a printer column exists.
#[test]
fn every_column_points_to_a_field() {
    for kind in ResourceKind::ALL {
        let definition = custom_resource_definition(kind);
        let version = &definition["spec"]["versions"][0];
        for column in version["additionalPrinterColumns"].as_array().unwrap() {
            let path = column["jsonPath"].as_str().unwrap();
            let Some(path) = path.strip_prefix(".spec.") else { continue };
            let pointer = format!("/properties/{}", path.replace('.', "/properties/"));
            let spec = &version["schema"]["openAPIV3Schema"]["properties"]["spec"];
            assert_eq!(spec.pointer(&pointer).unwrap()["type"], column["type"], "{kind:?} {path}");
        }
    }
}

#[test]
fn every_field_is_described_and_every_format_is_known() {
    fn walk(schema: &Value, at: &str) {
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            assert!(property["description"].is_string(), "{at}.{name} has no description");
            // What is below is AWS's own.
            if name != "settings" && name != "create" {
                walk(property, &format!("{at}.{name}"));
            }
        }
        if let Some(format) = schema["format"].as_str() {
            let known =
                crate::name::expected(format).is_some() || ["uint16", "uint32", "uint64"].contains(&format);
            assert!(known, "{at}: format {format}");
        }
        if schema["items"].is_object() {
            walk(&schema["items"], at);
        }
    }
    for kind in ResourceKind::ALL {
        walk(&json_schema(kind), kind.as_str());
    }
}
