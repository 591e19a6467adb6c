//! The text of one file, to make findings that point into it.

use super::finding::{Finding, FindingCode, Location, Severity};
use super::node::Position;

/// The text of one file.
pub(super) struct Source<'a> {
    path: &'a str,
    lines: Vec<&'a str>,
}

/// A place together with its source line, for a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) location: Location,
    pub(super) snippet: Option<String>,
}

/// What is kept of a mark after the text is gone, of each of the fields of thousands of files; which file it is in is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    at: Position,
    snippet: Option<Box<str>>,
}

impl Place {
    /// The mark again, in the file of this path.
    pub(super) fn mark(&self, path: &str) -> Mark {
        let location = Location { path: path.to_owned(), line: self.at.line, column: self.at.column };
        Mark { location, snippet: self.snippet.as_deref().map(str::to_owned) }
    }
}

impl<'a> Source<'a> {
    pub(super) fn new(path: &'a str, text: &'a str) -> Self {
        Self { path, lines: text.lines().collect() }
    }

    pub(super) fn location(&self, at: Position) -> Location {
        Location { path: self.path.to_owned(), line: at.line, column: at.column }
    }

    pub(super) fn mark(&self, at: Position) -> Mark {
        Mark { location: self.location(at), snippet: self.snippet(at.line) }
    }

    /// The place, with its source line where that may be shown.
    pub(super) fn place(&self, at: Position, may_show: bool) -> Place {
        Place { at, snippet: self.snippet(at.line).filter(|_| may_show).map(Box::from) }
    }

    /// The source line, cut to what fits on a screen.
    pub(super) fn snippet(&self, line: usize) -> Option<String> {
        const MOST: usize = 160;
        let text = self.lines.get(line.checked_sub(1)?)?.trim_end();
        let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MOST).collect();
        (!clean.trim().is_empty()).then_some(clean)
    }

    /// The source line up to and with the name of a field: what follows may be anything.
    pub(super) fn snippet_of_key(&self, at: Position, key: &str) -> Option<String> {
        let line = self.snippet(at.line)?;
        let before = at.column.checked_sub(1)?;
        let rest: String = line.chars().skip(before).collect();
        let quote =
            rest.chars().next().filter(|c| *c == '"' || *c == '\'').map(String::from).unwrap_or_default();
        let written = format!("{quote}{key}{quote}");
        let kept = before + written.chars().count();
        rest.starts_with(&written).then(|| format!("{}: ...", line.chars().take(kept).collect::<String>()))
    }

    /// A finding with its source line.
    pub(super) fn finding(
        &self,
        at: Position,
        severity: Severity,
        code: FindingCode,
        message: impl Into<String>,
    ) -> Finding {
        self.mark(at).finding(severity, code, message)
    }
}

impl Mark {
    /// A finding at this place.
    pub(super) fn finding(
        &self,
        severity: Severity,
        code: FindingCode,
        message: impl Into<String>,
    ) -> Finding {
        Finding {
            location: self.location.clone(),
            severity,
            code,
            message: message.into(),
            hint: None,
            snippet: self.snippet.clone(),
            related: Vec::new(),
        }
    }
}
