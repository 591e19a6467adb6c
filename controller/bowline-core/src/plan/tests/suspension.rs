//! A suspended resource is looked at and reported, and nothing is done to it.

use crate::live::Observed;
use crate::name::RestartToken;
use crate::plan::fixture::*;
use crate::plan::*;

/// In each of these something is to be done to `web`.
fn worlds() -> Vec<(&'static str, Fixture)> {
    let web = || {
        Fixture::new()
            .with_service("web", "web:6")
            .with_revision("web:6", content("web", "f"))
            .with_revision("web:7", content("web", "g"))
            .with_history("web", Vec::new())
    };
    let mut scaled = web();
    scaled.spec("web").desired_count = Some(5);
    let mut created = web();
    created.live.services.insert(name("web"), Observed::Missing);
    created.spec("web").create = serde_json::from_value(serde_json::json!({"launchType": "FARGATE"})).ok();
    vec![
        ("a deployment", web().wanting("web", "web:7")),
        ("a registration", web().with_file("web", content("web", "h")).with_recent("web", &["web:6"])),
        ("a restart", web().restarting("web", "b").with_tag("web", TagKey::Restart, "a@-")),
        ("a baseline", web().unclaimed("web").restarting("web", "b")),
        ("a count", scaled),
        ("a claim", web().unclaimed("web")),
        ("a creation", created),
    ]
}

fn held() -> HeldWhy {
    HeldWhy::Suspended { until: at(3600), reason: "migration".to_owned() }
}

#[test]
fn nothing_is_done_to_a_suspended_service_and_what_differs_is_told() {
    for (what, world) in worlds() {
        let (actions, differences) = (world.actions(), world.report("web").differences);
        assert_ne!(actions, Vec::<String>::new(), "{what}");
        let world = world.suspended("web", 3600);
        assert_eq!(world.actions(), Vec::<String>::new(), "{what}");
        assert_eq!(world.report("web").differences, differences, "{what}");
        assert_eq!(world.report("web").held, [held()], "{what}");
        // Past its end it is as if it were not there.
        let mut ended = world;
        ended.now = at(3600);
        assert_eq!(ended.actions(), actions, "{what}");
        assert_eq!(
            ended.report("web").notes.last().map(String::as_str),
            Some(
                "its suspension ended at 2026-11-21T13:00:00Z, and is without effect; `bowline resume EcsService/web` takes it out of git"
            )
        );
    }
}

#[test]
fn what_failed_stays_told_beside_the_suspension() {
    let failed = past("2", "web:7", crate::live::PastDeploymentStatus::RolledBack);
    let world = Fixture::new()
        .with_service("web", "web:6")
        .with_revision("web:6", content("web", "f"))
        .with_revision("web:7", content("web", "g"))
        .with_history("web", vec![failed])
        .wanting("web", "web:7")
        .suspended("web", 3600);
    let report = world.report("web");
    assert_eq!(report.sync, Sync::AwaitingGit);
    assert_eq!(report.held[0], held());
    assert!(matches!(report.held[1..], [HeldWhy::Quarantined { .. }]), "{:?}", report.held);
}

#[test]
fn a_suspended_secret_is_not_promoted_and_its_readers_wait() {
    let world = Fixture::new()
        .with_secret("db", "2", "1")
        .with_dates("db", &[("1", -900), ("2", -300)])
        .with_service("web", "web:6")
        .with_reader("web", "db")
        .with_revision("web:6", content("web", "f"))
        .with_history("web", Vec::new());
    let unsuspended = world.clone().with_tag("web", TagKey::Secrets, "x@-").actions();
    assert_eq!(
        unsuspended,
        [
            "Secret/db: move AWSCURRENT from 000000000000000000000000000000-1 to 000000000000000000000000000000-2"
        ],
        "{unsuspended:?}"
    );
    let mut world = world.with_tag("web", TagKey::Secrets, "x@-");
    world.desired.secrets.get_mut(&name("db")).unwrap().spec.suspend = Some(suspension(3600));
    assert_eq!(world.actions(), Vec::<String>::new());
    let report = world.secret_report("db");
    assert_eq!((report.held, report.sync, report.differences.len()), (vec![held()], Sync::Drifted, 1));
    // When AWSCURRENT left its version is remembered meanwhile: its readers may have been started since.
    world.learn();
    assert!(world.memory.resources["Secret/db"].moved_away.is_some());
}

fn is_ours(kind: EventKind) -> bool {
    matches!(kind, EventKind::Suspended | EventKind::SuspensionEnds | EventKind::Resumed)
}

#[test]
fn a_suspension_is_told_when_it_begins_before_it_ends_and_when_it_is_over() {
    let told = |world: &mut Fixture, now: i64| {
        world.now = at(now);
        let warned = world.report("web").warnings.len();
        let told: Vec<(EventKind, String)> =
            world.told().into_iter().filter(|(kind, _)| is_ours(*kind)).collect();
        (warned, told)
    };
    let mut world = Fixture::new().with_service("web", "web:6").suspended("web", 7200);
    let begun = "web: suspended until 2026-11-21T14:00:00Z, so nothing is done to it: migration";
    assert_eq!(told(&mut world, 0), (0, vec![(EventKind::Suspended, begun.to_owned())]));
    assert_eq!(told(&mut world, 5399), (0, vec![]));
    let soon = "web: its suspension ends at 2026-11-21T14:00:00Z: what differs then is repaired";
    assert_eq!(told(&mut world, 5400), (1, vec![(EventKind::SuspensionEnds, soon.to_owned())]));
    assert_eq!(told(&mut world, 5401), (1, vec![]));
    let over = "web: its suspension is over: it is acted on again";
    assert_eq!(told(&mut world, 7200), (0, vec![(EventKind::Resumed, over.to_owned())]));
    assert_eq!(told(&mut world, 7201), (0, vec![]));
    // Extended: told anew.
    let mut world = world.suspended("web", 14_400);
    assert_eq!(told(&mut world, 7300).1[0].0, EventKind::Suspended);
}

#[test]
fn what_belongs_to_another_instance_is_not_suspended_here() {
    let world = Fixture::new().with_service("web", "web:6").claimed_by("web", "other", "EcsService/web");
    let world = world.suspended("web", 3600);
    assert!(matches!(world.report("web").held[..], [HeldWhy::OwnedByInstance { .. }]));
}

#[test]
fn a_restart_asked_for_while_suspended_comes_after_it() {
    let mut world = Fixture::new()
        .with_service("web", "web:6")
        .with_revision("web:6", content("web", "f"))
        .with_history("web", Vec::new())
        .with_tag("web", TagKey::Restart, "a@-")
        .suspended("web", 3600);
    world.spec("web").restart = RestartToken::parse("b").ok();
    assert_eq!(world.actions(), Vec::<String>::new());
    world.now = at(3601);
    assert_eq!(world.actions(), ["EcsService/web: start new tasks"]);
}

#[test]
fn a_hold_on_the_service_keeps_everything_off_until_its_end() {
    let hold =
        Hold { until: at(3600), reason: "500s since noon; \"now\" (Ada <ada@example.com>)".to_owned() };
    assert_eq!(hold.value(), "2026-11-21T13:00:00Z 500s since noon_ _now_ _Ada _ada@example.com__");
    for (what, mut world) in worlds() {
        let actions = world.actions();
        if world.live.services[&name("web")].known().is_none() {
            continue;
        }
        world = world.with_tag("web", TagKey::Hold, &hold.value());
        assert_eq!(world.actions(), Vec::<String>::new(), "{what}");
        assert_eq!(
            world.report("web").held.first().map(ToString::to_string),
            Some(
                "suspended until 2026-11-21T13:00:00Z, so nothing is done to it: break-glass: 500s since noon_ _now_ _Ada \
                 _ada@example.com__ (take the tag bowline:hold off the service to end it now)"
                    .to_owned()
            ),
            "{what}"
        );
        world.now = at(3600);
        assert_eq!(world.actions(), actions, "{what}");
        let broken = world.with_tag("web", TagKey::Hold, "for ever");
        assert_eq!(broken.actions(), actions, "{what}");
    }
    let long = Hold { until: at(0), reason: "x".repeat(300) };
    assert_eq!(long.value().len(), 256);
}
