//! The section `github` of `bowline.yaml`: where pull requests are, and who Bowline is there.

use std::collections::BTreeSet;
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
        }
    }
}

impl GitHubSection {
    /// What is wrong with it, as a sentence.
    pub(super) fn problem(&self) -> Option<String> {
        let given: Vec<&str> = [
            (self.app.is_some(), "app"),
            (self.token_file.is_some(), "tokenFile"),
            (self.token_env.is_some(), "tokenEnv"),
        ]
        .into_iter()
        .filter_map(|(given, name)| given.then_some(name))
        .collect();
        match given.as_slice() {
            [_] => None,
            [] => Some("`github` needs one of `app`, `tokenFile` and `tokenEnv`".to_owned()),
            several => Some(format!("`github` has {}: keep one of them", several.join(" and "))),
        }
    }

    pub(super) fn relative_to(&mut self, folder: &Path) {
        let at = |path: &mut PathBuf| *path = folder.join(&*path);
        self.token_file.iter_mut().for_each(at);
        self.app.iter_mut().for_each(|app| at(&mut app.private_key_file));
    }
}
