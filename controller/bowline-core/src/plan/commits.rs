//! One rollback per bad commit: the first bad verdict of a commit keeps what else that commit changed from being started.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::memory::SpecHash;
use super::propose::Outlooks;
use super::report::{HeldWhy, Sync, WaitingOn};
use super::world::{World, key};
use crate::desired::{ResourceKey, ResourceKind};
use crate::name::ResourceName;
use crate::rollback;

/// The commits of which a service failed, and is still what git wants.
pub(super) struct FailedCommits<'a> {
    world: &'a World<'a>,
    by: BTreeMap<&'a str, Failed<'a>>,
}

/// What failed of a commit.
struct Failed<'a> {
    resource: &'a str,
    at: Timestamp,
}

impl<'a> FailedCommits<'a> {
    pub(super) fn of(world: &'a World<'a>) -> Self {
        let mut by = BTreeMap::new();
        for (resource, memory) in &world.memory.resources {
            let Some(change) = &memory.change else { continue };
            let (Some(at), Some(commit)) = (change.failed_at, change.commit.as_deref()) else { continue };
            let is_wanted =
                |name: &ResourceName| key(ResourceKind::EcsService, name).to_string() == *resource;
            if world.desired.services.keys().any(is_wanted) {
                by.entry(commit).or_insert(Failed { resource, at });
            }
        }
        Self { world, by }
    }

    /// Takes back deployments that would begin for a commit that failed.
    pub(super) fn hold(&self, services: &mut Outlooks<'_>) {
        if self.by.is_empty() {
            return;
        }
        for outlook in services.values_mut() {
            let spec = outlook.spec.as_ref().map(|spec| spec.hash.clone());
            let held = self.held(&outlook.report.resource, spec.as_ref());
            if let Some(why) = held.filter(|_| outlook.withhold_deployment()) {
                outlook.report.hold(why);
                let memory = self.world.service_memory(&outlook.report.resource.name);
                let ours = memory.and_then(|memory| memory.in_flight.as_ref());
                // What would have been replaced goes on.
                outlook.report.waiting_on = ours.map(|ours| WaitingOn::Rollout {
                    deployment_id: ours.deployment_id.clone(),
                    deadline: ours.deadline,
                });
                if ours.is_some() {
                    outlook.report.sync = Sync::Progressing;
                }
            }
        }
    }

    /// Why a resource is not changed, if it is of a commit that failed and no later commit releases its spec.
    pub(super) fn held(&self, resource: &ResourceKey, spec: Option<&SpecHash>) -> Option<HeldWhy> {
        let id = resource.to_string();
        let commit = self.world.memory.resources.get(&id)?.change.as_ref()?.commit.as_deref()?;
        let failed = self.by.get(commit).filter(|failed| failed.resource != id)?;
        let (retries, now) = (&self.world.desired.retries, self.world.now);
        let is_released =
            |spec: &SpecHash| rollback::released(retries, spec, None, Some(failed.at), now).is_some();
        if spec.is_some_and(is_released) {
            return None;
        }
        Some(HeldWhy::CommitFailed {
            commit: commit.to_owned(),
            resource: failed.resource.to_owned(),
            held: resource.clone(),
            spec_hash: spec.cloned(),
        })
    }
}
