//! By what is a pull request known for a rollback's own?

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::{Pull, Rollback};
use crate::name::{CommitId, InstanceName, ResourceName};

/// What the text of a pull request says for Bowline itself: enough to find it again after everything else was forgotten.
/// Anybody may write it, so that it proves nothing.
///
/// An earlier version said less: what is absent contradicts nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// The commit that it takes back.
    pub bad_commit: CommitId,
    /// The commit that its branch was pushed with.
    pub commit: CommitId,
    /// Whether it may be merged without a person.
    pub merges_itself: bool,
    /// The rollback that opened it; absent where a person asked for it at a shell.
    pub rollback: Option<String>,
    /// The Bowline whose it is.
    pub instance: Option<InstanceName>,
    /// The services whose failing spec it takes back.
    pub resources: Option<BTreeSet<ResourceName>>,
    /// Whether its commit was found bad among so many at once that a person merges it. Whoever writes that only narrows what is done.
    pub in_storm: bool,
}

impl Marker {
    /// The marker in a text.
    pub fn find(text: &str) -> Option<Self> {
        let line = text
            .lines()
            .find_map(|line| line.trim().strip_prefix("<!-- bowline:revert ")?.strip_suffix(" -->"))?;
        let value = |name: &str| line.split(' ').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        let instance = value("instance").map(InstanceName::parse).transpose().ok()?;
        let resources = value("resources").map(|names| names.split(',').map(ResourceName::parse).collect());
        Some(Self {
            bad_commit: CommitId::parse(value("bad")?).ok()?,
            commit: CommitId::parse(value("commit")?).ok()?,
            merges_itself: value("merges-itself")? == "yes",
            rollback: value("rollback").map(str::to_owned),
            instance,
            resources: resources.transpose().ok()?,
            in_storm: value("storm") == Some("yes"),
        })
    }

    /// The line that [`Marker::find`] finds.
    pub fn line(&self) -> String {
        let merges = if self.merges_itself { "yes" } else { "no" };
        let mut line = format!(
            "<!-- bowline:revert bad={} commit={} merges-itself={merges}",
            self.bad_commit, self.commit
        );
        if let Some(rollback) = &self.rollback {
            let _ = write!(line, " rollback={rollback}");
        }
        if let Some(instance) = &self.instance {
            let _ = write!(line, " instance={instance}");
        }
        if let Some(resources) = &self.resources {
            let names: Vec<&str> = resources.iter().map(ResourceName::as_str).collect();
            let _ = write!(line, " resources={}", names.join(","));
        }
        if self.in_storm {
            line.push_str(" storm=yes");
        }
        line.push_str(" -->");
        line
    }

    /// Whether it says nothing else than that it takes back what failed with this rollback.
    fn is_for(&self, rollback: &Rollback) -> bool {
        let takes_back_all =
            |named: &BTreeSet<ResourceName>| rollback.resources.keys().all(|name| named.contains(name));
        self.bad_commit == rollback.bad_commit
            && self.instance.as_ref().is_none_or(|instance| *instance == rollback.instance)
            && self.resources.as_ref().is_none_or(takes_back_all)
    }
}

/// Which pull requests may be that of a rollback that remembers none, among these, newest first, for the branch that is read
/// (`base`): those of the branch that it pushed, or those whose text says that they take back what failed. None that another
/// known rollback has. What a text says is only a hint where to look, since anybody may write it.
pub fn own<'a, 'r>(
    rollback: &Rollback,
    pulls: &'a [Pull],
    base: &str,
    known: impl IntoIterator<Item = &'r Rollback>,
) -> Vec<&'a Pull> {
    let others: Vec<&Rollback> = known.into_iter().filter(|other| other.id != rollback.id).collect();
    let is_anothers = |pull: &Pull| {
        others.iter().any(|other| match (&other.pull, &other.branch) {
            (Some(own), _) => own.number == pull.number,
            (None, Some(branch)) => rollback.branch.is_none() && branch.name == pull.branch,
            (None, None) => false,
        })
    };
    let is_for_it = |pull: &Pull| match &rollback.branch {
        Some(branch) => branch.name == pull.branch,
        None => Marker::find(&pull.body).is_some_and(|marker| marker.is_for(rollback)),
    };
    pulls.iter().filter(|pull| pull.base == base && is_for_it(pull) && !is_anothers(pull)).collect()
}
