//! A pure model of ECS and Secrets Manager, just deep enough to act on: deployments complete at the next tick, images that
//! are named `crash` fail and are rolled back by ECS.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::desired::TaskDefinitionContent;
use crate::live::{
    DeploymentStatus, Live, LiveDeployment, LiveSecret, LiveService, LiveTaskDefinition, Observed,
    PastDeployment, PastDeploymentStatus, RolloutState, TaskDefinitionStatus,
};
use crate::name::{ResourceName, TaskDefinitionArn};
use crate::plan::fixture::{arn, at, name};
use crate::plan::{Action, Expectation, Need, Operation, Outcome};

#[derive(Debug, Clone, Default)]
pub(super) struct Model {
    pub(super) services: BTreeMap<ResourceName, LiveService>,
    pub(super) secrets: BTreeMap<ResourceName, LiveSecret>,
    pub(super) dates: BTreeMap<ResourceName, BTreeMap<String, Timestamp>>,
    pub(super) definitions: BTreeMap<String, TaskDefinitionContent>,
    pub(super) histories: BTreeMap<ResourceName, Vec<PastDeployment>>,
    pub(super) starts: BTreeMap<ResourceName, Vec<Timestamp>>,
    /// Seconds since the beginning.
    pub(super) clock: i64,
    /// How many deployments anybody but ECS itself began.
    pub(super) begun: BTreeMap<ResourceName, Vec<TaskDefinitionArn>>,
    next: u32,
}

impl Model {
    fn now(&self) -> Timestamp {
        at(self.clock)
    }

    fn known<T>(&self, value: T) -> Observed<T> {
        Observed::Known { value, at: self.now() }
    }

    fn number(&mut self) -> u32 {
        self.next += 1;
        self.next + 100
    }

    pub(super) fn observe(&self) -> Live {
        let mut live = Live::default();
        live.targets.insert(name("prod"), self.known(()));
        live.services =
            self.services.iter().map(|(name, one)| (name.clone(), self.known(one.clone()))).collect();
        live.secrets =
            self.secrets.iter().map(|(name, one)| (name.clone(), self.known(one.clone()))).collect();
        live
    }

    pub(super) fn answer(&self, live: &mut Live, need: &Need) {
        match need {
            Need::TaskDefinition { target, reference } => {
                let revision = reference.rsplit('/').next().unwrap().to_owned();
                let found = self.definitions.get(&revision).map_or(Observed::Missing, |content| {
                    self.known(LiveTaskDefinition {
                        arn: arn(&revision),
                        status: TaskDefinitionStatus::Active,
                        content: content.clone(),
                    })
                });
                live.task_definitions.insert((target.clone(), reference.clone()), found);
            }
            Need::RecentRevisions { target, family } => {
                let mut revisions: Vec<_> = self
                    .definitions
                    .keys()
                    .map(|revision| arn(revision))
                    .filter(|arn| arn.revision().parts().0 == family)
                    .collect();
                revisions.sort_by_key(|arn| std::cmp::Reverse(arn.revision().parts().1));
                revisions.truncate(10);
                live.recent_revisions.insert((target.clone(), family.clone()), self.known(revisions));
            }
            Need::History { service } => {
                let history = self.histories.get(service).cloned().unwrap_or_default();
                live.histories.insert(service.clone(), self.known(history));
            }
            Need::TaskStarts { service } => {
                let starts = self.starts.get(service).cloned().unwrap_or_default();
                live.task_starts.insert(service.clone(), self.known(starts));
            }
            Need::SecretVersionDates { secret } => {
                let dates = self.dates.get(secret).cloned().unwrap_or_default();
                live.secret_version_dates.insert(secret.clone(), self.known(dates));
            }
        }
    }

    pub(super) fn apply(&mut self, action: &Action) -> Outcome {
        if let Some(found) = self.unexpected(action) {
            return Outcome::Superseded { found };
        }
        let mut done = (None, None);
        match &action.operation {
            Operation::TagService { key, value, .. } => {
                let service = self.services.get_mut(&action.resource.name).unwrap();
                service.tags.insert(key.as_str().to_owned(), value.clone());
            }
            Operation::PromoteSecret { to, from, .. } => {
                let now = self.now();
                let secret = self.secrets.get_mut(&action.resource.name).unwrap();
                secret.stages.get_mut(from).unwrap().remove("AWSCURRENT");
                secret.stages.entry(to.as_str().to_owned()).or_default().insert("AWSCURRENT".to_owned());
                secret.last_changed_at = Some(now);
            }
            Operation::RegisterTaskDefinition { family, content } => {
                let newest = self.definitions.keys().map(|revision| arn(revision).revision());
                let newest = newest.filter(|one| one.parts().0 == family).map(|one| one.parts().1).max();
                let revision = format!("{family}:{}", newest.unwrap_or(0) + 1);
                self.definitions.insert(revision.clone(), (**content).clone());
                done.1 = Some(arn(&revision));
            }
            Operation::UpdateService {
                task_definition, desired_count, force_new_deployment, tags, ..
            } => {
                let of = action.resource.name.clone();
                let service = self.services.get_mut(&of).unwrap();
                service.tags.extend(tags.iter().map(|(key, value)| (key.as_str().to_owned(), value.clone())));
                if let Some(count) = desired_count {
                    service.desired_count = *count;
                }
                let arn = task_definition.clone().or_else(|| service.task_definition.clone()).unwrap();
                if task_definition.is_some() || *force_new_deployment {
                    self.begun.entry(of.clone()).or_default().push(arn.clone());
                    done.0 = Some(self.deploy(&of, arn));
                }
            }
        }
        Outcome::Done { deployment_id: done.0, task_definition: done.1 }
    }

    fn unexpected(&self, action: &Action) -> Option<String> {
        let holds = match &action.expect {
            Expectation::Service { task_definition, primary_deployment, desired_count } => {
                let service = &self.services[&action.resource.name];
                service.task_definition == *task_definition
                    && service.primary().map(|primary| &primary.id) == primary_deployment.as_ref()
                    && service.desired_count == *desired_count
            }
            Expectation::SecretCurrent { version_id } => {
                self.secrets[&action.resource.name].current() == Some(version_id)
            }
            Expectation::NewestRevision { arn } => {
                arn.as_ref().is_none_or(|arn| self.definitions.contains_key(arn.revision().as_str()))
            }
        };
        (!holds).then(|| "something else".to_owned())
    }

    pub(super) fn deploy(&mut self, of: &ResourceName, task_definition: TaskDefinitionArn) -> String {
        let id = format!("ecs-svc/{}", self.number());
        let now = self.now();
        let service = self.services.get_mut(of).unwrap();
        for deployment in &mut service.deployments {
            deployment.status = DeploymentStatus::Active;
        }
        service.deployments.insert(
            0,
            LiveDeployment {
                id: id.clone(),
                status: DeploymentStatus::Primary,
                rollout_state: Some(RolloutState::InProgress),
                rollout_reason: None,
                task_definition: Some(task_definition.clone()),
                desired_count: service.desired_count,
                running_count: 0,
                pending_count: 0,
                failed_tasks: 0,
                created_at: Some(now),
            },
        );
        service.task_definition = Some(task_definition.clone());
        self.histories.entry(of.clone()).or_default().insert(
            0,
            PastDeployment {
                deployment_id: id.clone(),
                task_definition: Some(task_definition),
                status: PastDeploymentStatus::InProgress,
                reason: None,
                created_at: Some(now),
            },
        );
        id
    }

    /// Time passes: deployments end.
    pub(super) fn tick(&mut self, seconds: i64) {
        self.clock += seconds;
        let names: Vec<ResourceName> = self.services.keys().cloned().collect();
        for of in names {
            let service = &self.services[&of];
            let primary = service.primary().unwrap().clone();
            if primary.rollout_state == Some(RolloutState::InProgress) {
                let crashes =
                    primary.rollout_reason.is_none() && self.crashes(primary.task_definition.as_ref());
                if crashes { self.roll_back(&of, &primary) } else { self.complete(&of, &primary) }
            }
            let service = self.services.get_mut(&of).unwrap();
            service.running_count = service.desired_count;
        }
    }

    fn crashes(&self, arn: Option<&TaskDefinitionArn>) -> bool {
        let content = arn.and_then(|arn| self.definitions.get(arn.revision().as_str())).unwrap();
        content.value()["containerDefinitions"][0]["image"] == "crash"
    }

    fn end(&mut self, of: &ResourceName, id: &str, status: PastDeploymentStatus) {
        let past = self.histories.get_mut(of).unwrap().iter_mut().find(|past| past.deployment_id == id);
        if let Some(past) = past {
            past.status = status;
            past.reason = Some("tasks failed to start".to_owned());
        }
    }

    fn complete(&mut self, of: &ResourceName, primary: &LiveDeployment) {
        let now = self.now() - SignedDuration::from_secs(1);
        let service = self.services.get_mut(of).unwrap();
        service.deployments.retain(|deployment| deployment.id == primary.id);
        service.deployments[0].rollout_state = Some(RolloutState::Completed);
        service.deployments[0].rollout_reason = Some(format!("ECS deployment {} completed.", primary.id));
        self.starts.insert(of.clone(), vec![now; service.desired_count as usize]);
        self.end(of, &primary.id, PastDeploymentStatus::Successful);
    }

    /// Back to the newest deployment that succeeded, as a deployment of its own that the history does not list.
    fn roll_back(&mut self, of: &ResourceName, primary: &LiveDeployment) {
        self.end(of, &primary.id, PastDeploymentStatus::RolledBack);
        let good = self.histories[of].iter().find(|past| past.status == PastDeploymentStatus::Successful);
        let back_to = good.and_then(|past| past.task_definition.clone()).unwrap();
        let id = self.deploy(of, back_to);
        self.histories.get_mut(of).unwrap().remove(0);
        let service = self.services.get_mut(of).unwrap();
        service.deployments.truncate(2);
        service.deployments[0].rollout_reason =
            Some(format!("ECS deployment circuit breaker: rolling back to deploymentId {id}."));
        service.deployments[1].rollout_state = Some(RolloutState::Failed);
        service.deployments[1].rollout_reason = Some("tasks failed to start".to_owned());
    }
}
