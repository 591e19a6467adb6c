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
    /// What is done where git pins an older version again than the one to which Bowline moved AWSCURRENT.
    #[serde(default, skip_serializing_if = "is_refused")]
    pub rollback: SecretRollback,
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

/// What is done where git pins an older version of a secret again. A label that moves back does not change the password in the
/// database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SecretRollback {
    /// Nothing: AWSCURRENT stays where it is, and a person decides.
    #[default]
    Refuse,
    /// AWSCURRENT is moved back, if it was Bowline that moved it: the older value is known to work still.
    Label,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_refused(rollback: &SecretRollback) -> bool {
    *rollback == SecretRollback::Refuse
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
