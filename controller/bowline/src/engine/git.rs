//! The owner of the repository: syncs at an interval and when asked, and publishes what it read.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::source::{GitSource, HeadReader, Snapshot, SourceError};

/// What is known of the repository.
#[derive(Debug, Clone, Default)]
pub struct GitView {
    /// The newest commit that was read; with the remote down, the last good one.
    pub snapshot: Option<Arc<Snapshot>>,
    /// Why there is none, or why the last sync failed, as a sentence.
    pub problem: Option<String>,
    /// When the last sync ended.
    pub synced_at: Option<Timestamp>,
}

/// Why nobody answers.
const NO_OWNER: &str = "Bowline is ending, and reads the repository no more";

/// Where the remote's head goes.
type Reply = oneshot::Sender<Result<String, SourceError>>;

/// The way to the owner task.
#[derive(Debug, Clone)]
pub struct GitHandle {
    wakes: mpsc::Sender<()>,
    heads: mpsc::Sender<Reply>,
    /// What the owner has published.
    pub view: watch::Receiver<GitView>,
}

/// What the remote's head says about the commit at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Head {
    /// It is this commit.
    Same,
    /// It moved on.
    Moved(String),
    /// It cannot be read, with the reason as a sentence.
    Unreadable(String),
}

impl GitHandle {
    /// The way to a test, which sees what is asked for.
    #[cfg(test)]
    pub(crate) fn without_owner() -> (Self, mpsc::Receiver<()>) {
        let (wake, wakes) = mpsc::channel(8);
        let (head, _) = mpsc::channel(8);
        let (_, view) = watch::channel(GitView::default());
        (Self { wakes: wake, heads: head, view }, wakes)
    }

    /// Asks for a sync now; its result is published.
    pub async fn wake(&self) {
        // Without an owner everything ends, and nobody needs the answer any more.
        let _ = self.wakes.send(()).await;
    }

    /// Asks for a sync soon, without waiting: where one is asked for already, that one will do.
    pub fn nudge(&self) {
        let _ = self.wakes.try_send(());
    }

    /// Asks the remote whether its head is still `commit`.
    pub async fn head_is(&self, commit: &str) -> Head {
        let (reply, answer) = oneshot::channel();
        if self.heads.send(reply).await.is_err() {
            return Head::Unreadable(NO_OWNER.to_owned());
        }
        match answer.await {
            Ok(Ok(head)) if head == commit => Head::Same,
            Ok(Ok(head)) => Head::Moved(head),
            Ok(Err(error)) => Head::Unreadable(error.sentence()),
            Err(_) => Head::Unreadable(NO_OWNER.to_owned()),
        }
    }
}

/// The owner of the repository.
#[derive(Debug)]
pub struct GitOwner {
    syncs: Syncs,
    heads: Heads,
    shutdown: CancellationToken,
}

/// Reads the repository, and publishes it.
#[derive(Debug)]
struct Syncs {
    source: GitSource,
    clock: Clock,
    interval: std::time::Duration,
    applied: watch::Receiver<BTreeSet<String>>,
    wakes: mpsc::Receiver<()>,
    publish: watch::Sender<GitView>,
}

/// Tells the remote's head to those who ask.
#[derive(Debug)]
struct Heads {
    reader: HeadReader,
    asks: mpsc::Receiver<Reply>,
}

impl GitOwner {
    /// Makes the owner and the way to it. `applied` tells the commits that were last acted from.
    pub fn new(
        source: GitSource,
        clock: Clock,
        interval: std::time::Duration,
        applied: watch::Receiver<BTreeSet<String>>,
        shutdown: CancellationToken,
    ) -> (Self, GitHandle) {
        let (wake, wakes) = mpsc::channel(8);
        let (head, asks) = mpsc::channel(8);
        let (publish, view) = watch::channel(GitView::default());
        let heads = Heads { reader: source.head_reader(), asks };
        let syncs = Syncs { source, clock, interval, applied, wakes, publish };
        (Self { syncs, heads, shutdown }, GitHandle { wakes: wake, heads: head, view })
    }

    /// Syncs until shutdown, and tells the remote's head meanwhile: a sync may take minutes, and a wave waits for the head.
    pub async fn run(mut self) {
        // Reading a repository changes nothing that a cut-off could break, so a slow remote never delays the end.
        let both = async { tokio::join!(self.syncs.sync_forever(), self.heads.tell()) };
        self.shutdown.run_until_cancelled(both).await;
    }
}

impl Heads {
    async fn tell(&mut self) {
        while let Some(reply) = self.asks.recv().await {
            // Who asked may have ended meanwhile.
            let _ = reply.send(self.reader.head().await);
        }
    }
}

impl Syncs {
    async fn sync_forever(&mut self) {
        loop {
            self.sync().await;
            let wait = super::driver::jittered(self.interval);
            let clock = self.clock.clone();
            let pause = clock.sleep(wait);
            tokio::select! {
                () = pause => {}
                // What was read while a pass was under way is compared with what that pass acted from.
                () = outdated(&mut self.applied, &self.publish) => {}
                // Once nobody is left to ask, only the pause ends this; shutdown ends all of it.
                Some(()) = self.wakes.recv() => {}
            }
            // One sync answers all who asked before it.
            while self.wakes.try_recv().is_ok() {}
        }
    }

    async fn sync(&mut self) {
        let applied = self.applied.borrow_and_update().clone();
        let result = self.source.sync(self.clock.now(), &applied).await;
        let synced_at = Some(self.clock.now());
        match result {
            Ok(snapshot) => {
                count("ok");
                tracing::debug!(commit = %snapshot.commit, parsed = snapshot.parsed_files, "git read");
                self.publish.send_modify(|view| {
                    view.snapshot = Some(Arc::new(snapshot));
                    view.problem = None;
                    view.synced_at = synced_at;
                });
            }
            Err(error) => {
                let problem = error.sentence();
                count(error.category());
                tracing::warn!(%problem, "git cannot be read");
                self.publish.send_modify(|view| {
                    view.problem = Some(problem);
                    view.synced_at = synced_at;
                });
            }
        }
    }
}

/// Waits until something is applied, after the last sync had begun, with which the published commit was not compared.
async fn outdated(applied: &mut watch::Receiver<BTreeSet<String>>, published: &watch::Sender<GitView>) {
    let is_outdated = |applied: &BTreeSet<String>| {
        published.borrow().snapshot.as_ref().is_some_and(|snapshot| !snapshot.speaks_of(applied))
    };
    while applied.changed().await.is_ok() {
        if is_outdated(&applied.borrow()) {
            return;
        }
    }
    // Without a sender nothing is acted from any more.
    std::future::pending::<()>().await;
}

/// Counts one read of the repository; `outcome` is `ok` or the error's category.
fn count(outcome: &'static str) {
    metrics::counter!("bowline_git_reads_total", "outcome" => outcome).increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{GitAuth, GitSettings};

    #[tokio::test]
    async fn the_head_is_told_while_a_sync_is_under_way() {
        let folder = tempfile::tempdir().unwrap();
        let (repo, mirror) = (folder.path().join("repo"), folder.path().join("mirror"));
        let repository = git2::Repository::init(&repo).unwrap();
        let tree = repository.find_tree(repository.treebuilder(None).unwrap().write().unwrap()).unwrap();
        let author = git2::Signature::now("Ada", "ada@example.com").unwrap();
        let commit =
            repository.commit(Some("HEAD"), &author, &author, "One", &tree, &[]).unwrap().to_string();
        // The sync waits for this.
        std::fs::create_dir_all(&mirror).unwrap();
        let lock = std::fs::File::create(mirror.join("lock")).unwrap();
        lock.lock().unwrap();
        let source = GitSource::new(GitSettings {
            repo: repo.display().to_string(),
            reference: "HEAD".to_owned(),
            path: String::new(),
            auth: GitAuth::None,
            mirror,
        });
        let (_applied, applied) = watch::channel(BTreeSet::new());
        let interval = std::time::Duration::from_mins(1);
        let shutdown = CancellationToken::new();
        let (owner, git) = GitOwner::new(source, Clock::scaled(1.0), interval, applied, shutdown.clone());
        let owner = tokio::spawn(owner.run());
        assert_eq!(git.head_is(&commit).await, Head::Same);
        assert_eq!(git.view.borrow().synced_at, None, "the sync is under way");
        drop(lock);
        git.view.clone().wait_for(|view| view.synced_at.is_some()).await.unwrap();
        shutdown.cancel();
        owner.await.unwrap();
    }
}
