//! What differs? Desired and live state of one resource in, a list of [`Difference`] out.
//!
//! May import `name`, `desired`, `live`. Must not know what will be done about it.

use serde::Serialize;

/// One field that is not as git wants it.
#[derive(Debug, Clone, PartialEq, Serialize)]
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
}

/// Why it counts as a difference; stable, for `-o json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Both sides have it, with other values.
    Changed,
    /// Only git has it.
    Added,
    /// Only live has it.
    Removed,
    /// The resource itself does not exist.
    Missing,
}

/// A value as it may be shown: the text, its length only, or nothing at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Shown {
    /// May be shown in full.
    Text(String),
    /// May hold something confidential: only its length in characters is shown.
    Length(usize),
    /// Not there.
    Absent,
}
