//! Everything of one Target, whether git knows of it or not: for `import`. All of it, or the reasons why not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bowline_core::desired::kind::ServiceSettings;
use bowline_core::import::{
    FoundService, Inventory, Site, is_deployed_by_ecs, left_out, secrets_read_at_start,
};
use bowline_core::live::{LiveSecret, LiveService, LiveState, Observed, UnknownCategory, UnknownReason};
use bowline_core::name::{BucketName, ObjectKey, SecretId, ServiceName, TaskDefinitionArn};
use tokio::task::JoinSet;

use super::{not_read, services};
use crate::aws::ecs::{REVISIONS_PER_CALL, SERVICES_PER_CALL};
use crate::aws::{AwsError, Priority, Session};

/// What to read of a Target.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// Only these services; all of the cluster if there is none.
    pub(crate) services: BTreeSet<ServiceName>,
    /// Terraform states.
    pub(crate) states: BTreeSet<(BucketName, ObjectKey)>,
}

/// How far it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    /// What is being read, in the plural.
    pub(crate) what: &'static str,
    /// How many calls have been answered.
    pub(crate) done: usize,
    /// Of how many.
    pub(crate) of: usize,
}

/// Why there is no inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Incomplete {
    /// These could not be read.
    Unread(Vec<UnknownReason>),
    /// The cluster has no services of these names.
    NoSuchServices(Vec<ServiceName>),
    /// There are no such states.
    NoSuchStates(Vec<(BucketName, ObjectKey)>),
}

impl From<AwsError> for Incomplete {
    fn from(error: AwsError) -> Self {
        Self::Unread(vec![error.reason])
    }
}

/// Reads a Target: its services in batches, what they run, the secrets that their tasks read, what only service revisions
/// show, and the states asked for.
///
/// Guarantees: reads only, and no value of a secret. Nothing is left out because it could not be read: the first failure ends
/// it, a refusal after all others of its kind. Assumes that the caller's account was verified.
pub(crate) async fn inventory(
    session: &Session,
    site: Site,
    wanted: Wanted,
    report: &(dyn Fn(Step) + Sync),
) -> Result<Inventory, Incomplete> {
    let all = wanted.services.is_empty();
    let asked = if all { session.list_services().await? } else { wanted.services };
    let live = described(session, &asked, all, report).await?;
    let deployed = live.values().filter(|live| left_out(live).is_none() && is_deployed_by_ecs(live));
    let running: BTreeSet<TaskDefinitionArn> =
        deployed.filter_map(|live| live.task_definition.clone()).collect();
    let definitions = each("task definitions", session, running, report, |session, arn| async move {
        // Not from the cache: its tags may be others by now.
        let found = session.fetch_task_definition(arn.as_str(), Priority::Scan).await?;
        Ok((arn, found))
    });
    let definitions: BTreeMap<_, _> = definitions.await?.into_iter().collect();
    let here = (session.account().as_str(), session.region().as_str());
    let secrets: BTreeSet<SecretId> = definitions
        .values()
        .flatten()
        .flat_map(|definition| secrets_read_at_start(&definition.content))
        .filter_map(|id| SecretId::parse(&id).ok())
        .filter(|id| id.place().is_none_or(|place| place == here))
        .collect();
    let secrets = each("secrets", session, secrets, report, |session, id| async move {
        let found = session.describe_secret(id.as_str(), Priority::Scan).await?;
        Ok((id.as_str().to_owned(), found))
    });
    let secrets: BTreeMap<String, Option<LiveSecret>> = secrets.await?.into_iter().collect();
    let states = states(session, wanted.states, report).await?;
    let mut revisions = revisions(session, live.values(), report).await?;
    let services = live
        .into_iter()
        .map(|(name, live)| {
            let task_definition = live.task_definition.as_ref().and_then(|arn| definitions.get(arn)?.clone());
            let revision_settings = live.service_revision.as_ref().and_then(|arn| revisions.remove(arn));
            (name, FoundService { live, task_definition, revision_settings })
        })
        .collect();
    Ok(Inventory { site, services, secrets, states })
}

/// The services by name. One that was listed and is gone by now is left out; one that was asked for must be there.
async fn described(
    session: &Session,
    asked: &BTreeSet<ServiceName>,
    listed: bool,
    report: &(dyn Fn(Step) + Sync),
) -> Result<BTreeMap<ServiceName, LiveService>, Incomplete> {
    let names: Vec<(ServiceName, String)> =
        asked.iter().map(|name| (name.clone(), name.to_string())).collect();
    let batches: Vec<_> = names.chunks(SERVICES_PER_CALL).map(<[_]>::to_vec).collect();
    let answers = each("services", session, batches, report, |session, batch| async move {
        services::ask(&session, &batch, Priority::Scan).await
    });
    let (mut found, mut missing, mut unread) = (BTreeMap::new(), Vec::new(), Vec::new());
    for (name, observed) in answers.await?.into_iter().flatten() {
        match observed {
            Observed::Known { value, .. } => drop(found.insert(name, Arc::unwrap_or_clone(value))),
            Observed::Missing => missing.push(name),
            Observed::Unknown { why } => unread.push(Arc::unwrap_or_clone(why)),
        }
    }
    if !unread.is_empty() {
        return Err(Incomplete::Unread(unread));
    }
    if !listed && !missing.is_empty() {
        missing.sort();
        return Err(Incomplete::NoSuchServices(missing));
    }
    Ok(found)
}

/// What only service revisions show of the services that ECS deploys. An endpoint without them shows nothing.
async fn revisions(
    session: &Session,
    services: impl Iterator<Item = &LiveService>,
    report: &(dyn Fn(Step) + Sync),
) -> Result<BTreeMap<String, ServiceSettings>, Incomplete> {
    let deployed = services.filter(|live| left_out(live).is_none() && is_deployed_by_ecs(live));
    let arns: Vec<String> = deployed.filter_map(|live| live.service_revision.clone()).collect();
    let batches: Vec<_> = arns.chunks(REVISIONS_PER_CALL).map(<[_]>::to_vec).collect();
    let answers = each("service revisions", session, batches, report, |session, batch| async move {
        match session.revisions_settings(&batch).await {
            Err(error) if error.category() == UnknownCategory::Unsupported => Ok(BTreeMap::new()),
            answer => answer,
        }
    });
    Ok(answers.await?.into_iter().flatten().collect())
}

async fn states(
    session: &Session,
    asked: BTreeSet<(BucketName, ObjectKey)>,
    report: &(dyn Fn(Step) + Sync),
) -> Result<BTreeMap<(BucketName, ObjectKey), LiveState>, Incomplete> {
    let answers = each("Terraform states", session, asked, report, |session, place| async move {
        let found = session.read_state(&place.0, &place.1, &BTreeSet::new(), None).await?;
        Ok((place, found))
    });
    let (mut found, mut missing) = (BTreeMap::new(), Vec::new());
    for (place, state) in answers.await? {
        match state {
            Some(state) => drop(found.insert(place, state)),
            None => missing.push(place),
        }
    }
    missing.sort();
    if missing.is_empty() { Ok(found) } else { Err(Incomplete::NoSuchStates(missing)) }
}

/// Makes a call for each item, as many at once as the Target allows.
async fn each<I, T, F, Fut>(
    what: &'static str,
    session: &Session,
    items: impl IntoIterator<Item = I>,
    report: &(dyn Fn(Step) + Sync),
    read: F,
) -> Result<Vec<T>, Incomplete>
where
    F: Fn(Session, I) -> Fut,
    Fut: Future<Output = Result<T, AwsError>> + Send + 'static,
    T: Send + 'static,
{
    let mut reads = JoinSet::new();
    for item in items {
        reads.spawn(read(session.clone(), item));
    }
    let of = reads.len();
    let (mut found, mut unread) = (Vec::with_capacity(of), Vec::new());
    while let Some(joined) = reads.join_next().await {
        report(Step { what, done: of - reads.len(), of });
        match joined {
            Ok(Ok(answer)) => found.push(answer),
            Ok(Err(error)) => {
                // What is refused is refused at once, so that a person can be told all of it; the rest may go on for minutes.
                if error.category() != UnknownCategory::Denied {
                    reads.abort_all();
                }
                unread.push(error.reason);
            }
            Err(error) if error.is_cancelled() => {}
            Err(_) => unread.push(not_read()),
        }
    }
    unread.sort_by(|one, other| one.message.cmp(&other.message));
    if unread.is_empty() { Ok(found) } else { Err(Incomplete::Unread(unread)) }
}
