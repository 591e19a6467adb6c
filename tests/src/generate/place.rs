//! Where a field of a table stands in a request, and what Bowline calls that place.

use std::sync::LazyLock;

use bowline_core::desired::kind::service_settings_schema;
use bowline_core::desired::task_definition_schema;
use bowline_core::diff::fields::{Field, Rule, SERVICE, TASK_DEFINITION, Table};
use serde_json::Value;

/// A request of AWS's: its fields and their shapes.
#[derive(Debug, Clone, Copy)]
pub struct Form {
    table: &'static Table,
    schema: &'static Value,
}

/// RegisterTaskDefinition.
pub static DEFINITION: LazyLock<Form> =
    LazyLock::new(|| Form { table: &TASK_DEFINITION, schema: task_definition_schema() });

/// The settings that CreateService and UpdateService take.
pub static SETTINGS: LazyLock<Form> =
    LazyLock::new(|| Form { table: &SERVICE, schema: service_settings_schema() });

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
    /// Whether that list is a set: its items are told apart by all that they have.
    pub within_set: bool,
}

impl Form {
    /// All fields that are compared, without tags of a task definition: they are not part of its content.
    pub fn compared(self) -> impl Iterator<Item = &'static Field> {
        self.table.rows().iter().filter(|row| row.is_compared() && !is_tags(row))
    }

    /// The fields of tags of a task definition: compared once its content is the same.
    pub fn tags(self) -> impl Iterator<Item = &'static Field> {
        self.table.rows().iter().filter(|row| is_tags(row))
    }

    /// Finds the first place of the field with this path, such as `containerDefinitions.image`.
    pub fn find(self, request: &Value, path: &str) -> Option<Place> {
        let start =
            Place { pointer: String::new(), shown: String::new(), within_list: false, within_set: false };
        let names: Vec<&str> = path.split('.').collect();
        self.step(request, &names, "", &start)
    }

    fn step(self, value: &Value, names: &[&str], field: &str, place: &Place) -> Option<Place> {
        let Some((name, rest)) = names.split_first() else { return Some(place.clone()) };
        match value {
            Value::Object(fields) => {
                let field = join(field, name);
                let shown = if place.within_list { place.shown.clone() } else { join(&place.shown, name) };
                let pointer = format!("{}/{name}", place.pointer);
                self.step(fields.get(*name)?, rest, &field, &Place { pointer, shown, ..place.clone() })
            }
            Value::Array(items) => items.iter().enumerate().find_map(|(number, item)| {
                let pointer = format!("{}/{number}", place.pointer);
                let inner = match self.keyed(field) {
                    Some(by) if !place.within_list => {
                        let shown = format!("{}[{}={}]", place.shown, by[0], key(item, by));
                        Place { pointer, shown, ..place.clone() }
                    }
                    _ => {
                        let within_set = place.within_set || !place.within_list && self.is_set(field);
                        Place { pointer, within_list: true, within_set, ..place.clone() }
                    }
                };
                self.step(item, names, field, &inner)
            }),
            _ => None,
        }
    }

    /// The fields that tell the items of this list apart.
    pub fn keyed(self, field: &str) -> Option<&'static [&'static str]> {
        let row = self.table.rows().iter().find(|row| row.path == field)?;
        row.rules.iter().find_map(|rule| match rule {
            Rule::Keyed(by) => Some(*by),
            _ => None,
        })
    }

    fn is_set(self, field: &str) -> bool {
        let row = self.table.rows().iter().find(|row| row.path == field);
        row.is_some_and(|row| row.rules.contains(&Rule::Set))
    }

    /// The JSON Schema of a field.
    pub fn schema(self, path: &str) -> &'static Value {
        path.split('.').fold(self.schema, |schema, name| {
            let object = if schema["type"] == "array" { &schema["items"] } else { schema };
            &object["properties"][name]
        })
    }

    /// The JSON Schema of the whole request.
    pub fn whole_schema(self) -> &'static Value {
        self.schema
    }
}

/// An item's key. Written anew here rather than asked of the code under test: what AWS takes for granted is left out, so ports
/// carry `/udp`.
fn key(item: &Value, by: &[&str]) -> String {
    let parts = by.iter().filter_map(|field| match &item[*field] {
        Value::Null => None,
        Value::String(text) if *field == "protocol" && text == "tcp" => None,
        Value::String(text) if *field == "targetType" && text == "AWS_LAMBDA" => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    });
    parts.collect::<Vec<_>>().join("/")
}

fn is_tags(row: &Field) -> bool {
    row.path.split('.').next() == Some("tags")
}

fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") }
}

/// The field of the table that a difference is about: its path without what stands in brackets.
#[must_use]
pub fn field(path: &str) -> String {
    let mut depth = 0_usize;
    let outside = |character: &char| {
        match character {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => return depth == 0,
        }
        false
    };
    path.chars().filter(outside).collect()
}

/// Whether a field is this one, or below it.
#[must_use]
pub fn within(field: &str, path: &str) -> bool {
    field.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}
