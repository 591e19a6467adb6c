//! The commit to go back to, and the revert.

use std::collections::BTreeMap;

use super::draft::asked;
use super::{Refusal, key, service};
use crate::desired::TaskDefinitionContent;
use crate::name::{CommitId, ResourceName, RevisionRef};
use crate::rollback::revert::{
    Failing, GoodRevision, NoRevert, PastCommit, Revert, choose, deploys_the_same, message_by_hand,
};

/// The fewest digits of a commit id that name one: what git shows as a short id.
const SHORTEST: usize = 7;

/// Where a person wants to go back to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Goal {
    /// To the commit whose id begins like this.
    Named(String),
    /// To the commit with which the service was last good, where that is known and the head deploys something else; otherwise
    /// to what it deployed before its last change.
    Before {
        /// The last good commit.
        last_good: Option<CommitId>,
    },
}

/// What stands in for the last good revision, which cannot be deployed any more.
#[derive(Debug, Clone, PartialEq)]
pub struct StandIn {
    /// The commit with which the service was last good.
    pub good: CommitId,
    /// What the last good revision had in it.
    pub content: TaskDefinitionContent,
    /// A revision with the same in it.
    pub revision: RevisionRef,
}

/// A rollback that a person asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Rollback {
    /// What is taken back.
    pub revert: Revert,
    /// The commit that is gone back to.
    pub to: CommitId,
    /// Why that one, as the end of a sentence.
    pub because: &'static str,
    /// Whether a person named that commit.
    pub named: bool,
}

impl Goal {
    /// The commit that is looked for, by the first digits of its id.
    pub fn toward(&self) -> Option<&str> {
        match self {
            Self::Named(digits) => Some(digits),
            Self::Before { last_good } => last_good.as_ref().map(CommitId::as_str),
        }
    }

    /// Whether `history`, newest first, is read far enough back to choose.
    pub fn is_met(&self, history: &[PastCommit], name: &ResourceName) -> bool {
        self.find(history, name, false).is_some()
    }

    /// The commit, and why it is that one. `all` says that there is no more history.
    fn find(
        &self,
        history: &[PastCommit],
        name: &ResourceName,
        all: bool,
    ) -> Option<(CommitId, &'static str)> {
        let head = history.first()?;
        let same = |commit: &PastCommit| deploys_the_same(&head.state, &commit.state, name);
        let before = || {
            let commit = history.iter().find(|commit| !same(commit))?;
            Some((commit.id.clone(), "before its last change"))
        };
        match self {
            Self::Named(digits) => {
                let digits = digits.to_ascii_lowercase();
                let named = |commit: &&PastCommit| {
                    digits.len() >= SHORTEST && commit.id.as_str().starts_with(&digits)
                };
                history.iter().find(named).map(|commit| (commit.id.clone(), "which was named"))
            }
            Self::Before { last_good: None } => before(),
            Self::Before { last_good: Some(good) } => {
                match history.iter().find(|commit| commit.id == *good) {
                    Some(commit) if !same(commit) => {
                        Some((commit.id.clone(), "the last one with which it was good"))
                    }
                    Some(_) => before(),
                    None if all => before(),
                    None => None,
                }
            }
        }
    }
}

/// Chooses what is reverted. `history` is the branch's own line from its head, newest first, as far as [`Goal::is_met`] asked
/// for it. A `stand_in` is pinned where going back would name the last good revision.
pub fn rollback(
    history: &[PastCommit],
    name: &ResourceName,
    goal: &Goal,
    stand_in: Option<&StandIn>,
) -> Result<Rollback, Refusal> {
    let looked_at = history.len();
    let not_there = || match goal {
        Goal::Named(commit) => Refusal::NotOnTheBranch { commit: commit.clone(), looked_at },
        Goal::Before { .. } => Refusal::NeverOtherwise { service: key(name), looked_at },
    };
    let head = history.first().ok_or_else(not_there)?;
    service(&head.state, name)?;
    let (to, because) = goal.find(history, name, true).ok_or_else(not_there)?;
    let failing = Failing {
        good: to.clone(),
        revision: match stand_in.filter(|stand_in| stand_in.good == to) {
            Some(stand_in) => GoodRevision::Inactive(stand_in.content.clone()),
            None => GoodRevision::Unknown,
        },
        // Who names a commit has decided about the rollbacks in between, too.
        after_failed_rollback: matches!(goal, Goal::Named(_)),
    };
    let mut chosen = choose(history, &BTreeMap::from([(name.clone(), failing)]));
    if let Some(why) = chosen.none.remove(name) {
        return Err(match why {
            NoRevert::IsRollback { commit } => Refusal::RolledBackBefore { service: key(name), commit },
            why => Refusal::NoRevert { service: key(name), why },
        });
    }
    let mut revert = chosen.reverts.pop().ok_or_else(not_there)?;
    if let Some(stand_in) = stand_in.filter(|_| revert.to_register.contains_key(name)) {
        revert.registered(name, stand_in.revision.clone());
    }
    Ok(Rollback { revert, to, because, named: matches!(goal, Goal::Named(_)) })
}

impl Rollback {
    /// The whole message. `reason` is the person's, `who` asks, and `command` is what was typed.
    pub fn message(&self, reason: Option<&str>, who: &str, command: &str) -> String {
        let reason = reason.map(|text| format!("{}\n\n", super::draft::one_line(text))).unwrap_or_default();
        let text = format!("{reason}{}\n\n{}", self.sentence(), asked(who, command));
        message_by_hand(&self.revert, &text)
    }

    /// Where it goes back to, as a sentence.
    pub fn sentence(&self) -> String {
        let names: Vec<&str> = self.revert.resources.iter().map(ResourceName::as_str).collect();
        format!(
            "Goes back to what {} deployed with commit {:.8}, {}.",
            names.join(", "),
            self.to,
            self.because
        )
    }
}
