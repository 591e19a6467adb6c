//! What is remembered, and told once.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::live::{DeploymentStatus, PastDeploymentStatus, RolloutState, UnknownCategory};
use crate::name::{ClusterName, Region, ServiceName};
use crate::plan::fixture::*;
use crate::plan::*;

type Told = Vec<(EventKind, String)>;

fn nothing() -> Told {
    Vec::new()
}

fn one(kind: EventKind, message: &str) -> Told {
    vec![(kind, message.to_owned())]
}

fn web() -> Fixture {
    Fixture::new()
        .with_service("web", "web:6")
        .with_revision("web:6", content("web", "f"))
        .with_revision("web:7", content("web", "g"))
}

fn verdict(world: &Fixture, hash: &SpecHash) -> Option<AttemptVerdict> {
    world.memory.services[&name("web")].attempts[hash].verdict.clone()
}

/// What is there again after it was written down and read.
fn stored(memory: &Memory) -> Memory {
    fn row<T: Serialize + DeserializeOwned>(row: &T) -> T {
        serde_json::from_str(&serde_json::to_string(row).unwrap()).unwrap()
    }
    let Memory { services, resources, targets, orphans } = memory;
    Memory {
        services: services.iter().map(|(name, one)| (name.clone(), Arc::new(row(&**one)))).collect(),
        resources: resources.iter().map(|(id, one)| (id.clone(), Arc::new(row(&**one)))).collect(),
        targets: row(targets),
        orphans: row(orphans),
    }
}

#[test]
fn a_rollout_that_completes_is_the_last_good_one() {
    let mut world = web().with_service("web", "web:7");
    let hash = world.in_flight("web", "web:7", "1");
    world.live("web").deployments[0].rollout_state = Some(RolloutState::InProgress);
    assert_eq!(world.told(), nothing());
    assert_eq!(verdict(&world, &hash), None);
    world.live("web").deployments[0].rollout_state = Some(RolloutState::Completed);
    assert_eq!(world.told(), one(EventKind::RolloutGood, "web: web:7 is rolled out and good"));
    assert_eq!(
        *world.memory.services[&name("web")],
        ServiceMemory {
            of: EcsServiceId::meant_by(&world.desired, &name("web")),
            last_good: Some(LastGood {
                spec_hash: Some(hash.clone()),
                task_definition: arn("web:7"),
                content: Some(content("web", "g")),
                commit: COMMIT.to_owned(),
                at: at(0),
            }),
            attempts: [(
                hash,
                Attempt {
                    deployment_id: Some("ecs-svc/1".to_owned()),
                    task_definition: Some(arn("web:7")),
                    commit: COMMIT.to_owned(),
                    restart: None,
                    at: at(-60),
                    verdict: Some(AttemptVerdict::Good),
                    aftermath: Box::new(Aftermath { ended_at: Some(at(0)), ..Aftermath::default() }),
                }
            )]
            .into(),
            reached_count: Some(2),
            ..ServiceMemory::default()
        }
    );
    assert_eq!(world.told(), nothing());
}

#[test]
fn a_rollback_by_ecs_is_told_once_and_stays_quarantined() {
    let mut world = web().wanting("web", "web:7").with_history("web", Vec::new());
    let Operation::UpdateService { spec_hash: Some(hash), .. } = world.propose().actions[0].operation.clone()
    else {
        panic!("a deployment was expected");
    };
    world.in_flight("web", "web:7", "2");
    world.remember("web").in_flight.as_mut().unwrap().spec_hash = hash.clone();
    let mut failed = deployment("2", "web:7", RolloutState::Failed);
    failed.status = DeploymentStatus::Active;
    failed.rollout_reason = Some("tasks failed to start".to_owned());
    world.live("web").deployments.push(failed);
    let reason = "rolled back by ECS to web:6: tasks failed to start";
    assert_eq!(world.told(), one(EventKind::RolledBackByEcs, &format!("web: {reason}")));
    assert_eq!(verdict(&world, &hash), Some(AttemptVerdict::Bad(reason.to_owned())));
    assert_eq!(world.memory.services[&name("web")].in_flight, None);
    assert_eq!(world.told(), nothing());
    assert_eq!((world.actions(), world.report("web").sync), (Vec::new(), Sync::AwaitingGit));
}

#[test]
fn a_rollback_by_ecs_is_noticed_although_the_store_was_lost() {
    let mut world = web()
        .wanting("web", "web:7")
        .with_history("web", vec![past("2", "web:7", PastDeploymentStatus::RolledBack)]);
    assert_eq!(
        world.told(),
        one(EventKind::RolledBackByEcs, "web: web:7 rolled back by ECS: tasks failed to start")
    );
    world.live.histories.clear();
    assert_eq!(world.told(), nothing());
    assert_eq!(world.report("web").sync, Sync::AwaitingGit);
    assert_eq!(world.needs(), BTreeSet::new());
}

#[test]
fn a_rollout_that_completes_after_its_deadline_is_good_after_all() {
    let mut world = web();
    let hash = world.in_flight("web", "web:6", "1");
    world.live("web").deployments[0].rollout_state = Some(RolloutState::InProgress);
    world.remember("web").in_flight.as_mut().unwrap().deadline = at(-1);
    assert_eq!(world.told()[0].0, EventKind::RolloutBad);
    world.live("web").deployments[0].rollout_state = Some(RolloutState::Completed);
    assert_eq!(
        world.told()[0],
        (EventKind::RolloutGood, "web: ecs-svc/1 completed after its deadline".to_owned())
    );
    assert_eq!(verdict(&world, &hash), Some(AttemptVerdict::Good));
}

#[test]
fn a_rollout_that_nobody_watches_is_taken_over() {
    let mut world = web().with_history("web", Vec::new());
    world.live("web").deployments[0].rollout_state = Some(RolloutState::InProgress);
    assert_eq!(world.told(), nothing());
    let in_flight = world.memory.services[&name("web")].in_flight.clone().unwrap();
    assert_eq!(
        (in_flight.deployment_id, in_flight.started_at, in_flight.deadline),
        (Some("ecs-svc/1".to_owned()), at(-3600), at(-2400))
    );
}

#[test]
fn what_runs_and_completed_is_good_whoever_started_it() {
    let mut world = Fixture::new().with_service("web", "web:6");
    assert_eq!(world.told(), nothing());
    let good = world.memory.services[&name("web")].last_good.clone().unwrap();
    assert_eq!((good.task_definition, good.spec_hash, good.content), (arn("web:6"), None, None));
    let before = world.memory.clone();
    assert_eq!(world.told(), nothing());
    assert_eq!(world.memory, before, "a pass over what did not change changes nothing in memory");
}

#[test]
fn what_stays_good_is_known_with_the_newest_commit_that_wants_it() {
    let mut world = web().with_service("web", "web:7").wanting("web", "web:7");
    world.learn();
    let good = |world: &Fixture| world.memory.services[&name("web")].last_good.clone().unwrap();
    let first = good(&world);
    assert_eq!((first.commit.as_str(), first.task_definition.clone()), (COMMIT, arn("web:7")));

    let newer = "ab".repeat(20);
    world.learn_at(&newer);
    assert_eq!(good(&world), LastGood { commit: newer.clone(), ..first });
    let before = world.memory.clone();
    world.learn_at(&newer);
    assert_eq!(world.memory, before, "a pass over what did not change changes nothing in memory");

    // What live does not follow is not good.
    let mut world = world.with_revision("web:8", content("web", "h")).wanting("web", "web:8");
    world.learn_at(&"cd".repeat(20));
    assert_eq!(good(&world).commit, newer);
}

#[test]
fn what_was_good_before_keeps_the_newest_commit_with_which_it_was() {
    let hash = |digit: &str| SpecHash(digit.repeat(64));
    let mut memory = ServiceMemory::default();
    let good = |hash: &SpecHash, commit: &str| LastGood {
        spec_hash: Some(hash.clone()),
        task_definition: arn("web:7"),
        content: None,
        commit: commit.to_owned(),
        at: at(0),
    };
    let attempt = |verdict| Attempt {
        deployment_id: None,
        task_definition: None,
        commit: "old".to_owned(),
        restart: None,
        at: at(0),
        verdict: Some(verdict),
        aftermath: Box::default(),
    };
    memory.attempts.insert(hash("a"), attempt(AttemptVerdict::Good));
    memory.attempts.insert(hash("b"), attempt(AttemptVerdict::Superseded));
    memory.found_good(good(&hash("a"), "one"));
    memory.found_good(good(&hash("a"), "two"));
    memory.found_good(good(&hash("b"), "three"));
    memory.found_good(good(&hash("c"), "four"));
    let commits: Vec<&str> = memory.attempts.values().map(|attempt| attempt.commit.as_str()).collect();
    assert_eq!(commits, ["two", "old"]);
    assert_eq!(memory.last_good, Some(good(&hash("c"), "four")));
}

#[test]
fn a_step_back_is_told_and_timed_once() {
    let mut world = web();
    world.learn();
    let mut world = world
        .with_service("web", "web:5")
        .with_revision("web:5", content("web", "e"))
        .wanting("web", "web:6")
        .with_history("web", Vec::new());
    let told = world.told();
    assert_eq!(
        told[0],
        (
            EventKind::Held,
            "web: somebody stepped back to web:5: left alone for 15m, then healed unless git changes"
                .to_owned()
        )
    );
    assert_eq!(told[1].0, EventKind::DriftFound);
    world.now = at(600);
    assert_eq!(world.told(), nothing());
    assert_eq!(
        world.memory.services[&name("web")].deviation,
        Some(Deviation { found: "web:5".to_owned(), since: at(0) })
    );
    world.now = at(900);
    assert_eq!(world.actions(), ["EcsService/web: deploy web:6"]);
    // Somebody puts it right again: the wait is forgotten.
    let mut world = world.with_service("web", "web:6");
    assert_eq!(world.told(), one(EventKind::DriftHealed, "web: the drift is gone"));
    assert_eq!(world.memory.services[&name("web")].deviation, None);
}

#[test]
fn drift_is_told_once_and_when_it_is_gone() {
    let mut world = web();
    assert_eq!(world.told(), nothing());
    world.live("web").desired_count = 5;
    assert_eq!(world.told(), one(EventKind::DriftFound, "web: desiredCount is 5, git wants 2"));
    assert_eq!(world.told(), nothing());
    world.live("web").desired_count = 6;
    assert_eq!(world.told(), one(EventKind::DriftFound, "web: desiredCount is 6, git wants 2"));
    let seen = world.live.services.clone();
    world.live.services.insert(name("web"), unknown(UnknownCategory::Throttled));
    assert_eq!(world.told(), nothing(), "the unknown heals nothing");
    world.live.services = seen;
    world.live("web").desired_count = 2;
    assert_eq!(world.told(), one(EventKind::DriftHealed, "web: the drift is gone"));
    assert_eq!(world.told(), nothing());
}

#[test]
fn a_change_in_git_is_not_called_drift() {
    let mut world = web();
    world.learn();
    world.spec("web").desired_count = Some(4);
    assert_eq!(world.told(), one(EventKind::GitChanged, "web: desiredCount is 2, git wants 4"));
    world.live("web").desired_count = 4;
    assert_eq!(world.told(), one(EventKind::Converged, "web: as git wants it"));
}

fn update(world: &Fixture) -> Action {
    world.propose().actions.iter().find(|action| action.wave == Wave::Services).cloned().unwrap()
}

fn recorded(world: &mut Fixture, action: &Action, outcome: &Outcome) -> Told {
    let events = record(&mut world.memory, action, outcome, &world.desired, COMMIT, at(5));
    events.into_iter().map(|event| (event.kind, event.message)).collect()
}

#[test]
fn what_was_begun_is_watched() {
    let mut world = web().wanting("web", "web:7").with_history("web", Vec::new());
    world.spec("web").desired_count = Some(4);
    let action = update(&world);
    let Operation::UpdateService { spec_hash: Some(hash), .. } = action.operation.clone() else {
        panic!("a deployment was expected");
    };
    let outcome = Outcome::Done { deployment_id: Some("ecs-svc/2".to_owned()), task_definition: None };
    assert_eq!(
        recorded(&mut world, &action, &outcome),
        [
            (EventKind::RolloutStarted, "web: web:7 is being rolled out".to_owned()),
            (EventKind::Scaled, "web: the desired count was set from 2 to 4".to_owned()),
        ]
    );
    let attempt = Attempt {
        deployment_id: Some("ecs-svc/2".to_owned()),
        task_definition: Some(arn("web:7")),
        commit: COMMIT.to_owned(),
        restart: None,
        at: at(5),
        verdict: None,
        aftermath: Box::default(),
    };
    let in_flight = InFlight {
        spec_hash: hash.clone(),
        deployment_id: Some("ecs-svc/2".to_owned()),
        task_definition: Some(arn("web:7")),
        commit: COMMIT.to_owned(),
        restart: None,
        started_at: at(5),
        deadline: at(1205),
        watch: Watch { ours: true, changed: action.because.clone(), ..Watch::default() },
    };
    let scaling = Scaling { to: 4, commit: COMMIT.to_owned(), started_at: at(5), deadline: at(1205) };
    assert_eq!(
        *world.memory.services[&name("web")],
        ServiceMemory {
            of: EcsServiceId::meant_by(&world.desired, &name("web")),
            attempts: [(hash, attempt)].into(),
            in_flight: Some(Box::new(in_flight)),
            scaling: Some(scaling),
            ..ServiceMemory::default()
        }
    );
}

#[test]
fn a_failure_is_told_once_until_it_changes() {
    let mut world = web();
    world.live("web").desired_count = 5;
    let action = update(&world);
    let failed = Outcome::Failed(reason(UnknownCategory::Denied));
    assert_eq!(
        recorded(&mut world, &action, &failed),
        one(EventKind::ActionFailed, "web: failed to set the desired count to 2: Rate exceeded")
    );
    assert_eq!(recorded(&mut world, &action, &failed), nothing());
    // A new process tells it once more.
    world.memory = stored(&world.memory);
    assert_eq!(recorded(&mut world, &action, &failed).len(), 1);
    assert_eq!(recorded(&mut world, &action, &failed), nothing());
    assert_eq!(recorded(&mut world, &action, &Outcome::AlreadyDone), nothing());
    assert_eq!(recorded(&mut world, &action, &failed).len(), 1);
    assert_eq!(
        recorded(&mut world, &action, &Outcome::Superseded { found: "desiredCount is 7".to_owned() }),
        one(EventKind::Superseded, "web: not done (set the desired count to 2): desiredCount is 7")
    );
    assert_eq!(world.memory.services.get(&name("web")), None, "nothing was begun");
}

#[test]
fn memory_survives_being_stored() {
    let mut world = web().wanting("web", "web:7").with_history("web", Vec::new());
    let action = update(&world);
    recorded(&mut world, &action, &Outcome::Done { deployment_id: None, task_definition: None });
    world.learn();
    assert_eq!(stored(&world.memory), world.memory);
    assert_eq!(serde_json::from_str::<ServiceMemory>("{}").unwrap(), ServiceMemory::default());
    assert_eq!(serde_json::from_str::<ResourceMemory>("{}").unwrap(), ResourceMemory::default());
}

#[test]
fn a_rollout_on_another_ecs_service_decides_nothing() {
    let mut world = web().wanting("web", "web:7").with_history("web", Vec::new());
    let action = update(&world);
    recorded(&mut world, &action, &Outcome::Done { deployment_id: None, task_definition: None });
    // Git points the same resource at another ECS service, which runs something older since long ago.
    world.spec("web").service = ServiceName::parse("web-green").unwrap();
    assert_eq!(
        world.told(),
        vec![
            (
                EventKind::Superseded,
                "web: the rollout of web:7 is not watched any more: it was on the ECS service web in the cluster main, and git \
                 now means another one"
                    .to_owned()
            ),
            (EventKind::DriftFound, "web: taskDefinition is web:6, git wants web:7; \
                 taskDefinition.containerDefinitions[name=app].image is f, git wants g"
                    .to_owned()),
        ]
    );
    assert_eq!(world.memory.services[&name("web")].attempts, [].into());
    assert_eq!(world.memory.services[&name("web")].in_flight, None);
    assert_eq!(world.actions(), ["EcsService/web: deploy web:7"]);
}

#[test]
fn what_another_ecs_service_ran_is_no_step_back() {
    let mut world = web().with_service("web", "web:7");
    world.learn();
    assert_eq!(world.memory.services[&name("web")].reached_count, Some(2));
    let moves: [fn(&mut Fixture); 3] = [
        |world| world.spec("web").service = ServiceName::parse("web-green").unwrap(),
        |world| world.target("prod").cluster = ClusterName::parse("other").unwrap(),
        |world| world.target("prod").region = Region::parse("eu-west-1").unwrap(),
    ];
    for to_another in moves {
        let mut world = world.clone();
        *world.live("web") = live_service("web", "web:6");
        world = world.claimed_by("web", "bowline", "EcsService/web");
        world.live.histories.insert(name("web"), known(Vec::new()));
        assert_eq!(world.actions(), Vec::<String>::new(), "the same service: somebody stepped back");
        to_another(&mut world);
        // Nothing was learned yet: what is remembered is of another service all the same.
        assert_eq!(world.actions(), ["EcsService/web: deploy web:7"]);
        world.learn();
        assert_eq!(world.actions(), ["EcsService/web: deploy web:7"]);
        assert_eq!(world.memory.services[&name("web")].last_good, None);
    }
}

#[test]
fn what_an_earlier_version_stored_is_taken_to_be_of_the_service_that_git_means() {
    let mut world = web().with_service("web", "web:7");
    let hash = world.in_flight("web", "web:7", "1");
    world.learn();
    assert_eq!(verdict(&world, &hash), Some(AttemptVerdict::Good));
    assert!(world.memory.services[&name("web")].of.is_some());
}

#[test]
fn when_a_secret_left_its_version_is_remembered() {
    let mut world = Fixture::new().with_secret("db", "2", "1").with_dates("db", &[("1", -20), ("2", -10)]);
    world.learn();
    assert_eq!(world.memory.resources["Secret/db"].moved_away, Some(at(-600)));
    let mut world = Fixture { memory: world.memory.clone(), ..Fixture::new().with_secret("db", "2", "2") };
    world.learn();
    assert_eq!(world.memory.resources["Secret/db"].moved_away, None);
}

#[test]
fn what_was_stored_without_evidence_and_health_is_still_read() {
    let mut world = web().with_service("web", "web:7");
    let hash = world.in_flight("web", "web:7", "1");
    let service = world.remember("web");
    let mut tried = service.in_flight.as_ref().unwrap().attempt();
    tried.verdict = Some(AttemptVerdict::Bad("it crashed".to_owned()));
    service.attempts.insert(hash.clone(), tried);
    let mut stored = serde_json::to_value(&*service).unwrap();
    stored["in_flight"].as_object_mut().unwrap().remove("watch").unwrap();
    stored["attempts"][&hash.0].as_object_mut().unwrap().remove("aftermath").unwrap();
    service.in_flight.as_mut().unwrap().watch = Watch::default();
    assert_eq!(serde_json::from_value::<ServiceMemory>(stored).unwrap(), *service);
}
