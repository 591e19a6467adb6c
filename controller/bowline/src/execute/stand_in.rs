//! A revision that ECS deploys, with the content of one that it does not deploy any more.

use std::sync::Arc;

use bowline_core::desired::{DesiredState, ResourceKey, ResourceKind, TaskDefinitionContent};
use bowline_core::diff::diff_task_definition;
use bowline_core::live::{TaskDefinitionStatus, UnknownReason};
use bowline_core::name::{ResourceName, TaskDefinitionArn};
use bowline_core::plan::{self, Action, Expectation, Operation, Outcome, Wave};

use super::execute;
use super::service::find;
use crate::aws::{Aws, AwsError, Priority, Session};

/// How many of the newest revisions are looked through for one with the same content: as many as for a deployment.
const NEWEST: usize = 10;

/// Why there is none.
#[derive(Debug)]
pub(crate) enum NoStandIn {
    /// AWS did not answer, or refused.
    Failed(UnknownReason),
    /// Somebody registered one meanwhile: it may be this one, so look again.
    Moved,
}

impl From<AwsError> for NoStandIn {
    fn from(error: AwsError) -> Self {
        Self::Failed(error.reason)
    }
}

/// How ECS has a revision.
#[derive(Debug)]
pub(crate) enum Kept {
    /// It can be deployed.
    Active,
    /// It was deregistered, and had this content.
    Inactive(TaskDefinitionContent),
    /// It is gone, and so is its content.
    Gone,
}

/// Whether ECS still deploys a revision. `content` is what was kept of it, for where ECS forgot it.
pub(crate) async fn kept(
    session: &Session,
    arn: &TaskDefinitionArn,
    content: Option<&TaskDefinitionContent>,
) -> Result<Kept, AwsError> {
    // What is cached of it may be from before it was deregistered.
    session.forget_task_definition(arn).await;
    Ok(match (session.describe_task_definition(arn.as_str()).await?, content) {
        (Some(found), _) if found.status == TaskDefinitionStatus::Active => Kept::Active,
        (Some(found), _) => Kept::Inactive(found.content),
        (None, Some(content)) => Kept::Inactive(content.clone()),
        (None, None) => Kept::Gone,
    })
}

/// A revision of the family of `arn` with this content: one of the newest, or a new one. `session` is of the service's Target.
pub(crate) async fn stand_in(
    aws: &Aws,
    session: &Session,
    desired: &DesiredState,
    (service, target): (&ResourceName, &ResourceName),
    arn: &TaskDefinitionArn,
    content: &TaskDefinitionContent,
) -> Result<TaskDefinitionArn, NoStandIn> {
    let family = arn.revision().parts().0.to_owned();
    let Some(wanted) = desired.services.get(service) else { return Err(NoStandIn::Moved) };
    let live = find(session, wanted.resource.spec.service.as_str()).await?;
    let whose = plan::whose(wanted, live.as_deref());
    let newest = session.newest_revisions(&family, NEWEST, Priority::Watch).await?;
    for arn in &newest {
        let found = session.describe_task_definition(arn.as_str()).await?;
        let same = |found: &TaskDefinitionContent| diff_task_definition(content, found, &[], &[]).is_empty();
        if found.is_some_and(|found| same(&found.content)) {
            return Ok(arn.clone());
        }
    }
    let action = Action {
        target: target.clone(),
        resource: ResourceKey { kind: ResourceKind::EcsService, name: service.clone() },
        operation: Operation::RegisterTaskDefinition { family, content: Arc::new(content.clone()) },
        expect: Expectation::NewestRevision { arn: newest.into_iter().next(), whose },
        wave: Wave::TaskDefinitions,
        because: Vec::new(),
    };
    match execute(aws, desired, &action).await {
        Outcome::Done { task_definition: Some(arn), .. } => Ok(arn),
        Outcome::Failed(why) => Err(NoStandIn::Failed(why)),
        Outcome::Done { .. } | Outcome::AlreadyDone | Outcome::Superseded { .. } => Err(NoStandIn::Moved),
    }
}
