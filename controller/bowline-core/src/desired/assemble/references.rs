//! Does everything that one resource says about another hold?

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Assembly, Known, load_balancers, place_text};
use crate::desired::finding::{FindingCode, Severity};
use crate::desired::kind::{EcsService, Target};
use crate::desired::parse::ParsedResource;
use crate::desired::reference::Reference;
use crate::desired::state::{Resource, ResourceKey, ResourceKind};
use crate::desired::suggest;
use crate::desired::task_definition::ParsedTaskDefinition;
use crate::name::{RelativePath, ResourceName};

/// Checks every reference; what cannot be used is refused, with a finding at the place that a person has to change.
pub(super) fn check(
    assembly: &mut Assembly<'_>,
    known: &Known,
    task_definitions: &BTreeMap<RelativePath, Arc<ParsedTaskDefinition>>,
) {
    dangling(assembly, known);
    missing_task_definitions(assembly, task_definitions);
    load_balancers::check(assembly, task_definitions);
    one_service_twice(assembly);
    cycles(assembly);
    other_region(assembly);
    cascade(assembly);
}

/// References to what does not exist, neither usable nor with errors. If it may stand in a part that could not be read, that
/// part has the finding.
fn dangling(assembly: &mut Assembly<'_>, known: &Known) {
    let mut refused = Vec::new();
    for (key, candidate) in &assembly.candidates {
        for Reference { field, to, needed } in &candidate.document.references {
            let names = known.names.get(&to.kind);
            if names.is_some_and(|names| names.contains(&to.name)) {
                continue;
            }
            if known.unread.contains(&to.name) {
                refused.push((
                    key.clone(),
                    format!("it refers to {to}, which cannot be read"),
                    *needed,
                    None,
                ));
                continue;
            }
            let kind = to.kind.as_str();
            let own = (key.kind == to.kind).then_some(&key.name);
            let existing =
                names.into_iter().flatten().filter(|name| Some(*name) != own).map(ResourceName::as_str);
            let severity = if *needed { Severity::Error } else { Severity::Warning };
            let message = format!("`{field}`: there is no {kind} named `{}`", to.name);
            let hint = suggest::hint(to.name.as_str(), &format!("{kind} resources"), existing);
            let finding =
                candidate.finding(field, severity, FindingCode::DanglingReference, message).with_hint(hint);
            let reason = format!("it refers to {to}, which does not exist");
            refused.push((key.clone(), reason, *needed, Some(finding)));
        }
    }
    for (key, reason, needed, finding) in refused {
        assembly.findings.extend(finding);
        if needed {
            assembly.refuse(&key, reason);
        }
    }
}

fn missing_task_definitions(
    assembly: &mut Assembly<'_>,
    task_definitions: &BTreeMap<RelativePath, Arc<ParsedTaskDefinition>>,
) {
    let mut refused = Vec::new();
    for (key, candidate) in &assembly.candidates {
        let Some(path) = &candidate.document.task_definition else { continue };
        match task_definitions.get(path) {
            None => {
                let field = "spec.taskDefinition.file";
                let message = format!("`{field}`: there is no file {path}");
                let existing = task_definitions.keys().map(RelativePath::as_str);
                let hint = suggest::nearest(path.as_str(), existing).map_or_else(
                    || format!("the path is relative to the folder of {}", candidate.path),
                    |near| format!("did you mean {near}?"),
                );
                let finding =
                    candidate.finding(field, Severity::Error, FindingCode::DanglingReference, message);
                refused.push((
                    key.clone(),
                    format!("there is no file {path}"),
                    Some(finding.with_hint(hint)),
                ));
            }
            // The findings are those of the file itself.
            Some(parsed) if parsed.content.is_none() || parsed.family.is_none() => {
                refused.push((key.clone(), format!("its task definition {path} has errors"), None));
            }
            Some(_) => {}
        }
    }
    for (key, reason, finding) in refused {
        assembly.findings.extend(finding);
        assembly.refuse(&key, reason);
    }
}

fn service_and_target<'a>(
    assembly: &Assembly<'a>,
    key: &ResourceKey,
) -> Option<(&'a Resource<EcsService>, &'a Resource<Target>)> {
    match assembly.candidates.get(key)?.document.resource.as_ref()? {
        ParsedResource::EcsService(service) => Some((service, target(assembly, &service.spec.target)?)),
        _ => None,
    }
}

fn target<'a>(assembly: &Assembly<'a>, name: &ResourceName) -> Option<&'a Resource<Target>> {
    let key = ResourceKey { kind: ResourceKind::Target, name: name.clone() };
    match assembly.candidates.get(&key).filter(|_| assembly.is_usable(&key))?.document.resource.as_ref()? {
        ParsedResource::Target(target) => Some(target),
        _ => None,
    }
}

/// Two resources that manage one service would take turns for ever.
fn one_service_twice(assembly: &mut Assembly<'_>) {
    let mut managed: BTreeMap<_, Vec<ResourceKey>> = BTreeMap::new();
    for key in assembly.candidates.keys() {
        if let Some((service, target)) = service_and_target(assembly, key) {
            let (target, service) = (&target.spec, &service.spec.service);
            let place = (&target.account_id, &target.region, &target.cluster, service);
            managed.entry(place).or_default().push(key.clone());
        }
    }
    let clashes: Vec<(String, Vec<ResourceKey>)> = managed
        .into_iter()
        .filter(|(_, keys)| keys.len() > 1)
        .map(|((account, region, cluster, service), keys)| {
            (format!("service {service} of cluster {cluster} in {account}, {region}"), keys)
        })
        .collect();
    for (service, keys) in clashes {
        // The first in file order is "the first one", whatever the names are.
        let mut placed: Vec<_> = keys
            .iter()
            .filter_map(|key| Some((assembly.candidates.get(key)?.mark("spec.service").location, key)))
            .collect();
        placed.sort();
        let Some(((first_place, first), others)) = placed.split_first() else { continue };
        let mut findings = Vec::new();
        for (_, key) in others {
            let Some(candidate) = assembly.candidates.get(*key) else { continue };
            let message = format!("{first} already manages {service}");
            findings.push(
                candidate
                    .finding("spec.service", Severity::Error, FindingCode::Duplicate, message)
                    .with_hint("remove one of the two resources; until then neither is used")
                    .with_related(first_place.clone(), "the first one"),
            );
        }
        assembly.findings.extend(findings);
        for key in &keys {
            assembly.refuse(key, format!("{} resources manage {service}", keys.len()));
        }
    }
}

/// Services that wait for each other in a circle would never be rolled.
fn cycles(assembly: &mut Assembly<'_>) {
    let graph: BTreeMap<ResourceKey, Vec<ResourceKey>> = assembly
        .candidates
        .iter()
        .filter(|(key, _)| key.kind == ResourceKind::EcsService)
        .map(|(key, candidate)| {
            let next = candidate.document.references.iter().map(|reference| &reference.to);
            (key.clone(), next.filter(|to| to.kind == ResourceKind::EcsService).cloned().collect())
        })
        .collect();
    for cycle in back_edges(&graph) {
        report_cycle(assembly, &cycle);
    }
}

/// Every cycle that a depth-first walk closes. A service on another cycle of the same knot depends on one of these, so
/// that it is refused with them.
fn back_edges(graph: &BTreeMap<ResourceKey, Vec<ResourceKey>>) -> Vec<Vec<&ResourceKey>> {
    let mut found = Vec::new();
    let mut done: BTreeSet<&ResourceKey> = BTreeSet::new();
    for start in graph.keys() {
        // The services from the start to where the walk stands, each with its next edge.
        let mut path: Vec<(&ResourceKey, usize)> = Vec::new();
        let mut depth: BTreeMap<&ResourceKey, usize> = BTreeMap::new();
        if !done.contains(start) {
            path.push((start, 0));
            depth.insert(start, 0);
        }
        while let Some((key, edge)) = path.last_mut() {
            let next = graph.get(*key).and_then(|next| next.get(*edge));
            *edge += 1;
            match next {
                None => {
                    depth.remove(*key);
                    done.insert(key);
                    path.pop();
                }
                Some(to) if done.contains(to) || !graph.contains_key(to) => {}
                Some(to) => {
                    if let Some(at) = depth.get(to) {
                        found.push(path.iter().skip(*at).map(|(key, _)| *key).collect());
                    } else {
                        depth.insert(to, path.len());
                        path.push((to, 0));
                    }
                }
            }
        }
    }
    found
}

fn report_cycle(assembly: &mut Assembly<'_>, cycle: &[&ResourceKey]) {
    let mut names: Vec<&str> = cycle.iter().map(|key| key.name.as_str()).collect();
    names.extend(names.first().copied());
    let chain = names.join(" -> ");
    let mut marks: Vec<_> = cycle
        .iter()
        .zip(cycle.iter().cycle().skip(1))
        .filter_map(|(key, next)| {
            let candidate = assembly.candidates.get(*key)?;
            let reference = candidate.document.references.iter().find(|reference| reference.to == **next)?;
            Some((candidate.mark(&reference.field), (*key).clone(), &reference.field))
        })
        .collect();
    marks.sort_by(|a, b| a.0.location.cmp(&b.0.location));
    let Some((_, first, field)) = marks.first() else { return };
    let Some(candidate) = assembly.candidates.get(first) else { return };
    let message = format!("`spec.dependsOn` goes in a circle: {chain}");
    let mut finding = candidate
        .finding(field, Severity::Error, FindingCode::InvalidValue, message)
        .with_hint("remove one of these dependencies; until then none of the services is used");
    for (mark, key, _) in marks.iter().skip(1) {
        finding = finding.with_related(mark.location.clone(), format!("{key} depends on the next one here"));
    }
    assembly.findings.push(finding);
    for key in cycle {
        assembly.refuse(key, format!("its dependencies go in a circle: {chain}"));
    }
}

/// A task can only be started with a secret of its own region, so a Secret resource elsewhere is probably a mistake. It
/// may name another Target of the same account and region (another cluster).
fn other_region(assembly: &mut Assembly<'_>) {
    let mut findings = Vec::new();
    for candidate in assembly.candidates.values() {
        let Some(ParsedResource::Secret(secret)) = &candidate.document.resource else { continue };
        let Some(own) = target(assembly, &secret.spec.target) else { continue };
        let place = (own.spec.account_id.as_str(), own.spec.region.as_str());
        if let Some(found) = secret.spec.secret_id.place().filter(|found| *found != place) {
            let message = format!(
                "`spec.secretId` is in {} {}, its Target `{}` in {} {}",
                found.0, found.1, secret.spec.target, place.0, place.1
            );
            let (severity, code) = (Severity::Warning, FindingCode::InvalidValue);
            findings.push(candidate.finding("spec.secretId", severity, code, message));
        }
    }
    for (key, candidate) in &assembly.candidates {
        let Some((service, own)) = service_and_target(assembly, key) else { continue };
        for (index, name) in service.spec.secrets.iter().enumerate() {
            let secret_key = ResourceKey { kind: ResourceKind::Secret, name: name.clone() };
            let Some(holder) = assembly.candidates.get(&secret_key) else { continue };
            let Some(ParsedResource::Secret(secret)) = &holder.document.resource else { continue };
            let Some(other) = target(assembly, &secret.spec.target) else { continue };
            let place = |target: &Target| format!("{} {}", target.account_id, target.region);
            let (own, other) = (place(&own.spec), place(&other.spec));
            if own != other {
                let location = holder.mark("spec.target").location;
                let message =
                    format!("`spec.secrets[{index}]`: {secret_key} is in {other}, the service in {own}");
                let hint = format!("check `spec.target` of {secret_key} in {}", place_text(&location));
                let field = format!("spec.secrets[{index}]");
                findings.push(
                    candidate
                        .finding(&field, Severity::Warning, FindingCode::InvalidValue, message)
                        .with_hint(hint),
                );
            }
        }
    }
    assembly.findings.append(&mut findings);
}

/// What refers to something that cannot be used cannot be used either. No findings: their cause already is one.
fn cascade(assembly: &mut Assembly<'_>) {
    let mut needed_by: BTreeMap<ResourceKey, Vec<ResourceKey>> = BTreeMap::new();
    for (key, candidate) in &assembly.candidates {
        for reference in candidate.document.references.iter().filter(|reference| reference.needed) {
            needed_by.entry(reference.to.clone()).or_default().push(key.clone());
        }
    }
    let mut refused: Vec<ResourceKey> = assembly.invalid.keys().cloned().collect();
    while let Some(bad) = refused.pop() {
        for key in needed_by.remove(&bad).unwrap_or_default() {
            if !assembly.invalid.contains_key(&key) {
                assembly.refuse(&key, format!("it refers to {bad}, which cannot be used"));
                refused.push(key);
            }
        }
    }
}
