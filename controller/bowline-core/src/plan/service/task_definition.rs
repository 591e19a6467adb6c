//! Which task definition should the service run, does it, and what is the next step there?

use std::sync::Arc;

use serde_json::Value;

use super::Subject;
use crate::desired::{TaskDefinitionContent, WantedTaskDefinition};
use crate::diff::path::Ignored;
use crate::diff::{
    Difference, diff_normalized, diff_revision, is_normal_text, normal_text, normalize, overlay,
};
use crate::live::{DeploymentController, LiveTaskDefinition, TaskDefinitionStatus};
use crate::name::{RelativePath, ResourceName, RevisionRef, TaskDefinitionArn};
use crate::plan::reads::{Blocked, Reads};

/// Where a service's task definition stands.
pub(crate) enum TaskDefinition {
    /// Somebody else owns it.
    NotManaged,
    /// It runs what it should.
    Same,
    /// It cannot be told, because what it runs could not be read.
    Unknown(Blocked),
    /// It runs something else.
    Differs { differences: Vec<Difference>, step: Step },
}

/// The next step towards the wanted task definition.
pub(crate) enum Step {
    /// Something has to be read first.
    Read(Blocked),
    /// A person has to do something first.
    NeedsPerson(String),
    /// Point the service at this revision.
    Update { arn: TaskDefinitionArn, normal: Arc<str> },
    /// Register the content first.
    Register(Registration),
}

/// A revision to register.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Registration {
    pub(crate) family: String,
    pub(crate) content: Arc<TaskDefinitionContent>,
    pub(crate) newest: Option<TaskDefinitionArn>,
    pub(crate) normal: Arc<str>,
}

/// Compares the task definition that the service runs with the wanted one.
pub(crate) fn compare<'a>(subject: &Subject<'a>, reads: &mut Reads<'a>) -> TaskDefinition {
    if subject.live.controller != DeploymentController::Ecs || subject.ignored.covers("taskDefinition") {
        return TaskDefinition::NotManaged;
    }
    match &subject.wanted.task_definition {
        None => TaskDefinition::NotManaged,
        Some(WantedTaskDefinition::Revision(revision)) => compare_revision(subject, reads, revision),
        Some(WantedTaskDefinition::Content { file, family, content }) => {
            compare_content(subject, reads, file, family, content)
        }
    }
}

/// The normal form of what the service runs, where that is what it should run.
pub(crate) fn running_content<'a>(
    subject: &Subject<'a>,
    reads: &mut Reads<'a>,
) -> Result<Option<Arc<str>>, Blocked> {
    Ok(running(subject, reads)?.map(|found| normal_text(&found.content)))
}

fn running<'a>(
    subject: &Subject<'a>,
    reads: &mut Reads<'a>,
) -> Result<Option<&'a LiveTaskDefinition>, Blocked> {
    match &subject.live.task_definition {
        Some(arn) => reads.task_definition(subject.target, arn.as_str()),
        None => Ok(None),
    }
}

fn compare_revision<'a>(
    subject: &Subject<'a>,
    reads: &mut Reads<'a>,
    revision: &RevisionRef,
) -> TaskDefinition {
    let live_revision = subject.live.task_definition.as_ref().map(TaskDefinitionArn::revision);
    let Some(difference) = diff_revision(revision, live_revision.as_ref(), &subject.ignored) else {
        return TaskDefinition::Same;
    };
    let wanted = reads.task_definition(subject.target, revision.as_str());
    let found = running(subject, reads);
    let mut differences = vec![difference];
    if let (Ok(Some(wanted)), Ok(Some(found))) = (&wanted, &found) {
        let (wanted, found) = (normalize(&wanted.content), normalize(&found.content));
        // A revision is taken with all that is in it: what `ignore` names inside of it is rolled out, too.
        differences.extend(content_differences(subject, &wanted, &found, &Ignored::default()));
    }
    let step = pinned(revision, wanted);
    TaskDefinition::Differs { differences, step }
}

/// The step to a revision that git pins.
pub(super) fn pinned(revision: &RevisionRef, found: Result<Option<&LiveTaskDefinition>, Blocked>) -> Step {
    match found {
        Err(blocked) => Step::Read(blocked),
        Ok(None) => Step::NeedsPerson(format!(
            "the task definition {revision} does not exist: pin one that does, or register it"
        )),
        Ok(Some(definition)) if definition.status == TaskDefinitionStatus::Inactive => {
            Step::NeedsPerson(format!(
                "the task definition {revision} is INACTIVE (deregistered), so ECS refuses it: register its content \
                 again and pin the new revision"
            ))
        }
        Ok(Some(definition)) => {
            Step::Update { arn: definition.arn.clone(), normal: normal_text(&definition.content) }
        }
    }
}

fn compare_content<'a>(
    subject: &Subject<'a>,
    reads: &mut Reads<'a>,
    file: &RelativePath,
    family: &str,
    content: &Arc<TaskDefinitionContent>,
) -> TaskDefinition {
    let found = match running(subject, reads) {
        Ok(found) => found,
        Err(blocked) => return TaskDefinition::Unknown(blocked),
    };
    let content = match found {
        Some(found) if is_normal_text(&found.content, &normal_text(content)) => return TaskDefinition::Same,
        Some(found) if !subject.ignored.is_empty() => {
            Arc::new(overlay(content, &found.content, &subject.ignored))
        }
        _ => Arc::clone(content),
    };
    let normalized = normalize(&content);
    let live = found.map_or(Value::Null, |found| normalize(&found.content));
    if normalized == live {
        return TaskDefinition::Same;
    }
    let mut differences = content_differences(subject, &normalized, &live, &subject.ignored);
    if differences.is_empty() {
        return TaskDefinition::Same;
    }
    for difference in &mut differences {
        difference.note = Some(format!("wanted by {file}"));
    }
    let normal = normal_text(&content);
    let running = subject.live.task_definition.as_ref();
    let step = match find_revision(reads, subject.target, running, family, &normal) {
        Err(blocked) => Step::Read(blocked),
        Ok(Found::Revision(arn)) => Step::Update { arn, normal },
        Ok(Found::Nothing { newest }) => {
            Step::Register(Registration { family: family.to_owned(), content, newest, normal })
        }
    };
    TaskDefinition::Differs { differences, step }
}

pub(super) enum Found {
    Revision(TaskDefinitionArn),
    Nothing { newest: Option<TaskDefinitionArn> },
}

/// Looks for the content among the newest ACTIVE revisions, newest first, and stops at the first that has it:
/// RegisterTaskDefinition is not idempotent, so what exists is used.
pub(super) fn find_revision(
    reads: &mut Reads<'_>,
    target: &ResourceName,
    running: Option<&TaskDefinitionArn>,
    family: &str,
    normal: &Arc<str>,
) -> Result<Found, Blocked> {
    let recent = reads.recent_revisions(target, family)?.map_or(&[][..], Vec::as_slice);
    let mut blocked = None;
    let others = recent.iter().filter(|arn| Some(*arn) != running);
    for (number, arn) in others.enumerate() {
        match reads.task_definition(target, arn.as_str()) {
            Ok(Some(revision))
                if revision.status == TaskDefinitionStatus::Active
                    && is_normal_text(&revision.content, normal) =>
            {
                return Ok(Found::Revision(arn.clone()));
            }
            Ok(_) => {}
            // The newest is the likely one; the others are asked for together.
            Err(error) if number == 0 => return Err(error),
            Err(error) => blocked = Some(error),
        }
    }
    blocked.map_or_else(|| Ok(Found::Nothing { newest: recent.first().cloned() }), Err)
}

fn content_differences(
    subject: &Subject<'_>,
    wanted: &Value,
    found: &Value,
    ignored: &Ignored,
) -> Vec<Difference> {
    // An absent side is an empty object: every field is then listed.
    let empty = Value::Object(serde_json::Map::new());
    let side = |value: &Value| if value.is_null() { empty.clone() } else { value.clone() };
    let reveal = &subject.wanted.resource.spec.reveal;
    let mut differences = diff_normalized(&side(wanted), &side(found), ignored, reveal);
    for difference in &mut differences {
        difference.path = format!("taskDefinition.{}", difference.path);
    }
    differences
}
