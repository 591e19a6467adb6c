//! A simulator, a client of somebody else, and a desired state to observe.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_config::{BehaviorVersion, Region};
use aws_sdk_ecs::config::Credentials;
use bowline::aws::{Aws, AwsSettings};
use bowline::clock::Clock;
use bowline::config::CeilingSettings;
use bowline_core::desired::kind::{Mode, Target};
use bowline_core::desired::{DesiredService, DesiredState, Metadata, Origin, Resource};
use bowline_core::live::{Live, Observed, UnknownCategory, UnknownReason};
use bowline_core::name::{ResourceName, TaskDefinitionArn};
use bowline_core::policy::Ceiling;
use bowline_sim::{Simulator, SimulatorConfig};
use serde_json::{Value, json};

pub(crate) const ACCOUNT: &str = "111122223333";
/// Waits between attempts pass this many times as fast.
const HURRY: f64 = 1_000.0;

pub(crate) struct World {
    pub(crate) simulator: Simulator,
    pub(crate) aws: Aws,
    pub(crate) desired: DesiredState,
    pub(crate) ceiling: Ceiling,
    pub(crate) ecs: aws_sdk_ecs::Client,
    pub(crate) secrets: aws_sdk_secretsmanager::Client,
    pub(crate) s3: aws_sdk_s3::Client,
}

pub(crate) fn name(text: &str) -> ResourceName {
    ResourceName::parse(text).unwrap()
}

pub(crate) fn arn(revision: &str) -> TaskDefinitionArn {
    TaskDefinitionArn::parse(&format!("arn:aws:ecs:eu-central-1:{ACCOUNT}:task-definition/{revision}"))
        .unwrap()
}

pub(crate) fn target(fields: &Value) -> Target {
    let mut spec = json!({ "accountId": ACCOUNT, "region": "eu-central-1", "cluster": "main" });
    spec.as_object_mut().unwrap().append(&mut fields.as_object().unwrap().clone());
    serde_json::from_value(spec).unwrap()
}

pub(crate) fn resource<S>(resource_name: &str, spec: S) -> Resource<S> {
    let metadata =
        Metadata { name: name(resource_name), labels: BTreeMap::new(), annotations: BTreeMap::new() };
    Resource { metadata, spec, origin: Origin { path: "a.yaml".to_owned(), line: 1, stale: false } }
}

impl World {
    /// An empty cluster `main`, and a Target `live` for it.
    pub(crate) async fn new() -> Self {
        Self::with(SimulatorConfig { time_scale: 0.0, ..SimulatorConfig::default() }, ACCOUNT).await
    }

    pub(crate) async fn with(config: SimulatorConfig, access_key: &str) -> Self {
        let simulator = Simulator::start(config).await.unwrap();
        let aws = connect(&simulator.url(), access_key).await;
        let sdk = aws_config::defaults(BehaviorVersion::latest())
            .endpoint_url(simulator.url())
            .region(Region::new("eu-central-1"))
            .credentials_provider(Credentials::new(ACCOUNT, "secret", None, None, "test"))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .load()
            .await;
        let s3 = aws_sdk_s3::config::Builder::from(&sdk).force_path_style(true).build();
        let world = Self {
            simulator,
            aws,
            desired: DesiredState::default(),
            ceiling: CeilingSettings::default().ceiling(Mode::Enforce),
            ecs: aws_sdk_ecs::Client::new(&sdk),
            secrets: aws_sdk_secretsmanager::Client::new(&sdk),
            s3: aws_sdk_s3::Client::from_conf(s3),
        };
        world.ecs.create_cluster().cluster_name("main").send().await.unwrap();
        let mut world = world;
        world.desired.targets.insert(name("live"), resource("live", target(&json!({}))));
        world
    }

    /// Registers a revision of `family` with this image.
    pub(crate) async fn register(&self, family: &str, image: &str) -> TaskDefinitionArn {
        let container =
            aws_sdk_ecs::types::ContainerDefinition::builder().name("app").image(image).memory(128);
        let answer =
            self.ecs.register_task_definition().family(family).container_definitions(container.build());
        let answer = answer.send().await.unwrap();
        TaskDefinitionArn::parse(answer.task_definition().unwrap().task_definition_arn().unwrap()).unwrap()
    }

    /// Creates a service at ECS, running revision 1 of a family of its name, and names it in git.
    pub(crate) async fn service(&mut self, service: &str) {
        self.register(service, "example/app:1").await;
        let call = self.ecs.create_service().cluster("main").service_name(service);
        call.task_definition(format!("{service}:1")).desired_count(2).send().await.unwrap();
        self.want_service(service);
    }

    /// Names a service in git, whether it exists or not.
    pub(crate) fn want_service(&mut self, service: &str) {
        let spec = serde_json::from_value(json!({ "target": "live", "service": service })).unwrap();
        let desired = DesiredService { resource: Arc::new(resource(service, spec)), task_definition: None };
        self.desired.services.insert(name(service), desired);
    }

    /// Creates a secret at AWS with one version, and names it in git.
    pub(crate) async fn secret(&mut self, secret: &str, version: &str) {
        let call =
            self.secrets.create_secret().name(secret).secret_string("one").client_request_token(version);
        call.send().await.unwrap();
        let spec = json!({ "target": "live", "secretId": secret, "versionId": version });
        let spec = serde_json::from_value(spec).unwrap();
        self.desired.secrets.insert(name(secret), resource(secret, spec));
    }

    /// Creates a bucket at AWS.
    pub(crate) async fn bucket(&self, bucket: &str) {
        let region = aws_sdk_s3::types::BucketLocationConstraint::EuCentral1;
        let place =
            aws_sdk_s3::types::CreateBucketConfiguration::builder().location_constraint(region).build();
        self.s3.create_bucket().bucket(bucket).create_bucket_configuration(place).send().await.unwrap();
    }

    /// Names a Terraform state in git.
    pub(crate) fn want_state(&mut self, state: &str, bucket: &str, key: &str) {
        let spec = serde_json::from_value(json!({ "target": "live", "bucket": bucket, "key": key })).unwrap();
        self.desired.states.insert(name(state), resource(state, spec));
    }

    pub(crate) async fn observe(&self, previous: Option<&Live>) -> Live {
        let scope = bowline::observe::Scope::ALL;
        bowline::observe::observe(&self.aws, &self.desired, &self.ceiling, previous, scope).await
    }

    /// How often each operation was called since the last look, by anybody.
    pub(crate) fn calls(&self) -> BTreeMap<String, usize> {
        let counts = self.simulator.call_counts(None);
        self.simulator.clear_calls();
        counts
    }
}

pub(crate) async fn connect(url: &str, access_key: &str) -> Aws {
    let settings = AwsSettings {
        endpoint_url: Some(url.to_owned()),
        clock: Clock::scaled(HURRY),
        limits: false,
        task_definition_cache: None,
    };
    Aws::with_access_key(settings, access_key, &"secret".to_owned().into()).await
}

/// Why something is unknown.
pub(crate) fn why<T: std::fmt::Debug>(observed: &Observed<T>) -> &UnknownReason {
    match observed {
        Observed::Unknown { why } => why,
        other => panic!("not unknown: {other:?}"),
    }
}

/// `known`, `missing`, or the category of what is unknown, for every service.
pub(crate) fn services(live: &Live) -> BTreeMap<&str, Result<&'static str, UnknownCategory>> {
    let states = live.services.iter().map(|(name, observed)| {
        let state = match observed {
            Observed::Known { .. } => Ok("known"),
            Observed::Missing => Ok("missing"),
            Observed::Unknown { why } => Err(why.category),
        };
        (name.as_str(), state)
    });
    states.collect()
}
