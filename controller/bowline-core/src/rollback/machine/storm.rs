//! So many commits found bad at once that nothing is rolled back by itself: what is told of that, once.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{Rollback, later};
use crate::name::{CommitId, ResourceName};
use crate::rollback::held_for_many;

/// More bad commits than this within [`STORM`] are not rolled back by themselves.
const MOST_AT_ONCE: usize = 3;
/// The time in which they are counted.
const STORM: SignedDuration = SignedDuration::from_mins(10);

/// What a person is told of a storm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storm {
    /// The rollback with which it is written down that it was told: the newest.
    pub id: String,
    /// The first of the services.
    pub first: ResourceName,
    /// How many commits, which services, and what a person can do.
    pub sentence: String,
}

/// Whether so many different commits were found bad lately that they may have a cause in common.
pub fn is_storm<'a>(known: impl IntoIterator<Item = &'a Rollback>, now: Timestamp) -> bool {
    is_storm_with(known, [], now)
}

/// The same, with commits that are found bad right now.
pub fn is_storm_with<'a>(
    known: impl IntoIterator<Item = &'a Rollback>,
    found: impl IntoIterator<Item = &'a CommitId>,
    now: Timestamp,
) -> bool {
    let recent = known.into_iter().filter(|one| is_recent(one, now));
    let commits: BTreeSet<&CommitId> = recent.map(|one| &one.bad_commit).chain(found).collect();
    commits.len() > MOST_AT_ONCE
}

/// The storm that nobody was told of yet: one that holds anything, and of which no rollback remembers that it was told.
pub fn untold_storm(known: &BTreeMap<String, Rollback>, now: Timestamp) -> Option<Storm> {
    let recent: Vec<&Rollback> = known.values().filter(|one| is_recent(one, now)).collect();
    let commits: BTreeSet<&CommitId> = recent.iter().map(|one| &one.bad_commit).collect();
    if commits.len() <= MOST_AT_ONCE || recent.iter().any(|one| one.storm_told_at.is_some()) {
        return None;
    }
    let held = || recent.iter().filter(|one| !one.is_settled());
    let services: BTreeSet<&ResourceName> = held().flat_map(|one| one.resources.keys()).collect();
    let newest = held().max_by_key(|one| (one.opened_at, &one.id))?;
    Some(Storm {
        id: newest.id.clone(),
        first: (*services.first()?).clone(),
        sentence: held_for_many(commits.len(), &services),
    })
}

impl Rollback {
    /// Why it is held while so much fails at once.
    pub fn hold(&mut self, now: Timestamp) {
        self.held_at = Some(now);
        self.why = Some(format!(
            "held: more than {MOST_AT_ONCE} commits were found bad within 10 minutes, so that something they share may be down"
        ));
    }
}

fn is_recent(one: &Rollback, now: Timestamp) -> bool {
    later(one.opened_at, STORM) > now
}
