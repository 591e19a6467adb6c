//! Safe at once: our own bad deployment that is still in progress is stopped, so that ECS goes back.

use super::{ServiceOutlook, Subject};
use crate::live::RolloutState;
use crate::plan::memory::{Attempt, AttemptVerdict};
use crate::rollback::Failure;
use crate::rollout;

/// Plans the stop. What git newly wants replaces the deployment by itself; what ECS is leaving already needs no stop. Of the
/// first deployment of a service that was created there is nothing to go back to.
pub(super) fn plan(subject: &Subject<'_>, outlook: &mut ServiceOutlook<'_>) {
    let replaces = outlook.register.is_some()
        || outlook.update.as_ref().is_some_and(|update| update.spec_hash.is_some());
    let history = subject.world.live.histories.get(subject.name).and_then(|history| history.known());
    let leaving = rollout::rolling_back(subject.live, history.map(Vec::as_slice));
    let Some(primary) = subject.live.primary() else { return };
    let was_good = subject.memory.is_some_and(|memory| memory.last_good.is_some());
    let is_first = !was_good && subject.live.deployments.len() == 1;
    if replaces || leaving || is_first || primary.rollout_state != Some(RolloutState::InProgress) {
        return;
    }
    let mut attempts = subject.memory.into_iter().flat_map(|memory| memory.attempts.values());
    let ours = attempts.find(|attempt| attempt.deployment_id.as_ref() == Some(&primary.id));
    if ours.is_some_and(needs_stop) {
        outlook.stop = Some(primary.id.clone());
    }
}

fn needs_stop(attempt: &Attempt) -> bool {
    matches!(attempt.verdict, Some(AttemptVerdict::Bad(_)))
        && attempt.aftermath.ours
        && attempt.aftermath.stopped_at.is_none()
}

/// What is left where ECS did not go back; absent where it did.
pub(super) fn what_is_left(subject: &Subject<'_>, failure: &Failure) -> Option<String> {
    let primary = subject.live.primary()?;
    let stays = failure.deployment_id.as_ref() == Some(&primary.id);
    let attempts = subject.memory.into_iter().flat_map(|memory| memory.attempts.values());
    let stopped = attempts
        .filter(|attempt| attempt.deployment_id.as_ref() == Some(&primary.id))
        .any(|attempt| attempt.aftermath.stopped_at.is_some());
    if !stays || !(stopped || primary.rollout_state == Some(RolloutState::Failed)) {
        return None;
    }
    let (running, desired) = (subject.live.running_count, subject.live.desired_count);
    Some(format!("ECS has not gone back to an earlier deployment: {running} of {desired} tasks are running"))
}
