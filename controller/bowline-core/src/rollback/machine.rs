//! What is the next step of one rollback? What git, its server and live are seen to be in, a [`Step`] out.
//!
//! | file | holds |
//! |---|---|
//! | `state` | the states, and how long each may last |
//! | `seen` | what is looked at before each step |
//! | `merging` | whether an open pull request may be merged, and how |
//! | `trouble` | what went wrong with a step, and when it is tried again |
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
mod evidence;
mod merging;
pub(crate) mod ours;
pub(crate) mod quoted;
mod seen;
mod state;
mod text;
mod trouble;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::desired::kind::RollbackStrategy;
use crate::name::{CommitId, ResourceName};
use crate::plan::{Evidence, SpecHash};

pub use begin::{
    Candidate, Standing, begin, came_back, failed_rollback, fresh, good_commit, is_storm, standing, wanted,
    wanted_digest,
};
pub use merging::{Merging, merging};
pub use ours::renewed;
pub use seen::{GitSeen, LiveSeen, Mergeability, Pull, PullSeen, PullState, Seen};
pub use state::State;
pub use text::{COMMENT_MARKER, Marker, STATUS_CONTEXT, body, comment, status, title};
pub use trouble::{Trouble, TroubleKind};

use state::{LOOK, SETTLE, SOON};
use trouble::Lasting;

/// One rollback: for one bad commit, from the bad verdict to the verified repair. All of it is durable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rollback {
    /// Its id, also that of its incident: the first 12 digits of the bad commit, and a number.
    pub id: String,
    /// The newest commit that is taken back.
    pub bad_commit: CommitId,
    /// The first line of its message.
    pub subject: String,
    /// The services that failed with it.
    pub resources: BTreeMap<ResourceName, FailedSpec>,
    /// How far it goes by itself.
    pub strategy: RollbackStrategy,
    /// The rollback that failed before this one, if one did.
    pub after: Option<String>,
    /// When the bad verdict was seen.
    pub opened_at: Timestamp,
    /// Where it is.
    pub state: State,
    /// Since when.
    pub entered_at: Timestamp,
    /// When it is looked at again, unless something happens before.
    pub look_at: Timestamp,
    /// The branch, once it is pushed.
    pub branch: Option<Branch>,
    /// The pull request, once there is one.
    pub pull: Option<PullRef>,
    /// Why it does not go on by itself, as a sentence.
    pub why: Option<String>,
    /// Digests of what git wanted of its services when the merge was first seen: what it went back to.
    #[serde(default)]
    pub went_back_to: BTreeMap<ResourceName, String>,
    /// Whether its pull request is still to be closed: the server may merge it by itself, whatever git wants by now.
    #[serde(default)]
    pub to_close: bool,
    /// What went wrong with the last step.
    pub trouble: Option<Lasting>,
    /// The comment that was last written, so that it is written once.
    pub told: Option<String>,
    /// Whether it was told that the present state lasts too long.
    pub overdue_told: bool,
}

/// What failed, and what is known of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FailedSpec {
    /// What was deployed.
    pub spec_hash: SpecHash,
    /// Digest of what git wanted, without what only live can tell.
    pub wanted: String,
    /// The verdict's reason, as a sentence.
    pub reason: String,
    /// What is known of the attempt, a line each.
    #[serde(default)]
    pub attempt: Vec<String>,
    /// What speaks for the verdict; absent where only ECS's history knows of the attempt.
    #[serde(default)]
    pub evidence: Option<Box<Evidence>>,
    /// What git wanted that live did not have, a line each; values by their length.
    pub differences: Vec<String>,
    /// The commit with which it was last good, if one is known.
    pub good: Option<CommitId>,
}

/// The branch with the revert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Branch {
    /// Its name, without `refs/heads/`.
    pub name: String,
    /// The commit that it was pushed with: nothing else is ever merged.
    pub commit: CommitId,
    /// Whether it may be merged without a person, as far as its content goes.
    pub merges_itself: bool,
    /// The services whose failing spec it takes back.
    pub covers: BTreeSet<ResourceName>,
    /// What was taken back, a line each.
    pub parts: Vec<String>,
    /// The message of the commit.
    pub message: String,
}

/// A pull request, as a person finds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullRef {
    /// Its number.
    pub number: u64,
    /// Its page.
    pub url: String,
}

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
    /// Close the pull request: git went on without it.
    Close {
        /// Its number.
        number: u64,
    },
    /// Write labels, reviewers, the comment and what is said of the bad commit.
    Tell {
        /// The pull request's number.
        number: u64,
    },
    /// Nothing before [`Rollback::look_at`], unless something happens.
    Rest,
}

impl Step {
    /// The label in metrics and logs; stable.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::OpenPull => "open-pull",
            Self::Merge { .. } => "merge",
            Self::EnableAutoMerge { .. } => "auto-merge",
            Self::Close { .. } => "close",
            Self::Tell { .. } => "tell",
            Self::Rest => "rest",
        }
    }
}

impl Rollback {
    /// One that was just detected: nothing has been done about it.
    pub fn detected(
        id: String,
        (bad_commit, subject): (CommitId, String),
        resources: BTreeMap<ResourceName, FailedSpec>,
        strategy: RollbackStrategy,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            bad_commit,
            subject,
            resources,
            strategy,
            after: None,
            opened_at: now,
            state: State::Detected,
            entered_at: now,
            look_at: now,
            branch: None,
            pull: None,
            why: None,
            went_back_to: BTreeMap::new(),
            to_close: false,
            trouble: None,
            told: None,
            overdue_told: false,
        }
    }

    /// Whether the server has to be asked for the pull request before [`Rollback::advance`].
    pub fn needs_pull(&self) -> bool {
        self.to_close
            || matches!(self.state, State::Detected | State::Branch | State::PullRequest | State::NeedsPerson)
    }

    /// Whether nothing is left to do or to say.
    pub fn is_over(&self, github: bool) -> bool {
        self.state.is_last() && !(github && (self.to_close || self.is_to_be_told()))
    }

    /// Whether somebody waits for a step that failed to be tried again.
    pub fn is_resting(&self, now: Timestamp) -> bool {
        self.trouble.is_some() && now < self.look_at
    }

    /// Takes in what is seen, and says what to do next.
    pub fn advance(&mut self, seen: &Seen, now: Timestamp) -> Step {
        match self.state {
            State::Detected | State::Branch | State::PullRequest | State::NeedsPerson => {
                self.learn_before_the_merge(seen, now);
            }
            State::Merged | State::Converged => self.learn_after_the_merge(seen, now),
            State::Overtaken if self.to_close => self.learn_before_the_close(seen, now),
            State::Verified | State::Closed | State::Overtaken | State::Failed => {}
        }
        if self.is_resting(now) {
            return Step::Rest;
        }
        let step = self.next(seen, now);
        if step == Step::Rest && self.look_at <= now {
            self.look_at = later(now, if self.state == State::Converged { SETTLE } else { LOOK });
        }
        step
    }

    fn learn_before_the_merge(&mut self, seen: &Seen, now: Timestamp) {
        let gone_on = seen.git == GitSeen::WantsOther;
        match &seen.pull {
            PullSeen::There(pull) => {
                self.pull = Some(PullRef { number: pull.number, url: pull.url.clone() });
                self.adopt(pull);
                match pull.state {
                    PullState::Merged => self.enter(State::Merged, now),
                    PullState::Closed => self.enter(State::Closed, now),
                    PullState::Open { .. } if gone_on => {
                        self.enter(State::Overtaken, now);
                        self.to_close = true;
                    }
                    PullState::Open { .. } if self.state != State::PullRequest => {
                        self.enter(State::PullRequest, now);
                    }
                    PullState::Open { .. } => {}
                }
            }
            PullSeen::None if gone_on => self.enter(State::Overtaken, now),
            PullSeen::None if self.state == State::PullRequest => self.enter(State::Branch, now),
            // Without a server that tells, git alone says how it ended.
            PullSeen::NotAsked if gone_on && !seen.github => {
                let merged = self.branch.is_some();
                self.enter(if merged { State::Merged } else { State::Overtaken }, now);
            }
            PullSeen::None | PullSeen::NotAsked => {}
        }
    }

    /// What became of the pull request while it was to be closed.
    fn learn_before_the_close(&mut self, seen: &Seen, now: Timestamp) {
        match &seen.pull {
            // It was merged first: what came of that is followed.
            PullSeen::There(pull) if pull.state == PullState::Merged => {
                self.to_close = false;
                self.enter(State::Merged, now);
            }
            PullSeen::There(pull) => self.to_close = pull.state != PullState::Closed,
            PullSeen::None => self.to_close = false,
            PullSeen::NotAsked => {}
        }
    }

    /// What the pull request's own text says of its branch, where that was forgotten.
    fn adopt(&mut self, pull: &Pull) {
        if self.branch.is_some() {
            return;
        }
        let marker = Marker::find(&pull.body).filter(|marker| marker.bad_commit == self.bad_commit);
        self.branch = Some(Branch {
            name: pull.branch.clone(),
            commit: marker.as_ref().map_or_else(|| pull.head.clone(), |marker| marker.commit.clone()),
            merges_itself: marker.is_some_and(|marker| marker.merges_itself),
            covers: self.resources.keys().cloned().collect(),
            parts: Vec::new(),
            message: String::new(),
        });
    }

    fn learn_after_the_merge(&mut self, seen: &Seen, now: Timestamp) {
        if seen.git != GitSeen::WantsOther {
            return;
        }
        if self.went_back_to.is_empty() {
            self.went_back_to.clone_from(&seen.wanted);
        }
        match &seen.live {
            LiveSeen::WentOn(reason) => {
                self.why = Some(reason.clone());
                self.enter_because(State::Overtaken, now);
            }
            LiveSeen::Bad(reason) => {
                self.why = Some(reason.clone());
                self.enter_because(State::Failed, now);
            }
            LiveSeen::AsWanted if self.state == State::Merged => self.enter(State::Converged, now),
            LiveSeen::AsWanted if later(self.entered_at, SETTLE) <= now => self.enter(State::Verified, now),
            LiveSeen::OnItsWay if self.state == State::Converged => self.enter(State::Merged, now),
            LiveSeen::AsWanted | LiveSeen::OnItsWay | LiveSeen::Unknown => {}
        }
    }

    fn next(&mut self, seen: &Seen, now: Timestamp) -> Step {
        match self.state {
            State::Detected | State::Branch if self.allowed(seen) == RollbackStrategy::None => {
                self.why = Some(
                    "held: by now the manifest, the Target's mode or Bowline's own configuration allows no rollback"
                        .to_owned(),
                );
                Step::Rest
            }
            State::Detected if seen.storm => {
                self.why = Some(
                    "held: more than 3 commits were found bad within 10 minutes, so that something they share may be down"
                        .to_owned(),
                );
                Step::Rest
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
            State::Branch if seen.pull == PullSeen::None => Step::OpenPull,
            State::PullRequest => self.merge(seen, now).unwrap_or_else(|| self.tell(seen)),
            State::Branch => Step::Rest,
            State::Overtaken if self.to_close => match &seen.pull {
                PullSeen::There(pull) => Step::Close { number: pull.number },
                PullSeen::NotAsked | PullSeen::None => Step::Rest,
            },
            State::NeedsPerson
            | State::Merged
            | State::Converged
            | State::Verified
            | State::Closed
            | State::Overtaken
            | State::Failed => self.tell(seen),
        }
    }

    /// How far it may go: as far as when it began, and no further than now.
    fn allowed(&self, seen: &Seen) -> RollbackStrategy {
        self.strategy.min(seen.strategy)
    }

    /// The step that merges the pull request, where Bowline may.
    fn merge(&mut self, seen: &Seen, now: Timestamp) -> Option<Step> {
        let PullSeen::There(pull) = &seen.pull else { return None };
        let branch = self.branch.as_ref()?;
        if self.strategy != RollbackStrategy::AutoMerge || seen.git != GitSeen::WantsFailed {
            return None;
        }
        if self.allowed(seen) != RollbackStrategy::AutoMerge {
            self.why = Some(
                "held: by now the manifest, the Target's mode or Bowline's own configuration wants a person to merge"
                    .to_owned(),
            );
            return None;
        }
        let expected = branch.commit.clone();
        let (step, why) = match merging(pull, &expected, branch.merges_itself) {
            Merging::Person(why) => (None, Some(why)),
            _ if seen.storm => {
                (None, Some("held: more than 3 commits were found bad within 10 minutes".to_owned()))
            }
            Merging::ByItself => {
                (None, Some("the server merges it once the branch's rules allow".to_owned()))
            }
            Merging::Merge => (Some(Step::Merge { number: pull.number, expected }), None),
            Merging::EnableAutoMerge => {
                (Some(Step::EnableAutoMerge { node_id: pull.node_id.clone(), expected }), None)
            }
            Merging::Soon => {
                self.look_at = later(now, SOON);
                (None, None)
            }
            Merging::Done => (None, None),
        };
        if why.is_some() {
            self.why = why;
        }
        step
    }

    fn tell(&self, seen: &Seen) -> Step {
        match &self.pull {
            Some(pull) if seen.github && self.is_to_be_told() => Step::Tell { number: pull.number },
            Some(_) | None => Step::Rest,
        }
    }

    fn is_to_be_told(&self) -> bool {
        self.pull.is_some() && self.told.as_deref() != Some(comment(self).as_str())
    }

    /// Notes the branch that was pushed.
    pub fn pushed(&mut self, branch: Branch, now: Timestamp) {
        self.branch = Some(branch);
        self.enter(State::Branch, now);
    }

    /// Notes that the head has the revert already.
    pub fn reverted_already(&mut self, now: Timestamp) {
        self.enter(State::Merged, now);
    }

    /// Notes that there is nothing that could be reverted, with the reason as a sentence.
    pub fn cannot(&mut self, why: String, now: Timestamp) {
        self.why = Some(why);
        self.enter_because(State::NeedsPerson, now);
    }

    /// Notes that the pull request is open.
    pub fn opened(&mut self, pull: &Pull, now: Timestamp) {
        self.pull = Some(PullRef { number: pull.number, url: pull.url.clone() });
        self.enter(State::PullRequest, now);
    }

    /// Notes that the server took the order to merge; whether it did is seen next.
    pub fn merge_asked(&mut self, now: Timestamp) {
        self.trouble = None;
        self.why = None;
        self.look_at = now;
    }

    /// Notes that the server closed the pull request.
    pub fn has_closed(&mut self) {
        self.trouble = None;
        self.to_close = false;
    }

    /// Notes what was told.
    pub fn has_told(&mut self) {
        self.trouble = None;
        self.told = Some(comment(self));
    }

    /// Notes what went wrong with a step, and when it is tried again. What only decorates the pull request is not tried
    /// again where only a person can help.
    pub fn troubled(&mut self, step: &Step, trouble: &Trouble, now: Timestamp) {
        let lasting = Lasting::after(self.trouble.take(), trouble, now);
        match step {
            Step::Tell { .. } if trouble.kind == TroubleKind::Person => {
                self.told = Some(comment(self));
                self.why = Some(trouble.to_string());
            }
            Step::EnableAutoMerge { .. } if trouble.kind == TroubleKind::Person => {
                // It may be merged in another way any time: it is watched on, and this is asked again with each look.
                self.why = Some(trouble.to_string());
                self.look_at = later(now, LOOK);
                self.trouble = Some(lasting);
            }
            _ => {
                self.look_at = lasting.again_at(now);
                self.trouble = Some(lasting);
            }
        }
    }

    /// Lets services join that failed with the same commit.
    pub fn join(
        &mut self,
        services: impl IntoIterator<Item = (ResourceName, FailedSpec)>,
        strategy: RollbackStrategy,
    ) {
        self.resources.extend(services);
        self.strategy = self.strategy.min(strategy);
    }

    /// Adds what was read only after the rollback began, such as tasks that stopped. True if anything is new.
    pub fn learn_evidence(&mut self, name: &ResourceName, spec_hash: &SpecHash, evidence: &Evidence) -> bool {
        let failed = self.resources.get_mut(name).filter(|failed| failed.spec_hash == *spec_hash);
        let Some(failed) = failed else { return false };
        // What was known once is not known less well later.
        let is_complete = failed.evidence.as_ref().is_some_and(|known| known.tasks.is_some());
        if is_complete || failed.evidence.as_deref() == Some(evidence) {
            return false;
        }
        failed.evidence = Some(Box::new(evidence.clone()));
        true
    }

    /// Whether it is about this spec of this service.
    pub fn is_about(&self, name: &ResourceName, spec_hash: &SpecHash) -> bool {
        self.resources.get(name).is_some_and(|failed| failed.spec_hash == *spec_hash)
    }

    /// True once, when the present state lasts longer than it should: a person is told.
    pub fn overdue(&mut self, now: Timestamp) -> bool {
        let is_late = self.deadline().is_some_and(|deadline| deadline <= now);
        let first = is_late && !self.overdue_told;
        self.overdue_told |= is_late;
        first
    }

    /// When the present state has lasted too long; none where it waits for nothing.
    pub fn deadline(&self) -> Option<Timestamp> {
        let auto = self.strategy == RollbackStrategy::AutoMerge;
        self.state.may_last(auto).map(|allowed| later(self.entered_at, allowed))
    }

    fn enter(&mut self, state: State, now: Timestamp) {
        self.why = None;
        self.enter_because(state, now);
    }

    fn enter_because(&mut self, state: State, now: Timestamp) {
        self.state = state;
        self.entered_at = now;
        self.look_at = now;
        self.trouble = None;
        self.overdue_told = false;
    }
}

fn later(at: Timestamp, by: jiff::SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(at)
}

#[cfg(test)]
mod tests;
