//! What came of a revert, part by part.

use std::collections::BTreeMap;
use std::fmt;

use crate::desired::ResourceKey;
use crate::edit::Reversal;
use crate::name::{CommitId, RelativePath, RevisionRef};

/// A part of what is taken back.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// A commit as a whole.
    Commit(CommitId),
    /// The document of a resource.
    Resource(ResourceKey),
    /// A task definition file.
    File(RelativePath),
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Commit(commit) => write!(formatter, "commit {commit:.8}"),
            Self::Resource(resource) => resource.fmt(formatter),
            Self::File(file) => file.fmt(formatter),
        }
    }
}

/// What was done with a part.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum PartChange {
    /// The commit was reverted as git does it.
    Whole,
    /// See [`Reversal`].
    Taken(Reversal),
    /// Its last good form took its place: taken back with later changes kept, it would not have been what was good.
    Restored,
    /// The document pins this revision now.
    Pinned(RevisionRef),
}

impl fmt::Display for PartChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => formatter.write_str("reverted as a whole"),
            Self::Taken(Reversal::AlreadyThere) => formatter.write_str("as it was already"),
            Self::Taken(Reversal::Merged) => formatter.write_str("taken back, later changes kept"),
            Self::Taken(Reversal::Replaced) => {
                formatter.write_str("REPLACED by its last good form: later changes are in conflict")
            }
            Self::Restored => formatter.write_str(
                "REPLACED by its last good form: with later changes kept, it would not be what was good",
            ),
            Self::Pinned(revision) => write!(formatter, "pinned to {revision}"),
        }
    }
}

/// What came of a revert. For the text of the pull request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Made {
    /// What was done, part by part, in order.
    pub parts: BTreeMap<Part, Vec<PartChange>>,
}

impl Made {
    /// Notes what was done with a part.
    pub fn note(&mut self, part: Part, change: PartChange) {
        let changes = self.parts.entry(part).or_default();
        if !changes.contains(&change) {
            changes.push(change);
        }
    }

    /// Whether it may be merged without a person: nothing was replaced, with what came later lost.
    pub fn may_merge_itself(&self) -> bool {
        let replaced = [PartChange::Taken(Reversal::Replaced), PartChange::Restored];
        self.parts.values().flatten().all(|change| !replaced.contains(change))
    }
}
