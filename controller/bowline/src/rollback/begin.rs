//! Bad verdicts become rollbacks, or join one.

use std::collections::{BTreeMap, BTreeSet};

use bowline_core::name::{CommitId, ResourceName, TaskDefinitionArn};
use bowline_core::rollback::machine::{
    self, Candidate, FailedSpec, Failure, NotRolledBack, Rollback, Standing, State, came_back,
    failed_rollback, good_commit, newest_change, wanted_digest,
};
use bowline_core::rollback::revert::{Failing, GoodRevision, NoRevert, Parent, PastCommit, Revert, choose};

use jiff::{SignedDuration, Timestamp};

use super::{FailedService, Loop, Scene};
use crate::source::{Past, WriteError};
use crate::store::StoreError;

/// How often it is looked whether a history that was cut off reaches further back: each time all of it is fetched.
const EDGE: SignedDuration = SignedDuration::from_mins(5);

/// After how many times in a row that the history could not be read a person is told, and it is tried each [`EDGE`] only. Where all of
/// it is fetched, each takes up to the time limit of a fetch.
const UNREAD: u32 = 3;

/// No commit has this id: with it, the history is read as far as it goes.
const NO_COMMIT: &str = "0000000000000000000000000000000000000000";

/// What is to be reverted, and what is known of each failure.
struct Found {
    history: Vec<PastCommit>,
    failing: BTreeMap<ResourceName, Failing>,
    candidates: BTreeMap<ResourceName, Candidate>,
}

impl Loop {
    /// Begins what is new; true if there is something to advance. While so much fails at once that a shared cause is likely,
    /// nothing begins: the pass tells of it, and what failed is quarantined meanwhile.
    pub(super) async fn begin(&mut self, scene: &Scene) -> Result<bool, StoreError> {
        let failed = scene.failed.iter().map(|(name, failed)| Failure {
            name,
            spec_hash: &failed.spec_hash,
            strategy: failed.strategy.min(self.tools.strategy),
            tried: failed.tried.as_ref(),
        });
        let names = machine::fresh(&self.known, failed, scene.outage.as_ref());
        let fresh: BTreeMap<&ResourceName, &FailedService> =
            scene.failed.iter().filter(|(name, _)| names.contains(name)).collect();
        if fresh.is_empty() || !scene.fresh {
            return Ok(false);
        }
        let failures =
            fresh.iter().map(|(name, failed)| ((*name).clone(), failed.spec_hash.clone())).collect();
        let open = self.known.values().filter(|known| !known.state.is_last()).count();
        let examined = Some((scene.snapshot.commit.clone(), failures, open));
        let now = self.now();
        if self.unread >= UNREAD && self.look_at_edge > now {
            return Ok(false);
        }
        let is_edge_due = self.known.values().any(Rollback::waits_for_history) && self.look_at_edge <= now;
        if self.examined == examined && !is_edge_due {
            return Ok(false);
        }
        self.look_at_edge = now.saturating_add(EDGE).unwrap_or(Timestamp::MAX);
        let Some(head) = CommitId::parse(&scene.snapshot.commit).ok() else { return Ok(false) };
        let history = match self.history(scene, &head, &fresh).await {
            Ok(history) => history,
            Err(error) => {
                tracing::warn!(problem = %crate::engine::sentence(&error), hint = %error.hint(), "a rollback cannot begin yet");
                self.unread = self.unread.saturating_add(1);
                return self.not_read(scene, &fresh, &error).await;
            }
        };
        self.unread = 0;
        let begun = self.begin_from(scene, history, &fresh).await?;
        self.forget_replaced().await?;
        // Only now: what could not be written down is looked at again.
        self.examined = examined;
        Ok(begun)
    }

    /// The history could not be read. A person is told where that lasts; once it can be read, it goes on.
    async fn not_read(
        &mut self,
        scene: &Scene,
        fresh: &BTreeMap<&ResourceName, &FailedService>,
        error: &WriteError,
    ) -> Result<bool, StoreError> {
        if self.unread < UNREAD {
            return Ok(false);
        }
        let why = NotRolledBack::Unread { problem: error.sentence() };
        for (name, failed) in fresh {
            let spec = failed_spec(scene, name, failed, None);
            self.needs_person(scene, &[], (name, failed), spec, &why).await?;
        }
        Ok(true)
    }

    async fn history(
        &self,
        scene: &Scene,
        head: &CommitId,
        fresh: &BTreeMap<&ResourceName, &FailedService>,
    ) -> Result<Vec<PastCommit>, WriteError> {
        let until = fresh.iter().flat_map(|(name, failed)| self.until(name, failed)).collect();
        let about = Some(fresh.keys().map(|name| (*name).clone()).collect());
        let past = Past { head: head.clone(), acted_from: scene.acted_from.clone(), until, about };
        self.tools.writer.past(past).await
    }

    /// How far back the history has to be read for a service. Only the history tells whether the failure is a rollback's own, so
    /// that the older good commit is read for as well where one failed before.
    fn until(&self, name: &ResourceName, failed: &FailedService) -> Vec<CommitId> {
        let [newest, earlier] = &failed.good;
        let Some(newest) = newest else { return CommitId::parse(NO_COMMIT).into_iter().collect() };
        let failed_before = self
            .known
            .values()
            .any(|known| known.state == State::Failed && known.resources.contains_key(name));
        let earlier = earlier.iter().filter(|_| failed_before);
        std::iter::once(newest).chain(earlier).map(|good| good.commit.clone()).collect()
    }

    async fn begin_from(
        &mut self,
        scene: &Scene,
        history: Vec<PastCommit>,
        fresh: &BTreeMap<&ResourceName, &FailedService>,
    ) -> Result<bool, StoreError> {
        let now = self.now();
        let mut found = Found { history, failing: BTreeMap::new(), candidates: BTreeMap::new() };
        let mut begun = false;
        for (name, failed) in fresh {
            if let Err(refused) = self.examine(&mut found, scene, name, failed) {
                let (why, spec) = *refused;
                begun = true;
                self.needs_person(scene, &found.history, (name, failed), spec, &why).await?;
            }
        }
        let chosen = choose(&found.history, &found.failing);
        for (name, why) in &chosen.none {
            let spec = found.candidates.get(name).map(|candidate| candidate.failed.clone());
            if let (Some(spec), Some(failed)) = (spec, fresh.get(name)) {
                begun = true;
                let why = NotRolledBack::NoRevert(why.clone());
                self.needs_person(scene, &found.history, (name, failed), spec, &why).await?;
            }
        }
        let found_at = |revert: &Revert| {
            let of = revert.resources.iter().filter_map(|name| found.candidates.get(name)?.failed.failed_at);
            of.min().unwrap_or(now)
        };
        let bad =
            chosen.reverts.iter().filter_map(|revert| Some((&revert.bad_commit()?.commit, found_at(revert))));
        let storm = machine::is_storm_with(self.known.values(), bad, now);
        for revert in &chosen.reverts {
            match machine::begin(&self.known, &self.tools.instance, revert, &found.candidates, now) {
                Some(Standing::Begins(rollback)) => {
                    let mut rollback = *rollback;
                    if storm {
                        rollback.hold(now);
                    }
                    rollback.after =
                        rollback.resources.keys().find_map(|name| self.id_of_failed(&found.history, name));
                    self.insert(rollback, scene).await?;
                    begun = true;
                }
                Some(Standing::Joins(id)) => {
                    begun |= self.join(&id, &revert.resources, &found.candidates, scene).await?;
                }
                None => {}
            }
        }
        Ok(begun)
    }

    fn id_of_failed(&self, history: &[PastCommit], name: &ResourceName) -> Option<String> {
        failed_rollback(&self.known, history, name).map(|rollback| rollback.id.clone())
    }

    /// Whether a failure can be rolled back; if not, why.
    fn examine(
        &self,
        found: &mut Found,
        scene: &Scene,
        name: &ResourceName,
        failed: &FailedService,
    ) -> Result<(), Box<(NotRolledBack, FailedSpec)>> {
        let again = failed_rollback(&self.known, &found.history, name);
        let good = good(failed, again.is_some()).or_else(|| {
            let (arn, content) = failed.runs.as_ref().filter(|_| again.is_none())?;
            let commit = good_commit(&found.history, name, arn, content.as_ref())?;
            Some((commit, GoodRevision::Active(arn.revision())))
        });
        let spec = failed_spec(scene, name, failed, good.as_ref().map(|good| good.0.clone()));
        if again.is_some_and(|rollback| rollback.after.is_some()) {
            return Err(Box::new((NotRolledBack::OlderFailed, spec)));
        }
        if again.is_none()
            && let Some(commit) = came_back(&found.history, name)
        {
            // What is remembered of this very spec is from before it was released: otherwise it would not be looked at again.
            let mut chosen = self.known.values().filter(|known| !known.waits_for_history());
            let again = chosen.any(|known| known.is_about(name, &failed.spec_hash));
            let commit = commit.id.clone();
            return Err(Box::new((NotRolledBack::CameBack { commit, again }, spec)));
        }
        let Some((good, revision)) = good else {
            if let Some(PastCommit { id, parent: Parent::CutOff, .. }) = found.history.last() {
                let why = NotRolledBack::NoRevert(NoRevert::CutOff { commit: id.clone() });
                return Err(Box::new((why, spec)));
            }
            let looked_at = found.history.len();
            return Err(Box::new((NotRolledBack::NothingGood { looked_at }, spec)));
        };
        let strategy = failed.strategy.min(self.tools.strategy);
        found.candidates.insert(name.clone(), Candidate { failed: spec, strategy });
        found
            .failing
            .insert(name.clone(), Failing { good, revision, after_failed_rollback: again.is_some() });
        Ok(())
    }

    /// Those that waited for more history make room for what was chosen from it. What is told of them stays in the history.
    async fn forget_replaced(&mut self) -> Result<(), StoreError> {
        for id in machine::replaced(&self.known) {
            self.tools.store.forget(&id).await?;
            self.known.remove(&id);
        }
        Ok(())
    }

    /// Notes that only a person can go on.
    async fn needs_person(
        &mut self,
        scene: &Scene,
        history: &[PastCommit],
        (name, failed): (&ResourceName, &FailedService),
        spec: FailedSpec,
        why: &NotRolledBack,
    ) -> Result<(), StoreError> {
        let Ok(head) = CommitId::parse(&scene.snapshot.commit) else { return Ok(()) };
        let waits = |known: &Rollback| known.waits_for_history() && known.is_about(name, &spec.spec_hash);
        let edge = match why {
            NotRolledBack::NoRevert(NoRevert::CutOff { commit }) => Some(commit.clone()),
            NotRolledBack::Unread { .. } => Some(head.clone()),
            _ => None,
        };
        if edge.is_some() && self.known.values().any(waits) {
            return Ok(());
        }
        let bad = newest_change(history, name).map(|bad| (bad.id.clone(), bad.subject.clone()));
        let (bad, subject) = bad.unwrap_or_else(|| (head, scene.snapshot.subject.clone()));
        let now = self.now();
        let mut rollback = Rollback::detected(
            (machine::new_id(&self.known, &bad), self.tools.instance.clone()),
            (bad, subject),
            BTreeMap::from([(name.clone(), spec)]),
            failed.strategy.min(self.tools.strategy),
            now,
        );
        rollback.after = self.id_of_failed(history, name);
        match edge {
            Some(edge) => rollback.cannot_yet(edge, why.sentence(name), now),
            None => rollback.cannot(why.sentence(name), now),
        }
        self.insert(rollback, scene).await
    }

    async fn insert(&mut self, mut rollback: Rollback, scene: &Scene) -> Result<(), StoreError> {
        let events = super::tell::begun(&rollback, self.now());
        let _ = rollback.overdue(self.now());
        self.tools.store.save(&rollback, &events, &scene.snapshot.commit).await?;
        for event in &events {
            tracing::warn!(resource = %event.resource, rollback = %rollback.id, "{}", event.message);
        }
        self.known.insert(rollback.id.clone(), rollback);
        Ok(())
    }

    async fn join(
        &mut self,
        id: &str,
        services: &BTreeSet<ResourceName>,
        candidates: &BTreeMap<ResourceName, Candidate>,
        scene: &Scene,
    ) -> Result<bool, StoreError> {
        let Some(mut rollback) = self.known.get(id).cloned() else { return Ok(false) };
        let joining = services.iter().filter_map(|name| Some((name.clone(), candidates.get(name)?)));
        for (name, candidate) in joining {
            rollback.join([(name, candidate.failed.clone())], candidate.strategy);
        }
        rollback.look_now(self.now());
        let events = super::tell::begun(&rollback, self.now());
        self.tools.store.save(&rollback, &events, &scene.snapshot.commit).await?;
        self.tools.rewrite(&rollback, scene).await;
        self.known.insert(id.to_owned(), rollback);
        Ok(true)
    }
}

/// What failed, as a rollback remembers it; `good` is the commit with which it was last good.
fn failed_spec(
    scene: &Scene,
    name: &ResourceName,
    failed: &FailedService,
    good: Option<CommitId>,
) -> FailedSpec {
    FailedSpec {
        spec_hash: failed.spec_hash.clone(),
        wanted: wanted_digest(&scene.snapshot.state, name).unwrap_or_default(),
        reason: failed.reason.clone(),
        tried: failed.tried.clone(),
        failed_at: failed.failed_at,
        in_storm: failed.in_storm,
        attempt: failed.attempt.clone(),
        evidence: failed.evidence.clone(),
        differences: failed.differences.clone(),
        good,
        secrets: machine::pinned_secrets(&scene.snapshot.state, name),
    }
}

/// The last good commit of a service and its revision; an older one if what failed is a rollback's own.
fn good(failed: &FailedService, is_rollbacks_own: bool) -> Option<(CommitId, GoodRevision)> {
    let [newest, earlier] = &failed.good;
    let good = if is_rollbacks_own { earlier } else { newest }.as_ref()?;
    let revision = good.revision.as_ref().map(TaskDefinitionArn::revision);
    let revision = revision.map_or(GoodRevision::Unknown, GoodRevision::Active);
    Some((good.commit.clone(), revision))
}
