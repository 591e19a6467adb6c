//! Fills the simulated AWS with what a team would already have there before Bowline came: clusters, secrets, a Terraform
//! state, and services that run the release before the one that git describes.

use aws_sdk_ecs::types::{
    AwsVpcConfiguration, Compatibility, ContainerDefinition, DeploymentCircuitBreaker,
    DeploymentConfiguration, LaunchType, NetworkConfiguration, NetworkMode,
};
use aws_sdk_s3::types::{
    BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration, VersioningConfiguration,
};
use bowline_core::desired::kind::{Secret, Target, TerraformState};
use bowline_core::desired::{DesiredService, DesiredState, WantedTaskDefinition};
use serde_json::{Map, Value, json};

use super::DemoError;
use super::outsider::{Outsider, Place, settled};
use super::world::{World, wait_for};

/// The tag of the images that run before Bowline comes.
const RELEASE_BEFORE: &str = "before";

/// Makes everything that the desired state names, and waits until every service is steady.
pub(super) async fn seed(world: &World, desired: &DesiredState) -> Result<(), DemoError> {
    for target in desired.targets.values() {
        let outsider = world.outsider(&place(&target.spec));
        let made = outsider.ecs.create_cluster().cluster_name(target.spec.cluster.as_str()).send().await;
        made.map_err(|error| DemoError::aws("CreateCluster", &error))?;
    }
    for secret in desired.secrets.values() {
        create_secret(&outsider_of(world, desired, &secret.spec.target)?, &secret.spec).await?;
    }
    for state in desired.states.values() {
        let target = target_of(desired, &state.spec.target)?;
        create_state(&world.outsider(&place(target)), target, &state.spec).await?;
    }
    for service in desired.services.values() {
        let target = target_of(desired, &service.resource.spec.target)?;
        create_service(&world.outsider(&place(target)), target, service).await?;
    }
    wait_for("every seeded service to be steady", || async {
        for service in desired.services.values() {
            let target = target_of(desired, &service.resource.spec.target)?;
            let found = world
                .outsider(&place(target))
                .service(target.cluster.as_str(), service.resource.spec.service.as_str())
                .await?;
            if !settled(&found) {
                return Ok(false);
            }
        }
        Ok(true)
    })
    .await
}

/// The account and region of a target.
pub(super) fn place(target: &Target) -> Place {
    Place { account: target.account_id.to_string(), region: target.region.to_string() }
}

/// The target of a resource.
pub(super) fn target_of<'a>(
    desired: &'a DesiredState,
    name: &bowline_core::name::ResourceName,
) -> Result<&'a Target, DemoError> {
    desired
        .targets
        .get(name)
        .map(|target| &target.spec)
        .ok_or_else(|| DemoError::Unexpected(format!("no target {name}")))
}

fn outsider_of(
    world: &World,
    desired: &DesiredState,
    target: &bowline_core::name::ResourceName,
) -> Result<Outsider, DemoError> {
    target_of(desired, target).map(|target| world.outsider(&place(target)))
}

/// The secret with a value that has the required keys; its current version is the one that git pins.
async fn create_secret(outsider: &Outsider, secret: &Secret) -> Result<(), DemoError> {
    let made = outsider
        .secrets
        .create_secret()
        .name(secret.secret_id.as_str())
        .client_request_token(secret.version_id.as_str())
        .secret_string(value_with(&secret.required_keys))
        .send()
        .await;
    made.map(|_| ()).map_err(|error| DemoError::aws("CreateSecret", &error))
}

/// A value for a secret: made up, but with the keys that its readers ask for.
pub(super) fn value_with(keys: &[String]) -> String {
    let pairs: Map<String, Value> =
        keys.iter().map(|key| (key.clone(), json!("made-up-for-the-demo"))).collect();
    Value::Object(pairs).to_string()
}

async fn create_state(outsider: &Outsider, target: &Target, state: &TerraformState) -> Result<(), DemoError> {
    let bucket = state.bucket.as_str();
    let mut create = outsider.s3.create_bucket().bucket(bucket);
    if target.region.as_str() != "us-east-1" {
        let location = BucketLocationConstraint::from(target.region.as_str());
        create = create.create_bucket_configuration(
            CreateBucketConfiguration::builder().location_constraint(location).build(),
        );
    }
    create.send().await.map_err(|error| DemoError::aws("CreateBucket", &error))?;
    let enabled = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    let versioned =
        outsider.s3.put_bucket_versioning().bucket(bucket).versioning_configuration(enabled).send().await;
    versioned.map_err(|error| DemoError::aws("PutBucketVersioning", &error))?;
    let body = json!({
        "version": 4,
        "terraform_version": "1.11.4",
        "serial": 41,
        "lineage": state.lineage.as_ref().map_or("00000000-0000-4000-8000-000000000000", |lineage| lineage.as_str()),
        "outputs": {},
        "resources": [],
    });
    let put = outsider
        .s3
        .put_object()
        .bucket(bucket)
        .key(state.key.as_str())
        .content_type("application/json")
        .body(body.to_string().into_bytes().into())
        .send()
        .await;
    put.map(|_| ()).map_err(|error| DemoError::aws("PutObject", &error))
}

async fn create_service(
    outsider: &Outsider,
    target: &Target,
    service: &DesiredService,
) -> Result<(), DemoError> {
    let spec = &service.resource.spec;
    let task_definition = match &service.task_definition {
        Some(WantedTaskDefinition::Revision(revision)) => {
            let (family, number) = revision.parts();
            for release in 1..=number {
                let image = format!("registry.example.com/{family}:{release}");
                register(
                    outsider,
                    family,
                    &json!({ "containerDefinitions": [{ "name": "main", "image": image }] }),
                )
                .await?;
            }
            revision.to_string()
        }
        Some(WantedTaskDefinition::Content { family, content, .. }) => {
            register(outsider, family, &content.value()).await?
        }
        None => register(outsider, spec.service.as_str(), &json!({})).await?,
    };
    let network = AwsVpcConfiguration::builder()
        .subnets("subnet-0a1b2c3d4e5f60718")
        .build()
        .map_err(|error| DemoError::Unexpected(error.to_string()))?;
    let breaker = DeploymentCircuitBreaker::builder().enable(true).rollback(true).build();
    let made = outsider
        .ecs
        .create_service()
        .cluster(target.cluster.as_str())
        .service_name(spec.service.as_str())
        .task_definition(task_definition)
        .desired_count(i32::try_from(spec.desired_count.unwrap_or(1)).unwrap_or(1))
        .launch_type(LaunchType::Fargate)
        .network_configuration(NetworkConfiguration::builder().awsvpc_configuration(network).build())
        .deployment_configuration(
            DeploymentConfiguration::builder().deployment_circuit_breaker(breaker).build(),
        )
        .send()
        .await;
    made.map(|_| ()).map_err(|error| DemoError::aws("CreateService", &error))
}

/// Registers the release before the one that `content` describes: the same containers with an older image tag.
async fn register(outsider: &Outsider, family: &str, content: &Value) -> Result<String, DemoError> {
    let text = |value: &Value, field: &str| value.get(field).and_then(Value::as_str).map(str::to_owned);
    let mut request = outsider
        .ecs
        .register_task_definition()
        .family(family)
        .network_mode(NetworkMode::Awsvpc)
        .requires_compatibilities(Compatibility::Fargate)
        .cpu(text(content, "cpu").unwrap_or_else(|| "256".to_owned()))
        .memory(text(content, "memory").unwrap_or_else(|| "512".to_owned()))
        .set_execution_role_arn(text(content, "executionRoleArn"));
    let containers =
        content.get("containerDefinitions").and_then(Value::as_array).cloned().unwrap_or_default();
    for container in containers {
        let image = text(&container, "image").unwrap_or_default();
        request = request.container_definitions(
            ContainerDefinition::builder()
                .name(text(&container, "name").unwrap_or_else(|| "main".to_owned()))
                .image(release_before(&image))
                .essential(container.get("essential").and_then(Value::as_bool).unwrap_or(true))
                .build(),
        );
    }
    let answer = request.send().await.map_err(|error| DemoError::aws("RegisterTaskDefinition", &error))?;
    answer
        .task_definition
        .and_then(|made| made.task_definition_arn)
        .ok_or_else(|| DemoError::Unexpected("RegisterTaskDefinition answered without an ARN".to_owned()))
}

fn release_before(image: &str) -> String {
    match image.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') && !image.starts_with("registry.example.com/") => {
            format!("{repository}:{RELEASE_BEFORE}")
        }
        _ => image.to_owned(),
    }
}
