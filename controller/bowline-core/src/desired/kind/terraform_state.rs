//! TerraformState: which version of a state file in S3 belongs to the code in git.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::name::{
    BucketName, CommitId, Lineage, ObjectKey, ObjectVersionId, ResourceName, TerraformAttribute,
};

/// Which version of a Terraform state in S3 belongs to the code in git.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TerraformState {
    /// The Target whose account holds the bucket.
    pub target: ResourceName,
    /// The bucket of the S3 backend.
    pub bucket: BucketName,
    /// The state's object key.
    pub key: ObjectKey,
    /// Which locks the backend uses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<StateLock>,
    /// The lineage that the state must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lineage: Option<Lineage>,
    /// The version that should be current; left out, the state is only watched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<StateVersion>,
    /// The code that this state version belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<StateCode>,
    /// Which `aws_ecs_service` address in the state is which EcsService resource.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub resources: BTreeMap<String, ResourceName>,
    /// What the Terraform code has in `lifecycle.ignore_changes` of these resources, by address: `[desired_count]`, or `[all]`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ignore_changes: BTreeMap<String, Vec<TerraformAttribute>>,
}

/// Which locks the backend uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StateLock {
    /// `use_lockfile`: an object `<key>.tflock` beside the state.
    #[serde(default)]
    pub s3: bool,
    /// `dynamodb_table`, if the backend has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dynamodb_table: Option<String>,
}

/// One version of a state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StateVersion {
    /// The S3 version id.
    pub id: ObjectVersionId,
    /// The serial inside the state.
    pub serial: u64,
}

/// The code that a state version belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StateCode {
    /// URL of the repository.
    pub repository: String,
    /// The commit that was applied.
    pub commit: CommitId,
}
