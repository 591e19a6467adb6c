//! What the state of each resource is, and why nothing, or not everything, happens.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::memory::{Evidence, SpecHash};
use super::warning::Warning;
use crate::desired::kind::{Capability, Mode};
use crate::desired::{Origin, ResourceKey};
use crate::diff::Difference;
use crate::live::{Pause, UnknownReason};
use crate::name::ResourceName;

/// One resource's state after a pass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceReport {
    /// The resource.
    pub resource: ResourceKey,
    /// The Target it belongs to; absent for a Target itself.
    pub target: Option<ResourceName>,
    /// The state in one word.
    pub sync: Sync,
    /// What differs.
    pub differences: Vec<Difference>,
    /// What differs and is nobody's business here: ignored by a rule, or owned by somebody else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_alone: Vec<Difference>,
    /// What a person should change; it makes the resource no less in sync.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
    /// Why nothing, or not everything, is done about it.
    pub held: Vec<HeldWhy>,
    /// What is waited for.
    pub waiting_on: Option<WaitingOn>,
    /// Why it could not be read.
    pub unknown: Option<Box<UnknownReason>>,
    /// Things a person should know; no action follows from them.
    pub notes: Vec<String>,
    /// How its health conditions stand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub health: Vec<HealthReport>,
    /// The rollout of what git wants that failed, with what speaks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<Box<FailedRollout>>,
}

/// How one health condition stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HealthReport {
    /// The condition, by what it is called: `http https://web.example.com/healthz`.
    pub condition: String,
    /// The newest answer; absent before the first.
    pub healthy: Option<bool>,
    /// What is wrong, as a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A rollout that failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FailedRollout {
    /// What was deployed.
    pub spec_hash: SpecHash,
    /// The commit that wanted it.
    pub commit: String,
    /// When it began.
    pub began_at: Timestamp,
    /// When the verdict fell.
    pub ended_at: Option<Timestamp>,
    /// Why it is bad, as a sentence.
    pub reason: String,
    /// What speaks for that.
    pub evidence: Option<Evidence>,
}

impl ResourceReport {
    /// A report of a resource with which all is well.
    pub(crate) fn new(resource: ResourceKey, target: &ResourceName) -> Self {
        Self {
            resource,
            target: Some(target.clone()),
            sync: Sync::InSync,
            differences: Vec::new(),
            left_alone: Vec::new(),
            warnings: Vec::new(),
            held: Vec::new(),
            waiting_on: None,
            unknown: None,
            notes: Vec::new(),
            health: Vec::new(),
            failed: None,
        }
    }

    pub(crate) fn set_unknown(&mut self, why: UnknownReason) {
        self.sync = Sync::Unknown;
        self.unknown = Some(Box::new(why));
    }

    /// Notes why something is not done, once.
    pub(crate) fn hold(&mut self, why: HeldWhy) {
        if !self.held.contains(&why) {
            self.held.push(why);
        }
    }

    pub(crate) fn note_origin(&mut self, origin: &Origin) {
        if origin.stale {
            self.notes
                .push(format!("{} does not parse in this commit: its last good form is used", origin.path));
        }
    }

    /// True while a rollout is under way, or ECS deletes a service that is to be created again.
    pub fn is_rolling(&self) -> bool {
        let moves = |on: &WaitingOn| on.is_rollout() || matches!(on, WaitingOn::Deletion { .. });
        self.sync == Sync::Progressing || self.waiting_on.as_ref().is_some_and(moves)
    }

    /// True when something that decides about it could not be read.
    pub fn has_unknown(&self) -> bool {
        self.sync == Sync::Unknown || matches!(self.waiting_on, Some(WaitingOn::Read { .. }))
    }

    /// What was tried and failed, if anything.
    pub fn failing(&self) -> Option<&HeldWhy> {
        self.held.iter().find(|why| matches!(why, HeldWhy::ActionFailed { .. }))
    }

    /// Until when nothing is done to it, by git's word; absent when it is not suspended.
    pub fn suspended_until(&self) -> Option<Timestamp> {
        self.held.iter().find_map(|why| match why {
            HeldWhy::Suspended { until, .. } => Some(*until),
            _ => None,
        })
    }

    /// True when live is as git wants it, or on its way there with nothing left to do.
    pub fn is_clean(&self) -> bool {
        if self.failing().is_some() {
            return false;
        }
        match self.sync {
            Sync::InSync => self.differences.is_empty(),
            Sync::Progressing => self.differences.is_empty() && !self.has_unknown(),
            Sync::Drifted | Sync::AwaitingGit | Sync::Missing | Sync::Unknown | Sync::Invalid => false,
        }
    }
}

/// A resource's state in one word; stable, for `-o json` and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sync {
    /// As git wants it.
    InSync,
    /// Different, and something will be done, or would be if it were allowed.
    Drifted,
    /// A rollout is under way.
    Progressing,
    /// A spec failed, or ECS rolled it back: git has to change.
    AwaitingGit,
    /// It does not exist.
    Missing,
    /// It could not be read.
    Unknown,
    /// What git says of it cannot be used.
    Invalid,
}

/// Why an action is not taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "why")]
pub enum HeldWhy {
    /// The target's mode, or the ceiling's, is below `enforce`.
    Mode {
        /// The mode that is in force.
        mode: Mode,
        /// True when `bowline.yaml` sets it, false when the Target does.
        by_ceiling: bool,
    },
    /// "Operation not permitted for target ...".
    NotPermitted {
        /// The target.
        target: ResourceName,
        /// What it lacks.
        capability: Capability,
        /// True when `bowline.yaml` withholds it, false when the Target does.
        by_ceiling: bool,
    },
    /// The account or the role is not in the ceiling.
    OutsideCeiling {
        /// What is outside, as a sentence.
        what: String,
    },
    /// Git says that nothing is to be done to it for a while: nothing at all is.
    Suspended {
        /// When that ends.
        until: Timestamp,
        /// Why, in the words of who wrote it.
        reason: String,
    },
    /// This spec failed before.
    #[serde(rename_all = "camelCase")]
    Quarantined {
        /// The service.
        service: ResourceName,
        /// The spec.
        spec_hash: SpecHash,
        /// How it failed.
        reason: String,
    },
    /// Another resource failed with the commit that wants this: one bad commit is gone back from once.
    #[serde(rename_all = "camelCase")]
    CommitFailed {
        /// The commit.
        commit: String,
        /// The resource that failed.
        resource: String,
        /// The resource that is not changed.
        held: ResourceKey,
        /// What is not started, where that is a deployment.
        spec_hash: Option<SpecHash>,
    },
    /// Somebody stepped back; it is healed when this passes.
    HealDelay {
        /// When it will be healed.
        until: Timestamp,
    },
    /// The branch was rewritten.
    ForcePush {
        /// Its head, which a person may accept.
        head: String,
    },
    /// The repository cannot be read: nothing is done from an old commit.
    StaleGit {
        /// Why, with the age of the last good commit.
        reason: String,
    },
    /// Too many resources vanished from git at once.
    Shrunk {
        /// What shrank, as a sentence.
        what: String,
        /// The branch's head, which a person may accept.
        head: String,
    },
    /// As many changes were made in this pass as the target allows.
    ChangeLimit {
        /// The limit.
        limit: u32,
    },
    /// It was tried and failed; it is tried again in each pass.
    ActionFailed {
        /// The operation, as text.
        operation: String,
        /// Why it failed last, in AWS's words where it was AWS that refused.
        message: String,
        /// What to do about it.
        hint: String,
        /// When it failed first.
        since: Timestamp,
        /// How often it failed.
        times: u32,
    },
    /// The service's tags name another Bowline instance as its owner: nothing at all is done to it.
    #[serde(rename_all = "camelCase")]
    OwnedByInstance {
        /// The other instance.
        owner: String,
        /// The resource that it claimed the service for, if the tags say.
        resource: Option<String>,
        /// The service.
        service_arn: String,
    },
    /// The service's tags name another resource of this git, which still exists: two resources cannot manage one service.
    #[serde(rename_all = "camelCase")]
    OwnedByResource {
        /// The other resource.
        resource: String,
        /// The service.
        service_arn: String,
    },
    /// The service does not exist, and its manifest does not say that Bowline may create it.
    NotCreatedByBowline,
    /// AWSCURRENT is on a newer version than the pinned one: somebody rotated by hand.
    NewerThanPin {
        /// The version that is current.
        current: String,
    },
    /// Git pins an older version again than the current one, to which Bowline itself moved AWSCURRENT, and its manifest does not
    /// say that it may be moved back.
    LabelNotMovedBack {
        /// The version that is current.
        current: String,
    },
    /// The pinned version does not exist.
    VersionMissing,
    /// AWS cannot change this setting of a service that exists: never attempted.
    NeedsRecreation {
        /// The setting, such as `settings.launchType`.
        field: String,
    },
    /// Reported, not repaired by this version.
    ReportOnly,
    /// Something that a person has to resolve, as a sentence.
    NeedsPerson {
        /// What, and what to do.
        what: String,
    },
}

/// What is waited for before the next step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "for")]
pub enum WaitingOn {
    /// An earlier wave.
    Wave {
        /// The resources whose actions come first.
        of: Vec<ResourceKey>,
    },
    /// A rollout: our own, or somebody else's of what the service runs.
    Rollout {
        /// Its deployment, once known.
        deployment_id: Option<String>,
        /// When it counts as failed, or is not waited for any longer.
        deadline: Timestamp,
    },
    /// Health conditions of a deployment that ECS has completed.
    Health {
        /// Each that is not true yet, with its newest answer, as a sentence.
        of: Vec<String>,
        /// When it counts as failed.
        deadline: Timestamp,
    },
    /// A deployment that ECS holds on purpose: a hook, or bake time. It does not count against the deadline.
    Pause {
        /// What it waits for. Boxed: all other waits are half as large.
        pause: Box<Pause>,
        /// Since when.
        since: Timestamp,
    },
    /// ECS to finish deleting a service of the same name: only then can it be created.
    Deletion {
        /// When it is not waited for any longer.
        deadline: Timestamp,
    },
    /// ECS's own rollback: never push a new revision meanwhile.
    EcsRollback,
    /// A service it depends on.
    Dependency {
        /// The service.
        on: ResourceName,
    },
    /// Something that could not be read.
    Read {
        /// What, as a sentence.
        what: String,
    },
}

impl WaitingOn {
    /// True for a rollout under way, whoever began it.
    pub(crate) fn is_rollout(&self) -> bool {
        match self {
            Self::Rollout { .. } | Self::Health { .. } | Self::Pause { .. } | Self::EcsRollback => true,
            Self::Wave { .. } | Self::Dependency { .. } | Self::Deletion { .. } | Self::Read { .. } => false,
        }
    }
}

/// Something more that must be read before the plan can be made. The shell reads it and asks again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Need {
    /// A task definition, by ARN or `family:revision`.
    TaskDefinition {
        /// The target to ask.
        target: ResourceName,
        /// ARN or `family:revision`.
        reference: String,
    },
    /// The newest ACTIVE revisions of a family.
    RecentRevisions {
        /// The target to ask.
        target: ResourceName,
        /// The family.
        family: String,
    },
    /// A service's past deployments.
    History {
        /// The EcsService resource.
        service: ResourceName,
    },
    /// The settings that only the service revision of a service's PRIMARY deployment shows.
    RevisionSettings {
        /// The EcsService resource.
        service: ResourceName,
    },
    /// When a service's running tasks were started.
    TaskStarts {
        /// The EcsService resource.
        service: ResourceName,
    },
    /// Whether a service's health conditions are true now, before it is changed.
    Health {
        /// The EcsService resource.
        service: ResourceName,
    },
    /// Where a deployment stands inside ECS.
    Progress {
        /// The EcsService resource.
        service: ResourceName,
        /// The deployment, `ecs-svc/<number>`.
        deployment_id: String,
    },
    /// The tasks of a bad deployment that stopped.
    StoppedTasks {
        /// The EcsService resource.
        service: ResourceName,
        /// The deployment, `ecs-svc/<number>`.
        deployment_id: String,
    },
    /// When a secret's versions were created.
    SecretVersionDates {
        /// The Secret resource.
        secret: ResourceName,
    },
}
