//! What failed is tried again for a new restart token, once, and for nothing else; in whichever form ECS goes back.

use crate::live::{PastDeployment, PastDeploymentStatus, RolloutState, Tags};
use crate::name::RestartToken;
use crate::plan::fixture::*;
use crate::plan::*;

/// What becomes PRIMARY when ECS goes back.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Back {
    /// A new deployment of what ran before; ECS's history does not list it.
    NewId,
    /// The deployment that ran before, under its own id.
    OldId,
}

const FORMS: [Back; 2] = [Back::NewId, Back::OldId];

/// `web` runs web:6, and its record says `t1`.
fn web() -> Fixture {
    Fixture::new()
        .with_service("web", "web:6")
        .with_revision("web:6", content("web", "f"))
        .with_revision("web:7", content("web", "g"))
        .with_history("web", vec![past("1", "web:6", PastDeploymentStatus::Successful)])
        .with_tag("web", TagKey::Restart, "t1@-")
        .restarting("web", "t1")
}

fn token(text: &str) -> RestartToken {
    RestartToken::parse(text).unwrap()
}

fn insert_past(world: &mut Fixture, past: PastDeployment) {
    let live = &mut world.live;
    let mut history = live.histories[&name("web")].known().cloned().unwrap_or_default();
    history.insert(0, past);
    live.histories.insert(name("web"), known(history));
}

/// Does what is planned; the deployment fails, ECS goes back to web:6, and that is learned.
fn fail(world: &mut Fixture, id: &str, back: Back) {
    let action = world.propose().actions.first().cloned().unwrap();
    let Operation::UpdateService { tags, task_definition, .. } = action.operation.clone() else {
        panic!("a deployment was expected: {action}");
    };
    for (key, value) in tags {
        world.live("web").tags.extend([(key.as_str().to_owned(), value)]);
    }
    let outcome = Outcome::Done { deployment_id: Some(format!("ecs-svc/{id}")), task_definition: None };
    let now = world.now;
    record(&mut world.memory, &action, &outcome, &world.desired, COMMIT, now);
    let revision = task_definition.map_or("web:6".to_owned(), |arn| arn.revision().to_string());
    let failed =
        PastDeployment { created_at: Some(now), ..past(id, &revision, PastDeploymentStatus::RolledBack) };
    insert_past(world, failed);
    if back == Back::NewId {
        let mut primary = deployment(&format!("{id}9"), "web:6", RolloutState::Completed);
        primary.created_at = Some(now);
        world.live("web").deployments = vec![primary];
    }
    let verdict = world.told();
    assert_eq!(verdict[0].0, EventKind::RolledBackByEcs, "{back:?}: {verdict:?}");
}

/// Nothing is done, with the memory or without it.
fn assert_held(world: &Fixture, why: &str) {
    assert_eq!(world.actions(), Vec::<String>::new(), "{why}");
    assert_eq!(world.report("web").sync, Sync::AwaitingGit, "{why}");
    let lost = Fixture { memory: Memory::default(), ..world.clone() };
    assert_eq!(lost.actions(), Vec::<String>::new(), "{why}, and the store was lost");
}

#[test]
fn a_restart_that_failed_is_tried_again_for_a_new_token_and_only_then() {
    for unmanaged in [true, false] {
        for back in FORMS {
            let why = format!("{back:?}, unmanaged: {unmanaged}");
            let mut world = web().restarting("web", "t2");
            if unmanaged {
                world = world.unmanaged("web");
            }
            assert_eq!(world.actions(), ["EcsService/web: start new tasks"], "{why}");
            fail(&mut world, "2", back);
            assert_held(&world, &why);
            let mut world = world.restarting("web", "t3");
            assert_eq!(world.actions(), ["EcsService/web: start new tasks"], "{why}");
            assert_eq!((world.report("web").sync, world.report("web").held), (Sync::Drifted, Vec::new()));
            fail(&mut world, "3", back);
            assert_held(&world, &why);
            let attempt = world.memory.services[&name("web")].attempts.values().next().cloned().unwrap();
            assert_eq!(attempt.restart, Some(token("t3")), "{why}");
        }
    }
}

#[test]
fn without_a_store_a_new_token_releases_what_failed_as_well() {
    for back in FORMS {
        let mut world = web().unmanaged("web").restarting("web", "t2");
        fail(&mut world, "2", back);
        world.memory = Memory::default();
        let world = world.restarting("web", "t3");
        assert_eq!(world.actions(), ["EcsService/web: start new tasks"], "{back:?}");
    }
}

#[test]
fn a_spec_that_failed_is_tried_once_more_for_a_new_token() {
    for back in FORMS {
        let mut world = web().wanting("web", "web:7");
        fail(&mut world, "2", back);
        assert_held(&world, "the token is the same");
        let mut world = world.restarting("web", "t2");
        assert_eq!(world.actions(), ["EcsService/web: deploy web:7"], "{back:?}");
        fail(&mut world, "3", back);
        assert_held(&world, "the new token was tried");
    }
}

#[test]
fn a_first_token_releases_what_failed_once_if_the_service_was_claimed_before() {
    let mut world = web().wanting("web", "web:7");
    world.spec("web").restart = None;
    world.live("web").tags = Tags::default();
    fail(&mut world, "2", Back::NewId);
    assert_held(&world, "there is no token");
    let mut world = world.restarting("web", "t1");
    let unclaimed = world.clone().unclaimed("web");
    assert_eq!(
        unclaimed.actions(),
        ["EcsService/web: note bowline:restart=t1@- in a tag and claim the service by tags"]
    );
    assert_held(&world.clone().with_tag("web", TagKey::Restart, "t1@-"), "the baseline is written");
    assert_eq!(world.actions(), ["EcsService/web: deploy web:7"]);
    fail(&mut world, "3", Back::NewId);
    assert_held(&world, "the token was tried");
}

#[test]
fn taking_the_token_away_settles_a_failed_restart_but_no_failed_spec() {
    let mut world = web().restarting("web", "t2");
    fail(&mut world, "2", Back::NewId);
    world.spec("web").restart = None;
    assert_eq!((world.actions(), world.report("web").sync), (Vec::new(), Sync::InSync));
    let mut world = web().wanting("web", "web:7");
    fail(&mut world, "2", Back::NewId);
    world.spec("web").restart = None;
    assert_held(&world, "another revision is wanted still");
}

#[test]
fn a_noted_token_whose_call_failed_is_not_lost() {
    let mut world = web().unmanaged("web").restarting("web", "t2");
    fail(&mut world, "2", Back::OldId);
    // The tag was written, and UpdateService was throttled.
    let world = world.restarting("web", "t3").with_tag("web", TagKey::Restart, "t3@ecs-svc/1");
    assert_eq!(world.actions(), ["EcsService/web: start new tasks"]);
}

#[test]
fn after_a_crash_only_what_ecs_did_since_decides() {
    let mut world = web().unmanaged("web").restarting("web", "t2");
    fail(&mut world, "2", Back::OldId);
    let mut world = world.restarting("web", "t3").with_tag("web", TagKey::Restart, "t3@ecs-svc/1");
    world.now = at(600);
    for attempt in world.remember("web").attempts.values_mut() {
        *attempt = Attempt {
            deployment_id: None,
            restart: Some(token("t3")),
            at: at(300),
            verdict: Some(AttemptVerdict::Superseded),
            ..attempt.clone()
        };
    }
    assert_eq!(world.actions(), ["EcsService/web: start new tasks"], "the failure is older");
    let failed =
        PastDeployment { created_at: Some(at(301)), ..past("3", "web:6", PastDeploymentStatus::RolledBack) };
    insert_past(&mut world, failed);
    assert_held(&world, "it began, and failed");
}

#[test]
fn a_failed_restart_says_nothing_of_a_new_revision_by_a_pipeline() {
    let reader = || {
        web().unmanaged("web").with_secret("db", "2", "2").with_reader("web", "db").restarting("web", "t2")
    };
    let fingerprint = {
        let id = version("2");
        spec::fingerprint(&Versions::from([("db", id.as_str())]))
    };
    for back in FORMS {
        let mut world = reader().with_tag("web", TagKey::Secrets, &format!("{fingerprint}@-"));
        fail(&mut world, "2", back);
        let mut world = world.with_tag("web", TagKey::Secrets, "stale@-");
        assert_held(&world, "the same revision");
        world.live("web").task_definition = Some(arn("web:8"));
        world.live("web").deployments = vec![deployment("4", "web:8", RolloutState::Completed)];
        insert_past(&mut world, past("4", "web:8", PastDeploymentStatus::Successful));
        assert_eq!(world.actions(), ["EcsService/web: start new tasks"], "{back:?}");
        let world = world.with_tag("web", TagKey::Secrets, &format!("{fingerprint}@-"));
        assert_eq!((world.actions(), world.report("web").sync), (Vec::new(), Sync::InSync), "{back:?}");
    }
}

#[test]
fn somebodys_later_success_with_the_same_revision_ends_the_quarantine() {
    let mut world = web().unmanaged("web").restarting("web", "t2");
    fail(&mut world, "2", Back::NewId);
    world.live("web").deployments = vec![deployment("4", "web:6", RolloutState::Completed)];
    assert_held(&world, "it may be ECS's own way back");
    world.live.histories.clear();
    let stopped = Need::StoppedTasks { service: name("web"), deployment_id: "ecs-svc/2".to_owned() };
    assert_eq!(world.needs(), [Need::History { service: name("web") }, stopped].into());
    let mut world = world.with_history(
        "web",
        vec![
            past("4", "web:6", PastDeploymentStatus::Successful),
            past("2", "web:6", PastDeploymentStatus::RolledBack),
        ],
    );
    let told = (EventKind::RolloutGood, "web: ecs-svc/4 succeeded with what failed before".to_owned());
    assert_eq!(world.told(), [told]);
    assert_eq!((world.actions(), world.report("web").sync), (Vec::new(), Sync::InSync));
    world.live.histories.clear();
    assert_eq!(world.needs(), [].into());
}

#[test]
fn after_a_revert_the_old_spec_is_not_forced_again_unless_its_tasks_still_miss_the_token() {
    for (back, expected) in [(Back::NewId, vec![]), (Back::OldId, vec!["EcsService/web: start new tasks"])] {
        let mut world = web().wanting("web", "web:7").restarting("web", "t2");
        fail(&mut world, "2", back);
        let mut world = world.wanting("web", "web:6");
        assert_eq!(world.actions(), expected, "{back:?}");
        if back == Back::OldId {
            fail(&mut world, "3", back);
            assert_held(&world, "once");
        }
    }
}
