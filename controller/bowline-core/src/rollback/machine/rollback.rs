//! What is known of one rollback. All of it is durable.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::state::{CLOSE, KEPT};
use super::trouble::Lasting;
use super::{Asked, MergeMethod, Pull, State, comment, later, status};
use crate::desired::kind::RollbackStrategy;
use crate::name::{CommitId, InstanceName, ResourceName, SecretVersionId};
use crate::plan::{Evidence, SpecHash};

/// One rollback: for one bad commit, from the bad verdict to the verified repair. All of it is durable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rollback {
    /// Its id, also that of its incident: the first 12 digits of the bad commit, and a number.
    pub id: String,
    /// The Bowline whose it is.
    #[serde(default)]
    pub instance: InstanceName,
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
    /// When the revert was first seen merged, or on the branch already: it changes git no more since.
    #[serde(default)]
    pub merged_at: Option<Timestamp>,
    /// When the server was last asked to bring the branch up to date.
    #[serde(default)]
    pub updated_at: Option<Timestamp>,
    /// Whether the server was last asked to merge it by itself, and was not seen not to.
    #[serde(default)]
    pub armed: bool,
    /// When the server last refused to merge it by itself.
    #[serde(default)]
    pub auto_merge_refused_at: Option<Timestamp>,
    /// The ways of merging that the rules of the branch were known to refuse when it was last to be merged.
    #[serde(default)]
    pub refused_methods: BTreeSet<MergeMethod>,
    /// What went wrong with the last step.
    pub trouble: Option<Lasting>,
    /// The comment that was last written, so that it is written once.
    pub told: Option<String>,
    /// What was last said of the bad commit while there was no pull request, so that it is said once.
    #[serde(default)]
    pub convicted: Option<String>,
    /// When that is tried again, after it failed.
    #[serde(default)]
    pub tell_at: Option<Timestamp>,
    /// When so many commits at once were last seen to hold it: what it waits for since counts from here.
    #[serde(default)]
    pub held_at: Option<Timestamp>,
    /// When that was told, of all that were held with it.
    #[serde(default)]
    pub storm_told_at: Option<Timestamp>,
    /// The commit at which the history ended too early, where it was refused because of that: it is chosen anew once the history
    /// reaches further back.
    #[serde(default)]
    pub cut_off: Option<CommitId>,
    /// Whether it was told that the present state lasts too long.
    pub overdue_told: bool,
    /// When the pull request was last seen to be another than before, by what people change of it.
    #[serde(default)]
    pub changed_at: Option<Timestamp>,
    /// Under what the server was last asked for the pull request. Not durable: after a restart it is asked at once, or, where a
    /// step that failed waits to be tried again, with that.
    #[serde(skip)]
    pub asked: Option<Asked>,
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
    /// Which attempt failed, where that is known.
    #[serde(default)]
    pub tried: Option<Tried>,
    /// When it was found bad, where that is known.
    #[serde(default)]
    pub failed_at: Option<Timestamp>,
    /// Whether so many different commits were found bad at about that time that a person decides which of them are.
    #[serde(default)]
    pub in_storm: bool,
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
    /// The versions that git pinned of the Secrets that it reads.
    #[serde(default)]
    pub secrets: BTreeMap<ResourceName, SecretVersionId>,
}

/// Which attempt to deploy a spec it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// When it began.
    pub began: Timestamp,
    /// The deployment's id, where known.
    pub deployment: Option<String>,
}

impl Tried {
    /// Whether this is another attempt, later than that one. Both times are by the same clock, which need not be ours.
    pub(super) fn is_after(&self, before: &Self) -> bool {
        let same = self.deployment.is_some() && self.deployment == before.deployment;
        !same && self.began > before.began
    }
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
    /// Secrets that it takes back, and whose AWSCURRENT stays where it is all the same, each with why.
    #[serde(default)]
    pub not_moved_back: Vec<String>,
}

/// A pull request, as a person finds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullRef {
    /// Its number.
    pub number: u64,
    /// Its page.
    pub url: String,
    /// The branch that it was for when it was first seen, without `refs/heads/`. Absent in what an earlier version stored.
    #[serde(default)]
    pub base: Option<String>,
}

impl PullRef {
    /// What is remembered of a pull request; the branch that it is for as it was `before`, where that is known.
    pub(super) fn of(pull: &Pull, before: Option<&Self>) -> Self {
        let known = before.filter(|before| before.number == pull.number);
        Self {
            number: pull.number,
            url: pull.url.clone(),
            base: known.and_then(|known| known.base.clone()).or_else(|| Some(pull.base.clone())),
        }
    }
}

impl Rollback {
    /// One that was just detected: nothing has been done about it.
    pub fn detected(
        (id, instance): (String, InstanceName),
        (bad_commit, subject): (CommitId, String),
        resources: BTreeMap<ResourceName, FailedSpec>,
        strategy: RollbackStrategy,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            instance,
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
            merged_at: None,
            updated_at: None,
            armed: false,
            auto_merge_refused_at: None,
            refused_methods: BTreeSet::new(),
            trouble: None,
            told: None,
            convicted: None,
            tell_at: None,
            held_at: None,
            storm_told_at: None,
            cut_off: None,
            overdue_told: false,
            changed_at: None,
            asked: None,
        }
    }

    /// Whether anything depends on the pull request in this state; [`Rollback::is_due`] says when the server is asked for it.
    pub fn needs_pull(&self) -> bool {
        self.to_close
            || matches!(self.state, State::Detected | State::Branch | State::PullRequest | State::NeedsPerson)
    }

    /// Whether nothing is left to do or to say.
    pub fn is_over(&self, github: bool) -> bool {
        self.state.is_last() && !(github && (self.to_close || self.is_to_be_told()))
    }

    /// Whether a step that failed waits to be tried again.
    pub fn is_resting(&self, now: Timestamp) -> bool {
        self.trouble.as_ref().is_some_and(Lasting::is_tried_again) && now < self.look_at
    }

    pub(super) fn is_to_be_told(&self) -> bool {
        if self.pull.is_some() {
            return self.told.as_deref() != Some(comment(self).as_str());
        }
        // What ended without a pull request is said where something was said before: otherwise nobody waits for it.
        let is_due = !self.state.is_last() || self.convicted.is_some();
        is_due && self.convicted.as_deref() != Some(status(self).as_str())
    }

    /// Whether it is about this spec of this service.
    pub fn is_about(&self, name: &ResourceName, spec_hash: &SpecHash) -> bool {
        self.resources.get(name).is_some_and(|failed| failed.spec_hash == *spec_hash)
    }

    /// Whether it was refused because the history ends too early, and waits for more of it.
    pub fn waits_for_history(&self) -> bool {
        self.cut_off.is_some() && self.state == State::NeedsPerson
    }

    /// Whether it changes git no more: it is merged or over, or it got no branch, and only a person can go on.
    pub(super) fn is_settled(&self) -> bool {
        let is_stuck =
            self.state == State::NeedsPerson && (self.branch.is_none() || self.merged_at.is_some());
        is_stuck || matches!(self.state, State::Merged | State::Converged) || self.state.is_last()
    }

    /// Forgets what only speaks for the verdict, and what the pull request was written of, once it ended long ago. By what it is known
    /// again stays. True if there was anything left of it.
    pub fn forget(&mut self, github: bool, now: Timestamp) -> bool {
        if !self.is_over(github) || later(self.entered_at, KEPT) > now {
            return false;
        }
        let mut was_there = false;
        for failed in self.resources.values_mut() {
            was_there |= failed.evidence.take().is_some();
            was_there |= !std::mem::take(&mut failed.attempt).is_empty();
            was_there |= !std::mem::take(&mut failed.differences).is_empty();
        }
        if let Some(branch) = &mut self.branch {
            was_there |= !std::mem::take(&mut branch.parts).is_empty();
            was_there |= !std::mem::take(&mut branch.message).is_empty();
        }
        was_there
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

    /// True once, when the present state lasts longer than it should: a person is told.
    pub fn overdue(&mut self, now: Timestamp) -> bool {
        let is_late = self.deadline().is_some_and(|deadline| deadline <= now);
        let first = is_late && !self.overdue_told;
        self.overdue_told |= is_late;
        first
    }

    /// When the present state has lasted too long; none where it waits for nothing.
    pub fn deadline(&self) -> Option<Timestamp> {
        if self.to_close {
            return Some(later(self.entered_at, CLOSE));
        }
        let auto = self.strategy == RollbackStrategy::AutoMerge && !self.is_of_storm();
        let since = self.held_at.map_or(self.entered_at, |held| held.max(self.entered_at));
        self.state.may_last(auto).map(|allowed| later(since, allowed))
    }

    pub(super) fn enter(&mut self, state: State, now: Timestamp) {
        self.why = None;
        self.enter_because(state, now);
    }

    pub(super) fn enter_because(&mut self, state: State, now: Timestamp) {
        self.state = state;
        if state == State::Merged {
            self.merged_at.get_or_insert(now);
        }
        self.entered_at = now;
        self.look_at = now;
        self.trouble = None;
        self.overdue_told = false;
    }
}
