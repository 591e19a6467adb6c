//! A cluster with services of all sorts, built through the plain SDK.

use aws_sdk_ecs::types::{
    AssignPublicIp, AwsVpcConfiguration, Compatibility, ContainerDefinition, DeploymentController,
    DeploymentControllerType, HealthCheck, HostVolumeProperties, KeyValuePair, LaunchType, LogConfiguration,
    LogDriver, MountPoint, NetworkConfiguration, NetworkMode, PortMapping, SchedulingStrategy, Secret,
    TransportProtocol, Volume,
};
use bowline_tests::servers::{ACCOUNT, REGION};
use bowline_tests::world::{CLUSTER, World};

/// One sort of service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    /// `web`: Fargate, reads a secret, has a health check, logs, and what AWS fills in.
    Web,
    /// `worker_v2`: Fargate, a name that no resource can have.
    Worker,
    /// `gateway`: two containers, two secrets, one of them for its log driver.
    Gateway,
    /// `agent`: a DAEMON on EC2 with bridge networking and a volume of the host.
    Agent,
    /// `shop`: deployed by CodeDeploy.
    Shop,
    /// `legacy`: passwords in its environment.
    Confidential,
}

impl Service {
    fn called(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Worker => "worker_v2",
            Self::Gateway => "gateway",
            Self::Agent => "agent",
            Self::Shop => "shop",
            Self::Confidential => "legacy",
        }
    }
}

/// The cluster, two secrets and a Terraform state.
pub(super) struct Landscape {
    pub(super) world: World,
    network: [String; 2],
    secrets: [String; 2],
    resources: usize,
    deployed: usize,
}

impl Landscape {
    /// With these services, each settled.
    pub(super) async fn new(world: World, services: &[Service]) -> Self {
        let landscape = Self::empty(world).await;
        for service in services {
            landscape.add(*service).await;
        }
        let read = if services.contains(&Service::Gateway) { 2 } else { 1 };
        // The Target and the state.
        let deployed = services.iter().filter(|service| **service != Service::Shop).count();
        Self { resources: services.len() + read + 2, deployed, ..landscape }
    }

    /// With so many services of these sorts, of so many families.
    pub(super) async fn many(world: World, sorts: &[Service], services: usize, families: usize) -> Self {
        let landscape = Self::empty(world).await;
        let mut revisions = Vec::new();
        for number in 0..families {
            let sort = sorts[number % sorts.len()];
            revisions.push((sort, landscape.register(sort, &format!("family-{number}")).await));
        }
        let mut deployed = 0;
        for number in 0..services {
            let (sort, revision) = &revisions[number % families];
            deployed += usize::from(*sort != Service::Shop);
            landscape.create(*sort, &format!("{}-{number:03}", sort.called()), revision).await;
        }
        Self { resources: services + 2 + 1, deployed, ..landscape }
    }

    async fn empty(world: World) -> Self {
        let mut secrets = [String::new(), String::new()];
        for (arn, name) in secrets.iter_mut().zip(["app/db", "app/api"]) {
            world.secret(name, 1).await;
            let found =
                world.clients.secrets.describe_secret().secret_id(name).send().await.expect("DescribeSecret");
            *arn = found.arn.expect("its ARN");
        }
        world.bucket().await;
        world.state(1).await;
        let network = world.network().clone();
        Self { world, network, secrets, resources: 0, deployed: 0 }
    }

    /// How many resources an import of all of it makes.
    pub(super) fn resources(&self) -> usize {
        self.resources
    }

    /// How many of its services ECS deploys: those of CodeDeploy have no task definition in git.
    pub(super) fn deployed(&self) -> usize {
        self.deployed
    }

    /// Adds a service and waits until it is settled.
    pub(super) async fn add(&self, service: Service) {
        let revision = self.register(service, service.called()).await;
        self.create(service, service.called(), &revision).await;
        if !matches!(service, Service::Shop | Service::Agent) {
            self.world.settled(service.called()).await;
        }
    }

    /// Deploys another revision by hand.
    pub(super) async fn point(&self, service: &str, revision: &str) {
        let update = self.world.clients.ecs.update_service().cluster(CLUSTER).service(service);
        update.task_definition(revision).send().await.expect("UpdateService");
        self.world.settled(service).await;
    }

    /// Deletes a service.
    pub(super) async fn delete(&self, service: &str) {
        let delete = self.world.clients.ecs.delete_service().cluster(CLUSTER).service(service).force(true);
        delete.send().await.expect("DeleteService");
    }

    async fn register(&self, service: Service, family: &str) -> String {
        let call = self.world.clients.ecs.register_task_definition().family(family);
        let call = call.set_container_definitions(Some(self.containers(service)));
        let call = match service {
            Service::Agent => {
                call.network_mode(NetworkMode::Bridge).requires_compatibilities(Compatibility::Ec2).volumes(
                    Volume::builder()
                        .name("run")
                        .host(HostVolumeProperties::builder().source_path("/run").build())
                        .build(),
                )
            }
            _ => call
                .network_mode(NetworkMode::Awsvpc)
                .requires_compatibilities(Compatibility::Fargate)
                .cpu("256")
                .memory("512")
                .execution_role_arn(format!("arn:aws:iam::{ACCOUNT}:role/execution")),
        };
        let answer = call.send().await.expect("RegisterTaskDefinition");
        answer.task_definition().and_then(|found| found.task_definition_arn()).expect("its ARN").to_owned()
    }

    fn containers(&self, service: Service) -> Vec<ContainerDefinition> {
        let [db, api] = &self.secrets;
        let variable = |name: &str, value: &str| KeyValuePair::builder().name(name).value(value).build();
        let secret = |name: &str, from: &str| {
            Secret::builder().name(name).value_from(from).build().expect("it has both")
        };
        let logs =
            LogConfiguration::builder().log_driver(LogDriver::Awslogs).options("awslogs-region", REGION);
        let app = ContainerDefinition::builder().name("app").image("registry.test/app:1").essential(true);
        match service {
            Service::Web => {
                let check =
                    HealthCheck::builder().command("CMD-SHELL").command("curl -fsS http://localhost:8080");
                let app = app
                    .port_mappings(
                        PortMapping::builder().container_port(8080).protocol(TransportProtocol::Tcp).build(),
                    )
                    .environment(variable("LOG_LEVEL", "info"))
                    .environment(variable("EMPTY", ""))
                    .secrets(secret("DB_PASSWORD", &format!("{db}:::")))
                    .health_check(check.build().expect("it has a command"))
                    .log_configuration(logs.build().expect("it has a driver"));
                vec![app.build()]
            }
            Service::Gateway => {
                let logs = logs.secret_options(secret("splunk-token", api)).build().expect("it has a driver");
                let app = app.secrets(secret("DB", db)).log_configuration(logs).docker_labels("team", "core");
                let side = ContainerDefinition::builder()
                    .name("side")
                    .image("registry.test/side:1")
                    .essential(false);
                vec![app.build(), side.command("run").command("--port=1").build()]
            }
            Service::Agent => {
                let mount =
                    MountPoint::builder().source_volume("run").container_path("/run").read_only(true).build();
                vec![app.memory(128).mount_points(mount).build()]
            }
            Service::Confidential => {
                let app = app.environment(variable("DB_PASSWORD", "hunter2"));
                vec![app.environment(variable("UPSTREAM", "https://app:hunter2@upstream.test")).build()]
            }
            Service::Worker | Service::Shop => vec![app.build()],
        }
    }

    async fn create(&self, service: Service, called: &str, revision: &str) {
        let create = self.world.clients.ecs.create_service().cluster(CLUSTER).service_name(called);
        let create = create.task_definition(revision);
        let create = if service == Service::Agent {
            create.launch_type(LaunchType::Ec2).scheduling_strategy(SchedulingStrategy::Daemon)
        } else {
            let network = AwsVpcConfiguration::builder()
                .subnets(&self.network[0])
                .security_groups(&self.network[1])
                .assign_public_ip(AssignPublicIp::Disabled)
                .build()
                .expect("it has subnets");
            let network = NetworkConfiguration::builder().awsvpc_configuration(network).build();
            create.launch_type(LaunchType::Fargate).desired_count(2).network_configuration(network)
        };
        let create = if service == Service::Shop {
            let controller = DeploymentController::builder().r#type(DeploymentControllerType::CodeDeploy);
            create.deployment_controller(controller.build().expect("it has a type"))
        } else {
            create
        };
        create.send().await.expect("CreateService");
    }
}
