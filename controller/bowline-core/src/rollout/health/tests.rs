use super::*;
use crate::live::{Pause, RolloutState};
use crate::plan::SpecHash;
use crate::plan::fixture::{COMMIT, arn, at, deployment, live_service, tcp};
use crate::plan::{InFlight, Watch};
use crate::rollout::judge;

const WEB: &str = "tcp web:80";

/// Our deployment `ecs-svc/2`, begun at 0 with 20 minutes to go, of a service with one condition that takes two answers.
fn ours(before: Option<bool>) -> InFlight {
    let standing = ConditionStanding { needed: 2, before, ..ConditionStanding::default() };
    InFlight {
        spec_hash: SpecHash("f".repeat(64)),
        deployment_id: Some("ecs-svc/2".to_owned()),
        task_definition: Some(arn("web:7")),
        commit: COMMIT.to_owned(),
        restart: None,
        started_at: at(0),
        deadline: at(1200),
        watch: Watch { health: [(WEB.to_owned(), standing)].into(), ..Watch::default() },
    }
}

fn service(state: RolloutState) -> LiveService {
    let mut service = live_service("web", "web:7");
    service.deployments = vec![deployment("2", "web:7", state)];
    service.deployments[0].created_at = Some(at(1));
    service
}

fn answer(seconds: i64, outcome: ProbeOutcome) -> ProbeResult {
    ProbeResult { condition: WEB.to_owned(), at: at(seconds), outcome, body: None }
}

fn right(seconds: i64) -> ProbeResult {
    answer(seconds, ProbeOutcome::Passed)
}

fn wrong(seconds: i64) -> ProbeResult {
    answer(seconds, ProbeOutcome::Failed("connection refused".to_owned()))
}

/// The verdict after a pass that read the service then, and had these answers.
fn pass(rollout: &mut InFlight, state: RolloutState, seconds: i64, probes: &[ProbeResult]) -> Verdict {
    let service = service(state);
    let sight = Sight { service: &service, at: at(seconds), probes, progress: None };
    follow(rollout, &[tcp("web", 2)], &sight);
    judge(rollout, &Observed::Known { value: service.into(), at: at(seconds) }, None)
}

fn waits(of: &str) -> Verdict {
    Verdict::Pending(WaitingOn::Health { of: vec![of.to_owned()], deadline: at(1200) })
}

#[test]
fn only_answers_since_ecs_completed_it_count_and_they_count_in_a_row() {
    let mut rollout = ours(Some(true));
    let before = [right(5), right(15), right(25)];
    assert!(matches!(
        pass(&mut rollout, RolloutState::InProgress, 30, &before),
        Verdict::Pending(WaitingOn::Rollout { .. })
    ));
    let completed = |rollout: &mut InFlight, seconds, probes: &[ProbeResult]| {
        pass(rollout, RolloutState::Completed, seconds, probes)
    };
    assert_eq!(completed(&mut rollout, 40, &[right(35)]), waits("tcp web:80: 0 of 2 right answers in a row"));
    assert_eq!(completed(&mut rollout, 50, &[right(45)]), waits("tcp web:80: 1 of 2 right answers in a row"));
    assert_eq!(completed(&mut rollout, 60, &[wrong(55)]), waits("tcp web:80: connection refused"));
    // What was seen before is not counted again.
    assert_eq!(
        completed(&mut rollout, 70, &[right(45), right(65)]),
        waits("tcp web:80: 1 of 2 right answers in a row")
    );
    assert_eq!(completed(&mut rollout, 80, &[right(75)]), Verdict::Good);
}

#[test]
fn health_that_is_false_at_the_deadline_is_bad_by_an_answer_from_after_it() {
    let mut rollout = ours(Some(true));
    let completed = |rollout: &mut InFlight, seconds, probes: &[ProbeResult]| {
        pass(rollout, RolloutState::Completed, seconds, probes)
    };
    assert_eq!(completed(&mut rollout, 1200, &[wrong(1195)]), waits("tcp web:80: connection refused"));
    assert_eq!(completed(&mut rollout, 1205, &[]), waits("tcp web:80: connection refused"));
    let bad = Verdict::Bad("unhealthy at its deadline: tcp web:80: connection refused".to_owned());
    assert_eq!(completed(&mut rollout, 1215, &[wrong(1210)]), bad);
}

#[test]
fn right_answers_that_are_not_enough_yet_extend_the_deadline() {
    let mut rollout = ours(Some(true));
    let first = pass(&mut rollout, RolloutState::Completed, 1199, &[right(1199)]);
    assert_eq!(first, waits("tcp web:80: 1 of 2 right answers in a row"));
    assert_eq!(pass(&mut rollout, RolloutState::Completed, 1215, &[right(1210)]), Verdict::Good);
}

#[test]
fn what_was_false_or_unknown_before_cannot_convict() {
    for before in [Some(false), None] {
        let mut rollout = ours(before);
        let verdict = pass(&mut rollout, RolloutState::Completed, 1215, &[wrong(1210)]);
        assert!(
            matches!(&verdict, Verdict::Unproven(why) if why.contains("connection refused")),
            "{verdict:?}"
        );
        // It may still show that the rollout is good.
        let mut rollout = ours(before);
        assert_eq!(
            pass(&mut rollout, RolloutState::Completed, 30, &[right(30), right(31)]),
            Verdict::Good,
            "{before:?}"
        );
    }
}

#[test]
fn what_nobody_can_say_extends_the_deadline_and_is_told_as_unread() {
    let mut rollout = ours(Some(true));
    let unknown = answer(1210, ProbeOutcome::Unknown("Rate exceeded".to_owned()));
    let what = "tcp web:80: Rate exceeded".to_owned();
    assert_eq!(
        pass(&mut rollout, RolloutState::Completed, 1215, &[unknown]),
        Verdict::Pending(WaitingOn::Read { what })
    );
    assert!(matches!(pass(&mut rollout, RolloutState::Completed, 1225, &[wrong(1220)]), Verdict::Bad(_)));
}

#[test]
fn what_may_not_be_asked_proves_nothing() {
    let mut rollout = ours(Some(true));
    let refused = answer(20, ProbeOutcome::Refused("web may not be probed".to_owned()));
    assert!(matches!(
        pass(&mut rollout, RolloutState::Completed, 30, std::slice::from_ref(&refused)),
        Verdict::Pending(WaitingOn::Health { .. })
    ));
    assert!(matches!(pass(&mut rollout, RolloutState::Completed, 1215, &[]), Verdict::Unproven(_)));
}

#[test]
fn a_service_of_no_tasks_is_asked_nothing() {
    let mut rollout = ours(Some(true));
    let mut service = service(RolloutState::Completed);
    service.desired_count = 0;
    let sight = Sight { service: &service, at: at(30), probes: &[wrong(20)], progress: None };
    follow(&mut rollout, &[tcp("web", 2)], &sight);
    let observed = Observed::Known { value: service.into(), at: at(30) };
    assert_eq!(judge(&rollout, &observed, None), Verdict::Good);
}

#[test]
fn what_git_does_not_ask_any_more_is_forgotten() {
    let mut rollout = ours(Some(true));
    let service = service(RolloutState::Completed);
    let sight = Sight { service: &service, at: at(30), probes: &[], progress: None };
    follow(&mut rollout, &[], &sight);
    assert_eq!(judge(&rollout, &Observed::Known { value: service.into(), at: at(30) }, None), Verdict::Good);
}

#[test]
fn the_time_of_a_pause_does_not_count_against_the_deadline() {
    let hook = Pause::Hook {
        hook_id: "hook-1".to_owned(),
        stage: "POST_SCALE_UP".to_owned(),
        until: Some(at(86_400)),
    };
    let mut rollout = ours(Some(true));
    let mut seen = |seconds: i64, pause: Option<&Pause>| {
        let progress =
            Observed::Known { value: DeploymentProgress { pause: pause.cloned() }, at: at(seconds) };
        let service = service(RolloutState::InProgress);
        let sight = Sight { service: &service, at: at(seconds), probes: &[], progress: Some(&progress) };
        follow(&mut rollout, &[], &sight);
        let verdict = judge(&rollout, &Observed::Known { value: service.into(), at: at(seconds) }, None);
        (verdict, rollout.deadline)
    };
    let paused = || Verdict::Pending(WaitingOn::Pause { pause: Box::new(hook.clone()), since: at(100) });
    assert_eq!(seen(100, Some(&hook)), (paused(), at(1200)));
    assert_eq!(seen(5000, Some(&hook)), (paused(), at(6100)));
    assert_eq!(seen(80_000, Some(&hook)), (paused(), at(81_100)));
    let (verdict, deadline) = seen(80_010, None);
    assert!(matches!(verdict, Verdict::Pending(WaitingOn::Rollout { .. })), "{verdict:?}");
    assert_eq!(deadline, at(81_110));
    let paused_late = Verdict::Pending(WaitingOn::Pause { pause: Box::new(hook.clone()), since: at(81_111) });
    assert_eq!(seen(81_111, Some(&hook)), (paused_late, at(81_110)));
    assert!(matches!(seen(81_112, None).0, Verdict::Bad(_)));
}

#[test]
fn a_rollout_in_progress_at_its_deadline_names_what_was_unhealthy() {
    let mut rollout = ours(Some(true));
    assert_eq!(
        pass(&mut rollout, RolloutState::InProgress, 1215, &[wrong(1210)]),
        Verdict::Bad(
            "not completed by its deadline: 2 of 2 tasks are running, 0 failed in a row; tcp web:80: connection refused"
                .to_owned()
        )
    );
}
