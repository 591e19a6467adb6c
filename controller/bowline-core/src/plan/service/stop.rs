//! Safe at once: our own bad deployment that is still in progress is stopped, so that ECS goes back.

use super::{ServiceOutlook, Subject};
use crate::live::RolloutState;
use crate::plan::memory::{Attempt, AttemptVerdict};
use crate::rollback::Failure;
use crate::rollout;

/// Plans the stop, which is not made if what git newly wants replaces the deployment. What ECS is leaving already needs no stop. Of the
/// first deployment of a service that was created there is nothing to go back to.
pub(super) fn plan(subject: &Subject<'_>, outlook: &mut ServiceOutlook<'_>) {
    let history = subject.world.live.histories.get(subject.name).and_then(|history| history.known());
    let leaving = rollout::rolling_back(subject.live, history.map(Vec::as_slice));
    let Some(primary) = subject.live.primary() else { return };
    if leaving || is_first(subject) || primary.rollout_state != Some(RolloutState::InProgress) {
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

/// Whether there is nothing that ECS could go back to.
fn is_first(subject: &Subject<'_>) -> bool {
    let was_good = subject.memory.is_some_and(|memory| memory.last_good.is_some());
    !was_good && subject.live.deployments.len() == 1
}

/// What is left where ECS did not go back, and does not; absent where it did, or may.
pub(super) fn what_is_left(subject: &Subject<'_>, failure: &Failure) -> Option<String> {
    let primary = subject.live.primary()?;
    let stays = failure.deployment_id.as_ref() == Some(&primary.id);
    let attempts = subject.memory.into_iter().flat_map(|memory| memory.attempts.values());
    let stopped = attempts
        .filter(|attempt| attempt.deployment_id.as_ref() == Some(&primary.id))
        .any(|attempt| attempt.aftermath.stopped_at.is_some());
    let may_go_back = primary.rollout_state == Some(RolloutState::InProgress) && !is_first(subject);
    if !stays || (may_go_back && !stopped) {
        return None;
    }
    let (running, desired) = (subject.live.running_count, subject.live.desired_count);
    Some(format!("ECS has not gone back to an earlier deployment: {running} of {desired} tasks are running"))
}
