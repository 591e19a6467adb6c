//! What does GitHub tell? A signed message in; "look now" out, and nothing else.
//!
//! It listens on an address of its own, since it is the one part that the internet may reach. A message is taken for what it
//! is only after its signature was checked; who sends anything else learns nothing but that it was refused.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::routing::post;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::engine::git::GitHandle;
use crate::source::github::GitHub;
use crate::source::github::webhook::{Notice, Watched, WebhookSecret};

/// Where messages are taken.
pub const PATH: &str = "/webhooks/github";

/// The largest message that is taken, in bytes. GitHub sends up to 25 MB; of a push or a pull request, far less, and Bowline
/// polls as well.
const LARGEST: usize = 1024 * 1024;
/// How long a connection may last: GitHub gives up after 10 s.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many connections are served at once: each may hold a message of the largest size.
const MOST_CONNECTIONS: usize = 32;
/// How many ids of deliveries are remembered. GitHub sends again only when a person asks for it, within 3 days.
const REMEMBERED: usize = 10_000;
/// How often a refused message is told in the log, whatever is thrown at the listener. The metric counts each.
const TOLD_EVERY: Duration = Duration::from_mins(1);

/// What a message leads to.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// What messages are signed with.
    pub secret: WebhookSecret,
    /// Knows what the repository is called by now.
    pub github: Arc<GitHub>,
    /// The reference that is read, as `sources[].ref` has it.
    pub reference: String,
    /// The way to the repository's owner.
    pub git: GitHandle,
    /// Wakes what looks at pull requests.
    pub previews: Arc<Notify>,
    /// Tells the numbers of pull requests to what rolls back: one of them may be its own.
    pub rollbacks: mpsc::Sender<u64>,
    /// What was received before.
    pub received: Received,
}

/// What was received before, as far as it matters for what comes now.
#[derive(Debug, Clone, Default)]
pub struct Received {
    deliveries: Arc<Mutex<Deliveries>>,
    told: Arc<Mutex<Option<Instant>>>,
}

/// The ids of the newest deliveries.
#[derive(Debug, Default)]
struct Deliveries {
    known: BTreeSet<String>,
    order: VecDeque<String>,
}

impl Deliveries {
    /// True if this is the first time.
    fn note(&mut self, id: &str) -> bool {
        if !self.known.insert(id.to_owned()) {
            return false;
        }
        self.order.push_back(id.to_owned());
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Woke,
    Ping,
    Unwatched,
    Known,
    TooLarge,
    TooSlow,
    Unsigned,
    WrongType,
    Malformed,
}

impl Outcome {
    /// Its label in metrics; stable.
    fn label(self) -> &'static str {
        match self {
            Self::Woke => "woke",
            Self::Ping => "ping",
            Self::Unwatched => "unwatched",
            Self::Known => "known",
            Self::TooLarge => "too-large",
            Self::TooSlow => "too-slow",
            Self::Unsigned => "unsigned",
            Self::WrongType => "wrong-type",
            Self::Malformed => "malformed",
        }
    }

    fn answer(self) -> (StatusCode, &'static str) {
        match self {
            Self::Woke => (StatusCode::ACCEPTED, "looking\n"),
            Self::Ping => (StatusCode::OK, "pong\n"),
            Self::Unwatched => (StatusCode::OK, "not watched\n"),
            Self::Known => (StatusCode::OK, "known already\n"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too large\n"),
            Self::TooSlow => (StatusCode::REQUEST_TIMEOUT, "too slow\n"),
            Self::Unsigned => (StatusCode::UNAUTHORIZED, "refused\n"),
            Self::WrongType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "choose application/json as the content type of the webhook\n",
            ),
            Self::Malformed => (StatusCode::BAD_REQUEST, "not what GitHub sends\n"),
        }
    }

    /// What to tell a person, if it was refused.
    fn refusal(self) -> Option<&'static str> {
        match self {
            Self::Woke | Self::Ping | Self::Unwatched | Self::Known => None,
            Self::TooLarge => Some("it is larger than 1 MiB"),
            Self::TooSlow => Some("it did not arrive within 10 s"),
            Self::Unsigned => Some(
                "it is not signed with the secret of `github.webhook`: compare it with the one in GitHub's settings",
            ),
            Self::WrongType => {
                Some("it is not JSON: choose application/json as the content type in GitHub's settings")
            }
            Self::Malformed => Some("it is not what GitHub sends"),
        }
    }
}

/// Serves until shutdown.
pub async fn serve(listener: TcpListener, webhook: Webhook, shutdown: CancellationToken) {
    let router = Router::new().route(PATH, post(receive)).with_state(webhook);
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    shutdown
        .run_until_cancelled(async {
            loop {
                let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
                let Ok((stream, _)) = listener.accept().await else {
                    // Out of file descriptors, or a connection that was gone before it was accepted.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                };
                let router = router.clone();
                tokio::spawn(async move {
                    let _ = tokio::time::timeout(PATIENCE * 2, connection(stream, router)).await;
                    drop(place);
                });
            }
        })
        .await;
}

/// One request. Whoever sends nothing, or byte by byte, is cut off by the caller.
async fn connection(stream: TcpStream, router: Router) {
    let service = TowerToHyperService::new(router);
    let mut builder = http1::Builder::new();
    if let Err(error) = builder.keep_alive(false).serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "a connection of the webhook listener ended early");
    }
}

async fn receive(State(webhook): State<Webhook>, request: Request<Body>) -> (StatusCode, &'static str) {
    let outcome = webhook.receive(request).await;
    metrics::counter!("bowline_webhook_deliveries_total", "outcome" => outcome.label()).increment(1);
    if let Some(why) = outcome.refusal() {
        webhook.received.tell_refusal(why);
    }
    outcome.answer()
}

impl Webhook {
    async fn receive(&self, request: Request<Body>) -> Outcome {
        let (parts, body) = request.into_parts();
        let body = match tokio::time::timeout(PATIENCE, Limited::new(body, LARGEST).collect()).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) if error.is::<LengthLimitError>() => return Outcome::TooLarge,
            Ok(Err(_)) => return Outcome::Malformed,
            Err(_) => return Outcome::TooSlow,
        };
        // Before anything else of it is looked at.
        if !self.secret.signed(&body, text(&parts.headers, "x-hub-signature-256")) {
            return Outcome::Unsigned;
        }
        let is_json = text(&parts.headers, header::CONTENT_TYPE.as_str())
            .is_some_and(|kind| kind.split(';').next().map(str::trim) == Some("application/json"));
        if !is_json {
            return Outcome::WrongType;
        }
        let (Some(event), Some(delivery)) =
            (text(&parts.headers, "x-github-event"), text(&parts.headers, "x-github-delivery"))
        else {
            return Outcome::Malformed;
        };
        let watched = Watched { repository: self.github.repository(), reference: self.reference.clone() };
        let Some(notice) = watched.notice(event, &body) else { return Outcome::Malformed };
        if !lock(&self.received.deliveries).note(delivery) {
            return Outcome::Known;
        }
        tracing::debug!(delivery, event, ?notice, "a webhook arrived");
        match notice {
            Notice::Ping => Outcome::Ping,
            Notice::Unwatched => Outcome::Unwatched,
            Notice::Push => {
                self.git.nudge();
                Outcome::Woke
            }
            Notice::PullRequest(number) => {
                // Where so many wait already, this one is looked at when it is due.
                let _ = self.rollbacks.try_send(number);
                self.previews.notify_one();
                Outcome::Woke
            }
        }
    }
}

impl Received {
    fn tell_refusal(&self, why: &'static str) {
        let mut told = lock(&self.told);
        if told.is_none_or(|at| at.elapsed() >= TOLD_EVERY) {
            *told = Some(Instant::now());
            tracing::warn!(
                "a webhook was refused: {why} (told once a minute; bowline_webhook_deliveries_total counts)"
            );
        }
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
