//! Drift is told once when it appears and once when it is gone, however many passes see it.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use crate::desired::{DesiredService, DesiredState, ResourceKey, ResourceKind, WantedTaskDefinition};
use crate::diff::Difference;
use crate::diff::canonical::{canonical_json, sha256_hex};
use crate::plan::event::{Event, EventKind};
use crate::plan::memory::{Change, InSyncWith, Memory, ResourceMemory, Told};
use crate::plan::report::{ResourceReport, Sync};
use crate::plan::spec::pinned_versions;

/// How many differences a sentence names.
const MOST_NAMED: usize = 3;

/// Tells what changed since it was last told.
pub(super) fn tell(
    memory: &mut Memory,
    desired: &DesiredState,
    reports: &[&ResourceReport],
    commit: &str,
    now: Timestamp,
    events: &mut Vec<Event>,
) {
    for report in reports {
        let id = report.resource.to_string();
        note_change(memory, desired, (&id, report), commit);
        match report.sync {
            _ if report.has_unknown() => {}
            Sync::InSync => {
                let resource = memory.resources.entry(id).or_default();
                if resource.in_sync_with.as_ref().is_none_or(|with| with.commit != commit) {
                    let digest = desired_digest(desired, &report.resource);
                    let with = InSyncWith { commit: commit.to_owned(), digest };
                    Arc::make_mut(resource).in_sync_with = Some(with);
                }
                if resource.told.is_some()
                    && let Some(told) = Arc::make_mut(resource).told.take()
                {
                    let (kind, message) = if told.drift {
                        (EventKind::DriftHealed, "the drift is gone")
                    } else {
                        (EventKind::Converged, "as git wants it")
                    };
                    events.push(Event::new(now, &report.resource, kind, message));
                }
            }
            Sync::Drifted | Sync::Missing if !report.differences.is_empty() => {
                let resource = memory.resources.entry(id).or_default();
                let digest =
                    sha256_hex(&format!("{:?}", report.differences.iter().map(told_as).collect::<Vec<_>>()));
                if resource.told.as_ref().is_some_and(|told| told.digest == digest) {
                    continue;
                }
                let now_wanted = || desired_digest(desired, &report.resource);
                let drift = resource.in_sync_with.as_ref().is_none_or(|with| with.digest == now_wanted());
                Arc::make_mut(resource).told = Some(Told { digest, drift });
                let kind = if drift { EventKind::DriftFound } else { EventKind::GitChanged };
                events.push(Event::new(now, &report.resource, kind, sentence(&report.differences)));
            }
            Sync::Drifted
            | Sync::Missing
            | Sync::Progressing
            | Sync::AwaitingGit
            | Sync::Unknown
            | Sync::Invalid => {}
        }
    }
}

/// Notes which commit wants what live is not, and whether that failed.
fn note_change(
    memory: &mut Memory,
    desired: &DesiredState,
    (id, report): (&str, &ResourceReport),
    commit: &str,
) {
    let failed_at = report.failed.as_ref().map(|failed| failed.ended_at.unwrap_or(failed.began_at));
    let differs = match report.sync {
        Sync::Drifted | Sync::Missing | Sync::Progressing => !report.differences.is_empty(),
        // What failed is of the commit with which it began, whatever else of it changed since then.
        Sync::AwaitingGit => memory.resources.get(id).is_none_or(|resource| resource.change.is_none()),
        Sync::InSync | Sync::Unknown | Sync::Invalid => false,
    };
    if differs {
        let resource = memory.resources.entry(id.to_owned()).or_default();
        if resource.change.as_ref().is_none_or(|change| change.seen_in != commit) {
            let digest = desired_digest(desired, &report.resource);
            let change = change(&report.resource, resource, digest, commit);
            Arc::make_mut(resource).change = Some(Box::new(change));
        }
    }
    let Some(resource) = memory.resources.get_mut(id) else { return };
    let Some(known) = &resource.change else { return };
    if report.sync == Sync::InSync && !report.has_unknown() {
        Arc::make_mut(resource).change = None;
    } else if (failed_at.is_some() || !report.has_unknown())
        && known.failed_at != failed_at
        && let Some(change) = &mut Arc::make_mut(resource).change
    {
        change.failed_at = failed_at;
    }
}

/// What is to be remembered of what git wants now.
fn change(of: &ResourceKey, memory: &ResourceMemory, digest: String, commit: &str) -> Change {
    let seen_in = commit.to_owned();
    match &memory.change {
        Some(known) if known.digest == digest => Change { seen_in, ..(**known).clone() },
        Some(_) | None => {
            let is_drift = match &memory.in_sync_with {
                Some(with) => with.digest == digest,
                // What was never seen in sync may be new. A secret that is not may have been moved by anybody.
                None => of.kind != ResourceKind::EcsService,
            };
            Change { commit: (!is_drift).then(|| seen_in.clone()), digest, seen_in, failed_at: None }
        }
    }
}

fn told_as(difference: &Difference) -> (&str, String, String) {
    (&difference.path, difference.wanted.to_string(), difference.found.to_string())
}

fn sentence(differences: &[Difference]) -> String {
    let mut named: Vec<String> = differences.iter().take(MOST_NAMED).map(ToString::to_string).collect();
    if differences.len() > MOST_NAMED {
        named.push(format!("and {} more", differences.len() - MOST_NAMED));
    }
    named.join("; ")
}

/// Digest of the resource as written and of what it refers to.
fn desired_digest(desired: &DesiredState, resource: &ResourceKey) -> String {
    let name = &resource.name;
    let text = match resource.kind {
        ResourceKind::EcsService => desired.services.get(name).map(|service| service_text(desired, service)),
        ResourceKind::Secret => desired.secrets.get(name).map(|secret| json(&secret.spec)),
        ResourceKind::TerraformState => desired.states.get(name).map(|state| json(&state.spec)),
        ResourceKind::Target | ResourceKind::Policy | ResourceKind::AlertRoute => None,
    };
    sha256_hex(&text.unwrap_or_default())
}

fn service_text(desired: &DesiredState, service: &DesiredService) -> String {
    let content = match &service.task_definition {
        Some(WantedTaskDefinition::Content { content, .. }) => content.text().to_owned(),
        Some(WantedTaskDefinition::Revision(_)) | None => String::new(),
    };
    format!("{}\n{content}\n{:?}", json(&service.resource.spec), pinned_versions(desired, service))
}

fn json(spec: &impl serde::Serialize) -> String {
    canonical_json(&serde_json::to_value(spec).unwrap_or(Value::Null))
}
