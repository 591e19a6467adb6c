//! The owner of the repository: syncs at an interval and when asked, and publishes what it read.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::source::{GitSource, Snapshot, SourceError};

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

/// What others may ask of the owner.
#[derive(Debug)]
enum Ask {
    Sync,
    Head(oneshot::Sender<Result<String, SourceError>>),
}

/// The way to the owner task.
#[derive(Debug, Clone)]
pub struct GitHandle {
    asks: mpsc::Sender<Ask>,
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
    /// Asks for a sync now; its result is published.
    pub async fn wake(&self) {
        // Without an owner everything ends, and nobody needs the answer any more.
        let _ = self.asks.send(Ask::Sync).await;
    }

    /// Asks the remote whether its head is still `commit`.
    pub async fn head_is(&self, commit: &str) -> Head {
        let (reply, answer) = oneshot::channel();
        if self.asks.send(Ask::Head(reply)).await.is_err() {
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
    source: GitSource,
    clock: Clock,
    interval: std::time::Duration,
    applied: watch::Receiver<BTreeSet<String>>,
    asks: mpsc::Receiver<Ask>,
    publish: watch::Sender<GitView>,
    shutdown: CancellationToken,
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
        let (sender, asks) = mpsc::channel(8);
        let (publish, view) = watch::channel(GitView::default());
        let owner = Self { source, clock, interval, applied, asks, publish, shutdown };
        (owner, GitHandle { asks: sender, view })
    }

    /// Syncs until shutdown.
    pub async fn run(mut self) {
        let shutdown = self.shutdown.clone();
        // Reading a repository changes nothing that a cut-off could break, so a slow remote never delays the end.
        shutdown.run_until_cancelled(self.sync_forever()).await;
    }

    async fn sync_forever(&mut self) {
        loop {
            self.sync().await;
            let wait = super::driver::jittered(self.interval);
            let clock = self.clock.clone();
            let pause = clock.sleep(wait);
            tokio::pin!(pause);
            loop {
                tokio::select! {
                    () = &mut pause => break,
                    // Once nobody is left to ask, only the pause ends this; shutdown ends all of it.
                    Some(ask) = self.asks.recv() => match ask {
                        Ask::Head(reply) => {
                            let _ = reply.send(self.source.head().await);
                        }
                        Ask::Sync => break,
                    },
                }
            }
        }
    }

    async fn sync(&mut self) {
        let applied = self.applied.borrow().clone();
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

/// Counts one read of the repository; `outcome` is `ok` or the error's category.
fn count(outcome: &'static str) {
    metrics::counter!("bowline_git_reads_total", "outcome" => outcome).increment(1);
}
