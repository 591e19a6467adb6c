//! A pull request against live: what a pass would find and do right after the merge. Nothing is written or remembered.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use bowline_core::desired::kind::Mode;
use bowline_core::name::{CommitId, InstanceName};
use bowline_core::plan::{Memory, Wave};
use bowline_core::policy::{Ceiling, GitStanding};
use bowline_core::preview::{Compared, Part};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::aws::Aws;
use crate::clock::Clock;
use crate::engine::git::GitHandle;
use crate::engine::look::look;
use crate::engine::reconcile::{Part as Looked, World, standing_of};
use crate::engine::refusal;
use crate::probe::Prober;
use crate::source::Snapshot;
use crate::store::{Store, StoreError};

/// Compares with live, beside the passes: with their clients, limits and ceiling, and with what they remember.
#[derive(Debug)]
pub struct Comparison {
    /// The name of this instance.
    pub instance: InstanceName,
    /// The clients.
    pub aws: Aws,
    /// The way to the repository's owner.
    pub git: GitHandle,
    /// The most that Bowline may do.
    pub ceiling: Ceiling,
    /// The time.
    pub clock: Clock,
    /// Where the passes remember; absent where that is in memory only, and then nothing is known of the past.
    pub store: Option<PathBuf>,
    /// Ends the process.
    pub shutdown: CancellationToken,
}

impl Comparison {
    /// The highest mode.
    pub fn mode(&self) -> Mode {
        self.ceiling.mode
    }

    /// The name of this instance.
    pub fn instance(&self) -> &InstanceName {
        &self.instance
    }

    /// What a pass would find and do if `head` were merged onto `base`.
    pub async fn compare(
        &self,
        part: &Part,
        head: &CommitId,
        base: &Snapshot,
    ) -> Result<Compared, StoreError> {
        let mut world = self.world().await?;
        let whole = Snapshot {
            commit: head.to_string(),
            standing: GitStanding::Fresh,
            state: Arc::new(part.whole.clone()),
            ..base.clone()
        };
        let refused = refusal::why(&standing_of(&world, &whole));
        let mut compared = Compared {
            changes: part.changes.iter().map(|(key, change)| (key.clone(), change.clone())).collect(),
            refused,
            ..Compared::default()
        };
        if part.told.is_empty() {
            return Ok(compared);
        }
        // Only this is looked at, so that it does not matter what else vanished.
        world.part = Looked::OneService;
        let narrowed = Snapshot { state: Arc::new(part.state.clone()), ..whole };
        let pass = look(&mut world, &narrowed).await;
        let reports = pass.approved.reports.values().map(|report| &**report);
        compared.reports = reports.filter(|report| part.told.contains(&report.resource)).cloned().collect();
        let actions = pass
            .proposed
            .iter()
            .filter(|action| action.wave != Wave::Claims && part.told.contains(&action.resource));
        compared.actions = actions.map(ToString::to_string).collect();
        Ok(compared)
    }

    async fn world(&self) -> Result<World, StoreError> {
        let memory = match self.store.as_ref().filter(|path| path.exists()) {
            Some(path) => Store::peek(path).await?.0,
            None => Memory::default(),
        };
        Ok(World {
            instance: self.instance.clone(),
            aws: self.aws.clone(),
            git: self.git.clone(),
            store: Store::in_memory().await?,
            ceiling: self.ceiling.clone(),
            clock: self.clock.clone(),
            memory,
            live: None,
            // No host may be asked: what a pull request names is not connected to before somebody merged it.
            prober: Prober::new(BTreeSet::new(), self.clock.clone(), self.shutdown.clone()),
            part: Looked::Whole,
            tells_bodies: false,
            applied: watch::Sender::default(),
            shutdown: self.shutdown.clone(),
        })
    }
}
