//! Where AWSCURRENT should be, and what its readers have to do with it.

use std::collections::{BTreeMap, BTreeSet};

use crate::desired::kind::SecretRollback;
use crate::live::{LiveSecret, Observed, UnknownCategory};
use crate::name::SecretVersionId;
use crate::plan::fixture::*;
use crate::plan::spec::{Versions, fingerprint};
use crate::plan::*;

fn fp(version_name: &str) -> String {
    let id = version(version_name);
    fingerprint(&Versions::from([("db", id.as_str())]))
}

/// `db` is pinned to a version, AWSCURRENT is on another; versions 1, 2, 3 were created in this order.
fn db(pinned: &str, current: &str) -> Fixture {
    Fixture::new()
        .with_secret("db", pinned, current)
        .with_dates("db", &[("1", -3000), ("2", -2000), ("3", -1000)])
}

fn reader(world: Fixture) -> Fixture {
    world
        .with_service("web", "web:6")
        .with_reader("web", "db")
        .with_revision("web:6", content("web", "f"))
        .with_history("web", Vec::new())
}

fn secret(world: &mut Fixture) -> &mut LiveSecret {
    match world.live.secrets.get_mut(&name("db")) {
        Some(Observed::Known { value, .. }) => value,
        _ => panic!("db is not known"),
    }
}

/// The labels of `db`.
fn secret_labels(world: &Fixture) -> BTreeMap<String, BTreeSet<String>> {
    world.live.secrets[&name("db")].known().unwrap().stages.clone()
}

#[test]
fn a_newer_pin_is_promoted_by_compare_and_swap() {
    let world = db("2", "1");
    let plan = world.propose();
    assert_eq!(
        plan.actions,
        vec![Action {
            target: name("prod"),
            resource: secret_key("db"),
            operation: Operation::PromoteSecret {
                secret_arn: "arn:aws:secretsmanager:eu-central-1:111122223333:secret:db-AbCdEf".to_owned(),
                to: world.desired.secrets[&name("db")].spec.version_id.clone(),
                from: version("1"),
            },
            expect: Expectation::SecretCurrent {
                version_id: version("1"),
                labels: secret_labels(&world),
                readers: Vec::new(),
            },
            wave: Wave::Secrets,
            because: plan.reports[&secret_key("db")].differences.clone(),
        }]
    );
    assert_eq!(plan.reports[&secret_key("db")].sync, Sync::Drifted);
}

#[test]
fn a_current_version_newer_than_the_pin_is_never_moved_back() {
    let world = reader(db("2", "3"));
    assert_eq!(world.secret_report("db").held, [HeldWhy::NewerThanPin { current: version("3") }]);
    // The reader's baseline is what git pins: pinning the newer version later rolls it.
    assert_eq!(world.actions(), [format!("EcsService/web: note bowline:secrets={}@- in a tag", fp("2"))]);
    // A reader that runs with the newer one is not rolled back and forth, and may be deployed.
    let world = world.with_tag("web", TagKey::Secrets, &format!("{}@-", fp("3")));
    assert_eq!(world.actions(), Vec::<String>::new());
    let world = world.wanting("web", "web:7").with_revision("web:7", content("web", "g"));
    assert_eq!(world.actions(), ["EcsService/web: deploy web:7"]);
}

#[test]
fn a_pin_that_does_not_exist_is_held() {
    let world = db("9", "1");
    assert_eq!(world.secret_report("db").held, [HeldWhy::VersionMissing]);
    assert_eq!(world.actions(), Vec::<String>::new());
}

#[test]
fn without_dates_nothing_is_moved() {
    let mut world = db("2", "1");
    world.live.secret_version_dates.insert(name("db"), unknown(UnknownCategory::Denied));
    assert_eq!(world.actions(), Vec::<String>::new());
    assert_eq!(
        world.secret_report("db").waiting_on,
        Some(WaitingOn::Read { what: "the versions of db: Rate exceeded".to_owned() })
    );
    assert!(world.propose().has_unknown());
}

#[test]
fn a_secret_marked_for_deletion_needs_a_person() {
    let mut world = db("2", "2");
    secret(&mut world).deleted_at = Some(at(-10));
    assert_eq!(world.secret_report("db").sync, Sync::Drifted);
    assert!(matches!(world.secret_report("db").held[..], [HeldWhy::NeedsPerson { .. }]));
}

#[test]
fn rotation_by_aws_is_not_drift() {
    let mut world = db("2", "3");
    secret(&mut world).rotated_elsewhere = true;
    let report = world.secret_report("db");
    assert_eq!((report.sync, report.differences), (Sync::InSync, Vec::new()));
    assert_eq!(report.notes.len(), 1);
    let mut world = db("2", "2");
    secret(&mut world).stages.insert(version("3"), BTreeSet::from(["AWSPENDING".to_owned()]));
    let report = world.secret_report("db");
    assert_eq!(
        (report.sync, report.notes),
        (Sync::InSync, vec![format!("a rotation is under way: AWSPENDING is on {}", version("3"))])
    );
}

#[test]
fn an_untagged_reader_gets_a_baseline_of_the_old_versions_before_the_promotion() {
    let world = reader(db("2", "1"));
    let actions = world.propose().actions;
    let waves: Vec<Wave> = actions.iter().map(|action| action.wave).collect();
    assert_eq!(waves, [Wave::Bookkeeping, Wave::Secrets]);
    assert_eq!(
        actions[0].operation,
        Operation::TagService {
            service_arn: "arn:aws:ecs:eu-central-1:111122223333:service/main/web".to_owned(),
            tags: vec![(TagKey::Secrets, format!("{}@-", fp("1")))],
        }
    );
    // The record is there: promotion, and the reader waits for it.
    let world = world.with_tag("web", TagKey::Secrets, &format!("{}@-", fp("1")));
    assert_eq!(world.propose().actions.iter().map(|action| action.wave).collect::<Vec<_>>(), [Wave::Secrets]);
    assert_eq!(world.report("web").waiting_on, Some(WaitingOn::Wave { of: vec![secret_key("db")] }));
    // Promoted: the reader is rolled, and the record is written right before.
    let mut world = world;
    secret(&mut world).stages = BTreeMap::from([(version("2"), BTreeSet::from(["AWSCURRENT".to_owned()]))]);
    let Operation::UpdateService { force_new_deployment, tags, task_definition, .. } =
        world.propose().actions[0].operation.clone()
    else {
        panic!("a forced deployment was expected");
    };
    assert_eq!((force_new_deployment, task_definition), (true, None));
    assert_eq!(tags, [(TagKey::Secrets, format!("{}@ecs-svc/1", fp("2")))]);
}

#[test]
fn a_task_definition_change_rolls_readers_without_force() {
    let world = reader(db("2", "2"))
        .with_tag("web", TagKey::Secrets, &format!("{}@-", fp("1")))
        .wanting("web", "web:7")
        .with_revision("web:7", content("web", "g"));
    let Operation::UpdateService { force_new_deployment, tags, task_definition, .. } =
        world.propose().actions[0].operation.clone()
    else {
        panic!("a deployment was expected");
    };
    assert_eq!((force_new_deployment, task_definition), (false, Some(arn("web:7"))));
    assert_eq!(tags, [(TagKey::Secrets, format!("{}@ecs-svc/1", fp("2")))]);
}

/// Somebody moved AWSCURRENT from 2 back to 1, ten minutes ago; the tasks run with 2.
fn moved_back() -> Fixture {
    reader(db("2", "1")).with_tag("web", TagKey::Secrets, &format!("{}@ecs-svc/0", fp("2")))
}

#[test]
fn a_heal_rolls_only_readers_that_may_have_started_in_between() {
    let world = moved_back();
    assert_eq!(world.needs(), BTreeSet::from([Need::TaskStarts { service: name("web") }]));
    assert_eq!(world.actions(), Vec::<String>::new(), "nothing moves before the tasks are known");

    let mut world = moved_back();
    world.live.task_starts.insert(name("web"), known(vec![at(-5000), at(-601)]));
    assert_eq!(
        world.actions(),
        [format!("Secret/db: move AWSCURRENT from {} to {}", version("1"), version("2"))]
    );

    world.live.task_starts.insert(name("web"), known(vec![at(-5000), at(-600)]));
    assert_eq!(
        world.actions(),
        [
            "EcsService/web: note bowline:secrets=stale@- in a tag".to_owned(),
            format!("Secret/db: move AWSCURRENT from {} to {}", version("1"), version("2")),
        ]
    );

    // The secret changed again later, but the move was seen before that.
    world.live.task_starts.insert(name("web"), known(vec![at(-700)]));
    world.memory.resource_mut("Secret/db").moved_away = Some(at(-800));
    assert_eq!(world.actions().len(), 2);

    let mut world = moved_back();
    world.live.task_starts.insert(name("web"), unknown(UnknownCategory::Throttled));
    assert_eq!(world.actions(), Vec::<String>::new());
    assert!(world.propose().has_unknown());
    world.live.task_starts.insert(name("web"), unknown(UnknownCategory::Unsupported));
    assert_eq!(world.actions().len(), 2);
}

#[test]
fn an_unknown_reader_keeps_its_secret_where_it_is() {
    let mut world = reader(db("2", "1"));
    world.live.services.insert(name("web"), unknown(UnknownCategory::Throttled));
    assert_eq!(world.actions(), Vec::<String>::new());
    assert_eq!(
        world.secret_report("db").waiting_on,
        Some(WaitingOn::Read { what: "EcsService/web, which reads it".to_owned() })
    );
}

#[test]
fn a_deployment_waits_for_a_secret_that_is_not_there_yet() {
    let world = reader(db("9", "1"))
        .with_tag("web", TagKey::Secrets, &format!("{}@-", fp("1")))
        .wanting("web", "web:7")
        .with_revision("web:7", content("web", "g"));
    assert_eq!(world.actions(), Vec::<String>::new());
    assert_eq!(world.report("web").waiting_on, Some(WaitingOn::Wave { of: vec![secret_key("db")] }));
}

#[test]
fn a_commit_with_a_newer_pin_is_not_good_before_its_tasks_were_started() {
    let next = "2".repeat(40);
    for tagged in [true, false] {
        let mut world = reader(db("1", "1"));
        if tagged {
            world = world.with_tag("web", TagKey::Secrets, &format!("{}@-", fp("1")));
        }
        world.learn();
        let good = |world: &Fixture| world.memory.services[&name("web")].last_good.clone().unwrap();
        let before = good(&world);
        assert_eq!(before.commit, COMMIT);

        // AWSCURRENT is to be moved first; then the tasks are to be replaced.
        world.desired.secrets.get_mut(&name("db")).unwrap().spec.version_id =
            SecretVersionId::parse(&version("2")).unwrap();
        world.learn_at(&next);
        assert_eq!(good(&world), before);
        let mut world = world.with_tag("web", TagKey::Secrets, &format!("{}@-", fp("1")));
        secret(&mut world).stages =
            BTreeMap::from([(version("2"), BTreeSet::from(["AWSCURRENT".to_owned()]))]);
        world.learn_at(&next);
        assert_eq!(good(&world), before);
        // Nor while what was begun is under way, or once it failed.
        let mut world = world.with_tag("web", TagKey::Secrets, &format!("{}@ecs-svc/1", fp("2")));
        world.learn_at(&next);
        assert_eq!(good(&world), before);
        // They were replaced, and stayed.
        let mut world = world.with_tag("web", TagKey::Secrets, &format!("{}@ecs-svc/0", fp("2")));
        world.learn_at(&next);
        assert_eq!(good(&world).commit, next);
    }
}

/// `db` was moved by Bowline from 1 to 2, its reader was rolled for it, and git pins 1 again.
fn pinned_back(rollback: SecretRollback) -> Fixture {
    let mut world = reader(db("1", "2")).with_tag("web", TagKey::Secrets, &format!("{}@ecs-svc/0", fp("2")));
    world.desired.secrets.get_mut(&name("db")).unwrap().spec.rollback = rollback;
    world.memory.resource_mut("Secret/db").promoted = Some(SecretVersionId::parse(&version("2")).unwrap());
    world
}

#[test]
fn what_bowline_promoted_goes_back_where_its_manifest_says_so_and_then_its_readers() {
    let mut world = pinned_back(SecretRollback::Label);
    assert_eq!(
        world.actions(),
        [format!("Secret/db: move AWSCURRENT from {} to {}", version("2"), version("1"))]
    );
    let action = world.propose().actions[0].clone();
    let Expectation::SecretCurrent { version_id, labels, readers } = &action.expect else { panic!() };
    assert_eq!((version_id, labels), (&version("2"), &secret_labels(&world)));
    let service = crate::name::ServiceName::parse("web").unwrap();
    assert_eq!(*readers, [Whose { target: name("prod"), service, owner: Some("bowline".to_owned()) }]);
    assert_eq!(world.report("web").waiting_on, Some(WaitingOn::Wave { of: vec![secret_key("db")] }));

    let done = Outcome::Done { deployment_id: None, task_definition: None };
    record(&mut world.memory, &action, &done, &world.desired, COMMIT, world.now);
    assert_eq!(
        world.memory.resources["Secret/db"].promoted,
        Some(SecretVersionId::parse(&version("1")).unwrap())
    );
    secret(&mut world).stages = BTreeMap::from([(version("1"), BTreeSet::from(["AWSCURRENT".to_owned()]))]);
    assert_eq!(world.actions(), ["EcsService/web: start new tasks"]);
}

#[test]
fn what_bowline_promoted_stays_unless_its_manifest_says_so_and_what_others_moved_always() {
    let world = pinned_back(SecretRollback::Refuse);
    assert_eq!(world.secret_report("db").held, [HeldWhy::LabelNotMovedBack { current: version("2") }]);
    assert_eq!((world.actions(), world.secret_report("db").sync), (Vec::new(), Sync::Drifted));
    // What runs was not started with what this commit pins.
    let mut world = pinned_back(SecretRollback::Refuse);
    world.learn();
    assert_eq!(world.memory.services[&name("web")].last_good, None);

    for rollback in [SecretRollback::Label, SecretRollback::Refuse] {
        for by in [Some("3"), None] {
            let mut world = pinned_back(rollback);
            world.memory.resource_mut("Secret/db").promoted =
                by.map(|by| SecretVersionId::parse(&version(by)).unwrap());
            assert_eq!(world.secret_report("db").held, [HeldWhy::NewerThanPin { current: version("2") }]);
            assert_eq!(world.actions(), Vec::<String>::new());
        }
    }
}

#[test]
fn what_would_not_go_back_is_known_before_git_goes_back() {
    let stays = |pinned: &str, current: &str, rollback, promoted: Option<&str>| {
        let mut world = db(pinned, current);
        world.desired.secrets.get_mut(&name("db")).unwrap().spec.rollback = rollback;
        world.memory.resource_mut("Secret/db").promoted =
            promoted.map(|version_name| SecretVersionId::parse(&version(version_name)).unwrap());
        not_moved_back(&world.desired, &world.live, &world.memory).into_values().collect::<Vec<_>>()
    };
    let two = version("2");
    assert_eq!(stays("2", "2", SecretRollback::Label, Some("2")), Vec::<String>::new());
    assert_eq!(stays("2", "1", SecretRollback::Refuse, None), Vec::<String>::new(), "it never came there");
    assert_eq!(
        stays("2", "2", SecretRollback::Label, None),
        [format!(
            "Secret/db: AWSCURRENT stays on {two}: it is not known that it was Bowline that moved it there"
        )]
    );
    assert_eq!(
        stays("2", "2", SecretRollback::Refuse, Some("2")),
        [format!(
            "Secret/db: AWSCURRENT stays on {two}: a label that is moved back does not change the credential at its issuer; \
             `rollback: label` in its manifest lets Bowline move it"
        )]
    );
}
