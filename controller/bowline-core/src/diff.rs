//! What differs? Desired and live state of one resource in, a list of [`Difference`] out.
//!
//! May import `name`, `desired`, `live`. Must not know what will be done about it.

pub(crate) mod canonical;
pub(crate) mod compare;
pub mod fields;
pub(crate) mod normalize;
pub(crate) mod overlay;
pub(crate) mod path;
mod secret;
mod service;
pub(crate) mod settings;
mod task_definition;
mod terraform_state;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use normalize::normalize;
pub(crate) use normalize::{is_normal_text, normal_text};
pub(crate) use overlay::overlay;
pub(crate) use secret::diff_secret;
pub(crate) use service::{diff_desired_count, diff_record, diff_revision, missing_service};
pub(crate) use settings::settings_agree;
pub use settings::{is_shown, settings_cannot_be_told, settings_fingerprint, settings_in_effect};
pub(crate) use task_definition::{diff_normalized, diff_tag};
pub use task_definition::{diff_task_definition, tag_fingerprint};
pub(crate) use terraform_state::diff_state;

/// One field that is not as git wants it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// The field, such as `desiredCount` or `taskDefinition.containerDefinitions[name=web].image`.
    pub path: String,
    /// What kind of difference.
    pub reason: Reason,
    /// What git wants, as it may be shown.
    pub wanted: Shown,
    /// What was found, as it may be shown.
    pub found: Shown,
    /// Something a person should know about it ("not created by Bowline").
    pub note: Option<String>,
    /// Who else owns the field, or manages it, too: "CodeDeploy".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

/// Why it counts as a difference; stable, for `-o json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Both sides have it, with other values.
    Changed,
    /// Only git has it.
    Added,
    /// Only live has it.
    Removed,
    /// One side leaves it to AWS's default or has just that, the other one has something else.
    Defaulted,
    /// It is different, and `ignore` says that this is nobody's business here: nothing is done about it.
    IgnoredByRule,
    /// It is different, and somebody else owns it (see [`Difference::owner`]): nothing is done about it.
    OwnedBy,
    /// The resource itself does not exist.
    Missing,
}

impl Reason {
    /// The reason that follows from which side has the value.
    pub(crate) fn of(wanted: &Shown, found: &Shown) -> Self {
        match (wanted, found) {
            (_, Shown::Absent) => Self::Added,
            (Shown::Absent, _) => Self::Removed,
            _ => Self::Changed,
        }
    }
}

/// A value as it may be shown: the text, its length only, or nothing at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Shown {
    /// May be shown in full.
    Text(String),
    /// May hold something confidential: only its length in characters is shown.
    Length(usize),
    /// Not there.
    Absent,
}

impl Shown {
    pub(crate) fn text(value: impl fmt::Display) -> Self {
        Self::Text(value.to_string())
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => formatter.write_str(text),
            Self::Length(length) => write!(formatter, "({length} chars)"),
            Self::Absent => formatter.write_str("(absent)"),
        }
    }
}

/// One line an operator can read: `desiredCount is 5, git wants 2`.
impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.wanted, &self.found, self.reason) {
            (_, _, Reason::Missing) => write!(formatter, "{} does not exist", self.wanted)?,
            (Shown::Length(wanted), Shown::Length(found), _) => {
                write!(formatter, "{} changed ({found} -> {wanted} chars)", self.path)?;
            }
            (wanted, Shown::Absent, _) => write!(formatter, "{} is not set, git wants {wanted}", self.path)?,
            (Shown::Absent, found, _) => write!(formatter, "{} is {found}, git does not have it", self.path)?,
            (wanted, found, _) => write!(formatter, "{} is {found}, git wants {wanted}", self.path)?,
        }
        match &self.note {
            Some(note) => write!(formatter, ": {note}"),
            None => Ok(()),
        }
    }
}
