//! `UpdateService`: what it may change, and what of it starts a deployment.

use serde_json::{Value, json};

use super::Env;
use super::create_service::controller;
use super::deployment::Rollout;
use super::error::{invalid, service_not_active, service_not_found};
use super::region::Region;
use super::render;
use super::service::{Controller, Service, Status};
use super::shape::Input;
use super::task_definition::usable;
use crate::context::ApiError;

pub(super) fn update(region: &mut Region, env: &mut Env<'_>, mut input: Input) -> Result<Value, ApiError> {
    let recipe = input.text("taskDefinition").map(|reference| usable(region, reference));
    let cluster = region.cluster(&input)?;
    let Some(service) = input.text("service").and_then(|reference| cluster.service(reference)) else {
        return Err(service_not_found());
    };
    service.catch_up(env);
    if service.status != Status::Active {
        return Err(service_not_active());
    }
    let controller_given = check_controller(service, &input)?;
    let mut settings = service.settings.clone();
    if service.daemon && input.has("desiredCount") {
        return Err(invalid(
            "The daemon scheduling strategy does not support a desired count for services. Remove the desired count value and try again.",
        ));
    }
    let back_to_launch_type =
        input.get("capacityProviderStrategy").and_then(Value::as_array).is_some_and(Vec::is_empty);
    let forced = input.flag("forceNewDeployment") == Some(true);
    settings.apply(&mut input)?;
    if !forced && settings.template.capacity_providers != service.settings.template.capacity_providers {
        return Err(invalid(
            "When switching from launch type to capacity provider strategy on an existing service, or making a change to a capacity provider strategy on a service that is already using one, you must force a new deployment.",
        ));
    }
    if let Some(recipe) = recipe {
        settings.template.recipe = Some(recipe?);
    }
    if settings.template.capacity_providers.is_some() {
        settings.template.launch_type = None;
    } else if back_to_launch_type && settings.template.launch_type.is_none() {
        let fargate = service.settings.template.fargate();
        settings.template.launch_type = Some(if fargate { "FARGATE" } else { "EC2" }.to_owned());
    }
    settings.template.check()?;
    let deploys = forced || settings.template.deploys(&service.settings.template);
    service.settings = settings;
    service.controller_given = controller_given;
    let now = env.call.now;
    if deploys && service.controller() == Controller::Ecs {
        service.deploy(now, env.ids);
    }
    service.wake(now);
    let reply = json!({"service": render::service::with_tags(service)});
    Ok(reply)
}

/// The deployment controller from now on. Refuses what a controller other than ECS does not let `UpdateService` do.
fn check_controller(service: &Service, input: &Input) -> Result<Option<Controller>, ApiError> {
    let given = changed_controller(service, input)?;
    let name = match given.unwrap_or(Controller::Ecs) {
        Controller::Ecs => return Ok(given),
        Controller::CodeDeploy => "a CODE_DEPLOY",
        Controller::External => "an EXTERNAL",
    };
    let refused = [
        ("taskDefinition", "task definition"),
        ("networkConfiguration", "network configuration"),
        ("platformVersion", "platform version"),
        ("loadBalancers", "load balancers"),
        ("serviceRegistries", "service registries"),
    ];
    if let Some((_, what)) = refused.into_iter().find(|(field, _)| input.has(field)) {
        return Err(invalid(format!(
            "Unable to update {what} on services with {name} deployment controller. Use AWS CodeDeploy to trigger a new deployment."
        )));
    }
    if input.flag("forceNewDeployment") == Some(true) {
        return Err(invalid(format!(
            "Cannot force a new deployment on services with {name} deployment controller. Use AWS CodeDeploy to trigger a new deployment."
        )));
    }
    Ok(given)
}

fn changed_controller(service: &Service, input: &Input) -> Result<Option<Controller>, ApiError> {
    if input.has("deploymentController") {
        let wanted = controller(input)?;
        if wanted != service.controller() {
            let busy = service.deployments.iter().any(|deployment| deployment.rollout == Rollout::InProgress);
            if busy {
                return Err(invalid(
                    "Cannot change the deployment controller while a deployment is in progress.",
                ));
            }
            if wanted == Controller::CodeDeploy {
                return Err(invalid("Unable to change the deployment controller to CODE_DEPLOY."));
            }
            return Ok(Some(wanted));
        }
    }
    Ok(service.controller_given)
}
