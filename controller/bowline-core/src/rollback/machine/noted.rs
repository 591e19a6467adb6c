//! What a rollback notes of a step that was taken, or that failed.

use jiff::Timestamp;

use super::state::{LOOK, SOON};
use super::trouble::{LONGEST, Lasting};
use super::{Branch, Pull, PullRef, Rollback, State, Step, Trouble, TroubleKind, comment, later, status};
use crate::name::CommitId;

impl Rollback {
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

    /// Notes the same where it is only that the history ends too early, at a commit: it may reach further back later.
    pub fn cannot_yet(&mut self, edge: CommitId, why: String, now: Timestamp) {
        self.cannot(why, now);
        self.cut_off = Some(edge);
    }

    /// Notes that the pull request is open.
    pub fn opened(&mut self, pull: &Pull, now: Timestamp) {
        self.pull = Some(PullRef::of(pull, None));
        self.enter(State::PullRequest, now);
    }

    /// Notes that the server took the order to merge; whether it did is seen next.
    pub fn merge_asked(&mut self, now: Timestamp) {
        self.trouble = None;
        self.why = None;
        self.look_at = now;
    }

    /// Notes that the server does not merge it by itself any more.
    pub fn disarmed(&mut self, now: Timestamp) {
        self.armed = false;
        self.trouble = None;
        self.look_at = now;
    }

    /// Notes that the server was asked to bring the branch up to date; whether it did is seen next.
    pub fn update_asked(&mut self, now: Timestamp) {
        self.trouble = None;
        self.updated_at = Some(now);
        self.look_at = later(now, SOON);
    }

    /// Notes that the branch that is read moved since it was looked at: what it says by now is read before anything is merged, and
    /// is another commit, so that the server is asked again as well.
    pub fn base_moved(&mut self, now: Timestamp) {
        self.look_at = later(now, LOOK);
    }

    /// Notes that the server closed the pull request.
    pub fn has_closed(&mut self) {
        self.trouble = None;
        self.to_close = false;
    }

    /// Notes what was told.
    pub fn has_told(&mut self) {
        self.trouble = self.trouble.take().filter(|trouble| !trouble.is_of(&Step::Tell { number: None }));
        self.tell_at = None;
        if self.pull.is_some() {
            self.told = Some(comment(self));
        } else {
            self.convicted = Some(status(self));
        }
    }

    /// Notes what went wrong with a step, and when it is tried again. What only decorates the pull request is not tried
    /// again where only a person can help.
    pub fn troubled(&mut self, step: &Step, trouble: &Trouble, now: Timestamp) {
        if let Step::Tell { number: None } = step {
            return self.not_convicted(trouble, now);
        }
        let lasting = Lasting::after(self.trouble.take(), step, trouble, now);
        match step {
            Step::Tell { .. } if trouble.kind == TroubleKind::Person => self.told = Some(comment(self)),
            Step::EnableAutoMerge { .. } if trouble.kind == TroubleKind::Person => {
                // Whatever the words: how it is by now decides. Where it can be merged, it is merged plainly; else it waits.
                self.auto_merge_refused_at = Some(now);
                self.why = Some(trouble.to_string());
                self.look_at = later(now, SOON);
            }
            _ => self.look_at = lasting.again_at(now),
        }
        self.trouble = Some(lasting);
    }

    /// What could not be said of the bad commit hides nothing else that is wrong, and holds nothing up.
    fn not_convicted(&mut self, trouble: &Trouble, now: Timestamp) {
        match trouble.kind {
            TroubleKind::Person => self.convicted = Some(status(self)),
            TroubleKind::Until(until) => self.tell_at = Some(until),
            TroubleKind::Passing => self.tell_at = Some(later(now, LONGEST)),
        }
    }
}
