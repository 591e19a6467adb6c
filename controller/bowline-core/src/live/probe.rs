//! What was found of a service beside DescribeServices: answers to health conditions, pauses of a deployment, tasks that
//! stopped.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One answer to one health condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProbeResult {
    /// The condition, by what it is called: `http https://web.example.com/healthz`.
    pub condition: String,
    /// When the answer came.
    pub at: Timestamp,
    /// What it says.
    pub outcome: ProbeOutcome,
}

/// What an answer says of a health condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "outcome", content = "what")]
pub enum ProbeOutcome {
    /// The condition is true.
    Passed,
    /// It is false, and how, as a sentence without any of the answer's body: "answered 503 with 12 bytes".
    Failed(String),
    /// Nobody can say: AWS could not be asked, and why.
    Unknown(String),
    /// It is not asked, and why: the ceiling does not allow it, or nothing is there to ask.
    Refused(String),
}

/// Where a deployment stands inside ECS.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentProgress {
    /// What it waits for on purpose, if it does.
    pub pause: Option<Pause>,
}

/// A wait inside of a deployment that somebody asked for: it does not count against the deadline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "pause")]
pub enum Pause {
    /// A PAUSE lifecycle hook waits for ContinueServiceDeployment.
    #[serde(rename_all = "camelCase")]
    Hook {
        /// The hook, as ContinueServiceDeployment takes it.
        hook_id: String,
        /// The stage that it holds.
        stage: String,
        /// When ECS decides by itself.
        until: Option<Timestamp>,
    },
    /// Both revisions run side by side before the old one is removed (`bakeTimeInMinutes`).
    BakeTime,
    /// Traffic moves in steps, each with its own bake time (LINEAR, CANARY).
    TrafficShift,
}

/// A task that stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoppedTask {
    /// When.
    pub stopped_at: Option<Timestamp>,
    /// AWS's word for how.
    pub stop_code: Option<String>,
    /// AWS's sentence.
    pub reason: Option<String>,
    /// Its containers, in AWS's order.
    pub containers: Vec<StoppedContainer>,
}

/// A container of a task that stopped.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoppedContainer {
    /// Its name.
    pub name: String,
    /// Absent when it never ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// AWS's sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
