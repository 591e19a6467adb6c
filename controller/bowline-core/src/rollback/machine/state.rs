//! The states of a rollback, and how long each may last.

use std::fmt;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// Where a rollback is; stable, for `-o json` and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// The bad verdict was seen; nothing was done yet.
    Detected,
    /// The revert is pushed as a branch.
    Branch,
    /// The pull request is open.
    PullRequest,
    /// The revert is on the branch that is read, and live is not known to follow yet.
    Merged,
    /// Live is as git wants it again.
    Converged,
    /// It stayed so: done.
    Verified,
    /// A person closed the pull request: what failed stays quarantined.
    Closed,
    /// Git wants something else by now, without the revert.
    Overtaken,
    /// It cannot go on by itself.
    NeedsPerson,
    /// What it went back to failed as well.
    Failed,
}

/// How often a rollback is looked at while something may happen any moment; for how long the server is asked that often, `due` says.
pub(super) const LOOK: SignedDuration = SignedDuration::from_secs(15);
/// How soon it is looked at where something is about to change.
pub(super) const SOON: SignedDuration = SignedDuration::from_secs(2);
/// How long the server has for bringing a branch up to date before it is asked once more: it takes a few seconds.
pub(super) const UPDATE: SignedDuration = SignedDuration::from_mins(1);
/// How long the server is not asked again to merge by itself after it refused to: a person has to change a setting, or it can be merged
/// plainly before that, for which it is looked at all the while.
pub(super) const REFUSED: SignedDuration = SignedDuration::from_mins(5);
/// How long closing a pull request may take before a person is told: it is one call.
pub(super) const CLOSE: SignedDuration = SignedDuration::from_mins(10);
/// How long what speaks for the verdict is kept of a rollback that ended, a few KiB each: as long as the history has the events that
/// go with it, which at one a minute is a month.
pub(super) const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How long live has to stay as git wants it: longer than ECS takes to replace a task that ends at once.
pub(super) const SETTLE: SignedDuration = SignedDuration::from_secs(30);

impl State {
    /// Every state.
    pub const ALL: [Self; 10] = [
        Self::Detected,
        Self::Branch,
        Self::PullRequest,
        Self::Merged,
        Self::Converged,
        Self::Verified,
        Self::Closed,
        Self::Overtaken,
        Self::NeedsPerson,
        Self::Failed,
    ];

    /// Whether nothing follows.
    pub fn is_last(self) -> bool {
        matches!(self, Self::Verified | Self::Closed | Self::Overtaken | Self::Failed)
    }

    /// How long it may last before a person is told.
    pub(super) fn may_last(self, auto_merge: bool) -> Option<SignedDuration> {
        match self {
            // Two calls: something is in the way.
            Self::Detected | Self::Branch => Some(SignedDuration::from_mins(10)),
            // Checks that are required take minutes; people a day.
            Self::PullRequest if auto_merge => Some(SignedDuration::from_hours(1)),
            Self::PullRequest | Self::NeedsPerson => Some(SignedDuration::from_hours(24)),
            // A rollout may take 20 minutes, its way back as long.
            Self::Merged | Self::Converged => Some(SignedDuration::from_hours(1)),
            Self::Verified | Self::Closed | Self::Overtaken | Self::Failed => None,
        }
    }

    /// The label in metrics, as serialised.
    pub fn label(self) -> &'static str {
        match self {
            Self::Detected => "detected",
            Self::Branch => "branch",
            Self::PullRequest => "pull-request",
            Self::Merged => "merged",
            Self::Converged => "converged",
            Self::Verified => "verified",
            Self::Closed => "closed",
            Self::Overtaken => "overtaken",
            Self::NeedsPerson => "needs-person",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::PullRequest => "pull request",
            Self::NeedsPerson => "needs a person",
            other => other.label(),
        })
    }
}
