//! A task and its life: PROVISIONING, PENDING, ACTIVATING, RUNNING, DEACTIVATING, STOPPING, DEPROVISIONING, STOPPED.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::CanRead;
use super::recipe::{Behaviour, Recipe};
use super::settings::Template;
use crate::clock::later;

/// Attaching the network interface.
const PROVISIONING: Duration = Duration::from_secs(4);
/// Pulling images and secrets.
const PENDING: Duration = Duration::from_secs(4);
/// Registering with load balancer and service discovery.
const ACTIVATING: Duration = Duration::from_secs(2);
/// Deregistering, without a load balancer.
const DEACTIVATING: Duration = Duration::from_secs(1);
/// Draining connections, with a load balancer (AWS's default is 300 s; most services set it lower).
const DRAINING: Duration = Duration::from_secs(15);
/// From the stop signal to the end of the containers.
const STOPPING: Duration = Duration::from_secs(3);
/// Detaching the network interface.
const DEPROVISIONING: Duration = Duration::from_secs(3);
/// How long a stopped task can still be described.
const KEPT: Duration = Duration::from_hours(1);
/// Until a load balancer's checks pass.
const TARGET_PASSES: Duration = Duration::from_secs(10);
/// Until checks have failed often enough, where no health check says how often that is.
const CHECKS_FAIL: Duration = Duration::from_secs(30);

/// `lastStatus`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    Provisioning,
    Pending,
    Activating,
    Running,
    Deactivating,
    Stopping,
    Deprovisioning,
    Stopped,
}

impl Phase {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Provisioning => "PROVISIONING",
            Self::Pending => "PENDING",
            Self::Activating => "ACTIVATING",
            Self::Running => "RUNNING",
            Self::Deactivating => "DEACTIVATING",
            Self::Stopping => "STOPPING",
            Self::Deprovisioning => "DEPROVISIONING",
            Self::Stopped => "STOPPED",
        }
    }

    /// Whether it counts into `pendingCount`.
    pub(super) fn pending(self) -> bool {
        self < Self::Running
    }
}

/// What the health checks have found so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Health {
    Unknown,
    Healthy,
    Unhealthy,
}

/// Why a task stopped.
#[derive(Debug, Clone)]
pub(super) struct Stop {
    pub(super) code: &'static str,
    pub(super) reason: String,
    /// Of the container that caused it; absent if no container ran.
    pub(super) exit_code: Option<i32>,
    /// The `reason` of the containers.
    pub(super) container_reason: Option<String>,
}

/// What a step of a task means to its service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// Nothing of note.
    Onward,
    /// It runs and passes its health checks.
    Good,
    /// It failed and is on its way out.
    Failed,
    /// Its health checks failed; whoever started it decides.
    Unhealthy,
    /// It is forgotten.
    Gone,
}

/// A task, until an hour after it stopped.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) made: Launch,
    pub(super) phase: Phase,
    /// `desiredStatus` is RUNNING.
    pub(super) wanted: bool,
    pub(super) health: Health,
    /// It ran and passed its checks.
    pub(super) good: bool,
    pub(super) due: Timestamp,
    pub(super) version: u64,
    pub(super) created_at: Timestamp,
    pub(super) pull_started_at: Option<Timestamp>,
    pub(super) pull_stopped_at: Option<Timestamp>,
    pub(super) started_at: Option<Timestamp>,
    pub(super) stopping_at: Option<Timestamp>,
    pub(super) execution_stopped_at: Option<Timestamp>,
    pub(super) stopped_at: Option<Timestamp>,
    pub(super) stop: Option<Stop>,
    /// The digests of its containers' images, once they were pulled.
    pub(super) digests: Vec<String>,
}

/// What a task is made of.
#[derive(Debug)]
pub(super) struct Launch {
    pub(super) arn: String,
    pub(super) id: String,
    pub(super) cluster_arn: String,
    /// `ecs-svc/<n>`, or what `RunTask` said.
    pub(super) started_by: Option<String>,
    /// The number of the deployment that started it; 0 for `RunTask`.
    pub(super) deployment: u64,
    pub(super) group: String,
    pub(super) template: Arc<Template>,
    pub(super) recipe: Arc<Recipe>,
    pub(super) tags: Vec<Value>,
    pub(super) overrides: Option<Value>,
    pub(super) execute_command: bool,
    /// Picks address, zone and the like.
    pub(super) number: u64,
}

impl Task {
    pub(super) fn launch(made: Launch, at: Timestamp) -> Self {
        Self {
            made,
            phase: Phase::Provisioning,
            wanted: true,
            health: Health::Unknown,
            good: false,
            due: later(at, PROVISIONING),
            version: 1,
            created_at: at,
            pull_started_at: None,
            pull_stopped_at: None,
            started_at: None,
            stopping_at: None,
            execution_stopped_at: None,
            stopped_at: None,
            stop: None,
            digests: Vec::new(),
        }
    }

    /// Goes on to the next phase; called when `due` is reached.
    pub(super) fn step(&mut self, can_read: &CanRead<'_>) -> Progress {
        let at = self.due;
        match self.phase {
            Phase::Provisioning => {
                self.pull_started_at = Some(at);
                self.enter(Phase::Pending, at, PENDING);
                Progress::Onward
            }
            Phase::Pending => self.pull(at, can_read),
            Phase::Activating => self.start(at),
            Phase::Running => self.check_health(),
            Phase::Deactivating => {
                self.enter(Phase::Stopping, at, STOPPING);
                Progress::Onward
            }
            Phase::Stopping => {
                self.execution_stopped_at = Some(at);
                self.enter(Phase::Deprovisioning, at, DEPROVISIONING);
                Progress::Onward
            }
            Phase::Deprovisioning => {
                self.stopped_at = Some(at);
                self.enter(Phase::Stopped, at, KEPT);
                Progress::Onward
            }
            Phase::Stopped => Progress::Gone,
        }
    }

    /// Brings a task that no service watches up to `now`; false when it is forgotten.
    pub(super) fn catch_up(&mut self, now: Timestamp, can_read: &CanRead<'_>) -> bool {
        while self.due <= now {
            if self.step(can_read) == Progress::Gone {
                return false;
            }
        }
        true
    }

    fn enter(&mut self, phase: Phase, at: Timestamp, stays: Duration) {
        self.phase = phase;
        self.due = later(at, stays);
        self.version += 1;
    }

    fn pull(&mut self, at: Timestamp, can_read: &CanRead<'_>) -> Progress {
        if let Some(secret) = self.made.recipe.secrets.iter().find(|secret| !can_read(secret)) {
            let reason = format!(
                "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret {secret} from secrets manager: ResourceNotFoundException: Secrets Manager can't find the specified secret."
            );
            return self.fail(at, "TaskFailedToStart", reason, None, None);
        }
        self.pull_stopped_at = Some(at);
        if let Behaviour::Missing { image } = &self.made.recipe.behaviour {
            let reason = format!(
                "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref {image}: {image}: not found"
            );
            return self.fail(at, "TaskFailedToStart", reason.clone(), None, Some(reason));
        }
        self.digests = self.made.recipe.pull(&self.made.template.digests);
        self.enter(Phase::Activating, at, ACTIVATING);
        Progress::Onward
    }

    fn start(&mut self, at: Timestamp) -> Progress {
        if matches!(self.made.recipe.behaviour, Behaviour::Crashes { .. }) {
            let reason = "Essential container in task exited".to_owned();
            return self.fail(at, "EssentialContainerExited", reason, Some(1), None);
        }
        self.started_at = Some(at);
        let verdict = self.verdict_after();
        self.enter(Phase::Running, at, verdict.unwrap_or(Duration::ZERO));
        match verdict {
            Some(_) => Progress::Onward,
            None => self.check_health(),
        }
    }

    /// How long the checks take to find a running task good or bad; none if nothing checks it.
    fn verdict_after(&self) -> Option<Duration> {
        let container = self.made.recipe.health_check;
        let target = self.made.template.target_group();
        if self.made.recipe.behaviour == Behaviour::Unhealthy {
            let grace = Duration::from_secs(self.made.template.grace_seconds);
            return Some(grace.saturating_add(container.map_or(CHECKS_FAIL, |check| check.fails_after)));
        }
        container.map(|check| check.passes_after).max(target.map(|_| TARGET_PASSES))
    }

    fn check_health(&mut self) -> Progress {
        // Nothing more falls due while it runs.
        self.due = Timestamp::MAX;
        let checked = self.made.recipe.health_check.is_some();
        if self.made.recipe.behaviour == Behaviour::Unhealthy {
            if checked || self.made.template.target_group().is_none() {
                self.health = Health::Unhealthy;
            }
            self.version += 1;
            return Progress::Unhealthy;
        }
        if checked {
            self.health = Health::Healthy;
        }
        self.good = true;
        Progress::Good
    }

    fn fail(
        &mut self,
        at: Timestamp,
        code: &'static str,
        reason: String,
        exit_code: Option<i32>,
        container_reason: Option<String>,
    ) -> Progress {
        self.wanted = false;
        self.stop = Some(Stop { code, reason, exit_code, container_reason });
        self.stopping_at = Some(at);
        self.execution_stopped_at = Some(at);
        self.enter(Phase::Deprovisioning, at, DEPROVISIONING);
        Progress::Failed
    }

    /// The words of ECS for a task whose health checks failed.
    pub(super) fn unhealthy_reason(&self) -> String {
        match self.made.template.target_group() {
            Some(group) if self.made.recipe.health_check.is_none() => {
                format!("Task failed ELB health checks in (target-group {group})")
            }
            _ => "Task failed container health checks".to_owned(),
        }
    }

    /// Stops it on demand of a person or of its service.
    pub(super) fn stop(&mut self, at: Timestamp, code: &'static str, reason: String) {
        if !self.wanted {
            return;
        }
        self.wanted = false;
        self.good = false;
        self.stopping_at = Some(at);
        // The containers end by themselves within the stop timeout, or have never run.
        let exit_code = (self.phase >= Phase::Activating).then_some(0);
        self.stop = Some(Stop { code, reason, exit_code, container_reason: None });
        match self.phase {
            Phase::Running if self.made.template.target_group().is_some() => {
                self.enter(Phase::Deactivating, at, DRAINING);
            }
            Phase::Running => self.enter(Phase::Deactivating, at, DEACTIVATING),
            _ => self.enter(Phase::Stopping, at, STOPPING),
        }
    }
}
