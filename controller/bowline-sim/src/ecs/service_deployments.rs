//! `ListServiceDeployments`, `DescribeServiceDeployments`, `DescribeServiceRevisions`, `StopServiceDeployment`,
//! `ContinueServiceDeployment`.

use serde_json::{Value, json};

use super::Env;
use super::deployment::DeploymentStatus;
use super::error::{client, invalid, service_not_found};
use super::paging;
use super::region::Region;
use super::render::deployment::{brief, full, revision};
use super::shape::Input;
use crate::context::ApiError;

pub(super) fn list(region: &mut Region, env: &mut Env<'_>, input: &Input) -> Result<Value, ApiError> {
    let service = match input.text("service") {
        Some(arn) if arn.starts_with("arn:") => region.service_by_arn(arn),
        Some(name) => region.cluster(input)?.service(name),
        None => None,
    };
    let service = service.ok_or_else(service_not_found)?;
    service.catch_up(env);
    let bound = |name: &str| input.get("createdAt").and_then(|created| created[name].as_f64());
    let (after, before) = (bound("after"), bound("before"));
    let statuses: Vec<&str> = input.texts("status").collect();
    let matching = service.records.iter().rev().filter(|record| {
        let created = record.created_at.as_duration().as_secs_f64();
        after.is_none_or(|after| created > after)
            && before.is_none_or(|before| created < before)
            && (statuses.is_empty() || statuses.contains(&record.status.name()))
    });
    let page = paging::page(input, matching.collect(), 20, |record| &record.id)?;
    let items: Vec<Value> = page.items.into_iter().map(|record| brief(service, record)).collect();
    Ok(paging::reply("serviceDeployments", items.into(), page.next_token))
}

pub(super) fn describe(region: &mut Region, env: &mut Env<'_>, input: &Input) -> Result<Value, ApiError> {
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for arn in arns(input, "serviceDeploymentArns")? {
        let service = region.service_of("service-deployment", arn);
        let described = service.and_then(|service| {
            service.catch_up(env);
            let id = super::arn::last(arn);
            let record = service.records.iter().find(|record| record.id == id)?;
            Some(full(service, record))
        });
        match described {
            Some(described) => found.push(described),
            None => failures.push(json!({"arn": arn, "reason": "MISSING"})),
        }
    }
    Ok(json!({"serviceDeployments": found, "failures": failures}))
}

pub(super) fn describe_revisions(
    region: &mut Region,
    env: &mut Env<'_>,
    input: &Input,
) -> Result<Value, ApiError> {
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for arn in arns(input, "serviceRevisionArns")? {
        let service = region.service_of("service-revision", arn);
        let described = service.and_then(|service| {
            service.catch_up(env);
            let number: u64 = super::arn::last(arn).parse().ok()?;
            let found = service.revisions.iter().find(|revision| revision.number == number)?;
            Some(revision(service, found))
        });
        match described {
            Some(described) => found.push(described),
            None => failures.push(json!({"arn": arn, "reason": "MISSING"})),
        }
    }
    Ok(json!({"serviceRevisions": found, "failures": failures}))
}

fn arns<'a>(input: &'a Input, field: &str) -> Result<Vec<&'a str>, ApiError> {
    match input.list(field).len() {
        0 => Err(invalid(format!("{field} cannot be empty."))),
        1..=20 => Ok(input.texts(field).collect()),
        _ => Err(invalid(format!("{field} cannot have more than 20 elements."))),
    }
}

pub(super) fn stop(region: &mut Region, env: &mut Env<'_>, input: &Input) -> Result<Value, ApiError> {
    let arn = input
        .text("serviceDeploymentArn")
        .ok_or_else(|| invalid("serviceDeploymentArn can not be blank."))?;
    match input.text("stopType") {
        None | Some("ROLLBACK") => {}
        Some(other) => return Err(client(format!("stopType {other} is not supported."))),
    }
    let missing =
        || ApiError::bad_request("ServiceDeploymentNotFoundException", "Service deployment not found.");
    let service = region.service_of("service-deployment", arn).ok_or_else(missing)?;
    service.catch_up(env);
    let id = super::arn::last(arn);
    let record = service.records.iter().find(|record| record.id == id).ok_or_else(missing)?;
    let current = service.records.last().is_some_and(|last| last.id == id);
    if !current || record.status.finished() || record.rollback.is_some() {
        return Err(ApiError::bad_request(
            "ConflictException",
            "The service deployment cannot be stopped in its current state.",
        ));
    }
    service.roll_back_on_request(env.call.now, env.ids);
    service.wake(env.call.now);
    Ok(json!({"serviceDeploymentArn": arn}))
}

/// Lets a deployment go on that a PAUSE hook holds, or sends it back.
pub(super) fn go_on(region: &mut Region, env: &mut Env<'_>, input: &Input) -> Result<Value, ApiError> {
    let required = |name: &str| input.text(name).ok_or_else(|| invalid(format!("{name} can not be blank.")));
    let (arn, hook) = (required("serviceDeploymentArn")?, required("hookId")?);
    let missing =
        || ApiError::bad_request("ServiceDeploymentNotFoundException", "Service deployment not found.");
    let service = region.service_of("service-deployment", arn).ok_or_else(missing)?;
    service.catch_up(env);
    let id = super::arn::last(arn);
    let record = service.records.iter_mut().find(|record| record.id == id).ok_or_else(missing)?;
    if record.status != DeploymentStatus::InProgress || !record.pace.go_on(hook) {
        return Err(invalid("The hook is not awaiting an action."));
    }
    match input.text("action") {
        Some("ROLLBACK") => service.roll_back_on_request(env.call.now, env.ids),
        None | Some("CONTINUE") => {}
        Some(other) => return Err(invalid(format!("action {other} is not supported."))),
    }
    service.wake(env.call.now);
    Ok(json!({"serviceDeploymentArn": arn}))
}
