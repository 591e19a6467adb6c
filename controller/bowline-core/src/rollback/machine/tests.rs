use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::live::{ProbeOutcome, ProbeResult, StoppedContainer};
use crate::name::{CommitId, InstanceName, ResourceName};
use crate::plan::{Evidence, EvidenceEvent, SpecHash, StoppedGroup};

mod begin;
mod due;
mod holds;
mod own;
mod storm;
mod tell;
mod text;

fn id(digit: char) -> CommitId {
    CommitId::parse(&String::from(digit).repeat(40)).unwrap()
}

fn name(text: &str) -> ResourceName {
    ResourceName::parse(text).unwrap()
}

fn start() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

fn after(seconds: i64) -> Timestamp {
    later(start(), SignedDuration::from_secs(seconds))
}

fn tried(seconds: i64, deployment: &str) -> Tried {
    Tried { began: after(seconds), deployment: Some(deployment.to_owned()) }
}

fn failed() -> FailedSpec {
    FailedSpec {
        spec_hash: SpecHash("ab".repeat(32)),
        wanted: "digest".to_owned(),
        reason: "rolled back by ECS: tasks failed to start".to_owned(),
        tried: Some(tried(0, "ecs-svc/1")),
        failed_at: None,
        in_storm: false,
        attempt: vec!["revision web:7".to_owned()],
        evidence: None,
        differences: vec!["taskDefinition is web:6, git wants web:7".to_owned()],
        good: Some(id('a')),
        secrets: BTreeMap::new(),
    }
}

fn rollback(strategy: RollbackStrategy) -> Rollback {
    let resources = BTreeMap::from([(name("web"), failed())]);
    let bad = (id('b'), "Release web 7".to_owned());
    Rollback::detected(
        ("bbbbbbbbbbbb-1".to_owned(), InstanceName::default()),
        bad,
        resources,
        strategy,
        start(),
    )
}

fn branch(merges_itself: bool) -> Branch {
    Branch {
        name: "bowline/rollback/ecsservice-web/bbbbbbbbbbbb-1".to_owned(),
        commit: id('c'),
        merges_itself,
        covers: BTreeSet::from([name("web")]),
        parts: vec!["EcsService/web: taken back, later changes kept".to_owned()],
        message: "Revert \"Release web 7\"\n\nwhy\n\nBowline-Resource: EcsService/web\n".to_owned(),
        not_moved_back: Vec::new(),
    }
}

/// The branch of a pull request, of which only the message is not known again.
fn adopted(pull: &Pull, merges_itself: bool) -> Branch {
    Branch { name: pull.branch.clone(), message: String::new(), ..branch(merges_itself) }
}

/// What is outside of Bowline, and how often it was changed.
#[derive(Debug, Clone)]
struct Outside {
    merges_itself: bool,
    blocked: bool,
    pushed: u32,
    pulls: Vec<Pull>,
    merged: Vec<CommitId>,
}

impl Outside {
    fn new(merges_itself: bool, blocked: bool) -> Self {
        Self { merges_itself, blocked, pushed: 0, pulls: Vec::new(), merged: Vec::new() }
    }

    fn seen(&self, rollback: &Rollback, asked: bool) -> Seen {
        let is_merged = !self.merged.is_empty();
        let found = match &rollback.branch {
            Some(branch) => self.pulls.iter().find(|pull| pull.branch == branch.name),
            None => own(rollback, &self.pulls, "main", []).into_iter().next(),
        };
        let proven =
            found.filter(|_| rollback.branch.is_none()).map(|pull| adopted(pull, self.merges_itself));
        Seen {
            commit: "head".to_owned(),
            git: if is_merged { GitSeen::WantsOther } else { GitSeen::WantsFailed },
            read_at: start(),
            wanted: BTreeMap::new(),
            live: if is_merged { LiveSeen::AsWanted } else { LiveSeen::OnItsWay },
            pull: match found {
                _ if !asked || !rollback.needs_pull() => PullSeen::NotAsked,
                Some(pull) => PullSeen::There(pull.clone()),
                None => PullSeen::None,
            },
            proven,
            followed: None,
            github: true,
            writes: true,
            strategy: RollbackStrategy::AutoMerge,
            storm: false,
        }
    }

    /// The effect of a step, and what Bowline learns if the answer arrives.
    fn take(&mut self, step: &Step, rollback: &mut Rollback, now: Timestamp) {
        match step {
            Step::Push => {
                // A branch with the same content is found, not made again.
                self.pushed = 1;
                rollback.pushed(branch(self.merges_itself), now);
            }
            Step::OpenPull => {
                let branch = rollback.branch.clone().unwrap();
                let pull = Pull {
                    number: 1 + u64::try_from(self.pulls.len()).unwrap(),
                    url: "https://github.test/1".to_owned(),
                    node_id: "PR_1".to_owned(),
                    branch: branch.name.clone(),
                    base: "main".to_owned(),
                    head: branch.commit.clone(),
                    body: body(rollback, &branch),
                    armed_by_author: false,
                    state: PullState::Open {
                        mergeability: if self.blocked { Mergeability::Blocked } else { Mergeability::Ready },
                        auto_merge: false,
                    },
                };
                rollback.opened(&pull, now);
                self.pulls.push(pull);
            }
            Step::Merge { expected, .. } | Step::EnableAutoMerge { expected, .. } => {
                let pull = self.pulls.first_mut().unwrap();
                // As GitHub does: another head is refused.
                if pull.head == *expected {
                    self.merged.push(pull.head.clone());
                    pull.state = PullState::Merged;
                }
                rollback.merge_asked(now);
            }
            Step::Close { .. } => {
                self.pulls.first_mut().unwrap().state = PullState::Closed;
                rollback.has_closed();
            }
            Step::DisableAutoMerge { .. } => rollback.disarmed(now),
            Step::UpdateBranch { .. } => rollback.update_asked(now),
            Step::Tell { .. } => rollback.has_told(),
            Step::Rest => {}
        }
    }
}

/// What becomes of one step.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Done,
    /// It fails without an effect.
    Refused,
    /// It has its effect, and the answer is lost.
    LostReply,
    /// The process ends before it.
    CrashBefore,
    /// The process ends after its effect; what was written down is from before.
    CrashAfter,
    /// As that, and the store is gone as well.
    Forgotten,
    /// The server cannot be asked.
    Down,
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        Just(Fate::Done),
        Just(Fate::Refused),
        Just(Fate::LostReply),
        Just(Fate::CrashBefore),
        Just(Fate::CrashAfter),
        Just(Fate::Forgotten),
        Just(Fate::Down),
    ]
}

const PASSING: TroubleKind = TroubleKind::Passing;

fn trouble(kind: TroubleKind) -> Trouble {
    Trouble { kind, sentence: "GitHub cannot be reached".to_owned(), hint: "nothing".to_owned() }
}

/// Plays a rollback under these fates, and then without any more of them; where it ends.
fn play(outside: &mut Outside, strategy: RollbackStrategy, fates: &[Fate]) -> Rollback {
    let mut rollback = rollback(strategy);
    for turn in 0..fates.len() + 40 {
        let now = after(i64::try_from(turn).unwrap() * 400);
        let fate = fates.get(turn).copied().unwrap_or(Fate::Done);
        let seen = outside.seen(&rollback, !matches!(fate, Fate::Down));
        let step = rollback.advance(&seen, now);
        let written = rollback.clone();
        match fate {
            Fate::Done => outside.take(&step, &mut rollback, now),
            Fate::Refused | Fate::Down => rollback.troubled(&step, &trouble(PASSING), now),
            Fate::LostReply => {
                outside.take(&step, &mut rollback.clone(), now);
                rollback.troubled(&step, &trouble(PASSING), now);
            }
            Fate::CrashBefore => rollback = written,
            Fate::CrashAfter => {
                outside.take(&step, &mut rollback, now);
                rollback = written;
            }
            Fate::Forgotten => {
                outside.take(&step, &mut rollback, now);
                // What failed is only found again while git wants it.
                rollback = if outside.merged.is_empty() { self::rollback(strategy) } else { written };
            }
        }
    }
    rollback
}

proptest! {
    #[test]
    fn whatever_fails_there_is_one_pull_request_one_merge_and_the_same_end(
        fates in prop::collection::vec(fate(), 0..40),
        blocked in any::<bool>(),
    ) {
        let mut outside = Outside::new(true, blocked);
        let ended = play(&mut outside, RollbackStrategy::AutoMerge, &fates);
        prop_assert_eq!(ended.state, State::Verified);
        prop_assert!(ended.is_over(true));
        prop_assert_eq!((outside.pushed, outside.pulls.len()), (1, 1));
        prop_assert_eq!(outside.merged, vec![id('c')]);
    }

    #[test]
    fn whatever_fails_what_is_overtaken_is_closed_and_never_merged(
        fates in prop::collection::vec(fate(), 0..40),
        merged_first in any::<bool>(),
    ) {
        let mut outside = Outside::new(true, true);
        let mut rollback = rollback(RollbackStrategy::AutoMerge);
        outside.take(&Step::Push, &mut rollback, start());
        outside.take(&Step::OpenPull, &mut rollback, start());
        let gone_on = |outside: &Outside, rollback: &Rollback, asked| {
            Seen { git: GitSeen::WantsOther, live: LiveSeen::AsWanted, ..outside.seen(rollback, asked) }
        };
        for turn in 0..fates.len() + 10 {
            let now = after(i64::try_from(turn).unwrap() * 400);
            let fate = fates.get(turn).copied().unwrap_or(Fate::Done);
            let step = rollback.advance(&gone_on(&outside, &rollback, !matches!(fate, Fate::Down)), now);
            let label = step.label();
            prop_assert!(["close", "tell", "rest"].contains(&label), "{}", label);
            if merged_first && matches!(step, Step::Close { .. }) {
                // As GitHub does: what is merged cannot be closed.
                outside.pulls[0].state = PullState::Merged;
                rollback.troubled(&step, &trouble(PASSING), now);
                continue;
            }
            let written = rollback.clone();
            match fate {
                Fate::Done => outside.take(&step, &mut rollback, now),
                Fate::LostReply | Fate::CrashAfter | Fate::Forgotten => {
                    outside.take(&step, &mut rollback, now);
                    rollback = written;
                }
                Fate::Refused | Fate::Down => rollback.troubled(&step, &trouble(PASSING), now),
                Fate::CrashBefore => {}
            }
        }
        prop_assert!(rollback.is_over(true));
        let ended = if merged_first {
            (State::Verified, PullState::Merged)
        } else {
            (State::Overtaken, PullState::Closed)
        };
        prop_assert_eq!((rollback.state, outside.pulls[0].state), ended);
    }

    #[test]
    fn what_bowline_may_not_merge_it_never_merges(
        fates in prop::collection::vec(fate(), 0..40),
        conflict in any::<bool>(),
    ) {
        let mut outside = Outside::new(!conflict, false);
        let strategy = if conflict { RollbackStrategy::AutoMerge } else { RollbackStrategy::PullRequest };
        let ended = play(&mut outside, strategy, &fates);
        prop_assert_eq!(ended.state, State::PullRequest);
        prop_assert_eq!(outside.pulls.len(), 1);
        prop_assert_eq!(outside.merged, Vec::new());
    }

    /// Every state is one that a crash may leave; in each, an unexpected head is seen.
    #[test]
    fn an_unexpected_head_is_never_merged(fates in prop::collection::vec(fate(), 0..20), at in 0_usize..10) {
        let mut outside = Outside::new(true, false);
        let mut rollback = rollback(RollbackStrategy::AutoMerge);
        for (turn, fate) in fates.iter().enumerate() {
            let now = after(i64::try_from(turn).unwrap() * 400);
            if turn == at && let Some(pull) = outside.pulls.first_mut() && pull.state != PullState::Merged {
                pull.head = id('f');
            }
            let step = rollback.advance(&outside.seen(&rollback, true), now);
            if let Step::Merge { expected, .. } | Step::EnableAutoMerge { expected, .. } = &step {
                prop_assert_eq!(expected, &id('c'));
                prop_assert_eq!(&outside.pulls[0].head, &id('c'));
            }
            if matches!(fate, Fate::Done | Fate::LostReply) {
                outside.take(&step, &mut rollback, now);
            }
        }
        prop_assert!(outside.merged.iter().all(|merged| *merged == id('c')));
    }
}

fn open(mergeability: Mergeability) -> Pull {
    Pull {
        number: 7,
        url: "https://github.test/7".to_owned(),
        node_id: "PR_7".to_owned(),
        branch: branch(true).name,
        base: "main".to_owned(),
        head: id('c'),
        body: String::new(),
        armed_by_author: false,
        state: PullState::Open { mergeability, auto_merge: false },
    }
}

fn seen(git: GitSeen, live: LiveSeen, pull: PullSeen) -> Seen {
    let strategy = RollbackStrategy::AutoMerge;
    Seen {
        commit: "head".to_owned(),
        git,
        read_at: start(),
        wanted: BTreeMap::new(),
        live,
        pull,
        proven: None,
        followed: None,
        github: true,
        writes: true,
        strategy,
        storm: false,
    }
}

/// In this state, with its branch pushed.
fn at(state: State, strategy: RollbackStrategy) -> Rollback {
    let mut rollback = Rollback { branch: Some(branch(true)), state, ..rollback(strategy) };
    rollback.told = Some(comment(&rollback));
    rollback
}

#[test]
fn what_is_seen_of_the_pull_request_decides() {
    let auto = RollbackStrategy::AutoMerge;
    let wants = |pull| seen(GitSeen::WantsFailed, LiveSeen::OnItsWay, pull);
    let of = |state| Pull { state, ..open(Mergeability::Ready) };
    let cases = [
        (State::Detected, wants(PullSeen::None), State::Detected, "push"),
        (State::Detected, wants(PullSeen::NotAsked), State::Detected, "rest"),
        (State::Branch, wants(PullSeen::NotAsked), State::Branch, "rest"),
        (State::Branch, wants(PullSeen::None), State::Branch, "open-pull"),
        (State::Branch, wants(PullSeen::There(open(Mergeability::Ready))), State::PullRequest, "merge"),
        (
            State::PullRequest,
            wants(PullSeen::There(open(Mergeability::Blocked))),
            State::PullRequest,
            "auto-merge",
        ),
        (State::PullRequest, wants(PullSeen::None), State::Branch, "open-pull"),
        (State::PullRequest, wants(PullSeen::There(of(PullState::Closed))), State::Closed, "tell"),
        (State::PullRequest, wants(PullSeen::There(of(PullState::Merged))), State::Merged, "tell"),
        (
            State::PullRequest,
            seen(GitSeen::WantsOther, LiveSeen::AsWanted, PullSeen::There(open(Mergeability::Ready))),
            State::Overtaken,
            "close",
        ),
        (
            State::Detected,
            seen(GitSeen::WantsOther, LiveSeen::AsWanted, PullSeen::None),
            State::Overtaken,
            "rest",
        ),
        (
            State::Detected,
            seen(GitSeen::Unknown, LiveSeen::Unknown, PullSeen::NotAsked),
            State::Detected,
            "rest",
        ),
    ];
    for (from, seen, to, step) in cases {
        let mut rollback = at(from, auto);
        let case = format!("{from:?}, {seen:?}");
        let next = rollback.advance(&seen, after(1));
        assert_eq!((rollback.state, next.label()), (to, step), "{case}");
    }
}

#[test]
fn what_is_allowed_by_now_and_whether_git_may_be_acted_from_hold_each_step() {
    let (auto, by_pull, none) =
        (RollbackStrategy::AutoMerge, RollbackStrategy::PullRequest, RollbackStrategy::None);
    let (fresh, unknown) = (GitSeen::WantsFailed, GitSeen::Unknown);
    let ready = || PullSeen::There(open(Mergeability::Ready));
    let blocked = || PullSeen::There(open(Mergeability::Blocked));
    let cases = [
        (State::Detected, PullSeen::None, auto, by_pull, fresh, "push", None),
        (State::Detected, PullSeen::None, auto, none, fresh, "tell", Some("allows no rollback")),
        (State::Detected, PullSeen::None, auto, auto, unknown, "rest", None),
        (State::Branch, PullSeen::None, auto, by_pull, fresh, "open-pull", None),
        (State::Branch, PullSeen::None, auto, auto, unknown, "rest", None),
        (State::Branch, PullSeen::None, auto, none, fresh, "tell", Some("allows no rollback")),
        (State::PullRequest, ready(), auto, auto, fresh, "merge", None),
        (State::PullRequest, ready(), auto, by_pull, fresh, "tell", Some("wants a person to merge")),
        (State::PullRequest, ready(), auto, none, fresh, "tell", Some("wants a person to merge")),
        (State::PullRequest, ready(), by_pull, auto, fresh, "rest", None),
        (State::PullRequest, ready(), auto, auto, unknown, "rest", None),
        (State::PullRequest, blocked(), auto, auto, fresh, "auto-merge", None),
        (State::PullRequest, blocked(), auto, by_pull, fresh, "tell", Some("wants a person to merge")),
        (State::PullRequest, blocked(), auto, auto, unknown, "rest", None),
    ];
    for (state, pull, began_with, now_with, git, step, why) in cases {
        let case = format!("{state:?}, {pull:?}, {began_with:?}, {now_with:?}, {git:?}");
        let mut rollback = at(state, began_with);
        let seen = Seen { strategy: now_with, ..seen(git, LiveSeen::OnItsWay, pull) };
        assert_eq!(rollback.advance(&seen, after(1)).label(), step, "{case}");
        let said = rollback.why.as_deref().unwrap_or_default();
        assert_eq!(why.is_none(), said.is_empty(), "{case}: {said}");
        assert!(said.ends_with(why.unwrap_or_default()), "{case}: {said}");
    }
}

#[test]
fn after_the_merge_live_has_to_follow_and_to_stay() {
    let mut rollback = at(State::Merged, RollbackStrategy::PullRequest);
    let look = |rollback: &mut Rollback, git, live, seconds| {
        rollback.advance(&seen(git, live, PullSeen::NotAsked), after(seconds));
        rollback.state
    };
    assert_eq!(
        look(&mut rollback, GitSeen::WantsFailed, LiveSeen::AsWanted, 1),
        State::Merged,
        "git is older"
    );
    assert_eq!(look(&mut rollback, GitSeen::WantsOther, LiveSeen::Unknown, 2), State::Merged);
    assert_eq!(look(&mut rollback, GitSeen::WantsOther, LiveSeen::AsWanted, 3), State::Converged);
    assert_eq!(look(&mut rollback, GitSeen::WantsOther, LiveSeen::AsWanted, 20), State::Converged);
    assert_eq!(look(&mut rollback, GitSeen::WantsOther, LiveSeen::OnItsWay, 25), State::Merged);
    assert_eq!(look(&mut rollback, GitSeen::WantsOther, LiveSeen::AsWanted, 30), State::Converged);
    assert_eq!(look(&mut rollback, GitSeen::WantsOther, LiveSeen::AsWanted, 61), State::Verified);

    let mut rollback = at(State::Merged, RollbackStrategy::PullRequest);
    let bad = LiveSeen::Bad("web: rolled back by ECS".to_owned());
    assert_eq!(look(&mut rollback, GitSeen::WantsOther, bad, 1), State::Failed);
}

#[test]
fn a_storm_holds_what_is_new_and_what_could_be_merged() {
    let storm = |pull| Seen { storm: true, ..seen(GitSeen::WantsFailed, LiveSeen::OnItsWay, pull) };
    let mut detected = rollback(RollbackStrategy::AutoMerge);
    assert_eq!(detected.advance(&storm(PullSeen::None), after(1)), Step::Tell { number: None });
    assert!(detected.why.is_some_and(|why| why.starts_with("held: more than 3")));
    let mut open_one = at(State::PullRequest, RollbackStrategy::AutoMerge);
    let step = open_one.advance(&storm(PullSeen::There(open(Mergeability::Ready))), after(1));
    assert_eq!(step, Step::Tell { number: Some(7) });
}

#[test]
fn without_a_server_the_branch_is_all_and_git_tells_the_end() {
    let alone = |git| Seen { github: false, ..seen(git, LiveSeen::AsWanted, PullSeen::NotAsked) };
    let mut rollback = at(State::Branch, RollbackStrategy::AutoMerge);
    assert_eq!(rollback.advance(&alone(GitSeen::WantsFailed), after(1)), Step::Rest);
    assert_eq!(rollback.state, State::NeedsPerson);
    rollback.advance(&alone(GitSeen::WantsOther), after(2));
    assert_eq!(rollback.state, State::Merged);
}

#[test]
fn trouble_is_waited_out_and_told_once_it_lasts() {
    let mut rollback = rollback(RollbackStrategy::AutoMerge);
    let pauses: Vec<i64> = (0..7)
        .map(|_| {
            rollback.troubled(&Step::Push, &trouble(PASSING), start());
            rollback.look_at.duration_since(start()).as_secs()
        })
        .collect();
    assert_eq!(pauses, [2, 4, 8, 16, 32, 60, 60]);
    assert_eq!(
        rollback.advance(&seen(GitSeen::WantsFailed, LiveSeen::OnItsWay, PullSeen::None), after(59)),
        Step::Rest
    );
    rollback.troubled(&Step::Push, &trouble(TroubleKind::Until(after(900))), start());
    assert_eq!(rollback.look_at, after(900));
    rollback.troubled(&Step::Push, &trouble(TroubleKind::Person), start());
    assert_eq!(rollback.look_at, after(300));
    assert_eq!([599, 600, 601].map(|second| rollback.overdue(after(second))), [false, true, false]);
}

#[test]
fn a_comment_that_may_not_be_written_holds_nothing_up() {
    let mut rollback = at(State::PullRequest, RollbackStrategy::PullRequest);
    rollback.told = None;
    let there = seen(GitSeen::WantsFailed, LiveSeen::OnItsWay, PullSeen::There(open(Mergeability::Ready)));
    let step = rollback.advance(&there, after(1));
    assert_eq!(step, Step::Tell { number: Some(7) });
    rollback.troubled(&step, &trouble(TroubleKind::Person), after(1));
    let merged = Pull { state: PullState::Merged, ..open(Mergeability::Ready) };
    rollback.advance(&seen(GitSeen::WantsFailed, LiveSeen::OnItsWay, PullSeen::There(merged)), after(2));
    assert_eq!(rollback.state, State::Merged);
}

#[test]
fn the_text_says_what_a_person_needs_and_what_bowline_needs() {
    let rollback = Rollback { pull: None, ..rollback(RollbackStrategy::AutoMerge) };
    let branch = branch(false);
    insta::assert_snapshot!(body(&rollback, &branch));
    assert_eq!(title(&branch), "Revert \"Release web 7\"");
    let marker = Marker {
        bad_commit: id('b'),
        commit: id('c'),
        merges_itself: false,
        rollback: Some("bbbbbbbbbbbb-1".to_owned()),
        instance: Some(InstanceName::default()),
        resources: Some(BTreeSet::from([name("web")])),
        in_storm: false,
    };
    assert_eq!(Marker::find(&body(&rollback, &branch)), Some(marker));
    assert_eq!(Marker::find("<!-- bowline:revert bad=b -->"), None);
}

fn evidence() -> Evidence {
    let exited = StoppedContainer { name: "app".to_owned(), exit_code: Some(137), reason: None };
    let group = StoppedGroup {
        count: 3,
        last_at: Some(start()),
        stop_code: "EssentialContainerExited".to_owned(),
        reason: "Essential container in task exited".to_owned(),
        containers: vec![exited],
    };
    let probe = |condition: &str, outcome| ProbeResult {
        condition: condition.to_owned(),
        at: start(),
        outcome,
        body: None,
    };
    Evidence {
        events: vec![EvidenceEvent { at: start(), message: "(service web) failed @you".to_owned() }],
        tasks: Some(vec![group]),
        unread: None,
        logs: Vec::new(),
        probes: vec![
            probe("tcp web:80", ProbeOutcome::Passed),
            probe(
                "http https://web.example.com/",
                ProbeOutcome::Failed("status 503, wanted 200-399".to_owned()),
            ),
        ],
        changed: Vec::new(),
    }
}

#[test]
fn what_speaks_for_the_verdict_is_told_in_text_and_in_one_sentence() {
    let failed = FailedSpec { evidence: Some(Box::new(evidence())), ..failed() };
    assert_eq!(
        failed.sentence(),
        "rolled back by ECS: tasks failed to start; 3 tasks: Essential container in task exited, app exited with 137; http \
         https://web.example.com/: status 503, wanted 200-399"
    );
    let resources = BTreeMap::from([(name("web"), failed)]);
    let text = body(&Rollback { resources, ..rollback(RollbackStrategy::PullRequest) }, &branch(true));
    insta::assert_snapshot!(text);
}
