use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::*;
use crate::desired::kind::service_settings_schema;
use crate::desired::{SERVER_ONLY_FIELDS, task_definition_schema};
use crate::diff::compare::compare_by;
use crate::diff::normalize::{normalize_by, normalize_row};
use crate::diff::path::Ignored;

/// The JSON Schema of each field by its path, items and keys left out.
fn schemas(schema: &Value, path: &str, all: &mut BTreeMap<String, Value>) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        all.insert(path.clone(), property.clone());
        schemas(property, &path, all);
        schemas(&property["items"], &path, all);
    }
}

fn request(schema: &Value) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    schemas(schema, "", &mut all);
    all
}

/// Each table with the request that it is for.
fn tables() -> [(Table, BTreeMap<String, Value>); 2] {
    [(TASK_DEFINITION, request(task_definition_schema())), (SERVICE, request(service_settings_schema()))]
}

#[test]
fn every_field_of_the_request_has_a_row_and_no_other() {
    let of = |table: &Table, server: bool| -> BTreeSet<&str> {
        let rows = table.rows().iter().filter(|row| row.has(Rule::ServerOnly) == server);
        rows.map(|row| row.path).collect()
    };
    for (table, request) in tables() {
        let rows = table.rows();
        assert!(rows.is_sorted_by(|one, other| one.path < other.path), "rows are sorted, each path once");
        assert_eq!(of(&table, false), request.keys().map(String::as_str).collect());
        assert!(rows.iter().all(|row| !row.source.is_empty()), "every row says where it is from");
    }
    assert_eq!(of(&TASK_DEFINITION, true), SERVER_ONLY_FIELDS.into_iter().collect());
}

#[test]
fn every_setting_says_what_a_change_does_and_every_reset_is_a_value_of_its_field() {
    let request = request(service_settings_schema());
    let names: Vec<&str> = SETTINGS.iter().map(|setting| setting.name).collect();
    let top: Vec<&str> = request.keys().map(String::as_str).filter(|path| !path.contains('.')).collect();
    assert_eq!(names, top);
    assert!(RESETS.is_sorted_by(|one, other| one.0 < other.0), "rows are sorted, each path once");
    for (path, reset) in RESETS {
        let texts = match reset {
            Reset::To(text) => vec![text],
            Reset::ByStrategy { replica, daemon } => vec![replica, daemon],
            Reset::Omit => continue,
        };
        for text in texts {
            let value: Value = serde_json::from_str(text).unwrap();
            let kind = match &value {
                Value::Array(_) => "array",
                Value::Object(_) => "object",
                Value::Bool(_) => "boolean",
                Value::Number(number) if number.is_f64() => "number",
                Value::Number(_) => "integer",
                _ => "string",
            };
            assert_eq!(request[*path]["type"], kind, "{path}");
            for field in value.as_object().into_iter().flat_map(Map::keys) {
                assert!(request.contains_key(&format!("{path}.{field}")), "{path}.{field}");
            }
        }
    }
}

/// Of lists, which are managed as a whole, and of what every manifest has to list beside the rest, none has to.
#[test]
fn every_default_of_a_setting_is_set_back_or_left_for_a_reason_of_its_own() {
    let request = request(service_settings_schema());
    assert!(LEFT.is_sorted_by(|one, other| one.0 < other.0), "rows are sorted, each path once");
    let is_free = |path: &str| {
        let (parent, name) = path.rsplit_once('.').unwrap_or(("", path));
        let required = request.get(parent).and_then(|parent| parent["required"].as_array());
        let outer = path.match_indices('.').map(|(at, _)| &request[&path[..at]]);
        required.is_none_or(|all| !all.contains(&json!(name)))
            && outer.into_iter().all(|parent| parent["type"] == "object")
    };
    let is_default = |row: &&Field| row.rules.iter().any(|rule| matches!(rule, Rule::Default(_)));
    let defaults = SERVICE.rows().iter().filter(is_default).map(|row| row.path).filter(|path| is_free(path));
    let unsaid =
        defaults.filter(|path| reset_of(path).is_none() && !LEFT.iter().any(|(left, _)| left == path));
    // The one is all that `monitoring` has, which is set back; the other AWS cannot change at all.
    assert_eq!(unsaid.collect::<Vec<_>>(), ["monitoring.metricConfigurations", "schedulingStrategy"]);
    for (path, _) in LEFT {
        assert!(reset_of(path).is_none() && SERVICE.row(path).is_some(), "{path}");
    }
    for (member, _) in OF_ONE_STRATEGY {
        assert!(request.contains_key(&format!("deploymentConfiguration.{member}")), "{member}");
    }
}

#[test]
fn every_list_and_map_says_how_it_is_compared_and_every_rule_fits_its_field() {
    for (table, request) in tables() {
        rules_fit(&table, &request);
    }
}

fn rules_fit(table: &Table, request: &BTreeMap<String, Value>) {
    for row in table.rows().iter().filter(|row| !row.has(Rule::ServerOnly)) {
        let schema = &request[row.path];
        let kind = schema["type"].as_str().unwrap();
        let lists =
            row.rules.iter().filter(|rule| matches!(rule, Rule::Ordered | Rule::Set | Rule::Keyed(_)));
        assert_eq!(lists.count(), usize::from(kind == "array"), "{}", row.path);
        let map = kind == "object" && schema.get("properties").is_none();
        assert_eq!(row.has(Rule::Map), map, "{}", row.path);
        for rule in row.rules {
            let fits = match rule {
                Rule::Default(literal) | Rule::DefaultBeside { value: literal, .. } => match literal {
                    Literal::Text(_) => kind == "string",
                    Literal::Number(_) => kind == "integer" || kind == "number",
                    Literal::Flag(_) => kind == "boolean",
                    Literal::Texts(texts) => kind == "array" && texts.is_sorted(),
                    Literal::Json(text) => {
                        let value: Value = serde_json::from_str(text).unwrap();
                        kind == "array" && value.is_array() && normalize_row(table, row, &value).is_none()
                    }
                },
                Rule::Keyed(by) => {
                    by.iter().all(|field| request.contains_key(&format!("{}.{field}", row.path)))
                }
                Rule::Unit(_) | Rule::Role | Rule::Known(_) | Rule::Same(_) => kind == "string",
                Rule::Present => kind == "object",
                Rule::Follows { field, root, .. } => {
                    let parent = row.path.rsplit_once('.').map_or("", |(parent, _)| parent);
                    request.contains_key(&format!("{parent}.{field}")) && request.contains_key(*root)
                }
                Rule::Ordered
                | Rule::Set
                | Rule::Map
                | Rule::ServerOnly
                | Rule::Apart
                | Rule::NameOrArn
                | Rule::Confidential(_) => true,
            };
            assert!(fits, "{}: {rule:?}", row.path);
        }
    }
}

/// A table of another request, with the rules that task definitions have no use for.
const OTHER: Table = Table::new(
    &[
        Field::new("extra", &[Rule::Present], "test"),
        Field::new("extra.flag", &[Rule::Default(Literal::Flag(false))], "test"),
        Field::new("placement", &[Rule::Ordered], "test"),
        Field::new("placement.field", &[Rule::Same(&[("MEMORY", "memory"), ("host", "instanceId")])], "test"),
        Field::new("targets", &[Rule::Keyed(&["name", "port"])], "test"),
        Field::new("targets.name", &[], "test"),
        Field::new("targets.port", &[], "test"),
        Field::new("targets.weight", &[], "test"),
    ],
    || &Value::Null,
);

#[test]
fn any_table_can_be_compared_by() {
    let paths = |wanted: Value, found: Value| -> Vec<String> {
        let (wanted, found) = (normalize_by(&OTHER, &wanted), normalize_by(&OTHER, &found));
        let differences = compare_by(&OTHER, &wanted, &found, &Ignored::default(), &[]);
        differences.into_iter().map(|difference| difference.path).collect()
    };
    let none: [&str; 0] = [];
    let placed = |field: &str| json!({"placement": [{"field": field}]});
    assert_eq!(paths(placed("MEMORY"), placed("memory")), none);
    assert_eq!(paths(placed("host"), placed("cpu")), ["placement"]);
    let target = |port: u32, weight: u32| json!({"name": "a", "port": port, "weight": weight});
    assert_eq!(
        paths(
            json!({"targets": [target(1, 1), target(2, 1)]}),
            json!({"targets": [target(2, 5), target(1, 1)], "newerThanTheTable": 1})
        ),
        ["targets[name=a/2].weight"]
    );
    assert_eq!(paths(json!({"extra": {"flag": false}}), json!({})), ["extra"]);
    assert_eq!(paths(json!({"extra": {"flag": false}}), json!({"extra": {}})), none);
}
