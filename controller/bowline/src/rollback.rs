//! How does a failed change leave git, too? Scenes of passes in; reverts, branches, pull requests and merges out.
//!
//! The loop that feeds [`bowline_core::rollback::machine`]: it looks, lets the machine say the next step, writes that down,
//! takes the step, and writes down what came of it. It has a task of its own, so that no pass ever waits for it. May import
//! `source`, `store`, `aws`, `execute` and what `engine` publishes. Must not decide anything.
//!
//! | file | holds |
//! |---|---|
//! | `scene` | what a pass tells: the commit, the reports, and what is known of each failed service |
//! | `begin` | bad verdicts become rollbacks, or join one |
//! | `revision` | whether ECS still deploys what was last good, and a new revision where it does not |
//! | `prove` | whether a pull request that was found is the rollback's own |
//! | `step` | looking, and taking one step |
//! | `tell` | events, metrics, the status |

mod begin;
mod prove;
mod revision;
mod scene;
mod step;
mod tell;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bowline_core::desired::kind::RollbackStrategy;
use bowline_core::name::{InstanceName, ResourceName};
use bowline_core::plan::SpecHash;
use bowline_core::rollback::machine::{self, Rollback, State, Step};
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::aws::Aws;
use crate::clock::Clock;
use crate::engine::git::{GitHandle, Head};
use crate::engine::status::Status;
use crate::source::GitWriter;
use crate::source::github::GitHub;
use crate::store::{Rollbacks, StoreError};

pub use scene::{FailedService, GoodSpec, Scene};
pub(crate) use tell::statuses;

/// How many steps one rollback takes in a row: more than there are. A bug must not become a storm of calls.
const MOST_STEPS: usize = 12;
/// How long the loop sleeps at most: a scene wakes it before.
const IDLE: Duration = Duration::from_mins(1);

/// How long it sleeps at least while the store cannot be written: each turn asks GitHub.
const UNREMEMBERED: Duration = Duration::from_secs(15);
/// Of how many rollbacks the evidence is forgotten in one quiet turn: each is one small write.
const FORGOTTEN_AT_ONCE: usize = 10;

/// What the loop works with.
#[derive(Debug)]
pub struct Tools {
    /// Makes commits and pushes them.
    pub writer: GitWriter,
    /// Where pull requests are; none where it is not configured.
    pub github: Option<Arc<GitHub>>,
    /// The name of this instance.
    pub instance: InstanceName,
    /// The most that is done by itself.
    pub strategy: RollbackStrategy,
    /// The way to the repository's owner: it is woken after a merge.
    pub git: GitHandle,
    /// Where what was last good runs.
    pub aws: Aws,
    /// Where rollbacks are kept.
    pub store: Rollbacks,
    /// The time.
    pub clock: Clock,
}

/// The loop.
#[derive(Debug)]
pub struct Loop {
    tools: Tools,
    scenes: watch::Receiver<Option<Arc<Scene>>>,
    /// Numbers of pull requests of which GitHub told that something happened to them.
    touched: mpsc::Receiver<u64>,
    publish: watch::Sender<Arc<Status>>,
    known: BTreeMap<String, Rollback>,
    /// What was looked at last without anything coming of it, so that it is not looked at in each pass.
    examined: Option<Examined>,
    /// When it is looked again whether a history that was cut off reaches further back.
    look_at_edge: Timestamp,
    /// How often in a row the history could not be read.
    unread: u32,
    /// What the store is known to have told last of another name of the repository.
    told_renamed: Option<String>,
}

/// The commit, the failures, and how many rollbacks were open.
type Examined = (String, BTreeSet<(ResourceName, SpecHash)>, usize);

impl Loop {
    /// Takes up what the store has.
    pub async fn new(
        tools: Tools,
        scenes: watch::Receiver<Option<Arc<Scene>>>,
        touched: mpsc::Receiver<u64>,
        publish: watch::Sender<Arc<Status>>,
    ) -> Result<Self, StoreError> {
        let known = tools.store.load().await?;
        if let Some(github) = &tools.github {
            remember_refused(github, known.values());
        }
        let look_at_edge = Timestamp::UNIX_EPOCH;
        Ok(Self {
            tools,
            scenes,
            touched,
            publish,
            known,
            examined: None,
            look_at_edge,
            unread: 0,
            told_renamed: None,
        })
    }

    /// Rolls back what fails, until shutdown. A call under way is cut off then: its effect is looked for after the next start.
    pub async fn run(mut self, shutdown: CancellationToken) {
        shutdown.run_until_cancelled(self.turn_forever()).await;
    }

    async fn turn_forever(&mut self) {
        loop {
            let scene = self.scenes.borrow_and_update().clone();
            let turned = match scene {
                Some(scene) => self.turn(&scene).await,
                None => Ok(()),
            };
            if let Err(error) = &turned {
                let problem = crate::engine::sentence(error);
                tracing::error!(%problem, "rollbacks wait: nothing is done that could not be remembered");
            }
            self.tell_status();
            let pause = self.tools.clock.sleep(self.pause(turned.is_ok()));
            tokio::select! {
                changed = self.scenes.changed() => {
                    if changed.is_err() {
                        // Without passes everything ends, but not from here.
                        std::future::pending::<()>().await;
                    }
                }
                Some(number) = self.touched.recv() => self.look_at_pull(number),
                () = pause => {}
            }
        }
    }

    /// Takes every rollback as far as it goes now, then begins those that are new.
    async fn turn(&mut self, scene: &Scene) -> Result<(), StoreError> {
        self.tell_renamed(scene).await?;
        self.learn(scene).await?;
        self.tell_storm(scene).await?;
        self.advance_all(scene).await?;
        if self.begin(scene).await? {
            self.tell_storm(scene).await?;
            self.advance_all(scene).await?;
        }
        if self.pause(true) >= IDLE {
            self.forget(scene).await?;
        }
        Ok(())
    }

    /// Forgets the evidence of what ended long ago, while nothing else is to be done.
    async fn forget(&mut self, scene: &Scene) -> Result<(), StoreError> {
        let (github, now) = (self.tools.github.is_some(), self.now());
        let old = self.known.values().filter_map(|known| {
            let mut rollback = known.clone();
            rollback.forget(github, now).then_some(rollback)
        });
        let old: Vec<Rollback> = old.take(FORGOTTEN_AT_ONCE).collect();
        for rollback in old {
            self.tools.store.save(&rollback, &[], &scene.snapshot.commit).await?;
            self.known.insert(rollback.id.clone(), rollback);
        }
        Ok(())
    }

    /// GitHub told that something happened to a pull request: what became of it is asked for with the next turn.
    fn look_at_pull(&mut self, number: u64) {
        let now = self.now();
        let is_it = |known: &&mut Rollback| known.pull.as_ref().is_some_and(|pull| pull.number == number);
        self.known.values_mut().filter(is_it).for_each(|rollback| rollback.look_now(now));
    }

    /// Adds what passes found out since a rollback began, also where its pull request is open already.
    async fn learn(&mut self, scene: &Scene) -> Result<(), StoreError> {
        let open: Vec<Rollback> =
            self.known.values().filter(|known| !known.state.is_last()).cloned().collect();
        for mut rollback in open {
            let (mut is_new, mut is_evidence) = (false, false);
            for (name, failed) in &scene.failed {
                if let Some(tried) = &failed.tried {
                    is_new |= rollback.learn_attempt(name, &failed.spec_hash, tried);
                }
                if let Some(evidence) = &failed.evidence {
                    is_evidence |= rollback.learn_evidence(name, &failed.spec_hash, evidence);
                }
            }
            if is_new || is_evidence {
                rollback.look_now(self.now());
                self.tools.store.save(&rollback, &[], &scene.snapshot.commit).await?;
            }
            if is_evidence {
                self.tools.rewrite(&rollback, scene).await;
            }
            self.known.insert(rollback.id.clone(), rollback);
        }
        Ok(())
    }

    /// Tells once of each other name that the repository has at GitHub. It is no resource's own: the first Target has it in its history.
    async fn tell_renamed(&mut self, scene: &Scene) -> Result<(), StoreError> {
        let renamed = self.tools.github.as_ref().and_then(|github| tell::renamed(github));
        let target = scene.snapshot.state.targets.keys().next();
        let renamed = renamed.filter(|finding| self.told_renamed.as_ref() != Some(&finding.message));
        let Some((finding, target)) = renamed.zip(target) else {
            return Ok(());
        };
        let event = tell::renaming(&finding, target, self.now());
        if self.tools.store.tell_once(&event, &scene.snapshot.commit).await? {
            tracing::warn!(resource = %event.resource, "{}", event.message);
        }
        self.told_renamed = Some(finding.message);
        Ok(())
    }

    /// Tells once that so much fails at once that rollbacks are held. Where passes see it, they tell it.
    async fn tell_storm(&mut self, scene: &Scene) -> Result<(), StoreError> {
        let now = self.now();
        let storm = machine::untold_storm(&self.known, now).filter(|_| scene.outage.is_none());
        let Some((storm, mut rollback)) =
            storm.and_then(|storm| Some((storm.clone(), self.known.get(&storm.id)?.clone())))
        else {
            return Ok(());
        };
        rollback.storm_told_at = Some(now);
        let event = tell::held(&storm, now);
        self.tools.store.save(&rollback, std::slice::from_ref(&event), &scene.snapshot.commit).await?;
        tracing::warn!(resource = %event.resource, "{}", event.message);
        self.known.insert(storm.id, rollback);
        Ok(())
    }

    async fn advance_all(&mut self, scene: &Scene) -> Result<(), StoreError> {
        let github = self.tools.github.is_some();
        let open: Vec<String> =
            self.known.values().filter(|one| !one.is_over(github)).map(|one| one.id.clone()).collect();
        for id in open {
            if let Some(mut rollback) = self.known.get(&id).cloned() {
                let result = self.advance(&mut rollback, scene).await;
                self.known.insert(id, rollback);
                result?;
            }
        }
        Ok(())
    }

    /// Looks, decides, writes down, acts and writes down again, until there is nothing to do for now. What could not be written
    /// down is forgotten again: as after a crash, it is looked for with the next turn.
    async fn advance(&self, rollback: &mut Rollback, scene: &Scene) -> Result<(), StoreError> {
        for _ in 0..MOST_STEPS {
            let now = self.now();
            if rollback.is_over(self.tools.github.is_some()) {
                return Ok(());
            }
            let before = rollback.clone();
            rollback.learn_storm(self.known.values(), now);
            let storm = scene.outage.is_some() || machine::is_storm(self.known.values(), now);
            let seen = self.tools.look(rollback, &self.known, scene, storm, now).await;
            let mut step = rollback.advance(&seen, now);
            if step.needs_head() && !self.is_head(scene).await {
                rollback.base_moved(now);
                step = Step::Rest;
            }
            self.save(&before, rollback, scene).await?;
            // Its text says so as well: that is what is left where the store is lost.
            if before.pull.is_some() && !before.is_of_storm() && rollback.is_of_storm() {
                self.tools.rewrite(rollback, scene).await;
            }
            if before.state != State::Merged && rollback.state == State::Merged {
                self.tools.git.wake().await;
            }
            if step == Step::Rest {
                return Ok(());
            }
            let before = rollback.clone();
            self.tools.take(&step, rollback, scene, now).await;
            self.save(&before, rollback, scene).await?;
        }
        tracing::error!(rollback = %rollback.id, "a rollback does not come to rest; please report this as a bug");
        Ok(())
    }

    /// Whether the branch is still where it was read: from an older one nothing is pushed, opened or merged.
    async fn is_head(&self, scene: &Scene) -> bool {
        match self.tools.git.head_is(&scene.snapshot.commit).await {
            Head::Same => true,
            Head::Moved(_) => {
                self.tools.git.wake().await;
                false
            }
            Head::Unreadable(why) => {
                tracing::warn!(%why, "nothing is rolled back while nobody knows where the branch is");
                false
            }
        }
    }

    /// Writes a rollback down if it changed, with what there is to tell of it. If that fails, it is as it was `before`, which is
    /// what the store has.
    async fn save(
        &self,
        before: &Rollback,
        rollback: &mut Rollback,
        scene: &Scene,
    ) -> Result<(), StoreError> {
        let now = self.now();
        let mut events = tell::changes(before, rollback, now);
        if rollback.overdue(now) {
            events.extend(tell::overdue(rollback, now));
        }
        if before == rollback && events.is_empty() {
            return Ok(());
        }
        if let Err(error) = self.tools.store.save(rollback, &events, &scene.snapshot.commit).await {
            rollback.clone_from(before);
            return Err(error);
        }
        tell::measure(before, rollback);
        for event in &events {
            tracing::warn!(resource = %event.resource, rollback = %rollback.id, "{}", event.message);
        }
        Ok(())
    }

    /// How long nothing is due; `remembers` says whether the store could be written.
    fn pause(&self, remembers: bool) -> Duration {
        let github = self.tools.github.is_some();
        let open = self.known.values().filter(|one| !one.is_over(github));
        let next = open.map(|one| one.look_at).min();
        let until =
            next.map(|at| Duration::try_from(at.duration_since(self.now())).unwrap_or(Duration::ZERO));
        // Never at once again: a look that changes nothing would spin. What could not be written down is due at once.
        let least = if remembers { Duration::from_secs(1) } else { UNREMEMBERED };
        until.unwrap_or(IDLE).clamp(least, IDLE)
    }

    fn tell_status(&self) {
        let rollbacks = statuses(self.known.values(), self.now());
        let renamed = self.tools.github.as_ref().and_then(|github| tell::renamed(github));
        crate::engine::status::publish(&self.publish, |mut status| {
            status.rollbacks = rollbacks;
            status.with_name(renamed)
        });
    }

    fn now(&self) -> Timestamp {
        self.tools.clock.now()
    }
}

/// Tells which ways of merging the rules of the branch refused, as the newest rollback knows that was to be merged: what it found out
/// before a restart is not tried again.
fn remember_refused<'a>(github: &GitHub, known: impl Iterator<Item = &'a Rollback>) {
    let newest = known.filter(|one| !one.refused_methods.is_empty()).max_by_key(|one| one.opened_at);
    if let Some(newest) = newest {
        github.remember_refused(&newest.refused_methods);
    }
}

#[cfg(test)]
mod tests;
