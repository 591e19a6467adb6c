//! The branch's own line, commit by commit, for the choice of what to revert.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use bowline_core::desired::{DesiredState, MAX_MANIFEST_BYTES, WantedTaskDefinition};
use bowline_core::edit::{Touched, touched};
use bowline_core::name::{CommitId, RelativePath, ResourceName};
use bowline_core::rollback::revert::{Kept, Parent, PastCommit, Trailers, mainline};
use git2::{Commit, Delta, DiffFile, ErrorCode, FileMode, Oid, Repository};

use super::accept::contains;
use super::commit::Reader;
use super::error::SourceError;
use super::file;
use super::mirror::{Mirror, parse_id};
use super::trailer;

/// How many commits are gone back for something that may not be there, and how often it is looked whether it is. The last good
/// commit of a service that fails now is rarely more than a few dozen away.
const MAX_COMMITS: usize = 500;

/// How many commits of a merge are looked at: a rollback is one, and one for each time that its branch was brought up to date.
const MAX_BROUGHT: usize = 20;

/// Which part of the past is asked for.
#[derive(Debug, Clone)]
pub struct Past {
    /// The newest commit: the one that a revert is made on.
    pub head: CommitId,
    /// Commits of the branch that were acted from, newest first: they tell which parent of a merge the branch was on.
    pub acted_from: Vec<CommitId>,
    /// The last good commits: it ends when all of them were met.
    pub until: BTreeSet<CommitId>,
    /// The services that are asked about: of each commit only what concerns them is held. Without, all of it is.
    pub about: Option<BTreeSet<ResourceName>>,
}

/// Which way the past is read.
pub(super) struct Way<'a> {
    /// The newest commit.
    pub(super) head: &'a CommitId,
    /// As in [`Past`].
    pub(super) acted_from: &'a [CommitId],
    /// Commits that are looked for. As long as the way leads to one of them, there is no bound.
    pub(super) toward: &'a BTreeSet<CommitId>,
    /// As in [`Past`].
    pub(super) about: Option<&'a BTreeSet<ResourceName>>,
}

/// Reads the past, newest first: down to the last good commits, to the first commit, or to where the history is cut off; if
/// one of the commits is not there, to a bound of 500 commits.
pub(super) fn read(
    mirror: &Mirror,
    past: &Past,
    path: &str,
    reference: &str,
) -> Result<Vec<PastCommit>, SourceError> {
    let Past { head, acted_from, until, about } = past;
    let way = Way { head, acted_from, toward: until, about: about.as_ref() };
    line(mirror, &way, path, reference, |found| past.until.iter().all(|id| is_there(found, id)))
}

/// Reads the past, newest first: until `enough` says so of what was read, to the first commit, or to where the history is cut
/// off; if nothing that is looked for is there, to a bound of 500 commits.
pub(super) fn line(
    mirror: &Mirror,
    way: &Way<'_>,
    path: &str,
    reference: &str,
    enough: impl Fn(&[PastCommit]) -> bool,
) -> Result<Vec<PastCommit>, SourceError> {
    let repository = mirror.open()?;
    let broken = |source| mirror.git("read the history", source);
    let mut reader = Reader::default();
    let mut found: Vec<PastCommit> = Vec::new();
    let mut kept = way.about.cloned().map(Kept::of);
    let mut next = Some(way.head.clone());
    // What was looked for is known to have been on the branch, too.
    let known: Vec<CommitId> = way.acted_from.iter().chain(way.toward).cloned().collect();
    while let Some(id) = next.take() {
        let commit = find(&repository, &id).map_err(broken)?;
        let (parent, onto) = parent(&repository, &commit, &known, reference).map_err(broken)?;
        let files = match parent {
            Parent::CutOff => BTreeMap::new(),
            Parent::None | Parent::One(_) | Parent::Merge { .. } => {
                changed(&repository, &commit, onto.as_ref()).map_err(broken)?
            }
        };
        let state = match found.last().filter(|newer| wants_the_same(newer)) {
            Some(newer) => Arc::clone(&newer.state),
            None => state(&mut reader, mirror, commit.id(), path, reference)?,
        };
        if let Some(kept) = &mut kept {
            kept.note(&state);
            // Only now, since whether the next one wants the same was asked of all of it. The head is held against each of them.
            if let [_, .., newer] = found.as_mut_slice() {
                kept.reduce(newer);
            }
        }
        found.push(PastCommit {
            id,
            subject: commit.summary().ok().flatten().unwrap_or_default().to_owned(),
            trailers: declared(&repository, &commit, onto.as_ref()).map_err(broken)?,
            parent,
            files,
            state,
        });
        if enough(&found) || (found.len().is_multiple_of(MAX_COMMITS) && !leads_on(&repository, &found, way))
        {
            break;
        }
        next = onto.and_then(|parent| CommitId::parse(&parent.id().to_string()).ok());
    }
    Ok(found)
}

/// What a commit wants.
fn state(
    reader: &mut Reader,
    mirror: &Mirror,
    commit: Oid,
    path: &str,
    reference: &str,
) -> Result<Arc<DesiredState>, SourceError> {
    match reader.read(mirror, commit, path, reference) {
        Ok((content, _)) => Ok(Arc::clone(&content.state)),
        Err(error @ (SourceError::Mirror { .. } | SourceError::MirrorFiles { .. })) => Err(error),
        // Before the folder was there, or without a manifest in it, nothing was wanted.
        Err(_) => Ok(Arc::new(DesiredState::default())),
    }
}

/// Whether a commit changed no file that says what is wanted, so that the one before wants the same: in a repository of many
/// things most are so.
fn wants_the_same(commit: &PastCommit) -> bool {
    let wanted = commit.state.services.values().filter_map(|service| service.task_definition.as_ref());
    let named: BTreeSet<&str> = wanted
        .filter_map(|wanted| match wanted {
            WantedTaskDefinition::Content { file, .. } => Some(file.as_str()),
            WantedTaskDefinition::Revision(_) => None,
        })
        .collect();
    let says_something = |path: &String| file::is_manifest(path) || named.contains(path.as_str());
    // Of what is invalid nobody knows which files it would name.
    let is_known = commit.state.invalid.is_empty() && !matches!(commit.parent, Parent::CutOff);
    is_known && !commit.files.keys().any(says_something)
}

/// Whether something that is looked for and was not met yet is further back.
fn leads_on(repository: &Repository, found: &[PastCommit], way: &Way<'_>) -> bool {
    let Some(here) = found.last().and_then(|commit| parse_id(commit.id.as_str())) else { return false };
    let mut missing = way.toward.iter().filter(|id| !is_there(found, id));
    missing.any(|id| parse_id(id.as_str()).is_some_and(|id| contains(repository, here, id)))
}

fn is_there(found: &[PastCommit], id: &CommitId) -> bool {
    found.iter().any(|commit| commit.id == *id)
}

/// The one commit whose id begins with these digits.
pub(super) fn named(repository: &Repository, digits: &str) -> Option<CommitId> {
    let is_hex = digits.chars().all(|digit| digit.is_ascii_hexdigit());
    let found = repository.revparse_single(digits).ok().filter(|_| is_hex)?;
    CommitId::parse(&found.into_commit().ok()?.id().to_string()).ok()
}

/// The commit with this id.
pub(super) fn find<'r>(repository: &'r Repository, id: &CommitId) -> Result<Commit<'r>, git2::Error> {
    let id = parse_id(id.as_str()).ok_or_else(|| git2::Error::from_str("this is no commit id"))?;
    repository.find_commit(id)
}

/// The parents that a commit names; none if one of them is not here. libgit2 hides the parents at which a shallow history
/// ends, and takes the commit for the first one: reverting it would delete every file.
pub(super) fn parents<'r>(
    repository: &'r Repository,
    commit: &Commit<'_>,
) -> Result<Option<Vec<Commit<'r>>>, git2::Error> {
    let header = String::from_utf8_lossy(commit.raw_header_bytes()).into_owned();
    let mut found = Vec::new();
    for id in header.lines().filter_map(|line| line.strip_prefix("parent ")) {
        match repository.find_commit(Oid::from_str(id)?) {
            Ok(parent) => found.push(parent),
            Err(error) if error.code() == ErrorCode::NotFound => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    Ok(Some(found))
}

fn parent<'r>(
    repository: &'r Repository,
    commit: &Commit<'_>,
    known: &[CommitId],
    reference: &str,
) -> Result<(Parent, Option<Commit<'r>>), git2::Error> {
    let Some(mut parents) = parents(repository, commit)? else { return Ok((Parent::CutOff, None)) };
    let id = |parent: &Commit<'_>| CommitId::parse(&parent.id().to_string()).ok();
    let ids: Vec<CommitId> = parents.iter().filter_map(id).collect();
    let holds = |parent: &CommitId, commit: &CommitId| {
        let pair = parse_id(parent.as_str()).zip(parse_id(commit.as_str()));
        pair.is_some_and(|(parent, commit)| {
            repository.find_commit(commit).is_ok() && contains(repository, parent, commit)
        })
    };
    let subject = commit.summary().ok().flatten().unwrap_or_default();
    let index = mainline(&ids, known, (subject, reference), holds);
    let Some(chosen) = ids.get(index).cloned() else { return Ok((Parent::None, None)) };
    let parent = match ids.len() {
        1 => Parent::One(chosen),
        _ => Parent::Merge { mainline: chosen, number: index + 1 },
    };
    Ok((parent, Some(parents.swap_remove(index))))
}

/// What a commit declares. The message of a merge is the server's own: it is a rollback if every commit that it brings is one.
fn declared(
    repository: &Repository,
    commit: &Commit<'_>,
    onto: Option<&Commit<'_>>,
) -> Result<Trailers, git2::Error> {
    let own = trailer::declared(commit);
    let Some(onto) = onto.filter(|_| commit.parent_count() > 1) else { return Ok(own) };
    let mut walk = repository.revwalk()?;
    commit.parent_ids().try_for_each(|parent| walk.push(parent))?;
    walk.hide(onto.id())?;
    let mut all = own.clone();
    for (count, id) in walk.enumerate() {
        let brought = repository.find_commit(id?)?;
        // The branch itself, merged into it meanwhile.
        if brought.parent_count() > 1 {
            continue;
        }
        let trailers = trailer::declared(&brought);
        if count == MAX_BROUGHT || !trailers.is_rollback() {
            return Ok(own);
        }
        all.add(trailers);
    }
    Ok(all)
}

/// The files that a commit changed, against the parent that the branch was on.
fn changed(
    repository: &Repository,
    commit: &Commit<'_>,
    parent: Option<&Commit<'_>>,
) -> Result<BTreeMap<String, Touched>, git2::Error> {
    let before = parent.map(Commit::tree).transpose()?;
    let diff = repository.diff_tree_to_tree(before.as_ref(), Some(&commit.tree()?), None)?;
    let mut files = BTreeMap::new();
    for delta in diff.deltas() {
        let (old, new) = (delta.old_file(), delta.new_file());
        let there = if delta.status() == Delta::Deleted { &old } else { &new };
        let path = there.path_bytes().map(String::from_utf8_lossy).unwrap_or_default().into_owned();
        let touched = match RelativePath::parse(&path) {
            Ok(path) if is_compared(delta.status(), &old, &new, &path) => {
                compare(repository, &path, &old, &new)?
            }
            _ => Touched { resources: BTreeSet::new(), other: true },
        };
        files.insert(path, touched);
    }
    Ok(files)
}

/// Whether the change is one of a manifest's content: a mode or a link that changed is something else.
fn is_compared(status: Delta, old: &DiffFile<'_>, new: &DiffFile<'_>, path: &RelativePath) -> bool {
    let plain = |file: &DiffFile<'_>| {
        !file.exists() || matches!(file.mode(), FileMode::Blob | FileMode::BlobExecutable)
    };
    let same_mode = status != Delta::Modified || old.mode() == new.mode();
    file::is_manifest(path.as_str()) && plain(old) && plain(new) && same_mode
}

fn compare(
    repository: &Repository,
    path: &RelativePath,
    old: &DiffFile<'_>,
    new: &DiffFile<'_>,
) -> Result<Touched, git2::Error> {
    let blob = |file: &DiffFile<'_>| file.exists().then(|| repository.find_blob(file.id())).transpose();
    let (old, new) = (blob(old)?, blob(new)?);
    let large = [&old, &new].into_iter().flatten().any(|blob| blob.size() > MAX_MANIFEST_BYTES);
    if large {
        return Ok(Touched { resources: BTreeSet::new(), other: true });
    }
    Ok(touched(path, old.as_ref().map(git2::Blob::content), new.as_ref().map(git2::Blob::content)))
}

/// The content of a file of a commit, if there is one.
pub(super) fn bytes_at(
    repository: &Repository,
    tree: Oid,
    path: &RelativePath,
) -> Result<Option<(Vec<u8>, i32)>, git2::Error> {
    match repository.find_tree(tree)?.get_path(Path::new(path.as_str())) {
        Ok(entry) => Ok(Some((repository.find_blob(entry.id())?.content().to_vec(), entry.filemode()))),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
