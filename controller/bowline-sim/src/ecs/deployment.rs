//! Deployments of a service, the revisions they roll out, and the service deployments that record them.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::pace::Pace;
use super::settings::Template;
use crate::clock::later;

/// Between a change and the scheduler's first look at it.
pub(super) const START_DELAY: Duration = Duration::from_secs(1);
/// Failed rounds of a deployment before ECS begins to wait between launches.
const PATIENT_ROUNDS: usize = 3;
/// The first wait; it doubles each round.
const FIRST_BACK_OFF: Duration = Duration::from_secs(10);
/// The longest wait (developer guide, "Service throttle logic").
const LONGEST_BACK_OFF: Duration = Duration::from_mins(15);

/// How far a deployment has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rollout {
    InProgress,
    Completed,
    Failed,
}

impl Rollout {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::InProgress => "IN_PROGRESS",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
        }
    }
}

/// An entry of `deployments[]`. The first of a service is its PRIMARY, the others are ACTIVE.
#[derive(Debug)]
pub(super) struct Deployment {
    pub(super) number: u64,
    /// The revision it rolls out: its own number, or the one that a rollback goes back to.
    pub(super) revision: u64,
    /// It undoes another one.
    pub(super) rollback: bool,
    pub(super) template: Arc<Template>,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) begun: bool,
    pub(super) rollout: Rollout,
    pub(super) reason: String,
    /// Tasks that failed in a row.
    pub(super) failed_tasks: usize,
    /// A task ran well: failures no longer count.
    pub(super) proven: bool,
    /// No launch before this.
    pub(super) launch_after: Option<Timestamp>,
    /// Which service deployment it belongs to.
    pub(super) record: usize,
}

impl Deployment {
    pub(super) fn id(&self) -> String {
        deployment_id(self.number)
    }

    pub(super) fn starts_at(&self) -> Timestamp {
        later(self.created_at, START_DELAY)
    }

    /// A task of it failed.
    pub(super) fn note_failure(&mut self, at: Timestamp, desired: usize) {
        if self.proven {
            return;
        }
        self.failed_tasks += 1;
        self.updated_at = at;
        let rounds = self.failed_tasks / desired.max(1);
        if let Some(doublings) = rounds.checked_sub(PATIENT_ROUNDS) {
            let factor = 1 << doublings.min(10);
            self.launch_after = Some(later(at, (FIRST_BACK_OFF * factor).min(LONGEST_BACK_OFF)));
        }
    }

    /// A task of it runs well.
    pub(super) fn note_success(&mut self, at: Timestamp, resets: bool) {
        if resets {
            self.proven = true;
            self.failed_tasks = 0;
        }
        self.launch_after = None;
        self.updated_at = at;
    }
}

pub(super) fn deployment_id(number: u64) -> String {
    format!("ecs-svc/{number}")
}

/// A service revision: what one deployment rolled out.
#[derive(Debug)]
pub(super) struct Revision {
    pub(super) number: u64,
    pub(super) template: Arc<Template>,
    pub(super) created_at: Timestamp,
    /// When a deployment of it last completed; a rollback may go there. Taken away while one is under way.
    pub(super) completed_at: Option<Timestamp>,
}

/// The status of a service deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DeploymentStatus {
    Pending,
    InProgress,
    Successful,
    Stopped,
    RollbackInProgress,
    RollbackSuccessful,
    RollbackFailed,
}

impl DeploymentStatus {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::InProgress => "IN_PROGRESS",
            Self::Successful => "SUCCESSFUL",
            Self::Stopped => "STOPPED",
            Self::RollbackInProgress => "ROLLBACK_IN_PROGRESS",
            Self::RollbackSuccessful => "ROLLBACK_SUCCESSFUL",
            Self::RollbackFailed => "ROLLBACK_FAILED",
        }
    }

    /// Whether nothing more will happen to it.
    pub(super) fn finished(self) -> bool {
        matches!(self, Self::Successful | Self::Stopped | Self::RollbackSuccessful | Self::RollbackFailed)
    }
}

/// Where a service deployment went back to, and why.
#[derive(Debug, Clone)]
pub(super) struct Rollback {
    pub(super) reason: String,
    pub(super) started_at: Timestamp,
    pub(super) revision: u64,
}

/// The record of one rollout and of its rollback, if it came to that.
#[derive(Debug)]
pub(super) struct ServiceDeployment {
    pub(super) id: String,
    pub(super) created_at: Timestamp,
    pub(super) started_at: Option<Timestamp>,
    pub(super) finished_at: Option<Timestamp>,
    pub(super) stopped_at: Option<Timestamp>,
    pub(super) updated_at: Timestamp,
    pub(super) status: DeploymentStatus,
    pub(super) reason: Option<String>,
    pub(super) target: u64,
    pub(super) sources: Vec<u64>,
    pub(super) configuration: Map<String, Value>,
    pub(super) rollback: Option<Rollback>,
    pub(super) breaker_triggered: bool,
    pub(super) failures: usize,
    pub(super) threshold: usize,
    pub(super) pace: Pace,
}

impl ServiceDeployment {
    /// Enters a status, with the times that go with it.
    pub(super) fn enter(&mut self, status: DeploymentStatus, at: Timestamp, reason: Option<&str>) {
        self.status = status;
        self.updated_at = at;
        if reason.is_some() {
            self.reason = reason.map(str::to_owned);
        }
        if status == DeploymentStatus::Stopped {
            self.stopped_at = Some(at);
        }
        if status.finished() {
            self.finished_at = Some(at);
        }
    }
}
