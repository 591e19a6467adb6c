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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::fixture::{Fixture, name, service_key};

    fn services(count: usize) -> DesiredState {
        let world =
            (0..count).fold(Fixture::new(), |world, number| world.with_service(&format!("s{number}"), "s:1"));
        world.desired
    }

    #[test]
    fn three_and_more_than_a_fifth_or_everything_is_too_much() {
        let refused = |before, after| shrunk(&services(before), &services(after)).remove(&name("prod"));
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(refused(10, 7), text("3 of the 10 resources on prod are gone"));
        assert_eq!(refused(10, 8), None);
        assert_eq!(refused(15, 12), None);
        assert_eq!(refused(14, 11), text("3 of the 14 resources on prod are gone"));
        assert_eq!(refused(2, 0), text("2 of the 2 resources on prod are gone"));
        assert_eq!(refused(2, 1), None);
        assert_eq!(refused(5, 9), None);
    }

    #[test]
    fn what_does_not_parse_is_not_gone() {
        let mut after = services(7);
        for number in 7..10 {
            after.invalid.insert(service_key(&format!("s{number}")), "broken".to_owned());
        }
        assert_eq!(shrunk(&services(10), &after), BTreeMap::new());
    }
}
