//! Desired state, live state and memory side by side, with what is not to be believed taken out.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::memory::{Memory, ServiceMemory};
use super::ownership::Actor;
use super::reads::not_read;
use crate::desired::{DesiredState, ResourceKey, ResourceKind};
use crate::live::{Live, LiveService, Observed, UnknownCategory, UnknownReason};
use crate::name::ResourceName;

/// What a decision looks at.
pub(crate) struct World<'a> {
    pub(crate) desired: &'a DesiredState,
    pub(crate) live: &'a Live,
    pub(crate) memory: &'a Memory,
    pub(crate) actor: Actor<'a>,
    pub(crate) now: Timestamp,
    /// Targets all of whose services (at least two) are missing, and were there before: a wrong cluster, rather.
    emptied: BTreeSet<&'a ResourceName>,
}

/// What is known of one resource, with everything considered.
pub(crate) enum Seen<'a, T> {
    Known { value: &'a T },
    Missing,
    Unknown(UnknownReason),
}

impl<'a> World<'a> {
    pub(crate) fn new(
        desired: &'a DesiredState,
        live: &'a Live,
        memory: &'a Memory,
        actor: Actor<'a>,
        now: Timestamp,
    ) -> Self {
        Self { desired, live, memory, actor, now, emptied: emptied(desired, live, memory) }
    }

    /// Why nothing of the target could be read, if that is so.
    pub(crate) fn unread_target(&self, name: &ResourceName) -> Option<UnknownReason> {
        match self.live.targets.get(name) {
            Some(Observed::Known { .. }) => None,
            Some(Observed::Unknown { why }) => Some(UnknownReason::clone(why)),
            Some(Observed::Missing) | None => Some(not_read(&format!("Target/{name}"))),
        }
    }

    /// What is known of a service.
    pub(crate) fn service(&self, name: &ResourceName, target: &'a ResourceName) -> Seen<'a, LiveService> {
        let seen = self.see(&key(ResourceKind::EcsService, name), target, self.live.services.get(name));
        match seen {
            Seen::Known { value } => Seen::Known { value: &**value },
            Seen::Missing if self.emptied.contains(target) => Seen::Unknown(all_missing(target)),
            Seen::Missing => Seen::Missing,
            Seen::Unknown(why) => Seen::Unknown(why),
        }
    }

    /// What is known of a resource on a target.
    pub(crate) fn see<T>(
        &self,
        key: &ResourceKey,
        target: &ResourceName,
        found: Option<&'a Observed<T>>,
    ) -> Seen<'a, T> {
        if let Some(why) = self.unread_target(target) {
            return Seen::Unknown(why);
        }
        match found {
            Some(Observed::Known { value, .. }) => Seen::Known { value },
            Some(Observed::Missing) => Seen::Missing,
            Some(Observed::Unknown { why }) => Seen::Unknown(UnknownReason::clone(why)),
            None => Seen::Unknown(not_read(&key.to_string())),
        }
    }

    /// What is remembered of the ECS service that git means by `name`; what is remembered of another one is not it.
    pub(crate) fn service_memory(&self, name: &ResourceName) -> Option<&'a ServiceMemory> {
        let remembered = self.memory.services.get(name)?;
        remembered.is_meant_by(self.desired, name).then_some(&**remembered)
    }
}

/// The key of a resource.
pub(crate) fn key(kind: ResourceKind, name: &ResourceName) -> ResourceKey {
    ResourceKey { kind, name: name.clone() }
}

/// Not among them is a target of which nothing was ever there and all of which is to be created: a new environment.
fn emptied<'a>(desired: &'a DesiredState, live: &Live, memory: &Memory) -> BTreeSet<&'a ResourceName> {
    #[derive(Default)]
    struct Counts {
        all: usize,
        missing: usize,
        new: usize,
    }
    let mut counts: BTreeMap<&ResourceName, Counts> = BTreeMap::new();
    for (name, service) in &desired.services {
        let counts = counts.entry(&service.resource.spec.target).or_default();
        counts.all += 1;
        if !matches!(live.services.get(name), Some(Observed::Missing)) {
            continue;
        }
        counts.missing += 1;
        let remembered = memory.services.get(name).filter(|memory| memory.is_meant_by(desired, name));
        let is_new = !remembered.is_some_and(|memory| memory.was_there());
        counts.new += usize::from(is_new && service.resource.spec.create.is_some());
    }
    counts
        .into_iter()
        .filter(|(_, of)| of.all >= 2 && of.all == of.missing && of.new < of.all)
        .map(|(name, _)| name)
        .collect()
}

fn all_missing(target: &ResourceName) -> UnknownReason {
    UnknownReason {
        category: UnknownCategory::SuspiciouslyMissing,
        message: format!("every service of Target/{target} is missing at once, which is not believed"),
        hint: "check the target's cluster name and region; if the services were really deleted, create one of them, or delete \
               their manifests"
            .to_owned(),
        aws: None,
    }
}
