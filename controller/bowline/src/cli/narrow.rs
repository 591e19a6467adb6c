//! `--target` and `--service`: the part of the desired state that was asked for, with all that it refers to.

use std::collections::BTreeSet;

use bowline_core::desired::DesiredState;
use bowline_core::name::ResourceName;

use super::args::Selection;

/// Keeps only the Target, and only the service with its secrets and, transitively, the services it depends on.
pub(super) fn narrow(state: &DesiredState, selection: &Selection) -> anyhow::Result<DesiredState> {
    let mut state = state.clone();
    if let Some(target) = &selection.target {
        let target = find("Target", target, state.targets.keys())?;
        state.targets.retain(|name, _| *name == target);
        state.services.retain(|_, service| service.resource.spec.target == target);
        state.secrets.retain(|_, secret| secret.spec.target == target);
        state.states.retain(|_, terraform| terraform.spec.target == target);
        state.invalid.clear();
    }
    if let Some(service) = &selection.service {
        let service = find("EcsService", service, state.services.keys())?;
        let services = with_dependencies(&state, service);
        let mut secrets = BTreeSet::new();
        let mut targets = BTreeSet::new();
        for service in services.iter().filter_map(|name| state.services.get(name)) {
            secrets.extend(service.resource.spec.secrets.iter().cloned());
            targets.insert(service.resource.spec.target.clone());
        }
        state.services.retain(|name, _| services.contains(name));
        state.secrets.retain(|name, _| secrets.contains(name));
        targets.extend(state.secrets.values().map(|secret| secret.spec.target.clone()));
        state.targets.retain(|name, _| targets.contains(name));
        state.states.clear();
        state.invalid.clear();
    }
    Ok(state)
}

fn with_dependencies(state: &DesiredState, first: ResourceName) -> BTreeSet<ResourceName> {
    let mut found = BTreeSet::new();
    let mut open = vec![first];
    while let Some(name) = open.pop() {
        if let Some(service) = state.services.get(&name)
            && found.insert(name)
        {
            open.extend(service.resource.spec.depends_on.iter().cloned());
        }
    }
    found
}

fn find<'a>(
    kind: &str,
    wanted: &str,
    names: impl Iterator<Item = &'a ResourceName>,
) -> anyhow::Result<ResourceName> {
    let names: Vec<&ResourceName> = names.collect();
    if let Some(found) = names.iter().find(|name| name.as_str() == wanted) {
        return Ok((*found).clone());
    }
    let known: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    anyhow::bail!("there is no {kind} `{wanted}` in this desired state; it has: {known}")
}
