//! A Terraform state as its object's head and first fields show it.

use jiff::Timestamp;
use serde::Serialize;

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
}
