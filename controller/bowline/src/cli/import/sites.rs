//! Which Targets are imported: what was asked for, the folder, and the caller's credentials together.

use std::collections::BTreeSet;

use bowline_core::desired::kind::{Constraints, Mode, Target};
use bowline_core::import::{Asked, Folder, Site, declared_site, sites as sites_of};
use bowline_core::name::{AccountId, ClusterName, Region, ResourceName};

use super::super::args::Import;
use super::unread;
use crate::aws::{Aws, Session};

/// The Targets, in the order of their names.
pub(super) async fn sites(aws: &Aws, folder: Folder<'_>, args: &Import) -> anyhow::Result<Vec<Site>> {
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
    let account = match &args.account {
        Some(account) => account.clone(),
        None => somewhere(aws, "000000000000", &region)
            .await?
            .caller_account()
            .await
            .map_err(|why| unread(&[why]))?,
    };
    let clusters: BTreeSet<ClusterName> = if let Some(cluster) = &args.cluster {
        [cluster.clone()].into()
    } else {
        let session = somewhere(aws, account.as_str(), &region).await?;
        session.verify_account().await.map_err(|why| unread(&[why]))?;
        let listed = session.list_clusters().await;
        listed.map_err(|error| unread(&[error.reason]))?
    };
    Ok(sites_of(folder, &account, &region, &clusters, args.target.as_ref()))
}

/// A session before there is a Target: for calls that concern no cluster.
async fn somewhere(aws: &Aws, account: &str, region: &Region) -> anyhow::Result<Session> {
    let target = Target {
        account_id: AccountId::parse(account)?,
        region: region.clone(),
        cluster: ClusterName::parse("none")?,
        assume_role: None,
        mode: Mode::Observe,
        capabilities: BTreeSet::new(),
        constraints: Constraints::default(),
    };
    Ok(aws.session(&ResourceName::parse("none")?, &target).await)
}
