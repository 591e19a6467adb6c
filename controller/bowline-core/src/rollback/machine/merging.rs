//! May an open pull request be merged, and how?

use super::{Mergeability, Pull, PullState};
use crate::name::CommitId;

/// What can be done so that a pull request gets merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merging {
    /// Merge it, if its head is still what was looked at.
    Merge,
    /// Let the server merge it once the rules of the branch allow.
    EnableAutoMerge,
    /// The server does so already.
    ByItself,
    /// The server has not found out yet whether it can be merged.
    Soon,
    /// It was merged.
    Done,
    /// Nothing without a person, and why, as a sentence.
    Person(String),
}

/// What can be done so that `pull` gets merged. Only `expected` may be at its head: what somebody else pushed is theirs to
/// merge. `merges_itself` says whether its content may be merged without a person.
pub fn merging(pull: &Pull, expected: &CommitId, merges_itself: bool) -> Merging {
    let (mergeability, auto_merge) = match pull.state {
        PullState::Merged => return Merging::Done,
        PullState::Closed => return Merging::Person("somebody closed it".to_owned()),
        PullState::Open { mergeability, auto_merge } => (mergeability, auto_merge),
    };
    if !merges_itself {
        return Merging::Person(
            "a person has to look: a document was replaced by an earlier form, since later changes are in conflict, or the commit to \
             go back to was named by hand"
                .to_owned(),
        );
    }
    if pull.head != *expected {
        let head = &pull.head;
        return Merging::Person(format!("somebody pushed {head:.8} to the branch: a person has to merge it"));
    }
    if auto_merge {
        return Merging::ByItself;
    }
    match mergeability {
        Mergeability::Ready => Merging::Merge,
        Mergeability::Blocked => Merging::EnableAutoMerge,
        Mergeability::Computing => Merging::Soon,
        Mergeability::Conflict => {
            Merging::Person("it is in conflict with the branch by now: a person has to look".to_owned())
        }
        Mergeability::Draft => Merging::Person("somebody made it a draft".to_owned()),
    }
}
