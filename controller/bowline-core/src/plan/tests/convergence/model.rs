//! A pure model of ECS and Secrets Manager, just deep enough to act on: deployments complete at the next tick, images that
//! are named `crash` fail and are rolled back by ECS. A service's fate may be that every deployment fails, or never ends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use crate::desired::TaskDefinitionContent;
use crate::desired::kind::ServiceSettings;
use crate::diff::{settings_fingerprint, tag_fingerprint};
use crate::live::{
    Asked, DeploymentProgress, DeploymentStatus, Live, LiveDeployment, LiveSecret, LiveService,
    LiveTaskDefinition, Observed, PastDeployment, PastDeploymentStatus, ProbeOutcome, ProbeResult,
    RolloutState, TaskDefinitionStatus,
};
use crate::name::{ResourceName, TaskDefinitionArn};
use crate::plan::fixture::{arn, at, live_service, name};
use crate::plan::{Action, Expectation, Need, Operation, Outcome, TagsRequest};

/// What becomes of the deployments of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// They complete.
    Fine,
    /// They fail, and ECS goes back.
    Breaks,
    /// They stay in progress: there is no circuit breaker.
    Hangs,
}

/// How the health condition of a service answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answers {
    Right,
    Wrong,
    /// Right, until anybody but ECS itself deploys.
    WrongOnceChanged,
    /// It cannot be asked.
    Nobody,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Model {
    /// Services that have a health condition.
    pub(super) answers: BTreeMap<ResourceName, Answers>,
    /// Services whose deployments do not complete.
    pub(super) fates: BTreeMap<ResourceName, Fate>,
    /// Services that another instance has claimed, as they were in the beginning.
    pub(super) of_others: BTreeMap<ResourceName, LiveService>,
    /// Services that do not exist.
    pub(super) absent: BTreeSet<ResourceName>,
    /// Whether the old deployment leads again, under its own id, when ECS goes back.
    pub(super) keeps_id: bool,
    pub(super) services: BTreeMap<ResourceName, LiveService>,
    pub(super) secrets: BTreeMap<ResourceName, LiveSecret>,
    pub(super) dates: BTreeMap<ResourceName, BTreeMap<String, Timestamp>>,
    pub(super) definitions: BTreeMap<String, TaskDefinitionContent>,
    /// The tags of revisions.
    pub(super) tags: BTreeMap<String, BTreeMap<String, String>>,
    pub(super) histories: BTreeMap<ResourceName, Vec<PastDeployment>>,
    pub(super) starts: BTreeMap<ResourceName, Vec<Timestamp>>,
    /// Seconds since the beginning.
    pub(super) clock: i64,
    /// How many deployments anybody but ECS itself began.
    pub(super) begun: BTreeMap<ResourceName, Vec<(TaskDefinitionArn, Option<Value>)>>,
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
        live.services = self
            .services
            .iter()
            .map(|(name, one)| (name.clone(), self.known(Arc::new(one.clone()))))
            .collect();
        live.services.extend(self.absent.iter().map(|name| (name.clone(), Observed::Missing)));
        live.secrets =
            self.secrets.iter().map(|(name, one)| (name.clone(), self.known(one.clone()))).collect();
        live.task_definition_tags = self
            .services
            .iter()
            .filter_map(|(name, one)| {
                let arn = one.task_definition.as_ref()?;
                let tags = self.tags.get(arn.revision().as_str()).cloned().unwrap_or_default();
                let found = Arc::new(self.known(tags.into_iter().collect()));
                Some((name.clone(), Asked { about: arn.as_str().into(), at: self.now(), found }))
            })
            .collect();
        live.probes = self.answers.keys().map(|of| (of.clone(), vec![self.probe(of)])).collect();
        live
    }

    fn probe(&self, of: &ResourceName) -> ProbeResult {
        let failed = || ProbeOutcome::Failed("connection refused".to_owned());
        let outcome = match self.answers[of] {
            Answers::Right => ProbeOutcome::Passed,
            Answers::WrongOnceChanged if !self.begun.contains_key(of) => ProbeOutcome::Passed,
            Answers::Wrong | Answers::WrongOnceChanged => failed(),
            Answers::Nobody => ProbeOutcome::Refused("nothing to ask".to_owned()),
        };
        ProbeResult { condition: format!("tcp {of}.test:80"), at: self.now(), outcome, body: None }
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
            // No generated manifest names such a setting.
            Need::RevisionSettings { service } => {
                live.revision_settings.insert(service.clone(), Observed::Missing);
            }
            Need::TaskStarts { service } => {
                let starts = self.starts.get(service).cloned().unwrap_or_default();
                live.task_starts.insert(service.clone(), self.known(starts));
            }
            Need::Health { service } => {
                live.probes.insert(service.clone(), vec![self.probe(service)]);
            }
            // Every deployment rolls.
            Need::Progress { service, .. } => {
                live.progress.insert(service.clone(), self.known(DeploymentProgress::default()));
            }
            Need::StoppedTasks { service, deployment_id } => {
                live.stopped_tasks.insert((service.clone(), deployment_id.clone()), self.known(Vec::new()));
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
            Operation::TagService { tags, .. } => {
                let service = self.services.get_mut(&action.resource.name).unwrap();
                service.tags.extend(tags.iter().map(|(key, value)| (key.as_str().to_owned(), value.clone())));
            }
            Operation::PromoteSecret { to, from, .. } => {
                let now = self.now();
                let secret = self.secrets.get_mut(&action.resource.name).unwrap();
                secret.stages.get_mut(from).unwrap().remove("AWSCURRENT");
                secret.stages.entry(to.as_str().to_owned()).or_default().insert("AWSCURRENT".to_owned());
                secret.last_changed_at = Some(now);
            }
            Operation::RegisterTaskDefinition { family, content } => {
                done.1 = Some(self.register(family, content));
            }
            Operation::TagTaskDefinition { task_definition, tags, removed } => {
                self.retag(task_definition, tags, removed);
            }
            Operation::StopServiceDeployment { deployment_id, .. } => {
                let primary = self.services[&action.resource.name].primary().unwrap().clone();
                self.roll_back(&action.resource.name, &primary);
                done.0 = Some(deployment_id.clone());
            }
            Operation::CreateService { task_definition, desired_count, settings, tags, .. } => {
                let of = action.resource.name.clone();
                let mut service = live_service(of.as_str(), task_definition.revision().as_str());
                service.deployments.clear();
                service.running_count = 0;
                service.desired_count = desired_count.unwrap();
                service.tags =
                    tags.iter().map(|(key, value)| (key.as_str().to_owned(), value.clone())).collect();
                configure(&mut service, &settings.0);
                let platform = service.settings.fields().get("platformVersion").cloned();
                self.absent.remove(&of);
                self.services.insert(of.clone(), service);
                self.begun.entry(of.clone()).or_default().push((task_definition.clone(), platform));
                done.0 = Some(self.deploy(&of, task_definition.clone()));
            }
            Operation::UpdateService {
                task_definition,
                desired_count,
                force_new_deployment,
                settings,
                tags,
                ..
            } => {
                let of = action.resource.name.clone();
                let service = self.services.get_mut(&of).unwrap();
                service.tags.extend(tags.iter().map(|(key, value)| (key.as_str().to_owned(), value.clone())));
                if let Some(count) = desired_count {
                    service.desired_count = *count;
                }
                let arn = task_definition.clone().or_else(|| service.task_definition.clone()).unwrap();
                let deploys = configure(service, &settings.0);
                if task_definition.is_some() || *force_new_deployment || deploys {
                    let platform = service.settings.fields().get("platformVersion").cloned();
                    self.begun.entry(of.clone()).or_default().push((arn.clone(), platform));
                    done.0 = Some(self.deploy(&of, arn));
                }
            }
        }
        Outcome::Done { deployment_id: done.0, task_definition: done.1 }
    }

    fn register(&mut self, family: &str, content: &TaskDefinitionContent) -> TaskDefinitionArn {
        let newest = self.definitions.keys().map(|revision| arn(revision).revision());
        let newest = newest.filter(|one| one.parts().0 == family).map(|one| one.parts().1).max();
        let revision = format!("{family}:{}", newest.unwrap_or(0) + 1);
        self.definitions.insert(revision.clone(), content.clone());
        self.tags.insert(
            revision.clone(),
            content.tags().iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
        );
        arn(&revision)
    }

    fn retag(&mut self, arn: &TaskDefinitionArn, tags: &TagsRequest, removed: &BTreeSet<String>) {
        let found = self.tags.entry(arn.revision().as_str().to_owned()).or_default();
        found.extend(tags.0.clone());
        found.retain(|key, _| !removed.contains(key));
    }

    fn unexpected(&self, action: &Action) -> Option<String> {
        let holds = match &action.expect {
            Expectation::Service { owner, task_definition, primary_deployment, desired_count, settings } => {
                let service = &self.services[&action.resource.name];
                crate::plan::owner(service) == owner.as_deref()
                    && service.task_definition == *task_definition
                    && service.primary().map(|primary| &primary.id) == primary_deployment.as_ref()
                    && service.desired_count == *desired_count
                    && settings
                        .iter()
                        .all(|(field, seen)| settings_fingerprint(&service.settings, field) == *seen)
            }
            Expectation::InProgress { owner, deployment_id } => {
                let service = &self.services[&action.resource.name];
                let primary = service.primary().unwrap();
                primary.id == *deployment_id
                    && primary.rollout_state == Some(RolloutState::InProgress)
                    && crate::plan::owner(service) == owner.as_deref()
            }
            Expectation::NoService => self.absent.contains(&action.resource.name),
            Expectation::SecretCurrent { version_id, labels, readers } => {
                let secret = &self.secrets[&action.resource.name];
                secret.current() == Some(version_id)
                    && secret.stages == *labels
                    && readers.iter().all(|whose| self.belongs(whose))
            }
            Expectation::TaskDefinitionTags { tags, whose } => {
                let Operation::TagTaskDefinition { task_definition, .. } = &action.operation else {
                    return None;
                };
                let found = self.tags.get(task_definition.revision().as_str());
                let now = |key| found.and_then(|found| found.get(key)).map(|value| tag_fingerprint(value));
                self.belongs(whose) && tags.iter().all(|(key, seen)| now(key) == *seen)
            }
            Expectation::NewestRevision { arn, whose } => {
                self.belongs(whose)
                    && arn.as_ref().is_none_or(|arn| self.definitions.contains_key(arn.revision().as_str()))
            }
        };
        (!holds).then(|| "something else".to_owned())
    }

    /// Whether a service belongs to whom it is expected to belong. Resources and services have the same names here.
    fn belongs(&self, whose: &crate::plan::Whose) -> bool {
        let service = self.services.iter().find(|(name, _)| name.as_str() == whose.service.as_str());
        let is_there = |(name, _): &(&ResourceName, &LiveService)| !self.absent.contains(*name);
        let service = service.filter(is_there).map(|(_, service)| service);
        service.and_then(crate::plan::standing_owner) == whose.owner.as_deref()
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
        let settings = service.settings.clone();
        self.histories.entry(of.clone()).or_default().insert(
            0,
            PastDeployment {
                deployment_id: id.clone(),
                task_definition: Some(task_definition),
                status: PastDeploymentStatus::InProgress,
                reason: None,
                created_at: Some(now),
                settings: Some(settings),
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
                match self.fate(&of, &primary) {
                    Fate::Fine => self.complete(&of, &primary),
                    Fate::Breaks => self.roll_back(&of, &primary),
                    Fate::Hangs => {}
                }
            }
            let service = self.services.get_mut(&of).unwrap();
            service.running_count = service.desired_count;
        }
    }

    fn fate(&self, of: &ResourceName, primary: &LiveDeployment) -> Fate {
        if primary.rollout_reason.is_some() {
            return Fate::Fine;
        }
        let fate = self.fates.get(of).copied().unwrap_or(Fate::Fine);
        let platform = self.services[of].settings.fields().get("platformVersion").cloned();
        let crashes = self.crashes(primary.task_definition.as_ref()) || platform == Some(json!("crash"));
        let crashes = fate == Fate::Fine && crashes;
        if crashes { Fate::Breaks } else { fate }
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

    /// Back to the newest deployment that succeeded, as a deployment of its own that the history does not list, or under its
    /// old id.
    fn roll_back(&mut self, of: &ResourceName, primary: &LiveDeployment) {
        self.end(of, &primary.id, PastDeploymentStatus::RolledBack);
        let good = self.histories[of].iter().find(|past| past.status == PastDeploymentStatus::Successful);
        let Some(good) = good.cloned() else {
            // The first deployment: there is nothing to go back to.
            self.end(of, &primary.id, PastDeploymentStatus::Failed);
            let service = self.services.get_mut(of).unwrap();
            service.deployments[0].rollout_state = Some(RolloutState::Failed);
            service.deployments[0].rollout_reason = Some("tasks failed to start".to_owned());
            return;
        };
        if let Some(settings) = &good.settings {
            let service = self.services.get_mut(of).unwrap();
            let mut now = service.settings.fields();
            now.remove("platformVersion");
            now.extend(settings.fields().into_iter().filter(|(field, _)| field == "platformVersion"));
            service.settings = ServiceSettings::new(&now);
        }
        let id = self.deploy(of, good.task_definition.unwrap());
        self.histories.get_mut(of).unwrap().remove(0);
        let service = self.services.get_mut(of).unwrap();
        service.deployments.truncate(2);
        if self.keeps_id {
            service.deployments[0].id.clone_from(&good.deployment_id);
            service.deployments[0].created_at = good.created_at;
        }
        service.deployments[0].rollout_reason =
            Some(format!("ECS deployment circuit breaker: rolling back to deploymentId {id}."));
        service.deployments[1].rollout_state = Some(RolloutState::Failed);
        service.deployments[1].rollout_reason = Some("tasks failed to start".to_owned());
    }
}

/// Takes over settings, and says whether that starts a deployment.
pub(super) fn configure(service: &mut LiveService, settings: &Map<String, Value>) -> bool {
    let mut now = service.settings.fields();
    let before = now.get("platformVersion").cloned();
    now.extend(settings.clone());
    service.settings = ServiceSettings::new(&now);
    now.get("platformVersion") != before.as_ref()
}
