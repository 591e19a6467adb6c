//! JSON text in, a [`Node`] with positions out.
//!
//! serde_json decides whether the text is JSON; only then are the positions taken in a second walk over the same text,
//! which may therefore rely on it being well-formed.

use super::node::{Entry, Node, Position, Tree};
use super::yaml::SyntaxError;

/// Reads one JSON value.
pub(super) fn read(text: &str) -> Result<Node, SyntaxError> {
    // A `Value` is nested at most 128 deep (`IgnoredAny` has no limit), so the recursive walk below ends.
    if let Err(error) = serde_json::from_str::<serde_json::Value>(text) {
        return Err(syntax_error(text, &error));
    }
    let mut walker = Walker { text, offset: 0, line: 1, line_start: 0 };
    walker.value().ok_or_else(|| SyntaxError {
        at: walker.position(),
        message: "this is not JSON".to_owned(),
        hint: None,
    })
}

/// serde_json's message without its own position, which counts columns in bytes.
fn syntax_error(text: &str, error: &serde_json::Error) -> SyntaxError {
    let full = error.to_string();
    let message = full.rsplit_once(" at line ").map_or(full.as_str(), |(message, _)| message);
    let line = text.lines().nth(error.line().saturating_sub(1)).unwrap_or_default();
    let column = line.char_indices().take_while(|(at, _)| *at < error.column()).count();
    SyntaxError {
        at: Position { line: error.line(), column: column.max(1) },
        message: format!("this is not JSON: {message}"),
        hint: None,
    }
}

struct Walker<'a> {
    text: &'a str,
    offset: usize,
    line: usize,
    line_start: usize,
}

impl<'a> Walker<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.offset).copied()
    }

    fn position(&self) -> Position {
        let before = self.text.get(self.line_start..self.offset).unwrap_or_default();
        Position { line: self.line, column: before.chars().count() + 1 }
    }

    fn skip_space(&mut self) {
        while let Some(byte) = self.peek().filter(u8::is_ascii_whitespace) {
            self.offset += 1;
            if byte == b'\n' {
                self.line += 1;
                self.line_start = self.offset;
            }
        }
    }

    /// Takes the byte if it is next, and says whether it was.
    fn accept(&mut self, byte: u8) -> bool {
        self.skip_space();
        let found = self.peek() == Some(byte);
        self.offset += usize::from(found);
        found
    }

    fn value(&mut self) -> Option<Node> {
        self.skip_space();
        let at = self.position();
        let tree = match self.peek()? {
            b'{' => self.map()?,
            b'[' => self.list()?,
            b'"' => Tree::Text(self.string()?),
            _ => Tree::Plain(self.literal().to_owned()),
        };
        Some(Node { at, tree })
    }

    fn map(&mut self) -> Option<Tree> {
        self.accept(b'{');
        let mut entries = Vec::new();
        while !self.accept(b'}') {
            self.accept(b',');
            self.skip_space();
            let at = self.position();
            let key = self.string()?;
            self.accept(b':');
            entries.push(Entry { key, at, value: self.value()? });
        }
        Some(Tree::Map(entries))
    }

    fn list(&mut self) -> Option<Tree> {
        self.accept(b'[');
        let mut items = Vec::new();
        while !self.accept(b']') {
            self.accept(b',');
            items.push(self.value()?);
        }
        Some(Tree::List(items))
    }

    fn string(&mut self) -> Option<String> {
        let start = self.offset;
        self.offset += 1;
        loop {
            match self.peek()? {
                b'\\' => self.offset += 2,
                b'"' => break,
                _ => self.offset += 1,
            }
        }
        self.offset += 1;
        serde_json::from_str(self.text.get(start..self.offset)?).ok()
    }

    fn literal(&mut self) -> &'a str {
        let start = self.offset;
        while self.peek().is_some_and(|byte| !byte.is_ascii_whitespace() && !b",]}".contains(&byte)) {
            self.offset += 1;
        }
        self.text.get(start..self.offset).unwrap_or_default()
    }
}
