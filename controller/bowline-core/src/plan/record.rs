//! What to remember of an action that was attempted.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::action::{Action, Expectation, Operation, SettingsRequest, TagKey};
use super::event::{Event, EventKind};
use super::memory::{
    Aftermath, Attempt, AttemptVerdict, ConditionStanding, FailedAction, InFlight, Memory, ResourceMemory,
    Scaling, ServiceMemory, SpecHash, Watch,
};
use crate::desired::kind::{HealthCondition, ServiceSettings};
use crate::desired::{DesiredState, ResourceKey, ResourceKind, Retry};
use crate::diff::Difference;
use crate::diff::fields::{Effect, setting_row, starts_deployment};
use crate::diff::settings::{get, set, settings_by_name, shown_path};
use crate::live::UnknownReason;
use crate::name::{HumanDuration, ResourceName, RestartToken, TaskDefinitionArn};
use crate::{rollback, rollout};

/// How an attempted action ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It was done.
    Done {
        /// The deployment that began, if one did and AWS told its id.
        deployment_id: Option<String>,
        /// The revision that was registered.
        task_definition: Option<TaskDefinitionArn>,
    },
    /// Live was already so.
    AlreadyDone,
    /// What was expected was not found: somebody else was faster. Planned anew in the next pass.
    Superseded {
        /// What was found, as a sentence.
        found: String,
    },
    /// It failed.
    Failed(UnknownReason),
}

/// How many attempts are remembered for a service.
const MOST_ATTEMPTS: usize = 50;

/// How many bad attempts of a service are kept with their evidence: each may have 32 KiB of it.
const MOST_EVIDENCE: usize = 5;

/// How many failing actions are remembered for a resource: more than one has in a plan.
const MOST_FAILURES: usize = 8;

/// How many of the differences that a rollout repairs are kept with it.
const MOST_DIFFERENCES: usize = 50;

/// How long an answer of a health condition tells how it was before a rollout.
pub(super) const BASELINE_HOLDS: SignedDuration = SignedDuration::from_mins(5);

/// Remembers an action that was attempted, and tells what happened.
pub fn record(
    memory: &mut Memory,
    action: &Action,
    outcome: &Outcome,
    desired: &DesiredState,
    commit: &str,
    now: Timestamp,
) -> Vec<Event> {
    let event = |kind, message: String| Event::new(now, &action.resource, kind, message);
    let resource = memory.resource_mut(&action.resource.to_string());
    match outcome {
        Outcome::Done { deployment_id, task_definition } => {
            resource.failures.clear();
            done(memory, action, deployment_id.as_deref(), task_definition.as_ref(), desired, commit, now)
        }
        Outcome::AlreadyDone => {
            resource.failures.clear();
            if let Operation::StopServiceDeployment { deployment_id, .. } = &action.operation {
                note_stopped(memory, action, deployment_id, desired, now);
            }
            Vec::new()
        }
        Outcome::Superseded { found } => {
            vec![event(EventKind::Superseded, format!("not done ({}): {found}", action.operation))]
        }
        Outcome::Failed(why) => {
            let operation = action.operation.to_string();
            if failed(resource, &operation, why, now) {
                let message = format!("failed to {operation}: {}", why.message);
                vec![event(EventKind::ActionFailed, message)]
            } else {
                Vec::new()
            }
        }
    }
}

/// Notes a failure; true if it has to be told: it is new, or it failed for another reason before.
fn failed(resource: &mut ResourceMemory, operation: &str, why: &UnknownReason, now: Timestamp) -> bool {
    let before = resource.failures.remove(operation);
    let told = before.as_ref().is_some_and(|before| before.told && before.message == why.message);
    let (since, times) = before.map_or((now, 0), |before| (before.since, before.times));
    let failure = FailedAction {
        message: why.message.clone(),
        hint: why.hint.clone(),
        since,
        last: now,
        times: times.saturating_add(1),
        told: true,
    };
    resource.failures.insert(operation.to_owned(), failure);
    if resource.failures.len() > MOST_FAILURES {
        let oldest = resource.failures.iter().min_by_key(|(_, failure)| failure.last);
        let oldest = oldest.map(|(operation, _)| operation.clone());
        oldest.map(|operation| resource.failures.remove(&operation));
    }
    !told
}

fn done(
    memory: &mut Memory,
    action: &Action,
    deployment_id: Option<&str>,
    registered: Option<&TaskDefinitionArn>,
    desired: &DesiredState,
    commit: &str,
    now: Timestamp,
) -> Vec<Event> {
    let event = |kind, message: String| Event::new(now, &action.resource, kind, message);
    match &action.operation {
        Operation::TagService { .. } => Vec::new(),
        Operation::PromoteSecret { to, from, .. } => {
            memory.resource_mut(&action.resource.to_string()).promoted = Some(to.clone());
            vec![event(EventKind::SecretPromoted, format!("AWSCURRENT was moved from {from} to {to}"))]
        }
        Operation::RegisterTaskDefinition { family, .. } => {
            let revision = registered.map_or_else(|| family.clone(), |arn| arn.revision().to_string());
            vec![event(EventKind::TaskDefinitionRegistered, format!("{revision} was registered"))]
        }
        Operation::TagTaskDefinition { task_definition, .. } => {
            note_retagged(memory, &action.resource.name, task_definition, desired, now);
            let message = format!("tags of {} were changed", task_definition.revision());
            vec![event(EventKind::TaskDefinitionTagged, message)]
        }
        Operation::StopServiceDeployment { deployment_id: stopped, .. } => {
            // Before the call: if it was never made, it is planned again.
            if deployment_id.is_none() {
                if let Some(aftermath) = stopping(memory, action, stopped, desired) {
                    aftermath.stop_begun_at = Some(now);
                }
                return Vec::new();
            }
            note_stopped(memory, action, stopped, desired, now);
            let message = format!("{stopped} was stopped, and ECS goes back to what it last completed");
            vec![event(EventKind::DeploymentStopped, message)]
        }
        Operation::CreateService { task_definition, spec_hash, .. } => {
            let wanted_by = wanted_by(memory, &action.resource, commit);
            let started = Started::of(desired, action, deployment_id, &wanted_by, now);
            let service = Arc::make_mut(memory.service_mut(desired, &action.resource.name).0);
            service.draining_since = None;
            // Those answers were about another service: what was true of that one convicts no creation.
            service.health.clear();
            let released =
                started.release(service, spec_hash).map(|what| event(EventKind::RetryReleased, what));
            begin(service, spec_hash, Some(task_definition.clone()), &started);
            let message = format!("created with {}, which is being rolled out", task_definition.revision());
            released.into_iter().chain([event(EventKind::ServiceCreated, message)]).collect()
        }
        Operation::UpdateService { .. } if action.resource.kind != ResourceKind::EcsService => Vec::new(),
        Operation::UpdateService { .. } => updated(memory, action, deployment_id, desired, commit, now),
    }
}

/// Remembers a change of a service: the rollout that began, settings, and the count.
fn updated(
    memory: &mut Memory,
    action: &Action,
    deployment_id: Option<&str>,
    desired: &DesiredState,
    commit: &str,
    now: Timestamp,
) -> Vec<Event> {
    let Operation::UpdateService { task_definition, desired_count, settings, tags, spec_hash, .. } =
        &action.operation
    else {
        return Vec::new();
    };
    let event = |kind, message: String| Event::new(now, &action.resource, kind, message);
    let wanted_by = wanted_by(memory, &action.resource, commit);
    let started = Started::of(desired, action, deployment_id, &wanted_by, now);
    let service = Arc::make_mut(memory.service_mut(desired, &action.resource.name).0);
    let mut events = Vec::new();
    if let Some(hash) = spec_hash {
        let arn = task_definition.clone().or_else(|| expected_revision(&action.expect));
        events.extend(started.release(service, hash).map(|what| event(EventKind::RetryReleased, what)));
        if let Some(replaced) = begin(service, hash, arn.clone(), &started) {
            let revision = replaced.task_definition.map(|arn| arn.revision().to_string());
            let revision = revision.unwrap_or_else(|| "its deployment".to_owned());
            let message = format!("the rollout of {revision} did not end: git wants something newer");
            events.push(event(EventKind::Superseded, message));
        }
        let revision = arn.map_or_else(|| "its task definition".to_owned(), |arn| arn.revision().to_string());
        let rolls_out = settings.0.keys().any(|field| starts_deployment(field));
        let (kind, message) = if task_definition.is_some() || rolls_out {
            (EventKind::RolloutStarted, format!("{revision} is being rolled out"))
        } else {
            let message = format!("new tasks of {revision} are being started{}", why(tags));
            (EventKind::Restarted, message)
        };
        events.push(event(kind, message));
    }
    if !settings.is_empty() {
        note_changed(service, settings, now);
        note_names(service, settings);
        events.push(event(EventKind::SettingsChanged, format!("changed {}", settings.names())));
    }
    if let Some(count) = desired_count {
        service.scaling = Some(Scaling {
            to: *count,
            commit: commit.to_owned(),
            started_at: now,
            deadline: started.deadline(),
        });
        let before = match &action.expect {
            Expectation::Service { desired_count, .. } => format!(" from {desired_count}"),
            Expectation::InProgress { .. }
            | Expectation::NoService
            | Expectation::SecretCurrent { .. }
            | Expectation::TaskDefinitionTags { .. }
            | Expectation::NewestRevision { .. } => String::new(),
        };
        events.push(event(EventKind::Scaled, format!("the desired count was set{before} to {count}")));
    }
    events
}

fn note_stopped(
    memory: &mut Memory,
    action: &Action,
    deployment: &str,
    desired: &DesiredState,
    now: Timestamp,
) {
    if let Some(aftermath) = stopping(memory, action, deployment, desired) {
        aftermath.stopped_at = Some(now);
    }
}

/// What is remembered of the bad attempt whose deployment is being stopped.
fn stopping<'a>(
    memory: &'a mut Memory,
    action: &Action,
    deployment: &str,
    desired: &DesiredState,
) -> Option<&'a mut Aftermath> {
    let service = Arc::make_mut(memory.service_mut(desired, &action.resource.name).0);
    let mut attempts = service.attempts.values_mut();
    let attempt = attempts.find(|one| one.deployment_id.as_deref() == Some(deployment))?;
    Some(&mut attempt.aftermath)
}

/// Remembers what was asked for where the answer cannot tell whether it is live: it would be asked for again for ever.
fn note_names(service: &mut ServiceMemory, settings: &SettingsRequest) {
    let mut managed = service.managed_settings.fields();
    let asked = settings_by_name(&settings.0);
    // What live shows of them from now on is another thing.
    for (names, _) in &asked {
        service.accepted_names.remove(&shown_path(names));
    }
    let known =
        asked.into_iter().filter(|(names, value)| get(&managed, names).is_some_and(|old| old != *value));
    let changed: Vec<(Vec<&str>, Value)> = known.map(|(names, value)| (names, value.clone())).collect();
    if changed.is_empty() {
        return;
    }
    for (names, value) in changed {
        set(&mut managed, &names, value);
    }
    service.managed_settings = ServiceSettings::new(&managed);
}

/// Remembers since when new tasks have what was changed, where running ones keep what they have.
fn note_changed(service: &mut ServiceMemory, settings: &SettingsRequest, now: Timestamp) {
    let only_new_tasks =
        |field: &&String| setting_row(field).is_some_and(|row| row.effect == Effect::NewTasks);
    for field in settings.0.keys().filter(only_new_tasks) {
        service.changed_settings.insert(field.clone(), now);
    }
}

/// Remembers since when new tasks of a revision may have its new tags, for each service that is known to run it.
fn note_retagged(
    memory: &mut Memory,
    service: &ResourceName,
    revision: &TaskDefinitionArn,
    desired: &DesiredState,
    now: Timestamp,
) {
    let note = |memory: &mut Arc<ServiceMemory>| {
        let field = ServiceMemory::TASK_DEFINITION_TAGS.to_owned();
        Arc::make_mut(memory).changed_settings.insert(field, now);
    };
    note(memory.service_mut(desired, service).0);
    for (name, other) in &mut memory.services {
        if name != service && other.last_good.as_ref().is_some_and(|good| good.task_definition == *revision) {
            note(other);
        }
    }
}

/// The commit that wants it: the head when git was first seen to want it, which may have moved on since then.
fn wanted_by(memory: &Memory, resource: &ResourceKey, head: &str) -> String {
    let known = memory.resources.get(&resource.to_string()).and_then(|known| known.change.as_ref());
    known.and_then(|change| change.commit.clone()).unwrap_or_else(|| head.to_owned())
}

struct Started<'a> {
    /// The commits that release the spec: this attempt uses them up.
    retries: Vec<&'a Retry>,
    health: &'a [HealthCondition],
    because: &'a [Difference],
    deployment_id: Option<&'a str>,
    commit: &'a str,
    restart: Option<RestartToken>,
    now: Timestamp,
    allowed: HumanDuration,
}

impl<'a> Started<'a> {
    fn of(
        desired: &'a DesiredState,
        action: &'a Action,
        deployment_id: Option<&'a str>,
        commit: &'a str,
        now: Timestamp,
    ) -> Self {
        let wanted = desired.services.get(&action.resource.name).map(|wanted| &wanted.resource.spec);
        let allowed = wanted
            .map_or_else(|| crate::desired::kind::Rollout::default().deadline, |one| one.rollout.deadline);
        let hash = match &action.operation {
            Operation::CreateService { spec_hash, .. } => Some(spec_hash),
            Operation::UpdateService { spec_hash, .. } => spec_hash.as_ref(),
            Operation::TagService { .. }
            | Operation::PromoteSecret { .. }
            | Operation::RegisterTaskDefinition { .. }
            | Operation::TagTaskDefinition { .. }
            | Operation::StopServiceDeployment { .. } => None,
        };
        Self {
            retries: hash
                .map(|hash| rollback::releasing(&desired.retries, hash).collect())
                .unwrap_or_default(),
            health: wanted.map_or(&[][..], |wanted| wanted.health.as_slice()),
            because: &action.because,
            deployment_id,
            commit,
            restart: wanted.and_then(|wanted| wanted.restart.clone()),
            now,
            allowed,
        }
    }

    /// What tells that a commit releases what failed; absent where nothing failed, or the release was used up.
    fn release(&self, service: &ServiceMemory, hash: &SpecHash) -> Option<String> {
        let retry = self.retries.iter().find(|retry| !is_used(service, hash, retry))?;
        Some(format!("what failed is tried once more, as commit {:.8} says", retry.commit))
    }

    fn deadline(&self) -> Timestamp {
        rollout::deadline(self.now, self.allowed)
    }
}

/// Whether an attempt has used a release up, or there was nothing to release.
fn is_used(service: &ServiceMemory, hash: &SpecHash, retry: &Retry) -> bool {
    service.attempts.get(hash).is_none_or(|attempt| {
        !matches!(attempt.verdict, Some(AttemptVerdict::Bad(_)))
            || attempt.aftermath.retries.contains(&retry.commit)
            || (!attempt.aftermath.ours && retry.committed_at <= attempt.at)
    })
}

/// Notes a rollout; what is given back is the one of another spec that it replaced.
fn begin(
    service: &mut ServiceMemory,
    hash: &SpecHash,
    arn: Option<TaskDefinitionArn>,
    started: &Started<'_>,
) -> Option<InFlight> {
    let replaced =
        service.in_flight.take().filter(|replaced| replaced.spec_hash != *hash).map(|replaced| *replaced);
    if let Some(replaced) = &replaced {
        let attempt = Attempt { verdict: Some(AttemptVerdict::Superseded), ..replaced.attempt() };
        service.attempts.insert(replaced.spec_hash.clone(), attempt);
    }
    let in_flight = InFlight {
        spec_hash: hash.clone(),
        deployment_id: started.deployment_id.map(str::to_owned),
        task_definition: arn,
        commit: started.commit.to_owned(),
        restart: started.restart.clone(),
        started_at: started.now,
        deadline: started.deadline(),
        watch: Watch {
            ours: true,
            health: baseline(service, started),
            changed: started.because.iter().take(MOST_DIFFERENCES).cloned().collect(),
            ..Watch::default()
        },
    };
    let mut attempt = in_flight.attempt();
    let before = service.attempts.get(hash).map(|before| before.aftermath.retries.clone());
    let used = started.retries.iter().map(|retry| retry.commit.clone());
    attempt.aftermath.retries = before.into_iter().flatten().chain(used).collect();
    service.attempts.insert(hash.clone(), attempt);
    service.in_flight = Some(Box::new(in_flight));
    forget_oldest(service);
    replaced
}

/// How the health conditions answered right before.
fn baseline(service: &ServiceMemory, started: &Started<'_>) -> BTreeMap<String, ConditionStanding> {
    let standing = |condition: &HealthCondition| {
        let name = condition.check.to_string();
        let known = service.health.get(&name);
        let recent = known.filter(|known| started.now.duration_since(known.at) <= BASELINE_HOLDS);
        let before = recent.map(|known| known.passed);
        let standing = ConditionStanding { needed: condition.successes, before, ..Default::default() };
        (name, standing)
    };
    started.health.iter().map(standing).collect()
}

/// Keeps memory bounded: what is forgotten can be had again from ECS's history, except for evidence.
fn forget_oldest(service: &mut ServiceMemory) {
    let mut with_evidence: Vec<&mut Attempt> =
        service.attempts.values_mut().filter(|attempt| attempt.aftermath.evidence.is_some()).collect();
    with_evidence.sort_by_key(|attempt| std::cmp::Reverse(attempt.at));
    for attempt in with_evidence.into_iter().skip(MOST_EVIDENCE) {
        attempt.aftermath.evidence = None;
    }
    while service.attempts.len() > MOST_ATTEMPTS {
        let oldest =
            service.attempts.iter().min_by_key(|(_, attempt)| attempt.at).map(|(hash, _)| hash.clone());
        let Some(oldest) = oldest else { return };
        service.attempts.remove(&oldest);
    }
}

fn expected_revision(expect: &Expectation) -> Option<TaskDefinitionArn> {
    match expect {
        Expectation::Service { task_definition, .. } => task_definition.clone(),
        Expectation::InProgress { .. }
        | Expectation::NoService
        | Expectation::SecretCurrent { .. }
        | Expectation::TaskDefinitionTags { .. }
        | Expectation::NewestRevision { .. } => None,
    }
}

fn why(tags: &[(TagKey, String)]) -> String {
    let reasons: Vec<&str> = tags
        .iter()
        .filter_map(|(key, _)| match key {
            TagKey::Restart => Some("for a new restart token"),
            TagKey::Secrets => Some("for new secret versions"),
            TagKey::Hold => Some("with a hold"),
            TagKey::ManagedBy | TagKey::Owner | TagKey::Resource | TagKey::Commit => None,
        })
        .collect();
    if reasons.is_empty() { String::new() } else { format!(" {}", reasons.join(" and ")) }
}
