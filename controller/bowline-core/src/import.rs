//! What would git say of what is live? Live state and the desired state of a folder in, manifests as text out.
//!
//! Deterministic: the same live state gives the same bytes. What the folder declares already keeps its name and is told
//! apart from what is new. May import `name`, `desired`, `live` and `diff` (for what AWS fills in by itself). Must not know how
//! anything was read, nor what becomes of the text.

mod manifest;
mod names;
mod settings;
mod site;
mod suspect;
mod task_definition;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

pub use manifest::manifests;
pub use site::{Asked, Site, SiteError, declared_site, sites};
pub use suspect::{Because, Suspect};
pub use task_definition::secrets_read_at_start;

use crate::desired::kind::ServiceSettings;
use crate::desired::{DesiredState, ResourceKey};
use crate::live::{
    DeploymentController, LiveSecret, LiveService, LiveState, LiveTaskDefinition, ServiceStatus,
};
use crate::name::{BucketName, ObjectKey, ResourceName, ServiceName};

/// The folder that is written to, as it is.
#[derive(Debug, Clone, Copy)]
pub struct Folder<'a> {
    /// What it declares.
    pub state: &'a DesiredState,
    /// The folder, from the root that paths in `state` count from; empty when it is the root.
    pub path: &'a str,
}

impl Folder<'_> {
    /// A path of the desired state, from the folder.
    fn inside<'p>(&self, path: &'p str) -> &'p str {
        let rest = path.strip_prefix(self.path).unwrap_or(path);
        rest.strip_prefix('/').unwrap_or(rest)
    }
}

/// What is written, and how.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Write each service's desired count, so that git owns it.
    pub counts: bool,
    /// Write task definitions as files, instead of pinning the revision that runs.
    pub files: bool,
    /// Names of variables that may be written although they look confidential.
    pub allowed: BTreeSet<String>,
    /// Write what an earlier import wrote anew, too.
    pub again: bool,
}

/// What was read of one Target.
#[derive(Debug, Clone)]
pub struct Inventory {
    /// The Target.
    pub site: Site,
    /// Its services, those that are not imported included.
    pub services: BTreeMap<ServiceName, FoundService>,
    /// Secrets by the id under which the task definitions name them; nothing where there is no such secret.
    pub secrets: BTreeMap<String, Option<LiveSecret>>,
    /// Terraform states that were asked for.
    pub states: BTreeMap<(BucketName, ObjectKey), LiveState>,
}

/// One service as it was read.
#[derive(Debug, Clone)]
pub struct FoundService {
    /// The service.
    pub live: LiveService,
    /// What it runs; absent where that is not Bowline's to deploy, or where AWS does not know it any more.
    pub task_definition: Option<LiveTaskDefinition>,
    /// What only its service revision shows; absent where AWS shows none.
    pub revision_settings: Option<ServiceSettings>,
}

/// Why a service is not imported; nothing if it is.
pub fn left_out(service: &LiveService) -> Option<WhyNot> {
    match service.status {
        ServiceStatus::Draining => Some(WhyNot::Draining),
        ServiceStatus::Inactive => Some(WhyNot::Inactive),
        ServiceStatus::Other => Some(WhyNot::UnknownStatus),
        ServiceStatus::Active if service.managed_by_ecs => Some(WhyNot::ManagedByEcs),
        ServiceStatus::Active => None,
    }
}

/// Whether Bowline could deploy it, so that its task definition belongs into git.
pub fn is_deployed_by_ecs(service: &LiveService) -> bool {
    service.controller == DeploymentController::Ecs
}

/// Why a service is not imported; stable, for `-o json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhyNot {
    /// It is being deleted.
    Draining,
    /// It was deleted.
    Inactive,
    /// ECS itself manages it (Express Gateway).
    ManagedByEcs,
    /// A status that this version does not know.
    UnknownStatus,
}

impl std::fmt::Display for WhyNot {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Draining => "it is being deleted (DRAINING)",
            Self::Inactive => "it was deleted (INACTIVE)",
            Self::ManagedByEcs => "ECS itself manages it (Express Gateway)",
            Self::UnknownStatus => "this version of Bowline does not know its status",
        })
    }
}

/// What to write, and what to tell.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Manifests {
    /// Resources with their files, in the order of the first one's path.
    pub units: Vec<Unit>,
    /// Resources that the folder declares in files of its own: (resource, path from the folder).
    pub elsewhere: BTreeMap<ResourceKey, String>,
    /// Services that are not imported, by Target and name at ECS.
    pub skipped: BTreeMap<(ResourceName, ServiceName), WhyNot>,
    /// What a person should know: (service, secret or state; sentence).
    pub notes: BTreeSet<(String, String)>,
    /// Values that look confidential. While there is one, nothing of `units` may be written.
    pub suspects: Vec<Suspect>,
}

/// One resource and the files that it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// The resource.
    pub resource: ResourceKey,
    /// True when an earlier import wrote it: the folder declares it in the first of these files.
    pub declared: bool,
    /// Path from the folder, and text; the manifest first.
    pub files: Vec<(String, String)>,
}

#[cfg(test)]
mod tests;
