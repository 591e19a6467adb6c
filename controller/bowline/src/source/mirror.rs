//! The bare mirror of one ref on this machine: locked, fetched into, and made anew when it is broken.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use git2::{ErrorClass, Oid, Repository, RepositoryInitOptions};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::auth::GitAuth;
use super::error::SourceError;
use super::remote::{Route, Tip};

/// The mirror's only ref.
const HEAD: &str = "refs/bowline/head";
/// Each fetch adds a pack, and libgit2 never joins them; above this many the mirror is fetched anew in one.
const MAX_PACKS: usize = 64;
/// How long one process waits for another that is fetching.
const LOCK_WAIT: Duration = Duration::from_mins(1);

/// What was read last, on disk, so that the age of the last good commit survives a restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Mark {
    repo: String,
    reference: String,
    /// The commit.
    pub(super) commit: String,
    /// When the remote last confirmed it.
    pub(super) read_at: Timestamp,
}

/// A mirror that this process holds the lock of. The lock ends with it, also when the process is killed.
pub(super) struct Mirror {
    dir: PathBuf,
    repo: String,
    reference: String,
    _lock: File,
}

impl Mirror {
    /// Locks the mirror in `dir`, which is created if need be; waits for another process for a while.
    pub(super) fn lock(dir: &Path, repo: String, reference: &str) -> Result<Self, SourceError> {
        let failed =
            |operation| move |source| SourceError::MirrorFiles { path: dir.to_owned(), operation, source };
        fs::create_dir_all(dir).map_err(failed("create the directory"))?;
        let lock = File::create(dir.join("lock")).map_err(failed("create the lock file"))?;
        let since = Instant::now();
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if since.elapsed() < LOCK_WAIT => {
                    thread::sleep(Duration::from_millis(50));
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(SourceError::MirrorBusy { path: dir.to_owned() });
                }
                Err(TryLockError::Error(source)) => return Err(failed("take the lock")(source)),
            }
        }
        Ok(Self { dir: dir.to_owned(), repo, reference: reference.to_owned(), _lock: lock })
    }

    fn git_dir(&self) -> PathBuf {
        self.dir.join("repo.git")
    }

    /// Brings the mirror to the remote's head and notes that it was read `now`.
    pub(super) fn update(&self, route: &Route, auth: &GitAuth, now: Timestamp) -> Result<Tip, SourceError> {
        let tip = match self.usable() {
            Some(repository) => match route.fetch(auth, &self.reference, &repository, HEAD) {
                Err(SourceError::Fetch { source, .. }) if is_local_damage(&source) => self.renew(route, auth),
                other => other,
            },
            None => self.renew(route, auth),
        }?;
        self.note(&tip, now)?;
        Ok(tip)
    }

    /// Fetches everything into a new repository, and only then puts it in the old one's place.
    pub(super) fn renew(&self, route: &Route, auth: &GitAuth) -> Result<Tip, SourceError> {
        let fresh = self.dir.join("fresh.git");
        remove(&fresh).map_err(|source| self.files("remove an unfinished copy", source))?;
        let mut options = RepositoryInitOptions::new();
        options.bare(true).external_template(false);
        let repository = Repository::init_opts(&fresh, &options)
            .map_err(|source| self.git("create a repository", source))?;
        let tip = route.fetch(auth, &self.reference, &repository, HEAD)?;
        drop(repository);
        remove(&self.git_dir()).map_err(|source| self.files("remove the old copy", source))?;
        fs::rename(&fresh, self.git_dir())
            .map_err(|source| self.files("put the new copy in place", source))?;
        Ok(tip)
    }

    /// The repository, if it is this remote's, whole as far as one can see, and not in too many pieces.
    fn usable(&self) -> Option<Repository> {
        self.mark()?;
        let repository = Repository::open_bare(self.git_dir()).ok()?;
        let packs = fs::read_dir(self.git_dir().join("objects/pack")).ok()?;
        let packs = packs
            .flatten()
            .filter(|file| file.path().extension().is_some_and(|ending| ending == "pack"))
            .count();
        (packs <= MAX_PACKS).then_some(repository)
    }

    /// Opens the repository for reading.
    pub(super) fn open(&self) -> Result<Repository, SourceError> {
        Repository::open_bare(self.git_dir()).map_err(|source| self.git("open the repository", source))
    }

    /// What was read last from this repository and reference.
    pub(super) fn mark(&self) -> Option<Mark> {
        let text = fs::read_to_string(self.dir.join("last-read.json")).ok()?;
        let mark: Mark = serde_json::from_str(&text).ok()?;
        (mark.repo == self.repo && mark.reference == self.reference).then_some(mark)
    }

    fn note(&self, tip: &Tip, now: Timestamp) -> Result<(), SourceError> {
        let mark = Mark {
            repo: self.repo.clone(),
            reference: self.reference.clone(),
            commit: tip.commit.to_string(),
            read_at: now,
        };
        let text = serde_json::to_vec(&mark).map_err(io::Error::from);
        text.and_then(|text| replace(&self.dir.join("last-read.json"), &text))
            .map_err(|source| self.files("note the time of the read", source))
    }

    fn files(&self, operation: &'static str, source: io::Error) -> SourceError {
        SourceError::MirrorFiles { path: self.dir.clone(), operation, source }
    }

    /// The error for git data of the mirror that cannot be read.
    pub(super) fn git(&self, operation: &'static str, source: git2::Error) -> SourceError {
        SourceError::Mirror { path: self.dir.clone(), operation, source }
    }
}

/// The id of a commit as text, if it is one.
pub(super) fn parse_id(text: &str) -> Option<Oid> {
    Oid::from_str(text).ok()
}

/// Whether a failed fetch speaks of the files on this side rather than of the network. A lock file of libgit2's among
/// them can only be what a killed process left, since we hold our own.
fn is_local_damage(error: &git2::Error) -> bool {
    matches!(
        error.class(),
        ErrorClass::Os
            | ErrorClass::Filesystem
            | ErrorClass::Odb
            | ErrorClass::Object
            | ErrorClass::Zlib
            | ErrorClass::Indexer
            | ErrorClass::Tree
            | ErrorClass::Reference
            | ErrorClass::Repository
            | ErrorClass::Config
    )
}

fn remove(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Replaces a file at once: a reader, and a crash, see the old text or the new one.
fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let draft = path.with_extension("draft");
    File::create(&draft)?.write_all(text)?;
    fs::rename(draft, path)
}
