//! What is live? A desired state and what was seen before in, a [`Live`] out.
//!
//! Fans out over Targets, batches, and turns every failure into an `Unknown` of exactly the resources that it concerns.
//! Reads only: it may call no writing function of `aws`. It must not know what will be concluded from what it sees.

mod images;
pub(crate) mod inventory;
mod needs;
mod seldom;
mod services;
mod strangers;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bowline_core::desired::{DesiredService, DesiredState, WantedTaskDefinition};
use bowline_core::live::{
    Live, LiveDeployment, LiveSecret, LiveService, LiveState, Observed, RolloutState, Stranger,
    UnknownCategory, UnknownReason,
};
use bowline_core::name::{ResourceName, ServiceName};
use bowline_core::policy::{self, Ceiling};
use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinSet;

use crate::aws::{Aws, AwsError, Priority, Session};

pub use needs::read;
pub use seldom::read as read_seldom;

/// What is due in this pass; what is not due is carried over from the previous [`Live`], unless it could not be read there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is due at its own interval")]
pub struct Scope {
    /// Services.
    pub services: bool,
    /// Secrets.
    pub secrets: bool,
    /// Terraform states.
    pub states: bool,
    /// Services that git does not name: a ListServices for each 100 services of a cluster, and a DescribeServices for each 10
    /// that git does not name.
    pub strangers: bool,
    /// The tags of all task definitions that are due; else of a few in a pass, so that no pass waits for them.
    pub all_tags: bool,
}

impl Scope {
    /// Everything that git names.
    pub const ALL: Self =
        Self { services: true, secrets: true, states: true, strangers: false, all_tags: true };
}

/// Reads what is due of every Target.
///
/// Expected flow: a Target outside of the ceiling is passed over; the caller's account of each other one is verified; then services in batches, secrets one by one, states
/// one by one, all Targets at once, each within its own `constraints.concurrency`.
///
/// Guarantees: every resource of `desired` is in the result. One that failed to be read is `Unknown`, never missing. A
/// service that AWS calls missing is `Unknown` the first time and `Missing` when `previous` had it so already; it stays
/// `Unknown` while all services of its Target are missing, unless all of them are to be created. Of a Target whose account is not the caller's nothing is read. For one
/// outside of the ceiling no call is made at all: no role is assumed, and no identity is asked for.
pub async fn observe(
    aws: &Aws,
    desired: &DesiredState,
    ceiling: &Ceiling,
    previous: Option<&Live>,
    scope: Scope,
) -> Live {
    let mut live = carried_over(desired, previous, scope);
    let mut tasks = JoinSet::new();
    for (name, target) in &desired.targets {
        if let Some(why) = policy::unreadable(name, &target.spec, ceiling) {
            set_unknown(&mut live, desired, name, why);
            continue;
        }
        let session = aws.session(name, &target.spec).await;
        let name = name.clone();
        tasks.spawn(async move {
            let verified = session.verify_account().await;
            (name, session, verified)
        });
    }
    let mut reads: JoinSet<Read> = JoinSet::new();
    while let Some(joined) = tasks.join_next().await {
        let Ok((name, session, verified)) = joined else { continue };
        match verified {
            Ok(()) => {
                live.targets.insert(name.clone(), Observed::Known { value: (), at: session.now() });
                if scope.services {
                    services::start(&mut reads, &session, &name, desired, previous);
                }
                start_secrets(&mut reads, &session, &name, desired, &live.secrets, scope);
                if scope.strangers {
                    strangers::start(&mut reads, &session, &name, desired);
                }
                start_states(&mut reads, &session, &name, desired, (previous, &live.states), scope);
            }
            Err(why) => {
                set_unknown(&mut live, desired, &name, why);
            }
        }
    }
    collect(&mut live, reads).await;
    services::doubt_missing(&mut live, desired, previous, scope);
    keep_slow_reads(&mut live, previous, aws.now());
    keep_revisions(&mut live, desired, previous, aws.now());
    keep_task_definitions(&mut live, desired, previous);
    live
}

/// One finished read.
pub(crate) enum Read {
    Services(Vec<(ResourceName, Observed<Arc<LiveService>>)>, Session),
    Secret(ResourceName, Observed<LiveSecret>, Session),
    State(ResourceName, Observed<LiveState>),
    Strangers(ResourceName, Observed<BTreeMap<ServiceName, Stranger>>),
}

/// The result with what is not due taken from before, and everything else `Unknown` until it has been read.
fn carried_over(desired: &DesiredState, previous: Option<&Live>, scope: Scope) -> Live {
    fn start<T: Clone>(
        names: impl Iterator<Item = ResourceName>,
        before: Option<&BTreeMap<ResourceName, Observed<T>>>,
        due: bool,
    ) -> BTreeMap<ResourceName, Observed<T>> {
        let why = Arc::new(not_read());
        let unread = || Observed::unknown(Arc::clone(&why));
        names
            .map(|name| {
                let kept = before.filter(|_| !due).and_then(|before| before.get(&name)).cloned();
                (name, kept.unwrap_or_else(unread))
            })
            .collect()
    }
    Live {
        targets: start(desired.targets.keys().cloned(), None, true),
        services: start(
            desired.services.keys().cloned(),
            previous.map(|live| &live.services),
            scope.services,
        ),
        secrets: start(desired.secrets.keys().cloned(), previous.map(|live| &live.secrets), scope.secrets),
        strangers: previous
            .filter(|_| !scope.strangers)
            .map(|live| live.strangers.clone())
            .unwrap_or_default(),
        states: start(desired.states.keys().cloned(), previous.map(|live| &live.states), scope.states),
        ..Live::default()
    }
}

fn not_read() -> UnknownReason {
    UnknownReason {
        category: UnknownCategory::NotRead,
        message: "not read yet".to_owned(),
        hint: "It is read in one of the next passes.".to_owned(),
        aws: None,
    }
}

/// Nothing of this Target may be believed, what was carried over included.
fn set_unknown(live: &mut Live, desired: &DesiredState, target: &ResourceName, why: UnknownReason) {
    let why = Arc::new(why);
    live.targets.insert(target.clone(), Observed::unknown(Arc::clone(&why)));
    for (name, service) in &desired.services {
        if service.resource.spec.target == *target {
            live.services.insert(name.clone(), Observed::unknown(Arc::clone(&why)));
        }
    }
    for (name, secret) in &desired.secrets {
        if secret.spec.target == *target {
            live.secrets.insert(name.clone(), Observed::unknown(Arc::clone(&why)));
        }
    }
    for (name, state) in &desired.states {
        if state.spec.target == *target {
            live.states.insert(name.clone(), Observed::unknown(Arc::clone(&why)));
        }
    }
}

fn start_secrets(
    reads: &mut JoinSet<Read>,
    session: &Session,
    target: &ResourceName,
    desired: &DesiredState,
    carried: &BTreeMap<ResourceName, Observed<LiveSecret>>,
    scope: Scope,
) {
    for (name, secret) in desired.secrets.iter().filter(|(_, secret)| secret.spec.target == *target) {
        if !(scope.secrets || scope.services && is_unread(carried, name)) {
            continue;
        }
        let (session, name, id) = (session.clone(), name.clone(), secret.spec.secret_id.clone());
        reads.spawn(async move {
            let answer = session.describe_secret(id.as_str(), Priority::Scan).await;
            Read::Secret(name, observed(&session, answer), session)
        });
    }
}

fn start_states(
    reads: &mut JoinSet<Read>,
    session: &Session,
    target: &ResourceName,
    desired: &DesiredState,
    (previous, carried): (Option<&Live>, &BTreeMap<ResourceName, Observed<LiveState>>),
    scope: Scope,
) {
    for (name, state) in desired.states.iter().filter(|(_, state)| state.spec.target == *target) {
        if !(scope.states || scope.services && is_unread(carried, name)) {
            continue;
        }
        let known = previous.and_then(|live| live.states.get(name)).and_then(Observed::known).cloned();
        let (session, name) = (session.clone(), name.clone());
        let (bucket, key) = (state.spec.bucket.clone(), state.spec.key.clone());
        let addresses = state.spec.resources.keys().cloned().collect();
        reads.spawn(async move {
            let answer = session.read_state(&bucket, &key, &addresses, known.as_ref()).await;
            Read::State(name, observed(&session, answer))
        });
    }
}

/// What could not be read is read along with services, however long its own interval is: what was in the way may be gone.
fn is_unread<T>(carried: &BTreeMap<ResourceName, Observed<T>>, name: &ResourceName) -> bool {
    matches!(carried.get(name), Some(Observed::Unknown { .. }))
}

/// An answer as an observation made now.
pub(crate) fn observed<T>(session: &Session, answer: Result<Option<T>, AwsError>) -> Observed<T> {
    match answer {
        Ok(Some(value)) => Observed::Known { value, at: session.now() },
        Ok(None) => Observed::Missing,
        Err(error) => Observed::unknown(error.reason),
    }
}

async fn collect(live: &mut Live, mut reads: JoinSet<Read>) {
    // A read that panicked leaves its resources `Unknown` (not read).
    while let Some(joined) = reads.join_next().await {
        match joined {
            Ok(Read::Services(found, session)) => {
                if found.iter().any(|(_, observed)| is_refused_credentials(observed)) {
                    session.forget_account().await;
                }
                live.services.extend(found);
            }
            Ok(Read::Secret(name, observed, session)) => {
                if is_refused_credentials(&observed) {
                    session.forget_account().await;
                }
                live.secrets.insert(name, observed);
            }
            Ok(Read::Strangers(name, observed)) => {
                live.strangers.insert(name, observed);
            }
            Ok(Read::State(name, observed)) => {
                live.states.insert(name, observed);
            }
            Err(error) => tracing::error!(%error, "a read ended without an answer"),
        }
    }
}

fn is_refused_credentials<T>(observed: &Observed<T>) -> bool {
    matches!(observed, Observed::Unknown { why } if why.category == UnknownCategory::InvalidCredentials)
}

/// How long a history, or the starts of tasks, are kept while the deployment is the same: tasks are replaced inside one.
const SLOW_READS_KEPT: SignedDuration = SignedDuration::from_hours(1);

/// Keeps what was read for a [`bowline_core::plan::Need`] while what it belongs to is unchanged. Failures are not kept,
/// so that they are asked for again.
fn keep_slow_reads(live: &mut Live, previous: Option<&Live>, now: Timestamp) {
    let Some(previous) = previous else { return };
    live.images.clone_from(&previous.images);
    live.scalable_targets.clone_from(&previous.scalable_targets);
    live.task_definition_tags.clone_from(&previous.task_definition_tags);
    let Live { services, secrets, histories, revision_settings, task_starts, secret_version_dates, .. } =
        live;
    let same_deployment = |name: &ResourceName| same(&previous.services, services, name, settled);
    for (name, history) in previous.histories.iter().filter(|(_, history)| is_recent(history, now)) {
        if same_deployment(name) {
            histories.insert(name.clone(), history.clone());
        }
    }
    for (name, shown) in previous.revision_settings.iter().filter(|(_, shown)| shown.known().is_some()) {
        if same_deployment(name) {
            revision_settings.insert(name.clone(), shown.clone());
        }
    }
    for (name, starts) in previous.task_starts.iter().filter(|(_, starts)| is_recent(starts, now)) {
        if same_deployment(name) {
            task_starts.insert(name.clone(), starts.clone());
        }
    }
    for (name, dates) in previous.secret_version_dates.iter().filter(|(_, dates)| dates.known().is_some()) {
        if same(&previous.secrets, secrets, name, |secret| Some(&secret.stages)) {
            secret_version_dates.insert(name.clone(), dates.clone());
        }
    }
}

/// Keeps which revisions families have, while the deployments of all services that want one of them are the same: a service
/// that has drifted and is held asks in every pass. The executor looks again before it registers one, and what it attempted
/// is forgotten ([`Live::recent_revisions`] is then asked for again).
fn keep_revisions(live: &mut Live, desired: &DesiredState, previous: Option<&Live>, now: Timestamp) {
    let Some(previous) = previous else { return };
    let is_same = |name: &ResourceName| {
        let gone = |services: &BTreeMap<_, _>| matches!(services.get(name), Some(Observed::Missing));
        same(&previous.services, &live.services, name, settled)
            || gone(&previous.services) && gone(&live.services)
    };
    let mut kept = BTreeMap::new();
    for (key, revisions) in previous.recent_revisions.iter().filter(|(_, found)| is_recent(found, now)) {
        let wants = |service: &DesiredService| {
            let family = match &service.task_definition {
                Some(WantedTaskDefinition::Content { family, .. }) => family,
                Some(WantedTaskDefinition::Revision(_)) | None => return false,
            };
            (&service.resource.spec.target, family) == (&key.0, &key.1)
        };
        if desired.services.iter().filter(|(_, service)| wants(service)).all(|(name, _)| is_same(name)) {
            kept.insert(key.clone(), revisions.clone());
        }
    }
    live.recent_revisions = kept;
}

/// Keeps the task definitions that services run, that git pins, or that a family may be gone back to: they never change, and
/// what nobody needs any more is let go of.
fn keep_task_definitions(live: &mut Live, desired: &DesiredState, previous: Option<&Live>) {
    let Some(previous) = previous else { return };
    let mut needed: BTreeSet<(&ResourceName, &str)> = BTreeSet::new();
    for (name, wanted) in &desired.services {
        let target = &wanted.resource.spec.target;
        let runs = live.services.get(name).and_then(Observed::known);
        needed.extend(
            runs.and_then(|service| service.task_definition.as_ref()).map(|arn| (target, arn.as_str())),
        );
        if let Some(WantedTaskDefinition::Revision(revision)) = &wanted.task_definition {
            needed.insert((target, revision.as_str()));
        }
    }
    for ((target, _), revisions) in &live.recent_revisions {
        let revisions = revisions.known().into_iter().flatten();
        needed.extend(revisions.map(|arn| (target, arn.as_str())));
    }
    let known = previous.task_definitions.iter().filter(|(_, found)| found.known().is_some());
    let kept = known.filter(|((target, reference), _)| needed.contains(&(target, reference.as_str())));
    live.task_definitions = kept.map(|(key, found)| (key.clone(), found.clone())).collect();
}

/// The PRIMARY deployment, unless it is under way: then anything may change from one pass to the next.
fn settled(service: &Arc<LiveService>) -> Option<&LiveDeployment> {
    service.primary().filter(|primary| primary.rollout_state != Some(RolloutState::InProgress))
}

fn is_recent<T>(observed: &Observed<T>, now: Timestamp) -> bool {
    matches!(observed, Observed::Known { at, .. } if now.duration_since(*at) < SLOW_READS_KEPT)
}

/// Whether a part of a resource is known before and now, and the same.
fn same<T, P: PartialEq>(
    before: &BTreeMap<ResourceName, Observed<T>>,
    now: &BTreeMap<ResourceName, Observed<T>>,
    name: &ResourceName,
    part: impl for<'a> Fn(&'a T) -> Option<&'a P>,
) -> bool {
    let before_part = before.get(name).and_then(Observed::known).and_then(&part);
    let now_part = now.get(name).and_then(Observed::known).and_then(&part);
    before_part.is_some() && before_part == now_part
}
