//! Health conditions from pass to pass: the baseline, the verdict, and what happens after it was good.

use crate::live::{Observed, ProbeBody, ProbeOutcome, ProbeResult, RolloutState, UnknownCategory};
use crate::name::HostPattern;
use crate::plan::fixture::*;
use crate::plan::*;
use crate::policy::{Ceiling, GitStanding, approve};

const WEB: &str = "tcp web.test:80";

/// `web` runs web:6, git wants web:7, and one condition takes one right answer.
fn web() -> Fixture {
    let mut world = Fixture::new()
        .with_service("web", "web:6")
        .with_revision("web:6", content("web", "f"))
        .with_revision("web:7", content("web", "g"))
        .with_history("web", Vec::new())
        .wanting("web", "web:7");
    world.spec("web").health = vec![tcp("web.test", 1)];
    world
}

fn answer(world: &mut Fixture, outcome: ProbeOutcome) {
    let result = ProbeResult { condition: WEB.to_owned(), at: world.now, outcome, body: None };
    world.live.probes.insert(name("web"), vec![result]);
}

fn wrong() -> ProbeOutcome {
    ProbeOutcome::Failed("connection refused".to_owned())
}

/// The service as ECS shows it at that second, with this answer; what is told of it.
fn pass(world: &mut Fixture, seconds: i64, state: RolloutState, outcome: ProbeOutcome) -> Vec<EventKind> {
    let answer = ProbeResult { condition: WEB.to_owned(), at: at(seconds), outcome, body: None };
    pass_with(world, seconds, state, answer)
}

fn pass_with(world: &mut Fixture, seconds: i64, state: RolloutState, answer: ProbeResult) -> Vec<EventKind> {
    world.now = at(seconds);
    let mut service = live_service("web", "web:7");
    service.tags = world.live("web").tags.clone();
    service.deployments = vec![deployment("2", "web:7", state)];
    service.deployments[0].created_at = Some(at(1));
    world.live.services.insert(name("web"), Observed::Known { value: service.into(), at: at(seconds) });
    world.live.probes.insert(name("web"), vec![answer]);
    world.told().into_iter().map(|(kind, _)| kind).collect()
}

/// Begins the rollout of web:7 after the baseline was read.
fn begin(world: &mut Fixture, baseline: ProbeOutcome) -> SpecHash {
    assert_eq!(world.needs(), [Need::Health { service: name("web") }].into());
    assert_eq!(world.actions(), Vec::<String>::new());
    answer(world, baseline);
    world.learn();
    let action = world.propose().actions[0].clone();
    assert_eq!(action.to_string(), "EcsService/web: deploy web:7");
    let outcome = Outcome::Done { deployment_id: Some("ecs-svc/2".to_owned()), task_definition: None };
    let now = world.now;
    record(&mut world.memory, &action, &outcome, &world.desired, COMMIT, now);
    let Operation::UpdateService { spec_hash, .. } = action.operation else { panic!("no update") };
    spec_hash.unwrap()
}

fn attempt<'a>(world: &'a Fixture, hash: &SpecHash) -> &'a Attempt {
    &world.memory.services[&name("web")].attempts[hash]
}

#[test]
fn completed_and_healthy_is_good() {
    let mut world = web();
    let hash = begin(&mut world, ProbeOutcome::Passed);
    assert_eq!(pass(&mut world, 30, RolloutState::InProgress, ProbeOutcome::Passed), []);
    assert_eq!(pass(&mut world, 40, RolloutState::Completed, wrong()), []);
    let report = world.report("web");
    assert_eq!(report.sync, Sync::Progressing);
    let deadline = at(1200);
    let of = vec![format!("{WEB}: connection refused")];
    assert_eq!(report.waiting_on, Some(WaitingOn::Health { of, deadline }));
    let shown = HealthReport {
        condition: WEB.to_owned(),
        healthy: Some(false),
        reason: Some("connection refused".to_owned()),
    };
    assert_eq!(report.health, [shown]);
    let told = pass(&mut world, 50, RolloutState::Completed, ProbeOutcome::Passed);
    assert_eq!(told, [EventKind::RolloutGood, EventKind::DriftHealed]);
    assert_eq!(attempt(&world, &hash).verdict, Some(AttemptVerdict::Good));
    assert_eq!(world.report("web").sync, Sync::InSync);
}

#[test]
fn what_a_wrong_answer_held_is_remembered_and_stands_in_no_report() {
    let mut world = web();
    let hash = begin(&mut world, ProbeOutcome::Passed);
    let body = ProbeBody::of(b"password=hunter2");
    for seconds in [40, 1201] {
        let (condition, body) = (WEB.to_owned(), body.clone());
        let result = ProbeResult { condition, at: at(seconds), outcome: wrong(), body };
        pass_with(&mut world, seconds, RolloutState::Completed, result);
    }
    let kept = attempt(&world, &hash).aftermath.evidence.clone().unwrap();
    assert_eq!(kept.bodies().collect::<Vec<_>>(), [(WEB, at(1201), "password=hunter2")]);
    let report = world.report("web");
    let shown = report.failed.clone().unwrap().evidence.unwrap();
    assert_eq!(shown, kept.without_bodies());
    assert!(!serde_json::to_string(&report).unwrap().contains("hunter2"));
    // On the machine of the store it is told.
    let memory = &world.memory.services[&name("web")];
    let answers = crate::verb::answers(&report, Some(memory));
    assert_eq!(answers.len(), 1);
    assert_eq!((answers[0].condition.as_str(), answers[0].text.as_str()), (WEB, "password=hunter2"));
    assert_eq!(crate::verb::answers(&report, None), []);
}

#[test]
fn completed_and_unhealthy_at_the_deadline_is_bad_and_stays_bad() {
    let mut world = web();
    let hash = begin(&mut world, ProbeOutcome::Passed);
    pass(&mut world, 40, RolloutState::Completed, wrong());
    assert_eq!(pass(&mut world, 1201, RolloutState::Completed, wrong()), [EventKind::RolloutBad]);
    let reason = format!("unhealthy at its deadline: {WEB}: connection refused");
    assert_eq!(attempt(&world, &hash).verdict, Some(AttemptVerdict::Bad(reason)));
    // Its deployment is complete, and there is nothing in progress to stop.
    assert_eq!(world.actions(), Vec::<String>::new());
    let report = world.report("web");
    assert_eq!(report.sync, Sync::AwaitingGit);
    let evidence = report.failed.unwrap().evidence.unwrap();
    assert_eq!(
        evidence.probes,
        [ProbeResult { condition: WEB.to_owned(), at: at(1201), outcome: wrong(), body: None }]
    );
    let changed: Vec<String> = evidence.changed.iter().map(|difference| difference.path.clone()).collect();
    assert_eq!(changed, ["taskDefinition", "taskDefinition.containerDefinitions[name=app].image"]);
    // Answers that come right later do not make it good: git decides.
    assert_eq!(pass(&mut world, 1300, RolloutState::Completed, ProbeOutcome::Passed), []);
    assert_eq!(world.report("web").sync, Sync::AwaitingGit);
}

#[test]
fn what_failed_before_the_rollout_leaves_it_unproven() {
    let mut world = web();
    let hash = begin(&mut world, wrong());
    pass(&mut world, 40, RolloutState::Completed, wrong());
    let told = pass(&mut world, 1201, RolloutState::Completed, wrong());
    assert_eq!(told, [EventKind::RolloutUnproven, EventKind::DriftHealed]);
    assert!(matches!(attempt(&world, &hash).verdict, Some(AttemptVerdict::Unproven(_))));
    assert_eq!(world.memory.services[&name("web")].last_good, None);
    assert_eq!(world.actions(), Vec::<String>::new());
    // Once it is healthy, it is what to go back to.
    pass(&mut world, 1300, RolloutState::Completed, ProbeOutcome::Passed);
    let good = world.memory.services[&name("web")].last_good.clone().unwrap();
    assert_eq!(good.task_definition, arn("web:7"));
}

#[test]
fn a_fresh_baseline_is_not_read_again_and_an_old_one_is() {
    let mut world = web();
    answer(&mut world, ProbeOutcome::Passed);
    world.learn();
    world.live.probes.clear();
    world.now = at(90);
    assert_eq!(world.needs(), [].into());
    world.now = at(91);
    assert_eq!(world.needs(), [Need::Health { service: name("web") }].into());
}

#[test]
fn an_answer_that_nobody_can_give_does_not_hold_the_rollout() {
    let mut world = web();
    answer(&mut world, ProbeOutcome::Unknown("Rate exceeded".to_owned()));
    world.learn();
    assert_eq!(world.actions(), ["EcsService/web: deploy web:7"]);
}

#[test]
fn without_tasks_there_is_no_baseline() {
    let mut world = web();
    world.spec("web").desired_count = Some(0);
    world.live("web").desired_count = 0;
    assert_eq!(world.needs(), [].into());
    assert_eq!(world.actions(), ["EcsService/web: deploy web:7"]);
}

#[test]
fn a_host_outside_of_the_ceiling_holds_the_rollout_and_not_the_count() {
    let mut world = web();
    world.spec("web").desired_count = Some(3);
    answer(&mut world, ProbeOutcome::Passed);
    world.learn();
    let ceiling = |hosts: &[&str]| Ceiling {
        probe_hosts: hosts.iter().map(|host| HostPattern::parse(host).unwrap()).collect(),
        ..ceiling()
    };
    let allowed = |hosts| {
        let approved = approve(world.propose(), &world.desired, &ceiling(hosts), &GitStanding::Fresh);
        let actions: Vec<String> = approved.actions().iter().map(ToString::to_string).collect();
        (actions, approved.reports[&service_key("web")].held.clone())
    };
    let whole = "EcsService/web: deploy web:7 and set the desired count to 3".to_owned();
    assert_eq!(allowed(&["*.test"]), (vec![whole], vec![]));
    let what = "the health condition `tcp web.test:80`: web.test may not be probed: add it to `ceiling.probeHosts` in \
                bowline.yaml and restart Bowline, or take the condition out of `health`"
        .to_owned();
    let count = "EcsService/web: set the desired count to 3".to_owned();
    assert_eq!(allowed(&["web"]), (vec![count], vec![HeldWhy::NeedsPerson { what }]));
}

#[test]
fn health_that_is_lost_after_good_is_told_once_and_reverts_nothing() {
    let mut world = web();
    begin(&mut world, ProbeOutcome::Passed);
    pass(&mut world, 50, RolloutState::Completed, ProbeOutcome::Passed);
    pass(&mut world, 60, RolloutState::Completed, ProbeOutcome::Passed);
    assert_eq!(pass(&mut world, 100, RolloutState::Completed, wrong()), []);
    assert_eq!(pass(&mut world, 160, RolloutState::Completed, wrong()), []);
    assert_eq!(pass(&mut world, 220, RolloutState::Completed, wrong()), [EventKind::HealthLost]);
    assert_eq!(pass(&mut world, 280, RolloutState::Completed, wrong()), []);
    let report = world.report("web");
    assert_eq!(
        (report.sync, report.notes),
        (
            Sync::InSync,
            vec![
                "not healthy since 2026-11-21T12:01:40Z: tcp web.test:80: connection refused; what runs was good before, \
                 so nothing is reverted"
                    .to_owned()
            ]
        )
    );
    assert_eq!(world.actions(), Vec::<String>::new());
    let told = pass(&mut world, 340, RolloutState::Completed, ProbeOutcome::Passed);
    assert_eq!(told, [EventKind::HealthRegained]);
}

#[test]
fn the_same_answer_is_not_written_each_time() {
    let mut world = web();
    answer(&mut world, ProbeOutcome::Passed);
    world.learn();
    let before = world.memory.clone();
    world.now = at(59);
    answer(&mut world, ProbeOutcome::Passed);
    world.learn();
    assert_eq!(world.memory, before);
}

#[test]
fn all_conditions_are_asked_at_their_pace_during_a_rollout_and_calmly_after() {
    let mut world = web();
    let asked = |world: &Fixture| followed(&world.desired, &world.live, &world.memory);
    let interval = |world: &Fixture| asked(world)[&name("web")].conditions[0].interval.get().as_secs();
    assert_eq!(interval(&world), 60);
    begin(&mut world, ProbeOutcome::Passed);
    assert_eq!(interval(&world), 10);
    world.live("web").desired_count = 0;
    assert_eq!(asked(&world), [].into());
    world.live.services.insert(name("web"), unknown(UnknownCategory::Throttled));
    assert_eq!(asked(&world), [].into());
}
