use super::*;

/// A pull request of a rollback that said this of itself.
fn offered(number: u64, change: impl Fn(&mut Marker)) -> Pull {
    let mut marker = Marker {
        bad_commit: id('b'),
        commit: id('c'),
        merges_itself: true,
        rollback: Some("bbbbbbbbbbbb-1".to_owned()),
        instance: Some(InstanceName::default()),
        resources: Some(BTreeSet::from([name("web")])),
        in_storm: false,
    };
    change(&mut marker);
    let pull = open(Mergeability::Ready);
    Pull { number, branch: format!("branch-{number}"), body: format!("Why.\n{}\n", marker.line()), ..pull }
}

fn found(rollback: &Rollback, pulls: &[Pull], known: &[Rollback]) -> Option<u64> {
    own(rollback, pulls, "main", known).first().map(|pull| pull.number)
}

#[test]
fn a_pull_request_is_its_own_only_if_it_takes_all_of_it_back_and_nothing_contradicts() {
    let services = |names: &[&str]| Some(names.iter().map(|text| name(text)).collect());
    let instance = |text: &str| Some(InstanceName::parse(text).unwrap());
    let of_web = rollback(RollbackStrategy::AutoMerge);
    let of_both = {
        let resources = ["api", "web"].map(|text| (name(text), failed())).into();
        Rollback { resources, ..of_web.clone() }
    };
    let cases = [
        ("its own", offered(7, |_| {}), true, false),
        ("for both", offered(7, |it| it.resources = services(&["api", "web"])), true, true),
        ("for another service", offered(7, |it| it.resources = services(&["api"])), false, false),
        ("for another commit", offered(7, |it| it.bad_commit = id('d')), false, false),
        ("of another instance", offered(7, |it| it.instance = instance("blue")), false, false),
        ("by hand", offered(7, |it| it.rollback = None), true, false),
        (
            "of an earlier version",
            offered(7, |it| (it.rollback, it.instance, it.resources) = (None, None, None)),
            true,
            true,
        ),
        ("for another branch", Pull { base: "staging".to_owned(), ..offered(7, |_| {}) }, false, false),
        ("unmarked", Pull { body: "Why.".to_owned(), ..offered(7, |_| {}) }, false, false),
    ];
    for (case, pull, of_one, of_two) in cases {
        let one = found(&of_web, std::slice::from_ref(&pull), &[]);
        let two = found(&of_both, &[pull], &[]);
        assert_eq!((one, two), (of_one.then_some(7), of_two.then_some(7)), "{case}");
    }
}

#[test]
fn what_another_rollback_has_is_not_taken_also_when_it_is_merged() {
    let merged = |number| Pull { state: PullState::Merged, ..offered(number, |_| {}) };
    let second = Rollback { id: "bbbbbbbbbbbb-2".to_owned(), ..rollback(RollbackStrategy::AutoMerge) };
    let pull = |number| Some(PullRef { number, url: String::new(), base: None });
    let with_pull = Rollback { pull: pull(7), ..rollback(RollbackStrategy::AutoMerge) };
    let pushed = Branch { name: "branch-7".to_owned(), ..branch(true) };
    let with_branch = Rollback { branch: Some(pushed), ..rollback(RollbackStrategy::AutoMerge) };
    for first in [with_pull, with_branch] {
        let known = [first.clone(), second.clone()];
        assert_eq!(found(&second, &[merged(7)], &known), None);
        assert_eq!(found(&second, &[merged(8), merged(7)], &known), Some(8));
        assert_eq!(found(&first, &[merged(7)], &known), Some(7));
    }
    // Nor where both pushed the same branch: what was closed for the first is not the second's.
    let branch = || Some(Branch { name: "branch-7".to_owned(), ..branch(true) });
    let again = Rollback { branch: branch(), ..second.clone() };
    let closed = || Pull { state: PullState::Closed, ..offered(7, |_| {}) };
    let known = [Rollback { pull: pull(7), branch: branch(), ..rollback(RollbackStrategy::AutoMerge) }];
    assert_eq!(found(&again, &[closed()], &known), None);
    let anew = Pull { branch: "branch-7".to_owned(), ..offered(8, |_| {}) };
    let elsewhere = Pull { number: 9, base: "staging".to_owned(), ..anew.clone() };
    assert_eq!(found(&again, &[elsewhere, anew, closed()], &known), Some(8));
    // With the store gone the same rollback may have another number: its own is found all the same.
    assert_eq!(found(&second, &[merged(8), merged(7)], std::slice::from_ref(&second)), Some(8));
}

#[test]
fn what_is_found_again_says_which_services_it_takes_back() {
    let mut rollback = rollback(RollbackStrategy::AutoMerge);
    let both = BTreeSet::from([name("api"), name("web")]);
    let pull = offered(7, |marker| marker.resources = Some(both.clone()));
    let proven = Branch { covers: both.clone(), ..adopted(&pull, true) };
    let there = seen(GitSeen::WantsFailed, LiveSeen::OnItsWay, PullSeen::There(pull));
    rollback.advance(&Seen { proven: Some(proven), ..there }, after(1));
    assert_eq!(rollback.branch.map(|branch| branch.covers), Some(both));
}

#[test]
fn what_was_left_to_a_person_is_also_where_only_its_text_remembers_that() {
    let auto = RollbackStrategy::AutoMerge;
    for (in_storm, step) in [(true, "tell"), (false, "merge")] {
        let mut before = at(State::PullRequest, auto);
        before.resources.values_mut().for_each(|failed| failed.in_storm = in_storm);
        let pull = Pull { body: body(&before, &branch(true)), ..open(Mergeability::Ready) };
        let mut found = rollback(auto);
        let proven = Some(adopted(&pull, true));
        let there = seen(GitSeen::WantsFailed, LiveSeen::OnItsWay, PullSeen::There(pull));
        assert_eq!(found.advance(&Seen { proven, ..there }, after(1)).label(), step);
        assert_eq!(found.is_of_storm(), in_storm);
    }
}

#[test]
fn what_only_says_that_it_is_its_own_is_neither_taken_nor_merged() {
    for state in [open(Mergeability::Ready).state, PullState::Closed, PullState::Merged] {
        let mut rollback = rollback(RollbackStrategy::AutoMerge);
        let pull = Pull { state, ..offered(7, |_| {}) };
        let there = seen(GitSeen::WantsFailed, LiveSeen::OnItsWay, PullSeen::There(pull));
        assert_eq!(rollback.advance(&there, after(1)), Step::Push, "{state:?}");
        assert_eq!(
            (rollback.state, rollback.branch, rollback.pull),
            (State::Detected, None, None),
            "{state:?}"
        );
    }
}

#[test]
fn what_instances_write_has_their_names() {
    let blue = InstanceName::parse("blue").unwrap();
    let bowline = InstanceName::default();
    assert_eq!(comment_marker(&bowline), "<!-- bowline:rollback -->");
    assert_eq!(comment_marker(&blue), "<!-- bowline:rollback blue -->");
    assert_eq!(
        (status_context(&bowline), status_context(&blue)),
        ("bowline/rollback".to_owned(), "bowline/rollback/blue".to_owned())
    );
    let of_blue = Rollback { instance: blue.clone(), ..rollback(RollbackStrategy::AutoMerge) };
    assert!(comment(&of_blue).starts_with("<!-- bowline:rollback blue -->\n"));
    assert_eq!(Marker::find(&body(&of_blue, &branch(true))).and_then(|marker| marker.instance), Some(blue));
}
