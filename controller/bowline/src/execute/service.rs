//! Services: records and a claim by TagResource, a change by UpdateService, a stop by StopServiceDeployment.

use std::sync::Arc;

use bowline_core::diff::{is_shown, settings_cannot_be_told, settings_fingerprint, settings_in_effect};
use bowline_core::live::{LiveService, RolloutState, ServiceStatus, UnknownCategory};
use bowline_core::name::TaskDefinitionArn;
use bowline_core::plan::{self, Expectation, Operation, Outcome, TagKey};

use crate::aws::ecs::ServiceChange;
use crate::aws::{Api, AwsError, Effect, Priority, Session};

/// Writes tags on a service.
pub(super) async fn tag(
    session: &Session,
    arn: &str,
    tags: &[(TagKey, String)],
    expect: &Expectation,
) -> Result<Outcome, AwsError> {
    let found = read(session, service_name(arn)).await?;
    let tags = missing(&found, tags);
    if tags.is_empty() {
        return Ok(Outcome::AlreadyDone);
    }
    if let Some(found) = differs(&found, expect) {
        return Ok(Outcome::Superseded { found });
    }
    session.tag_service(arn, &tags).await?;
    Ok(Outcome::Done { deployment_id: None, task_definition: None })
}

/// Changes a service: its records first, so that a crash between the two calls is seen.
pub(super) async fn update(
    session: &Session,
    operation: &Operation,
    expect: &Expectation,
) -> Result<Outcome, AwsError> {
    let Operation::UpdateService {
        service,
        service_arn,
        task_definition,
        desired_count,
        force_new_deployment,
        settings,
        tags,
        ..
    } = operation
    else {
        return Ok(Outcome::AlreadyDone);
    };
    let change = ServiceChange {
        service: service.as_str(),
        task_definition: task_definition.as_ref(),
        desired_count: *desired_count,
        force_new_deployment: *force_new_deployment,
        settings: &settings.0,
    };
    let before = read(session, service.as_str()).await?;
    let shown = change.settings.keys().all(|field| is_shown(field));
    let told = !settings_cannot_be_told(change.settings, &before.settings);
    if !change.force_new_deployment && shown && told && is_in_effect(&before, &change, None) {
        return Ok(Outcome::AlreadyDone);
    }
    if let Some(found) = differs(&before, expect) {
        return Ok(Outcome::Superseded { found });
    }
    write_tags(session, service_arn, &missing(&before, tags)).await?;
    let replaced = before.primary().map(|primary| primary.id.clone());
    match session.update_service(&change).await {
        Ok(after) if is_in_effect(&after, &change, replaced.as_deref()) => Ok(done(&after)),
        Ok(after) => Err(not_confirmed(session, &change, &after)),
        Err(error) => recover(session, &change, replaced.as_deref(), error).await,
    }
}

/// Stops a deployment, if it still is PRIMARY and in progress. What ECS has ended, or is ending already, needs no stop: that
/// is an outcome and no error.
pub(super) async fn stop(
    session: &Session,
    service: &str,
    deployment_id: &str,
    owner: Option<&str>,
) -> Result<Outcome, AwsError> {
    let found = read(session, service).await?;
    if let Some(found) = other_owner(&found, owner).or_else(|| is_not_in_progress(&found, deployment_id)) {
        return Ok(Outcome::Superseded { found });
    }
    let Some(deployment) = session.find_deployment(service, deployment_id).await? else {
        return Ok(Outcome::Superseded { found: format!("ECS does not list {deployment_id} yet") });
    };
    if !deployment.is_under_way {
        return Ok(Outcome::AlreadyDone);
    }
    let stopped = Outcome::Done { deployment_id: Some(deployment_id.to_owned()), task_definition: None };
    let Err(error) = session.stop_deployment(&deployment.arn).await else { return Ok(stopped) };
    // Somebody, or ECS itself, was faster; or the answer was lost. What is found now decides.
    let may_be_done = error.effect == Effect::Possible || error.code() == Some("ConflictException");
    if may_be_done
        && let Ok(Some(after)) = session.find_deployment(service, deployment_id).await
        && !after.is_under_way
    {
        return Ok(if error.effect == Effect::Possible { stopped } else { Outcome::AlreadyDone });
    }
    Err(error)
}

/// What is found instead of the deployment in progress, as a sentence.
fn is_not_in_progress(service: &LiveService, deployment_id: &str) -> Option<String> {
    let Some(primary) = service.primary() else {
        return Some("the service has no PRIMARY deployment".to_owned());
    };
    if primary.id != deployment_id {
        return Some(format!("the PRIMARY deployment is {}, expected {deployment_id}", primary.id));
    }
    (primary.rollout_state != Some(RolloutState::InProgress))
        .then(|| format!("{deployment_id} is not in progress any more"))
}

/// Writes records and claim ahead of a change. A claim alone holds no repair up: its owner was read right before, and it is
/// written again as soon as nothing else is to be done, where a failure is told.
async fn write_tags(session: &Session, arn: &str, tags: &[(TagKey, String)]) -> Result<(), AwsError> {
    if tags.is_empty() {
        return Ok(());
    }
    match session.tag_service(arn, tags).await {
        Err(error) if tags.iter().all(|(key, _)| key.is_claim()) => {
            tracing::debug!(arn, error = %error.reason.message, "not claimed, the change is made all the same");
            Ok(())
        }
        written => written,
    }
}

/// UpdateService failed: what is live decides, where its answer was lost.
async fn recover(
    session: &Session,
    change: &ServiceChange<'_>,
    replaced: Option<&str>,
    error: AwsError,
) -> Result<Outcome, AwsError> {
    if error.effect == Effect::None {
        // "TaskDefinition is inactive": what is cached of it is not true any more.
        if let (UnknownCategory::Refused, Some(arn)) = (error.category(), change.task_definition) {
            session.forget_task_definition(arn).await;
        }
        return Err(error);
    }
    match read(session, change.service).await {
        Ok(after) if is_in_effect(&after, change, replaced) => Ok(done(&after)),
        // Not seen, or not readable: the next pass looks again. The first failure is the one to tell.
        Ok(_) | Err(_) => Err(error),
    }
}

async fn read(session: &Session, name: &str) -> Result<Arc<LiveService>, AwsError> {
    find(session, name).await?.ok_or_else(|| refused(session, name, MISSING))
}

/// What ECS says of a service that it does not know.
pub(super) const MISSING: &str = "MISSING";

/// The service as it is now, if ECS knows one.
pub(super) async fn find(session: &Session, name: &str) -> Result<Option<Arc<LiveService>>, AwsError> {
    let mut answer = session.describe_services(&[name.to_owned()], Priority::Watch).await?;
    match (answer.services.remove(name), answer.failures.remove(name)) {
        (Some(Ok(service)), _) => Ok(Some(service)),
        (Some(Err(what)), _) => {
            let on = format!("{name} in cluster {}", session.cluster());
            Err(AwsError::bad_answer(Api::DescribeServices, &on, &what))
        }
        (None, Some(reason)) if reason == MISSING => Ok(None),
        (None, reason) => Err(refused(session, name, reason.as_deref().unwrap_or("no answer for it"))),
    }
}

fn refused(session: &Session, name: &str, reason: &str) -> AwsError {
    let on = format!("{name} in cluster {}", session.cluster());
    AwsError::new(Api::DescribeServices, &on, UnknownCategory::Refused, reason)
}

/// The name in a service's ARN, with and without the cluster in it.
fn service_name(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// Those of the tags that the service does not have yet.
fn missing(service: &LiveService, tags: &[(TagKey, String)]) -> Vec<(TagKey, String)> {
    let is_there = |(key, value): &&(TagKey, String)| service.tags.get(key.as_str()) == Some(value);
    tags.iter().filter(|tag| !is_there(tag)).cloned().collect()
}

/// What is not as expected, as a sentence.
fn differs(found: &LiveService, expect: &Expectation) -> Option<String> {
    let Expectation::Service { owner, task_definition, primary_deployment, desired_count, settings } = expect
    else {
        return None;
    };
    let revision = |arn: Option<&TaskDefinitionArn>| {
        arn.map_or_else(|| "none".to_owned(), |arn| arn.revision().to_string())
    };
    let primary = found.primary().map(|deployment| &deployment.id);
    let words = |id: Option<&String>| id.map_or_else(|| "none".to_owned(), Clone::clone);
    if found.status != ServiceStatus::Active {
        return Some("the service is not ACTIVE any more".to_owned());
    }
    if let Some(other) = other_owner(found, owner.as_deref()) {
        return Some(other);
    }
    if found.task_definition != *task_definition {
        let (now, then) = (revision(found.task_definition.as_ref()), revision(task_definition.as_ref()));
        return Some(format!("the task definition is {now}, expected {then}"));
    }
    if primary != primary_deployment.as_ref() {
        let (now, then) = (words(primary), words(primary_deployment.as_ref()));
        return Some(format!("the PRIMARY deployment is {now}, expected {then}"));
    }
    if found.desired_count != *desired_count {
        return Some(format!("the desired count is {}, expected {desired_count}", found.desired_count));
    }
    let changed =
        settings.iter().find(|(field, seen)| settings_fingerprint(&found.settings, field) != **seen);
    changed.map(|(field, _)| format!("settings.{field} is not what it was when the plan was made"))
}

/// Whose the service is instead, as a sentence.
fn other_owner(found: &LiveService, expected: Option<&str>) -> Option<String> {
    (plan::owner(found) != expected).then(|| belongs("the service", plan::owner(found), expected))
}

/// Whose a service is, and whose it was expected to be, as a sentence.
pub(super) fn belongs(service: &str, now: Option<&str>, expected: Option<&str>) -> String {
    let whose = |owner: Option<&str>| {
        owner.map_or_else(|| "nobody".to_owned(), |owner| format!("the Bowline instance `{owner}`"))
    };
    format!("{service} belongs to {}, expected {}", whose(now), whose(expected))
}

/// Whether the service is as the change wants it; a forced deployment shows by another PRIMARY than the `replaced` one.
fn is_in_effect(service: &LiveService, change: &ServiceChange<'_>, replaced: Option<&str>) -> bool {
    let runs = change.task_definition.is_none_or(|wanted| service.task_definition.as_ref() == Some(wanted));
    let counts = change.desired_count.is_none_or(|wanted| service.desired_count == wanted);
    let forced = !change.force_new_deployment
        || service.primary().is_some_and(|primary| Some(primary.id.as_str()) != replaced);
    runs && counts && forced && settings_in_effect(change.settings, &service.settings)
}

pub(super) fn done(service: &LiveService) -> Outcome {
    Outcome::Done {
        deployment_id: service.primary().map(|primary| primary.id.clone()),
        task_definition: service.task_definition.clone(),
    }
}

fn not_confirmed(session: &Session, change: &ServiceChange<'_>, after: &LiveService) -> AwsError {
    let on = format!("{} in cluster {}", change.service, session.cluster());
    let revision =
        after.task_definition.as_ref().map_or_else(|| "none".to_owned(), |arn| arn.revision().to_string());
    let settings: Vec<&str> = change.settings.keys().map(String::as_str).collect();
    let settings = if settings.is_empty() { String::new() } else { format!(", {}", settings.join(", ")) };
    let what = format!(
        "accepted, but the service does not show it (task definition {revision}, desired count {}{settings})",
        after.desired_count
    );
    AwsError::bad_answer(Api::UpdateService, &on, &what)
}
