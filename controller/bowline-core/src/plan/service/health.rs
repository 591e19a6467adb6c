//! How do the health conditions of a service stand, and was their baseline read before it is changed?

use jiff::SignedDuration;

use super::Subject;
use crate::live::{CircuitBreaker, DeploymentController, ProbeOutcome};
use crate::plan::memory::ConditionMemory;
use crate::plan::reads::Reads;
use crate::plan::report::{HealthReport, ResourceReport, WaitingOn};
use crate::plan::warning::Warning;

/// How old an answer may be that counts as the baseline of a rollout that begins now.
const BASELINE_FRESH: SignedDuration = SignedDuration::from_secs(90);

/// Asks each condition once before a rollout, unless that was just done: what was false before cannot convict it.
pub(super) fn baseline<'a>(subject: &Subject<'a>, reads: &mut Reads<'a>) -> Result<(), WaitingOn> {
    let conditions = &subject.wanted.resource.spec.health;
    let is_fresh = |known: &ConditionMemory| subject.world.now.duration_since(known.at) <= BASELINE_FRESH;
    let known = subject.memory.map(|memory| &memory.health);
    let has_answer = |name: &str| known.and_then(|known| known.get(name)).is_some_and(is_fresh);
    if subject.live.desired_count == 0
        || conditions.iter().all(|condition| has_answer(&condition.check.to_string()))
    {
        return Ok(());
    }
    reads.health(subject.name, conditions).map_err(|blocked| blocked.waiting_on())
}

/// Reports how each condition stands, by its newest answer.
pub(super) fn report(subject: &Subject<'_>, report: &mut ResourceReport) {
    let in_flight = subject.in_flight().map(|in_flight| &in_flight.watch.health);
    for condition in &subject.wanted.resource.spec.health {
        let name = condition.check.to_string();
        let standing = in_flight.and_then(|health| health.get(&name)?.last.as_ref());
        let known = subject.memory.and_then(|memory| memory.health.get(&name));
        let (healthy, reason) = match (standing.map(|last| &last.outcome), known) {
            (Some(ProbeOutcome::Passed), _) => (Some(true), None),
            (Some(ProbeOutcome::Failed(what)), _) => (Some(false), Some(what.clone())),
            (Some(ProbeOutcome::Unknown(what) | ProbeOutcome::Refused(what)), _) => {
                (None, Some(what.clone()))
            }
            (None, Some(known)) => (Some(known.passed), known.reason.clone()),
            (None, None) => (None, None),
        };
        report.health.push(HealthReport { condition: name, healthy, reason });
    }
    let lost = subject.memory.into_iter().flat_map(|memory| &memory.health);
    for (condition, known) in lost.filter(|(_, known)| known.told) {
        let since = known.failing.map_or(known.at, |(_, since)| since);
        let reason = known.reason.as_deref().unwrap_or("no reason");
        report.notes.push(format!(
            "not healthy since {since:.0}: {condition}: {reason}; what runs was good before, so nothing is reverted"
        ));
    }
}

/// Warns of a service whose bad deployments ECS would try for ever. What git says of it is a decision.
pub(super) fn no_breaker(subject: &Subject<'_>) -> Option<Warning> {
    // Live first: what git says is read of those services only that may need the warning.
    if subject.live.circuit_breaker != CircuitBreaker::Off
        || subject.live.controller != DeploymentController::Ecs
        || subject.wanted.task_definition.is_none()
    {
        return None;
    }
    let declared = subject.wanted.resource.spec.settings.fields();
    let configuration = declared.get("deploymentConfiguration");
    let is_decided = configuration.is_some_and(|all| all.get("deploymentCircuitBreaker").is_some());
    (!is_decided).then_some(Warning::CircuitBreakerOff)
}
