//! Is a branch still what was pushed, with nothing but the branch that is read merged into it?

use bowline_core::name::CommitId;
use git2::{Oid, Repository};

use super::error::WriteError;
use crate::source::accept::contains;
use crate::source::git::GitSettings;
use crate::source::mirror::{Mirror, parse_id};
use crate::source::remote::Route;

/// How often a branch may have been brought up to date: as often as its merges are looked through for what they bring.
const MOST_UPDATES: usize = 20;
/// Where the branch is fetched to.
const BRANCH: &str = "refs/bowline/followed";
/// Where the branch that is read is fetched to.
const BASE: &str = "refs/bowline/followed-base";

/// Whether `head` is at the branch, and consists of `pushed` and merges with commits of the branch that is read, each with the
/// content that such a merge has without anybody's help. Who made the merges does not matter then.
pub(super) fn follows(
    mirror: &Mirror,
    settings: &GitSettings,
    route: &Route,
    branch: &str,
    (head, pushed): (&CommitId, &CommitId),
) -> Result<bool, WriteError> {
    let repository = mirror.open()?;
    let Some((head, pushed)) = parse_id(head.as_str()).zip(parse_id(pushed.as_str())) else {
        return Ok(false);
    };
    let there = route.fetch(&settings.auth, &format!("refs/heads/{branch}"), &repository, BRANCH)?;
    if there.commit != head {
        return Ok(false);
    }
    let base = route.fetch(&settings.auth, &settings.reference, &repository, BASE)?.commit;
    is_merged_only(&repository, head, pushed, base)
        .map_err(|source| mirror.git("follow a branch", source).into())
}

fn is_merged_only(repository: &Repository, head: Oid, pushed: Oid, base: Oid) -> Result<bool, git2::Error> {
    Ok(without_updates(repository, head, base, |at, _| at == pushed)?.is_some())
}

/// The newest commit that is the `end`, below merges with commits of `base`, each with the content that such a merge has without
/// anybody's help. None if there is anything else on the way.
pub(super) fn without_updates(
    repository: &Repository,
    head: Oid,
    base: Oid,
    end: impl Fn(Oid, &[Oid]) -> bool,
) -> Result<Option<Oid>, git2::Error> {
    let mut at = head;
    for _ in 0..MOST_UPDATES {
        let commit = repository.find_commit(at)?;
        let parents: Vec<Oid> = commit.parent_ids().collect();
        if end(at, &parents) {
            return Ok(Some(at));
        }
        let [own, brought] = parents.as_slice() else { return Ok(None) };
        if !contains(repository, base, *brought) {
            return Ok(None);
        }
        let (ours, theirs) = (repository.find_commit(*own)?, repository.find_commit(*brought)?);
        let mut merged = repository.merge_commits(&ours, &theirs, None)?;
        if merged.has_conflicts() || merged.write_tree_to(repository)? != commit.tree_id() {
            return Ok(None);
        }
        at = *own;
    }
    Ok(None)
}
