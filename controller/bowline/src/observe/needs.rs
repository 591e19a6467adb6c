//! What the plan asked for beyond the hot pass: task definitions, revisions, histories, task starts, version dates.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use bowline_core::desired::DesiredState;
use bowline_core::live::{Live, Observed, UnknownReason};
use bowline_core::name::ResourceName;
use bowline_core::plan::Need;
use tokio::task::JoinSet;

use super::{not_read, observed};
use crate::aws::{Aws, Priority, Session};

/// How many revisions of a family are looked at before a new one is registered.
const RECENT_REVISIONS: usize = 10;

/// Writes one answer into the result.
type Put = Box<dyn FnOnce(&mut Live) + Send>;

/// Reads each need into `live`. Every one is answered: what fails is `Unknown`.
pub async fn read(aws: &Aws, desired: &DesiredState, live: &mut Live, needs: &BTreeSet<Need>) {
    let mut answers = JoinSet::new();
    for need in needs {
        // Should the read end without an answer, the need must not be asked for ever.
        put_unknown(need.clone(), Arc::new(not_read()), live);
        let Some((target_name, at_aws)) = whom_to_ask(need, desired, live) else { continue };
        if let Some(why) = unverified(live, target_name) {
            put_unknown(need.clone(), why, live);
            continue;
        }
        let Some(target) = desired.targets.get(target_name) else { continue };
        let session = aws.session(target_name, &target.spec).await;
        let (need, at_aws) = (need.clone(), at_aws.into_owned());
        answers.spawn(async move { answer(&session, need, &at_aws).await });
    }
    while let Some(joined) = answers.join_next().await {
        if let Ok(put) = joined {
            put(live);
        }
    }
}

/// Nothing is read of a Target whose account was not verified in this pass.
fn unverified(live: &Live, target: &ResourceName) -> Option<Arc<UnknownReason>> {
    match live.targets.get(target) {
        Some(Observed::Known { .. }) => None,
        Some(Observed::Unknown { why }) => Some(Arc::clone(why)),
        Some(Observed::Missing) | None => Some(Arc::new(not_read())),
    }
}

/// The Target, and what the thing is called there; `None` when the resource is not in git any more.
fn whom_to_ask<'a>(
    need: &'a Need,
    desired: &'a DesiredState,
    live: &Live,
) -> Option<(&'a ResourceName, Cow<'a, str>)> {
    match need {
        Need::TaskDefinition { target, reference } => Some((target, reference.into())),
        Need::RecentRevisions { target, family } => Some((target, family.into())),
        Need::History { service }
        | Need::TaskStarts { service }
        | Need::Health { service }
        | Need::Progress { service, .. }
        | Need::StoppedTasks { service, .. } => {
            let spec = &desired.services.get(service)?.resource.spec;
            Some((&spec.target, spec.service.as_str().into()))
        }
        Need::RevisionSettings { service } => {
            let target = &desired.services.get(service)?.resource.spec.target;
            Some((target, live.services.get(service)?.known()?.service_revision.clone()?.into()))
        }
        Need::SecretVersionDates { secret } => {
            let spec = &desired.secrets.get(secret)?.spec;
            Some((&spec.target, spec.secret_id.as_str().into()))
        }
    }
}

async fn answer(session: &Session, need: Need, at_aws: &str) -> Put {
    match need {
        Need::TaskDefinition { target, reference } => {
            let found = observed(session, session.describe_task_definition(at_aws).await);
            Box::new(move |live| drop(live.task_definitions.insert((target, reference), found)))
        }
        Need::RecentRevisions { target, family } => {
            let found = session.newest_revisions(at_aws, RECENT_REVISIONS, Priority::Scan).await;
            let found = observed(session, found.map(Some));
            Box::new(move |live| drop(live.recent_revisions.insert((target, family), found)))
        }
        Need::History { service } => {
            let found = observed(session, session.past_deployments(at_aws).await.map(Some));
            Box::new(move |live| drop(live.histories.insert(service, found)))
        }
        Need::RevisionSettings { service } => {
            let found = observed(session, session.revision_settings(at_aws).await);
            Box::new(move |live| drop(live.revision_settings.insert(service, found)))
        }
        Need::TaskStarts { service } => {
            let found = observed(session, session.task_starts(at_aws).await.map(Some));
            Box::new(move |live| drop(live.task_starts.insert(service, found)))
        }
        Need::Progress { service, deployment_id } => {
            let found = observed(session, session.deployment_progress(at_aws, &deployment_id).await);
            Box::new(move |live| drop(live.progress.insert(service, found)))
        }
        Need::StoppedTasks { service, deployment_id } => {
            let found = session.stopped_tasks(at_aws, &deployment_id).await;
            let found = observed(session, found.map(Some));
            Box::new(move |live| drop(live.stopped_tasks.insert((service, deployment_id), found)))
        }
        // Answered by `probe`: AWS is not the one to ask.
        Need::Health { .. } => Box::new(|_| ()),
        Need::SecretVersionDates { secret } => {
            let found = observed(session, session.secret_version_dates(at_aws).await);
            Box::new(move |live| drop(live.secret_version_dates.insert(secret, found)))
        }
    }
}

fn put_unknown(need: Need, why: Arc<UnknownReason>, live: &mut Live) {
    match need {
        Need::TaskDefinition { target, reference } => {
            live.task_definitions.insert((target, reference), Observed::Unknown { why });
        }
        Need::RecentRevisions { target, family } => {
            live.recent_revisions.insert((target, family), Observed::Unknown { why });
        }
        Need::History { service } => {
            live.histories.insert(service, Observed::Unknown { why });
        }
        Need::RevisionSettings { service } => {
            live.revision_settings.insert(service, Observed::Unknown { why });
        }
        Need::TaskStarts { service } => {
            live.task_starts.insert(service, Observed::Unknown { why });
        }
        Need::Progress { service, .. } => {
            live.progress.insert(service, Observed::Unknown { why });
        }
        Need::StoppedTasks { service, deployment_id } => {
            live.stopped_tasks.insert((service, deployment_id), Observed::Unknown { why });
        }
        Need::Health { .. } => {}
        Need::SecretVersionDates { secret } => {
            live.secret_version_dates.insert(secret, Observed::Unknown { why });
        }
    }
}
