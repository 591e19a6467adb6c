//! The plan as stable JSON, for `-o json` and for whoever reads it by program.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Approved;
use super::action::Action;
use super::orphans::Orphan;
use super::report::{ResourceReport, Sync};

/// The form of the document. It grows by fields; this number changes only when something is taken away or renamed.
const VERSION: u32 = 1;

/// A plan to be serialized.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Document<'a> {
    /// The form of this document.
    pub version: u32,
    /// The commit that the plan is for.
    pub commit: &'a str,
    /// True when live is as git wants it.
    pub clean: bool,
    /// True when something could not be read.
    pub unknown: bool,
    /// How many resources are in which state.
    pub totals: Totals,
    /// Every resource, by kind and name.
    pub resources: Vec<&'a ResourceReport>,
    /// What would be done, in the order of the waves.
    pub actions: &'a [Action],
    /// Services of this instance that git does not name any more. Nothing is done to them.
    #[serde(skip_serializing_if = "<[Orphan]>::is_empty")]
    pub orphans: &'a [Orphan],
}

/// How many resources are in which state; states that no resource is in are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Totals(pub BTreeMap<Sync, usize>);

impl Totals {
    /// Counts the reports.
    pub fn of<'a>(reports: impl IntoIterator<Item = &'a ResourceReport>) -> Self {
        let mut totals = BTreeMap::new();
        for report in reports {
            *totals.entry(report.sync).or_insert(0) += 1;
        }
        Self(totals)
    }
}

impl<'a> Document<'a> {
    /// What will be done in this pass, and what is held.
    pub fn of_approved(commit: &'a str, plan: &'a Approved) -> Self {
        Self {
            version: VERSION,
            commit,
            clean: plan.is_clean(),
            unknown: plan.has_unknown(),
            totals: Totals::of(plan.reports.values().map(|report| &**report)),
            resources: plan.reports.values().map(|report| &**report).collect(),
            actions: plan.actions(),
            orphans: &plan.orphans,
        }
    }
}
