//! Task definitions: a new revision, only while the newest one is still the one that was compared with; and tags of one that
//! is there, only while they are as they were.

use std::collections::{BTreeMap, BTreeSet};

use bowline_core::desired::TaskDefinitionContent;
use bowline_core::diff::{diff_task_definition, tag_fingerprint};
use bowline_core::live::UnknownCategory;
use bowline_core::name::TaskDefinitionArn;
use bowline_core::plan::Outcome;

use crate::aws::{Api, AwsError, Effect, Priority, Session};

/// Registers a revision, unless `others` tells what else is not as expected. AWS has no token for it, so a lost answer is looked for
/// instead of repeated.
pub(super) async fn register(
    session: &Session,
    family: &str,
    content: &TaskDefinitionContent,
    expected: Option<&TaskDefinitionArn>,
    others: impl Future<Output = Result<Option<String>, AwsError>>,
) -> Result<Outcome, AwsError> {
    let (newest, others) = tokio::try_join!(newest(session, family), others)?;
    if newest.as_ref() != expected {
        let words = |arn: Option<&TaskDefinitionArn>| {
            arn.map_or_else(|| "none".to_owned(), |arn| arn.revision().to_string())
        };
        let found =
            format!("the newest revision is {}, expected {}", words(newest.as_ref()), words(expected));
        return Ok(Outcome::Superseded { found });
    }
    if let Some(found) = others {
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

/// A change of a revision's tags.
#[derive(Clone, Copy)]
pub(super) struct TagChange<'a> {
    /// The revision.
    pub(super) arn: &'a TaskDefinitionArn,
    /// The tags to write.
    pub(super) tags: &'a BTreeMap<String, String>,
    /// The keys of the tags to take off.
    pub(super) removed: &'a BTreeSet<String>,
}

/// Writes and takes off tags of a revision, unless `others` tells what else is not as expected. Both calls may be repeated, so a
/// lost answer needs no care.
pub(super) async fn tag(
    session: &Session,
    change: TagChange<'_>,
    expected: &BTreeMap<String, Option<String>>,
    others: impl Future<Output = Result<Option<String>, AwsError>>,
) -> Result<Outcome, AwsError> {
    let TagChange { arn, tags, removed } = change;
    let (found, others) =
        tokio::try_join!(session.task_definition_tags(arn.as_str(), Priority::Watch), others)?;
    let Some(found) = found else {
        let (api, what) = (Api::DescribeTaskDefinition, "there is no such task definition any more");
        return Err(AwsError::new(api, arn.as_str(), UnknownCategory::Refused, what));
    };
    let missing: BTreeMap<String, String> = tags
        .iter()
        .filter(|(key, value)| found.get(key) != Some(*value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let left: BTreeSet<String> = removed.iter().filter(|key| found.contains_key(key)).cloned().collect();
    if missing.is_empty() && left.is_empty() {
        return Ok(Outcome::AlreadyDone);
    }
    let is_other = |key: &&String| {
        let seen = expected.get(*key).and_then(Option::as_deref);
        found.get(key).map(|value| tag_fingerprint(value)).as_deref() != seen
    };
    if let Some(key) = missing.keys().chain(&left).find(is_other) {
        let found = format!("the tag {key} is not what it was when the plan was made");
        return Ok(Outcome::Superseded { found });
    }
    if let Some(found) = others {
        return Ok(Outcome::Superseded { found });
    }
    // First of all: whatever becomes of the calls, the tags in the cache are old from then on.
    session.forget_task_definition(arn).await;
    if !missing.is_empty() {
        session.tag_task_definition(arn, &missing).await?;
    }
    if !left.is_empty() {
        session.untag_task_definition(arn, &left).await?;
    }
    Ok(Outcome::Done { deployment_id: None, task_definition: None })
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
