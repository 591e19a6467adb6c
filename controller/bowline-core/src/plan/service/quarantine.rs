//! What git wants failed before: how is that told?

use super::gate::Spec;
use super::{Runs, ServiceOutlook, Subject, stop};
use crate::name::TaskDefinitionArn;
use crate::plan::memory::{AttemptVerdict, Evidence, ServiceMemory, SpecHash};
use crate::plan::report::{FailedRollout, HeldWhy};
use crate::rollback::{self, Failure};

/// Notes in the report that it failed, and that nothing but git ends that.
pub(super) fn note(subject: &Subject<'_>, spec: &Spec, failure: Failure, outlook: &mut ServiceOutlook<'_>) {
    outlook.report.failed =
        failed(subject.memory, &spec.hash).or_else(|| Some(found_failed(subject, spec, &failure)));
    if let Some(outage) = rollback::shared_outage(subject.world.memory, subject.world.now) {
        outlook.report.notes.push(format!(
            "rollouts of {} commits failed within 10m, so nothing is rolled back automatically: look for a shared cause",
            outage.commits.len()
        ));
    }
    if let Some(left) = stop::what_is_left(subject, &failure) {
        outlook.report.notes.push(left);
    }
    if outlook.runs != Runs::Other && outlook.report.differences.is_empty() {
        outlook.report.notes.push(format!("what git wants failed, awaiting git: {}", failure.reason));
    } else {
        let live = subject.live.task_definition.as_ref().map(TaskDefinitionArn::revision);
        let live = live.map_or_else(|| "another revision".to_owned(), |revision| revision.to_string());
        let by_ecs = failure.reason.starts_with("rolled back by ECS") || went_back(subject, spec);
        let how = if by_ecs { "rolled back by ECS" } else { "failed" };
        outlook.report.notes.push(format!("{how}, awaiting git; live runs {live} ({})", failure.reason));
    }
    outlook.report.held.push(HeldWhy::Quarantined {
        service: subject.name.clone(),
        spec_hash: spec.hash.clone(),
        reason: failure.reason.clone(),
    });
    outlook.failure = Some(Box::new(failure));
}

/// What is remembered of the failed attempt.
pub(super) fn failed(memory: Option<&ServiceMemory>, hash: &SpecHash) -> Option<Box<FailedRollout>> {
    let attempt = memory?.attempts.get(hash)?;
    let Some(AttemptVerdict::Bad(reason)) = &attempt.verdict else { return None };
    Some(Box::new(FailedRollout {
        spec_hash: hash.clone(),
        commit: attempt.commit.clone(),
        began_at: attempt.at,
        ended_at: attempt.aftermath.ended_at,
        reason: reason.clone(),
        evidence: attempt.aftermath.evidence.clone().map(Evidence::without_bodies),
    }))
}

/// What only ECS's history knows of it.
fn found_failed(subject: &Subject<'_>, spec: &Spec, failure: &Failure) -> Box<FailedRollout> {
    Box::new(FailedRollout {
        spec_hash: spec.hash.clone(),
        commit: subject.world.actor.commit.to_owned(),
        began_at: failure.began_at.unwrap_or(subject.world.now),
        ended_at: None,
        reason: failure.reason.clone(),
        evidence: None,
    })
}

/// Whether ECS went back because Bowline stopped the deployment.
fn went_back(subject: &Subject<'_>, spec: &Spec) -> bool {
    let attempt = subject.memory.and_then(|memory| memory.attempts.get(&spec.hash));
    attempt.is_some_and(|attempt| {
        let primary = subject.live.primary().map(|primary| &primary.id);
        let asked = attempt.aftermath.stopped_at.or(attempt.aftermath.stop_begun_at);
        asked.is_some() && attempt.deployment_id.as_ref() != primary
    })
}
