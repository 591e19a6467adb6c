//! Whose service is it? Read from its tags, and written there to claim it.

use super::action::{TagKey, Whose};
use super::report::HeldWhy;
use crate::desired::{DesiredService, DesiredState, ResourceKey, ResourceKind};
use crate::live::{LiveService, ServiceStatus};
use crate::name::{InstanceName, ResourceName};

/// How many tags AWS takes on one resource (ECS developer guide, "Tagging your resources").
const MOST_TAGS: usize = 50;

/// Who decides, and from which commit.
#[derive(Debug, Clone, Copy)]
pub struct Actor<'a> {
    /// The name of this Bowline instance.
    pub instance: &'a InstanceName,
    /// The commit.
    pub commit: &'a str,
}

/// The instance that a service's tags name as its owner, whoever that is.
pub fn owner(service: &LiveService) -> Option<&str> {
    service.tags.get(TagKey::Owner.as_str()).map(String::as_str)
}

/// As [`owner`], of a service that is there: what was deleted, and keeps its tags for a while, belongs to nobody.
pub fn standing_owner(service: &LiveService) -> Option<&str> {
    owner(service).filter(|_| service.status == ServiceStatus::Active)
}

/// Whose the service of a resource is.
pub fn whose(wanted: &DesiredService, live: Option<&LiveService>) -> Whose {
    let spec = &wanted.resource.spec;
    Whose {
        target: spec.target.clone(),
        service: spec.service.clone(),
        owner: live.and_then(standing_owner).map(str::to_owned),
    }
}

/// Whether this instance has claimed the service for this resource.
pub(crate) fn is_claimed(actor: Actor<'_>, resource: &ResourceKey, service: &LiveService) -> bool {
    let claimed_for = service.tags.get(TagKey::Resource.as_str());
    owner(service) == Some(actor.instance.as_str()) && claimed_for == Some(&resource.to_string())
}

/// Why the service is not to be touched for this resource: it belongs to another instance, or to another resource of git.
pub(crate) fn belongs_elsewhere(
    actor: Actor<'_>,
    resource: &ResourceKey,
    desired: &DesiredState,
    service: &LiveService,
) -> Option<HeldWhy> {
    let owner = owner(service)?;
    let claimed_for = service.tags.get(TagKey::Resource.as_str());
    if owner != actor.instance.as_str() {
        return Some(HeldWhy::OwnedByInstance {
            owner: owner.to_owned(),
            resource: claimed_for.cloned(),
            service_arn: service.arn.clone(),
        });
    }
    let other = claimed_for.filter(|other| **other != resource.to_string() && is_in_git(desired, other))?;
    Some(HeldWhy::OwnedByResource { resource: other.clone(), service_arn: service.arn.clone() })
}

/// Whether git has the EcsService of this name, usable or not.
fn is_in_git(desired: &DesiredState, resource: &str) -> bool {
    let name = resource.strip_prefix("EcsService/").and_then(|name| ResourceName::parse(name).ok());
    name.is_some_and(|name| {
        let key = ResourceKey { kind: ResourceKind::EcsService, name };
        desired.services.contains_key(&key.name) || desired.invalid.contains_key(&key)
    })
}

/// The tags to write so that the service is claimed for a resource; empty when it is, and where AWS would refuse them.
///
/// `acting` says that something else is done to it as well: then its commit is brought up to date, too. Otherwise a new
/// commit alone is no reason to write.
pub(crate) fn claim(
    actor: Actor<'_>,
    resource: &ResourceKey,
    service: &LiveService,
    acting: bool,
) -> Vec<(TagKey, String)> {
    if untaggable(service).is_some() {
        return Vec::new();
    }
    let mut tags = claim_tags(actor, resource);
    tags.retain(|(key, value)| match service.tags.get(key.as_str()) {
        Some(found) if *key == TagKey::Commit && !acting => found.is_empty(),
        Some(found) => found != value,
        None => true,
    });
    tags
}

/// All tags of a claim.
pub(crate) fn claim_tags(actor: Actor<'_>, resource: &ResourceKey) -> Vec<(TagKey, String)> {
    let value = |key: TagKey| match key {
        TagKey::Owner => actor.instance.to_string(),
        TagKey::Resource => resource.to_string(),
        TagKey::Commit => actor.commit.to_owned(),
        TagKey::ManagedBy | TagKey::Restart | TagKey::Secrets | TagKey::Hold => "bowline".to_owned(),
    };
    TagKey::CLAIM.into_iter().map(|key| (key, value(key))).collect()
}

/// Why AWS takes no claim on this service, as a sentence.
pub(crate) fn untaggable(service: &LiveService) -> Option<&'static str> {
    // `arn:aws:ecs:<region>:<account>:service/<cluster>/<name>`; the old format has no cluster.
    if service.arn.split('/').count() < 3 {
        return Some(
            "its ARN has the old, short format, so ECS takes no tags and it cannot be claimed: create it again to get a \
             long one",
        );
    }
    let claimed = TagKey::CLAIM.iter().filter(|key| service.tags.contains_key(key.as_str())).count();
    (service.tags.len() - claimed + TagKey::CLAIM.len() > MOST_TAGS)
        .then_some("it has so many tags that none can be added (AWS takes 50), so it cannot be claimed")
}
