//! One pass: observe, decide, act, record. Reads like the picture in ARCHITECTURE.md.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bowline_core::desired::{DesiredState, ResourceKey, ResourceKind};
use bowline_core::live::Live;
use bowline_core::name::InstanceName;
use bowline_core::plan::{
    self, Action, Actor, Approved, Event, Memory, Need, Operation, Outcome, ResourceReport, Wave,
};
use bowline_core::policy::{self, Baselines, Ceiling, GitStanding};
use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::git::{GitHandle, Head};
use super::refusal;
use crate::aws::Aws;
use crate::clock::Clock;
use crate::execute::execute;
use crate::observe::{self, Scope};
use crate::probe::Prober;
use crate::source::Snapshot;
use crate::store::{Store, StoreError};

/// How often in one pass the core may ask for more to read, as [`plan::needs`] says. Each round answers all that was asked,
/// and an answer, even "unknown", is not asked again, so a pass that asks once more has a bug.
const MOST_ROUNDS: usize = 8;

/// Everything that a pass needs and changes. It has one owner.
#[derive(Debug)]
pub struct World {
    /// The name of this instance: what it claims services with.
    pub instance: InstanceName,
    /// The clients.
    pub aws: Aws,
    /// The way to the repository's owner.
    pub git: GitHandle,
    /// The store.
    pub store: Store,
    /// The most that Bowline may do.
    pub ceiling: Ceiling,
    /// The time.
    pub clock: Clock,
    /// What is remembered between passes.
    pub memory: Memory,
    /// What was observed in the previous pass.
    pub live: Option<Live>,
    /// Asks health conditions between passes.
    pub prober: Prober,
    /// Which part of each commit is looked at.
    pub part: Part,
    /// Whether pull requests tell what health conditions were answered.
    pub tells_bodies: bool,
    /// The commits that were last acted from, published to the repository's owner: one, unless a target is refused.
    pub applied: watch::Sender<BTreeSet<String>>,
    /// Asked between two actions: the current call always ends.
    pub shutdown: CancellationToken,
}

/// Which part of each commit is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// All of it: only then does the commit count as applied.
    Whole,
    /// One Target.
    OneTarget,
    /// One service and what it refers to. A person named it, so it does not matter what else vanished.
    OneService,
}

/// When the next pass should come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// At the usual interval.
    AtInterval,
    /// In a few seconds: a rollout is under way, or a later wave waits.
    Soon,
    /// As soon as git was read again: the commit at hand could not be acted from, and nothing was done.
    Reread(Reread),
}

/// Why git has to be read again before anything is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reread {
    /// The head moved to this commit.
    Moved(String),
    /// The branch was not compared with all commits that were acted from: the last pass was under way when it was read.
    Uncompared,
}

/// Whether a wave may begin.
enum Gate {
    Open,
    Reread(Reread),
    /// The remote cannot be asked, with the reason as a sentence.
    Unreadable(String),
}

/// One action that was attempted.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempted {
    /// What.
    pub action: Action,
    /// How it went.
    pub outcome: Outcome,
}

/// What one pass found and did.
#[derive(Debug, Clone)]
pub struct Pass {
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// How long it took by the machine's own clock.
    pub took: Duration,
    /// Everything that should be done, allowed or not, in all waves.
    pub proposed: Vec<Action>,
    /// The state of each resource, and what may be done now: one wave.
    pub approved: Approved,
    /// What was attempted of it.
    pub attempted: Vec<Attempted>,
    /// What is worth telling.
    pub events: Vec<Event>,
    /// Whether git could be acted from.
    pub standing: GitStanding,
    /// When the next pass should come.
    pub next: Next,
}

/// What a pass found, for those who look at it after it ended.
#[derive(Debug, Clone)]
pub struct Found {
    /// When it ended.
    pub finished_at: Timestamp,
    /// Whether git could be acted from.
    pub fresh: bool,
    /// The state of each resource.
    pub reports: Arc<[Box<ResourceReport>]>,
}

/// When a pass began: on the clock that may be scaled, and by the machine's own.
struct Begun {
    at: Timestamp,
    started: Instant,
}

/// The decision of one pass, before anything is done.
struct Decision {
    proposed: Vec<Action>,
    approved: Approved,
    events: Vec<Event>,
    standing: GitStanding,
}

/// One pass over `snapshot`: observes what `scope` says is due, decides, acts on one wave and records it.
///
/// `None` means that shutdown cut it off while it was looking. An error means that the store cannot be written: nothing
/// is done from then on, since it could not be remembered.
pub async fn reconcile(
    world: &mut World,
    snapshot: &Snapshot,
    scope: Scope,
) -> Result<Option<Pass>, StoreError> {
    let begun = Begun { at: world.clock.now(), started: Instant::now() };
    // Looking changes nothing and may be cut off anywhere; a wave ends the call that is under way.
    let scope = Scope { strangers: scope.strangers && world.part == Part::Whole, ..scope };
    let looking = world.shutdown.run_until_cancelled(look(world, snapshot, scope));
    let Some(live) = looking.await else { return Ok(None) };
    // Of thousands of services both would be held through the decision, which does not ask what was seen before.
    world.live = None;
    let mut decision = decide(world, snapshot, &live);
    world.live = Some(live);
    if let Err(error) = write_down(world, snapshot, &mut decision).await {
        // What could not be told is learned again in the next pass.
        world.memory = world.store.written().clone();
        return Err(error);
    }
    let mut attempted = Vec::new();
    let mut reread = None;
    match before_wave(world, snapshot, &decision).await {
        Gate::Open => {
            note_applied(world, snapshot, &decision.standing).await?;
            attempted = perform(world, snapshot, &decision.approved, &mut decision.events).await?;
        }
        Gate::Reread(why) => {
            tracing::info!(commit = %snapshot.commit, %why, "reading git again before anything is done");
            reread = Some(why);
        }
        Gate::Unreadable(reason) => {
            decision.standing = GitStanding::Stale(snapshot.stale(world.clock.now(), &reason));
            if let Some(live) = &world.live {
                let now = world.clock.now();
                let weighed = weigh(world, snapshot, live, &decision.standing, now);
                (decision.proposed, decision.approved) = weighed;
            }
        }
    }
    Box::pin(follow_health(world, &snapshot.state)).await;
    let pass = decision.into_pass(&begun, world.clock.now(), attempted, reread);
    super::status::measure(&pass);
    Ok(Some(pass))
}

/// What was learned and what is told of it, together.
async fn write_down(
    world: &mut World,
    snapshot: &Snapshot,
    decision: &mut Decision,
) -> Result<(), StoreError> {
    if snapshot.speaks_of(&world.applied.borrow()) {
        let history = world.store.history();
        let refused = refusal::events(&decision.standing, &snapshot.state, &history, world.clock.now());
        decision.events.extend(refused.await?);
    }
    world.store.save(&world.memory, &decision.events, &snapshot.commit).await
}

/// Has the health conditions asked that count until the next pass.
async fn follow_health(world: &mut World, desired: &DesiredState) {
    let Some(live) = &world.live else { return };
    let followed = plan::followed(desired, live, &world.memory);
    world.prober.follow(&world.aws, desired, followed).await;
}

/// A pass that only looks: what [`reconcile`] would do now. Nothing is written or learned.
pub async fn preview(world: &mut World, snapshot: &Snapshot) -> Pass {
    let begun = Begun { at: world.clock.now(), started: Instant::now() };
    // A part of git does not tell what git names; and once is enough when looking twice.
    let strangers = world.part == Part::Whole && world.live.is_none();
    let live = look(world, snapshot, Scope { strangers, ..Scope::ALL }).await;
    let before = world.memory.clone();
    let decision = decide(world, snapshot, &live);
    world.memory = before;
    world.live = Some(live);
    decision.into_pass(&begun, world.clock.now(), Vec::new(), None)
}

/// Observes, and reads on until the core has no more questions.
async fn look(world: &World, snapshot: &Snapshot, scope: Scope) -> Live {
    let desired = &*snapshot.state;
    let actor = Actor { instance: &world.instance, commit: &snapshot.commit };
    let observed = observe::observe(&world.aws, desired, &world.ceiling, world.live.as_ref(), scope);
    let mut live = Box::pin(observed).await;
    live.probes = world.prober.take();
    if world.live.as_ref().is_none_or(|before| before.commit != snapshot.commit) {
        live.recent_revisions.clear();
    }
    live.commit.clone_from(&snapshot.commit);
    let seldom = plan::due_seldom(desired, &live, &world.memory, world.clock.now());
    Box::pin(observe::read_seldom(&world.aws, desired, &mut live, seldom, scope)).await;
    let mut rounds = 0;
    loop {
        let needs = plan::needs(desired, &live, &world.memory, actor, world.clock.now());
        if needs.is_empty() {
            return live;
        }
        if rounds == MOST_ROUNDS {
            tracing::error!(rounds, "the plan keeps asking for more to read; please report this as a bug");
            return live;
        }
        let unhealthy = needs.iter().filter_map(|need| match need {
            Need::Health { service } => Some(service.clone()),
            _ => None,
        });
        let asked = unhealthy.collect();
        Box::pin(observe::read(&world.aws, desired, &mut live, &needs)).await;
        world.memory.share_contents(&mut live);
        Box::pin(world.prober.ask_now(&world.aws, desired, &mut live, asked)).await;
        rounds += 1;
    }
}

fn decide(world: &mut World, snapshot: &Snapshot, live: &Live) -> Decision {
    let now = world.clock.now();
    let desired = &*snapshot.state;
    let standing = standing_of(world, snapshot);
    let actor = Actor { instance: &world.instance, commit: &snapshot.commit };
    let events = plan::learn(&mut world.memory, desired, live, actor, now);
    let (proposed, approved) = weigh(world, snapshot, live, &standing, now);
    Decision { proposed, approved, events, standing }
}

/// Everything that should be done, and what of it may be done now.
fn weigh(
    world: &World,
    snapshot: &Snapshot,
    live: &Live,
    standing: &GitStanding,
    now: Timestamp,
) -> (Vec<Action>, Approved) {
    let desired = &*snapshot.state;
    let actor = Actor { instance: &world.instance, commit: &snapshot.commit };
    let proposed = plan::propose(desired, live, &world.memory, actor, now);
    let actions = proposed.actions.clone();
    (actions, policy::approve(proposed, desired, &world.ceiling, standing))
}

/// Whether git may be acted from, by what is remembered; AWS is not asked.
pub fn standing_of(world: &World, snapshot: &Snapshot) -> GitStanding {
    standing(world.part, &policy::declared(&world.memory.targets, &snapshot.accepted), snapshot)
}

/// Git's own standing, unless too much vanished since each target was last acted from.
fn standing(part: Part, baselines: &Baselines, snapshot: &Snapshot) -> GitStanding {
    let mut targets = match (&snapshot.standing, part) {
        (GitStanding::Fresh, Part::Whole | Part::OneTarget) => policy::shrunk(baselines, &snapshot.state),
        (standing, _) => return standing.clone(),
    };
    if part == Part::OneTarget {
        targets.retain(|target, _| snapshot.state.targets.contains_key(target));
    }
    if targets.is_empty() {
        GitStanding::Fresh
    } else {
        GitStanding::Shrunk { head: snapshot.commit.clone(), targets }
    }
}

/// Whether the commit at hand may be acted from, and be noted so.
///
/// Its standing must speak of every commit that was acted from, the one of the pass before included: the repository is read
/// while passes are under way. Nothing but a pass acts, so that stays true through the wave. And before a wave the remote is
/// asked once more: a pass may have taken minutes. Without a wave nobody needs to know.
async fn before_wave(world: &World, snapshot: &Snapshot, decision: &Decision) -> Gate {
    if !snapshot.speaks_of(&world.applied.borrow()) {
        return Gate::Reread(Reread::Uncompared);
    }
    if decision.approved.actions().is_empty() {
        return Gate::Open;
    }
    match world.git.head_is(&snapshot.commit).await {
        Head::Same => Gate::Open,
        Head::Moved(to) => Gate::Reread(Reread::Moved(to)),
        Head::Unreadable(reason) => Gate::Unreadable(reason),
    }
}

/// Notes what is acted from: the commit, and per target what it holds. A target that is refused stays as it was.
///
/// Memory goes first: should the process end in between, the commit is still known from the targets.
async fn note_applied(
    world: &mut World,
    snapshot: &Snapshot,
    standing: &GitStanding,
) -> Result<(), StoreError> {
    let none = BTreeMap::new();
    let refused = match (standing, world.part) {
        (GitStanding::Fresh, Part::Whole) => &none,
        (GitStanding::Shrunk { targets, .. }, Part::Whole) => targets,
        (GitStanding::Stale(_) | GitStanding::ForcePushed { .. }, _)
        | (_, Part::OneTarget | Part::OneService) => return Ok(()),
    };
    let commit = &snapshot.commit;
    let is_new = !world.applied.borrow().contains(commit);
    let targets = &world.memory.targets;
    if !is_new && !targets.is_empty() && targets.values().all(|target| target.commit == *commit) {
        return Ok(());
    }
    let before = policy::declared(targets, &snapshot.accepted);
    let now = policy::advanced(&before, &snapshot.state, commit, refused);
    if now != *targets {
        world.memory.targets = now;
        world.store.save(&world.memory, &[], commit).await?;
    }
    if is_new {
        world.store.note_applied(commit, world.clock.now()).await?;
    }
    let mut applied: BTreeSet<String> =
        world.memory.targets.values().map(|target| target.commit.clone()).collect();
    applied.insert(commit.clone());
    world.applied.send_replace(applied);
    Ok(())
}

/// Attempts the wave, one action after the other.
///
/// Guarantees: before a call is made, what it begins is on disk as if AWS had taken it without telling an id. A crash
/// between the call and its answer thus leaves a rollout to be judged, and if the call was never made, one that is found
/// to be superseded.
async fn perform(
    world: &mut World,
    snapshot: &Snapshot,
    approved: &Approved,
    events: &mut Vec<Event>,
) -> Result<Vec<Attempted>, StoreError> {
    let taken = Outcome::Done { deployment_id: None, task_definition: None };
    let (desired, commit) = (&*snapshot.state, snapshot.commit.as_str());
    let mut attempted = Vec::new();
    for action in approved.actions() {
        if world.shutdown.is_cancelled() {
            break;
        }
        let mut intended = only(&world.memory, &action.resource);
        plan::record(&mut intended, action, &taken, desired, commit, world.clock.now());
        world.store.save_part(&intended, &[], commit).await?;

        let outcome = Box::pin(execute(&world.aws, desired, action)).await;
        forget_revisions(world.live.as_mut(), action);
        let told = plan::record(&mut world.memory, action, &outcome, desired, commit, world.clock.now());
        world.store.save_part(&only(&world.memory, &action.resource), &told, commit).await?;
        events.extend(told);
        attempted.push(Attempted { action: action.clone(), outcome });
    }
    Ok(attempted)
}

/// A family of which a revision was to be registered is read anew, however that went; and so are the tags of a revision that
/// were to be changed, and a revision that was to be deployed: it may have been deregistered.
fn forget_revisions(live: Option<&mut Live>, action: &Action) {
    let Some(live) = live else { return };
    let deployed = match &action.operation {
        Operation::RegisterTaskDefinition { family, .. } => {
            live.recent_revisions.remove(&(action.target.clone(), family.clone()));
            return;
        }
        Operation::TagTaskDefinition { task_definition, .. } => {
            live.task_definition_tags.retain(|_, asked| *asked.about != *task_definition.as_str());
            return;
        }
        Operation::UpdateService { task_definition, .. } => task_definition.as_ref(),
        Operation::CreateService { task_definition, .. } => Some(task_definition),
        Operation::TagService { .. }
        | Operation::PromoteSecret { .. }
        | Operation::StopServiceDeployment { .. } => None,
    };
    if let Some(arn) = deployed {
        for reference in [arn.as_str(), arn.revision().as_str()] {
            live.task_definitions.remove(&(action.target.clone(), reference.to_owned()));
        }
    }
}

/// What is remembered of one resource.
fn only(memory: &Memory, resource: &ResourceKey) -> Memory {
    let mut one = Memory::default();
    if let Some(service) = memory.services.get(&resource.name)
        && resource.kind == ResourceKind::EcsService
    {
        one.services.insert(resource.name.clone(), service.clone());
    }
    let key = resource.to_string();
    if let Some(of_any_kind) = memory.resources.get(&key) {
        one.resources.insert(key, of_any_kind.clone());
    }
    one
}

impl Decision {
    fn into_pass(
        self,
        begun: &Begun,
        finished_at: Timestamp,
        attempted: Vec<Attempted>,
        reread: Option<Reread>,
    ) -> Pass {
        let mut pass = Pass {
            started_at: begun.at,
            finished_at,
            took: begun.started.elapsed(),
            proposed: self.proposed,
            approved: self.approved,
            attempted,
            events: self.events,
            standing: self.standing,
            next: Next::AtInterval,
        };
        if let Some(why) = reread {
            pass.next = Next::Reread(why);
        } else if pass.is_under_way() {
            pass.next = Next::Soon;
        }
        pass
    }
}

impl std::fmt::Display for Reread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Moved(to) => write!(f, "the branch moved on to {to:.8}"),
            Self::Uncompared => f.write_str("it was read before the last pass had ended"),
        }
    }
}

impl Pass {
    /// Takes the reports out, to be shared.
    pub fn found(&mut self) -> Found {
        Found {
            finished_at: self.finished_at,
            fresh: self.standing == GitStanding::Fresh,
            reports: std::mem::take(&mut self.approved.reports).into_values().collect(),
        }
    }

    /// True while something that was begun has not ended: an action was made, or a rollout is under way.
    pub fn is_under_way(&self) -> bool {
        let done = |attempt: &Attempted| !matches!(attempt.outcome, Outcome::Failed(_));
        self.attempted.iter().any(done) || self.approved.reports.values().any(|report| report.is_rolling())
    }

    /// True if a secret was touched: the next pass has to read secrets again although they are not due.
    pub fn touched_secrets(&self) -> bool {
        self.attempted.iter().any(|attempt| attempt.action.wave == Wave::Secrets)
    }

    /// The actions of later waves; they are planned again from what is then found.
    pub fn later(&self) -> Vec<&Action> {
        let first = self.approved.actions().first().map(|action| action.wave);
        self.proposed.iter().filter(|action| first.is_some_and(|first| action.wave > first)).collect()
    }
}
