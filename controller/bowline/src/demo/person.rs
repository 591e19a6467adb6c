//! Somebody at GitHub who is not Bowline: a token of their own, and the calls that GitHub's pages would make for them.

use octocrab::Octocrab;
use serde::Deserialize;
use serde_json::{Value, json};

use super::DemoError;

/// The repository at the simulated GitHub.
pub(super) const REPOSITORY: &str = "acme/desired-state";
/// The person's login.
pub(super) const LOGIN: &str = "somebody";

/// A person with a token.
pub(super) struct Person {
    client: Octocrab,
    token: String,
}

/// A pull request, as far as the story asks.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Pull {
    /// Its number.
    pub(super) number: u64,
    /// Where the API has it.
    pub(super) url: String,
    /// Its title.
    pub(super) title: String,
    /// Its text.
    pub(super) body: Option<String>,
    /// What is to be merged.
    pub(super) head: Head,
    /// When it was merged, if it was.
    pub(super) merged_at: Option<String>,
    /// Who merged it. Lists do not tell.
    pub(super) merged_by: Option<User>,
}

/// The head of a pull request.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Head {
    /// The commit.
    pub(super) sha: String,
    /// The branch.
    #[serde(rename = "ref")]
    pub(super) branch: String,
}

/// Somebody at GitHub.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct User {
    /// By this name.
    pub(super) login: String,
}

impl Person {
    /// A client of the API at `url`.
    pub(super) fn new(url: &str, token: String) -> Result<Self, DemoError> {
        let builder = Octocrab::builder().base_uri(url).map_err(DemoError::github("name the API"))?;
        let client = builder.personal_token(token.as_str()).build();
        Ok(Self { client: client.map_err(DemoError::github("make a client"))?, token })
    }

    /// The token, for the commands that a person is shown.
    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// All pull requests, newest first; the story and a playground have fewer than one page holds.
    pub(super) async fn pulls(&self) -> Result<Vec<Pull>, DemoError> {
        let path = format!("/repos/{REPOSITORY}/pulls?state=all&per_page=100");
        self.client.get(path, None::<&()>).await.map_err(DemoError::github("list the pull requests"))
    }

    /// One pull request in full.
    pub(super) async fn pull(&self, number: u64) -> Result<Pull, DemoError> {
        let path = format!("/repos/{REPOSITORY}/pulls/{number}");
        self.client.get(path, None::<&()>).await.map_err(DemoError::github("read the pull request"))
    }

    /// The newest pull request whose text names this commit.
    pub(super) async fn pull_about(&self, commit: &str) -> Result<Option<Pull>, DemoError> {
        let names_it = |pull: &Pull| pull.body.as_ref().is_some_and(|text| text.contains(commit));
        Ok(self.pulls().await?.into_iter().find(names_it))
    }

    /// Merges what was looked at.
    pub(super) async fn merge(&self, pull: &Pull) -> Result<(), DemoError> {
        let path = format!("/repos/{REPOSITORY}/pulls/{}/merge", pull.number);
        let merged: Result<Value, _> = self.client.put(path, Some(&json!({ "sha": pull.head.sha }))).await;
        merged.map(|_| ()).map_err(DemoError::github("merge the pull request"))
    }

    /// Closes a pull request unmerged.
    pub(super) async fn close(&self, number: u64) -> Result<(), DemoError> {
        let path = format!("/repos/{REPOSITORY}/pulls/{number}");
        let closed: Result<Value, _> = self.client.patch(path, Some(&json!({ "state": "closed" }))).await;
        closed.map(|_| ()).map_err(DemoError::github("close the pull request"))
    }
}
