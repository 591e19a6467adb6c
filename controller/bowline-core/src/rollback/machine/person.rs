//! What is a person told to do, where Bowline does not go on by itself?

use super::{Rollback, State};
use crate::name::{CommitId, ResourceName};
use crate::rollback::revert::NoRevert;

/// Why what failed is not rolled back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotRolledBack {
    /// Nobody remembers with which commit it was good.
    NothingGood {
        /// How many commits of the branch were looked at.
        looked_at: usize,
    },
    /// What an earlier rollback went back to failed, and so did the next older good commit.
    OlderFailed,
    /// What failed was taken back in this commit, and came back the same.
    CameBack {
        /// The commit that took it back.
        commit: CommitId,
        /// Whether it was released since, and failed again.
        again: bool,
    },
    /// There is nothing that could be reverted.
    NoRevert(NoRevert),
    /// The history of the branch could not be read.
    Unread {
        /// Why, and what to do about it, as a sentence.
        problem: String,
    },
    /// The bad commit is not the newest one any more that changed what is deployed.
    Buried {
        /// The bad commit.
        bad: CommitId,
    },
}

impl NotRolledBack {
    /// Why, and what to do next, with the command.
    pub fn sentence(&self, name: &ResourceName) -> String {
        let (why, next) = match self {
            Self::NothingGood { looked_at } => (
                format!(
                    "no commit is known with which it was good, and none of the {looked_at} newest ones of the branch wants what it runs"
                ),
                format!(
                    "fix it in git, or name a commit to go back to: `bowline rollback {name} --to COMMIT`"
                ),
            ),
            Self::OlderFailed => (
                "the older good commit failed as well: no third one is tried".to_owned(),
                format!(
                    "`bowline explain {name}` tells what failed; fix it in git, or `bowline rollback {name} --to COMMIT`"
                ),
            ),
            Self::CameBack { commit, again: false } => (
                format!(
                    "what failed was taken back in commit {commit:.8} and has come back the same: it is held"
                ),
                format!(
                    "fix it in git; another `restart` token, or `bowline retry {name}`, lets it be tried again"
                ),
            ),
            Self::CameBack { commit, again: true } => (
                format!(
                    "what failed was taken back in commit {commit:.8}, came back the same, was released, and failed again: it is not \
                     reverted a second time"
                ),
                format!("fix it in git, or take it back: `bowline rollback {name}`"),
            ),
            Self::NoRevert(why) => (why.to_string(), after(why, name)),
            Self::Unread { problem } => (
                format!("the history of the branch cannot be read: {problem}"),
                format!(
                    "then it goes on by itself within 5 minutes, or at once with `bowline rollback {name}`"
                ),
            ),
            Self::Buried { bad } => (
                format!(
                    "commit {bad:.8} is not the newest one any more that changed what {name} deploys: to revert it alone may not be \
                     enough"
                ),
                format!("`bowline rollback {name}`, which takes back what came later as well"),
            ),
        };
        format!("{why}; next: {next}")
    }
}

/// What to do where there is nothing to revert.
fn after(why: &NoRevert, name: &ResourceName) -> String {
    match why {
        NoRevert::NotInGit => {
            "`bowline validate` in a checkout tells what is wrong with its manifest".to_owned()
        }
        NoRevert::SameAsGood { .. } => {
            format!(
                "look for what changed outside of git (`bowline explain {name}`), then `bowline retry {name}`"
            )
        }
        NoRevert::GoodNotFound { .. } => {
            format!("choose one with `git log`, then `bowline rollback {name} --to COMMIT`")
        }
        NoRevert::CutOff { .. } => {
            format!("then it goes on by itself within 5 minutes, or at once with `bowline rollback {name}`")
        }
        NoRevert::AddedBy { commit } => {
            format!("fix it in git, or take it out again: `git revert {commit:.8}`")
        }
        NoRevert::IsRollback { .. } => format!(
            "fix it in git, or go further back: `bowline rollback {name} --to COMMIT`; `bowline retry {name}` lets it be tried again"
        ),
        NoRevert::SharedFile { .. } => {
            format!(
                "pin the revision that was good in the manifest of {name}, under `taskDefinition.revision`"
            )
        }
        NoRevert::SharedSecret { commit, .. } => {
            format!("where all of them are to go back: `git revert {commit:.8}`")
        }
    }
}

impl Rollback {
    /// What a person can do about a rollback that lasts too long, with the command; none where its reason says so.
    pub fn what_to_do(&self) -> Option<String> {
        let page = self.pull.as_ref().map_or("the pull request", |pull| pull.url.as_str());
        match self.state {
            State::Detected | State::Branch => Some(format!("by hand: {}", self.each("rollback"))),
            State::PullRequest => Some(format!("read {page}, and merge or close it")),
            State::Merged | State::Converged => {
                Some(format!("{} tells what live waits for", self.each("explain")))
            }
            State::Overtaken if self.to_close => Some(format!(
                "close {page}: git went on without it, and whoever merges it takes back what is wanted by now"
            )),
            State::NeedsPerson | State::Verified | State::Closed | State::Overtaken | State::Failed => None,
        }
    }

    /// Why the revert is merged and git wants what failed all the same, and what to do next.
    pub(super) fn without_effect(&self) -> String {
        let (what, page) = match &self.pull {
            Some(pull) => ("its pull request was merged", format!(", look at {}", pull.url)),
            None => ("the branch had the revert already", String::new()),
        };
        format!(
            "{what}, and the branch that is read still wants what failed: it was changed before the merge, merged into another \
             branch, or put back since{page}; next: {}",
            self.each("rollback")
        )
    }

    /// A verb for each of the services.
    pub fn each(&self, verb: &str) -> String {
        let commands = self.resources.keys().map(|name| format!("`bowline {verb} {name}`"));
        commands.collect::<Vec<_>>().join(" and ")
    }
}
