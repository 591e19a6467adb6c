//! A folder of one's own, a repository in it, and the binary with nothing of this machine's environment.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use bowline_sim::{Simulator, SimulatorConfig};
use serde_json::Value;
use tempfile::TempDir;

/// How many simulated seconds pass in a real one.
pub(crate) const TIME_SCALE: f64 = 40.0;

/// A folder for one test.
pub(crate) struct Place {
    folder: TempDir,
}

/// What the binary answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bowline"));
        command
            .args(arguments)
            .current_dir(self.path())
            .env_clear()
            .env("HOME", self.path())
            .env("AWS_ACCESS_KEY_ID", "111122223333")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_REGION", "eu-central-1")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs the binary to its end. The folder's own path reads `PLACE` in what it prints.
    pub(crate) fn bowline(&self, arguments: &[&str]) -> Answer {
        self.answer(&self.command(arguments).output().unwrap())
    }

    pub(crate) fn answer(&self, output: &Output) -> Answer {
        let place = self.path().display().to_string();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&place, "PLACE");
        Answer {
            code: output.status.code().unwrap_or(-1),
            out: text(&output.stdout),
            err: text(&output.stderr),
        }
    }

    /// Commits `files` as all that the repository `repo` holds, and gives the commit's id.
    pub(crate) fn commit(&self, message: &str, files: &[(&str, &str)]) -> String {
        let folder = self.path().join("repo");
        let repository = git2::Repository::open(&folder).unwrap_or_else(|_| {
            let mut options = git2::RepositoryInitOptions::new();
            git2::Repository::init_opts(&folder, options.initial_head("main")).unwrap()
        });
        let mut index = repository.index().unwrap();
        index.clear().unwrap();
        for (path, text) in files {
            self.write(&format!("repo/{path}"), text);
            index.add_path(Path::new(path)).unwrap();
        }
        index.write().unwrap();
        let tree = repository.find_tree(index.write_tree().unwrap()).unwrap();
        let author = git2::Signature::now("Ada", "ada@example.com").unwrap();
        let parent = repository.head().ok().map(|head| head.peel_to_commit().unwrap());
        let parents: Vec<&git2::Commit<'_>> = parent.iter().collect();
        repository.commit(Some("HEAD"), &author, &author, message, &tree, &parents).unwrap().to_string()
    }

    /// Writes a `bowline.yaml` for the repository, against `endpoint`, with `more` lines.
    pub(crate) fn configure(&self, endpoint: &str, more: &str) {
        self.write(
            "bowline.yaml",
            &format!(
                "sources: [{{ repo: repo }}]\naws: {{ endpointUrl: '{endpoint}' }}\ntimeScale: {TIME_SCALE}\n\
                 store: state/bowline.db\n{more}"
            ),
        );
    }
}

/// A simulated AWS with its clients.
pub(crate) struct Cloud {
    pub(crate) simulator: Simulator,
    pub(crate) ecs: aws_sdk_ecs::Client,
}

impl Cloud {
    pub(crate) async fn start() -> Self {
        let config = SimulatorConfig { time_scale: TIME_SCALE, ..SimulatorConfig::default() };
        let simulator = Simulator::start(config).await.unwrap();
        let keys = aws_credential_types::Credentials::new("111122223333", "test", None, None, "test");
        let settings = aws_sdk_ecs::Config::builder()
            .behavior_version(aws_sdk_ecs::config::BehaviorVersion::latest())
            .region(aws_sdk_ecs::config::Region::new("eu-central-1"))
            .endpoint_url(simulator.url())
            .credentials_provider(keys)
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        Self { ecs: aws_sdk_ecs::Client::from_conf(settings), simulator }
    }

    /// A revision of `family` that runs `image`.
    pub(crate) async fn register(&self, family: &str, image: &str) {
        let container = aws_sdk_ecs::types::ContainerDefinition::builder().name("app").image(image).build();
        let call = self.ecs.register_task_definition().family(family).cpu("256").memory("512");
        let call = call.network_mode(aws_sdk_ecs::types::NetworkMode::Awsvpc);
        let call = call.requires_compatibilities(aws_sdk_ecs::types::Compatibility::Fargate);
        call.container_definitions(container).send().await.unwrap();
    }

    /// A service with a circuit breaker that rolls back.
    pub(crate) async fn create(&self, service: &str, revision: &str, count: i32) {
        use aws_sdk_ecs::types::{
            AwsVpcConfiguration, DeploymentCircuitBreaker, DeploymentConfiguration, LaunchType,
            NetworkConfiguration,
        };
        self.ecs.create_cluster().cluster_name("main").send().await.unwrap();
        let network = AwsVpcConfiguration::builder().subnets("subnet-1").build().unwrap();
        let breaker = DeploymentCircuitBreaker::builder().enable(true).rollback(true).build();
        let call = self.ecs.create_service().cluster("main").service_name(service);
        call.task_definition(revision)
            .desired_count(count)
            .launch_type(LaunchType::Fargate)
            .network_configuration(NetworkConfiguration::builder().awsvpc_configuration(network).build())
            .deployment_configuration(
                DeploymentConfiguration::builder().deployment_circuit_breaker(breaker).build(),
            )
            .send()
            .await
            .unwrap();
    }

    /// `family:revision` and desired count of a service, and whether its rollout is completed.
    pub(crate) async fn service(&self, service: &str) -> (String, i32, bool) {
        let answer = self.ecs.describe_services().cluster("main").services(service).send().await.unwrap();
        let service = &answer.services()[0];
        let arn = service.task_definition().unwrap();
        let completed = service.deployments().iter().all(|deployment| {
            deployment.rollout_state() == Some(&aws_sdk_ecs::types::DeploymentRolloutState::Completed)
        });
        (arn.rsplit('/').next().unwrap().to_owned(), service.desired_count(), completed)
    }

    /// How often an operation was called.
    pub(crate) fn count(&self, operation: &str) -> usize {
        self.simulator.calls().iter().filter(|call| call.operation == operation).count()
    }

    /// Every operation that was called and is not a read.
    pub(crate) fn writes(&self) -> Vec<String> {
        let is_read =
            |name: &str| ["Describe", "List", "Get", "Head"].iter().any(|prefix| name.starts_with(prefix));
        self.simulator
            .calls()
            .iter()
            .map(|call| call.operation.clone())
            .filter(|name| !is_read(name))
            .collect()
    }
}

/// A Target in mode `enforce` that allows everything.
pub(crate) const TARGET: &str = "\
apiVersion: bowline.dev/v1alpha1
kind: Target
metadata: { name: production }
spec:
  accountId: '111122223333'
  region: eu-central-1
  cluster: main
  mode: enforce
  capabilities: [ecs:deploy, ecs:scale, ecs:restart, secrets:promote]
";

/// A service on it.
pub(crate) fn service(name: &str, revision: &str, count: u32) -> String {
    format!(
        "apiVersion: bowline.dev/v1alpha1\nkind: EcsService\nmetadata: {{ name: {name} }}\nspec:\n  target: production\n  \
         service: {name}\n  taskDefinition: {{ revision: '{revision}' }}\n  desiredCount: {count}\n"
    )
}

/// Looks again and again until `done` gives something, for at most a minute.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut done: impl FnMut() -> F,
) -> T {
    for _ in 0..1200 {
        if let Some(value) = done().await {
            return value;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("waited a minute for: {what}")
}
