//! In which way is a pull request merged? The repository allows some, and the rules of a branch may refuse some of these.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::error::GitHubError;

/// Which ways of merging a repository allows; GitHub shows them to those who may write.
#[derive(Deserialize)]
pub(super) struct Methods {
    #[serde(rename = "allow_merge_commit")]
    merge: Option<bool>,
    #[serde(rename = "allow_squash_merge")]
    squash: Option<bool>,
    #[serde(rename = "allow_rebase_merge")]
    rebase: Option<bool>,
}

/// A way of merging.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum MergeMethod {
    Merge,
    Squash,
    Rebase,
}

impl MergeMethod {
    /// A merge commit keeps the pushed commit as it is, signature included; so it goes first.
    const ALL: [Self; 3] = [Self::Merge, Self::Squash, Self::Rebase];

    /// As the API names it; GraphQL in capital letters.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Squash => "squash",
            Self::Rebase => "rebase",
        }
    }

    /// Whether GitHub refuses this way of merging, in its words: for the branch or for the repository.
    pub(super) fn is_refused_by(self, error: &GitHubError) -> bool {
        let GitHubError::Refused { status: 200 | 405, message, .. } = error else { return false };
        let message = message.to_ascii_lowercase();
        let words: &[&str] = match self {
            Self::Merge => &["merge commits are not allowed", "must not contain merge commits"],
            Self::Squash => &["squash merges are not allowed"],
            Self::Rebase => &["rebase merges are not allowed", "can't be rebased"],
        };
        words.iter().any(|words| message.contains(words))
    }
}

impl Methods {
    /// The best way that the repository allows, but for those that its branch refused. Where all are, its branch is asked again
    /// with the best one: its rules may have changed.
    pub(super) fn best(&self, refused: &BTreeSet<MergeMethod>) -> MergeMethod {
        let allowed = |method: &MergeMethod| match method {
            MergeMethod::Merge => self.merge != Some(false),
            MergeMethod::Squash => self.squash == Some(true),
            MergeMethod::Rebase => self.rebase == Some(true),
        };
        let allowed: Vec<MergeMethod> = MergeMethod::ALL.into_iter().filter(allowed).collect();
        let open = allowed.iter().find(|method| !refused.contains(method));
        open.or(allowed.first()).copied().unwrap_or(MergeMethod::Merge)
    }
}

#[cfg(test)]
mod tests {
    use MergeMethod::{Merge, Rebase, Squash};

    use super::*;

    #[test]
    fn the_best_way_is_one_that_is_allowed_and_was_not_refused() {
        let methods = |merge, squash, rebase| Methods { merge, squash, rebase };
        let all = || methods(Some(true), Some(true), Some(true));
        let cases = [
            (all(), vec![], Merge),
            (all(), vec![Merge], Squash),
            (all(), vec![Merge, Squash], Rebase),
            (all(), vec![Merge, Squash, Rebase], Merge),
            (methods(Some(true), Some(false), Some(true)), vec![Merge], Rebase),
            (methods(Some(false), Some(true), Some(true)), vec![], Squash),
            (methods(Some(true), Some(false), Some(false)), vec![Merge], Merge),
            (methods(None, None, None), vec![], Merge),
        ];
        for (methods, refused, wanted) in cases {
            let refused: BTreeSet<MergeMethod> = refused.into_iter().collect();
            assert_eq!(methods.best(&refused), wanted, "{refused:?}");
        }
    }
}
