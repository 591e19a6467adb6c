//! Why there is no commit, and what to do instead.

use crate::desired::{ResourceKey, ResourceKind};
use crate::name::{CommitId, RelativePath, RevisionRef};
use crate::rollback::revert::NoRevert;

/// Why a verb makes no commit, in one sentence with what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Git has no such resource.
    #[error("git has no {resource}; it has: {}", listed(known))]
    NoSuch {
        /// What was named.
        resource: ResourceKey,
        /// The names that there are.
        known: Vec<String>,
    },
    /// What git says of it cannot be used.
    #[error(
        "{resource} cannot be used as git has it: {why}; correct that first (`bowline validate` shows where)"
    )]
    Invalid {
        /// The resource.
        resource: ResourceKey,
        /// Why not.
        why: String,
    },
    /// Its file has a name that no edit is made in.
    #[error("the file {path} has a name that is not edited; make the change by hand, and push it")]
    NoPath {
        /// The file.
        path: String,
    },
    /// What was last good is not applied ahead of git.
    #[error("nothing was done to {service} ahead of git: {why}")]
    GlassHolds {
        /// The service.
        service: ResourceKey,
        /// Why not.
        why: String,
    },
    /// Git says so already.
    #[error("nothing to do: git has {what} already")]
    AlreadySo {
        /// What.
        what: String,
    },
    /// The service's manifest names no task definition.
    #[error(
        "git does not say what {service} runs: its manifest has no `taskDefinition`, so whoever owns that releases it; to let git \
         decide, add `taskDefinition` (`bowline import` shows how)"
    )]
    NotManaged {
        /// The service.
        service: ResourceKey,
    },
    /// An image was named for a service that pins a revision.
    #[error(
        "{service} pins the revision {revision}, and an image stands inside of a revision: register one with the new image (aws ecs \
         register-task-definition) and run `bowline release {} --revision N`; or keep the task definition in git \
         (`taskDefinition: {{file: ...}}`, `bowline import --files` writes it), and `--image` changes it there",
        service.name
    )]
    Pinned {
        /// The service.
        service: ResourceKey,
        /// What it pins.
        revision: RevisionRef,
    },
    /// A revision was named for a service whose task definition is a file.
    #[error(
        "the task definition of {service} is the file {file}, so its revisions are made from git: change the image with `bowline \
         release {} --image CONTAINER=REF`, or edit the file",
        service.name
    )]
    FromFile {
        /// The service.
        service: ResourceKey,
        /// The file.
        file: RelativePath,
    },
    /// Another service runs the same file.
    #[error(
        "{file} is what {} runs as well, which would be released, too: give each a file of its own, or edit it by hand",
        listed(others)
    )]
    SharedFile {
        /// The file.
        file: RelativePath,
        /// The other services.
        others: Vec<String>,
    },
    /// What was named is no image.
    #[error(
        "`{image}` is no image: write it as a container runtime takes it, such as registry.example.com/web:2026-11-21"
    )]
    NoImage {
        /// What was named.
        image: String,
    },
    /// Nothing is ever done to resources of this kind, or they have another way to be held.
    #[error(
        "a {} is not suspended: suspend its services and secrets, or write `mode: observe` into the Target, which holds everything on it",
        kind.as_str()
    )]
    NotSuspendable {
        /// The kind.
        kind: ResourceKind,
    },
    /// The end is in the past.
    #[error("{until} has passed already: name a time to come, or a duration such as 4h")]
    EndsBeforeItBegins {
        /// The end.
        until: String,
    },
    /// It has no suspension.
    #[error("nothing to do: {resource} is not suspended")]
    NotSuspended {
        /// The resource.
        resource: ResourceKey,
    },
    /// Nothing of it is in quarantine.
    #[error("nothing to do: no spec of {service} is in quarantine ({state})")]
    NothingQuarantined {
        /// The service.
        service: ResourceKey,
        /// Its state, in words.
        state: String,
    },
    /// Git is acted from.
    #[error("nothing to do: git is not refused, so there is nothing to accept")]
    NothingRefused,
    /// The branch is not where it was when it was refused.
    #[error(
        "what is refused is commit {refused:.8}, and the branch is at {head:.8} by now: nobody has looked at that; wait for the \
         next pass (`bowline status`), and run this again"
    )]
    Moved {
        /// The commit that is refused.
        refused: CommitId,
        /// The branch's head.
        head: CommitId,
    },
    /// What changed the service last was a rollback.
    #[error(
        "{service} was changed last by the rollback in commit {commit:.8}, and that is not taken back by itself: name the commit to \
         go back to with `--to`"
    )]
    RolledBackBefore {
        /// The service.
        service: ResourceKey,
        /// The rollback.
        commit: CommitId,
    },
    /// There is nothing to revert.
    #[error("{service}: {why}")]
    NoRevert {
        /// The service.
        service: ResourceKey,
        /// Why not.
        why: NoRevert,
    },
    /// The commit to go back to is not on the branch.
    #[error(
        "commit {commit} is not among the {looked_at} newest commits of the branch; name one by 7 or more of \
         its digits, as `git log --first-parent` lists them"
    )]
    NotOnTheBranch {
        /// What was named.
        commit: String,
        /// How many commits were looked at.
        looked_at: usize,
    },
    /// No earlier commit wants something else of the service.
    #[error(
        "{service} was never deployed otherwise in the {looked_at} newest commits of the branch: there is nothing to go back to"
    )]
    NeverOtherwise {
        /// The service.
        service: ResourceKey,
        /// How many commits were looked at.
        looked_at: usize,
    },
}

impl Refusal {
    /// True if what was asked for cannot be meant: an error. Otherwise there is nothing to do, or it may not be done.
    pub fn is_mistake(&self) -> bool {
        match self {
            Self::NoSuch { .. }
            | Self::NoPath { .. }
            | Self::NoImage { .. }
            | Self::NotSuspendable { .. }
            | Self::EndsBeforeItBegins { .. }
            | Self::NotOnTheBranch { .. } => true,
            Self::Invalid { .. }
            | Self::GlassHolds { .. }
            | Self::AlreadySo { .. }
            | Self::NotManaged { .. }
            | Self::Pinned { .. }
            | Self::FromFile { .. }
            | Self::SharedFile { .. }
            | Self::NothingQuarantined { .. }
            | Self::NothingRefused
            | Self::NotSuspended { .. }
            | Self::Moved { .. }
            | Self::RolledBackBefore { .. }
            | Self::NoRevert { .. }
            | Self::NeverOtherwise { .. } => false,
        }
    }
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
