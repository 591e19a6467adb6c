//! What is followed of a rollout under way beside ECS's own word.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::diff::Difference;
use crate::live::{Pause, ProbeBody, ProbeOutcome};

/// Health conditions, pauses, and what the rollout changes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Watch {
    /// True when Bowline made the call that began it, false when it was taken over.
    pub ours: bool,
    /// Each health condition, by what it is called.
    pub health: BTreeMap<String, ConditionStanding>,
    /// When ECS was first seen to have completed the deployment: answers from before are the old tasks'.
    pub completed_at: Option<Timestamp>,
    /// What the deployment waits for on purpose.
    pub pause: Option<PauseSeen>,
    /// What it changes, values by their length.
    pub changed: Vec<Difference>,
}

/// How a health condition stands in a rollout.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConditionStanding {
    /// How many right answers in a row it takes.
    pub needed: u32,
    /// Whether it was true right before the rollout; absent where nobody knows. One that was not cannot convict.
    pub before: Option<bool>,
    /// Right answers in a row since ECS completed the deployment.
    pub in_a_row: u32,
    /// The newest answer.
    pub last: Option<ConditionSeen>,
}

/// An answer, and when it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConditionSeen {
    /// When.
    pub at: Timestamp,
    /// What it says.
    #[serde(flatten)]
    pub outcome: ProbeOutcome,
    /// What a wrong answer held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<ProbeBody>,
}

/// A pause that was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PauseSeen {
    /// What it waits for.
    pub pause: Pause,
    /// When it was first seen.
    pub since: Timestamp,
    /// When it was last seen: the time between does not count against the deadline.
    pub seen_at: Timestamp,
}

impl ConditionStanding {
    /// Whether it was true often enough.
    pub fn is_met(&self) -> bool {
        self.in_a_row >= self.needed
    }
}
