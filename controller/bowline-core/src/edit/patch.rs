//! Fields of one document that are set and removed, with comments and layout kept.

use std::ops::Range;

use serde_json::{Map, Value};

use super::render::{self, Quotes};
use super::tree::{self, Item, Mapping, Shape};
use super::{EditError, document, replaced};
use crate::desired::{ResourceKey, document_value};
use crate::name::RelativePath;

/// A value without parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scalar {
    /// Text, quoted where it has to be.
    Text(String),
    /// A whole number.
    Number(u64),
    /// True or false.
    Bool(bool),
}

/// One change of a document. A path is the names of the fields from the document's root: `["spec", "desiredCount"]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldEdit {
    /// The field has the value, whatever it was; fields above it are made where they are missing.
    Set {
        /// The field.
        field: Vec<String>,
        /// Its value.
        value: Scalar,
    },
    /// The field is not there.
    Remove {
        /// The field.
        field: Vec<String>,
    },
}

impl FieldEdit {
    /// Sets the field at `path`, whose parts have no dot in their names: `spec.desiredCount`.
    pub fn set(path: &str, value: Scalar) -> Self {
        Self::Set { field: path.split('.').map(str::to_owned).collect(), value }
    }

    /// Removes the field at `path`, whose parts have no dot in their names.
    pub fn remove(path: &str) -> Self {
        Self::Remove { field: path.split('.').map(str::to_owned).collect() }
    }

    /// Sets an annotation; a dot may be in its name.
    pub fn annotate(name: &str, value: &str) -> Self {
        let field = ["metadata", "annotations", name].map(str::to_owned).to_vec();
        Self::Set { field, value: Scalar::Text(value.to_owned()) }
    }

    fn field(&self) -> &[String] {
        match self {
            Self::Set { field, .. } | Self::Remove { field } => field,
        }
    }
}

/// Why an edit is not made.
type Problem = &'static str;

/// The file with `edits` made, in their order, in the document of one resource. What says so already is not touched, so that
/// the same edits a second time change nothing.
pub fn edit(
    path: &RelativePath,
    text: &str,
    resource: &ResourceKey,
    edits: &[FieldEdit],
) -> Result<String, EditError> {
    let mut content = document(path, text, resource)?.to_owned();
    let unreadable = || EditError::Unreadable { path: path.clone(), problem: "it is not YAML".to_owned() };
    let mut meant = document_value(&content).ok_or_else(unreadable)?;
    for edit in edits {
        let refused = |problem| EditError::Field {
            path: path.clone(),
            resource: resource.clone(),
            field: edit.field().join("."),
            problem,
        };
        let before = meant.clone();
        mean(&mut meant, edit).map_err(refused)?;
        if meant == before {
            continue;
        }
        let root = tree::read(&content).ok_or_else(unreadable)?;
        let made = match edit {
            FieldEdit::Set { field, value } => set(&content, &root, field, value),
            FieldEdit::Remove { field } => remove(&content, &root, field),
        };
        content = made.map_err(refused)?;
    }
    replaced(path, text, resource, &content, Some(&meant))
}

/// Makes the edit in the value that the document stands for.
fn mean(value: &mut Value, edit: &FieldEdit) -> Result<(), Problem> {
    match edit {
        FieldEdit::Set { field, value: wanted } => {
            let mut at = value;
            for name in field {
                if at.is_null() {
                    *at = Value::Object(Map::new());
                }
                let map = at.as_object_mut().ok_or("what it stands in is not a mapping")?;
                at = map.entry(name.clone()).or_insert(Value::Null);
            }
            *at = json(wanted);
        }
        FieldEdit::Remove { field } => {
            let [parents @ .., last] = field.as_slice() else { return Ok(()) };
            let found = parents.iter().try_fold(value, |at, name| at.get_mut(name));
            if let Some(map) = found.and_then(Value::as_object_mut) {
                map.remove(last);
            }
        }
    }
    Ok(())
}

fn json(value: &Scalar) -> Value {
    match value {
        Scalar::Text(text) => Value::from(text.as_str()),
        Scalar::Number(number) => Value::from(*number),
        Scalar::Bool(flag) => Value::from(*flag),
    }
}

fn set(text: &str, item: &Item, field: &[String], value: &Scalar) -> Result<String, Problem> {
    let Shape::Map(map) = &item.shape else { return Err("what it stands in is not a mapping") };
    let [name, below @ ..] = field else { return Err("no field is named") };
    let Some(found) = map.position(name).and_then(|index| map.fields.get(index)) else {
        return insert(text, item, map, field, value);
    };
    if !below.is_empty() && matches!(found.value.shape, Shape::Map(_)) {
        return set(text, &found.value, below, value);
    }
    let nothing = matches!(found.value.shape, Shape::Plain)
        && matches!(&text[found.value.span.clone()], "" | "~" | "null" | "Null" | "NULL");
    if !below.is_empty() && !nothing {
        return Err("what it stands in is not a mapping");
    }
    let quotes = match found.value.shape {
        Shape::SingleQuoted => Quotes::Single,
        Shape::DoubleQuoted => Quotes::Double,
        Shape::Plain | Shape::Block | Shape::Alias | Shape::List | Shape::Map(_) => Quotes::AsNeeded,
    };
    let written = if below.is_empty() { render::scalar(value, quotes) } else { braces(below, value) };
    match found.value.shape {
        Shape::Plain | Shape::SingleQuoted | Shape::DoubleQuoted | Shape::Alias
            if !found.value.span.is_empty() =>
        {
            Ok(splice(text, found.value.span.clone(), &written))
        }
        _ => {
            let start = found.after_colon(text).ok_or("it has no colon")?;
            let end = found.value.span.end.max(start);
            let newline = if text[start..end].ends_with('\n') { line_end(text) } else { "" };
            Ok(splice(text, start..end, &format!(" {written}{newline}")))
        }
    }
}

/// Adds a field, and those above it that are missing, behind the last one of a mapping.
fn insert(
    text: &str,
    item: &Item,
    map: &Mapping,
    field: &[String],
    value: &Scalar,
) -> Result<String, Problem> {
    let Some(last) = map.fields.last() else {
        let start = item.span.start + 1;
        return Ok(splice(text, start..start, &pair(field, value)));
    };
    let end = last.end(text);
    if map.flow {
        return Ok(splice(text, end..end, &format!(", {}", pair(field, value))));
    }
    let indent = indentation(text, map).ok_or("the mapping does not begin on a line of its own")?;
    let newline = line_end(text);
    let mut lines = Vec::new();
    let [parents @ .., name] = field else { return Err("no field is named") };
    for (depth, parent) in parents.iter().enumerate() {
        lines.push(format!("{indent}{}{}:", "  ".repeat(depth), render::key(parent)));
    }
    let depth = "  ".repeat(parents.len());
    let shown = render::scalar(value, Quotes::AsNeeded);
    lines.push(format!("{indent}{depth}{}: {shown}", render::key(name)));
    let lines = lines.join(newline);
    if text[..end].ends_with('\n') {
        return Ok(splice(text, end..end, &format!("{lines}{newline}")));
    }
    let end = end_of_line(text, end);
    Ok(splice(text, end..end, &format!("{newline}{lines}")))
}

fn remove(text: &str, item: &Item, field: &[String]) -> Result<String, Problem> {
    let Shape::Map(map) = &item.shape else { return Err("what it stands in is not a mapping") };
    let [name, below @ ..] = field else { return Err("no field is named") };
    let index = map.position(name).ok_or("it is not written here")?;
    let found = map.fields.get(index).ok_or("it is not written here")?;
    if !below.is_empty() {
        return remove(text, &found.value, below);
    }
    let (start, end) = (found.key.start, found.end(text));
    if map.fields.len() == 1 {
        if map.flow {
            return Ok(splice(text, start..end, ""));
        }
        let newline = if text[start..end].ends_with('\n') { line_end(text) } else { "" };
        return Ok(splice(text, start..end, &format!("{{}}{newline}")));
    }
    if map.flow {
        let range = match (map.fields.get(index + 1), index.checked_sub(1).and_then(|i| map.fields.get(i))) {
            (Some(next), _) => start..next.key.start,
            (None, Some(previous)) => previous.end(text)..end,
            (None, None) => start..end,
        };
        return Ok(splice(text, range, ""));
    }
    let line = start_of_line(text, start);
    if !text[line..start].trim_start_matches('\u{feff}').trim().is_empty() {
        return Err("it does not begin on a line of its own");
    }
    let line = line + if text[line..start].starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    Ok(splice(text, line..after_line(text, end), ""))
}

fn splice(text: &str, range: Range<usize>, with: &str) -> String {
    [&text[..range.start], with, &text[range.end..]].concat()
}

/// `a: 1`, and `a: {b: 1}` for a longer path.
fn pair(field: &[String], value: &Scalar) -> String {
    match field {
        [] => String::new(),
        [name] => format!("{}: {}", render::key(name), render::scalar(value, Quotes::AsNeeded)),
        [name, below @ ..] => format!("{}: {}", render::key(name), braces(below, value)),
    }
}

fn braces(field: &[String], value: &Scalar) -> String {
    format!("{{{}}}", pair(field, value))
}

/// What stands before the fields of a block, if it is nothing but spaces.
fn indentation<'a>(text: &'a str, map: &Mapping) -> Option<&'a str> {
    let key = &map.fields.first()?.key;
    let before = text[start_of_line(text, key.start)..key.start].trim_start_matches('\u{feff}');
    before.chars().all(|c| c == ' ').then_some(before)
}

pub(super) fn start_of_line(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

/// Before the newline.
fn end_of_line(text: &str, at: usize) -> usize {
    let end = text[at..].find('\n').map_or(text.len(), |newline| at + newline);
    if text[at..end].ends_with('\r') { end - 1 } else { end }
}

/// The start of the line behind the one that ends what was written up to `at`.
pub(super) fn after_line(text: &str, at: usize) -> usize {
    if text[..at].ends_with('\n') {
        return at;
    }
    text[at..].find('\n').map_or(text.len(), |newline| at + newline + 1)
}

/// How the lines of a text end.
pub(super) fn line_end(text: &str) -> &'static str {
    match text.find('\n') {
        Some(end) if text[..end].ends_with('\r') => "\r\n",
        _ => "\n",
    }
}
