//! Restart tokens, kept as tags.

use crate::plan::fixture::*;
use crate::plan::*;

fn web() -> Fixture {
    Fixture::new()
        .with_service("web", "web:6")
        .with_revision("web:6", content("web", "f"))
        .with_history("web", Vec::new())
        .restarting("web", "2026-11-21")
}

#[test]
fn a_token_first_seen_is_a_baseline_and_no_difference() {
    let world = web().unclaimed("web");
    assert_eq!(
        world.actions(),
        ["EcsService/web: note bowline:restart=2026-11-21@- in a tag and claim the service by tags"]
    );
    let plan = world.propose();
    assert!(plan.is_clean());
    assert_eq!(plan.actions[0].wave, Wave::Bookkeeping);
    assert_eq!(world.report("web"), ResourceReport::new(service_key("web"), &name("prod")));
    let world = web().with_tag("web", TagKey::Restart, "2026-11-21@-");
    assert_eq!(world.actions(), Vec::<String>::new());
}

#[test]
fn the_first_token_of_a_claimed_service_restarts_once() {
    let world = web();
    assert_eq!(world.actions(), ["EcsService/web: start new tasks"]);
    assert_eq!(
        world.report("web").differences.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["restart is (none), git wants 2026-11-21: the service is restarted once for its first token"]
    );
    let world = world.with_tag("web", TagKey::Restart, "2026-11-21@ecs-svc/0");
    assert_eq!(world.actions(), Vec::<String>::new());
}

#[test]
fn a_new_token_restarts_once() {
    let world = web().with_tag("web", TagKey::Restart, "2026-11-01@-");
    assert_eq!(world.actions(), ["EcsService/web: start new tasks"]);
    let Operation::UpdateService { tags, spec_hash, .. } = world.propose().actions[0].operation.clone()
    else {
        panic!("a forced deployment was expected");
    };
    assert_eq!(tags, [(TagKey::Restart, "2026-11-21@ecs-svc/1".to_owned())]);
    assert!(spec_hash.is_some());
    assert_eq!(
        world.report("web").differences.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["restart is 2026-11-01, git wants 2026-11-21: the service is restarted once for a new token"]
    );
    // Tagged, and PRIMARY is another deployment since: done.
    let world = world.with_tag("web", TagKey::Restart, "2026-11-21@ecs-svc/0");
    assert_eq!(world.actions(), Vec::<String>::new());
}

#[test]
fn a_crash_between_the_tag_and_the_deployment_is_made_good() {
    let world = web().with_tag("web", TagKey::Restart, "2026-11-21@ecs-svc/1");
    assert_eq!(world.actions(), ["EcsService/web: start new tasks"]);
}

#[test]
fn a_tag_that_somebody_broke_restarts_once() {
    let world = web().with_tag("web", TagKey::Restart, "garbage");
    assert_eq!(world.actions(), ["EcsService/web: start new tasks"]);
}
