//! What may others read over HTTP? The published status, the history and the metrics in; answers out.
//!
//! Read-only, on 127.0.0.1 unless configured otherwise: it has no authentication. [`webhook`] listens elsewhere, and wakes. The only
//! room that names `axum`.

pub mod metrics;
mod pieces;
pub mod webhook;

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::stream;
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::Intervals;
use crate::engine::status::{STATUS_VERSION, Status};
use crate::store::{History, HistoryEntry};

/// How many events an answer holds when nothing is said, and at most.
const HISTORY_LIMITS: (u32, u32) = (50, 1_000);

const JSON: (HeaderName, &str) = (header::CONTENT_TYPE, "application/json");

/// What is served.
#[derive(Debug, Clone)]
pub struct Served {
    /// The published status.
    pub status: watch::Receiver<Arc<Status>>,
    /// Events.
    pub history: History,
    /// Metrics; absent when the process has another recorder.
    pub metrics: Option<PrometheusHandle>,
    /// The time.
    pub clock: Clock,
    /// How old the last pass may be before the controller counts as stuck.
    pub stale_after: Duration,
}

/// A pass is too old after ten intervals, but never before five minutes: a wave of many actions may take that long.
pub fn stale_after(intervals: &Intervals) -> Duration {
    (intervals.live.get() * 10).max(Duration::from_mins(5))
}

/// The answer of `/api/v1/history`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryDocument {
    /// The version of the document's shape.
    pub version: u32,
    /// Newest first.
    pub events: Vec<HistoryEntry>,
}

/// Serves until shutdown.
pub async fn serve(listener: TcpListener, served: Served, shutdown: CancellationToken) {
    let serving = axum::serve(listener, router(served)).with_graceful_shutdown(shutdown.cancelled_owned());
    if let Err(error) = serving.await {
        tracing::error!(%error, "the HTTP server ended");
    }
}

fn router(served: Served) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics_text))
        .route("/api/v1/status", get(status))
        .route("/api/v1/history", get(history))
        .fallback(nothing)
        .with_state(served)
}

/// The process lives and answers. Whether it makes passes is [`readyz`]'s question.
async fn healthz() -> &'static str {
    "ok\n"
}

async fn readyz(State(served): State<Served>) -> Response {
    let status = Arc::clone(&served.status.borrow());
    let Some(pass) = &status.pass else {
        let why = status.problem.as_deref().unwrap_or("the first pass has not ended");
        return (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}\n")).into_response();
    };
    let age = served.clock.now().duration_since(pass.finished_at);
    if Duration::try_from(age).is_ok_and(|age| age > served.stale_after) {
        let text = format!("not ready: the last pass ended {} s ago\n", age.as_secs());
        return (StatusCode::SERVICE_UNAVAILABLE, text).into_response();
    }
    "ok\n".into_response()
}

async fn status(State(served): State<Served>) -> Response {
    let status = Arc::clone(&served.status.borrow());
    match pieces::pieces(&status) {
        Ok(pieces) => ([JSON], Body::from_stream(stream::iter(pieces))).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn history(State(served): State<Served>, RawQuery(query): RawQuery) -> Response {
    let mut service = None;
    let mut limit = HISTORY_LIMITS.0;
    for pair in query.as_deref().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            // Names of resources are letters, digits and hyphens: nothing in them is ever percent-encoded.
            Some(("service", name)) => service = Some(name.to_owned()),
            Some(("limit", number)) => match number.parse::<u32>() {
                Ok(number @ 1..) => limit = number.min(HISTORY_LIMITS.1),
                _ => {
                    return refuse(
                        StatusCode::BAD_REQUEST,
                        &format!("limit `{number}` is not a number above 0"),
                    );
                }
            },
            _ => {
                let message = format!("`{pair}` is not known; this takes service=NAME and limit=NUMBER");
                return refuse(StatusCode::BAD_REQUEST, &message);
            }
        }
    }
    match served.history.newest(service.as_deref(), limit).await {
        Ok(events) => json(StatusCode::OK, &HistoryDocument { version: STATUS_VERSION, events }),
        Err(error) => refuse(StatusCode::INTERNAL_SERVER_ERROR, &crate::engine::sentence(&error)),
    }
}

async fn metrics_text(State(served): State<Served>) -> Response {
    let Some(handle) = &served.metrics else {
        return refuse(StatusCode::NOT_FOUND, "this process has another metrics recorder");
    };
    let status = Arc::clone(&served.status.borrow());
    let mut text = handle.render();
    // Ages are those of the moment of asking, not of the last pass.
    let now = served.clock.now();
    let ages = [
        ("bowline_git_commit_read_age_seconds", status.git.commit.as_ref().map(|commit| commit.read_at)),
        ("bowline_git_commit_age_seconds", status.git.commit.as_ref().map(|commit| commit.committed_at)),
        ("bowline_last_pass_age_seconds", status.pass.as_ref().map(|pass| pass.finished_at)),
    ];
    for (name, since) in ages {
        if let Some(since) = since {
            let age = now.duration_since(since).as_secs_f64();
            let _ = writeln!(text, "# TYPE {name} gauge\n{name} {age}");
        }
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

async fn nothing() -> Response {
    let paths = "/healthz, /readyz, /metrics, /api/v1/status and /api/v1/history";
    refuse(StatusCode::NOT_FOUND, &format!("nothing is here; there are {paths}"))
}

fn refuse(code: StatusCode, message: &str) -> Response {
    json(code, &serde_json::json!({ "error": { "message": message } }))
}

fn json(code: StatusCode, document: &impl Serialize) -> Response {
    match serde_json::to_string_pretty(document) {
        Ok(text) => (code, [JSON], text + "\n").into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

#[cfg(test)]
mod tests;
