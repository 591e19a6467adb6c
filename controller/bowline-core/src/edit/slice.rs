//! Where the documents of a file are.
//!
//! In YAML a line that begins with `---` or `...` ends a document wherever it stands, also in a block of text. So documents
//! are found by their lines, and what the parser finds in the whole file is held against it.

use std::ops::Range;

use super::EditError;
use crate::desired::{ResourceKey, Severity, parse_manifest};
use crate::name::RelativePath;

/// One document, or what stands before the first and between two of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slice {
    /// The bytes between two markers, with comments and blank lines.
    pub(super) content: Range<usize>,
    /// The resource that it declares, if it is one of Bowline's and its kind and name can be read.
    pub(super) resource: Option<ResourceKey>,
    /// How many errors it has.
    pub(super) errors: usize,
}

/// The documents of a file, in order.
pub(super) fn read(path: &RelativePath, text: &str) -> Result<Vec<Slice>, EditError> {
    let slices: Vec<Slice> = ranges(text).into_iter().map(|content| slice(path, text, content)).collect();
    let whole = parse_manifest(path, text.as_bytes());
    let found = slices.iter().filter_map(|slice| slice.resource.as_ref());
    let known = whole.documents.iter().filter_map(|document| document.key.as_ref());
    if !found.eq(known) {
        let problem = "its documents cannot be told apart".to_owned();
        return Err(EditError::Unreadable { path: path.clone(), problem });
    }
    Ok(slices)
}

/// The one document of a resource.
pub(super) fn locate<'a>(
    path: &RelativePath,
    slices: &'a [Slice],
    resource: &ResourceKey,
) -> Result<&'a Slice, EditError> {
    let mut found = slices.iter().filter(|slice| slice.resource.as_ref() == Some(resource));
    match (found.next(), found.count()) {
        (Some(one), 0) => Ok(one),
        (first, more) => Err(EditError::NotOne {
            path: path.clone(),
            resource: resource.clone(),
            count: usize::from(first.is_some()) + more,
        }),
    }
}

/// The text of a resource's document: from the marker before it to the one after it, without both.
pub fn document<'a>(
    path: &RelativePath,
    text: &'a str,
    resource: &ResourceKey,
) -> Result<&'a str, EditError> {
    let slices = read(path, text)?;
    Ok(&text[locate(path, &slices, resource)?.content.clone()])
}

/// What stands before the first line of a document (a byte order mark, the rest of the marker's line where it is empty or a
/// comment), and the document.
pub(super) fn lead(content: &str) -> (&str, &str) {
    let body = content.strip_prefix('\u{feff}').unwrap_or(content);
    let rest = body.trim_start_matches([' ', '\t']);
    // Behind a marker a comment follows a space.
    let is_comment = rest.starts_with('#') && rest.len() < body.len();
    let line = if is_comment { rest.trim_start_matches(|c| c != '\n' && c != '\r') } else { rest };
    let body = line.strip_prefix("\r\n").or_else(|| line.strip_prefix('\n')).unwrap_or(body);
    content.split_at(content.len() - body.len())
}

fn slice(path: &RelativePath, text: &str, content: Range<usize>) -> Slice {
    let parsed = parse_manifest(path, text[content.clone()].as_bytes());
    let resource = parsed.documents.first().and_then(|document| document.key.clone());
    let errors = parsed.findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    Slice { content, resource, errors }
}

/// The bytes between the markers.
fn ranges(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut line = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    while let Some(rest) = text.get(line..).filter(|rest| !rest.is_empty()) {
        if is_marker(rest) {
            found.push(start..line);
            start = line + 3;
        }
        // A line may also end in a carriage return alone.
        line = rest.find(['\n', '\r']).map_or(text.len(), |end| line + end + 1);
    }
    found.push(start..text.len());
    found
}

fn is_marker(line: &str) -> bool {
    let rest = line.strip_prefix("---").or_else(|| line.strip_prefix("..."));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}
