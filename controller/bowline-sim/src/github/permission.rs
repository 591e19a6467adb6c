//! What a token may do: GitHub's permission names and their levels.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::reply::Refusal;

/// How far a permission goes. A higher level includes the lower ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Look.
    Read,
    /// Look and change.
    Write,
}

/// The permissions of a token or of a GitHub App, by GitHub's names: `contents`, `pull_requests`, `checks`, ...
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(transparent)]
pub struct Permissions(BTreeMap<String, Access>);

impl Permissions {
    /// What a controller asks for: contents, pull requests, checks, statuses and issues to write; metadata to read.
    pub fn controller() -> Self {
        let written = ["contents", "pull_requests", "checks", "statuses", "issues"];
        written.into_iter().fold(Self::default().read("metadata"), Self::write)
    }

    /// What a person has who owns the repository: also its administration.
    pub fn owner() -> Self {
        Self::controller().write("administration")
    }

    /// With this permission to read.
    #[must_use]
    pub fn read(mut self, name: &str) -> Self {
        self.0.insert(name.to_owned(), Access::Read);
        self
    }

    /// With this permission to write.
    #[must_use]
    pub fn write(mut self, name: &str) -> Self {
        self.0.insert(name.to_owned(), Access::Write);
        self
    }

    /// Without this permission.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.0.remove(name);
        self
    }

    pub(super) fn allow(&self, name: &str, access: Access) -> bool {
        self.0.get(name).is_some_and(|held| *held >= access)
    }

    /// Those of `wanted` that are also held here; `None` when one is not.
    pub(super) fn narrowed(&self, wanted: &Value) -> Option<Self> {
        let Some(wanted) = wanted.as_object() else { return Some(self.clone()) };
        let mut narrowed = BTreeMap::new();
        for (name, level) in wanted {
            let access = if level == "write" { Access::Write } else { Access::Read };
            if !self.allow(name, access) {
                return None;
            }
            narrowed.insert(name.clone(), access);
        }
        // GitHub adds it to every token.
        narrowed.entry("metadata".to_owned()).or_insert(Access::Read);
        Some(Self(narrowed))
    }

    pub(super) fn render(&self) -> Value {
        let word = |access: &Access| if *access == Access::Write { "write" } else { "read" };
        self.0.iter().map(|(name, access)| (name.clone(), json!(word(access)))).collect()
    }
}

/// What an operation needs: any one of these.
pub(super) type Needs = &'static [(&'static str, Access)];

/// The operation needs nothing but an account.
pub(super) const NOTHING: Needs = &[];
/// Everybody who sees the repository may.
pub(super) const METADATA: Needs = &[("metadata", Access::Read)];
/// Reading commits, refs and trees.
pub(super) const READ_CONTENTS: Needs = &[("contents", Access::Read)];
/// Writing commits and refs, and merging.
pub(super) const WRITE_CONTENTS: Needs = &[("contents", Access::Write)];
/// Reading pull requests.
pub(super) const READ_PULLS: Needs = &[("pull_requests", Access::Read)];
/// Writing pull requests.
pub(super) const WRITE_PULLS: Needs = &[("pull_requests", Access::Write)];
/// Reading comments and labels, which pull requests share with issues.
pub(super) const READ_ISSUES: Needs = &[("issues", Access::Read), ("pull_requests", Access::Read)];
/// Writing comments and labels.
pub(super) const WRITE_ISSUES: Needs = &[("issues", Access::Write), ("pull_requests", Access::Write)];
/// Reading commit statuses.
pub(super) const READ_STATUSES: Needs = &[("statuses", Access::Read)];
/// Writing commit statuses.
pub(super) const WRITE_STATUSES: Needs = &[("statuses", Access::Write)];
/// Reading check runs.
pub(super) const READ_CHECKS: Needs = &[("checks", Access::Read)];
/// Writing check runs.
pub(super) const WRITE_CHECKS: Needs = &[("checks", Access::Write)];
/// Reading branch protection.
pub(super) const READ_ADMINISTRATION: Needs = &[("administration", Access::Read)];
/// Changing the repository itself.
pub(super) const WRITE_ADMINISTRATION: Needs = &[("administration", Access::Write)];

/// 403, and what would have been accepted.
pub(super) fn refuse(needs: Needs, installation: bool) -> Refusal {
    let who = if installation { "integration" } else { "personal access token" };
    let word = |access: &Access| if *access == Access::Write { "write" } else { "read" };
    let accepted: Vec<String> =
        needs.iter().map(|(name, access)| format!("{name}={}", word(access))).collect();
    Refusal::new(http::StatusCode::FORBIDDEN, format!("Resource not accessible by {who}"))
        .with_header("x-accepted-github-permissions", accepted.join("; "))
}
