//! Which commits are to be reverted, and how much of each? The branch's past and the failing services in, [`Revert`]s out.
//!
//! | file | holds |
//! |---|---|
//! | `aim` | whether what a revert leads to deploys what was good |
//! | `choose` | the commits that changed what a service deploys since it was last good, and who joins whom |
//! | `extent` | the whole of a commit, or which documents and files of it |
//! | `kept` | what of a past commit has to be held for that choice |
//! | `mainline` | the parent of a merge that the branch comes from |
//! | `message` | the commit's message, its trailers, the branch's name |
//! | `made` | what came of it, part by part |
//!
//! May import `desired`, `edit` and `plan`'s spec. Must not know how commits are read or made.

mod aim;
mod choose;
mod extent;
mod kept;
mod made;
mod mainline;
mod message;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::desired::{DesiredState, ResourceKey, ResourceKind, TaskDefinitionContent};
use crate::edit::Touched;
use crate::name::{CommitId, RelativePath, ResourceName, RevisionRef};

pub use aim::{Aim, Aims};
pub(super) use choose::spec;
pub use choose::{Chosen, choose, deployed_by, deploys_the_same};
pub use kept::Kept;
pub use made::{Made, Part, PartChange};
pub use mainline::mainline;
pub use message::{
    INCIDENT_TRAILER, RESOURCE_TRAILER, REVERTS_TRAILER, Trailers, branch_name, message, message_by_hand,
    rollback_branch,
};

/// One commit on the branch's own line, newest first in a history: each one's parent is the next.
#[derive(Debug, Clone, PartialEq)]
pub struct PastCommit {
    /// Its id.
    pub id: CommitId,
    /// The first line of its message.
    pub subject: String,
    /// What its message declares.
    pub trailers: Trailers,
    /// What it stands on.
    pub parent: Parent,
    /// Every file that differs from that parent, by its path from the repository's root; a path that is not UTF-8 has
    /// replacement characters, and counts as something else.
    pub files: BTreeMap<String, Touched>,
    /// What it wants.
    pub state: Arc<DesiredState>,
}

/// What a commit of the branch's own line stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parent {
    /// Nothing: it is the first commit.
    None,
    /// One commit: a plain, squashed or rebased one.
    One(CommitId),
    /// Several: a merge.
    Merge {
        /// The parent that the branch was on.
        mainline: CommitId,
        /// Which one of its parents that is, from 1, as in `git revert -m`.
        number: usize,
    },
    /// It has a parent that is not here: the history is shallow. It must not be reverted, since git takes it for the first
    /// commit, and would delete every file.
    CutOff,
}

/// A service whose deployment failed.
#[derive(Debug, Clone, PartialEq)]
pub struct Failing {
    /// The commit with which it was last good.
    pub good: CommitId,
    /// The revision that it ran then.
    pub revision: GoodRevision,
    /// True when what failed is a rollback of Bowline's own, and `good` an older good commit: only then are rollbacks
    /// reverted as well.
    pub after_failed_rollback: bool,
}

/// The task definition revision with which a service was last good.
#[derive(Debug, Clone, PartialEq)]
pub enum GoodRevision {
    /// It can be deployed.
    Active(RevisionRef),
    /// It was deregistered (Terraform does on replace): ECS refuses it, but its content is known.
    Inactive(TaskDefinitionContent),
    /// It is not known.
    Unknown,
}

/// One rollback: commits that are taken back in one commit, for one bad commit.
#[derive(Debug, Clone, PartialEq)]
pub struct Revert {
    /// The commit on which it is made.
    pub head: CommitId,
    /// The failing services.
    pub resources: BTreeSet<ResourceName>,
    /// What is taken back, newest first; never empty. The first is the bad commit.
    pub steps: Vec<Step>,
    /// Services whose document is to pin a revision in the same commit.
    pub pins: BTreeMap<ResourceName, RevisionRef>,
    /// Services whose last good revision is INACTIVE: this content is registered first, and [`Revert::registered`] pins
    /// the new revision.
    pub to_register: BTreeMap<ResourceName, TaskDefinitionContent>,
    /// What the failing services have to deploy in the end.
    pub aims: Aims,
    /// Where the document of each service is at the head.
    pub documents: BTreeMap<ResourceName, RelativePath>,
}

/// One commit that is taken back.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The commit.
    pub commit: CommitId,
    /// The first line of its message.
    pub subject: String,
    /// The parent to go back to.
    pub parent: CommitId,
    /// Which of several parents that is, from 1; absent for a commit with one.
    pub mainline: Option<usize>,
    /// Whether all of it belongs to the failing services, so that it is taken back as a whole. If that is in conflict,
    /// and otherwise, `documents` and `files` are.
    pub whole: bool,
    /// The documents to take back.
    pub documents: BTreeMap<ResourceKey, Place>,
    /// The task definition files to take back.
    pub files: BTreeSet<RelativePath>,
    /// What the commit changed that stays: paths, and resources in words.
    pub left: BTreeSet<String>,
}

/// Where a document is, in the commits that are held against each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// At the head.
    pub now: RelativePath,
    /// In the commit that is taken back.
    pub bad: RelativePath,
    /// In the parent to go back to.
    pub before: RelativePath,
    /// In the last good commit, with that commit: what replaces it on a conflict.
    pub good: (CommitId, RelativePath),
}

impl Revert {
    /// The bad commit: the newest of those that are taken back.
    pub fn bad_commit(&self) -> Option<&Step> {
        self.steps.first()
    }

    /// Every resource that it may change.
    pub fn meant(&self) -> BTreeSet<ResourceKey> {
        let services = self.resources.iter().cloned();
        let services = services.map(|name| ResourceKey { kind: ResourceKind::EcsService, name });
        services.chain(self.steps.iter().flat_map(|step| step.documents.keys().cloned())).collect()
    }

    /// Notes the revision under which the content of a service was registered: its document will pin it.
    pub fn registered(&mut self, name: &ResourceName, revision: RevisionRef) {
        self.to_register.remove(name);
        self.pins.insert(name.clone(), revision);
    }
}

/// Why there is nothing to revert for a service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRevert {
    /// Git does not have it, or not in a usable form.
    #[error("git has no usable form of it at the head")]
    NotInGit,
    /// The branch says what it said when the service was good.
    #[error("git wants the same as in commit {good:.8}, with which it was good: there is nothing to revert")]
    SameAsGood {
        /// The last good commit.
        good: CommitId,
    },
    /// The last good commit is not among those that were looked at.
    #[error(
        "the last good commit {good:.8} is not among the {looked_at} newest commits of the branch; name a commit to go back to"
    )]
    GoodNotFound {
        /// The last good commit.
        good: CommitId,
        /// How many commits were looked at.
        looked_at: usize,
    },
    /// The history ends before the last good commit.
    #[error(
        "the history is shallow: the parent of commit {commit:.8} is not in the repository; fetch the whole history first (`git fetch --unshallow` in the repository that Bowline reads)"
    )]
    CutOff {
        /// The commit whose parent is missing.
        commit: CommitId,
    },
    /// A commit added the service: there is nothing to go back to.
    #[error("commit {commit:.8} added it: there is no earlier form to go back to")]
    AddedBy {
        /// The commit.
        commit: CommitId,
    },
    /// What failed is a rollback of Bowline's own, and those are never reverted.
    #[error(
        "what failed is the rollback in commit {commit:.8}, and a rollback is not reverted; a person has to decide"
    )]
    IsRollback {
        /// The commit.
        commit: CommitId,
    },
    /// What changed is a file that other services use as well, and no revision is known to pin instead.
    #[error(
        "commit {commit:.8} changed {file}, which {others} uses as well, and the last good revision is not known: pin one by hand"
    )]
    SharedFile {
        /// The commit.
        commit: CommitId,
        /// The task definition file.
        file: RelativePath,
        /// Another service that uses it.
        others: ResourceName,
    },
    /// What changed is a secret that other services read as well.
    #[error(
        "commit {commit:.8} changed only {secret}, which {others} reads as well: a person has to decide for both"
    )]
    SharedSecret {
        /// The commit.
        commit: CommitId,
        /// The Secret.
        secret: ResourceKey,
        /// Another service that reads it.
        others: ResourceName,
    },
}

#[cfg(test)]
mod tests;
