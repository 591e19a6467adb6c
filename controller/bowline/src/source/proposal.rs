//! What would the branch want after a pull request? Its head, merged onto the branch in memory, read like any commit.
//!
//! In a mirror of its own: what strangers push must neither hold up nor fill the one that is acted from.

use std::sync::Arc;

use bowline_core::desired::{DesiredState, Finding};
use bowline_core::name::CommitId;
use git2::{Commit, Oid, Repository, Signature};
use jiff::Timestamp;
use tokio::sync::Mutex;

use super::address::Address;
use super::commit::Reader;
use super::error::SourceError;
use super::git::{Blocking, GRACE, GitSettings, SYNC};
use super::history;
use super::mirror::Mirror;
use super::relay::Purpose;
use super::remote::Route;

/// Where a pull request's head is fetched to.
const THEIRS: &str = "refs/bowline/pull";
/// How many files in conflict are named.
const MOST_NAMED: usize = 5;

/// Reads pull requests of one repository.
#[derive(Debug)]
pub struct Proposals {
    settings: Arc<GitSettings>,
    blocking: Blocking,
    /// One after the other: they share a ref of the mirror.
    turn: Mutex<()>,
}

/// A pull request on top of the branch.
#[derive(Debug, Clone)]
pub enum Proposed {
    /// It is what the branch would want.
    Merged(Merged),
    /// It cannot be merged as it is, with the reason as a sentence.
    Conflict(String),
    /// It would leave nothing that can be used, with the reason as a sentence.
    Unusable(String),
    /// It, or the branch, is at another commit by now: look again.
    Moved,
}

/// What the branch would want.
#[derive(Debug, Clone)]
pub struct Merged {
    /// The desired state.
    pub state: Arc<DesiredState>,
    /// What a person has to look at.
    pub findings: Arc<Vec<Finding>>,
}

impl Proposals {
    /// Nothing is opened before it is used. `settings.mirror` must not be that of another reader.
    pub fn new(settings: GitSettings) -> Self {
        Self { settings: Arc::new(settings), blocking: Blocking::default(), turn: Mutex::new(()) }
    }

    /// What the branch would want if a pull request were merged onto `base`, a commit of the branch. Only `head` is looked
    /// at: what was pushed since is another question.
    ///
    /// The repository itself is asked for the pull request's head (`refs/pull/<number>/head`), never a fork.
    pub async fn merged(
        &self,
        number: u64,
        head: &CommitId,
        base: &CommitId,
        now: Timestamp,
    ) -> Result<Proposed, SourceError> {
        let _turn = self.turn.lock().await;
        let address = Address::parse(&self.settings.repo)?;
        let repo = address.display();
        let route = Route::open(address, SYNC, Purpose::Fetch).await;
        let ask = Ask {
            settings: Arc::clone(&self.settings),
            route,
            number,
            head: head.clone(),
            base: base.clone(),
            now,
        };
        self.blocking.within(SYNC.total + GRACE, repo, move || ask.run()).await?
    }
}

/// One read, on a thread that may block.
struct Ask {
    settings: Arc<GitSettings>,
    route: Route,
    number: u64,
    head: CommitId,
    base: CommitId,
    now: Timestamp,
}

impl Ask {
    fn run(&self) -> Result<Proposed, SourceError> {
        let GitSettings { reference, auth, mirror, .. } = &*self.settings;
        let mirror = Mirror::lock(mirror, self.route.address.display(), reference)?;
        // Each fetch adds a pack, and many packs mean a new copy of everything: the branch is fetched when it is needed.
        let has_base = mirror.open().is_ok_and(|known| history::find(&known, &self.base).is_ok());
        if !has_base {
            mirror.update(&self.route, auth, self.now)?;
        }
        match self.read(&mirror) {
            // Part of the mirror is damaged: one more try with a new one.
            Err(SourceError::Mirror { .. }) => {
                mirror.renew(&self.route, auth)?;
                self.read(&mirror)
            }
            other => other,
        }
    }

    fn read(&self, mirror: &Mirror) -> Result<Proposed, SourceError> {
        let GitSettings { reference, auth, path, .. } = &*self.settings;
        let repository = mirror.open()?;
        let theirs = format!("refs/pull/{}/head", self.number);
        let tip = self.route.fetch(auth, &theirs, &repository, THEIRS)?;
        if tip.commit.to_string() != self.head.as_str() {
            return Ok(Proposed::Moved);
        }
        let Ok(base) = history::find(&repository, &self.base) else { return Ok(Proposed::Moved) };
        let broken = |source| mirror.git("merge a pull request", source);
        let head = repository.find_commit(tip.commit).map_err(broken)?;
        let merged = match merge(&repository, &base, &head).map_err(broken)? {
            Ok(commit) => commit,
            Err(why) => return Ok(Proposed::Conflict(why)),
        };
        // A reader of its own: what one pull request says must not be the last good form of a file in another.
        match Reader::default().read(mirror, merged, path, reference) {
            Ok((content, _)) => Ok(Proposed::Merged(Merged {
                state: Arc::clone(&content.state),
                findings: Arc::clone(&content.findings),
            })),
            Err(
                error @ (SourceError::PathMissing { .. }
                | SourceError::NoManifests { .. }
                | SourceError::TooManyFiles { .. }),
            ) => Ok(Proposed::Unusable(error.to_string())),
            Err(error) => Err(error),
        }
    }
}

/// The merge as a commit that no branch has; or why there is none, as a sentence.
fn merge(
    repository: &Repository,
    base: &Commit<'_>,
    head: &Commit<'_>,
) -> Result<Result<Oid, String>, git2::Error> {
    if repository.merge_base(base.id(), head.id()).is_err() {
        return Ok(Err("it has no commit in common with the branch".to_owned()));
    }
    let mut index = repository.merge_commits(base, head, None)?;
    if index.has_conflicts() {
        let path = |conflict: git2::IndexConflict| {
            let side = conflict.our.or(conflict.their).or(conflict.ancestor)?;
            Some(String::from_utf8_lossy(&side.path).into_owned())
        };
        let mut paths: Vec<String> = index.conflicts()?.flatten().filter_map(path).collect();
        paths.dedup();
        let more = paths.len().saturating_sub(MOST_NAMED);
        paths.truncate(MOST_NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        return Ok(Err(format!("it is in conflict with the branch: {}{more}", paths.join(", "))));
    }
    let tree = repository.find_tree(index.write_tree_to(repository)?)?;
    let who = Signature::new("Bowline", "bowline@localhost", &head.time())?;
    repository.commit(None, &who, &who, "Preview", &tree, &[base, head]).map(Ok)
}
