//! The parent of a merge that the branch comes from.

use crate::name::CommitId;

/// Which of `parents` is the branch as it was before, as an index.
///
/// It is the one that holds the newest of `acted_from`, commits of the branch that were acted from, newest first; the
/// first parent, if several do or none does. (Somebody who merges the branch into theirs and pushes the result makes it the
/// second parent. Going back to the wrong parent succeeds, and gives a wrong tree without a word.) `holds(parent, commit)`
/// says whether the commit is the parent or one of its ancestors.
pub fn mainline(
    parents: &[CommitId],
    acted_from: &[CommitId],
    mut holds: impl FnMut(&CommitId, &CommitId) -> bool,
) -> usize {
    let found = acted_from.iter().find_map(|commit| parents.iter().position(|parent| holds(parent, commit)));
    found.unwrap_or(0)
}
