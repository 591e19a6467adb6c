use std::collections::BTreeMap;

use bowline_core::desired::{ResourceKey, ResourceKind};
use bowline_core::name::{HumanDuration, ResourceName};
use bowline_core::plan::{Approved, ResourceReport, Sync};
use bowline_core::policy::GitStanding;

use super::*;

const EVERYTHING: Scope = Scope { strangers: true, all_tags: false, ..Scope::ALL };
const NOTHING: Scope =
    Scope { services: false, secrets: false, states: false, strangers: false, all_tags: false };

fn intervals() -> Intervals {
    let seconds = HumanDuration::from_secs;
    Intervals { git: seconds(60), live: seconds(15), secrets: seconds(60), states: seconds(60) }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn pass(next: Next) -> Pass {
    Pass {
        started_at: at(0),
        finished_at: at(0),
        took: Duration::ZERO,
        proposed: Vec::new(),
        approved: Approved::default(),
        attempted: Vec::new(),
        events: Vec::new(),
        standing: GitStanding::Fresh,
        next,
    }
}

/// True if `time` is `interval` seconds after `from`, give or take the jitter.
fn is_about(time: Timestamp, from: Timestamp, interval: f64) -> bool {
    let after = time.duration_since(from).as_secs_f64();
    (interval * (1.0 - JITTER)..=interval * (1.0 + JITTER)).contains(&after)
}

#[test]
fn at_the_start_everything_is_due() {
    let schedule = Schedule::new(&intervals(), at(0));
    assert_eq!(schedule.due(at(0)), EVERYTHING);
    assert_eq!(schedule.next(), at(0));
}

#[test]
fn what_was_looked_at_is_due_again_at_its_own_interval() {
    let mut schedule = Schedule::new(&intervals(), at(0));
    schedule.after(EVERYTHING, &pass(Next::AtInterval), at(0), at(0));
    assert_eq!(schedule.due(at(0)), NOTHING);
    assert!(is_about(schedule.services, at(0), 15.0));
    assert!(is_about(schedule.secrets, at(0), 60.0));
    assert!(is_about(schedule.states, at(0), 60.0));
    assert_eq!(schedule.next(), schedule.services);
    let secrets = schedule.secrets;
    schedule.after(Scope { services: true, ..NOTHING }, &pass(Next::AtInterval), at(20), at(20));
    assert!(is_about(schedule.services, at(20), 15.0));
    assert_eq!(schedule.secrets, secrets, "what was not looked at keeps its time");
}

#[test]
fn while_something_is_under_way_services_are_due_soon() {
    let mut schedule = Schedule::new(&intervals(), at(0));
    schedule.after(EVERYTHING, &pass(Next::Soon), at(0), at(0));
    assert_eq!(schedule.next(), later(at(0), SOON));
    assert_eq!(schedule.due(later(at(0), SOON)), Scope { services: true, ..NOTHING });
}

#[test]
fn what_would_be_due_before_services_are_again_is_read_along_with_them() {
    let services_only = Scope { services: true, ..NOTHING };
    let mut schedule = Schedule::new(&intervals(), at(0));
    // A pass takes 25 s, so that a round takes about 40 s.
    schedule.after(EVERYTHING, &pass(Next::AtInterval), at(0), at(25));
    assert!(is_about(schedule.states, at(0), 60.0), "it counts from when it was read");
    (schedule.services, schedule.secrets, schedule.states) = (at(40), at(65), at(95));
    assert_eq!(schedule.due(at(39)), NOTHING, "alone nothing is read ahead of its time");
    assert_eq!(schedule.due(at(40)), Scope { secrets: true, ..services_only });
    // What was read less than half a minute ago of its minute is not read again.
    schedule.states = at(71);
    assert_eq!(schedule.due(at(40)), Scope { secrets: true, ..services_only });
    schedule.states = at(70);
    assert_eq!(schedule.due(at(40)), Scope { secrets: true, states: true, ..services_only });
}

#[test]
fn where_a_pass_takes_longer_than_an_interval_everything_is_read_in_each() {
    let mut schedule = Schedule::new(&intervals(), at(0));
    for begun in [0, 200, 400] {
        let scope = schedule.due(at(begun));
        assert_eq!(Scope { strangers: true, ..scope }, EVERYTHING);
        schedule.after(scope, &pass(Next::AtInterval), at(begun), at(begun + 180));
        assert_eq!(schedule.next(), schedule.services);
    }
}

#[test]
fn a_new_commit_makes_everything_due() {
    let mut schedule = Schedule::new(&intervals(), at(0));
    schedule.after(EVERYTHING, &pass(Next::AtInterval), at(0), at(0));
    schedule.everything(at(1));
    assert_eq!(schedule.due(at(1)), EVERYTHING);
}

#[test]
fn everything_is_due_for_another_commit_or_standing_but_not_because_git_is_away_for_longer() {
    let snapshot = |commit: &str, standing| Snapshot {
        commit: commit.to_owned(),
        subject: String::new(),
        author: String::new(),
        committed_at: at(0),
        read_at: at(0),
        standing,
        state: Arc::default(),
        findings: Arc::default(),
        judged: BTreeSet::new(),
        accepted: BTreeMap::new(),
        parsed_files: 0,
    };
    let at_first = BTreeSet::new();
    let stale = |age: &str| GitStanding::Stale(format!("read {age} ago"));
    let fresh = what_counts(&snapshot("c0ffee", GitStanding::Fresh), &at_first);
    let stale = |age: &str| what_counts(&snapshot("c0ffee", stale(age)), &at_first);
    assert_eq!(stale("1m"), stale("2m"));
    assert_ne!(stale("1m"), fresh);
    assert_ne!(what_counts(&snapshot("decade", GitStanding::Fresh), &at_first), fresh);
    // Its own commit says nothing new, another that was applied meanwhile does.
    let applied = |commit: &str| BTreeSet::from([commit.to_owned()]);
    assert_eq!(what_counts(&snapshot("c0ffee", GitStanding::Fresh), &applied("c0ffee")), fresh);
    assert_ne!(what_counts(&snapshot("c0ffee", GitStanding::Fresh), &applied("decade")), fresh);
}

fn report(kind: ResourceKind, sync: Sync) -> Box<ResourceReport> {
    Box::new(ResourceReport {
        left_alone: Vec::new(),
        warnings: Vec::new(),
        resource: ResourceKey { kind, name: ResourceName::parse("web").unwrap() },
        target: None,
        sync,
        differences: Vec::new(),
        held: Vec::new(),
        waiting_on: None,
        unknown: None,
        notes: Vec::new(),
        health: Vec::new(),
        failed: None,
    })
}

/// A pass that found one resource like this.
fn pass_with(kind: ResourceKind, sync: Sync) -> Pass {
    let (mut pass, report) = (pass(Next::AtInterval), report(kind, sync));
    pass.approved.reports = BTreeMap::from([(report.resource.clone(), report)]);
    pass
}

#[test]
fn a_rollout_under_way_is_seen_in_the_reports() {
    for (sync, expected) in [(Sync::Progressing, true), (Sync::InSync, false), (Sync::AwaitingGit, false)] {
        assert_eq!(pass_with(ResourceKind::EcsService, sync).is_under_way(), expected, "{sync:?}");
    }
}

#[test]
fn jitter_stays_within_a_tenth() {
    for _ in 0..1000 {
        let interval = jittered(Duration::from_secs(10));
        assert!((Duration::from_secs(9)..=Duration::from_secs(11)).contains(&interval), "{interval:?}");
    }
}

mod loops {
    //! The driver with a paused clock, and a repository that cannot be read.

    use super::*;
    use crate::config::{Config, SourceSettings};
    use crate::engine::wiring;
    use bowline_core::desired::kind::Mode;

    #[tokio::test(start_paused = true)]
    async fn without_a_commit_it_waits_for_git_says_why_and_ends_at_shutdown() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config {
            source: Some(SourceSettings {
                repo: folder.path().join("nothing-here").display().to_string(),
                ..SourceSettings::default()
            }),
            store: Some(folder.path().join("bowline.db")),
            endpoint_url: Some("http://127.0.0.1:9".to_owned()),
            ..Config::default()
        };
        let shutdown = CancellationToken::new();
        // The database answers from a thread of its own: with a paused clock its time limits would pass at once.
        tokio::time::resume();
        let wired = wiring::wire(&config, Mode::Observe, &shutdown).await.unwrap();
        tokio::time::pause();
        let (publish, mut status) =
            watch::channel(Arc::new(Status::starting(&config, wired.world.clock.now())));
        let driver = Driver {
            world: wired.world,
            intervals: intervals(),
            publish,
            scenes: watch::channel(None).0,
            shutdown: shutdown.clone(),
        };
        let driver = tokio::spawn(async move { driver.drive().await });
        let told = status.wait_for(|status| status.problem.is_some()).await.unwrap().clone();
        assert_eq!(told.pass, None);
        assert!(told.problem.as_deref().unwrap().contains("nothing-here"), "{:?}", told.problem);
        shutdown.cancel();
        let world = driver.await.unwrap();
        tokio::time::resume();
        assert_eq!(world.memory, bowline_core::plan::Memory::default());
        assert_eq!(world.store.last_applied().await.unwrap(), None);
    }
}
