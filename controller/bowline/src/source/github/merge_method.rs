//! In which way is a pull request merged? The repository allows some, and the rules of a branch may refuse some of these.

use std::collections::BTreeSet;

use bowline_core::rollback::machine::MergeMethod;
use serde::Deserialize;

use super::error::GitHubError;
use super::wordings::{Meaning, meaning};

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

/// A merge commit keeps the pushed commit as it is, signature included; so it goes first.
const BY_PREFERENCE: [MergeMethod; 3] = [MergeMethod::Merge, MergeMethod::Squash, MergeMethod::Rebase];

/// As the API names it; GraphQL in capital letters.
pub(super) fn word(method: MergeMethod) -> &'static str {
    match method {
        MergeMethod::Merge => "merge",
        MergeMethod::Squash => "squash",
        MergeMethod::Rebase => "rebase",
    }
}

/// Whether GitHub is known to refuse this way of merging with such words: for the branch or for the repository.
pub(super) fn is_refused_by(method: MergeMethod, error: &GitHubError) -> bool {
    let GitHubError::Refused { status: 200 | 405, message, .. } = error else { return false };
    meaning(message) == Some(Meaning::NotThisWay(method))
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
        let allowed: Vec<MergeMethod> = BY_PREFERENCE.into_iter().filter(allowed).collect();
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
