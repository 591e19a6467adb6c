//! The state of a service in one word.

use super::under_way::{self, Unwatched};
use super::{ServiceOutlook, Subject};
use crate::live::{DeploymentController, UnknownCategory, UnknownReason};
use crate::name::ResourceName;
use crate::plan::reads::Reads;
use crate::plan::report::{ResourceReport, Sync, WaitingOn};

/// The state in one word.
pub(super) fn settle<'a>(subject: &Subject<'a>, reads: &mut Reads<'a>, outlook: &mut ServiceOutlook<'a>) {
    let scaling = subject.memory.and_then(|memory| memory.scaling.as_ref());
    if outlook.report.waiting_on.is_none() && outlook.report.differences.is_empty() {
        if let Some(scaling) = scaling {
            outlook.report.waiting_on =
                Some(WaitingOn::Rollout { deployment_id: None, deadline: scaling.deadline });
        } else if outlook.failure.is_none() {
            match under_way::somebody_elses_rollout(subject, reads) {
                None => {}
                Some(Unwatched::OnTime(waiting_on)) => outlook.report.waiting_on = Some(waiting_on),
                Some(Unwatched::Late(why)) => outlook.report.hold(why),
            }
        }
    }
    let report = &mut outlook.report;
    report.sync = if outlook.failure.is_some() {
        Sync::AwaitingGit
    } else if report.waiting_on.as_ref().is_some_and(WaitingOn::is_rollout) {
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

/// True when what runs is being rolled out and nobody watches it: the store was lost, or somebody else began it.
pub(super) fn unwatched_rollout(subject: &Subject<'_>) -> bool {
    under_way::in_progress(subject).is_some()
        && subject
            .memory
            .and_then(|memory| memory.last_good.as_ref())
            .is_none_or(|good| Some(&good.task_definition) != subject.live.task_definition.as_ref())
}

/// Says who deploys the service, where that is not ECS.
pub(super) fn note_controller(subject: &Subject<'_>, report: &mut ResourceReport) {
    let (who, what) = match subject.live.controller {
        DeploymentController::Ecs => return,
        DeploymentController::CodeDeploy => ("CodeDeploy", "task definition is"),
        DeploymentController::External => ("an external controller", "task definition and count are"),
    };
    report
        .notes
        .push(format!("{who} deploys this service: its {what} not compared, and nothing is restarted"));
}

/// What is said of a status of ECS that is none of those that are known.
pub(super) fn unknown_status(name: &ResourceName) -> UnknownReason {
    UnknownReason {
        category: UnknownCategory::BadAnswer,
        message: format!("EcsService/{name} has a status that this version of Bowline does not know"),
        hint: "look at the service in the ECS console; a newer Bowline may know the status".to_owned(),
        aws: None,
    }
}
