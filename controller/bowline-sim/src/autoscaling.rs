//! What would Application Auto Scaling answer of scalable targets?
//!
//! `RegisterScalableTarget`, `DescribeScalableTargets` and `DeregisterScalableTarget` for the desired counts of ECS services.
//! It moves no count by itself: whoever plays the load does so with `UpdateService`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::context::{ApiError, CallContext};

/// The only kind of target that is simulated.
const NAMESPACE: &str = "ecs";
const DIMENSION: &str = "ecs:service:DesiredCount";
/// The longest page, and the one that comes unasked.
const PAGE: usize = 50;

/// All scalable targets of all accounts and regions, by resource id.
#[derive(Default)]
pub(crate) struct Autoscaling {
    regions: BTreeMap<(String, String), BTreeMap<String, Target>>,
}

struct Target {
    minimum: i64,
    maximum: i64,
    role: String,
    created: f64,
    id: String,
    suspended: Suspended,
}

#[derive(Deserialize, Clone, Copy, Default)]
#[serde(rename_all = "PascalCase", default)]
#[allow(clippy::struct_field_names, reason = "AWS's own names")]
struct Suspended {
    dynamic_scaling_in_suspended: bool,
    dynamic_scaling_out_suspended: bool,
    scheduled_scaling_suspended: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Register {
    service_namespace: String,
    resource_id: String,
    scalable_dimension: String,
    min_capacity: Option<i64>,
    max_capacity: Option<i64>,
    #[serde(rename = "RoleARN")]
    role_arn: Option<String>,
    suspended_state: Option<Suspended>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Deregister {
    service_namespace: String,
    resource_id: String,
    scalable_dimension: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Describe {
    service_namespace: String,
    resource_ids: Option<BTreeSet<String>>,
    scalable_dimension: Option<String>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

impl Autoscaling {
    /// Answers one call of the JSON 1.1 protocol. `exists` tells whether a cluster has a service.
    pub(crate) fn handle(
        &mut self,
        context: &CallContext,
        operation: &str,
        body: &Value,
        exists: impl Fn(&str, &str) -> bool,
    ) -> Result<Value, ApiError> {
        let targets = self.regions.entry((context.account.clone(), context.region.clone())).or_default();
        match operation {
            "RegisterScalableTarget" => register(targets, context, parse(body)?, exists),
            "DescribeScalableTargets" => describe(targets, context, &parse(body)?),
            "DeregisterScalableTarget" => deregister(targets, &parse(body)?),
            _ => Err(ApiError::bad_request(
                "UnknownOperationException",
                format!("Application Auto Scaling operation {operation} is not simulated."),
            )),
        }
    }
}

fn parse<T: DeserializeOwned>(body: &Value) -> Result<T, ApiError> {
    serde_json::from_value(body.clone())
        .map_err(|error| validation(format!("1 validation error detected: {error}")))
}

fn validation(message: impl Into<String>) -> ApiError {
    ApiError::bad_request("ValidationException", message)
}

fn check(namespace: &str, dimension: &str) -> Result<(), ApiError> {
    if namespace != NAMESPACE {
        return Err(validation(format!("Service namespace {namespace} is not simulated.")));
    }
    if dimension == DIMENSION {
        return Ok(());
    }
    Err(validation(format!(
        "Unsupported service namespace, resource type or scalable dimension: {dimension}"
    )))
}

fn register(
    targets: &mut BTreeMap<String, Target>,
    context: &CallContext,
    request: Register,
    exists: impl Fn(&str, &str) -> bool,
) -> Result<Value, ApiError> {
    check(&request.service_namespace, &request.scalable_dimension)?;
    let mut parts = request.resource_id.split('/');
    let (Some("service"), Some(cluster), Some(service), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(validation("Unsupported resource id"));
    };
    if !exists(cluster, service) {
        return Err(validation(format!("ECS service doesn't exist: {}", request.resource_id)));
    }
    let before = targets.get(&request.resource_id);
    let minimum = request.min_capacity.or(before.map(|target| target.minimum));
    let maximum = request.max_capacity.or(before.map(|target| target.maximum));
    let (Some(minimum), Some(maximum)) = (minimum, maximum) else {
        return Err(validation("MinCapacity and MaxCapacity are required to register a new scalable target"));
    };
    if minimum < 0 || minimum > maximum {
        return Err(validation("Maximum capacity cannot be less than minimum capacity"));
    }
    let own_role = || {
        format!(
            "arn:aws:iam::{}:role/aws-service-role/ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService",
            context.account
        )
    };
    let target = Target {
        minimum,
        maximum,
        role: request.role_arn.or_else(|| before.map(|target| target.role.clone())).unwrap_or_else(own_role),
        created: before.map_or_else(|| context.now.as_duration().as_secs_f64(), |target| target.created),
        id: before.map_or_else(|| context.request_id.replace('-', ""), |target| target.id.clone()),
        suspended: request.suspended_state.or(before.map(|target| target.suspended)).unwrap_or_default(),
    };
    let arn = arn(context, &target);
    targets.insert(request.resource_id, target);
    Ok(json!({"ScalableTargetARN": arn}))
}

fn deregister(targets: &mut BTreeMap<String, Target>, request: &Deregister) -> Result<Value, ApiError> {
    check(&request.service_namespace, &request.scalable_dimension)?;
    if targets.remove(&request.resource_id).is_some() {
        return Ok(json!({}));
    }
    Err(ApiError::bad_request(
        "ObjectNotFoundException",
        format!(
            "No scalable target found for service namespace: {}, resource ID: {}, scalable dimension: {}",
            request.service_namespace, request.resource_id, request.scalable_dimension
        ),
    ))
}

fn describe(
    targets: &BTreeMap<String, Target>,
    context: &CallContext,
    request: &Describe,
) -> Result<Value, ApiError> {
    check(&request.service_namespace, request.scalable_dimension.as_deref().unwrap_or(DIMENSION))?;
    if request.resource_ids.as_ref().is_some_and(|ids| ids.len() > PAGE) {
        return Err(validation("The maximum number of resource IDs is 50"));
    }
    let page = request.max_results.unwrap_or(PAGE);
    if page == 0 || page > PAGE {
        return Err(validation("maxResults must be between 1 and 50"));
    }
    let after = request.next_token.as_deref().unwrap_or_default();
    let mut matching = targets.iter().filter(|(id, _)| {
        id.as_str() > after && request.resource_ids.as_ref().is_none_or(|wanted| wanted.contains(*id))
    });
    let found: Vec<(&String, &Target)> = matching.by_ref().take(page).collect();
    let mut answer = Map::new();
    if matching.next().is_some() {
        answer.insert("NextToken".to_owned(), found.last().map(|(id, _)| id.as_str()).into());
    }
    let found: Vec<Value> = found.into_iter().map(|(id, target)| shown(context, id, target)).collect();
    answer.insert("ScalableTargets".to_owned(), found.into());
    Ok(Value::Object(answer))
}

fn shown(context: &CallContext, id: &str, target: &Target) -> Value {
    let Suspended {
        dynamic_scaling_in_suspended,
        dynamic_scaling_out_suspended,
        scheduled_scaling_suspended,
    } = target.suspended;
    json!({
        "ServiceNamespace": NAMESPACE, "ResourceId": id, "ScalableDimension": DIMENSION,
        "MinCapacity": target.minimum, "MaxCapacity": target.maximum, "RoleARN": target.role, "CreationTime": target.created,
        "SuspendedState": {
            "DynamicScalingInSuspended": dynamic_scaling_in_suspended,
            "DynamicScalingOutSuspended": dynamic_scaling_out_suspended,
            "ScheduledScalingSuspended": scheduled_scaling_suspended,
        },
        "ScalableTargetARN": arn(context, target),
    })
}

fn arn(context: &CallContext, target: &Target) -> String {
    let CallContext { account, region, .. } = context;
    format!("arn:aws:application-autoscaling:{region}:{account}:scalable-target/{}", target.id)
}

#[cfg(test)]
mod tests;
