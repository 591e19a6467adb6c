//! What can go wrong when Bowline commits and pushes, and what a person does about it.

use std::path::PathBuf;

use bowline_core::desired::ResourceKey;
use bowline_core::edit::EditError;
use bowline_core::name::{CommitId, RelativePath};

use crate::source::SourceError;
use crate::source::github::ROLLBACKS_NEED;

/// A commit could not be made, or not be pushed. The branch that is read is as it was.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The repository cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A manifest cannot be changed.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// The commit does not have the file.
    #[error("commit {commit:.8} has no file {path}")]
    NoFile {
        /// The commit.
        commit: CommitId,
        /// The file.
        path: RelativePath,
    },
    /// The commit does not have the resource.
    #[error("the head has no document for {resource}")]
    NoDocument {
        /// The resource.
        resource: ResourceKey,
    },
    /// The history ends at a commit that is to be reverted.
    #[error(
        "commit {commit:.8} cannot be reverted: its parent is not in the repository, whose history is shallow"
    )]
    Shallow {
        /// The commit.
        commit: CommitId,
    },
    /// The commit does not have the parent that it is to go back to.
    #[error("commit {commit:.8} cannot be reverted: {parent:.8} is not its parent")]
    NotItsParent {
        /// The commit.
        commit: CommitId,
        /// What was given as its parent.
        parent: CommitId,
    },
    /// A content is to be registered before its revision can be pinned.
    #[error("the content of {services} was not registered yet, so its revision cannot be pinned")]
    NotRegistered {
        /// The services.
        services: String,
    },
    /// More would change than was meant.
    #[error("the commit was not made: it would also change {others}")]
    Strays {
        /// The resources.
        others: String,
    },
    /// In no way does the revert lead to what was good.
    #[error("taking it back would not lead to what was good: {what}")]
    NotGood {
        /// Of each service, what would not be the same.
        what: String,
    },
    /// The signing key cannot be used.
    #[error("the signing key {} cannot be used: {problem}", path.display())]
    SigningKey {
        /// Its file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The credentials do not allow pushing.
    #[error("{repo} refused a push with the {configured}")]
    MayNotPush {
        /// The address.
        repo: String,
        /// What was offered: "token", "SSH key".
        configured: &'static str,
    },
    /// The server did not take the branch: a rule, a hook.
    #[error("{repo} refused the branch {branch}: {problem}")]
    Refused {
        /// The address.
        repo: String,
        /// The branch.
        branch: String,
        /// The server's words.
        problem: String,
    },
    /// Every name that was tried is taken by a branch with another content.
    #[error("{repo} has {count} branches such as {branch} with another content")]
    NamesTaken {
        /// The address.
        repo: String,
        /// The last name.
        branch: String,
        /// How many were tried.
        count: u32,
    },
    /// What is read is a tag, which cannot be moved forward.
    #[error("`{reference}` of {repo} is not a branch")]
    NoBranch {
        /// The address.
        repo: String,
        /// What is configured.
        reference: String,
    },
    /// The push failed in another way.
    #[error("pushing to {repo} failed")]
    Push {
        /// The address.
        repo: String,
        /// libgit2's words.
        #[source]
        source: git2::Error,
    },
    /// libgit2 gave an id that is none.
    #[error("the repository's commits have ids of a kind that Bowline does not know")]
    NoCommitId,
}

impl WriteError {
    /// The label of this error in metrics; stable.
    pub fn category(&self) -> &'static str {
        match self {
            Self::Source(error) => error.category(),
            Self::Edit(_) | Self::NoFile { .. } | Self::NoDocument { .. } | Self::NotGood { .. } => "edit",
            Self::Shallow { .. } => "shallow",
            Self::SigningKey { .. } => "signing-key",
            Self::MayNotPush { .. } => "auth",
            Self::Refused { .. } | Self::NamesTaken { .. } | Self::NoBranch { .. } => "refused",
            Self::Push { .. } => "protocol",
            Self::NotItsParent { .. }
            | Self::NotRegistered { .. }
            | Self::Strays { .. }
            | Self::NoCommitId => "internal",
        }
    }

    /// The whole story in one line: what failed, why, and what to do.
    pub fn sentence(&self) -> String {
        match self {
            // These say by themselves what to do.
            Self::Source(error) => error.sentence(),
            Self::Edit(error) => error.to_string(),
            _ => {
                let cause = std::error::Error::source(self).map(|cause| format!(": {cause}"));
                format!("{self}{}; {}", cause.unwrap_or_default(), self.hint())
            }
        }
    }

    /// What to do next, as a sentence.
    pub fn hint(&self) -> String {
        match self {
            Self::Source(error) => return error.hint(),
            Self::Edit(_) => "make the change by hand, and push it",
            Self::NoFile { .. } | Self::NoDocument { .. } | Self::NotItsParent { .. } | Self::Strays { .. } => {
                "revert by hand with `git revert`, and push it"
            }
            Self::NotGood { .. } => {
                "something that it refers to has changed since then: write what it is to deploy into git by hand"
            }
            Self::Shallow { .. } => {
                "fetch the whole history in the repository that Bowline reads: git fetch --unshallow"
            }
            Self::NotRegistered { .. } | Self::NoCommitId => {
                "this is a bug in Bowline: please report it with the log"
            }
            Self::SigningKey { .. } => {
                "point `git.signingKey` to a private Ed25519 key of OpenSSH without a passphrase, readable by Bowline's user (ssh-keygen -t ed25519 -N '')"
            }
            Self::MayNotPush { .. } => {
                return format!(
                    "give the token or key the right to write contents (at GitHub rollbacks need {ROLLBACKS_NEED}; a deploy key: \
                     write access)"
                );
            }
            Self::Refused { .. } => {
                "allow Bowline to create branches below `bowline/`, or look at the server's rules and hooks"
            }
            Self::NamesTaken { .. } => "delete the old branches below `bowline/`",
            Self::NoBranch { .. } => "let `ref` of the source name a branch, or let changes go through pull requests",
            Self::Push { .. } => {
                "try `git push` with the same address from this machine; a local repository must be a bare one"
            }
        }
        .to_owned()
    }
}
