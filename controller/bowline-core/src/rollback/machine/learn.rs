//! What a rollback learns from what is seen before each step.

use jiff::Timestamp;

use super::state::SETTLE;
use super::{
    GitSeen, LiveSeen, Marker, Pull, PullRef, PullSeen, PullState, Rollback, Seen, State, Tried, later,
};
use crate::name::ResourceName;
use crate::plan::{Evidence, SpecHash};

impl Rollback {
    pub(super) fn learn_before_the_merge(&mut self, seen: &Seen, now: Timestamp) {
        let gone_on = seen.git == GitSeen::WantsOther;
        match &seen.pull {
            // What is not proven to be its own tells nothing.
            PullSeen::There(pull) if self.adopt(pull, seen) => {
                self.pull = Some(PullRef::of(pull, self.pull.as_ref()));
                let followed = seen.followed.as_ref().filter(|followed| **followed == pull.head);
                if let Some((branch, followed)) = self.branch.as_mut().zip(followed) {
                    branch.commit = followed.clone();
                }
                match pull.state {
                    // It had no effect, and a person was told: once git says otherwise, it goes on.
                    PullState::Merged if self.merged_at.is_some() && !gone_on => {}
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
            PullSeen::There(_) | PullSeen::None | PullSeen::NotAsked => {}
        }
    }

    /// What became of the pull request while it was to be closed.
    pub(super) fn learn_before_the_close(&mut self, seen: &Seen, now: Timestamp) {
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

    /// Takes up its branch, where that was forgotten and what is seen proves which one it is, and that it was left to a person.
    /// False where none is known.
    fn adopt(&mut self, pull: &Pull, seen: &Seen) -> bool {
        if self.branch.is_none() && seen.proven.is_some() {
            self.branch.clone_from(&seen.proven);
            if Marker::find(&pull.body).is_some_and(|marker| marker.in_storm) {
                self.set_of_storm();
            }
        }
        self.branch.is_some()
    }

    pub(super) fn learn_after_the_merge(&mut self, seen: &Seen, now: Timestamp) {
        if seen.git == GitSeen::WantsFailed && self.went_back_to.is_empty() && self.entered_at < seen.read_at
        {
            self.why = Some(self.without_effect());
            self.enter_because(State::NeedsPerson, now);
        }
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
            LiveSeen::OnItsWay | LiveSeen::Held(_) if self.state == State::Converged => {
                self.enter(State::Merged, now);
            }
            LiveSeen::OnItsWay => self.why = None,
            LiveSeen::Held(reason) => self.why = Some(reason.clone()),
            LiveSeen::AsWanted | LiveSeen::Unknown => {}
        }
    }

    /// Notes that a spec was tried again and failed again while its rollback goes on: that needs no other one. True if it is new.
    pub fn learn_attempt(&mut self, name: &ResourceName, spec_hash: &SpecHash, tried: &Tried) -> bool {
        if self.is_settled() {
            return false;
        }
        let failed = self.resources.get_mut(name).filter(|failed| failed.spec_hash == *spec_hash);
        let Some(failed) = failed else { return false };
        if failed.tried.as_ref().is_some_and(|before| !tried.is_after(before)) {
            return false;
        }
        failed.tried = Some(tried.clone());
        true
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
}
