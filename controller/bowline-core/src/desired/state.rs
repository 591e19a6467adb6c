//! The desired state of one commit, parsed and cross-checked.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::kind::{EcsService, Secret, Target, TerraformState};
use super::{Retry, Tags};
use crate::name::{RelativePath, ResourceName, RevisionRef};

/// The kinds that Bowline knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ResourceKind {
    /// Where services live.
    Target,
    /// One ECS service.
    EcsService,
    /// One secret's current version.
    Secret,
    /// One Terraform state.
    TerraformState,
    /// Windows and limits; read, not acted on yet.
    Policy,
    /// Where alerts go; read, not acted on yet.
    AlertRoute,
}

impl ResourceKind {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::Target, Self::EcsService, Self::Secret, Self::TerraformState, Self::Policy, Self::AlertRoute];

    /// The kind as `kind` spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Target => "Target",
            Self::EcsService => "EcsService",
            Self::Secret => "Secret",
            Self::TerraformState => "TerraformState",
            Self::Policy => "Policy",
            Self::AlertRoute => "AlertRoute",
        }
    }
}

/// Kind and name: unique in a source. Displays as `EcsService/web`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ResourceKey {
    /// The kind.
    pub kind: ResourceKind,
    /// `metadata.name`.
    pub name: ResourceName,
}

impl fmt::Display for ResourceKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.kind.as_str(), self.name)
    }
}

/// `metadata` of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metadata {
    /// Unique among the resources of one kind.
    pub name: ResourceName,
    /// Free labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Free annotations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// Where a resource was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// Path inside the repository.
    pub path: String,
    /// The line on which its document starts, from 1.
    pub line: usize,
    /// True when the file does not parse in this commit and the resource is that of an earlier one.
    pub stale: bool,
}

/// One resource with its metadata and origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource<S> {
    /// `metadata`.
    pub metadata: Metadata,
    /// `spec`.
    pub spec: S,
    /// Where it was read.
    pub origin: Origin,
}

/// The content of a task definition in the shape of RegisterTaskDefinition: request fields only, as JSON with AWS's own
/// (camelCase) field names. Server-only fields are gone; it is not normalised (see `diff::normalize`).
///
/// Kept as text and cheap to clone: those of thousands of services are held at once, each of them live, remembered and as git
/// has it, and few are looked into. As a tree one takes some 20 KB, as text 2 KB.
#[derive(Clone)]
pub struct TaskDefinitionContent {
    shared: Arc<SharedContent>,
}

/// What of a content is read for its tags.
#[derive(Default, Deserialize)]
struct Tagged {
    #[serde(default)]
    tags: Vec<ContentTag>,
}

/// One tag of a task definition.
#[derive(Deserialize)]
struct ContentTag {
    #[serde(default)]
    key: String,
    #[serde(default)]
    value: String,
}

struct SharedContent {
    /// JSON without spaces, the fields of each object in the order of their names: equal contents have equal texts.
    text: Box<RawValue>,
    /// The normal form as text, once somebody asked for it.
    normal: OnceLock<Arc<str>>,
    /// Its tags, once somebody asked for them.
    tags: OnceLock<Tags>,
}

impl TaskDefinitionContent {
    /// Wraps the content.
    pub fn new(value: impl Borrow<Value>) -> Self {
        // What is neither a float nor a map with other keys than texts can always be written.
        let text = serde_json::value::to_raw_value(value.borrow()).unwrap_or_default();
        Self { shared: Arc::new(SharedContent { text, normal: OnceLock::new(), tags: OnceLock::new() }) }
    }

    /// The content as a tree, read anew each time.
    pub fn value(&self) -> Value {
        // The text was made from a tree, so there is always one.
        serde_json::from_str(self.text()).unwrap_or_default()
    }

    /// Its tags, which AWS keeps beside a revision. Read once: this is asked in each pass.
    pub fn tags(&self) -> &Tags {
        self.shared.tags.get_or_init(|| {
            let content: Tagged = serde_json::from_str(self.text()).unwrap_or_default();
            content.tags.into_iter().map(|tag| (tag.key, tag.value)).collect()
        })
    }

    /// The content as JSON without spaces.
    pub fn text(&self) -> &str {
        self.shared.text.get()
    }

    /// Whether both are one text in memory, not only equal ones.
    pub(crate) fn is_shared_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// The normal form as text: made by `make` once, then remembered. The content never changes, so neither does this.
    pub(crate) fn normal_text(&self, make: impl FnOnce() -> Arc<str>) -> Arc<str> {
        Arc::clone(self.shared.normal.get_or_init(make))
    }
}

impl PartialEq for TaskDefinitionContent {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared) || self.text() == other.text()
    }
}

impl fmt::Debug for TaskDefinitionContent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("TaskDefinitionContent").field(&self.text()).finish()
    }
}

impl Serialize for TaskDefinitionContent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.shared.text.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for TaskDefinitionContent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self::new)
    }
}

/// What a service should run, with the file already read.
#[derive(Debug, Clone, PartialEq)]
pub enum WantedTaskDefinition {
    /// A revision that exists.
    Revision(RevisionRef),
    /// Content from a file of the commit.
    Content {
        /// The file, from the repository's root.
        file: RelativePath,
        /// The task definition's family.
        family: String,
        /// What the file holds.
        content: Arc<TaskDefinitionContent>,
    },
}

/// An EcsService with its references resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct DesiredService {
    /// The resource as written; shared with the file that it was parsed from.
    pub resource: Arc<Resource<EcsService>>,
    /// Its task definition, if managed.
    pub task_definition: Option<WantedTaskDefinition>,
}

/// The desired state of one commit. Every reference in it resolves; what did not is in the findings instead.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DesiredState {
    /// Targets by name.
    pub targets: BTreeMap<ResourceName, Resource<Target>>,
    /// Services by name.
    pub services: BTreeMap<ResourceName, DesiredService>,
    /// Secrets by name.
    pub secrets: BTreeMap<ResourceName, Resource<Secret>>,
    /// Terraform states by name.
    pub states: BTreeMap<ResourceName, Resource<TerraformState>>,
    /// Resources that cannot be used as written, and for which no earlier form is known: nothing is done with them.
    pub invalid: BTreeMap<ResourceKey, String>,
    /// How many documents had another `apiVersion`.
    pub skipped: usize,
    /// What commits of the branch say may be tried once more, newest first.
    pub retries: Vec<Retry>,
}
