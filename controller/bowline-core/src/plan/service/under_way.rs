//! What is under way at ECS that Bowline does not watch: somebody else's deployment, or ECS's own way back. And is it late?

use jiff::Timestamp;

use super::Subject;
use crate::live::{LiveDeployment, RolloutState};
use crate::name::HumanDuration;
use crate::plan::reads::Reads;
use crate::plan::report::{HeldWhy, WaitingOn};
use crate::rollout;

/// A wait for what somebody else began.
pub(super) enum Unwatched {
    /// It has time left.
    OnTime(WaitingOn),
    /// Its deadline has passed: waiting on would be waiting for ever.
    Late(HeldWhy),
}

/// ECS's own rollback, if it is under way. Nothing is deployed over it, however late it is: what is pushed meanwhile can
/// neither be launched nor rolled back.
pub(super) fn ecs_rollback<'a>(subject: &Subject<'a>, reads: &mut Reads<'a>) -> Option<Unwatched> {
    let history = subject.world.live.histories.get(subject.name).and_then(|history| history.known());
    if !rollout::rolling_back(subject.live, history.map(Vec::as_slice)) {
        return None;
    }
    let deadline = rollback_deadline(subject, reads);
    if is_ahead(subject, deadline) {
        return Some(Unwatched::OnTime(WaitingOn::EcsRollback));
    }
    let due = deadline.map_or_else(String::new, |deadline| format!(", and its deadline was {deadline:.0}"));
    Some(late(format!(
        "ECS has not finished its own rollback{due}: see the service's events in ECS and help it there; nothing is \
         deployed over it"
    )))
}

/// Where the old deployment leads again under its old id, nothing live may say when that began: what memory and, last, ECS's
/// history know of the deployment that failed is asked.
fn rollback_deadline<'a>(subject: &Subject<'a>, reads: &mut Reads<'a>) -> Option<Timestamp> {
    let deadline = |seen: Option<Timestamp>| Some(rollout::rollback_deadline(seen?, allowed(subject)));
    let attempts = subject.memory.into_iter().flat_map(|memory| memory.attempts.values());
    let seen = rollout::rollback_seen(subject.live).max(attempts.map(|attempt| attempt.at).max());
    if is_ahead(subject, deadline(seen)) {
        return deadline(seen);
    }
    let history = reads.history(subject.name).ok().flatten();
    deadline(seen.max(history.and_then(|past| past.first()?.created_at)))
}

/// A rollout of what the service runs that is under way and that Bowline does not watch.
pub(super) fn somebody_elses_rollout<'a>(subject: &Subject<'a>, reads: &mut Reads<'a>) -> Option<Unwatched> {
    let primary = in_progress(subject)?;
    if let Some(rollback) = ecs_rollback(subject, reads) {
        return Some(rollback);
    }
    let deadline = primary.created_at.map(|began| rollout::deadline(began, allowed(subject)));
    if let Some(deadline) = deadline.filter(|deadline| is_ahead(subject, Some(*deadline))) {
        let deployment_id = Some(primary.id.clone());
        return Some(Unwatched::OnTime(WaitingOn::Rollout { deployment_id, deadline }));
    }
    let since = primary.created_at.map_or_else(String::new, |since| format!(" since {since:.0}"));
    let due = deadline.map_or_else(String::new, |deadline| format!(", past its deadline {deadline:.0}"));
    Some(late(format!(
        "the deployment {}, which Bowline does not watch, has been in progress{since}{due}: see the service's events in \
         ECS, and stop it or deploy again",
        primary.id
    )))
}

/// PRIMARY, while it is being rolled out.
pub(super) fn in_progress<'a>(subject: &Subject<'a>) -> Option<&'a LiveDeployment> {
    subject.live.primary().filter(|primary| primary.rollout_state == Some(RolloutState::InProgress))
}

/// Whether there is time left. What ECS does not date cannot be timed, so it is not waited for.
fn is_ahead(subject: &Subject<'_>, deadline: Option<Timestamp>) -> bool {
    deadline.is_some_and(|deadline| subject.world.now <= deadline)
}

fn late(what: String) -> Unwatched {
    Unwatched::Late(HeldWhy::NeedsPerson { what })
}

fn allowed(subject: &Subject<'_>) -> HumanDuration {
    subject.wanted.resource.spec.rollout.deadline
}
