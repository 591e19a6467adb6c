//! Whether a pull request can be merged, in GitHub's words.

use super::checks::check_states;
use super::pull::PullRequest;
use super::reply::Refusal;
use super::repository::Repository;
use super::statuses::newest_statuses;

/// `mergeable_state` of REST, `mergeStateStatus` of GraphQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MergeState {
    /// It is being computed, or the pull request is not open.
    Unknown,
    /// It conflicts with its base.
    Dirty,
    Draft,
    /// The rules of the base branch are not fulfilled.
    Blocked,
    /// The base has moved on, and its rules ask for an update.
    Behind,
    /// Nothing that is required has failed, but something else has, or is not done.
    Unstable,
    Clean,
}

impl MergeState {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Dirty => "dirty",
            Self::Draft => "draft",
            Self::Blocked => "blocked",
            Self::Behind => "behind",
            Self::Unstable => "unstable",
            Self::Clean => "clean",
        }
    }

    /// Whether git could merge it, as far as known.
    pub(super) fn mergeable(self) -> Option<bool> {
        match self {
            Self::Unknown => None,
            Self::Dirty => Some(false),
            Self::Draft | Self::Blocked | Self::Behind | Self::Unstable | Self::Clean => Some(true),
        }
    }
}

impl Repository {
    /// What a caller gets to see: the first look since a push only starts the computation.
    pub(super) fn look(&mut self, number: u64) -> Result<MergeState, Refusal> {
        let state = self.merge_state(number)?;
        let slow = self.settings.mergeability_takes_a_moment;
        let Some(pull) = self.pulls.get_mut(&number) else { return Err(Refusal::not_found()) };
        let pair = (pull.head, pull.base);
        let known = pull.computed.replace(pair) == Some(pair);
        Ok(if known || !slow { state } else { MergeState::Unknown })
    }

    /// How it is.
    pub(super) fn merge_state(&self, number: u64) -> Result<MergeState, Refusal> {
        let Some(pull) = self.pulls.get(&number) else { return Err(Refusal::not_found()) };
        if !pull.is_open() {
            return Ok(MergeState::Unknown);
        }
        let Some(base) = self.git.branch(&pull.base_branch) else { return Ok(MergeState::Dirty) };
        if self.git.merged_tree(base, pull.head)?.is_none() {
            return Ok(MergeState::Dirty);
        }
        if pull.draft {
            return Ok(MergeState::Draft);
        }
        if !self.unmet(pull).is_empty() {
            return Ok(MergeState::Blocked);
        }
        let rules = self.protections.get(&pull.base_branch);
        if rules.is_some_and(|rules| rules.strict) && !self.git.is_ancestor(base, pull.head) {
            return Ok(MergeState::Behind);
        }
        let passed = |conclusion: Option<&str>| matches!(conclusion, Some("success" | "neutral" | "skipped"));
        let all_passed = newest_statuses(self, pull.head).iter().all(|status| status.state == "success")
            && check_states(self, pull.head).iter().all(|(_, conclusion)| passed(conclusion.as_deref()));
        Ok(if all_passed { MergeState::Clean } else { MergeState::Unstable })
    }

    /// What of the rules of its base a pull request does not fulfil, one sentence each.
    pub(super) fn unmet(&self, pull: &PullRequest) -> Vec<String> {
        let Some(rules) = self.protections.get(&pull.base_branch) else { return Vec::new() };
        let mut unmet = self.unfulfilled(&pull.base_branch, pull.head);
        let (wanted, given) = (rules.required_approvals, pull.approvals());
        if pull.changes_requested() {
            unmet.push("Changes have been requested by a reviewer with write access.".to_owned());
        } else if given < wanted {
            let (noun, verb) = if wanted == 1 { ("review", "is") } else { ("reviews", "are") };
            unmet.push(format!(
                "At least {wanted} approving {noun} {verb} required by reviewers with write access."
            ));
        }
        unmet
    }
}
