//! A service as `DescribeServices` shows it.

use serde_json::{Map, Value, json};

use super::put;
use crate::ecs::deployment::Deployment;
use crate::ecs::service::{Controller, Service};
use crate::ecs::settings::Template;
use crate::ecs::shape::epoch;
use crate::ecs::task::Phase;

/// Appends the JSON text of a service, from its cache when nothing changed.
pub(in crate::ecs) fn append(service: &mut Service, tags: bool, out: &mut String) {
    if service.rendered.is_none() {
        service.rendered = Some(Value::Object(body(service)).to_string());
    }
    let text = service.rendered.as_deref().unwrap_or("{}");
    if !tags {
        out.push_str(text);
        return;
    }
    out.push_str(text.trim_end_matches('}').trim_end());
    // Only the object's own brace may go: put back those of the members before it.
    let braces = text.len() - text.trim_end_matches('}').len();
    out.extend(std::iter::repeat_n('}', braces - 1));
    out.push_str(",\"tags\":");
    out.push_str(&Value::from(service.tags.clone()).to_string());
    out.push('}');
}

/// A service as the calls that change it reply.
pub(in crate::ecs) fn with_tags(service: &Service) -> Value {
    let mut body = body(service);
    if !service.tags.is_empty() {
        body.insert("tags".to_owned(), service.tags.clone().into());
    }
    Value::Object(body)
}

fn body(service: &Service) -> Map<String, Value> {
    let settings = &service.settings;
    let template = &settings.template;
    let mut body = Map::new();
    let mut set = |name: &str, value: Value| body.insert(name.to_owned(), value);
    set("serviceArn", service.arn.clone().into());
    set("serviceName", service.name.clone().into());
    set("clusterArn", service.cluster_arn.clone().into());
    set("loadBalancers", template.load_balancers.clone());
    set("serviceRegistries", template.service_registries.clone());
    set("status", service.status.name().into());
    set("desiredCount", if service.daemon { 0 } else { settings.desired }.into());
    set("runningCount", count(service, |phase| phase == Phase::Running).into());
    set("pendingCount", count(service, Phase::pending).into());
    set("deploymentConfiguration", Value::Object(settings.deployment.body.clone()));
    set("createdAt", epoch(service.created_at));
    set("roleArn", service.role_arn.clone().into());
    set("createdBy", service.created_by.clone().into());
    set("placementConstraints", settings.placement_constraints.clone());
    set("placementStrategy", settings.placement_strategy.clone());
    set("healthCheckGracePeriodSeconds", template.grace_seconds.into());
    set("schedulingStrategy", if service.daemon { "DAEMON" } else { "REPLICA" }.into());
    set("enableECSManagedTags", settings.managed_tags.into());
    set("propagateTags", settings.propagate_tags.clone().into());
    set("enableExecuteCommand", settings.execute_command.into());
    set("availabilityZoneRebalancing", settings.zone_rebalancing.clone().into());
    set("deployments", deployments(service));
    set("events", events(service));
    if service.controller() == Controller::CodeDeploy {
        set("taskSets", service.deployments.iter().map(|deployment| task_set(service, deployment)).collect());
    }
    if let Some(controller) = service.controller_given {
        set("deploymentController", json!({"type": controller_name(controller)}));
    }
    put(&mut body, "taskDefinition", template.recipe.as_ref().map(|recipe| recipe.arn.clone()));
    put(&mut body, "platformVersion", template.platform_version.clone());
    placed(&mut body, template);
    put_current(&mut body, service);
    body
}

fn put_current(body: &mut Map<String, Value>, service: &Service) {
    if service.controller() != Controller::Ecs {
        return;
    }
    let running = service.records.last().filter(|record| !record.status.finished());
    put(body, "currentServiceDeployment", running.map(|record| service.service_deployment_arn(&record.id)));
    let revisions: Vec<Value> = service
        .deployments
        .iter()
        .map(|deployment| {
            let counts = Counts::of(service, deployment);
            json!({"arn": service.revision_arn(deployment.revision), "requestedTaskCount": counts.desired,
                "runningTaskCount": counts.running, "pendingTaskCount": counts.pending})
        })
        .collect();
    put(body, "currentServiceRevisions", Some(revisions).filter(|revisions| !revisions.is_empty()));
}

fn controller_name(controller: Controller) -> &'static str {
    match controller {
        Controller::Ecs => "ECS",
        Controller::CodeDeploy => "CODE_DEPLOY",
        Controller::External => "EXTERNAL",
    }
}

fn count(service: &Service, phase: impl Fn(Phase) -> bool) -> usize {
    service.tasks.iter().filter(|task| phase(task.phase)).count()
}

fn events(service: &Service) -> Value {
    let event = |event: &crate::ecs::events::Event| json!({"id": event.id, "createdAt": epoch(event.at), "message": event.message});
    service.events.entries.iter().map(event).collect()
}

/// Where and how tasks run, as services, deployments and revisions show it alike.
pub(super) fn placed(body: &mut Map<String, Value>, template: &Template) {
    put(body, "launchType", template.launch_type.clone());
    put(body, "capacityProviderStrategy", template.capacity_providers.clone());
    put(body, "networkConfiguration", template.network.clone());
    put(body, "platformFamily", template.fargate().then_some("Linux"));
}

/// The tasks of one deployment.
pub(super) struct Counts {
    pub(super) desired: usize,
    pub(super) running: usize,
    pub(super) pending: usize,
}

impl Counts {
    pub(super) fn of(service: &Service, deployment: &Deployment) -> Self {
        let own = || service.tasks.iter().filter(|task| task.made.deployment == deployment.number);
        let primary = service.deployments.first().is_some_and(|primary| primary.number == deployment.number);
        Self {
            desired: if primary { service.wanted_tasks() } else { own().filter(|task| task.wanted).count() },
            running: own().filter(|task| task.phase == Phase::Running).count(),
            pending: own().filter(|task| task.phase.pending()).count(),
        }
    }
}

fn deployments(service: &Service) -> Value {
    if service.controller() == Controller::CodeDeploy {
        return json!([]);
    }
    let render = |(index, deployment): (usize, &Deployment)| {
        let template = deployment.template.as_ref();
        let counts = Counts::of(service, deployment);
        let mut body = Map::new();
        let mut set = |name: &str, value: Value| body.insert(name.to_owned(), value);
        set("id", deployment.id().into());
        set("status", if index == 0 { "PRIMARY" } else { "ACTIVE" }.into());
        set("desiredCount", counts.desired.into());
        set("runningCount", counts.running.into());
        set("pendingCount", counts.pending.into());
        set("failedTasks", deployment.failed_tasks.into());
        set("createdAt", epoch(deployment.created_at));
        set("updatedAt", epoch(deployment.updated_at));
        if !template.classic() {
            set("rolloutState", deployment.rollout.name().into());
            set("rolloutStateReason", deployment.reason.clone().into());
        }
        put(&mut body, "taskDefinition", template.recipe.as_ref().map(|recipe| recipe.arn.clone()));
        put(&mut body, "platformVersion", template.resolved_platform());
        placed(&mut body, template);
        put(&mut body, "serviceConnectConfiguration", template.service_connect.clone());
        put(&mut body, "volumeConfigurations", template.volumes.clone());
        put(&mut body, "vpcLatticeConfigurations", template.lattice.clone());
        Value::Object(body)
    };
    service.deployments.iter().enumerate().map(render).collect()
}

/// A `CODE_DEPLOY` service shows its deployments as task sets.
fn task_set(service: &Service, deployment: &Deployment) -> Value {
    let template = deployment.template.as_ref();
    let counts = Counts::of(service, deployment);
    let steady = counts.running == counts.desired && counts.pending == 0;
    let mut body = Map::new();
    let mut set = |name: &str, value: Value| body.insert(name.to_owned(), value);
    set("id", deployment.id().into());
    let arn = service.arn.replacen(":service/", ":task-set/", 1);
    set("taskSetArn", format!("{arn}/{}", deployment.id()).into());
    set("serviceArn", service.arn.clone().into());
    set("clusterArn", service.cluster_arn.clone().into());
    set("startedBy", "CODE_DEPLOY".into());
    set("status", "PRIMARY".into());
    set("computedDesiredCount", counts.desired.into());
    set("runningCount", counts.running.into());
    set("pendingCount", counts.pending.into());
    set("createdAt", epoch(deployment.created_at));
    set("updatedAt", epoch(deployment.updated_at));
    set("loadBalancers", template.load_balancers.clone());
    set("serviceRegistries", template.service_registries.clone());
    set("scale", json!({"value": 100.0, "unit": "PERCENT"}));
    set("stabilityStatus", if steady { "STEADY_STATE" } else { "STABILIZING" }.into());
    set("stabilityStatusAt", epoch(deployment.updated_at));
    put(&mut body, "taskDefinition", template.recipe.as_ref().map(|recipe| recipe.arn.clone()));
    put(&mut body, "platformVersion", template.resolved_platform());
    placed(&mut body, template);
    Value::Object(body)
}
