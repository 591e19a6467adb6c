//! What a pass tells: the commit, the reports, and what is known of each failed service.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bowline_core::desired::kind::{Capability, Mode, RollbackStrategy, Target};
use bowline_core::desired::{DesiredService, ResourceKey, ResourceKind, TaskDefinitionContent};
use bowline_core::live::{Live, Observed};
use bowline_core::name::{CommitId, ResourceName, TaskDefinitionArn};
use bowline_core::plan::{
    AttemptVerdict, Evidence, HeldWhy, ResourceReport, ServiceMemory, SpecHash, not_moved_back,
};
use bowline_core::rollback::machine::Tried;
use bowline_core::rollback::{self, SharedOutage};
use jiff::Timestamp;

use crate::engine::reconcile::{Found, World};
use crate::source::Snapshot;

/// What rollbacks are decided by.
#[derive(Debug, Clone)]
pub struct Scene {
    /// What git says.
    pub snapshot: Arc<Snapshot>,
    /// Whether it may be acted from.
    pub fresh: bool,
    /// The state of every resource, shared with the status.
    pub reports: Arc<[Box<ResourceReport>]>,
    /// Services whose wanted spec failed, and for which Bowline may do something.
    pub failed: BTreeMap<ResourceName, FailedService>,
    /// How far a rollback may go by now, as the manifest of each service and the mode say.
    pub strategies: BTreeMap<ResourceName, RollbackStrategy>,
    /// Services of Targets that are only observed by now: because of them nothing is written anywhere.
    pub observed: BTreeSet<ResourceName>,
    /// Secrets whose AWSCURRENT would stay where it is if git pinned an older version again, each with why.
    pub not_moved_back: BTreeMap<ResourceKey, String>,
    /// The commits that were acted from: they tell which parent of a merge the branch was on.
    pub acted_from: Vec<CommitId>,
    /// Why nothing is rolled back by itself for now, if so much fails at once that a shared cause is likely.
    pub outage: Option<SharedOutage>,
}

/// A service whose wanted spec failed.
#[derive(Debug, Clone)]
pub struct FailedService {
    /// What failed.
    pub spec_hash: SpecHash,
    /// How, as a sentence.
    pub reason: String,
    /// Which attempt failed, where that is known.
    pub tried: Option<Tried>,
    /// When it was found bad, where that is known.
    pub failed_at: Option<Timestamp>,
    /// Whether so many different commits were found bad at about that time that something they share may have been down.
    pub in_storm: bool,
    /// How far a rollback may go, as its manifest and the mode say.
    pub strategy: RollbackStrategy,
    /// Whether task definitions may be registered on its Target.
    pub may_register: bool,
    /// What is known of the attempt, a line each.
    pub attempt: Vec<String>,
    /// What speaks for the verdict, where that is known.
    pub evidence: Option<Box<Evidence>>,
    /// What git wants that live does not have, a line each.
    pub differences: Vec<String>,
    /// The newest good spec, and the one before it.
    pub good: [Option<GoodSpec>; 2],
    /// What the service runs, with its content if that was read.
    pub runs: Option<(TaskDefinitionArn, Option<TaskDefinitionContent>)>,
}

/// A spec that was good.
#[derive(Debug, Clone, PartialEq)]
pub struct GoodSpec {
    /// The commit that wanted it.
    pub commit: CommitId,
    /// The revision, where known.
    pub revision: Option<TaskDefinitionArn>,
    /// Its content, where that was kept: AWS forgets deregistered revisions.
    pub content: Option<TaskDefinitionContent>,
}

impl Scene {
    /// What a pass found.
    pub fn of(world: &World, snapshot: &Arc<Snapshot>, found: &Found) -> Self {
        let failed = services(&found.reports).filter_map(|report| failed(world, snapshot, report)).collect();
        let applied = world.applied.borrow();
        let nothing = Live::default();
        let live = world.live.as_ref().unwrap_or(&nothing);
        let not_moved_back = not_moved_back(&snapshot.state, live, &world.memory);
        Self {
            snapshot: Arc::clone(snapshot),
            fresh: found.fresh,
            failed,
            not_moved_back,
            strategies: strategies(world, snapshot),
            observed: observed(world, snapshot),
            reports: Arc::clone(&found.reports),
            outage: rollback::shared_outage(&world.memory, found.finished_at),
            acted_from: applied.iter().filter_map(|commit| CommitId::parse(commit).ok()).collect(),
        }
    }

    /// How far a rollback of these services may go by now; one that left git holds nothing back.
    pub(super) fn allows<'a>(&self, names: impl Iterator<Item = &'a ResourceName>) -> RollbackStrategy {
        let present = names.filter_map(|name| self.strategies.get(name).copied());
        present.min().unwrap_or(RollbackStrategy::AutoMerge)
    }

    /// Whether anything may be written because of these services.
    pub(super) fn may_write<'a>(&self, mut names: impl Iterator<Item = &'a ResourceName>) -> bool {
        !names.any(|name| self.observed.contains(name))
    }

    /// The reports by their resources.
    pub(super) fn by_resource(&self) -> BTreeMap<&ResourceKey, &ResourceReport> {
        self.reports.iter().map(|report| (&report.resource, &**report)).collect()
    }
}

fn services(reports: &[Box<ResourceReport>]) -> impl Iterator<Item = &ResourceReport> {
    reports.iter().map(|report| &**report).filter(|report| report.resource.kind == ResourceKind::EcsService)
}

fn failed(
    world: &World,
    snapshot: &Snapshot,
    report: &ResourceReport,
) -> Option<(ResourceName, FailedService)> {
    let name = &report.resource.name;
    let (spec_hash, reason) = report.held.iter().find_map(|why| match why {
        HeldWhy::Quarantined { spec_hash, reason, .. } => Some((spec_hash, reason)),
        _ => None,
    })?;
    let wanted = &snapshot.state.services.get(name)?.resource.spec;
    let target = &snapshot.state.targets.get(&wanted.target)?.spec;
    let most = most(world, target);
    if most == RollbackStrategy::None {
        return None;
    }
    let memory = world.memory.services.get(name).map(|memory| &**memory);
    let live = world.live.as_ref();
    let runs = live.and_then(|live| live.services.get(name)).and_then(Observed::known);
    let runs = runs.and_then(|service| service.task_definition.clone()).map(|arn| {
        let key = |reference: &str| (wanted.target.clone(), reference.to_owned());
        let read = live.and_then(|live| {
            let revisions = &live.task_definitions;
            revisions.get(&key(arn.as_str())).or_else(|| revisions.get(&key(arn.revision().as_str())))
        });
        let content = read.and_then(Observed::known).map(|revision| revision.content.clone());
        (arn, content)
    });
    let attempted = memory.and_then(|memory| memory.attempts.get(spec_hash));
    let failed_at = attempted.and_then(|attempt| attempt.aftermath.ended_at);
    let failed = FailedService {
        failed_at,
        in_storm: failed_at.is_some_and(|at| rollback::was_shared_outage(&world.memory, at)),
        spec_hash: spec_hash.clone(),
        reason: reason.clone(),
        tried: attempted
            .map(|attempt| Tried { began: attempt.at, deployment: attempt.deployment_id.clone() }),
        strategy: wanted.rollback.strategy.min(most),
        may_register: most == RollbackStrategy::AutoMerge && deploys(world, target),
        attempt: memory.map(|memory| attempt(memory, spec_hash)).unwrap_or_default(),
        evidence: evidence(world, report, memory).map(Box::new),
        differences: report.differences.iter().map(ToString::to_string).collect(),
        good: memory.map(good).unwrap_or_default(),
        runs,
    };
    Some((name.clone(), failed))
}

/// What speaks for the verdict; with what probes were answered only where that may be told.
fn evidence(world: &World, report: &ResourceReport, memory: Option<&ServiceMemory>) -> Option<Evidence> {
    let failed = report.failed.as_ref()?;
    let kept =
        memory.filter(|_| world.tells_bodies).and_then(|memory| memory.attempts.get(&failed.spec_hash));
    kept.and_then(|attempt| attempt.aftermath.evidence.clone()).or_else(|| failed.evidence.clone())
}

/// How far a rollback of each service may go.
fn strategies(world: &World, snapshot: &Snapshot) -> BTreeMap<ResourceName, RollbackStrategy> {
    let strategy = |(name, service): (&ResourceName, &DesiredService)| {
        let wanted = &service.resource.spec;
        let target = snapshot.state.targets.get(&wanted.target);
        let most = target.map_or(RollbackStrategy::None, |target| most(world, &target.spec));
        (name.clone(), wanted.rollback.strategy.min(most))
    };
    snapshot.state.services.iter().map(strategy).collect()
}

/// The services of Targets that are only observed.
fn observed(world: &World, snapshot: &Snapshot) -> BTreeSet<ResourceName> {
    let is_observed = |(_, service): &(&ResourceName, &DesiredService)| {
        let target = snapshot.state.targets.get(&service.resource.spec.target);
        target.is_some_and(|target| target.spec.mode.min(world.ceiling.mode) == Mode::Observe)
    };
    snapshot.state.services.iter().filter(is_observed).map(|(name, _)| name.clone()).collect()
}

/// How far both Target and ceiling let a rollback go.
fn most(world: &World, target: &Target) -> RollbackStrategy {
    match target.mode.min(world.ceiling.mode) {
        Mode::Observe => RollbackStrategy::None,
        Mode::Propose => RollbackStrategy::PullRequest,
        Mode::Enforce => RollbackStrategy::AutoMerge,
    }
}

/// Whether both Target and ceiling allow to deploy there.
fn deploys(world: &World, target: &Target) -> bool {
    let by_ceiling = world.ceiling.capabilities.as_ref();
    by_ceiling.is_none_or(|allowed| allowed.contains(&Capability::EcsDeploy))
        && target.capabilities.contains(&Capability::EcsDeploy)
}

/// What is known of an attempt.
fn attempt(memory: &ServiceMemory, spec_hash: &SpecHash) -> Vec<String> {
    let Some(attempt) = memory.attempts.get(spec_hash) else { return Vec::new() };
    let revision = attempt.task_definition.as_ref().map(|arn| format!("revision {}", arn.revision()));
    let deployment = attempt.deployment_id.as_ref().map(|id| format!("deployment {id}"));
    let began = format!("begun {:.0} from commit {:.8}", attempt.at, attempt.commit);
    let good = memory.last_good.as_ref();
    let good =
        good.map(|good| format!("last good: {}, since {:.0}", good.task_definition.revision(), good.at));
    [revision, deployment, Some(began), Some(format!("spec {}", spec_hash.0)), good]
        .into_iter()
        .flatten()
        .collect()
}

/// The newest good spec, and the one before it: attempts remember earlier ones.
fn good(memory: &ServiceMemory) -> [Option<GoodSpec>; 2] {
    let last = memory.last_good.as_ref();
    let newest = last.and_then(|good| {
        let commit = CommitId::parse(&good.commit).ok()?;
        let content = good.content.clone();
        Some(GoodSpec { commit, revision: Some(good.task_definition.clone()), content })
    });
    let earlier = memory.attempts.iter().filter(|(hash, attempt)| {
        attempt.verdict == Some(AttemptVerdict::Good)
            && last.is_none_or(|good| good.spec_hash.as_ref() != Some(*hash) && attempt.commit != good.commit)
    });
    let earlier = earlier.map(|(_, attempt)| attempt).max_by_key(|attempt| attempt.at);
    let earlier = earlier.and_then(|attempt| {
        let commit = CommitId::parse(&attempt.commit).ok()?;
        Some(GoodSpec { commit, revision: attempt.task_definition.clone(), content: None })
    });
    [newest, earlier]
}
