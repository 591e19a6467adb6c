//! Which failures begin a rollback, which join one, and how their services are.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{FailedSpec, GitSeen, LiveSeen, Rollback, State, Tried};
use crate::desired::kind::RollbackStrategy;
use crate::desired::{DesiredState, ResourceKey, ResourceKind, TaskDefinitionContent, WantedTaskDefinition};
use crate::diff::canonical::sha256_hex;
use crate::diff::normal_text;
use crate::name::{CommitId, InstanceName, ResourceName, SecretVersionId, TaskDefinitionArn};
use crate::plan::{HeldWhy, ResourceReport, SpecHash, Sync};
use crate::rollback::SharedOutage;
use crate::rollback::revert::{PastCommit, Revert, Trailers, spec};

/// A service whose deployment failed, and for which there is no rollback yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// What failed.
    pub failed: FailedSpec,
    /// How far its manifest, its Target and `bowline.yaml` let a rollback go.
    pub strategy: RollbackStrategy,
}

/// What a bad verdict leads to.
#[derive(Debug, Clone, PartialEq)]
pub enum Standing {
    /// A rollback of its own begins.
    Begins(Box<Rollback>),
    /// It joins this one.
    Joins(String),
}

/// A service whose wanted spec failed.
#[derive(Debug, Clone, Copy)]
pub struct Failure<'a> {
    /// The service.
    pub name: &'a ResourceName,
    /// What failed.
    pub spec_hash: &'a SpecHash,
    /// How far a rollback may go.
    pub strategy: RollbackStrategy,
    /// Which attempt failed, where that is known.
    pub tried: Option<&'a Tried>,
}

/// Digest of what git wants of a service, restart token included: a new one is a person's word to try again. None where git
/// does not have it.
pub fn wanted_digest(state: &DesiredState, name: &ResourceName) -> Option<String> {
    let wanted = spec(state, name)?;
    let restart = &state.services.get(name)?.resource.spec.restart;
    Some(sha256_hex(&format!("{wanted:?}\n{restart:?}")))
}

/// The services whose failures may begin a rollback now: those that none is about yet, and that may be rolled back at all. None
/// during an outage of something shared: reverting would not help.
///
/// A rollback that will not take it back any more was about an earlier attempt, if what failed was tried once more since. One that
/// waits for more history is chosen anew.
pub fn fresh<'a>(
    known: &BTreeMap<String, Rollback>,
    failed: impl IntoIterator<Item = Failure<'a>>,
    outage: Option<&SharedOutage>,
) -> BTreeSet<&'a ResourceName> {
    if outage.is_some() {
        return BTreeSet::new();
    }
    let is_new = |failure: &Failure<'_>| {
        let tried_since = |known: &Rollback| {
            let before = known.resources.get(failure.name).and_then(|failed| failed.tried.as_ref());
            failure.tried.zip(before).is_some_and(|(tried, before)| tried.is_after(before))
        };
        let about = known.values().filter(|known| known.is_about(failure.name, failure.spec_hash));
        about.into_iter().all(|known| known.waits_for_history() || (known.is_settled() && tried_since(known)))
    };
    let may_begin = failed.into_iter().filter(|failure| failure.strategy != RollbackStrategy::None);
    may_begin.filter(is_new).map(|failure| failure.name).collect()
}

/// What becomes of services that share a revert: `known` are all rollbacks of before. They join one that takes their failing specs
/// back or is not pushed yet; otherwise another one begins at once, of which the pull request stands beside the first.
pub fn begin(
    known: &BTreeMap<String, Rollback>,
    instance: &InstanceName,
    revert: &Revert,
    candidates: &BTreeMap<ResourceName, Candidate>,
    now: Timestamp,
) -> Option<Standing> {
    let bad = revert.bad_commit()?;
    let same = || known.values().filter(|known| known.bad_commit == bad.commit);
    let takes_back = |open: &&Rollback| match &open.branch {
        None => open.state == State::Detected,
        Some(branch) => revert.resources.iter().all(|name| branch.covers.contains(name)),
    };
    if let Some(open) = same().filter(|known| !known.state.is_last()).find(takes_back) {
        return Some(Standing::Joins(open.id.clone()));
    }
    let own = || revert.resources.iter().filter_map(|name| Some((name.clone(), candidates.get(name)?)));
    let id = new_id(known, &bad.commit);
    let resources = own().map(|(name, candidate)| (name, candidate.failed.clone())).collect();
    let strategy = own().map(|(_, candidate)| candidate.strategy).min()?;
    let bad = (bad.commit.clone(), bad.subject.clone());
    let rollback = Rollback::detected((id, instance.clone()), bad, resources, strategy, now);
    Some(Standing::Begins(Box::new(rollback)))
}

/// The rollbacks that waited for more history, and in whose place others are by now.
pub fn replaced(known: &BTreeMap<String, Rollback>) -> Vec<String> {
    let others = || known.values().filter(|other| !other.waits_for_history());
    let is_replaced = |waiting: &&Rollback| {
        let mut failed = waiting.resources.iter();
        failed.all(|(name, failed)| others().any(|other| other.is_about(name, &failed.spec_hash)))
    };
    let waiting = known.values().filter(|known| known.waits_for_history());
    waiting.filter(is_replaced).map(|waiting| waiting.id.clone()).collect()
}

/// The id of another rollback for a bad commit: its first 12 digits, and a number that is not taken.
pub fn new_id(known: &BTreeMap<String, Rollback>, bad: &CommitId) -> String {
    let id = |number: usize| format!("{bad:.12}-{number}");
    let same = known.values().filter(|known| known.bad_commit == *bad).count();
    let mut number = same + 1;
    while known.contains_key(&id(number)) {
        number += 1;
    }
    id(number)
}

/// The versions that git pins of the Secrets that a service reads.
pub fn pinned_secrets(state: &DesiredState, name: &ResourceName) -> BTreeMap<ResourceName, SecretVersionId> {
    let read = state.services.get(name).into_iter().flat_map(|service| &service.resource.spec.secrets);
    read.filter_map(|secret| Some((secret.clone(), state.secrets.get(secret)?.spec.version_id.clone())))
        .collect()
}

/// How the services of a rollback are, in git and live, together with the Secrets that were taken back: those that git pins to
/// another version than what failed read.
pub fn standing(
    rollback: &Rollback,
    state: &DesiredState,
    reports: &BTreeMap<&ResourceKey, &ResourceReport>,
) -> (GitSeen, LiveSeen) {
    let service = |name: &ResourceName| {
        let key = ResourceKey { kind: ResourceKind::EcsService, name: name.clone() };
        reports.get(&key).copied()
    };
    // What is tried once more and turns out good has not failed any more, although git wants the same.
    let is_good = |name: &ResourceName| service(name).is_some_and(|report| report.sync == Sync::InSync);
    let failing = |(name, failed): (&ResourceName, &FailedSpec)| {
        wanted_digest(state, name).is_some_and(|wanted| wanted == failed.wanted) && !is_good(name)
    };
    let git = if rollback.resources.iter().any(failing) { GitSeen::WantsFailed } else { GitSeen::WantsOther };
    let mut live = LiveSeen::AsWanted;
    let mut went_on = None;
    for (name, failed) in &rollback.resources {
        // A service that left git is nobody's business any more.
        let Some(report) = service(name) else { continue };
        let other_failed = report.held.iter().find_map(|why| match why {
            HeldWhy::Quarantined { spec_hash, reason, .. } if *spec_hash != failed.spec_hash => Some(reason),
            _ => None,
        });
        if let Some(reason) = other_failed {
            let reason = format!("{name}: {reason}");
            if is_what_it_went_back_to(rollback, state, name) {
                return (git, LiveSeen::Bad(reason));
            }
            went_on = Some(reason);
        }
        let live_is = if report.sync == Sync::InSync { LiveSeen::AsWanted } else { LiveSeen::OnItsWay };
        live = live.and(if report.sync == Sync::Unknown { LiveSeen::Unknown } else { live_is });
        for secret in taken_back(failed, state, name) {
            live = live.and(secret_is(reports.get(&secret).copied()));
        }
    }
    (git, went_on.map_or(live, LiveSeen::WentOn))
}

/// The Secrets that a service reads and read when it failed, and that git pins to another version by now.
fn taken_back<'a>(
    failed: &'a FailedSpec,
    state: &'a DesiredState,
    name: &ResourceName,
) -> impl Iterator<Item = ResourceKey> + 'a {
    let now = pinned_secrets(state, name).into_iter();
    let other = |(secret, pin): &(ResourceName, SecretVersionId)| {
        failed.secrets.get(secret).is_some_and(|before| before != pin)
    };
    now.filter(other).map(|(name, _)| ResourceKey { kind: ResourceKind::Secret, name })
}

/// How a Secret that was taken back is.
fn secret_is(report: Option<&ResourceReport>) -> LiveSeen {
    match report {
        None => LiveSeen::Unknown,
        Some(report) if report.sync == Sync::Unknown => LiveSeen::Unknown,
        Some(report) if report.sync == Sync::InSync => LiveSeen::AsWanted,
        Some(report) => report.held.first().map_or(LiveSeen::OnItsWay, |why| {
            LiveSeen::Held(format!("{} is not where git wants it: {why}", report.resource))
        }),
    }
}

/// Whether git wants of a service what it wanted when the merge was first seen.
fn is_what_it_went_back_to(rollback: &Rollback, state: &DesiredState, name: &ResourceName) -> bool {
    rollback.went_back_to.is_empty() || rollback.went_back_to.get(name) == wanted_digest(state, name).as_ref()
}

/// What git wants of the services of a rollback: for [`Seen::wanted`](super::Seen::wanted).
pub fn wanted(rollback: &Rollback, state: &DesiredState) -> BTreeMap<ResourceName, String> {
    let names = rollback.resources.keys();
    names.filter_map(|name| Some((name.clone(), wanted_digest(state, name)?))).collect()
}

/// The rollback of which this is the failure: it went back to what failed as well, its own commit is the newest that changed
/// what the service deploys, and no other rollback followed it; one that waits for more history has not yet. What a later commit
/// broke is that commit's failure alone.
pub fn failed_rollback<'a>(
    known: &'a BTreeMap<String, Rollback>,
    history: &[PastCommit],
    name: &ResourceName,
) -> Option<&'a Rollback> {
    let newest = newest_change(history, name)?;
    let chosen = known.values().filter(|one| one.cut_off.is_none());
    let followed: BTreeSet<&String> = chosen.filter_map(|one| one.after.as_ref()).collect();
    known.values().find(|one| {
        one.state == State::Failed
            && one.resources.contains_key(name)
            && !followed.contains(&one.id)
            && is_own(&newest.trailers, one)
    })
}

/// The newest commit that changed what a service deploys: the one that is bad, where it failed.
pub fn newest_change<'a>(history: &'a [PastCommit], name: &ResourceName) -> Option<&'a PastCommit> {
    let changed = |pair: &&[PastCommit]| match pair {
        [commit, before] => spec(&commit.state, name) != spec(&before.state, name),
        _ => false,
    };
    history.windows(2).find(changed)?.first()
}

/// Whether a commit with these trailers is what the rollback put on the branch. An incident that is named decides: the same
/// commit can be taken back for another one.
fn is_own(trailers: &Trailers, rollback: &Rollback) -> bool {
    match &trailers.incident {
        Some(incident) => *incident == rollback.id,
        None => trailers.reverts.contains(&rollback.bad_commit),
    }
}

/// The rollback after which what failed came back: what it took back is what the head wants of the service again. A person
/// has to say that it may be deployed, and it is not reverted a second time.
pub fn came_back<'a>(history: &'a [PastCommit], name: &ResourceName) -> Option<&'a PastCommit> {
    let head = spec(&history.first()?.state, name)?;
    history.windows(2).find_map(|pair| {
        let [commit, before] = pair else { return None };
        let about = commit.trailers.resources.iter().any(|resource| resource.name == *name);
        let took_back = commit.trailers.is_rollback() && about;
        (took_back && spec(&before.state, name).as_ref() == Some(&head)).then_some(commit)
    })
}

/// The newest commit with which git wants what the service runs: the last good one, where that was forgotten. `content` is
/// that of the revision that it runs. Where the head wants that as well, with other secret versions or settings, that is what
/// failed, and no commit that wants the same was good.
pub fn good_commit(
    history: &[PastCommit],
    name: &ResourceName,
    live: &TaskDefinitionArn,
    content: Option<&TaskDefinitionContent>,
) -> Option<CommitId> {
    let running = content.map(normal_text);
    let failed = history.first().and_then(|head| spec(&head.state, name));
    let wants_it = |commit: &&PastCommit| {
        if spec(&commit.state, name) == failed {
            return false;
        }
        let service = commit.state.services.get(name);
        match service.and_then(|service| service.task_definition.as_ref()) {
            Some(WantedTaskDefinition::Revision(revision)) => live.revision() == *revision,
            Some(WantedTaskDefinition::Content { content, .. }) => Some(normal_text(content)) == running,
            None => false,
        }
    };
    history.iter().find(wants_it).map(|commit| commit.id.clone())
}
