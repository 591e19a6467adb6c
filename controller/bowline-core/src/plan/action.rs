//! One call to AWS that Bowline wants to make, with what it expects to find first.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::memory::SpecHash;
use crate::desired::{ResourceKey, TaskDefinitionContent};
use crate::diff::Difference;
use crate::name::{ResourceName, SecretVersionId, ServiceName, TaskDefinitionArn};

/// The order in which things are done. One wave a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wave {
    /// What makes a service safe again, before anything else.
    Safety,
    /// Tags that record where a service stands before something changes.
    Bookkeeping,
    /// Secrets, before the services that read them.
    Secrets,
    /// Task definitions, before the services that run them.
    TaskDefinitions,
    /// Services.
    Services,
    /// Tags that claim services on which nothing else is to be done.
    Claims,
}

/// One call that Bowline wants to make.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Action {
    /// The Target resource.
    pub target: ResourceName,
    /// The resource it is for.
    pub resource: ResourceKey,
    /// The call.
    pub operation: Operation,
    /// What must be found right before the call; otherwise it is not made.
    pub expect: Expectation,
    /// When, relative to other actions.
    pub wave: Wave,
    /// The differences that it repairs; empty for bookkeeping.
    pub because: Vec<Difference>,
}

/// The calls that Bowline makes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", tag = "operation")]
pub enum Operation {
    /// TagResource on the service, once: records of a restart token or secret versions, and the claim (see [`TagKey`]).
    #[serde(rename_all = "camelCase")]
    TagService {
        /// The service's ARN.
        service_arn: String,
        /// The tags to write, in the order of their keys.
        tags: Vec<(TagKey, String)>,
    },
    /// UpdateSecretVersionStage: moves AWSCURRENT, as a compare-and-swap.
    #[serde(rename_all = "camelCase")]
    PromoteSecret {
        /// The secret's ARN.
        secret_arn: String,
        /// The version that becomes current.
        to: SecretVersionId,
        /// The version that is current now.
        from: String,
    },
    /// RegisterTaskDefinition.
    #[serde(rename_all = "camelCase")]
    RegisterTaskDefinition {
        /// The family.
        family: String,
        /// What to register; never serialized, since it may hold confidential environment values.
        #[serde(skip)]
        content: Arc<TaskDefinitionContent>,
    },
    /// TagResource and UntagResource on a revision: its tags are not a part of it, and change in place.
    #[serde(rename_all = "camelCase")]
    TagTaskDefinition {
        /// The revision.
        task_definition: TaskDefinitionArn,
        /// The tags to write.
        #[serde(skip_serializing_if = "TagsRequest::is_empty")]
        tags: TagsRequest,
        /// The keys of the tags to take off.
        #[serde(skip_serializing_if = "BTreeSet::is_empty")]
        removed: BTreeSet<String>,
    },
    /// StopServiceDeployment of our own bad deployment: ECS goes back to what it last completed.
    #[serde(rename_all = "camelCase")]
    StopServiceDeployment {
        /// The service's name.
        service: ServiceName,
        /// The deployment, `ecs-svc/<number>`.
        deployment_id: String,
    },
    /// CreateService, with claim and records from the beginning.
    #[serde(rename_all = "camelCase")]
    CreateService {
        /// The service's name.
        service: ServiceName,
        /// The task definition.
        task_definition: TaskDefinitionArn,
        /// How many tasks; absent for a DAEMON service.
        desired_count: Option<u32>,
        /// All other fields of the request, tags of the manifest included.
        settings: SettingsRequest,
        /// Bowline's own tags.
        tags: Vec<(TagKey, String)>,
        /// What tells AWS a repeated request from a new one, at most 36 ASCII characters.
        client_token: String,
        /// What is being deployed.
        spec_hash: SpecHash,
    },
    /// UpdateService, with only the fields that change.
    #[serde(rename_all = "camelCase")]
    UpdateService {
        /// The service's name.
        service: ServiceName,
        /// The service's ARN.
        service_arn: String,
        /// A new task definition.
        task_definition: Option<TaskDefinitionArn>,
        /// A new desired count.
        desired_count: Option<u32>,
        /// Start new tasks although the task definition stays.
        force_new_deployment: bool,
        /// Settings that change, each as a whole.
        #[serde(skip_serializing_if = "SettingsRequest::is_empty")]
        settings: SettingsRequest,
        /// Records and claim to write by TagResource first, so that a crash between the two calls is seen.
        tags: Vec<(TagKey, String)>,
        /// What is being deployed; absent when no deployment starts (count only).
        spec_hash: Option<SpecHash>,
    },
}

/// Fields of UpdateService or CreateService with the values to send. Only their names are serialized: values may be confidential.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SettingsRequest(pub Map<String, Value>);

impl SettingsRequest {
    /// Whether nothing is sent.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names of the fields, as they stand in a sentence.
    pub(crate) fn names(&self) -> String {
        self.0.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
    }
}

impl Serialize for SettingsRequest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.keys())
    }
}

/// Tags of a task definition with the values to write. Only their keys are serialized, as of settings.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TagsRequest(pub BTreeMap<String, String>);

impl TagsRequest {
    /// Whether nothing is written.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for TagsRequest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.keys())
    }
}

/// A tag that Bowline writes on a service: a record that survives the loss of the store, or a part of its claim.
///
/// A record's value is `<what>@<deployment id>`: `what` is the restart token, or the fingerprint of the secret versions; the
/// deployment is the one that was PRIMARY when the new one was about to be forced, or `-` for a baseline. The record is
/// done when PRIMARY has another id. The claim says whose service it is; a service without it is unclaimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum TagKey {
    /// The restart token that the running tasks were started with.
    #[serde(rename = "bowline:restart")]
    Restart,
    /// The secret versions that the running tasks were started with.
    #[serde(rename = "bowline:secrets")]
    Secrets,
    /// Claim: always `bowline`, for those who look at tags only.
    #[serde(rename = "bowline:managed-by")]
    ManagedBy,
    /// Claim: the name of the Bowline instance.
    #[serde(rename = "bowline:owner")]
    Owner,
    /// Claim: the resource in git, such as `EcsService/web`.
    #[serde(rename = "bowline:resource")]
    Resource,
    /// Claim: the commit from which the instance last did something to the service, or claimed it.
    #[serde(rename = "bowline:commit")]
    Commit,
    /// Until when nothing is done to the service, and why: a person broke the glass (see [`Hold`](super::Hold)).
    #[serde(rename = "bowline:hold")]
    Hold,
}

impl TagKey {
    /// The keys of a claim.
    pub const CLAIM: [Self; 4] = [Self::ManagedBy, Self::Owner, Self::Resource, Self::Commit];

    /// The tag's key at AWS.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Restart => "bowline:restart",
            Self::Secrets => "bowline:secrets",
            Self::ManagedBy => "bowline:managed-by",
            Self::Owner => "bowline:owner",
            Self::Resource => "bowline:resource",
            Self::Commit => "bowline:commit",
            Self::Hold => "bowline:hold",
        }
    }

    /// True for a part of the claim, false for a record that something depends on.
    pub fn is_claim(self) -> bool {
        Self::CLAIM.contains(&self)
    }
}

/// What must be found right before a call.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", tag = "expect")]
pub enum Expectation {
    /// The service is as it was when the plan was made.
    #[serde(rename_all = "camelCase")]
    Service {
        /// The instance that its tags name as its owner; absent while nobody has claimed it.
        owner: Option<String>,
        /// Its task definition.
        task_definition: Option<TaskDefinitionArn>,
        /// Its PRIMARY deployment.
        primary_deployment: Option<String>,
        /// Its desired count.
        desired_count: u32,
        /// The settings that are to be changed, each by what tells its value from another
        /// ([`settings_fingerprint`](crate::diff::settings_fingerprint)).
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        settings: BTreeMap<String, String>,
    },
    /// This deployment is PRIMARY, and in progress.
    #[serde(rename_all = "camelCase")]
    InProgress {
        /// The instance that its tags name as its owner, if they name one.
        #[serde(skip_serializing_if = "Option::is_none")]
        owner: Option<String>,
        /// The deployment, `ecs-svc/<number>`.
        deployment_id: String,
    },
    /// There is no such service, or only one that was deleted.
    NoService,
    /// AWSCURRENT and all other labels are where they were, and the services that read the secret belong to whom they belonged.
    #[serde(rename_all = "camelCase")]
    SecretCurrent {
        /// The version id.
        version_id: String,
        /// The labels of each version that has any.
        labels: BTreeMap<String, BTreeSet<String>>,
        /// Whose the services are that read it.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        readers: Vec<Whose>,
    },
    /// The tags that are to be changed are as they were, and the service belongs to whom it belonged.
    #[serde(rename_all = "camelCase")]
    TaskDefinitionTags {
        /// Each by what tells its value from another ([`tag_fingerprint`](crate::diff::tag_fingerprint)); absent: there was
        /// none.
        tags: BTreeMap<String, Option<String>>,
        /// Whose the service is that runs the revision.
        whose: Whose,
    },
    /// The newest revision of the family is still this one (absent: the family has none), and the service belongs to whom it
    /// belonged.
    #[serde(rename_all = "camelCase")]
    NewestRevision {
        /// The newest ACTIVE revision.
        arn: Option<TaskDefinitionArn>,
        /// Whose the service is that it is registered for.
        whose: Whose,
    },
}

/// Whose a service is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Whose {
    /// The Target that it is on.
    pub target: ResourceName,
    /// The service's name.
    pub service: ServiceName,
    /// The instance that its tags name as its owner; absent while nobody has claimed it, and where there is no such service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}
