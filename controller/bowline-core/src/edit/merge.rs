//! One document taken back to an earlier form, with what came later kept.

use std::ops::Range;

use serde_json::Value;

use super::patch::{after_line, line_end, start_of_line};
use super::slice::lead;
use super::tree::{self, Shape};
use super::{EditError, document, replaced};
use crate::desired::{ResourceKey, document_value};
use crate::name::RelativePath;

/// How a document got its earlier form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reversal {
    /// It has it already: nothing is to be done.
    AlreadyThere,
    /// What one commit changed in it was taken back, and what came later was kept.
    Merged,
    /// What came later is in conflict with that: its `spec` was replaced by the good one. A person has to look at it.
    Replaced,
}

/// A file in which one document was taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenBack {
    /// The file's new text.
    pub text: String,
    /// How it came about.
    pub reversal: Reversal,
}

/// Takes back, in the file `text`, what changed the document of `resource` from the text `good` to the text `bad`.
///
/// `merge` merges the lines of three texts (the bad one as the common ancestor, the present one, the good one) and answers
/// nothing on a conflict. On a conflict, and where the lines merged do not make a document without errors, `spec` is
/// replaced by that of `last_good`, which is `good` unless several changes are taken back.
pub fn take_back(
    path: &RelativePath,
    text: &str,
    resource: &ResourceKey,
    bad: &str,
    good: &str,
    last_good: &str,
    merge: impl FnOnce(&str, &str, &str) -> Option<String>,
) -> Result<TakenBack, EditError> {
    let (before, ours) = lead(document(path, text, resource)?);
    let [bad, good, last_good] = [bad, good, last_good].map(|text| lead(text).1);
    let unchanged = || Ok(TakenBack { text: text.to_owned(), reversal: Reversal::AlreadyThere });
    if ours == good || bad == good {
        return unchanged();
    }
    if let Some(merged) = merge(bad, ours, good)
        && let Ok(text) = replaced(path, text, resource, &format!("{before}{merged}"), None)
    {
        let reversal = if merged == ours { Reversal::AlreadyThere } else { Reversal::Merged };
        return Ok(TakenBack { text, reversal });
    }
    let meant = spec(last_good);
    if spec(ours) == meant {
        return unchanged();
    }
    let content = with_spec(ours, last_good);
    // An anchor elsewhere in the document may give the same lines another meaning.
    let content = if spec(&content) == meant { content } else { last_good.to_owned() };
    let text = replaced(path, text, resource, &format!("{before}{content}"), None)?;
    Ok(TakenBack { text, reversal: Reversal::Replaced })
}

fn spec(text: &str) -> Option<Value> {
    document_value(text).and_then(|mut value| value.get_mut("spec").map(Value::take))
}

/// The document `ours` with the lines of `spec` from `good`; all of `good` where the two are not written alike.
fn with_spec(ours: &str, good: &str) -> String {
    match (spec_lines(ours), spec_lines(good)) {
        (Some(here), Some(there)) => {
            let newline = if good[..there.end].ends_with('\n') { "" } else { line_end(ours) };
            [&ours[..here.start], &good[there], newline, &ours[here.end..]].concat()
        }
        _ => good.to_owned(),
    }
}

/// The lines of `spec`, where the fields of the document begin lines of their own. Indented comments below its last value are
/// among them: left behind, they could become text of a block that ends the other `spec`.
fn spec_lines(text: &str) -> Option<Range<usize>> {
    let root = tree::read(text)?;
    let Shape::Map(map) = &root.shape else { return None };
    let field = map.fields.get(map.position("spec")?)?;
    let start = field.key.start;
    let own_line = start_of_line(text, start) == start && !map.flow;
    own_line.then(|| start..after_comments(text, after_line(text, field.end(text))))
}

/// The start of the line behind the last indented comment that follows from `at` on, the start of a line; blank lines may
/// stand before it.
fn after_comments(text: &str, at: usize) -> usize {
    let mut end = at;
    let mut reached = at;
    for line in text[at..].split_inclusive('\n') {
        reached += line.len();
        let content = line.trim_start_matches([' ', '\t']);
        if content.starts_with('#') && content.len() < line.len() {
            end = reached;
        } else if !content.trim().is_empty() {
            break;
        }
    }
    end
}
