//! Who calls: an app, one of its installations, a person's token, or nobody.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::permission::{Access, Needs, Permissions};

/// The caller of one call.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    /// `ada`, or `bowline[bot]`.
    pub(super) login: String,
    pub(super) kind: CallerKind,
    pub(super) permissions: Permissions,
    /// Which repositories it sees, by id; absent: all.
    pub(super) repositories: Option<BTreeSet<u64>>,
}

/// What a caller is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CallerKind {
    /// A GitHub App with its JWT: may only ask about itself.
    App { app: u64 },
    /// An installation of a GitHub App.
    Installation { app: u64, installation: u64 },
    /// A person with a token.
    Person,
}

impl Caller {
    pub(super) fn allowed(&self, needs: Needs) -> bool {
        needs.is_empty() || needs.iter().any(|(name, access)| self.permissions.allow(name, *access))
    }

    pub(super) fn sees(&self, repository: u64) -> bool {
        !matches!(self.kind, CallerKind::App { .. })
            && self.repositories.as_ref().is_none_or(|ids| ids.contains(&repository))
    }

    /// Whether the rules of a protected branch can be set aside for it.
    pub(super) fn administers(&self) -> bool {
        self.kind == CallerKind::Person && self.permissions.allow("administration", Access::Write)
    }

    /// The app that acts, where it is one.
    pub(super) fn app(&self) -> Option<u64> {
        match self.kind {
            CallerKind::App { app } | CallerKind::Installation { app, .. } => Some(app),
            CallerKind::Person => None,
        }
    }

    pub(super) fn installation(&self) -> Option<u64> {
        match self.kind {
            CallerKind::Installation { installation, .. } => Some(installation),
            _ => None,
        }
    }

    /// What shares one rate limit: an installation, or a person with all tokens.
    pub(super) fn limited_as(&self) -> String {
        match self.kind {
            CallerKind::App { app } => format!("app ID {app}"),
            CallerKind::Installation { installation, .. } => format!("installation ID {installation}"),
            CallerKind::Person => format!("user ID {}", super::numbers::id_of_name(&self.login)),
        }
    }
}

/// A token that was handed out.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) caller: Caller,
    /// Simulated time.
    pub(super) expires: Option<Timestamp>,
}
