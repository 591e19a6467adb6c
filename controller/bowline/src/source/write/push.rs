//! A new branch, or a branch moved forward; never by force.

use bowline_core::name::CommitId;
use git2::{Oid, Repository};

use super::Commit;
use super::error::WriteError;
use crate::source::error::SourceError;
use crate::source::git::GitSettings;
use crate::source::mirror::{Mirror, parse_id};
use crate::source::remote::{Route, Sent};

/// How many names are tried for one commit. Each one that is taken is an earlier attempt that came to nothing.
const MAX_ATTEMPTS: u32 = 10;
/// Where a branch is fetched to, to be compared.
const THEIRS: &str = "refs/bowline/theirs";

/// A branch of Bowline's on the remote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// Its name, without `refs/heads/`.
    pub branch: String,
    /// Which attempt it is, from 1.
    pub attempt: u32,
    /// The commit that it is at: the pushed one, or one with the same content that was there before.
    pub commit: CommitId,
}

/// What became of moving a branch forward.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moved {
    /// It is at the commit.
    Done {
        /// Its name, without `refs/heads/`.
        branch: String,
    },
    /// Somebody else moved it: the commit has to be made anew, on top of what is there now.
    Behind {
        /// Where it is; none if it is gone.
        head: Option<CommitId>,
    },
}

pub(super) fn new(
    mirror: &Mirror,
    settings: &GitSettings,
    route: &Route,
    commit: &Commit,
    name: &impl Fn(u32) -> String,
) -> Result<Pushed, WriteError> {
    let repository = mirror.open()?;
    let id = oid(&commit.id)?;
    let mut branch = String::new();
    for attempt in 1..=MAX_ATTEMPTS {
        branch = name(attempt);
        let done = |commit: Oid| {
            let commit = CommitId::parse(&commit.to_string()).map_err(|_| WriteError::NoCommitId)?;
            Ok(Pushed { branch: branch.clone(), attempt, commit })
        };
        match send(route, settings, &repository, id, &branch, None)? {
            Sent::Done => return done(id),
            Sent::Refused(problem) => return Err(refused(route, branch, problem)),
            Sent::NotThere(Some(there)) if there == id => return done(id),
            Sent::NotThere(Some(_)) => {
                let there = fetch(route, settings, &repository, &branch)?;
                if is_same(mirror, &repository, id, there)? {
                    return done(there);
                }
            }
            // It was there, and is gone again: the next attempt has its own name.
            Sent::NotThere(None) => {}
        }
    }
    Err(WriteError::NamesTaken { repo: route.address.display(), branch, count: MAX_ATTEMPTS })
}

pub(super) fn onto(
    mirror: &Mirror,
    settings: &GitSettings,
    route: &Route,
    commit: &Commit,
) -> Result<Moved, WriteError> {
    let repository = mirror.open()?;
    if settings.reference.starts_with("refs/") && !settings.reference.starts_with("refs/heads/") {
        let (repo, reference) = (route.address.display(), settings.reference.clone());
        return Err(WriteError::NoBranch { repo, reference });
    }
    let branch = route.branch(&settings.auth, &settings.reference)?;
    let id = oid(&commit.id)?;
    match send(route, settings, &repository, id, &branch, Some(oid(&commit.parent)?))? {
        Sent::Done => Ok(Moved::Done { branch }),
        Sent::NotThere(Some(there)) if there == id => Ok(Moved::Done { branch }),
        Sent::NotThere(there) => {
            let head = there.and_then(|there| CommitId::parse(&there.to_string()).ok());
            Ok(Moved::Behind { head })
        }
        Sent::Refused(problem) => Err(refused(route, branch, problem)),
    }
}

fn send(
    route: &Route,
    settings: &GitSettings,
    repository: &Repository,
    commit: Oid,
    branch: &str,
    from: Option<Oid>,
) -> Result<Sent, WriteError> {
    route.push(&settings.auth, repository, commit, branch, from).map_err(|error| match error {
        SourceError::AuthRejected { repo, configured, .. } => WriteError::MayNotPush { repo, configured },
        SourceError::Fetch { repo, source } => WriteError::Push { repo, source },
        other => WriteError::Source(other),
    })
}

/// Brings a branch of the remote's here.
fn fetch(
    route: &Route,
    settings: &GitSettings,
    repository: &Repository,
    branch: &str,
) -> Result<Oid, WriteError> {
    Ok(route.fetch(&settings.auth, &format!("refs/heads/{branch}"), repository, THEIRS)?.commit)
}

/// Whether two commits say the same on top of the same commit.
fn is_same(mirror: &Mirror, repository: &Repository, one: Oid, other: Oid) -> Result<bool, WriteError> {
    let find = |id| repository.find_commit(id).map_err(|source| mirror.git("compare two commits", source));
    let (one, other) = (find(one)?, find(other)?);
    Ok(one.tree_id() == other.tree_id() && one.parent_ids().eq(other.parent_ids()))
}

fn refused(route: &Route, branch: String, problem: String) -> WriteError {
    WriteError::Refused { repo: route.address.display(), branch, problem }
}

fn oid(commit: &CommitId) -> Result<Oid, WriteError> {
    parse_id(commit.as_str()).ok_or(WriteError::NoCommitId)
}
