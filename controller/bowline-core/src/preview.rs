//! What would a pull request do, and is anything wrong with it? The desired state before and after it in, the part that is
//! compared with live, a [`Verdict`] and a comment out.
//!
//! | file | holds |
//! |---|---|
//! | `findings` | what of it the branch has already |
//! | `part` | what a pull request changes, and what of it is compared: on the base branch's Targets only |
//! | `text` | the comment |
//!
//! May import `desired`, `edit`, `name` and the reports of `plan`. Must not know where pull requests are.

mod findings;
mod part;
mod text;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::desired::{ResourceKey, Severity};
use crate::name::{CommitId, InstanceName};
use crate::plan::{ResourceReport, Sync, Warning};

pub use findings::Findings;
pub use part::{Change, Part, is_only_observed, part};
pub use text::{comment, marker};

/// GitHub's limit for the description of a commit status, in characters.
const LONGEST_SUMMARY: usize = 140;

/// The name of the commit status, or of the check run. Two instances that watch one branch have different ones.
pub fn context(instance: &InstanceName) -> String {
    if *instance == InstanceName::default() {
        "bowline/preview".to_owned()
    } else {
        format!("bowline/preview/{instance}")
    }
}

/// What is known of a pull request.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// Whose it is.
    pub instance: InstanceName,
    /// The newest commit of the pull request.
    pub head: CommitId,
    /// The commit of the watched branch that it was merged onto.
    pub base: CommitId,
    /// What is wrong with files.
    pub findings: Findings,
    /// What more is known.
    pub seen: Seen,
}

/// What was looked at.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen {
    /// The files only: it comes from a fork, and AWS is not asked for strangers.
    Files,
    /// It would leave nothing that can be used, with the reason as a sentence.
    Unusable(String),
    /// It cannot be compared, with the reason as a sentence: it is in conflict with the branch.
    CannotTell(String),
    /// It was compared with live.
    Compared(Compared),
}

/// A comparison with live.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Compared {
    /// What it changes in git.
    pub changes: Vec<(ResourceKey, Change)>,
    /// The state of what it changes, and of what follows that, as it were right after the merge.
    pub reports: Vec<ResourceReport>,
    /// The warnings of these resources as they are for the watched branch, where that is known.
    pub before: BTreeMap<ResourceKey, Vec<Warning>>,
    /// What would be done, a line each, in order.
    pub actions: Vec<String>,
    /// Why nothing would be done after the merge, as a sentence: too much vanishes.
    pub refused: Option<String>,
}

/// What is said of a commit. Not knowing is no failure, and stands in nobody's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Conclusion {
    /// Nothing is wrong with it.
    Success,
    /// Files have errors, or it brings a warning.
    Failure,
    /// It cannot be told.
    Neutral,
}

/// What a pull request comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it may be merged, as far as Bowline can tell.
    pub conclusion: Conclusion,
    /// Why, in one line of at most 140 characters.
    pub summary: String,
    /// Whether there is anything to say in a comment.
    pub is_worth_telling: bool,
}

impl Preview {
    /// What it comes to.
    pub fn verdict(&self) -> Verdict {
        let (conclusion, summary) = self.conclude();
        let has_findings = !self.findings.brought.is_empty() || conclusion == Conclusion::Failure;
        let is_worth_telling = match &self.seen {
            Seen::Compared(compared) => {
                !compared.changes.is_empty() || !compared.reports.is_empty() || has_findings
            }
            Seen::Files => has_findings,
            Seen::Unusable(_) | Seen::CannotTell(_) => true,
        };
        Verdict { conclusion, summary: summary.chars().take(LONGEST_SUMMARY).collect(), is_worth_telling }
    }

    fn conclude(&self) -> (Conclusion, String) {
        if let Some(told) = self.errors() {
            return (Conclusion::Failure, told);
        }
        let brought = self.brought();
        if brought > 0 {
            return (
                Conclusion::Failure,
                format!("{} that the branch does not have", counted(brought, "warning")),
            );
        }
        let (conclusion, mut told) = match &self.seen {
            Seen::Unusable(why) => return (Conclusion::Failure, why.clone()),
            Seen::CannotTell(why) => (Conclusion::Neutral, why.clone()),
            Seen::Files => (
                Conclusion::Neutral,
                "from a fork, so nothing was compared with live; its files are valid".to_owned(),
            ),
            Seen::Compared(compared) => compared.conclude(),
        };
        if conclusion == Conclusion::Neutral {
            // A commit status has no such state: its text has to say so.
            told = format!("cannot tell: {told}");
        }
        let standing = Findings::count(&self.findings.standing, Severity::Warning);
        if standing > 0 {
            let are = if standing == 1 { "is" } else { "are" };
            told = format!("{told}; {} {are} on the branch already", counted(standing, "warning"));
        }
        (conclusion, told)
    }

    /// The errors in the files, whoever made them: with any, a part of what git wants is not acted on.
    fn errors(&self) -> Option<String> {
        let Findings { brought, standing } = &self.findings;
        let brought = Findings::count(brought, Severity::Error);
        let standing = Findings::count(standing, Severity::Error);
        let told = format!("{} in the files", counted(brought + standing, "error"));
        match (brought, standing) {
            (0, 0) => None,
            (_, 0) => Some(told),
            (0, _) => Some(format!("{told}, on the branch already")),
            (_, _) => Some(format!("{told}, {standing} of them on the branch already")),
        }
    }

    /// How many warnings come with it.
    fn brought(&self) -> usize {
        let of_live = if let Seen::Compared(compared) = &self.seen { compared.brought() } else { 0 };
        Findings::count(&self.findings.brought, Severity::Warning) + of_live
    }
}

impl Compared {
    fn conclude(&self) -> (Conclusion, String) {
        let invalid = self.reports.iter().filter(|report| report.sync == Sync::Invalid).count();
        if invalid > 0 {
            return (
                Conclusion::Failure,
                format!("{} cannot be used as written", counted(invalid, "resource")),
            );
        }
        if let Some(why) = &self.refused {
            return (Conclusion::Neutral, why.clone());
        }
        let unknown = self.reports.iter().filter(|report| report.has_unknown()).count();
        let left_out =
            self.changes.iter().filter(|(_, change)| matches!(change, Change::NotCompared(_))).count();
        if unknown + left_out > 0 {
            let told = format!("{} could not be compared with live", counted(unknown + left_out, "resource"));
            return (Conclusion::Neutral, told);
        }
        let differ = self.reports.iter().filter(|report| differs(report)).count();
        let told = match (differ, self.changes.len()) {
            (0, 0) => "nothing that Bowline reads changes".to_owned(),
            (0, _) => "nothing on live would change".to_owned(),
            (differ, _) => format!("{} on live would change", counted(differ, "resource")),
        };
        (Conclusion::Success, told)
    }
}

/// Whether live would not be as git wants it right after the merge.
fn differs(report: &ResourceReport) -> bool {
    !report.differences.is_empty() || matches!(report.sync, Sync::Missing | Sync::Drifted | Sync::AwaitingGit)
}

/// `1 error`, `2 errors`.
fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

#[cfg(test)]
mod tests;
