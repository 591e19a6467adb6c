//! What is remembered between passes. Losing it costs history, never safety.

mod aftermath;
mod change;
mod health;
mod shared;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::orphans::Orphan;
use crate::desired::kind::{ServiceSettings, Target};
use crate::desired::{DesiredState, ResourceKey, ResourceKind, Tags, TaskDefinitionContent};
use crate::name::{
    AccountId, ClusterName, Region, ResourceName, RestartToken, SecretVersionId, ServiceName,
    TaskDefinitionArn,
};

pub use aftermath::{Aftermath, Evidence, EvidenceEvent, LogStream, StoppedGroup};
pub use change::Change;
pub use health::ConditionMemory;
pub use watch::{ConditionSeen, ConditionStanding, PauseSeen, Watch};

/// SHA-256, in hexadecimal, of what a rollout deploys: the normalised task definition content (the revision that runs, where
/// the task definition is not managed), the resolved secret version ids, and the settings that start a deployment. Count, other
/// settings, restart token and ignore rules are not in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SpecHash(pub String);

impl fmt::Display for SpecHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.get(..12).unwrap_or(&self.0))
    }
}

/// What is remembered of all resources. Each of them is shared with the store, which has what it wrote last: it is copied
/// where it changes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Memory {
    /// Per EcsService resource.
    pub services: BTreeMap<ResourceName, Arc<ServiceMemory>>,
    /// Per resource of any kind, by its key as text (`Secret/db`).
    pub resources: BTreeMap<String, Arc<ResourceMemory>>,
    /// Per Target resource.
    pub targets: BTreeMap<ResourceName, TargetMemory>,
    /// Per Target resource: the services of this instance that git did not name when that was last read.
    pub orphans: BTreeMap<ResourceName, BTreeMap<ServiceName, Orphan>>,
}

impl Memory {
    /// What is remembered of the ECS service that git means by `name`. What was remembered of another one is dropped: it says
    /// nothing of this one, and is given back only to be told of.
    pub(crate) fn service_mut(
        &mut self,
        desired: &DesiredState,
        name: &ResourceName,
    ) -> (&mut Arc<ServiceMemory>, Option<Arc<ServiceMemory>>) {
        let service = self.services.entry(name.clone()).or_default();
        let mut other = None;
        if !service.is_meant_by(desired, name) {
            other = Some(std::mem::take(service));
            let resource = ResourceKey { kind: ResourceKind::EcsService, name: name.clone() };
            if let Some(resource) = self.resources.get_mut(&resource.to_string()) {
                Arc::make_mut(resource).failures.clear();
            }
        }
        if service.of.is_none()
            && let Some(meant) = EcsServiceId::meant_by(desired, name)
        {
            Arc::make_mut(service).of = Some(meant);
        }
        (service, other)
    }

    /// What is remembered of a resource of any kind, to be changed.
    pub(crate) fn resource_mut(&mut self, id: &str) -> &mut ResourceMemory {
        Arc::make_mut(self.resources.entry(id.to_owned()).or_default())
    }

    /// When an action on this resource last failed, if one has and none has succeeded since.
    pub(crate) fn last_failure(&self, resource: &ResourceKey) -> Option<Timestamp> {
        let failures = &self.resources.get(&resource.to_string())?.failures;
        failures.values().map(|failure| failure.last).max()
    }
}

/// Which ECS service it is, whatever the resource and the Target are called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EcsServiceId {
    /// The account.
    pub account_id: AccountId,
    /// The region.
    pub region: Region,
    /// The cluster.
    pub cluster: ClusterName,
    /// The service's name in ECS.
    pub service: ServiceName,
}

impl EcsServiceId {
    /// The ECS service that git means by a resource; nothing while its Target is not in git.
    pub(crate) fn meant_by(desired: &DesiredState, name: &ResourceName) -> Option<Self> {
        let wanted = &desired.services.get(name)?.resource.spec;
        Some(Self::on(&desired.targets.get(&wanted.target)?.spec, &wanted.service))
    }

    /// Whether it is the service of this name in a Target's cluster.
    fn is_on(&self, target: &Target, service: &ServiceName) -> bool {
        let Self { account_id, region, cluster, service: name } = self;
        (account_id, region, cluster, name) == (&target.account_id, &target.region, &target.cluster, service)
    }

    /// The service of this name in a Target's cluster.
    pub(crate) fn on(target: &Target, service: &ServiceName) -> Self {
        Self {
            account_id: target.account_id.clone(),
            region: target.region.clone(),
            cluster: target.cluster.clone(),
            service: service.clone(),
        }
    }
}

/// What git held for a Target when it was last acted from: what a later commit is compared with, to see whether too much
/// vanished.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetMemory {
    /// The commit.
    pub commit: String,
    /// The resources that belonged to the Target.
    pub resources: BTreeSet<ResourceKey>,
}

/// What is remembered of one resource of any kind, so that each thing is told once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResourceMemory {
    /// What differed when it was last told, as text.
    pub told: Option<Told>,
    /// What git said when live was last as git says: a difference from the same is drift, from another a change in git.
    pub in_sync_with: Option<InSyncWith>,
    /// Which commit wants what live is not; absent while live is as git says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<Box<Change>>,
    /// The actions on it that failed when they were last tried, by their operation as text; none once an action succeeded.
    pub failures: BTreeMap<String, FailedAction>,
    /// The suspension that was told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspension: Option<ToldSuspension>,
    /// For a Secret: when AWSCURRENT was moved away from the pinned version, as seen first.
    pub moved_away: Option<Timestamp>,
    /// For a Secret: the version to which Bowline itself moved AWSCURRENT last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promoted: Option<SecretVersionId>,
}

/// A suspension that was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldSuspension {
    /// When it ends.
    pub until: Timestamp,
    /// Whether it was told that this is soon.
    pub soon: bool,
}

/// An action that keeps failing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedAction {
    /// Why it failed last, as a sentence.
    pub message: String,
    /// What to do about it.
    pub hint: String,
    /// When it failed first.
    pub since: Timestamp,
    /// When it failed last.
    pub last: Timestamp,
    /// How often it failed.
    pub times: u32,
    /// Whether this message was told. It is not stored, so that a new process tells once more what still fails.
    #[serde(skip)]
    pub told: bool,
}

/// What git said when live was last as git says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InSyncWith {
    /// The newest commit for which that was checked, so that it is checked once. It is no part of the value and is not stored:
    /// otherwise each push would write a row for every resource.
    #[serde(skip)]
    pub commit: String,
    /// Digest of the resource as written, and of what it refers to.
    pub digest: String,
}

impl PartialEq for InSyncWith {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for InSyncWith {}

/// Differences that were told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Digest of the differences.
    pub digest: String,
    /// True when live drifted, false when git changed.
    pub drift: bool,
}

/// What is remembered of one service.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServiceMemory {
    /// The ECS service that all of it is about; absent in what an earlier version stored, which is taken to be of the one
    /// that git means.
    pub of: Option<EcsServiceId>,
    /// The newest spec that was good.
    pub last_good: Option<LastGood>,
    /// Attempts by spec hash: what failed stays quarantined.
    pub attempts: BTreeMap<SpecHash, Attempt>,
    /// Somebody else's step back that is being held, and since when.
    pub deviation: Option<Deviation>,
    /// Since when ECS has been deleting the service, as seen first; only where it is to be created again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draining_since: Option<Timestamp>,
    /// The rollout that Bowline started and still watches.
    pub in_flight: Option<Box<InFlight>>,
    /// The change of the desired count that Bowline made and still watches.
    pub scaling: Option<Scaling>,
    /// What health conditions last answered, by what they are called.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub health: BTreeMap<String, ConditionMemory>,
    /// The desired count of git that live last had.
    pub reached_count: Option<u32>,
    /// The settings that Bowline manages, as they were last in sync: what git does not list any more is set back.
    #[serde(skip_serializing_if = "ServiceSettings::is_empty")]
    pub managed_settings: ServiceSettings,
    /// What live showed, by path, where git names something by its name and live shows its ARN, or the other way round, when
    /// the service was last in sync: another one is another thing.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub accepted_names: BTreeMap<String, String>,
    /// The tags of the task definition that Bowline manages, as they were last in sync: one that git does not have any more is
    /// taken off.
    #[serde(skip_serializing_if = "Tags::is_empty")]
    pub managed_tags: Tags,
    /// Settings that Bowline changed and that only tasks have that were started after this time; and likewise
    /// [`Self::TASK_DEFINITION_TAGS`].
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub changed_settings: BTreeMap<String, Timestamp>,
}

impl ServiceMemory {
    /// How tags of a task definition that were changed in place are called among the changed settings.
    pub(crate) const TASK_DEFINITION_TAGS: &'static str = "taskDefinition.tags";

    /// Whether the service was seen in good order: a service that Bowline only tried to create was not.
    pub(crate) fn was_there(&self) -> bool {
        self.last_good.is_some() || self.reached_count.is_some()
    }

    /// Notes the newest spec that was good. Of the one before, the attempt keeps the newest commit with which it was good: a
    /// rollback that fails goes back to that one.
    pub(crate) fn found_good(&mut self, good: LastGood) {
        let before = self.last_good.take().filter(|before| before.spec_hash != good.spec_hash);
        if let Some(LastGood { spec_hash: Some(hash), commit, .. }) = before
            && let Some(attempt) = self.attempts.get_mut(&hash)
            && attempt.verdict == Some(AttemptVerdict::Good)
        {
            attempt.commit = commit;
        }
        self.last_good = Some(good);
    }

    /// Whether it is about the ECS service that git means by `name`; so it is as long as one of both is not known.
    pub(crate) fn is_meant_by(&self, desired: &DesiredState, name: &ResourceName) -> bool {
        let Some(of) = &self.of else { return true };
        let Some(wanted) = desired.services.get(name) else { return true };
        let spec = &wanted.resource.spec;
        let target = desired.targets.get(&spec.target);
        target.is_none_or(|target| of.is_on(&target.spec, &spec.service))
    }
}

/// A spec that was deployed and found good.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LastGood {
    /// Its hash; absent while its content was never read (a pinned revision that nobody touched).
    pub spec_hash: Option<SpecHash>,
    /// The revision.
    pub task_definition: TaskDefinitionArn,
    /// The revision's content: AWS forgets deregistered ones. Absent while it was never read.
    pub content: Option<TaskDefinitionContent>,
    /// The newest commit that wanted it while it was good.
    pub commit: String,
    /// When it was found good.
    pub at: Timestamp,
}

/// One attempt to deploy a spec.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// The deployment's id.
    pub deployment_id: Option<String>,
    /// The revision that it was to run.
    pub task_definition: Option<TaskDefinitionArn>,
    /// The commit that wanted it.
    pub commit: String,
    /// The restart token that git wanted then: with another one the spec is tried again.
    #[serde(default)]
    pub restart: Option<RestartToken>,
    /// When it began.
    pub at: Timestamp,
    /// How it ended; absent while it is under way.
    pub verdict: Option<AttemptVerdict>,
    /// What is known and was done since it ended.
    #[serde(default)]
    pub aftermath: Box<Aftermath>,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum AttemptVerdict {
    /// Good.
    Good,
    /// Bad, with the reason as a sentence.
    Bad(String),
    /// ECS completed it, and health conditions that say nothing against it stayed false: neither good nor bad.
    Unproven(String),
    /// Replaced by another deployment before it ended.
    Superseded,
}

/// Somebody else's step back: what was found, since when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deviation {
    /// The task definition and count found, as text: a change of it starts the wait anew.
    pub found: String,
    /// When it was first seen.
    pub since: Timestamp,
}

/// A rollout under way that Bowline started.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InFlight {
    /// What is being deployed.
    pub spec_hash: SpecHash,
    /// The deployment's id, once AWS has told it.
    pub deployment_id: Option<String>,
    /// The revision.
    pub task_definition: Option<TaskDefinitionArn>,
    /// The commit that wanted it.
    pub commit: String,
    /// The restart token that git wanted then.
    #[serde(default)]
    pub restart: Option<RestartToken>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it counts as failed.
    pub deadline: Timestamp,
    /// What is followed beside ECS's own word.
    #[serde(default)]
    pub watch: Watch,
}

impl InFlight {
    /// The attempt that this rollout is, with no verdict yet.
    pub(crate) fn attempt(&self) -> Attempt {
        Attempt {
            deployment_id: self.deployment_id.clone(),
            task_definition: self.task_definition.clone(),
            commit: self.commit.clone(),
            restart: self.restart.clone(),
            at: self.started_at,
            verdict: None,
            aftermath: Box::default(),
        }
    }
}

/// A change of the desired count under way that Bowline made. It has no deployment: it is done when as many tasks run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scaling {
    /// The new count.
    pub to: u32,
    /// The commit that wanted it.
    pub commit: String,
    /// When it was made.
    pub started_at: Timestamp,
    /// When it counts as stuck.
    pub deadline: Timestamp,
}
