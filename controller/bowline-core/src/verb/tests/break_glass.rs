use std::collections::BTreeSet;

use super::super::{Glass, break_glass};
use crate::desired::kind::{Capability, Mode};
use crate::name::AccountId;
use crate::plan::fixture::*;
use crate::plan::{Action, Hold, Operation, TagKey};
use crate::policy::Ceiling;

fn broken(world: &Fixture, ceiling: &Ceiling, good: Option<&str>) -> Result<Action, String> {
    let good = good.map(arn);
    let glass = Glass {
        desired: &world.desired,
        live: &world.live.services[&name("web")],
        good: good.as_ref(),
        ceiling,
        actor: actor(),
    };
    let hold = Hold { until: at(3600), reason: "500s".to_owned() };
    break_glass(&glass, &name("web"), &hold).map_err(|refusal| refusal.to_string())
}

#[test]
fn the_last_good_revision_runs_again_and_a_hold_keeps_it() {
    let world = Fixture::new().with_service("web", "web:7");
    let action = broken(&world, &ceiling(), Some("web:6")).unwrap();
    let Operation::UpdateService { task_definition, desired_count, force_new_deployment, tags, .. } =
        &action.operation
    else {
        panic!("{action:?}");
    };
    assert_eq!(
        (task_definition.clone(), *desired_count, *force_new_deployment),
        (Some(arn("web:6")), None, false)
    );
    assert_eq!(*tags, [(TagKey::Hold, "2026-11-21T13:00:00Z 500s".to_owned())]);

    let there = broken(&world, &ceiling(), Some("web:7")).unwrap();
    assert!(matches!(there.operation, Operation::TagService { .. }), "{there:?}");
}

#[test]
fn what_is_not_allowed_or_not_known_is_not_done_by_breaking_the_glass_either() {
    let world = || Fixture::new().with_service("web", "web:7");
    let refused = |world: &Fixture, ceiling: &Ceiling, good| {
        let why = broken(world, ceiling, good).unwrap_err();
        why.strip_prefix("nothing was done to EcsService/web ahead of git: ").unwrap().to_owned()
    };
    let other = BTreeSet::from([AccountId::parse("999922223333").unwrap()]);
    let outside = Ceiling { accounts: other, ..ceiling() };
    let propose = Ceiling { mode: Mode::Propose, ..ceiling() };
    let scale = Ceiling { capabilities: Some(BTreeSet::from([Capability::EcsScale])), ..ceiling() };
    let mut watched = world();
    watched.target("prod").mode = Mode::Observe;
    let owned = world().claimed_by("web", "other", "EcsService/web");
    for (world, ceiling, good, why) in [
        (world(), outside, Some("web:6"), "the Target prod is outside of the ceiling in bowline.yaml"),
        (world(), propose, Some("web:6"), "the mode in force for prod is propose, and this takes enforce"),
        (watched, ceiling(), Some("web:6"), "the mode in force for prod is observe, and this takes enforce"),
        (world(), scale, Some("web:6"), "the capability ecs:deploy is not given for prod"),
        (
            world(),
            ceiling(),
            None,
            "no store that is named in bowline.yaml knows with which revision it was last good",
        ),
    ] {
        assert_eq!(refused(&world, &ceiling, good), why);
    }
    assert!(refused(&owned, &ceiling(), Some("web:6")).contains("other"));
}
