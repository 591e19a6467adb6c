//! Where a field of the table stands in a definition, and what Bowline calls that place.

use bowline_core::desired::task_definition_schema;
use bowline_core::diff::fields::{Rule, TASK_DEFINITION};
use serde_json::Value;

/// The first place of a field in a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// As RFC 6901 writes it: `/containerDefinitions/0/image`.
    pub pointer: String,
    /// As a difference names it: `containerDefinitions[name=web].image`; ends at the first list that is compared as one
    /// value.
    pub shown: String,
    /// Whether it lies in a list that is compared as one value.
    pub within_list: bool,
}

/// Finds the first place of the field with this path, such as `containerDefinitions.image`.
pub fn find(definition: &Value, path: &str) -> Option<Place> {
    let start = Place { pointer: String::new(), shown: String::new(), within_list: false };
    let names: Vec<&str> = path.split('.').collect();
    step(definition, &names, "", &start)
}

fn step(value: &Value, names: &[&str], field: &str, place: &Place) -> Option<Place> {
    let Some((name, rest)) = names.split_first() else { return Some(place.clone()) };
    match value {
        Value::Object(fields) => {
            let field = join(field, name);
            let shown = if place.within_list { place.shown.clone() } else { join(&place.shown, name) };
            let pointer = format!("{}/{name}", place.pointer);
            step(fields.get(*name)?, rest, &field, &Place { pointer, shown, ..place.clone() })
        }
        Value::Array(items) => items.iter().enumerate().find_map(|(number, item)| {
            let pointer = format!("{}/{number}", place.pointer);
            let inner = match keyed(field) {
                Some(by) if !place.within_list => {
                    let shown = format!("{}[{}={}]", place.shown, by[0], key(item, by));
                    Place { pointer, shown, within_list: false }
                }
                _ => Place { pointer, within_list: true, ..place.clone() },
            };
            step(item, names, field, &inner)
        }),
        _ => None,
    }
}

/// The fields that tell the items of this list apart.
pub fn keyed(field: &str) -> Option<&'static [&'static str]> {
    let row = TASK_DEFINITION.rows().iter().find(|row| row.path == field)?;
    row.rules.iter().find_map(|rule| match rule {
        Rule::Keyed(by) => Some(*by),
        _ => None,
    })
}

/// An item's key. Written anew here rather than asked of the code under test: ports carry `/udp`, all else is one field.
fn key(item: &Value, by: &[&str]) -> String {
    let parts = by.iter().filter_map(|field| match &item[*field] {
        Value::Null => None,
        Value::String(text) if *field == "protocol" && text == "tcp" => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    });
    parts.collect::<Vec<_>>().join("/")
}

/// The JSON Schema of a field.
pub fn schema(path: &str) -> &'static Value {
    path.split('.').fold(task_definition_schema(), |schema, name| {
        let object = if schema["type"] == "array" { &schema["items"] } else { schema };
        &object["properties"][name]
    })
}

fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") }
}
