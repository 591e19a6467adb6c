//! The records that Bowline keeps as tags of a service, so that they survive the loss of the store.

use std::fmt;

use super::action::TagKey;
use crate::live::LiveService;
use crate::name::RestartToken;

/// Stands for "no deployment": a baseline, which is done as it stands.
const BASELINE: &str = "-";
/// A record that matches nothing: its service is rolled as soon as its secrets are settled.
pub(crate) const STALE: &str = "stale";

/// `<what>@<deployment>`, see [`TagKey`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TagRecord {
    /// The restart token, or the fingerprint of the secret versions.
    pub(crate) what: String,
    /// The deployment that was PRIMARY when the new one was about to be forced; absent for a baseline.
    pub(crate) deployment: Option<String>,
}

/// What the records on a service say was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Recorded<'a> {
    /// Where the restart token stands that git wants.
    pub(crate) restart: Restart<'a>,
    /// The secret versions are recorded, and PRIMARY is still the deployment from before.
    pub(crate) secrets_noted: bool,
}

/// Where the restart token stands that git wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Restart<'a> {
    /// There is none, or it asks for nothing.
    #[default]
    Settled,
    /// Another one than is recorded: it was never tried.
    New,
    /// It is recorded, and PRIMARY is still the deployment from before: the new one has not begun, or it failed and ECS went
    /// back to the old one under the old id.
    Noted(&'a RestartToken),
}

impl Recorded<'_> {
    /// True when a deployment was noted that is not to be seen.
    pub(crate) fn is_noted(self) -> bool {
        self.secrets_noted || matches!(self.restart, Restart::Noted(_))
    }
}

impl TagRecord {
    /// A record of where the service stands, which rolls nothing by itself.
    pub(crate) fn baseline(what: &str) -> Self {
        Self { what: what.to_owned(), deployment: None }
    }

    /// A record to write right before a deployment is forced.
    pub(crate) fn before_forcing(what: &str, service: &LiveService) -> Self {
        Self { what: what.to_owned(), deployment: service.primary().map(|primary| primary.id.clone()) }
    }

    /// The record on the service, if it has one. A tag that Bowline could not have written counts as a record of
    /// something else.
    pub(crate) fn read(key: TagKey, service: &LiveService) -> Option<Self> {
        let text = service.tags.get(key.as_str())?;
        let (what, deployment) = text.rsplit_once('@').unwrap_or((text, BASELINE));
        let deployment = (deployment != BASELINE).then(|| deployment.to_owned());
        Some(Self { what: what.to_owned(), deployment })
    }

    /// True when it was written, but the deployment that should follow never began.
    pub(crate) fn not_forced_yet(&self, service: &LiveService) -> bool {
        self.deployment.is_some()
            && self.deployment.as_deref() == service.primary().map(|primary| primary.id.as_str())
    }
}

impl fmt::Display for TagRecord {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}@{}", self.what, self.deployment.as_deref().unwrap_or(BASELINE))
    }
}
