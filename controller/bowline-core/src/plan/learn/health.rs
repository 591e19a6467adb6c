//! What health conditions answered, whether or not a rollout is under way: the baseline of the next one, and an incident
//! when what was good is not any more.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::desired::{DesiredState, ResourceKind};
use crate::live::{Live, LiveService, Observed, ProbeOutcome, ProbeResult};
use crate::plan::event::{Event, EventKind};
use crate::plan::memory::{AttemptVerdict, ConditionMemory, Memory, ServiceMemory};
use crate::plan::world::key;

/// How often an answer that says the same is noted again: each note is a write to the store.
const RENEWED_EVERY: SignedDuration = SignedDuration::from_mins(1);
/// How many wrong answers in a row are told: one may be an accident.
const TOLD_AFTER: u32 = 3;

/// Notes the answers of this pass.
pub(super) fn note(memory: &mut Memory, desired: &DesiredState, live: &Live, now: Timestamp) -> Vec<Event> {
    let mut events = Vec::new();
    for (name, wanted) in &desired.services {
        let conditions = &wanted.resource.spec.health;
        if conditions.is_empty() && memory.services.get(name).is_none_or(|known| known.health.is_empty()) {
            continue;
        }
        let service = Arc::make_mut(memory.service_mut(desired, name).0);
        service.health.retain(|known, _| conditions.iter().any(|one| one.check.to_string() == *known));
        let answers = live.probes.get(name).into_iter().flatten();
        for answer in answers.filter(|one| conditions.iter().any(|c| c.check.to_string() == one.condition)) {
            take(service, answer);
        }
        let seen = live.services.get(name).and_then(Observed::known);
        let mut tell = |kind, message: String| {
            events.push(Event::new(now, &key(ResourceKind::EcsService, name), kind, message));
        };
        let is_settled = is_settled(service, seen.map(|seen| &**seen));
        for (condition, known) in &mut service.health {
            if known.passed && known.told {
                known.told = false;
                tell(EventKind::HealthRegained, format!("{condition} is true again"));
            }
            if let Some((times, since)) = known.failing
                && times >= TOLD_AFTER
                && is_settled
                && !known.told
            {
                known.told = true;
                let reason = known.reason.as_deref().unwrap_or("no reason");
                let message = format!(
                    "{condition} is false since {since:.0}: {reason}; the rollout was good before, so nothing is reverted"
                );
                tell(EventKind::HealthLost, message);
            }
        }
    }
    events
}

/// Whether what runs was good once, and no rollout that could be blamed is under way or has just failed.
fn is_settled(memory: &ServiceMemory, live: Option<&LiveService>) -> bool {
    let primary = live.and_then(LiveService::primary).map(|primary| &primary.id);
    let failed = memory.attempts.values().any(|attempt| {
        matches!(attempt.verdict, Some(AttemptVerdict::Bad(_))) && attempt.deployment_id.as_ref() == primary
    });
    memory.in_flight.is_none() && memory.last_good.is_some() && !failed
}

fn take(service: &mut ServiceMemory, answer: &ProbeResult) {
    let before = service.health.get(&answer.condition);
    let told = before.is_some_and(|before| before.told);
    let next = match &answer.outcome {
        ProbeOutcome::Passed => {
            let renew = |before: &ConditionMemory| answer.at.duration_since(before.at) >= RENEWED_EVERY;
            if before.is_some_and(|before| before.passed && !renew(before)) {
                return;
            }
            ConditionMemory { passed: true, reason: None, at: answer.at, failing: None, told }
        }
        ProbeOutcome::Failed(what) => {
            let (times, since) = before.and_then(|before| before.failing).unwrap_or((0, answer.at));
            let settled = before.is_some_and(|before| {
                times >= TOLD_AFTER
                    && before.reason.as_ref() == Some(what)
                    && answer.at.duration_since(before.at) < RENEWED_EVERY
            });
            if settled {
                return;
            }
            let failing = Some((times.saturating_add(1).min(TOLD_AFTER), since));
            ConditionMemory { passed: false, reason: Some(what.clone()), at: answer.at, failing, told }
        }
        // Nobody knows, so nothing is noted.
        ProbeOutcome::Unknown(_) | ProbeOutcome::Refused(_) => return,
    };
    service.health.insert(answer.condition.clone(), next);
}
