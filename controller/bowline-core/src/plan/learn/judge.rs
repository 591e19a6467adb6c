//! The rollouts that Bowline started: did they work?

use std::sync::Arc;

use jiff::Timestamp;

use crate::desired::kind::HealthCondition;
use crate::desired::{DesiredState, ResourceKey, ResourceKind, TaskDefinitionContent};
use crate::live::{Live, LiveService, Observed, RolloutState};
use crate::name::{ResourceName, TaskDefinitionArn};
use crate::plan::event::{Event, EventKind};
use crate::plan::memory::{Attempt, AttemptVerdict, Evidence, InFlight, LastGood, Memory, ServiceMemory};
use crate::plan::rollouts;
use crate::plan::world::key;
use crate::rollback;
use crate::rollout::{self, Verdict};

/// Judges every rollout and every change of a count that is under way.
pub(super) fn judge(memory: &mut Memory, desired: &DesiredState, live: &Live, now: Timestamp) -> Vec<Event> {
    let mut events = Vec::new();
    for (name, wanted) in &desired.services {
        if !memory.services.contains_key(name) {
            continue;
        }
        let (service, other) = memory.service_mut(desired, name);
        events.extend(other.and_then(|other| set_aside(name, &other, now)));
        let Some(observed) = live.services.get(name) else { continue };
        let target = &wanted.resource.spec.target;
        if !matches!(live.targets.get(target), Some(Observed::Known { .. })) {
            continue;
        }
        let health = &wanted.resource.spec.health;
        let mut judging = Judging { name, target, health, live, now, events: &mut events };
        judging.good_after_all(service, observed);
        judging.complete_evidence(service);
        judging.rollout(service, observed);
        judging.scaling(service, observed);
    }
    events
}

/// Tells of a rollout whose service git does not mean any more by this name: nobody judges it.
fn set_aside(name: &ResourceName, other: &ServiceMemory, now: Timestamp) -> Option<Event> {
    let in_flight = other.in_flight.as_ref()?;
    let of = other.of.as_ref().map_or_else(
        || "another service".to_owned(),
        |of| format!("the ECS service {} in the cluster {}", of.service, of.cluster),
    );
    let revision = in_flight.task_definition.as_ref().map(|arn| arn.revision().to_string());
    let revision = revision.unwrap_or_else(|| "its deployment".to_owned());
    let message = format!(
        "the rollout of {revision} is not watched any more: it was on {of}, and git now means another one"
    );
    Some(Event::new(now, &key(ResourceKind::EcsService, name), EventKind::Superseded, message))
}

struct Judging<'a> {
    name: &'a ResourceName,
    target: &'a ResourceName,
    health: &'a [HealthCondition],
    live: &'a Live,
    now: Timestamp,
    events: &'a mut Vec<Event>,
}

impl Judging<'_> {
    fn tell(&mut self, kind: EventKind, message: String) {
        let resource: ResourceKey = key(ResourceKind::EcsService, self.name);
        self.events.push(Event::new(self.now, &resource, kind, message));
    }

    /// What failed is good after all if its deployment completed late, or if somebody else's of the same revision succeeded.
    fn good_after_all(&mut self, memory: &mut Arc<ServiceMemory>, observed: &Observed<Arc<LiveService>>) {
        let Some(service) = observed.known() else { return };
        let Some(primary) = service.primary() else { return };
        if primary.rollout_state != Some(RolloutState::Completed) {
            return;
        }
        let past = self.live.histories.get(self.name).and_then(Observed::known);
        let mut good = Vec::new();
        for (hash, attempt) in &memory.attempts {
            // Its deployment is complete, and that was never what was wrong with it.
            if attempt.aftermath.unhealthy {
                continue;
            }
            let late = attempt.deployment_id.as_ref() == Some(&primary.id)
                && matches!(attempt.verdict, Some(AttemptVerdict::Bad(_)))
                && (attempt.task_definition.is_none() || attempt.task_definition == primary.task_definition);
            let repaired = past.is_some_and(|past| rollback::is_repaired(attempt, service, past));
            if late {
                self.tell(EventKind::RolloutGood, format!("{} completed after its deadline", primary.id));
            } else if repaired {
                self.tell(
                    EventKind::RolloutGood,
                    format!("{} succeeded with what failed before", primary.id),
                );
            } else {
                continue;
            }
            good.push(hash.clone());
        }
        for hash in good {
            if let Some(attempt) = Arc::make_mut(memory).attempts.get_mut(&hash) {
                attempt.verdict = Some(AttemptVerdict::Good);
            }
        }
    }

    fn evidence(&self, in_flight: &InFlight, observed: &Observed<Arc<LiveService>>) -> Evidence {
        let key = in_flight.deployment_id.clone().map(|id| (self.name.clone(), id));
        let stopped = key.and_then(|key| self.live.stopped_tasks.get(&key));
        let mut evidence = rollout::gather(in_flight, observed.known().map(|service| &**service), stopped);
        if let Some(stopped) = stopped {
            rollout::add_logs(
                &mut evidence,
                stopped,
                self.content(in_flight.task_definition.as_ref()).as_ref(),
            );
        }
        evidence
    }

    /// Tasks that could not be read when the verdict fell.
    fn complete_evidence(&self, memory: &mut Arc<ServiceMemory>) {
        let lacks = |attempt: &Attempt| {
            attempt.aftermath.evidence.as_ref().is_some_and(|evidence| evidence.tasks.is_none())
        };
        if !memory.attempts.values().any(lacks) {
            return;
        }
        for attempt in Arc::make_mut(memory).attempts.values_mut().filter(|attempt| lacks(attempt)) {
            let Some(evidence) = &mut attempt.aftermath.evidence else { continue };
            let key = attempt.deployment_id.clone().map(|id| (self.name.clone(), id));
            let stopped = key.and_then(|key| self.live.stopped_tasks.get(&key));
            if let Some(stopped) = stopped {
                rollout::add_tasks(evidence, stopped);
                let content = self.content(attempt.task_definition.as_ref());
                rollout::add_logs(evidence, stopped, content.as_ref());
            }
        }
    }

    /// The content of a revision, where it was read.
    fn content(&self, arn: Option<&TaskDefinitionArn>) -> Option<TaskDefinitionContent> {
        arn.and_then(|arn| content(self.live, self.target, arn))
    }

    fn rollout(&mut self, memory: &mut Arc<ServiceMemory>, observed: &Observed<Arc<LiveService>>) {
        let Some(mut in_flight) = memory.in_flight.clone() else { return };
        let memory = Arc::make_mut(memory);
        rollouts::follow(self.live, self.name, self.health, &mut in_flight, observed);
        let verdict = rollout::judge(&in_flight, observed, self.live.histories.get(self.name));
        let revision = in_flight.task_definition.as_ref().map(|arn| arn.revision().to_string());
        let revision = revision.unwrap_or_else(|| "its deployment".to_owned());
        let mut evidence = None;
        let ended = match verdict {
            Verdict::Pending(_) => {
                attempt(memory, &in_flight).deployment_id.clone_from(&in_flight.deployment_id);
                memory.in_flight = Some(in_flight);
                return;
            }
            Verdict::Good => {
                self.good(memory, &in_flight, observed);
                self.tell(EventKind::RolloutGood, format!("{revision} is rolled out and good"));
                AttemptVerdict::Good
            }
            Verdict::Bad(reason) => {
                let gathered = self.evidence(&in_flight, observed);
                let told = format!("{reason}{}", gathered.summary());
                evidence = Some(gathered);
                if reason.starts_with("rolled back by ECS") {
                    self.tell(EventKind::RolledBackByEcs, told);
                } else {
                    self.tell(EventKind::RolloutBad, format!("{revision} is bad: {told}"));
                }
                AttemptVerdict::Bad(reason)
            }
            Verdict::Unproven(reason) => {
                self.tell(EventKind::RolloutUnproven, format!("{revision} is {reason}"));
                AttemptVerdict::Unproven(reason)
            }
            Verdict::Superseded { by } => {
                let by =
                    by.map_or_else(|| "the service is gone".to_owned(), |by| format!("{by} took its place"));
                self.tell(EventKind::Superseded, format!("the rollout of {revision} did not end: {by}"));
                AttemptVerdict::Superseded
            }
        };
        let is_bad = matches!(ended, AttemptVerdict::Bad(_));
        let attempt = attempt(memory, &in_flight);
        attempt.verdict = Some(ended);
        attempt.aftermath.ended_at = Some(self.now);
        attempt.aftermath.unhealthy = is_bad && in_flight.watch.completed_at.is_some();
        attempt.aftermath.ours = in_flight.watch.ours;
        attempt.aftermath.evidence = evidence;
        attempt.deployment_id = in_flight.deployment_id;
        memory.in_flight = None;
    }

    fn good(&self, memory: &mut ServiceMemory, in_flight: &InFlight, observed: &Observed<Arc<LiveService>>) {
        let live = observed.known().and_then(|service| service.task_definition.clone());
        let Some(arn) = in_flight.task_definition.clone().or(live) else { return };
        memory.found_good(LastGood {
            spec_hash: Some(in_flight.spec_hash.clone()),
            content: content(self.live, self.target, &arn),
            task_definition: arn,
            commit: in_flight.commit.clone(),
            at: self.now,
        });
    }

    fn scaling(&mut self, memory: &mut Arc<ServiceMemory>, observed: &Observed<Arc<LiveService>>) {
        let Some(scaling) = &memory.scaling else { return };
        let to = scaling.to;
        match rollout::judge_scaling(scaling, observed) {
            Verdict::Pending(_) => return,
            Verdict::Good => self.tell(EventKind::RolloutGood, format!("{to} tasks are running, as wanted")),
            Verdict::Bad(reason) => self.tell(EventKind::RolloutBad, reason),
            Verdict::Unproven(_) | Verdict::Superseded { .. } => {}
        }
        Arc::make_mut(memory).scaling = None;
    }
}

fn attempt<'a>(memory: &'a mut ServiceMemory, in_flight: &InFlight) -> &'a mut Attempt {
    memory.attempts.entry(in_flight.spec_hash.clone()).or_insert_with(|| in_flight.attempt())
}

/// The content of a revision, if it was read.
pub(super) fn content(
    live: &Live,
    target: &ResourceName,
    arn: &TaskDefinitionArn,
) -> Option<TaskDefinitionContent> {
    let map = &live.task_definitions;
    let found = map
        .get(&(target.clone(), arn.as_str().to_owned()))
        .or_else(|| map.get(&(target.clone(), arn.revision().as_str().to_owned())));
    found.and_then(Observed::known).map(|revision| revision.content.clone())
}
