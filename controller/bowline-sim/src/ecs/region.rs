//! What ECS keeps per account and region.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Env;
use super::arn::{Arns, last};
use super::error::{cluster_not_found, service_not_found};
use super::service::Service;
use super::shape::Input;
use super::task::Task;
use super::task_definition::TaskDefinition;
use crate::context::ApiError;

/// The clusters and task definitions of one account in one region.
pub(super) struct Region {
    pub(super) arns: Arns,
    pub(super) account: String,
    pub(super) clusters: BTreeMap<String, Cluster>,
    /// By family; revision N is at N-1, whether still active or not.
    pub(super) families: BTreeMap<String, Vec<TaskDefinition>>,
}

/// A cluster and what runs in it.
pub(super) struct Cluster {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) active: bool,
    pub(super) tags: Vec<Value>,
    pub(super) settings: Value,
    pub(super) capacity_providers: Value,
    pub(super) default_strategy: Value,
    pub(super) services: BTreeMap<String, Service>,
    /// Tasks that `RunTask` started.
    pub(super) tasks: Vec<Task>,
}

impl Region {
    pub(super) fn new(account: &str, region: &str) -> Self {
        Self {
            arns: Arns::new(account, region),
            account: account.to_owned(),
            clusters: BTreeMap::new(),
            families: BTreeMap::new(),
        }
    }

    /// The active cluster that the input's `cluster` names; `default` when it names none.
    pub(super) fn cluster(&mut self, input: &Input) -> Result<&mut Cluster, ApiError> {
        self.named_cluster(input.text("cluster").unwrap_or("default"))
    }

    pub(super) fn named_cluster(&mut self, reference: &str) -> Result<&mut Cluster, ApiError> {
        let cluster = self.arns.short("cluster", reference).and_then(|name| self.clusters.get_mut(name));
        cluster.filter(|cluster| cluster.active).ok_or_else(cluster_not_found)
    }

    /// The task definition of an ARN, `family:revision`, or the latest active one of a family.
    pub(super) fn task_definition(&self, reference: &str) -> Option<&TaskDefinition> {
        let name = self.arns.short("task-definition", reference)?;
        match name.split_once(':') {
            Some((family, revision)) => {
                let index = revision.parse::<usize>().ok()?.checked_sub(1)?;
                self.families.get(family)?.get(index)
            }
            None => self.families.get(name)?.iter().rev().find(|definition| definition.active()),
        }
    }

    /// The service of an ARN, whatever its cluster.
    pub(super) fn service_by_arn(&mut self, arn: &str) -> Option<&mut Service> {
        let (cluster, service) = self.arns.short("service", arn)?.split_once('/')?;
        self.clusters.get_mut(cluster)?.services.get_mut(service)
    }

    /// The service that `path` (`cluster/service/...`) of a deployment's or revision's ARN belongs to.
    pub(super) fn service_of(&mut self, kind: &str, arn: &str) -> Option<&mut Service> {
        let mut parts = self.arns.short(kind, arn)?.split('/');
        let cluster = parts.next()?;
        let service = parts.next()?;
        self.clusters.get_mut(cluster)?.services.get_mut(service)
    }
}

impl Cluster {
    /// The service of a name or ARN. An ARN of another cluster names none here.
    pub(super) fn service(&mut self, reference: &str) -> Option<&mut Service> {
        let service = self.services.get_mut(last(reference))?;
        (!reference.starts_with("arn:") || service.arn == reference).then_some(service)
    }

    /// The service of the input's `service`, brought up to now.
    pub(super) fn current_service(
        &mut self,
        env: &mut Env<'_>,
        input: &Input,
    ) -> Result<&mut Service, ApiError> {
        let service = input
            .text("service")
            .and_then(|reference| self.service(reference))
            .ok_or_else(service_not_found)?;
        service.catch_up(env);
        Ok(service)
    }

    /// Brings everything in the cluster up to now.
    pub(super) fn catch_up(&mut self, env: &mut Env<'_>) {
        for service in self.services.values_mut() {
            service.catch_up(env);
        }
        let now = env.call.now;
        self.tasks.retain_mut(|task| task.catch_up(now, env.can_read));
    }
}
