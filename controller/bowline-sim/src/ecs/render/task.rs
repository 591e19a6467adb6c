//! A task as `DescribeTasks` shows it.

use serde_json::{Map, Value, json};

use super::put;
use crate::ecs::recipe::{Behaviour, Container};
use crate::ecs::shape::epoch;
use crate::ecs::task::{Health, Phase, Task};

/// An entry of `tasks`.
pub(in crate::ecs) fn task(task: &Task, tags: bool) -> Value {
    let template = task.made.template.as_ref();
    let mut body = Map::new();
    let mut set = |name: &str, value: Value| body.insert(name.to_owned(), value);
    set("taskArn", task.made.arn.clone().into());
    set("clusterArn", task.made.cluster_arn.clone().into());
    set("taskDefinitionArn", task.made.recipe.arn.clone().into());
    set("group", task.made.group.clone().into());
    set("attachments", attachments(task));
    set("attributes", json!([{"name": "ecs.cpu-architecture", "value": "x86_64"}]));
    set("availabilityZone", zone(task).into());
    set(
        "containers",
        task.made
            .recipe
            .containers
            .iter()
            .enumerate()
            .map(|(index, item)| container(task, index, item))
            .collect(),
    );
    set("createdAt", epoch(task.created_at));
    set("desiredStatus", if task.wanted { "RUNNING" } else { "STOPPED" }.into());
    set("lastStatus", task.phase.name().into());
    set("healthStatus", health(task).into());
    set("enableExecuteCommand", task.made.execute_command.into());
    set("version", task.version.into());
    set("overrides", overrides(task));
    set("tags", if tags { task.made.tags.clone() } else { Vec::new() }.into());
    if task.pull_started_at.is_some() {
        set("connectivity", "CONNECTED".into());
    }
    put(&mut body, "connectivityAt", task.pull_started_at.map(epoch));
    put(&mut body, "startedBy", task.made.started_by.clone());
    put(&mut body, "cpu", task.made.recipe.cpu.clone());
    put(&mut body, "memory", task.made.recipe.memory.clone());
    put(&mut body, "launchType", launch_type(task));
    put(&mut body, "platformVersion", template.resolved_platform());
    if template.fargate() {
        put(&mut body, "platformFamily", Some("Linux"));
        put(&mut body, "ephemeralStorage", Some(json!({"sizeInGiB": 20})));
    }
    put(&mut body, "capacityProviderName", provider(task));
    for (name, at) in [
        ("pullStartedAt", task.pull_started_at),
        ("pullStoppedAt", task.pull_stopped_at),
        ("startedAt", task.started_at),
        ("stoppingAt", task.stopping_at),
        ("executionStoppedAt", task.execution_stopped_at),
        ("stoppedAt", task.stopped_at),
    ] {
        put(&mut body, name, at.map(epoch));
    }
    if let Some(stop) = &task.stop {
        put(&mut body, "stopCode", Some(stop.code));
        put(&mut body, "stoppedReason", Some(stop.reason.clone()));
    }
    Value::Object(body)
}

fn provider(task: &Task) -> Option<&str> {
    task.made.template.capacity_providers.as_ref()?[0]["capacityProvider"].as_str()
}

fn launch_type(task: &Task) -> Option<&str> {
    let fargate = task.made.template.fargate().then_some("FARGATE");
    task.made.template.launch_type.as_deref().or(fargate)
}

fn overrides(task: &Task) -> Value {
    task.made.overrides.clone().unwrap_or_else(|| {
        let containers = task.made.recipe.containers.iter().map(|container| json!({"name": container.name}));
        json!({"containerOverrides": containers.collect::<Vec<_>>(), "inferenceAcceleratorOverrides": []})
    })
}

fn health(task: &Task) -> &'static str {
    match task.health {
        Health::Unknown => "UNKNOWN",
        Health::Healthy => "HEALTHY",
        Health::Unhealthy => "UNHEALTHY",
    }
}

fn zone(task: &Task) -> String {
    let region = task.made.arn.split(':').nth(3).unwrap_or_default();
    format!("{region}{}", ["a", "b", "c"][(task.made.number % 3) as usize])
}

pub(in crate::ecs) fn address(task: &Task) -> String {
    let [.., third, fourth] = task.made.number.to_be_bytes();
    format!("10.0.{}.{}", third % 64, fourth.clamp(4, 250))
}

fn attachments(task: &Task) -> Value {
    if !task.made.recipe.awsvpc {
        return json!([]);
    }
    let status = match task.phase {
        Phase::Provisioning => "PRECREATED",
        Phase::Stopped => "DELETED",
        _ => "ATTACHED",
    };
    let subnets = &task
        .made
        .template
        .network
        .as_ref()
        .map_or(Value::Null, |network| network["awsvpcConfiguration"]["subnets"].clone());
    let address = address(task);
    json!([{
        "id": format!("{:08x}-0000-4000-8000-{:012x}", task.made.number >> 32, task.made.number & 0xFFFF_FFFF_FFFF),
        "type": "ElasticNetworkInterface",
        "status": status,
        "details": [
            {"name": "subnetId", "value": subnets[0].as_str().unwrap_or_default()},
            {"name": "networkInterfaceId", "value": format!("eni-{:017x}", task.made.number)},
            {"name": "privateDnsName", "value": format!("ip-{}.ec2.internal", address.replace('.', "-"))},
            {"name": "privateIPv4Address", "value": address},
        ],
    }])
}

fn container(task: &Task, index: usize, container: &Container) -> Value {
    let culprit = match &task.made.recipe.behaviour {
        Behaviour::Crashes { container: name } => *name == container.name,
        _ => true,
    };
    let mut body = Map::new();
    let mut set = |name: &str, value: Value| body.insert(name.to_owned(), value);
    let arn = task.made.arn.replacen(":task/", ":container/", 1);
    set("containerArn", format!("{arn}/{:08x}-0000-4000-8000-000000000000", task.made.number >> 32).into());
    set("taskArn", task.made.arn.clone().into());
    set("name", container.name.clone().into());
    set("image", container.image.clone().into());
    set("lastStatus", container_status(task).into());
    set("healthStatus", health(task).into());
    set("cpu", container.cpu.to_string().into());
    set("networkBindings", json!([]));
    let interfaces = if task.made.recipe.awsvpc && task.phase > Phase::Provisioning {
        json!([{"attachmentId": attachments(task)[0]["id"], "privateIpv4Address": address(task)}])
    } else {
        json!([])
    };
    set("networkInterfaces", interfaces);
    if let Some(digest) = task.digests.get(index) {
        set("imageDigest", digest.clone().into());
        set("runtimeId", format!("{}-{:010}", task.made.id, task.made.number % 10_000_000_000).into());
    }
    put(&mut body, "memory", container.memory.map(|memory| memory.to_string()));
    put(&mut body, "memoryReservation", container.memory_reservation.map(|memory| memory.to_string()));
    if let Some(stop) = task.stop.as_ref().filter(|_| task.phase >= Phase::Deprovisioning) {
        // The containers beside the one that exited are stopped by ECS and end well.
        put(&mut body, "exitCode", stop.exit_code.map(|code| if culprit { code } else { 0 }));
        put(&mut body, "reason", stop.container_reason.clone());
    }
    Value::Object(body)
}

fn container_status(task: &Task) -> &'static str {
    match task.phase {
        Phase::Provisioning | Phase::Pending => "PENDING",
        Phase::Activating | Phase::Running | Phase::Deactivating | Phase::Stopping => "RUNNING",
        Phase::Deprovisioning | Phase::Stopped => "STOPPED",
    }
}
