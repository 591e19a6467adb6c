//! The parent of a merge that the branch comes from.

use crate::name::CommitId;

/// What the branches are called that a `HEAD` stands for, mostly.
const USUAL: [&str; 2] = ["main", "master"];

/// Which of `parents` is the branch as it was before, as an index.
///
/// It is the one that alone holds the newest of `known`, commits that the branch was at, newest first. Where none of them
/// tells, it is the second one if `subject`, the first line of the merge's message, says that `branch` itself was what was
/// merged; else the first. (Somebody who merges the branch into theirs and pushes the result makes it the second parent. Going
/// back to the wrong parent succeeds, and gives a wrong tree without a word.) `holds(parent, commit)` says whether the commit
/// is the parent or one of its ancestors.
pub fn mainline(
    parents: &[CommitId],
    known: &[CommitId],
    (subject, branch): (&str, &str),
    mut holds: impl FnMut(&CommitId, &CommitId) -> bool,
) -> usize {
    if parents.len() < 2 {
        return 0;
    }
    let told = known.iter().find_map(|commit| {
        let mut holding =
            (0..parents.len()).filter(|at| parents.get(*at).is_some_and(|one| holds(one, commit)));
        // What both sides have was there before they parted.
        holding.next().filter(|_| holding.next().is_none())
    });
    told.unwrap_or_else(|| usize::from(parents.len() == 2 && is_merged(subject, branch)))
}

/// Whether the message that git writes by itself says that `branch` was merged into something.
fn is_merged(subject: &str, branch: &str) -> bool {
    let local = subject.strip_prefix("Merge branch '");
    let remote = subject.strip_prefix("Merge remote-tracking branch '");
    let remote = remote.and_then(|rest| Some(rest.split_once('/')?.1));
    let Some((merged, _)) = local.or(remote).and_then(|rest| rest.split_once('\'')) else { return false };
    let branch = branch.strip_prefix("refs/heads/").unwrap_or(branch);
    merged == branch || (branch == "HEAD" && USUAL.contains(&merged))
}
