//! A count that autoscaling moves.

use std::sync::Arc;

use jiff::SignedDuration;

use crate::desired::{ResourceKey, ResourceKind};
use crate::diff::{Difference, Reason, Shown};
use crate::live::{Asked, DeploymentController, Observed, ScalableTarget, UnknownCategory};
use crate::name::{FieldPath, ResourceName};
use crate::plan::fixture::*;
use crate::plan::*;

const ID: &str = "service/main/web";

fn target(minimum: u32, maximum: u32, suspended: bool) -> Observed<ScalableTarget> {
    known(ScalableTarget { minimum, maximum, suspended })
}

/// Git wants 2, `count` are live, and this was said of the scalable target.
fn world(count: u32, found: Observed<ScalableTarget>) -> Fixture {
    let mut world = Fixture::new().with_service("web", "web:1");
    world.live("web").desired_count = count;
    world.live("web").running_count = count;
    world
        .live
        .scalable_targets
        .insert(name("web"), Asked { about: ID.into(), at: at(0), found: Arc::new(found) });
    world
}

#[test]
fn a_count_that_autoscaling_moves_is_left_to_it_and_told() {
    let world = world(5, target(2, 10, false));
    let mut expected = ResourceReport::new(service_key("web"), &name("prod"));
    expected.left_alone = vec![Difference {
        path: "desiredCount".to_owned(),
        reason: Reason::OwnedBy,
        wanted: Shown::text(2),
        found: Shown::text(5),
        note: None,
        owner: Some("Application Auto Scaling (2 to 10)".to_owned()),
    }];
    expected.warnings = vec![Warning::CountAutoscaled { wanted: 2, minimum: 2, maximum: 10 }];
    assert_eq!(world.report("web"), expected);
    assert_eq!(
        format!("{} -> {}", expected.warnings[0], expected.warnings[0].hint()),
        "git wants desiredCount 2, and Application Auto Scaling moves it between 2 and 10 -> take desiredCount out of git, or \
         deregister or suspend the scalable target; until then the count is left to autoscaling"
    );
    let plan = world.propose();
    assert_eq!((plan.is_clean(), plan.has_unknown(), plan.actions), (true, false, Vec::new()));
}

#[test]
fn a_target_that_cannot_move_the_count_or_is_another_services_does_not_own_it() {
    let enforced = ["EcsService/web: set the desired count to 2"];
    for found in [target(5, 5, false), target(2, 10, true), Observed::Missing] {
        let world = world(5, found);
        assert_eq!(world.actions(), enforced);
        assert_eq!(world.report("web").warnings, []);
    }
    let mut world = world(5, target(2, 10, false));
    world.live.scalable_targets.get_mut(&name("web")).unwrap().about = "service/main/before".into();
    assert_eq!(world.actions(), enforced);
}

#[test]
fn zero_in_git_is_an_emergency_stop_and_goes_before() {
    let mut world = world(5, target(2, 10, false));
    world.spec("web").desired_count = Some(0);
    assert_eq!(world.actions(), ["EcsService/web: set the desired count to 0"]);
    assert!(
        world.report("web").warnings[0]
            .hint()
            .ends_with("0 is an emergency stop, and is set again in each pass")
    );
}

#[test]
fn nothing_is_scaled_while_the_answer_is_still_to_come() {
    let mut unanswered = world(5, unknown(UnknownCategory::Throttled));
    let plan = unanswered.propose();
    assert_eq!((plan.has_unknown(), &plan.actions), (true, &Vec::new()));
    let what = "whether autoscaling owns desiredCount: Rate exceeded".to_owned();
    assert_eq!(unanswered.report("web").waiting_on, Some(WaitingOn::Read { what }));
    // Nothing to scale: nothing to know.
    unanswered.live("web").desired_count = 2;
    unanswered.live("web").running_count = 2;
    assert!(unanswered.propose().is_clean());
}

#[test]
fn a_refused_answer_is_one_note_on_the_target_and_git_decides() {
    let world = world(5, unknown(UnknownCategory::Denied));
    assert_eq!(world.actions(), ["EcsService/web: set the desired count to 2"]);
    let target = ResourceKey { kind: ResourceKind::Target, name: name("prod") };
    let plan = world.propose();
    assert_eq!(
        plan.reports[&target].notes,
        ["whether autoscaling owns desiredCount could not be looked at: Rate exceeded"]
    );
    assert_eq!((plan.has_unknown(), world.report("web").notes), (false, Vec::new()));
}

/// What is due, as (images, scalable targets).
fn due(world: &Fixture, seconds: i64) -> (Vec<String>, Vec<String>) {
    let due = due_seldom(&world.desired, &world.live, &world.memory, at(seconds));
    (due.images.into_values().collect(), due.scalable_targets.into_values().collect())
}

#[test]
fn answers_are_kept_for_an_hour_and_asked_again_for_a_new_deployment_or_before_a_count_is_changed() {
    let ids = |id: &str| vec![id.to_owned()];
    let none = Vec::<String>::new;
    let mut world = Fixture::new().with_service("web", "web:1");
    assert_eq!(due(&world, 0), (ids("ecs-svc/1"), ids(ID)), "never asked");
    let images = Asked { about: "ecs-svc/1".into(), at: at(0), found: Arc::new(Observed::Missing) };
    world.live.images.insert(name("web"), images);
    let targets = Asked { about: ID.into(), at: at(0), found: Arc::new(Observed::Missing) };
    world.live.scalable_targets.insert(name("web"), targets);
    assert_eq!(due(&world, 3599), (none(), none()));
    assert_eq!(due(&world, 3600), (ids("ecs-svc/1"), ids(ID)));
    world.live("web").desired_count = 3;
    assert_eq!(due(&world, 59), (none(), none()));
    assert_eq!(due(&world, 60), (none(), ids(ID)), "the count is about to be changed");
    world.live("web").controller = DeploymentController::CodeDeploy;
    assert_eq!(due(&world, 60), (none(), ids(ID)), "CodeDeploy leaves the count to the service");
    world.live("web").controller = DeploymentController::External;
    assert_eq!(due(&world, 60), (none(), none()), "task sets have counts of their own");
    world.live("web").controller = DeploymentController::Ecs;
    world.live("web").deployments[0].id = "ecs-svc/2".to_owned();
    assert_eq!(due(&world, 1).0, ids("ecs-svc/2"));
    world.live("web").deployments[0].rollout_state = Some(crate::live::RolloutState::InProgress);
    assert_eq!(due(&world, 1).0, none(), "tasks are being replaced");
    world.spec("web").ignore = vec![FieldPath::parse("desiredCount").unwrap()];
    assert_eq!(due(&world, 7200).1, none(), "somebody else's");
}

#[test]
fn a_failure_is_asked_again_after_a_minute_and_a_refusal_after_an_hour() {
    for (category, seconds) in [(UnknownCategory::Throttled, 60), (UnknownCategory::Denied, 3600)] {
        let mut world = world(2, unknown(category));
        world.live("web").running_count = 0;
        assert_eq!(due(&world, seconds - 1), (Vec::new(), Vec::new()), "{category:?}");
        assert_eq!(due(&world, seconds).1, [ID], "{category:?}");
    }
}

#[test]
fn old_answers_are_renewed_a_hundred_at_a_time_the_oldest_first() {
    let mut world = Fixture::new();
    for number in 0..150_i64 {
        let service = format!("s{number:03}");
        world = world.with_service(&service, "web:1");
        world.spec(&service).desired_count = None;
        let at = at(0) + SignedDuration::from_secs(150 - number);
        let asked = Asked { about: "ecs-svc/1".into(), at, found: Arc::new(Observed::Missing) };
        world.live.images.insert(name(&service), asked);
    }
    let due = due_seldom(&world.desired, &world.live, &world.memory, at(7200));
    let names: Vec<&str> = due.images.keys().map(ResourceName::as_str).collect();
    assert_eq!((names.len(), names.first(), names.last()), (100, Some(&"s050"), Some(&"s149")));
}
