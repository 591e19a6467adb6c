//! May an open pull request be merged, and how?

use serde::{Deserialize, Serialize};

use super::{Mergeability, Pull, PullState};
use crate::name::CommitId;

/// A way of merging.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MergeMethod {
    /// A merge commit, which keeps the pushed commit as it is, signature included.
    Merge,
    /// One new commit with the same content.
    Squash,
    /// The commits anew, on top of the base.
    Rebase,
}

/// What can be done so that a pull request gets merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merging {
    /// Merge it, if its head is still what was looked at.
    Merge,
    /// Let the server merge it once the rules of the branch allow.
    EnableAutoMerge,
    /// Let the server merge its base into its branch.
    Update,
    /// The server merges it once the rules of the branch allow.
    ByItself,
    /// The server has not found out yet whether it can be merged.
    Soon,
    /// It was merged.
    Done,
    /// It is in conflict with its base.
    Conflict,
    /// Nothing without a person, and why, as a sentence.
    Person(String),
}

/// What can be done so that `pull` gets merged into `base`; none where nobody remembers what it was for. Into another branch it
/// is a person's to merge. Only `expected` may be at its head: what somebody else pushed is theirs to merge. `merges_itself` says whether its content may be merged without a person.
pub fn merging(pull: &Pull, base: Option<&str>, expected: &CommitId, merges_itself: bool) -> Merging {
    let (mergeability, auto_merge) = match pull.state {
        PullState::Merged => return Merging::Done,
        PullState::Closed => return Merging::Person("somebody closed it".to_owned()),
        PullState::Open { mergeability, auto_merge } => (mergeability, auto_merge),
    };
    let url = &pull.url;
    if let Some(base) = base.filter(|base| **base != *pull.base) {
        let other = &pull.base;
        return Merging::Person(format!(
            "somebody turned it to the branch {other}, and what failed is on {base}: turn it back at {url}, or merge or close it"
        ));
    }
    if !merges_itself {
        return Merging::Person(format!(
            "a person has to read it at {url} and merge or close it: a document was replaced by an earlier form, since later changes \
             are in conflict, or a secret's version does not go back with git, or the commit to go back to was named by hand"
        ));
    }
    if pull.head != *expected {
        let (head, branch) = (&pull.head, &pull.branch);
        return Merging::Person(format!(
            "somebody pushed {head:.8} to the branch {branch}: a person has to read it at {url} and merge or close it"
        ));
    }
    match mergeability {
        // Also where the server is to merge it by itself: it would wait for ever.
        Mergeability::Behind => Merging::Update,
        Mergeability::Conflict => Merging::Conflict,
        _ if auto_merge => Merging::ByItself,
        Mergeability::Ready => Merging::Merge,
        Mergeability::Blocked => Merging::EnableAutoMerge,
        Mergeability::Computing => Merging::Soon,
        Mergeability::Draft => Merging::Person(format!(
            "somebody made it a draft: mark it as ready for review at {url}, or close it"
        )),
    }
}
