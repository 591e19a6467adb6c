//! The SDK's ECS types as core's, and task definitions as the JSON of RegisterTaskDefinition.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_ecs::types::{
    Deployment, DeploymentControllerType, DeploymentRolloutState, DeploymentStrategy, ResourceManagementType,
    Service, ServiceDeploymentBrief, ServiceDeploymentStatus,
};
use bowline_core::desired::kind::ServiceSettings;
use bowline_core::desired::{SERVER_ONLY_FIELDS, TaskDefinitionContent};
use bowline_core::live::{
    CircuitBreaker, DeploymentController, DeploymentStatus, LiveDeployment, LiveService, LiveTaskDefinition,
    PastDeployment, PastDeploymentStatus, RolloutState, SchedulingStrategy, ServiceStatus,
    TaskDefinitionStatus, UnknownCategory,
};
use bowline_core::name::TaskDefinitionArn;
use serde_json::{Map, Value, json};

use super::{NewService, Ran, ServiceChange, last_part};
use crate::aws::error::AwsError;
use crate::aws::timestamp;

/// How many service events are kept.
const EVENTS: usize = 10;
/// How the events end that a service in good order repeats every six hours: they tell nothing, and would be held for
/// thousands of services.
const STEADY: &str = "has reached a steady state.";

/// The name under which a service was asked for.
pub(super) fn service_name(service: &Service) -> Option<String> {
    service.service_name.clone().or_else(|| service.service_arn().and_then(last_part))
}

/// A service; the error names the field that cannot be what AWS meant.
pub(super) fn service(service: &Service, settings: ServiceSettings) -> Result<LiveService, String> {
    let arn = service.service_arn.clone().ok_or("the answer has no serviceArn")?;
    let status = match service.status.as_deref().ok_or("the answer has no status")? {
        "ACTIVE" => ServiceStatus::Active,
        "DRAINING" => ServiceStatus::Draining,
        "INACTIVE" => ServiceStatus::Inactive,
        _ => ServiceStatus::Other,
    };
    let controller =
        match service.deployment_controller().map(aws_sdk_ecs::types::DeploymentController::r#type) {
            None | Some(DeploymentControllerType::Ecs) => DeploymentController::Ecs,
            Some(DeploymentControllerType::CodeDeploy) => DeploymentController::CodeDeploy,
            Some(_) => DeploymentController::External,
        };
    let scheduling = match &service.scheduling_strategy {
        None | Some(aws_sdk_ecs::types::SchedulingStrategy::Replica) => SchedulingStrategy::Replica,
        Some(aws_sdk_ecs::types::SchedulingStrategy::Daemon) => SchedulingStrategy::Daemon,
        Some(other) => return Err(format!("schedulingStrategy is {}", other.as_str())),
    };
    let mut deployments = service.deployments().iter().map(deployment).collect::<Result<Vec<_>, _>>()?;
    deployments.sort_by_key(|deployment| deployment.status != DeploymentStatus::Primary);
    // Nearly always there is one, and those of thousands of services are held.
    deployments.shrink_to_fit();
    let mut events: Vec<_> = service
        .events()
        .iter()
        .filter(|event| !event.message().is_some_and(|message| message.ends_with(STEADY)))
        .filter_map(|event| Some((timestamp(event.created_at?)?, event.message.clone()?)))
        .collect();
    events.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    events.truncate(EVENTS);
    let tags = service.tags().iter();
    Ok(LiveService {
        arn,
        status,
        desired_count: count("desiredCount", service.desired_count)?,
        running_count: count("runningCount", service.running_count)?,
        pending_count: count("pendingCount", service.pending_count)?,
        task_definition: task_definition_arn(service.task_definition())?,
        controller,
        scheduling,
        managed_by_ecs: service.resource_management_type() == Some(&ResourceManagementType::Ecs),
        circuit_breaker: circuit_breaker(service),
        service_revision: service_revision(service, &deployments),
        deployments,
        events: events.into(),
        settings,
        tags: tags
            .filter_map(|tag| Some((tag.key.clone()?, tag.value.clone().unwrap_or_default())))
            .collect(),
    })
}

fn circuit_breaker(service: &Service) -> CircuitBreaker {
    let Some(configuration) = service.deployment_configuration() else { return CircuitBreaker::Unsaid };
    let rolls = configuration.strategy().is_none_or(|strategy| *strategy == DeploymentStrategy::Rolling);
    match configuration.deployment_circuit_breaker() {
        Some(breaker) if breaker.enable() => CircuitBreaker::On,
        Some(_) if rolls => CircuitBreaker::Off,
        Some(_) | None => CircuitBreaker::Unsaid,
    }
}

/// The revision of the PRIMARY deployment: the only one, or, during a rollout, the one with the deployment's number.
fn service_revision(service: &Service, deployments: &[LiveDeployment]) -> Option<String> {
    let mut arns = service.current_service_revisions().iter().filter_map(|revision| revision.arn());
    if service.current_service_revisions().len() > 1 {
        let number = deployments.first()?.id.strip_prefix("ecs-svc/")?;
        return arns.find(|arn| last_part(arn).as_deref() == Some(number)).map(str::to_owned);
    }
    arns.next().map(str::to_owned)
}

fn deployment(deployment: &Deployment) -> Result<LiveDeployment, String> {
    let status = match deployment.status.as_deref().ok_or("a deployment has no status")? {
        "PRIMARY" => DeploymentStatus::Primary,
        "ACTIVE" => DeploymentStatus::Active,
        "INACTIVE" => DeploymentStatus::Inactive,
        other => DeploymentStatus::Other(other.to_owned()),
    };
    let rollout_state = deployment.rollout_state.as_ref().map(|state| match state {
        DeploymentRolloutState::InProgress => RolloutState::InProgress,
        DeploymentRolloutState::Completed => RolloutState::Completed,
        DeploymentRolloutState::Failed => RolloutState::Failed,
        other => RolloutState::Other(other.as_str().to_owned()),
    });
    Ok(LiveDeployment {
        id: deployment.id.clone().ok_or("a deployment has no id")?,
        status,
        rollout_state,
        rollout_reason: deployment.rollout_state_reason.clone(),
        task_definition: task_definition_arn(deployment.task_definition())?,
        desired_count: count("a deployment's desiredCount", deployment.desired_count)?,
        running_count: count("a deployment's runningCount", deployment.running_count)?,
        pending_count: count("a deployment's pendingCount", deployment.pending_count)?,
        failed_tasks: count("a deployment's failedTasks", deployment.failed_tasks)?,
        created_at: deployment.created_at.and_then(timestamp),
    })
}

fn count(field: &str, value: i32) -> Result<u32, String> {
    u32::try_from(value).map_err(|_| format!("{field} is {value}"))
}

fn task_definition_arn(text: Option<&str>) -> Result<Option<TaskDefinitionArn>, String> {
    // Under an EXTERNAL controller the field is there and empty.
    let text = text.filter(|text| !text.is_empty());
    text.map(TaskDefinitionArn::parse).transpose().map_err(|error| error.to_string())
}

/// One deployment of ListServiceDeployments; `ran` holds what each service revision rolled out.
pub(super) fn past_deployment(
    brief: &ServiceDeploymentBrief,
    ran: &BTreeMap<String, Ran>,
) -> Result<PastDeployment, String> {
    let revision =
        brief.target_service_revision_arn.as_deref().ok_or("a deployment has no targetServiceRevisionArn")?;
    let number = last_part(revision).filter(|number| number.chars().all(|c| c.is_ascii_digit()));
    let number = number.ok_or_else(|| format!("`{revision}` is not a service revision"))?;
    let status = match brief.status.as_ref().ok_or("a deployment has no status")? {
        ServiceDeploymentStatus::Pending
        | ServiceDeploymentStatus::InProgress
        | ServiceDeploymentStatus::StopRequested => PastDeploymentStatus::InProgress,
        ServiceDeploymentStatus::Successful => PastDeploymentStatus::Successful,
        ServiceDeploymentStatus::Stopped => PastDeploymentStatus::Stopped,
        ServiceDeploymentStatus::RollbackRequested
        | ServiceDeploymentStatus::RollbackInProgress
        | ServiceDeploymentStatus::RollbackSuccessful => PastDeploymentStatus::RolledBack,
        ServiceDeploymentStatus::RollbackFailed => PastDeploymentStatus::Failed,
        other => PastDeploymentStatus::Other(other.as_str().to_owned()),
    };
    Ok(PastDeployment {
        deployment_id: format!("ecs-svc/{number}"),
        task_definition: ran.get(revision).and_then(|ran| ran.task_definition.clone()),
        settings: ran.get(revision).and_then(|ran| ran.settings.clone()),
        status,
        reason: brief.status_reason.clone(),
        created_at: brief.created_at.and_then(timestamp),
    })
}

/// The answer of DescribeTaskDefinition with the server's own fields taken out.
pub(super) fn task_definition(answer: Option<Value>) -> Result<LiveTaskDefinition, String> {
    let Some(Value::Object(mut answer)) = answer else {
        return Err("the answer is not a JSON object".to_owned());
    };
    let Some(Value::Object(mut content)) = answer.remove("taskDefinition") else {
        return Err("the answer has no taskDefinition".to_owned());
    };
    let arn = content.get("taskDefinitionArn").and_then(Value::as_str).unwrap_or_default();
    let arn = TaskDefinitionArn::parse(arn).map_err(|error| error.to_string())?;
    let status = match content.get("status").and_then(Value::as_str) {
        Some("ACTIVE") => TaskDefinitionStatus::Active,
        Some("INACTIVE" | "DELETE_IN_PROGRESS") => TaskDefinitionStatus::Inactive,
        other => return Err(format!("the status is `{}`", other.unwrap_or_default())),
    };
    if !content.get("containerDefinitions").is_some_and(Value::is_array) {
        return Err("the answer has no containerDefinitions".to_owned());
    }
    content.retain(|field, _| !SERVER_ONLY_FIELDS.contains(&field.as_str()));
    // Tags come beside the task definition, but are registered inside it.
    if let Some(Value::Array(tags)) = answer.remove("tags")
        && !tags.is_empty()
    {
        content.insert("tags".to_owned(), Value::Array(tags));
    }
    Ok(LiveTaskDefinition { arn, status, content: TaskDefinitionContent::new(Value::Object(content)) })
}

/// The body of RegisterTaskDefinition.
pub(super) fn register_body(family: &str, content: &TaskDefinitionContent) -> Arc<[u8]> {
    let mut body = match content.value() {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    body.insert("family".to_owned(), Value::String(family.to_owned()));
    Value::Object(body).to_string().into_bytes().into()
}

/// The body of UpdateService: only the fields that change.
pub(super) fn update_body(cluster: &str, change: &ServiceChange<'_>) -> Arc<[u8]> {
    let mut body = change.settings.clone();
    let mut set =
        |field: &str, value: Option<Value>| body.extend(value.map(|value| (field.to_owned(), value)));
    set("cluster", Some(cluster.into()));
    set("service", Some(change.service.into()));
    set("taskDefinition", change.task_definition.map(|arn| arn.as_str().into()));
    set("desiredCount", change.desired_count.map(Value::from));
    set("forceNewDeployment", change.force_new_deployment.then_some(true.into()));
    Value::Object(body).to_string().into_bytes().into()
}

/// The body of CreateService.
pub(super) fn create_body(cluster: &str, new: &NewService<'_>) -> Arc<[u8]> {
    let mut body = new.settings.clone();
    let own = new.tags.iter().map(|(key, value)| json!({ "key": key.as_str(), "value": value }));
    let mut tags = body.get("tags").and_then(Value::as_array).cloned().unwrap_or_default();
    tags.extend(own);
    body.insert("cluster".to_owned(), cluster.into());
    body.insert("serviceName".to_owned(), new.service.into());
    body.insert("taskDefinition".to_owned(), new.task_definition.as_str().into());
    body.insert("clientToken".to_owned(), new.client_token.into());
    body.insert("tags".to_owned(), Value::Array(tags));
    body.extend(new.desired_count.map(|count| ("desiredCount".to_owned(), Value::from(count))));
    Value::Object(body).to_string().into_bytes().into()
}

/// ECS has no error code of its own for a task definition that does not exist.
pub(super) fn is_no_such_task_definition(error: &AwsError) -> bool {
    error.category() == UnknownCategory::Refused
        && error.reason.aws.as_ref().is_some_and(|aws| {
            aws.code.ends_with("ClientException")
                && ["Unable to describe task definition", "does not exist", "not found"]
                    .iter()
                    .any(|words| aws.message.contains(words))
        })
}
