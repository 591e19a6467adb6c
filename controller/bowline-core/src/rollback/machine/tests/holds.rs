use super::*;

fn armed(mergeability: Mergeability, by_author: bool) -> Pull {
    let state = PullState::Open { mergeability, auto_merge: true };
    Pull { state, armed_by_author: by_author, ..open(mergeability) }
}

#[test]
fn what_bowline_let_the_server_merge_is_taken_back_once_it_may_not_be_merged() {
    let (auto, by_pull) = (RollbackStrategy::AutoMerge, RollbackStrategy::PullRequest);
    let blocked = || armed(Mergeability::Blocked, true);
    let stranger = || Pull { head: id('f'), ..blocked() };
    let by_a_person = || armed(Mergeability::Blocked, false);
    let cases = [
        ("it may", auto, blocked(), auto, false, "tell"),
        ("a storm", auto, blocked(), auto, true, "no-auto-merge"),
        ("lowered since", auto, blocked(), by_pull, false, "no-auto-merge"),
        ("no rollback by now", auto, blocked(), RollbackStrategy::None, false, "no-auto-merge"),
        ("joined by one that may not", by_pull, blocked(), auto, false, "no-auto-merge"),
        ("another head", auto, stranger(), auto, false, "no-auto-merge"),
        ("armed by a person", auto, by_a_person(), by_pull, true, "tell"),
        ("not armed", auto, open(Mergeability::Blocked), auto, true, "tell"),
    ];
    for (case, began_with, pull, now_with, storm, step) in cases {
        let mut rollback = at(State::PullRequest, began_with);
        rollback.told = None;
        let seen = seen(GitSeen::WantsFailed, LiveSeen::OnItsWay, PullSeen::There(pull));
        let seen = Seen { strategy: now_with, storm, ..seen };
        assert_eq!(rollback.advance(&seen, after(1)).label(), step, "{case}");
    }
    // What Bowline turned on where a person at a shell opened it is known from memory, until it is seen to be off.
    let mut adopted = at(State::PullRequest, auto);
    adopted.branch = adopted.branch.map(|branch| Branch { message: String::new(), ..branch });
    let look =
        |pull, storm| Seen { storm, ..seen(GitSeen::WantsFailed, LiveSeen::OnItsWay, PullSeen::There(pull)) };
    assert_eq!(adopted.advance(&look(open(Mergeability::Blocked), false), after(1)).label(), "auto-merge");
    let mut turned_off = adopted.clone();
    assert_eq!(adopted.advance(&look(by_a_person(), true), after(2)).label(), "no-auto-merge");
    turned_off.advance(&look(open(Mergeability::Blocked), true), after(2));
    assert_eq!(turned_off.advance(&look(by_a_person(), true), after(3)).label(), "tell");
    // What a person asked for at a shell is that person's.
    let mut by_hand = at(State::PullRequest, auto);
    by_hand.branch = by_hand.branch.map(|branch| Branch { message: String::new(), ..branch });
    let there = PullSeen::There(blocked());
    let seen = Seen { storm: true, ..seen(GitSeen::WantsFailed, LiveSeen::OnItsWay, there) };
    assert_eq!(by_hand.advance(&seen, after(1)).label(), "tell");
}

#[test]
fn nothing_is_written_while_a_target_is_only_observed() {
    let pulls = [
        PullSeen::None,
        PullSeen::There(open(Mergeability::Ready)),
        PullSeen::There(open(Mergeability::Behind)),
        PullSeen::There(armed(Mergeability::Blocked, true)),
        PullSeen::There(Pull { state: PullState::Merged, ..open(Mergeability::Ready) }),
        PullSeen::There(Pull { state: PullState::Closed, ..open(Mergeability::Ready) }),
    ];
    for state in State::ALL {
        for pull in &pulls {
            for git in [GitSeen::WantsFailed, GitSeen::WantsOther] {
                let mut rollback = at(state, RollbackStrategy::AutoMerge);
                rollback.told = None;
                rollback.to_close = state == State::Overtaken;
                let seen = seen(git, LiveSeen::AsWanted, pull.clone());
                let seen = Seen { writes: false, strategy: RollbackStrategy::None, ..seen };
                let step = rollback.advance(&seen, after(1));
                assert_eq!(step, Step::Rest, "{state}, {git:?}, {pull:?}");
            }
        }
    }
    let mut rollback = at(State::PullRequest, RollbackStrategy::AutoMerge);
    let there = PullSeen::There(armed(Mergeability::Blocked, true));
    let seen = seen(GitSeen::WantsFailed, LiveSeen::OnItsWay, there);
    rollback.advance(&Seen { writes: false, strategy: RollbackStrategy::None, ..seen.clone() }, after(1));
    let why = rollback.why.clone().unwrap();
    assert!(why.ends_with("if it is not to, turn auto-merge off at https://github.test/7"), "{why}");
    // Once something may be written again, that is not said any more.
    rollback.advance(&seen, after(2));
    assert_eq!(rollback.why.as_deref(), Some("the server merges it once the branch's rules allow"));
}

#[test]
fn a_pull_request_that_cannot_be_closed_is_told_once() {
    let mut rollback = at(State::PullRequest, RollbackStrategy::PullRequest);
    let gone_on = |at| {
        (seen(GitSeen::WantsOther, LiveSeen::AsWanted, PullSeen::There(open(Mergeability::Ready))), after(at))
    };
    let (seen, now) = gone_on(1);
    let step = rollback.advance(&seen, now);
    assert_eq!(step, Step::Close { number: 7 });
    rollback.troubled(&step, &trouble(TroubleKind::Person), now);
    assert_eq!([600, 601, 602].map(|second| rollback.overdue(after(second))), [false, true, false]);
    assert_eq!(
        rollback.what_to_do().as_deref(),
        Some(
            "close https://github.test/7: git went on without it, and whoever merges it takes back what is wanted by now"
        )
    );
    rollback.has_closed();
    assert_eq!((rollback.deadline(), rollback.what_to_do()), (None, None));
}

#[test]
fn a_branch_behind_its_base_is_brought_up_to_date_and_followed() {
    let mut rollback = at(State::PullRequest, RollbackStrategy::AutoMerge);
    let look = |pull: Pull, followed: bool| Seen {
        followed: followed.then(|| pull.head.clone()),
        ..seen(GitSeen::WantsFailed, LiveSeen::OnItsWay, PullSeen::There(pull))
    };
    let update = Step::UpdateBranch { number: 7, expected: id('c') };
    assert_eq!(rollback.advance(&look(open(Mergeability::Behind), false), after(1)), update);
    rollback.update_asked(after(1));
    // The server takes a while, and is not asked at each look.
    assert_eq!(rollback.advance(&look(open(Mergeability::Behind), false), after(2)), Step::Rest);
    assert_eq!(rollback.look_at, after(4));
    assert_eq!(rollback.advance(&look(open(Mergeability::Behind), false), after(61)), update);
    let updated = || Pull { head: id('e'), ..open(Mergeability::Ready) };
    let merge = Step::Merge { number: 7, expected: id('e') };
    let mut stranger = rollback.clone();
    assert_ne!(stranger.advance(&look(updated(), false), after(62)), merge);
    assert_eq!(rollback.advance(&look(updated(), true), after(62)), merge);
    assert_eq!(rollback.branch.map(|branch| branch.commit), Some(id('e')));
    // It waits for ever otherwise, also where the server is to merge it by itself.
    let mut waiting = at(State::PullRequest, RollbackStrategy::AutoMerge);
    assert_eq!(waiting.advance(&look(armed(Mergeability::Behind, true), false), after(1)), update);
    let mut of_a_person = at(State::PullRequest, RollbackStrategy::PullRequest);
    assert_eq!(of_a_person.advance(&look(open(Mergeability::Behind), false), after(1)), Step::Rest);
}

#[test]
fn trouble_is_not_shown_any_more_once_it_is_seen_to_be_over() {
    let auto = RollbackStrategy::AutoMerge;
    let wants = |pull| seen(GitSeen::WantsFailed, LiveSeen::OnItsWay, pull);
    let ready = || PullSeen::There(open(Mergeability::Ready));
    let merge = Step::Merge { number: 7, expected: id('c') };
    let cases = [
        ("a look that succeeds", Step::Rest, wants(ready()), false),
        ("a look that fails again", Step::Rest, wants(PullSeen::NotAsked), true),
        ("a step that is due again", merge.clone(), wants(ready()), true),
        ("a step that is not due any more", merge.clone(), Seen { storm: true, ..wants(ready()) }, false),
        (
            "what could not be told",
            Step::Tell { number: Some(7) },
            Seen { storm: true, ..wants(ready()) },
            true,
        ),
    ];
    for (case, step, seen, stays) in cases {
        let mut rollback = at(State::PullRequest, auto);
        rollback.troubled(&step, &trouble(PASSING), after(1));
        rollback.advance(&seen, after(100));
        assert_eq!(rollback.trouble.is_some(), stays, "{case}");
    }
    // What an earlier version stored does not say of which step it is.
    let mut stored = at(State::PullRequest, auto);
    stored.troubled(&merge, &trouble(PASSING), after(1));
    let mut value = serde_json::to_value(&stored).unwrap();
    value["trouble"].as_object_mut().unwrap().remove("step");
    let mut read: Rollback = serde_json::from_value(value).unwrap();
    read.advance(&wants(ready()), after(100));
    assert_eq!(read.trouble, None);
}

#[test]
fn what_a_person_has_to_allow_first_is_told_before_it_is_asked_for_again() {
    let mut rollback = at(State::PullRequest, RollbackStrategy::AutoMerge);
    let there = seen(GitSeen::WantsFailed, LiveSeen::OnItsWay, PullSeen::There(open(Mergeability::Blocked)));
    let mut taken = Vec::new();
    for turn in 0..5 {
        let now = after(turn * 20);
        let step = rollback.advance(&there, now);
        taken.push(step.label());
        match step {
            Step::EnableAutoMerge { .. } => rollback.troubled(&step, &trouble(TroubleKind::Person), now),
            Step::Tell { .. } => rollback.has_told(),
            _ => {}
        }
    }
    assert_eq!(taken, ["auto-merge", "tell", "rest", "rest", "rest"]);
    // After a restart as well; and what can be merged by then is merged plainly.
    let text = serde_json::to_string(&rollback).unwrap();
    let mut restarted: Rollback = serde_json::from_str(&text).unwrap();
    assert_eq!(restarted.clone().advance(&there, after(299)), Step::Rest);
    assert_eq!(restarted.clone().advance(&there, after(300)).label(), "auto-merge");
    let ready = seen(GitSeen::WantsFailed, LiveSeen::OnItsWay, PullSeen::There(open(Mergeability::Ready)));
    assert_eq!(restarted.advance(&ready, after(120)).label(), "merge");
    assert!(rollback.told.is_some_and(|told| told.contains("GitHub cannot be reached")));
}

#[test]
fn each_reason_for_no_rollback_names_the_next_command() {
    use crate::rollback::revert::NoRevert;
    let (web, good, bad) = (name("web"), id('a'), id('b'));
    let cases = [
        (NotRolledBack::NothingGood { looked_at: 3 }, "`bowline rollback web --to COMMIT`"),
        (NotRolledBack::OlderFailed, "`bowline rollback web --to COMMIT`"),
        (NotRolledBack::CameBack { commit: bad.clone(), again: false }, "`bowline retry web`"),
        (NotRolledBack::CameBack { commit: bad.clone(), again: true }, "`bowline rollback web`"),
        (NotRolledBack::Buried { bad: bad.clone() }, "`bowline rollback web`"),
        (
            NotRolledBack::NoRevert(NoRevert::GoodNotFound { good: good.clone(), looked_at: 500 }),
            "`bowline rollback web --to COMMIT`",
        ),
        (NotRolledBack::NoRevert(NoRevert::NotInGit), "`bowline validate`"),
        (NotRolledBack::NoRevert(NoRevert::SameAsGood { good }), "`bowline retry web`"),
        (NotRolledBack::NoRevert(NoRevert::CutOff { commit: bad.clone() }), "`bowline rollback web`"),
        (NotRolledBack::NoRevert(NoRevert::AddedBy { commit: bad.clone() }), "`git revert bbbbbbbb`"),
        (NotRolledBack::NoRevert(NoRevert::IsRollback { commit: bad }), "`bowline rollback web --to COMMIT`"),
    ];
    for (why, command) in cases {
        let sentence = why.sentence(&web);
        let (_, next) = sentence.split_once("; next: ").unwrap();
        assert!(next.contains(command), "{sentence}");
    }
}

#[test]
fn what_takes_back_a_secret_that_stays_is_a_person_s_to_merge_and_says_so() {
    let mut outside = Outside::new(true, false);
    let mut rollback = rollback(RollbackStrategy::AutoMerge);
    let stays = "Secret/db: AWSCURRENT stays on 2: a label does not change the credential".to_owned();
    let branch = Branch { not_moved_back: vec![stays.clone()], ..branch(false) };
    rollback.pushed(branch.clone(), start());
    outside.pushed = 1;
    outside.take(&Step::OpenPull, &mut rollback, start());
    let step = rollback.advance(&outside.seen(&rollback, true), after(1));
    assert_eq!(step, Step::Tell { number: Some(1) });
    assert_eq!(
        rollback.why,
        Some(format!("a person has to read it at https://github.test/1 and merge or close it: {stays}"))
    );
    let text = body(&rollback, &branch);
    assert!(text.contains(&stays) && !text.contains("a document was replaced"), "{text}");

    // Merged by a person: it is not done before the secret is there.
    outside.pulls[0].state = PullState::Merged;
    outside.merged.push(id('c'));
    let held = |outside: &Outside, rollback: &Rollback, live| Seen { live, ..outside.seen(rollback, true) };
    let turn = |rollback: &mut Rollback, live, seconds| {
        let seen = held(&outside, rollback, live);
        rollback.advance(&seen, after(seconds));
        (rollback.state, rollback.why.clone())
    };
    let why = LiveSeen::Held("Secret/db is not where git wants it: it stays".to_owned());
    turn(&mut rollback, why.clone(), 2);
    let held = turn(&mut rollback, why, 3);
    assert_eq!(held, (State::Merged, Some("Secret/db is not where git wants it: it stays".to_owned())));
    assert!(
        comment(&rollback).contains("Merged, and live is not as git wants it yet: Secret/db is not where")
    );
    assert_eq!(
        status(&rollback),
        "Failed on ECS; #1, which takes it back, is merged, and live does not follow"
    );
    assert_eq!(turn(&mut rollback, LiveSeen::OnItsWay, 4), (State::Merged, None));
    assert_eq!(turn(&mut rollback, LiveSeen::AsWanted, 5), (State::Converged, None));
}

#[test]
fn a_merge_without_effect_is_told_at_once_and_goes_on_once_git_goes_back() {
    let merged = || PullSeen::There(Pull { state: PullState::Merged, ..open(Mergeability::Ready) });
    let look = |git, pull, read_at| Seen { read_at, ..seen(git, LiveSeen::AsWanted, pull) };
    let failing = |pull, read_at| look(GitSeen::WantsFailed, pull, read_at);
    let mut rollback = Rollback {
        pull: Some(PullRef::of(&open(Mergeability::Ready), None)),
        ..at(State::PullRequest, RollbackStrategy::AutoMerge)
    };
    rollback.advance(&failing(merged(), after(0)), after(1));
    rollback.advance(&failing(PullSeen::NotAsked, after(0)), after(2));
    assert_eq!(rollback.state, State::Merged, "git was read before");
    rollback.advance(&failing(PullSeen::NotAsked, after(3)), after(4));
    let why = "its pull request was merged, and the branch that is read still wants what failed: it was changed before the merge, \
               merged into another branch, or put back since, look at https://github.test/7; next: `bowline rollback web`";
    assert_eq!((rollback.state, rollback.why.as_deref()), (State::NeedsPerson, Some(why)));
    assert!(
        comment(&rollback).contains("Merged without effect: its pull request was merged"),
        "{}",
        comment(&rollback)
    );
    assert!(rollback.is_settled(), "another attempt that fails begins another one");
    rollback.advance(&failing(merged(), after(20)), after(21));
    assert_eq!(rollback.state, State::NeedsPerson);
    rollback.advance(&look(GitSeen::WantsOther, merged(), after(30)), after(31));
    rollback.advance(&look(GitSeen::WantsOther, PullSeen::NotAsked, after(32)), after(33));
    assert_eq!(rollback.state, State::Converged);
}

#[test]
fn what_was_turned_to_another_branch_is_a_persons_to_merge() {
    let elsewhere = |auto_merge| Pull {
        base: "staging".to_owned(),
        state: PullState::Open { mergeability: Mergeability::Ready, auto_merge },
        ..open(Mergeability::Ready)
    };
    let there = |pull| seen(GitSeen::WantsFailed, LiveSeen::OnItsWay, PullSeen::There(pull));
    let mut rollback = at(State::Branch, RollbackStrategy::AutoMerge);
    rollback.opened(&open(Mergeability::Ready), after(0));
    rollback.told = Some(comment(&rollback));
    rollback.armed = true;
    let step = rollback.advance(&there(elsewhere(true)), after(1));
    assert_eq!(step, Step::DisableAutoMerge { node_id: "PR_7".to_owned() });
    rollback.disarmed(after(1));
    let step = rollback.advance(&there(elsewhere(false)), after(2));
    assert_eq!(step, Step::Tell { number: Some(7) });
    let why = "somebody turned it to the branch staging, and what failed is on main: turn it back at https://github.test/7, or merge or \
               close it";
    assert_eq!(rollback.why.as_deref(), Some(why));
    let step = rollback.advance(&there(open(Mergeability::Ready)), after(3));
    assert_eq!(step, Step::Merge { number: 7, expected: id('c') });
}
