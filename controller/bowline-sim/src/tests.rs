//! The simulator over the wire, as any client reaches it.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::{CallRecord, Fault, FaultRule, Simulator, SimulatorConfig};

/// A raw HTTP reply.
struct Reply {
    status: u16,
    head: String,
    body: String,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The code of an AWS JSON error.
    fn code(&self) -> String {
        self.json()["__type"].as_str().unwrap().to_owned()
    }
}

/// A simulator whose clock stands still, with faults and calls at hand.
async fn simulator() -> Simulator {
    start(SimulatorConfig { time_scale: 0.0, ..SimulatorConfig::default() }).await
}

async fn start(config: SimulatorConfig) -> Simulator {
    Simulator::start(config).await.unwrap()
}

/// Sends a request on a connection of its own; none when it was closed without a reply.
async fn send(simulator: &Simulator, head: &str, headers: &[(&str, &str)], body: &str) -> Option<Reply> {
    let url = simulator.url();
    let mut stream = TcpStream::connect(url.trim_start_matches("http://")).await.unwrap();
    let mut request = format!("{head} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    if headers.iter().all(|(name, _)| *name != "host") {
        request.push_str("host: localhost\r\n");
    }
    request.extend(headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")));
    stream.write_all(format!("{request}\r\n{body}").as_bytes()).await.unwrap();
    let mut text = Vec::new();
    // A connection that a fault closes may end in a reset; what came before it counts.
    let _ = stream.read_to_end(&mut text).await;
    let text = String::from_utf8(text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Some(Reply { status, head: head.to_ascii_lowercase(), body: body.to_owned() })
}

fn signature(access_key: &str, service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential={access_key}/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
    )
}

async fn json_as(simulator: &Simulator, key: &str, target: &str, body: &Value) -> Option<Reply> {
    let service = if target.starts_with("secretsmanager") { "secretsmanager" } else { "ecs" };
    let headers = [("x-amz-target", target), ("authorization", &signature(key, service))];
    send(simulator, "POST /", &headers, &body.to_string()).await
}

async fn ecs(simulator: &Simulator, operation: &str, body: Value) -> Reply {
    try_ecs(simulator, operation, &body).await.unwrap()
}

async fn try_ecs(simulator: &Simulator, operation: &str, body: &Value) -> Option<Reply> {
    let target = format!("AmazonEC2ContainerServiceV20141113.{operation}");
    json_as(simulator, "111122223333", &target, body).await
}

async fn create_cluster(simulator: &Simulator) {
    assert_eq!(ecs(simulator, "CreateCluster", json!({"clusterName": "main"})).await.status, 200);
}

async fn clusters(simulator: &Simulator) -> usize {
    let reply = ecs(simulator, "ListClusters", json!({})).await;
    reply.json()["clusterArns"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_reply_looks_like_aws_json() {
    let simulator = simulator().await;
    let reply = ecs(&simulator, "CreateCluster", json!({"clusterName": "main"})).await;
    assert_eq!(reply.status, 200);
    assert!(reply.head.contains("content-type: application/x-amz-json-1.1"));
    assert!(reply.head.contains("x-amzn-requestid: "));
    let refused = ecs(&simulator, "DescribeServices", json!({"cluster": "nope", "services": ["a"]})).await;
    assert_eq!(refused.status, 400);
    assert_eq!(
        refused.json(),
        json!({"__type": "ClusterNotFoundException", "message": "Cluster not found."})
    );
    let unknown = ecs(&simulator, "DoSomething", json!({})).await;
    assert_eq!((unknown.status, unknown.json()), (400, json!({"__type": "UnknownOperationException"})));
}

#[tokio::test]
async fn callers_without_or_with_expired_credentials_are_refused() {
    let simulator = simulator().await;
    let target = "AmazonEC2ContainerServiceV20141113.ListClusters";
    let anonymous = send(&simulator, "POST /", &[("x-amz-target", target)], "{}").await.unwrap();
    assert_eq!((anonymous.status, anonymous.code().as_str()), (400, "MissingAuthenticationTokenException"));
    let expired = json_as(&simulator, "AKIAEXPIRED1", target, &json!({})).await.unwrap();
    assert_eq!((expired.status, expired.code().as_str()), (400, "ExpiredTokenException"));
}

#[tokio::test]
async fn accounts_see_their_own_only() {
    let simulator = simulator().await;
    create_cluster(&simulator).await;
    let target = "AmazonEC2ContainerServiceV20141113.ListClusters";
    let other = json_as(&simulator, "444455556666", target, &json!({})).await.unwrap();
    assert_eq!(other.json()["clusterArns"], json!([]));
    assert_eq!(clusters(&simulator).await, 1);
}

#[tokio::test]
async fn calls_are_recorded_with_what_they_were_about() {
    let simulator = simulator().await;
    create_cluster(&simulator).await;
    simulator.clear_calls();
    ecs(&simulator, "DescribeServices", json!({"cluster": "main", "services": ["web", "api"]})).await;
    let expected = CallRecord {
        service: "ecs".to_owned(),
        operation: "DescribeServices".to_owned(),
        account: "111122223333".to_owned(),
        region: "us-east-1".to_owned(),
        status: 200,
        at: simulator.now(),
        resource: Some("web,api".to_owned()),
    };
    assert_eq!(simulator.calls(), [expected]);
}

#[tokio::test]
async fn refusals_are_injected_and_end() {
    let simulator = simulator().await;
    for (fault, status, code) in [
        (Fault::Throttle, 400, "ThrottlingException"),
        (Fault::AccessDenied, 400, "AccessDeniedException"),
        (Fault::ServerError500, 500, "ServerException"),
        (Fault::ServiceUnavailable503, 503, "ServiceUnavailable"),
        (Fault::ExpiredToken, 400, "ExpiredTokenException"),
    ] {
        simulator.add_fault(FaultRule::new(fault).operation("CreateCluster").times(1));
        let reply = ecs(&simulator, "CreateCluster", json!({})).await;
        assert_eq!((reply.status, reply.code().as_str()), (status, code));
    }
    assert_eq!(clusters(&simulator).await, 0);
    create_cluster(&simulator).await;
}

#[tokio::test]
async fn a_reset_comes_before_and_a_lost_reply_after_the_call_is_applied() {
    let simulator = simulator().await;
    for (fault, applied) in [(Fault::Reset, 0), (Fault::LostReply, 1)] {
        simulator.add_fault(FaultRule::new(fault).operation("CreateCluster").times(1));
        assert!(try_ecs(&simulator, "CreateCluster", &json!({"clusterName": "main"})).await.is_none());
        assert_eq!(clusters(&simulator).await, applied);
    }
    let statuses: Vec<u16> = simulator.calls().iter().map(|call| call.status).collect();
    assert_eq!(statuses, [0, 200, 0, 200]);
}

#[tokio::test]
async fn a_delay_comes_before_and_a_late_reply_after_the_call_is_applied() {
    let simulator = simulator().await;
    let for_ever = Duration::from_mins(10);
    simulator.add_fault(FaultRule::new(Fault::LateReply(for_ever)).operation("CreateCluster").times(1));
    simulator.add_fault(FaultRule::new(Fault::Delay(for_ever)).operation("CreateCluster"));
    let (late, delayed) = (json!({"clusterName": "late"}), json!({"clusterName": "delayed"}));
    let hang = async {
        tokio::join!(
            try_ecs(&simulator, "CreateCluster", &late),
            try_ecs(&simulator, "CreateCluster", &delayed)
        )
    };
    tokio::select! {
        _ = hang => panic!("a call was answered"),
        () = async { while clusters(&simulator).await == 0 {} } => {}
    }
    assert_eq!(clusters(&simulator).await, 1);
}

#[tokio::test]
async fn a_body_is_cut_with_and_without_its_full_length_announced() {
    let simulator = simulator().await;
    create_cluster(&simulator).await;
    let whole = ecs(&simulator, "ListClusters", json!({})).await.body;
    for (fault, announced) in [(Fault::TruncateBody, whole.len()), (Fault::HalfBody, whole.len() / 2)] {
        simulator.add_fault(FaultRule::new(fault).times(1));
        let reply = ecs(&simulator, "ListClusters", json!({})).await;
        assert_eq!(reply.body, whole[..whole.len() / 2]);
        assert!(reply.head.contains(&format!("content-length: {announced}")), "{}", reply.head);
    }
}

#[tokio::test]
async fn ecs_throttles_at_the_documented_rate() {
    let config = SimulatorConfig { time_scale: 0.0, throttle: true, ..SimulatorConfig::default() };
    let simulator = start(config).await;
    for _ in 0..20 {
        create_cluster(&simulator).await;
    }
    let reply = ecs(&simulator, "CreateCluster", json!({})).await;
    assert_eq!(reply.json(), json!({"__type": "ThrottlingException", "message": "Rate exceeded"}));
    simulator.advance(Duration::from_secs(1));
    create_cluster(&simulator).await;
}

#[tokio::test]
async fn the_control_api_reads_calls_injects_faults_and_moves_time() {
    let simulator = simulator().await;
    let before = simulator.now();
    let control = async |head: &str, body: &str| send(&simulator, head, &[], body).await.unwrap();
    assert_eq!(control("GET /_sim/health", "").await.json()["status"], "ok");
    let fault = r#"{"service": "ecs", "times": 1, "fault": "Throttle"}"#;
    assert_eq!(control("POST /_sim/faults", fault).await.status, 200);
    assert_eq!(ecs(&simulator, "ListClusters", json!({})).await.status, 400);
    control("POST /_sim/faults", fault).await;
    control("DELETE /_sim/faults", "").await;
    assert_eq!(ecs(&simulator, "ListClusters", json!({})).await.status, 200);
    let calls = control("GET /_sim/calls", "").await.json();
    assert_eq!((&calls["calls"][0]["status"], &calls["calls"][1]["status"]), (&json!(400), &json!(200)));
    control("DELETE /_sim/calls", "").await;
    assert_eq!(simulator.calls(), []);
    control("POST /_sim/advance", r#"{"seconds": 90}"#).await;
    assert_eq!(simulator.now().duration_since(before).as_secs(), 90);
    assert_eq!(control("POST /_sim/faults", "{}").await.status, 400);
    assert_eq!(control("GET /_sim/nothing", "").await.status, 404);
}

#[tokio::test]
async fn a_role_that_is_assumed_is_the_caller_from_then_on() {
    let simulator = simulator().await;
    let form = ("content-type", "application/x-www-form-urlencoded");
    let assume = "Action=AssumeRole&RoleArn=arn:aws:iam::444455556666:role/bowline&RoleSessionName=test";
    let own = signature("111122223333", "sts");
    let reply = send(&simulator, "POST /", &[form, ("authorization", &own)], assume).await.unwrap();
    let take =
        |from: &str, to: &str| reply.body.split_once(from).unwrap().1.split_once(to).unwrap().0.to_owned();
    let key = signature(&take("<AccessKeyId>", "<"), "sts");
    let token = take("<SessionToken>", "<");
    let headers = [form, ("authorization", &key), ("x-amz-security-token", &token)];
    let identity = send(&simulator, "POST /", &headers, "Action=GetCallerIdentity").await.unwrap();
    assert!(identity.body.contains("<Account>444455556666</Account>"));
    assert!(
        identity.body.contains("arn:aws:sts::444455556666:assumed-role/bowline/test"),
        "{}",
        identity.body
    );
}

#[tokio::test]
async fn s3_is_served_by_path_and_by_host() {
    let simulator = simulator().await;
    let auth = signature("111122223333", "s3");
    let auth = ("authorization", auth.as_str());
    assert_eq!(send(&simulator, "PUT /tfs", &[auth], "").await.unwrap().status, 200);
    assert_eq!(send(&simulator, "PUT /tfs/a/b", &[auth], "state").await.unwrap().status, 200);
    let by_host = send(&simulator, "GET /a/b", &[auth, ("host", "tfs.s3.localhost")], "").await.unwrap();
    assert_eq!((by_host.status, by_host.body.as_str()), (200, "state"));
    let head = send(&simulator, "HEAD /tfs/a/b", &[auth], "").await.unwrap();
    assert!(head.head.contains("content-length: 5") && head.body.is_empty());
    let anonymous = send(&simulator, "GET /tfs/a/b", &[], "").await.unwrap();
    assert!(anonymous.status == 403 && anonymous.body.contains("<Code>AccessDenied</Code>"));
    simulator.add_fault(FaultRule::new(Fault::Throttle).service("s3"));
    let slow = send(&simulator, "GET /tfs/a/b", &[auth], "").await.unwrap();
    assert!(slow.status == 503 && slow.body.contains("<Code>SlowDown</Code>"));
    let operations: Vec<String> = simulator.calls().into_iter().map(|call| call.operation).collect();
    assert_eq!(
        operations,
        ["CreateBucket", "PutObject", "GetObject", "HeadObject", "GetObject", "GetObject"]
    );
}

#[tokio::test]
async fn tasks_read_the_secrets_of_secrets_manager() {
    let simulator = simulator().await;
    create_cluster(&simulator).await;
    let secret = async |operation: &str, body: Value| {
        json_as(&simulator, "111122223333", &format!("secretsmanager.{operation}"), &body).await.unwrap()
    };
    let arn = secret("CreateSecret", json!({"Name": "db", "SecretString": "x"})).await.json()["ARN"].clone();
    let containers = json!([{"name": "app", "image": "demo/web", "memory": 64,
        "secrets": [{"name": "DB", "valueFrom": arn}]}]);
    ecs(&simulator, "RegisterTaskDefinition", json!({"family": "web", "containerDefinitions": containers}))
        .await;
    let service =
        json!({"cluster": "main", "serviceName": "web", "taskDefinition": "web", "desiredCount": 1});
    ecs(&simulator, "CreateService", service).await;
    simulator.advance(Duration::from_secs(30));
    // The task started before this call, although nobody looked at it then.
    secret("DeleteSecret", json!({"SecretId": "db", "ForceDeleteWithoutRecovery": true})).await;
    let counts = async || {
        let reply =
            ecs(&simulator, "DescribeServices", json!({"cluster": "main", "services": ["web"]})).await;
        let service = reply.json()["services"][0].take();
        let deployment = &service["deployments"][0];
        (deployment["runningCount"].as_u64().unwrap(), deployment["failedTasks"].as_u64().unwrap())
    };
    assert_eq!(counts().await, (1, 0));
    ecs(
        &simulator,
        "UpdateService",
        json!({"cluster": "main", "service": "web", "forceNewDeployment": true}),
    )
    .await;
    simulator.advance(Duration::from_secs(12));
    assert_eq!(counts().await, (0, 1));
    let missing = secret("DescribeSecret", json!({"SecretId": "db"})).await;
    assert_eq!((missing.status, missing.code().as_str()), (400, "ResourceNotFoundException"));
}

#[tokio::test]
async fn a_stopped_simulator_no_longer_listens() {
    let simulator = simulator().await;
    let url = simulator.url();
    simulator.stop().await;
    assert!(TcpStream::connect(url.trim_start_matches("http://")).await.is_err());
}
