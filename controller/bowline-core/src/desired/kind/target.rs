//! Target: where services live, and what Bowline may do there.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::name::{AccountId, ClusterName, HumanDuration, Region, RoleArn};

/// An ECS cluster in one account and region, and what Bowline may do there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Target {
    /// The account that must be the caller's: compared with STS before anything is read.
    pub account_id: AccountId,
    /// The region of the cluster.
    pub region: Region,
    /// The cluster's name.
    pub cluster: ClusterName,
    /// The role to assume for this target; without it the controller's own credentials are used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assume_role: Option<AssumeRole>,
    /// How far Bowline may go here. `bowline.yaml` sets the highest mode; this can only be lower.
    #[serde(default)]
    pub mode: Mode,
    /// What Bowline may do here in mode `enforce`. Empty means nothing.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub capabilities: BTreeSet<Capability>,
    /// Limits on calls and changes.
    #[serde(default)]
    pub constraints: Constraints,
}

/// A role to assume before calling AWS.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AssumeRole {
    /// The role's ARN.
    pub arn: RoleArn,
    /// The external id that the role's trust policy asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
}

/// How far Bowline may go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Look and report; write nothing, anywhere.
    #[default]
    Observe,
    /// Publish the plan; write nothing to AWS.
    Propose,
    /// Act.
    Enforce,
}

/// One thing that Bowline may be allowed to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Capability {
    /// Create services that do not exist and whose manifests have `create`.
    #[serde(rename = "ecs:create")]
    EcsCreate,
    /// Register task definitions and point services at them.
    #[serde(rename = "ecs:deploy")]
    EcsDeploy,
    /// Change a service's desired count.
    #[serde(rename = "ecs:scale")]
    EcsScale,
    /// Force a new deployment of the same task definition.
    #[serde(rename = "ecs:restart")]
    EcsRestart,
    /// Stop Bowline's own deployment, so that ECS goes back to what was there before.
    #[serde(rename = "ecs:stop-deployment")]
    EcsStopDeployment,
    /// Move AWSCURRENT of a secret to the version pinned in git.
    #[serde(rename = "secrets:promote")]
    SecretsPromote,
}

/// Limits on calls and changes in one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Constraints {
    /// How long one AWS call may take, all attempts included.
    pub timeout: HumanDuration,
    /// How many calls may be under way at once.
    #[schemars(range(min = 1, max = 100))]
    pub concurrency: u32,
    /// How many services may be changed in one pass; absent means no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_changes_per_pass: Option<u32>,
}

impl Default for Constraints {
    fn default() -> Self {
        Self { timeout: HumanDuration::from_secs(30), concurrency: 8, max_changes_per_pass: None }
    }
}
