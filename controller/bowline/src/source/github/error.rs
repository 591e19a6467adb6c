//! What can go wrong at GitHub, and what a person does about it.

use std::path::PathBuf;

use bowline_core::rollback::machine::{Trouble, TroubleKind};
use jiff::Timestamp;

use super::RepositoryName;
use super::wordings::{Meaning, meaning};

/// A call to GitHub failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GitHubError {
    /// The base URL cannot be used.
    #[error("`github.baseUrl` {url} cannot be used: {problem}")]
    BaseUrl {
        /// What is configured.
        url: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A token or key cannot be read.
    #[error("{} ({field}) cannot be used: {problem}", path.display())]
    Credential {
        /// The file.
        path: PathBuf,
        /// Its field in `bowline.yaml`.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The token is wrong, expired or revoked.
    #[error(
        "GitHub does not accept the {what} for {repository}: it is wrong, expired or revoked ({message})"
    )]
    NotAuthenticated {
        /// "token", "GitHub App's key".
        what: &'static str,
        /// The repository.
        repository: RepositoryName,
        /// GitHub's words.
        message: String,
    },
    /// The token does not allow it.
    #[error("GitHub does not let Bowline {doing} in {repository}{}: {message}", needed(needs.as_ref()))]
    Forbidden {
        /// What was tried.
        doing: &'static str,
        /// The repository.
        repository: RepositoryName,
        /// The permission that would do, in GitHub's words (`pull_requests=write`).
        needs: Option<String>,
        /// GitHub's words.
        message: String,
    },
    /// There is no such thing, or the token may not see it.
    #[error("GitHub has no {repository}, or not what Bowline wanted to {doing} there: {message}")]
    NotFound {
        /// What was tried.
        doing: &'static str,
        /// The repository.
        repository: RepositoryName,
        /// GitHub's words.
        message: String,
    },
    /// Too many calls.
    #[error("GitHub's {kind} rate limit is exhausted until {until:.0}")]
    Limited {
        /// "primary", "secondary".
        kind: &'static str,
        /// When it may be called again.
        until: Timestamp,
    },
    /// So few calls are left that they are kept for rollbacks.
    #[error(
        "{remaining} of GitHub's {limit} calls an hour are left, and kept for rollbacks until {until:.0}"
    )]
    Reserved {
        /// How many calls an hour there are.
        limit: u64,
        /// How many are left.
        remaining: u64,
        /// When the hour begins anew.
        until: Timestamp,
    },
    /// It is not possible as things are: a rule of the branch, a conflict, a head that moved.
    #[error("GitHub refused to {doing} in {repository}: {message}")]
    Refused {
        /// What was tried.
        doing: &'static str,
        /// The repository.
        repository: RepositoryName,
        /// The HTTP status, or 200 for GraphQL.
        status: u16,
        /// GitHub's words.
        message: String,
    },
    /// It does not answer, or not as GitHub does.
    #[error("GitHub cannot be reached at {url}: {problem}")]
    Down {
        /// The API's base.
        url: String,
        /// What happened.
        problem: String,
    },
}

/// What GitHub says of what passes by itself: something moved, or is not known yet everywhere.
const PASSING: [&str; 5] = [
    "was modified",
    "expected head sha",
    "no new commits on the base branch",
    "pull request already exists",
    "head is invalid",
];

/// The permissions that rollbacks need, in GitHub's words. All are named at once: GitHub names only what the call at hand needs.
pub(in crate::source) const ROLLBACKS_NEED: &str =
    "contents=write, pull_requests=write and statuses=write, an App also checks=write";

fn needed(needs: Option<&String>) -> String {
    needs.map_or_else(String::new, |needs| format!(" (it needs {needs})"))
}

impl GitHubError {
    /// The label of this error in metrics; stable.
    pub fn category(&self) -> &'static str {
        match self {
            Self::BaseUrl { .. } | Self::Credential { .. } => "configuration",
            Self::NotAuthenticated { .. } => "auth",
            Self::Forbidden { .. } => "forbidden",
            Self::NotFound { .. } => "not-found",
            Self::Limited { .. } | Self::Reserved { .. } => "rate-limit",
            Self::Refused { .. } => "refused",
            Self::Down { .. } => "down",
        }
    }

    /// What to do next, as a sentence.
    pub fn hint(&self) -> String {
        match self {
            Self::BaseUrl { .. } => {
                "write https://api.github.com, or https://<host>/api/v3 for a GitHub Enterprise Server".to_owned()
            }
            Self::Credential { .. } => "let the file hold it, readable by Bowline's user".to_owned(),
            Self::NotAuthenticated { what: "token", .. } => {
                "make a new token with contents, pull requests and commit statuses to write, and put it in the file that `github.tokenFile` names"
                    .to_owned()
            }
            Self::NotAuthenticated { .. } => {
                "check `github.app.id`, and make a new private key on the App's settings page".to_owned()
            }
            Self::Forbidden { .. } => {
                format!("give the token or the App all that rollbacks need: {ROLLBACKS_NEED}; accept it where the App is installed")
            }
            Self::NotFound { .. } => {
                "check `github.repository`, and that the token or the App was given this repository".to_owned()
            }
            Self::Limited { .. } | Self::Reserved { .. } => "nothing: it goes on by itself then".to_owned(),
            Self::Refused { message, .. } => match meaning(message) {
                Some(Meaning::NoAutoMerge) => {
                    "allow auto-merge in the repository's settings, or merge it by hand: look at the pull request and at the rules of the \
                     branch".to_owned()
                }
                Some(Meaning::Mergeable | Meaning::NoRules | Meaning::NotThisWay(_)) | None => {
                    "look at the pull request and at the rules of the branch".to_owned()
                }
            },
            Self::Down { .. } => {
                "nothing if GitHub is down (https://www.githubstatus.com): it goes on by itself; else check `github.baseUrl` and the network"
                    .to_owned()
            }
        }
    }

    /// For the machine that decides when it is tried again.
    pub fn trouble(&self) -> Trouble {
        let kind = match self {
            Self::Limited { until, .. } | Self::Reserved { until, .. } => TroubleKind::Until(*until),
            // A head or base that moved, a mergeability that was not known yet: looking again tells more.
            Self::Down { .. } | Self::Refused { status: 405 | 409, .. } => TroubleKind::Passing,
            // Then it is merged plainly.
            Self::Refused { message, .. } if meaning(message) == Some(Meaning::Mergeable) => {
                TroubleKind::Passing
            }
            Self::Refused { message, .. } if PASSING.iter().any(|words| message.contains(words)) => {
                TroubleKind::Passing
            }
            Self::BaseUrl { .. }
            | Self::Credential { .. }
            | Self::NotAuthenticated { .. }
            | Self::Forbidden { .. }
            | Self::NotFound { .. }
            | Self::Refused { .. } => TroubleKind::Person,
        };
        Trouble { kind, sentence: self.to_string(), hint: self.hint() }
    }
}
