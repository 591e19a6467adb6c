//! What is? Types only: the shell fills them, the other rooms read them.
//!
//! May import `name` and `desired` (for the content type). Must not know how anything was read.

mod ecs;
mod observed;
mod probe;
mod secret;
mod seldom;
mod terraform_state;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use ecs::{
    CircuitBreaker, DeploymentController, DeploymentStatus, LiveDeployment, LiveService, LiveTaskDefinition,
    PastDeployment, PastDeploymentStatus, RolloutState, SchedulingStrategy, ServiceStatus,
    TaskDefinitionStatus,
};
pub use observed::{AwsErrorDetail, Observed, UnknownCategory, UnknownReason};
pub use probe::{
    DeploymentProgress, Pause, ProbeBody, ProbeOutcome, ProbeResult, StoppedContainer, StoppedTask,
};
pub use secret::LiveSecret;
pub use seldom::{Asked, ResolvedImage, RunningDigests, RunningImages, ScalableTarget};
pub use terraform_state::LiveState;

pub use crate::desired::Tags;
use crate::desired::kind::ServiceSettings;
use crate::name::{ResourceName, ServiceName, TaskDefinitionArn};

/// Everything that was read in one pass. A resource that is not in a map has not been asked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Live {
    /// The commit for which it was read.
    pub commit: String,
    /// Per Target resource: whether the caller's account is the target's. Not `Known` means nothing of it was read.
    pub targets: BTreeMap<ResourceName, Observed<()>>,
    /// Per EcsService resource. Shared: from one pass to the next nearly all of them are the same.
    pub services: BTreeMap<ResourceName, Observed<Arc<LiveService>>>,
    /// Per Target resource: the services of its cluster that nothing in git names, and that some instance has claimed. Read
    /// now and then; for one of several Targets of one cluster only.
    pub strangers: BTreeMap<ResourceName, Observed<BTreeMap<ServiceName, Stranger>>>,
    /// Per Secret resource.
    pub secrets: BTreeMap<ResourceName, Observed<LiveSecret>>,
    /// Per TerraformState resource.
    pub states: BTreeMap<ResourceName, Observed<LiveState>>,
    /// Per (Target, ARN or `family:revision`): immutable, so read once.
    pub task_definitions: BTreeMap<(ResourceName, String), Observed<LiveTaskDefinition>>,
    /// Per (Target, family): the newest ACTIVE revisions, newest first, at most 10.
    pub recent_revisions: BTreeMap<(ResourceName, String), Observed<Vec<TaskDefinitionArn>>>,
    /// Per EcsService resource: its deployments of the last 90 days, newest first.
    pub histories: BTreeMap<ResourceName, Observed<Vec<PastDeployment>>>,
    /// Per EcsService resource: the settings that only the service revision of its PRIMARY deployment shows.
    pub revision_settings: BTreeMap<ResourceName, Observed<ServiceSettings>>,
    /// Per EcsService resource: when its running tasks were started.
    pub task_starts: BTreeMap<ResourceName, Observed<Vec<jiff::Timestamp>>>,
    /// Per EcsService resource: answers to its health conditions since the pass before, in the order of their times.
    pub probes: BTreeMap<ResourceName, Vec<ProbeResult>>,
    /// Per EcsService resource: where the deployment that Bowline began stands inside ECS.
    pub progress: BTreeMap<ResourceName, Observed<DeploymentProgress>>,
    /// Per EcsService resource and deployment: the tasks of it that stopped.
    pub stopped_tasks: BTreeMap<(ResourceName, String), Observed<Vec<StoppedTask>>>,
    /// Per Secret resource: when each version was created.
    pub secret_version_dates: BTreeMap<ResourceName, Observed<BTreeMap<String, jiff::Timestamp>>>,
    /// Per EcsService resource: the images of its running tasks.
    pub images: BTreeMap<ResourceName, Asked<RunningImages>>,
    /// Per EcsService resource: the scalable target of its desired count.
    pub scalable_targets: BTreeMap<ResourceName, Asked<ScalableTarget>>,
    /// Per EcsService resource whose manifest names a file: the tags of the revision that it runs. The revision does not
    /// change, and its tags may.
    pub task_definition_tags: BTreeMap<ResourceName, Asked<Tags>>,
}

/// A service that nothing in git names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stranger {
    /// Its ARN.
    pub arn: String,
    /// Its tags.
    pub tags: Tags,
}
