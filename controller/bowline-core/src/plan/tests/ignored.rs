//! What a rule covers is told as left alone, and is no drift.

use serde_json::{Value, json};

use crate::desired::TaskDefinitionContent;
use crate::desired::kind::ServiceSettings;
use crate::diff::Reason;
use crate::live::DeploymentController;
use crate::name::FieldPath;
use crate::plan::fixture::*;
use crate::plan::{Action, Operation};

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
    let cases: [(&[&str], &[&str]); 7] = [
        (&[], &[]),
        (&["desiredCount"], &[COUNT]),
        (&["containerDefinitions[*].image"], &[IMAGE]),
        (&["taskDefinition.containerDefinitions[*].environment[*].value", "desiredCount"], &[COUNT, LEVEL]),
        (&["taskDefinition"], &[LEVEL, IMAGE]),
        (&["taskDefinition.*"], &[LEVEL, IMAGE]),
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
fn what_a_pinned_revision_rolls_out_is_told_although_a_rule_names_it() {
    let mut world = Fixture::new()
        .with_service("web", "web:43")
        .with_revision("web:42", content("web", "web:old"))
        .with_revision("web:43", content("web", "web:new"))
        .with_history("web", Vec::new())
        .wanting("web", "web:42");
    world.spec("web").ignore = vec![FieldPath::parse("containerDefinitions[*].image").unwrap()];
    assert_eq!(told(&world), (vec!["taskDefinition".to_owned(), IMAGE.to_owned()], vec![]));
    assert_eq!(world.actions().len(), 1);
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

/// The content that is registered.
fn registered(world: &Fixture) -> Value {
    match &world.propose().actions[..] {
        [Action { operation: Operation::RegisterTaskDefinition { content, .. }, .. }] => content.value(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_label_of_a_pipeline_is_in_the_revision_that_git_asks_for_although_git_has_no_labels() {
    let mut labelled = content("web", "web:1").value();
    labelled["containerDefinitions"][0]["dockerLabels"] = json!({"build-commit": "abc"});
    let mut world = Fixture::new()
        .with_service("web", "web:6")
        .with_revision("web:6", TaskDefinitionContent::new(labelled.clone()))
        .with_file("web", content("web", "web:2"))
        .with_recent("web", &["web:6"])
        .with_history("web", Vec::new());
    world.spec("web").ignore =
        vec![FieldPath::parse("containerDefinitions[*].dockerLabels.build-commit").unwrap()];
    labelled["containerDefinitions"][0]["image"] = json!("web:2");
    assert_eq!(registered(&world), labelled);
}

#[test]
fn a_container_that_git_adds_is_deployed_although_its_image_is_ignored() {
    let mut wanted = content("web", "web:1").value();
    let sidecar = json!({"name": "sidecar", "image": "sidecar:1"});
    wanted["containerDefinitions"].as_array_mut().unwrap().push(sidecar);
    let mut world = Fixture::new()
        .with_service("web", "web:6")
        .with_revision("web:6", content("web", "web:9"))
        .with_file("web", TaskDefinitionContent::new(wanted.clone()))
        .with_recent("web", &["web:6"])
        .with_history("web", Vec::new());
    world.spec("web").ignore = vec![FieldPath::parse("containerDefinitions[*].image").unwrap()];
    assert_eq!(told(&world).0, ["taskDefinition.containerDefinitions[name=sidecar]"]);
    wanted["containerDefinitions"][0]["image"] = json!("web:9");
    assert_eq!(registered(&world), wanted);
}

/// A list that differs in nothing but what is ignored is managed: it is set back once git does not list it any more.
#[test]
fn a_list_of_which_a_part_is_ignored_is_set_back_when_it_leaves_git() {
    let settings = |value: Value| -> ServiceSettings { serde_json::from_value(value).unwrap() };
    let groups = |port: u32| json!({"loadBalancers": [{"targetGroupArn": "a", "containerName": "web", "containerPort": port}]});
    let mut world = Fixture::new()
        .with_service("web", "web:6")
        .with_revision("web:6", content("web", "web:1"))
        .with_history("web", Vec::new());
    world.spec("web").ignore = vec![FieldPath::parse("settings.loadBalancers[*].containerPort").unwrap()];
    world.spec("web").settings = settings(groups(80));
    world.live("web").settings = settings(groups(81));
    let port = "settings.loadBalancers[targetGroupArn=a].containerPort".to_owned();
    assert_eq!(told(&world), (vec![], vec![port]));
    world.learn();
    assert_eq!(world.remember("web").managed_settings, settings(groups(80)));

    world.spec("web").settings = ServiceSettings::default();
    let name = "settings.loadBalancers[targetGroupArn=a].containerName".to_owned();
    assert_eq!(told(&world), (vec![name], vec![]));
    match &world.propose().actions[..] {
        [Action { operation: Operation::UpdateService { settings, .. }, .. }] => {
            assert_eq!(Value::Object(settings.0.clone()), json!({"loadBalancers": []}));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_setting_that_is_ignored_as_a_whole_is_not_managed() {
    let settings = |value: Value| -> ServiceSettings { serde_json::from_value(value).unwrap() };
    let mut world = Fixture::new().with_service("web", "web:6");
    world.spec("web").ignore = vec![FieldPath::parse("settings.propagateTags").unwrap()];
    world.spec("web").settings = settings(json!({"propagateTags": "SERVICE"}));
    world.learn();
    assert_eq!(world.remember("web").managed_settings, ServiceSettings::default());
}
