//! Secrets: AWSCURRENT moved by a compare-and-swap.

use std::time::Duration;

use bowline_core::live::{LiveSecret, UnknownCategory};
use bowline_core::name::SecretVersionId;
use bowline_core::plan::Outcome;

use crate::aws::{Api, AwsError, Effect, Priority, Session};

/// Secrets Manager is eventually consistent: how often a promotion is looked for, and how long between two looks.
const LOOKS: usize = 5;
const BETWEEN_LOOKS: Duration = Duration::from_millis(300);

/// Moves AWSCURRENT from `from` to `to`.
pub(super) async fn promote(
    session: &Session,
    arn: &str,
    to: &SecretVersionId,
    from: &str,
    expected: &str,
) -> Result<Outcome, AwsError> {
    let before = read(session, arn).await?;
    match before.current() {
        Some(current) if current == to.as_str() => return Ok(Outcome::AlreadyDone),
        current if current != Some(expected) => return Ok(superseded(current)),
        _ => {}
    }
    match session.promote_secret(arn, to, from).await {
        Ok(()) => confirm(session, arn, to, from).await,
        Err(error) => recover(session, arn, to, from, error).await,
    }
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
