//! Do it. One approved action in, what became of it out: precheck -> apply -> confirm.
//!
//! Makes no choices: what to do, and what must be found first, stands in the [`Action`]. May import `aws` and core's
//! `plan` types. It must not know why the action was planned, nor whether it is allowed: only approved ones arrive here.

mod creation;
mod owner;
mod secret;
mod service;
mod stand_in;
mod task_definition;

use bowline_core::desired::DesiredState;
use bowline_core::live::{UnknownCategory, UnknownReason};
use bowline_core::plan::{Action, Expectation, Operation, Outcome};

use crate::aws::{Aws, AwsError};

pub(crate) use stand_in::{Kept, NoStandIn, kept, stand_in};

/// Attempts one action.
///
/// Expected flow: the caller's account is verified; what the action expects is read afresh; the call is made; its
/// answer, or a further read, confirms it.
///
/// Guarantees: no call that writes is made unless the expectation was just found true. A call whose answer was lost is
/// not repeated when a second one would do something a second time; what is then found decides between `Done` and
/// `Failed`. UpdateService has no compare-and-swap, so one round trip remains in which somebody else may change the
/// service; the next pass sees it.
pub async fn execute(aws: &Aws, desired: &DesiredState, action: &Action) -> Outcome {
    let Some(target) = desired.targets.get(&action.target) else {
        return Outcome::Failed(unusable(action, "its Target is not in git any more"));
    };
    let session = aws.session(&action.target, &target.spec).await;
    if let Err(why) = session.verify_account().await {
        return Outcome::Failed(why);
    }
    let outcome = match (&action.operation, &action.expect) {
        (Operation::TagService { service_arn, tags }, expect @ Expectation::Service { .. }) => {
            service::tag(&session, service_arn, tags, expect).await
        }
        (
            Operation::PromoteSecret { secret_arn, to, from },
            Expectation::SecretCurrent { version_id, labels, readers },
        ) => {
            let others = Box::pin(owner::changed(aws, desired, readers));
            let swap = secret::Swap { arn: secret_arn, to, from };
            secret::promote(&session, swap, (version_id, labels), others).await
        }
        (
            Operation::RegisterTaskDefinition { family, content },
            Expectation::NewestRevision { arn, whose },
        ) => {
            let others = Box::pin(owner::changed(aws, desired, std::slice::from_ref(whose)));
            task_definition::register(&session, family, content, arn.as_ref(), others).await
        }
        (
            Operation::TagTaskDefinition { task_definition, tags, removed },
            Expectation::TaskDefinitionTags { tags: expected, whose },
        ) => {
            let others = Box::pin(owner::changed(aws, desired, std::slice::from_ref(whose)));
            let change = task_definition::TagChange { arn: task_definition, tags: &tags.0, removed };
            task_definition::tag(&session, change, expected, others).await
        }
        (Operation::CreateService { .. }, Expectation::NoService) => {
            creation::create(&session, &action.operation).await
        }
        (Operation::UpdateService { .. }, expect @ Expectation::Service { .. }) => {
            service::update(&session, &action.operation, expect).await
        }
        (
            Operation::StopServiceDeployment { service, deployment_id },
            Expectation::InProgress { owner, deployment_id: expected },
        ) if deployment_id == expected => {
            service::stop(&session, service.as_str(), deployment_id, owner.as_deref()).await
        }
        (operation, _) => Ok(Outcome::Failed(unusable(action, mismatch(operation)))),
    };
    let outcome = outcome.unwrap_or_else(|error: AwsError| Outcome::Failed(error.reason));
    if let Outcome::Failed(why) = &outcome
        && why.category == UnknownCategory::InvalidCredentials
    {
        session.forget_account().await;
    }
    tracing::debug!(resource = %action.resource, outcome = label(&outcome), "attempted an action");
    outcome
}

fn unusable(action: &Action, what: &str) -> UnknownReason {
    UnknownReason {
        category: UnknownCategory::Refused,
        message: format!("the action for {} was not made: {what}", action.resource),
        hint: "It is planned again in the next pass.".to_owned(),
        aws: None,
    }
}

fn mismatch(operation: &Operation) -> &'static str {
    match operation {
        Operation::TagService { .. } | Operation::UpdateService { .. } => {
            "it does not say how the service must be found"
        }
        Operation::StopServiceDeployment { .. } => "it does not say which deployment must be in progress",
        Operation::CreateService { .. } => "it does not say that there must be no such service",
        Operation::PromoteSecret { .. } => "it does not say which version must be current",
        Operation::TagTaskDefinition { .. } => "it does not say which tags must be found",
        Operation::RegisterTaskDefinition { .. } => "it does not say which revision must be the newest",
    }
}

fn label(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Done { .. } => "done",
        Outcome::AlreadyDone => "already-done",
        Outcome::Superseded { .. } => "superseded",
        Outcome::Failed(_) => "failed",
    }
}
