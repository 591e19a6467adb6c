//! What became of an action that was attempted.

use serde::Serialize;

use crate::live::UnknownReason;
use crate::name::TaskDefinitionArn;

/// What became of an action that was attempted.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// AWS did it.
    Done {
        /// The deployment that the call started, or found, as PRIMARY.
        deployment_id: Option<String>,
        /// The revision that was registered, or that the service runs now.
        task_definition: Option<TaskDefinitionArn>,
    },
    /// It was so already.
    AlreadyDone,
    /// What was expected was not found: somebody else was faster. The next pass plans anew.
    Superseded {
        /// What was found instead, as a sentence.
        found: String,
    },
    /// It failed, or nobody knows.
    Failed(UnknownReason),
}
