//! Did it work? A rollout under way, what is observed of it, and the time in; a [`Verdict`] out.
//!
//! Our own deployment id decides, never the task definition: after ECS has rolled back, the service is stable again and
//! that means nothing. Where git lists health conditions, they must be true as well. May import `live` and the memory of `plan`. Must not know what follows from a verdict.

mod evidence;
mod health;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::live::{
    DeploymentStatus, LiveDeployment, LiveService, Observed, PastDeployment, PastDeploymentStatus,
    RolloutState, ServiceStatus, UnknownCategory,
};
use crate::name::HumanDuration;
use crate::plan::{InFlight, Scaling, WaitingOn};

pub(crate) use evidence::{add_logs, add_tasks, gather};
pub(crate) use health::{Sight, follow};

/// What is to be thought of a rollout.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Not decided yet.
    Pending(WaitingOn),
    /// Our deployment is PRIMARY and COMPLETED, and its health conditions are true.
    Good,
    /// It failed, with the reason as a sentence.
    Bad(String),
    /// ECS completed it, and conditions that cannot convict it are false at the deadline, as a sentence.
    Unproven(String),
    /// Another deployment took its place before it ended.
    Superseded {
        /// The deployment that is PRIMARY now.
        by: Option<String>,
    },
}

/// How far AWS's clock and ours may be apart when a deployment is recognised by its time.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_secs(5);
/// How long a deployment may stay invisible after the call that began it.
const APPEARS_WITHIN: SignedDuration = SignedDuration::from_secs(60);

/// The id of our deployment: the one that AWS told, or, where that was lost, PRIMARY if it runs what we deployed and is not
/// older than the call.
pub fn our_deployment(in_flight: &InFlight, service: &LiveService) -> Option<String> {
    if in_flight.deployment_id.is_some() {
        return in_flight.deployment_id.clone();
    }
    let primary = service.primary()?;
    let recent = primary.created_at.is_some() && began_since(primary.created_at, in_flight.started_at);
    let same = in_flight.task_definition.is_none() || primary.task_definition == in_flight.task_definition;
    (recent && same).then(|| primary.id.clone())
}

/// Whether a deployment that was created then may be one that Bowline began at `since`, or later.
pub(crate) fn began_since(created_at: Option<Timestamp>, since: Timestamp) -> bool {
    created_at.is_none_or(|created| created >= since - CLOCK_TOLERANCE)
}

/// Judges a rollout that Bowline started.
///
/// Good: our deployment is PRIMARY and COMPLETED (where ECS reports no state: as many tasks run as should, and it is the
/// only deployment), and every health condition was true often enough. Bad: it is FAILED, ECS went back from it, or a read
/// *after* the deadline still finds it under way or unhealthy. What could not be read decides nothing, so it extends the
/// deadline. What `follow` noted in the rollout is taken into account.
pub fn judge(
    in_flight: &InFlight,
    service: &Observed<Arc<LiveService>>,
    history: Option<&Observed<Vec<PastDeployment>>>,
) -> Verdict {
    let pending =
        |deployment_id| Verdict::Pending(WaitingOn::Rollout { deployment_id, deadline: in_flight.deadline });
    let (service, at) = match service {
        Observed::Known { value, at } => (value, *at),
        Observed::Missing | Observed::Unknown { .. } => return pending(in_flight.deployment_id.clone()),
    };
    if at < in_flight.started_at {
        // A pass for something else comes between the call and the next read: the deployment before would look restored.
        return pending(in_flight.deployment_id.clone());
    }
    if matches!(service.status, ServiceStatus::Draining | ServiceStatus::Inactive) {
        return Verdict::Superseded { by: None };
    }
    let primary_id = || service.primary().map(|primary| primary.id.clone());
    let Some(ours) = our_deployment(in_flight, service) else {
        return if at >= in_flight.started_at + APPEARS_WITHIN {
            Verdict::Superseded { by: primary_id() }
        } else {
            pending(None)
        };
    };
    if let Some(failed) = failure(service, &ours) {
        return Verdict::Bad(failed);
    }
    match service.primary() {
        Some(primary) if primary.id == ours => {
            if let Some(reason) = turned_back(in_flight, primary) {
                Verdict::Bad(went_back(primary, reason))
            } else if targets_another(in_flight, &ours, history) {
                Verdict::Superseded { by: Some(ours) }
            } else if is_done(service, primary) {
                health::verdict(in_flight, at)
            } else if let Some(paused) = &in_flight.watch.pause {
                // First seen after the deadline as well: a pause is waited for, and has an end of its own.
                Verdict::Pending(WaitingOn::Pause {
                    pause: Box::new(paused.pause.clone()),
                    since: paused.since,
                })
            } else if at > in_flight.deadline {
                Verdict::Bad(late(in_flight, primary))
            } else {
                pending(Some(ours))
            }
        }
        primary => {
            replaced(in_flight, (service, at), primary, &ours, history).unwrap_or_else(|| pending(Some(ours)))
        }
    }
}

/// Whether a change of the desired count is done.
pub fn judge_scaling(scaling: &Scaling, service: &Observed<Arc<LiveService>>) -> Verdict {
    let pending = WaitingOn::Rollout { deployment_id: None, deadline: scaling.deadline };
    match service {
        Observed::Known { at, .. } if *at < scaling.started_at => Verdict::Pending(pending),
        Observed::Known { value, .. } if value.desired_count != scaling.to => {
            Verdict::Superseded { by: None }
        }
        Observed::Known { value, .. } if value.running_count == scaling.to => Verdict::Good,
        Observed::Known { value, at } if *at > scaling.deadline => Verdict::Bad(format!(
            "{} of {} tasks are running at the deadline",
            value.running_count, scaling.to
        )),
        _ => Verdict::Pending(pending),
    }
}

/// Whether PRIMARY has been reached, by ECS's own word or, where it gives none, by its task counts.
pub fn is_done(service: &LiveService, primary: &LiveDeployment) -> bool {
    match primary.rollout_state {
        Some(RolloutState::Completed) => true,
        None => service.running_count == service.desired_count && service.deployments.len() == 1,
        Some(RolloutState::InProgress | RolloutState::Failed | RolloutState::Other(_)) => false,
    }
}

/// Whether ECS is on its way back from a deployment that failed. A new revision that is pushed meanwhile can neither be
/// launched nor rolled back.
pub fn rolling_back(service: &LiveService, history: Option<&[PastDeployment]>) -> bool {
    let Some(primary) = service.primary() else { return false };
    if primary.rollout_state != Some(RolloutState::InProgress) {
        return false;
    }
    let says_so = primary.rollout_reason.as_deref().is_some_and(tells_of_rollback);
    let newer_failed = service.deployments.iter().any(|deployment| {
        deployment.rollout_state == Some(RolloutState::Failed) && deployment.created_at > primary.created_at
    });
    let newest = history.and_then(<[PastDeployment]>::first);
    let in_history = newest.is_some_and(|newest| {
        newest.status == PastDeploymentStatus::RolledBack && newest.deployment_id != primary.id
    });
    says_so || newer_failed || in_history
}

/// The newest moment that the service shows of a rollback under way: when ECS told of it, or when its newest deployment began,
/// which may be the one that failed.
pub(crate) fn rollback_seen(service: &LiveService) -> Option<Timestamp> {
    let told = service.events.iter().filter(|(_, message)| tells_of_rollback(message)).map(|(at, _)| *at);
    service.deployments.iter().filter_map(|deployment| deployment.created_at).chain(told).max()
}

/// When ECS's rollback counts as stuck: after the time for the deployment that failed, and once more for the way back.
pub(crate) fn rollback_deadline(seen: Timestamp, allowed: HumanDuration) -> Timestamp {
    deadline(deadline(seen, allowed), allowed)
}

fn tells_of_rollback(reason: &str) -> bool {
    let reason = reason.to_ascii_lowercase();
    reason.contains("rolling back") || reason.contains("rolled back") || reason.contains("rollback")
}

/// ECS's words, if our deployment leads on, but back to what was there before.
fn turned_back<'a>(in_flight: &InFlight, primary: &'a LiveDeployment) -> Option<&'a str> {
    let reason = primary.rollout_reason.as_deref();
    let another = in_flight.task_definition.is_some() && primary.task_definition != in_flight.task_definition;
    (another || reason.is_some_and(tells_of_rollback)).then(|| reason.unwrap_or("ECS gave no reason"))
}

/// Whether the service revision that our deployment is for has another task definition than was asked for: then it is not
/// ours. Where ECS has no history of deployments, or it was not read, `deployments[]` alone decides.
fn targets_another(
    in_flight: &InFlight,
    ours: &str,
    history: Option<&Observed<Vec<PastDeployment>>>,
) -> bool {
    let past = history.and_then(Observed::known).into_iter().flatten();
    let target =
        past.filter(|past| past.deployment_id == ours).find_map(|past| past.task_definition.as_ref());
    target.zip(in_flight.task_definition.as_ref()).is_some_and(|(target, asked)| target != asked)
}

/// Why our deployment failed, if `deployments[]` says so.
fn failure(service: &LiveService, ours: &str) -> Option<String> {
    let deployment = service.deployments.iter().find(|deployment| deployment.id == ours)?;
    if deployment.rollout_state != Some(RolloutState::Failed) {
        return None;
    }
    let reason = deployment.rollout_reason.as_deref().unwrap_or("ECS gave no reason");
    let back = service
        .primary()
        .filter(|primary| primary.id != ours && deployment.status != DeploymentStatus::Primary);
    Some(back.map_or_else(|| format!("failed: {reason}"), |primary| went_back(primary, reason)))
}

/// What it means that another deployment is PRIMARY; nothing when that cannot be told yet.
fn replaced(
    in_flight: &InFlight,
    (service, at): (&LiveService, Timestamp),
    primary: Option<&LiveDeployment>,
    ours: &str,
    history: Option<&Observed<Vec<PastDeployment>>>,
) -> Option<Verdict> {
    let by = || Verdict::Superseded { by: primary.map(|primary| primary.id.clone()) };
    let Some(primary) = primary else { return Some(by()) };
    let restored = !began_since(primary.created_at, in_flight.started_at);
    if restored || rolling_back(service, None) {
        let reason = primary.rollout_reason.as_deref().unwrap_or("ECS gave no reason");
        let told = history.and_then(Observed::known).and_then(|past| past_reason(past, ours));
        return Some(Verdict::Bad(went_back(primary, told.unwrap_or(reason))));
    }
    match history? {
        // Older than what is to be explained.
        Observed::Known { at: read_at, .. } if *read_at < at => None,
        Observed::Known { value, .. } => match value.iter().find(|past| past.deployment_id == ours) {
            Some(PastDeployment {
                status: PastDeploymentStatus::RolledBack | PastDeploymentStatus::Failed,
                reason,
                ..
            }) => Some(Verdict::Bad(went_back(primary, reason.as_deref().unwrap_or("ECS gave no reason")))),
            // The history lags behind: it may still turn out to be a rollback.
            Some(PastDeployment { status: PastDeploymentStatus::InProgress, .. })
                if at <= in_flight.deadline =>
            {
                None
            }
            None if at < in_flight.started_at + APPEARS_WITHIN => None,
            Some(_) | None => Some(by()),
        },
        Observed::Unknown { why } if why.category == UnknownCategory::Unsupported => Some(by()),
        Observed::Unknown { .. } => None,
        Observed::Missing => Some(by()),
    }
}

fn past_reason<'a>(past: &'a [PastDeployment], ours: &str) -> Option<&'a str> {
    past.iter().find(|past| past.deployment_id == ours)?.reason.as_deref()
}

fn went_back(primary: &LiveDeployment, reason: &str) -> String {
    match &primary.task_definition {
        Some(arn) => format!("rolled back by ECS to {}: {reason}", arn.revision()),
        None => format!("rolled back by ECS: {reason}"),
    }
}

fn late(in_flight: &InFlight, primary: &LiveDeployment) -> String {
    format!(
        "not completed by its deadline: {} of {} tasks are running, {} failed in a row{}",
        primary.running_count,
        primary.desired_count,
        primary.failed_tasks,
        health::failing(in_flight)
    )
}

/// When a rollout that begins now counts as failed.
pub(crate) fn deadline(now: Timestamp, allowed: HumanDuration) -> Timestamp {
    now.checked_add(allowed.get()).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
