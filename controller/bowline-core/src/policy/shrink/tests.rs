use super::*;
use crate::plan::fixture::{Fixture, name, service_key};

const OLD: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const NEW: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

/// So many services `s0`, `s1`, ... on `prod`.
fn services(count: usize) -> DesiredState {
    with(Fixture::new(), "s", "prod", count).desired
}

/// And so many services whose names begin with `prefix` on a Target.
fn with(mut world: Fixture, prefix: &str, target: &str, count: usize) -> Fixture {
    for number in 0..count {
        let service = format!("{prefix}{number}");
        world = world.with_service(&service, "s:1");
        world.spec(&service).target = name(target);
    }
    world
}

/// What was acted from at `commit`, with nothing before.
fn acted_from(state: &DesiredState, commit: &str) -> Baselines {
    advanced(&Baselines::new(), state, commit, &BTreeMap::new())
}

/// Why Targets are refused when `before` was acted from and git goes on to `after`.
fn refused(before: &DesiredState, after: &DesiredState) -> BTreeMap<ResourceName, String> {
    shrunk(&acted_from(before, OLD), after)
}

fn told(targets: &[(&str, &str)]) -> BTreeMap<ResourceName, String> {
    targets.iter().map(|(target, what)| (name(target), (*what).to_owned())).collect()
}

fn baseline(commit: &str, services: &[&str]) -> TargetMemory {
    let resources = services.iter().map(|service| service_key(service)).collect();
    TargetMemory { commit: commit.to_owned(), resources }
}

#[test]
fn three_and_more_than_a_fifth_or_everything_is_too_much() {
    let cases = [
        (10, 7, told(&[("prod", "3 of the 10 resources on prod are gone")])),
        (10, 8, told(&[])),
        (15, 12, told(&[])),
        (14, 11, told(&[("prod", "3 of the 14 resources on prod are gone")])),
        (2, 0, told(&[("prod", "2 of the 2 resources on prod are gone")])),
        (1, 0, told(&[("prod", "1 of the 1 resources on prod are gone")])),
        (2, 1, told(&[])),
        (5, 9, told(&[])),
    ];
    for (before, after, expected) in cases {
        assert_eq!(refused(&services(before), &services(after)), expected, "{before} -> {after}");
    }
}

#[test]
fn secrets_and_states_count_and_a_target_that_goes_takes_all_with_it() {
    let before = Fixture::new().with_service("web", "s:1").with_secret("db", "1", "1").with_state("app");
    let mut after = before.clone();
    after.desired.secrets.clear();
    assert_eq!(refused(&before.desired, &after.desired), told(&[]));
    after.desired.states.clear();
    assert_eq!(refused(&before.desired, &after.desired), told(&[]));
    after.desired.services.clear();
    let all = told(&[("prod", "3 of the 3 resources on prod are gone")]);
    assert_eq!(refused(&before.desired, &after.desired), all);
    after.desired.targets.clear();
    assert_eq!(refused(&before.desired, &after.desired), all);

    let only_secret = Fixture::new().with_secret("db", "1", "1").desired;
    let gone = told(&[("prod", "1 of the 1 resources on prod are gone")]);
    assert_eq!(refused(&only_secret, &Fixture::new().desired), gone);
    let only_state = Fixture::new().with_state("app").desired;
    assert_eq!(refused(&only_state, &Fixture::new().desired), gone);
}

#[test]
fn what_does_not_parse_counts_for_the_target_that_it_belonged_to_and_for_no_other() {
    let before = with(with(Fixture::new(), "s", "prod", 10), "t", "staging", 10).desired;
    let mut after = with(with(Fixture::new(), "s", "prod", 7), "t", "staging", 7).desired;
    for number in 7..10 {
        after.invalid.insert(service_key(&format!("s{number}")), "broken".to_owned());
    }
    assert_eq!(refused(&before, &after), told(&[("staging", "3 of the 10 resources on staging are gone")]));
}

#[test]
fn what_does_not_parse_cannot_vanish_unseen_in_the_commit_after() {
    let mut broken = services(7);
    for number in 7..10 {
        broken.invalid.insert(service_key(&format!("s{number}")), "broken".to_owned());
    }
    let baselines = advanced(&acted_from(&services(10), OLD), &broken, NEW, &BTreeMap::new());
    assert_eq!(shrunk(&baselines, &services(7)), told(&[("prod", "3 of the 10 resources on prod are gone")]));
}

#[test]
fn a_refused_target_keeps_its_baseline_and_the_others_advance() {
    let mut world = with(with(Fixture::new(), "s", "prod", 2), "t", "staging", 4);
    world.add_target("staging");
    let before = acted_from(&world.desired, OLD);
    let after = with(Fixture::new(), "t", "staging", 2).desired;
    let refused = shrunk(&before, &after);
    assert_eq!(refused, told(&[("prod", "2 of the 2 resources on prod are gone")]));
    let baselines = advanced(&before, &after, NEW, &refused);
    let expected = BTreeMap::from([
        (name("prod"), baseline(OLD, &["s0", "s1"])),
        (name("staging"), baseline(NEW, &["t0", "t1"])),
    ]);
    assert_eq!(baselines, expected);
    // Two and one more: against the first commit that would be three of four.
    let later = with(Fixture::new(), "t", "staging", 1).desired;
    assert_eq!(shrunk(&baselines, &later), refused);
}

#[test]
fn an_accepted_commit_is_the_baseline_of_what_was_acted_from_before_it() {
    let before = acted_from(&with(with(Fixture::new(), "s", "prod", 5), "t", "staging", 5).desired, OLD);
    let mut before = before;
    before.insert(name("staging"), baseline(NEW, &["t0", "t1", "t2", "t3", "t4", "t5"]));
    let state = with(with(Fixture::new(), "s", "prod", 1), "t", "staging", 1).desired;
    let accepted = Accepted { commit: "cccc".to_owned(), state: Arc::new(state.clone()) };
    let accepted = BTreeMap::from([(OLD.to_owned(), accepted)]);
    let baselines = declared(&before, &accepted);
    assert_eq!(baselines[&name("prod")], baseline("cccc", &["s0"]));
    // What was acted from since is not undone by an older acceptance.
    let staging = told(&[("staging", "5 of the 6 resources on staging are gone")]);
    assert_eq!(shrunk(&baselines, &state), staging);
    // Accepting one loss does not accept the next.
    let all = shrunk(&baselines, &DesiredState::default());
    assert_eq!(all[&name("prod")], "1 of the 1 resources on prod are gone");
}

#[test]
fn a_target_that_is_gone_is_forgotten_once_that_is_accepted() {
    let before = acted_from(&services(4), OLD);
    let nothing = DesiredState::default();
    assert_eq!(advanced(&before, &nothing, NEW, &shrunk(&before, &nothing)), before);
    let accepted = Accepted { commit: NEW.to_owned(), state: Arc::new(nothing.clone()) };
    let baselines = declared(&before, &BTreeMap::from([(OLD.to_owned(), accepted)]));
    assert_eq!(*baselines, Baselines::new());
    assert_eq!(shrunk(&baselines, &nothing), told(&[]));
}
