//! EcsService: one service on a Target, as it should be.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{HealthCondition, ServiceCreation, ServiceSettings, Suspension};
use crate::name::{
    FieldPath, HumanDuration, RelativePath, ResourceName, RestartToken, RevisionRef, ServiceName,
};

/// One ECS service as it should be. A field that is left out is not managed by Bowline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EcsService {
    /// The Target that the service lives on.
    pub target: ResourceName,
    /// The service's name at ECS.
    pub service: ServiceName,
    /// The task definition it should run; left out, somebody else (a pipeline) owns it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_definition: Option<TaskDefinitionSource>,
    /// How many tasks; left out, autoscaling owns it. 0 is zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 5000))]
    pub desired_count: Option<u32>,
    /// Settings in the field names of AWS's UpdateService. Only what is listed is managed: field by field inside of objects,
    /// lists as a whole.
    #[serde(default, skip_serializing_if = "ServiceSettings::is_empty")]
    pub settings: ServiceSettings,
    /// Lets Bowline create the service where it does not exist, and says with what besides the fields above; needs the
    /// capability `ecs:create`. Left out, a missing service is only reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create: Option<ServiceCreation>,
    /// A token; changing it restarts the service once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart: Option<RestartToken>,
    /// Secret resources that the service reads at start: it is rolled after one of them is promoted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<ResourceName>,
    /// EcsService resources that are rolled, and must be good, before this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<ResourceName>,
    /// What must be true after a deployment for it to be good, beside ECS's own word; at most 10 conditions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub health: Vec<HealthCondition>,
    /// How a rollout is watched.
    #[serde(default)]
    pub rollout: Rollout,
    /// What is done once a deployment of it failed.
    #[serde(default, skip_serializing_if = "Rollback::is_default")]
    pub rollback: Rollback,
    /// How long somebody else's step back (to an earlier good revision, or to count 0) is left alone before it is healed.
    #[serde(default = "default_heal_delay")]
    pub heal_delay: HumanDuration,
    /// Field paths that somebody else owns; `*` stands for any one part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<FieldPath>,
    /// Nothing is done to the service for a while; `bowline suspend` writes it, `bowline resume` removes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend: Option<Suspension>,
    /// Names of environment variables, and labels, whose values may be shown in a diff.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reveal: Vec<String>,
}

fn default_heal_delay() -> HumanDuration {
    HumanDuration::from_secs(15 * 60)
}

/// Where the task definition comes from: exactly one of the two fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    rename_all = "camelCase",
    deny_unknown_fields,
    try_from = "RawTaskDefinitionSource",
    into = "RawTaskDefinitionSource"
)]
#[schemars(with = "RawTaskDefinitionSource")]
pub enum TaskDefinitionSource {
    /// A revision that exists: `family:42`.
    Revision(RevisionRef),
    /// A JSON file in AWS's own RegisterTaskDefinition shape, relative to the manifest.
    File(RelativePath),
}

/// Where the task definition comes from: exactly one of the two fields.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "TaskDefinitionSource", extend("oneOf" = [{ "required": ["revision"] }, { "required": ["file"] }]))]
struct RawTaskDefinitionSource {
    /// A revision that exists: `family:42`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revision: Option<RevisionRef>,
    /// A JSON file in AWS's own RegisterTaskDefinition shape, relative to the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<RelativePath>,
}

impl TryFrom<RawTaskDefinitionSource> for TaskDefinitionSource {
    type Error = &'static str;

    fn try_from(raw: RawTaskDefinitionSource) -> Result<Self, Self::Error> {
        match (raw.revision, raw.file) {
            (Some(revision), None) => Ok(Self::Revision(revision)),
            (None, Some(file)) => Ok(Self::File(file)),
            (Some(_), Some(_)) => Err("taskDefinition has both `revision` and `file`: keep one"),
            (None, None) => Err("taskDefinition needs `revision` or `file`"),
        }
    }
}

impl From<TaskDefinitionSource> for RawTaskDefinitionSource {
    fn from(source: TaskDefinitionSource) -> Self {
        match source {
            TaskDefinitionSource::Revision(revision) => Self { revision: Some(revision), file: None },
            TaskDefinitionSource::File(file) => Self { revision: None, file: Some(file) },
        }
    }
}

/// What is done once a deployment failed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Rollback {
    /// How far Bowline goes. `bowline.yaml` sets the most (`github.strategy`); this can only be less.
    pub strategy: RollbackStrategy,
}

impl Rollback {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// How far a rollback goes by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RollbackStrategy {
    /// Nothing: what failed stays quarantined, and a person reverts it.
    None,
    /// The commit is reverted on a branch, and a pull request opened; a person merges it.
    #[default]
    PullRequest,
    /// The pull request is merged as well, as soon as the rules of the branch allow; never where a document had to be replaced.
    AutoMerge,
}

/// How a rollout is watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Rollout {
    /// How long a deployment may take before it counts as failed.
    pub deadline: HumanDuration,
}

impl Default for Rollout {
    fn default() -> Self {
        Self { deadline: HumanDuration::from_secs(20 * 60) }
    }
}
