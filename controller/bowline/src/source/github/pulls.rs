//! Pull requests: found, opened, merged.

use std::fmt::Write as _;

use bowline_core::name::CommitId;
use bowline_core::rollback::machine::{MergeMethod, Mergeability, Pull, PullState};
use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::GitHub;
use super::error::GitHubError;
use super::merge_method::{Methods, is_refused_by, word};

/// The most entries of a page that GitHub gives.
const PAGE: usize = 100;

/// A pull request that is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPull {
    /// Its title.
    pub title: String,
    /// Its text.
    pub body: String,
    /// The branch with the change.
    pub head: String,
    /// The branch that it is for.
    pub base: String,
}

/// A pull request as GitHub shows it, in a list or alone.
#[derive(Deserialize)]
struct Shown {
    number: u64,
    html_url: String,
    node_id: String,
    state: String,
    #[serde(default)]
    draft: bool,
    #[serde(default)]
    body: Option<String>,
    head: Side,
    base: Side,
    #[serde(default)]
    merged_at: Option<String>,
    #[serde(default)]
    auto_merge: Option<AutoMerge>,
    #[serde(default)]
    user: Option<Account>,
    /// Only alone.
    #[serde(default)]
    mergeable_state: Option<String>,
}

/// That GitHub merges it by itself, and who wanted that.
#[derive(Deserialize)]
struct AutoMerge {
    #[serde(default)]
    enabled_by: Option<Account>,
}

#[derive(PartialEq, Eq, Deserialize)]
struct Account {
    login: String,
}

#[derive(Deserialize)]
struct Side {
    #[serde(rename = "ref")]
    branch: String,
    sha: CommitId,
    /// Absent where a fork was deleted.
    #[serde(default)]
    repo: Option<SideRepository>,
}

#[derive(PartialEq, Eq, Deserialize)]
struct SideRepository {
    full_name: String,
}

impl Shown {
    /// Whether its branch is of the repository itself: only who may write there can push it. What a fork offers says
    /// whatever its author likes.
    fn is_own(&self) -> bool {
        self.head.repo.is_some() && self.head.repo == self.base.repo
    }

    fn pull(self) -> Pull {
        let armed_by = self.auto_merge.as_ref().and_then(|auto| auto.enabled_by.as_ref());
        let armed_by_author = armed_by.is_some() && armed_by == self.user.as_ref();
        let state = if self.merged_at.is_some() {
            PullState::Merged
        } else if self.state == "open" {
            let mergeability = match self.mergeable_state.as_deref() {
                _ if self.draft => Mergeability::Draft,
                // `unstable`: something fails that is not required. `has_hooks`: a server's own hooks run.
                Some("clean" | "unstable" | "has_hooks") => Mergeability::Ready,
                Some("blocked") => Mergeability::Blocked,
                Some("behind") => Mergeability::Behind,
                Some("dirty") => Mergeability::Conflict,
                Some("draft") => Mergeability::Draft,
                Some(_) | None => Mergeability::Computing,
            };
            PullState::Open { mergeability, auto_merge: self.auto_merge.is_some() }
        } else {
            PullState::Closed
        };
        Pull {
            number: self.number,
            url: self.html_url,
            node_id: self.node_id,
            branch: self.head.branch,
            base: self.base.branch,
            head: self.head.sha,
            body: self.body.unwrap_or_default(),
            armed_by_author,
            state,
        }
    }
}

/// Why a pull request was not opened, where looking for it showed none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotOpened {
    /// Its base has all of its commits already.
    NothingInIt,
    /// The branch that it is for does not exist.
    NoBase,
}

impl NotOpened {
    /// What GitHub's refusal says, if it is one of these.
    pub fn from(error: &GitHubError) -> Option<Self> {
        let GitHubError::Refused { status: 422, message, .. } = error else { return None };
        if message.contains("No commits between") {
            Some(Self::NothingInIt)
        } else if message.contains("base is invalid") {
            Some(Self::NoBase)
        } else {
            None
        }
    }
}

impl GitHub {
    /// The pull request for a branch of the repository, whatever became of it; the newest, if there are several.
    pub async fn pull_of(&self, branch: &str) -> Result<Option<Pull>, GitHubError> {
        match self.pulls_of(branch).await?.first() {
            Some(pull) => self.pull(pull.number).await.map(Some),
            None => Ok(None),
        }
    }

    /// The newest pull requests for a branch of the repository, newest first, whatever became of them; without what is only
    /// shown of one alone, its mergeability.
    pub async fn pulls_of(&self, branch: &str) -> Result<Vec<Pull>, GitHubError> {
        let head = encoded(&format!("{}:{branch}", self.repository().owner));
        let path = format!("/pulls?head={head}&state=all&sort=created&direction=desc&per_page=5");
        let found: Vec<Shown> = self.call("look for pull requests", Method::GET, &path, None).await?;
        // GitHub ignores a filter that it does not understand.
        let own = found.into_iter().filter(|pull| pull.head.branch == branch && pull.is_own());
        Ok(own.map(Shown::pull).collect())
    }

    /// The newest pull requests for the repository's own branches, newest first, whatever became of them: among the 100 newest,
    /// and without what is only shown of one alone, its mergeability.
    pub async fn newest_pulls(&self) -> Result<Vec<Pull>, GitHubError> {
        let path = format!("/pulls?state=all&sort=created&direction=desc&per_page={PAGE}");
        let found: Vec<Shown> = self.call("look for pull requests", Method::GET, &path, None).await?;
        Ok(found.into_iter().filter(Shown::is_own).map(Shown::pull).collect())
    }

    /// One pull request.
    pub async fn pull(&self, number: u64) -> Result<Pull, GitHubError> {
        let path = format!("/pulls/{number}");
        let shown: Shown = self.call("look at a pull request", Method::GET, &path, None).await?;
        Ok(shown.pull())
    }

    /// Opens a pull request. The caller has looked that there is none; GitHub refuses a second one for the same branches.
    pub async fn open_pull(&self, new: &NewPull) -> Result<Pull, GitHubError> {
        let body = json!({"title": new.title, "body": new.body, "head": new.head, "base": new.base});
        let shown: Shown = self.call("open a pull request", Method::POST, "/pulls", Some(&body)).await?;
        Ok(shown.pull())
    }

    /// Writes the text of a pull request anew.
    pub async fn set_body(&self, number: u64, body: &str) -> Result<(), GitHubError> {
        let path = format!("/pulls/{number}");
        self.order("change a pull request", Method::PATCH, &path, &json!({"body": body})).await
    }

    /// Closes a pull request without merging it.
    pub async fn close(&self, number: u64) -> Result<(), GitHubError> {
        let path = format!("/pulls/{number}");
        self.order("close a pull request", Method::PATCH, &path, &json!({"state": "closed"})).await
    }

    /// Merges a pull request if its head is `expected`. `message` is the whole message of its commit, for the ways of merging
    /// that make another one. A way that the rules of the branch refuse is not tried again as long as another one is left.
    pub async fn merge(&self, number: u64, expected: &CommitId, message: &str) -> Result<(), GitHubError> {
        let path = format!("/pulls/{number}/merge");
        let methods = self.methods().await?;
        loop {
            let method = methods.best(&self.known_refused());
            let mut body = json!({"sha": expected, "merge_method": word(method)});
            if method == MergeMethod::Squash {
                // The trailers are in the message: without them nobody knows later what it took back.
                let (subject, rest) = message.split_once('\n').unwrap_or((message, ""));
                body["commit_title"] = json!(subject);
                body["commit_message"] = json!(rest.trim());
            }
            let result = self.order("merge the pull request", Method::PUT, &path, &body).await;
            if !self.is_refused_newly(method, &result) {
                return result;
            }
        }
    }

    /// Lets GitHub merge a pull request once the rules of its base allow, if its head is `expected`; in which way as
    /// [`GitHub::merge`].
    pub async fn enable_auto_merge(
        &self,
        node_id: &str,
        expected: &CommitId,
        message: &str,
    ) -> Result<(), GitHubError> {
        let query = "mutation($input: EnablePullRequestAutoMergeInput!) { \
                     enablePullRequestAutoMerge(input: $input) { pullRequest { number } } }";
        let methods = self.methods().await?;
        loop {
            let method = methods.best(&self.known_refused());
            let method_word = word(method).to_ascii_uppercase();
            let mut input =
                json!({"pullRequestId": node_id, "mergeMethod": method_word, "expectedHeadOid": expected});
            if method == MergeMethod::Squash {
                let (subject, rest) = message.split_once('\n').unwrap_or((message, ""));
                input["commitHeadline"] = json!(subject);
                input["commitBody"] = json!(rest.trim());
            }
            let request = json!({"query": query, "variables": {"input": input}});
            let result = self.mutate("let the pull request merge itself", &request).await;
            if !self.is_refused_newly(method, &result) {
                return result;
            }
        }
    }

    /// Lets GitHub not merge a pull request by itself any more.
    pub async fn disable_auto_merge(&self, node_id: &str) -> Result<(), GitHubError> {
        let query = "mutation($input: DisablePullRequestAutoMergeInput!) { \
                     disablePullRequestAutoMerge(input: $input) { pullRequest { number } } }";
        let request = json!({"query": query, "variables": {"input": {"pullRequestId": node_id}}});
        self.mutate("keep the pull request from merging itself", &request).await
    }

    /// Lets GitHub merge its base into the branch of a pull request, if its head is `expected`. GitHub does so a little later.
    pub async fn update_branch(&self, number: u64, expected: &CommitId) -> Result<(), GitHubError> {
        let path = format!("/pulls/{number}/update-branch");
        let body = json!({"expected_head_sha": expected});
        self.order("bring the pull request's branch up to date", Method::PUT, &path, &body).await
    }

    async fn methods(&self) -> Result<Methods, GitHubError> {
        self.call("look at the repository", Method::GET, "", None).await
    }

    /// Whether the rules of the branch refuse this way of merging, which was not known; it is from now on.
    fn is_refused_newly(&self, method: MergeMethod, result: &Result<(), GitHubError>) -> bool {
        let is_refused = result.as_ref().is_err_and(|error| is_refused_by(method, error));
        is_refused && self.known_refused().insert(method)
    }
}

/// A value in a query: branches have slashes, and a colon stands before them.
pub(super) fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn what_a_fork_offers_is_not_ours() {
        let side = |repository: Value| json!({"ref": "bowline/rollback/ecsservice-web/0123456789ab-1", "sha": "ab".repeat(20), "repo": repository});
        let infra = json!({"full_name": "acme/infra"});
        for (head, is_own) in [
            (infra.clone(), true),
            (json!({"full_name": "mallory/infra"}), false),
            // A fork that was deleted.
            (Value::Null, false),
        ] {
            let shown: Shown = serde_json::from_value(json!({
                "number": 1, "html_url": "", "node_id": "", "state": "open",
                "head": side(head.clone()), "base": side(infra.clone()),
            }))
            .unwrap();
            assert_eq!(shown.is_own(), is_own, "{head}");
        }
    }
}
