//! Secrets: AWSCURRENT moved by a compare-and-swap.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bowline_core::live::{LiveSecret, UnknownCategory};
use bowline_core::name::SecretVersionId;
use bowline_core::plan::Outcome;

use crate::aws::{Api, AwsError, Effect, Priority, Session};

/// Secrets Manager is eventually consistent: how often a promotion is looked for, and how long between two looks.
const LOOKS: usize = 5;
const BETWEEN_LOOKS: Duration = Duration::from_millis(300);

/// A move of AWSCURRENT.
#[derive(Clone, Copy)]
pub(super) struct Swap<'a> {
    /// The secret.
    pub(super) arn: &'a str,
    /// The version that becomes current.
    pub(super) to: &'a SecretVersionId,
    /// The version that is current.
    pub(super) from: &'a str,
}

/// Moves AWSCURRENT, if it and the other labels are where they are `expected`, and nothing is told by `others`: what else is not
/// as expected.
pub(super) async fn promote(
    session: &Session,
    swap: Swap<'_>,
    (current, labels): (&str, &Labels),
    others: impl Future<Output = Result<Option<String>, AwsError>>,
) -> Result<Outcome, AwsError> {
    let Swap { arn, to, from } = swap;
    let (before, others) = tokio::try_join!(read(session, arn), others)?;
    match before.current() {
        Some(found) if found == to.as_str() => return Ok(Outcome::AlreadyDone),
        found if found != Some(current) => return Ok(superseded(found)),
        _ => {}
    }
    if let Some(found) = moved(&before.stages, labels).or(others) {
        return Ok(Outcome::Superseded { found });
    }
    match session.promote_secret(arn, to, from).await {
        Ok(()) => confirm(session, arn, to, from).await,
        Err(error) => recover(session, arn, to, from, error).await,
    }
}

/// The labels of each version that has any.
type Labels = BTreeMap<String, BTreeSet<String>>;

/// A label that is not where it was, as a sentence.
fn moved(found: &Labels, expected: &Labels) -> Option<String> {
    let places = |labels: &Labels| -> BTreeSet<(String, String)> {
        let pairs =
            labels.iter().flat_map(|(version, labels)| labels.iter().map(move |label| (label, version)));
        pairs.map(|(label, version)| (label.clone(), version.clone())).collect()
    };
    let (now, then) = (places(found), places(expected));
    if let Some((label, version)) = now.difference(&then).next() {
        return Some(format!("the label {label} is on {version} by now"));
    }
    let (label, version) = then.difference(&now).next()?;
    Some(format!("the label {label} is not on {version} any more"))
}

/// The call was accepted: looks until DescribeSecret shows it.
async fn confirm(
    session: &Session,
    arn: &str,
    to: &SecretVersionId,
    from: &str,
) -> Result<Outcome, AwsError> {
    for look in 0..LOOKS {
        if look > 0 {
            session.clock().sleep(BETWEEN_LOOKS).await;
        }
        match read(session, arn).await?.current() {
            Some(current) if current == to.as_str() => return Ok(done()),
            Some(current) if current == from => {}
            current => return Ok(superseded(current)),
        }
    }
    let what = format!("accepted, but AWSCURRENT is still on {from}");
    Err(AwsError::bad_answer(Api::UpdateSecretVersionStage, &format!("secret {arn}"), &what))
}

/// The call failed: AWSCURRENT itself says whether somebody else was faster, or only the answer was lost.
async fn recover(
    session: &Session,
    arn: &str,
    to: &SecretVersionId,
    from: &str,
    error: AwsError,
) -> Result<Outcome, AwsError> {
    let swap_failed = error.code().is_some_and(|code| code.contains("InvalidParameter"));
    if error.effect == Effect::None && !swap_failed {
        return Err(error);
    }
    match read(session, arn).await {
        Ok(after) if after.current() == Some(to.as_str()) => Ok(done()),
        Ok(after) if after.current() != Some(from) => Ok(superseded(after.current())),
        Ok(_) | Err(_) => Err(error),
    }
}

async fn read(session: &Session, arn: &str) -> Result<LiveSecret, AwsError> {
    let found = session.describe_secret(arn, Priority::Watch).await?;
    found.ok_or_else(|| {
        let on = format!("secret {arn}");
        AwsError::new(Api::DescribeSecret, &on, UnknownCategory::Refused, "it does not exist any more")
    })
}

fn done() -> Outcome {
    Outcome::Done { deployment_id: None, task_definition: None }
}

fn superseded(current: Option<&str>) -> Outcome {
    Outcome::Superseded { found: format!("AWSCURRENT is on {}", current.unwrap_or("no version")) }
}
