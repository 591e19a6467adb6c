//! What is the same although it is written differently? A value as the rules of its table leave it.
//!
//! Both sides go through it, so registering a file and describing the revision gives no difference.

use std::sync::Arc;

use serde_json::{Map, Number, Value};

use super::canonical::canonical_json;
use super::fields::{Field, Rule, TASK_DEFINITION, Table};
use crate::desired::TaskDefinitionContent;

/// The content with everything removed that AWS fills in by itself or that means nothing: defaults, nulls, empty lists and
/// objects, server-only fields, `tags`; sizes in AWS's units, lists without order sorted. Two contents that AWS treats alike
/// give equal values.
pub fn normalize(content: &TaskDefinitionContent) -> Value {
    normalize_by(&TASK_DEFINITION, &content.value())
}

/// The normal form as canonical JSON, made once for each content: two contents that AWS treats alike have equal texts.
pub(crate) fn normal_text(content: &TaskDefinitionContent) -> Arc<str> {
    content.normal_text(|| canonical_json(&normalize(content)).into())
}

/// Whether the normal form of a content is this one; if so, the content holds it from now on, and no second one.
pub(crate) fn is_normal_text(content: &TaskDefinitionContent, other: &Arc<str>) -> bool {
    let made = || {
        let text = canonical_json(&normalize(content));
        if text == **other { Arc::clone(other) } else { text.into() }
    };
    content.normal_text(made) == *other
}

/// As [`normalize`], for the object of any table.
pub(crate) fn normalize_by(table: &Table, value: &Value) -> Value {
    let Value::Object(root) = value else { return value.clone() };
    let normalizer = Normalizer { table, root };
    let mut path = String::new();
    Value::Object(normalizer.fields(root, &mut path))
}

/// The value of one field as [`normalize_by`] leaves it; `None` where it means the same as leaving the field out. `names` lead
/// to it; below a map the last one is the key.
pub(crate) fn normalize_field(table: &Table, names: &[&str], value: &Value) -> Option<Value> {
    normalize_row(table, table.row_at(names)?, value)
}

/// As [`normalize_field`], for the field of a row.
pub(crate) fn normalize_row(table: &Table, row: &Field, value: &Value) -> Option<Value> {
    if !row.is_compared() {
        return None;
    }
    let normalizer = Normalizer { table, root: &Map::new() };
    normalizer.value(row, value, &mut row.path.to_owned()).filter(|value| !row.is_default(value))
}

struct Normalizer<'a> {
    table: &'a Table,
    root: &'a Map<String, Value>,
}

impl Normalizer<'_> {
    /// The fields of an object that are in the table and mean something.
    fn fields(&self, object: &Map<String, Value>, path: &mut String) -> Map<String, Value> {
        let length = path.len();
        let mut kept = Map::new();
        for (name, value) in object {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(name);
            if let Some(row) = self.table.row(path).filter(|row| row.is_compared())
                && let Some(value) = self.value(row, value, path)
                && !row.is_default_in(&value, object, self.root)
            {
                kept.insert(name.clone(), value);
            }
            path.truncate(length);
        }
        kept
    }

    /// A field's value; `None` where nothing, or nothing that means anything, is there.
    fn value(&self, row: &Field, value: &Value, path: &mut String) -> Option<Value> {
        match value {
            Value::Null => None,
            Value::Object(keys) if row.has(Rule::Map) => {
                let keys = keys.iter().filter(|(_, value)| !value.is_null());
                let keys: Map<String, Value> =
                    keys.map(|(key, value)| (key.clone(), leaf(row, value))).collect();
                (!keys.is_empty()).then_some(Value::Object(keys))
            }
            Value::Object(object) => {
                let kept = self.fields(object, path);
                (!kept.is_empty() || row.has(Rule::Present)).then_some(Value::Object(kept))
            }
            Value::Array(items) => {
                let mut kept: Vec<Value> =
                    items.iter().filter_map(|item| self.value(row, item, path)).collect();
                match row.list() {
                    Rule::Set => {
                        kept.sort_by_cached_key(canonical_json);
                        kept.dedup();
                    }
                    Rule::Keyed(by) => kept.sort_by_cached_key(|item| {
                        (self.table.item_key(path, by, item), canonical_json(item))
                    }),
                    _ => {}
                }
                (!kept.is_empty()).then_some(Value::Array(kept))
            }
            scalar => Some(leaf(row, scalar)),
        }
    }
}

/// A value without parts, in the one spelling that its rules give it.
fn leaf(row: &Field, value: &Value) -> Value {
    let mut value = whole_number(value);
    for rule in row.rules {
        let spelled = match (rule, &value) {
            (Rule::Unit(unit), _) => unit.stored(&value).map(Value::String),
            (Rule::Same(pairs), Value::String(text)) => {
                pairs.iter().find(|(other, _)| other == text).map(|(_, spelled)| Value::from(*spelled))
            }
            (Rule::Role, Value::String(text)) => role_name(text).map(Value::from),
            _ => None,
        };
        value = spelled.unwrap_or(value);
    }
    value
}

/// The name of a role without its path: names have no slash in them.
fn role_name(text: &str) -> Option<&str> {
    let is_role = !text.starts_with("arn:") || text.contains(":role/");
    text.rsplit('/').next().filter(|name| is_role && !name.is_empty())
}

/// `5.0` and `5` are one number.
fn whole_number(value: &Value) -> Value {
    let whole = match value {
        Value::Number(number) if number.is_f64() => {
            number.as_f64().filter(|float| float.fract() == 0.0).map(|float| format!("{float:.0}"))
        }
        _ => None,
    };
    whole
        .and_then(|digits| digits.parse::<i64>().ok())
        .map_or_else(|| value.clone(), |integer| Value::Number(Number::from(integer)))
}

#[cfg(test)]
mod tests;
