//! The commits that changed what a service deploys since it was last good, and who joins whom.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::extent::{self, Claim, View};
use super::{Aim, Aims, Failing, GoodRevision, NoRevert, Parent, PastCommit, Revert, Step};
use crate::desired::{DesiredState, WantedTaskDefinition};
use crate::diff::normal_text;
use crate::name::{CommitId, ResourceName};
use crate::plan::{Versions, deploying_part, pinned_versions};

/// What is to be done for the failing services of a branch.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Chosen {
    /// One rollback per bad commit, the newest bad commit first.
    pub reverts: Vec<Revert>,
    /// Services for which there is none, and why.
    pub none: BTreeMap<ResourceName, NoRevert>,
}

/// Chooses what to revert for services that fail. `history` is the branch's own line from its head, newest first, down to
/// the last good commits of all of them.
///
/// Services whose newest bad commit is the same share one rollback.
pub fn choose(history: &[PastCommit], failing: &BTreeMap<ResourceName, Failing>) -> Chosen {
    let mut chosen = Chosen::default();
    let mut by_bad: BTreeMap<usize, BTreeMap<&ResourceName, Vec<usize>>> = BTreeMap::new();
    for (name, failing) in failing {
        match bad_commits(history, name, failing) {
            Ok(bad) => {
                if let Some(newest) = bad.first() {
                    by_bad.entry(*newest).or_default().insert(name, bad);
                }
            }
            Err(why) => {
                chosen.none.insert(name.clone(), why);
            }
        }
    }
    for mut members in by_bad.into_values() {
        // Without those for which a part cannot be taken back, the others may not share that part any more.
        loop {
            match revert(history, failing, &members) {
                Ok(revert) => {
                    chosen.reverts.extend(revert);
                    break;
                }
                Err((name, why)) => {
                    members.remove(&name);
                    chosen.none.insert(name, why);
                }
            }
        }
    }
    chosen
}

/// The services for which a commit changes what is deployed: none of them is started any more once one of them failed.
pub fn deployed_by(commit: &PastCommit, before: &PastCommit) -> BTreeSet<ResourceName> {
    let names = commit.state.services.keys();
    names.filter(|name| spec(&commit.state, name) != spec(&before.state, name)).cloned().collect()
}

/// Whether two commits deploy the same for a service.
pub fn deploys_the_same(one: &DesiredState, other: &DesiredState, name: &ResourceName) -> bool {
    spec(one, name) == spec(other, name)
}

/// What a service deploys, as git has it.
#[derive(Debug, PartialEq)]
pub(crate) struct Spec<'a> {
    pub(super) task_definition: Option<TaskDefinition<'a>>,
    pub(super) versions: Versions<'a>,
    pub(super) settings: Map<String, Value>,
}

#[derive(Debug, PartialEq)]
pub(crate) enum TaskDefinition<'a> {
    Revision(&'a str),
    Content(Arc<str>),
}

pub(crate) fn spec<'a>(state: &'a DesiredState, name: &ResourceName) -> Option<Spec<'a>> {
    let service = state.services.get(name)?;
    let task_definition = service.task_definition.as_ref().map(|wanted| match wanted {
        WantedTaskDefinition::Revision(revision) => TaskDefinition::Revision(revision.as_str()),
        WantedTaskDefinition::Content { content, .. } => TaskDefinition::Content(normal_text(content)),
    });
    let settings = deploying_part(&service.resource.spec.settings.fields());
    Some(Spec { task_definition, versions: pinned_versions(state, service), settings })
}

/// The places in the history of the commits that changed what the service deploys since it was last good, newest first.
fn bad_commits(
    history: &[PastCommit],
    name: &ResourceName,
    failing: &Failing,
) -> Result<Vec<usize>, NoRevert> {
    let good = &failing.good;
    let Some(end) = history.iter().position(|commit| commit.id == *good) else {
        return Err(match history.last() {
            Some(PastCommit { id, parent: Parent::CutOff, .. }) => NoRevert::CutOff { commit: id.clone() },
            _ => NoRevert::GoodNotFound { good: good.clone(), looked_at: history.len() },
        });
    };
    let specs: Vec<Option<Spec<'_>>> =
        history.iter().take(end + 1).map(|commit| spec(&commit.state, name)).collect();
    let wanted_then = specs.last().and_then(Option::as_ref);
    if specs.first().is_none_or(Option::is_none) {
        return Err(NoRevert::NotInGit);
    }
    if specs.first().and_then(Option::as_ref) == wanted_then {
        return Err(NoRevert::SameAsGood { good: good.clone() });
    }
    let mut bad = Vec::new();
    for (index, (commit, pair)) in history.iter().zip(specs.windows(2)).enumerate() {
        let [here, before] = pair else { continue };
        if here.as_ref() == wanted_then {
            break;
        }
        if here == before {
            continue;
        }
        if matches!(commit.parent, Parent::None | Parent::CutOff) {
            return Err(NoRevert::CutOff { commit: commit.id.clone() });
        }
        if before.is_none() {
            return Err(NoRevert::AddedBy { commit: commit.id.clone() });
        }
        if bad.is_empty() && commit.trailers.is_rollback() && !failing.after_failed_rollback {
            return Err(NoRevert::IsRollback { commit: commit.id.clone() });
        }
        bad.push(index);
    }
    Ok(bad)
}

/// The rollback of services that share their newest bad commit; or the service for which there is none.
fn revert(
    history: &[PastCommit],
    failing: &BTreeMap<ResourceName, Failing>,
    members: &BTreeMap<&ResourceName, Vec<usize>>,
) -> Result<Option<Revert>, (ResourceName, NoRevert)> {
    let Some(head) = history.first().filter(|_| !members.is_empty()) else { return Ok(None) };
    let mut draft = Draft {
        history,
        failing,
        revert: Revert {
            head: head.id.clone(),
            resources: members.keys().map(|name| (*name).clone()).collect(),
            steps: Vec::new(),
            pins: BTreeMap::new(),
            to_register: BTreeMap::new(),
            aims: Aims::default(),
            documents: BTreeMap::new(),
        },
        helped: BTreeSet::new(),
        shared: BTreeMap::new(),
    };
    let indexes: BTreeSet<usize> = members.values().flatten().copied().collect();
    for index in indexes {
        let Some([commit, before]) = history.get(index..index + 2) else { continue };
        let bad_for = members.iter().filter(|(_, bad)| bad.contains(&index));
        let concerned: BTreeSet<&ResourceName> = bad_for.map(|(name, _)| *name).collect();
        draft.take(&View { history, head, commit, before, concerned: &concerned, failing })?;
    }
    for name in members.keys() {
        let refused = |why| ((*name).clone(), why);
        if let Some(why) = draft.shared.get(*name).filter(|_| !draft.helped.contains(*name)) {
            return Err(refused(why.clone()));
        }
        draft.pin(name, None).map_err(refused)?;
        draft.aim(name);
        if let Some(path) = head.state.services.get(*name).and_then(extent::path_of) {
            draft.revert.documents.insert((*name).clone(), path);
        }
    }
    Ok(Some(draft.revert))
}

/// A rollback that is being put together.
struct Draft<'a> {
    history: &'a [PastCommit],
    failing: &'a BTreeMap<ResourceName, Failing>,
    revert: Revert,
    /// Services for which something is taken back.
    helped: BTreeSet<ResourceName>,
    /// Services for which something cannot be.
    shared: BTreeMap<ResourceName, NoRevert>,
}

impl Draft<'_> {
    fn take(&mut self, view: &View<'_>) -> Result<(), (ResourceName, NoRevert)> {
        let Some(mut step) = step(view.commit) else { return Ok(()) };
        let commit = || view.commit.id.clone();
        for name in view.concerned {
            let name: &ResourceName = name;
            for claim in extent::claims(view, name) {
                match claim {
                    Claim::Document(key, place) => {
                        step.documents.insert(key, place);
                    }
                    Claim::File(file) => {
                        step.files.insert(file);
                    }
                    Claim::SharedFile { file, others } => {
                        let why = NoRevert::SharedFile { commit: commit(), file, others };
                        self.pin(name, Some(why)).map_err(|why| (name.clone(), why))?;
                    }
                    Claim::SharedSecret { secret, others } => {
                        step.left.insert(format!("{secret} ({others} reads it as well)"));
                        self.revert.aims.shared.insert(secret.name.clone());
                        let why = NoRevert::SharedSecret { commit: commit(), secret, others };
                        self.shared.insert(name.clone(), why);
                        continue;
                    }
                }
                self.helped.insert(name.clone());
            }
        }
        extent::settle(view, &mut step);
        self.revert.steps.push(step);
        Ok(())
    }

    /// Notes what a service has to deploy in the end.
    fn aim(&mut self, name: &ResourceName) {
        let Some(Failing { good, revision, .. }) = self.failing.get(name) else { return };
        if let Some(then) = self.history.iter().find(|commit| commit.id == *good) {
            let aim = Aim { commit: good.clone(), state: Arc::clone(&then.state) };
            self.revert.aims.services.insert(name.clone(), aim);
        }
        if let GoodRevision::Active(revision) = revision {
            self.revert.aims.revisions.insert(name.clone(), revision.clone());
        }
    }

    /// Pins the last good revision of a service where its document has to: the file that it names cannot be taken back
    /// (`shared` says why), or the revision that it will name again is INACTIVE.
    fn pin(&mut self, name: &ResourceName, shared: Option<NoRevert>) -> Result<(), NoRevert> {
        let Some(Failing { good, revision, .. }) = self.failing.get(name) else { return Ok(()) };
        match (revision, shared) {
            (GoodRevision::Active(revision), Some(_)) => {
                self.revert.pins.insert(name.clone(), revision.clone());
            }
            (GoodRevision::Inactive(content), Some(_)) => {
                self.revert.to_register.insert(name.clone(), content.clone());
            }
            (GoodRevision::Unknown, Some(why)) => return Err(why),
            (GoodRevision::Inactive(content), None) if pinned_then(self.history, good, name) => {
                self.revert.to_register.insert(name.clone(), content.clone());
            }
            (GoodRevision::Active(_) | GoodRevision::Inactive(_) | GoodRevision::Unknown, None) => {}
        }
        Ok(())
    }
}

/// A commit that can be taken back; none if it has no parent here.
fn step(commit: &PastCommit) -> Option<Step> {
    let (parent, mainline) = match &commit.parent {
        Parent::One(parent) => (parent.clone(), None),
        Parent::Merge { mainline, number } => (mainline.clone(), Some(*number)),
        Parent::None | Parent::CutOff => return None,
    };
    Some(Step {
        commit: commit.id.clone(),
        subject: commit.subject.clone(),
        parent,
        mainline,
        whole: false,
        documents: BTreeMap::new(),
        files: BTreeSet::new(),
        left: BTreeSet::new(),
    })
}

fn pinned_then(history: &[PastCommit], good: &CommitId, name: &ResourceName) -> bool {
    let then = history.iter().find(|commit| commit.id == *good);
    let wanted = then.and_then(|commit| commit.state.services.get(name)?.task_definition.as_ref());
    matches!(wanted, Some(WantedTaskDefinition::Revision(_)))
}
