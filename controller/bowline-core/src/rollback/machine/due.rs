//! When is the server asked for a pull request again?
//!
//! A pull request that waits for a person may wait for days, and each pass would be an occasion to ask: 240 calls an hour, of the
//! 5,000 that GitHub gives. So it is asked where something that matters changed, and otherwise less and less often. A merge moves the
//! branch that is read, and is asked for at once; only what git does not show (it was closed, pushed to, made a draft) waits for the
//! next look, or for the webhook.

use jiff::{SignedDuration, Timestamp};

use super::state::{LOOK, SETTLE, SOON};
use super::trouble::Lasting;
use super::{GitSeen, Mergeability, Pull, PullSeen, PullState, Rollback, Seen, State, later};
use crate::desired::kind::RollbackStrategy;
use crate::name::CommitId;

/// How long it is asked for each [`LOOK`] after it was opened or last changed: who was called by it reads it now. 40 calls.
const QUICK: SignedDuration = SignedDuration::from_mins(10);
/// The longest pause after that: 12 calls an hour, of the 5,000 that GitHub gives, so that a hundred that wait for people cost a
/// quarter of them. Until then a tenth of the time since the last change: 16 calls in 40 minutes.
const LONGEST: SignedDuration = SignedDuration::from_mins(5);
/// Where Bowline is to merge, it waits for checks, which take minutes: it is asked for each minute, and for an hour, after which a
/// person is told that it takes too long. 50 calls.
const CHECKED: SignedDuration = SignedDuration::from_mins(1);
/// How long that goes on.
const CHECKS: SignedDuration = SignedDuration::from_hours(1);

/// Under what the server was last asked, and what it showed. Not durable: after a restart it is asked at once, or, where a
/// step that failed waits to be tried again, with that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    under: Circumstances,
    shown: Option<Shown>,
    /// How often in a row it showed what is about to change by itself.
    about_to_change: u32,
}

/// What the step after a look depends on, beside the pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Circumstances {
    commit: String,
    git: GitSeen,
    writes: bool,
    strategy: RollbackStrategy,
    storm: bool,
}

/// What people change of a pull request. Not whether it can be merged: that comes and goes with each commit of its base.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Shown {
    head: CommitId,
    base: String,
    is_open: bool,
    is_draft: bool,
    auto_merge: bool,
}

impl Circumstances {
    fn of(seen: &Seen) -> Self {
        Self {
            commit: seen.commit.clone(),
            git: seen.git,
            writes: seen.writes,
            strategy: seen.strategy,
            storm: seen.storm,
        }
    }
}

impl Shown {
    fn of(pull: &Pull) -> Self {
        let (is_open, is_draft, auto_merge) = match pull.state {
            PullState::Open { mergeability, auto_merge } => {
                (true, mergeability == Mergeability::Draft, auto_merge)
            }
            PullState::Closed | PullState::Merged => (false, false, false),
        };
        Self { head: pull.head.clone(), base: pull.base.clone(), is_open, is_draft, auto_merge }
    }
}

impl Rollback {
    /// Whether the server is to be asked for the pull request before [`Rollback::advance`]: it is time, or what the next step
    /// depends on is another than when it was last asked. `seen` is all the rest of what is seen.
    ///
    /// What waits for a step to be tried again is left alone, but for trouble that a person may have ended with a commit.
    pub fn is_due(&self, seen: &Seen, now: Timestamp) -> bool {
        if !self.needs_pull() {
            return false;
        }
        if self.is_resting(now) {
            let by_a_person = self.trouble.as_ref().is_some_and(|trouble| trouble.person);
            let has_moved = |asked: &Asked| asked.under.commit != seen.commit;
            return by_a_person && self.asked.as_ref().is_some_and(has_moved);
        }
        let has_changed = |asked: &Asked| asked.under != Circumstances::of(seen);
        self.look_at <= now || self.asked.as_ref().is_none_or(has_changed)
    }

    /// Notes what the server showed; nothing, where it was not asked.
    pub(super) fn note_asked(&mut self, seen: &Seen, now: Timestamp) {
        let shown = match &seen.pull {
            PullSeen::NotAsked => return,
            PullSeen::None => None,
            PullSeen::There(pull) => Some(Shown::of(pull)),
        };
        let before = self.asked.take();
        let about_to_change = before.as_ref().map(|before| before.about_to_change);
        let about_to_change = about_to_change.filter(|_| is_about_to_change(&seen.pull)).unwrap_or_default();
        // That there is one, or none any more, is another state.
        let known = before.and_then(|before| before.shown);
        if known.zip(shown.as_ref()).is_some_and(|(known, shown)| known != *shown) {
            self.changed_at = Some(now);
        }
        self.asked = Some(Asked { under: Circumstances::of(seen), shown, about_to_change });
    }

    /// Notes that the server was asked and did not answer: under the same circumstances, it is asked again when that is due.
    pub fn asked_in_vain(&mut self, seen: &Seen) {
        let under = Circumstances::of(seen);
        self.asked = Some(match self.asked.take() {
            Some(before) => Asked { under, ..before },
            None => Asked { under, shown: None, about_to_change: 0 },
        });
    }

    /// Something happened that the server may show: it is asked with the next look, unless a step that failed waits for its time.
    pub fn look_now(&mut self, now: Timestamp) {
        if !self.trouble.as_ref().is_some_and(Lasting::is_tried_again) {
            self.look_at = self.look_at.min(now);
        }
    }

    /// When it is looked at again where nothing tells that something changed.
    pub(super) fn next_look(&self, now: Timestamp) -> Timestamp {
        let pause = match self.state {
            State::Converged => SETTLE,
            _ if self.needs_pull() => self.pause(now),
            _ => LOOK,
        };
        later(now, pause)
    }

    /// When it is looked at again where something is about to change by itself, in a moment: the pause doubles each time.
    pub(super) fn soon(&mut self, now: Timestamp) -> Timestamp {
        let longest = self.pause(now);
        let Some(asked) = &mut self.asked else { return later(now, SOON) };
        let pause = SOON.checked_mul(1 << asked.about_to_change.min(16)).unwrap_or(longest);
        asked.about_to_change = asked.about_to_change.saturating_add(1);
        later(now, pause.min(longest))
    }

    fn pause(&self, now: Timestamp) -> SignedDuration {
        let changed_at = self.changed_at.map_or(self.entered_at, |at| at.max(self.entered_at));
        let quiet = now.duration_since(changed_at);
        let merges_itself = self.strategy == RollbackStrategy::AutoMerge
            && !self.is_of_storm()
            && self.branch.as_ref().is_some_and(|branch| branch.merges_itself);
        match quiet {
            quiet if quiet < QUICK => LOOK,
            quiet if merges_itself && quiet < CHECKS => CHECKED,
            quiet => (quiet / 10).min(LONGEST),
        }
    }
}

fn is_about_to_change(pull: &PullSeen) -> bool {
    let PullSeen::There(Pull { state: PullState::Open { mergeability, .. }, .. }) = pull else {
        return false;
    };
    matches!(mergeability, Mergeability::Computing | Mergeability::Behind)
}
