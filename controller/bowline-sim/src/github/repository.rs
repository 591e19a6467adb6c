//! A repository on the simulated GitHub: the bare git repository and everything around it.

use std::collections::BTreeMap;

use git2::Oid;
use serde::{Deserialize, Serialize};

use super::checks::CheckRun;
use super::comments::Comment;
use super::git::Git;
use super::labels::Label;
use super::numbers::Numbers;
use super::protection::Protection;
use super::pull::PullRequest;
use super::statuses::Status;
use super::webhook::{Event, Hook};
use jiff::Timestamp;

/// One repository.
pub(super) struct Repository {
    pub(super) id: u64,
    pub(super) owner: String,
    pub(super) name: String,
    /// Names that it had before; they redirect.
    pub(super) former: Vec<String>,
    pub(super) created: Timestamp,
    pub(super) settings: RepositorySettings,
    pub(super) git: Git,
    pub(super) protections: BTreeMap<String, Protection>,
    pub(super) pulls: BTreeMap<u64, PullRequest>,
    pub(super) comments: BTreeMap<u64, Comment>,
    pub(super) labels: BTreeMap<String, Label>,
    pub(super) statuses: Vec<Status>,
    pub(super) check_runs: BTreeMap<u64, CheckRun>,
    pub(super) hooks: BTreeMap<u64, Hook>,
    /// What happened since the hooks were last told.
    pub(super) events: Vec<Event>,
    /// Where the refs were when they were last looked at.
    pub(super) known: BTreeMap<String, Oid>,
}

/// The settings that GitHub's repository page has under "Pull Requests".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields, default)]
#[allow(clippy::struct_excessive_bools, reason = "these are GitHub's own switches, by its names")]
pub struct RepositorySettings {
    /// The branch that is merged into.
    pub default_branch: String,
    /// Whether only those who may see it do.
    pub private: bool,
    /// Merging with a merge commit.
    pub allow_merge_commit: bool,
    /// Merging as one commit.
    pub allow_squash_merge: bool,
    /// Merging as the commits themselves, on top of the base.
    pub allow_rebase_merge: bool,
    /// `enablePullRequestAutoMerge`.
    pub allow_auto_merge: bool,
    /// Whether a merged branch is deleted.
    pub delete_branch_on_merge: bool,
    /// Whether the first look at a pull request since a push says `mergeable: null`, and only the next one knows: GitHub
    /// computes it in the background.
    pub mergeability_takes_a_moment: bool,
}

impl Default for RepositorySettings {
    fn default() -> Self {
        Self {
            default_branch: "main".to_owned(),
            private: true,
            allow_merge_commit: true,
            allow_squash_merge: true,
            allow_rebase_merge: true,
            allow_auto_merge: true,
            delete_branch_on_merge: false,
            mergeability_takes_a_moment: true,
        }
    }
}

impl Repository {
    pub(super) fn new(
        numbers: &mut Numbers,
        owner: &str,
        name: &str,
        git: Git,
        settings: RepositorySettings,
        now: Timestamp,
    ) -> Self {
        Self {
            id: numbers.next(),
            owner: owner.to_owned(),
            name: name.to_owned(),
            former: Vec::new(),
            created: now,
            settings,
            git,
            protections: BTreeMap::new(),
            pulls: BTreeMap::new(),
            comments: BTreeMap::new(),
            labels: BTreeMap::new(),
            statuses: Vec::new(),
            check_runs: BTreeMap::new(),
            hooks: BTreeMap::new(),
            events: Vec::new(),
            known: BTreeMap::new(),
        }
    }

    /// `acme/infra`
    pub(super) fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// GitHub's names know no case.
    pub(super) fn is_called(&self, owner: &str, name: &str) -> bool {
        self.owner.eq_ignore_ascii_case(owner) && self.name.eq_ignore_ascii_case(name)
    }

    pub(super) fn was_called(&self, owner: &str, name: &str) -> bool {
        self.owner.eq_ignore_ascii_case(owner)
            && self.former.iter().any(|former| former.eq_ignore_ascii_case(name))
    }
}
