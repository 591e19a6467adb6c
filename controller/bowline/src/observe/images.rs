//! Which images do the running tasks of services run, and what did ECS resolve their tags to? Of thousands of services at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use bowline_core::desired::DesiredState;
use bowline_core::live::{
    Asked, Live, Observed, ResolvedImage, RunningImages, UnknownCategory, UnknownReason,
};
use bowline_core::name::ResourceName;
use bowline_core::plan::{Seldom, is_mutable, only_drift};
use jiff::Timestamp;
use tokio::task::JoinSet;

use super::not_read;
use super::seldom::is_on;
use crate::aws::ecs::REVISIONS_PER_CALL;
use crate::aws::ecs::tasks::{RunningContainer, TASKS_PER_CALL};
use crate::aws::{AwsError, Session};

/// From so many services on, the cluster's tasks are listed as a whole: a hundred a call, whoever's they are.
const WHOLE_CLUSTER: usize = 5;
/// How many pages a service's tasks may have: 5,000 is the most that a service may have (ECS service quotas).
const MOST_PAGES: usize = 50;

/// Images of one service to ask for.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    name: ResourceName,
    service: String,
    deployment: String,
    revision: Option<String>,
}

impl Wanted {
    fn answered(self, found: Observed<RunningImages>, at: Timestamp) -> (ResourceName, Asked<RunningImages>) {
        (self.name, Asked { about: self.deployment.into(), at, found: Arc::new(found) })
    }
}

/// What of it is due on one Target.
pub(super) fn wanted(
    desired: &DesiredState,
    live: &Live,
    target: &ResourceName,
    due: &Seldom,
) -> Vec<Wanted> {
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

/// Reads them. Of most services nothing drifted, and what they run is let go of as soon as that is known.
pub(super) async fn read(
    session: &Session,
    wanted: Vec<Wanted>,
) -> Vec<(ResourceName, Asked<RunningImages>)> {
    let mut failed: BTreeMap<ResourceName, UnknownReason> = BTreeMap::new();
    let mut running = containers(session, &wanted, &mut failed).await;
    let (mut found, mut to_resolve) = (Vec::with_capacity(wanted.len()), Vec::new());
    let at = session.now();
    for one in wanted {
        let running = running.remove(&one.deployment).unwrap_or_default();
        if let Some(why) = failed.remove(&one.name) {
            found.push(one.answered(Observed::unknown(why), at));
        } else if one.revision.is_some() && running.iter().any(may_be_another_tomorrow) {
            to_resolve.push((one, running));
        } else {
            let value = compared(running, BTreeMap::new());
            found.push(one.answered(Observed::Known { value, at }, at));
        }
    }
    let mut reads = JoinSet::new();
    while !to_resolve.is_empty() {
        let some = to_resolve.split_off(to_resolve.len().saturating_sub(REVISIONS_PER_CALL));
        reads.spawn(resolve(session.clone(), some));
    }
    while let Some(joined) = reads.join_next().await {
        match joined {
            Ok(resolved) => found.extend(resolved),
            Err(error) => tracing::error!(%error, "a read ended without an answer"),
        }
    }
    found
}

fn may_be_another_tomorrow(container: &RunningContainer) -> bool {
    is_mutable(&container.image) && container.digest.is_some()
}

/// Adds what ECS resolved tags to, with one call.
async fn resolve(
    session: Session,
    services: Vec<(Wanted, Vec<RunningContainer>)>,
) -> Vec<(ResourceName, Asked<RunningImages>)> {
    let arns: Vec<String> = services.iter().filter_map(|(wanted, _)| wanted.revision.clone()).collect();
    let mut answer = match session.resolved_images(&arns).await {
        // Without revisions, tasks can still be compared with each other.
        Err(error) if error.category() == UnknownCategory::Unsupported => Ok(BTreeMap::new()),
        answer => answer.map_err(|error| Arc::new(error.reason)),
    };
    let at = session.now();
    let found = services.into_iter().map(|(wanted, running)| {
        let found = match &mut answer {
            Ok(resolved) => {
                let resolved = wanted.revision.as_ref().and_then(|arn| resolved.remove(arn));
                Observed::Known { value: compared(running, resolved.unwrap_or_default()), at }
            }
            Err(why) => Observed::unknown(Arc::clone(why)),
        };
        wanted.answered(found, at)
    });
    found.collect()
}

fn compared(running: Vec<RunningContainer>, resolved: BTreeMap<String, ResolvedImage>) -> RunningImages {
    let mut images = RunningImages { resolved, running: BTreeMap::new() };
    for RunningContainer { container, image, digest } in running {
        let digests = images.running.entry((container, image)).or_default();
        if let Some(digest) = digest {
            *digests.0.entry(digest).or_default() += 1;
        }
    }
    only_drift(images)
}

/// The containers of all running tasks of these services, by deployment.
async fn containers(
    session: &Session,
    wanted: &[Wanted],
    failed: &mut BTreeMap<ResourceName, UnknownReason>,
) -> BTreeMap<String, Vec<RunningContainer>> {
    let tasks = match list(session, wanted, failed).await {
        Ok(tasks) => tasks,
        Err(error) => {
            fail(wanted, &error, failed);
            return BTreeMap::new();
        }
    };
    let mut reads = JoinSet::new();
    for batch in tasks.chunks(TASKS_PER_CALL) {
        let (session, batch) = (session.clone(), batch.to_vec());
        reads.spawn(async move { session.running_containers(&batch).await });
    }
    let mut found: BTreeMap<String, Vec<RunningContainer>> =
        wanted.iter().map(|wanted| (wanted.deployment.clone(), Vec::new())).collect();
    while let Some(joined) = reads.join_next().await {
        match joined {
            Ok(Ok(containers)) => {
                for (deployment, container) in containers {
                    if let Some(containers) = found.get_mut(&deployment) {
                        containers.push(container);
                    }
                }
            }
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
