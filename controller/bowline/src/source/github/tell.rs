//! Labels, reviewers, comments, statuses, check runs.

use bowline_core::name::CommitId;
use bowline_core::preview::Conclusion;
use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::GitHub;
use super::error::GitHubError;
use super::pulls::encoded;

/// How many comments of a pull request are looked through for Bowline's own, in pages of 100.
const MOST_PAGES: usize = 10;

/// What "does not let Bowline" ends in.
const COMMENTING: &str = "comment on a pull request";

/// What is said of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The name of the status and of the check run.
    pub context: String,
    /// What, in one line.
    pub summary: String,
    /// Where to read more.
    pub url: Option<String>,
}

/// What is thought of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The name of the status, or of the check run.
    pub context: String,
    /// Good, bad, or neither.
    pub conclusion: Conclusion,
    /// The headline of the check run.
    pub title: String,
    /// Why, in one line.
    pub summary: String,
    /// Where to read more.
    pub url: Option<String>,
}

#[derive(Deserialize)]
struct Comment {
    id: u64,
    #[serde(default)]
    body: Option<String>,
    author_association: String,
    #[serde(default)]
    user: Option<Author>,
}

#[derive(Deserialize)]
struct Author {
    #[serde(rename = "type")]
    kind: String,
}

impl Comment {
    /// Whether it begins with the marker, and is not by somebody from outside, who would have the last word on it.
    fn is_own(&self, marker: &str) -> bool {
        let is_marked = self.body.as_deref().is_some_and(|body| body.trim_start().starts_with(marker));
        let is_inside = matches!(self.author_association.as_str(), "OWNER" | "MEMBER" | "COLLABORATOR");
        // An App is no member of anything, but only one that was installed can comment.
        let is_app = self.user.as_ref().is_some_and(|user| user.kind == "Bot");
        is_marked && (is_inside || is_app)
    }
}

#[derive(Deserialize)]
struct CheckRuns {
    check_runs: Vec<CheckRun>,
}

#[derive(Deserialize)]
struct CheckRun {
    id: u64,
    #[serde(default)]
    conclusion: Option<String>,
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
        if self.recomment(number, marker, text).await? {
            return Ok(());
        }
        let path = format!("/issues/{number}/comments");
        self.order(COMMENTING, Method::POST, &path, &json!({"body": text})).await
    }

    /// Writes another text for the one comment with this marker; false if there is none.
    pub async fn recomment(&self, number: u64, marker: &str, text: &str) -> Result<bool, GitHubError> {
        for page in 1..=MOST_PAGES {
            let path = format!("/issues/{number}/comments?per_page=100&page={page}");
            let found: Vec<Comment> = self.call(COMMENTING, Method::GET, &path, None).await?;
            let own = found.iter().find(|comment| comment.is_own(marker));
            if let Some(own) = own {
                if own.body.as_deref().map(str::trim_end) != Some(text.trim_end()) {
                    let path = format!("/issues/comments/{}", own.id);
                    self.order(COMMENTING, Method::PATCH, &path, &json!({"body": text})).await?;
                }
                return Ok(true);
            }
            if found.len() < 100 {
                break;
            }
        }
        Ok(false)
    }

    /// Says of a commit that it failed: as a status, and as a check run where Bowline is a GitHub App. What says so already
    /// is left as it is.
    pub async fn convict(&self, commit: &CommitId, verdict: &Verdict) -> Result<(), GitHubError> {
        let check = Check {
            context: verdict.context.clone(),
            conclusion: Conclusion::Failure,
            title: "Failed on ECS".to_owned(),
            summary: verdict.summary.clone(),
            url: verdict.url.clone(),
        };
        self.set_status(commit, &check).await?;
        if self.is_app() {
            self.set_check_run(commit, &check).await?;
        }
        Ok(())
    }

    /// Says something of a commit: as a check run where Bowline is a GitHub App, else as a status. What says so already is
    /// left as it is.
    pub async fn report(&self, commit: &CommitId, check: &Check) -> Result<(), GitHubError> {
        if self.is_app() {
            self.set_check_run(commit, check).await
        } else {
            self.set_status(commit, check).await
        }
    }

    async fn set_status(&self, commit: &CommitId, check: &Check) -> Result<(), GitHubError> {
        const DOING: &str = "set a commit status";
        // A status has no word for "cannot tell": like a neutral check run, it must not stand in the way of a merge.
        let state = match check.conclusion {
            Conclusion::Failure => "failure",
            Conclusion::Success | Conclusion::Neutral => "success",
        };
        let path = format!("/commits/{commit}/statuses?per_page=100");
        let found: Vec<Status> = self.call(DOING, Method::GET, &path, None).await?;
        // Newest first: only the newest counts.
        let newest = found.iter().find(|status| status.context == check.context);
        if newest.is_some_and(|status| {
            status.state == state && status.description.as_deref() == Some(&check.summary)
        }) {
            return Ok(());
        }
        let mut body = json!({"state": state, "context": check.context, "description": check.summary});
        if let Some(url) = &check.url {
            body["target_url"] = json!(url);
        }
        self.order(DOING, Method::POST, &format!("/statuses/{commit}"), &body).await
    }

    async fn set_check_run(&self, commit: &CommitId, check: &Check) -> Result<(), GitHubError> {
        const DOING: &str = "write a check run";
        let conclusion = match check.conclusion {
            Conclusion::Success => "success",
            Conclusion::Failure => "failure",
            Conclusion::Neutral => "neutral",
        };
        let name = encoded(&check.context);
        let path = format!("/commits/{commit}/check-runs?check_name={name}");
        let found: CheckRuns = self.call(DOING, Method::GET, &path, None).await?;
        let own = found.check_runs.into_iter().next();
        if own.as_ref().is_some_and(|run| {
            run.conclusion.as_deref() == Some(conclusion)
                && run.output.summary.as_deref() == Some(&check.summary)
        }) {
            return Ok(());
        }
        let mut body = json!({
            "name": check.context,
            "head_sha": commit,
            "status": "completed",
            "conclusion": conclusion,
            "output": {"title": check.title, "summary": check.summary},
        });
        if let Some(url) = &check.url {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_that_a_stranger_writes_makes_no_comment_bowlines() {
        let comment = |body: &str, author_association: &str, kind: &str| {
            let user = json!({"type": kind});
            let comment =
                json!({"id": 1, "body": body, "author_association": author_association, "user": user});
            serde_json::from_value::<Comment>(comment).map(|comment| comment.is_own("<!-- x -->")).unwrap()
        };
        assert!(comment("<!-- x -->\none", "COLLABORATOR", "User"));
        assert!(comment("\n<!-- x -->\none", "NONE", "Bot"));
        assert!(!comment("<!-- x -->\none", "NONE", "User"));
        assert!(!comment("<!-- x -->\none", "CONTRIBUTOR", "User"));
        assert!(!comment("one <!-- x -->", "OWNER", "User"));
    }
}
