//! What is due to be read seldom: the images of running tasks, and scalable targets, with a few calls for all services of a
//! Target; and tags of task definitions, a call each.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bowline_core::desired::DesiredState;
use bowline_core::live::{
    Asked, Live, Observed, RunningImages, ScalableTarget, UnknownCategory, UnknownReason,
};
use bowline_core::name::ResourceName;
use bowline_core::plan::{KEPT, Seldom, has_named_tags, is_mutable, only_drift};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::{Scope, not_read};
use crate::aws::autoscaling::SCALABLE_TARGETS_PER_CALL;
use crate::aws::ecs::REVISIONS_PER_CALL;
use crate::aws::ecs::tasks::{RunningContainer, TASKS_PER_CALL};
use crate::aws::{Aws, AwsError, Priority, Session};

/// From so many services on, the cluster's tasks are listed as a whole: a hundred a call, whoever's they are.
const WHOLE_CLUSTER: usize = 5;
/// Of how many clusters images are read at a time: what is held meanwhile is 2 KB a service.
const CLUSTERS_AT_A_TIME: usize = 4;
/// How many pages a service's tasks may have: 5,000 is the most that a service may have (ECS service quotas).
const MOST_PAGES: usize = 50;

/// Of how many task definitions the tags are read in one pass, where nothing else of them is to be read: so many calls half of
/// AWS's rate lets through at once.
const TAGS_AT_ONCE: usize = 25;

/// Images of one service to ask for.
#[derive(Debug, Clone)]
struct Wanted {
    name: ResourceName,
    service: String,
    deployment: String,
    revision: Option<String>,
}

/// Answers of one Target.
enum Answer {
    Images(Vec<(ResourceName, Asked<RunningImages>)>),
    Targets(Vec<(ResourceName, Asked<ScalableTarget>)>),
    Tags(Vec<(ResourceName, Asked<BTreeMap<String, String>>)>),
}

/// Reads what is due into `live`. Everything that is due is answered, but for tags that wait for a later pass: what fails is
/// `Unknown`, and the pass goes on.
pub async fn read(aws: &Aws, desired: &DesiredState, live: &mut Live, due: Seldom, scope: Scope) {
    if due.is_empty() {
        return;
    }
    let mut answers: JoinSet<Answer> = JoinSet::new();
    let turns = Arc::new(Semaphore::new(CLUSTERS_AT_A_TIME));
    for (name, target) in &desired.targets {
        let images = wanted_images(desired, live, name, &due);
        let targets: Vec<(ResourceName, String)> = due
            .scalable_targets
            .iter()
            .filter(|(service, _)| is_on(desired, service, name))
            .map(|(service, id)| (service.clone(), id.clone()))
            .collect();
        let tags = wanted_tags(desired, live, name, &due);
        // Of a Target whose account was not verified nothing is read.
        if images.is_empty() && targets.is_empty() && tags.is_empty()
            || !matches!(live.targets.get(name), Some(Observed::Known { .. }))
        {
            continue;
        }
        let session = aws.session(name, &target.spec).await;
        for batch in targets.chunks(SCALABLE_TARGETS_PER_CALL) {
            let (session, batch) = (session.clone(), batch.to_vec());
            answers.spawn(async move { Answer::Targets(scalable_targets(&session, batch).await) });
        }
        let mut at_once = if scope.all_tags { usize::MAX } else { TAGS_AT_ONCE };
        for (arn, of) in tags {
            // What is not known yet is read for its content anyway.
            if let Some((value, at)) = session.cached_tags(&arn).await {
                let is_new = !of.iter().any(|name| asked_at(live, name, &arn).is_some());
                let agrees = |name| desired.services.get(name).is_some_and(|one| has_named_tags(one, &value));
                // Read by the process before this one. What differs has to be read again before it is told.
                let is_good = is_new && is_fresh(session.now().duration_since(at)) && of.iter().all(agrees);
                if is_good && !scope.all_tags {
                    live.task_definition_tags.extend(known_tags(arn, of, Observed::Known { value, at }, at));
                    continue;
                }
                let Some(left) = at_once.checked_sub(1) else { continue };
                at_once = left;
            }
            let session = session.clone();
            answers.spawn(async move { Answer::Tags(tags_of(&session, arn, of).await) });
        }
        if !images.is_empty() {
            let turns = Arc::clone(&turns);
            answers.spawn(async move {
                // The semaphore is never closed, so there is always a permit in the end.
                let _turn = turns.acquire_owned().await.ok();
                Answer::Images(images_of(&session, images).await)
            });
        }
    }
    // A read that panicked leaves nothing behind, and is due again.
    while let Some(joined) = answers.join_next().await {
        match joined {
            Ok(Answer::Images(found)) => live.images.extend(found),
            Ok(Answer::Targets(found)) => live.scalable_targets.extend(found),
            Ok(Answer::Tags(found)) => live.task_definition_tags.extend(found),
            Err(error) => tracing::error!(%error, "a read ended without an answer"),
        }
    }
}

fn is_on(desired: &DesiredState, service: &ResourceName, target: &ResourceName) -> bool {
    desired.services.get(service).is_some_and(|service| service.resource.spec.target == *target)
}

fn wanted_images(desired: &DesiredState, live: &Live, target: &ResourceName, due: &Seldom) -> Vec<Wanted> {
    let of_target = due.images.iter().filter(|(name, _)| is_on(desired, name, target));
    of_target
        .filter_map(|(name, deployment)| {
            let live = live.services.get(name)?.known()?;
            Some(Wanted {
                name: name.clone(),
                service: desired.services.get(name)?.resource.spec.service.as_str().to_owned(),
                deployment: deployment.clone(),
                revision: live.service_revision.clone(),
            })
        })
        .collect()
}

/// The services of a Target by the revision whose tags are to be read: first what was never asked for, then the oldest answers, so
/// that each has its turn.
fn wanted_tags(
    desired: &DesiredState,
    live: &Live,
    target: &ResourceName,
    due: &Seldom,
) -> Vec<(String, Vec<ResourceName>)> {
    let mut wanted: BTreeMap<String, Vec<ResourceName>> = BTreeMap::new();
    for (name, arn) in due.task_definition_tags.iter().filter(|(name, _)| is_on(desired, name, target)) {
        wanted.entry(arn.clone()).or_default().push(name.clone());
    }
    let mut wanted: Vec<_> = wanted.into_iter().collect();
    wanted.sort_by_key(|(arn, of)| of.iter().map(|name| asked_at(live, name, arn)).min());
    wanted
}

/// When a service's revision was asked for its tags.
fn asked_at(live: &Live, name: &ResourceName, arn: &str) -> Option<Timestamp> {
    live.task_definition_tags.get(name).filter(|asked| *asked.about == *arn).map(|asked| asked.at)
}

async fn tags_of(
    session: &Session,
    arn: String,
    of: Vec<ResourceName>,
) -> Vec<(ResourceName, Asked<BTreeMap<String, String>>)> {
    let answer = session.task_definition_tags(&arn, Priority::Scan).await;
    let at = session.now();
    let found = match answer {
        Ok(Some(value)) => Observed::Known { value, at },
        Ok(None) => Observed::Missing,
        Err(error) => Observed::Unknown { why: error.reason },
    };
    known_tags(arn, of, found, at).collect()
}

fn known_tags(
    arn: String,
    of: Vec<ResourceName>,
    found: Observed<BTreeMap<String, String>>,
    at: Timestamp,
) -> impl Iterator<Item = (ResourceName, Asked<BTreeMap<String, String>>)> {
    let (about, found): (Arc<str>, _) = (arn.into(), Arc::new(found));
    of.into_iter().map(move |name| (name, Asked { about: Arc::clone(&about), at, found: Arc::clone(&found) }))
}

/// Whether an answer of this age is still good.
fn is_fresh(age: SignedDuration) -> bool {
    (SignedDuration::ZERO..KEPT).contains(&age)
}

async fn scalable_targets(
    session: &Session,
    batch: Vec<(ResourceName, String)>,
) -> Vec<(ResourceName, Asked<ScalableTarget>)> {
    let ids: Vec<String> = batch.iter().map(|(_, id)| id.clone()).collect();
    let answer = session.scalable_targets(&ids).await;
    let at = session.now();
    let found = batch.into_iter().map(|(name, about)| {
        let found = match &answer {
            Ok(found) => {
                found.get(&about).map_or(Observed::Missing, |value| Observed::Known { value: *value, at })
            }
            Err(error) => Observed::Unknown { why: error.reason.clone() },
        };
        (name, Asked { about: about.into(), at, found: Arc::new(found) })
    });
    found.collect()
}

async fn images_of(session: &Session, wanted: Vec<Wanted>) -> Vec<(ResourceName, Asked<RunningImages>)> {
    let mut failed: BTreeMap<ResourceName, UnknownReason> = BTreeMap::new();
    let containers = containers(session, &wanted, &mut failed).await;
    let mut images: BTreeMap<&ResourceName, RunningImages> = BTreeMap::new();
    let by_deployment: BTreeMap<&str, &ResourceName> =
        wanted.iter().map(|wanted| (wanted.deployment.as_str(), &wanted.name)).collect();
    for container in containers {
        let Some(name) = by_deployment.get(container.deployment.as_str()) else { continue };
        let images = images.entry(name).or_default();
        let digests = images.running.entry((container.container, container.image)).or_default();
        if let Some(digest) = container.digest {
            *digests.0.entry(digest).or_default() += 1;
        }
    }
    resolve(session, &wanted, &mut images, &mut failed).await;
    let at = session.now();
    let found = wanted.iter().map(|wanted| {
        let found = if let Some(why) = failed.remove(&wanted.name) {
            Observed::Unknown { why }
        } else {
            let images = images.remove(&wanted.name).unwrap_or_default();
            Observed::Known { value: only_drift(images), at }
        };
        (wanted.name.clone(), Asked { about: wanted.deployment.as_str().into(), at, found: Arc::new(found) })
    });
    found.collect()
}

/// The containers of all running tasks of these services, and perhaps of others.
async fn containers(
    session: &Session,
    wanted: &[Wanted],
    failed: &mut BTreeMap<ResourceName, UnknownReason>,
) -> Vec<RunningContainer> {
    let tasks = match list(session, wanted, failed).await {
        Ok(tasks) => tasks,
        Err(error) => {
            fail(wanted, &error, failed);
            return Vec::new();
        }
    };
    let mut reads = JoinSet::new();
    for batch in tasks.chunks(TASKS_PER_CALL) {
        let (session, batch) = (session.clone(), batch.to_vec());
        reads.spawn(async move { session.running_containers(&batch).await });
    }
    let mut found = Vec::new();
    while let Some(joined) = reads.join_next().await {
        match joined {
            Ok(Ok(containers)) => found.extend(containers),
            // Whose tasks these are is not known.
            Ok(Err(error)) => fail(wanted, &error, failed),
            Err(_) => failed.extend(wanted.iter().map(|wanted| (wanted.name.clone(), not_read()))),
        }
    }
    found
}

fn fail(wanted: &[Wanted], error: &AwsError, failed: &mut BTreeMap<ResourceName, UnknownReason>) {
    failed.extend(wanted.iter().map(|wanted| (wanted.name.clone(), error.reason.clone())));
}

/// The tasks of these services: those of the whole cluster, unless that takes more calls than to ask for each service.
async fn list(
    session: &Session,
    wanted: &[Wanted],
    failed: &mut BTreeMap<ResourceName, UnknownReason>,
) -> Result<Vec<String>, AwsError> {
    if wanted.len() >= WHOLE_CLUSTER
        && let Some(tasks) = session.running_task_arns(None, wanted.len()).await?
    {
        return Ok(tasks);
    }
    let mut reads = JoinSet::new();
    for wanted in wanted {
        let (session, name, service) = (session.clone(), wanted.name.clone(), wanted.service.clone());
        reads.spawn(async move { (name, session.running_task_arns(Some(&service), MOST_PAGES).await) });
    }
    let mut found = Vec::new();
    while let Some(joined) = reads.join_next().await {
        match joined {
            Ok((_, Ok(Some(tasks)))) => found.extend(tasks),
            Ok((name, Ok(None))) => drop(failed.insert(name, not_read())),
            Ok((name, Err(error))) => drop(failed.insert(name, error.reason)),
            Err(error) => tracing::error!(%error, "a read ended without an answer"),
        }
    }
    Ok(found)
}

/// Adds what ECS resolved tags to, where a task runs an image that may be another one tomorrow.
async fn resolve<'a>(
    session: &Session,
    wanted: &'a [Wanted],
    images: &mut BTreeMap<&'a ResourceName, RunningImages>,
    failed: &mut BTreeMap<ResourceName, UnknownReason>,
) {
    let says_something = |images: &RunningImages| {
        images.running.iter().any(|((_, image), digests)| is_mutable(image) && !digests.0.is_empty())
    };
    let asked: BTreeMap<&str, &ResourceName> = wanted
        .iter()
        .filter(|wanted| images.get(&wanted.name).is_some_and(says_something))
        .filter_map(|wanted| Some((wanted.revision.as_deref()?, &wanted.name)))
        .collect();
    let arns: Vec<String> = asked.keys().copied().map(str::to_owned).collect();
    let mut reads = JoinSet::new();
    for batch in arns.chunks(REVISIONS_PER_CALL) {
        let (session, batch) = (session.clone(), batch.to_vec());
        reads.spawn(async move { (session.resolved_images(&batch).await, batch) });
    }
    let mut unread: BTreeSet<String> = arns.iter().cloned().collect();
    while let Some(joined) = reads.join_next().await {
        let Ok((answer, batch)) = joined else { continue };
        unread.retain(|arn| !batch.contains(arn));
        match answer {
            Ok(found) => {
                for (arn, resolved) in found {
                    let of = asked.get(arn.as_str()).and_then(|name| images.get_mut(name));
                    if let Some(images) = of {
                        images.resolved = resolved;
                        // What agrees is let go of at once: there may be thousands.
                        *images = only_drift(std::mem::take(images));
                    }
                }
            }
            // Without revisions, tasks can still be compared with each other.
            Err(error) if error.category() == UnknownCategory::Unsupported => {}
            Err(error) => {
                let names = batch.iter().filter_map(|arn| asked.get(arn.as_str()));
                failed.extend(names.map(|name| ((*name).clone(), error.reason.clone())));
            }
        }
    }
    failed.extend(
        unread.iter().filter_map(|arn| asked.get(arn.as_str())).map(|name| ((*name).clone(), not_read())),
    );
}
