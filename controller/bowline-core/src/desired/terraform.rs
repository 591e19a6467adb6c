//! What does Terraform call the fields of a service? One table, and what is kept of a state by it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

/// How a value of Terraform compares with one of ECS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The same number, text or flag.
    Same,
    /// A task definition as ARN or `family:revision`; a family alone says nothing.
    Revision,
    /// A flag that ECS writes as ENABLED and DISABLED.
    Enabled,
    /// Texts in any order.
    Texts,
    /// It is not compared: only whether it is there counts, and its value is not kept.
    Presence,
}

/// One argument of `aws_ecs_service` and the field of ECS that it sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attribute {
    /// Terraform's name; inside of a block, `block.argument`.
    pub terraform: &'static str,
    /// The field, as paths of differences name it.
    pub field: &'static str,
    /// How the two compare.
    pub form: Form,
}

const fn row(terraform: &'static str, field: &'static str, form: Form) -> Attribute {
    Attribute { terraform, field, form }
}

/// The arguments of `aws_ecs_service` that set something which Bowline compares (TFP-svc: the Terraform provider's
/// `internal/service/ecs/service.go`). Arguments that only steer Terraform (`wait_for_steady_state`, `triggers`, ...) are not
/// among them, nor are tags, of which Bowline sets its own only.
pub const ATTRIBUTES: &[Attribute] = &[
    row("desired_count", "desiredCount", Form::Same),
    row("task_definition", "taskDefinition", Form::Revision),
    row("availability_zone_rebalancing", "settings.availabilityZoneRebalancing", Form::Same),
    row("capacity_provider_strategy", "settings.capacityProviderStrategy", Form::Presence),
    row(
        "deployment_circuit_breaker.enable",
        "settings.deploymentConfiguration.deploymentCircuitBreaker.enable",
        Form::Same,
    ),
    row(
        "deployment_circuit_breaker.rollback",
        "settings.deploymentConfiguration.deploymentCircuitBreaker.rollback",
        Form::Same,
    ),
    row("deployment_configuration", "settings.deploymentConfiguration", Form::Presence),
    row("deployment_controller.type", "settings.deploymentController.type", Form::Same),
    row("deployment_maximum_percent", "settings.deploymentConfiguration.maximumPercent", Form::Same),
    row(
        "deployment_minimum_healthy_percent",
        "settings.deploymentConfiguration.minimumHealthyPercent",
        Form::Same,
    ),
    row("alarms.alarm_names", "settings.deploymentConfiguration.alarms.alarmNames", Form::Texts),
    row("alarms.enable", "settings.deploymentConfiguration.alarms.enable", Form::Same),
    row("alarms.rollback", "settings.deploymentConfiguration.alarms.rollback", Form::Same),
    row("enable_ecs_managed_tags", "settings.enableECSManagedTags", Form::Same),
    row("enable_execute_command", "settings.enableExecuteCommand", Form::Same),
    row("health_check_grace_period_seconds", "settings.healthCheckGracePeriodSeconds", Form::Same),
    row("iam_role", "settings.role", Form::Same),
    row("launch_type", "settings.launchType", Form::Same),
    row("load_balancer", "settings.loadBalancers", Form::Presence),
    row(
        "network_configuration.assign_public_ip",
        "settings.networkConfiguration.awsvpcConfiguration.assignPublicIp",
        Form::Enabled,
    ),
    row(
        "network_configuration.security_groups",
        "settings.networkConfiguration.awsvpcConfiguration.securityGroups",
        Form::Texts,
    ),
    row(
        "network_configuration.subnets",
        "settings.networkConfiguration.awsvpcConfiguration.subnets",
        Form::Texts,
    ),
    row("ordered_placement_strategy", "settings.placementStrategy", Form::Presence),
    row("placement_constraints", "settings.placementConstraints", Form::Presence),
    row("platform_version", "settings.platformVersion", Form::Same),
    row("propagate_tags", "settings.propagateTags", Form::Same),
    row("scheduling_strategy", "settings.schedulingStrategy", Form::Same),
    row("service_connect_configuration", "settings.serviceConnectConfiguration", Form::Presence),
    row("service_registries", "settings.serviceRegistries", Form::Presence),
    row("volume_configuration", "settings.volumeConfigurations", Form::Presence),
    row("vpc_lattice_configurations", "settings.vpcLatticeConfigurations", Form::Presence),
];

impl Attribute {
    /// What `ignore_changes` calls it: the argument, or the block that it is in.
    pub fn root(&self) -> &'static str {
        self.terraform.split('.').next().unwrap_or(self.terraform)
    }
}

/// The row that sets a field, or something that the field is a part of: the one that says most.
pub fn attribute_of(path: &str) -> Option<&'static Attribute> {
    let sets = |row: &&Attribute| {
        path.strip_prefix(row.field).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    ATTRIBUTES.iter().filter(sets).max_by_key(|row| row.field.len())
}

/// What is kept of one `aws_ecs_service` in a state: nothing but this, since a state holds secrets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TerraformService {
    /// The service's ARN, if it is known.
    pub arn: Option<String>,
    /// The arguments of [`ATTRIBUTES`] that are set, by Terraform's name; without a value where it is not compared, or
    /// sensitive.
    pub set: BTreeMap<&'static str, Option<Value>>,
}

impl TerraformService {
    /// Takes from an instance's `attributes` what matters. `sensitive` names arguments whose values must not be kept.
    pub fn of(attributes: &Value, sensitive: &BTreeSet<String>) -> Self {
        let set = ATTRIBUTES.iter().filter_map(|row| {
            let value = argument(attributes, row.terraform)?;
            let keep = row.form != Form::Presence && !sensitive.contains(row.root()) && is_plain(value);
            Some((row.terraform, keep.then(|| value.clone())))
        });
        let arn = attributes.get("id").and_then(Value::as_str).filter(|id| id.starts_with("arn:"));
        Self { arn: arn.map(str::to_owned), set: set.collect() }
    }
}

/// The value of an argument; nothing if it is not set. A block is a list of one object.
fn argument<'a>(attributes: &'a Value, path: &str) -> Option<&'a Value> {
    let value = path.split('.').try_fold(attributes, |value, name| {
        let block = value.as_array().map_or(value, |list| list.first().unwrap_or(&Value::Null));
        block.get(name)
    })?;
    let empty = match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(_) | Value::Bool(_) | Value::Number(_) => false,
    };
    (!empty).then_some(value)
}

fn is_plain(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().all(Value::is_string),
        Value::Object(_) => false,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

/// Whether a value of Terraform's is that of ECS; nothing if it cannot be told.
pub(crate) fn agrees(form: Form, terraform: &Value, ecs: &Value) -> Option<bool> {
    match form {
        Form::Same => Some(terraform == ecs),
        Form::Revision => {
            let revision = |value: &Value| {
                let text = value.as_str()?;
                let short = text.rsplit('/').next()?;
                short.contains(':').then(|| short.to_owned())
            };
            Some(revision(terraform)? == revision(ecs)?)
        }
        Form::Enabled => Some((ecs.as_str()? == "ENABLED") == terraform.as_bool()?),
        Form::Texts => {
            let texts = |value: &Value| -> Option<BTreeSet<String>> {
                value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
            };
            Some(texts(terraform)? == texts(ecs)?)
        }
        Form::Presence => None,
    }
}

#[cfg(test)]
mod tests;
