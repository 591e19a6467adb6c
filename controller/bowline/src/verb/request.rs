//! What can be asked for, and the command line that says the same.

use bowline_core::name::{ResourceName, RestartToken};
use bowline_core::plan::ResourceReport;
use bowline_core::verb::{Goal, Refused, Release};

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
    /// Back to an earlier form.
    Rollback {
        /// The service.
        service: ResourceName,
        /// Where to.
        goal: Goal,
        /// Why, in the person's words.
        reason: Option<String>,
    },
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
            Self::Rollback { service, goal: Goal::Named(commit), .. } => {
                format!("rollback {service} --to {commit}")
            }
            Self::Rollback { service, goal: Goal::Before { .. }, .. } => format!("rollback {service}"),
        };
        format!("bowline {words}")
    }
}
