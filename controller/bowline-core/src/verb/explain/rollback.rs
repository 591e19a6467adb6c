//! Where is the rollback of a service, why does it wait, and what comes next?

use jiff::Timestamp;
use serde::Serialize;

use crate::rollback::machine::State;

/// What is known of a rollback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollbackSeen {
    /// Its id.
    pub id: String,
    /// Where it is.
    pub state: State,
    /// Since when.
    pub since: Timestamp,
    /// The commit that it takes back.
    pub bad_commit: String,
    /// The first line of that commit's message.
    pub subject: String,
    /// Its branch.
    pub branch: Option<String>,
    /// The page of its pull request.
    pub pull_request: Option<String>,
    /// Why it does not go on by itself, or what went wrong with its last step, as a sentence.
    pub why: Option<String>,
}

/// A rollback in sentences.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedRollback {
    /// Its id.
    pub id: String,
    /// Where it is, in one word; stable.
    pub state: State,
    /// Since when.
    pub since: Timestamp,
    /// What that means.
    pub means: &'static str,
    /// The commit that it takes back.
    pub bad_commit: String,
    /// The first line of that commit's message.
    pub subject: String,
    /// Its branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The page of its pull request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<String>,
    /// Why it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl RollbackSeen {
    /// Whether git goes back, or is about to: nobody has to ask for it.
    pub(super) fn goes_back(&self) -> bool {
        match self.state {
            State::Detected | State::Branch | State::PullRequest | State::Merged | State::Converged => true,
            // With a pull request it was merged, without effect.
            State::NeedsPerson => self.branch.is_some() && self.pull_request.is_none(),
            State::Verified | State::Closed | State::Overtaken | State::Failed => false,
        }
    }

    pub(super) fn explained(&self) -> ExplainedRollback {
        let Self { id, state, since, bad_commit, subject, branch, pull_request, why } = self.clone();
        let means = self.meaning();
        ExplainedRollback { id, state, since, means, bad_commit, subject, branch, pull_request, why }
    }

    fn meaning(&self) -> &'static str {
        match self.state {
            State::Detected => "the bad verdict was seen, and the revert is not made yet",
            State::Branch => "the revert is on a branch of its own, and there is no pull request yet",
            State::PullRequest => "the revert waits to be merged",
            State::Merged => "the revert is merged, and live does not follow yet",
            State::Converged => "live is as git wants it again, and it is watched whether it stays so",
            State::Verified => "done: git and live are equal, and stayed so",
            State::Closed => {
                "the pull request was closed: git stays as it is, and what failed stays quarantined"
            }
            State::Overtaken if self.why.is_some() => "git went on after it, and a later commit failed",
            State::Overtaken => "git went on without it, or what failed was good after all",
            State::NeedsPerson => "it does not go on by itself",
            State::Failed => "what it went back to failed as well",
        }
    }

    /// What comes next, with the command where there is one.
    pub(super) fn advice(&self, name: &str) -> Vec<String> {
        let wait = || vec![format!("wait; bowline history {name} tells what happens")];
        match self.state {
            State::Detected | State::Merged | State::Converged => wait(),
            State::Branch => match &self.branch {
                Some(branch) if self.why.is_some() => {
                    vec![format!("wait, or open the pull request by hand, from the branch {branch}")]
                }
                _ => wait(),
            },
            State::PullRequest => match &self.pull_request {
                Some(url) => vec![format!("look at the revert, and merge it: {url}")],
                None => wait(),
            },
            State::NeedsPerson => match (&self.branch, &self.pull_request) {
                (Some(_), Some(url)) => vec![format!("look at what was merged: {url}")],
                (Some(branch), None) => {
                    vec![format!("look at the revert, and merge the branch {branch} by hand")]
                }
                (None, _) => {
                    vec![format!("go back to a commit that you name: bowline rollback {name} --to COMMIT")]
                }
            },
            State::Closed => vec![format!("to go back after all: bowline rollback {name}")],
            State::Failed => vec![format!("go back further: bowline rollback {name} --to COMMIT")],
            State::Verified | State::Overtaken => Vec::new(),
        }
    }
}
