//! Known, missing, or unknown: the three states of everything that is read.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};

/// What is known of something live.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Observed<T> {
    /// It was read.
    Known {
        /// What was read.
        value: T,
        /// When.
        at: Timestamp,
    },
    /// AWS answered that it does not exist.
    Missing,
    /// It could not be read: never "missing", never "different".
    Unknown {
        /// Why not. Shared: one reason often is that of thousands of services.
        #[serde(serialize_with = "as_it_is")]
        why: Arc<UnknownReason>,
    },
}

fn as_it_is<S: Serializer>(why: &Arc<UnknownReason>, serializer: S) -> Result<S::Ok, S::Error> {
    why.serialize(serializer)
}

impl<T> Observed<T> {
    /// It could not be read.
    pub fn unknown(why: impl Into<Arc<UnknownReason>>) -> Self {
        Self::Unknown { why: why.into() }
    }

    /// The value, if it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known { value, .. } => Some(value),
            Self::Missing | Self::Unknown { .. } => None,
        }
    }
}

/// Why something could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UnknownReason {
    /// The kind of failure; stable, for metrics and `-o json`.
    pub category: UnknownCategory,
    /// What was attempted and what came back, as a sentence.
    pub message: String,
    /// What a person can do.
    pub hint: String,
    /// What AWS said, where it said something.
    pub aws: Option<AwsErrorDetail>,
}

/// The kinds of failure to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownCategory {
    /// Not read yet in this pass.
    NotRead,
    /// AWS throttled the call.
    Throttled,
    /// The role may not make this call.
    Denied,
    /// No credentials were found.
    NoCredentials,
    /// The credentials are expired or invalid.
    InvalidCredentials,
    /// The account or the role is outside of the controller's ceiling: AWS was not asked.
    OutsideCeiling,
    /// The credentials belong to another account than the Target's.
    WrongAccount,
    /// No connection, a reset, or a timeout.
    Unreachable,
    /// AWS answered with a server error.
    ServerError,
    /// The answer could not be understood (cut off, wrong shape).
    BadAnswer,
    /// The endpoint does not know this operation.
    Unsupported,
    /// Missing for the first time, or everything of a target missing at once: not believed yet.
    SuspiciouslyMissing,
    /// The request itself was refused as invalid.
    Refused,
}

/// What AWS said about a failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AwsErrorDetail {
    /// The error code, such as `ThrottlingException`.
    pub code: String,
    /// AWS's message.
    pub message: String,
    /// The request id, for AWS support.
    pub request_id: Option<String>,
}
