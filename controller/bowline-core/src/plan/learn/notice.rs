//! What else is seen: good specs, rollouts that nobody watches, rollbacks by ECS, step-backs, secrets moved away.

use std::cell::Cell;
use std::sync::Arc;

use jiff::Timestamp;

use super::judge::content;
use crate::desired::{DesiredState, ResourceKind, TaskDefinitionContent};
use crate::live::{Live, LiveService};
use crate::name::{ResourceName, RestartToken};
use crate::plan::event::{Event, EventKind};
use crate::plan::memory::{
    Attempt, AttemptVerdict, Deviation, InFlight, LastGood, Memory, ServiceMemory, Watch,
};
use crate::plan::report::{ResourceReport, Sync};
use crate::plan::secret::SecretStanding;
use crate::plan::service::{HandsOff, Noticed, Runs, ServiceOutlook, Spec};
use crate::plan::world::key;
use crate::rollback::Failure;
use crate::rollout;

/// What a service's outlook says, without the references into memory.
pub(super) struct ServiceFacts<'a> {
    name: &'a ResourceName,
    report: Box<ResourceReport>,
    live: Option<&'a LiveService>,
    spec: Option<Box<Spec>>,
    failure: Option<Box<Failure>>,
    deviation: Option<String>,
    runs: Runs,
    is_unwatched: bool,
    draining: bool,
    settings: Option<Box<Noticed>>,
}

impl<'a> ServiceFacts<'a> {
    pub(super) fn report(&self) -> &ResourceReport {
        &self.report
    }

    pub(super) fn of(
        name: &'a ResourceName,
        live: Option<&'a LiveService>,
        outlook: ServiceOutlook<'_>,
    ) -> Self {
        Self {
            name,
            report: outlook.report,
            live: outlook.live.and(live),
            spec: outlook.spec,
            failure: outlook.failure,
            deviation: outlook.deviation,
            runs: outlook.runs,
            is_unwatched: outlook.is_unwatched,
            draining: outlook.hands_off == Some(HandsOff::Draining),
            settings: outlook.settings,
        }
    }
}

/// What a secret's outlook says.
pub(super) struct SecretFacts {
    name: ResourceName,
    at_pin: bool,
    away: bool,
}

impl SecretFacts {
    pub(super) fn of(name: &ResourceName, standing: &SecretStanding) -> Self {
        let at_pin = matches!(standing, SecretStanding::Settled);
        let away = matches!(standing, SecretStanding::Promoting(_));
        Self { name: name.clone(), at_pin, away }
    }
}

/// Has the content that is remembered stand where what was read stands: the same text of thousands of services is held once.
fn share(memory: &mut Arc<ServiceMemory>, read: Option<TaskDefinitionContent>) {
    let remembered = memory.last_good.as_ref().and_then(|good| good.content.as_ref());
    if let (Some(remembered), Some(read)) = (remembered, read)
        && !remembered.is_shared_with(&read)
        && *remembered == read
        && let Some(good) = &mut Arc::make_mut(memory).last_good
    {
        good.content = Some(read);
    }
}

/// Of how many services a pass notes that they are good with a newer commit, too. Each is a row to write, a push concerns all
/// of thousands, and an older commit only makes a search longer.
const RENEWED_PER_PASS: usize = 100;

/// What the facts are seen against.
pub(super) struct Noticing<'a> {
    pub(super) desired: &'a DesiredState,
    pub(super) live: &'a Live,
    pub(super) commit: &'a str,
    pub(super) now: Timestamp,
    /// How many services were found good with a newer commit in this pass.
    pub(super) renewed: Cell<usize>,
}

impl Noticing<'_> {
    pub(super) fn service(&self, memory: &mut Memory, facts: &ServiceFacts<'_>, events: &mut Vec<Event>) {
        self.draining(memory, facts);
        let (Some(live), Some(wanted)) = (facts.live, self.desired.services.get(facts.name)) else {
            return;
        };
        let (service, _) = memory.service_mut(self.desired, facts.name);
        self.failure(service, facts, events);
        self.rollout(service, facts, live, wanted.resource.spec.rollout.deadline);
        self.good(service, facts, live, &wanted.resource.spec.target);
        let count = wanted.resource.spec.desired_count;
        let reached = count.is_none() || count == Some(live.desired_count);
        if reached && service.reached_count != count {
            Arc::make_mut(service).reached_count = count;
        }
        self.settings(service, facts, events);
        self.deviation(service, facts, events);
    }

    /// Since when ECS has been deleting a service that is to be created again.
    fn draining(&self, memory: &mut Memory, facts: &ServiceFacts<'_>) {
        if facts.draining {
            let (service, _) = memory.service_mut(self.desired, facts.name);
            if service.draining_since.is_none() {
                Arc::make_mut(service).draining_since = Some(self.now);
            }
        } else if facts.report.unknown.is_none()
            && let Some(service) = memory.services.get_mut(facts.name)
            && service.draining_since.is_some()
        {
            Arc::make_mut(service).draining_since = None;
        }
    }

    /// Settings that are managed, that left git, and that every task has by now.
    fn settings(&self, memory: &mut Arc<ServiceMemory>, facts: &ServiceFacts<'_>, events: &mut Vec<Event>) {
        let Some(noticed) = &facts.settings else { return };
        for (path, why) in &noticed.left {
            let message = format!("{path} is not managed any more and left as it is: {why}");
            events.push(Event::new(self.now, &facts.report.resource, EventKind::SettingLeft, message));
        }
        if memory.changed_settings.keys().any(|field| noticed.effective.contains(field)) {
            let changed = &mut Arc::make_mut(memory).changed_settings;
            changed.retain(|field, _| !noticed.effective.contains(field));
        }
        // What is not in sync may be on its way to another one.
        if let Some(names) = noticed.names.as_ref().filter(|names| **names != memory.accepted_names)
            && facts.report.sync == Sync::InSync
        {
            Arc::make_mut(memory).accepted_names.clone_from(names);
        }
        if let Some(tags) = noticed.tags.as_ref().filter(|tags| **tags != memory.managed_tags) {
            Arc::make_mut(memory).managed_tags.clone_from(tags);
        }
        if memory.managed_settings != noticed.managed {
            Arc::make_mut(memory).managed_settings = noticed.managed.clone();
        }
    }

    /// A failure that only ECS's history knew: the store was lost, or somebody else deployed the same.
    fn failure(&self, memory: &mut Arc<ServiceMemory>, facts: &ServiceFacts<'_>, events: &mut Vec<Event>) {
        let (Some(spec), Some(failure)) = (&facts.spec, &facts.failure) else { return };
        if memory
            .attempts
            .get(&spec.hash)
            .is_some_and(|known| matches!(known.verdict, Some(AttemptVerdict::Bad(_))))
        {
            return;
        }
        let attempt = Attempt {
            deployment_id: failure.deployment_id.clone(),
            task_definition: failure.task_definition.clone(),
            commit: self.commit.to_owned(),
            restart: self.restart(facts.name),
            at: failure.began_at.unwrap_or(self.now),
            verdict: Some(AttemptVerdict::Bad(failure.reason.clone())),
            aftermath: Box::default(),
        };
        Arc::make_mut(memory).attempts.insert(spec.hash.clone(), attempt);
        let by_ecs = failure.reason.starts_with("rolled back by ECS");
        let kind = if by_ecs { EventKind::RolledBackByEcs } else { EventKind::RolloutBad };
        let revision = failure.task_definition.as_ref().map(|arn| arn.revision().to_string());
        let message =
            format!("{} {}", revision.unwrap_or_else(|| "its deployment".to_owned()), failure.reason);
        events.push(Event::new(self.now, &facts.report.resource, kind, message));
    }

    /// Takes over a rollout of what git wants that nobody watches: the store was lost, or somebody else began it.
    fn rollout(
        &self,
        memory: &mut Arc<ServiceMemory>,
        facts: &ServiceFacts<'_>,
        live: &LiveService,
        allowed: crate::name::HumanDuration,
    ) {
        let (Some(spec), Some(primary)) = (&facts.spec, live.primary()) else { return };
        if !facts.is_unwatched || memory.in_flight.is_some() {
            return;
        }
        let began = primary.created_at.unwrap_or(self.now);
        let in_flight = InFlight {
            spec_hash: spec.hash.clone(),
            deployment_id: Some(primary.id.clone()),
            task_definition: live.task_definition.clone(),
            commit: self.commit.to_owned(),
            restart: self.restart(facts.name),
            started_at: began,
            deadline: rollout::deadline(began, allowed),
            watch: Watch::default(),
        };
        let memory = Arc::make_mut(memory);
        memory.attempts.insert(spec.hash.clone(), in_flight.attempt());
        memory.in_flight = Some(Box::new(in_flight));
    }

    /// Nothing to do, and PRIMARY completed and healthy: good, whoever started it. What is still due was not proven by what runs,
    /// although that may have the same task definition: new versions of its secrets, say.
    fn good(
        &self,
        memory: &mut Arc<ServiceMemory>,
        facts: &ServiceFacts<'_>,
        live: &LiveService,
        target: &ResourceName,
    ) {
        let done = live.primary().is_some_and(|primary| rollout::is_done(live, primary));
        let (true, Some(arn)) = (facts.runs == Runs::All && done, &live.task_definition) else { return };
        if memory.in_flight.is_some() || facts.failure.is_some() || !self.is_healthy(memory, facts, live) {
            return;
        }
        let hash = facts.spec.as_ref().map(|spec| spec.hash.clone());
        let known = memory.last_good.as_ref().filter(|good| good.task_definition == *arn);
        let complete =
            known.is_some_and(|good| good.content.is_some() && (hash.is_none() || good.spec_hash == hash));
        let content = content(self.live, target, arn);
        if complete || (known.is_some() && content.is_none() && hash.is_none()) {
            // Going back from a later commit is not to begin with a search through all that was pushed since.
            if known.is_some_and(|good| good.commit != self.commit)
                && self.renewed.replace(self.renewed.get() + 1) < RENEWED_PER_PASS
                && let Some(good) = &mut Arc::make_mut(memory).last_good
            {
                self.commit.clone_into(&mut good.commit);
            }
            share(memory, content);
            return;
        }
        let at = known.map_or(self.now, |good| good.at);
        let spec_hash = hash.or_else(|| known.and_then(|good| good.spec_hash.clone()));
        let commit = self.commit.to_owned();
        let good = LastGood { spec_hash, task_definition: arn.clone(), content, commit, at };
        Arc::make_mut(memory).found_good(good);
    }

    /// Whether each health condition was true when it was last asked. Without tasks nothing is asked.
    fn is_healthy(&self, memory: &ServiceMemory, facts: &ServiceFacts<'_>, live: &LiveService) -> bool {
        let wanted = self.desired.services.get(facts.name);
        let mut conditions = wanted.into_iter().flat_map(|wanted| &wanted.resource.spec.health);
        live.desired_count == 0
            || conditions.all(|condition| {
                memory.health.get(&condition.check.to_string()).is_some_and(|known| known.passed)
            })
    }

    /// The restart token that git wants.
    fn restart(&self, service: &ResourceName) -> Option<RestartToken> {
        self.desired.services.get(service)?.resource.spec.restart.clone()
    }

    fn deviation(&self, memory: &mut Arc<ServiceMemory>, facts: &ServiceFacts<'_>, events: &mut Vec<Event>) {
        let Some(found) = &facts.deviation else {
            if memory.deviation.is_some() && !facts.report.has_unknown() {
                Arc::make_mut(memory).deviation = None;
            }
            return;
        };
        if memory.deviation.as_ref().is_some_and(|deviation| deviation.found == *found) {
            return;
        }
        Arc::make_mut(memory).deviation = Some(Deviation { found: found.clone(), since: self.now });
        let wanted = self.desired.services.get(facts.name).map(|wanted| wanted.resource.spec.heal_delay);
        let delay = wanted.map_or_else(String::new, |delay| format!(" for {delay}"));
        let message =
            format!("somebody stepped back to {found}: left alone{delay}, then healed unless git changes");
        events.push(Event::new(self.now, &facts.report.resource, EventKind::Held, message));
    }

    /// Notes when AWSCURRENT was first seen away from the pinned version: later changes of the secret hide that time.
    pub(super) fn secret(&self, memory: &mut Memory, facts: &SecretFacts) {
        let id = key(ResourceKind::Secret, &facts.name).to_string();
        if facts.at_pin {
            if memory.resources.get(&id).is_some_and(|secret| secret.moved_away.is_some()) {
                memory.resource_mut(&id).moved_away = None;
            }
        } else if facts.away {
            let changed = self.live.secrets.get(&facts.name).and_then(|secret| secret.known());
            let changed =
                changed.and_then(|secret| secret.last_changed_at).map_or(self.now, |at| at.min(self.now));
            memory.resource_mut(&id).moved_away.get_or_insert(changed);
        }
    }
}
