//! The service scheduler: what happens to a service at one moment, and when to look again.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::CanRead;
use super::deployment::{DeploymentStatus, Rollout, deployment_id};
use super::service::{Service, Status};
use super::task::{Launch, Phase, Progress, Task};
use crate::clock::later;
use crate::ids::Ids;

/// A service that stays as it is says so again every six hours ("Service event messages" in the ECS Developer Guide), so
/// that one older than 25 days is always described with a full history.
const STEADY_AGAIN: Duration = Duration::from_hours(6);

impl Service {
    /// Does what is due at `at` and notes when something is due next.
    pub(super) fn step(&mut self, at: Timestamp, ids: &mut Ids, can_read: &CanRead<'_>) {
        self.touch();
        self.move_tasks(at, ids, can_read);
        self.trip_breaker(at, ids);
        self.begin(at);
        self.stop_tasks(at, ids);
        self.launch_tasks(at, ids);
        self.finish(at, ids);
        self.due = self.next_due(at);
    }

    fn move_tasks(&mut self, at: Timestamp, ids: &mut Ids, can_read: &CanRead<'_>) {
        let desired = self.wanted_tasks();
        let resets = self.settings.deployment.healthy_task_resets();
        let (mut unhealthy, mut registered, mut impaired) = (Vec::new(), Vec::new(), false);
        let deployments = &mut self.deployments;
        self.tasks.retain_mut(|task| {
            while task.due <= at {
                let progress = task.step(can_read);
                let mut own =
                    deployments.iter_mut().find(|deployment| deployment.number == task.made.deployment);
                match progress {
                    Progress::Onward => {}
                    Progress::Gone => return false,
                    Progress::Good => {
                        if let Some(deployment) = own.as_mut() {
                            deployment.note_success(at, resets);
                        }
                        registered.extend(task.made.template.target_group().map(str::to_owned));
                    }
                    Progress::Failed | Progress::Unhealthy => {
                        if let Some(deployment) = own.as_mut() {
                            deployment.note_failure(at, desired);
                            impaired |= deployment.launch_after.is_some();
                        }
                        if progress == Progress::Unhealthy {
                            let reason = task.unhealthy_reason();
                            unhealthy.push((task.made.id.clone(), reason.clone()));
                            task.stop(at, "ServiceSchedulerInitiated", reason);
                        }
                    }
                }
            }
            true
        });
        for (task, reason) in unhealthy {
            let reason = reason.trim_start_matches("Task ");
            self.say(at, ids, &format!("(task {task}) {reason}."));
        }
        if let Some(group) = registered.first() {
            let count = registered.len();
            self.say(at, ids, &format!("registered {count} targets in (target-group {group})"));
        }
        if impaired {
            self.say(
                at,
                ids,
                "is unable to consistently start tasks successfully. For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.",
            );
        }
    }

    /// Begins a deployment whose time has come.
    fn begin(&mut self, at: Timestamp) {
        let Some(primary) = self.deployments.first_mut() else { return };
        if primary.begun || primary.starts_at() > at {
            return;
        }
        primary.begun = true;
        primary.updated_at = at;
        let record = &mut self.records[primary.record];
        if record.status == DeploymentStatus::Pending {
            record.started_at = Some(at);
            record.enter(DeploymentStatus::InProgress, at, None);
        }
    }

    /// Stops tasks of deployments that are being replaced, as far as enough healthy ones remain, and tasks beyond
    /// the desired count.
    fn stop_tasks(&mut self, at: Timestamp, ids: &mut Ids) {
        let desired = self.wanted_tasks();
        let Some(primary) = self.deployments.first() else {
            return self.stop_some(at, ids, 0, |_| true, usize::MAX);
        };
        let (number, begun, failed) = (primary.number, primary.begun, primary.rollout == Rollout::Failed);
        if self.status != Status::Active {
            return self.stop_some(at, ids, number, |_| true, usize::MAX);
        }
        if !begun {
            return;
        }
        let failed_deployments: Vec<u64> = self
            .deployments
            .iter()
            .filter(|deployment| deployment.number != number && deployment.rollout == Rollout::Failed)
            .map(|deployment| deployment.number)
            .collect();
        self.stop_some(
            at,
            ids,
            number,
            |task| failed_deployments.contains(&task.made.deployment),
            usize::MAX,
        );
        if !failed {
            // What was still starting for an older deployment is of no use any more.
            self.stop_some(at, ids, number, |task| task.made.deployment != number && !task.good, usize::MAX);
            let healthy = self.tasks.iter().filter(|task| task.good).count();
            let spare = healthy.saturating_sub(self.settings.deployment.fewest_healthy(desired));
            self.stop_some(at, ids, number, |task| task.made.deployment != number, spare);
        }
        let own = |task: &Task| task.made.deployment == number && task.wanted;
        let excess = self.tasks.iter().filter(|task| own(task)).count().saturating_sub(desired);
        let starting = self.tasks.iter().filter(|task| own(task) && !task.good).count().min(excess);
        self.stop_some(at, ids, number, |task| task.made.deployment == number && !task.good, starting);
        self.stop_some(at, ids, number, |task| task.made.deployment == number, excess - starting);
    }

    fn stop_some(
        &mut self,
        at: Timestamp,
        ids: &mut Ids,
        by: u64,
        which: impl Fn(&Task) -> bool,
        most: usize,
    ) {
        let reason = format!("Scaling activity initiated by (deployment {})", deployment_id(by));
        let (mut running, mut draining) = (Vec::new(), None);
        for task in self.tasks.iter_mut().filter(|task| task.wanted && which(task)).take(most) {
            if task.phase == Phase::Running {
                running.push(task.made.id.clone());
                draining = draining.or(task.made.template.target_group().map(str::to_owned));
            }
            task.stop(at, "ServiceSchedulerInitiated", reason.clone());
            self.steady = None;
        }
        if running.is_empty() {
            return;
        }
        if let Some(group) = draining {
            let count = running.len();
            self.say(at, ids, &format!("deregistered {count} targets in (target-group {group})"));
            self.say(at, ids, &format!("has begun draining connections on {count} tasks."));
        }
        self.events.add_tasks(ids, at, &self.name, "has stopped {} running tasks", &running);
    }

    fn launch_tasks(&mut self, at: Timestamp, ids: &mut Ids) {
        let desired = self.wanted_tasks();
        let Some(primary) = self.deployments.first() else { return };
        let waits = !primary.begun || primary.launch_after.is_some_and(|after| after > at);
        if waits || primary.rollout == Rollout::Failed {
            return;
        }
        let Some(recipe) = primary.template.recipe.clone() else { return };
        let (number, template) = (primary.number, Arc::clone(&primary.template));
        let own = self.tasks.iter().filter(|task| task.wanted && task.made.deployment == number).count();
        let all = self.tasks.iter().filter(|task| task.wanted).count();
        let room = self.settings.deployment.most_tasks(desired).max(1).saturating_sub(all);
        let missing = desired.saturating_sub(own).min(room);
        let mut started = Vec::with_capacity(missing);
        for _ in 0..missing {
            let id = ids.hex32();
            started.push(id.clone());
            let launch = Launch {
                arn: format!("{}/{id}", self.cluster_arn.replacen(":cluster/", ":task/", 1)),
                id,
                cluster_arn: self.cluster_arn.clone(),
                started_by: Some(deployment_id(number)),
                deployment: number,
                group: format!("service:{}", self.name),
                template: Arc::clone(&template),
                recipe: Arc::clone(&recipe),
                tags: self.task_tags(),
                overrides: None,
                execute_command: self.settings.execute_command,
                number: ids.next(),
            };
            self.tasks.push(Task::launch(launch, at));
        }
        if !started.is_empty() {
            self.steady = None;
            self.events.add_tasks(ids, at, &self.name, "has started {} tasks", &started);
        }
    }

    /// The tags that a task launched now carries.
    fn task_tags(&self) -> Vec<serde_json::Value> {
        let mut tags = if self.settings.propagate_tags == "SERVICE" { self.tags.clone() } else { Vec::new() };
        if self.settings.managed_tags {
            tags.push(serde_json::json!({"key": "aws:ecs:clusterName", "value": self.cluster_name}));
            tags.push(serde_json::json!({"key": "aws:ecs:serviceName", "value": self.name}));
        }
        tags
    }

    /// Drops what is replaced, completes what is done.
    fn finish(&mut self, at: Timestamp, ids: &mut Ids) {
        let tasks = &self.tasks;
        let mut first = true;
        self.deployments.retain(|deployment| {
            let primary = std::mem::replace(&mut first, false);
            let busy =
                |task: &Task| task.made.deployment == deployment.number && task.phase <= Phase::Running;
            primary || tasks.iter().any(busy)
        });
        if self.status == Status::Draining {
            if self.tasks.iter().all(|task| task.phase == Phase::Stopped) {
                self.status = Status::Inactive;
                self.deployments.clear();
            }
            return;
        }
        let desired = self.wanted_tasks();
        let [primary] = self.deployments.as_slice() else { return };
        let number = primary.number;
        let good = tasks.iter().filter(|task| task.good && task.made.deployment == number).count();
        let wanted = tasks.iter().filter(|task| task.wanted).count();
        if !primary.begun || good != desired || wanted != desired {
            return;
        }
        if primary.rollout == Rollout::InProgress {
            if self.is_held(at, ids) {
                return;
            }
            self.complete(at, ids);
        }
        if self.steady.is_none_or(|said| at >= later(said, STEADY_AGAIN)) {
            self.steady = Some(at);
            self.say(at, ids, "has reached a steady state.");
        }
    }

    /// The PRIMARY deployment has replaced everything and runs well.
    fn complete(&mut self, at: Timestamp, ids: &mut Ids) {
        let Some(primary) = self.deployments.first_mut() else { return };
        let id = primary.id();
        primary.rollout = Rollout::Completed;
        primary.reason = format!("ECS deployment {id} completed.");
        primary.updated_at = at;
        let (revision, rolled_back) = (primary.revision, primary.rollback);
        let record = &mut self.records[primary.record];
        record.failures = if rolled_back { record.failures } else { primary.failed_tasks };
        let status =
            if rolled_back { DeploymentStatus::RollbackSuccessful } else { DeploymentStatus::Successful };
        record.enter(status, at, None);
        if let Some(revision) = self.revisions.iter_mut().find(|candidate| candidate.number == revision) {
            revision.completed_at = Some(at);
        }
        self.say(at, ids, &format!("(deployment {id}) deployment completed."));
    }

    /// When something is due next; always after `at`.
    fn next_due(&self, at: Timestamp) -> Timestamp {
        let tasks = self.tasks.iter().map(|task| task.due);
        let primary = self.deployments.first();
        let begins = primary.filter(|primary| !primary.begun).map(super::deployment::Deployment::starts_at);
        let launches = primary.and_then(|primary| primary.launch_after);
        let held = primary.and_then(|primary| self.records[primary.record].pace.due());
        let again = self.steady.map(|said| later(said, STEADY_AGAIN));
        tasks
            .chain(begins)
            .chain(launches)
            .chain(held)
            .chain(again)
            .filter(|due| *due > at)
            .min()
            .unwrap_or(Timestamp::MAX)
    }
}
