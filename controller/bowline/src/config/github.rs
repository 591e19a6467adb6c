//! The section `github` of `bowline.yaml`: where pull requests are, and who Bowline is there.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use bowline_core::desired::kind::RollbackStrategy;
use serde::{Deserialize, Serialize};

/// Where GitHub's own API is.
const GITHUB_API: &str = "https://api.github.com";

/// Where pull requests are, and who Bowline is there: exactly one of `app`, `tokenFile` and `tokenEnv`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct GitHubSection {
    /// The API's base; `https://<host>/api/v3` for a GitHub Enterprise Server.
    pub base_url: String,
    /// `owner/name`; left out, the repository that the source names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// A GitHub App.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<AppSettings>,
    /// A file that holds a token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// The name of an environment variable that holds a token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_env: Option<String>,
    /// Labels that pull requests get.
    pub labels: BTreeSet<String>,
    /// Who is asked to look at them: logins, and teams as `organisation/team`.
    pub reviewers: BTreeSet<String>,
    /// The most that a rollback does by itself, whatever the services say.
    pub strategy: RollbackStrategy,
    /// What pull requests tell of a failure beyond what is always told.
    pub evidence: EvidenceSettings,
    /// Where GitHub's webhooks arrive; left out, GitHub and git are only polled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<WebhookSettings>,
}

/// What pull requests tell of a failure beyond what is always told: whoever may read the repository reads it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct EvidenceSettings {
    /// The beginning of what a health condition was answered last. It may be confidential.
    pub probe_bodies: bool,
}

/// Where GitHub's webhooks arrive, and what they are signed with: exactly one of `secretFile` and `secretEnv`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct WebhookSettings {
    /// An address and port of its own: nothing else is served there.
    pub listen: SocketAddr,
    /// A file that holds the webhook's secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_file: Option<PathBuf>,
    /// The name of an environment variable that holds the webhook's secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_env: Option<String>,
}

impl Default for WebhookSettings {
    fn default() -> Self {
        Self { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 7475)), secret_file: None, secret_env: None }
    }
}

impl WebhookSettings {
    /// What is wrong with it, as a sentence; `operations` is where status and metrics are served.
    fn problem(&self, operations: SocketAddr) -> Option<String> {
        match (&self.secret_file, &self.secret_env) {
            (None, None) => return Some("`github.webhook` needs `secretFile` or `secretEnv`".to_owned()),
            (Some(_), Some(_)) => {
                return Some("`github.webhook` has secretFile and secretEnv: keep one of them".to_owned());
            }
            (Some(_), None) | (None, Some(_)) => {}
        }
        let same_port = self.listen.port() == operations.port() && operations.port() != 0;
        let one_host = self.listen.ip() == operations.ip()
            || self.listen.ip().is_unspecified()
            || operations.ip().is_unspecified();
        (same_port && one_host).then(|| {
            format!(
                "`github.webhook.listen` {} and `listen` {operations} are the same port: webhooks come from outside, and need one \
                 of their own",
                self.listen
            )
        })
    }
}

/// A GitHub App.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AppSettings {
    /// Its id, as its settings page shows it.
    pub id: u64,
    /// Where it is installed; left out, GitHub is asked for the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installation_id: Option<u64>,
    /// Its private key in PEM. Read when it is needed.
    pub private_key_file: PathBuf,
}

impl Default for GitHubSection {
    fn default() -> Self {
        Self {
            base_url: GITHUB_API.to_owned(),
            repository: None,
            app: None,
            token_file: None,
            token_env: None,
            labels: BTreeSet::new(),
            reviewers: BTreeSet::new(),
            strategy: RollbackStrategy::AutoMerge,
            evidence: EvidenceSettings::default(),
            webhook: None,
        }
    }
}

impl GitHubSection {
    /// What is wrong with it, as a sentence; `operations` is where status and metrics are served.
    pub(super) fn problem(&self, operations: SocketAddr) -> Option<String> {
        let given: Vec<&str> = [
            (self.app.is_some(), "app"),
            (self.token_file.is_some(), "tokenFile"),
            (self.token_env.is_some(), "tokenEnv"),
        ]
        .into_iter()
        .filter_map(|(given, name)| given.then_some(name))
        .collect();
        match given.as_slice() {
            [_] => self.webhook.as_ref().and_then(|webhook| webhook.problem(operations)),
            [] => Some("`github` needs one of `app`, `tokenFile` and `tokenEnv`".to_owned()),
            several => Some(format!("`github` has {}: keep one of them", several.join(" and "))),
        }
    }

    pub(super) fn relative_to(&mut self, folder: &Path) {
        let at = |path: &mut PathBuf| *path = folder.join(&*path);
        self.token_file.iter_mut().for_each(at);
        self.app.iter_mut().for_each(|app| at(&mut app.private_key_file));
        self.webhook.iter_mut().filter_map(|webhook| webhook.secret_file.as_mut()).for_each(at);
    }
}
