//! What went wrong with a step, and when it is tried again.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{PullSeen, Seen, Step, later};

/// The first pause after something that passes by itself; it doubles each time.
const FIRST: SignedDuration = SignedDuration::from_secs(2);
/// The longest pause: an hour without a server costs 60 calls.
pub(super) const LONGEST: SignedDuration = SignedDuration::from_mins(1);
/// The pause where a person has to do something: soon enough once they have.
const PERSON: SignedDuration = SignedDuration::from_mins(5);

/// What went wrong with a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Who or what can help.
    pub kind: TroubleKind,
    /// What went wrong, as a sentence.
    pub sentence: String,
    /// What to do about it.
    pub hint: String,
}

/// Who or what can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TroubleKind {
    /// It passes by itself, or looking again tells more.
    Passing,
    /// It passes at a time that is known.
    Until(Timestamp),
    /// A person.
    Person,
}

impl fmt::Display for Trouble {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.sentence, self.hint)
    }
}

/// Trouble that lasts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lasting {
    /// The label of the step that came to nothing; that of [`Step::Rest`] for a look. Absent in what an earlier version stored.
    #[serde(default)]
    pub step: String,
    /// What went wrong last, as a sentence.
    pub sentence: String,
    /// What to do about it.
    pub hint: String,
    /// When it began.
    pub since: Timestamp,
    /// How often it happened.
    pub times: u32,
    /// Whether a person has to do something.
    pub person: bool,
    /// When it passes, where that is known.
    pub until: Option<Timestamp>,
}

impl Lasting {
    pub(super) fn after(before: Option<Self>, step: &Step, trouble: &Trouble, now: Timestamp) -> Self {
        let (since, times) = before.map_or((now, 0), |before| (before.since, before.times));
        Self {
            step: step.label().to_owned(),
            sentence: trouble.sentence.clone(),
            hint: trouble.hint.clone(),
            since,
            times: times.saturating_add(1),
            person: trouble.kind == TroubleKind::Person,
            until: match trouble.kind {
                TroubleKind::Until(until) => Some(until),
                TroubleKind::Passing | TroubleKind::Person => None,
            },
        }
    }

    /// Whether it was a step of this kind that came to nothing.
    pub(super) fn is_of(&self, step: &Step) -> bool {
        self.step == step.label()
    }

    /// Whether the step waits to be tried again. What only a person can let Bowline tell does not, and holds nothing up.
    pub(super) fn is_tried_again(&self) -> bool {
        !(self.person && self.is_of(&Step::Tell { number: None }))
    }

    /// Whether what went wrong is seen to be over: a look succeeded, or another step is due. What could not be told is not seen.
    pub(super) fn is_gone(&self, step: &Step, seen: &Seen) -> bool {
        if self.is_of(&Step::Tell { number: None }) {
            return false;
        }
        if self.is_of(&Step::Rest) { seen.pull != PullSeen::NotAsked } else { !self.is_of(step) }
    }

    /// When the step is tried again.
    pub(super) fn again_at(&self, now: Timestamp) -> Timestamp {
        let doubled = i32::try_from(self.times.saturating_sub(1).min(10)).unwrap_or(10);
        let pause =
            if self.person { PERSON } else { (FIRST * 2_i32.pow(doubled.unsigned_abs())).min(LONGEST) };
        let after_pause = later(now, pause);
        self.until.map_or(after_pause, |until| until.max(later(now, FIRST)))
    }
}
