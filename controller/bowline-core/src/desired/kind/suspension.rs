//! Suspension: until when nothing is done to a resource, and why.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::name::{EndTime, ReasonText};

/// Nothing is done to the resource until then: it is looked at and reported. After that, the block is without effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Suspension {
    /// When it ends by itself.
    pub until: EndTime,
    /// Why, for whoever looks at it in the meantime.
    pub reason: ReasonText,
}

impl Suspension {
    /// Whether it is in force.
    pub fn holds(&self, now: Timestamp) -> bool {
        now < self.until.timestamp()
    }
}
