//! `DescribeServices` and `ListServices`: the calls that a controller makes most.

use serde_json::{Value, json};

use super::Env;
use super::error::invalid;
use super::paging;
use super::region::Region;
use super::render;
use super::service::Status;
use super::shape::Input;
use crate::context::ApiError;

/// Answers with text put together from the services' cached descriptions: nothing is rendered again while nothing
/// changes, which is what makes thousands of calls a second cheap.
pub(super) fn describe_services(
    region: &mut Region,
    env: &mut Env<'_>,
    input: &Input,
) -> Result<String, ApiError> {
    let references = input.list("services");
    if references.is_empty() {
        return Err(invalid("Services cannot be empty."));
    }
    if references.len() > 10 {
        return Err(invalid("Services cannot have more than 10 elements."));
    }
    let arns = region.arns.clone();
    let cluster = region.cluster(input)?;
    let (mut services, mut failures) = (String::new(), Vec::new());
    for reference in input.texts("services") {
        if let Some(service) = cluster.service(reference) {
            service.catch_up(env);
            if !services.is_empty() {
                services.push(',');
            }
            render::service::append(service, input.wants_tags(), &mut services);
        } else {
            let arn = if reference.starts_with("arn:") {
                reference.to_owned()
            } else {
                arns.service(&cluster.name, reference)
            };
            failures.push(json!({"arn": arn, "reason": "MISSING"}));
        }
    }
    Ok(format!("{{\"failures\":{},\"services\":[{services}]}}", Value::from(failures)))
}

pub(super) fn list_services(
    region: &mut Region,
    env: &mut Env<'_>,
    input: &Input,
) -> Result<Value, ApiError> {
    let cluster = region.cluster(input)?;
    cluster.catch_up(env);
    let launch_type = input.text("launchType");
    let daemon = input.text("schedulingStrategy").map(|strategy| strategy == "DAEMON");
    let express = input.text("resourceManagementType") == Some("ECS");
    let matching = cluster.services.values().filter(|service| {
        service.status != Status::Inactive
            && !express
            && daemon.is_none_or(|daemon| daemon == service.daemon)
            && launch_type.is_none_or(|kind| service.settings.template.launch_type.as_deref() == Some(kind))
    });
    paging::arns(input, "serviceArns", matching.map(|service| service.arn.clone()).collect(), 10)
}
