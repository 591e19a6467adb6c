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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::folder;

    const STATE: &str = "
apiVersion: bowline.dev/v1alpha1
kind: Target
metadata: { name: here }
spec: { accountId: '111122223333', region: eu-central-1, cluster: main }
---
apiVersion: bowline.dev/v1alpha1
kind: Target
metadata: { name: there }
spec: { accountId: '444455556666', region: eu-central-1, cluster: main }
---
apiVersion: bowline.dev/v1alpha1
kind: Secret
metadata: { name: key }
spec: { target: here, secretId: key, versionId: 11111111-1111-1111-1111-111111111111 }
---
apiVersion: bowline.dev/v1alpha1
kind: EcsService
metadata: { name: web }
spec: { target: here, service: web, desiredCount: 1, dependsOn: [api] }
---
apiVersion: bowline.dev/v1alpha1
kind: EcsService
metadata: { name: api }
spec: { target: here, service: api, desiredCount: 1, secrets: [key] }
---
apiVersion: bowline.dev/v1alpha1
kind: EcsService
metadata: { name: far }
spec: { target: there, service: far, desiredCount: 1 }
";

    fn kept(target: Option<&str>, service: Option<&str>) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("all.yaml"), STATE).unwrap();
        let (state, findings) = folder::read(folder.path()).unwrap();
        assert_eq!(findings, []);
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let selection = Selection { target: owned(target), service: owned(service), ..Selection::default() };
        let state = narrow(&state, &selection).map_err(|error| error.to_string())?;
        let names =
            |names: Vec<&ResourceName>| names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(",");
        Ok(format!(
            "{} {} {}",
            names(state.targets.keys().collect()),
            names(state.services.keys().collect()),
            names(state.secrets.keys().collect())
        ))
    }

    #[test]
    fn a_part_holds_all_that_it_refers_to() {
        let cases = [
            (None, None, "here,there api,far,web key"),
            (Some("here"), None, "here api,web key"),
            (Some("there"), None, "there far "),
            (None, Some("web"), "here api,web key"),
            (None, Some("far"), "there far "),
            (Some("here"), Some("api"), "here api key"),
        ];
        for (target, service, expected) in cases {
            assert_eq!(kept(target, service).as_deref(), Ok(expected), "{target:?} {service:?}");
        }
    }

    #[test]
    fn a_name_that_is_not_there_is_told_with_those_that_are() {
        let told = kept(None, Some("wbe")).unwrap_err();
        assert_eq!(told, "there is no EcsService `wbe` in this desired state; it has: api, far, web");
        let told = kept(Some("here"), Some("far")).unwrap_err();
        assert_eq!(told, "there is no EcsService `far` in this desired state; it has: api, web");
    }
}
