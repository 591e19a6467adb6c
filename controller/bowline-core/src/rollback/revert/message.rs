//! The commit's message, its trailers, the branch's name.

use std::collections::BTreeSet;

use super::{Revert, Step};
use crate::desired::{ResourceKey, ResourceKind};
use crate::name::{CommitId, InstanceName, ResourceName};
use crate::rollback::machine::quoted::{unlinked, unpromised};

/// The trailer of a commit that takes another one back: `Bowline-Reverts: <full commit id>`, one for each.
pub const REVERTS_TRAILER: &str = "Bowline-Reverts";
/// The trailer that names what a commit of Bowline's is about: `Bowline-Resource: EcsService/web`, one for each.
pub const RESOURCE_TRAILER: &str = "Bowline-Resource";
/// The trailer that names the incident because of which a commit was made: `Bowline-Incident: <id>`.
pub const INCIDENT_TRAILER: &str = "Bowline-Incident";

/// What a commit's trailers declare. What is not in the form of its trailer declares nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trailers {
    /// The commits that it takes back.
    pub reverts: BTreeSet<CommitId>,
    /// The resources that it is about.
    pub resources: BTreeSet<ResourceKey>,
    /// The incident because of which it was made.
    pub incident: Option<String>,
}

impl Trailers {
    /// From names and values, as git finds them in a message. Names count in any case of letters, as git's do.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut trailers = Self::default();
        for (name, value) in pairs {
            let value = value.trim();
            if name.eq_ignore_ascii_case(REVERTS_TRAILER) {
                trailers.reverts.extend(CommitId::parse(value).ok());
            } else if name.eq_ignore_ascii_case(RESOURCE_TRAILER) {
                trailers.resources.extend(resource(value));
            } else if name.eq_ignore_ascii_case(INCIDENT_TRAILER) && !value.is_empty() {
                trailers.incident = Some(value.to_owned());
            }
        }
        trailers
    }

    /// Adds what another commit of the same change declares.
    pub fn add(&mut self, other: Self) {
        self.reverts.extend(other.reverts);
        self.resources.extend(other.resources);
        self.incident = self.incident.take().or(other.incident);
    }

    /// Whether the commit is a rollback of Bowline's.
    pub fn is_rollback(&self) -> bool {
        !self.reverts.is_empty()
    }

    /// As the last lines of a message.
    pub fn lines(&self) -> String {
        let reverts = self.reverts.iter().map(|commit| (REVERTS_TRAILER, commit.to_string()));
        let resources = self.resources.iter().map(|resource| (RESOURCE_TRAILER, resource.to_string()));
        let incident = self.incident.iter().map(|id| (INCIDENT_TRAILER, one_line(id)));
        let all = reverts.chain(resources).chain(incident);
        all.flat_map(|(name, value)| [name.to_owned(), ": ".to_owned(), value, "\n".to_owned()]).collect()
    }
}

/// `EcsService/web`.
fn resource(text: &str) -> Option<ResourceKey> {
    let (kind, name) = text.split_once('/')?;
    let kind = ResourceKind::ALL.into_iter().find(|known| known.as_str() == kind)?;
    Some(ResourceKey { kind, name: ResourceName::parse(name).ok()? })
}

/// The message of the commit that makes a revert. `reason` says why, in sentences; `incident` is its id.
pub fn message(revert: &Revert, reason: &str, incident: &str) -> String {
    text(revert, &unlinked(reason), Some(incident))
}

/// The message of a revert that a person asked for, because of no incident.
pub fn message_by_hand(revert: &Revert, reason: &str) -> String {
    text(revert, reason, None)
}

fn text(revert: &Revert, reason: &str, incident: Option<&str>) -> String {
    let steps: Vec<String> = revert.steps.iter().map(sentence).collect();
    let trailers = Trailers {
        reverts: revert.steps.iter().map(|step| step.commit.clone()).collect(),
        resources: services(revert),
        incident: incident.map(str::to_owned),
    };
    format!("{}\n\n{}\n\n{}\n\n{}", subject(revert), reason.trim(), steps.join("\n"), trailers.lines())
}

fn subject(revert: &Revert) -> String {
    match revert.steps.as_slice() {
        // As git names them.
        [only] => match only.subject.strip_prefix("Revert \"") {
            Some(again) => format!("Reapply \"{}", unpromised(&one_line(again))),
            None => format!("Revert \"{}\"", unpromised(&one_line(&only.subject))),
        },
        steps => {
            let resources: Vec<String> = services(revert).iter().map(ToString::to_string).collect();
            let shown = match resources.as_slice() {
                [one] => one.clone(),
                many => format!("{} services", many.len()),
            };
            format!("Revert {} commits of {shown}", steps.len())
        }
    }
}

fn sentence(step: &Step) -> String {
    let merge = match step.mainline {
        Some(_) => format!(", reversing changes made to {}", step.parent),
        None => String::new(),
    };
    if step.whole {
        return format!("This reverts commit {}{merge}.", step.commit);
    }
    let documents = step.documents.iter().map(|(key, place)| format!("{key} in {}", place.now));
    let parts: Vec<String> = documents.chain(step.files.iter().map(ToString::to_string)).collect();
    let parts = if parts.is_empty() { "the task definition, by a pin".to_owned() } else { parts.join(", ") };
    format!("This reverts a part of commit {}{merge}: {parts}.", step.commit)
}

fn services(revert: &Revert) -> BTreeSet<ResourceKey> {
    let names = revert.resources.iter().cloned();
    names.map(|name| ResourceKey { kind: ResourceKind::EcsService, name }).collect()
}

fn one_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim().to_owned()
}

/// The branch of a change of Bowline's: the same for the same resource, commit and attempt, so that one that was begun before
/// a crash is found again. `what` is a word of lower-case letters: `rollback`, `scale`.
pub fn branch_name(what: &str, resource: &ResourceKey, commit: &CommitId, attempt: u32) -> String {
    let kind = resource.kind.as_str().to_ascii_lowercase();
    let name = &resource.name;
    format!("bowline/{what}/{kind}-{name}/{commit:.12}-{attempt}")
}

/// The branch of a rollback, as [`branch_name`]; an instance that is not called `bowline` has names of its own.
pub fn rollback_branch(
    instance: &InstanceName,
    resource: &ResourceKey,
    bad_commit: &CommitId,
    attempt: u32,
) -> String {
    if *instance == InstanceName::default() {
        branch_name("rollback", resource, bad_commit, attempt)
    } else {
        branch_name(&format!("rollback/{instance}"), resource, bad_commit, attempt)
    }
}
