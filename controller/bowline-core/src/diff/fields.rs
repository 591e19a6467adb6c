//! By which rules is each field compared? The vocabulary of the tables, and how a row is found.
//!
//! A table is data: one row for each field of a request, with its rules and where they are known from. The normaliser, the
//! walk and `docs/reference/` all read the same rows. What a table does not name is not a field of the request: it is left
//! out on both sides, so that a field that AWS adds to its answers is no drift.

mod service;
mod task_definition;

use std::fmt;

use serde_json::{Map, Value};

pub use crate::desired::Unit;
pub(crate) use service::{
    EXCHANGED, ROLLING, has_to_be_forced, reset_of, setting_row, starts_deployment, why_left,
};
pub use service::{Effect, LEFT, OF_ONE_STRATEGY, RESETS, Reset, SERVICE, SETTINGS, Setting, ShownBy, Taken};
pub use task_definition::TASK_DEFINITION;

/// One row: a field, how it is compared, and why so.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Field {
    /// Field names from the root, joined by dots; items of lists and keys of maps are not in it:
    /// `containerDefinitions.environment.value`.
    pub path: &'static str,
    /// How it is compared. None: as it is.
    pub rules: &'static [Rule],
    /// Where the rules are known from, and what else there is to know. The keys stand in `docs/reference/`.
    pub source: &'static str,
}

/// One thing that holds when a field is compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// A list whose order means something: compared as one value.
    Ordered,
    /// A list whose order and repetitions mean nothing.
    Set,
    /// A list whose items are told apart by these of their fields; the order means nothing. Paths name the first one.
    Keyed(&'static [&'static str]),
    /// A map of texts that the user names: compared key by key.
    Map,
    /// AWS fills this in, or it means the same as leaving the field out.
    Default(Literal),
    /// A default only where another field of the same object is there.
    DefaultBeside {
        /// The other field.
        field: &'static str,
        /// The default.
        value: Literal,
    },
    /// The same as another field of the same object means the same as leaving it out, where a field of the root is one of
    /// these.
    Follows {
        /// The other field.
        field: &'static str,
        /// The field of the root.
        root: &'static str,
        /// Its values.
        among: &'static [&'static str],
    },
    /// AWS takes any value but these for the default.
    Known(&'static [&'static str]),
    /// A size that may be written with a unit.
    Unit(Unit),
    /// Spellings that mean the same: each first one is read as its second one.
    Same(&'static [(&'static str, &'static str)]),
    /// An IAM role, by its name, which may have its path before it, or by its ARN. The name tells it: it is unique in the
    /// account whatever its path, and a role of another account cannot be passed.
    Role,
    /// Given by its name or by its ARN, and the ARN does not hold the name: where one side has the one and the other the other,
    /// they cannot be told apart, and count as the same while both are what they were when the service was in sync.
    NameOrArn,
    /// An object that means something although everything in it is left out.
    Present,
    /// AWS sets it; the request does not take it.
    ServerOnly,
    /// AWS keeps it beside the revision and changes it in place: compared apart from the content.
    Apart,
    /// The value may be confidential: shown by its length.
    Confidential(Reveal),
}

/// A value in a table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Literal {
    /// A text.
    Text(&'static str),
    /// A whole number.
    Number(i64),
    /// True or false.
    Flag(bool),
    /// A list of texts, sorted.
    Texts(&'static [&'static str]),
    /// Anything else, as JSON in its normal form.
    Json(&'static str),
}

/// Under which name `reveal` lists a confidential value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reveal {
    /// This one.
    As(&'static str),
    /// The key of the list item that it is in.
    Item,
    /// Its key in the map; a value that is no text is shown by its length even so.
    Key,
}

/// The rows of one request, sorted by path.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    rows: &'static [Field],
    schema: fn() -> &'static Value,
}

impl Table {
    /// A table of these rows, which must be sorted by path, and the JSON Schema of the request.
    pub(crate) const fn new(rows: &'static [Field], schema: fn() -> &'static Value) -> Self {
        Self { rows, schema }
    }

    /// All rows, sorted by path.
    pub fn rows(&self) -> &'static [Field] {
        self.rows
    }

    /// The row of a field.
    pub(crate) fn row(&self, path: &str) -> Option<&'static Field> {
        self.rows.binary_search_by(|row| row.path.cmp(path)).ok().map(|at| &self.rows[at])
    }

    /// The names of the fields right below a path that are compared.
    pub(crate) fn names_in(&self, path: &str) -> impl Iterator<Item = &'static str> {
        let name = move |row: &'static Field| {
            let name = row.path.strip_prefix(path)?.strip_prefix('.')?;
            (!name.contains('.') && row.is_compared()).then_some(name)
        };
        self.rows.iter().filter_map(name)
    }

    /// The names of the fields right below a path without which the request is refused.
    pub(crate) fn required_in(&self, path: &str) -> impl Iterator<Item = &'static str> {
        let inside = |schema: &'static Value, name| {
            let property = &schema["properties"][name];
            property.get("items").unwrap_or(property)
        };
        let required = path.split('.').fold((self.schema)(), inside)["required"].as_array();
        required.into_iter().flatten().filter_map(Value::as_str)
    }

    /// The row of the field that these names lead to. Everything below a map has the map's row: its keys may have dots in them.
    pub(crate) fn row_at(&self, names: &[&str]) -> Option<&'static Field> {
        let mut path = String::new();
        let mut found = None;
        for name in names {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(name);
            let row = self.row(&path)?;
            if row.has(Rule::Map) {
                return Some(row);
            }
            found = Some(row);
        }
        found
    }

    /// What tells an item of a keyed list apart, as text: the fields of the key that the item has and that are not their
    /// default, so a port that is mapped for UDP is `53/udp`, and one for TCP is `53`.
    pub(crate) fn item_key(&self, list: &str, by: &[&str], item: &Value) -> String {
        let parts: Vec<String> = by
            .iter()
            .filter_map(|field| {
                let value = item.get(field).filter(|value| !value.is_null())?;
                let row = self.row(&format!("{list}.{field}"));
                (!row.is_some_and(|row| row.is_default(value))).then(|| plain(value))
            })
            .collect();
        parts.join("/")
    }
}

impl Field {
    /// A row.
    pub(crate) const fn new(path: &'static str, rules: &'static [Rule], source: &'static str) -> Self {
        Self { path, rules, source }
    }

    /// How the items of the list belong together; a list without a rule is ordered.
    pub(crate) fn list(&self) -> Rule {
        let list = |rule: &&Rule| matches!(rule, Rule::Set | Rule::Keyed(_));
        self.rules.iter().find(list).copied().unwrap_or(Rule::Ordered)
    }

    /// Whether a rule holds.
    pub(crate) fn has(&self, rule: Rule) -> bool {
        self.rules.contains(&rule)
    }

    /// Whether it is in both sides of a comparison of the content.
    pub fn is_compared(&self) -> bool {
        !self.has(Rule::ServerOnly) && !self.has(Rule::Apart)
    }

    /// What AWS fills in, where that is the same everywhere.
    pub(crate) fn filled_in(&self) -> Option<Value> {
        let depends = self.rules.iter().any(|rule| matches!(rule, Rule::Follows { .. }));
        self.rules.iter().filter(|_| !depends).find_map(|rule| match rule {
            Rule::Default(literal) => Some(literal.to_value()),
            _ => None,
        })
    }

    /// What a value means the same as leaving the field out, whatever else is in its object.
    pub(crate) fn is_default(&self, value: &Value) -> bool {
        self.rules.iter().any(|rule| match rule {
            Rule::Default(literal) => literal.is(value),
            Rule::Known(known) => value.as_str().is_none_or(|text| !known.contains(&text)),
            _ => false,
        })
    }

    /// The same for a value that stands in this object, below this root.
    pub(crate) fn is_default_in(
        &self,
        value: &Value,
        object: &Map<String, Value>,
        root: &Map<String, Value>,
    ) -> bool {
        self.is_default(value)
            || self.rules.iter().any(|rule| match rule {
                Rule::DefaultBeside { field, value: literal } => {
                    object.contains_key(*field) && literal.is(value)
                }
                Rule::Follows { field, root: place, among } => {
                    let mode = root.get(*place).and_then(Value::as_str);
                    object.get(*field) == Some(value) && mode.is_some_and(|mode| among.contains(&mode))
                }
                _ => false,
            })
    }

    /// How the values below may be shown.
    pub(crate) fn reveal(&self) -> Option<Reveal> {
        self.rules.iter().find_map(|rule| match rule {
            Rule::Confidential(reveal) => Some(*reveal),
            _ => None,
        })
    }
}

impl Literal {
    fn is(self, value: &Value) -> bool {
        match self {
            Self::Text(text) => value.as_str() == Some(text),
            Self::Number(number) => value.as_i64() == Some(number),
            Self::Flag(flag) => value.as_bool() == Some(flag),
            Self::Texts(texts) => value.as_array().is_some_and(|items| {
                items.len() == texts.len()
                    && items.iter().zip(texts).all(|(item, text)| item.as_str() == Some(text))
            }),
            Self::Json(_) => self.to_value() == *value,
        }
    }

    /// As JSON.
    pub fn to_value(self) -> Value {
        match self {
            Self::Text(text) => Value::from(text),
            Self::Number(number) => Value::from(number),
            Self::Flag(flag) => Value::from(flag),
            Self::Texts(texts) => Value::from(texts.to_vec()),
            Self::Json(text) => serde_json::from_str(text).unwrap_or_default(),
        }
    }
}

/// As in JSON.
impl fmt::Display for Literal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.to_value())
    }
}

/// A text without its quotes, everything else as JSON that does not depend on the order of keys.
pub(crate) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| super::canonical::canonical_json(value), str::to_owned)
}

#[cfg(test)]
mod tests;
