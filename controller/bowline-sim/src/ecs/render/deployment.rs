//! Service deployments and service revisions as AWS shows them.

use serde_json::{Map, Value, json};

use super::put;
use super::service::{Counts, placed};
use crate::ecs::deployment::{DeploymentStatus, Revision, ServiceDeployment};
use crate::ecs::recipe::Container;
use crate::ecs::service::Service;
use crate::ecs::shape::epoch;

/// An entry of `ListServiceDeployments`.
pub(in crate::ecs) fn brief(service: &Service, record: &ServiceDeployment) -> Value {
    let mut body = common(service, record);
    put(&mut body, "targetServiceRevisionArn", Some(service.revision_arn(record.target)));
    Value::Object(body)
}

/// An entry of `DescribeServiceDeployments`.
pub(in crate::ecs) fn full(service: &Service, record: &ServiceDeployment) -> Value {
    let mut body = common(service, record);
    put(&mut body, "updatedAt", Some(epoch(record.updated_at)));
    put(&mut body, "stoppedAt", record.stopped_at.map(epoch));
    put(&mut body, "targetServiceRevision", Some(summary(service, record.target)));
    let sources: Vec<Value> = record.sources.iter().map(|number| summary(service, *number)).collect();
    put(&mut body, "sourceServiceRevisions", Some(sources));
    put(&mut body, "deploymentConfiguration", Some(record.configuration.clone()));
    if record.status == DeploymentStatus::InProgress {
        let (stage, hooks) = record.pace.render();
        put(&mut body, "lifecycleStage", stage);
        put(&mut body, "lifecycleHookDetails", Some(hooks));
    }
    put(
        &mut body,
        "rollback",
        record.rollback.as_ref().map(|rollback| {
            json!({"reason": rollback.reason, "startedAt": epoch(rollback.started_at),
                "serviceRevisionArn": service.revision_arn(rollback.revision)})
        }),
    );
    let status = breaker_status(record);
    put(
        &mut body,
        "deploymentCircuitBreaker",
        Some(json!({"status": status, "failureCount": record.failures, "threshold": record.threshold})),
    );
    put(&mut body, "alarms", Some(json!({"status": "DISABLED"})));
    Value::Object(body)
}

fn common(service: &Service, record: &ServiceDeployment) -> Map<String, Value> {
    let mut body = Map::new();
    put(&mut body, "serviceDeploymentArn", Some(service.service_deployment_arn(&record.id)));
    put(&mut body, "serviceArn", Some(service.arn.clone()));
    put(&mut body, "clusterArn", Some(service.cluster_arn.clone()));
    put(&mut body, "createdAt", Some(epoch(record.created_at)));
    put(&mut body, "startedAt", record.started_at.map(epoch));
    put(&mut body, "finishedAt", record.finished_at.map(epoch));
    put(&mut body, "status", Some(record.status.name()));
    put(&mut body, "statusReason", record.reason.clone());
    body
}

fn breaker_status(record: &ServiceDeployment) -> &'static str {
    let enabled =
        record.configuration.get("deploymentCircuitBreaker").is_some_and(|breaker| breaker["enable"] == true);
    if record.breaker_triggered {
        "TRIGGERED"
    } else if !enabled {
        "DISABLED"
    } else if record.status == DeploymentStatus::Successful {
        "MONITORING_COMPLETE"
    } else {
        "MONITORING"
    }
}

fn summary(service: &Service, number: u64) -> Value {
    let live = service.deployments.iter().find(|deployment| deployment.revision == number);
    let counts = live.map(|deployment| Counts::of(service, deployment));
    let count = |pick: fn(&Counts) -> usize| counts.as_ref().map_or(0, pick);
    json!({
        "arn": service.revision_arn(number),
        "requestedTaskCount": count(|counts| counts.desired),
        "runningTaskCount": count(|counts| counts.running),
        "pendingTaskCount": count(|counts| counts.pending),
    })
}

/// An entry of `DescribeServiceRevisions`.
pub(in crate::ecs) fn revision(service: &Service, revision: &Revision) -> Value {
    let template = revision.template.as_ref();
    let mut body = Map::new();
    put(&mut body, "serviceRevisionArn", Some(service.revision_arn(revision.number)));
    put(&mut body, "serviceArn", Some(service.arn.clone()));
    put(&mut body, "clusterArn", Some(service.cluster_arn.clone()));
    put(&mut body, "createdAt", Some(epoch(revision.created_at)));
    put(&mut body, "loadBalancers", Some(template.load_balancers.clone()));
    put(&mut body, "serviceRegistries", Some(template.service_registries.clone()));
    put(&mut body, "guardDutyEnabled", Some(false));
    put(&mut body, "platformVersion", template.resolved_platform());
    placed(&mut body, template);
    put(
        &mut body,
        "serviceConnectConfiguration",
        Some(template.service_connect.clone().unwrap_or_else(|| json!({"enabled": false}))),
    );
    put(&mut body, "volumeConfigurations", template.volumes.clone());
    put(&mut body, "vpcLatticeConfigurations", template.lattice.clone());
    put(&mut body, "gatewayConnectors", template.gateways.clone());
    put(&mut body, "monitoring", template.monitoring.clone());
    if let Some(recipe) = &template.recipe {
        put(&mut body, "taskDefinition", Some(recipe.arn.clone()));
        let digests = template.digests.iter().cloned().chain(std::iter::repeat(None));
        let image = |(container, digest): (&Container, Option<String>)| {
            let mut image = Map::new();
            put(&mut image, "containerName", Some(container.name.clone()));
            put(&mut image, "image", Some(container.image.clone()));
            put(&mut image, "imageDigest", digest);
            Value::Object(image)
        };
        let images: Vec<Value> = recipe.containers.iter().zip(digests).map(image).collect();
        put(&mut body, "containerImages", Some(images));
    }
    Value::Object(body)
}
