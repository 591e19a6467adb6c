//! What becomes of one deployment: where it stands inside ECS, which of its tasks stopped, and stopping it.

use aws_sdk_ecs::types::{
    DeploymentLifecycleHookStatus, DeploymentLifecycleHookTargetType, DeploymentStrategy, DesiredStatus,
    ServiceDeployment, ServiceDeploymentLifecycleStage, ServiceDeploymentStatus,
    StopServiceDeploymentStopType, Task,
};
use bowline_core::live::{DeploymentProgress, Pause, StoppedContainer, StoppedTask};

use super::tasks::TASKS_PER_CALL;
use super::{HISTORY, MAX_PAGES, endless, last_part};
use crate::aws::api::Api;
use crate::aws::client::Session;
use crate::aws::error::AwsError;
use crate::aws::limiter::Priority;
use crate::aws::timestamp;

/// How many stopped tasks of a service are looked at: those of a deployment that fails come again and again.
const MOST_STOPPED: usize = 300;

/// A service deployment, as ListServiceDeployments tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FoundDeployment {
    pub(crate) arn: String,
    /// Whether it may still be stopped.
    pub(crate) is_under_way: bool,
    /// ECS's word for how far it is.
    pub(crate) status: String,
}

impl Session {
    /// The service deployment of `ecs-svc/<number>`: the one whose target service revision has that number. Absent while ECS
    /// does not list it.
    pub(crate) async fn find_deployment(
        &self,
        service: &str,
        deployment_id: &str,
    ) -> Result<Option<FoundDeployment>, AwsError> {
        let api = Api::ListServiceDeployments;
        let on = format!("{service} in cluster {}", self.cluster());
        let send = || {
            let call = self.clients().ecs.list_service_deployments().cluster(self.cluster().as_str());
            call.service(service).max_results(HISTORY).send()
        };
        let output = self.call(api, &on, Priority::Watch, send).await?;
        let number = deployment_id.strip_prefix("ecs-svc/");
        let found = output.service_deployments.unwrap_or_default().into_iter().find(|brief| {
            brief.target_service_revision_arn.as_deref().and_then(last_part).as_deref() == number
        });
        let Some(found) = found else { return Ok(None) };
        let arn = found
            .service_deployment_arn
            .ok_or_else(|| AwsError::bad_answer(api, &on, "a deployment has no serviceDeploymentArn"))?;
        let is_under_way = matches!(
            found.status,
            Some(ServiceDeploymentStatus::Pending | ServiceDeploymentStatus::InProgress)
        );
        let status = found.status.map_or_else(String::new, |status| status.as_str().to_owned());
        Ok(Some(FoundDeployment { arn, is_under_way, status }))
    }

    /// Where a deployment stands inside ECS; `None` while ECS does not list it.
    pub(crate) async fn deployment_progress(
        &self,
        service: &str,
        deployment_id: &str,
    ) -> Result<Option<DeploymentProgress>, AwsError> {
        let Some(found) = self.find_deployment(service, deployment_id).await? else { return Ok(None) };
        let api = Api::DescribeServiceDeployments;
        let send = || {
            let call = self.clients().ecs.describe_service_deployments();
            call.service_deployment_arns(&found.arn).send()
        };
        let output = self.call(api, &found.arn, Priority::Watch, send).await?;
        Ok(output.service_deployments.unwrap_or_default().first().map(progress))
    }

    /// StopServiceDeployment with a rollback: ECS goes back to what it last completed.
    pub(crate) async fn stop_deployment(&self, arn: &str) -> Result<(), AwsError> {
        let send = || {
            let call = self.clients().ecs.stop_service_deployment().service_deployment_arn(arn);
            call.stop_type(StopServiceDeploymentStopType::Rollback).send()
        };
        self.call(Api::StopServiceDeployment, arn, Priority::Watch, send).await.map(drop)
    }

    /// The tasks of a deployment that stopped. ECS keeps them for an hour; ListTasks takes no other filter beside
    /// `startedBy`, so those of the service are taken and looked through.
    pub(crate) async fn stopped_tasks(
        &self,
        service: &str,
        deployment_id: &str,
    ) -> Result<Vec<StoppedTask>, AwsError> {
        let on = format!("{service} in cluster {}", self.cluster());
        let arns = self.task_arns(Some(service), DesiredStatus::Stopped, MAX_PAGES).await?;
        let mut arns = arns.ok_or_else(|| endless(Api::ListTasks, &on))?;
        arns.truncate(MOST_STOPPED);
        let api = Api::DescribeTasks;
        let mut stopped = Vec::new();
        for batch in arns.chunks(TASKS_PER_CALL) {
            let send = || {
                let call = self.clients().ecs.describe_tasks().cluster(self.cluster().as_str());
                call.set_tasks(Some(batch.to_vec())).send()
            };
            // Tasks that vanished between the two calls are told as failures: they are not to be had any more.
            let output = self.call(api, &on, Priority::Scan, send).await?;
            let ours = output.tasks().iter().filter(|task| task.started_by() == Some(deployment_id));
            stopped.extend(ours.map(stopped_task));
        }
        Ok(stopped)
    }
}

fn stopped_task(task: &Task) -> StoppedTask {
    let containers = task.containers().iter().map(|container| StoppedContainer {
        name: container.name().unwrap_or_default().to_owned(),
        exit_code: container.exit_code,
        reason: container.reason.clone(),
    });
    StoppedTask {
        id: task.task_arn().and_then(last_part),
        stopped_at: task.stopped_at.or(task.stopping_at).and_then(timestamp),
        stop_code: task.stop_code.as_ref().map(|code| code.as_str().to_owned()),
        reason: task.stopped_reason.clone(),
        containers: containers.collect(),
    }
}

fn progress(deployment: &ServiceDeployment) -> DeploymentProgress {
    let stage = deployment.lifecycle_stage();
    let waits = deployment.lifecycle_hook_details().iter().find(|hook| {
        hook.status() == Some(&DeploymentLifecycleHookStatus::AwaitingAction)
            && hook.target_type() != Some(&DeploymentLifecycleHookTargetType::AwsLambda)
    });
    if let Some(hook) = waits {
        let pause = Pause::Hook {
            hook_id: hook.hook_id().unwrap_or_default().to_owned(),
            stage: stage.map_or_else(String::new, |stage| stage.as_str().to_owned()),
            until: hook.expires_at().copied().and_then(timestamp),
        };
        return DeploymentProgress { pause: Some(pause) };
    }
    let strategy = deployment.deployment_configuration().and_then(|configuration| configuration.strategy());
    let in_steps = matches!(strategy, Some(DeploymentStrategy::Linear | DeploymentStrategy::Canary));
    let pause = match stage {
        Some(ServiceDeploymentLifecycleStage::BakeTime) => Some(Pause::BakeTime),
        Some(ServiceDeploymentLifecycleStage::ProductionTrafficShift) if in_steps => {
            Some(Pause::TrafficShift)
        }
        _ => None,
    };
    DeploymentProgress { pause }
}
