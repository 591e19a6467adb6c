//! Did it work? A rollout under way, what is observed of it, and the time in; a [`Verdict`] out.

use serde::Serialize;

use crate::plan::WaitingOn;

/// What is to be thought of a rollout.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Not decided yet.
    Pending(WaitingOn),
    /// Our deployment is PRIMARY and COMPLETED.
    Good,
    /// It failed, with the reason as a sentence.
    Bad(String),
    /// Another deployment took its place before it ended.
    Superseded {
        /// The deployment that is PRIMARY now.
        by: Option<String>,
    },
}
