//! Which commit wants what live is not.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// That a resource is not as git wants it, and since which commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// The commit that was the branch's head when git was first seen to want it; absent for drift, which no commit brought.
    pub commit: Option<String>,
    /// Digest of the resource as written, and of what it refers to.
    pub digest: String,
    /// The newest commit for which that was looked at.
    pub seen_in: String,
    /// When its rollout turned out bad; absent again once what failed may be tried once more.
    pub failed_at: Option<Timestamp>,
}
