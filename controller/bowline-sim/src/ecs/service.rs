//! A service: its settings, deployments, tasks and history.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::Env;
use super::deployment::{Deployment, DeploymentStatus, Revision, Rollout, ServiceDeployment, deployment_id};
use super::events::Events;
use super::pace::Pace;
use super::settings::{Settings, Template};
use super::shape::Input;
use super::task::Task;
use crate::ids::Ids;

/// The status of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Active,
    Draining,
    Inactive,
}

impl Status {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Draining => "DRAINING",
            Self::Inactive => "INACTIVE",
        }
    }
}

/// Who replaces the tasks of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Controller {
    Ecs,
    CodeDeploy,
    External,
}

/// A service, also after it was deleted.
pub(super) struct Service {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) cluster_arn: String,
    pub(super) cluster_name: String,
    pub(super) role_arn: String,
    pub(super) created_at: Timestamp,
    pub(super) created_by: String,
    pub(super) status: Status,
    pub(super) daemon: bool,
    /// As it was given: AWS's examples show it only then. Use [`Service::controller`].
    pub(super) controller_given: Option<Controller>,
    /// See [`SimulatorConfig::rollback_keeps_id`](crate::`SimulatorConfig`::rollback_keeps_id).
    pub(super) rollback_keeps_id: bool,
    /// The request that created it, for idempotence.
    pub(super) request: Input,
    pub(super) settings: Settings,
    pub(super) tags: Vec<Value>,
    /// The first is PRIMARY.
    pub(super) deployments: Vec<Deployment>,
    pub(super) revisions: Vec<Revision>,
    /// Its service deployments, oldest first.
    pub(super) records: Vec<ServiceDeployment>,
    pub(super) tasks: Vec<Task>,
    pub(super) events: Events,
    /// When it last said that it is in a steady state, if that was after the last launch or stop.
    pub(super) steady: Option<Timestamp>,
    /// When the scheduler has something to do next.
    pub(super) due: Timestamp,
    /// The JSON of its description without tags, while nothing changed.
    pub(super) rendered: Option<String>,
}

impl Service {
    /// How many tasks there should be: a DAEMON service has one on each container instance, and there are none.
    pub(super) fn wanted_tasks(&self) -> usize {
        if self.status != Status::Active || self.daemon || self.controller() == Controller::External {
            return 0;
        }
        self.settings.desired
    }

    /// Who replaces its tasks.
    pub(super) fn controller(&self) -> Controller {
        self.controller_given.unwrap_or(Controller::Ecs)
    }

    /// Something that its description shows has changed.
    pub(super) fn touch(&mut self) {
        self.rendered = None;
    }

    /// Something that the scheduler must look at has changed.
    pub(super) fn wake(&mut self, at: Timestamp) {
        self.touch();
        self.due = self.due.min(at);
    }

    /// Starts a deployment of the current settings; what was in progress is superseded.
    pub(super) fn deploy(&mut self, at: Timestamp, ids: &mut Ids) {
        let number = ids.deployment_number();
        let mut template = self.settings.template.clone();
        template.digests = template.recipe.as_ref().map(|recipe| recipe.resolve()).unwrap_or_default();
        let template = Arc::new(template);
        let mut sources: Vec<u64> = self.deployments.iter().map(|deployment| deployment.revision).collect();
        sources.dedup();
        if let Some(current) = self.records.last_mut()
            && !current.status.finished()
        {
            let status = if current.rollback.is_some() {
                DeploymentStatus::RollbackFailed
            } else {
                DeploymentStatus::Stopped
            };
            current.enter(
                status,
                at,
                Some("Service deployment was superseded by a newer service deployment."),
            );
        }
        self.revisions.push(Revision {
            number,
            template: Arc::clone(&template),
            created_at: at,
            completed_at: None,
        });
        self.records.push(ServiceDeployment {
            id: ids.short(),
            created_at: at,
            started_at: None,
            finished_at: None,
            stopped_at: None,
            updated_at: at,
            status: DeploymentStatus::Pending,
            reason: None,
            target: number,
            sources,
            configuration: self.settings.deployment.body.clone(),
            rollback: None,
            breaker_triggered: false,
            failures: 0,
            threshold: self.settings.deployment.breaker_threshold(self.settings.desired),
            pace: Pace::default(),
        });
        let reason = format!("ECS deployment {} in progress.", deployment_id(number));
        self.lead(number, number, template, at, reason);
    }

    /// Makes a new deployment of a revision PRIMARY.
    pub(super) fn lead(
        &mut self,
        number: u64,
        revision: u64,
        template: Arc<Template>,
        at: Timestamp,
        reason: String,
    ) {
        let deployment = Deployment {
            number,
            revision,
            rollback: number != revision,
            template,
            created_at: at,
            updated_at: at,
            begun: false,
            rollout: Rollout::InProgress,
            reason,
            failed_tasks: 0,
            proven: false,
            launch_after: None,
            record: self.records.len() - 1,
        };
        self.deployments.insert(0, deployment);
        self.steady = None;
        self.wake(at);
    }

    /// Brings it up to the time of the call.
    pub(super) fn catch_up(&mut self, env: &mut Env<'_>) {
        while self.due <= env.call.now {
            self.step(self.due, env.ids, env.can_read);
        }
    }

    /// Adds a line to its history.
    pub(super) fn say(&mut self, at: Timestamp, ids: &mut Ids, what: &str) {
        self.events.add(ids, at, &self.name, what);
    }

    pub(super) fn revision_arn(&self, number: u64) -> String {
        format!("{}/{number}", self.arn.replacen(":service/", ":service-revision/", 1))
    }

    pub(super) fn service_deployment_arn(&self, id: &str) -> String {
        format!("{}/{id}", self.arn.replacen(":service/", ":service-deployment/", 1))
    }
}
