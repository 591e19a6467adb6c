//! The shape of `bowline.yaml`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use bowline_core::name::InstanceName;
use serde::{Deserialize, Serialize};

use super::{CeilingSettings, CommitSettings, Config, GitHubSection, Intervals, LogFormat};

/// `bowline.yaml` as written, or as merged from all layers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Settings {
    pub(super) instance: InstanceName,
    pub(super) sources: Vec<SourceSettings>,
    pub(super) ceiling: CeilingSettings,
    pub(super) git: CommitSettings,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) github: Option<GitHubSection>,
    pub(super) intervals: Intervals,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) store: Option<PathBuf>,
    pub(super) listen: SocketAddr,
    pub(super) log: Log,
    pub(super) aws: AwsSection,
    pub(super) time_scale: f64,
}

impl Default for Settings {
    fn default() -> Self {
        let config = Config::default();
        Self {
            instance: config.instance,
            sources: Vec::new(),
            ceiling: config.ceiling,
            git: config.git,
            github: config.github,
            intervals: config.intervals,
            store: config.store,
            listen: config.listen,
            log: Log { format: config.log_format },
            aws: AwsSection { endpoint_url: config.endpoint_url },
            time_scale: config.time_scale,
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Log {
    pub(super) format: LogFormat,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct AwsSection {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) endpoint_url: Option<String>,
}

/// One repository that holds desired state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SourceSettings {
    /// URL (`file://`, `https://`, `ssh://`, `user@host:path`) or a local path.
    pub repo: String,
    /// The branch; left out, the remote's own HEAD.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The folder inside the repository; empty is its root.
    #[serde(default)]
    pub path: String,
    /// How to authenticate.
    #[serde(default)]
    pub auth: AuthSettings,
}

/// How to authenticate at the repository: at most one of the fields.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AuthSettings {
    /// A file that holds an access token, for `https://`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// The name of an environment variable that holds an access token, for `https://`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_env: Option<String>,
    /// A private key, for `ssh://`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssh_key: Option<SshKeySettings>,
    /// The SSH agent of the environment, for `ssh://`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssh_agent: Option<KnownHosts>,
    /// As whom section `github` says, for `https://`: its token, or that of its App, got anew before it expires.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub github: bool,
}

impl AuthSettings {
    pub(super) fn given(&self) -> Vec<&'static str> {
        [
            (self.token_file.is_some(), "tokenFile"),
            (self.token_env.is_some(), "tokenEnv"),
            (self.ssh_key.is_some(), "sshKey"),
            (self.ssh_agent.is_some(), "sshAgent"),
            (self.github, "github"),
        ]
        .into_iter()
        .filter_map(|(given, name)| given.then_some(name))
        .collect()
    }

    pub(super) fn relative_to(&mut self, folder: &Path) {
        let at = |path: &mut PathBuf| *path = folder.join(&*path);
        self.token_file.iter_mut().for_each(at);
        self.ssh_agent.iter_mut().for_each(|agent| at(&mut agent.known_hosts));
        if let Some(key) = &mut self.ssh_key {
            at(&mut key.private_key);
            at(&mut key.known_hosts);
            key.public_key.iter_mut().for_each(at);
            key.passphrase_file.iter_mut().for_each(at);
        }
    }
}

/// A private key for SSH.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SshKeySettings {
    /// The private key's file.
    pub private_key: PathBuf,
    /// The public key's file, where it cannot be derived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<PathBuf>,
    /// A file that holds the private key's passphrase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passphrase_file: Option<PathBuf>,
    /// The `known_hosts` file that the server's key must be in.
    pub known_hosts: PathBuf,
}

/// The server keys that are trusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KnownHosts {
    /// The `known_hosts` file that the server's key must be in.
    pub known_hosts: PathBuf,
}
