//! What a rule covers is told as left alone, and is no drift.

use serde_json::json;

use crate::desired::TaskDefinitionContent;
use crate::diff::Reason;
use crate::live::DeploymentController;
use crate::name::FieldPath;
use crate::plan::fixture::*;

/// Git wants two tasks of a file; live runs three tasks of `web:6`, with another image, another level and another port.
fn world(ignore: &[&str]) -> Fixture {
    let definition = |image: &str, level: &str| {
        let mut value = content("web", image).value().clone();
        value["containerDefinitions"][0]["environment"][0]["value"] = json!(level);
        TaskDefinitionContent::new(value)
    };
    let mut world = Fixture::new()
        .with_service("web", "web:6")
        .with_revision("web:6", definition("web:new", "debug"))
        .with_file("web", definition("web:old", "info"))
        .with_recent("web", &["web:6"]);
    world.live("web").desired_count = 3;
    world.live("web").running_count = 3;
    world.spec("web").ignore = ignore.iter().map(|path| FieldPath::parse(path).unwrap()).collect();
    world
}

/// Paths of differences, and of what is left alone, which must all be ignored by a rule.
fn told(world: &Fixture) -> (Vec<String>, Vec<String>) {
    let report = world.report("web");
    assert!(report.left_alone.iter().all(|one| one.reason == Reason::IgnoredByRule && one.owner.is_none()));
    let paths =
        |differences: Vec<crate::diff::Difference>| differences.into_iter().map(|one| one.path).collect();
    (paths(report.differences), paths(report.left_alone))
}

const COUNT: &str = "desiredCount";
const IMAGE: &str = "taskDefinition.containerDefinitions[name=app].image";
const LEVEL: &str = "taskDefinition.containerDefinitions[name=app].environment[name=LEVEL].value";

#[test]
fn of_what_another_controller_deploys_only_a_count_that_is_the_services_is_told() {
    for (controller, left_alone) in
        [(DeploymentController::CodeDeploy, &[COUNT][..]), (DeploymentController::External, &[])]
    {
        let mut world = world(&["*"]);
        world.live("web").controller = controller;
        let left_alone: Vec<String> = left_alone.iter().map(|path| (*path).to_owned()).collect();
        assert_eq!(told(&world), (vec![], left_alone), "{controller:?}");
    }
}

#[test]
fn each_difference_is_either_drift_or_left_alone() {
    let cases: [(&[&str], &[&str]); 6] = [
        (&[], &[]),
        (&["desiredCount"], &[COUNT]),
        (&["containerDefinitions[*].image"], &[IMAGE]),
        (&["taskDefinition.containerDefinitions[*].environment[*].value", "desiredCount"], &[COUNT, LEVEL]),
        (&["taskDefinition"], &[LEVEL, IMAGE]),
        (&["*"], &[COUNT, LEVEL, IMAGE]),
    ];
    for (ignore, left) in cases {
        let (mut drift, alone) = told(&world(ignore));
        assert_eq!(alone, left, "{ignore:?}");
        drift.extend(alone);
        drift.sort();
        assert_eq!(drift, [COUNT, LEVEL, IMAGE], "{ignore:?}");
    }
    assert!(world(&["*"]).propose().is_clean());
}

#[test]
fn a_pinned_revision_that_is_ignored_is_told_as_such() {
    let mut world = Fixture::new().with_service("web", "web:6").wanting("web", "web:7");
    world.spec("web").ignore = vec![FieldPath::parse("taskDefinition").unwrap()];
    assert_eq!(told(&world), (vec![], vec!["taskDefinition".to_owned()]));
    assert!(world.propose().is_clean() && world.needs().is_empty());
}

#[test]
fn what_is_as_git_wants_it_is_not_told_although_a_rule_covers_it() {
    let mut world = Fixture::new().with_service("web", "web:6");
    world.spec("web").ignore = vec![FieldPath::parse("*").unwrap()];
    assert_eq!(told(&world), (vec![], vec![]));
}

#[test]
fn values_are_shown_by_length_here_too() {
    let report = world(&["*"]).report("web");
    let level = report.left_alone.iter().find(|one| one.path == LEVEL).unwrap();
    assert_eq!(level.to_string(), format!("{LEVEL} changed (5 -> 4 chars)"));
}
