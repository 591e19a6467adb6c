//! The deployment circuit breaker, and rolling back.

use std::sync::Arc;

use jiff::Timestamp;

use super::deployment::{DeploymentStatus, Rollback, Rollout, deployment_id};
use super::service::{Controller, Service};
use crate::ids::Ids;

const BREAKER_REASON: &str =
    "Service deployment rolled back because the circuit breaker threshold was exceeded.";
const REQUEST_REASON: &str = "Service deployment rolled back because a rollback was requested.";

impl Service {
    /// Fails the PRIMARY deployment once too many of its tasks have failed in a row.
    pub(super) fn trip_breaker(&mut self, at: Timestamp, ids: &mut Ids) {
        let desired = self.wanted_tasks();
        let settings = &self.settings.deployment;
        let Some(primary) = self.deployments.first_mut() else { return };
        let record = &mut self.service_deployments[primary.service_deployment];
        if !primary.is_rollback() {
            record.failures = primary.failed_tasks;
        }
        let tripped = settings.breaker_enabled()
            && self.controller == Controller::Ecs
            && primary.rollout == Rollout::InProgress
            && primary.failed_tasks >= settings.breaker_threshold(desired);
        if !tripped {
            return;
        }
        primary.rollout = Rollout::Failed;
        primary.updated_at = at;
        primary.reason = "ECS deployment circuit breaker: tasks failed to start.".to_owned();
        record.breaker_triggered = true;
        let (id, was_rollback) = (primary.id(), primary.is_rollback());
        let rolls_back = settings.breaker_rolls_back();
        self.say(at, ids, &format!("(deployment {id}) deployment failed: tasks failed to start."));
        if was_rollback || rolls_back {
            self.roll_back(at, ids, BREAKER_REASON, "ECS deployment circuit breaker");
        } else {
            let reason = "Service deployment stopped because the circuit breaker threshold was exceeded.";
            self.record_end(DeploymentStatus::Stopped, at, reason);
        }
    }

    /// Goes back because StopServiceDeployment asked for it.
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
        let was_rollback = self.deployments.first().is_some_and(super::deployment::Deployment::is_rollback);
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
        if let Some(record) = self.service_deployments.last_mut() {
            record.rollback = Some(Rollback { reason: reason.to_owned(), started_at: at, revision });
            record.enter(DeploymentStatus::RollbackInProgress, at, Some(reason));
        }
        let number = ids.deployment_number();
        let id = deployment_id(number);
        self.lead(number, revision, template, at, format!("{because}: rolling back to deploymentId {id}."));
        self.say(at, ids, &format!("rolling back to deployment {id}."));
    }

    fn record_end(&mut self, status: DeploymentStatus, at: Timestamp, reason: &str) {
        if let Some(record) = self.service_deployments.last_mut() {
            record.enter(status, at, Some(reason));
        }
    }
}
