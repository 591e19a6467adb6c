//! What a service is asked to be: the part a deployment rolls out, and the part that takes effect at once.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::defaults::fill_missing;
use super::error::invalid;
use super::recipe::Recipe;
use super::shape::Input;
use crate::context::ApiError;

/// What a service revision fixes: to change any of it, AWS starts a deployment.
#[derive(Debug, Clone)]
pub(super) struct Template {
    /// Absent with an EXTERNAL deployment controller.
    pub(super) recipe: Option<Arc<Recipe>>,
    pub(super) launch_type: Option<String>,
    pub(super) capacity_providers: Option<Value>,
    pub(super) platform_version: Option<String>,
    pub(super) network: Option<Value>,
    pub(super) load_balancers: Value,
    pub(super) service_registries: Value,
    pub(super) service_connect: Option<Value>,
    pub(super) volumes: Option<Value>,
    pub(super) lattice: Option<Value>,
    pub(super) gateways: Option<Value>,
    pub(super) monitoring: Option<Value>,
    /// The digests of its containers' images, as far as ECS resolved them when its deployment began.
    pub(super) digests: Vec<Option<String>>,
    /// From the service, for the verdict of load balancer checks.
    pub(super) grace_seconds: u64,
}

impl Template {
    /// One in which nothing else is said.
    pub(super) fn new(recipe: Option<Arc<Recipe>>, launch_type: Option<String>) -> Self {
        Self {
            recipe,
            launch_type,
            capacity_providers: None,
            platform_version: None,
            network: None,
            load_balancers: json!([]),
            service_registries: json!([]),
            service_connect: None,
            volumes: None,
            lattice: None,
            gateways: None,
            monitoring: None,
            digests: Vec::new(),
            grace_seconds: 0,
        }
    }

    /// Whether going from `self` to `other` takes a deployment. The capacity provider strategy does not by itself.
    pub(super) fn deploys(&self, other: &Self) -> bool {
        let arn = |template: &Self| template.recipe.as_ref().map(|recipe| recipe.arn.clone());
        arn(self) != arn(other)
            || self.platform_version != other.platform_version
            || self.network != other.network
            || self.load_balancers != other.load_balancers
            || self.service_registries != other.service_registries
            || self.service_connect != other.service_connect
            || self.volumes != other.volumes
            || self.lattice != other.lattice
            || self.gateways != other.gateways
            || self.monitoring != other.monitoring
    }

    /// Whether tasks run on Fargate.
    pub(super) fn fargate(&self) -> bool {
        let provider =
            |item: &Value| item["capacityProvider"].as_str().is_some_and(|name| name.starts_with("FARGATE"));
        self.launch_type.as_deref() == Some("FARGATE")
            || self
                .capacity_providers
                .as_ref()
                .and_then(Value::as_array)
                .is_some_and(|list| list.iter().any(provider))
    }

    /// The platform version that tasks run on: `LATEST` is resolved.
    pub(super) fn resolved_platform(&self) -> Option<&str> {
        match self.platform_version.as_deref() {
            Some("LATEST") => Some("1.4.0"),
            other => other,
        }
    }

    /// Whether tasks are registered with a load balancer's target group.
    pub(super) fn target_group(&self) -> Option<&str> {
        self.load_balancers.as_array()?.iter().find_map(|balancer| balancer["targetGroupArn"].as_str())
    }

    /// Whether the service is behind a Classic Load Balancer.
    pub(super) fn classic(&self) -> bool {
        self.load_balancers
            .as_array()
            .is_some_and(|list| list.iter().any(|balancer| balancer.get("loadBalancerName").is_some()))
    }

    /// Takes over the members of the template that `input` gives; those it omits stay.
    pub(super) fn apply(&mut self, input: &mut Input) {
        let replace = |slot: &mut Option<Value>, value: Option<Value>| {
            if value.is_some() {
                *slot = value;
            }
        };
        if let Some(version) = input.text("platformVersion") {
            self.platform_version = Some(version.to_owned());
        }
        replace(&mut self.network, input.take("networkConfiguration").map(network));
        if let Some(strategy) = input.take("capacityProviderStrategy").map(strategy) {
            self.capacity_providers =
                strategy.as_array().is_some_and(|list| !list.is_empty()).then_some(strategy);
        }
        if let Some(balancers) = input.take("loadBalancers") {
            self.load_balancers = balancers;
        }
        if let Some(registries) = input.take("serviceRegistries") {
            self.service_registries = registries;
        }
        replace(&mut self.service_connect, input.take("serviceConnectConfiguration"));
        replace(&mut self.volumes, input.take("volumeConfigurations"));
        replace(&mut self.lattice, input.take("vpcLatticeConfigurations"));
        replace(&mut self.gateways, input.take("gatewayConnectors"));
        replace(&mut self.monitoring, input.take("monitoring"));
    }

    /// Refuses what does not fit the task definition.
    pub(super) fn check(&self) -> Result<(), ApiError> {
        let Some(recipe) = &self.recipe else { return Ok(()) };
        if recipe.awsvpc && self.network.is_none() {
            return Err(invalid(
                "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
            ));
        }
        if !recipe.awsvpc && self.network.is_some() {
            return Err(invalid(
                "Network Configuration is not valid for the given networkMode of this task definition.",
            ));
        }
        if self.fargate() && !recipe.fargate {
            return Err(invalid("Task definition does not support launch_type FARGATE."));
        }
        for balancer in self.load_balancers.as_array().into_iter().flatten() {
            let name = balancer["containerName"].as_str().unwrap_or_default();
            let port = balancer["containerPort"].as_i64().unwrap_or_default();
            if !recipe.containers.iter().any(|container| container.name == name) {
                return Err(invalid(format!("The container {name} does not exist in the task definition.")));
            }
            if !recipe.ports.iter().any(|(container, mapped)| container == name && *mapped == port) {
                return Err(invalid(format!(
                    "The container {name} did not have a container port {port} defined."
                )));
            }
        }
        Ok(())
    }
}

fn network(mut value: Value) -> Value {
    if let Some(Value::Object(awsvpc)) = value.get_mut("awsvpcConfiguration") {
        fill_missing(awsvpc, [("securityGroups", json!([])), ("assignPublicIp", json!("DISABLED"))]);
    }
    value
}

fn strategy(mut value: Value) -> Value {
    for item in value.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        fill_missing(item, [("weight", json!(0)), ("base", json!(0))]);
    }
    value
}

/// How a service replaces its tasks; always complete.
#[derive(Debug, Clone)]
pub(super) struct DeploymentSettings {
    pub(super) body: Map<String, Value>,
}

impl DeploymentSettings {
    /// AWS's defaults for a scheduling strategy.
    pub(super) fn new(daemon: bool) -> Self {
        let (maximum, minimum) = if daemon { (100, 0) } else { (200, 100) };
        let mut body = Map::new();
        fill_missing(
            &mut body,
            [
                ("deploymentCircuitBreaker", json!({"enable": false, "rollback": false})),
                ("maximumPercent", json!(maximum)),
                ("minimumHealthyPercent", json!(minimum)),
                ("strategy", json!("ROLLING")),
                ("bakeTimeInMinutes", json!(0)),
            ],
        );
        Self { body }
    }

    /// Takes over what is given; an empty circuit breaker is both flags off.
    pub(super) fn apply(&mut self, given: Option<Value>) -> Result<(), ApiError> {
        let Some(Value::Object(given)) = given else { return Ok(()) };
        let strategy = given.get("strategy").or_else(|| self.body.get("strategy"));
        let strategy = strategy.and_then(Value::as_str).unwrap_or("ROLLING").to_owned();
        for (member, _) in OF_ONE_STRATEGY.into_iter().filter(|(_, only)| *only != strategy) {
            if given.get(member).is_some_and(|value| !value.is_null()) {
                return Err(invalid(format!(
                    "{member} is not valid for the deployment strategy {strategy}."
                )));
            }
            self.body.remove(member);
        }
        self.body.extend(given);
        if let Some(Value::Object(breaker)) = self.body.get_mut("deploymentCircuitBreaker") {
            fill_missing(breaker, [("enable", json!(false)), ("rollback", json!(false))]);
        }
        if self.percent("maximumPercent") == 0
            || self.percent("maximumPercent") <= 100 && self.percent("minimumHealthyPercent") >= 100
        {
            return Err(invalid(
                "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments.",
            ));
        }
        Ok(())
    }

    fn percent(&self, name: &str) -> usize {
        self.body
            .get(name)
            .and_then(Value::as_u64)
            .and_then(|value| usize::try_from(value).ok())
            .unwrap_or_default()
    }

    /// The fewest healthy tasks to keep while replacing `desired`: rounded up.
    pub(super) fn fewest_healthy(&self, desired: usize) -> usize {
        (desired * self.percent("minimumHealthyPercent")).div_ceil(100)
    }

    /// The most tasks to have at once while replacing `desired`: rounded down.
    pub(super) fn most_tasks(&self, desired: usize) -> usize {
        desired * self.percent("maximumPercent") / 100
    }

    fn breaker(&self) -> &Value {
        self.body.get("deploymentCircuitBreaker").unwrap_or(&Value::Null)
    }

    pub(super) fn breaker_enabled(&self) -> bool {
        self.breaker()["enable"] == true
    }

    pub(super) fn breaker_rolls_back(&self) -> bool {
        self.breaker()["rollback"] == true
    }

    /// Whether one healthy task forgets the failures before it.
    pub(super) fn healthy_task_resets(&self) -> bool {
        self.breaker()["resetOnHealthyTask"] != false
    }

    /// How many tasks may fail in a row: half of `desired`, at least 3 and at most 200, unless configured.
    pub(super) fn breaker_threshold(&self, desired: usize) -> usize {
        let configuration = &self.breaker()["thresholdConfiguration"];
        let value = configuration["value"].as_u64().and_then(|value| usize::try_from(value).ok());
        let share = (desired * value.unwrap_or(50)).div_ceil(100);
        match configuration["type"].as_str() {
            Some("COUNT") => value.unwrap_or(3).max(1),
            Some("UNBOUNDED_PERCENT") => share.max(1),
            _ => share.clamp(3, 200),
        }
    }
}

/// What AWS takes with one strategy only ("Only valid when the deployment strategy is CANARY").
const OF_ONE_STRATEGY: [(&str, &str); 2] =
    [("canaryConfiguration", "CANARY"), ("linearConfiguration", "LINEAR")];

/// All that `UpdateService` can change.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) template: Template,
    pub(super) desired: usize,
    pub(super) deployment: DeploymentSettings,
    pub(super) placement_constraints: Value,
    pub(super) placement_strategy: Value,
    pub(super) execute_command: bool,
    pub(super) managed_tags: bool,
    pub(super) propagate_tags: String,
    pub(super) zone_rebalancing: String,
}

impl Settings {
    /// Takes over the members that `input` gives, beside the task definition; those it omits stay.
    pub(super) fn apply(&mut self, input: &mut Input) -> Result<(), ApiError> {
        if let Some(count) = input.integer("desiredCount") {
            self.desired = usize::try_from(count).map_err(|_| invalid("desiredCount cannot be negative"))?;
        }
        self.deployment.apply(input.take("deploymentConfiguration"))?;
        if let Some(seconds) = input.integer("healthCheckGracePeriodSeconds") {
            self.template.grace_seconds = u64::try_from(seconds)
                .map_err(|_| invalid("healthCheckGracePeriodSeconds cannot be negative"))?;
        }
        if let Some(constraints) = input.take("placementConstraints") {
            self.placement_constraints = constraints;
        }
        if let Some(strategy) = input.take("placementStrategy") {
            self.placement_strategy = strategy;
        }
        self.execute_command = input.flag("enableExecuteCommand").unwrap_or(self.execute_command);
        self.managed_tags = input.flag("enableECSManagedTags").unwrap_or(self.managed_tags);
        let replace = |slot: &mut String, name: &str| {
            if let Some(text) = input.text(name) {
                text.clone_into(slot);
            }
        };
        replace(&mut self.propagate_tags, "propagateTags");
        replace(&mut self.zone_rebalancing, "availabilityZoneRebalancing");
        self.template.apply(input);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_round_to_the_safe_side() {
        let mut settings = DeploymentSettings::new(false);
        settings.apply(Some(json!({"minimumHealthyPercent": 50, "maximumPercent": 150}))).unwrap();
        assert_eq!((settings.fewest_healthy(3), settings.most_tasks(3)), (2, 4));
    }

    #[test]
    fn the_breaker_trips_at_half_of_the_tasks_but_not_before_3() {
        let settings = DeploymentSettings::new(false);
        assert_eq!([1, 6, 25, 1000].map(|desired| settings.breaker_threshold(desired)), [3, 3, 13, 200]);
    }

    #[test]
    fn the_breaker_threshold_can_be_configured() {
        let threshold = |configuration: Value| {
            let mut settings = DeploymentSettings::new(false);
            let breaker = json!({"enable": true, "rollback": true, "thresholdConfiguration": configuration});
            settings.apply(Some(json!({ "deploymentCircuitBreaker": breaker }))).unwrap();
            settings.breaker_threshold(10)
        };
        assert_eq!(threshold(json!({"type": "COUNT", "value": 1})), 1);
        assert_eq!(threshold(json!({"type": "BOUNDED_PERCENT", "value": 10})), 3);
        assert_eq!(threshold(json!({"type": "UNBOUNDED_PERCENT", "value": 10})), 1);
    }
}
