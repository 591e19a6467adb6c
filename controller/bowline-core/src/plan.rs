//! What to do, in which order? Desired and live state and what is remembered in, a [`Proposed`] out.
//!
//! May import every room above it. Must not know whether an action is allowed (`policy`) or how it is done.

mod action;
mod commits;
mod document;
mod event;
mod hold;
mod learn;
mod memory;
mod orphans;
mod ownership;
mod propose;
mod reads;
mod record;
mod report;
mod retags;
mod rollouts;
mod secret;
mod seldom;
mod sentence;
mod service;
mod spec;
mod suspension;
mod tag;
mod terraform_label;
mod terraform_state;
mod warning;
mod world;

pub use action::{Action, Expectation, Operation, SettingsRequest, TagKey, TagsRequest, Wave, Whose};
pub use document::{Document, Totals};
pub use event::{Event, EventKind};
pub use hold::Hold;
pub use learn::learn;
pub use memory::{
    Aftermath, Attempt, AttemptVerdict, Change, ConditionMemory, ConditionSeen, ConditionStanding, Deviation,
    EcsServiceId, Evidence, EvidenceEvent, FailedAction, InFlight, InSyncWith, LastGood, LogStream, Memory,
    PauseSeen, ResourceMemory, Scaling, ServiceMemory, SpecHash, StoppedGroup, TargetMemory, Told, Watch,
};
pub use orphans::Orphan;
pub(crate) use ownership::belongs_elsewhere;
pub use ownership::{Actor, owner, standing_owner, whose};
pub(crate) use propose::as_found;
pub use propose::{needs, propose};
pub use record::{Outcome, record};
pub use report::{FailedRollout, HealthReport, HeldWhy, Need, ResourceReport, Sync, WaitingOn};
pub use rollouts::{Followed, followed, target_groups};
pub use secret::not_moved_back;
pub use seldom::{KEPT, Seldom, due_seldom};
pub(crate) use service::deploying_part;
pub use service::{has_named_tags, is_mutable, only_drift};
pub(crate) use spec::{Versions, pinned_versions};
pub(crate) use tag::{Recorded, Restart};
pub use warning::{DigestTasks, Warning};

use std::collections::{BTreeMap, BTreeSet};

use crate::desired::ResourceKey;

/// The state of each resource. Boxed: a map's nodes have room for twice as many as they hold, and there are thousands.
pub type Reports = BTreeMap<ResourceKey, Box<ResourceReport>>;

/// What should be done in one pass, before anybody asked whether it may be.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Proposed {
    /// What each resource's state is, and why.
    pub reports: Reports,
    /// Actions in the order of their waves; inside a wave, by resource.
    pub actions: Vec<Action>,
    /// What failed when it was last tried, by resource and operation as text: it is tried again, and holds nobody else up.
    pub failures: BTreeMap<ResourceKey, BTreeMap<String, FailedAction>>,
    /// Services of this instance that git does not name any more. They are told, and are no difference.
    pub orphans: Vec<Orphan>,
}

/// What may be done in one pass. Only `policy` makes one, and only this can be executed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Approved {
    /// What each resource's state is, with what is held and why.
    pub reports: Reports,
    /// The actions of the first wave that has any, after earlier ones that failed before and are tried again. Later waves
    /// are planned again from what is then observed.
    pub(crate) actions: Vec<Action>,
    /// The resources whose later actions wait for this wave.
    pub waiting: BTreeSet<ResourceKey>,
    /// Services of this instance that git does not name any more. They are told, and are no difference.
    pub orphans: Vec<Orphan>,
}

impl Proposed {
    /// True when live is as git wants it everywhere; records that roll nothing do not count.
    pub fn is_clean(&self) -> bool {
        is_clean(&self.reports)
    }

    /// True when something that decides could not be read: `plan` then exits 2.
    pub fn has_unknown(&self) -> bool {
        has_unknown(&self.reports)
    }
}

impl Approved {
    /// True when live is as git wants it everywhere; records that roll nothing do not count.
    pub fn is_clean(&self) -> bool {
        is_clean(&self.reports)
    }

    /// True when something that decides could not be read.
    pub fn has_unknown(&self) -> bool {
        has_unknown(&self.reports)
    }

    /// The actions of this wave.
    pub fn actions(&self) -> &[Action] {
        &self.actions
    }
}

fn is_clean(reports: &Reports) -> bool {
    reports.values().all(|report| report.is_clean())
}

fn has_unknown(reports: &Reports) -> bool {
    reports.values().any(|report| report.has_unknown())
}

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;
