//! What to do, in which order? Desired and live state and what is remembered in, a [`Plan`] out.
//!
//! May import every room above it. Must not know whether an action is allowed (`policy`) or how it is done.

mod action;
mod memory;
mod report;

pub use action::{Action, Expectation, Operation, TagKey, Wave};
pub use memory::{Attempt, AttemptVerdict, Deviation, InFlight, LastGood, Memory, ServiceMemory, SpecHash};
pub use report::{HeldWhy, Need, ResourceReport, Sync, WaitingOn};

use std::collections::{BTreeMap, BTreeSet};

use crate::desired::ResourceKey;

/// What should be done in one pass, before anybody asked whether it may be.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Proposed {
    /// What each resource's state is, and why.
    pub reports: BTreeMap<ResourceKey, ResourceReport>,
    /// Actions in the order of their waves; inside a wave, by resource.
    pub actions: Vec<Action>,
}

/// What may be done in one pass. Only `policy` makes one, and only this can be executed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Approved {
    /// What each resource's state is, with what is held and why.
    pub reports: BTreeMap<ResourceKey, ResourceReport>,
    /// The actions of the first wave that has any. Later waves are planned again from what is then observed.
    pub(crate) actions: Vec<Action>,
    /// The resources whose later actions wait for this wave.
    pub waiting: BTreeSet<ResourceKey>,
}

impl Approved {
    /// The actions of this wave.
    pub fn actions(&self) -> &[Action] {
        &self.actions
    }
}
