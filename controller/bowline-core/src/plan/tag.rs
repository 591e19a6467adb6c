//! The records that Bowline keeps as tags of a service, so that they survive the loss of the store.

use std::fmt;

use super::action::TagKey;
use crate::live::LiveService;

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
