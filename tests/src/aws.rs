//! Clients: the plain SDK and the aws CLI, which are of another make than Bowline's, and Bowline's own.

use std::path::Path;
use std::process::Command;

use aws_credential_types::Credentials;
use aws_smithy_types::retry::RetryConfig;
use bowline::aws::{Aws, AwsSettings};
use bowline::clock::Clock;
use serde_json::Value;

use crate::bowline::TIME_SCALE;
use crate::judges;
use crate::process::{Ended, run};
use crate::servers::{ACCOUNT, REGION};

/// The SDK's clients for one endpoint.
#[derive(Debug, Clone)]
pub struct Clients {
    /// ECS.
    pub ecs: aws_sdk_ecs::Client,
    /// Secrets Manager.
    pub secrets: aws_sdk_secretsmanager::Client,
    /// S3.
    pub s3: aws_sdk_s3::Client,
    /// Application Auto Scaling.
    pub scaling: aws_sdk_applicationautoscaling::Client,
}

impl Clients {
    /// Clients that call as `account`: the simulator and ministack read it from the access key.
    pub fn new(endpoint: &str, account: &str) -> Self {
        let http = aws_smithy_http_client::Builder::new().build_http();
        let config = aws_config::SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::latest())
            .region(aws_config::Region::new(REGION))
            .credentials_provider(aws_credential_types::provider::SharedCredentialsProvider::new(
                Credentials::new(account, "secret", None, None, "test"),
            ))
            .retry_config(RetryConfig::standard())
            .endpoint_url(endpoint)
            .http_client(http)
            .build();
        Self {
            ecs: aws_sdk_ecs::Client::new(&config),
            secrets: aws_sdk_secretsmanager::Client::new(&config),
            scaling: aws_sdk_applicationautoscaling::Client::new(&config),
            s3: aws_sdk_s3::Client::from_conf(
                aws_sdk_s3::config::Builder::from(&config).force_path_style(true).build(),
            ),
        }
    }
}

/// Bowline's own, with time going as fast as that of its processes.
pub async fn bowlines(endpoint: &str) -> Aws {
    let settings = AwsSettings {
        endpoint_url: Some(endpoint.to_owned()),
        clock: Clock::scaled(TIME_SCALE),
        limits: false,
        task_definition_cache: None,
    };
    Aws::with_access_key(settings, ACCOUNT, &"secret".into()).await
}

/// Sets the environment that an AWS client reads, and nothing that the machine happens to have.
pub fn credentials<'a>(command: &'a mut Command, home: &Path, account: &str) -> &'a mut Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AWS_") {
            command.env_remove(name);
        }
    }
    command
        .env("HOME", home)
        .env("AWS_ACCESS_KEY_ID", account)
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("AWS_REGION", REGION)
        .env("AWS_DEFAULT_REGION", REGION)
        .env("AWS_EC2_METADATA_DISABLED", "true")
}

/// The aws CLI, pointed at an endpoint.
pub struct Cli<'a> {
    endpoint: &'a str,
    account: &'a str,
    home: &'a Path,
}

impl<'a> Cli<'a> {
    /// A person at a terminal in the folder `home`, with the credentials of `account`.
    pub fn new(endpoint: &'a str, account: &'a str, home: &'a Path) -> Self {
        Self { endpoint, account, home }
    }

    /// Runs `aws ARGUMENTS`, split at spaces.
    pub async fn try_run(&self, arguments: &str) -> Ended {
        let words: Vec<&str> = arguments.split_whitespace().collect();
        self.try_run_words(&words).await
    }

    /// Runs `aws` with these arguments.
    pub async fn try_run_words(&self, arguments: &[&str]) -> Ended {
        let mut command = Command::new(judges::program("aws"));
        credentials(&mut command, self.home, self.account)
            .env("AWS_ENDPOINT_URL", self.endpoint)
            .env("AWS_PAGER", "")
            .args(["--output", "json"])
            .args(arguments)
            .current_dir(self.home);
        run(command).await
    }

    /// Runs `aws ARGUMENTS`, which must succeed: what it printed, as JSON; null when it printed nothing.
    pub async fn run(&self, arguments: &str) -> Value {
        Self::parsed(self.try_run(arguments).await)
    }

    /// As [`Cli::run`], with arguments that hold spaces.
    pub async fn run_words(&self, arguments: &[&str]) -> Value {
        Self::parsed(self.try_run_words(arguments).await)
    }

    fn parsed(ended: Ended) -> Value {
        let ended = ended.with_code(0);
        if ended.stdout.trim().is_empty() { Value::Null } else { ended.json() }
    }

    /// Runs `aws ARGUMENTS`, which must be refused: the error code that the service gave.
    pub async fn refused(&self, arguments: &str) -> String {
        let ended = self.try_run(arguments).await;
        assert_ne!(ended.code, 0, "`aws {arguments}` succeeded: {ended}");
        let code = ended.stderr.split_once("An error occurred (").and_then(|(_, rest)| rest.split_once(')'));
        code.unwrap_or_else(|| panic!("no service refused `aws {arguments}`: {ended}")).0.to_owned()
    }
}
