//! The deployment circuit breaker, and rolling back.

use std::sync::Arc;

use jiff::Timestamp;

use super::deployment::{DeploymentStatus, Rollback, Rollout, deployment_id};
use super::service::{Controller, Service};
use super::settings::Template;
use crate::ids::Ids;

const BREAKER_REASON: &str =
    "Service deployment rolled back because the circuit breaker threshold was exceeded.";
const REQUEST_REASON: &str = "Service deployment rolled back because a rollback was requested.";

impl Service {
    /// Fails the PRIMARY deployment once too many of its tasks have failed in a row.
    pub(super) fn trip_breaker(&mut self, at: Timestamp, ids: &mut Ids) {
        let desired = self.wanted_tasks();
        let breaks = self.controller() == Controller::Ecs;
        let settings = &self.settings.deployment;
        let Some(primary) = self.deployments.first_mut() else { return };
        let record = &mut self.records[primary.record];
        if !primary.rollback {
            record.failures = primary.failed_tasks;
        }
        let tripped = settings.breaker_enabled()
            && breaks
            && primary.rollout == Rollout::InProgress
            && primary.failed_tasks >= settings.breaker_threshold(desired);
        if !tripped {
            return;
        }
        primary.rollout = Rollout::Failed;
        primary.updated_at = at;
        "ECS deployment circuit breaker: tasks failed to start.".clone_into(&mut primary.reason);
        record.breaker_triggered = true;
        let (id, was_rollback) = (primary.id(), primary.rollback);
        let rolls_back = settings.breaker_rolls_back();
        self.say(at, ids, &format!("(deployment {id}) deployment failed: tasks failed to start."));
        if was_rollback || rolls_back {
            self.roll_back(at, ids, BREAKER_REASON, "ECS deployment circuit breaker");
        } else {
            let reason = "Service deployment stopped because the circuit breaker threshold was exceeded.";
            self.record_end(DeploymentStatus::Stopped, at, reason);
        }
    }

    /// Goes back because `StopServiceDeployment` asked for it.
    pub(super) fn roll_back_on_request(&mut self, at: Timestamp, ids: &mut Ids) {
        if let Some(primary) = self.deployments.first_mut() {
            primary.rollout = Rollout::Failed;
            primary.updated_at = at;
            primary.reason = format!("ECS deployment {} stopped.", primary.id());
        }
        self.roll_back(at, ids, REQUEST_REASON, "ECS deployment stopped");
    }

    /// Deploys the revision that completed last, if there is one. The failed deployment cannot be it, and neither
    /// can one that is being rolled back to already: it counts again once it completes.
    fn roll_back(&mut self, at: Timestamp, ids: &mut Ids, reason: &str, because: &str) {
        let was_rollback = self.deployments.first().is_some_and(|primary| primary.rollback);
        let candidates = self.revisions.iter_mut().filter(|revision| revision.completed_at.is_some());
        let target = candidates.max_by_key(|revision| revision.completed_at).filter(|_| !was_rollback);
        let Some(target) = target else {
            // Stalled: nothing is launched until another deployment is made.
            self.record_end(
                DeploymentStatus::RollbackFailed,
                at,
                "Service deployment rollback failed because there is no completed service revision to roll back to.",
            );
            return;
        };
        target.completed_at = None;
        let (revision, template) = (target.number, Arc::clone(&target.template));
        self.settings.template = template.as_ref().clone();
        if let Some(record) = self.records.last_mut() {
            record.rollback = Some(Rollback { reason: reason.to_owned(), started_at: at, revision });
            record.enter(DeploymentStatus::RollbackInProgress, at, Some(reason));
        }
        let goal = deployment_id(revision);
        let reason = format!("{because}: rolling back to deploymentId {goal}.");
        if self.rollback_keeps_id {
            self.lead_again(revision, template, at, reason);
        } else {
            self.lead(ids.deployment_number(), revision, template, at, reason);
        }
        self.say(at, ids, &format!("rolling back to deployment {goal}."));
    }

    /// Makes the deployment of `revision` PRIMARY again, with the tasks that it still has.
    fn lead_again(&mut self, revision: u64, template: Arc<Template>, at: Timestamp, reason: String) {
        let old = self.deployments.iter().position(|deployment| deployment.number == revision);
        let created_at = old.map_or(at, |index| self.deployments.remove(index).created_at);
        self.lead(revision, revision, template, at, reason);
        if let Some(primary) = self.deployments.first_mut() {
            primary.rollback = true;
            primary.begun = true;
            primary.created_at = created_at;
        }
    }

    fn record_end(&mut self, status: DeploymentStatus, at: Timestamp, reason: &str) {
        if let Some(record) = self.records.last_mut() {
            record.enter(status, at, Some(reason));
        }
    }
}
