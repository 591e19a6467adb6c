use super::*;

/// A rollback of a bad commit of its own, for each of these services.
fn many(names: &[&str]) -> BTreeMap<String, Rollback> {
    let one = |(name, digit): (&&str, char)| {
        let resources = BTreeMap::from([(self::name(name), failed())]);
        let id_of_one = format!("{digit}-1");
        let (id, bad_commit) = (id_of_one.clone(), id(digit));
        (id_of_one, Rollback { id, bad_commit, resources, ..rollback(RollbackStrategy::PullRequest) })
    };
    names.iter().zip('1'..).map(one).collect()
}

#[test]
fn more_than_three_commits_within_ten_minutes_are_a_storm() {
    let four = many(&["api", "shop", "web", "zoo"]);
    assert!(is_storm(four.values(), after(599)));
    assert!(!is_storm(four.values(), after(600)), "ten minutes later");
    let three = many(&["api", "shop", "web"]);
    assert!(!is_storm(three.values(), after(1)));
    assert!(is_storm_with(three.values(), [(&id('9'), after(1))], after(1)));
    assert!(!is_storm_with(three.values(), [(&id('1'), after(1))], after(1)), "it is among them");
}

#[test]
fn a_storm_is_told_once_with_its_services_and_what_a_person_can_do() {
    let mut four = many(&["api", "shop", "web", "zoo"]);
    let sentence = "rollbacks are held: 4 commits were found bad within 10 minutes, so that something they share may be down; it is \
                    about api, shop, web, zoo; look for a shared cause, or take one back all the same: `bowline rollback SERVICE`";
    let storm = Storm { id: "4-1".to_owned(), first: name("api"), sentence: sentence.to_owned() };
    assert_eq!(untold_storm(&four, after(599)), Some(storm));
    assert_eq!(untold_storm(&four, after(600)), None, "it is over");
    assert_eq!(untold_storm(&many(&["api", "shop", "web"]), after(1)), None);
    four.get_mut("4-1").unwrap().storm_told_at = Some(start());
    assert_eq!(untold_storm(&four, after(1)), None);
    let over = |state| {
        let all = many(&["api", "shop", "web", "zoo"]).into_iter();
        all.map(|(id, one)| (id, Rollback { state, ..one })).collect()
    };
    assert_eq!(untold_storm(&over(State::Merged), after(1)), None, "nothing is held");
    let names: Vec<String> = (100..130).map(|number| format!("s{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let sentence = untold_storm(&many(&names[..9]), after(1)).unwrap().sentence;
    assert!(
        sentence.contains("about s100, s101, s102, s103, s104, s105, s106, s107, s108; look"),
        "{sentence}"
    );
    let names = names.iter().map(|text| name(text)).collect::<Vec<_>>();
    let sentence = crate::rollback::held_for_many(30, &names.iter().collect());
    assert!(sentence.contains("s118, s119 and 10 more; look"), "{sentence}");
}

#[test]
fn what_a_storm_holds_is_overdue_ten_minutes_after_it() {
    let mut held = rollback(RollbackStrategy::PullRequest);
    let storm = |storm| Seen { storm, ..seen(GitSeen::WantsFailed, LiveSeen::OnItsWay, PullSeen::None) };
    held.advance(&storm(true), after(585));
    assert_eq!(
        [600, 1184, 1185, 1186].map(|second| held.overdue(after(second))),
        [false, false, true, false]
    );
    assert_eq!((held.entered_at, held.advance(&storm(false), after(1187))), (start(), Step::Push));
}

#[test]
fn what_was_found_bad_in_a_storm_goes_no_further_than_the_pull_request() {
    let auto = RollbackStrategy::AutoMerge;
    let ready = || seen(GitSeen::WantsFailed, LiveSeen::OnItsWay, PullSeen::There(open(Mergeability::Ready)));
    let in_storm = |rollback: &mut Rollback, at| {
        rollback.advance(&Seen { storm: true, ..ready() }, after(at));
        rollback.advance(&ready(), after(3_600)).label()
    };
    let mut recent = at(State::PullRequest, auto);
    assert_eq!(in_storm(&mut recent, 60), "tell");
    let why = "held: more than 3 commits were found bad within 10 minutes, so that something they share may have been down, and the \
               commit may be good: a person has to merge it, or close it and release the commit: `bowline \
               retry web`";
    assert_eq!(recent.why.as_deref(), Some(why));
    assert!(comment(&recent).contains("Not merged yet: held: more than 3 commits"), "{}", comment(&recent));
    assert!(body(&recent, &branch(true)).contains("> **Look closely:** more than 3 commits were found bad"));
    assert_eq!(recent.deadline(), Some(after(24 * 3_600)), "a person has a day");
    // What was found bad long before it is none of it.
    let mut earlier = at(State::PullRequest, auto);
    assert_eq!(in_storm(&mut earlier, 600), "merge");
    assert!(!body(&earlier, &branch(true)).contains("Look closely"));
}

#[test]
fn what_was_held_for_a_storm_before_it_began_is_not_held_once_more() {
    let mut four = many(&["api", "shop", "web", "zoo"]);
    for rollback in four.values_mut() {
        rollback.opened_at = after(601);
        rollback.resources.values_mut().for_each(|failed| failed.failed_at = Some(start()));
    }
    assert!(!is_storm(four.values(), after(601)), "by the verdict");
    assert!(!is_storm_with(
        [],
        [&id('1'), &id('2'), &id('3'), &id('4')].map(|bad| (bad, start())),
        after(601)
    ));
}

#[test]
fn what_was_found_bad_in_a_storm_that_is_over_before_it_could_begin_is_left_to_a_person() {
    let auto = RollbackStrategy::AutoMerge;
    let found = |seconds: [i64; 4]| -> BTreeMap<String, Rollback> {
        let at = |((id, one), second): ((String, Rollback), i64)| {
            let mut one = Rollback { strategy: auto, opened_at: after(1_300), ..one };
            one.resources.values_mut().for_each(|failed| failed.failed_at = Some(after(second)));
            (id, one)
        };
        many(&["api", "shop", "web", "zoo"]).into_iter().zip(seconds).map(at).collect()
    };
    let learned = |known: &BTreeMap<String, Rollback>| -> Vec<bool> {
        let learn = |one: &Rollback| one.clone().learn_storm(known.values(), after(1_300));
        known.values().map(learn).collect()
    };
    assert!(!is_storm(found([0; 4]).values(), after(1_300)), "it is over");
    assert_eq!(learned(&found([0; 4])), [true; 4]);
    assert_eq!(learned(&found([0, 200, 400, 599])), [true; 4], "whenever within ten minutes");
    assert_eq!(learned(&found([0, 200, 400, 600])), [false; 4], "three and three");
    let mut known = found([0; 4]);
    known.get_mut("4-1").unwrap().bad_commit = id('1');
    assert_eq!(learned(&known), [false; 4], "two services of one commit");
    // A fifth one, of another time.
    let mut known = found([0; 4]);
    let mut late = found([1_200; 4]).remove("4-1").unwrap();
    (late.id, late.bad_commit) = ("9-1".to_owned(), id('9'));
    known.insert(late.id.clone(), late);
    assert_eq!(learned(&known), [true, true, true, true, false]);

    let mut one = at(State::PullRequest, auto);
    one.bad_commit = id('1');
    let known = found([0; 4]);
    assert!(one.learn_storm(known.values(), after(1_300)));
    assert!(!one.learn_storm(known.values(), after(1_300)), "once");
    let ready = seen(GitSeen::WantsFailed, LiveSeen::OnItsWay, PullSeen::There(open(Mergeability::Ready)));
    assert_eq!(one.advance(&ready, after(1_300)), Step::Tell { number: Some(7) });
    assert!(one.why.unwrap().contains("a person has to merge it"));
    let mut merged = at(State::Merged, auto);
    assert!(!merged.learn_storm(known.values(), after(1_300)), "there is nothing to leave to anybody");
}
