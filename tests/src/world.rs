//! The live side of a test, built through the plain SDK, and the manifests that describe it.

use aws_sdk_ecs::types::{
    AssignPublicIp, AwsVpcConfiguration, Compatibility, ContainerDefinition, DeploymentCircuitBreaker,
    DeploymentConfiguration, LaunchType, NetworkConfiguration, NetworkMode, PortMapping, Secret,
};
use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use serde_json::{Value, json};

use crate::aws::Clients;
use crate::servers::{ACCOUNT, REGION};
use crate::until::until;

/// The cluster that everything is in.
pub const CLUSTER: &str = "main";
/// The bucket of Terraform states.
pub const BUCKET: &str = "states";
/// The key of the state.
pub const STATE: &str = "prod/app.tfstate";
/// The lineage of the state.
pub const LINEAGE: &str = "8d1f7c2e-53b9-4f0a-a6d4-2b9e0c71f5e3";

/// The ARN of something at ECS.
pub fn arn(resource: &str) -> String {
    format!("arn:aws:ecs:{REGION}:{ACCOUNT}:{resource}")
}

/// A version id of a secret: 32 times the same digit.
pub fn version(digit: u8) -> String {
    digit.to_string().repeat(32)
}

/// Builds and asks.
pub struct World {
    /// The clients that it does so with.
    pub clients: Clients,
    cluster: String,
    network: [String; 2],
}

impl World {
    /// The empty cluster [`CLUSTER`].
    pub async fn new(endpoint: &str) -> Self {
        Self::in_cluster(endpoint, CLUSTER).await
    }

    /// An empty cluster.
    pub async fn in_cluster(endpoint: &str, cluster: &str) -> Self {
        let clients = Clients::new(endpoint, ACCOUNT);
        clients.ecs.create_cluster().cluster_name(cluster).send().await.expect("CreateCluster");
        let network = ["subnet-1".to_owned(), "sg-1".to_owned()];
        Self { clients, cluster: cluster.to_owned(), network }
    }

    /// The cluster [`CLUSTER`] with services that run revision `web:1`, one task each.
    pub async fn with_services(endpoint: &str, names: &[&str]) -> Self {
        let world = Self::new(endpoint).await;
        let revision = world.revision("web", "registry.test/web:1").await;
        for name in names {
            world.service(name, &revision, 1).await;
        }
        world
    }

    /// In a subnet and with a security group that exist, for servers that look whether they do.
    #[must_use]
    pub fn in_network(self, network: [String; 2]) -> Self {
        Self { network, ..self }
    }

    /// The subnet and the security group that services are put into.
    pub fn network(&self) -> &[String; 2] {
        &self.network
    }

    /// Registers the next revision of a family: one container of the family's name with this image.
    pub async fn revision(&self, family: &str, image: &str) -> String {
        let port = PortMapping::builder().container_port(8080).build();
        let container = ContainerDefinition::builder().name(family).image(image).port_mappings(port).build();
        let answer = self
            .clients
            .ecs
            .register_task_definition()
            .family(family)
            .network_mode(NetworkMode::Awsvpc)
            .requires_compatibilities(Compatibility::Fargate)
            .cpu("256")
            .memory("512")
            .container_definitions(container)
            .send()
            .await
            .expect("RegisterTaskDefinition");
        answer.task_definition().and_then(|found| found.task_definition_arn()).expect("its ARN").to_owned()
    }

    /// Creates a service whose container reads a secret when it starts.
    pub async fn reader(&self, name: &str, secret: &str) {
        let found =
            self.clients.secrets.describe_secret().secret_id(secret).send().await.expect("DescribeSecret");
        let secret = Secret::builder().name("SECRET").value_from(found.arn.expect("its ARN")).build();
        let container = ContainerDefinition::builder().name(name).image("registry.test/reader:1");
        let container = container.secrets(secret.expect("it has both")).build();
        let register =
            self.clients.ecs.register_task_definition().family(name).container_definitions(container);
        let register =
            register.network_mode(NetworkMode::Awsvpc).requires_compatibilities(Compatibility::Fargate);
        let register =
            register.cpu("256").memory("512").execution_role_arn(format!("arn:aws:iam::{ACCOUNT}:role/x"));
        let answer = register.send().await.expect("RegisterTaskDefinition");
        let arn = answer.task_definition().and_then(|found| found.task_definition_arn()).expect("its ARN");
        self.create_service(name, arn, 1).await;
    }

    /// Creates a service and waits until its first deployment is complete.
    pub async fn service(&self, name: &str, revision: &str, count: i32) {
        self.create_service(name, revision, count).await;
        self.settled(name).await;
    }

    /// Creates a service.
    pub async fn create_service(&self, name: &str, revision: &str, count: i32) {
        let network = AwsVpcConfiguration::builder()
            .subnets(&self.network[0])
            .security_groups(&self.network[1])
            .assign_public_ip(AssignPublicIp::Disabled)
            .build()
            .expect("it has subnets");
        let breaker = DeploymentCircuitBreaker::builder().enable(true).rollback(true).build();
        let create = self.clients.ecs.create_service().cluster(&self.cluster).service_name(name);
        create
            .task_definition(revision)
            .desired_count(count)
            .launch_type(LaunchType::Fargate)
            .network_configuration(NetworkConfiguration::builder().awsvpc_configuration(network).build())
            .deployment_configuration(
                DeploymentConfiguration::builder().deployment_circuit_breaker(breaker).build(),
            )
            .send()
            .await
            .expect("CreateService");
    }

    /// Waits until a service has one deployment, complete.
    pub async fn settled(&self, name: &str) {
        until(format!("the end of {name}'s rollout"), || async {
            let service = self.described(name).await;
            let state = service.deployments().first().and_then(|deployment| deployment.rollout_state());
            let complete =
                service.deployments().len() == 1 && state.is_some_and(|state| state.as_str() == "COMPLETED");
            complete.then_some(())
        })
        .await;
    }

    /// A service as DescribeServices shows it.
    pub async fn described(&self, name: &str) -> aws_sdk_ecs::types::Service {
        let ask = self.clients.ecs.describe_services().cluster(&self.cluster).services(name);
        let answer = ask.send().await.expect("DescribeServices");
        answer.services.and_then(|all| all.into_iter().next()).expect("the service exists")
    }

    /// The image of a task definition's first container.
    pub async fn image(&self, task_definition: &str) -> String {
        let ask = self.clients.ecs.describe_task_definition().task_definition(task_definition);
        let found = ask.send().await.expect("DescribeTaskDefinition").task_definition.expect("it exists");
        found.container_definitions()[0].image().unwrap_or_default().to_owned()
    }

    /// How many revisions a family has.
    pub async fn revisions(&self, family: &str) -> usize {
        let ask = self.clients.ecs.list_task_definitions().family_prefix(family);
        ask.send().await.expect("ListTaskDefinitions").task_definition_arns().len()
    }

    /// How many deployments a service has had.
    pub async fn deployments(&self, name: &str) -> usize {
        let ask = self.clients.ecs.list_service_deployments().cluster(&self.cluster).service(name);
        ask.send().await.expect("ListServiceDeployments").service_deployments().len()
    }

    /// Creates a secret whose versions are [`version`] 1 to `versions`. AWSCURRENT is on the first; the others carry a
    /// label of their own, as a person gives it who wants to promote them by a commit. Gives the versions' ids, for
    /// servers that make up their own.
    pub async fn secret(&self, name: &str, versions: u8) -> Vec<String> {
        let secrets = &self.clients.secrets;
        let create = secrets.create_secret().name(name).client_request_token(version(1));
        let created = create.secret_string("value-1").send().await.expect("CreateSecret");
        let mut ids = vec![created.version_id.expect("its version")];
        for number in 2..=versions {
            let put = secrets.put_secret_value().secret_id(name).client_request_token(version(number));
            let put =
                put.secret_string(format!("value-{number}")).version_stages(format!("pending-{number}"));
            ids.extend(put.send().await.expect("PutSecretValue").version_id);
        }
        ids
    }

    /// Moves AWSCURRENT, as a person would.
    pub async fn promote(&self, name: &str, from: &str, to: &str) {
        let swap =
            self.clients.secrets.update_secret_version_stage().secret_id(name).version_stage("AWSCURRENT");
        swap.remove_from_version_id(from)
            .move_to_version_id(to)
            .send()
            .await
            .expect("UpdateSecretVersionStage");
    }

    /// The version that AWSCURRENT is on.
    pub async fn current(&self, name: &str) -> Option<String> {
        let found =
            self.clients.secrets.describe_secret().secret_id(name).send().await.expect("DescribeSecret");
        let stages = found.version_ids_to_stages?;
        stages
            .into_iter()
            .find_map(|(id, labels)| labels.iter().any(|label| label == "AWSCURRENT").then_some(id))
    }

    /// Creates the versioned bucket of states.
    pub async fn bucket(&self) {
        let constraint = aws_sdk_s3::types::CreateBucketConfiguration::builder()
            .location_constraint(REGION.into())
            .build();
        let create = self.clients.s3.create_bucket().bucket(BUCKET).create_bucket_configuration(constraint);
        create.send().await.expect("CreateBucket");
        let enabled = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
        let put = self.clients.s3.put_bucket_versioning().bucket(BUCKET).versioning_configuration(enabled);
        put.send().await.expect("PutBucketVersioning");
    }

    /// Writes a version of the state; gives its version id.
    pub async fn state(&self, serial: u64) -> String {
        let state = json!({
            "version": 4, "terraform_version": "1.15.5", "serial": serial, "lineage": LINEAGE,
            "outputs": {"password": {"value": "in plain text", "type": "string", "sensitive": true}},
            "resources": [], "check_results": null,
        });
        let put = self
            .clients
            .s3
            .put_object()
            .bucket(BUCKET)
            .key(STATE)
            .body(state.to_string().into_bytes().into());
        let answer = put.send().await.expect("PutObject");
        answer.version_id.expect("the bucket keeps versions")
    }
}

/// The manifest of a Target.
pub fn target(mode: &str) -> String {
    target_in(mode, ACCOUNT)
}

/// The manifest of a Target in another account.
pub fn target_in(mode: &str, account: &str) -> String {
    manifest(
        "Target",
        "prod",
        &json!({
            "accountId": account, "region": REGION, "cluster": CLUSTER, "mode": mode,
            "capabilities": ["ecs:create", "ecs:deploy", "ecs:scale", "ecs:restart", "ecs:stop-deployment", "secrets:promote"],
        }),
    )
}

/// The manifest of an EcsService; `spec` holds everything but the target and the service's name.
pub fn service(name: &str, mut spec: Value) -> String {
    spec["target"] = json!("prod");
    spec["service"] = json!(name);
    manifest("EcsService", name, &spec)
}

/// The manifest of a Secret.
pub fn secret(name: &str, secret_id: &str, version: &str) -> String {
    manifest("Secret", name, &json!({"target": "prod", "secretId": secret_id, "versionId": version}))
}

/// The manifest of the TerraformState.
pub fn terraform_state(version_id: &str, serial: u64) -> String {
    let version = json!({"id": version_id, "serial": serial});
    let spec =
        json!({"target": "prod", "bucket": BUCKET, "key": STATE, "lineage": LINEAGE, "version": version});
    manifest("TerraformState", "app", &spec)
}

/// JSON is YAML, too.
fn manifest(kind: &str, name: &str, spec: &Value) -> String {
    let manifest =
        json!({"apiVersion": "bowline.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec});
    format!("{manifest:#}\n")
}

/// A task definition file: what [`World::revision`] registers.
pub fn task_definition(family: &str, image: &str) -> String {
    let definition = json!({
        "family": family, "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
        "containerDefinitions": [{"name": family, "image": image, "portMappings": [{"containerPort": 8080}]}],
    });
    format!("{definition:#}\n")
}
