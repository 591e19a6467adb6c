//! Changes of the tags of task definitions: one for each revision, and none on which services do not agree.

use std::collections::BTreeMap;

use super::action::{Action, Expectation, Operation, TagsRequest, Wave};
use super::ownership;
use super::propose::Outlooks;
use super::report::{HeldWhy, WaitingOn};
use super::service::Retag;
use crate::desired::{DesiredState, ResourceKey, Tags};
use crate::name::ResourceName;

/// Where tags of a task definition stand in paths.
pub(super) const TAGS: &str = "taskDefinition.tags[";

/// A service, and the tags that its file names.
type Wants = (ResourceKey, Tags);

/// Plans them. What another service that runs the same revision wants otherwise is a person's to decide: each would undo what
/// the other one did.
pub(super) fn plan(desired: &DesiredState, services: &mut Outlooks<'_>, actions: &mut Vec<Action>) {
    let mut by_revision: BTreeMap<String, Vec<Wants>> = BTreeMap::new();
    for outlook in services.values() {
        let Some(retag) = &outlook.retag else { continue };
        let one = (outlook.report.resource.clone(), retag.wanted.clone());
        by_revision.entry(retag.arn.as_str().to_owned()).or_default().push(one);
    }
    let mut planned: Vec<(&ResourceName, Operation, ResourceKey)> = Vec::new();
    for (name, outlook) in services {
        let (Some(retag), Some(wanted)) = (&outlook.retag, desired.services.get(*name)) else { continue };
        let mut retag = (**retag).clone();
        let together = by_revision.get(retag.arn.as_str()).map_or(&[][..], Vec::as_slice);
        for why in disputed(&mut retag, together) {
            outlook.report.hold(why);
        }
        if retag.set.is_empty() && retag.removed.is_empty() {
            continue;
        }
        let operation = Operation::TagTaskDefinition {
            task_definition: retag.arn,
            tags: TagsRequest(retag.set),
            removed: retag.removed,
        };
        let target = &wanted.resource.spec.target;
        let is_same = |(on, other, _): &&(_, _, _)| *on == target && *other == operation;
        if let Some((_, _, first)) = planned.iter().find(is_same) {
            let wave = WaitingOn::Wave { of: vec![first.clone()] };
            outlook.report.waiting_on.get_or_insert(wave);
            continue;
        }
        planned.push((target, operation.clone(), outlook.report.resource.clone()));
        let because =
            outlook.report.differences.iter().filter(|difference| difference.path.starts_with(TAGS));
        actions.push(Action {
            target: target.clone(),
            resource: outlook.report.resource.clone(),
            operation,
            expect: Expectation::TaskDefinitionTags {
                tags: retag.expected,
                whose: ownership::whose(wanted, outlook.live),
            },
            wave: Wave::TaskDefinitions,
            because: because.cloned().collect(),
        });
    }
}

/// Takes out what another service with the same revision wants otherwise, and says so.
fn disputed(retag: &mut Retag, together: &[Wants]) -> Vec<HeldWhy> {
    let changed: Vec<String> = retag.set.keys().chain(&retag.removed).cloned().collect();
    let mut held = Vec::new();
    for key in changed {
        let wants = retag.wanted.get(&key);
        let other =
            together.iter().find(|(_, theirs)| theirs.get(&key).is_some_and(|value| Some(value) != wants));
        let Some((other, _)) = other else { continue };
        retag.set.remove(&key);
        retag.removed.remove(&key);
        retag.expected.remove(&key);
        let what = format!(
            "{other} runs {}, too, and wants its tag `{key}` otherwise: give both files the same tags",
            retag.arn.revision()
        );
        held.push(HeldWhy::NeedsPerson { what });
    }
    held
}
