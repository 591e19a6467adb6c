//! Values as YAML.

use super::patch::Scalar;

/// Words that some YAML parsers take for true, false or nothing.
const WORDS: [&str; 10] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan"];

/// How a text was quoted, which its replacement keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quotes {
    AsNeeded,
    Single,
    Double,
}

/// A value on one line.
pub(super) fn scalar(value: &Scalar, quotes: Quotes) -> String {
    match value {
        Scalar::Number(number) => number.to_string(),
        Scalar::Bool(flag) => flag.to_string(),
        Scalar::Text(text) => match quotes {
            Quotes::AsNeeded if is_plain(text) => text.clone(),
            Quotes::Single if !text.chars().any(char::is_control) => {
                format!("'{}'", text.replace('\'', "''"))
            }
            _ => double_quoted(text),
        },
    }
}

/// The name of a field.
pub(super) fn key(name: &str) -> String {
    scalar(&Scalar::Text(name.to_owned()), Quotes::AsNeeded)
}

/// Whether the text means itself without quotes, to every parser, in a block and between braces.
fn is_plain(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || "-_./:@+".contains(c);
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && !text.ends_with(':')
        && text.chars().all(word)
        && !WORDS.contains(&text.to_ascii_lowercase().as_str())
}

/// A JSON string is a YAML string as well, but for characters that YAML wants escaped and JSON does not.
fn double_quoted(text: &str) -> String {
    let json = serde_json::Value::from(text).to_string();
    let mut quoted = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_control()
            || matches!(character, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
        {
            quoted.extend(["\\u", &format!("{:04x}", u32::from(character))]);
        } else {
            quoted.push(character);
        }
    }
    quoted
}
