//! How does git say that a rewritten branch, or the loss of resources, was meant?

use super::finding::{Finding, FindingCode, Location, Severity};

/// The trailer of a commit that declares another one as applied: `Bowline-Accept: <full commit id>`.
pub const ACCEPT_TRAILER: &str = "Bowline-Accept";

/// What a person runs to accept everything up to `head`, as the end of a sentence.
pub fn how_to_accept(head: &str) -> String {
    format!(
        "if this was meant, run `git commit --allow-empty -m \"Accept {head:.8}\" --trailer \"{ACCEPT_TRAILER}: {head}\"` \
         on the branch, and push or merge it"
    )
}

/// Why a commit that a trailer names is not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotAcceptable {
    /// The text is no full commit id.
    NoCommitId,
    /// The branch does not contain such a commit.
    NotOnTheBranch,
    /// What it wants cannot be read, with the reason.
    Unreadable(String),
}

impl Finding {
    /// The commit `by` has a trailer that names `named`, which accepts nothing.
    pub fn not_acceptable(by: &str, named: &str, why: &NotAcceptable) -> Self {
        let why = match why {
            NotAcceptable::NoCommitId => "is not a full commit id of 40 hexadecimal digits".to_owned(),
            NotAcceptable::NotOnTheBranch => "is not in the history of this branch".to_owned(),
            NotAcceptable::Unreadable(reason) => format!("cannot be read: {reason}"),
        };
        Self {
            location: Location { path: String::new(), line: 0, column: 0 },
            severity: Severity::Error,
            code: FindingCode::NotAcceptable,
            message: format!(
                "the trailer `{ACCEPT_TRAILER}: {named:.60}` of commit {by:.8} accepts nothing: `{named:.60}` {why}"
            ),
            hint: Some(
                "make another commit whose trailer names a commit that the branch contains; `git rev-parse HEAD` prints \
                 the id of the newest"
                    .to_owned(),
            ),
            snippet: None,
            related: Vec::new(),
        }
    }
}
