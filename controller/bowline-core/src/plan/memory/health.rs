//! What a health condition answered, whether or not a rollout is under way.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The newest answer of one health condition of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConditionMemory {
    /// Whether it was true.
    pub passed: bool,
    /// How it was not, as a sentence.
    pub reason: Option<String>,
    /// When it was noted; later answers that say the same renew it only now and then.
    pub at: Timestamp,
    /// Wrong answers in a row, and when the first of them came.
    pub failing: Option<(u32, Timestamp)>,
    /// Whether it was told that it fails.
    #[serde(default)]
    pub told: bool,
}
