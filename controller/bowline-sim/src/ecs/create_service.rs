//! `CreateService`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Env;
use super::error::{client, invalid};
use super::events::Events;
use super::region::Region;
use super::render;
use super::service::{Controller, Service, Status};
use super::settings::{DeploymentSettings, Settings, Template};
use super::shape::Input;
use super::tags::tag_list;
use super::task_definition::usable;
use crate::context::ApiError;

/// The longest clientToken (CreateService, `clientToken`).
const MOST_TOKEN: usize = 36;

pub(super) fn create(region: &mut Region, env: &mut Env<'_>, mut input: Input) -> Result<Value, ApiError> {
    let request = input.clone();
    let name = service_name(&input)?;
    if input.text("clientToken").is_some_and(|token| !token.is_ascii() || token.len() > MOST_TOKEN) {
        return Err(invalid("The client token must be at most 36 ASCII characters."));
    }
    let cluster = region.cluster(&input)?;
    let (cluster_name, cluster_arn) = (cluster.name.clone(), cluster.arn.clone());
    let default_strategy = cluster.default_strategy.clone();
    if let Some(existing) = cluster.services.get_mut(&name) {
        existing.catch_up(env);
        if let Some(reply) = existing_reply(existing, &request)? {
            return Ok(reply);
        }
    }
    let controller_given = if input.has("deploymentController") { Some(controller(&input)?) } else { None };
    let daemon = daemon(&input)?;
    let tags = tag_list(&input)?;
    let settings = settings(region, &mut input, controller(&request)?, daemon, &default_strategy)?;
    let mut service = Service {
        arn: region.arns.service(&cluster_name, &name),
        name: name.clone(),
        cluster_arn,
        cluster_name: cluster_name.clone(),
        role_arn: role(region, &input),
        created_at: env.call.now,
        created_by: env.call.principal_arn.clone(),
        status: Status::Active,
        daemon,
        controller_given,
        rollback_keeps_id: env.rollback_keeps_id,
        request,
        settings,
        tags,
        deployments: Vec::new(),
        revisions: Vec::new(),
        records: Vec::new(),
        tasks: Vec::new(),
        events: Events::default(),
        steady: None,
        due: Timestamp::MAX,
        rendered: None,
    };
    if service.controller() != Controller::External {
        service.deploy(env.call.now, env.ids);
    }
    let reply = json!({"service": render::service::with_tags(&service)});
    region.named_cluster(&cluster_name)?.services.insert(name, service);
    Ok(reply)
}

/// What to answer when a service of the name exists: itself if this is the request that made it, nothing if it
/// was deleted.
fn existing_reply(existing: &Service, request: &Input) -> Result<Option<Value>, ApiError> {
    match existing.status {
        Status::Inactive => Ok(None),
        Status::Draining => Err(invalid("Unable to Start a service that is still Draining.")),
        Status::Active if existing.request == *request => {
            Ok(Some(json!({"service": render::service::with_tags(existing)})))
        }
        Status::Active => Err(invalid("Creation of service was not idempotent.")),
    }
}

fn settings(
    region: &Region,
    input: &mut Input,
    controller: Controller,
    daemon: bool,
    default_strategy: &Value,
) -> Result<Settings, ApiError> {
    let mut settings = Settings {
        template: template(region, input, controller, default_strategy)?,
        desired: 0,
        deployment: DeploymentSettings::new(daemon),
        placement_constraints: json!([]),
        placement_strategy: json!([]),
        execute_command: false,
        managed_tags: false,
        propagate_tags: "NONE".to_owned(),
        // Since 2025-09 new services balance their zones where they can; a DAEMON service cannot.
        zone_rebalancing: if daemon { "DISABLED" } else { "ENABLED" }.to_owned(),
    };
    if !daemon && !input.has("desiredCount") && controller == Controller::Ecs {
        return Err(invalid("Desired count can not be null."));
    }
    settings.apply(input)?;
    settings.template.check()?;
    if daemon && settings.template.fargate() {
        return Err(invalid("The daemon scheduling strategy is not supported for the Fargate launch type."));
    }
    Ok(settings)
}

/// The role's ARN: as given, made from its name, or that of the service-linked role.
fn role(region: &Region, input: &Input) -> String {
    let account = &region.account;
    match input.text("role") {
        Some(arn) if arn.starts_with("arn:") => arn.to_owned(),
        Some(name) => format!("arn:aws:iam::{account}:role/{name}"),
        None => {
            format!("arn:aws:iam::{account}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS")
        }
    }
}

fn service_name(input: &Input) -> Result<String, ApiError> {
    let name = input.text("serviceName").ok_or_else(|| invalid("Service name cannot be empty."))?;
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if name.len() > 255 || !name.bytes().all(valid) {
        return Err(invalid("Invalid service name."));
    }
    Ok(name.to_owned())
}

/// The `deploymentController` of an input; ECS when it names none.
pub(super) fn controller(input: &Input) -> Result<Controller, ApiError> {
    match input.get("deploymentController").map(|controller| controller["type"].as_str().unwrap_or_default())
    {
        None | Some("ECS") => Ok(Controller::Ecs),
        Some("CODE_DEPLOY") => Ok(Controller::CodeDeploy),
        Some("EXTERNAL") => Ok(Controller::External),
        Some(other) => Err(invalid(format!("Invalid deployment controller type: {other}"))),
    }
}

fn daemon(input: &Input) -> Result<bool, ApiError> {
    match input.text("schedulingStrategy") {
        None | Some("REPLICA") => Ok(false),
        Some("DAEMON") if input.has("desiredCount") => Err(invalid(
            "The daemon scheduling strategy does not support a desired count for services. Remove the desired count value and try again.",
        )),
        Some("DAEMON") => Ok(true),
        Some(other) => Err(invalid(format!("Invalid scheduling strategy: {other}"))),
    }
}

fn template(
    region: &Region,
    input: &mut Input,
    controller: Controller,
    default_strategy: &Value,
) -> Result<Template, ApiError> {
    let recipe = match input.text("taskDefinition") {
        Some(reference) => Some(usable(region, reference)?),
        None if controller == Controller::External => None,
        None => return Err(client("TaskDefinition can not be blank.")),
    };
    let launch_type = input.text("launchType").map(str::to_owned);
    let given = input.list("capacityProviderStrategy");
    if launch_type.is_some() && !given.is_empty() {
        return Err(invalid(
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.",
        ));
    }
    let fallback = default_strategy.as_array().is_some_and(|list| !list.is_empty());
    if launch_type.is_none() && given.is_empty() && fallback {
        input.0.insert("capacityProviderStrategy".to_owned(), default_strategy.clone());
    }
    let strategy = !input.list("capacityProviderStrategy").is_empty();
    // With neither of the two and no default strategy of the cluster, AWS places on EC2.
    let launch_type = if strategy { None } else { launch_type.or_else(|| Some("EC2".to_owned())) };
    let mut template = Template::new(recipe, launch_type);
    // Only the strategy says here whether it is Fargate; the rest is applied with the other settings.
    template.capacity_providers = input.get("capacityProviderStrategy").cloned();
    if template.fargate() {
        template.platform_version = Some("LATEST".to_owned());
    }
    Ok(template)
}
