//! Secret: which version of a secret is current. Never a value.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Suspension;
use crate::name::{CronExpression, HumanDuration, ResourceName, SecretId, SecretVersionId, TimeZoneName};

/// Which version of a secret AWSCURRENT must be on. The value itself never enters git or Bowline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Secret {
    /// The Target whose account and region hold the secret.
    pub target: ResourceName,
    /// The secret's name or ARN.
    pub secret_id: SecretId,
    /// The version that AWSCURRENT must be on.
    pub version_id: SecretVersionId,
    /// JSON keys that the value must have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required_keys: Vec<String>,
    /// Rotation by scheduled commits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotation: Option<Rotation>,
    /// Nothing is done to the secret for a while; `bowline suspend` writes it, `bowline resume` removes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend: Option<Suspension>,
}

/// Rotation by scheduled commits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rotation {
    /// When, as a cron expression of five fields.
    pub schedule: CronExpression,
    /// The time zone of the schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<TimeZoneName>,
    /// How long the old version stays usable after the readers were rolled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace: Option<HumanDuration>,
}
