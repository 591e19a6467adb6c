//! A secret as DescribeSecret shows it: version ids and staging labels, never a value.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

/// One secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LiveSecret {
    /// The secret's full ARN.
    pub arn: String,
    /// Staging labels by version id. Versions without a label are not listed by AWS.
    pub stages: BTreeMap<String, BTreeSet<String>>,
    /// When it was marked for deletion.
    pub deleted_at: Option<Timestamp>,
    /// When anything of it last changed.
    pub last_changed_at: Option<Timestamp>,
    /// True when Secrets Manager, or another AWS service, rotates it by itself.
    pub rotated_elsewhere: bool,
}

impl LiveSecret {
    /// The version id that AWSCURRENT is on.
    pub fn current(&self) -> Option<&str> {
        self.stages
            .iter()
            .find(|(_, stages)| stages.contains("AWSCURRENT"))
            .map(|(version, _)| version.as_str())
    }
}
