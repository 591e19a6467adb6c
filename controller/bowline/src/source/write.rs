//! The commits that Bowline makes, and the branches that it pushes. There is no work tree: trees are built in the mirror.
//!
//! | file | holds |
//! |---|---|
//! | `revert` | the tree of a rollback, from core's choice |
//! | `tree` | one tree that is changed file by file |
//! | `commit` | who commits, the commit object, its signature |
//! | `patch` | what a commit changes, as text |
//! | `push` | a new branch, or a branch moved forward; never by force |
//! | `follow` | whether a branch is still what was pushed |
//! | `offer` | whether what a pull request offers is what Bowline makes itself |
//! | `error` | [`WriteError`] |

mod commit;
mod error;
mod follow;
mod offer;
mod patch;
mod push;
mod revert;
mod tree;

use std::collections::BTreeSet;
use std::sync::Arc;

use bowline_core::desired::{DesiredState, ResourceKey};
use bowline_core::edit::{Edit, strays};
use bowline_core::name::CommitId;
use bowline_core::rollback::revert::{Made, Parent, PastCommit, Revert};
use git2::{Oid, Repository};
use jiff::Timestamp;

pub use commit::Committer;
pub use error::WriteError;
pub use offer::Offered;
pub use push::{Moved, Pushed};

use super::address::Address;
use super::commit::Reader;
use super::git::{Blocking, GRACE, GitSettings, SYNC};
use super::history::{self, Past};
use super::mirror::Mirror;
use super::relay::Purpose;
use super::remote::Route;
use revert::Means;
use tree::Tree;

/// Makes commits on top of what was read from one repository, and pushes them. Every commit stands on a commit that the
/// mirror has already.
#[derive(Debug)]
pub struct GitWriter {
    settings: Arc<GitSettings>,
    committer: Arc<Committer>,
    blocking: Blocking,
}

/// A part of the branch's own line.
#[derive(Debug, Clone)]
pub struct Line {
    /// The newest commit.
    pub head: CommitId,
    /// Commits of the branch that were acted from, newest first: they tell which parent of a merge the branch was on.
    pub acted_from: Vec<CommitId>,
    /// The first digits of a commit's id that is looked for: as long as the line leads to it, it is read on.
    pub toward: Option<String>,
}

/// One change of one file.
#[derive(Debug, Clone)]
pub struct Change {
    /// The commit on which the change is made.
    pub head: CommitId,
    /// What is changed; nothing for a commit that only says something.
    pub edit: Option<Edit>,
    /// The resources that may come out otherwise by it.
    pub meant: BTreeSet<ResourceKey>,
    /// The whole message, with its trailers.
    pub message: String,
}

/// What came of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Built {
    /// The branch says so already: there is no commit.
    NothingToDo,
    /// A commit in the mirror, not pushed yet.
    Commit(Commit),
}

/// A commit in the mirror.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its id.
    pub id: CommitId,
    /// The commit that it stands on.
    pub parent: CommitId,
    /// What it took back, part by part; empty for a [`Change`].
    pub made: Made,
}

impl GitWriter {
    /// A writer for the repository of a source. Nothing is opened before it is used.
    pub fn new(settings: GitSettings, committer: Committer) -> Self {
        Self { settings: Arc::new(settings), committer: Arc::new(committer), blocking: Blocking::default() }
    }

    /// The branch's past, for [`bowline_core::rollback::revert::choose`]. Asks nobody, since the mirror has it, unless it is cut
    /// off: see [`GitWriter::line`].
    pub async fn past(&self, past: Past) -> Result<Vec<PastCommit>, WriteError> {
        self.deepened(move |mirror, settings| {
            Ok(history::read(mirror, &past, &settings.path, &settings.reference)?)
        })
        .await
    }

    /// The commit that makes a revert. `at` is its time: the same arguments make the same commit, signed or not.
    ///
    /// What it leads to is read like any commit, and has to be what was good. If what was changed since then stands in the way,
    /// the last good form is put in its place, and at last the last good revision pinned.
    pub async fn revert(&self, revert: Revert, message: String, at: Timestamp) -> Result<Built, WriteError> {
        self.on_mirror(move |mirror, settings, committer| {
            let repository = mirror.open()?;
            let parts = Parts { mirror, repository: &repository, settings, committer };
            let pinned = revert.pinned_to_good();
            let means = [(&revert, Means::TakenBack), (&revert, Means::Restored)];
            let means = means.into_iter().chain(pinned.iter().map(|pinned| (pinned, Means::Restored)));
            let mut why = None;
            for (revert, means) in means {
                match parts.revert(revert, means, &message, at) {
                    Err(
                        error
                        @ (WriteError::NotGood { .. } | WriteError::Strays { .. } | WriteError::Edit(_)),
                    ) => {
                        why.get_or_insert(error);
                    }
                    other => return other,
                }
            }
            why.map_or(Ok(Built::NothingToDo), Err)
        })
        .await
    }

    /// The branch's own line, newest first, until `enough` says so of what was read, or as far as it is looked at. Asks nobody,
    /// since the mirror has it, unless it ends at the edge of a shallow history: then all that the remote has by now is fetched,
    /// and it is read once more.
    pub async fn line(
        &self,
        line: Line,
        enough: impl Fn(&[PastCommit]) -> bool + Send + 'static,
    ) -> Result<Vec<PastCommit>, WriteError> {
        self.deepened(move |mirror, settings| {
            let repository = mirror.open()?;
            let toward = line.toward.iter().filter_map(|digits| history::named(&repository, digits));
            let toward = toward.collect();
            let way =
                history::Way { head: &line.head, acted_from: &line.acted_from, toward: &toward, about: None };
            Ok(history::line(mirror, &way, &settings.path, &settings.reference, &enough)?)
        })
        .await
    }

    /// What a commit changes, as `git show` prints it; empty for one that only says something.
    pub async fn patch(&self, commit: &Commit) -> Result<String, WriteError> {
        let (id, parent) = (commit.id.clone(), commit.parent.clone());
        self.on_mirror(move |mirror, _, _| {
            let repository = mirror.open()?;
            patch::text(&repository, &parent, &id)
                .map_err(|source| mirror.git("compare two commits", source).into())
        })
        .await
    }

    /// The commit that changes one file.
    pub async fn change(&self, change: Change, at: Timestamp) -> Result<Built, WriteError> {
        self.on_mirror(move |mirror, settings, committer| {
            let repository = mirror.open()?;
            let mut tree = Tree::of_commit(mirror, &repository, &change.head)?;
            if let Some(edit) = &change.edit {
                tree.change(edit)?;
            }
            let parts = Parts { mirror, repository: &repository, settings, committer };
            parts
                .finish(Draft {
                    head: &change.head,
                    tree: tree.id(),
                    may_be_empty: change.edit.is_none(),
                    message: &change.message,
                    at,
                    meant: change.meant.clone(),
                    made: Made::default(),
                })
                .map(|(built, _)| built)
        })
        .await
    }

    /// Pushes a commit as a new branch: `name` gives its name for each attempt, from 1. A branch that exists with the same
    /// content on top of the same commit is what an earlier attempt pushed; one with another content is left alone, and
    /// the next name is taken.
    pub async fn push_new(
        &self,
        commit: &Commit,
        name: impl Fn(u32) -> String + Send + 'static,
    ) -> Result<Pushed, WriteError> {
        let commit = commit.clone();
        self.on_remote(move |mirror, settings, route| push::new(mirror, settings, route, &commit, &name))
            .await
    }

    /// Moves the branch that is read forward to a commit that stands on its head.
    pub async fn push_onto(&self, commit: &Commit) -> Result<Moved, WriteError> {
        let commit = commit.clone();
        self.on_remote(move |mirror, settings, route| push::onto(mirror, settings, route, &commit)).await
    }

    /// Whether the branch is at `head`, and that is `pushed` with nothing but the branch that is read merged into it.
    pub async fn follows(
        &self,
        branch: String,
        head: CommitId,
        pushed: CommitId,
    ) -> Result<bool, WriteError> {
        self.on_remote(move |mirror, settings, route| {
            follow::follows(mirror, settings, route, &branch, (&head, &pushed))
        })
        .await
    }

    /// The one commit of the pull request with this number whose head is `head`; none if it has more than that.
    pub async fn offered(&self, number: u64, head: CommitId) -> Result<Option<Offered>, WriteError> {
        self.on_remote(move |mirror, settings, route| {
            offer::offered(mirror, settings, route, (number, &head))
        })
        .await
    }

    /// Whether two commits of the mirror have the same content on top of the same commit, and declare the same.
    pub async fn is_same(&self, one: CommitId, other: CommitId) -> Result<bool, WriteError> {
        self.on_mirror(move |mirror, _, _| offer::is_same(mirror, &one, &other)).await
    }

    /// The name of the branch that is read, without `refs/heads/`; asks the remote where `HEAD` is configured.
    pub async fn branch(&self) -> Result<String, WriteError> {
        self.on_remote(|_, settings, route| Ok(route.branch(&settings.auth, &settings.reference)?)).await
    }

    /// Reads a part of the past. A remote that was shallow may have more by now, and it sends no parents of a commit that the
    /// mirror has: so where the past ends at an edge, the mirror is made anew, and it is read once more.
    async fn deepened(
        &self,
        read: impl Fn(&Mirror, &GitSettings) -> Result<Vec<PastCommit>, WriteError> + Send + 'static,
    ) -> Result<Vec<PastCommit>, WriteError> {
        let first = self.on_mirror(move |mirror, settings, _| Ok((read(mirror, settings)?, read)));
        let (found, read) = first.await?;
        if found.last().is_none_or(|oldest| oldest.parent != Parent::CutOff) {
            return Ok(found);
        }
        self.on_remote(move |mirror, settings, route| {
            mirror.renew(route, &settings.auth)?;
            read(mirror, settings)
        })
        .await
    }

    async fn on_mirror<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Mirror, &GitSettings, &Committer) -> Result<T, WriteError> + Send + 'static,
    ) -> Result<T, WriteError> {
        let repo = Address::parse(&self.settings.repo)?.display();
        let (settings, committer) = (Arc::clone(&self.settings), Arc::clone(&self.committer));
        let shown = repo.clone();
        let work = move || {
            let mirror = Mirror::lock(&settings.mirror, shown, &settings.reference)?;
            work(&mirror, &settings, &committer)
        };
        self.blocking.within(GRACE, repo, work).await?
    }

    async fn on_remote<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Mirror, &GitSettings, &Route) -> Result<T, WriteError> + Send + 'static,
    ) -> Result<T, WriteError> {
        let address = Address::parse(&self.settings.repo)?;
        let repo = address.display();
        let route = Route::open(address, SYNC, Purpose::Push).await;
        let settings = Arc::clone(&self.settings);
        let work = move || {
            let mirror = Mirror::lock(&settings.mirror, route.address.display(), &settings.reference)?;
            work(&mirror, &settings, &route)
        };
        self.blocking.within(SYNC.total + GRACE, repo, work).await?
    }
}

/// What a commit is made with.
struct Parts<'a> {
    mirror: &'a Mirror,
    repository: &'a Repository,
    settings: &'a GitSettings,
    committer: &'a Committer,
}

/// A commit that is to be.
struct Draft<'a> {
    head: &'a CommitId,
    tree: Oid,
    /// Whether it is made even if it changes nothing: a message that declares something.
    may_be_empty: bool,
    message: &'a str,
    at: Timestamp,
    /// The resources that it may change.
    meant: BTreeSet<ResourceKey>,
    made: Made,
}

impl Parts<'_> {
    /// Makes the commit of a revert, if it leads to what was good.
    fn revert(
        &self,
        revert: &Revert,
        means: Means,
        message: &str,
        at: Timestamp,
    ) -> Result<Built, WriteError> {
        let (tree, made) = revert::tree(self.mirror, self.repository, revert, means)?;
        let (built, after) = self.finish(Draft {
            head: &revert.head,
            tree,
            may_be_empty: false,
            message,
            at,
            meant: revert.meant(),
            made,
        })?;
        let missed = revert.missed(&after);
        if missed.is_empty() {
            return Ok(built);
        }
        let what = missed.iter().map(|(name, what)| {
            let commit = revert.aims.services.get(name).map_or(&revert.head, |aim| &aim.commit);
            format!("{what} of EcsService/{name} would not be as with commit {commit:.8}")
        });
        Err(WriteError::NotGood { what: what.collect::<Vec<_>>().join("; ") })
    }

    /// Makes the commit, unless the tree is the head's, and looks at it once more: nothing but what was meant may change. With
    /// what the branch wants in the end.
    fn finish(&self, draft: Draft<'_>) -> Result<(Built, Arc<DesiredState>), WriteError> {
        let Draft { head, tree, may_be_empty, message, at, meant, made } = draft;
        let broken = |source| self.mirror.git("make a commit", source);
        let parent = history::find(self.repository, head).map_err(broken)?;
        let read = |reader: &mut Reader, id| {
            let (path, reference) = (&self.settings.path, &self.settings.reference);
            reader.read(self.mirror, id, path, reference).map(|(content, _)| Arc::clone(&content.state))
        };
        let mut reader = Reader::default();
        let before = read(&mut reader, parent.id())?;
        if parent.tree_id() == tree && !may_be_empty {
            return Ok((Built::NothingToDo, before));
        }
        let tree = self.repository.find_tree(tree).map_err(broken)?;
        let id = self.committer.commit(self.repository, &parent, &tree, message, at).map_err(|problem| {
            match problem {
                commit::Problem::Git(source) => WriteError::from(broken(source)),
                commit::Problem::Key { path, problem } => WriteError::SigningKey { path, problem },
            }
        })?;
        let after = read(&mut reader, id)?;
        let strays = strays(&before, &after, &meant);
        if !strays.is_empty() {
            let others = strays.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            return Err(WriteError::Strays { others });
        }
        let commit = |id: Oid| CommitId::parse(&id.to_string()).map_err(|_| WriteError::NoCommitId);
        Ok((Built::Commit(Commit { id: commit(id)?, parent: head.clone(), made }), after))
    }
}
