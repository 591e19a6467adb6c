//! The state of a service in one word, and whose rollout is under way.

use jiff::Timestamp;

use super::gate::ecs_rolls_back;
use super::{ServiceOutlook, Subject};
use crate::live::{DeploymentController, RolloutState};
use crate::plan::report::{ResourceReport, Sync, WaitingOn};
use crate::rollout;

/// The state in one word.
pub(super) fn settle(subject: &Subject<'_>, outlook: &mut ServiceOutlook<'_>) {
    let primary = subject.live.primary();
    let in_progress = primary.is_some_and(|primary| primary.rollout_state == Some(RolloutState::InProgress));
    let scaling = subject.memory.and_then(|memory| memory.scaling.as_ref());
    if outlook.report.waiting_on.is_none() && outlook.report.differences.is_empty() {
        if let Some(scaling) = scaling {
            outlook.report.waiting_on =
                Some(WaitingOn::Rollout { deployment_id: None, deadline: scaling.deadline });
        } else if in_progress && outlook.failure.is_none() {
            outlook.report.waiting_on = somebody_elses_rollout(subject);
        }
    }
    let report = &mut outlook.report;
    report.sync = if outlook.failure.is_some() {
        Sync::AwaitingGit
    } else if matches!(report.waiting_on, Some(WaitingOn::Rollout { .. } | WaitingOn::EcsRollback)) {
        Sync::Progressing
    } else if report.differences.is_empty() && report.waiting_on.is_none() && report.held.is_empty() {
        Sync::InSync
    } else {
        Sync::Drifted
    };
    if report.sync == Sync::InSync && subject.live.running_count < subject.live.desired_count {
        report.notes.push(format!(
            "{} of {} tasks are running",
            subject.live.running_count, subject.live.desired_count
        ));
    }
}

/// A rollout of what the service runs that is under way and that Bowline does not watch.
pub(super) fn somebody_elses_rollout(subject: &Subject<'_>) -> Option<WaitingOn> {
    let primary = subject.live.primary()?;
    if primary.rollout_state != Some(RolloutState::InProgress) {
        return None;
    }
    if ecs_rolls_back(subject) {
        return Some(WaitingOn::EcsRollback);
    }
    let began = primary.created_at.unwrap_or(subject.world.now);
    Some(WaitingOn::Rollout {
        deployment_id: Some(primary.id.clone()),
        deadline: deadline_of(subject, began),
    })
}

fn deadline_of(subject: &Subject<'_>, began: Timestamp) -> Timestamp {
    rollout::deadline(began, subject.wanted.resource.spec.rollout.deadline)
}

/// True when what git wants is being rolled out and nobody watches it: the store was lost, or somebody else began it.
pub(super) fn unwatched_rollout(subject: &Subject<'_>, runs_wanted: bool) -> bool {
    runs_wanted
        && subject
            .live
            .primary()
            .is_some_and(|primary| primary.rollout_state == Some(RolloutState::InProgress))
        && subject
            .memory
            .and_then(|memory| memory.last_good.as_ref())
            .is_none_or(|good| Some(&good.task_definition) != subject.live.task_definition.as_ref())
}

/// Says who deploys the service, where that is not ECS.
pub(super) fn note_controller(subject: &Subject<'_>, report: &mut ResourceReport) {
    let who = match subject.live.controller {
        DeploymentController::Ecs => return,
        DeploymentController::CodeDeploy => "CodeDeploy",
        DeploymentController::External => "an external controller",
    };
    report.notes.push(format!("{who} deploys this service: its task definition and count are not compared"));
}
