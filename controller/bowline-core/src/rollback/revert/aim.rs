//! Does what a revert leads to deploy what was good?

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Revert;
use super::choose::{TaskDefinition, spec};
use crate::desired::DesiredState;
use crate::name::{CommitId, ResourceName, RevisionRef};

/// What a revert has to lead to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Aims {
    /// For each failing service.
    pub services: BTreeMap<ResourceName, Aim>,
    /// The revisions with which they were last good, where those can still be deployed.
    pub revisions: BTreeMap<ResourceName, RevisionRef>,
    /// Secrets that stay as they are, since other services read them as well.
    pub shared: BTreeSet<ResourceName>,
}

/// What a revert has to lead to for one service.
#[derive(Debug, Clone, PartialEq)]
pub struct Aim {
    /// The commit with which it was last good.
    pub commit: CommitId,
    /// What that commit wants.
    pub state: Arc<DesiredState>,
}

impl Revert {
    /// The failing services that `after`, to which the revert leads, does not want as they were good; of each, in words, what
    /// is not the same. A pinned revision stands for the good one; secrets that others read as well stay as they are.
    pub fn missed(&self, after: &DesiredState) -> BTreeMap<ResourceName, String> {
        let missed = self.aims.services.iter().filter_map(|(name, aim)| {
            let what = self.what_differs(name, aim, after);
            (!what.is_empty()).then(|| (name.clone(), what.join(" and ")))
        });
        missed.collect()
    }

    fn what_differs(&self, name: &ResourceName, aim: &Aim, after: &DesiredState) -> Vec<&'static str> {
        let Some(found) = spec(after, name) else { return vec!["its document"] };
        let Some(wanted) = spec(&aim.state, name) else { return vec!["its document"] };
        let pinned = self.pins.get(name).map(|revision| TaskDefinition::Revision(revision.as_str()));
        let same_revision = found.task_definition == pinned.or(wanted.task_definition);
        let own =
            |(secret, _): &(&&str, _)| !self.aims.shared.iter().any(|shared| shared.as_str() == **secret);
        let same_secrets = found.versions.iter().filter(own).eq(wanted.versions.iter().filter(own));
        let same_settings = found.settings == wanted.settings;
        let all = [
            (same_revision, "its task definition"),
            (same_secrets, "the versions of its secrets"),
            (same_settings, "its settings"),
        ];
        all.into_iter().filter(|(same, _)| !same).map(|(_, what)| what).collect()
    }

    /// The same, with the last good revision pinned wherever it is known to be ACTIVE; none if nothing is to be pinned beyond
    /// what is already.
    pub fn pinned_to_good(&self) -> Option<Self> {
        let mut pinned = self.clone();
        for (name, revision) in &self.aims.revisions {
            pinned.pins.entry(name.clone()).or_insert_with(|| revision.clone());
        }
        (pinned.pins != self.pins).then_some(pinned)
    }
}
