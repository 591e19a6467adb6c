//! What does a document say of other resources and files? Read from the document as it is written, so that a mistake in one
//! field does not hide what another refers to.

use std::collections::BTreeSet;

use super::check::Checker;
use super::node::{Node, Position};
use super::source::Place;
use super::state::{ResourceKey, ResourceKind};
use crate::name::{RelativePath, ResourceName};

/// The fields of a service's spec in which load balancers stand, which name a container of its task definition.
pub(super) const WITH_LOAD_BALANCERS: [&str; 2] = ["settings", "create"];

/// One reference of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    /// Where it stands: `spec.secrets[1]`.
    pub(super) field: String,
    /// What it names.
    pub(super) to: ResourceKey,
    /// Whether the resource cannot be used without it.
    pub(super) needed: bool,
}

/// The references that can be read. One to the document itself and one that stands a second time in its list have findings
/// of their own, and are left out.
pub(super) fn references(kind: ResourceKind, own: Option<&ResourceKey>, node: &Node) -> Vec<Reference> {
    let Some(spec) = node.get("spec") else { return Vec::new() };
    let target = || single(spec, "target", ResourceKind::Target);
    let mut found: Vec<Reference> = match kind {
        ResourceKind::Target | ResourceKind::Policy | ResourceKind::AlertRoute => Vec::new(),
        ResourceKind::Secret => target().into_iter().collect(),
        ResourceKind::TerraformState => target().into_iter().chain(addresses(spec)).collect(),
        ResourceKind::EcsService => target()
            .into_iter()
            .chain(list(spec, "secrets", ResourceKind::Secret))
            .chain(list(spec, "dependsOn", ResourceKind::EcsService))
            .collect(),
    };
    found.retain(|reference| Some(&reference.to) != own);
    found
}

fn key(kind: ResourceKind, node: &Node) -> Option<ResourceKey> {
    Some(ResourceKey { kind, name: ResourceName::parse(node.text()?).ok()? })
}

fn single(spec: &Node, field: &str, kind: ResourceKind) -> Option<Reference> {
    let to = key(kind, spec.get(field)?)?;
    Some(Reference { field: format!("spec.{field}"), to, needed: true })
}

fn list(spec: &Node, field: &str, kind: ResourceKind) -> Vec<Reference> {
    let items = spec.get(field).map(Node::items).unwrap_or_default();
    let mut seen = BTreeSet::new();
    let named = items.iter().enumerate().filter_map(|(index, item)| Some((index, key(kind, item)?)));
    named
        .filter(|(_, to)| seen.insert(to.clone()))
        .map(|(index, to)| Reference { field: format!("spec.{field}[{index}]"), to, needed: true })
        .collect()
}

/// What a state's addresses stand for only explains, so nothing depends on it.
fn addresses(spec: &Node) -> impl Iterator<Item = Reference> {
    let entries = spec.get("resources").map(Node::entries).unwrap_or_default();
    entries.iter().filter_map(|entry| {
        let to = key(ResourceKind::EcsService, &entry.value)?;
        Some(Reference { field: format!("spec.resources.{}", entry.key), to, needed: false })
    })
}

/// The task definition file that a service names and that lies in the repository, from its root. With a revision beside it,
/// it is not clear which of the two is meant.
pub(super) fn task_definition(
    kind: ResourceKind,
    manifest: &RelativePath,
    node: &Node,
) -> Option<RelativePath> {
    if kind != ResourceKind::EcsService {
        return None;
    }
    let source = node.get("spec")?.get("taskDefinition")?;
    if source.get("revision").is_some() {
        return None;
    }
    resolve(manifest, &RelativePath::parse(source.get("file")?.text()?).ok()?)
}

/// The path from the repository's root of what `relative` means in the manifest `manifest`; nothing if it leads out of
/// the repository.
pub(super) fn resolve(manifest: &RelativePath, relative: &RelativePath) -> Option<RelativePath> {
    let mut parts: Vec<&str> = manifest.as_str().split('/').collect();
    parts.pop();
    for part in relative.as_str().split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    RelativePath::parse(&parts.join("/")).ok()
}

/// The names that a document may have of which the kind or the name itself cannot be read: every text in `metadata`.
pub(super) fn names_of(node: &Node) -> impl Iterator<Item = ResourceName> {
    let entries = node.get("metadata").map(Node::entries).unwrap_or_default();
    entries.iter().filter_map(|entry| ResourceName::parse(entry.value.text()?).ok())
}

/// The names that resources may have in a text that is not YAML: whatever follows a `name:`.
pub(super) fn names_in(text: &str) -> impl Iterator<Item = ResourceName> {
    text.split("name:").skip(1).filter_map(|rest| {
        let word = rest.trim_start_matches([' ', '"', '\'']);
        let end = word.find(|c: char| c.is_whitespace() || "\"',}".contains(c)).unwrap_or(word.len());
        ResourceName::parse(&word[..end]).ok()
    })
}

/// Where the fields stand that refer to something outside of the document.
pub(super) fn marks(checker: &Checker<'_>, node: &Node) -> Box<[(Box<str>, Place)]> {
    let mut marks = Vec::new();
    let mut add = |path: String, at: Position| {
        marks.push((Box::from(path), checker.place(at)));
    };
    if let Some(name) = node.get("metadata").and_then(|metadata| metadata.get("name")) {
        add("metadata.name".to_owned(), name.at);
    }
    let Some(spec) = node.get("spec") else { return marks.into() };
    for field in ["target", "service", "secretId"] {
        if let Some(value) = spec.get(field) {
            add(format!("spec.{field}"), value.at);
        }
    }
    for field in ["secrets", "dependsOn"] {
        for (index, item) in spec.get(field).map(Node::items).unwrap_or_default().iter().enumerate() {
            add(format!("spec.{field}[{index}]"), item.at);
        }
    }
    if let Some(file) = spec.get("taskDefinition").and_then(|source| source.get("file")) {
        add("spec.taskDefinition.file".to_owned(), file.at);
        for within in WITH_LOAD_BALANCERS {
            let balancers = spec.get(within).and_then(|fields| fields.get("loadBalancers"));
            for (index, item) in balancers.map(Node::items).unwrap_or_default().iter().enumerate() {
                for field in ["containerName", "containerPort"] {
                    if let Some(value) = item.get(field) {
                        add(format!("spec.{within}.loadBalancers[{index}].{field}"), value.at);
                    }
                }
            }
        }
    }
    for entry in spec.get("resources").map(Node::entries).unwrap_or_default() {
        add(format!("spec.resources.{}", entry.key), entry.value.at);
    }
    marks.into()
}
