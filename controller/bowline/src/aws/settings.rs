//! What the controller's side decides about its calls to AWS.

use std::path::PathBuf;

use crate::clock::Clock;

/// How AWS is talked to; everything else comes from the SDK's standard chain (environment, profile, container, instance).
#[derive(Debug, Clone)]
pub struct AwsSettings {
    /// Where to send every call instead of to AWS; wins over `AWS_ENDPOINT_URL`.
    pub endpoint_url: Option<String>,
    /// The time that observations are stamped with.
    pub clock: Clock,
    /// Whether calls are held to half of AWS's documented rates (see [`super::Bucket`]).
    pub limits: bool,
    /// A folder for task definitions that were read once; they never change. Not used with another endpoint than AWS,
    /// where an ARN may mean something else tomorrow.
    pub task_definition_cache: Option<PathBuf>,
}
