//! Did too much vanish from git at once?

use std::collections::BTreeMap;

use crate::desired::DesiredState;
use crate::name::ResourceName;

/// Fewer vanished resources than this are an everyday change, unless nothing is left.
const LEAST: usize = 3;
/// More than this share, in percent, is refused.
const MOST_PERCENT: usize = 20;

/// The targets whose desired set shrank by at least 3 and more than 20 %, or to nothing, each with a sentence. What cannot be
/// used as written still counts as there.
pub fn shrunk(before: &DesiredState, after: &DesiredState) -> BTreeMap<ResourceName, String> {
    let (counts_before, counts_after) = (counts(before), counts(after));
    // Resources that do not parse any more are known by kind and name only; they are given to every target.
    let unusable = after.invalid.len();
    let mut refused = BTreeMap::new();
    for (target, count) in counts_before {
        let left = counts_after.get(target).copied().unwrap_or(0) + unusable;
        let gone = count.saturating_sub(left);
        let too_many = gone >= LEAST && gone * 100 > count * MOST_PERCENT;
        if gone > 0 && (too_many || left == 0) {
            refused.insert(target.clone(), format!("{gone} of the {count} resources on {target} are gone"));
        }
    }
    refused
}

fn counts(state: &DesiredState) -> BTreeMap<&ResourceName, usize> {
    let mut counts = BTreeMap::new();
    let services = state.services.values().map(|service| &service.resource.spec.target);
    let secrets = state.secrets.values().map(|secret| &secret.spec.target);
    let states = state.states.values().map(|state| &state.spec.target);
    for target in services.chain(secrets).chain(states) {
        *counts.entry(target).or_insert(0) += 1;
    }
    counts
}
