//! What is read seldom: the images that tasks run, who else sets the count of a service, and the tags of revisions.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use super::Observed;

/// An answer, with what it was asked about and when. Answers about something else, and old ones, are asked for again.
/// Shared, since from one pass to the next nearly all of them are the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked<T> {
    /// What it was asked about: the id of the PRIMARY deployment, the id of the scalable resource, or the revision's ARN.
    pub about: Arc<str>,
    /// When it was asked, also if it failed.
    pub at: Timestamp,
    /// What was answered.
    pub found: Arc<Observed<T>>,
}

/// The images of one deployment's running tasks, and what ECS resolved their tags to; only of containers whose images
/// drifted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RunningImages {
    /// What the service revision of the deployment says, by container. Empty where there is none to be read.
    pub resolved: BTreeMap<String, ResolvedImage>,
    /// What the running tasks say, by container and image as the task definition has it.
    pub running: BTreeMap<(String, String), RunningDigests>,
}

/// One entry of a service revision's `containerImages[]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ResolvedImage {
    /// The image, as the task definition has it.
    pub image: String,
    /// The digest that its tag was resolved to; absent where ECS did not resolve it (`versionConsistency: disabled`).
    pub digest: Option<String>,
}

/// How many running tasks run which digest of one container's image. A task that does not tell its digest (Windows, an old
/// agent, not pulled yet) is in none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RunningDigests(pub BTreeMap<String, u32>);

/// What Application Auto Scaling may do with the desired count of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ScalableTarget {
    /// `MinCapacity`.
    pub minimum: u32,
    /// `MaxCapacity`.
    pub maximum: u32,
    /// Scaling in, scaling out and scheduled scaling are all suspended.
    pub suspended: bool,
}

impl ScalableTarget {
    /// Whether it may change the count.
    pub fn scales(&self) -> bool {
        self.minimum < self.maximum && !self.suspended
    }
}
