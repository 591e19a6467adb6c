//! A Terraform state as its object's head, its first fields and a few of its services show it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::desired::terraform::TerraformService;

/// One state file. Nothing but these fields of it is ever kept: a state holds secrets in plain text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LiveState {
    /// The S3 version id; absent when the bucket has no versioning.
    pub version_id: Option<String>,
    /// The object's ETag.
    pub etag: String,
    /// When it was written.
    pub last_modified: Option<Timestamp>,
    /// `serial`.
    pub serial: u64,
    /// `lineage`.
    pub lineage: String,
    /// `terraform_version`.
    pub terraform_version: Option<String>,
    /// The services that git asked about, by their addresses; nothing where the state has no managed `aws_ecs_service` there.
    pub services: BTreeMap<String, Option<TerraformService>>,
}
