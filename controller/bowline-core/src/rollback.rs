//! What failed before, what was last good, and what is to be reverted? Memory and the deployment history that ECS keeps in, quarantine out.
//!
//! A spec that failed is not deployed again until git changes it. May import `live` and the memory of `plan`. Must not know
//! what else could be done about a service.

pub mod machine;
mod release;
pub mod revert;

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::live::{LiveService, PastDeployment, PastDeploymentStatus, RolloutState};
use crate::name::TaskDefinitionArn;
use crate::plan::{Attempt, AttemptVerdict, Recorded, Restart, ServiceMemory, SpecHash};

pub use release::{SharedOutage, shared_outage, was_shared_outage};
pub(crate) use release::{held_for_many, released, releasing};

/// A failed deployment of the wanted spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The deployment, where it is known.
    pub deployment_id: Option<String>,
    /// The revision that it was to run.
    pub task_definition: Option<TaskDefinitionArn>,
    /// How it failed, as a sentence.
    pub reason: String,
    /// When it began, where that is known.
    pub began_at: Option<Timestamp>,
}

/// What memory says of a spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Remembered {
    /// It failed: it stays quarantined.
    Bad(Failure),
    /// It was tried, and may be tried again.
    Free,
    /// It was tried, and a crash kept the deployment's id from us: only what ECS did since then tells how it ended.
    Lost {
        /// When it was tried.
        since: Timestamp,
    },
    /// Nothing: ECS's own history has to be asked.
    Nothing,
}

/// What memory says of a spec. Where a record is noted and its deployment is not to be seen, what was good before, or failed
/// for another restart token, says nothing of it.
pub(crate) fn remembered(
    memory: Option<&ServiceMemory>,
    hash: &SpecHash,
    recorded: Recorded<'_>,
) -> Remembered {
    let Some(memory) = memory else { return Remembered::Nothing };
    let Some(attempt) = memory.attempts.get(hash) else {
        let was_good = memory.last_good.as_ref().is_some_and(|good| good.spec_hash.as_ref() == Some(hash));
        return if was_good && !recorded.is_noted() { Remembered::Free } else { Remembered::Nothing };
    };
    if matches!(recorded.restart, Restart::Noted(token) if attempt.restart.as_ref() != Some(token)) {
        return Remembered::Nothing;
    }
    match &attempt.verdict {
        Some(AttemptVerdict::Bad(reason)) => Remembered::Bad(Failure {
            deployment_id: attempt.deployment_id.clone(),
            task_definition: attempt.task_definition.clone(),
            reason: reason.clone(),
            began_at: Some(attempt.at),
        }),
        Some(AttemptVerdict::Superseded) | None if attempt.deployment_id.is_none() => {
            Remembered::Lost { since: attempt.at }
        }
        Some(AttemptVerdict::Good) if recorded.is_noted() => Remembered::Nothing,
        Some(AttemptVerdict::Good | AttemptVerdict::Unproven(_) | AttemptVerdict::Superseded) | None => {
            Remembered::Free
        }
    }
}

/// Whether a deployment of a revision that failed may have succeeded since, begun by somebody else. ECS's own way back to
/// the same revision looks just so: only its history tells one from the other.
pub(crate) fn may_be_repaired(attempt: &Attempt, service: &LiveService) -> bool {
    let failed = matches!(attempt.verdict, Some(AttemptVerdict::Bad(_))) && attempt.deployment_id.is_some();
    let completed =
        service.primary().filter(|primary| primary.rollout_state == Some(RolloutState::Completed));
    failed
        && completed.is_some_and(|primary| {
            attempt.deployment_id.as_ref() != Some(&primary.id)
                && primary.task_definition == attempt.task_definition
        })
}

/// Whether it did: the history, newest first, lists PRIMARY as a success before it comes to what failed. A rollback is not
/// listed, or is older where the old deployment led again.
pub(crate) fn is_repaired(attempt: &Attempt, service: &LiveService, past: &[PastDeployment]) -> bool {
    let Some(primary) = service.primary().filter(|_| may_be_repaired(attempt, service)) else {
        return false;
    };
    past.iter()
        .take_while(|past| attempt.deployment_id.as_ref() != Some(&past.deployment_id))
        .any(|past| past.deployment_id == primary.id && past.status == PastDeploymentStatus::Successful)
}

/// Deployments that memory explains already, under whichever spec.
pub(crate) fn explained(memory: Option<&ServiceMemory>) -> BTreeSet<&str> {
    let attempts = memory.into_iter().flat_map(|memory| memory.attempts.values());
    attempts.filter_map(|attempt| attempt.deployment_id.as_deref()).collect()
}

/// What `deployments[]` alone shows to have failed, newest first: all there is where ECS's history is not to be had.
pub(crate) fn failed_in_deployments(service: &LiveService) -> Vec<PastDeployment> {
    let failed = service.deployments.iter().filter(|one| one.rollout_state == Some(RolloutState::Failed));
    failed
        .map(|deployment| PastDeployment {
            deployment_id: deployment.id.clone(),
            task_definition: deployment.task_definition.clone(),
            status: PastDeploymentStatus::Failed,
            reason: deployment.rollout_reason.clone(),
            created_at: deployment.created_at,
            settings: None,
        })
        .collect()
}

/// Revisions of which a deployment failed: their contents may have to be compared with the wanted one.
pub(crate) fn failed_revisions(past: &[PastDeployment]) -> BTreeSet<&TaskDefinitionArn> {
    past.iter().filter(|past| has_failed(past)).filter_map(|past| past.task_definition.as_ref()).collect()
}

/// The newest failed deployment of one of these revisions, unless a later one of them succeeded or memory explains it.
/// `past` is newest first.
pub(crate) fn failed_before(
    past: &[PastDeployment],
    same: impl Fn(&TaskDefinitionArn) -> bool,
    explained: &BTreeSet<&str>,
) -> Option<Failure> {
    for past in past.iter().filter(|past| past.task_definition.as_ref().is_some_and(&same)) {
        if past.status == PastDeploymentStatus::Successful {
            return None;
        }
        if has_failed(past) && !explained.contains(past.deployment_id.as_str()) {
            let how = match past.status {
                PastDeploymentStatus::RolledBack => "rolled back by ECS",
                _ => "failed",
            };
            let reason = past.reason.as_deref().unwrap_or("ECS gave no reason");
            return Some(Failure {
                deployment_id: Some(past.deployment_id.clone()),
                task_definition: past.task_definition.clone(),
                reason: format!("{how}: {reason}"),
                began_at: past.created_at,
            });
        }
    }
    None
}

/// The newest revision among these of which a deployment succeeded.
pub(crate) fn succeeded_before(
    past: &[PastDeployment],
    same: impl Fn(&TaskDefinitionArn) -> bool,
) -> Option<&TaskDefinitionArn> {
    past.iter()
        .filter(|past| past.status == PastDeploymentStatus::Successful)
        .filter_map(|past| past.task_definition.as_ref())
        .find(|arn| same(arn))
}

fn has_failed(past: &PastDeployment) -> bool {
    matches!(past.status, PastDeploymentStatus::RolledBack | PastDeploymentStatus::Failed)
}

#[cfg(test)]
mod tests;
