//! Builds what the engine needs from a [`Config`].

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bowline_core::desired::kind::{Mode, RollbackStrategy};
use bowline_core::plan::Memory;
use secrecy::SecretString;
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::EngineError;
use super::git::GitOwner;
use super::reconcile::{Part, World};
use super::shutdown::Owner;
use super::status::Status;
use crate::aws::{Aws, AwsSettings};
use crate::clock::Clock;
use crate::config::{AuthSettings, CommitSettings, Config, GitHubSection};
use crate::http::webhook::{Received, Webhook};
use crate::preview;
use crate::probe::Prober;
use crate::rollback::Tools;
use crate::source::github::webhook::WebhookSecret;
use crate::source::github::{Credential, GitHub, GitHubAuth, GitHubSettings, OpenPulls, RepositoryName};
use crate::source::{Committer, GitAuth, GitSettings, GitSource, GitWriter, Proposals};
use crate::store::Store;

/// What was built.
#[derive(Debug)]
pub struct Wired {
    /// What a pass needs.
    pub world: World,
    /// The repository's owner, already running.
    pub git_task: Owner<()>,
}

/// Builds everything; `unset` is the ceiling's mode when none is configured.
///
/// With a configured store, its lock is taken, and mirror and caches stand beside it. Without one, nothing outlives the
/// process but what stands in the user's cache folder.
pub async fn wire(config: &Config, unset: Mode, shutdown: &CancellationToken) -> Result<Wired, EngineError> {
    let mut store = match &config.store {
        Some(path) => Store::open(path).await?,
        None => Store::in_memory().await?,
    };
    let remembered = (store.load().await?, store.last_applied().await?);
    wire_with(config, store, remembered, config.state_directory(), unset, shutdown).await
}

/// Builds everything around a store that changes nothing on disk: what a running instance remembers is read, not taken.
pub async fn wire_to_look(
    config: &Config,
    unset: Mode,
    shutdown: &CancellationToken,
) -> Result<Wired, EngineError> {
    let remembered = match config.store.as_ref().filter(|path| path.exists()) {
        Some(path) => Store::peek(path).await?,
        None => (Memory::default(), None),
    };
    wire_with(config, Store::in_memory().await?, remembered, None, unset, shutdown).await
}

async fn wire_with(
    config: &Config,
    store: Store,
    (memory, last_applied): (Memory, Option<String>),
    state: Option<PathBuf>,
    unset: Mode,
    shutdown: &CancellationToken,
) -> Result<Wired, EngineError> {
    let folder = state.unwrap_or_else(cache_directory);
    let clock = Clock::scaled(config.time_scale);
    let source = GitSource::new(git_settings(config, &folder)?);
    let of_targets = memory.targets.values().map(|target| target.commit.clone());
    let (applied, acted_from) = watch::channel(last_applied.into_iter().chain(of_targets).collect());
    let (owner, git) =
        GitOwner::new(source, clock.clone(), config.intervals.git.get(), acted_from, shutdown.clone());
    let aws = aws_in(config, &clock, &folder).await;
    let ceiling = config.ceiling.ceiling(unset);
    let prober = Prober::new(ceiling.probe_hosts.clone(), clock.clone(), shutdown.clone());
    let world = World {
        instance: config.instance.clone(),
        aws,
        git,
        store,
        ceiling,
        prober,
        clock,
        memory,
        live: None,
        part: Part::Whole,
        tells_bodies: config.github.as_ref().is_some_and(|github| github.evidence.probe_bodies),
        applied,
        shutdown: shutdown.clone(),
    };
    Ok(Wired { world, git_task: Owner::spawn("reads the repository", owner.run()) })
}

/// What rollbacks work with, beside the passes of `world`.
pub fn rollback_tools(
    config: &Config,
    world: &World,
    github: Option<&Arc<GitHub>>,
) -> Result<Tools, EngineError> {
    let folder = config.state_directory().unwrap_or_else(cache_directory);
    let settings = git_settings(config, &folder)?;
    let CommitSettings { name, email, signing_key, .. } = config.git.clone();
    Ok(Tools {
        writer: GitWriter::new(settings, Committer { name, email, signing_key }),
        github: github.cloned(),
        instance: world.instance.clone(),
        strategy: config.github.as_ref().map_or(RollbackStrategy::AutoMerge, |github| github.strategy),
        git: world.git.clone(),
        aws: world.aws.clone(),
        store: world.store.rollbacks(),
        clock: world.clock.clone(),
    })
}

/// Where pull requests are, if that is configured.
pub fn github(config: &Config, clock: &Clock) -> Result<Option<GitHub>, EngineError> {
    let (Some(github), Some(source)) = (&config.github, &config.source) else { return Ok(None) };
    Ok(Some(GitHub::new(github_settings(github, &source.repo)?, clock.clone())))
}

/// Where webhooks are taken, and what they are signed with; none where that is not configured.
pub fn webhook_secret(config: &Config) -> Result<Option<(SocketAddr, WebhookSecret)>, EngineError> {
    let Some(webhook) = config.github.as_ref().and_then(|github| github.webhook.as_ref()) else {
        return Ok(None);
    };
    let (what, secret) = match (&webhook.secret_file, &webhook.secret_env) {
        (Some(path), _) => {
            let field = "github.webhook.secretFile";
            (format!("{} ({field})", path.display()), secret_file(field, path)?)
        }
        (None, variable) => {
            let variable = variable.as_deref().unwrap_or_default();
            let what = format!("the environment variable {variable} (github.webhook.secretEnv)");
            let value = std::env::var(variable)
                .map_err(|error| EngineError::Credential { what: what.clone(), reason: error.to_string() })?;
            (what, SecretString::from(value))
        }
    };
    let key = WebhookSecret::new(&secret).ok_or(EngineError::EmptyWebhookSecret { what })?;
    Ok(Some((webhook.listen, key)))
}

/// What previews pull requests, beside the passes of `world`; `wakes` says that one changed.
pub fn previews(
    config: &Config,
    world: &World,
    github: &Arc<GitHub>,
    status: watch::Sender<Arc<Status>>,
    wakes: &Arc<Notify>,
) -> Result<preview::Loop, EngineError> {
    let folder = config.state_directory().unwrap_or_else(cache_directory);
    let settings = git_settings(config, &folder)?;
    let open = OpenPulls::new(settings.reference.clone());
    let mut mirror = settings.mirror.clone().into_os_string();
    mirror.push("-pulls");
    let proposals = Proposals::new(GitSettings { mirror: mirror.into(), ..settings });
    let comparison = preview::Comparison {
        instance: world.instance.clone(),
        aws: world.aws.clone(),
        git: world.git.clone(),
        ceiling: world.ceiling.clone(),
        clock: world.clock.clone(),
        store: config.store.clone(),
        shutdown: world.shutdown.clone(),
    };
    let tools = preview::Tools { github: Arc::clone(github), open, proposals, comparison };
    Ok(preview::Loop {
        tools: Arc::new(tools),
        git: world.git.clone(),
        status,
        wakes: Arc::clone(wakes),
        clock: world.clock.clone(),
        interval: config.intervals.git.get(),
        known: BTreeMap::new(),
    })
}

/// What takes webhooks, beside the passes of `world`.
pub fn webhook(
    config: &Config,
    world: &World,
    github: Arc<GitHub>,
    secret: WebhookSecret,
    previews: Arc<Notify>,
    rollbacks: mpsc::Sender<u64>,
) -> Webhook {
    let reference = config.source.as_ref().and_then(|source| source.reference.clone());
    Webhook {
        secret,
        github,
        reference: reference.unwrap_or_else(|| "HEAD".to_owned()),
        git: world.git.clone(),
        previews,
        rollbacks,
        received: Received::default(),
    }
}

fn github_settings(github: &GitHubSection, repo: &str) -> Result<GitHubSettings, EngineError> {
    let named = github.repository.as_deref();
    let repository = named.map_or_else(|| RepositoryName::of_address(repo), RepositoryName::parse);
    let repository =
        repository.ok_or_else(|| EngineError::NoRepository { repo: named.unwrap_or(repo).to_owned() })?;
    let auth = match (&github.app, &github.token_file, &github.token_env) {
        (Some(app), _, _) => GitHubAuth::App {
            id: app.id,
            installation: app.installation_id,
            private_key: app.private_key_file.clone(),
        },
        (None, Some(path), _) => GitHubAuth::Token(Credential::File(path.clone())),
        (None, None, Some(variable)) => {
            let value = std::env::var(variable).map_err(|error| EngineError::Credential {
                what: format!("the environment variable {variable} (github.tokenEnv)"),
                reason: error.to_string(),
            })?;
            GitHubAuth::Token(Credential::Value(SecretString::from(value)))
        }
        (None, None, None) => {
            return Err(EngineError::Credential {
                what: "`github`".to_owned(),
                reason: "it needs one of `app`, `tokenFile` and `tokenEnv`".to_owned(),
            });
        }
    };
    Ok(GitHubSettings {
        base_url: github.base_url.clone(),
        repository,
        auth,
        labels: github.labels.clone(),
        reviewers: github.reviewers.clone(),
    })
}

/// The repository alone, for a verb that commits to it: with the mirror in the user's cache folder, as for one that looks.
pub fn git(config: &Config) -> Result<GitSettings, EngineError> {
    git_settings(config, &cache_directory())
}

/// AWS alone, for a verb that reads no repository.
pub async fn aws(config: &Config) -> Aws {
    let folder = config.state_directory().unwrap_or_else(cache_directory);
    aws_in(config, &Clock::scaled(config.time_scale), &folder).await
}

async fn aws_in(config: &Config, clock: &Clock, folder: &Path) -> Aws {
    let settings = AwsSettings {
        endpoint_url: config.endpoint_url.clone(),
        clock: clock.clone(),
        limits: true,
        task_definition_cache: Some(folder.join("task-definitions")),
    };
    Aws::new(settings).await
}

fn git_settings(config: &Config, folder: &Path) -> Result<GitSettings, EngineError> {
    let source = config.source.as_ref().ok_or(EngineError::NoSource)?;
    let reference = source.reference.clone().unwrap_or_else(|| "HEAD".to_owned());
    // One mirror for each repository and reference, whatever characters their names have.
    let mut hasher = DefaultHasher::new();
    (&source.repo, &reference).hash(&mut hasher);
    let mirror = folder.join("git").join(format!("{:016x}", hasher.finish()));
    if let Some(parent) = mirror.parent() {
        std::fs::create_dir_all(parent)
            .map_err(|source| EngineError::Folder { path: parent.to_owned(), source })?;
    }
    Ok(GitSettings {
        repo: source.repo.clone(),
        reference,
        path: source.path.clone(),
        auth: git_auth(config, &source.auth)?,
        mirror,
    })
}

fn git_auth(config: &Config, auth: &AuthSettings) -> Result<GitAuth, EngineError> {
    if auth.github
        && let Some(github) = github(config, &Clock::scaled(config.time_scale))?
    {
        return Ok(GitAuth::GitHub(Arc::new(github)));
    }
    if let Some(path) = &auth.token_file {
        // What cannot be read is told at the start, and not as a repository that cannot be read.
        secret_file("auth.tokenFile", path)?;
        return Ok(GitAuth::TokenFile(path.clone()));
    }
    if let Some(variable) = &auth.token_env {
        let value = std::env::var(variable).map_err(|error| EngineError::Credential {
            what: format!("the environment variable {variable} (auth.tokenEnv)"),
            reason: error.to_string(),
        })?;
        return Ok(GitAuth::Token(SecretString::from(value)));
    }
    if let Some(key) = &auth.ssh_key {
        let passphrase = key.passphrase_file.as_deref();
        return Ok(GitAuth::SshKey {
            private_key: key.private_key.clone(),
            public_key: key.public_key.clone(),
            passphrase: passphrase.map(|path| secret_file("auth.sshKey.passphraseFile", path)).transpose()?,
            known_hosts: key.known_hosts.clone(),
        });
    }
    if let Some(agent) = &auth.ssh_agent {
        return Ok(GitAuth::SshAgent { known_hosts: agent.known_hosts.clone() });
    }
    Ok(GitAuth::None)
}

fn secret_file(field: &str, path: &Path) -> Result<SecretString, EngineError> {
    let text = std::fs::read_to_string(path).map_err(|error| EngineError::Credential {
        what: format!("{} ({field})", path.display()),
        reason: error.to_string(),
    })?;
    Ok(SecretString::from(text.trim_end_matches(['\r', '\n']).to_owned()))
}

/// The user's cache folder: what is in it can always be fetched again.
fn cache_directory() -> PathBuf {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    variable("XDG_CACHE_HOME")
        .or_else(|| variable("HOME").map(|home| home.join(".cache")))
        .unwrap_or_else(std::env::temp_dir)
        .join("bowline")
}
