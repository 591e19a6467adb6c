//! Pull requests that are open for the watched branch.

use bowline_core::name::CommitId;
use serde::Deserialize;
use tokio::sync::Mutex;

use super::call::{Again, ETag};
use super::error::GitHubError;
use super::pulls::encoded;
use super::webhook::Watched;
use super::{GitHub, RepositoryName};

/// A pull request that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenPull {
    /// Its number.
    pub number: u64,
    /// Its newest commit.
    pub head: CommitId,
    /// Whether it comes from another repository: a stranger may have written it.
    pub from_fork: bool,
}

/// What was found, and how GitHub names that answer.
type Found = (Vec<OpenPull>, Option<ETag>);

/// The open pull requests for one branch, asked again and again.
#[derive(Debug)]
pub struct OpenPulls {
    reference: String,
    last: Mutex<Option<Found>>,
}

#[derive(Deserialize)]
struct Shown {
    number: u64,
    head: Side,
    base: Side,
}

#[derive(Deserialize)]
struct Side {
    #[serde(rename = "ref")]
    branch: String,
    sha: CommitId,
    /// Absent when the fork was deleted.
    #[serde(default)]
    repo: Option<Repository>,
}

#[derive(Deserialize)]
struct Repository {
    full_name: String,
    default_branch: String,
}

impl OpenPulls {
    /// Those for a reference, as `sources[].ref` has it.
    pub fn new(reference: String) -> Self {
        Self { reference, last: Mutex::new(None) }
    }

    /// The open pull requests for the branch: the 100 that changed last. An answer that is the same as the last one costs
    /// nothing of the rate limit.
    pub async fn list(&self, github: &GitHub) -> Result<Vec<OpenPull>, GitHubError> {
        let mut path = "/pulls?state=open&sort=updated&direction=desc&per_page=100".to_owned();
        if let Some(branch) = branch(&self.reference) {
            path = format!("{path}&base={}", encoded(branch));
        }
        let mut last = self.last.lock().await;
        let known = last.as_ref().and_then(|(_, tag)| tag.as_ref());
        let answer = github.call_again::<Vec<Shown>>("look for pull requests", &path, known).await?;
        if let Again::New(shown, tag) = answer {
            let watched = Watched { repository: github.repository(), reference: self.reference.clone() };
            let open = shown.into_iter().filter_map(|pull| pull.open(&watched)).collect();
            *last = Some((open, tag));
        }
        Ok(last.as_ref().map(|(open, _)| open.clone()).unwrap_or_default())
    }
}

/// The branch to ask for; none where only the answer tells which one it is.
fn branch(reference: &str) -> Option<&str> {
    match reference {
        "HEAD" => None,
        reference => Some(reference.strip_prefix("refs/heads/").unwrap_or(reference)),
    }
}

impl Shown {
    /// Itself, if it is for the watched branch.
    fn open(self, watched: &Watched) -> Option<OpenPull> {
        let base = self.base.repo?;
        let repository = RepositoryName::parse(&base.full_name)?;
        if !watched.is_it(&format!("refs/heads/{}", self.base.branch), &base.default_branch) {
            return None;
        }
        let from_fork =
            self.head.repo.and_then(|head| RepositoryName::parse(&head.full_name)) != Some(repository);
        Some(OpenPull { number: self.number, head: self.head.sha, from_fork })
    }
}
