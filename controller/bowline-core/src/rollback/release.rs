//! May what failed be tried again, because a commit says so? And do so many rollouts fail at once that nobody should go back
//! by itself?

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::desired::Retry;
use crate::name::ResourceName;
use crate::plan::{Attempt, AttemptVerdict, Memory, SpecHash};

/// How far a committer's clock may be ahead of ours.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);
/// How many commits may turn out bad in [`OUTAGE_WINDOW`] before nothing is rolled back automatically any more.
const MOST_BAD_COMMITS: usize = 3;
/// The time in which they count.
const OUTAGE_WINDOW: SignedDuration = SignedDuration::from_mins(10);
/// How many services are named where many are held.
const MOST_NAMED: usize = 20;

/// The commits that release a spec.
pub(crate) fn releasing<'a>(retries: &'a [Retry], hash: &'a SpecHash) -> impl Iterator<Item = &'a Retry> {
    retries.iter().filter(|retry| hash.0.starts_with(&retry.spec))
}

/// The commit that releases a spec which failed, if there is one that was not used up.
///
/// Each attempt that Bowline makes uses up all that release its spec by then, and remembers them. Where that was lost, the time
/// tells: a commit from before the attempt had its effect, or never meant it.
pub(crate) fn released<'a>(
    retries: &'a [Retry],
    hash: &'a SpecHash,
    attempt: Option<&Attempt>,
    failed_at: Option<Timestamp>,
    now: Timestamp,
) -> Option<&'a Retry> {
    let failed_at = failed_at.or(attempt.map(|attempt| attempt.at));
    releasing(retries, hash).find(|retry| {
        let used = attempt.is_some_and(|attempt| attempt.aftermath.retries.contains(&retry.commit));
        let remembered = attempt.is_some_and(|attempt| attempt.aftermath.ours);
        let later = failed_at.is_none_or(|failed| retry.committed_at > failed);
        let believable = retry.committed_at.duration_since(now) <= CLOCK_TOLERANCE;
        !used && (remembered || (later && believable))
    })
}

/// So many rollouts of different commits that turned out bad within a short time that a shared dependency is down, rather.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedOutage {
    /// The commits.
    pub commits: BTreeSet<String>,
    /// The services that failed with them.
    pub services: BTreeSet<ResourceName>,
}

impl SharedOutage {
    /// What a person is told of it, and what they can do.
    pub fn sentence(&self) -> String {
        held_for_many(self.commits.len(), &self.services.iter().collect())
    }
}

/// What a person is told where so many commits were found bad at once that rollbacks are held.
pub(crate) fn held_for_many(commits: usize, services: &BTreeSet<&ResourceName>) -> String {
    let named: Vec<&str> = services.iter().take(MOST_NAMED).map(|name| name.as_str()).collect();
    let more = match services.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "rollbacks are held: {commits} commits were found bad within 10 minutes, so that something they share may be down; it is about \
         {}{more}; look for a shared cause, or take one back all the same: `bowline rollback SERVICE`",
        named.join(", ")
    )
}

/// Whether automatic rollback is held, since more than 3 rollouts of different commits turned out bad within 10 minutes.
/// Reverting all of them would not help, and would hide what is wrong.
pub fn shared_outage(memory: &Memory, now: Timestamp) -> Option<SharedOutage> {
    let recent = bad(memory).filter(|(_, _, at)| now.duration_since(*at) <= OUTAGE_WINDOW);
    let (commits, services): (BTreeSet<String>, BTreeSet<ResourceName>) =
        recent.map(|(name, commit, _)| (commit.to_owned(), name.clone())).unzip();
    (commits.len() > MOST_BAD_COMMITS).then_some(SharedOutage { commits, services })
}

/// Whether a rollout that was found bad at this time was one of so many, before it or after it.
pub fn was_shared_outage(memory: &Memory, at: Timestamp) -> bool {
    let within = |from: Timestamp, to: Timestamp| {
        let passed = to.duration_since(from);
        !passed.is_negative() && passed <= OUTAGE_WINDOW
    };
    let windows = bad(memory).map(|(_, _, from)| from).filter(|from| within(*from, at));
    windows.into_iter().any(|from| {
        let commits = bad(memory).filter(|(_, _, other)| within(from, *other)).map(|(_, commit, _)| commit);
        commits.collect::<BTreeSet<_>>().len() > MOST_BAD_COMMITS
    })
}

/// Every rollout that is remembered to have turned out bad: of which service and commit, and when.
fn bad(memory: &Memory) -> impl Iterator<Item = (&ResourceName, &str, Timestamp)> {
    let of_service = |(name, service)| {
        let attempts: &std::collections::BTreeMap<SpecHash, Attempt> = service;
        attempts.values().map(move |attempt| (name, attempt))
    };
    let attempts =
        memory.services.iter().map(|(name, service)| (name, &service.attempts)).flat_map(of_service);
    attempts.filter_map(|(name, attempt)| match &attempt.verdict {
        Some(AttemptVerdict::Bad(_)) => Some((name, attempt.commit.as_str(), attempt.aftermath.ended_at?)),
        _ => None,
    })
}
