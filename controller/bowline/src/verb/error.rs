//! Why a verb made no commit, or did not get it to the remote.

use bowline_core::verb::Refusal;

use crate::source::github::GitHubError;
use crate::source::{SourceError, WriteError};

/// A verb did not do what was asked for. The branch that is read is as it was.
#[derive(Debug, thiserror::Error)]
pub enum VerbError {
    /// There is nothing to do, or it may not be done.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The repository cannot be read.
    #[error("{}", .0.sentence())]
    Source(SourceError),
    /// The remote does not answer, and from an older commit nothing is committed.
    #[error(
        "{why}; nothing was committed, since the branch may have moved on: try again when the server answers"
    )]
    Stale {
        /// Why, with the age of the last good commit.
        why: String,
    },
    /// The commit was not made, or not taken by the server.
    #[error("{}", .0.sentence())]
    Write(WriteError),
    /// The server does not take the commit on the branch that is read.
    #[error(
        "{repo} refused to move {branch}: {problem}; if its rules want a pull request, run the same without `--push` (and without \
         `git.delivery: push`), and open one from the branch that is made"
    )]
    NotOnto {
        /// The address.
        repo: String,
        /// The branch that is read.
        branch: String,
        /// The server's words.
        problem: String,
    },
    /// A pull request is to be merged, and there is nowhere to open one.
    #[error("`--merge` needs pull requests, and bowline.yaml has no `github`: add it, or use `--push`")]
    NoGitHub,
    /// The branch is pushed, and there is no pull request for it.
    #[error(
        "the commit is pushed as {branch}, but its pull request could not be opened: {error}; {}. The same command once more finds \
         the branch, and opens it",
        error.hint()
    )]
    NoPull {
        /// The branch.
        branch: String,
        /// What GitHub said.
        error: GitHubError,
    },
    /// The pull request is open, and could not be merged.
    #[error("{url} is open, but was not merged: {error}; {}", error.hint())]
    NotMerged {
        /// The pull request's page.
        url: String,
        /// What GitHub said.
        error: GitHubError,
    },
    /// Others were faster each time.
    #[error("the branch moved {tries} times while the commit was made: nothing was pushed; try again")]
    KeepsMoving {
        /// How often it was tried.
        tries: usize,
    },
}

impl VerbError {
    pub(super) fn no_pull(branch: &str, error: GitHubError) -> Self {
        Self::NoPull { branch: branch.to_owned(), error }
    }

    /// An error of a push onto the branch that is read.
    pub(super) fn onto(error: WriteError) -> Self {
        match error {
            WriteError::Refused { repo, branch, problem } => Self::NotOnto { repo, branch, problem },
            other => Self::Write(other),
        }
    }
}

impl From<SourceError> for VerbError {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

impl From<WriteError> for VerbError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Source(error) => Self::Source(error),
            other => Self::Write(other),
        }
    }
}
