//! What is looked at before each step.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Branch;
use crate::desired::kind::RollbackStrategy;
use crate::name::{CommitId, ResourceName};

/// Everything that a step is decided by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The commit at the head of the branch that is read.
    pub commit: String,
    /// Whether git still wants what failed.
    pub git: GitSeen,
    /// When the branch that is read was last asked where it is.
    pub read_at: Timestamp,
    /// Digests of what it wants of the rollback's services.
    pub wanted: BTreeMap<ResourceName, String>,
    /// How live is, all services of the rollback together.
    pub live: LiveSeen,
    /// The pull request, asked for after git was read.
    pub pull: PullSeen,
    /// The branch of the pull request, where the rollback remembers none: only if Bowline made the same content again by itself.
    pub proven: Option<Branch>,
    /// The head of the pull request, if it is what was pushed with nothing but its base merged into it.
    pub followed: Option<CommitId>,
    /// Whether a server with pull requests is configured.
    pub github: bool,
    /// Whether anything may be written at all: not while a Target of its services is in the mode observe.
    pub writes: bool,
    /// How far a rollback of its services may go by now.
    pub strategy: RollbackStrategy,
    /// Whether so many commits are bad at once that nothing is done by itself.
    pub storm: bool,
}

/// What the head of the branch that is read wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GitSeen {
    /// For at least one service, what failed.
    WantsFailed,
    /// Something else for all of them, or what was good after all.
    WantsOther,
    /// It cannot be told: the repository is not fresh.
    Unknown,
}

/// How live is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LiveSeen {
    /// As git wants it.
    AsWanted,
    /// Not there yet.
    OnItsWay,
    /// Not there, and something keeps a Secret that was taken back from getting there: which one, and why.
    Held(String),
    /// What the rollback went back to failed, with the reason.
    Bad(String),
    /// What failed is what a later commit wants, with the reason.
    WentOn(String),
    /// It could not be read.
    Unknown,
}

impl LiveSeen {
    /// How live is, where this is one part of it and the other another: what cannot be read hides everything, and what is held
    /// tells more than what is only on its way.
    pub(super) fn and(self, other: Self) -> Self {
        let weight = |seen: &Self| match seen {
            Self::AsWanted => 0,
            Self::OnItsWay => 1,
            Self::Held(_) => 2,
            Self::WentOn(_) => 3,
            Self::Bad(_) => 4,
            Self::Unknown => 5,
        };
        if weight(&other) > weight(&self) { other } else { self }
    }
}

/// Whether there is a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PullSeen {
    /// Nobody could be asked, or it was not due: that tells nothing.
    NotAsked,
    /// There is none.
    None,
    /// This one.
    There(Pull),
}

/// A pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    /// Its number.
    pub number: u64,
    /// Its page.
    pub url: String,
    /// What GraphQL calls it.
    pub node_id: String,
    /// Its branch, without `refs/heads/`.
    pub branch: String,
    /// The branch that it is for, without `refs/heads/`.
    pub base: String,
    /// The commit at its head.
    pub head: CommitId,
    /// Its text.
    pub body: String,
    /// Whether the server merges it by itself because its author wanted that.
    pub armed_by_author: bool,
    /// Where it is.
    pub state: PullState,
}

/// Where a pull request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullState {
    /// Open.
    Open {
        /// Whether it can be merged.
        mergeability: Mergeability,
        /// Whether the server merges it by itself once the rules allow.
        auto_merge: bool,
    },
    /// Closed without being merged.
    Closed,
    /// Merged.
    Merged,
}

/// Whether a pull request can be merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mergeability {
    /// The server has not found out yet.
    Computing,
    /// Now.
    Ready,
    /// Not before the branch's rules are fulfilled.
    Blocked,
    /// Not before it holds what its base got since: the branch's rules ask for that.
    Behind,
    /// It is in conflict with its base.
    Conflict,
    /// It is a draft.
    Draft,
}
