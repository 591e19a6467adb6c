//! Somebody who is not Bowline: an SDK client of its own per account, as a person with the aws CLI would have.
//!
//! The story is judged by what this client sees, never by what Bowline says of itself.

use aws_sdk_ecs::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_sdk_ecs::types::{Deployment, Service, ServiceDeploymentBrief, SortOrder};
use aws_smithy_types::retry::RetryConfig;

use super::DemoError;

/// An account and a region, as the simulator knows them from the access key and the signature.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// The account.
    pub(super) account: String,
    /// The region.
    pub(super) region: String,
}

/// Clients for one place.
pub(super) struct Outsider {
    /// ECS.
    pub(super) ecs: aws_sdk_ecs::Client,
    /// Secrets Manager.
    pub(super) secrets: aws_sdk_secretsmanager::Client,
    /// S3.
    pub(super) s3: aws_sdk_s3::Client,
}

impl Outsider {
    /// Clients for one place, against the simulator.
    pub(super) fn new(endpoint: &str, place: &Place) -> Self {
        let config = aws_config::SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(place.region.clone()))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
                &place.account,
                "demo",
                None,
                None,
                "demo",
            )))
            .endpoint_url(endpoint)
            .retry_config(RetryConfig::disabled())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        let s3 = aws_sdk_s3::config::Builder::from(&config).force_path_style(true).build();
        Self {
            ecs: aws_sdk_ecs::Client::new(&config),
            secrets: aws_sdk_secretsmanager::Client::new(&config),
            s3: aws_sdk_s3::Client::from_conf(s3),
        }
    }

    /// One service as DescribeServices shows it.
    pub(super) async fn service(&self, cluster: &str, service: &str) -> Result<Service, DemoError> {
        let answer = self
            .ecs
            .describe_services()
            .cluster(cluster)
            .services(service)
            .send()
            .await
            .map_err(|error| DemoError::aws("DescribeServices", &error))?;
        answer
            .services
            .unwrap_or_default()
            .into_iter()
            .next()
            .ok_or_else(|| DemoError::Unexpected(format!("service {service} is gone from cluster {cluster}")))
    }

    /// How many deployments a service has ever had.
    pub(super) async fn deployments_ever(&self, cluster: &str, service: &str) -> Result<usize, DemoError> {
        Ok(self.deployments(cluster, service).await?.len())
    }

    /// How many deployments of a service ECS has found bad: each went back, or is going back.
    pub(super) async fn bad_deployments(&self, cluster: &str, service: &str) -> Result<usize, DemoError> {
        let went_back = |deployment: &&ServiceDeploymentBrief| {
            deployment.status().is_some_and(|status| status.as_str().starts_with("ROLLBACK_"))
        };
        Ok(self.deployments(cluster, service).await?.iter().filter(went_back).count())
    }

    /// All deployments of a service; the story makes far fewer than one page holds.
    async fn deployments(
        &self,
        cluster: &str,
        service: &str,
    ) -> Result<Vec<ServiceDeploymentBrief>, DemoError> {
        let request = self.ecs.list_service_deployments().cluster(cluster).service(service).max_results(100);
        let answer = request.send().await;
        let answer = answer.map_err(|error| DemoError::aws("ListServiceDeployments", &error))?;
        Ok(answer.service_deployments.unwrap_or_default())
    }

    /// The newest revision of a family, as `family:revision`.
    pub(super) async fn newest_revision(&self, family: &str) -> Result<String, DemoError> {
        let request =
            self.ecs.list_task_definitions().family_prefix(family).sort(SortOrder::Desc).max_results(1);
        let answer = request.send().await.map_err(|error| DemoError::aws("ListTaskDefinitions", &error))?;
        let newest = answer.task_definition_arns().first().and_then(|arn| arn.rsplit('/').next());
        newest
            .map(str::to_owned)
            .ok_or_else(|| DemoError::Unexpected(format!("the family {family} has no revision")))
    }

    /// The image of a container of a task definition.
    pub(super) async fn image(&self, task_definition: &str) -> Result<String, DemoError> {
        let answer = self
            .ecs
            .describe_task_definition()
            .task_definition(task_definition)
            .send()
            .await
            .map_err(|error| DemoError::aws("DescribeTaskDefinition", &error))?;
        let image = answer
            .task_definition()
            .and_then(|found| found.container_definitions().first())
            .and_then(|c| c.image());
        image
            .map(str::to_owned)
            .ok_or_else(|| DemoError::Unexpected(format!("{task_definition} has no image")))
    }

    /// The version that AWSCURRENT is on.
    pub(super) async fn current_version(&self, secret: &str) -> Result<String, DemoError> {
        let answer = self
            .secrets
            .describe_secret()
            .secret_id(secret)
            .send()
            .await
            .map_err(|error| DemoError::aws("DescribeSecret", &error))?;
        answer
            .version_ids_to_stages
            .unwrap_or_default()
            .into_iter()
            .find(|(_, stages)| stages.iter().any(|stage| stage == "AWSCURRENT"))
            .map(|(version, _)| version)
            .ok_or_else(|| DemoError::Unexpected(format!("secret {secret} has no current version")))
    }

    /// Changes a service's desired count, as somebody on call would.
    pub(super) async fn scale(&self, cluster: &str, service: &str, count: i32) -> Result<(), DemoError> {
        let sent =
            self.ecs.update_service().cluster(cluster).service(service).desired_count(count).send().await;
        sent.map(|_| ()).map_err(|error| DemoError::aws("UpdateService", &error))
    }

    /// Moves AWSCURRENT by hand.
    pub(super) async fn move_current(&self, secret: &str, to: &str, from: &str) -> Result<(), DemoError> {
        let sent = self
            .secrets
            .update_secret_version_stage()
            .secret_id(secret)
            .version_stage("AWSCURRENT")
            .move_to_version_id(to)
            .remove_from_version_id(from)
            .send()
            .await;
        sent.map(|_| ()).map_err(|error| DemoError::aws("UpdateSecretVersionStage", &error))
    }
}

/// The PRIMARY deployment.
pub(super) fn primary(service: &Service) -> Option<&Deployment> {
    service.deployments().iter().find(|deployment| deployment.status() == Some("PRIMARY"))
}

/// Whether the service runs what it should: one deployment, COMPLETED, as many tasks as desired.
pub(super) fn settled(service: &Service) -> bool {
    let done = service.deployments().len() == 1
        && primary(service)
            .and_then(Deployment::rollout_state)
            .is_some_and(|state| state.as_str() == "COMPLETED");
    done && service.running_count() == service.desired_count()
}
