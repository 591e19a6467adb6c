//! What does GitHub say where it refuses to merge, and what does it mean? Its words are no part of its API, so nothing rests on them:
//! what they tell saves a call or gives a better hint. Words that nobody knows are answered by looking at the pull request again.

use bowline_core::rollback::machine::MergeMethod;

/// What a refusal means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// There is nothing to wait for: it can be merged plainly.
    Mergeable,
    /// The repository's settings do not allow that GitHub merges by itself.
    NoAutoMerge,
    /// The branch has no rules that GitHub could wait for.
    NoRules,
    /// Not in this way.
    NotThisWay(MergeMethod),
}

/// Words as GitHub was seen to use them.
struct Wording {
    /// In small letters, as far as they tell it from others.
    words: &'static str,
    means: Meaning,
    /// The whole sentence, and where it was reported.
    seen: &'static str,
}

const WORDINGS: [Wording; 11] = [
    Wording {
        words: "is in clean status",
        means: Meaning::Mergeable,
        seen: "UNPROCESSABLE: Pull request Pull request is in clean status (peter-evans/enable-pull-request-automerge#343)",
    },
    Wording {
        words: "is in unstable status",
        means: Meaning::Mergeable,
        seen: "Pull request Pull request is in unstable status (peter-evans/enable-pull-request-automerge#355)",
    },
    Wording {
        words: "auto merge is not allowed",
        means: Meaning::NoAutoMerge,
        seen: "Pull request Auto merge is not allowed for this repository (enfabrica/enkit#1172, AliceJump/ok-end-field#211)",
    },
    Wording {
        words: "protected branch rules not configured",
        means: Meaning::NoRules,
        seen: "Pull request Protected branch rules not configured for this branch (iterative/cml#955)",
    },
    Wording {
        words: "can't enable auto-merge",
        means: Meaning::NoRules,
        seen: "Can't enable auto-merge for this pull request. (peter-evans/enable-pull-request-automerge#310)",
    },
    // GraphQL names each way in other words than REST.
    Wording {
        words: "merge commits are not allowed",
        means: Meaning::NotThisWay(MergeMethod::Merge),
        seen: "Merge method merge commits are not allowed on this repository (enablePullRequestAutoMerge; also REST, for linear history)",
    },
    Wording {
        words: "must not contain merge commits",
        means: Meaning::NotThisWay(MergeMethod::Merge),
        seen: "This branch must not contain merge commits. (POST /merges, and GH013 for a push)",
    },
    Wording {
        words: "squash merging is not allowed",
        means: Meaning::NotThisWay(MergeMethod::Squash),
        seen: "Merge method squash merging is not allowed on this repository (enablePullRequestAutoMerge)",
    },
    Wording {
        words: "squash merges are not allowed",
        means: Meaning::NotThisWay(MergeMethod::Squash),
        seen: "Squash merges are not allowed on this repository. (mergePullRequest)",
    },
    Wording {
        words: "rebase merg",
        means: Meaning::NotThisWay(MergeMethod::Rebase),
        seen: "Merge method rebase merging is not allowed on this repository (enablePullRequestAutoMerge); Rebase merges are not allowed on \
               this repository. (mergePullRequest)",
    },
    Wording {
        words: "can't be rebased",
        means: Meaning::NotThisWay(MergeMethod::Rebase),
        seen: "This branch can't be rebased (mergePullRequest)",
    },
];

/// What GitHub's words mean, if they are known.
pub(super) fn meaning(message: &str) -> Option<Meaning> {
    let message = message.to_ascii_lowercase();
    let known = WORDINGS.iter().find(|known| message.contains(known.words))?;
    tracing::debug!(message, known = known.seen, "GitHub refused to merge in words that are known");
    Some(known.means)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_github_was_seen_to_say_is_understood_and_nothing_else() {
        for known in &WORDINGS {
            assert_eq!(meaning(known.seen), Some(known.means), "{}", known.seen);
        }
        assert_eq!(meaning("Head branch was modified. Review and try the merge again."), None);
        assert_eq!(meaning("At least 1 approving review is required by reviewers with write access."), None);
    }
}
