//! May we? A [`crate::plan::Proposed`] and the rules in, a [`crate::plan::Approved`] with what is held out.
//!
//! Must not know how an action is executed.

mod approve;
mod ceiling;
mod probes;
mod shrink;

pub use approve::approve;
pub use ceiling::{Outside, outside, unreadable};
pub use probes::{address_refused, conditions_refused, host_refused};
pub use shrink::{Accepted, Baselines, advanced, declared, shrunk};

use std::collections::{BTreeMap, BTreeSet};

use crate::desired::kind::{Capability, Mode};
use crate::name::{AccountId, HostPattern, ResourceName, RoleArn};

/// The most that Bowline may ever do, set on the controller's side. Git only narrows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ceiling {
    /// The highest mode.
    pub mode: Mode,
    /// Accounts that may be touched; empty means any.
    pub accounts: BTreeSet<AccountId>,
    /// Roles that may be assumed; empty means any.
    pub roles: BTreeSet<RoleArn>,
    /// Capabilities that may be used; absent means all.
    pub capabilities: Option<BTreeSet<Capability>>,
    /// Hosts that health conditions may be asked at; empty means none.
    pub probe_hosts: BTreeSet<HostPattern>,
}

/// Whether git may be acted from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GitStanding {
    /// The head was read in this pass.
    Fresh,
    /// The remote cannot be read; the sentence says why and how old the last good commit is.
    Stale(String),
    /// The branch was rewritten since the last applied commit.
    ForcePushed {
        /// The commit that it has now.
        head: String,
    },
    /// Too many resources vanished at once.
    Shrunk {
        /// The commit in which they are gone.
        head: String,
        /// Per target, what shrank, as a sentence.
        targets: BTreeMap<ResourceName, String>,
    },
}
