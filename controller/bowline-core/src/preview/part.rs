//! What does a pull request change, and what of it is compared with live?
//!
//! It is compared on the base branch's Targets, whatever it says of them: what is not merged must not decide where, or with
//! which role, Bowline reads. For the same reason a Terraform state is only read where the base branch has it, and a value is
//! only shown where the base branch reveals it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::desired::kind::Mode;
use crate::desired::{DesiredState, ResourceKey, ResourceKind};
use crate::edit::strays;
use crate::name::ResourceName;

/// What happens to a resource in git.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It is new.
    Added,
    /// It says something else.
    Changed,
    /// It leaves git. Nothing is deleted.
    Removed,
    /// It is new or says something else, and is not compared with live before it is merged; why, as a sentence.
    NotCompared(String),
}

/// What a pull request changes, and what of it is compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// All that would be wanted after the merge, on the base branch's Targets.
    pub whole: DesiredState,
    /// What is compared with live: what changes, what follows that, and what both refer to.
    pub state: DesiredState,
    /// What it changes in git.
    pub changes: BTreeMap<ResourceKey, Change>,
    /// What is told: what it changes, and the services that would restart for a secret.
    pub told: BTreeSet<ResourceKey>,
}

/// What the way from `base` to `after` changes.
pub fn part(base: &DesiredState, after: &DesiredState) -> Part {
    let mut left_out = BTreeMap::new();
    let whole = on_targets_of(base, after, &mut left_out);
    let mut changes = BTreeMap::new();
    for key in strays(base, after, &BTreeSet::new()) {
        let change = match (is_in(base, &key), is_in(after, &key)) {
            (_, false) if key.kind != ResourceKind::Target && !after.invalid.contains_key(&key) => Change::Removed,
            _ if key.kind == ResourceKind::Target => Change::NotCompared(
                "a Target takes effect when it is merged; until then everything is compared where the base branch says".to_owned(),
            ),
            _ if left_out.contains_key(&key) => {
                Change::NotCompared(left_out.get(&key).cloned().unwrap_or_default())
            }
            (false, _) => Change::Added,
            (true, _) => Change::Changed,
        };
        changes.insert(key, change);
    }
    let compared =
        |key: &&ResourceKey| !matches!(changes.get(key), Some(Change::Removed | Change::NotCompared(_)));
    let mut told: BTreeSet<ResourceKey> = changes.keys().filter(compared).cloned().collect();
    told.extend(readers(&whole, &told));
    let state = narrowed(&whole, &told);
    Part { whole, state, changes, told }
}

/// Whether all that the way from `base` to `after` changes is on Targets that are only observed: because of these nothing is
/// written, at GitHub neither. What a Target's mode is, the base branch says, under the ceiling.
pub fn is_only_observed(base: &DesiredState, after: &DesiredState, part: &Part, ceiling: Mode) -> bool {
    let is_observed = |target: &ResourceName| {
        base.targets.get(target).is_some_and(|target| target.spec.mode.min(ceiling) < Mode::Propose)
    };
    let mut keys = part.changes.keys().chain(&part.told).peekable();
    keys.peek().is_some()
        && keys.all(|key| {
            let mut targets = [base, after].into_iter().filter_map(|state| target(state, key)).peekable();
            // Of what is written so that it has no Target, nobody knows.
            targets.peek().is_some() && targets.all(is_observed)
        })
}

/// The Target that a resource is on; a Target's own is itself.
fn target<'a>(state: &'a DesiredState, key: &'a ResourceKey) -> Option<&'a ResourceName> {
    match key.kind {
        ResourceKind::Target => Some(&key.name),
        ResourceKind::EcsService => state.services.get(&key.name).map(|found| &found.resource.spec.target),
        ResourceKind::Secret => state.secrets.get(&key.name).map(|found| &found.spec.target),
        ResourceKind::TerraformState => state.states.get(&key.name).map(|found| &found.spec.target),
        ResourceKind::Policy | ResourceKind::AlertRoute => None,
    }
}

/// `after` on the Targets of `base`, without what cannot be there; that goes to `left_out`, with the reason.
fn on_targets_of(
    base: &DesiredState,
    after: &DesiredState,
    left_out: &mut BTreeMap<ResourceKey, String>,
) -> DesiredState {
    let mut whole = after.clone();
    whole.targets.clone_from(&base.targets);
    let mut leave_out = |kind, name: &ResourceName, why: String| {
        left_out.insert(ResourceKey { kind, name: name.clone() }, why);
    };
    let unknown = |target: &ResourceName| {
        let known = base.targets.contains_key(target);
        (!known).then(|| format!("the base branch has no Target {target} yet"))
    };
    whole.secrets.retain(|name, secret| {
        let why = unknown(&secret.spec.target);
        why.map(|why| leave_out(ResourceKind::Secret, name, why)).is_none()
    });
    whole.states.retain(|name, state| {
        let place = |spec: &crate::desired::kind::TerraformState| {
            (spec.target.clone(), spec.bucket.clone(), spec.key.clone())
        };
        let same = base.states.get(name).is_some_and(|known| place(&known.spec) == place(&state.spec));
        let why = unknown(&state.spec.target)
            .or_else(|| (!same).then(|| "a state is read only where the base branch has it".to_owned()));
        why.map(|why| leave_out(ResourceKind::TerraformState, name, why)).is_none()
    });
    whole.services.retain(|name, service| {
        let why = unknown(&service.resource.spec.target);
        why.map(|why| leave_out(ResourceKind::EcsService, name, why)).is_none()
    });
    // What refers to something that was left out cannot be compared either.
    while let Some((name, missing)) = dangling(&whole) {
        whole.services.remove(&name);
        leave_out(ResourceKind::EcsService, &name, format!("it refers to {missing}, which is not compared"));
    }
    let DesiredState { services, states, .. } = &mut whole;
    for state in states.values_mut() {
        state.spec.resources.retain(|_, service| services.contains_key(service));
    }
    for (name, service) in services {
        let revealed = base.services.get(name).map(|known| known.resource.spec.reveal.as_slice());
        let revealed = revealed.unwrap_or_default();
        Arc::make_mut(&mut service.resource).spec.reveal.retain(|name| revealed.contains(name));
    }
    whole
}

/// A service that refers to something that is not there.
fn dangling(state: &DesiredState) -> Option<(ResourceName, ResourceKey)> {
    state.services.iter().find_map(|(name, service)| {
        let spec = &service.resource.spec;
        let secret = spec.secrets.iter().find(|secret| !state.secrets.contains_key(*secret));
        let secret = secret.map(|name| ResourceKey { kind: ResourceKind::Secret, name: name.clone() });
        let other = spec.depends_on.iter().find(|other| !state.services.contains_key(*other));
        let other = other.map(|name| ResourceKey { kind: ResourceKind::EcsService, name: name.clone() });
        Some((name.clone(), secret.or(other)?))
    })
}

fn is_in(state: &DesiredState, key: &ResourceKey) -> bool {
    match key.kind {
        ResourceKind::Target => state.targets.contains_key(&key.name),
        ResourceKind::EcsService => state.services.contains_key(&key.name),
        ResourceKind::Secret => state.secrets.contains_key(&key.name),
        ResourceKind::TerraformState => state.states.contains_key(&key.name),
        ResourceKind::Policy | ResourceKind::AlertRoute => false,
    }
}

/// The services that read one of these secrets.
fn readers(state: &DesiredState, changed: &BTreeSet<ResourceKey>) -> Vec<ResourceKey> {
    let is_changed = |name: &ResourceName| {
        changed.contains(&ResourceKey { kind: ResourceKind::Secret, name: name.clone() })
    };
    let readers =
        state.services.iter().filter(|(_, service)| service.resource.spec.secrets.iter().any(is_changed));
    readers.map(|(name, _)| ResourceKey { kind: ResourceKind::EcsService, name: name.clone() }).collect()
}

/// These resources, and what they refer to.
fn narrowed(whole: &DesiredState, told: &BTreeSet<ResourceKey>) -> DesiredState {
    let named = |kind| told.iter().filter(move |key| key.kind == kind).map(|key| key.name.clone());
    let mut open: Vec<ResourceName> = named(ResourceKind::EcsService).collect();
    let mut services = BTreeSet::new();
    while let Some(name) = open.pop() {
        if let Some(service) = whole.services.get(&name)
            && services.insert(name)
        {
            open.extend(service.resource.spec.depends_on.iter().cloned());
        }
    }
    let mut state = whole.clone();
    state.services.retain(|name, _| services.contains(name));
    let mut secrets: BTreeSet<ResourceName> = named(ResourceKind::Secret).collect();
    secrets.extend(state.services.values().flat_map(|service| service.resource.spec.secrets.iter().cloned()));
    state.secrets.retain(|name, _| secrets.contains(name));
    let states: BTreeSet<ResourceName> = named(ResourceKind::TerraformState).collect();
    state.states.retain(|name, terraform| {
        terraform.spec.resources.retain(|_, service| services.contains(service));
        states.contains(name) || !terraform.spec.resources.is_empty()
    });
    let of_services = state.services.values().map(|service| service.resource.spec.target.clone());
    let of_secrets = state.secrets.values().map(|secret| secret.spec.target.clone());
    let of_states = state.states.values().map(|terraform| terraform.spec.target.clone());
    let targets: BTreeSet<ResourceName> = of_services.chain(of_secrets).chain(of_states).collect();
    state.targets.retain(|name, _| targets.contains(name));
    state.invalid.retain(|key, _| told.contains(key));
    state
}
