//! Which Targets are imported: what was asked for, the folder, and the caller's credentials together.

use std::collections::BTreeSet;

use bowline_core::desired::kind::{Constraints, Mode, Target};
use bowline_core::import::{Asked, Folder, Site, declared_site, sites as sites_of};
use bowline_core::name::{AccountId, ClusterName, Region, ResourceName};
use bowline_core::policy::{Ceiling, outside};

use super::super::args::Import;
use super::unread;
use crate::aws::{Aws, Session};

/// Stands where the account is yet to be learnt: no account has it.
const UNKNOWN: &str = "000000000000";

/// The Targets, in the order of their names.
pub(super) async fn sites(
    aws: &Aws,
    folder: Folder<'_>,
    ceiling: &Ceiling,
    args: &Import,
) -> anyhow::Result<Vec<Site>> {
    let asked =
        Asked { account: args.account.clone(), region: args.region.clone(), cluster: args.cluster.clone() };
    if let Some(name) = &args.target
        && let Some(site) = declared_site(folder, name, &asked)?
    {
        return Ok(vec![site]);
    }
    let region = args.region.clone().or_else(|| aws.region()).ok_or_else(|| {
        anyhow::anyhow!("no region is known: give --region, or set AWS_REGION or a profile that has one")
    })?;
    let account = if let Some(account) = &args.account {
        account.clone()
    } else {
        let session = session(aws, &anywhere(AccountId::parse(UNKNOWN)?, &region)?).await?;
        session.caller_account().await.map_err(|why| unread(&[why]))?
    };
    let clusters = match &args.cluster {
        Some(cluster) => BTreeSet::from([cluster.clone()]),
        None => clusters(aws, ceiling, anywhere(account.clone(), &region)?).await?,
    };
    Ok(sites_of(folder, &account, &region, &clusters, args.target.as_ref()))
}

/// Every cluster of the account and region.
async fn clusters(aws: &Aws, ceiling: &Ceiling, target: Target) -> anyhow::Result<BTreeSet<ClusterName>> {
    if let Some(what) = outside(&target, ceiling).first() {
        anyhow::bail!("outside the ceiling of bowline.yaml: {what}; nothing of it was read");
    }
    let session = session(aws, &target).await?;
    session.verify_account().await.map_err(|why| unread(&[why]))?;
    let listed = session.list_clusters().await;
    listed.map_err(|error| unread(&[error.reason]))
}

/// A Target before there is one: for calls that concern no cluster.
fn anywhere(account_id: AccountId, region: &Region) -> anyhow::Result<Target> {
    Ok(Target {
        account_id,
        region: region.clone(),
        cluster: ClusterName::parse("none")?,
        assume_role: None,
        mode: Mode::Observe,
        capabilities: BTreeSet::new(),
        constraints: Constraints::default(),
    })
}

async fn session(aws: &Aws, target: &Target) -> anyhow::Result<Session> {
    Ok(aws.session(&ResourceName::parse("none")?, target).await)
}
