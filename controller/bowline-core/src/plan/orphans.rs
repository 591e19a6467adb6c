//! Which services did this instance claim that git does not name any more? Told, and never deleted.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::action::TagKey;
use super::event::{Event, EventKind};
use super::memory::{EcsServiceId, Memory};
use super::ownership::Actor;
use super::world::key;
use crate::desired::kind::Target;
use crate::desired::{DesiredState, ResourceKind};
use crate::live::{Live, Observed, Stranger};
use crate::name::{ResourceName, ServiceName};

/// A service that this instance claimed and that no resource in git names any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Orphan {
    /// The Target in whose cluster it is.
    pub target: ResourceName,
    /// Its name at ECS.
    pub service: ServiceName,
    /// Its ARN.
    pub service_arn: String,
    /// The resource that it was claimed for, if its tags say.
    pub resource: Option<String>,
    /// The commit from which something was last done to it, if its tags say.
    pub commit: Option<String>,
    /// When it was first seen so.
    pub since: Timestamp,
}

/// The orphans of every Target: as read, and, where that failed or was not due, as they were last known.
pub(crate) fn orphans(
    desired: &DesiredState,
    live: &Live,
    memory: &Memory,
    actor: Actor<'_>,
    now: Timestamp,
) -> Vec<Orphan> {
    let named = named(desired);
    let mut all = Vec::new();
    for (target, at) in &desired.targets {
        let before = memory.orphans.get(target);
        match live.strangers.get(target) {
            Some(Observed::Known { value, .. }) => {
                let found = value.iter().filter(|(service, _)| !is_named(&named, &at.spec, service));
                all.extend(found.filter_map(|(service, stranger)| {
                    let before = before.and_then(|before| before.get(service));
                    let since = before.map_or(now, |before| before.since);
                    orphan(desired, actor, (target, service), stranger, since)
                }));
            }
            // What git names again by now is no orphan, whoever asked last.
            Some(Observed::Missing | Observed::Unknown { .. }) | None => {
                let kept = before.into_iter().flat_map(BTreeMap::values);
                all.extend(kept.filter(|one| !is_named(&named, &at.spec, &one.service)).cloned());
            }
        }
    }
    all
}

/// Remembers the orphans, and tells of each once when it appears and once when it is none any more. A failed read closes none.
pub(super) fn learn(
    memory: &mut Memory,
    desired: &DesiredState,
    live: &Live,
    actor: Actor<'_>,
    now: Timestamp,
) -> Vec<Event> {
    let mut events = Vec::new();
    let mut found: BTreeMap<ResourceName, BTreeMap<ServiceName, Orphan>> = BTreeMap::new();
    for orphan in orphans(desired, live, memory, actor, now) {
        found.entry(orphan.target.clone()).or_default().insert(orphan.service.clone(), orphan);
    }
    for target in desired.targets.keys() {
        let now_there = found.remove(target).unwrap_or_default();
        let before = memory.orphans.remove(target).unwrap_or_default();
        let of = key(ResourceKind::Target, target);
        for (service, orphan) in now_there.iter().filter(|(service, _)| !before.contains_key(*service)) {
            let was = orphan.resource.as_ref().map(|one| format!(" (it was {one})")).unwrap_or_default();
            let message = format!(
                "the ECS service {service}{was} is claimed by this instance, and git does not name it any more: it is left as it \
                 is; delete it, or write its manifest again"
            );
            events.push(Event::new(now, &of, EventKind::OrphanFound, message));
        }
        for service in before.keys().filter(|service| !now_there.contains_key(*service)) {
            let message = format!("the ECS service {service} is no orphan any more");
            events.push(Event::new(now, &of, EventKind::OrphanGone, message));
        }
        if !now_there.is_empty() {
            memory.orphans.insert(target.clone(), now_there);
        }
    }
    events
}

/// The orphan that a service is, if this instance owns it. One whose manifest is there but cannot be used is none.
fn orphan(
    desired: &DesiredState,
    actor: Actor<'_>,
    (target, service): (&ResourceName, &ServiceName),
    stranger: &Stranger,
    since: Timestamp,
) -> Option<Orphan> {
    let tag = |key: TagKey| stranger.tags.get(key.as_str()).cloned();
    if tag(TagKey::Owner).as_deref() != Some(actor.instance.as_str()) {
        return None;
    }
    let resource = tag(TagKey::Resource);
    if desired.invalid.keys().any(|invalid| Some(invalid.to_string()) == resource) {
        return None;
    }
    Some(Orphan {
        target: target.clone(),
        service: service.clone(),
        service_arn: stranger.arn.clone(),
        resource,
        commit: tag(TagKey::Commit),
        since,
    })
}

/// Every ECS service that git names, whatever its Target is called.
fn named(desired: &DesiredState) -> BTreeSet<EcsServiceId> {
    desired.services.keys().filter_map(|name| EcsServiceId::meant_by(desired, name)).collect()
}

fn is_named(named: &BTreeSet<EcsServiceId>, target: &Target, service: &ServiceName) -> bool {
    named.contains(&EcsServiceId::on(target, service))
}
