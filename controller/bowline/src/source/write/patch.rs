//! What a commit changes, as text.

use bowline_core::name::CommitId;
use git2::{DiffFormat, Error, Repository};

use crate::source::history::find;

/// The unified diff from one commit to another.
pub(super) fn text(repository: &Repository, from: &CommitId, to: &CommitId) -> Result<String, Error> {
    let (from, to) = (find(repository, from)?.tree()?, find(repository, to)?.tree()?);
    let diff = repository.diff_tree_to_tree(Some(&from), Some(&to), None)?;
    let mut text = String::new();
    diff.print(DiffFormat::Patch, |_, _, line| {
        if matches!(line.origin(), '+' | '-' | ' ') {
            text.push(line.origin());
        }
        text.push_str(&String::from_utf8_lossy(line.content()));
        true
    })?;
    Ok(text)
}
