//! Missing, unknown, invalid, left alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::diff::{Difference, Reason, Shown};
use crate::live::{LiveState, Observed, SchedulingStrategy, ServiceStatus, UnknownCategory};
use crate::plan::fixture::*;
use crate::plan::*;

#[test]
fn a_service_that_git_names_and_nobody_created_is_a_difference() {
    let mut world = Fixture::new().with_service("web", "web:6").with_service("db", "db:1");
    world.live.services.insert(name("web"), Observed::Missing);
    let mut expected = ResourceReport::new(service_key("web"), &name("prod"));
    expected.sync = Sync::Missing;
    expected.differences = vec![Difference {
        path: "service".to_owned(),
        reason: Reason::Missing,
        wanted: Shown::text("web"),
        found: Shown::Absent,
        note: Some("ECS knows no such service".to_owned()),
        owner: None,
    }];
    expected.held = vec![HeldWhy::NotCreatedByBowline];
    assert_eq!(world.report("web"), expected);
    assert_eq!(world.actions(), Vec::<String>::new());
    let plan = world.propose();
    assert_eq!((plan.is_clean(), plan.has_unknown()), (false, false));

    let mut deleted = live_service("web", "web:6");
    deleted.status = ServiceStatus::Inactive;
    world.live.services.insert(name("web"), known_service(deleted));
    assert_eq!(world.report("web").sync, Sync::Missing);
}

#[test]
fn all_services_of_a_target_missing_at_once_is_not_believed() {
    let mut world = Fixture::new().with_service("web", "web:6").with_service("db", "db:1");
    world.live.services.insert(name("web"), Observed::Missing);
    world.live.services.insert(name("db"), Observed::Missing);
    let unknown = world.report("web").unknown.map(|why| why.category);
    assert_eq!(
        (world.report("web").sync, unknown),
        (Sync::Unknown, Some(UnknownCategory::SuspiciouslyMissing))
    );
    // A single service may well be missing.
    let mut world = Fixture::new().with_service("web", "web:6");
    world.live.services.insert(name("web"), Observed::Missing);
    assert_eq!(world.report("web").sync, Sync::Missing);
}

#[test]
fn an_unknown_target_makes_everything_on_it_unknown() {
    let mut world =
        Fixture::new().with_service("web", "web:6").wanting("web", "web:7").with_secret("db", "2", "1");
    world.live.targets.insert(name("prod"), unknown(UnknownCategory::WrongAccount));
    let plan = world.propose();
    let states: Vec<Sync> = plan.reports.values().map(|report| report.sync).collect();
    assert_eq!(states, [Sync::Unknown; 3]);
    assert_eq!(plan.actions, []);
    assert!(plan.has_unknown());
    assert_eq!(world.needs(), BTreeSet::new());
}

#[test]
fn what_was_not_read_is_unknown() {
    let mut world = Fixture::new().with_service("web", "web:6");
    world.live.services.clear();
    assert_eq!(world.report("web").unknown.map(|why| why.category), Some(UnknownCategory::NotRead));
}

#[test]
fn what_ecs_manages_is_left_alone() {
    let mut world = Fixture::new().with_service("web", "web:6").wanting("web", "web:7");
    world.live("web").managed_by_ecs = true;
    let mut expected = ResourceReport::new(service_key("web"), &name("prod"));
    expected.notes = vec!["ECS itself manages this service (Express Gateway): it is left alone".to_owned()];
    assert_eq!(world.report("web"), expected);
}

#[test]
fn invalid_and_stale_resources_are_told() {
    let mut world = Fixture::new().with_service("web", "web:6");
    let web = world.desired.services.get_mut(&name("web")).unwrap();
    Arc::make_mut(&mut web.resource).origin.stale = true;
    world.desired.invalid.insert(service_key("api"), "api.yaml:3: unknown field".to_owned());
    let plan = world.propose();
    assert_eq!(plan.reports[&service_key("api")].sync, Sync::Invalid);
    assert_eq!(plan.reports[&service_key("api")].notes, ["api.yaml:3: unknown field"]);
    assert_eq!(
        plan.reports[&service_key("web")].notes,
        ["web.yaml does not parse in this commit: its last good form is used"]
    );
    assert!(!plan.is_clean());
}

#[test]
fn a_terraform_state_is_reported_only() {
    let mut world = Fixture::new();
    let spec = serde_json::json!({
        "target": "prod", "bucket": "tf-state", "key": "prod/app.tfstate",
        "lineage": "3f8c2f50-7c3f-4b9e-9a55-0d6a2b3c4d5e", "version": {"id": "v7", "serial": 7},
    });
    world.desired.states.insert(
        name("app"),
        crate::desired::Resource {
            metadata: world.desired.targets[&name("prod")].metadata.clone(),
            spec: serde_json::from_value(spec).unwrap(),
            origin: world.desired.targets[&name("prod")].origin.clone(),
        },
    );
    let live = |version: &str, serial| LiveState {
        services: BTreeMap::new(),
        version_id: Some(version.to_owned()),
        etag: "e".to_owned(),
        last_modified: None,
        serial,
        lineage: "3f8c2f50-7c3f-4b9e-9a55-0d6a2b3c4d5e".to_owned(),
        terraform_version: None,
    };
    world.live.states.insert(name("app"), known(live("v7", 7)));
    assert!(world.propose().is_clean());
    world.live.states.insert(name("app"), known(live("v8", 8)));
    let plan = world.propose();
    let report = plan.reports.values().find(|report| report.resource.name == name("app")).unwrap();
    let paths: Vec<_> = report.differences.iter().map(ToString::to_string).collect();
    assert_eq!(paths, ["version.id is v8, git wants v7", "version.serial is 8, git wants 7"]);
    assert_eq!((report.sync, &report.held[..]), (Sync::Drifted, &[HeldWhy::ReportOnly][..]));
    assert_eq!(plan.actions, []);
}

#[test]
fn the_document_is_stable_json() {
    let mut world = Fixture::new().with_service("web", "web:6");
    world.live("web").desired_count = 5;
    let Proposed { reports, actions, .. } = world.propose();
    let plan = Approved { reports, actions, ..Approved::default() };
    assert_eq!(
        pretty(&Document::of_approved("abc", &plan)),
        serde_json::json!({
            "version": 1, "commit": "abc", "clean": false, "unknown": false,
            "totals": {"in-sync": 1, "drifted": 1},
            "resources": [
                {"resource": {"kind": "Target", "name": "prod"}, "target": null, "sync": "in-sync", "differences": [],
                 "held": [], "waitingOn": null, "unknown": null, "notes": []},
                {"resource": {"kind": "EcsService", "name": "web"}, "target": "prod", "sync": "drifted",
                 "differences": [{"path": "desiredCount", "reason": "changed", "wanted": {"text": "2"}, "found": {"text": "5"}, "note": null}],
                 "held": [], "waitingOn": null, "unknown": null, "notes": []},
            ],
            "actions": [{
                "target": "prod", "resource": {"kind": "EcsService", "name": "web"}, "wave": "services",
                "operation": {"operation": "updateService", "service": "web",
                    "serviceArn": "arn:aws:ecs:eu-central-1:111122223333:service/main/web", "taskDefinition": null,
                    "desiredCount": 2, "forceNewDeployment": false, "tags": [], "specHash": null},
                "expect": {"expect": "service", "owner": "bowline",
                    "taskDefinition": "arn:aws:ecs:eu-central-1:111122223333:task-definition/web:6",
                    "primaryDeployment": "ecs-svc/1", "desiredCount": 5},
                "because": [{"path": "desiredCount", "reason": "changed", "wanted": {"text": "2"}, "found": {"text": "5"}, "note": null}],
            }],
        })
    );
}

#[test]
fn the_count_of_a_daemon_service_is_ecs_own() {
    let mut world = Fixture::new()
        .with_service("web", "web:6")
        .with_revision("web:6", content("web", "f"))
        .with_history("web", Vec::new())
        .restarting("web", "t2")
        .with_tag("web", TagKey::Restart, "t1@-");
    world.live("web").scheduling = SchedulingStrategy::Daemon;
    let held = [HeldWhy::NeedsPerson {
        what: "web is a DAEMON service: ECS decides its count; remove desiredCount".to_owned(),
    }];
    for found in [0, 2, 5] {
        world.live("web").desired_count = found;
        assert_eq!(world.actions(), ["EcsService/web: start new tasks"], "{found}");
        assert_eq!(world.report("web").held, held, "{found}");
    }
    let mut world = world.with_tag("web", TagKey::Restart, "t2@-");
    world.live("web").running_count = 5;
    assert_eq!((world.report("web").sync, world.actions()), (Sync::Drifted, Vec::new()));
    world.spec("web").ignore = vec![crate::name::FieldPath::parse("desiredCount").unwrap()];
    assert_eq!(world.report("web"), ResourceReport::new(service_key("web"), &name("prod")));
    world.spec("web").ignore = Vec::new();
    world.spec("web").desired_count = None;
    assert_eq!(world.report("web"), ResourceReport::new(service_key("web"), &name("prod")));
}
