//! Whose service is it? Claims by tags, and what belongs to others.

use crate::desired::kind::{Capability, Mode};
use crate::plan::fixture::*;
use crate::plan::*;
use crate::policy::{GitStanding, approve};

const ARN: &str = "arn:aws:ecs:eu-central-1:111122223333:service/main/web";
const UNTAG: &str = "aws ecs untag-resource --region eu-central-1 --resource-arn \
    arn:aws:ecs:eu-central-1:111122223333:service/main/web --tag-keys bowline:managed-by bowline:owner bowline:resource \
    bowline:commit";

/// Nothing is to be done to it.
fn quiet() -> Fixture {
    Fixture::new().with_service("web", "web:6")
}

/// Git wants another count.
fn scaled() -> Fixture {
    let mut world = quiet();
    world.spec("web").desired_count = Some(4);
    world
}

fn whole_claim(commit: &str) -> Vec<(TagKey, String)> {
    [
        (TagKey::ManagedBy, "bowline"),
        (TagKey::Owner, "bowline"),
        (TagKey::Resource, "EcsService/web"),
        (TagKey::Commit, commit),
    ]
    .map(|(key, value)| (key, value.to_owned()))
    .to_vec()
}

/// The tags of the only action.
fn tags(world: &Fixture) -> Vec<(TagKey, String)> {
    match &world.propose().actions[..] {
        [
            Action {
                operation: Operation::TagService { tags, .. } | Operation::UpdateService { tags, .. },
                ..
            },
        ] => tags.clone(),
        other => panic!("one action was expected: {other:?}"),
    }
}

fn approved(world: &Fixture, mode: Mode, capabilities: &[Capability]) -> Approved {
    let mut world = world.clone();
    let target = world.target("prod");
    target.mode = mode;
    target.capabilities = capabilities.iter().copied().collect();
    approve(world.propose(), &world.desired, &ceiling(), &GitStanding::Fresh)
}

#[test]
fn an_unclaimed_service_is_no_drift_and_is_claimed_last() {
    let world = quiet().unclaimed("web");
    let plan = world.propose();
    assert!(plan.is_clean());
    assert_eq!(*plan.reports[&service_key("web")], ResourceReport::new(service_key("web"), &name("prod")));
    let expected = Action {
        target: name("prod"),
        resource: service_key("web"),
        operation: Operation::TagService { service_arn: ARN.to_owned(), tags: whole_claim(COMMIT) },
        expect: Expectation::Service {
            owner: None,
            task_definition: Some(arn("web:6")),
            primary_deployment: Some("ecs-svc/1".to_owned()),
            desired_count: 2,
            settings: BTreeMap::new(),
        },
        wave: Wave::Claims,
        because: Vec::new(),
    };
    assert_eq!(plan.actions, [expected]);
    assert_eq!(world.actions(), ["EcsService/web: claim the service by tags"]);
}

#[test]
fn a_claimed_service_is_not_tagged_for_a_new_commit() {
    let mut world = quiet();
    world.live("web").tags.extend([("bowline:commit".to_owned(), "0".repeat(40))]);
    assert_eq!(world.propose().actions, []);
}

#[test]
fn a_change_brings_the_commit_up_to_date_in_the_same_call() {
    let mut world = scaled();
    world.live("web").tags.extend([("bowline:commit".to_owned(), "0".repeat(40))]);
    assert_eq!(tags(&world), [(TagKey::Commit, COMMIT.to_owned())]);
    assert_eq!(tags(&scaled().unclaimed("web")), whole_claim(COMMIT));
}

#[test]
fn a_record_and_the_claim_go_out_together() {
    let world = quiet().unclaimed("web").restarting("web", "t1");
    let mut expected = vec![(TagKey::Restart, "t1@-".to_owned())];
    expected.extend(whole_claim(COMMIT));
    assert_eq!(tags(&world), expected);
    assert_eq!(world.propose().actions[0].wave, Wave::Bookkeeping);
    assert_eq!(
        world.actions(),
        ["EcsService/web: note bowline:restart=t1@- in a tag and claim the service by tags"]
    );
}

#[test]
fn foreign_tags_are_left_alone_and_are_no_difference() {
    let mut world = quiet();
    world.live("web").tags.extend([("team".to_owned(), "payments".to_owned())]);
    let plan = world.propose();
    assert_eq!((plan.actions.len(), plan.is_clean()), (0, true));
}

#[test]
fn of_a_service_of_another_instance_differences_are_told_and_nothing_is_done() {
    let world = scaled().claimed_by("web", "staging", "EcsService/shop").restarting("web", "t1");
    assert_eq!(world.propose().actions, []);
    let report = world.report("web");
    assert_eq!(report.sync, Sync::Drifted);
    assert_eq!(
        report.differences.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["desiredCount is 2, git wants 4"]
    );
    assert_eq!(
        report.held.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [format!(
            "the service belongs to the Bowline instance `staging`, which claimed it for EcsService/shop: nothing is done to \
             it here. If `staging` is to keep it, delete this manifest; otherwise take it out of the git of `staging` and \
             then run `{UNTAG}`"
        )]
    );
}

#[test]
fn a_service_of_another_instance_that_is_as_git_wants_it_is_in_sync() {
    let world = quiet().claimed_by("web", "staging", "EcsService/web");
    assert!(world.propose().is_clean());
    let report = world.report("web");
    assert_eq!(report.sync, Sync::InSync);
    assert!(matches!(&report.held[..], [HeldWhy::OwnedByInstance { owner, .. }] if owner == "staging"));
}

#[test]
fn a_deployment_of_a_service_of_another_instance_registers_nothing() {
    let world = quiet()
        .with_file("web", content("web", "g"))
        .with_revision("web:6", content("web", "f"))
        .with_recent("web", &["web:6"])
        .with_history("web", Vec::new());
    assert_eq!(world.actions(), ["EcsService/web: register a new revision of web"]);
    let world = world.claimed_by("web", "staging", "EcsService/web");
    assert_eq!(world.propose().actions, []);
    assert_eq!(world.report("web").waiting_on, None);
}

#[test]
fn a_secret_is_not_promoted_while_another_instance_owns_a_reader() {
    let world = quiet()
        .with_secret("db", "2", "1")
        .with_dates("db", &[("1", -200), ("2", -100)])
        .with_reader("web", "db");
    let world = world.claimed_by("web", "staging", "EcsService/web");
    assert_eq!(world.propose().actions, []);
    assert_eq!(world.secret_report("db").waiting_on, Some(WaitingOn::Wave { of: vec![service_key("web")] }));
}

#[test]
fn a_service_that_another_resource_of_git_has_claimed_is_left_alone() {
    let world = scaled().with_service("shop", "shop:1").claimed_by("web", "bowline", "EcsService/shop");
    assert_eq!(world.propose().actions, []);
    assert_eq!(
        world.report("web").held.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [format!(
            "the service was claimed for EcsService/shop, which is still in git, and two resources cannot manage one service: \
             delete one of the two manifests; if EcsService/shop now means another service, run `{UNTAG}`"
        )]
    );
}

#[test]
fn a_renamed_resource_takes_its_service_along() {
    let world = quiet().claimed_by("web", "bowline", "EcsService/gone");
    assert_eq!(tags(&world), [(TagKey::Resource, "EcsService/web".to_owned())]);
}

#[test]
fn what_cannot_be_tagged_is_managed_without_a_claim() {
    let mut short = scaled().unclaimed("web");
    short.live("web").arn = "arn:aws:ecs:eu-central-1:111122223333:service/web".to_owned();
    let mut full = scaled().unclaimed("web");
    full.live("web").tags = (0..47).map(|tag| (format!("tag{tag}"), String::new())).collect();
    for world in [short, full] {
        assert_eq!(tags(&world), []);
        assert_eq!(world.report("web").notes.len(), 1);
    }
}

#[test]
fn nothing_is_claimed_below_enforce_or_without_a_capability_for_services() {
    let world = quiet().unclaimed("web");
    for (mode, capabilities, expected) in [
        (Mode::Observe, &[Capability::EcsDeploy][..], 0),
        (Mode::Propose, &[Capability::EcsDeploy], 0),
        (Mode::Enforce, &[], 0),
        (Mode::Enforce, &[Capability::SecretsPromote], 0),
        (Mode::Enforce, &[Capability::EcsDeploy], 1),
        (Mode::Enforce, &[Capability::EcsRestart], 1),
        (Mode::Enforce, &[Capability::EcsScale], 1),
        (Mode::Enforce, &[Capability::EcsStopDeployment], 1),
    ] {
        let approved = approved(&world, mode, capabilities);
        assert_eq!(approved.actions().len(), expected, "{mode} {capabilities:?}");
        let report = &approved.reports[&service_key("web")];
        assert_eq!(
            **report,
            ResourceReport::new(service_key("web"), &name("prod")),
            "{mode} {capabilities:?}"
        );
    }
}

#[test]
fn of_a_record_that_is_not_permitted_the_claim_remains() {
    let world = quiet().unclaimed("web").restarting("web", "t1");
    let approved = approved(&world, Mode::Enforce, &[Capability::EcsScale]);
    let [Action { operation: Operation::TagService { tags, .. }, .. }] = approved.actions() else {
        panic!("{approved:?}")
    };
    assert_eq!(*tags, whole_claim(COMMIT));
}

#[test]
fn claims_wait_for_everything_else_and_nobody_waits_for_them() {
    let everything = [Capability::EcsDeploy, Capability::EcsScale];
    let world = scaled().with_service("quiet", "quiet:1").unclaimed("quiet");
    let approved = approved(&world, Mode::Enforce, &everything);
    let texts: Vec<String> = approved.actions().iter().map(ToString::to_string).collect();
    assert_eq!(texts, ["EcsService/web: set the desired count to 4"]);
    assert_eq!(approved.waiting, BTreeSet::new());
    let quiet = &approved.reports[&service_key("quiet")];
    assert_eq!(**quiet, ResourceReport::new(service_key("quiet"), &name("prod")));
}

#[test]
fn a_pass_claims_25_services_and_those_that_failed_come_last() {
    let mut world = Fixture::new();
    for number in 0..30 {
        let service = format!("s{number:02}");
        world = world.with_service(&service, "web:6").unclaimed(&service);
    }
    let first = world.propose().actions[0].clone();
    let failed = Outcome::Failed(reason(crate::live::UnknownCategory::Denied));
    record(&mut world.memory, &first, &failed, &world.desired, COMMIT, at(0));
    world.target("prod").constraints.max_changes_per_pass = Some(1);
    let approved = approved(&world, Mode::Enforce, &[Capability::EcsDeploy]);
    let claimed: Vec<&str> = approved.actions().iter().map(|action| action.resource.name.as_str()).collect();
    let expected: Vec<String> = (1..=25).map(|number| format!("s{number:02}")).collect();
    assert_eq!(claimed, expected);
}
