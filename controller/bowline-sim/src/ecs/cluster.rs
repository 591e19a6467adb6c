//! `CreateCluster`, `DescribeClusters`, `ListClusters`, `DeleteCluster`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Env;
use super::error::{cluster_not_found, invalid};
use super::paging;
use super::region::{Cluster, Region};
use super::service::Status;
use super::shape::Input;
use super::tags::tag_list;
use super::task::Phase;
use crate::context::ApiError;

pub(super) fn create(region: &mut Region, mut input: Input) -> Result<Value, ApiError> {
    let name = input.text("clusterName").unwrap_or("default").to_owned();
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if name.len() > 255 || !name.bytes().all(valid) {
        return Err(invalid("Invalid cluster name"));
    }
    // Creating a cluster that exists returns it unchanged.
    if region.clusters.get(&name).is_none_or(|cluster| !cluster.active) {
        let cluster = Cluster {
            arn: region.arns.cluster(&name),
            name: name.clone(),
            active: true,
            tags: tag_list(&input)?,
            settings: input
                .take("settings")
                .unwrap_or_else(|| json!([{"name": "containerInsights", "value": "disabled"}])),
            capacity_providers: input.take("capacityProviders").unwrap_or_else(|| json!([])),
            default_strategy: input.take("defaultCapacityProviderStrategy").unwrap_or_else(|| json!([])),
            services: BTreeMap::new(),
            tasks: Vec::new(),
        };
        region.clusters.insert(name.clone(), cluster);
    }
    let cluster = region.clusters.get(&name).ok_or_else(cluster_not_found)?;
    Ok(json!({"cluster": render(cluster, true)}))
}

pub(super) fn describe(region: &mut Region, env: &mut Env<'_>, input: &Input) -> Result<Value, ApiError> {
    if input.list("clusters").len() > 100 {
        return Err(invalid("Clusters cannot have more than 100 elements."));
    }
    let named: Vec<String> = input.texts("clusters").map(str::to_owned).collect();
    let named = if named.is_empty() { vec!["default".to_owned()] } else { named };
    let (mut clusters, mut failures) = (Vec::new(), Vec::new());
    for reference in named {
        let name = region.arns.short("cluster", &reference);
        if let Some(cluster) = name.and_then(|name| region.clusters.get_mut(name)) {
            cluster.catch_up(env);
            clusters.push(render(cluster, input.wants_tags()));
        } else {
            let arn = if reference.starts_with("arn:") { reference } else { region.arns.cluster(&reference) };
            failures.push(json!({"arn": arn, "reason": "MISSING"}));
        }
    }
    Ok(json!({"clusters": clusters, "failures": failures}))
}

pub(super) fn list(region: &Region, input: &Input) -> Result<Value, ApiError> {
    let active = region.clusters.values().filter(|cluster| cluster.active);
    paging::arns(input, "clusterArns", active.map(|cluster| cluster.arn.clone()).collect(), 100)
}

pub(super) fn delete(region: &mut Region, env: &mut Env<'_>, input: &Input) -> Result<Value, ApiError> {
    let cluster = region.cluster(input)?;
    cluster.catch_up(env);
    if cluster.services.values().any(|service| service.status != Status::Inactive) {
        return Err(ApiError::bad_request(
            "ClusterContainsServicesException",
            "The Cluster cannot be deleted while Services are active.",
        ));
    }
    if cluster.tasks.iter().any(|task| task.phase != Phase::Stopped) {
        return Err(ApiError::bad_request(
            "ClusterContainsTasksException",
            "The Cluster cannot be deleted while Tasks are active.",
        ));
    }
    cluster.active = false;
    Ok(json!({"cluster": render(cluster, true)}))
}

fn render(cluster: &Cluster, with_tags: bool) -> Value {
    let services = cluster.services.values();
    let tasks = || cluster.tasks.iter().chain(cluster.services.values().flat_map(|service| &service.tasks));
    json!({
        "clusterArn": cluster.arn,
        "clusterName": cluster.name,
        "status": if cluster.active { "ACTIVE" } else { "INACTIVE" },
        "registeredContainerInstancesCount": 0,
        "runningTasksCount": tasks().filter(|task| task.phase == Phase::Running).count(),
        "pendingTasksCount": tasks().filter(|task| task.phase.pending()).count(),
        "activeServicesCount": services.filter(|service| service.status == Status::Active).count(),
        "statistics": [],
        "tags": if with_tags { cluster.tags.as_slice() } else { &[] },
        "settings": cluster.settings,
        "capacityProviders": cluster.capacity_providers,
        "defaultCapacityProviderStrategy": cluster.default_strategy,
    })
}
