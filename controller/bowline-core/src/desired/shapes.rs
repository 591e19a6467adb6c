//! The shapes of AWS's requests, written down in a few words, and the JSON Schema that is made of them.
//!
//! `Shape:` begins a structure; `field=type` is a field of it, `field!=type` one that must be there, and `field~=type` one that
//! must be there where nothing live is merged with the structure. Types are `string`, `integer`, `number`, `boolean`, `document`
//! (any mapping), `[list of]`, `{map of text to}`, `one|of|these` and the names of other structures.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// Must be there.
const ALWAYS: char = '!';

/// Must be there where nothing live is merged with the structure.
const ALONE: char = '~';

const MARKS: [char; 2] = [ALWAYS, ALONE];

/// Every field name of any of the shapes.
pub(super) fn fields(shapes: &'static str) -> impl Iterator<Item = &'static str> {
    let fields = shapes.split_whitespace().filter_map(|word| word.split_once('='));
    fields.map(|(name, _)| name.trim_end_matches(MARKS))
}

/// The JSON Schema of one of the shapes. Values of an enumeration are `examples`: AWS adds to its own.
pub(super) fn schema(shapes: &'static str, root: &str) -> Value {
    requiring(ALWAYS, shapes, root)
}

/// The same, in which only that is required which must be there where nothing live is merged with it.
pub(super) fn schema_alone(shapes: &'static str, root: &str) -> Value {
    requiring(ALONE, shapes, root)
}

fn requiring(mark: char, shapes: &'static str, root: &str) -> Value {
    let mut structures: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut current = "";
    for word in shapes.split_whitespace() {
        match word.strip_suffix(':') {
            Some(name) => current = name,
            None => structures.entry(current).or_default().push(word),
        }
    }
    of_kind(root, mark, &structures)
}

fn of_kind(kind: &str, mark: char, structures: &BTreeMap<&str, Vec<&str>>) -> Value {
    if let Some(fields) = structures.get(kind) {
        return structure(fields, mark, structures);
    }
    let inside = |open, close| kind.strip_prefix(open).and_then(|kind: &str| kind.strip_suffix(close));
    if let Some(item) = inside('[', ']') {
        json!({ "type": "array", "items": of_kind(item, mark, structures) })
    } else if let Some(value) = inside('{', '}') {
        json!({ "type": "object", "additionalProperties": of_kind(value, mark, structures) })
    } else if kind == "document" {
        json!({ "type": "object", "additionalProperties": true })
    } else if kind.contains('|') {
        let values: Vec<&str> = kind.split('|').filter(|value| !value.is_empty()).collect();
        json!({ "type": "string", "examples": values })
    } else {
        json!({ "type": kind })
    }
}

fn structure(fields: &[&str], mark: char, structures: &BTreeMap<&str, Vec<&str>>) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for field in fields {
        let (name, kind) = field.split_once('=').unwrap_or((field, "string"));
        let plain = name.trim_end_matches(MARKS);
        if name.ends_with(mark) {
            required.push(plain);
        }
        properties.insert(plain.to_owned(), of_kind(kind, mark, structures));
    }
    let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}
