//! Holds a [`Node`] against a JSON Schema and says everything that is wrong with it, each with its place.
//!
//! Understands the keywords that the schemas of this crate use: `type`, `properties`, `required`, `additionalProperties`,
//! `items`, `uniqueItems`, `enum`, `examples` (the known values of an enumeration to which AWS adds), `minimum`, `maximum`,
//! and `format` by way of [`crate::name::check`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

use super::finding::{Finding, FindingCode, Severity};
use super::node::{Entry, Node, Position, Scalar, Tree};
use super::source::{Place, Source};
use super::suggest::{self, shorten};
use crate::name;

/// Where a value stands inside its document: a list that lives on the stack of the walk.
#[derive(Clone, Copy)]
pub(super) struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    part: Part<'a>,
}

#[derive(Clone, Copy)]
enum Part<'a> {
    Root(&'a str),
    Key(&'a str),
    Index(usize),
}

impl<'a> Path<'a> {
    /// The document itself, by what it is called in messages.
    pub(super) fn root(name: &'a str) -> Self {
        Self { parent: None, part: Part::Root(name) }
    }

    fn key(&'a self, key: &'a str) -> Self {
        Self { parent: Some(self), part: Part::Key(key) }
    }

    fn index(&'a self, index: usize) -> Self {
        Self { parent: Some(self), part: Part::Index(index) }
    }

    /// As it stands in a sentence: a field in backticks, the document itself without.
    fn quoted(&self) -> String {
        if self.parent.is_none() { self.to_string() } else { format!("`{self}`") }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parent = self.parent.filter(|parent| parent.parent.is_some());
        match (self.part, parent) {
            (Part::Root(name), _) => formatter.write_str(name),
            (Part::Key(key), None) => formatter.write_str(&shorten(key)),
            (Part::Key(key), Some(parent)) => write!(formatter, "{parent}.{}", shorten(key)),
            (Part::Index(index), None) => write!(formatter, "[{index}]"),
            (Part::Index(index), Some(parent)) => write!(formatter, "{parent}[{index}]"),
        }
    }
}

/// Collects the findings of one document.
pub(super) struct Checker<'a> {
    source: &'a Source<'a>,
    /// Lines of which nothing may be shown, since they may hold confidential values.
    hidden: BTreeSet<usize>,
    /// What was found so far.
    pub(super) findings: Vec<Finding>,
}

impl<'a> Checker<'a> {
    /// For a document of which nothing of the hidden lines may be shown.
    pub(super) fn new(source: &'a Source<'a>, hidden: BTreeSet<usize>) -> Self {
        Self { source, hidden, findings: Vec::new() }
    }

    fn may_show(&self, at: Position) -> bool {
        !self.hidden.contains(&at.line)
    }

    /// A place, for a finding that is made once the text is gone.
    pub(super) fn place(&self, at: Position) -> Place {
        self.source.place(at, self.may_show(at))
    }

    /// Adds a finding at a place.
    pub(super) fn add(
        &mut self,
        at: Position,
        severity: Severity,
        code: FindingCode,
        message: String,
        hint: Option<String>,
    ) {
        let mut finding = self.source.finding(at, severity, code, message);
        finding.hint = hint;
        if !self.may_show(at) {
            finding = finding.without_snippet();
        }
        self.findings.push(finding);
    }

    fn error(&mut self, at: Position, code: FindingCode, message: String, hint: Option<String>) {
        self.add(at, Severity::Error, code, message, hint);
    }

    /// Checks one value and everything in it.
    pub(super) fn value(&mut self, schema: &Value, node: &Node, path: &Path<'_>) {
        match schema.get("type").and_then(Value::as_str) {
            Some("object") => self.object(schema, node, path),
            Some("array") => self.list(schema, node, path),
            Some("string") => self.text(schema, node, path),
            Some("integer") => self.integer(schema, node, path),
            Some("number") if !matches!(node.scalar(), Some(Scalar::Number(_))) => {
                self.wrong_type("a number", node, path);
            }
            Some("boolean") if !matches!(node.scalar(), Some(Scalar::Bool(_))) => {
                self.wrong_type("true or false", node, path);
            }
            _ => {}
        }
    }

    fn object(&mut self, schema: &Value, node: &Node, path: &Path<'_>) {
        let Tree::Map(entries) = &node.tree else {
            return self.wrong_type("a mapping", node, path);
        };
        let properties = schema.get("properties").and_then(Value::as_object);
        let additional = schema.get("additionalProperties");
        let mut seen: BTreeMap<&str, &Entry> = BTreeMap::new();
        for entry in entries {
            if let Some(first) = seen.get(entry.key.as_str()) {
                self.duplicate_key(first, entry);
                continue;
            }
            seen.insert(&entry.key, entry);
            let inner = path.key(&entry.key);
            if let Some(schema) = properties.and_then(|properties| properties.get(&entry.key)) {
                self.value(schema, &entry.value, &inner);
            } else if additional == Some(&Value::Bool(false)) {
                let known = properties.into_iter().flat_map(|p| p.keys().map(String::as_str));
                self.unknown_field(entry, path, known);
            } else if let Some(schema) = additional.filter(|additional| additional.is_object()) {
                self.value(schema, &entry.value, &inner);
            }
        }
        let required = schema.get("required").and_then(Value::as_array);
        for name in required.into_iter().flatten().filter_map(Value::as_str) {
            if node.get(name).is_none() {
                let about =
                    properties.and_then(|properties| properties.get(name)?.get("description")?.as_str());
                let message = format!("`{}` is missing", path.key(name));
                self.error(node.at, FindingCode::MissingField, message, about.map(str::to_owned));
            }
        }
    }

    fn duplicate_key(&mut self, first: &Entry, second: &Entry) {
        let message = format!("the field `{}` stands here a second time", shorten(&second.key));
        let mut finding = self.source.finding(second.at, Severity::Error, FindingCode::Duplicate, message);
        finding.snippet =
            self.may_show(second.at).then(|| self.source.snippet_of_key(second.at, &second.key)).flatten();
        let finding = finding
            .with_hint("remove one of the two")
            .with_related(self.source.location(first.at), "the first one");
        self.findings.push(finding);
    }

    fn unknown_field<'k>(
        &mut self,
        entry: &Entry,
        path: &Path<'_>,
        known: impl Iterator<Item = &'k str> + Clone,
    ) {
        let message = format!("{} has no field `{}`", path.quoted(), shorten(&entry.key));
        let hint = if entry.key == "<<" {
            "YAML merge keys are not supported: repeat the fields, or use an alias for a whole value"
                .to_owned()
        } else {
            suggest::hint(&entry.key, "fields", known)
        };
        self.error(entry.at, FindingCode::UnknownField, message, Some(hint));
        let snippet =
            self.may_show(entry.at).then(|| self.source.snippet_of_key(entry.at, &entry.key)).flatten();
        if let Some(finding) = self.findings.last_mut() {
            finding.snippet = snippet;
        }
    }

    fn list(&mut self, schema: &Value, node: &Node, path: &Path<'_>) {
        let Tree::List(items) = &node.tree else {
            return self.wrong_type("a list", node, path);
        };
        let unique = schema.get("uniqueItems") == Some(&Value::Bool(true));
        let mut seen = BTreeSet::new();
        for (index, item) in items.iter().enumerate() {
            if let Some(schema) = schema.get("items") {
                self.value(schema, item, &path.index(index));
            }
            if let Some(text) = item.text().filter(|_| unique)
                && !seen.insert(text)
            {
                let message = format!("`{path}` lists `{}` a second time", shorten(text));
                self.error(
                    item.at,
                    FindingCode::Duplicate,
                    message,
                    Some("remove one of the two".to_owned()),
                );
            }
        }
    }

    fn text(&mut self, schema: &Value, node: &Node, path: &Path<'_>) {
        let Some(text) = node.text() else {
            return self.wrong_type("text", node, path);
        };
        for (keyword, severity) in [("enum", Severity::Error), ("examples", Severity::Warning)] {
            let Some(values) = schema.get(keyword).and_then(Value::as_array) else { continue };
            let known = values.iter().filter_map(Value::as_str);
            if !known.clone().any(|value| value == text) {
                let exact = known.clone().count() == 1;
                let shown =
                    if self.may_show(node.at) { format!(" `{}`,", shorten(text)) } else { String::new() };
                let message = format!("`{path}` is{shown} not one of the values that it may have");
                let hint = match known.clone().next().filter(|_| exact) {
                    Some(only) => format!("it must be `{only}`"),
                    None => suggest::hint(text, "values", known),
                };
                self.add(node.at, severity, FindingCode::InvalidValue, message, Some(hint));
            }
        }
        if let Some(format) = schema.get("format").and_then(Value::as_str)
            && let Err(error) = name::check(format, text)
        {
            let message = format!("`{path}`: `{}` is not {}", shorten(&error.found), error.expected);
            self.error(node.at, FindingCode::InvalidValue, message, None);
        }
    }

    fn integer(&mut self, schema: &Value, node: &Node, path: &Path<'_>) {
        let Some(Scalar::Number(number)) = node.scalar() else {
            return self.wrong_type("a whole number", node, path);
        };
        // Beyond 64 bits a number is a fraction to `resolve`, so this is exact for everything that can be in range.
        let Some(value) = number.as_i128() else {
            return self.wrong_type("a whole number", node, path);
        };
        let bound =
            |key: &str| schema.get(key).and_then(Value::as_number).and_then(serde_json::Number::as_i128);
        let hint = match (bound("minimum"), bound("maximum")) {
            (Some(least), Some(most)) if value < least || value > most => {
                format!("it must be from {least} to {most}")
            }
            (Some(least), None) if value < least => format!("it must be at least {least}"),
            (None, Some(most)) if value > most => format!("it must be at most {most}"),
            _ => return,
        };
        self.error(node.at, FindingCode::InvalidValue, format!("`{path}` is {value}"), Some(hint));
    }

    fn wrong_type(&mut self, expected: &str, node: &Node, path: &Path<'_>) {
        let found = node.type_name();
        let message = if node.is_null() {
            format!("{} has no value; it must be {expected}", path.quoted())
        } else {
            format!("{} is {found}; it must be {expected}", path.quoted())
        };
        let hint = match (&node.tree, expected) {
            (Tree::Plain(_), _) if node.is_null() => {
                Some("give it a value; a field that is not required may be left out".to_owned())
            }
            (Tree::Plain(text), "text") if self.may_show(node.at) => {
                Some(format!("write it in quotes: \"{}\"", shorten(text)))
            }
            (Tree::Plain(_), "text") => Some("write it in quotes".to_owned()),
            (Tree::Text(text), "a whole number" | "a number" | "true or false")
                if matches!(
                    Node { at: node.at, tree: Tree::Plain(text.clone()) }.scalar(),
                    Some(Scalar::Number(_) | Scalar::Bool(_))
                ) =>
            {
                Some("write it without quotes".to_owned())
            }
            _ => None,
        };
        self.error(node.at, FindingCode::InvalidValue, message, hint);
    }
}
