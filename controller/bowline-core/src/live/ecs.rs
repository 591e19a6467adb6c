//! ECS services, deployments and task definitions as they are.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};

use super::Tags;
use crate::desired::TaskDefinitionContent;
use crate::desired::kind::ServiceSettings;
use crate::name::TaskDefinitionArn;

/// One service as DescribeServices shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LiveService {
    /// The service's ARN.
    pub arn: String,
    /// ACTIVE, DRAINING or INACTIVE.
    pub status: ServiceStatus,
    /// How many tasks it should have.
    pub desired_count: u32,
    /// How many are running.
    pub running_count: u32,
    /// How many are on their way.
    pub pending_count: u32,
    /// The task definition of the PRIMARY deployment; absent under an EXTERNAL controller.
    pub task_definition: Option<TaskDefinitionArn>,
    /// Who replaces tasks.
    pub controller: DeploymentController,
    /// Who decides how many tasks there are.
    pub scheduling: SchedulingStrategy,
    /// True when ECS itself manages the service (Express Gateway): it is left alone.
    pub managed_by_ecs: bool,
    /// Whether ECS gives a bad deployment up.
    pub circuit_breaker: CircuitBreaker,
    /// Deployments as listed, PRIMARY first.
    pub deployments: Vec<LiveDeployment>,
    /// The newest service events, newest first, at most 10; not those that only tell of a steady state.
    #[serde(serialize_with = "as_list")]
    pub events: Arc<[(Timestamp, String)]>,
    /// The ARN of the service revision that its PRIMARY deployment rolls out, where AWS tells it.
    pub service_revision: Option<String>,
    /// Its settings in the fields of UpdateService, as AWS shows them; without those that only service revisions show.
    pub settings: ServiceSettings,
    /// Tags of the service.
    pub tags: Tags,
}

fn as_list<S: Serializer>(events: &Arc<[(Timestamp, String)]>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(events.iter())
}

impl LiveService {
    /// The deployment that ECS is moving to, or has moved to.
    pub fn primary(&self) -> Option<&LiveDeployment> {
        self.deployments.iter().find(|deployment| deployment.status == DeploymentStatus::Primary)
    }
}

/// `status` of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum ServiceStatus {
    /// It exists.
    Active,
    /// It is being deleted.
    Draining,
    /// It was deleted.
    Inactive,
    /// A status that this version does not know.
    Other,
}

/// Who replaces a service's tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum DeploymentController {
    /// ECS: rolling, blue/green, linear, canary.
    Ecs,
    /// CodeDeploy.
    CodeDeploy,
    /// Somebody else, through task sets.
    External,
}

impl DeploymentController {
    /// Whether the service's desired count says how many tasks run, and UpdateService sets it; else the scale of each task
    /// set does (BC, UpdateService and TaskSet).
    pub fn takes_count(self) -> bool {
        match self {
            Self::Ecs | Self::CodeDeploy => true,
            Self::External => false,
        }
    }
}

/// The deployment circuit breaker of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum CircuitBreaker {
    /// It is on.
    On,
    /// It is off, and deployments roll: a bad one is tried for ever.
    Off,
    /// AWS does not show it, or deployments do not roll.
    Unsaid,
}

/// Who decides how many tasks a service has; it cannot be changed after the service was created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum SchedulingStrategy {
    /// As many as its desired count says.
    Replica,
    /// One on each container instance, counted by ECS: UpdateService refuses a desired count.
    Daemon,
}

/// One entry of `deployments[]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LiveDeployment {
    /// `ecs-svc/<number>`.
    pub id: String,
    /// PRIMARY, ACTIVE or INACTIVE.
    pub status: DeploymentStatus,
    /// Absent for services whose rollout ECS does not report (not the ECS controller, Classic Load Balancer).
    pub rollout_state: Option<RolloutState>,
    /// ECS's own words.
    pub rollout_reason: Option<String>,
    /// What it runs.
    pub task_definition: Option<TaskDefinitionArn>,
    /// How many tasks it should have.
    pub desired_count: u32,
    /// How many run.
    pub running_count: u32,
    /// How many are on their way.
    pub pending_count: u32,
    /// Consecutive failures; 0 again as soon as one task runs, so 0 is not health.
    pub failed_tasks: u32,
    /// When it began.
    pub created_at: Option<Timestamp>,
}

/// `status` of a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum DeploymentStatus {
    /// The most recent one.
    Primary,
    /// Being replaced, still has tasks.
    Active,
    /// Replaced.
    Inactive,
    /// A status that this version does not know.
    Other(String),
}

/// `rolloutState` of a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum RolloutState {
    /// Under way.
    InProgress,
    /// Done.
    Completed,
    /// Given up by circuit breaker or alarm.
    Failed,
    /// A state that this version does not know.
    Other(String),
}

/// One task definition revision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LiveTaskDefinition {
    /// Its full ARN.
    pub arn: TaskDefinitionArn,
    /// ACTIVE, or INACTIVE after DeregisterTaskDefinition.
    pub status: TaskDefinitionStatus,
    /// What it holds, request fields only.
    pub content: TaskDefinitionContent,
}

/// `status` of a task definition revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaskDefinitionStatus {
    /// Services may be pointed at it.
    Active,
    /// Deregistered: running services keep it, UpdateService refuses it.
    Inactive,
}

/// One deployment from ListServiceDeployments, or from `deployments[]` where that API is not to be had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PastDeployment {
    /// `ecs-svc/<number>`, taken from the target service revision.
    pub deployment_id: String,
    /// What it was to run.
    pub task_definition: Option<TaskDefinitionArn>,
    /// How it ended.
    pub status: PastDeploymentStatus,
    /// ECS's own words.
    pub reason: Option<String>,
    /// When it began.
    pub created_at: Option<Timestamp>,
    /// The settings that it was to roll out; absent where they are not known.
    pub settings: Option<ServiceSettings>,
}

/// How a past deployment ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum PastDeploymentStatus {
    /// Not ended.
    InProgress,
    /// It succeeded.
    Successful,
    /// Stopped by a person, or replaced by a newer one.
    Stopped,
    /// Rolled back, or being rolled back, by ECS.
    RolledBack,
    /// It failed and stayed where it was.
    Failed,
    /// A status that this version does not know.
    Other(String),
}
