//! Is what a pull request offers a commit that Bowline makes itself?
//!
//! Whoever may push a branch writes into a pull request what they like. So its text is not asked: only its commits are.

use bowline_core::name::CommitId;
use git2::{Oid, Repository};

use super::error::WriteError;
use super::follow::without_updates;
use crate::source::accept::contains;
use crate::source::git::GitSettings;
use crate::source::mirror::{Mirror, parse_id};
use crate::source::remote::Route;
use crate::source::trailer;

/// Where the head of the pull request is fetched to.
const OFFERED: &str = "refs/bowline/offered";
/// Where the branch that is read is fetched to.
const BASE: &str = "refs/bowline/offered-base";

/// A pull request's one commit that stands on the branch that is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// The commit, below what merged nothing but the branch into it.
    pub commit: CommitId,
    /// The commit of the branch that it stands on.
    pub parent: CommitId,
    /// The whole message of the commit, with its trailers.
    pub message: String,
}

/// The one commit of a pull request with this number whose head is `head`. None if it has more than that and merges of the branch
/// that is read, each with the content that such a merge has without anybody's help.
pub(super) fn offered(
    mirror: &Mirror,
    settings: &GitSettings,
    route: &Route,
    (number, head): (u64, &CommitId),
) -> Result<Option<Offered>, WriteError> {
    let repository = mirror.open()?;
    let reference = format!("refs/pull/{number}/head");
    let there = route.fetch(&settings.auth, &reference, &repository, OFFERED)?.commit;
    if Some(there) != parse_id(head.as_str()) {
        return Ok(None);
    }
    let base = route.fetch(&settings.auth, &settings.reference, &repository, BASE)?.commit;
    let found = stands_on(&repository, there, base);
    let found = found.map_err(|source| mirror.git("look at what a pull request offers", source))?;
    let Some((commit, parent)) = found else { return Ok(None) };
    let message = repository
        .find_commit(commit)
        .map(|commit| String::from_utf8_lossy(commit.message_bytes()).into_owned());
    let message = message.map_err(|source| mirror.git("look at what a pull request offers", source))?;
    let id = |id: Oid| CommitId::parse(&id.to_string()).map_err(|_| WriteError::NoCommitId);
    Ok(Some(Offered { commit: id(commit)?, parent: id(parent)?, message }))
}

/// The commit, and its only parent, which the branch that is read has.
fn stands_on(repository: &Repository, head: Oid, base: Oid) -> Result<Option<(Oid, Oid)>, git2::Error> {
    let Some(own) = without_updates(repository, head, base, |_, parents| parents.len() != 2)? else {
        return Ok(None);
    };
    let parents: Vec<Oid> = repository.find_commit(own)?.parent_ids().collect();
    let [parent] = parents.as_slice() else { return Ok(None) };
    Ok(contains(repository, base, *parent).then_some((own, *parent)))
}

/// Whether two commits have the same content on top of the same commit, and declare the same: an incident's number alone may
/// differ, since nobody remembers it.
pub(super) fn is_same(mirror: &Mirror, one: &CommitId, other: &CommitId) -> Result<bool, WriteError> {
    let repository = mirror.open()?;
    let Some((one, other)) = parse_id(one.as_str()).zip(parse_id(other.as_str())) else { return Ok(false) };
    let find = |id| repository.find_commit(id).map_err(|source| mirror.git("compare two commits", source));
    let (one, other) = (find(one)?, find(other)?);
    let is_same = one.tree_id() == other.tree_id() && one.parent_ids().eq(other.parent_ids());
    Ok(is_same && trailer::effects(&one) == trailer::effects(&other))
}
