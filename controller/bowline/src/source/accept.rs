//! Was the branch rewritten since it was last acted from, and what does it declare as applied in spite of that?
//!
//! A commit with the trailer `Bowline-Accept: X` says that X counts as applied. Only commits speak that have come since: a
//! declaration that was there when the branch was last acted from has had its effect, and must not excuse what came later.

use std::collections::BTreeSet;

use bowline_core::desired::{ACCEPT_TRAILER, Finding, NotAcceptable};
use bowline_core::name::CommitId;
use git2::{Error, Oid, Repository, Sort};

use super::mirror::parse_id;
use super::trailer;

/// How many commits since the applied one are looked at for trailers.
const MOST_COMMITS: usize = 10_000;

/// What the branch says of one commit that was acted from.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Judged {
    /// Whether the head descends from it.
    pub(super) descends: bool,
    /// The commit that is declared as applied in its place, with the commit that says so.
    pub(super) accepted: Option<(Oid, Oid)>,
    /// Trailers that accept nothing.
    pub(super) findings: Vec<Finding>,
}

/// One trailer.
struct Declaration {
    /// The commit that has it.
    by: Oid,
    /// What it names, as written.
    named: String,
}

/// Holds the branch whose head is `head` against the commit `applied`, which was acted from.
pub(super) fn judge(repository: &Repository, head: Oid, applied: &str) -> Result<Judged, Error> {
    let base = parse_id(applied).filter(|base| repository.find_commit(*base).is_ok());
    if base == Some(head) {
        return Ok(Judged { descends: true, ..Judged::default() });
    }
    let descends = base.is_some_and(|base| contains(repository, head, base));
    let since = match base {
        Some(base) => commits(repository, head, base)?,
        None => newest(repository, head)?,
    };
    // After a rebase the branch may hold copies of declarations that it was acted from with.
    let copied = match base.filter(|_| !descends) {
        Some(base) => declarations(repository, &commits(repository, base, head)?)?,
        None => Vec::new(),
    };
    let copied: BTreeSet<String> = copied.into_iter().map(|declaration| declaration.named).collect();
    let mut judged = Judged { descends, ..Judged::default() };
    for Declaration { by, named } in declarations(repository, &since)? {
        let accepted = match acceptable(repository, head, &named) {
            Ok(accepted) => accepted,
            Err(why) => {
                judged.findings.push(Finding::not_acceptable(&by.to_string(), &named, &why));
                continue;
            }
        };
        let is_old = base.is_some_and(|base| contains(repository, base, accepted));
        // Where a branch was reset to an older commit, that one is what there is to accept.
        if is_old && (descends || copied.contains(&named)) {
            continue;
        }
        let is_newer = judged.accepted.is_none_or(|(known, _)| {
            known != accepted && repository.graph_descendant_of(accepted, known).is_ok_and(|newer| newer)
        });
        if is_newer {
            judged.accepted = Some((accepted, by));
        }
    }
    Ok(judged)
}

/// The commit that a trailer names, if the branch contains it.
fn acceptable(repository: &Repository, head: Oid, named: &str) -> Result<Oid, NotAcceptable> {
    let id = CommitId::parse(named).ok().and_then(|id| parse_id(id.as_str()));
    let id = id.ok_or(NotAcceptable::NoCommitId)?;
    let is_there = repository.find_commit(id).is_ok() && contains(repository, head, id);
    if is_there { Ok(id) } else { Err(NotAcceptable::NotOnTheBranch) }
}

/// Whether `commit` is `head` or one of its ancestors.
pub(super) fn contains(repository: &Repository, head: Oid, commit: Oid) -> bool {
    head == commit || repository.graph_descendant_of(head, commit).is_ok_and(|descends| descends)
}

/// The commits that `head` has and `without` has not, newest first, along all parents.
fn commits(repository: &Repository, head: Oid, without: Oid) -> Result<Vec<Oid>, Error> {
    let mut walk = repository.revwalk()?;
    walk.set_sorting(Sort::TOPOLOGICAL | Sort::TIME)?;
    walk.push(head)?;
    walk.hide(without)?;
    walk.take(MOST_COMMITS).collect()
}

/// The head and what it merges. When the applied commit is not to be had, nobody knows which declarations are older than
/// it; the newest of all is not.
fn newest(repository: &Repository, head: Oid) -> Result<Vec<Oid>, Error> {
    let commit = repository.find_commit(head)?;
    // The first parent of a merge is the branch as it was before.
    let merged = commit.parent_ids().skip(1);
    Ok(std::iter::once(head).chain(merged).collect())
}

fn declarations(repository: &Repository, commits: &[Oid]) -> Result<Vec<Declaration>, Error> {
    let mut found = Vec::new();
    for id in commits {
        let named = trailer::values(&repository.find_commit(*id)?, ACCEPT_TRAILER);
        found.extend(named.into_iter().map(|named| Declaration { by: *id, named }));
    }
    Ok(found)
}
