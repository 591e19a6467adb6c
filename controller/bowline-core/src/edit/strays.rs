//! Did anything change that was not meant to? The last look at a change before it is given out.

use std::collections::{BTreeMap, BTreeSet};

use crate::desired::{DesiredState, Resource, ResourceKey, ResourceKind};
use crate::name::ResourceName;

/// The resources that two commits want differently, and that are none of those `meant`. Where they are written does not
/// count.
pub fn strays(
    before: &DesiredState,
    after: &DesiredState,
    meant: &BTreeSet<ResourceKey>,
) -> BTreeSet<ResourceKey> {
    let mut found = BTreeSet::new();
    changed(&mut found, ResourceKind::Target, &before.targets, &after.targets, same);
    changed(&mut found, ResourceKind::Secret, &before.secrets, &after.secrets, same);
    changed(&mut found, ResourceKind::TerraformState, &before.states, &after.states, same);
    changed(&mut found, ResourceKind::EcsService, &before.services, &after.services, |one, other| {
        same(&one.resource, &other.resource) && one.task_definition == other.task_definition
    });
    found.extend(after.invalid.keys().filter(|key| !before.invalid.contains_key(key)).cloned());
    found.retain(|key| !meant.contains(key));
    found
}

fn same<S: PartialEq>(one: &Resource<S>, other: &Resource<S>) -> bool {
    one.metadata == other.metadata && one.spec == other.spec
}

fn changed<T>(
    found: &mut BTreeSet<ResourceKey>,
    kind: ResourceKind,
    before: &BTreeMap<ResourceName, T>,
    after: &BTreeMap<ResourceName, T>,
    same: impl Fn(&T, &T) -> bool,
) {
    let names: BTreeSet<&ResourceName> = before.keys().chain(after.keys()).collect();
    for name in names {
        let unchanged = match (before.get(name), after.get(name)) {
            (Some(before), Some(after)) => same(before, after),
            (before, after) => before.is_none() && after.is_none(),
        };
        if !unchanged {
            found.insert(ResourceKey { kind, name: name.clone() });
        }
    }
}
