//! Manifests as text that a person would have written: fields in order, comments beside what they explain.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// Comments are wrapped so that no line is longer.
const WIDTH: usize = 110;

/// Words that some YAML reader takes for something else than text.
const NOT_TEXT: [&str; 13] =
    ["~", "n", "no", "nan", "null", "off", "on", "true", "false", "y", "yes", ".inf", ".nan"];

/// One YAML document that grows line by line.
#[derive(Debug, Default)]
pub(super) struct Yaml {
    text: String,
    depth: usize,
}

impl Yaml {
    /// A comment, in as many lines as it needs.
    pub(super) fn comment(&mut self, comment: &str) {
        let mut line = String::new();
        let most = WIDTH - 2 * self.depth - 2;
        for word in comment.split_whitespace() {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > most {
                self.line(&format!("# {line}"));
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        self.line(&format!("# {line}"));
    }

    /// A field whose value is text.
    pub(super) fn text(&mut self, field: &str, value: &str) {
        self.line(&format!("{field}: {}", scalar(value)));
    }

    /// A field whose value is a whole number.
    pub(super) fn number(&mut self, field: &str, value: u64) {
        self.line(&format!("{field}: {value}"));
    }

    /// A field whose value is a list of texts.
    pub(super) fn list<'a>(&mut self, field: &str, items: impl Iterator<Item = &'a str>) {
        self.map(field, |yaml| items.for_each(|item| yaml.line(&format!("- {}", scalar(item)))));
    }

    /// A field whose value is a mapping.
    pub(super) fn map(&mut self, field: &str, inner: impl FnOnce(&mut Self)) {
        self.line(&format!("{field}:"));
        self.depth += 1;
        inner(self);
        self.depth -= 1;
    }

    /// A field with any value. `order` puts the fields of an object in order; it is given the path of the object, which
    /// begins with `field` and in which lists do not count.
    pub(super) fn value(&mut self, field: &str, value: &Value, order: Order) {
        self.entry("", field, field, value, order);
    }

    /// `lead` stands before the field: nothing, or the dash of a list item.
    fn entry(&mut self, lead: &str, field: &str, path: &str, value: &Value, order: Order) {
        let name = scalar(field);
        match value {
            Value::Object(fields) if !fields.is_empty() => {
                self.line(&format!("{lead}{name}:"));
                self.indented(lead, |yaml| yaml.fields("", path, fields, order));
            }
            Value::Array(items) if !items.is_empty() => {
                self.line(&format!("{lead}{name}:"));
                self.indented(lead, |yaml| items.iter().for_each(|item| yaml.item(path, item, order)));
            }
            other => self.line(&format!("{lead}{name}: {}", short(other))),
        }
    }

    fn fields(&mut self, lead: &str, path: &str, fields: &Map<String, Value>, order: Order) {
        let mut lead = lead;
        for (field, value) in order(path, fields) {
            self.entry(lead, field, &format!("{path}.{field}"), value, order);
            lead = if lead.is_empty() { "" } else { "  " };
        }
    }

    fn item(&mut self, path: &str, item: &Value, order: Order) {
        match item {
            Value::Object(fields) if !fields.is_empty() => self.fields("- ", path, fields, order),
            // A list in a list, which only a free document has, is written as JSON: that is YAML as well.
            leaf => self.line(&format!("- {}", short(leaf))),
        }
    }

    /// Deeper by one, and by the dash of the item that `lead` is.
    fn indented(&mut self, lead: &str, inner: impl FnOnce(&mut Self)) {
        let deeper = if lead.is_empty() { 1 } else { 2 };
        self.depth += deeper;
        inner(self);
        self.depth -= deeper;
    }

    /// The whole document.
    pub(super) fn finish(self) -> String {
        self.text
    }

    fn line(&mut self, line: &str) {
        let _ = writeln!(self.text, "{:indent$}{line}", "", indent = 2 * self.depth);
    }
}

/// The fields of an object at a path, in the order in which they are to stand.
pub(super) type Order = for<'v> fn(&str, &'v Map<String, Value>) -> Vec<(&'v String, &'v Value)>;

/// A value on one line.
fn short(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), scalar)
}

/// Text as a YAML scalar: plain where every reader takes it for text, else quoted as in JSON, which YAML reads as well.
fn scalar(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && !text.ends_with(':')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_/.:=+@-".contains(c))
        && !NOT_TEXT.contains(&text.to_ascii_lowercase().as_str());
    if plain { text.to_owned() } else { Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text_for_every_reader() {
        let written = |text| scalar(text);
        for plain in ["web", "web:41", "/prod/mcp/db", "eu-central-1", "arn:aws:iam::1:role/x"] {
            assert_eq!(written(plain), plain);
        }
        for quoted in
            ["111122223333", "5f0c9a52", "no", "Null", "on", "a: b", "a:", "", "-a", "a #b", "1e3", "ä"]
        {
            assert_eq!(written(quoted), format!("\"{quoted}\""));
            let read: String = serde_saphyr::from_str(&written(quoted)).unwrap();
            assert_eq!(read, quoted);
        }
        assert_eq!(written("a\"b\n"), r#""a\"b\n""#);
    }

    #[test]
    fn a_document_reads_as_if_a_person_had_written_it() {
        let mut yaml = Yaml::default();
        yaml.text("kind", "EcsService");
        yaml.map("spec", |spec| {
            spec.comment(&"word ".repeat(24));
            spec.number("desiredCount", 0);
            spec.list("secrets", ["db", "1"].into_iter());
        });
        let text = format!(
            "kind: EcsService\nspec:\n  # {}word\n  # word word word\n  desiredCount: 0\n  secrets:\n    - db\n    - \"1\"\n",
            "word ".repeat(20)
        );
        assert_eq!(yaml.finish(), text);
    }

    #[test]
    fn any_value_is_read_as_it_was() {
        let value = serde_json::json!({
            "weight": 2.5, "flag": true, "nothing": null, "none": [], "empty": {}, "no": "yes", "text": "a: b",
            "items": [{"name": "x", "inner": {"deep": [1, "2"]}, "list": [{"a": 1}, {"b": {"c": null}}]}, [1, ["a"]], "plain"],
        });
        let mut yaml = Yaml::default();
        yaml.map("spec", |spec| spec.value("settings", &value, |_, fields| fields.iter().rev().collect()));
        let text = yaml.finish();
        let read: Value = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(read, serde_json::json!({"spec": {"settings": value}}), "{text}");
        let items = [
            "    items:",
            "      - name: x",
            "        list:",
            "          - a: 1",
            "          - b:",
            "              c: null",
            "        inner:",
            "          deep:",
            "            - 1",
            "            - \"2\"",
            "      - [1,[\"a\"]]",
            "      - plain",
        ];
        assert!(text.contains(&items.join("\n")), "{text}");
    }
}
