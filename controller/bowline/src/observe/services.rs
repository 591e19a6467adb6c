//! Services: batches of ten, watched rollouts first, and doubt about what is suddenly gone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bowline_core::desired::DesiredState;
use bowline_core::live::{Live, LiveService, Observed, RolloutState, UnknownCategory, UnknownReason};
use bowline_core::name::ResourceName;
use tokio::task::JoinSet;

use super::{Read, Scope};
use crate::aws::ecs::SERVICES_PER_CALL;
use crate::aws::{Api, AwsError, Priority, Session};

/// Resource name and the service's name at ECS.
type Asked = (ResourceName, String);

/// Starts reading every service of one Target.
pub(super) fn start(
    reads: &mut JoinSet<Read>,
    session: &Session,
    target: &ResourceName,
    desired: &DesiredState,
    previous: Option<&Live>,
) {
    let of_target = desired.services.iter().filter(|(_, service)| service.resource.spec.target == *target);
    let (watched, others): (Vec<Asked>, Vec<Asked>) = of_target
        .map(|(name, service)| (name.clone(), service.resource.spec.service.as_str().to_owned()))
        .partition(|(name, _)| is_rolling(previous, name));
    for (services, priority) in [(watched, Priority::Watch), (others, Priority::Scan)] {
        for batch in services.chunks(SERVICES_PER_CALL) {
            let (session, batch) = (session.clone(), batch.to_vec());
            reads.spawn(async move {
                let found = read_batch(&session, &batch, priority).await;
                Read::Services(found, session)
            });
        }
    }
}

fn is_rolling(previous: Option<&Live>, name: &ResourceName) -> bool {
    let service = previous.and_then(|live| live.services.get(name)).and_then(Observed::known);
    let state =
        service.and_then(|service| service.primary()).and_then(|primary| primary.rollout_state.as_ref());
    state == Some(&RolloutState::InProgress)
}

async fn read_batch(
    session: &Session,
    batch: &[Asked],
    priority: Priority,
) -> Vec<(ResourceName, Observed<Arc<LiveService>>)> {
    match ask(session, batch, priority).await {
        Ok(found) => found,
        // One service in the batch may be the reason: asked alone, it leaves the others known.
        Err(error) if batch.len() > 1 && may_be_one_services_fault(&error) => {
            let mut all = Vec::with_capacity(batch.len());
            for one in batch {
                let alone = std::slice::from_ref(one);
                match ask(session, alone, priority).await {
                    Ok(found) => all.extend(found),
                    Err(error) => all.extend(unknown(alone, error.reason)),
                }
            }
            all
        }
        Err(error) => unknown(batch, error.reason),
    }
}

/// One DescribeServices: each service by whatever it is known by here.
pub(super) async fn ask<K: Clone>(
    session: &Session,
    batch: &[(K, String)],
    priority: Priority,
) -> Result<Vec<(K, Observed<Arc<LiveService>>)>, AwsError> {
    let names: Vec<String> = batch.iter().map(|(_, service)| service.clone()).collect();
    let mut answer = session.describe_services(&names, priority).await?;
    let at = session.now();
    let found = batch.iter().map(|(name, service)| {
        let observed = match (answer.services.remove(service), answer.failures.get(service)) {
            (Some(Ok(value)), _) => Observed::Known { value, at },
            (Some(Err(what)), _) => bad_answer(session, service, &what),
            (None, Some(reason)) if reason == "MISSING" => Observed::Missing,
            (None, Some(reason)) => refused(session, service, reason),
            (None, None) => bad_answer(session, service, "the answer says nothing of this service"),
        };
        (name.clone(), observed)
    });
    Ok(found.collect())
}

/// A request that was refused, other than for the whole cluster or the caller.
fn may_be_one_services_fault(error: &AwsError) -> bool {
    match error.category() {
        UnknownCategory::Denied => true,
        UnknownCategory::Refused => error.code() != Some("ClusterNotFoundException"),
        _ => false,
    }
}

fn unknown(batch: &[Asked], why: UnknownReason) -> Vec<(ResourceName, Observed<Arc<LiveService>>)> {
    let why = Arc::new(why);
    batch.iter().map(|(name, _)| (name.clone(), Observed::unknown(Arc::clone(&why)))).collect()
}

fn bad_answer(session: &Session, service: &str, what: &str) -> Observed<Arc<LiveService>> {
    let on = format!("{service} in cluster {}", session.cluster());
    Observed::unknown(AwsError::bad_answer(Api::DescribeServices, &on, what).reason)
}

fn refused(session: &Session, service: &str, reason: &str) -> Observed<Arc<LiveService>> {
    let on = format!("{service} in cluster {}", session.cluster());
    let category = match reason {
        "ACCESS_DENIED" | "ACCESSDENIED" => UnknownCategory::Denied,
        _ => UnknownCategory::Refused,
    };
    let what = format!("ECS gives the reason {reason}");
    Observed::unknown(AwsError::new(Api::DescribeServices, &on, category, &what).reason)
}

/// Turns what AWS calls missing into `Unknown` where that cannot be believed yet.
pub(super) fn doubt_missing(live: &mut Live, desired: &DesiredState, previous: Option<&Live>, scope: Scope) {
    if !scope.services {
        return;
    }
    let mut per_target: BTreeMap<&ResourceName, BTreeSet<&ResourceName>> = BTreeMap::new();
    for (name, service) in &desired.services {
        per_target.entry(&service.resource.spec.target).or_default().insert(name);
    }
    for (target, names) in per_target {
        let is_missing = |name: &&ResourceName| matches!(live.services.get(*name), Some(Observed::Missing));
        let missing: Vec<ResourceName> =
            names.iter().copied().filter(|name| is_missing(name)).cloned().collect();
        // A new environment: nothing is there, and all of it is to be created. Core knows whether it was there before.
        let creates = |name: &&ResourceName| {
            desired.services.get(*name).is_some_and(|service| service.resource.spec.create.is_some())
        };
        let all = missing.len() == names.len() && !names.iter().all(creates);
        for name in missing {
            let doubt = if all {
                Some(all_missing(target, names.len()))
            } else if was_missing(previous, &name) {
                None
            } else {
                Some(missing_once(&name))
            };
            if let Some(why) = doubt {
                live.services.insert(name, Observed::unknown(why));
            }
        }
    }
}

fn was_missing(previous: Option<&Live>, name: &ResourceName) -> bool {
    match previous.and_then(|live| live.services.get(name)) {
        Some(Observed::Missing) => true,
        Some(Observed::Unknown { why }) => why.category == UnknownCategory::SuspiciouslyMissing,
        Some(Observed::Known { .. }) | None => false,
    }
}

fn all_missing(target: &ResourceName, count: usize) -> UnknownReason {
    let what = if count == 1 { "its only service is" } else { "all of its services are" };
    UnknownReason {
        category: UnknownCategory::SuspiciouslyMissing,
        message: format!("ECS DescribeServices of Target {target}: {what} missing, which is not believed"),
        hint: "Check the Target's cluster and region; create the services, or take them out of git."
            .to_owned(),
        aws: None,
    }
}

fn missing_once(name: &ResourceName) -> UnknownReason {
    UnknownReason {
        category: UnknownCategory::SuspiciouslyMissing,
        message: format!("ECS DescribeServices of {name}: missing, for the first time"),
        hint: "It counts as missing when the next read says so too.".to_owned(),
        aws: None,
    }
}
