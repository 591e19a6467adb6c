//! ECS over AWS JSON 1.1: clusters, task definitions, services, their rollouts and tasks.
//!
//! State is kept per (account, region). Nothing runs in the background: each call first brings what it touches up
//! to its own time, step by step in the order in which things fall due, so the outcome depends on the calls and
//! the seed only.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::context::{ApiError, CallContext};
use crate::elb::Target;
use crate::ids::Ids;

mod arn;
mod breaker;
mod cluster;
mod create_service;
mod defaults;
mod delete_service;
mod deployment;
mod describe;
mod error;
mod events;
mod pace;
mod paging;
mod recipe;
mod region;
mod registry;
mod render;
mod scheduler;
mod service;
mod service_deployments;
mod settings;
pub(crate) mod shape;
mod tags;
mod targets;
mod task;
mod task_definition;
mod tasks;
mod update_service;
mod validate;

#[cfg(test)]
mod tests;

use region::Region;
use shape::Input;

/// Whether the secret that a container's `valueFrom` names can be read.
pub(crate) type CanRead<'a> = dyn Fn(&str) -> bool + 'a;

/// What an operation needs beside its input.
struct Env<'a> {
    call: &'a CallContext,
    ids: &'a mut Ids,
    can_read: &'a CanRead<'a>,
    rollback_keeps_id: bool,
    registry: &'a registry::Registry,
}

/// The simulated ECS of all accounts and regions.
pub(crate) struct Ecs {
    rollback_keeps_id: bool,
    ids: Ids,
    registry: registry::Registry,
    regions: BTreeMap<(String, String), Region>,
}

impl Ecs {
    pub(crate) fn new(seed: u64, rollback_keeps_id: bool) -> Self {
        // Another start than the frame's sequence, so that request ids and task ids do not repeat each other.
        Self {
            rollback_keeps_id,
            ids: Ids::new(seed ^ 0x0045_4353),
            registry: registry::Registry::default(),
            regions: BTreeMap::new(),
        }
    }

    /// Answers one call with the JSON text of its reply.
    pub(crate) fn handle(
        &mut self,
        context: &CallContext,
        operation: &str,
        body: &Value,
        can_read: &CanRead<'_>,
    ) -> Result<String, ApiError> {
        let input = Input::read(operation, body)?;
        let key = (context.account.clone(), context.region.clone());
        let region =
            self.regions.entry(key).or_insert_with(|| Region::new(&context.account, &context.region));
        let mut env = Env {
            call: context,
            ids: &mut self.ids,
            can_read,
            rollback_keeps_id: self.rollback_keeps_id,
            registry: &self.registry,
        };
        let reply = match operation {
            "DescribeServices" => return describe::describe_services(region, &mut env, &input),
            "CreateCluster" => cluster::create(region, input),
            "DescribeClusters" => cluster::describe(region, &mut env, &input),
            "ListClusters" => cluster::list(region, &input),
            "DeleteCluster" => cluster::delete(region, &mut env, &input),
            "RegisterTaskDefinition" => task_definition::register(region, &env, input),
            "DescribeTaskDefinition" => task_definition::describe(region, &input),
            "DeregisterTaskDefinition" => task_definition::deregister(region, &env, &input),
            "ListTaskDefinitions" => task_definition::list(region, &input),
            "CreateService" => create_service::create(region, &mut env, input),
            "UpdateService" => update_service::update(region, &mut env, input),
            "DeleteService" => delete_service::delete(region, &mut env, &input),
            "ListServices" => describe::list_services(region, &mut env, &input),
            "ListTasks" => tasks::list(region, &mut env, &input),
            "DescribeTasks" => tasks::describe(region, &mut env, &input),
            "StopTask" => tasks::stop(region, &mut env, &input),
            "RunTask" => tasks::run(region, &mut env, input),
            "TagResource" => tags::tag(region, &input),
            "UntagResource" => tags::untag(region, &input),
            "ListTagsForResource" => tags::list(region, &input),
            "ListServiceDeployments" => service_deployments::list(region, &mut env, &input),
            "DescribeServiceDeployments" => service_deployments::describe(region, &mut env, &input),
            "DescribeServiceRevisions" => service_deployments::describe_revisions(region, &mut env, &input),
            "StopServiceDeployment" => service_deployments::stop(region, &mut env, &input),
            "ContinueServiceDeployment" => service_deployments::go_on(region, &mut env, &input),
            _ => Err(ApiError::bad_request("UnknownOperationException", "")),
        };
        Ok(reply?.to_string())
    }

    /// The targets that are registered with a target group; nothing where no service uses it.
    pub(crate) fn targets(&self, context: &CallContext, arn: &str) -> Option<Vec<Target>> {
        let key = (context.account.clone(), context.region.clone());
        targets::of_group(self.regions.get(&key)?, arn)
    }

    /// Brings all services of the caller's account and region up to now.
    pub(crate) fn catch_up(&mut self, context: &CallContext, can_read: &CanRead<'_>) {
        let key = (context.account.clone(), context.region.clone());
        if let Some(region) = self.regions.get_mut(&key) {
            let mut env = Env {
                call: context,
                ids: &mut self.ids,
                can_read,
                rollback_keeps_id: self.rollback_keeps_id,
                registry: &self.registry,
            };
            for cluster in region.clusters.values_mut() {
                cluster.catch_up(&mut env);
            }
        }
    }

    /// The accounts and regions in which there is something.
    pub(crate) fn places(&self) -> Vec<(String, String)> {
        self.regions.keys().cloned().collect()
    }

    /// Lets an image's tag stand for another digest from now on. Whoever pulled before has to be brought up to now first.
    pub(crate) fn move_tag(&self, image: &str, digest: &str) {
        self.registry.move_tag(image, digest);
    }

    /// Whether a cluster of the caller's account and region has a service.
    pub(crate) fn has_service(&self, context: &CallContext, cluster: &str, service: &str) -> bool {
        let region = self.regions.get(&(context.account.clone(), context.region.clone()));
        let cluster = region.and_then(|region| region.clusters.get(cluster));
        cluster
            .and_then(|cluster| cluster.services.get(service))
            .is_some_and(|service| service.status == service::Status::Active)
    }
}
