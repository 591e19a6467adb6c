//! What differs and is covered by `ignore`: listed as left alone, and nothing is done about it.

use std::collections::BTreeSet;

use super::Subject;
use crate::desired::WantedTaskDefinition;
use crate::diff::path::Ignored;
use crate::diff::{
    Difference, Reason, diff_desired_count, diff_normalized, diff_revision, normalize, overlay,
};
use crate::live::{DeploymentController, SchedulingStrategy};
use crate::name::TaskDefinitionArn;
use crate::plan::reads::Reads;

/// Differences in the desired count and in the task definition that a rule covers.
pub(super) fn differences<'a>(subject: &Subject<'a>, reads: &mut Reads<'a>) -> Vec<Difference> {
    let controller = subject.live.controller;
    if subject.ignored.is_empty() {
        return Vec::new();
    }
    let nothing = Ignored::default();
    let spec = &subject.wanted.resource.spec;
    let count = diff_desired_count(spec.desired_count, subject.live.desired_count, &nothing)
        .filter(|_| subject.live.scheduling == SchedulingStrategy::Replica && controller.takes_count());
    let mut differences: Vec<Difference> = count.into_iter().collect();
    let task_definition = subject.wanted.task_definition.as_ref();
    match task_definition.filter(|_| controller == DeploymentController::Ecs) {
        None => {}
        Some(WantedTaskDefinition::Revision(revision)) => {
            let live = subject.live.task_definition.as_ref().map(TaskDefinitionArn::revision);
            differences.extend(diff_revision(revision, live.as_ref(), &nothing));
        }
        Some(WantedTaskDefinition::Content { content, .. }) => {
            let live = subject.live.task_definition.as_ref();
            // What is not known yet is read for the comparison itself; what cannot be read is told by it.
            let found =
                live.and_then(|arn| reads.task_definition(subject.target, arn.as_str()).ok().flatten());
            if let Some(found) = found {
                let registered = normalize(&overlay(content, &found.content, &subject.ignored));
                let (wanted, found) = (normalize(content), normalize(&found.content));
                let against = |content| diff_normalized(content, &found, &nothing, &spec.reveal);
                // What goes with the structure that it is in is not left.
                let gone: BTreeSet<String> = against(&registered).into_iter().map(|one| one.path).collect();
                let left = against(&wanted).into_iter().filter(|difference| !gone.contains(&difference.path));
                differences.extend(left.map(|difference| Difference {
                    path: format!("taskDefinition.{}", difference.path),
                    ..difference
                }));
            }
        }
    }
    differences.retain(|difference| subject.ignored.covers(&difference.path));
    for difference in &mut differences {
        difference.reason = Reason::IgnoredByRule;
    }
    differences
}
