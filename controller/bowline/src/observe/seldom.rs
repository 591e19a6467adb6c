//! What is due to be read seldom: the images of running tasks, and scalable targets, with a few calls for all services of a
//! Target; and tags of task definitions, a call each.

use std::collections::BTreeMap;
use std::sync::Arc;

use bowline_core::desired::DesiredState;
use bowline_core::live::{Asked, Live, Observed, RunningImages, ScalableTarget, Tags};
use bowline_core::name::ResourceName;
use bowline_core::plan::{KEPT, Seldom, has_named_tags};
use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinSet;

use super::{Scope, images};
use crate::aws::autoscaling::SCALABLE_TARGETS_PER_CALL;
use crate::aws::{Aws, Priority, Session};

/// Of how many task definitions the tags are read in one pass, where nothing else of them is to be read: so many calls half of
/// AWS's rate lets through at once.
const TAGS_AT_ONCE: usize = 25;

/// Answers of one Target.
enum Answer {
    Images(Vec<(ResourceName, Asked<RunningImages>)>),
    Targets(Vec<(ResourceName, Asked<ScalableTarget>)>),
    Tags(Vec<(ResourceName, Asked<Tags>)>),
}

/// Reads what is due into `live`. Everything that is due is answered, but for tags that wait for a later pass: what fails is
/// `Unknown`, and the pass goes on.
pub async fn read(aws: &Aws, desired: &DesiredState, live: &mut Live, due: Seldom, scope: Scope) {
    if due.is_empty() {
        return;
    }
    let mut answers: JoinSet<Answer> = JoinSet::new();
    for (name, target) in &desired.targets {
        let images = images::wanted(desired, live, name, &due);
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
            answers.spawn(async move { Answer::Images(images::read(&session, images).await) });
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

pub(super) fn is_on(desired: &DesiredState, service: &ResourceName, target: &ResourceName) -> bool {
    desired.services.get(service).is_some_and(|service| service.resource.spec.target == *target)
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

async fn tags_of(session: &Session, arn: String, of: Vec<ResourceName>) -> Vec<(ResourceName, Asked<Tags>)> {
    let answer = session.task_definition_tags(&arn, Priority::Scan).await;
    let at = session.now();
    let found = match answer {
        Ok(Some(value)) => Observed::Known { value, at },
        Ok(None) => Observed::Missing,
        Err(error) => Observed::unknown(error.reason),
    };
    known_tags(arn, of, found, at).collect()
}

fn known_tags(
    arn: String,
    of: Vec<ResourceName>,
    found: Observed<Tags>,
    at: Timestamp,
) -> impl Iterator<Item = (ResourceName, Asked<Tags>)> {
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
            Err(error) => Observed::unknown(error.reason.clone()),
        };
        (name, Asked { about: about.into(), at, found: Arc::new(found) })
    });
    found.collect()
}
