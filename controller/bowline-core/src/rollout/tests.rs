use super::*;
use crate::live::UnknownReason;
use crate::plan::fixture::{COMMIT, arn, at, deployment, known, known_service, live_service, past, unknown};
use crate::plan::{SpecHash, Watch};

/// Our deployment `ecs-svc/2` of web:7, begun at 0 with 20 minutes to go.
fn ours() -> InFlight {
    InFlight {
        spec_hash: SpecHash("f".repeat(64)),
        deployment_id: Some("ecs-svc/2".to_owned()),
        task_definition: Some(arn("web:7")),
        commit: COMMIT.to_owned(),
        restart: None,
        started_at: at(0),
        deadline: at(1200),
        watch: Watch::default(),
    }
}

fn pending(id: Option<&str>) -> Verdict {
    Verdict::Pending(WaitingOn::Rollout { deployment_id: id.map(str::to_owned), deadline: at(1200) })
}

fn bad(reason: &str) -> Verdict {
    Verdict::Bad(reason.to_owned())
}

/// A service whose PRIMARY is `ecs-svc/<id>`, created at that second.
fn primary(id: &str, revision: &str, state: RolloutState, created: i64) -> LiveService {
    let mut service = live_service("web", revision);
    service.deployments = vec![deployment(id, revision, state)];
    service.deployments[0].created_at = Some(at(created));
    service
}

fn read(service: LiveService, seconds: i64) -> Observed<Arc<LiveService>> {
    Observed::Known { value: Arc::new(service), at: at(seconds) }
}

#[test]
fn our_primary_decides_by_its_state() {
    use RolloutState::{Completed, Failed, InProgress};
    let cases = [
        (Completed, 30, Verdict::Good),
        (Completed, 9999, Verdict::Good),
        (InProgress, 1200, pending(Some("ecs-svc/2"))),
        (InProgress, 1201, bad("not completed by its deadline: 2 of 2 tasks are running, 0 failed in a row")),
        (Failed, 30, bad("failed: ECS gave no reason")),
        (RolloutState::Other("PAUSED".to_owned()), 30, pending(Some("ecs-svc/2"))),
    ];
    for (state, seconds, verdict) in cases {
        let service = read(primary("2", "web:7", state.clone(), 1), seconds);
        assert_eq!(judge(&ours(), &service, None), verdict, "{state:?} at {seconds}");
    }
}

#[test]
fn without_a_state_the_tasks_decide() {
    let mut service = primary("2", "web:7", RolloutState::Completed, 1);
    service.deployments[0].rollout_state = None;
    assert_eq!(judge(&ours(), &known_service(service.clone()), None), Verdict::Good);
    let mut short = service.clone();
    short.running_count = 1;
    assert_eq!(judge(&ours(), &known_service(short), None), pending(Some("ecs-svc/2")));
    let mut old = deployment("1", "web:6", RolloutState::Completed);
    old.status = DeploymentStatus::Active;
    service.deployments.push(old);
    assert_eq!(judge(&ours(), &known_service(service), None), pending(Some("ecs-svc/2")));
}

#[test]
fn the_unknown_decides_nothing_and_extends_the_deadline() {
    for service in [unknown(UnknownCategory::Throttled), Observed::Missing] {
        assert_eq!(judge(&ours(), &service, None), pending(Some("ecs-svc/2")));
    }
    // Read before the deadline, judged after it: still open.
    let service = read(primary("2", "web:7", RolloutState::InProgress, 1), 1100);
    assert_eq!(judge(&ours(), &service, None), pending(Some("ecs-svc/2")));
}

#[test]
fn a_read_from_before_the_rollout_decides_nothing() {
    let before = primary("1", "web:6", RolloutState::Completed, -5000);
    let verdict = |seconds| judge(&ours(), &read(before.clone(), seconds), None);
    assert_eq!(verdict(-1), pending(Some("ecs-svc/2")));
    assert_eq!(verdict(1), bad("rolled back by ECS to web:6: ECS gave no reason"));
    let scaling = Scaling { to: 3, commit: COMMIT.to_owned(), started_at: at(0), deadline: at(1200) };
    let verdict = |seconds| judge_scaling(&scaling, &read(before.clone(), seconds));
    assert_eq!(verdict(-1), pending(None));
    assert_eq!(verdict(1), Verdict::Superseded { by: None });
}

#[test]
fn a_rollback_by_ecs_is_bad_however_it_shows() {
    let told = "rolled back by ECS to web:6: tasks failed to start";
    // The failed deployment is still listed.
    let mut service = primary("3", "web:6", RolloutState::InProgress, 60);
    let mut failed = deployment("2", "web:7", RolloutState::Failed);
    failed.status = DeploymentStatus::Active;
    failed.rollout_reason = Some("tasks failed to start".to_owned());
    service.deployments.push(failed);
    assert_eq!(judge(&ours(), &known_service(service), None), bad(told));
    // The old deployment is PRIMARY again under its own id.
    let service = known_service(primary("1", "web:6", RolloutState::Completed, -3600));
    let history = known(vec![past("2", "web:7", PastDeploymentStatus::RolledBack)]);
    assert_eq!(judge(&ours(), &service, Some(&history)), bad(told));
    assert_eq!(judge(&ours(), &service, None), bad("rolled back by ECS to web:6: ECS gave no reason"));
    // A new deployment of the old revision: only the history tells.
    let service = known_service(primary("3", "web:6", RolloutState::Completed, 60));
    assert_eq!(judge(&ours(), &service, Some(&history)), bad(told));
    assert_eq!(judge(&ours(), &service, None), pending(Some("ecs-svc/2")));
    let silent: Observed<Vec<PastDeployment>> = unknown(UnknownCategory::Throttled);
    assert_eq!(judge(&ours(), &service, Some(&silent)), pending(Some("ecs-svc/2")));
    // PRIMARY says so itself.
    let mut service = primary("3", "web:6", RolloutState::InProgress, 60);
    service.deployments[0].rollout_reason =
        Some("ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1.".to_owned());
    assert_eq!(
        judge(&ours(), &known_service(service), None),
        bad(
            "rolled back by ECS to web:6: ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1."
        )
    );
}

#[test]
fn what_its_service_revision_runs_has_to_be_what_was_asked_for() {
    let service = known_service(primary("2", "web:7", RolloutState::Completed, 1));
    let history = |revision| known(vec![past("2", revision, PastDeploymentStatus::Successful)]);
    assert_eq!(judge(&ours(), &service, Some(&history("web:7"))), Verdict::Good);
    assert_eq!(
        judge(&ours(), &service, Some(&history("web:8"))),
        Verdict::Superseded { by: Some("ecs-svc/2".to_owned()) }
    );
    // Where nothing was read of it, or the call named no revision, `deployments[]` decides.
    let silent: Observed<Vec<PastDeployment>> = unknown(UnknownCategory::Unsupported);
    assert_eq!(judge(&ours(), &service, Some(&silent)), Verdict::Good);
    let unnamed = InFlight { task_definition: None, ..ours() };
    assert_eq!(judge(&unnamed, &service, Some(&history("web:8"))), Verdict::Good);
}

#[test]
fn a_rollback_under_our_own_id_is_bad_too() {
    let another = primary("2", "web:6", RolloutState::Completed, 1);
    assert_eq!(
        judge(&ours(), &known_service(another), None),
        bad("rolled back by ECS to web:6: ECS gave no reason")
    );
    let mut same = primary("2", "web:7", RolloutState::InProgress, 1);
    same.deployments[0].rollout_reason = Some("rolling back to deploymentId ecs-svc/1.".to_owned());
    assert_eq!(
        judge(&ours(), &known_service(same), None),
        bad("rolled back by ECS to web:7: rolling back to deploymentId ecs-svc/1.")
    );
}

#[test]
fn somebody_elses_newer_deployment_supersedes_ours() {
    let service = known_service(primary("3", "web:8", RolloutState::InProgress, 60));
    let stopped = known(vec![past("2", "web:7", PastDeploymentStatus::Stopped)]);
    let by = Verdict::Superseded { by: Some("ecs-svc/3".to_owned()) };
    assert_eq!(judge(&ours(), &service, Some(&stopped)), by);
    let unsupported = Observed::unknown(UnknownReason {
        category: UnknownCategory::Unsupported,
        message: String::new(),
        hint: String::new(),
        aws: None,
    });
    assert_eq!(judge(&ours(), &service, Some(&unsupported)), by);
    // The history lags behind, or is older than what it has to explain.
    let running = known(vec![past("2", "web:7", PastDeploymentStatus::InProgress)]);
    assert_eq!(judge(&ours(), &service, Some(&running)), pending(Some("ecs-svc/2")));
    assert_eq!(judge(&ours(), &service, Some(&known(Vec::new()))), pending(Some("ecs-svc/2")));
    let later = |seconds| read(primary("3", "web:8", RolloutState::InProgress, 60), seconds);
    let silent = |seconds| Observed::Known { value: Vec::new(), at: at(seconds) };
    assert_eq!(judge(&ours(), &later(60), Some(&silent(60))), by);
    assert_eq!(judge(&ours(), &later(60), Some(&silent(59))), pending(Some("ecs-svc/2")));
    let mut gone = primary("2", "web:7", RolloutState::Completed, 1);
    gone.status = ServiceStatus::Inactive;
    assert_eq!(judge(&ours(), &known_service(gone), None), Verdict::Superseded { by: None });
}

#[test]
fn a_deployment_whose_id_was_lost_is_recognised() {
    let lost = InFlight { deployment_id: None, ..ours() };
    let service =
        |revision, created, seconds| read(primary("2", revision, RolloutState::Completed, created), seconds);
    assert_eq!(judge(&lost, &service("web:7", -5, 10), None), Verdict::Good);
    assert_eq!(judge(&lost, &service("web:7", -6, 10), None), pending(None));
    assert_eq!(judge(&lost, &service("web:6", 1, 10), None), pending(None));
    assert_eq!(
        judge(&lost, &service("web:6", 1, 60), None),
        Verdict::Superseded { by: Some("ecs-svc/2".to_owned()) }
    );
}

#[test]
fn a_count_is_done_when_as_many_tasks_run() {
    let scaling = Scaling { to: 3, commit: COMMIT.to_owned(), started_at: at(0), deadline: at(1200) };
    let service = |desired, running| {
        let mut service = live_service("web", "web:6");
        (service.desired_count, service.running_count) = (desired, running);
        service
    };
    assert_eq!(judge_scaling(&scaling, &read(service(3, 3), 10)), Verdict::Good);
    assert_eq!(judge_scaling(&scaling, &read(service(3, 2), 1200)), pending(None));
    assert_eq!(
        judge_scaling(&scaling, &read(service(3, 2), 1201)),
        bad("2 of 3 tasks are running at the deadline")
    );
    assert_eq!(judge_scaling(&scaling, &read(service(5, 5), 10)), Verdict::Superseded { by: None });
    assert_eq!(judge_scaling(&scaling, &unknown(UnknownCategory::Denied)), pending(None));
}

#[test]
fn a_rollback_under_way_is_seen() {
    use RolloutState::{Completed, Failed, InProgress};
    let history = [past("2", "web:7", PastDeploymentStatus::RolledBack)];
    let service = primary("3", "web:6", InProgress, 60);
    assert!(!rolling_back(&service, None));
    assert!(rolling_back(&service, Some(&history)));
    assert!(!rolling_back(&primary("3", "web:6", Completed, 60), Some(&history)));
    let mut kept = primary("1", "web:6", InProgress, -3600);
    let mut failed = deployment("2", "web:7", Failed);
    failed.created_at = Some(at(1));
    kept.deployments.push(failed);
    assert!(rolling_back(&kept, None));
}
