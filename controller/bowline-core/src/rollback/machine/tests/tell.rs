use super::*;

const TELL: Step = Step::Tell { number: None };

fn wants() -> Seen {
    seen(GitSeen::WantsFailed, LiveSeen::OnItsWay, PullSeen::None)
}

fn stuck() -> Rollback {
    let mut stuck = rollback(RollbackStrategy::PullRequest);
    stuck.cannot("nothing to go back to".to_owned(), start());
    stuck
}

/// One of which a step was refused.
fn refused() -> Rollback {
    let mut refused = rollback(RollbackStrategy::PullRequest);
    assert_eq!(refused.advance(&wants(), start()), Step::Push);
    refused.troubled(&Step::Push, &trouble(TroubleKind::Person), start());
    refused
}

#[test]
fn without_a_pull_request_the_bad_commit_says_so_once_and_then_where_it_is() {
    let pushed = || Rollback { branch: Some(branch(true)), ..at(State::Branch, RollbackStrategy::AutoMerge) };
    let not_yet = "Failed on ECS; not taken back yet: `bowline explain web` tells why";
    let person = "Failed on ECS; a person has to take it back: `bowline explain web` tells why";
    let cases = [
        ("needs a person", stuck(), wants(), person),
        ("held", rollback(RollbackStrategy::AutoMerge), Seen { storm: true, ..wants() }, not_yet),
        ("no strategy", pushed(), Seen { strategy: RollbackStrategy::None, ..wants() }, not_yet),
        ("refused", refused(), wants(), not_yet),
    ];
    for (case, mut rollback, seen, said) in cases {
        let mut alone = rollback.clone();
        assert_eq!(alone.advance(&Seen { github: false, ..seen.clone() }, after(1)), Step::Rest, "{case}");
        let mut observed = rollback.clone();
        assert_eq!(observed.advance(&Seen { writes: false, ..seen.clone() }, after(1)), Step::Rest, "{case}");
        assert_eq!(rollback.advance(&seen, after(1)), TELL, "{case}");
        assert_eq!(status(&rollback), said, "{case}");
        rollback.has_told();
        assert_eq!(rollback.advance(&seen, after(2)), Step::Rest, "{case}");
        let there = PullSeen::There(open(Mergeability::Conflict));
        rollback.look_at = after(400);
        assert_eq!(
            rollback.advance(&Seen { pull: there, proven: Some(branch(true)), ..seen }, after(400)),
            Step::Tell { number: Some(7) },
            "{case}"
        );
        assert_eq!(status(&rollback), "Failed on ECS; #7 takes it back", "{case}");
    }
}

#[test]
fn what_ends_without_a_pull_request_is_said_where_something_was_said_before() {
    let gone_on = seen(GitSeen::WantsOther, LiveSeen::AsWanted, PullSeen::None);
    let mut quiet = stuck();
    assert_eq!((quiet.advance(&gone_on, after(1)), quiet.is_over(true)), (Step::Rest, true));
    let mut told = stuck();
    told.has_told();
    assert_eq!((told.advance(&gone_on, after(1)), told.is_over(true)), (TELL, false));
    assert_eq!(status(&told), "Failed on ECS; git went on without a rollback");
    told.has_told();
    assert_eq!((told.advance(&gone_on, after(2)), told.is_over(true)), (Step::Rest, true));
}

#[test]
fn what_cannot_be_said_of_the_bad_commit_hides_nothing_and_holds_nothing_up() {
    for rollback in [stuck(), refused()] {
        let (look_at, lasting) = (rollback.look_at, rollback.trouble.clone());
        let again = |kind| {
            let mut rollback = rollback.clone();
            assert_eq!(rollback.advance(&wants(), after(1)), TELL);
            let look_before = rollback.look_at;
            rollback.troubled(&TELL, &trouble(kind), after(1));
            assert_eq!((rollback.look_at, &rollback.trouble), (look_before, &lasting));
            [60, 61, 200].map(|second| rollback.advance(&wants(), after(second)) == TELL)
        };
        assert!(look_at <= after(300));
        assert_eq!(again(PASSING), [false, true, true]);
        assert_eq!(again(TroubleKind::Until(after(100))), [false, false, true]);
        assert_eq!(again(TroubleKind::Person), [false, false, false]);
    }
}

#[test]
fn a_server_that_is_away_is_not_asked_more_often_for_that() {
    let mut away = rollback(RollbackStrategy::PullRequest);
    away.troubled(&Step::Push, &trouble(PASSING), start());
    assert!(away.overdue(after(600)));
    away.look_at = after(700);
    assert_eq!(away.advance(&wants(), after(650)), Step::Rest);
}
