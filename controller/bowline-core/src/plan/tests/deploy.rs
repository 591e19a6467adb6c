//! Task definitions, counts, dependencies, quarantine, step-backs.

use std::collections::BTreeMap;

use crate::desired::TaskDefinitionContent;
use crate::diff::{Difference, Reason, Shown};
use crate::live::{
    DeploymentController, DeploymentStatus, Observed, PastDeploymentStatus, RolloutState,
    TaskDefinitionStatus, UnknownCategory,
};
use crate::plan::fixture::*;
use crate::plan::*;

fn web(wanted: &str, live: &str) -> Fixture {
    Fixture::new()
        .with_service("web", live)
        .wanting("web", wanted)
        .with_revision("web:5", content("web", "web:e"))
        .with_revision("web:6", content("web", "web:f"))
        .with_revision("web:7", content("web", "web:g"))
        .with_history("web", Vec::new())
}

fn changed(path: &str, wanted: &str, found: &str) -> Difference {
    Difference {
        path: path.to_owned(),
        reason: Reason::Changed,
        wanted: Shown::text(wanted),
        found: Shown::text(found),
        note: None,
        owner: None,
    }
}

fn hash_of(fixture: &Fixture) -> SpecHash {
    fixture
        .propose()
        .actions
        .iter()
        .find_map(|action| match &action.operation {
            Operation::UpdateService { spec_hash, .. } => spec_hash.clone(),
            _ => None,
        })
        .unwrap()
}

#[test]
fn a_pinned_revision_is_deployed_with_everything_that_changes_in_one_call() {
    let mut world = web("web:7", "web:6");
    world.spec("web").desired_count = Some(4);
    let plan = world.propose();
    let differences = vec![
        changed("taskDefinition", "web:7", "web:6"),
        changed("taskDefinition.containerDefinitions[name=app].image", "web:g", "web:f"),
        changed("desiredCount", "4", "2"),
    ];
    assert_eq!(plan.reports[&service_key("web")].differences, differences);
    assert_eq!(plan.reports[&service_key("web")].sync, Sync::Drifted);
    assert_eq!(
        plan.actions,
        vec![Action {
            target: name("prod"),
            resource: service_key("web"),
            operation: Operation::UpdateService {
                service: world.desired.services[&name("web")].resource.spec.service.clone(),
                service_arn: "arn:aws:ecs:eu-central-1:111122223333:service/main/web".to_owned(),
                task_definition: Some(arn("web:7")),
                desired_count: Some(4),
                force_new_deployment: false,
                settings: SettingsRequest::default(),
                tags: Vec::new(),
                spec_hash: Some(hash_of(&world)),
            },
            expect: Expectation::Service {
                owner: Some("bowline".to_owned()),
                task_definition: Some(arn("web:6")),
                primary_deployment: Some("ecs-svc/1".to_owned()),
                desired_count: 2,
                settings: BTreeMap::new(),
            },
            wave: Wave::Services,
            because: differences,
        }]
    );
    assert!(!plan.is_clean());
    assert!(!plan.has_unknown());
}

#[test]
fn only_the_count_is_sent_when_only_the_count_differs() {
    let mut world = web("web:6", "web:6");
    world.live("web").desired_count = 5;
    assert_eq!(world.actions(), ["EcsService/web: set the desired count to 2"]);
    world.spec("web").desired_count = None;
    assert_eq!(world.actions(), Vec::<String>::new());
}

#[test]
fn a_wanted_revision_that_cannot_be_used_needs_a_person() {
    let mut world = web("web:7", "web:6");
    world.live.task_definitions.insert((name("prod"), "web:7".to_owned()), Observed::Missing);
    assert_eq!(world.actions(), Vec::<String>::new());
    assert_eq!(
        world.report("web").held,
        [HeldWhy::NeedsPerson {
            what: "the task definition web:7 does not exist: pin one that does, or register it".to_owned()
        }]
    );
    let mut world = web("web:7", "web:6");
    if let Some(Observed::Known { value, .. }) =
        world.live.task_definitions.get_mut(&(name("prod"), "web:7".to_owned()))
    {
        value.status = TaskDefinitionStatus::Inactive;
    }
    assert_eq!(world.actions(), Vec::<String>::new());
    assert!(
        matches!(&world.report("web").held[..], [HeldWhy::NeedsPerson { what }] if what.contains("INACTIVE"))
    );
}

#[test]
fn nothing_is_deployed_from_an_unknown_revision_or_history() {
    let mut world = web("web:7", "web:6");
    world
        .live
        .task_definitions
        .insert((name("prod"), "web:7".to_owned()), unknown(UnknownCategory::Throttled));
    assert_eq!(world.actions(), Vec::<String>::new());
    assert_eq!(
        world.report("web").waiting_on,
        Some(WaitingOn::Read { what: "the task definition web:7: Rate exceeded".to_owned() })
    );
    assert!(world.propose().has_unknown());

    let mut world = web("web:7", "web:6");
    world.live.histories.insert(name("web"), unknown(UnknownCategory::Denied));
    assert_eq!(world.actions(), Vec::<String>::new());
    assert!(world.propose().has_unknown());

    world.live.histories.insert(name("web"), unknown(UnknownCategory::Unsupported));
    assert_eq!(world.actions(), ["EcsService/web: deploy web:7"]);
}

#[test]
fn a_file_is_registered_once_and_only_if_no_recent_revision_has_it() {
    let file = || content("web", "web:new");
    let base = || web("web:6", "web:6").with_file("web", file());
    let world = base().with_recent("web", &["web:7", "web:6", "web:5"]);
    assert_eq!(world.actions(), ["EcsService/web: register a new revision of web"]);
    let service = crate::name::ServiceName::parse("web").unwrap();
    let whose = Whose { target: name("prod"), service, owner: Some("bowline".to_owned()) };
    let expected = Expectation::NewestRevision { arn: Some(arn("web:7")), whose };
    assert_eq!(world.propose().actions[0].expect, expected);
    assert_eq!(world.report("web").waiting_on, Some(WaitingOn::Wave { of: vec![service_key("web")] }));

    let world = base().with_revision("web:7", file()).with_recent("web", &["web:7", "web:6"]);
    assert_eq!(world.actions(), ["EcsService/web: deploy web:7"]);

    let world = base().with_revision("web:6", file());
    assert_eq!((world.actions(), world.report("web").sync), (Vec::new(), Sync::InSync));

    let mut world = base();
    world.live.recent_revisions.insert((name("prod"), "web".to_owned()), unknown(UnknownCategory::Throttled));
    assert_eq!(world.actions(), Vec::<String>::new());
}

#[test]
fn what_a_file_service_runs_must_be_known() {
    let mut world = web("web:6", "web:6").with_file("web", content("web", "web:new"));
    world
        .live
        .task_definitions
        .insert((name("prod"), "web:6".to_owned()), unknown(UnknownCategory::Throttled));
    world.live("web").desired_count = 9;
    assert_eq!(world.report("web").sync, Sync::Unknown);
    assert_eq!(world.report("web").differences, []);
    assert_eq!(world.actions(), Vec::<String>::new());
}

#[test]
fn two_services_share_one_registration() {
    let file = content("web", "web:new");
    let world = web("web:6", "web:6")
        .with_service("worker", "web:6")
        .with_history("worker", Vec::new())
        .with_file("web", file.clone())
        .with_file("worker", file)
        .with_recent("web", &["web:6"]);
    assert_eq!(world.actions(), ["EcsService/web: register a new revision of web"]);
    assert_eq!(world.report("worker").waiting_on, Some(WaitingOn::Wave { of: vec![service_key("web")] }));
}

#[test]
fn an_ignored_image_is_not_taken_back_when_something_else_is_registered() {
    let debugging = |image| {
        let mut value = content("web", image).value().clone();
        value["containerDefinitions"][0]["environment"][0]["value"] = "debug".into();
        TaskDefinitionContent::new(value)
    };
    let mut world =
        web("web:6", "web:6").with_file("web", debugging("web:old")).with_recent("web", &["web:6"]);
    world.spec("web").ignore =
        vec![crate::name::FieldPath::parse("taskDefinition.containerDefinitions[*].image").unwrap()];
    let plan = world.propose();
    let [Action { operation: Operation::RegisterTaskDefinition { content: registered, .. }, .. }] =
        &plan.actions[..]
    else {
        panic!("one registration expected: {:?}", plan.actions);
    };
    assert_eq!(**registered, debugging("web:f"));
    let paths: Vec<_> =
        plan.reports[&service_key("web")].differences.iter().map(|one| one.path.clone()).collect();
    assert_eq!(paths, ["taskDefinition.containerDefinitions[name=app].environment[name=LEVEL].value"]);
}

#[test]
fn a_deployment_waits_for_what_it_depends_on() {
    let mut world = web("web:7", "web:6").with_service("db", "db:1");
    world.spec("web").depends_on = vec![name("db")];
    world.spec("web").desired_count = Some(3);
    assert_eq!(world.actions(), ["EcsService/web: deploy web:7 and set the desired count to 3"]);
    world.live("db").desired_count = 1;
    assert_eq!(
        world.actions(),
        ["EcsService/db: set the desired count to 2", "EcsService/web: set the desired count to 3"]
    );
    assert_eq!(world.report("web").waiting_on, Some(WaitingOn::Dependency { on: name("db") }));
}

#[test]
fn a_spec_that_failed_stays_quarantined_but_may_be_scaled() {
    let mut world = web("web:7", "web:6");
    let hash = hash_of(&world);
    let reason = "rolled back by ECS to web:6: tasks failed to start".to_owned();
    world.remember("web").attempts.insert(
        hash.clone(),
        Attempt {
            deployment_id: Some("ecs-svc/2".to_owned()),
            task_definition: Some(arn("web:7")),
            commit: COMMIT.to_owned(),
            restart: None,
            at: at(-600),
            verdict: Some(AttemptVerdict::Bad(reason.clone())),
            aftermath: Box::default(),
        },
    );
    world.live("web").desired_count = 5;
    assert_eq!(world.actions(), ["EcsService/web: set the desired count to 2"]);
    let report = world.report("web");
    assert_eq!(report.sync, Sync::AwaitingGit);
    assert_eq!(report.held, [HeldWhy::Quarantined { service: name("web"), spec_hash: hash, reason }]);
    assert_eq!(
        report.notes,
        [
            "rolled back by ECS, awaiting git; live runs web:6 (rolled back by ECS to web:6: tasks failed to start)"
        ]
    );
    // Git changes: free again.
    let world = world.wanting("web", "web:5");
    assert_eq!(world.actions(), ["EcsService/web: deploy web:5 and set the desired count to 2"]);
}

#[test]
fn quarantine_survives_the_loss_of_the_store() {
    use PastDeploymentStatus::{RolledBack, Successful};
    let world = web("web:7", "web:6")
        .with_history("web", vec![past("2", "web:7", RolledBack), past("1", "web:6", Successful)]);
    assert_eq!(world.actions(), Vec::<String>::new());
    assert_eq!(world.report("web").sync, Sync::AwaitingGit);
    // The same content under another revision.
    let world = web("web:7", "web:6")
        .with_revision("web:5", content("web", "web:g"))
        .with_history("web", vec![past("2", "web:5", RolledBack)]);
    assert_eq!((world.actions(), world.report("web").sync), (Vec::new(), Sync::AwaitingGit));
    // It succeeded later: reached before, so live on an older revision is a step back.
    let world = web("web:7", "web:6")
        .with_history("web", vec![past("3", "web:7", Successful), past("2", "web:7", RolledBack)]);
    assert_eq!(world.report("web").held, [HeldWhy::HealDelay { until: at(900) }]);
    // Another content failed: nothing to do with it.
    let world = web("web:7", "web:6").with_history("web", vec![past("2", "web:5", RolledBack)]);
    assert_eq!(world.actions(), ["EcsService/web: deploy web:7"]);
    // Only deployments[] tells.
    let mut world = web("web:7", "web:6");
    world.live.histories.insert(name("web"), unknown(UnknownCategory::Unsupported));
    let mut failed = deployment("2", "web:7", RolloutState::Failed);
    failed.status = DeploymentStatus::Active;
    world.live("web").deployments.push(failed);
    assert_eq!((world.actions(), world.report("web").sync), (Vec::new(), Sync::AwaitingGit));
}

#[test]
fn nothing_is_pushed_while_ecs_rolls_back() {
    let mut world = web("web:5", "web:6");
    let primary = &mut world.live("web").deployments[0];
    primary.created_at = Some(at(-60));
    primary.rollout_state = Some(RolloutState::InProgress);
    primary.rollout_reason =
        Some("ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1.".to_owned());
    assert_eq!(world.actions(), Vec::<String>::new());
    assert_eq!(world.report("web").waiting_on, Some(WaitingOn::EcsRollback));
    assert_eq!(world.report("web").sync, Sync::Progressing);
}

/// A rollout of web:7 that Bowline began a minute ago, as it was planned.
fn rolling() -> Fixture {
    let mut world = web("web:7", "web:6");
    let hash = hash_of(&world);
    world.in_flight("web", "web:7", "2");
    world.remember("web").in_flight.as_mut().unwrap().spec_hash = hash.clone();
    let live = world.live("web");
    live.task_definition = Some(arn("web:7"));
    live.deployments[0].status = DeploymentStatus::Active;
    live.deployments.insert(0, deployment("2", "web:7", RolloutState::InProgress));
    live.deployments[0].created_at = Some(at(-60));
    world
}

#[test]
fn our_own_rollout_lets_only_a_count_through_while_git_wants_the_same() {
    let mut world = rolling().with_tag("web", TagKey::Restart, "t1@-").restarting("web", "t2");
    world.live("web").desired_count = 3;
    assert_eq!(world.actions(), ["EcsService/web: set the desired count to 2"]);
    let report = world.report("web");
    assert_eq!(report.sync, Sync::Progressing);
    assert_eq!(
        report.waiting_on,
        Some(WaitingOn::Rollout { deployment_id: Some("ecs-svc/2".to_owned()), deadline: at(1140) })
    );
}

#[test]
fn what_git_newly_wants_replaces_our_own_rollout() {
    let mut world = rolling().wanting("web", "web:6");
    // Going back is git's word, not somebody's step back, although web:6 is what was good before.
    reached(&mut world, "web:6");
    let bad = world.memory.services[&name("web")].in_flight.clone().unwrap().spec_hash;
    world.learn();
    let plan = world.propose();
    assert_eq!(world.actions(), ["EcsService/web: deploy web:6"]);
    assert_eq!(plan.reports[&service_key("web")].waiting_on, None);
    let outcome = Outcome::Done { deployment_id: Some("ecs-svc/3".to_owned()), task_definition: None };
    let told = record(&mut world.memory, &plan.actions[0], &outcome, &world.desired, COMMIT, at(5));
    let told: Vec<_> = told.into_iter().map(|event| (event.kind, event.message)).collect();
    assert_eq!(
        told,
        [
            (
                EventKind::Superseded,
                "web: the rollout of web:7 did not end: git wants something newer".to_owned()
            ),
            (EventKind::RolloutStarted, "web: web:6 is being rolled out".to_owned()),
        ]
    );
    let memory = &world.memory.services[&name("web")];
    assert_eq!(memory.attempts[&bad].verdict, Some(AttemptVerdict::Superseded));
    assert_eq!(memory.in_flight.as_ref().unwrap().deployment_id.as_deref(), Some("ecs-svc/3"));
    // And that is watched, and deployed once only.
    let live = world.live("web");
    live.task_definition = Some(arn("web:6"));
    live.deployments[0].status = DeploymentStatus::Active;
    live.deployments.insert(0, deployment("3", "web:6", RolloutState::InProgress));
    live.deployments[0].created_at = Some(at(5));
    assert_eq!(world.learn().iter().filter(|event| event.kind != EventKind::GitChanged).count(), 0);
    assert_eq!(world.actions(), Vec::<String>::new());
    assert_eq!(world.report("web").sync, Sync::Progressing);
}

#[test]
fn our_own_rollout_is_waited_for_where_ecs_or_somebody_else_took_its_place() {
    // ECS goes back.
    let mut world = rolling().wanting("web", "web:5");
    let live = world.live("web");
    live.deployments[0].rollout_reason = Some("ECS deployment circuit breaker: rolling back".to_owned());
    assert_eq!(world.actions(), Vec::<String>::new());
    // Somebody else's deployment leads: how ours ended is judged first.
    let mut world = rolling().wanting("web", "web:5");
    let live = world.live("web");
    live.deployments[0].status = DeploymentStatus::Active;
    live.deployments.insert(0, deployment("9", "web:6", RolloutState::InProgress));
    assert_eq!(world.actions(), Vec::<String>::new());
    assert_eq!(
        world.report("web").waiting_on,
        Some(WaitingOn::Rollout { deployment_id: Some("ecs-svc/2".to_owned()), deadline: at(1140) })
    );
    // What git newly wants failed before: our own is still watched.
    let mut world = rolling().wanting("web", "web:5");
    let hash = hash_of(&world);
    let mut failed = world.memory.services[&name("web")].in_flight.clone().unwrap().attempt();
    failed.verdict = Some(AttemptVerdict::Bad("failed: it crashed".to_owned()));
    world.remember("web").attempts.insert(hash, failed);
    assert_eq!(world.actions(), Vec::<String>::new());
    let report = world.report("web");
    assert_eq!(report.sync, Sync::AwaitingGit);
    assert!(matches!(report.waiting_on, Some(WaitingOn::Rollout { .. })), "{report:?}");
}

fn reached(world: &mut Fixture, revision: &str) {
    world.remember("web").last_good = Some(LastGood {
        spec_hash: None,
        task_definition: arn(revision),
        content: None,
        commit: COMMIT.to_owned(),
        at: at(-3600),
    });
}

#[test]
fn somebody_elses_step_back_is_held_and_then_healed() {
    let mut world = web("web:7", "web:6");
    reached(&mut world, "web:7");
    assert_eq!(world.actions(), Vec::<String>::new());
    assert_eq!(world.report("web").held, [HeldWhy::HealDelay { until: at(900) }]);
    assert_eq!(world.report("web").notes, ["somebody stepped back from web:7 to web:6"]);
    world.remember("web").deviation = Some(Deviation { found: "web:6".to_owned(), since: at(-899) });
    assert_eq!(world.report("web").held, [HeldWhy::HealDelay { until: at(1) }]);
    world.remember("web").deviation = Some(Deviation { found: "web:6".to_owned(), since: at(-900) });
    assert_eq!(world.actions(), ["EcsService/web: deploy web:7"]);
    // A further step starts the wait anew.
    world.remember("web").deviation = Some(Deviation { found: "web:5".to_owned(), since: at(-900) });
    assert_eq!(world.report("web").held, [HeldWhy::HealDelay { until: at(900) }]);
}

#[test]
fn what_git_newly_wants_and_a_step_forward_by_others_are_not_held() {
    let mut world = web("web:7", "web:6");
    reached(&mut world, "web:6");
    assert_eq!(world.actions(), ["EcsService/web: deploy web:7"]);
    let mut world = web("web:6", "web:7");
    reached(&mut world, "web:6");
    assert_eq!(world.actions(), ["EcsService/web: deploy web:6"]);
    // Git went back to web:5 and now wants web:7 again: not a step back by somebody else.
    let mut world = web("web:7", "web:5");
    reached(&mut world, "web:5");
    assert_eq!(world.actions(), ["EcsService/web: deploy web:7"]);
}

#[test]
fn a_stop_by_hand_is_held_unless_git_newly_wants_tasks() {
    let mut world = web("web:6", "web:6");
    world.live("web").desired_count = 0;
    world.remember("web").reached_count = Some(2);
    assert_eq!(world.report("web").held, [HeldWhy::HealDelay { until: at(900) }]);
    assert_eq!(world.actions(), Vec::<String>::new());
    world.remember("web").deviation = Some(Deviation { found: "count 0".to_owned(), since: at(-900) });
    assert_eq!(world.actions(), ["EcsService/web: set the desired count to 2"]);
    world.remember("web").deviation = None;
    world.remember("web").reached_count = Some(0);
    assert_eq!(world.actions(), ["EcsService/web: set the desired count to 2"]);
    // Nothing is remembered: not taken for new.
    world.memory = Memory::default();
    assert_eq!(world.report("web").held, [HeldWhy::HealDelay { until: at(900) }]);
}

#[test]
fn what_another_controller_deploys_is_not_compared_and_the_count_only_where_the_service_has_it() {
    let mut world = web("web:7", "web:6").restarting("web", "a");
    world.live("web").desired_count = 1;
    let told = |world: &Fixture| {
        let report = world.report("web");
        let paths: Vec<String> = report.differences.into_iter().map(|one| one.path).collect();
        (report.sync, paths, report.notes, world.actions())
    };
    let one = |text: &str| vec![text.to_owned()];
    world.live("web").controller = DeploymentController::CodeDeploy;
    let note =
        "CodeDeploy deploys this service: its task definition is not compared, and nothing is restarted";
    let scale = "EcsService/web: set the desired count to 2";
    assert_eq!(told(&world), (Sync::Drifted, one("desiredCount"), one(note), one(scale)));
    world.live("web").desired_count = 2;
    assert_eq!(told(&world), (Sync::InSync, vec![], one(note), vec![]));
    world.live("web").desired_count = 1;
    world.live("web").controller = DeploymentController::External;
    let note = "an external controller deploys this service: its task definition and count are not compared, and nothing \
                is restarted";
    assert_eq!(told(&world), (Sync::InSync, vec![], one(note), vec![]));
}

#[test]
fn a_failed_rollout_that_stays_where_it_is_awaits_git() {
    let mut world = web("web:6", "web:6");
    world.live("web").deployments[0].rollout_state = Some(RolloutState::Failed);
    world.live("web").deployments[0].rollout_reason =
        Some("ECS deployment circuit breaker: tasks failed to start.".to_owned());
    let report = world.report("web");
    assert_eq!((report.sync, report.differences), (Sync::AwaitingGit, Vec::new()));
    assert_eq!(
        report.notes,
        [
            "ECS has not gone back to an earlier deployment: 2 of 2 tasks are running",
            "what git wants failed, awaiting git: failed: ECS deployment circuit breaker: tasks failed to start."
        ]
    );
    assert!(!world.propose().is_clean());
}
