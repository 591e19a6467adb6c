//! What is read beyond the regular pass, and nothing more.

use std::collections::BTreeSet;

use crate::live::{Observed, UnknownCategory};
use crate::plan::fixture::*;
use crate::plan::*;

fn definition(reference: &str) -> Need {
    Need::TaskDefinition { target: name("prod"), reference: reference.to_owned() }
}

fn arn_of(revision: &str) -> Need {
    definition(arn(revision).as_str())
}

#[test]
fn a_hot_pass_over_unchanged_services_needs_nothing() {
    let mut world = Fixture::new().with_secret("db", "1", "1");
    for service in ["a", "b", "c"] {
        world = world
            .with_service(service, &format!("{service}:1"))
            .with_reader(service, "db")
            .restarting(service, "t")
            .with_tag(service, TagKey::Restart, "t@-");
    }
    assert_eq!(world.needs(), BTreeSet::new());
    world.learn();
    assert_eq!(world.needs(), BTreeSet::new());
}

#[test]
fn a_new_pin_needs_both_contents_then_the_history() {
    let world = Fixture::new().with_service("web", "web:6").wanting("web", "web:7");
    assert_eq!(world.needs(), BTreeSet::from([definition("web:7"), arn_of("web:6")]));
    let world = world.with_revision("web:7", content("web", "g")).with_revision("web:6", content("web", "f"));
    assert_eq!(world.needs(), BTreeSet::from([Need::History { service: name("web") }]));
    let world = world.with_history("web", Vec::new());
    assert_eq!(world.needs(), BTreeSet::new());
}

#[test]
fn the_history_is_not_asked_for_a_spec_whose_end_is_remembered() {
    let mut world = Fixture::new()
        .with_service("web", "web:6")
        .wanting("web", "web:7")
        .with_revision("web:7", content("web", "g"))
        .with_revision("web:6", content("web", "f"))
        .with_history("web", Vec::new());
    let Operation::UpdateService { spec_hash: Some(hash), .. } = world.propose().actions[0].operation.clone()
    else {
        panic!("a deployment was expected");
    };
    world.live.histories.clear();
    let mut attempt = Attempt {
        deployment_id: Some("ecs-svc/2".to_owned()),
        task_definition: None,
        commit: COMMIT.to_owned(),
        restart: None,
        at: at(-10),
        verdict: Some(AttemptVerdict::Superseded),
        aftermath: Box::default(),
    };
    world.remember("web").attempts.insert(hash.clone(), attempt.clone());
    assert_eq!(world.needs(), BTreeSet::new());
    // Without the deployment's id nobody knows how it ended.
    attempt.deployment_id = None;
    world.remember("web").attempts.insert(hash, attempt);
    assert_eq!(world.needs(), BTreeSet::from([Need::History { service: name("web") }]));
}

#[test]
fn a_file_is_looked_for_among_recent_revisions_one_after_the_other() {
    let file = content("web", "new");
    let world = Fixture::new().with_service("web", "web:6").with_file("web", file.clone());
    assert_eq!(world.needs(), BTreeSet::from([arn_of("web:6")]));
    let world = world.with_revision("web:6", content("web", "f"));
    assert_eq!(
        world.needs(),
        BTreeSet::from([Need::RecentRevisions { target: name("prod"), family: "web".to_owned() }])
    );
    let world = world.with_recent("web", &["web:9", "web:8", "web:6"]);
    assert_eq!(world.needs(), BTreeSet::from([arn_of("web:9")]));
    let world = world.with_revision("web:9", content("web", "other"));
    assert_eq!(world.needs(), BTreeSet::from([arn_of("web:8")]));
    let world = world.with_revision("web:8", file);
    assert_eq!(world.needs(), BTreeSet::from([Need::History { service: name("web") }]));
}

#[test]
fn what_was_answered_unknown_is_not_asked_again() {
    let mut world = Fixture::new().with_service("web", "web:6").wanting("web", "web:7");
    for reference in ["web:7", "web:6"] {
        let answer = unknown(UnknownCategory::Throttled);
        world.live.task_definitions.insert((name("prod"), reference.to_owned()), answer);
    }
    assert_eq!(world.needs(), BTreeSet::new());
}

#[test]
fn dates_are_needed_only_when_the_current_version_is_another() {
    let world = Fixture::new().with_secret("db", "2", "1");
    assert_eq!(world.needs(), BTreeSet::from([Need::SecretVersionDates { secret: name("db") }]));
    assert_eq!(Fixture::new().with_secret("db", "2", "2").needs(), BTreeSet::new());
}

#[test]
fn a_rollout_that_was_replaced_needs_the_history() {
    let mut world = Fixture::new().with_service("web", "web:6");
    world.in_flight("web", "web:6", "2");
    // Its tasks vanish within an hour, and what replaced it is older: it is bad.
    let stopped = Need::StoppedTasks { service: name("web"), deployment_id: "ecs-svc/2".to_owned() };
    assert_eq!(world.needs(), BTreeSet::from([Need::History { service: name("web") }, stopped]));
    world.in_flight("web", "web:6", "1");
    assert_eq!(world.needs(), BTreeSet::new());
    world.live.services.insert(name("web"), Observed::Missing);
    assert_eq!(world.needs(), BTreeSet::new());
}
