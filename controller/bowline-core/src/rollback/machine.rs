//! What is the next step of one rollback? What git, its server and live are seen to be in, a [`Step`] out.
//!
//! | file | holds |
//! |---|---|
//! | `rollback` | what is known of one rollback |
//! | `state` | the states, and how long each may last |
//! | `seen` | what is looked at before each step |
//! | `learn` | what is learned from that |
//! | `marker` | by what a pull request is known for a rollback's own |
//! | `due` | when the server is asked for a pull request again |
//! | `merging` | whether an open pull request may be merged, and how |
//! | `noted` | what is noted of a step that was taken |
//! | `person` | what a person is told to do |
//! | `trouble` | what went wrong with a step, and when it is tried again |
//! | `storm` | many bad commits at once: what is held, and that it is told once |
//! | `begin` | which failures begin a rollback, and which join one |
//! | `evidence` | what speaks for a verdict, as text |
//! | `ours` | the part of a pull request's text that is Bowline's |
//! | `quoted` | what others wrote, made inert |
//! | `text` | the pull request, its comment and the commit status, as text |
//!
//! ```text
//! detected -> branch -> pull request -> merged -> converged -> verified
//!     |          |            |-> closed: it stays quarantined
//!     |          |            '-> overtaken: git went on without it
//!     '----------'-> needs a person       (merged: failed, and the next older good commit once)
//! ```
//! Nothing is taken from memory that can be seen: before each step its effect is looked for, so that a step whose answer was
//! lost, or that a crash cut off, is found done. May import `desired`, `plan` and `rollback::revert`. Must not know how
//! anything is read or made.

mod begin;
mod due;
mod evidence;
mod learn;
mod marker;
mod merging;
mod noted;
pub(crate) mod ours;
mod person;
pub(crate) mod quoted;
mod rollback;
mod seen;
mod state;
mod storm;
mod text;
mod trouble;

use jiff::Timestamp;

use crate::desired::kind::RollbackStrategy;
use crate::name::CommitId;

pub use begin::{
    Candidate, Failure, Standing, begin, came_back, failed_rollback, fresh, good_commit, new_id,
    newest_change, pinned_secrets, replaced, standing, wanted, wanted_digest,
};
pub use due::Asked;
pub use marker::{Marker, own};
pub use merging::{MergeMethod, Merging, merging};
pub use ours::renewed;
pub use person::NotRolledBack;
pub use rollback::{Branch, FailedSpec, PullRef, Rollback, Tried};
pub use seen::{GitSeen, LiveSeen, Mergeability, Pull, PullSeen, PullState, Seen};
pub use state::State;
pub use storm::{Storm, is_storm, is_storm_with, untold_storm};
pub use text::{body, comment, comment_marker, status, status_context, title};
pub use trouble::{Trouble, TroubleKind};

use state::{REFUSED, UPDATE};

/// The next thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Make the revert on top of the head, and push it as a new branch.
    Push,
    /// Open the pull request; there is none for the branch.
    OpenPull,
    /// Merge the pull request, if its head is what was pushed.
    Merge {
        /// Its number.
        number: u64,
        /// The commit that its head has to be.
        expected: CommitId,
    },
    /// Let the server merge it once the branch's rules allow, if its head is what was pushed.
    EnableAutoMerge {
        /// The pull request as GraphQL knows it.
        node_id: String,
        /// The commit that its head has to be.
        expected: CommitId,
    },
    /// Let the server not merge it by itself any more: by now Bowline may not merge it.
    DisableAutoMerge {
        /// The pull request as GraphQL knows it.
        node_id: String,
    },
    /// Let the server merge its base into the branch, if its head is what was pushed: the branch's rules ask for that.
    UpdateBranch {
        /// The pull request's number.
        number: u64,
        /// The commit that its head has to be.
        expected: CommitId,
    },
    /// Close the pull request: git went on without it.
    Close {
        /// Its number.
        number: u64,
    },
    /// Write labels, reviewers, the comment and what is said of the bad commit; without a pull request the last alone.
    Tell {
        /// The pull request's number; absent while there is none.
        number: Option<u64>,
    },
    /// Nothing before [`Rollback::look_at`], unless something happens.
    Rest,
}

impl Step {
    /// Whether it makes the revert or leads it on toward the branch that is read: only right while that is where it was read.
    pub fn needs_head(&self) -> bool {
        matches!(self, Self::Push | Self::OpenPull | Self::Merge { .. } | Self::EnableAutoMerge { .. })
    }

    /// The label in metrics and logs; stable.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::OpenPull => "open-pull",
            Self::Merge { .. } => "merge",
            Self::EnableAutoMerge { .. } => "auto-merge",
            Self::DisableAutoMerge { .. } => "no-auto-merge",
            Self::UpdateBranch { .. } => "update-branch",
            Self::Close { .. } => "close",
            Self::Tell { .. } => "tell",
            Self::Rest => "rest",
        }
    }
}

impl Rollback {
    /// Takes in what is seen, and says what to do next.
    pub fn advance(&mut self, seen: &Seen, now: Timestamp) -> Step {
        let is_due = self.is_due(seen, now);
        if seen.storm && !self.is_settled() {
            self.note_storm(now);
        }
        self.note_asked(seen, now);
        match self.state {
            State::Detected | State::Branch | State::PullRequest | State::NeedsPerson => {
                self.learn_before_the_merge(seen, now);
            }
            State::Merged | State::Converged => self.learn_after_the_merge(seen, now),
            State::Overtaken if self.to_close => self.learn_before_the_close(seen, now),
            State::Verified | State::Closed | State::Overtaken | State::Failed => {}
        }
        if self.is_resting(now) && !is_due {
            return self.tell_meanwhile(seen, now);
        }
        let step = self.next(seen, now);
        let unseen = seen.github && self.needs_pull() && seen.pull == PullSeen::NotAsked;
        if !unseen && self.trouble.as_ref().is_some_and(|trouble| trouble.is_gone(&step, seen)) {
            self.trouble = None;
        }
        if step == Step::Rest && self.look_at <= now {
            self.look_at = self.next_look(now);
        }
        step
    }

    fn next(&mut self, seen: &Seen, now: Timestamp) -> Step {
        match self.state {
            State::Detected | State::Branch if self.allowed(seen) == RollbackStrategy::None => {
                self.why = Some(
                    "held: by now the manifest, the Target's mode or Bowline's own configuration allows no rollback"
                        .to_owned(),
                );
                self.tell(seen, now)
            }
            State::Detected if seen.storm => {
                self.hold(now);
                self.tell(seen, now)
            }
            State::Detected if seen.github && seen.pull == PullSeen::NotAsked => Step::Rest,
            // What may not be acted from is no reason to change anything.
            State::Detected if seen.git != GitSeen::WantsFailed => Step::Rest,
            State::Detected => Step::Push,
            State::Branch if !seen.github => {
                let name = self.branch.as_ref().map_or("", |branch| &branch.name);
                self.why = Some(format!(
                    "the revert is on the branch {name}, and no `github` is configured to open a pull request: merge it by hand"
                ));
                self.enter_because(State::NeedsPerson, now);
                Step::Rest
            }
            State::Branch if seen.pull == PullSeen::None && seen.git == GitSeen::WantsFailed => {
                Step::OpenPull
            }
            State::PullRequest => self.merge(seen, now).unwrap_or_else(|| self.tell(seen, now)),
            State::Branch => Step::Rest,
            State::Overtaken if self.to_close => match &seen.pull {
                PullSeen::There(pull) if seen.writes => Step::Close { number: pull.number },
                PullSeen::There(_) | PullSeen::NotAsked | PullSeen::None => Step::Rest,
            },
            State::NeedsPerson
            | State::Merged
            | State::Converged
            | State::Verified
            | State::Closed
            | State::Overtaken
            | State::Failed => self.tell(seen, now),
        }
    }

    /// How far it may go: as far as when it began, and no further than now; of many at once, no further than the pull request.
    fn allowed(&self, seen: &Seen) -> RollbackStrategy {
        let most =
            if self.is_of_storm() { RollbackStrategy::PullRequest } else { RollbackStrategy::AutoMerge };
        self.strategy.min(seen.strategy).min(most)
    }

    /// The step that merges the pull request, where Bowline may; or that keeps the server from it, where Bowline may not any
    /// more.
    fn merge(&mut self, seen: &Seen, now: Timestamp) -> Option<Step> {
        let PullSeen::There(pull) = &seen.pull else { return None };
        // Where somebody turned it off, what is turned on again is not ours.
        self.armed &= matches!(pull.state, PullState::Open { auto_merge: true, .. });
        let branch = self.branch.as_ref()?;
        if !seen.writes {
            self.why = Some(observed(pull));
            return None;
        }
        let expected = branch.commit.clone();
        let base = self.pull.as_ref().and_then(|pull| pull.base.as_deref());
        let merging = match merging(pull, base, &expected, branch.merges_itself) {
            Merging::Person(_) if !branch.not_moved_back.is_empty() => {
                Merging::Person(not_moved_back(pull, &branch.not_moved_back))
            }
            merging => merging,
        };
        let allowed = self.allowed(seen) == RollbackStrategy::AutoMerge;
        let by_hand = matches!(merging, Merging::Person(_) | Merging::Conflict);
        if (!allowed || seen.storm || by_hand) && self.has_armed(pull) {
            return Some(Step::DisableAutoMerge { node_id: pull.node_id.clone() });
        }
        if self.strategy != RollbackStrategy::AutoMerge {
            self.why = None;
            return None;
        }
        if seen.git != GitSeen::WantsFailed {
            return None;
        }
        if self.is_of_storm() {
            self.why = Some(format!("held: {}", self.left_to_a_person()));
            return None;
        }
        if !allowed {
            self.why = Some(
                "held: by now the manifest, the Target's mode or Bowline's own configuration wants a person to merge"
                    .to_owned(),
            );
            return None;
        }
        let (step, why) = match merging {
            Merging::Person(why) => (None, Some(why)),
            Merging::Conflict => (None, Some(self.in_conflict(pull))),
            _ if seen.storm => {
                (None, Some("held: more than 3 commits were found bad within 10 minutes".to_owned()))
            }
            Merging::ByItself => {
                (None, Some("the server merges it once the branch's rules allow".to_owned()))
            }
            Merging::Merge => (Some(Step::Merge { number: pull.number, expected }), None),
            Merging::Update if self.updated_at.is_none_or(|at| later(at, UPDATE) <= now) => {
                (Some(Step::UpdateBranch { number: pull.number, expected }), None)
            }
            Merging::EnableAutoMerge => {
                let refused = self.auto_merge_refused_at.is_some_and(|at| later(at, REFUSED) > now);
                let step = Step::EnableAutoMerge { node_id: pull.node_id.clone(), expected };
                let step = (!refused).then_some(step);
                self.armed = step.is_some();
                (step, self.why.clone().filter(|_| refused))
            }
            Merging::Soon | Merging::Update => {
                self.look_at = self.soon(now);
                (None, None)
            }
            Merging::Done => (None, None),
        };
        self.why = why;
        step
    }

    /// Whether Bowline let the server merge it: it is remembered, or whoever opened it did, and that was no person at a shell.
    fn has_armed(&self, pull: &Pull) -> bool {
        let pushed = self.branch.as_ref().is_some_and(|branch| !branch.message.is_empty());
        let by_controller =
            pushed || Marker::find(&pull.body).is_some_and(|marker| marker.rollback.is_some());
        self.armed || pull.armed_by_author && by_controller
    }

    fn in_conflict(&self, pull: &Pull) -> String {
        format!(
            "it is in conflict with {} by now: resolve that at {}, or close it and make another one: {}",
            pull.base,
            pull.url,
            self.each("rollback")
        )
    }

    fn tell(&self, seen: &Seen, now: Timestamp) -> Step {
        if seen.github && seen.writes && self.is_to_be_told() && self.tell_at.is_none_or(|at| at <= now) {
            Step::Tell { number: self.pull.as_ref().map(|pull| pull.number) }
        } else {
            Step::Rest
        }
    }

    /// While a step that failed waits for a person, and there is no pull request to look at: the bad commit says so.
    fn tell_meanwhile(&self, seen: &Seen, now: Timestamp) -> Step {
        let waits = self.trouble.as_ref().is_some_and(|trouble| trouble.person);
        if self.pull.is_none() && waits { self.tell(seen, now) } else { Step::Rest }
    }
}

/// Why a person merges what takes back a secret that stays as it is.
fn not_moved_back(pull: &Pull, why: &[String]) -> String {
    format!("a person has to read it at {} and merge or close it: {}", pull.url, why.join("; "))
}

/// Why nothing is done, not even at the server.
fn observed(pull: &Pull) -> String {
    let armed = match pull.state {
        PullState::Open { auto_merge: true, .. } => {
            format!(
                "; the server still merges it by itself: if it is not to, turn auto-merge off at {}",
                pull.url
            )
        }
        PullState::Open { .. } | PullState::Closed | PullState::Merged => String::new(),
    };
    format!(
        "held: by now a Target is in the mode observe, in which nothing is written, at the server neither{armed}"
    )
}

fn later(at: Timestamp, by: jiff::SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(at)
}

#[cfg(test)]
mod tests;
