//! A pull request as GitHub keeps it.

use git2::Oid;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A pull request within one repository.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PullRequest {
    pub(super) id: u64,
    pub(super) number: u64,
    pub(super) title: String,
    pub(super) body: Option<String>,
    pub(super) author: String,
    pub(super) draft: bool,
    /// Whose fork the branch is in; none for a branch of the repository itself.
    pub(super) fork: Option<String>,
    /// The branch to be merged.
    pub(super) head_branch: String,
    /// Where it is, or was when it was closed.
    pub(super) head: Oid,
    /// The branch to be merged into.
    pub(super) base_branch: String,
    /// Where it is, or was when the pull request was closed.
    pub(super) base: Oid,
    pub(super) state: PullState,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    pub(super) labels: Vec<String>,
    pub(super) reviewers: Vec<String>,
    pub(super) team_reviewers: Vec<String>,
    pub(super) reviews: Vec<Review>,
    pub(super) auto_merge: Option<AutoMerge>,
    /// For which head and base the mergeability was asked for already.
    pub(super) computed: Option<(Oid, Oid)>,
}

/// Where a pull request is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PullState {
    Open,
    Closed { at: Timestamp },
    Merged { at: Timestamp, by: String, commit: Oid },
}

/// What somebody thinks of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Review {
    pub(super) id: u64,
    pub(super) author: String,
    /// `APPROVED`, `CHANGES_REQUESTED` or `COMMENTED`
    pub(super) state: &'static str,
    pub(super) body: String,
    pub(super) commit: Oid,
    pub(super) at: Timestamp,
}

/// To be merged as soon as the rules of the base branch allow it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AutoMerge {
    pub(super) by: String,
    pub(super) method: MergeMethod,
    pub(super) title: Option<String>,
    pub(super) message: Option<String>,
    pub(super) at: Timestamp,
}

/// How a pull request becomes part of its base.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum MergeMethod {
    #[default]
    Merge,
    Squash,
    Rebase,
}

impl MergeMethod {
    /// As REST says it; GraphQL says the same in capitals.
    pub(super) fn parse(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "merge" => Some(Self::Merge),
            "squash" => Some(Self::Squash),
            "rebase" => Some(Self::Rebase),
            _ => None,
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Squash => "squash",
            Self::Rebase => "rebase",
        }
    }
}

impl PullRequest {
    pub(super) fn is_open(&self) -> bool {
        self.state == PullState::Open
    }

    /// Whether this branch of the repository itself is its head.
    pub(super) fn is_of(&self, branch: &str) -> bool {
        self.fork.is_none() && self.head_branch == branch
    }

    /// How many different people approve of it with their newest word on it.
    pub(super) fn approvals(&self) -> usize {
        self.standing().filter(|review| review.state == "APPROVED").count()
    }

    pub(super) fn changes_requested(&self) -> bool {
        self.standing().any(|review| review.state == "CHANGES_REQUESTED")
    }

    /// The newest word of each reviewer; a comment does not take back an approval.
    fn standing(&self) -> impl Iterator<Item = &Review> {
        self.reviews.iter().enumerate().filter_map(|(index, review)| {
            let later = self.reviews.get(index + 1..).unwrap_or_default();
            let overruled =
                later.iter().any(|newer| newer.author == review.author && newer.state != "COMMENTED");
            (review.state != "COMMENTED" && !overruled).then_some(review)
        })
    }
}
