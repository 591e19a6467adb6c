//! Task definitions: a new revision, only while the newest one is still the one that was compared with.

use bowline_core::desired::TaskDefinitionContent;
use bowline_core::diff::diff_task_definition;
use bowline_core::name::TaskDefinitionArn;
use bowline_core::plan::Outcome;

use crate::aws::{AwsError, Effect, Priority, Session};

/// Registers a revision. AWS has no token for it, so a lost answer is looked for instead of repeated.
pub(super) async fn register(
    session: &Session,
    family: &str,
    content: &TaskDefinitionContent,
    expected: Option<&TaskDefinitionArn>,
) -> Result<Outcome, AwsError> {
    let newest = newest(session, family).await?;
    if newest.as_ref() != expected {
        let words = |arn: Option<&TaskDefinitionArn>| {
            arn.map_or_else(|| "none".to_owned(), |arn| arn.revision().to_string())
        };
        let found =
            format!("the newest revision is {}, expected {}", words(newest.as_ref()), words(expected));
        return Ok(Outcome::Superseded { found });
    }
    match session.register_task_definition(family, content).await {
        Ok(arn) => Ok(done(arn)),
        Err(error) if error.effect == Effect::None => Err(error),
        Err(error) => match find(session, family, content, expected).await {
            Ok(Some(arn)) => Ok(done(arn)),
            // Not seen, or not readable: the next pass compares again. The first failure is the one to tell.
            Ok(None) | Err(_) => Err(error),
        },
    }
}

/// The revision that a lost answer was about: newer than the expected one, and with this content.
async fn find(
    session: &Session,
    family: &str,
    content: &TaskDefinitionContent,
    before: Option<&TaskDefinitionArn>,
) -> Result<Option<TaskDefinitionArn>, AwsError> {
    let Some(arn) = newest(session, family).await?.filter(|arn| Some(arn) != before) else { return Ok(None) };
    let found = session.describe_task_definition(arn.as_str()).await?;
    let same = found.is_some_and(|found| diff_task_definition(content, &found.content, &[], &[]).is_empty());
    Ok(same.then_some(arn))
}

async fn newest(session: &Session, family: &str) -> Result<Option<TaskDefinitionArn>, AwsError> {
    Ok(session.newest_revisions(family, 1, Priority::Watch).await?.into_iter().next())
}

fn done(arn: TaskDefinitionArn) -> Outcome {
    Outcome::Done { deployment_id: None, task_definition: Some(arn) }
}
