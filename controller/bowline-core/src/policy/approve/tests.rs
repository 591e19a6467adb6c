use super::*;
use crate::desired::kind::AssumeRole;
use crate::name::{AccountId, RoleArn};
use crate::plan::fixture::{COMMIT, Fixture, at, ceiling, content, name, secret_key, service_key};
use crate::plan::{Outcome, Sync, TagKey, record};

/// A service that is deployed, restarted and scaled at once.
fn world() -> Fixture {
    let mut world = Fixture::new()
        .with_service("web", "web:6")
        .wanting("web", "web:7")
        .with_revision("web:6", content("web", "f"))
        .with_revision("web:7", content("web", "g"))
        .with_history("web", Vec::new());
    world.spec("web").desired_count = Some(4);
    world
}

fn approved(world: &Fixture, ceiling: &Ceiling, standing: &GitStanding) -> Approved {
    approve(world.propose(), &world.desired, ceiling, standing)
}

fn texts(approved: &Approved) -> Vec<String> {
    approved.actions().iter().map(ToString::to_string).collect()
}

fn held(approved: &Approved) -> Vec<String> {
    approved.reports[&service_key("web")].held.iter().map(ToString::to_string).collect()
}

/// AWS refused the action so many seconds after the beginning.
fn fail(world: &mut Fixture, action: &Action, seconds: i64) {
    let why = crate::plan::fixture::reason(crate::live::UnknownCategory::Denied);
    let failed = Outcome::Failed(why);
    record(&mut world.memory, action, &failed, &world.desired, COMMIT, at(seconds));
}

#[test]
fn what_is_allowed_goes_out() {
    let world = world();
    let approved = approved(&world, &ceiling(), &GitStanding::Fresh);
    assert_eq!(texts(&approved), ["EcsService/web: deploy web:7 and set the desired count to 4"]);
    assert_eq!(held(&approved), Vec::<String>::new());
    assert!(!approved.is_clean());
}

#[test]
fn git_that_cannot_be_trusted_holds_everything() {
    let head = COMMIT.to_owned();
    let shrunk = |target: &str| GitStanding::Shrunk {
        head: head.clone(),
        targets: BTreeMap::from([(name(target), "4 of the 5 resources on prod are gone".to_owned())]),
    };
    let cases = [
        (
            GitStanding::ForcePushed { head: head.clone() },
            "the branch was rewritten since the last applied commit, so nothing is changed; if this was meant, run \
             `git commit --allow-empty -m \"Accept 11111111\" --trailer \"Bowline-Accept: 1111111111111111111111111111111111111111\"` \
             on the branch, and push or merge it",
        ),
        (
            GitStanding::Stale("no route to host; the last good commit is 5m old".to_owned()),
            "git cannot be read, so nothing is changed: no route to host; the last good commit is 5m old",
        ),
        (
            shrunk("prod"),
            "too much vanished from git at once: 4 of the 5 resources on prod are gone, so nothing is changed there; if this \
             was meant, run `git commit --allow-empty -m \"Accept 11111111\" --trailer \"Bowline-Accept: \
             1111111111111111111111111111111111111111\"` on the branch, and push or merge it",
        ),
    ];
    for (standing, why) in cases {
        let approved = approved(&world(), &ceiling(), &standing);
        assert_eq!((texts(&approved), held(&approved)), (Vec::new(), vec![why.to_owned()]));
    }
    // What vanished on one target holds nothing on another.
    assert_eq!(texts(&approved(&world(), &ceiling(), &shrunk("staging"))).len(), 1);
}

#[test]
fn the_lower_of_both_modes_is_in_force() {
    let mut world = world();
    let mut ceiling = ceiling();
    ceiling.mode = Mode::Propose;
    assert_eq!(
        held(&approved(&world, &ceiling, &GitStanding::Fresh)),
        ["mode propose (set by bowline.yaml): nothing is changed"]
    );
    world.desired.targets.get_mut(&name("prod")).unwrap().spec.mode = Mode::Observe;
    let observed = approved(&world, &ceiling, &GitStanding::Fresh);
    assert_eq!(
        (texts(&observed), held(&observed)),
        (Vec::new(), vec!["mode observe (set by the Target): nothing is changed".to_owned()])
    );
    assert_eq!(observed.reports[&service_key("web")].sync, Sync::Drifted);
}

#[test]
fn accounts_and_roles_outside_the_ceiling_are_not_touched() {
    let mut world = world();
    let role = |text: &str| RoleArn::parse(text).unwrap();
    let mut ceiling = ceiling();
    ceiling.accounts = BTreeSet::from([AccountId::parse("999922223333").unwrap()]);
    ceiling.roles = BTreeSet::from([role("arn:aws:iam::111122223333:role/bowline")]);
    world.desired.targets.get_mut(&name("prod")).unwrap().spec.assume_role =
        Some(AssumeRole { arn: role("arn:aws:iam::111122223333:role/admin"), external_id: None });
    let approved = approved(&world, &ceiling, &GitStanding::Fresh);
    assert_eq!(texts(&approved), Vec::<String>::new());
    assert_eq!(
        held(&approved),
        [
            "outside the ceiling of bowline.yaml: account 111122223333 is not allowed",
            "outside the ceiling of bowline.yaml: the role arn:aws:iam::111122223333:role/admin is not allowed",
        ]
    );
}

#[test]
fn a_call_is_cut_down_to_what_is_permitted() {
    let mut world = world();
    let allow = |world: &mut Fixture, capabilities: &[Capability]| {
        world.desired.targets.get_mut(&name("prod")).unwrap().spec.capabilities =
            capabilities.iter().copied().collect();
    };
    allow(&mut world, &[Capability::EcsScale]);
    let scale_only = approved(&world, &ceiling(), &GitStanding::Fresh);
    assert_eq!(texts(&scale_only), ["EcsService/web: set the desired count to 4"]);
    assert_eq!(
        held(&scale_only),
        ["Operation not permitted for target prod: the Target does not grant ecs:deploy"]
    );
    allow(&mut world, &[Capability::EcsDeploy]);
    let deploy_only = approved(&world, &ceiling(), &GitStanding::Fresh);
    assert_eq!(texts(&deploy_only), ["EcsService/web: deploy web:7"]);
    assert_eq!(
        held(&deploy_only),
        ["Operation not permitted for target prod: the Target does not grant ecs:scale"]
    );
    let mut narrow = ceiling();
    narrow.capabilities = Some(BTreeSet::new());
    let nothing = approved(&world, &narrow, &GitStanding::Fresh);
    assert_eq!(texts(&nothing), Vec::<String>::new());
    assert_eq!(
        held(&nothing),
        [
            "Operation not permitted for target prod: bowline.yaml does not grant ecs:deploy",
            "Operation not permitted for target prod: bowline.yaml does not grant ecs:scale",
        ]
    );
}

#[test]
fn a_restart_needs_its_own_capability_and_a_record_either() {
    let mut world = Fixture::new()
        .with_service("web", "web:6")
        .with_revision("web:6", content("web", "f"))
        .with_history("web", Vec::new())
        .restarting("web", "b")
        .with_tag("web", TagKey::Restart, "a@-");
    world.desired.targets.get_mut(&name("prod")).unwrap().spec.capabilities =
        BTreeSet::from([Capability::EcsDeploy]);
    let refused = approved(&world, &ceiling(), &GitStanding::Fresh);
    assert_eq!(
        (texts(&refused).len(), held(&refused)),
        (
            0,
            vec!["Operation not permitted for target prod: the Target does not grant ecs:restart".to_owned()]
        )
    );
    let tags = world.live("web").tags.clone();
    let others = tags.iter().filter(|(key, _)| *key != TagKey::Restart.as_str());
    world.live("web").tags = others.map(|(key, value)| (key.clone(), value.clone())).collect();
    let mut world = world.unclaimed("web");
    assert_eq!(
        texts(&approved(&world, &ceiling(), &GitStanding::Fresh)),
        ["EcsService/web: note bowline:restart=b@- in a tag and claim the service by tags"]
    );
    // A record that may not be written leaves the service in sync.
    world.desired.targets.get_mut(&name("prod")).unwrap().spec.capabilities.clear();
    let silent = approved(&world, &ceiling(), &GitStanding::Fresh);
    assert_eq!((texts(&silent).len(), held(&silent).len()), (0, 0));
    assert!(silent.is_clean());
    assert_eq!(silent.reports[&service_key("web")].sync, Sync::InSync);
}

#[test]
fn a_target_limits_the_changes_of_a_pass() {
    let mut world = Fixture::new();
    for service in ["a", "b", "c"] {
        world = world.with_service(service, &format!("{service}:1"));
        world.live(service).desired_count = 1;
    }
    world.desired.targets.get_mut(&name("prod")).unwrap().spec.constraints.max_changes_per_pass = Some(2);
    let approved = approved(&world, &ceiling(), &GitStanding::Fresh);
    assert_eq!(
        texts(&approved),
        ["EcsService/a: set the desired count to 2", "EcsService/b: set the desired count to 2"]
    );
    assert_eq!(approved.reports[&service_key("c")].held, [HeldWhy::ChangeLimit { limit: 2 }]);
}

#[test]
fn what_keeps_failing_does_not_use_up_the_limit() {
    let mut world = Fixture::new();
    for service in ["a", "b", "c"] {
        world = world.with_service(service, &format!("{service}:1"));
        world.live(service).desired_count = 1;
    }
    world.target("prod").constraints.max_changes_per_pass = Some(1);
    let mut tried = Vec::new();
    for pass in 0..6 {
        let approved = approved(&world, &ceiling(), &GitStanding::Fresh);
        let [action] = approved.actions() else { panic!("one change a pass: {:?}", texts(&approved)) };
        tried.push(action.resource.name.to_string());
        if action.resource.name == name("b") {
            world.live("b").desired_count = 2;
        } else {
            fail(&mut world, action, pass);
        }
    }
    assert_eq!(tried, ["a", "b", "c", "a", "c", "a"]);
    let a = &approved(&world, &ceiling(), &GitStanding::Fresh).reports[&service_key("a")];
    let failed = HeldWhy::ActionFailed {
        operation: "set the desired count to 2".to_owned(),
        message: "Rate exceeded".to_owned(),
        hint: "it is tried again".to_owned(),
        since: at(0),
        times: 3,
    };
    assert_eq!(a.held, [failed, HeldWhy::ChangeLimit { limit: 1 }]);
    assert_eq!((a.sync, a.is_clean()), (Sync::Drifted, false));
    assert_eq!(
        a.held[0].to_string(),
        "failed to set the desired count to 2 (3 times since 2026-11-21T12:00:00Z, and tried again in each pass): \
         Rate exceeded; it is tried again"
    );
}

#[test]
fn a_part_that_is_permitted_and_fails_is_told() {
    let mut world = world();
    world.target("prod").capabilities = BTreeSet::from([Capability::EcsScale]);
    let action = approved(&world, &ceiling(), &GitStanding::Fresh).actions()[0].clone();
    fail(&mut world, &action, 0);
    let told = approved(&world, &ceiling(), &GitStanding::Fresh);
    assert!(
        held(&told)[0].starts_with("failed to set the desired count to 4 (once since "),
        "{:?}",
        held(&told)
    );
    // What is not tried any more does not fail any more.
    let mut observing = ceiling();
    observing.mode = Mode::Observe;
    assert_eq!(
        held(&approved(&world, &observing, &GitStanding::Fresh)),
        ["mode observe (set by bowline.yaml): nothing is changed"]
    );
}

#[test]
fn only_the_first_wave_goes_out() {
    let world = world()
        .with_secret("db", "2", "1")
        .with_dates("db", &[("1", -20), ("2", -10)])
        .with_service("reader", "r:1")
        .with_reader("reader", "db");
    let first = approved(&world, &ceiling(), &GitStanding::Fresh);
    let waves: Vec<Wave> = first.actions().iter().map(|action| action.wave).collect();
    assert_eq!(waves, [Wave::Bookkeeping]);
    assert_eq!(first.waiting, BTreeSet::from([service_key("web"), secret_key("db")]));
    assert_eq!(
        first.reports[&secret_key("db")].waiting_on,
        Some(WaitingOn::Wave { of: vec![service_key("reader")] })
    );
}

#[test]
fn what_failed_before_is_tried_again_and_holds_nobody_up() {
    let mut world = world()
        .with_secret("db", "2", "1")
        .with_dates("db", &[("1", -20), ("2", -10)])
        .with_service("reader", "r:1")
        .with_reader("reader", "db");
    let plan = world.propose();
    // The record cannot be written: its secret waits, other services do not.
    fail(&mut world, &plan.actions[0], 0);
    let record_fails = approved(&world, &ceiling(), &GitStanding::Fresh);
    let waves: Vec<Wave> = record_fails.actions().iter().map(|action| action.wave).collect();
    assert_eq!(waves, [Wave::Bookkeeping, Wave::Services]);
    assert_eq!(
        record_fails.reports[&secret_key("db")].waiting_on,
        Some(WaitingOn::Wave { of: vec![service_key("reader")] })
    );
    // The promotion is refused: other services do not wait for it.
    let mut world = world.with_tag("reader", TagKey::Secrets, "old@-");
    fail(&mut world, &plan.actions[1], 0);
    let promotion_fails = approved(&world, &ceiling(), &GitStanding::Fresh);
    let resources: Vec<_> = promotion_fails.actions().iter().map(|action| action.resource.clone()).collect();
    assert_eq!(resources, [secret_key("db"), service_key("web")]);
    assert_eq!(promotion_fails.waiting, BTreeSet::new());
}
