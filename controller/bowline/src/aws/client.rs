//! The SDK's clients: one configuration from the standard chain, and lazily one set of clients per region and role.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region as SdkRegion, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use aws_smithy_types::checksum_config::ResponseChecksumValidation;
use bowline_core::desired::kind::{AssumeRole, Target};
use bowline_core::name::{AccountId, ClusterName, Region, ResourceName};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use super::api::Api;
use super::ecs::cache::TaskDefinitionCache;
use super::ecs::recognised::Answers;
use super::identity::IdentityMemo;
use super::limiter::{Limiter, Priority};
use super::settings::AwsSettings;
use crate::clock::Clock;

/// How long making a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long one attempt may take until its answer begins; the Target's `constraints.timeout` bounds all of them.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// The session name of assumed roles, as it shows in CloudTrail.
const SESSION_NAME: &str = "bowline";

/// AWS, as the rest of the shell sees it. Cheap to clone; clones share clients, limits and caches.
#[derive(Debug, Clone)]
pub struct Aws {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    settings: AwsSettings,
    base: SdkConfig,
    limiter: Limiter,
    task_definitions: TaskDefinitionCache,
    answers: Answers,
    clients: tokio::sync::Mutex<BTreeMap<ClientKey, Arc<Clients>>>,
    /// Calls under way per Target and limit: a limit that git changes starts anew.
    permits: Mutex<BTreeMap<(ResourceName, u32), Arc<Semaphore>>>,
}

/// Region and role: what a set of clients is for.
type ClientKey = (Region, Option<AssumeRole>);

/// The clients of one region and role.
#[derive(Debug)]
pub(super) struct Clients {
    pub(super) ecs: aws_sdk_ecs::Client,
    pub(super) secrets: aws_sdk_secretsmanager::Client,
    pub(super) s3: aws_sdk_s3::Client,
    pub(super) sts: aws_sdk_sts::Client,
    pub(super) load_balancing: aws_sdk_elasticloadbalancingv2::Client,
    pub(super) scaling: aws_sdk_applicationautoscaling::Client,
    pub(super) identity: IdentityMemo,
}

impl Aws {
    /// Loads the SDK's standard chain once. Credentials are asked for by the first call, not here.
    pub async fn new(settings: AwsSettings) -> Self {
        Self::load(settings, None).await
    }

    /// As [`Aws::new`], with this access key instead of the standard chain's credentials: for a simulated AWS, which
    /// must never be shown real ones.
    pub async fn with_access_key(settings: AwsSettings, id: &str, secret: &SecretString) -> Self {
        let key = Credentials::new(id, secret.expose_secret(), None, None, "bowline");
        Self::load(settings, Some(SharedCredentialsProvider::new(key))).await
    }

    pub(super) async fn load(settings: AwsSettings, credentials: Option<SharedCredentialsProvider>) -> Self {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .build();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            .timeout_config(timeouts)
            // Repeating is done in `call`, where it is bounded, counted and limited.
            .retry_config(RetryConfig::standard().with_max_attempts(1))
            // Only the first fields of a state are read: a checksum of the whole would never be compared.
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
        if let Some(url) = &settings.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        if let Some(credentials) = credentials {
            loader = loader.credentials_provider(credentials);
        }
        let base = loader.load().await;
        let folder = settings.task_definition_cache.clone().filter(|_| base.endpoint_url().is_none());
        let inner = Inner {
            settings,
            base,
            limiter: Limiter::default(),
            task_definitions: TaskDefinitionCache::new(folder),
            answers: Answers::default(),
            clients: tokio::sync::Mutex::default(),
            permits: Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The time that observations are stamped with.
    pub(crate) fn now(&self) -> Timestamp {
        self.inner.settings.clock.now()
    }

    /// The region of the SDK's standard chain (`AWS_REGION`, or the profile's), if it has one that can be one.
    pub(crate) fn region(&self) -> Option<Region> {
        self.inner.base.region().and_then(|region| Region::parse(region.as_ref()).ok())
    }

    /// What is needed to call AWS for one Target. No call is made.
    pub(crate) async fn session(&self, name: &ResourceName, target: &Target) -> Session {
        let clients = self.clients(target).await;
        let limit = target.constraints.concurrency.max(1);
        let permits = {
            let mut all = self.inner.permits.lock().unwrap_or_else(PoisonError::into_inner);
            let entry = all.entry((name.clone(), limit));
            Arc::clone(entry.or_insert_with(|| Arc::new(Semaphore::new(limit as usize))))
        };
        Session { aws: self.clone(), clients, permits, target: Arc::new(target.clone()) }
    }

    async fn clients(&self, target: &Target) -> Arc<Clients> {
        let key = (target.region.clone(), target.assume_role.clone());
        let mut all = self.inner.clients.lock().await;
        if let Some(clients) = all.get(&key) {
            return Arc::clone(clients);
        }
        let clients = Arc::new(self.connect(target).await);
        all.insert(key, Arc::clone(&clients));
        clients
    }

    async fn connect(&self, target: &Target) -> Clients {
        let region = SdkRegion::new(target.region.as_str().to_owned());
        let mut config = self.inner.base.to_builder().region(region).build();
        if let Some(role) = &target.assume_role {
            let mut provider =
                AssumeRoleProvider::builder(role.arn.as_str()).session_name(SESSION_NAME).configure(&config);
            if let Some(id) = &role.external_id {
                provider = provider.external_id(id);
            }
            let provider = SharedCredentialsProvider::new(provider.build().await);
            config = config.to_builder().credentials_provider(provider).build();
        }
        // Servers that stand in for AWS know no bucket host names.
        let path_style = config.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL_S3").is_some();
        let s3 = aws_sdk_s3::config::Builder::from(&config).force_path_style(path_style).build();
        Clients {
            ecs: aws_sdk_ecs::Client::new(&config),
            secrets: aws_sdk_secretsmanager::Client::new(&config),
            s3: aws_sdk_s3::Client::from_conf(s3),
            sts: aws_sdk_sts::Client::new(&config),
            load_balancing: aws_sdk_elasticloadbalancingv2::Client::new(&config),
            scaling: aws_sdk_applicationautoscaling::Client::new(&config),
            identity: IdentityMemo::default(),
        }
    }
}

/// What is needed to call AWS for one Target. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    aws: Aws,
    clients: Arc<Clients>,
    permits: Arc<Semaphore>,
    target: Arc<Target>,
}

impl Session {
    pub(super) fn clients(&self) -> &Clients {
        &self.clients
    }

    pub(super) fn permits(&self) -> &Semaphore {
        &self.permits
    }

    pub(super) fn task_definitions(&self) -> &TaskDefinitionCache {
        &self.aws.inner.task_definitions
    }

    pub(super) fn answers(&self) -> &Answers {
        &self.aws.inner.answers
    }

    /// How long one call may take, all attempts included.
    pub(super) fn timeout(&self) -> Duration {
        self.target.constraints.timeout.get()
    }

    /// The account that the Target names.
    pub(crate) fn account(&self) -> &AccountId {
        &self.target.account_id
    }

    /// The Target's region.
    pub(crate) fn region(&self) -> &Region {
        &self.target.region
    }

    /// The Target's cluster.
    pub(crate) fn cluster(&self) -> &ClusterName {
        &self.target.cluster
    }

    /// The role that is assumed for the Target, if any.
    pub(super) fn role(&self) -> Option<&AssumeRole> {
        self.target.assume_role.as_ref()
    }

    /// The time that observations are stamped with.
    pub(crate) fn now(&self) -> Timestamp {
        self.aws.now()
    }

    /// Whether calls go to AWS itself, and not to an endpoint that somebody named.
    pub(super) fn is_aws(&self) -> bool {
        self.aws.inner.base.endpoint_url().is_none()
    }

    /// The clock of the settings.
    pub(crate) fn clock(&self) -> Clock {
        self.aws.inner.settings.clock.clone()
    }

    /// Waits until the call's quota has room.
    pub(super) async fn turn(&self, api: Api, priority: Priority) {
        if self.aws.inner.settings.limits {
            let limiter = &self.aws.inner.limiter;
            limiter.acquire(self.account(), self.region(), api.bucket(), priority).await;
        }
    }

    /// AWS throttled the call: others use the quota, so Bowline holds back.
    pub(super) async fn throttled(&self, api: Api) {
        if self.aws.inner.settings.limits {
            self.aws.inner.limiter.drain(self.account(), self.region(), api.bucket()).await;
        }
    }
}
