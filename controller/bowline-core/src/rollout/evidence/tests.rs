use super::*;
use crate::desired::TaskDefinitionContent;
use crate::live::UnknownCategory;
use crate::plan::fixture::{COMMIT, arn, at, known, live_service, unknown};
use crate::plan::{ConditionSeen, ConditionStanding, SpecHash, Watch};

fn task(
    code: &str,
    reason: &str,
    seconds: i64,
    containers: &[(&str, Option<i32>, Option<&str>)],
) -> StoppedTask {
    let container = |(name, exit_code, reason): &(&str, Option<i32>, Option<&str>)| StoppedContainer {
        name: (*name).to_owned(),
        exit_code: *exit_code,
        reason: reason.map(str::to_owned),
    };
    StoppedTask {
        id: None,
        stopped_at: Some(at(seconds)),
        stop_code: Some(code.to_owned()),
        reason: Some(reason.to_owned()),
        containers: containers.iter().map(container).collect(),
    }
}

fn rollout() -> InFlight {
    let standing = |outcome| ConditionStanding {
        needed: 1,
        last: Some(ConditionSeen { at: at(50), outcome, body: None }),
        ..ConditionStanding::default()
    };
    let health = [
        ("tcp a:1".to_owned(), standing(ProbeOutcome::Failed("connection refused".to_owned()))),
        ("tcp b:1".to_owned(), ConditionStanding { in_a_row: 1, ..standing(ProbeOutcome::Passed) }),
    ];
    InFlight {
        spec_hash: SpecHash("f".repeat(64)),
        deployment_id: Some("ecs-svc/2".to_owned()),
        task_definition: Some(arn("web:7")),
        commit: COMMIT.to_owned(),
        restart: None,
        started_at: at(0),
        deadline: at(1200),
        watch: Watch { health: health.into(), ..Watch::default() },
    }
}

#[test]
fn like_failures_are_one_group_and_what_was_stopped_on_purpose_is_none() {
    let crashed = |id: &str, seconds| {
        let reason = format!("Essential container in task {id} exited");
        task("EssentialContainerExited", &reason, seconds, &[("app", Some(1), None), ("log", Some(0), None)])
    };
    let pull = "CannotPullContainerError: not found";
    let tasks = [
        task("TaskFailedToStart", pull, 5, &[("app", None, Some(pull))]),
        crashed(&"0a".repeat(16), 10),
        crashed(&"1b".repeat(16), 20),
        task("UserInitiated", "by a person", 30, &[("app", Some(143), None)]),
        task(
            "ServiceSchedulerInitiated",
            "Scaling activity initiated by (deployment ecs-svc/3)",
            30,
            &[("app", Some(143), None)],
        ),
        task(
            "ServiceSchedulerInitiated",
            "Task failed ELB health checks in (target-group web)",
            40,
            &[("app", Some(143), None)],
        ),
    ];
    let group =
        |count, seconds, code: &str, reason: &str, container: (Option<i32>, Option<&str>)| StoppedGroup {
            count,
            last_at: Some(at(seconds)),
            stop_code: code.to_owned(),
            reason: reason.to_owned(),
            containers: vec![StoppedContainer {
                name: "app".to_owned(),
                exit_code: container.0,
                reason: container.1.map(str::to_owned),
            }],
        };
    let expected = [
        group(2, 20, "EssentialContainerExited", "Essential container in task ... exited", (Some(1), None)),
        group(
            1,
            40,
            "ServiceSchedulerInitiated",
            "Task failed ELB health checks in (target-group web)",
            (Some(143), None),
        ),
        group(1, 5, "TaskFailedToStart", pull, (None, Some(pull))),
    ];
    assert_eq!(super::group(&tasks), expected);
}

#[test]
fn evidence_is_of_this_rollout_and_of_what_was_false() {
    let mut service = live_service("web", "web:7");
    service.events = vec![
        (at(60), "(service web) deployment failed".to_owned()),
        (at(-60), "(service web) has reached a steady state.".to_owned()),
    ]
    .into();
    let evidence = gather(&rollout(), Some(&service), Some(&known(Vec::new())));
    let expected = Evidence {
        events: vec![EvidenceEvent { at: at(60), message: "(service web) deployment failed".to_owned() }],
        tasks: Some(Vec::new()),
        unread: None,
        logs: Vec::new(),
        probes: vec![ProbeResult {
            condition: "tcp a:1".to_owned(),
            at: at(50),
            outcome: ProbeOutcome::Failed("connection refused".to_owned()),
            body: None,
        }],
        changed: Vec::new(),
    };
    assert_eq!(evidence, expected);
}

#[test]
fn tasks_that_could_not_be_read_are_added_later() {
    let mut evidence = gather(&rollout(), None, Some(&unknown(UnknownCategory::Throttled)));
    assert_eq!((evidence.tasks.clone(), evidence.unread.as_deref()), (None, Some("Rate exceeded")));
    add_tasks(&mut evidence, &known(Vec::new()));
    assert_eq!((evidence.tasks, evidence.unread), (Some(Vec::new()), None));
}

#[test]
fn evidence_is_bounded() {
    let long = "x".repeat(10_000);
    let tasks: Vec<StoppedTask> = (0..100)
        .map(|number| task("Code", &format!("{number} {long}"), number, &[("app", Some(1), None)]))
        .collect();
    let mut service = live_service("web", "web:7");
    service.events = (0..100).map(|number| (at(number), long.clone())).collect();
    let evidence = gather(&rollout(), Some(&service), Some(&known(tasks)));
    let size = serde_json::to_string(&evidence).unwrap().len();
    assert!(size < 32 << 10, "{size}");
}

#[test]
fn the_streams_of_containers_that_failed_are_named_with_the_command_that_reads_them() {
    let logs = |group: &str| {
        serde_json::json!({"logDriver": "awslogs", "options": {
            "awslogs-group": group, "awslogs-stream-prefix": "web", "awslogs-region": "eu-central-1",
        }})
    };
    let content = TaskDefinitionContent::new(serde_json::json!({"containerDefinitions": [
        {"name": "app", "logConfiguration": logs("/ecs/it's web")},
        {"name": "proxy", "logConfiguration": logs("/ecs/proxy")},
        {"name": "agent", "logConfiguration": {"logDriver": "splunk", "options": {"splunk-token": "hunter2"}}},
        {"name": "plain", "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/ecs/plain"}}},
    ]}));
    let failed = |id: &str, seconds: i64| StoppedTask {
        id: Some(id.to_owned()),
        ..task(
            "EssentialContainerExited",
            "exited",
            seconds,
            &[
                ("app", Some(1), None),
                ("proxy", Some(0), None),
                ("agent", Some(1), None),
                ("plain", Some(1), None),
            ],
        )
    };
    let tasks = known(vec![failed("old", 10), failed("new", 20), StoppedTask { id: None, ..failed("", 30) }]);
    let told = |tasks: &Observed<Vec<StoppedTask>>, content: Option<&TaskDefinitionContent>| {
        let mut evidence = Evidence::default();
        add_logs(&mut evidence, tasks, content);
        evidence.logs.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        told(&tasks, Some(&content)),
        [
            "aws logs get-log-events --log-group-name '/ecs/it'\\''s web' --log-stream-name web/app/new --region eu-central-1"
        ]
    );
    assert_eq!(told(&tasks, None), Vec::<String>::new());
    assert_eq!(told(&unknown(UnknownCategory::Throttled), Some(&content)), Vec::<String>::new());
}
