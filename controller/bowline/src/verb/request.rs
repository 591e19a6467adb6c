//! What can be asked for, and the command line that says the same.

use std::fmt;

use bowline_core::name::{CommitId, HumanDuration, ReasonText, ResourceName, RestartToken};
use bowline_core::plan::{Memory, ResourceReport};
use bowline_core::verb::{Goal, Refused, Release, StandIn, Suspendable};
use jiff::Timestamp;

/// One commit that somebody asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// New tasks, once.
    Restart {
        /// The service.
        service: ResourceName,
        /// The token; left out, the time.
        token: Option<RestartToken>,
    },
    /// Another number of tasks.
    Scale {
        /// The service.
        service: ResourceName,
        /// How many.
        count: u32,
    },
    /// Another image or revision.
    Release {
        /// The service.
        service: ResourceName,
        /// Which one.
        what: Release,
    },
    /// One more attempt of what is in quarantine.
    Retry {
        /// The service.
        service: ResourceName,
        /// Its state after the last pass.
        report: Box<ResourceReport>,
    },
    /// What is refused counts as applied.
    Accept {
        /// What is refused, if anything is.
        refused: Option<Refused>,
    },
    /// Nothing is done to a resource for a while.
    Suspend {
        /// The resource.
        resource: Suspendable,
        /// Until when.
        until: Until,
        /// Why.
        reason: ReasonText,
    },
    /// A suspension ends now.
    Resume {
        /// The resource.
        resource: Suspendable,
    },
    /// Back to an earlier form.
    Rollback {
        /// The service.
        service: ResourceName,
        /// Where to.
        goal: Goal,
        /// Why, in the person's words.
        reason: Option<String>,
        /// Commits that the branch was at when it was acted from, newest first, as far as a store knows them.
        acted_from: Vec<CommitId>,
        /// What was registered in the place of the last good revision, if that had to be.
        stand_in: Option<StandIn>,
        /// What a store remembers: of a Secret, whether it was Bowline that moved AWSCURRENT to where it is.
        memory: Box<Memory>,
    },
}

/// When a suspension ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Until {
    /// Then.
    At(Timestamp),
    /// After so long.
    For(HumanDuration),
}

impl Until {
    /// Parses `2026-11-22T08:00:00Z` or `4h`.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Ok(at) = text.parse() {
            return Ok(Self::At(at));
        }
        HumanDuration::parse(text).map(Self::For).map_err(|_| {
            format!("`{text}` is neither a duration such as 4h nor a time with its zone such as 2026-11-22T08:00:00Z")
        })
    }

    pub(super) fn from(&self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => *at,
            Self::For(duration) => now.checked_add(duration.get()).unwrap_or(Timestamp::MAX),
        }
    }
}

impl fmt::Display for Until {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(at) => at.fmt(formatter),
            Self::For(duration) => duration.fmt(formatter),
        }
    }
}

impl Request {
    /// The command that asks for it, for the message: without what says where the repository is.
    pub fn command(&self) -> String {
        let words = match self {
            Self::Restart { service, token } => {
                let token = token.as_ref().map(|token| format!(" --token {token}")).unwrap_or_default();
                format!("restart {service}{token}")
            }
            Self::Scale { service, count } => format!("scale {service} {count}"),
            Self::Release { service, what: Release::Image { container, image } } => {
                format!("release {service} --image {container}={image}")
            }
            Self::Release { service, what: Release::Revision(number) } => {
                format!("release {service} --revision {number}")
            }
            Self::Retry { service, .. } => format!("retry {service}"),
            Self::Accept { .. } => "accept".to_owned(),
            Self::Suspend { resource, until, .. } => format!("suspend {} --until {until}", shown(resource)),
            Self::Resume { resource } => format!("resume {}", shown(resource)),
            Self::Rollback { service, goal: Goal::Named(commit), .. } => {
                format!("rollback {service} --to {commit}")
            }
            Self::Rollback { service, goal: Goal::Before { .. }, .. } => format!("rollback {service}"),
        };
        format!("bowline {words}")
    }
}

fn shown(resource: &Suspendable) -> String {
    match resource.kind {
        Some(kind) => format!("{}/{}", kind.as_str(), resource.name),
        None => resource.name.to_string(),
    }
}
