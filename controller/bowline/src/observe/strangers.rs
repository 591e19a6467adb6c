//! Services of a Target's cluster that git does not name and that some instance has claimed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bowline_core::desired::DesiredState;
use bowline_core::desired::kind::Target;
use bowline_core::live::{Observed, ServiceStatus, Stranger, UnknownReason};
use bowline_core::name::{ResourceName, ServiceName};
use bowline_core::plan;
use tokio::task::JoinSet;

use super::{Read, services};
use crate::aws::ecs::SERVICES_PER_CALL;
use crate::aws::{AwsError, Priority, Session};

/// Starts looking for them, unless another Target of the same cluster does.
pub(super) fn start(
    reads: &mut JoinSet<Read>,
    session: &Session,
    target: &ResourceName,
    desired: &DesiredState,
) {
    let Some(at) = desired.targets.get(target).map(|target| &target.spec) else { return };
    let of_cluster: BTreeSet<&ResourceName> = desired
        .targets
        .iter()
        .filter(|(_, other)| place(&other.spec) == place(at))
        .map(|(name, _)| name)
        .collect();
    if of_cluster.first() != Some(&target) {
        return;
    }
    let services = desired.services.values().map(|service| &service.resource.spec);
    let named: BTreeSet<ServiceName> =
        services.filter(|spec| of_cluster.contains(&spec.target)).map(|spec| spec.service.clone()).collect();
    let (session, target) = (session.clone(), target.clone());
    reads.spawn(async move {
        let observed = match read(&session, &named).await {
            Ok(value) => Observed::Known { value, at: session.now() },
            Err(why) => Observed::unknown(why),
        };
        Read::Strangers(target, observed)
    });
}

/// Which cluster it is.
fn place(target: &Target) -> (&str, &str, &str) {
    (target.account_id.as_str(), target.region.as_str(), target.cluster.as_str())
}

/// All of them, or why not: half an answer could close what is still there.
async fn read(
    session: &Session,
    named: &BTreeSet<ServiceName>,
) -> Result<BTreeMap<ServiceName, Stranger>, UnknownReason> {
    let reason = |error: AwsError| error.reason;
    let listed = session.list_services().await.map_err(reason)?;
    let others: Vec<(ServiceName, String)> =
        listed.difference(named).map(|name| (name.clone(), name.to_string())).collect();
    let mut found = BTreeMap::new();
    for batch in others.chunks(SERVICES_PER_CALL) {
        for (name, observed) in services::ask(session, batch, Priority::Scan).await.map_err(reason)? {
            match observed {
                Observed::Known { value, .. } => {
                    if value.status == ServiceStatus::Active && plan::owner(&value).is_some() {
                        found.insert(name, Stranger { arn: value.arn.clone(), tags: value.tags.clone() });
                    }
                }
                // Deleted since it was listed.
                Observed::Missing => {}
                Observed::Unknown { why } => return Err(Arc::unwrap_or_clone(why)),
            }
        }
    }
    Ok(found)
}
