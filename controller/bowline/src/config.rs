//! How is this controller set up? `bowline.yaml`, `BOWLINE_*` and flags in, one [`Config`] out.
//!
//! A later layer wins over an earlier one: built-in values, the file, the environment, flags. The ceiling is set here
//! and nowhere else: git only narrows it. May not know the engine, git or AWS.

mod file;
mod github;
mod layers;

use std::collections::BTreeSet;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use bowline_core::desired::kind::{Capability, Mode};
use bowline_core::name::{AccountId, HostPattern, HumanDuration, InstanceName, RoleArn};
use bowline_core::policy::Ceiling;
use serde::{Deserialize, Serialize};

pub use file::{AuthSettings, KnownHosts, SourceSettings, SshKeySettings};
pub use github::{AppSettings, GitHubSection, WebhookSettings};
pub use layers::{Layer, VARIABLES};

/// Where the file is looked for when nothing names one.
pub const FILE_NAME: &str = "bowline.yaml";

/// The file name of the store that is used when `bowline.yaml` names none.
pub const DEFAULT_STORE: &str = "bowline.db";

/// Everything that the engine has to know to start.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// What this controller is called: two in one account need different names.
    pub instance: InstanceName,
    /// The repository that holds the desired state.
    pub source: Option<SourceSettings>,
    /// The most that Bowline may ever do.
    pub ceiling: CeilingSettings,
    /// In whose name Bowline commits.
    pub git: CommitSettings,
    /// Where pull requests are; without it, a revert is pushed as a branch.
    pub github: Option<GitHubSection>,
    /// How often to look.
    pub intervals: Intervals,
    /// The store's file; absent means memory only.
    pub store: Option<PathBuf>,
    /// Where the HTTP server listens.
    pub listen: SocketAddr,
    /// The form of log lines.
    pub log_format: LogFormat,
    /// An endpoint for all AWS services instead of AWS's own.
    pub endpoint_url: Option<String>,
    /// How many times faster than real polls, deadlines and holds run; 1 except in demos and tests.
    pub time_scale: f64,
    /// The file that was read, if one was.
    pub file: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            instance: InstanceName::default(),
            source: None,
            ceiling: CeilingSettings::default(),
            git: CommitSettings::default(),
            github: None,
            intervals: Intervals::default(),
            store: None,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 7474)),
            log_format: LogFormat::Text,
            endpoint_url: None,
            time_scale: 1.0,
            file: None,
        }
    }
}

/// The ceiling as `bowline.yaml` writes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CeilingSettings {
    /// The highest mode; left out, the verb decides (see [`CeilingSettings::ceiling`]).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// Accounts that may be touched; empty means any.
    pub accounts: BTreeSet<AccountId>,
    /// Roles that may be assumed; empty means any.
    pub roles: BTreeSet<RoleArn>,
    /// Capabilities that may be used; left out means all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<BTreeSet<Capability>>,
    /// Hosts that health conditions may be asked at: names, addresses, or `*.` and a domain. Empty means none.
    pub probe_hosts: BTreeSet<HostPattern>,
}

impl CeilingSettings {
    /// The ceiling; `unset` is the mode to take when none is written.
    pub fn ceiling(&self, unset: Mode) -> Ceiling {
        Ceiling {
            mode: self.mode.unwrap_or(unset),
            accounts: self.accounts.clone(),
            roles: self.roles.clone(),
            capabilities: self.capabilities.clone(),
            probe_hosts: self.probe_hosts.clone(),
        }
    }
}

/// In whose name Bowline commits: reverts, and what its verbs change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CommitSettings {
    /// The name of author and committer.
    pub name: String,
    /// The address of author and committer. A server that verifies signatures knows the key by it.
    pub email: String,
    /// A private Ed25519 key of OpenSSH without a passphrase, with which commits are signed; left out, they are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signing_key: Option<PathBuf>,
    /// How the commits of verbs reach the branch that is read.
    pub delivery: Delivery,
}

/// How a commit reaches the branch that is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Delivery {
    /// It is pushed onto that branch, never by force.
    Push,
    /// It is pushed as a branch of its own, for a pull request.
    #[default]
    Branch,
}

impl Default for CommitSettings {
    fn default() -> Self {
        Self {
            name: "Bowline".to_owned(),
            email: "bowline@localhost".to_owned(),
            signing_key: None,
            delivery: Delivery::default(),
        }
    }
}

/// How often to look, before jitter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Intervals {
    /// The git remote.
    pub git: HumanDuration,
    /// ECS services.
    pub live: HumanDuration,
    /// Secrets.
    pub secrets: HumanDuration,
    /// Terraform states.
    pub states: HumanDuration,
}

impl Default for Intervals {
    fn default() -> Self {
        let seconds = HumanDuration::from_secs;
        // Secrets Manager charges for each call, and what git changes is looked at in the next pass anyway.
        Self { git: seconds(60), live: seconds(15), secrets: seconds(600), states: seconds(60) }
    }
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: cannot be read; check --config, or the file's permissions")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file does not say what a `bowline.yaml` may say.
    #[error("{place}: {message}")]
    File {
        /// File, line and column.
        place: Place,
        /// What is wrong with it.
        message: String,
    },
    /// A value of the environment or of a flag is not usable.
    #[error("{origin}: {message}")]
    Value {
        /// The variable or flag.
        origin: String,
        /// What is wrong with it.
        message: String,
    },
    /// More than one source, or two kinds of authentication.
    #[error("{path}: {message}")]
    Conflict {
        /// The file.
        path: PathBuf,
        /// What is in conflict, and what to do.
        message: String,
    },
}

/// A place in a configuration file, displayed as `file:line:column`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// Line and column, from 1, where known.
    pub at: Option<(u64, u64)>,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.path.display())?;
        match self.at {
            Some((line, column)) => write!(formatter, ":{line}:{column}"),
            None => Ok(()),
        }
    }
}

impl Config {
    /// Merges built-in values, the file at `path` (if one is given), and `layers` in their order.
    ///
    /// Relative paths inside the file are taken from its folder; those in layers from the working directory.
    pub fn load(path: Option<&Path>, layers: &[Layer]) -> Result<Self, ConfigError> {
        let text = match path {
            Some(path) => std::fs::read_to_string(path)
                .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?,
            None => String::new(),
        };
        layers::merge(path, &text, layers)
    }

    /// The folder for what is kept beside the store: the git mirror and the task definition cache.
    pub fn state_directory(&self) -> Option<PathBuf> {
        self.store.as_ref().map(|store| match store.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        })
    }
}

#[cfg(test)]
mod tests;
