//! One rollback per bad commit: its first bad verdict keeps what else it changed from being started.

use crate::desired::{ResourceKind, Retry};
use crate::live::{Observed, PastDeploymentStatus, UnknownCategory};
use crate::plan::fixture::*;
use crate::plan::*;

const NEXT: &str = "2222222222222222222222222222222222222222";
const NOTHING: [String; 0] = [];
const DEPLOYS_API: [&str; 1] = ["EcsService/api: deploy api:7"];

/// `web` and `api` ran revision 6, and one commit wants 7 of both. `web` was deployed first, and ECS went back from it.
fn one_of_two_failed() -> Fixture {
    let mut world = Fixture::new();
    for service in ["api", "web"] {
        let of = |revision: &str| format!("{service}:{revision}");
        world = world
            .with_service(service, &of("6"))
            .with_revision(&of("6"), content(service, "f"))
            .with_revision(&of("7"), content(service, "g"))
            .with_history(service, Vec::new());
    }
    world.learn();
    world = world.wanting("api", "api:7").wanting("web", "web:7");
    world.learn();
    let actions = world.propose().actions;
    assert_eq!(world.actions(), ["EcsService/api: deploy api:7", "EcsService/web: deploy web:7"]);
    let done = Outcome::Done { deployment_id: Some("ecs-svc/2".to_owned()), task_definition: None };
    record(&mut world.memory, &actions[1], &done, &world.desired, COMMIT, at(0));
    world.now = at(100);
    let went_back = crate::live::PastDeployment {
        created_at: Some(at(0)),
        ..past("2", "web:7", PastDeploymentStatus::RolledBack)
    };
    let Observed::Known { value, .. } = world.live.services[&name("web")].clone() else { unreachable!() };
    world.live.services.insert(name("web"), Observed::Known { value, at: at(100) });
    world.live.histories.insert(name("web"), Observed::Known { value: vec![went_back], at: at(100) });
    world.learn();
    world
}

fn learn_at(world: &mut Fixture, commit: &str) {
    let actor = Actor { commit, ..actor() };
    learn(&mut world.memory, &world.desired, &world.live, actor, world.now);
}

fn spec_of_api(world: &Fixture) -> SpecHash {
    match &world.report("api").held[..] {
        [HeldWhy::CommitFailed { spec_hash: Some(spec_hash), .. }] => spec_hash.clone(),
        held => panic!("{held:?}"),
    }
}

#[test]
fn the_first_bad_verdict_of_a_commit_keeps_the_others_from_being_started() {
    let world = one_of_two_failed();
    assert_eq!(world.actions(), NOTHING);
    let report = world.report("api");
    spec_of_api(&world);
    assert_eq!((report.sync, report.waiting_on), (Sync::Drifted, None));
    assert_eq!(
        report.held[0].to_string(),
        "EcsService/web failed with commit 11111111, so nothing else of that commit is started; it goes on when git \
         changes what failed, or this; to start it all the same, run `bowline retry api`"
    );
}

#[test]
fn what_was_started_goes_on_and_counts_are_set() {
    let mut world = one_of_two_failed();
    world.spec("api").desired_count = Some(5);
    assert_eq!(world.actions(), ["EcsService/api: set the desired count to 5"]);
}

#[test]
fn a_newer_commit_that_changes_it_releases_it_and_one_that_does_not_keeps_it() {
    let mut world = one_of_two_failed();
    learn_at(&mut world, NEXT);
    assert_eq!(world.actions(), NOTHING);
    world.spec("api").rollout.deadline = crate::name::HumanDuration::from_secs(600);
    learn_at(&mut world, NEXT);
    // The commit is the same as before: what a commit says does not change.
    assert_eq!(world.actions(), NOTHING);
    learn_at(&mut world, &NEXT.replace('2', "3"));
    assert_eq!(world.actions(), DEPLOYS_API);
}

#[test]
fn git_that_goes_back_from_what_failed_or_mends_it_releases_the_others() {
    for revision in ["web:6", "web:8"] {
        let mut world = one_of_two_failed().with_revision("web:8", content("web", "h"));
        world = world.wanting("web", revision);
        learn_at(&mut world, NEXT);
        assert!(world.actions().contains(&DEPLOYS_API[0].to_owned()), "{revision}");
    }
    let mut world = one_of_two_failed();
    world.desired.services.remove(&name("web"));
    learn_at(&mut world, NEXT);
    assert_eq!(world.actions(), DEPLOYS_API);
}

#[test]
fn a_commit_may_release_what_failed_or_what_is_held() {
    let world = one_of_two_failed();
    let failed = world.memory.services[&name("web")].attempts.keys().next().unwrap().clone();
    let both = vec!["EcsService/api: deploy api:7".to_owned(), "EcsService/web: deploy web:7".to_owned()];
    let held = spec_of_api(&world);
    for (spec, committed, expected) in [
        (&failed, 101, both),
        (&held, 101, DEPLOYS_API.map(str::to_owned).to_vec()),
        // From before the verdict: it speaks of something else.
        (&held, 99, Vec::new()),
    ] {
        let mut world = world.clone();
        world.now = at(200);
        let retry = Retry { spec: spec.to_string(), commit: "c1".to_owned(), committed_at: at(committed) };
        world.desired.retries.push(retry);
        learn_at(&mut world, NEXT);
        assert_eq!(world.actions(), expected, "{committed}");
    }
}

#[test]
fn what_failed_holds_the_others_also_while_it_cannot_be_read() {
    let mut world = one_of_two_failed();
    world.live.services.insert(name("web"), unknown(UnknownCategory::Throttled));
    world.learn();
    assert_eq!(world.actions(), NOTHING);
}

#[test]
fn drift_is_of_no_commit() {
    let mut world = one_of_two_failed()
        .with_service("jobs", "jobs:6")
        .with_revision("jobs:6", content("jobs", "f"))
        .with_history("jobs", Vec::new());
    world.learn();
    let other = arn("other:1");
    world.live("jobs").task_definition = Some(other.clone());
    world.live("jobs").deployments[0].task_definition = Some(other);
    world = world.with_revision("other:1", content("other", "x"));
    world.learn();
    assert_eq!(world.actions(), ["EcsService/jobs: deploy jobs:6"]);
}

#[test]
fn a_secret_of_a_commit_that_failed_is_not_promoted() {
    let mut world =
        one_of_two_failed().with_secret("db", "1", "1").with_dates("db", &[("1", -900), ("2", -800)]);
    world.learn();
    let pinned = world.desired.secrets.get_mut(&name("db")).unwrap();
    pinned.spec.version_id = crate::name::SecretVersionId::parse(&version("2")).unwrap();
    let live = world.live.secrets.get_mut(&name("db")).unwrap();
    let Observed::Known { value, .. } = live else { unreachable!() };
    value.stages.insert(version("2"), BTreeSet::from(["AWSPENDING".to_owned()]));
    let moves = ["Secret/db: move AWSCURRENT from"];
    assert!(world.actions().iter().any(|action| action.starts_with(moves[0])), "{:?}", world.actions());
    world.learn();
    assert_eq!(world.actions(), NOTHING);
    assert_eq!(
        world.secret_report("db").held,
        [HeldWhy::CommitFailed {
            commit: COMMIT.to_owned(),
            resource: "EcsService/web".to_owned(),
            held: ResourceKey { kind: ResourceKind::Secret, name: name("db") },
            spec_hash: None
        }]
    );
}

#[test]
fn with_the_store_lost_the_history_tells_what_failed_and_the_others_stay_held() {
    let mut world = one_of_two_failed();
    world.memory = Memory::default();
    world.learn();
    assert_eq!(world.actions(), NOTHING);
    assert_eq!(world.report("web").sync, Sync::AwaitingGit);
    spec_of_api(&world);
}

#[test]
fn a_rollout_is_of_the_commit_that_first_wanted_it() {
    let mut world = one_of_two_failed().wanting("web", "web:6");
    learn_at(&mut world, NEXT);
    let action = world.propose().actions[0].clone();
    let done = Outcome::Done { deployment_id: Some("ecs-svc/3".to_owned()), task_definition: None };
    record(&mut world.memory, &action, &done, &world.desired, NEXT, at(200));
    let in_flight = world.memory.services[&name("api")].in_flight.as_ref().unwrap();
    assert_eq!((action.to_string().as_str(), in_flight.commit.as_str()), (DEPLOYS_API[0], COMMIT));
}
