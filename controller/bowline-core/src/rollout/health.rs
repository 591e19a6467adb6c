//! Is it healthy? Health conditions and pauses of a rollout, followed from pass to pass.
//!
//! Answers count from the moment on in which ECS has completed the deployment: before that the old tasks may have given
//! them. Only what was true right before the rollout, and false after the deadline, convicts it.

use jiff::Timestamp;

use super::{Verdict, is_done};
use crate::desired::kind::HealthCondition;
use crate::live::{DeploymentProgress, LiveService, Observed, ProbeOutcome, ProbeResult};
use crate::plan::{ConditionSeen, ConditionStanding, InFlight, PauseSeen, WaitingOn};

/// What one pass saw of a service whose rollout is followed.
pub(crate) struct Sight<'a> {
    pub(crate) service: &'a LiveService,
    /// When the service was read.
    pub(crate) at: Timestamp,
    /// Answers, in the order of their times.
    pub(crate) probes: &'a [ProbeResult],
    pub(crate) progress: Option<&'a Observed<DeploymentProgress>>,
}

/// Takes what one pass saw into the rollout's standing. `conditions` are those of git now.
pub(crate) fn follow(in_flight: &mut InFlight, conditions: &[HealthCondition], sight: &Sight<'_>) {
    let ours = super::our_deployment(in_flight, sight.service);
    let primary = sight.service.primary().filter(|primary| ours.as_ref() == Some(&primary.id));
    if primary.is_some_and(|primary| is_done(sight.service, primary)) {
        in_flight.watch.completed_at.get_or_insert(sight.at);
    }
    count(in_flight, conditions, sight);
    pause(in_flight, sight.progress);
}

/// Counts right answers in a row. Without tasks nobody can answer, so nothing is asked of a service of count 0.
fn count(in_flight: &mut InFlight, conditions: &[HealthCondition], sight: &Sight<'_>) {
    let completed_at = in_flight.watch.completed_at;
    let mut before = std::mem::take(&mut in_flight.watch.health);
    let asked = if sight.service.desired_count == 0 { &[] } else { conditions };
    for condition in asked {
        let name = condition.check.to_string();
        let mut standing = before.remove(&name).unwrap_or_default();
        standing.needed = condition.successes;
        for answer in sight.probes.iter().filter(|answer| answer.condition == name) {
            if standing.last.as_ref().is_some_and(|last| last.at >= answer.at) {
                continue;
            }
            standing.last = Some(ConditionSeen {
                at: answer.at,
                outcome: answer.outcome.clone(),
                body: answer.body.clone(),
            });
            let counts = completed_at.is_some_and(|completed| answer.at >= completed);
            match answer.outcome {
                ProbeOutcome::Passed if counts => standing.in_a_row = standing.in_a_row.saturating_add(1),
                ProbeOutcome::Failed(_) => standing.in_a_row = 0,
                ProbeOutcome::Passed | ProbeOutcome::Unknown(_) | ProbeOutcome::Refused(_) => {}
            }
        }
        in_flight.watch.health.insert(name, standing);
    }
}

/// Moves the deadline on by the time in which the deployment was seen to pause.
fn pause(in_flight: &mut InFlight, progress: Option<&Observed<DeploymentProgress>>) {
    let Some(Observed::Known { value, at }) = progress else { return };
    let before = in_flight.watch.pause.take();
    if let Some(before) = &before {
        let paused = at.duration_since(before.seen_at);
        in_flight.deadline = in_flight.deadline.checked_add(paused).unwrap_or(Timestamp::MAX);
    }
    in_flight.watch.pause = value.pause.clone().map(|pause| PauseSeen {
        since: before.map_or(*at, |before| before.since),
        pause,
        seen_at: *at,
    });
}

/// The verdict on a deployment that ECS has completed, at the time of a successful read.
pub(super) fn verdict(in_flight: &InFlight, at: Timestamp) -> Verdict {
    let deadline = in_flight.deadline;
    let unmet: Vec<(&String, &ConditionStanding)> =
        in_flight.watch.health.iter().filter(|(_, standing)| !standing.is_met()).collect();
    if unmet.is_empty() {
        return Verdict::Good;
    }
    let pending = || {
        let of = unmet.iter().map(|(name, standing)| standing_words(name, standing)).collect();
        Verdict::Pending(WaitingOn::Health { of, deadline })
    };
    if at <= deadline {
        return pending();
    }
    let is_false = |standing: &ConditionStanding| {
        standing.last.as_ref().is_some_and(|last| {
            last.at > deadline && matches!(last.outcome, ProbeOutcome::Failed(_))
                || matches!(last.outcome, ProbeOutcome::Refused(_))
        })
    };
    let convicts = |standing: &ConditionStanding| {
        let failed =
            standing.last.as_ref().is_some_and(|last| matches!(last.outcome, ProbeOutcome::Failed(_)));
        standing.before == Some(true) && failed && is_false(standing)
    };
    let words = |which: &dyn Fn(&ConditionStanding) -> bool| {
        let which = unmet.iter().filter(|(_, standing)| which(standing));
        which.map(|(name, standing)| standing_words(name, standing)).collect::<Vec<_>>().join("; ")
    };
    if unmet.iter().any(|(_, standing)| convicts(standing)) {
        return Verdict::Bad(format!("unhealthy at its deadline: {}", words(&convicts)));
    }
    if unmet.iter().all(|(_, standing)| is_false(standing)) {
        return Verdict::Unproven(format!(
            "completed by ECS, but not shown to be healthy: {}; nobody saw that true right before the rollout, so it does not \
             count against it",
            words(&is_false)
        ));
    }
    // What nobody could read says nothing, and is told as such: so waiting for it ends.
    let unknown = |standing: &ConditionStanding| {
        standing.last.as_ref().is_some_and(|last| matches!(last.outcome, ProbeOutcome::Unknown(_)))
    };
    if unmet.iter().any(|(_, standing)| unknown(standing)) {
        return Verdict::Pending(WaitingOn::Read { what: words(&unknown) });
    }
    pending()
}

/// What was false, for a sentence about a deployment that ECS has not completed; empty when nothing was.
pub(super) fn failing(in_flight: &InFlight) -> String {
    let failed = |standing: &ConditionStanding| {
        standing.last.as_ref().is_some_and(|last| matches!(last.outcome, ProbeOutcome::Failed(_)))
    };
    let health = in_flight.watch.health.iter().filter(|(_, standing)| failed(standing));
    let words = health.map(|(name, standing)| standing_words(name, standing));
    std::iter::once(String::new()).chain(words).collect::<Vec<_>>().join("; ")
}

/// `http https://web/healthz: answered 500` or `tcp db:5432: 1 of 3 right answers`.
fn standing_words(name: &str, standing: &ConditionStanding) -> String {
    match standing.last.as_ref().map(|last| &last.outcome) {
        Some(ProbeOutcome::Failed(what) | ProbeOutcome::Unknown(what) | ProbeOutcome::Refused(what)) => {
            format!("{name}: {what}")
        }
        Some(ProbeOutcome::Passed) | None => {
            format!("{name}: {} of {} right answers in a row", standing.in_a_row, standing.needed)
        }
    }
}

#[cfg(test)]
mod tests;
