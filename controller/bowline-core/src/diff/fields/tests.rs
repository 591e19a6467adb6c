use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::*;
use crate::desired::{SERVER_ONLY_FIELDS, task_definition_schema};
use crate::diff::compare::compare_by;
use crate::diff::normalize::normalize_by;
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

fn request() -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    schemas(task_definition_schema(), "", &mut all);
    all
}

#[test]
fn every_field_of_the_request_has_a_row_and_no_other() {
    let rows = TASK_DEFINITION.rows();
    assert!(rows.is_sorted_by(|one, other| one.path < other.path), "rows are sorted, each path once");
    let of = |server: bool| -> BTreeSet<&str> {
        rows.iter().filter(|row| row.has(Rule::ServerOnly) == server).map(|row| row.path).collect()
    };
    let request = request();
    assert_eq!(of(false), request.keys().map(String::as_str).collect());
    assert_eq!(of(true), SERVER_ONLY_FIELDS.into_iter().collect());
    assert!(rows.iter().all(|row| !row.source.is_empty()), "every row says where it is from");
}

#[test]
fn every_list_and_map_says_how_it_is_compared_and_every_rule_fits_its_field() {
    let request = request();
    for row in TASK_DEFINITION.rows().iter().filter(|row| !row.has(Rule::ServerOnly)) {
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
                    Literal::Number(_) => kind == "integer",
                    Literal::Flag(_) => kind == "boolean",
                    Literal::Texts(texts) => kind == "array" && texts.is_sorted(),
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
                | Rule::NotCompared
                | Rule::Confidential(_) => true,
            };
            assert!(fits, "{}: {rule:?}", row.path);
        }
    }
}

/// A table of another request, with the rules that task definitions have no use for.
const SERVICE: Table = Table::new(&[
    Field::new("extra", &[Rule::Present], "test"),
    Field::new("extra.flag", &[Rule::Default(Literal::Flag(false))], "test"),
    Field::new("placement", &[Rule::Ordered], "test"),
    Field::new("placement.field", &[Rule::Same(&[("MEMORY", "memory"), ("host", "instanceId")])], "test"),
    Field::new("targets", &[Rule::Keyed(&["name", "port"])], "test"),
    Field::new("targets.name", &[], "test"),
    Field::new("targets.port", &[], "test"),
    Field::new("targets.weight", &[], "test"),
]);

#[test]
fn any_table_can_be_compared_by() {
    let paths = |wanted: Value, found: Value| -> Vec<String> {
        let (wanted, found) = (normalize_by(&SERVICE, &wanted), normalize_by(&SERVICE, &found));
        let differences = compare_by(&SERVICE, &wanted, &found, &Ignored::default(), &[]);
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
