//! Finds four top-level fields of a JSON document that arrives in pieces. Keeps nothing else of it, ever.
//!
//! A serde reader would need the whole body, or a blocking one; a state can be hundreds of megabytes, and Terraform
//! writes these four fields first.

/// The longest text that a wanted field may have; a longer one is not what Terraform writes.
const LONGEST: usize = 256;

/// The fields of a state that Bowline reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) serial: u64,
    pub(super) lineage: String,
    pub(super) terraform_version: Option<String>,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scan {
    /// Feed the next piece.
    More,
    /// Everything is known.
    Done,
    /// It does not begin as a JSON object.
    NotJson,
}

/// Reads a JSON document piece by piece.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    /// How many objects and lists are open.
    depth: usize,
    /// Where the next character stands.
    place: Place,
    /// At depth 1: the name before the colon has been read.
    value: bool,
    /// The closing brace was seen.
    ended: bool,
    /// The name of the top-level field.
    name: Vec<u8>,
    /// The text of its value, if it is a wanted one.
    text: Vec<u8>,
    found: Found,
}

/// Where a character stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    /// Outside of strings.
    #[default]
    Plain,
    /// Inside a string.
    String,
    /// Inside a string, after a backslash.
    Escaped,
}

#[derive(Debug, Default)]
struct Found {
    version: Option<String>,
    serial: Option<String>,
    lineage: Option<String>,
    terraform_version: Option<String>,
    encrypted: bool,
}

impl Scanner {
    /// Takes the next piece.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Scan {
        for &byte in bytes {
            if self.depth == 0 && !self.ended && !byte.is_ascii_whitespace() && byte != b'{' {
                return Scan::NotJson;
            }
            match self.place {
                Place::Plain => self.outside_string(byte),
                Place::String | Place::Escaped => self.inside_string(byte),
            }
            if self.ended || self.found.is_enough() {
                return Scan::Done;
            }
        }
        Scan::More
    }

    /// What was found; the error says why it cannot be used.
    pub(super) fn finish(self) -> Result<Header, &'static str> {
        let found = self.found;
        if found.encrypted {
            return Err("the state is encrypted by OpenTofu: its serial and lineage cannot be read");
        }
        match found.version.as_deref() {
            Some("4") => {}
            Some(_) => return Err("the state's format version is not 4"),
            None if self.ended => return Err("the document has no `version`: it is not a Terraform state"),
            None => return Err("the document ends before its `version`"),
        }
        let serial = found.serial.and_then(|text| text.parse().ok()).ok_or("the state has no `serial`")?;
        let lineage = found.lineage.filter(|text| !text.is_empty()).ok_or("the state has no `lineage`")?;
        if found.terraform_version.is_none() && !self.ended {
            return Err("the document is cut off");
        }
        Ok(Header { serial, lineage, terraform_version: found.terraform_version })
    }

    fn inside_string(&mut self, byte: u8) {
        match (self.place, byte) {
            (Place::String, b'"') => self.place = Place::Plain,
            (Place::String, b'\\') => self.place = Place::Escaped,
            _ => {
                self.place = Place::String;
                self.keep(byte);
            }
        }
    }

    fn outside_string(&mut self, byte: u8) {
        match byte {
            b'"' => {
                self.place = Place::String;
                if self.depth == 1 && !self.value {
                    self.name.clear();
                }
            }
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 {
                    self.field_ends();
                    self.ended = true;
                }
            }
            b':' if self.depth == 1 => {
                self.value = true;
                self.text.clear();
            }
            b',' if self.depth == 1 => self.field_ends(),
            other if other.is_ascii_whitespace() => {}
            other => self.keep(other),
        }
    }

    /// Keeps a character of a top-level name, or of the value of a wanted field.
    fn keep(&mut self, byte: u8) {
        if self.depth != 1 {
            return;
        }
        let wanted = !self.value
            || matches!(self.name.as_slice(), b"version" | b"serial" | b"lineage" | b"terraform_version");
        let into = if self.value { &mut self.text } else { &mut self.name };
        if wanted && into.len() < LONGEST {
            into.push(byte);
        }
    }

    fn field_ends(&mut self) {
        let text = String::from_utf8_lossy(&self.text).into_owned();
        match self.name.as_slice() {
            b"version" => self.found.version = Some(text),
            b"serial" => self.found.serial = Some(text),
            b"lineage" => self.found.lineage = Some(text),
            b"terraform_version" => self.found.terraform_version = Some(text),
            b"encrypted_data" | b"encryption_version" => self.found.encrypted = true,
            _ => {}
        }
        self.value = false;
        self.name.clear();
        self.text.clear();
    }
}

impl Found {
    fn is_enough(&self) -> bool {
        self.encrypted
            || self.version.as_deref().is_some_and(|version| version != "4")
            || (self.version.is_some()
                && self.serial.is_some()
                && self.lineage.is_some()
                && self.terraform_version.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINEAGE: &str = "3f5b8b9e-0000-4000-8000-000000000001";

    fn scan(text: &str, piece: usize) -> Result<Header, &'static str> {
        let mut scanner = Scanner::default();
        for bytes in text.as_bytes().chunks(piece) {
            match scanner.feed(bytes) {
                Scan::More => {}
                Scan::Done => break,
                Scan::NotJson => return Err("not JSON"),
            }
        }
        scanner.finish()
    }

    fn header(version: Option<&str>) -> Header {
        let terraform_version = version.map(str::to_owned);
        Header { serial: 42, lineage: LINEAGE.to_owned(), terraform_version }
    }

    #[test]
    fn reads_the_first_fields_in_pieces_of_any_size() {
        let text = format!(
            "{{\n  \"version\": 4,\n  \"terraform_version\": \"1.11.4\",\n  \"serial\": 42,\n  \"lineage\": \"{LINEAGE}\",\n  \"outputs\": {{"
        );
        for piece in 1..text.len() {
            assert_eq!(scan(&text, piece), Ok(header(Some("1.11.4"))), "pieces of {piece}");
        }
    }

    #[test]
    fn finds_them_in_any_order_and_never_inside_other_values() {
        let text = format!(
            r#"{{"outputs":{{"serial":{{"value":7}},"a":"\"lineage\": \"x\\"}},"resources":[{{"version":9,"lineage":"no"}}],
               "lineage":"{LINEAGE}","check_results":null,"serial":42,"version":4}}"#
        );
        for piece in [1, 2, 3, 7, 4096] {
            assert_eq!(scan(&text, piece), Ok(header(None)), "pieces of {piece}");
        }
    }

    #[test]
    fn says_what_is_wrong() {
        let cases = [
            ("<Error/>", "not JSON"),
            ("[1]", "not JSON"),
            ("{}", "the document has no `version`: it is not a Terraform state"),
            ("", "the document ends before its `version`"),
            (r#"{"version": 3, "serial": 1"#, "the state's format version is not 4"),
            (r#"{"version": 4, "serial": 1, "lineage": "x""#, "the state has no `lineage`"),
            (r#"{"version": 4, "serial": 1, "lineage": "x", "out"#, "the document is cut off"),
            (
                r#"{"version": 4, "serial": -1, "lineage": "x", "terraform_version": "1"}"#,
                "the state has no `serial`",
            ),
            (
                r#"{"meta":{"key_provider.pbkdf2":"e30="},"encrypted_data":"abc","encryption_version":"v0"}"#,
                "the state is encrypted by OpenTofu: its serial and lineage cannot be read",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(scan(text, 5), Err(expected), "{text}");
        }
    }
}
