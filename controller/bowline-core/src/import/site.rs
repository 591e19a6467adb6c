//! Which Target is meant, and what is it called? One that the folder declares, or a new one for a cluster.

use std::collections::BTreeSet;

use super::Folder;
use super::names::Names;
use crate::desired::ResourceKind;
use crate::desired::kind::{Constraints, Mode, Target};
use crate::name::{AccountId, ClusterName, Region, ResourceName};

/// A Target, and whether the folder declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Its name.
    pub name: ResourceName,
    /// What it is.
    pub target: Target,
    /// True when it stands in the folder already: it is not written again.
    pub declared: bool,
}

/// What was asked for; what is left out is taken from the Target.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// The account.
    pub account: Option<AccountId>,
    /// The region.
    pub region: Option<Region>,
    /// The cluster.
    pub cluster: Option<ClusterName>,
}

/// Why there is no such Target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SiteError {
    /// The folder has no such Target, and nothing says where it would be.
    #[error("there is no Target `{name}` in the folder (it has {}); to make one, give its cluster: --cluster CLUSTER", all(.known))]
    NoCluster {
        /// The name that was asked for.
        name: ResourceName,
        /// The Targets that there are.
        known: Vec<ResourceName>,
    },
    /// The Target is somewhere else.
    #[error(
        "the Target `{name}` has {field} {found}, and {asked} was asked for: leave the option out, or choose another name"
    )]
    Contradiction {
        /// The Target.
        name: ResourceName,
        /// `accountId`, `region` or `cluster`.
        field: &'static str,
        /// What the folder says.
        found: String,
        /// What was asked for.
        asked: String,
    },
}

fn all(names: &[ResourceName]) -> String {
    let names: Vec<&str> = names.iter().map(ResourceName::as_str).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// The Target of this name that the folder declares; nothing if it is to be made.
pub fn declared_site(
    folder: Folder<'_>,
    name: &ResourceName,
    asked: &Asked,
) -> Result<Option<Site>, SiteError> {
    let Some(resource) = folder.state.targets.get(name) else {
        if asked.cluster.is_none() {
            let known = folder.state.targets.keys().cloned().collect();
            return Err(SiteError::NoCluster { name: name.clone(), known });
        }
        return Ok(None);
    };
    let target = &resource.spec;
    let fields = [
        ("accountId", target.account_id.as_str(), asked.account.as_ref().map(AccountId::as_str)),
        ("region", target.region.as_str(), asked.region.as_ref().map(Region::as_str)),
        ("cluster", target.cluster.as_str(), asked.cluster.as_ref().map(ClusterName::as_str)),
    ];
    for (field, found, asked) in fields {
        if let Some(asked) = asked.filter(|asked| *asked != found) {
            let (found, asked) = (found.to_owned(), asked.to_owned());
            return Err(SiteError::Contradiction { name: name.clone(), field, found, asked });
        }
    }
    Ok(Some(Site { name: name.clone(), target: target.clone(), declared: true }))
}

/// The Targets for clusters of one account and region, in the order of their names: those that the folder declares, and new
/// ones, called `name` or else as their clusters. A new one is in mode `observe`, without a role and without capabilities.
pub fn sites(
    folder: Folder<'_>,
    account: &AccountId,
    region: &Region,
    clusters: &BTreeSet<ClusterName>,
    name: Option<&ResourceName>,
) -> Vec<Site> {
    let mut found = Vec::new();
    let mut new = BTreeSet::new();
    for cluster in clusters {
        let here = |target: &Target| {
            (&target.account_id, &target.region, &target.cluster) == (account, region, cluster)
        };
        let declared = folder.state.targets.iter().find(|(_, resource)| here(&resource.spec));
        match declared.filter(|_| name.is_none()) {
            Some((name, resource)) => {
                found.push(Site { name: name.clone(), target: resource.spec.clone(), declared: true });
            }
            None => drop(new.insert(cluster.as_str())),
        }
    }
    let names = Names::of(folder.state).give(ResourceKind::Target, region.as_str(), &new);
    for cluster in clusters {
        let Some(given) = names.get(cluster.as_str()) else { continue };
        let target = Target {
            account_id: account.clone(),
            region: region.clone(),
            cluster: cluster.clone(),
            assume_role: None,
            mode: Mode::Observe,
            capabilities: BTreeSet::new(),
            constraints: Constraints::default(),
        };
        found.push(Site { name: name.unwrap_or(given).clone(), target, declared: false });
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    found
}
