//! Services that were claimed and that git does not name any more: told once, and left alone.

use crate::live::{Observed, Stranger, UnknownCategory};
use crate::name::ServiceName;
use crate::plan::fixture::*;
use crate::plan::*;

fn stranger(world: &mut Fixture, service: &str, owner: &str, resource: &str) {
    let tags = [("bowline:owner", owner), ("bowline:resource", resource), ("bowline:commit", COMMIT)];
    let tags = tags.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let one = Stranger { arn: live_service(service, "web:1").arn, tags };
    let all = world.live.strangers.entry(name("prod")).or_insert_with(|| known(BTreeMap::new()));
    let Observed::Known { value, .. } = all else { panic!("not known") };
    value.insert(ServiceName::parse(service).unwrap(), one);
}

fn orphan(since: i64) -> Orphan {
    Orphan {
        target: name("prod"),
        service: ServiceName::parse("old").unwrap(),
        service_arn: live_service("old", "web:1").arn,
        resource: Some("EcsService/old".to_owned()),
        commit: Some(COMMIT.to_owned()),
        since: at(since),
    }
}

fn world() -> Fixture {
    let mut world = Fixture::new().with_service("web", "web:6");
    stranger(&mut world, "old", "bowline", "EcsService/old");
    stranger(&mut world, "theirs", "staging", "EcsService/theirs");
    world
}

#[test]
fn an_orphan_is_told_once_and_is_no_difference() {
    let mut world = world();
    let plan = world.propose();
    assert_eq!((plan.orphans.clone(), plan.is_clean(), plan.actions.len()), (vec![orphan(0)], true, 0));
    let told = (
        EventKind::OrphanFound,
        "prod: the ECS service old (it was EcsService/old) is claimed by this instance, and git does not name it any more: it \
         is left as it is; delete it, or write its manifest again"
            .to_owned(),
    );
    assert_eq!(world.told(), [told]);
    world.now = at(3600);
    assert_eq!(world.told(), []);
    assert_eq!(world.propose().orphans, [orphan(0)]);
    world.live.strangers.insert(name("prod"), known(BTreeMap::new()));
    assert_eq!(
        world.told(),
        [(EventKind::OrphanGone, "prod: the ECS service old is no orphan any more".to_owned())]
    );
    assert_eq!(world.propose().orphans, []);
}

#[test]
fn a_failed_listing_claims_no_orphan_and_closes_none() {
    let mut world = world();
    let failed = || unknown(UnknownCategory::Denied);
    let mut never_read = world.clone();
    never_read.live.strangers.insert(name("prod"), failed());
    assert_eq!((never_read.told(), never_read.propose().orphans), (vec![], vec![]));
    assert!(never_read.propose().is_clean() && !never_read.propose().has_unknown());
    world.learn();
    world.live.strangers.insert(name("prod"), failed());
    assert_eq!((world.told(), world.propose().orphans), (vec![], vec![orphan(0)]));
    let target = &world.propose().reports
        [&ResourceKey { kind: crate::desired::ResourceKind::Target, name: name("prod") }];
    assert_eq!(target.notes, ["whether services were left over could not be read: Rate exceeded"]);
    // Not due: as it was known.
    world.live.strangers.clear();
    assert_eq!((world.told(), world.propose().orphans), (vec![], vec![orphan(0)]));
}

#[test]
fn what_git_names_by_any_name_or_cannot_use_is_no_orphan() {
    let mut renamed = world().with_service("new", "web:6");
    renamed.spec("new").service = ServiceName::parse("old").unwrap();
    assert_eq!(renamed.propose().orphans, []);
    let mut broken = world();
    broken.desired.invalid.insert(service_key("old"), "its file has errors".to_owned());
    assert_eq!(broken.propose().orphans, []);
}
