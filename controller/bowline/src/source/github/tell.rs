//! Labels, reviewers, comments, statuses, check runs.

use bowline_core::name::CommitId;
use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::GitHub;
use super::error::GitHubError;
use super::pulls::encoded;

/// How many comments of a pull request are looked through for Bowline's own, in pages of 100.
const MOST_PAGES: usize = 10;

/// What is said of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The name of the status and of the check run.
    pub context: &'static str,
    /// What, in one line.
    pub summary: String,
    /// Where to read more.
    pub url: Option<String>,
}

#[derive(Deserialize)]
struct Comment {
    id: u64,
    #[serde(default)]
    body: Option<String>,
}

#[derive(Deserialize)]
struct CheckRuns {
    check_runs: Vec<CheckRun>,
}

#[derive(Deserialize)]
struct CheckRun {
    id: u64,
    output: CheckOutput,
}

#[derive(Deserialize)]
struct CheckOutput {
    #[serde(default)]
    summary: Option<String>,
}

#[derive(Deserialize)]
struct Status {
    context: String,
    state: String,
    #[serde(default)]
    description: Option<String>,
}

impl GitHub {
    /// Gives a pull request the configured labels and asks the configured people to look. Doing it again changes nothing.
    pub async fn decorate(&self, number: u64) -> Result<(), GitHubError> {
        if !self.settings.labels.is_empty() {
            let body = json!({"labels": self.settings.labels});
            let path = format!("/issues/{number}/labels");
            self.order("label a pull request", Method::POST, &path, &body).await?;
        }
        if !self.settings.reviewers.is_empty() {
            let (teams, people): (Vec<&String>, Vec<&String>) =
                self.settings.reviewers.iter().partition(|reviewer| reviewer.contains('/'));
            let teams: Vec<&str> = teams.iter().filter_map(|team| Some(team.split_once('/')?.1)).collect();
            let body = json!({"reviewers": people, "team_reviewers": teams});
            let path = format!("/pulls/{number}/requested_reviewers");
            self.order("ask for reviews", Method::POST, &path, &body).await?;
        }
        Ok(())
    }

    /// Writes the one comment with this marker: a new one, or another text for the one that is there.
    pub async fn comment(&self, number: u64, marker: &str, text: &str) -> Result<(), GitHubError> {
        const DOING: &str = "comment on a pull request";
        for page in 1..=MOST_PAGES {
            let path = format!("/issues/{number}/comments?per_page=100&page={page}");
            let found: Vec<Comment> = self.call(DOING, Method::GET, &path, None).await?;
            let own = found.iter().find(|comment| {
                comment.body.as_deref().is_some_and(|body| body.trim_start().starts_with(marker))
            });
            if let Some(own) = own {
                if own.body.as_deref() == Some(text) {
                    return Ok(());
                }
                let path = format!("/issues/comments/{}", own.id);
                return self.order(DOING, Method::PATCH, &path, &json!({"body": text})).await;
            }
            if found.len() < 100 {
                break;
            }
        }
        let path = format!("/issues/{number}/comments");
        self.order(DOING, Method::POST, &path, &json!({"body": text})).await
    }

    /// Says of a commit that it failed: as a status, and as a check run where Bowline is a GitHub App. What says so already
    /// is left as it is.
    pub async fn convict(&self, commit: &CommitId, verdict: &Verdict) -> Result<(), GitHubError> {
        self.set_status(commit, verdict).await?;
        if self.is_app() {
            self.set_check_run(commit, verdict).await?;
        }
        Ok(())
    }

    async fn set_status(&self, commit: &CommitId, verdict: &Verdict) -> Result<(), GitHubError> {
        const DOING: &str = "set a commit status";
        let path = format!("/commits/{commit}/statuses?per_page=100");
        let found: Vec<Status> = self.call(DOING, Method::GET, &path, None).await?;
        // Newest first: only the newest counts.
        let newest = found.iter().find(|status| status.context == verdict.context);
        if newest.is_some_and(|status| {
            status.state == "failure" && status.description.as_deref() == Some(&verdict.summary)
        }) {
            return Ok(());
        }
        let mut body =
            json!({"state": "failure", "context": verdict.context, "description": verdict.summary});
        if let Some(url) = &verdict.url {
            body["target_url"] = json!(url);
        }
        self.order(DOING, Method::POST, &format!("/statuses/{commit}"), &body).await
    }

    async fn set_check_run(&self, commit: &CommitId, verdict: &Verdict) -> Result<(), GitHubError> {
        const DOING: &str = "write a check run";
        let name = encoded(verdict.context);
        let path = format!("/commits/{commit}/check-runs?check_name={name}");
        let found: CheckRuns = self.call(DOING, Method::GET, &path, None).await?;
        let own = found.check_runs.into_iter().next();
        if own.as_ref().is_some_and(|run| run.output.summary.as_deref() == Some(&verdict.summary)) {
            return Ok(());
        }
        let mut body = json!({
            "name": verdict.context,
            "head_sha": commit,
            "status": "completed",
            "conclusion": "failure",
            "output": {"title": "Failed on ECS", "summary": verdict.summary},
        });
        if let Some(url) = &verdict.url {
            body["details_url"] = json!(url);
        }
        match own {
            Some(run) => {
                if let Some(fields) = body.as_object_mut() {
                    fields.remove("head_sha");
                }
                self.order(DOING, Method::PATCH, &format!("/check-runs/{}", run.id), &body).await
            }
            None => self.order(DOING, Method::POST, "/check-runs", &body).await,
        }
    }
}
