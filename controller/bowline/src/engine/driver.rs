//! When does the next pass come, and what is due in it? Owns the world between passes.

use std::collections::BTreeSet;
use std::mem::{Discriminant, discriminant};
use std::sync::Arc;
use std::time::Duration;

use bowline_core::plan::EventKind;
use bowline_core::policy::GitStanding;
use jiff::{SignedDuration, Timestamp};
use rand::RngExt;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::findings::Findings;
use super::git::GitView;
use super::reconcile::{Next, Pass, World, reconcile};
use super::refusal;
use super::status::{self, Status};
use crate::config::Intervals;
use crate::observe::Scope;
use crate::rollback::Scene;
use crate::source::Snapshot;

/// How soon the next pass comes while a rollout is under way or a wave waits. ECS takes tens of seconds to start a task, so
/// looking more often costs calls and shows nothing.
pub const SOON: Duration = Duration::from_secs(5);

/// How often services that git does not name are looked for, besides when git changes: they are told, and nothing is done.
const STRANGERS: Duration = Duration::from_hours(1);

/// How much an interval varies, so that several controllers do not ask in step.
const JITTER: f64 = 0.1;

/// How much longer than the last one a round of services may take.
const SLACK: f64 = 1.2;

/// The loop that makes passes.
#[derive(Debug)]
pub struct Driver {
    /// What a pass needs.
    pub world: World,
    /// How often to look.
    pub intervals: Intervals,
    /// Where the status goes.
    pub publish: watch::Sender<Arc<Status>>,
    /// Where rollbacks see what a pass found; it waits for nobody.
    pub scenes: watch::Sender<Option<Arc<Scene>>>,
    /// Ends the loop.
    pub shutdown: CancellationToken,
}

impl Driver {
    /// Makes passes until shutdown, and gives the world back with everything persisted.
    ///
    /// A pass comes at its interval, soon after an action, and at once when git has something new. A store that cannot be
    /// written holds all actions and is tried again at the interval.
    pub async fn drive(mut self) -> World {
        let mut git = self.world.git.view.clone();
        let mut schedule = Schedule::new(&self.intervals, self.world.clock.now());
        let mut seen = None;
        let mut refused = None;
        let mut findings = Findings::default();
        while self.wait(&mut git, &schedule).await {
            let view = git.borrow_and_update().clone();
            status::publish(&self.publish, |status| status.with_git(&view));
            let Some(snapshot) = view.snapshot else { continue };
            findings.log(&snapshot.commit, &snapshot.findings);
            let began = self.world.clock.now();
            let current = Some(what_counts(&snapshot, &self.world.applied.borrow()));
            if current != seen {
                seen = current;
                schedule.everything(began);
            }
            let scope = schedule.due(began);
            if !(scope.services || scope.secrets || scope.states || scope.strangers) {
                continue;
            }
            let result = reconcile(&mut self.world, &snapshot, scope).await;
            let now = self.world.clock.now();
            match result {
                Ok(None) => break,
                Ok(Some(mut pass)) => {
                    log(&pass);
                    let reread = matches!(pass.next, Next::Reread(_));
                    if !reread {
                        refusal::log(&pass.standing, &mut refused);
                    }
                    schedule.after(scope, &pass, began, now);
                    let found = pass.found();
                    self.scenes.send_replace(Some(Arc::new(Scene::of(&self.world, &snapshot, &found))));
                    status::publish(&self.publish, |status| status.with_pass(&snapshot, pass, found));
                    if reread {
                        self.world.git.wake().await;
                    }
                }
                Err(error) => {
                    let problem = super::sentence(&error);
                    tracing::error!(%problem, "the pass ended early; nothing more is done in it");
                    schedule.after_failure(scope, began, now);
                    status::publish(&self.publish, |mut status| {
                        status.problem = Some(problem);
                        status
                    });
                }
            }
        }
        self.world
    }

    /// Waits for the next thing to do; false at shutdown.
    async fn wait(&self, git: &mut watch::Receiver<GitView>, schedule: &Schedule) -> bool {
        let now = self.world.clock.now();
        let until = Duration::try_from(schedule.next().duration_since(now)).unwrap_or(Duration::ZERO);
        tokio::select! {
            biased;
            () = self.shutdown.cancelled() => false,
            () = changed(git) => true,
            // Without a commit there is nothing to compare: git alone can end the wait.
            () = self.world.clock.sleep(until), if git.borrow().snapshot.is_some() => true,
        }
    }
}

/// What makes everything due when it changes: the commit, the kind of its standing (whose sentence grows older with each
/// read), and whether that speaks of what was acted from.
fn what_counts(snapshot: &Snapshot, applied: &BTreeSet<String>) -> (String, Discriminant<GitStanding>, bool) {
    (snapshot.commit.clone(), discriminant(&snapshot.standing), snapshot.speaks_of(applied))
}

/// Waits until git has something new. Without its owner nothing new comes: that ends everything, but not from here.
async fn changed(git: &mut watch::Receiver<GitView>) {
    if git.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn log(pass: &Pass) {
    for event in &pass.events {
        match event.kind {
            // Told when git was read.
            EventKind::GitRefused => {}
            EventKind::ActionFailed | EventKind::OrphanFound | EventKind::SuspensionEnds => {
                tracing::warn!(resource = %event.resource, "{}", event.message);
            }
            _ => tracing::info!(resource = %event.resource, "{}", event.message),
        }
    }
    tracing::debug!(attempted = pass.attempted.len(), next = ?pass.next, "pass ended");
}

/// `interval`, a little longer or shorter.
pub fn jittered(interval: Duration) -> Duration {
    interval.mul_f64(rand::rng().random_range(1.0 - JITTER..=1.0 + JITTER))
}

/// What is due when.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Schedule {
    intervals: Intervals,
    services: Timestamp,
    secrets: Timestamp,
    states: Timestamp,
    strangers: Timestamp,
    /// From the beginning of the last pass over services to the time that the next one was due.
    round: Duration,
}

impl Schedule {
    /// Everything is due at once.
    fn new(intervals: &Intervals, now: Timestamp) -> Self {
        Self {
            intervals: intervals.clone(),
            services: now,
            secrets: now,
            states: now,
            strangers: now,
            round: Duration::ZERO,
        }
    }

    fn everything(&mut self, now: Timestamp) {
        (self.services, self.secrets, self.states, self.strangers) = (now, now, now, now);
    }

    /// When the next thing is due.
    fn next(&self) -> Timestamp {
        self.services.min(self.secrets).min(self.states).min(self.strangers)
    }

    /// What is due at `now`. However little a pass reads, it decides about everything: what would be due before services are
    /// again is read along with them, unless it was read less than half of its interval ago.
    fn due(&self, now: Timestamp) -> Scope {
        let services = self.services <= now;
        let ahead = if services { self.round.mul_f64(SLACK) } else { Duration::ZERO };
        let by = |interval: Duration| later(now, ahead.min(interval / 2));
        Scope {
            services,
            secrets: self.secrets <= by(self.intervals.secrets.get()),
            states: self.states <= by(self.intervals.states.get()),
            strangers: self.strangers <= by(STRANGERS),
            all_tags: false,
        }
    }

    /// What was observed is due again at its interval; services, and secrets that were touched, sooner if more is to come.
    fn after(&mut self, observed: Scope, pass: &Pass, began: Timestamp, now: Timestamp) {
        self.after_failure(observed, began, now);
        if pass.next == Next::Soon {
            self.services = self.services.min(later(now, SOON));
        }
        if pass.touched_secrets() {
            self.secrets = later(now, SOON);
        }
    }

    fn after_failure(&mut self, observed: Scope, began: Timestamp, now: Timestamp) {
        if observed.services {
            self.services = later(now, jittered(self.intervals.live.get()));
            self.round = Duration::try_from(self.services.duration_since(began)).unwrap_or_default();
        }
        // Read as the pass began, which of thousands of services took most of a minute.
        let again = |interval: Duration| later(began, jittered(interval)).max(later(now, interval / 2));
        if observed.secrets {
            self.secrets = again(self.intervals.secrets.get());
        }
        if observed.states {
            self.states = again(self.intervals.states.get());
        }
        if observed.strangers {
            self.strangers = again(STRANGERS);
        }
    }
}

fn later(now: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by).ok().and_then(|by| now.checked_add(by).ok()).unwrap_or(now)
}

#[cfg(test)]
mod tests;
