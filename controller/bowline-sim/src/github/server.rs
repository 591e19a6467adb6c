//! The listener of the simulated GitHub: REST, GraphQL, git and the control API on one address.
//!
//! A request takes the same steps as one to the simulated AWS: understand it, let injected faults strike, answer, record.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming as HyperBody;
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::mpsc::UnboundedSender;

use super::asked::{Asked, What};
use super::control;
use super::git_http::plain;
use super::hub::{Hub, respond, set};
use super::rate::{exhausted, too_much};
use super::reply::{Answer, Refusal};
use super::urls::Urls;
use super::webhook::Parcel;
use crate::calls::CallRecord;
use crate::faults::{Fault, FaultSubject};
use crate::reply::{Dropped, Outcome, ReplyBody};
use crate::server::Shared;

/// What the connections share.
#[derive(Clone)]
pub(super) struct Server {
    pub(super) hub: Arc<Mutex<Hub>>,
    /// The clock, the record of calls and the faults; the simulated AWS has the same.
    pub(super) shared: Shared,
    pub(super) send: UnboundedSender<Parcel>,
    /// Where the repositories lie.
    pub(super) root: PathBuf,
    /// `http://127.0.0.1:<port>`
    pub(super) url: String,
    pub(super) latency: Duration,
}

impl Server {
    /// The state. A panic in another call does not make it unusable: each call leaves it whole or a test fails.
    pub(super) fn hub(&self) -> MutexGuard<'_, Hub> {
        self.hub.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.shared.lock().clock.now()
    }

    /// The addresses for what happens without a request.
    pub(super) fn urls(&self) -> Urls {
        Urls { web: self.url.clone(), api: self.url.clone(), path: String::new() }
    }

    /// Hands over what is to be sent.
    pub(super) fn post(&self, parcels: Vec<Parcel>) {
        for parcel in parcels {
            // It fails only while everything is being stopped.
            let _ = self.send.send(parcel);
        }
    }

    /// Looks at the refs, and lets follow what follows from their changes.
    pub(super) fn settle(&self, login: Option<&str>) {
        let (now, urls) = (self.now(), self.urls());
        let parcels = self.hub().settle(login, &urls, now);
        self.post(parcels);
    }

    /// Answers one request.
    pub(super) async fn answer(self, request: Request<HyperBody>) -> Result<Response<ReplyBody>, Dropped> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| Dropped)?.to_bytes();
        if parts.uri.path().starts_with("/_sim/") {
            return Outcome::Reply(control::answer(&self, &parts, &body)).on_the_wire();
        }
        let asked = Asked::read(&parts, body, &self.url);
        let fault = self.shared.lock().faults.strike(&FaultSubject {
            service: "github",
            operation: &asked.operation(),
            path: parts.uri.path(),
            body: &asked.body,
        });
        if let Some(Fault::Delay(delay)) = fault {
            tokio::time::sleep(delay).await;
        }
        let outcome = self.outcome(&asked, &parts.headers, fault.as_ref()).await;
        if let Some(Fault::LateReply(delay)) = fault {
            tokio::time::sleep(delay).await;
        }
        if !self.latency.is_zero() {
            tokio::time::sleep(self.latency).await;
        }
        outcome.on_the_wire()
    }

    /// Applies a call, under its fault, and records it.
    async fn outcome(&self, asked: &Asked, headers: &HeaderMap, fault: Option<&Fault>) -> Outcome {
        let now = self.now();
        let (outcome, login) = if fault == Some(&Fault::Reset) {
            (Outcome::Close, String::new())
        } else if let Some(response) = fault.and_then(|fault| refused(fault, asked)) {
            (Outcome::Reply(response), String::new())
        } else {
            let (response, login) = match asked.what {
                What::Git { .. } => self.git(asked, headers, now).await,
                What::Rest(_) | What::GraphQl => {
                    let done = self.hub().answer(asked, now);
                    self.post(done.parcels);
                    (done.response, done.login)
                }
            };
            (Outcome::under(fault, response), login)
        };
        self.shared.lock().calls.push(CallRecord {
            service: "github".to_owned(),
            operation: asked.operation(),
            account: login,
            region: String::new(),
            status: outcome.status(),
            at: now,
            resource: Some(asked.path.join("/")),
        });
        outcome
    }

    async fn git(&self, asked: &Asked, headers: &HeaderMap, now: Timestamp) -> (Response<Bytes>, String) {
        self.settle(None);
        let admitted = self.hub().admit_git(asked, now);
        let admitted = match admitted {
            Ok(admitted) => admitted,
            Err(response) => return (*response, "anonymous".to_owned()),
        };
        let response = admitted.serve(asked, headers).await;
        if asked.pushes() {
            self.settle(Some(&admitted.login));
        }
        (response, admitted.login)
    }
}

/// The refusal that a fault stands for, in the words of the protocol that is spoken; `None` when it is another kind of fault.
fn refused(fault: &Fault, asked: &Asked) -> Option<Response<Bytes>> {
    let git = matches!(asked.what, What::Git { .. });
    let refusal = match fault {
        Fault::Throttle => too_much(60),
        Fault::QuotaExhausted => exhausted("installation ID 1"),
        Fault::AccessDenied => Refusal::new(StatusCode::FORBIDDEN, "Resource not accessible by integration"),
        Fault::ServerError500 => Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "Server Error"),
        Fault::ServiceUnavailable503 => return Some(unicorn()),
        Fault::ExpiredToken => Refusal::new(StatusCode::UNAUTHORIZED, "Bad credentials"),
        Fault::Refuse { status, message } => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            Refusal::new(status, message.clone())
        }
        Fault::Reset
        | Fault::LostReply
        | Fault::TruncateBody
        | Fault::HalfBody
        | Fault::Delay(_)
        | Fault::LateReply(_) => return None,
    };
    if git {
        return Some(plain(refusal.status, refusal.message()));
    }
    if *fault != Fault::QuotaExhausted {
        return Some(respond(Err(refusal), None));
    }
    let mut response = if matches!(asked.what, What::GraphQl) {
        // GraphQL says so with 200.
        let error = json!({"type": "RATE_LIMITED", "message": refusal.message()});
        respond(Ok(Answer::ok(json!({"errors": [error]}))), None)
    } else {
        respond(Err(refusal), None)
    };
    let reset = Timestamp::now().as_second().saturating_add(60).to_string();
    for (name, value) in [("limit", "5000"), ("remaining", "0"), ("used", "5000"), ("reset", &reset)] {
        set(&mut response, &format!("x-ratelimit-{name}"), value);
    }
    Some(response)
}

/// The page that GitHub shows when it is overloaded: not JSON.
fn unicorn() -> Response<Bytes> {
    let page = "<!DOCTYPE html>\n<html><head><title>Unicorn! &middot; GitHub</title></head><body><p><strong>No server is \
                currently available to service your request.</strong></p></body></html>\n";
    let mut response = Response::new(Bytes::from_static(page.as_bytes()));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    set(&mut response, "content-type", "text/html; charset=utf-8");
    response
}
