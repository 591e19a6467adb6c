//! So many commits found bad at once that nothing is rolled back by itself: what is told of that, once.
//!
//! Something that they share may be down, rather. While that lasts, no rollback goes on. Afterwards those that began because of it get
//! their pull requests, and a person merges them: the commits may be good.

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

/// The same, with commits for which no rollback began yet, and when each was found bad.
pub fn is_storm_with<'a>(
    known: impl IntoIterator<Item = &'a Rollback>,
    found: impl IntoIterator<Item = (&'a CommitId, Timestamp)>,
    now: Timestamp,
) -> bool {
    let known = known.into_iter().map(|one| (&one.bad_commit, one.found_bad_at()));
    let recent = known.chain(found).filter(|(_, at)| is_recent(*at, now));
    recent.map(|(commit, _)| commit).collect::<BTreeSet<_>>().len() > MOST_AT_ONCE
}

/// The storm that nobody was told of yet: one that holds anything, and of which no rollback remembers that it was told.
pub fn untold_storm(known: &BTreeMap<String, Rollback>, now: Timestamp) -> Option<Storm> {
    let recent: Vec<&Rollback> = known.values().filter(|one| is_recent(one.found_bad_at(), now)).collect();
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
    /// When its commit was found bad: by the verdict, not by when it could begin, which a storm delays.
    pub fn found_bad_at(&self) -> Timestamp {
        self.resources.values().filter_map(|failed| failed.failed_at).min().unwrap_or(self.opened_at)
    }

    /// Whether its commit was found bad among so many at once that a person merges it: what they share may have been down.
    pub fn is_of_storm(&self) -> bool {
        self.resources.values().any(|failed| failed.in_storm)
    }

    /// Notes that its commit was found bad among so many at once, by what all known rollbacks tell of when theirs were: also where
    /// that is long ago by now, and a rollback could begin only later. True if that is new.
    pub fn learn_storm<'a>(&mut self, known: impl IntoIterator<Item = &'a Self>, now: Timestamp) -> bool {
        if self.is_settled() || self.is_of_storm() {
            return false;
        }
        let at = self.found_bad_at();
        let within = |from: Timestamp, to: Timestamp| from <= to && is_recent(from, to);
        let others = known.into_iter().map(|one| (&one.bad_commit, one.found_bad_at()));
        let near: Vec<(&CommitId, Timestamp)> =
            others.filter(|(_, other)| within(*other, at) || within(at, *other)).collect();
        let is_among_many = near.iter().filter(|(_, from)| within(*from, at)).any(|(_, from)| {
            let commits = near.iter().filter(|(_, other)| within(*from, *other)).map(|(commit, _)| commit);
            commits.collect::<BTreeSet<_>>().len() > MOST_AT_ONCE
        });
        if is_among_many {
            self.set_of_storm();
            self.look_now(now);
        }
        is_among_many
    }

    /// Notes that so many commits are bad at once, if its own was found bad within that time.
    pub(super) fn note_storm(&mut self, now: Timestamp) {
        if is_recent(self.found_bad_at(), now) {
            self.set_of_storm();
        }
    }

    /// From now on a person decides whether its commit is bad.
    pub(super) fn set_of_storm(&mut self) {
        self.resources.values_mut().for_each(|failed| failed.in_storm = true);
    }

    /// Why Bowline does not merge what was found bad in a storm, and what a person does.
    pub fn left_to_a_person(&self) -> String {
        format!(
            "more than {MOST_AT_ONCE} commits were found bad within 10 minutes, so that something they share may have been down, and the \
             commit may be good: a person has to merge it, or close it and release the commit: {}",
            self.each("retry")
        )
    }

    /// Why it is held while so much fails at once.
    pub fn hold(&mut self, now: Timestamp) {
        self.held_at = Some(now);
        self.note_storm(now);
        self.why = Some(format!(
            "held: more than {MOST_AT_ONCE} commits were found bad within 10 minutes, so that something they share may be down"
        ));
    }
}

fn is_recent(at: Timestamp, now: Timestamp) -> bool {
    later(at, STORM) > now
}
