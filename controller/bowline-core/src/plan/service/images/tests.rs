//! When is a tag drift?

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::desired::{ResourceKey, ResourceKind};
use crate::live::{Asked, DeploymentStatus, Observed, ResolvedImage, RolloutState, UnknownCategory};
use crate::plan::fixture::{Fixture, at, deployment, known, name, service_key, unknown};

const TAG: &str = "registry.test:5000/team/web:1";

fn digest(number: u8) -> String {
    format!("sha256:{}", format!("{number:x}").repeat(64))
}

/// Tasks of one container by the number of their digest.
fn running(image: &str, tasks: &[(u8, u32)]) -> RunningImages {
    let digests = tasks.iter().map(|(number, tasks)| (digest(*number), *tasks)).collect();
    let running = BTreeMap::from([(("app".to_owned(), image.to_owned()), RunningDigests(digests))]);
    RunningImages { resolved: BTreeMap::new(), running }
}

fn resolved(mut images: RunningImages, image: &str, number: Option<u8>) -> RunningImages {
    let resolved = ResolvedImage { image: image.to_owned(), digest: number.map(digest) };
    images.resolved.insert("app".to_owned(), resolved);
    images
}

fn told(images: &RunningImages) -> Vec<String> {
    drift(images).iter().map(|warning| format!("{warning} -> {}", warning.hint())).collect()
}

#[test]
fn what_is_no_drift() {
    let pinned = format!("registry.test/web@{}", digest(1));
    let cases = [
        ("nothing runs", running(TAG, &[])),
        ("all run the same, and nobody says what it should be", running(TAG, &[(1, 5)])),
        ("all run what the revision says", resolved(running(TAG, &[(1, 5)]), TAG, Some(1))),
        ("all run the same, not resolved", resolved(running(TAG, &[(1, 5)]), TAG, None)),
        ("pinned", resolved(running(&pinned, &[(2, 1), (3, 1)]), &pinned, Some(1))),
        ("the revision speaks of another image", resolved(running(TAG, &[(1, 5)]), "web:2", Some(2))),
        ("the tasks do not tell", resolved(running(TAG, &[]), TAG, Some(2))),
    ];
    for (case, images) in cases {
        assert_eq!(told(&images), [""; 0], "{case}");
    }
}

#[test]
fn tasks_of_one_deployment_with_different_digests_are_drift() {
    let images = running(TAG, &[(1, 1), (2, 3)]);
    let pin = format!("registry.test:5000/team/web@{}", digest(2));
    let expected = Warning::ImageDrift {
        container: "app".to_owned(),
        image: TAG.to_owned(),
        resolved: None,
        running: vec![
            DigestTasks { digest: digest(2), tasks: 3 },
            DigestTasks { digest: digest(1), tasks: 1 },
        ],
        pin: pin.clone(),
    };
    assert_eq!(drift(&images), [expected]);
    assert_eq!(
        told(&images),
        [format!(
            "image drift: container app runs {TAG} as sha256:222222222222 on 3 tasks and sha256:111111111111 on 1 task -> \
             pin what should run in the task definition, such as `{pin}`; a new `restart` token rolls all tasks to what the \
             tag stands for then"
        )]
    );
    // ECS does not resolve it: `versionConsistency: disabled`.
    assert_eq!(drift(&resolved(images.clone(), TAG, None)), drift(&images));
}

#[test]
fn a_task_that_runs_something_else_than_the_revision_is_drift() {
    let images = resolved(running(TAG, &[(2, 4)]), TAG, Some(1));
    let [Warning::ImageDrift { pin, .. }] = &drift(&images)[..] else { panic!("{images:?}") };
    assert_eq!(*pin, format!("registry.test:5000/team/web@{}", digest(1)));
    assert!(
        told(&images)[0].contains("on 4 tasks; the service revision has sha256:111111111111 ->"),
        "{:?}",
        told(&images)
    );
}

#[test]
fn what_agrees_is_not_kept_and_what_drifts_is_kept_whole() {
    let mut images = resolved(running(TAG, &[(1, 2), (2, 1)]), TAG, Some(1));
    let drifted = images.clone();
    let agrees = running(TAG, &[(1, 3)]).running.pop_first().unwrap();
    images.running.insert(("log".to_owned(), "log:2".to_owned()), agrees.1);
    let of_log = ResolvedImage { image: "log:2".to_owned(), digest: Some(digest(1)) };
    images.resolved.insert("log".to_owned(), of_log);
    assert_eq!(only_drift(images), drifted);
    assert_eq!(only_drift(resolved(running(TAG, &[(1, 5)]), TAG, Some(1))), RunningImages::default());
}

#[test]
fn containers_that_aws_adds_are_its_own_business() {
    for container in ["ecs-service-connect-x7a", "aws-guardduty-agent-2f"] {
        let mut images = running(TAG, &[(1, 1), (2, 1)]);
        let digests = images.running.pop_first().unwrap().1;
        images.running.insert((container.to_owned(), "ecs-agent:v1".to_owned()), digests);
        assert_eq!(drift(&images), []);
    }
}

#[test]
fn an_image_without_its_tag() {
    let cases = [
        ("nginx", "nginx"),
        ("nginx:1", "nginx"),
        ("r:5000/nginx", "r:5000/nginx"),
        (TAG, "registry.test:5000/team/web"),
    ];
    for (image, expected) in cases {
        assert_eq!(repository(image), expected);
    }
}

fn asked(about: &str, found: Observed<RunningImages>) -> Asked<RunningImages> {
    Asked { about: about.into(), at: at(0), found: Arc::new(found) }
}

fn warnings(world: &Fixture) -> usize {
    let proposed = world.propose();
    assert!(proposed.is_clean() && !proposed.has_unknown(), "{:?}", proposed.reports);
    assert_eq!(proposed.actions, []);
    proposed.reports[&service_key("web")].warnings.len()
}

#[test]
fn drift_is_told_of_the_settled_primary_deployment_only_and_nothing_is_done() {
    let mut world = Fixture::new().with_service("web", "web:1");
    let drifting = || known(running(TAG, &[(1, 1), (2, 1)]));
    world.live.images.insert(name("web"), asked("ecs-svc/1", drifting()));
    assert_eq!(warnings(&world), 1);
    world.live.images.insert(name("web"), asked("ecs-svc/0", drifting()));
    assert_eq!(warnings(&world), 0, "read of the deployment before");
    world.live.images.insert(name("web"), asked("ecs-svc/1", drifting()));
    let mut old = deployment("0", "web:1", RolloutState::Completed);
    old.status = DeploymentStatus::Active;
    world.live("web").deployments.push(old);
    assert_eq!(warnings(&world), 0, "tasks are being replaced");
}

#[test]
fn what_could_not_be_looked_at_is_a_note_on_the_target_once() {
    let mut world = Fixture::new().with_service("web", "web:1").with_service("worker", "web:1");
    let target = ResourceKey { kind: ResourceKind::Target, name: name("prod") };
    for service in ["web", "worker"] {
        world.live.images.insert(name(service), asked("ecs-svc/1", unknown(UnknownCategory::Denied)));
    }
    assert_eq!(warnings(&world), 0);
    let notes = |world: &Fixture| world.propose().reports[&target].notes.clone();
    assert_eq!(notes(&world), ["whether tags of images drifted could not be looked at: Rate exceeded"]);
    for service in ["web", "worker"] {
        world.live.images.insert(name(service), asked("ecs-svc/1", unknown(UnknownCategory::Unsupported)));
    }
    assert_eq!(notes(&world), [""; 0], "a server that has no such operation");
}
