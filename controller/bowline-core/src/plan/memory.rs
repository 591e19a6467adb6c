//! What is remembered between passes. Losing it costs history, never safety.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::desired::TaskDefinitionContent;
use crate::name::{ResourceName, TaskDefinitionArn};

/// SHA-256, in hexadecimal, of what a rollout deploys: the normalised task definition content and the resolved secret
/// version ids. Count, restart token and ignore rules are not in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SpecHash(pub String);

impl fmt::Display for SpecHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.get(..12).unwrap_or(&self.0))
    }
}

/// What is remembered of all resources.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// Per EcsService resource.
    pub services: BTreeMap<ResourceName, ServiceMemory>,
}

/// What is remembered of one service.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ServiceMemory {
    /// The newest spec that was good.
    pub last_good: Option<LastGood>,
    /// Attempts by spec hash: what failed stays quarantined.
    pub attempts: BTreeMap<SpecHash, Attempt>,
    /// Somebody else's step back that is being held, and since when.
    pub deviation: Option<Deviation>,
    /// The rollout that Bowline started and still watches.
    pub in_flight: Option<InFlight>,
}

/// A spec that was deployed and found good.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LastGood {
    /// Its hash.
    pub spec_hash: SpecHash,
    /// The revision.
    pub task_definition: TaskDefinitionArn,
    /// The revision's content: AWS forgets deregistered ones.
    pub content: Option<TaskDefinitionContent>,
    /// The commit that wanted it.
    pub commit: String,
    /// When it was found good.
    pub at: Timestamp,
}

/// One attempt to deploy a spec.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// The deployment's id.
    pub deployment_id: Option<String>,
    /// The commit that wanted it.
    pub commit: String,
    /// When it began.
    pub at: Timestamp,
    /// How it ended; absent while it is under way.
    pub verdict: Option<AttemptVerdict>,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum AttemptVerdict {
    /// Good.
    Good,
    /// Bad, with the reason as a sentence.
    Bad(String),
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
    /// When it began.
    pub started_at: Timestamp,
    /// When it counts as failed.
    pub deadline: Timestamp,
}
