//! A Terraform state that has a say in a service.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::desired::kind::{Mode, ServiceSettings};
use crate::desired::terraform::{ATTRIBUTES, TerraformService};
use crate::desired::{ResourceKey, ResourceKind};
use crate::diff::fields::setting_row;
use crate::live::{Asked, LiveState, Observed, ScalableTarget, UnknownCategory};
use crate::plan::fixture::*;
use crate::plan::*;

const ADDRESS: &str = "aws_ecs_service.web";
const PLACE: &str = "aws_ecs_service.web in states/app";

/// Git wants `web:6` with 2 tasks and `enableExecuteCommand`; live runs `web:6` with 3 tasks and without it. The state has
/// these attributes.
fn world(attributes: &Value) -> Fixture {
    let mut world = Fixture::new().with_service("web", "web:6").with_state("app");
    let live = world.live("web");
    live.desired_count = 3;
    live.running_count = 3;
    let settings = json!({"enableExecuteCommand": true, "propagateTags": "SERVICE"});
    world.spec("web").settings = ServiceSettings::new(settings.as_object().unwrap());
    let spec = &mut world.desired.states.get_mut(&name("app")).unwrap().spec;
    spec.resources.insert(ADDRESS.to_owned(), name("web"));
    let services =
        BTreeMap::from([(ADDRESS.to_owned(), Some(TerraformService::of(attributes, &BTreeSet::new())))]);
    let state = LiveState {
        version_id: None,
        etag: "1".to_owned(),
        last_modified: None,
        serial: 1,
        lineage: "8d1f7c2e-53b9-4f0a-a6d4-2b9e0c71f5e3".to_owned(),
        terraform_version: None,
        services,
    };
    world.live.states.insert(name("app"), known(state));
    world
}

/// Path, owner and note of each difference.
fn labels(world: &Fixture) -> Vec<(String, Option<String>, Option<String>)> {
    let differences = world.report("web").differences.into_iter();
    differences.map(|difference| (difference.path, difference.owner, difference.note)).collect()
}

fn labelled(path: &str, verdict: &str) -> (String, Option<String>, Option<String>) {
    let note = format!("also managed by Terraform: {PLACE}{verdict}");
    (path.to_owned(), Some(format!("Terraform ({PLACE})")), Some(note))
}

#[test]
fn every_row_names_a_field_that_bowline_compares() {
    let known = |field: &str| match field.strip_prefix("settings.") {
        Some(setting) => setting.split('.').next().is_some_and(|name| setting_row(name).is_some()),
        None => matches!(field, "desiredCount" | "taskDefinition"),
    };
    let unknown: Vec<&str> = ATTRIBUTES.iter().map(|row| row.field).filter(|field| !known(field)).collect();
    assert_eq!(unknown, [""; 0]);
}

#[test]
fn a_difference_says_who_agrees_with_whom() {
    let attributes =
        json!({"desired_count": 3, "enable_execute_command": true, "propagate_tags": "TASK_DEFINITION"});
    let undone = ", whose state agrees with live: the next `terraform apply` would undo what git wants";
    assert_eq!(
        labels(&world(&attributes)),
        [
            labelled("settings.enableExecuteCommand", ", whose state agrees with git"),
            labelled("settings.propagateTags", ", whose state agrees with neither"),
            labelled("desiredCount", undone),
        ]
    );
    let bare = |path: &str| (path.to_owned(), None, None);
    assert_eq!(
        labels(&world(&json!({"desired_count": null, "propagate_tags": ""}))),
        [bare("settings.enableExecuteCommand"), bare("settings.propagateTags"), bare("desiredCount")]
    );
}

#[test]
fn a_pinned_revision_that_the_state_holds_back_is_told() {
    let mut world = world(&json!({"task_definition": arn("web:5").as_str()}));
    world.live("web").task_definition = Some(arn("web:5"));
    world.live("web").deployments[0].task_definition = Some(arn("web:5"));
    let undone = ", whose state agrees with live: the next `terraform apply` would undo what git wants";
    assert!(labels(&world).contains(&labelled("taskDefinition", undone)), "{:?}", labels(&world));
}

#[test]
fn what_both_set_is_a_warning_until_it_is_declared_to_be_ignored() {
    let mut world =
        world(&json!({"desired_count": 2, "task_definition": "web:6", "platform_version": "LATEST"}));
    let expected = Warning::ManagedByTerraform {
        place: PLACE.to_owned(),
        state: name("app"),
        address: ADDRESS.to_owned(),
        attributes: vec!["desired_count".to_owned(), "task_definition".to_owned()],
    };
    assert_eq!(
        format!("{expected} -> {}", expected.hint()),
        "Terraform sets desired_count, task_definition, too, and each undoes the other: aws_ecs_service.web in states/app -> \
         leave these fields out of git, or add `lifecycle { ignore_changes = [desired_count, task_definition] }` to \
         aws_ecs_service.web and declare it in `ignoreChanges` of TerraformState/app"
    );
    assert_eq!(world.report("web").warnings, [expected]);
    world.target("prod").mode = Mode::Observe;
    assert_eq!(world.report("web").warnings, [], "nobody enforces anything");
    world.target("prod").mode = Mode::Enforce;
    for (declared, left) in [("desired_count", vec!["task_definition"]), ("all", vec![])] {
        let spec = &mut world.desired.states.get_mut(&name("app")).unwrap().spec;
        let declared = serde_json::from_value(json!({ ADDRESS: [declared] })).unwrap();
        spec.ignore_changes = declared;
        let warned: Vec<String> = world
            .report("web")
            .warnings
            .into_iter()
            .flat_map(|warning| match warning {
                Warning::ManagedByTerraform { attributes, .. } => attributes,
                other => panic!("{other}"),
            })
            .collect();
        assert_eq!(warned, left);
        let count = labels(&world).into_iter().find(|(path, ..)| path == "desiredCount");
        assert_eq!(count, Some(("desiredCount".to_owned(), None, None)));
    }
}

#[test]
fn a_count_that_is_left_to_autoscaling_is_nobodys_fight() {
    let mut world = world(&json!({"desired_count": 3}));
    let found = known(ScalableTarget { minimum: 1, maximum: 9, suspended: false });
    let asked = Asked { about: "service/main/web".to_owned(), at: at(0), found };
    world.live.scalable_targets.insert(name("web"), asked);
    let expected = Warning::CountAutoscaled { wanted: 2, minimum: 1, maximum: 9 };
    assert_eq!(world.report("web").warnings, [expected]);
}

#[test]
fn an_unreadable_state_is_a_note_and_changes_nothing_else() {
    let read = world(&json!({}));
    let mut unread = read.clone();
    unread.live.states.insert(name("app"), unknown(UnknownCategory::Refused));
    assert_eq!(unread.actions(), read.actions());
    let spec = &mut unread.desired.states.get_mut(&name("app")).unwrap().spec;
    spec.resources.insert("aws_ecs_service.web_too".to_owned(), name("web"));
    let mut expected = read.report("web");
    expected.notes =
        vec!["whether Terraform manages these fields, too, is not known: see TerraformState/app".to_owned()];
    assert_eq!(unread.report("web"), expected);
}

#[test]
fn an_address_that_is_not_there_or_another_service_is_told_on_the_state() {
    let notes = |world: &Fixture| {
        let key = ResourceKey { kind: ResourceKind::TerraformState, name: name("app") };
        world.propose().reports[&key].notes.clone()
    };
    let other =
        world(&json!({"id": "arn:aws:ecs:eu-central-1:111122223333:service/main/api", "desired_count": 3}));
    assert_eq!(
        notes(&other),
        [
            "resources: aws_ecs_service.web is arn:aws:ecs:eu-central-1:111122223333:service/main/api in s3://states/app, and git \
          means arn:aws:ecs:eu-central-1:111122223333:service/main/web"
        ]
    );
    assert_eq!(
        (&labels(&other)[2], other.report("web").warnings),
        (&("desiredCount".to_owned(), None, None), vec![])
    );
    let mut absent = world(&json!({}));
    let Some(Observed::Known { value, .. }) = absent.live.states.get_mut(&name("app")) else { panic!() };
    value.services.insert(ADDRESS.to_owned(), None);
    assert_eq!(notes(&absent), ["resources: s3://states/app has no managed aws_ecs_service.web"]);
}
