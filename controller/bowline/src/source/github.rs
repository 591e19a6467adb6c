//! What does GitHub say of a pull request, and what is it told? A repository there in; pull requests, merges, comments and
//! statuses out.
//!
//! The only room that names `octocrab`. No call is sent twice by itself: whoever asks looks first whether it was done
//! ([`bowline_core::rollback::machine`]). May import `bowline_core::{name, preview, rollback::machine}`. Must not know why something is
//! asked.
//!
//! | file | holds |
//! |---|---|
//! | `call` | one request: its limits in time, what an answer means, renamed repositories |
//! | `auth` | tokens, and those that a GitHub App gets for its private key |
//! | `error` | [`GitHubError`]: what went wrong, in words |
//! | `limits` | when GitHub may be called again |
//! | `merge_method` | in which way a pull request is merged |
//! | `open` | pull requests that are open for the watched branch |
//! | `pulls` | pull requests: found, opened, merged |
//! | `tell` | labels, reviewers, comments, statuses, check runs |
//! | `wordings` | what GitHub is known to say where it refuses to merge, and what it means |
//! | `webhook` | what GitHub tells by itself |

mod auth;
mod call;
mod error;
mod limits;
mod merge_method;
mod open;
mod pulls;
mod tell;
pub mod webhook;
mod wordings;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Mutex as SyncMutex;

use bowline_core::rollback::machine::MergeMethod;
use tokio::sync::Mutex;

use crate::clock::Clock;

pub use auth::{Credential, GitHubAuth};
pub use error::GitHubError;
pub(in crate::source) use error::ROLLBACKS_NEED;
pub use open::{OpenPull, OpenPulls};
pub use pulls::{NewPull, NotOpened};
pub use tell::{Check, Verdict};

use auth::Session;
use limits::Limits;

/// Which repository, where, and who we are there.
#[derive(Debug, Clone)]
pub struct GitHubSettings {
    /// The API's base: `https://api.github.com`, or `https://<host>/api/v3` of a GitHub Enterprise Server.
    pub base_url: String,
    /// The repository.
    pub repository: RepositoryName,
    /// Who we are.
    pub auth: GitHubAuth,
    /// Labels that pull requests get.
    pub labels: BTreeSet<String>,
    /// Who is asked to look: logins, and teams as `organisation/team`.
    pub reviewers: BTreeSet<String>,
}

/// `owner/name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryName {
    /// The owner's login.
    pub owner: String,
    /// The repository's own name.
    pub name: String,
}

impl RepositoryName {
    /// Parses `owner/name`.
    pub fn parse(text: &str) -> Option<Self> {
        let (owner, name) = text.split_once('/')?;
        let usable = |text: &str| {
            !text.is_empty()
                && !text.starts_with('.')
                && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        };
        (usable(owner) && usable(name)).then(|| Self { owner: owner.to_owned(), name: name.to_owned() })
    }

    /// The repository that a git address names: its last two parts.
    pub fn of_address(repo: &str) -> Option<Self> {
        let path = match repo.split_once("://") {
            Some(("http" | "https" | "ssh", rest)) => rest.split_once('/')?.1,
            Some(_) => return None,
            // The form of scp: `git@github.com:acme/infra.git`.
            None => repo.split_once(':')?.1,
        };
        Self::parse(path.trim_matches('/').trim_end_matches(".git"))
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.owner, self.name)
    }
}

/// One repository at GitHub. All of a process share one, and with it what is known of GitHub's limits.
#[derive(Debug)]
pub struct GitHub {
    settings: GitHubSettings,
    clock: Clock,
    /// What it is called: GitHub tells when it was renamed.
    repository: SyncMutex<RepositoryName>,
    session: Mutex<Option<Session>>,
    limits: SyncMutex<Limits>,
    /// The ways of merging that the rules of the branch refused.
    refused_methods: SyncMutex<BTreeSet<MergeMethod>>,
}

impl GitHub {
    /// Nothing is asked before the first call.
    pub fn new(settings: GitHubSettings, clock: Clock) -> Self {
        let repository = SyncMutex::new(settings.repository.clone());
        Self {
            settings,
            clock,
            repository,
            session: Mutex::new(None),
            limits: SyncMutex::default(),
            refused_methods: SyncMutex::default(),
        }
    }

    /// What the repository is called by now.
    pub fn repository(&self) -> RepositoryName {
        self.repository.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// What it is called by now, where that is another name than the configured one.
    pub fn renamed_to(&self) -> Option<RepositoryName> {
        Some(self.repository()).filter(|name| *name != self.settings.repository)
    }

    /// What it is called in `bowline.yaml`.
    pub fn configured(&self) -> &RepositoryName {
        &self.settings.repository
    }

    fn limits(&self) -> std::sync::MutexGuard<'_, Limits> {
        self.limits.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The ways of merging that are known to be refused.
    pub fn refused_methods(&self) -> BTreeSet<MergeMethod> {
        self.known_refused().clone()
    }

    /// Takes up what another process found out: these ways of merging are only tried where no other is left.
    pub fn remember_refused(&self, methods: &BTreeSet<MergeMethod>) {
        self.known_refused().extend(methods);
    }

    fn known_refused(&self) -> std::sync::MutexGuard<'_, BTreeSet<MergeMethod>> {
        self.refused_methods.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn renamed(&self, to: RepositoryName) {
        *self.repository.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = to;
    }
}

#[cfg(test)]
mod tests;
