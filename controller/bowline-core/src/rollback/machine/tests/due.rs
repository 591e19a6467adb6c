use super::*;

fn opened(strategy: RollbackStrategy) -> Rollback {
    let mut rollback = at(State::Branch, strategy);
    rollback.opened(&open(Mergeability::Blocked), start());
    rollback.told = Some(comment(&rollback));
    rollback
}

fn shows(pull: Pull) -> Seen {
    seen(GitSeen::WantsFailed, LiveSeen::OnItsWay, PullSeen::There(pull))
}

/// How often the server is asked from one second to another, where a pass wakes the loop every 15 seconds.
fn asked(rollback: &mut Rollback, shown: &Seen, seconds: std::ops::Range<i64>) -> usize {
    let unasked = Seen { pull: PullSeen::NotAsked, ..shown.clone() };
    let turns = seconds.step_by(15).map(after);
    turns
        .filter(|now| {
            let is_due = rollback.is_due(&unasked, *now);
            let step = rollback.advance(if is_due { shown } else { &unasked }, *now);
            assert_eq!(step, Step::Rest);
            is_due
        })
        .count()
}

#[test]
fn what_nothing_happens_to_is_asked_for_less_and_less_often() {
    const HOUR: i64 = 3_600;
    let hours = |mut rollback: Rollback, shown: &Seen| -> Vec<usize> {
        let parts = [0..600, 600..HOUR, HOUR..2 * HOUR, 24 * HOUR..25 * HOUR];
        parts.into_iter().map(|part| asked(&mut rollback, shown, part)).collect()
    };
    let by_a_person = shows(open(Mergeability::Ready));
    assert_eq!(hours(opened(RollbackStrategy::PullRequest), &by_a_person), [40, 19, 12, 12]);
    let state = PullState::Open { mergeability: Mergeability::Blocked, auto_merge: true };
    let by_itself = shows(Pull { state, ..open(Mergeability::Blocked) });
    let mut awaited = opened(RollbackStrategy::AutoMerge);
    awaited.why = Some("the server merges it once the branch's rules allow".to_owned());
    awaited.told = Some(comment(&awaited));
    assert_eq!(hours(awaited, &by_itself), [40, 50, 12, 12]);
}

/// What changes of what is seen.
type Change = fn(&mut Seen);

#[test]
fn what_a_step_depends_on_is_asked_for_at_once_and_once() {
    let mut rollback = opened(RollbackStrategy::PullRequest);
    let shown = shows(open(Mergeability::Ready));
    asked(&mut rollback, &shown, 0..7_200);
    let cases: [(&str, Change); 5] = [
        ("a commit", |seen| seen.commit = "another".to_owned()),
        ("git", |seen| seen.git = GitSeen::Unknown),
        ("the strategy", |seen| seen.strategy = RollbackStrategy::None),
        ("a storm", |seen| seen.storm = true),
        ("the mode", |seen| seen.writes = false),
    ];
    for (case, change) in cases {
        let mut rollback = rollback.clone();
        let mut changed = shown.clone();
        change(&mut changed);
        let unasked = Seen { pull: PullSeen::NotAsked, ..shown.clone() };
        let unasked_changed = Seen { pull: PullSeen::NotAsked, ..changed.clone() };
        assert!(!rollback.is_due(&unasked, after(7_201)), "{case}");
        assert!(rollback.is_due(&unasked_changed, after(7_201)), "{case}");
        rollback.advance(&changed, after(7_201));
        assert!(!rollback.is_due(&unasked_changed, after(7_202)), "{case}");
    }
    let unasked = Seen { pull: PullSeen::NotAsked, ..shown.clone() };
    rollback.look_now(after(7_203));
    assert!(rollback.is_due(&unasked, after(7_203)), "a webhook, or evidence");
    // What somebody changed is looked at closely again.
    rollback.advance(&shows(Pull { head: id('f'), ..open(Mergeability::Ready) }), after(7_203));
    assert_eq!(rollback.look_at, after(7_218));
    // After a restart it is asked at once, though its time has not come.
    let text = serde_json::to_string(&rollback).unwrap();
    let restarted: Rollback = serde_json::from_str(&text).unwrap();
    assert!(restarted.is_due(&unasked, after(7_204)));
}

#[test]
fn what_may_not_be_told_keeps_nothing_from_being_asked_for() {
    let armed = PullState::Open { mergeability: Mergeability::Blocked, auto_merge: true };
    let shown = shows(Pull { state: armed, armed_by_author: true, ..open(Mergeability::Blocked) });
    let unasked = Seen { pull: PullSeen::NotAsked, ..shown.clone() };
    let mut rollback = opened(RollbackStrategy::AutoMerge);
    rollback.told = None;
    let step = rollback.advance(&shown, after(1));
    assert_eq!(step, Step::Tell { number: Some(7) });
    rollback.troubled(&step, &trouble(TroubleKind::Person), after(1));
    assert_eq!(rollback.advance(&unasked, after(2)), Step::Rest, "it is not told again");
    assert!(rollback.trouble.is_some() && !rollback.is_due(&unasked, after(2)));
    let cases: [(&str, Change); 3] = [
        ("the strategy", |seen| seen.strategy = RollbackStrategy::PullRequest),
        ("a storm", |seen| seen.storm = true),
        ("the mode", |seen| seen.writes = false),
    ];
    for (case, change) in cases {
        let (mut changed, mut unasked) = (shown.clone(), unasked.clone());
        change(&mut changed);
        change(&mut unasked);
        assert!(rollback.is_due(&unasked, after(2)), "{case}");
        let step = rollback.clone().advance(&changed, after(2)).label();
        assert_eq!(step, if changed.writes { "no-auto-merge" } else { "rest" }, "{case}");
    }
    rollback.look_now(after(3));
    assert!(rollback.is_due(&unasked, after(3)), "a webhook, or evidence");
    // What is tried again waits for its time.
    rollback.troubled(&Step::Rest, &trouble(PASSING), after(3));
    rollback.look_now(after(4));
    assert!(!rollback.is_due(&unasked, after(4)));
}

#[test]
fn what_was_not_asked_for_is_neither_gone_nor_over() {
    let state = PullState::Open { mergeability: Mergeability::Ready, auto_merge: false };
    let shown = shows(Pull { state, ..open(Mergeability::Ready) });
    let unasked = Seen { pull: PullSeen::NotAsked, ..shown.clone() };
    for git in [GitSeen::WantsFailed, GitSeen::WantsOther, GitSeen::Unknown] {
        for state in [State::Detected, State::Branch, State::PullRequest, State::NeedsPerson] {
            let mut rollback = at(state, RollbackStrategy::AutoMerge);
            rollback.convicted = Some(status(&rollback));
            let step = rollback.advance(&Seen { git, ..unasked.clone() }, after(1));
            assert_eq!((step, rollback.state), (Step::Rest, state), "{git:?}");
        }
    }
    // Nor is trouble over that nobody looked at.
    let mut rollback = opened(RollbackStrategy::AutoMerge);
    let merge = Step::Merge { number: 7, expected: id('c') };
    rollback.troubled(&merge, &trouble(PASSING), after(1));
    rollback.advance(&unasked, after(100));
    assert!(rollback.trouble.is_some());
}

#[test]
fn what_waits_for_a_person_is_asked_for_once_the_branch_moved_and_what_waits_for_its_time_is_not() {
    let shown = shows(open(Mergeability::Ready));
    let moved = Seen { commit: "another".to_owned(), pull: PullSeen::NotAsked, ..shown.clone() };
    for (kind, is_due) in [
        (TroubleKind::Person, true),
        (TroubleKind::Passing, false),
        (TroubleKind::Until(after(3_600)), false),
    ] {
        let mut rollback = opened(RollbackStrategy::AutoMerge);
        let step = rollback.advance(&shown, after(1));
        rollback.troubled(&step, &trouble(kind), after(1));
        assert_eq!(rollback.is_due(&moved, after(2)), is_due, "{kind:?}");
        rollback.asked_in_vain(&moved);
        assert!(!rollback.is_due(&moved, after(2)), "{kind:?}");
    }
}

#[test]
fn what_is_about_to_change_by_itself_is_waited_for_twice_as_long_each_time() {
    let mut rollback = opened(RollbackStrategy::AutoMerge);
    let mut now = 7_200;
    let mut pauses = Vec::new();
    for _ in 0..9 {
        rollback.advance(&shows(open(Mergeability::Computing)), after(now));
        let next = rollback.look_at.duration_since(start()).as_secs();
        pauses.push(next - now);
        now = next;
    }
    assert_eq!(pauses, [2, 4, 8, 16, 32, 64, 128, 256, 300]);
}
