//! Did too much vanish from git at once?
//!
//! Each Target has a baseline of its own: what git held for it when it was last acted from. So a refused Target does not
//! stop the baseline of another one, whose everyday removals would add up otherwise.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::desired::{DesiredState, ResourceKey, ResourceKind};
use crate::name::ResourceName;
use crate::plan::TargetMemory;

/// Fewer vanished resources than this are an everyday change, unless nothing is left.
const LEAST: usize = 3;
/// More than this share, in percent, is refused.
const MOST_PERCENT: usize = 20;

/// What each Target held when it was last acted from.
pub type Baselines = BTreeMap<ResourceName, TargetMemory>;

/// A commit that git declares as applied.
#[derive(Debug, Clone, PartialEq)]
pub struct Accepted {
    /// The commit.
    pub commit: String,
    /// What it wants.
    pub state: Arc<DesiredState>,
}

/// The baselines as git declares them: what was last acted from at a commit of `accepted` counts as acted from at the commit
/// that is accepted in its place.
pub fn declared<'a>(before: &'a Baselines, accepted: &BTreeMap<String, Accepted>) -> Cow<'a, Baselines> {
    if accepted.is_empty() {
        return Cow::Borrowed(before);
    }
    let baselines = before.iter().filter_map(|(target, baseline)| {
        let Some(Accepted { commit, state }) = accepted.get(&baseline.commit) else {
            return Some((target.clone(), baseline.clone()));
        };
        let resources = resources(state).remove(target).unwrap_or_default();
        Some((target.clone(), renewed(Some(baseline), resources, state, commit)?))
    });
    Cow::Owned(baselines.collect())
}

/// The Targets whose desired set shrank by at least 3 and more than 20 %, or to nothing, each with a sentence. What cannot be
/// used as written still counts as there, for the Target that it belonged to.
pub fn shrunk(before: &Baselines, after: &DesiredState) -> BTreeMap<ResourceName, String> {
    let counts = counts(after);
    let mut refused = BTreeMap::new();
    for (target, baseline) in before {
        let count = baseline.resources.len();
        let left = counts.get(target).copied().unwrap_or(0) + unusable(baseline, after).count();
        let gone = count.saturating_sub(left);
        let too_many = gone >= LEAST && gone * 100 > count * MOST_PERCENT;
        if gone > 0 && (too_many || left == 0) {
            refused.insert(target.clone(), format!("{gone} of the {count} resources on {target} are gone"));
        }
    }
    refused
}

/// The baselines once `commit` was acted from: those of `refused` Targets stay as they are.
pub fn advanced(
    before: &Baselines,
    state: &DesiredState,
    commit: &str,
    refused: &BTreeMap<ResourceName, String>,
) -> Baselines {
    let mut now = resources(state);
    let targets: BTreeSet<ResourceName> = before.keys().chain(now.keys()).cloned().collect();
    let baselines = targets.into_iter().filter_map(|target| {
        let held = now.remove(&target).unwrap_or_default();
        let baseline = match before.get(&target) {
            Some(baseline) if refused.contains_key(&target) => baseline.clone(),
            baseline => renewed(baseline, held, state, commit)?,
        };
        Some((target, baseline))
    });
    baselines.collect()
}

/// A Target's baseline at `commit`; absent when it holds nothing. What cannot be used there stays with it: else it could
/// vanish unseen in the next commit.
fn renewed(
    before: Option<&TargetMemory>,
    mut resources: BTreeSet<ResourceKey>,
    state: &DesiredState,
    commit: &str,
) -> Option<TargetMemory> {
    resources.extend(before.into_iter().flat_map(|baseline| unusable(baseline, state)).cloned());
    (!resources.is_empty()).then(|| TargetMemory { commit: commit.to_owned(), resources })
}

/// What belonged to a Target and cannot be used as written any more: it is known by kind and name only.
fn unusable<'a>(baseline: &'a TargetMemory, state: &DesiredState) -> impl Iterator<Item = &'a ResourceKey> {
    baseline.resources.iter().filter(|key| state.invalid.contains_key(*key))
}

/// Every resource that belongs to a Target, with the Target.
fn members(state: &DesiredState) -> impl Iterator<Item = (&ResourceName, ResourceKind, &ResourceName)> {
    let services = state
        .services
        .iter()
        .map(|(name, service)| (&service.resource.spec.target, ResourceKind::EcsService, name));
    let secrets =
        state.secrets.iter().map(|(name, secret)| (&secret.spec.target, ResourceKind::Secret, name));
    let states =
        state.states.iter().map(|(name, state)| (&state.spec.target, ResourceKind::TerraformState, name));
    services.chain(secrets).chain(states)
}

fn counts(state: &DesiredState) -> BTreeMap<&ResourceName, usize> {
    let mut counts = BTreeMap::new();
    for (target, ..) in members(state) {
        *counts.entry(target).or_default() += 1;
    }
    counts
}

fn resources(state: &DesiredState) -> BTreeMap<ResourceName, BTreeSet<ResourceKey>> {
    let mut resources: BTreeMap<ResourceName, BTreeSet<ResourceKey>> = BTreeMap::new();
    for (target, kind, name) in members(state) {
        resources.entry(target.clone()).or_default().insert(ResourceKey { kind, name: name.clone() });
    }
    resources
}

#[cfg(test)]
mod tests;
