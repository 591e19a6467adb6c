use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::desired::kind::SecretRollback;
use crate::name::SecretVersionId;
use crate::plan::fixture::{Fixture, arn, content, secret_key, service_key, version};
use crate::plan::{HeldWhy, Sync};
use crate::rollback::SharedOutage;
use crate::rollback::revert::{Aims, Parent, PastCommit, Revert, Trailers};

#[test]
fn a_later_commit_s_failure_overtakes_the_rollback_and_its_own_fails_it() {
    let wanting = |revision: &str| {
        Fixture::new()
            .with_service("web", "web:6")
            .with_revision("web:6", content("web", "f"))
            .with_revision("web:7", content("web", "g"))
            .with_history("web", Vec::new())
            .wanting("web", revision)
    };
    let mut report = wanting("web:6").report("web");
    report.held = vec![HeldWhy::Quarantined {
        service: name("web"),
        spec_hash: SpecHash("other".to_owned()),
        reason: "tasks stop".to_owned(),
    }];
    let web = service_key("web");
    let reports = BTreeMap::from([(&web, &report)]);
    let turn = |rollback: &mut Rollback, revision: &str, reports: &BTreeMap<_, _>| {
        let state = wanting(revision).desired;
        let (git, live) = standing(rollback, &state, reports);
        let wanted = wanted(rollback, &state);
        rollback.advance(&Seen { wanted, ..seen(git, live, PullSeen::NotAsked) }, after(1));
        (rollback.state, rollback.why.clone())
    };
    let merged = || {
        let mut rollback = at(State::Merged, RollbackStrategy::AutoMerge);
        assert_eq!(turn(&mut rollback, "web:6", &BTreeMap::new()).0, State::Converged);
        rollback
    };
    let why = Some("web: tasks stop".to_owned());
    assert_eq!(turn(&mut merged(), "web:6", &reports), (State::Failed, why.clone()));
    let mut overtaken = merged();
    assert_eq!(turn(&mut overtaken, "web:7", &reports), (State::Overtaken, why));
    assert!(comment(&overtaken).contains("a later commit failed: web: tasks stop."));
}

#[test]
fn only_a_branch_that_takes_it_back_is_joined_and_nothing_is_waited_for() {
    let step = crate::rollback::revert::Step {
        commit: id('b'),
        subject: "Release".to_owned(),
        parent: id('a'),
        mainline: None,
        whole: true,
        documents: BTreeMap::new(),
        files: BTreeSet::new(),
        left: BTreeSet::new(),
    };
    let revert = Revert {
        head: id('b'),
        resources: BTreeSet::from([name("api")]),
        steps: vec![step],
        pins: BTreeMap::new(),
        to_register: BTreeMap::new(),
        aims: Aims::default(),
        documents: BTreeMap::new(),
    };
    let candidate = Candidate { failed: failed(), strategy: RollbackStrategy::AutoMerge };
    let candidates = BTreeMap::from([(name("api"), candidate)]);
    let stands = |open: Rollback| {
        let known = BTreeMap::from([(open.id.clone(), open)]);
        match begin(&known, &InstanceName::default(), &revert, &candidates, after(1)) {
            Some(Standing::Begins(rollback)) => format!("begins {}", rollback.id),
            Some(Standing::Joins(id)) => format!("joins {id}"),
            None => "nothing".to_owned(),
        }
    };
    let auto = RollbackStrategy::AutoMerge;
    let mut stuck = rollback(auto);
    stuck.cannot("nothing to go back to".to_owned(), start());
    assert_eq!(stands(stuck), "begins bbbbbbbbbbbb-2");
    // Its branch takes back what failed of `web` alone: the second pull request does not wait for the first.
    for state in [State::NeedsPerson, State::Branch, State::PullRequest, State::Merged, State::Closed] {
        assert_eq!(stands(at(state, auto)), "begins bbbbbbbbbbbb-2", "{state}");
    }
    let mut covering = at(State::PullRequest, auto);
    covering.branch.as_mut().unwrap().covers.insert(name("api"));
    assert_eq!(stands(covering), "joins bbbbbbbbbbbb-1");
    assert_eq!(stands(rollback(auto)), "joins bbbbbbbbbbbb-1");
}

#[test]
fn a_failure_begins_a_rollback_once_unless_something_shared_is_down() {
    let (web, hash, other) = (name("web"), failed().spec_hash, SpecHash("other".to_owned()));
    let none = BTreeMap::new();
    let known = BTreeMap::from([("1".to_owned(), rollback(RollbackStrategy::PullRequest))]);
    let may = |known, spec_hash, strategy, outage: Option<&SharedOutage>| {
        !fresh(known, [Failure { name: &web, spec_hash, strategy, tried: None }], outage).is_empty()
    };
    let outage = {
        let commits = ["1", "2", "3", "4"].map(str::to_owned).into();
        SharedOutage { commits, services: BTreeSet::new() }
    };
    assert!(may(&none, &hash, RollbackStrategy::PullRequest, None));
    assert!(may(&known, &other, RollbackStrategy::AutoMerge, None));
    assert!(!may(&known, &hash, RollbackStrategy::PullRequest, None));
    assert!(!may(&none, &hash, RollbackStrategy::None, None));
    assert!(!may(&none, &hash, RollbackStrategy::AutoMerge, Some(&outage)));
}

#[test]
fn what_was_tried_once_more_since_and_failed_again_begins_another_one() {
    let (web, spec_hash) = (name("web"), failed().spec_hash);
    let strategy = RollbackStrategy::PullRequest;
    let may = |one: &Rollback, tried: Option<Tried>| {
        let known = BTreeMap::from([(one.id.clone(), one.clone())]);
        let failure = Failure { name: &web, spec_hash: &spec_hash, strategy, tried: tried.as_ref() };
        !fresh(&known, [failure], None).is_empty()
    };
    let mut stuck = rollback(strategy);
    stuck.cannot("nothing to go back to".to_owned(), start());
    // Merged as well: what is tried after that came back.
    let ended =
        [State::Merged, State::Converged, State::Closed, State::Verified, State::Overtaken, State::Failed];
    for mut over in ended.map(|state| at(state, strategy)).into_iter().chain([stuck]) {
        let state = over.state;
        assert!(!may(&over, Some(tried(0, "ecs-svc/1"))), "{state}: the attempt for which it was opened");
        assert!(!may(&over, Some(tried(60, "ecs-svc/1"))), "{state}: the same one, by another clock");
        assert!(!may(&over, None), "{state}: nobody knows which attempt it was");
        assert!(may(&over, Some(tried(60, "ecs-svc/2"))), "{state}: another attempt");
        assert!(!over.learn_attempt(&web, &spec_hash, &tried(60, "ecs-svc/2")), "{state}: nothing follows");
    }
    for state in [State::Detected, State::Branch, State::PullRequest] {
        let mut open = at(state, strategy);
        let again = tried(60, "ecs-svc/2");
        assert!(!may(&open, Some(again.clone())), "{state}: it goes on");
        // And is about that attempt from then on, so that closing it is a word on that one, too.
        assert!(open.learn_attempt(&web, &spec_hash, &again), "{state}");
        assert!(!open.learn_attempt(&web, &spec_hash, &again), "{state}");
        open.state = State::Closed;
        assert!(!may(&open, Some(again)), "{state}");
    }
}

#[test]
fn another_rollback_of_the_same_commit_has_a_number_that_is_free() {
    let known = |ids: &[&str]| -> BTreeMap<String, Rollback> {
        let one = |id: &&str| {
            ((*id).to_owned(), Rollback { id: (*id).to_owned(), ..rollback(RollbackStrategy::None) })
        };
        ids.iter().map(one).collect()
    };
    assert_eq!(new_id(&known(&[]), &id('b')), "bbbbbbbbbbbb-1");
    assert_eq!(new_id(&known(&["bbbbbbbbbbbb-1"]), &id('b')), "bbbbbbbbbbbb-2");
    assert_eq!(new_id(&known(&["bbbbbbbbbbbb-2"]), &id('b')), "bbbbbbbbbbbb-3");
}

/// A branch that is about `web`, newest first, by the revision that each commit wants.
fn past(commits: &[(char, &str, Trailers)]) -> Vec<PastCommit> {
    let commit = |(digit, revision, trailers): &(char, &str, Trailers)| PastCommit {
        id: id(*digit),
        subject: String::new(),
        trailers: trailers.clone(),
        parent: Parent::One(id('0')),
        files: BTreeMap::new(),
        state: Fixture::new()
            .with_service("web", "web:1")
            .with_history("web", Vec::new())
            .wanting("web", revision)
            .desired
            .into(),
    };
    commits.iter().map(commit).collect()
}

#[test]
fn only_its_own_commit_s_failure_is_a_failed_rollback_s() {
    let plain = Trailers::default;
    let own = || Trailers {
        reverts: BTreeSet::from([id('b')]),
        incident: Some("bbbbbbbbbbbb-1".to_owned()),
        ..plain()
    };
    let by_hand = || Trailers { incident: None, ..own() };
    let of_another = || Trailers { incident: Some("bbbbbbbbbbbb-9".to_owned()), ..own() };
    let (good, bad) = (('1', "web:1", plain()), ('b', "web:2", plain()));
    let reverted = |trailers| ('2', "web:1", trailers);
    let cases = [
        ("its own revert", vec![reverted(own()), bad.clone(), good.clone()], true),
        (
            "under others' commits",
            vec![('3', "web:1", plain()), reverted(own()), bad.clone(), good.clone()],
            true,
        ),
        ("without an incident", vec![reverted(by_hand()), bad.clone(), good.clone()], true),
        ("another incident's", vec![reverted(of_another()), bad.clone(), good.clone()], false),
        ("a person's", vec![reverted(plain()), bad.clone(), good.clone()], false),
        (
            "a later bad commit",
            vec![('3', "web:3", plain()), reverted(own()), bad.clone(), good.clone()],
            false,
        ),
        ("nothing changed", vec![good], false),
    ];
    let failed = Rollback { state: State::Failed, ..rollback(RollbackStrategy::AutoMerge) };
    let known = |one: &[&Rollback]| one.iter().map(|one| (one.id.clone(), (*one).clone())).collect();
    for (case, commits, expected) in cases {
        let history = past(&commits);
        let known: BTreeMap<String, Rollback> = known(&[&failed]);
        let found = failed_rollback(&known, &history, &name("web"));
        assert_eq!(found.map(|one| one.id.as_str()), expected.then_some("bbbbbbbbbbbb-1"), "{case}");
        assert_eq!(failed_rollback(&known, &history, &name("api")), None, "{case}");
    }
    let history = past(&[reverted(own()), bad, ('1', "web:1", plain())]);
    let second = Rollback { id: "second".to_owned(), after: Some(failed.id.clone()), ..failed.clone() };
    let second = Rollback { state: State::PullRequest, ..second };
    assert_eq!(failed_rollback(&known(&[&failed, &second]), &history, &name("web")), None, "followed");
    // One that only waits for more history is chosen anew, as what follows the one that failed.
    let mut waiting = Rollback { state: State::Detected, id: "waiting".to_owned(), ..second };
    waiting.cannot_yet(id('1'), "the history is shallow".to_owned(), after(1));
    assert!(waiting.waits_for_history());
    let both: BTreeMap<String, Rollback> = known(&[&failed, &waiting]);
    assert_eq!(failed_rollback(&both, &history, &name("web")), Some(&failed));
    let verified = Rollback { state: State::Verified, ..failed };
    assert_eq!(failed_rollback(&known(&[&verified]), &history, &name("web")), None, "not failed");
}

#[test]
fn what_is_good_after_all_is_not_taken_back() {
    let seen = |live: &str| {
        let world = Fixture::new()
            .with_service("web", live)
            .with_revision("web:6", content("web", "f"))
            .with_revision("web:7", content("web", "g"))
            .with_history("web", Vec::new())
            .wanting("web", "web:7");
        let wanted = wanted_digest(&world.desired, &name("web")).unwrap();
        let resources = BTreeMap::from([(name("web"), FailedSpec { wanted, ..failed() })]);
        let rollback = Rollback { resources, ..rollback(RollbackStrategy::AutoMerge) };
        let report = world.report("web");
        standing(&rollback, &world.desired, &BTreeMap::from([(&report.resource, &report)]))
    };
    assert_eq!(seen("web:6"), (GitSeen::WantsFailed, LiveSeen::OnItsWay));
    assert_eq!(seen("web:7"), (GitSeen::WantsOther, LiveSeen::AsWanted));
}

/// What is seen of a rollback of `web` that takes `db` back from version 2 to 1.
fn taking_back(change: impl FnOnce(&mut Fixture)) -> (GitSeen, LiveSeen) {
    let mut world = Fixture::new()
        .with_service("web", "web:6")
        .with_revision("web:6", content("web", "f"))
        .with_reader("web", "db")
        .with_history("web", Vec::new())
        .with_secret("db", "1", "2")
        .with_dates("db", &[("1", -3000), ("2", -2000)]);
    let failed = FailedSpec {
        secrets: BTreeMap::from([(name("db"), SecretVersionId::parse(&version("2")).unwrap())]),
        ..failed()
    };
    let resources = BTreeMap::from([(name("web"), failed)]);
    let rollback = Rollback { resources, ..rollback(RollbackStrategy::AutoMerge) };
    change(&mut world);
    let mut reports = world.propose().reports;
    // Of the service itself nothing is left to do.
    reports.get_mut(&service_key("web")).unwrap().sync = Sync::InSync;
    standing(&rollback, &world.desired, &reports.iter().map(|(of, report)| (of, &**report)).collect())
}

#[test]
fn a_secret_that_is_taken_back_has_to_be_where_git_wants_it() {
    let promoted = |world: &mut Fixture| {
        let version = SecretVersionId::parse(&version("2")).unwrap();
        world.memory.resource_mut(&secret_key("db").to_string()).promoted = Some(version);
    };
    let label = |world: &mut Fixture| {
        let secret = world.desired.secrets.get_mut(&name("db")).unwrap();
        secret.spec.rollback = SecretRollback::Label;
    };
    let with = |what: &str| (GitSeen::WantsOther, LiveSeen::Held(what.to_owned()));
    let current = version("2");
    assert_eq!(
        taking_back(label),
        with(&format!(
            "Secret/db is not where git wants it: AWSCURRENT is on {current}, which is newer than the pinned version: pin it in \
             git; it is never moved back"
        ))
    );
    assert_eq!(
        taking_back(promoted),
        with(&format!(
            "Secret/db is not where git wants it: AWSCURRENT stays on {current}, which is newer than the pinned version: a label \
             that is moved back does not change the credential at its issuer; `rollback: label` in its manifest lets Bowline move it"
        ))
    );
    let moves = |world: &mut Fixture| {
        promoted(world);
        label(world);
    };
    assert_eq!(taking_back(moves), (GitSeen::WantsOther, LiveSeen::OnItsWay));
    // What it did not take back does not matter, wherever it is.
    let same = |world: &mut Fixture| {
        let other = Fixture::new().with_secret("db", "2", "1");
        (world.desired.secrets, world.live.secrets) = (other.desired.secrets, other.live.secrets);
    };
    assert_eq!(taking_back(same), (GitSeen::WantsOther, LiveSeen::AsWanted));
}

#[test]
fn a_commit_that_wants_what_failed_was_not_good() {
    let wanting = |id: char, pin: &str| {
        let mut commit = past(&[(id, "web:6", Trailers::default())]).remove(0);
        let state = Fixture::new()
            .with_service("web", "web:6")
            .wanting("web", "web:6")
            .with_reader("web", "db")
            .with_secret("db", pin, pin)
            .desired;
        commit.state = std::sync::Arc::new(state);
        commit
    };
    let history = [wanting('d', "2"), wanting('c', "2"), wanting('b', "1"), wanting('a', "1")];
    assert_eq!(good_commit(&history, &name("web"), &arn("web:6"), None), Some(id('b')));
    assert_eq!(good_commit(&history[2..], &name("web"), &arn("web:6"), None), None);
}
