//! A YAML or JSON value in which everything knows where it stands.

use std::collections::BTreeSet;

use serde_json::{Map, Number, Value};

/// A place in a text. Lines and columns count from 1, columns in characters; (0, 0) is "the file as a whole".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Position {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) at: Position,
    pub(super) tree: Tree,
}

/// What a value is. A scalar keeps its text, so that nothing is lost before the schema says what was meant.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Tree {
    /// Unquoted: its type follows from its text, by the YAML 1.2 core schema (of which JSON's literals are a part).
    Plain(String),
    /// Quoted, or a block scalar: always text.
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// One field of a mapping.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) at: Position,
    pub(super) value: Node,
}

/// A scalar with the type that its text has.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Scalar<'a> {
    Null,
    Bool(bool),
    Number(Number),
    Text(&'a str),
}

impl Node {
    /// The scalar, if it is one.
    pub(super) fn scalar(&self) -> Option<Scalar<'_>> {
        match &self.tree {
            Tree::Plain(text) => Some(resolve(text)),
            Tree::Text(text) => Some(Scalar::Text(text)),
            Tree::List(_) | Tree::Map(_) => None,
        }
    }

    /// The text, if it is text.
    pub(super) fn text(&self) -> Option<&str> {
        match self.scalar() {
            Some(Scalar::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The number, if it is a whole one that is not negative.
    pub(super) fn whole(&self) -> Option<u64> {
        match self.scalar() {
            Some(Scalar::Number(number)) => number.as_u64(),
            _ => None,
        }
    }

    /// Whether nothing is there (`key:` without a value, `null`, `~`).
    pub(super) fn is_null(&self) -> bool {
        self.scalar() == Some(Scalar::Null)
    }

    /// The fields, if it is a mapping.
    pub(super) fn entries(&self) -> &[Entry] {
        match &self.tree {
            Tree::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The elements, if it is a list.
    pub(super) fn items(&self) -> &[Self] {
        match &self.tree {
            Tree::List(items) => items,
            _ => &[],
        }
    }

    /// The field of that name, if it is a mapping that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// The lines that hold a part of a field of one of these names, wherever it stands.
    pub(super) fn lines_of(&self, wanted: &impl Fn(&str) -> bool) -> BTreeSet<usize> {
        fn walk(node: &Node, inside: bool, wanted: &impl Fn(&str) -> bool, lines: &mut BTreeSet<usize>) {
            if inside {
                lines.insert(node.at.line);
            }
            for item in node.items() {
                walk(item, inside, wanted, lines);
            }
            for entry in node.entries() {
                let inside = inside || wanted(&entry.key);
                if inside {
                    lines.insert(entry.at.line);
                }
                walk(&entry.value, inside, wanted, lines);
            }
        }
        let mut lines = BTreeSet::new();
        walk(self, false, wanted, &mut lines);
        lines
    }

    /// What it is, in words, for messages.
    pub(super) fn type_name(&self) -> &'static str {
        match (&self.tree, self.scalar()) {
            (Tree::List(_), _) => "a list",
            (Tree::Map(_), _) => "a mapping",
            (_, Some(Scalar::Null)) => "nothing",
            (_, Some(Scalar::Bool(_))) => "true or false",
            (_, Some(Scalar::Number(number))) if number.is_f64() => "a fraction",
            (_, Some(Scalar::Number(_))) => "a number",
            (_, _) => "text",
        }
    }

    /// Without the positions. Of a key that stands twice, the last one wins.
    pub(super) fn to_value(&self) -> Value {
        match &self.tree {
            Tree::List(items) => Value::Array(items.iter().map(Self::to_value).collect()),
            Tree::Map(entries) => {
                let mut map = Map::new();
                for entry in entries {
                    map.insert(entry.key.clone(), entry.value.to_value());
                }
                Value::Object(map)
            }
            Tree::Text(text) => Value::String(text.clone()),
            Tree::Plain(text) => match resolve(text) {
                Scalar::Null => Value::Null,
                Scalar::Bool(flag) => Value::Bool(flag),
                Scalar::Number(number) => Value::Number(number),
                Scalar::Text(text) => Value::String(text.to_owned()),
            },
        }
    }
}

/// The type of an unquoted scalar, by the core schema of YAML 1.2 (section 10.3.2). Numbers that neither 64 bits nor a
/// finite fraction can hold are text, as are `.inf` and `.nan`: no field takes them.
fn resolve(text: &str) -> Scalar<'_> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "true" | "True" | "TRUE" => return Scalar::Bool(true),
        "false" | "False" | "FALSE" => return Scalar::Bool(false),
        _ => {}
    }
    let starts_as_number = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'));
    if !starts_as_number {
        return Scalar::Text(text);
    }
    number(text).map_or(Scalar::Text(text), Scalar::Number)
}

fn number(text: &str) -> Option<Number> {
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            let well_formed = !digits.starts_with('+');
            return u64::from_str_radix(digits, radix).ok().filter(|_| well_formed).map(Number::from);
        }
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !unsigned.is_empty() && unsigned.chars().all(|c| c.is_ascii_digit()) {
        let value = text.strip_prefix('+').unwrap_or(text);
        return value
            .parse::<u64>()
            .map(Number::from)
            .or_else(|_| value.parse::<i64>().map(Number::from))
            .ok()
            .or_else(|| value.parse::<f64>().ok().and_then(Number::from_f64));
    }
    let digits = |part: &str| part.chars().all(|c| c.is_ascii_digit());
    let (mantissa, exponent) =
        unsigned.split_once(['e', 'E']).map_or((unsigned, None), |(m, e)| (m, Some(e)));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let has_digits = !whole.is_empty() || !fraction.is_empty();
    let exponent_fits = exponent.is_none_or(|e| {
        let e = e.strip_prefix(['+', '-']).unwrap_or(e);
        !e.is_empty() && digits(e)
    });
    if has_digits && digits(whole) && digits(fraction) && exponent_fits {
        return text.parse::<f64>().ok().and_then(Number::from_f64);
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn plain(text: &str) -> Value {
        Node { at: Position::default(), tree: Tree::Plain(text.to_owned()) }.to_value()
    }

    #[test]
    fn an_unquoted_scalar_has_the_type_that_yaml_1_2_gives_it() {
        let table = [
            ("", json!(null)),
            ("~", json!(null)),
            ("NULL", json!(null)),
            ("true", json!(true)),
            ("False", json!(false)),
            ("yes", json!("yes")),
            ("off", json!("off")),
            ("0", json!(0)),
            ("-0", json!(0)),
            ("+12", json!(12)),
            ("-7", json!(-7)),
            ("007", json!(7)),
            ("0o17", json!(15)),
            ("0xFF", json!(255)),
            ("0x+F", json!("0x+F")),
            ("18446744073709551615", json!(18_446_744_073_709_551_615_u64)),
            ("1.5", json!(1.5)),
            (".5", json!(0.5)),
            ("1.", json!(1.0)),
            ("1e3", json!(1000.0)),
            ("1e", json!("1e")),
            ("1e999", json!("1e999")),
            (".", json!(".")),
            ("-", json!("-")),
            (".inf", json!(".inf")),
            (".nan", json!(".nan")),
            ("1_000", json!("1_000")),
            ("12:30", json!("12:30")),
            ("2026-11-21", json!("2026-11-21")),
            ("1.2.3", json!("1.2.3")),
        ];
        for (text, expected) in table {
            assert_eq!(plain(text), expected, "{text}");
        }
    }
}
