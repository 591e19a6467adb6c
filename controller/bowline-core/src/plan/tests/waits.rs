//! Every wait ends: with what is waited for, or with its deadline, and then a person is told.

use crate::live::{DeploymentStatus, PastDeployment, PastDeploymentStatus, RolloutState, UnknownCategory};
use crate::plan::fixture::*;
use crate::plan::*;

const ROLLING_BACK: &str = "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1.";

/// `web` runs what git wants, and somebody else's deployment of it began so many seconds ago; it has 20 minutes.
fn somebody_deploys(ago: i64) -> Fixture {
    let mut world = Fixture::new()
        .with_service("web", "web:6")
        .unmanaged("web")
        .with_revision("web:6", content("web", "f"))
        .with_history("web", Vec::new());
    let primary = &mut world.live("web").deployments[0];
    (primary.rollout_state, primary.created_at) = (Some(RolloutState::InProgress), Some(at(-ago)));
    world
}

fn needs_person(what: &str) -> HeldWhy {
    HeldWhy::NeedsPerson { what: what.to_owned() }
}

fn rollout(deadline: i64) -> WaitingOn {
    WaitingOn::Rollout { deployment_id: Some("ecs-svc/1".to_owned()), deadline: at(deadline) }
}

#[test]
fn somebody_elses_rollout_is_waited_for_until_its_deadline() {
    let mut expected = ResourceReport::new(service_key("web"), &name("prod"));
    expected.sync = Sync::Progressing;
    expected.waiting_on = Some(rollout(0));
    let world = somebody_deploys(1200);
    assert_eq!(world.report("web"), expected);
    assert!(world.propose().is_clean());

    let world = somebody_deploys(1201);
    expected.sync = Sync::Drifted;
    expected.waiting_on = None;
    expected.held = vec![needs_person(
        "the deployment ecs-svc/1, which Bowline does not watch, has been in progress since 2026-11-21T11:39:59Z, past its \
         deadline 2026-11-21T11:59:59Z: see the service's events in ECS, and stop it or deploy again",
    )];
    assert_eq!(world.report("web"), expected);
    let plan = world.propose();
    assert_eq!((plan.is_clean(), plan.has_unknown(), plan.actions), (false, false, Vec::new()));
}

#[test]
fn a_restart_waits_for_somebody_elses_rollout_only_until_its_deadline() {
    let due = |ago| somebody_deploys(ago).restarting("web", "t2").with_tag("web", TagKey::Restart, "t1@-");
    let world = due(1200);
    assert_eq!((world.actions(), world.report("web").waiting_on), (Vec::new(), Some(rollout(0))));
    assert_eq!(world.report("web").sync, Sync::Progressing);
    let world = due(1201);
    assert_eq!(world.actions(), ["EcsService/web: start new tasks"]);
    assert_eq!(world.report("web").held, []);
}

#[test]
fn somebody_elses_rollout_is_not_taken_for_the_restart_that_waits_for_it() {
    let mut world = somebody_deploys(10).wanting("web", "web:6").restarting("web", "t2").with_tag(
        "web",
        TagKey::Restart,
        "t1@-",
    );
    world.learn();
    assert_eq!(world.memory.services[&name("web")].in_flight, None);
}

#[test]
fn a_late_rollout_of_what_git_wants_is_judged_although_nobody_watched_it() {
    let mut world = somebody_deploys(1201).wanting("web", "web:6");
    assert_eq!(world.told(), []);
    let told =
        "web: web:6 is bad: not completed by its deadline: 2 of 2 tasks are running, 0 failed in a row";
    assert_eq!(world.told(), [(EventKind::RolloutBad, told.to_owned())]);
    let report = world.report("web");
    assert_eq!((report.sync, report.waiting_on), (Sync::AwaitingGit, None));
}

#[test]
fn our_own_hung_rollout_holds_up_nothing_new_once_it_is_judged() {
    let mut world =
        somebody_deploys(1201).wanting("web", "web:6").with_revision("web:7", content("web", "g"));
    world.learn();
    world.learn();
    let newer = world.clone().wanting("web", "web:7");
    assert_eq!(newer.actions(), ["EcsService/web: deploy web:7"]);
    let again = world.restarting("web", "t2").with_tag("web", TagKey::Restart, "t1@-");
    assert_eq!(again.actions(), ["EcsService/web: start new tasks"]);
}

/// ECS goes back to web:6 under its old id, from web:7, which failed and began so many seconds ago.
fn ecs_goes_back(ago: i64) -> Fixture {
    let mut world = somebody_deploys(3600)
        .wanting("web", "web:5")
        .with_revision("web:5", content("web", "e"))
        .with_revision("web:7", content("web", "g"));
    let mut failed = deployment("2", "web:7", RolloutState::Failed);
    (failed.status, failed.created_at) = (DeploymentStatus::Active, Some(at(-ago)));
    let live = world.live("web");
    live.deployments[0].rollout_reason = Some(ROLLING_BACK.to_owned());
    live.deployments.push(failed);
    world
}

#[test]
fn ecs_own_rollback_is_waited_for_until_its_deadline_and_never_deployed_over() {
    let world = ecs_goes_back(2400);
    assert_eq!(world.actions(), Vec::<String>::new());
    let report = world.report("web");
    assert_eq!((report.sync, report.waiting_on), (Sync::Progressing, Some(WaitingOn::EcsRollback)));

    let late = needs_person(
        "ECS has not finished its own rollback, and its deadline was 2026-11-21T11:59:59Z: see the service's events in ECS \
         and help it there; nothing is deployed over it",
    );
    let world = ecs_goes_back(2401);
    assert_eq!(world.actions(), Vec::<String>::new());
    let report = world.report("web");
    assert_eq!((report.sync, report.waiting_on, report.held), (Sync::Drifted, None, vec![late.clone()]));

    // Nothing else is wanted: it is told all the same.
    let report = ecs_goes_back(2401).unmanaged("web").report("web");
    assert_eq!((report.sync, report.waiting_on, report.held), (Sync::Drifted, None, vec![late.clone()]));
    let report = ecs_goes_back(2400).unmanaged("web").report("web");
    assert_eq!((report.sync, report.waiting_on), (Sync::Progressing, Some(WaitingOn::EcsRollback)));

    // What failed is wanted: it awaits git, and is not under way for ever.
    let failed = vec![past("2", "web:7", PastDeploymentStatus::RolledBack)];
    let world = ecs_goes_back(2401).wanting("web", "web:7").with_history("web", failed);
    let report = world.report("web");
    assert_eq!((report.sync, report.waiting_on), (Sync::AwaitingGit, None));
    assert_eq!(report.held.last(), Some(&late));
}

#[test]
fn a_rollback_under_the_old_id_is_timed_by_whatever_tells_of_it() {
    let bare = || {
        let mut world = ecs_goes_back(60);
        world.live("web").deployments.truncate(1);
        world
    };
    assert_eq!(bare().report("web").waiting_on, None, "only the old deployment's age is known");
    let waits = |world: &Fixture| world.report("web").waiting_on == Some(WaitingOn::EcsRollback);
    let mut told = bare();
    told.live("web").events =
        [(at(-60), "(service web) rolling back to deployment ecs-svc/1.".to_owned())].into();
    assert!(waits(&told));
    let mut remembered = bare();
    remembered.in_flight("web", "web:7", "2");
    let service = remembered.remember("web");
    let in_flight = service.in_flight.take().unwrap();
    service.attempts.insert(in_flight.spec_hash.clone(), in_flight.attempt());
    assert!(waits(&remembered));
    let listed =
        PastDeployment { created_at: Some(at(-60)), ..past("2", "web:7", PastDeploymentStatus::RolledBack) };
    assert!(waits(&bare().with_history("web", vec![listed])));
    let mut silent = bare();
    silent.live.histories.insert(name("web"), unknown(UnknownCategory::Denied));
    assert!(!waits(&silent));
}

#[test]
fn a_rollout_whose_end_cannot_be_read_is_unknown_and_not_under_way_for_ever() {
    let mut world = somebody_deploys(10);
    world.in_flight("web", "web:6", "2");
    world.live.histories.insert(name("web"), unknown(UnknownCategory::Denied));
    world.learn();
    let report = world.report("web");
    let read = WaitingOn::Read { what: "the past deployments of web: Rate exceeded".to_owned() };
    assert_eq!((report.sync, report.waiting_on), (Sync::Drifted, Some(read)));
    assert!(world.propose().has_unknown());
}

#[test]
fn without_a_memory_a_heal_delay_ends_all_the_same() {
    let mut world = Fixture::new()
        .with_service("web", "web:6")
        .wanting("web", "web:7")
        .with_revision("web:6", content("web", "f"))
        .with_revision("web:7", content("web", "g"))
        .with_history("web", vec![past("2", "web:7", PastDeploymentStatus::Successful)]);
    world.learn();
    world.now = at(899);
    world.learn();
    assert_eq!(world.report("web").held, [HeldWhy::HealDelay { until: at(900) }]);
    world.now = at(900);
    world.learn();
    assert_eq!(world.actions(), ["EcsService/web: deploy web:7"]);
}

#[test]
fn who_waits_for_a_dependency_that_will_not_come_right_is_not_under_way() {
    let mut world = somebody_deploys(1201)
        .with_service("api", "web:6")
        .wanting("api", "web:5")
        .with_revision("web:5", content("web", "e"))
        .with_history("api", Vec::new());
    world.spec("api").depends_on = vec![name("web")];
    let report = world.report("api");
    assert_eq!(
        (report.sync, report.waiting_on),
        (Sync::Drifted, Some(WaitingOn::Dependency { on: name("web") }))
    );
}
