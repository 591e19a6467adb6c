use std::net::SocketAddr;

use bowline_core::desired::{ResourceKey, ResourceKind};
use bowline_core::name::ResourceName;
use bowline_core::plan::{Event, EventKind, Memory, ResourceReport};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::config::Config;
use crate::engine::status::PassStatus;
use crate::store::Store;

struct Running {
    address: SocketAddr,
    publish: watch::Sender<Arc<Status>>,
    shutdown: CancellationToken,
    /// Keeps the database that the history reads.
    store: Store,
}

async fn start() -> Running {
    let store = Store::in_memory().await.unwrap();
    let clock = Clock::real();
    let (publish, status) = watch::channel(Arc::new(Status::starting(&Config::default(), clock.now())));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let served = Served {
        status,
        history: store.history(),
        metrics: metrics::recorder(),
        clock,
        stale_after: Duration::from_mins(5),
    };
    tokio::spawn(serve(listener, served, shutdown.clone()));
    Running { address, publish, shutdown, store }
}

impl Running {
    async fn get(&self, path: &str) -> (u16, String) {
        let mut stream = tokio::net::TcpStream::connect(self.address).await.unwrap();
        // Of HTTP/1.0 the body comes as it is, and not in chunks.
        let request = format!("GET {path} HTTP/1.0\r\nhost: x\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    async fn get_json(&self, path: &str) -> (u16, Value) {
        let (code, body) = self.get(path).await;
        (code, serde_json::from_str(&body).unwrap())
    }

    fn pass_ended(&self, at: Timestamp) {
        let mut status = Status::clone(&self.publish.borrow());
        status.pass = Some(PassStatus { number: 1, started_at: at, finished_at: at, attempted: 0 });
        self.publish.send_replace(Arc::new(status));
    }
}

#[tokio::test]
async fn it_is_healthy_at_once_and_ready_from_the_first_pass_until_passes_stop() {
    let running = start().await;
    assert_eq!(running.get("/healthz").await, (200, "ok\n".to_owned()));
    let unready = (503, "not ready: the first pass has not ended\n".to_owned());
    assert_eq!(running.get("/readyz").await, unready);
    running.pass_ended(Timestamp::now());
    assert_eq!(running.get("/readyz").await, (200, "ok\n".to_owned()));
    running.pass_ended(Timestamp::now() - SignedDuration::from_mins(6));
    assert_eq!(running.get("/readyz").await, (503, "not ready: the last pass ended 360 s ago\n".to_owned()));
    running.shutdown.cancel();
}

#[tokio::test]
async fn the_status_is_what_was_published() {
    let running = start().await;
    running.pass_ended(Timestamp::UNIX_EPOCH);
    let (code, document) = running.get_json("/api/v1/status").await;
    assert_eq!(code, 200);
    let expected = Status::clone(&running.publish.borrow());
    assert_eq!(document, serde_json::to_value(&expected).unwrap());
    assert_eq!(serde_json::from_value::<Status>(document).unwrap(), expected);
}

#[tokio::test]
async fn however_many_resources_there_are_the_status_is_one_document() {
    let running = start().await;
    let report = |number: usize| {
        let notes = [format!("line {number}\n  \"resources\": []")];
        let one = json!({
            "resource": {"kind": "EcsService", "name": format!("web-{number}")}, "target": null, "sync": "in-sync",
            "differences": [], "held": [], "waitingOn": null, "unknown": null, "notes": notes,
        });
        serde_json::from_value::<Box<ResourceReport>>(one).unwrap()
    };
    for count in [0, 1, 63, 64, 65, 128, 1_000] {
        let mut status = Status::clone(&running.publish.borrow());
        status.problem = Some("\n  \"resources\": []".to_owned());
        status.resources = (0..count).map(report).collect();
        running.publish.send_replace(Arc::new(status.clone()));
        let whole = serde_json::to_string_pretty(&status).unwrap() + "\n";
        assert_eq!(running.get("/api/v1/status").await, (200, whole), "{count}");
    }
}

#[tokio::test]
async fn history_is_newest_first_and_takes_a_service_and_a_limit() {
    let mut running = start().await;
    let event = |service: &str, message: &str| Event {
        at: Timestamp::UNIX_EPOCH,
        resource: ResourceKey { kind: ResourceKind::EcsService, name: ResourceName::parse(service).unwrap() },
        kind: EventKind::DriftFound,
        message: message.to_owned(),
    };
    let events = [event("web", "one"), event("api", "two"), event("web", "three")];
    running.store.save(&Memory::default(), &events, "c0ffee").await.unwrap();
    let entry = |id: i64, service: &str, message: &str| {
        json!({
            "id": id, "at": "1970-01-01T00:00:00Z", "resource": format!("EcsService/{service}"),
            "kind": "drift-found", "message": message, "commit": "c0ffee",
        })
    };
    let (one, two, three) = (entry(1, "web", "one"), entry(2, "api", "two"), entry(3, "web", "three"));
    for (query, expected) in [
        ("", json!([three, two, one])),
        ("?service=web", json!([three, one])),
        ("?limit=1", json!([three])),
        ("?service=web&limit=1000000", json!([three, one])),
    ] {
        let answer = running.get_json(&format!("/api/v1/history{query}")).await;
        assert_eq!(answer, (200, json!({ "version": 1, "events": expected })), "{query}");
    }
}

#[tokio::test]
async fn what_is_not_known_is_refused_with_what_there_is() {
    let running = start().await;
    let error = |message: &str| json!({ "error": { "message": message } });
    for (path, code, message) in [
        ("/api/v1/history?limit=0", 400, "limit `0` is not a number above 0"),
        ("/api/v1/history?since=1", 400, "`since=1` is not known; this takes service=NAME and limit=NUMBER"),
        (
            "/status",
            404,
            "nothing is here; there are /healthz, /readyz, /metrics, /api/v1/status and /api/v1/history",
        ),
    ] {
        assert_eq!(running.get_json(path).await, (code, error(message)));
    }
}

#[tokio::test]
async fn metrics_tell_the_build_and_ages() {
    let running = start().await;
    running.pass_ended(Timestamp::now());
    let (code, text) = running.get("/metrics").await;
    assert_eq!(code, 200);
    let build = format!("bowline_build_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION"));
    assert!(text.contains(&build), "{text}");
    assert!(
        text.contains("# TYPE bowline_last_pass_age_seconds gauge\nbowline_last_pass_age_seconds "),
        "{text}"
    );
    assert!(
        !text.contains("bowline_git_commit_age_seconds"),
        "nothing is told of a commit that is not there"
    );
}

#[test]
fn the_last_pass_may_be_ten_intervals_old_but_never_less_than_five_minutes() {
    let live = |seconds| Intervals {
        live: bowline_core::name::HumanDuration::from_secs(seconds),
        ..Intervals::default()
    };
    assert_eq!(stale_after(&live(15)), Duration::from_mins(5));
    assert_eq!(stale_after(&live(60)), Duration::from_mins(10));
}
