//! The server: one HTTP endpoint for all services, as an emulator of AWS has.
//!
//! A request goes through the same steps whatever its service: understand it, check who calls, let injected
//! faults strike, throttle, let the service answer, record the call. All state has one owner, [`World`], behind
//! one lock that is never held across an await.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, request::Parts};
use http_body_util::BodyExt;
use hyper::body::Incoming as HyperBody;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::autoscaling::Autoscaling;
use crate::calls::{CallLog, CallRecord};
use crate::clock::Clock;
use crate::config::SimulatorConfig;
use crate::context::CallContext;
use crate::control;
use crate::ecs::Ecs;
use crate::faults::{Fault, FaultBook, FaultSubject};
use crate::ids::Ids;
use crate::reply::{Dropped, Outcome, Refusal, ReplyBody, error_reply, json_reply, xml_reply};
use crate::request::{Incoming, Payload, Service};
use crate::s3::{S3, S3Request};
use crate::secretsmanager::SecretsManager;
use crate::throttle::Throttle;
use crate::{elb, sts};

/// Everything that the simulator remembers.
pub(crate) struct World {
    pub(crate) clock: Clock,
    pub(crate) calls: CallLog,
    pub(crate) faults: FaultBook,
    config: SimulatorConfig,
    ids: Ids,
    throttle: Throttle,
    /// Whom the session tokens that `AssumeRole` handed out stand for.
    sessions: BTreeMap<String, String>,
    ecs: Ecs,
    secrets: SecretsManager,
    scaling: Autoscaling,
    s3: S3,
    /// States that a test has put upon target groups.
    pub(crate) targets: elb::Overrides,
}

/// The world, as the connections share it.
#[derive(Clone)]
pub(crate) struct Shared {
    world: Arc<Mutex<World>>,
    latency: Duration,
}

impl Shared {
    pub(crate) fn new(config: &SimulatorConfig) -> Self {
        let world = World {
            clock: Clock::new(config.time_scale),
            calls: CallLog::default(),
            faults: FaultBook::default(),
            config: config.clone(),
            ids: Ids::new(config.seed),
            throttle: Throttle::default(),
            sessions: BTreeMap::new(),
            ecs: Ecs::new(config.seed, config.rollback_keeps_id),
            secrets: SecretsManager::default(),
            scaling: Autoscaling::default(),
            s3: S3::default(),
            targets: elb::Overrides::default(),
        };
        Self { world: Arc::new(Mutex::new(world)), latency: config.latency }
    }

    /// The world. A panic in another call does not make it unusable: each call leaves it whole or a test fails.
    pub(crate) fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers one request.
    pub(crate) async fn answer(self, request: Request<HyperBody>) -> Result<Response<ReplyBody>, Dropped> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| Dropped)?.to_bytes();
        if parts.uri.path().starts_with("/_sim/") {
            return Outcome::Reply(control::answer(&self, &parts, &body)).on_the_wire();
        }
        let incoming = Incoming::read(&parts, &body);
        let fault = self.lock().strike(&incoming, &parts, &body);
        if let Some(Fault::Delay(delay)) = fault {
            tokio::time::sleep(delay).await;
        }
        let outcome = self.lock().call(incoming, parts, body, fault.as_ref());
        if let Some(Fault::LateReply(delay)) = fault {
            tokio::time::sleep(delay).await;
        }
        if !self.latency.is_zero() {
            tokio::time::sleep(self.latency).await;
        }
        outcome.on_the_wire()
    }
}

impl World {
    fn strike(&mut self, incoming: &Incoming, parts: &Parts, body: &[u8]) -> Option<Fault> {
        self.faults.strike(&FaultSubject {
            service: incoming.service.name(),
            operation: &incoming.operation,
            path: parts.uri.path(),
            body,
        })
    }

    /// Applies a call, under its fault, and records it.
    fn call(&mut self, incoming: Incoming, parts: Parts, body: Bytes, fault: Option<&Fault>) -> Outcome {
        let now = self.clock.now();
        let signer = incoming.signer.as_ref();
        let account = signer.map_or(self.config.default_account.as_str(), |signer| {
            signer.account(&self.config.default_account)
        });
        let context = CallContext {
            account: account.to_owned(),
            region: signer.map_or_else(|| "us-east-1".to_owned(), |signer| signer.region.clone()),
            now,
            request_id: self.ids.uuid(),
            principal_arn: self.principal(account, &parts),
        };
        let mut record = CallRecord {
            service: incoming.service.name().to_owned(),
            operation: incoming.operation.clone(),
            account: context.account.clone(),
            region: context.region.clone(),
            status: 0,
            at: now,
            resource: incoming.resource.clone(),
        };
        let outcome = self.outcome(&context, incoming, parts, body, fault);
        record.status = outcome.status();
        self.calls.push(record);
        outcome
    }

    fn outcome(
        &mut self,
        context: &CallContext,
        incoming: Incoming,
        parts: Parts,
        body: Bytes,
        fault: Option<&Fault>,
    ) -> Outcome {
        if fault == Some(&Fault::Reset) {
            return Outcome::Close;
        }
        let refusal = match fault {
            Some(Fault::Throttle) => Some(Refusal::Throttled),
            Some(Fault::AccessDenied) => Some(Refusal::AccessDenied),
            Some(Fault::ServerError500) => Some(Refusal::ServerError),
            Some(Fault::ServiceUnavailable503) => Some(Refusal::Unavailable),
            Some(Fault::ExpiredToken) => Some(Refusal::ExpiredToken),
            _ => self.refusal(context, &incoming),
        };
        let service = incoming.service;
        let response = match refusal {
            Some(refusal) => {
                let error = refusal.word(service, &context.principal_arn, &incoming.operation);
                error_reply(service, &error, &context.request_id)
            }
            None => self.dispatch(context, incoming, parts, body),
        };
        Outcome::under(fault, response)
    }

    /// Who calls: the role whose session token the request carries, else a user of the account.
    fn principal(&self, account: &str, parts: &Parts) -> String {
        let token = parts.headers.get("x-amz-security-token").and_then(|token| token.to_str().ok());
        let assumed = token.and_then(|token| self.sessions.get(token)).cloned();
        assumed.unwrap_or_else(|| format!("arn:aws:iam::{account}:user/operator"))
    }

    /// Notes the session token of an `AssumeRole` reply.
    fn remember_session(&mut self, xml: &str) {
        let user = between(xml, "<AssumedRoleUser>", "</AssumedRoleUser>");
        let arn = user.and_then(|user| between(user, "<Arn>", "</Arn>"));
        if let (Some(token), Some(arn)) = (between(xml, "<SessionToken>", "</SessionToken>"), arn) {
            self.sessions.insert(token.to_owned(), arn.to_owned());
        }
    }

    /// What AWS checks before the operation is looked at.
    fn refusal(&mut self, context: &CallContext, incoming: &Incoming) -> Option<Refusal> {
        let Some(signer) = &incoming.signer else { return Some(Refusal::MissingToken) };
        if signer.expired() {
            return Some(Refusal::ExpiredToken);
        }
        let limited = self.config.throttle && incoming.service == Service::Ecs;
        let admitted = !limited
            || self.throttle.admit(&context.account, &context.region, &incoming.operation, context.now);
        (!admitted).then_some(Refusal::Throttled)
    }

    fn dispatch(
        &mut self,
        context: &CallContext,
        incoming: Incoming,
        parts: Parts,
        body: Bytes,
    ) -> Response<Bytes> {
        let request_id = &context.request_id;
        let operation = incoming.operation.as_str();
        match (incoming.service, incoming.payload) {
            (Service::Sts, Payload::Form(form)) => match sts::handle(context, &form) {
                Ok(xml) => {
                    self.remember_session(&xml);
                    xml_reply(200, xml, request_id)
                }
                Err(error) => error_reply(Service::Sts, &error, request_id),
            },
            (Service::ElasticLoadBalancing, Payload::Form(form)) => {
                let answer = self.balancing_call(context, &form);
                match answer {
                    Ok(xml) => xml_reply(200, xml, request_id),
                    Err(error) => error_reply(Service::ElasticLoadBalancing, &error, request_id),
                }
            }
            (_, Payload::Rest(target)) => self.s3.handle(
                context,
                &S3Request {
                    method: parts.method,
                    bucket: target.bucket,
                    key: target.key,
                    query: target.query,
                    headers: parts.headers,
                    body,
                },
            ),
            (service, _) => match self.json_call(context, service, operation, &body) {
                Ok(json) => json_reply(200, json, request_id),
                Err(error) => error_reply(service, &error, request_id),
            },
        }
    }

    fn balancing_call(
        &mut self,
        context: &CallContext,
        form: &[(String, String)],
    ) -> Result<String, crate::context::ApiError> {
        let Self { ecs, secrets, targets, .. } = self;
        ecs.catch_up(context, &|from| secrets.can_read(&context.account, &context.region, from));
        elb::handle(context, form, targets, |arn| ecs.targets(context, arn))
    }

    /// Somebody pushes another image under a tag: tasks that pull it from now on run that one.
    pub(crate) fn move_tag(&mut self, image: &str, digest: &str) {
        let Self { ecs, secrets, clock, .. } = self;
        for (account, region) in ecs.places() {
            let context = CallContext {
                account,
                region,
                now: clock.now(),
                request_id: String::new(),
                principal_arn: String::new(),
            };
            ecs.catch_up(&context, &|from| secrets.can_read(&context.account, &context.region, from));
        }
        ecs.move_tag(image, digest);
    }

    fn json_call(
        &mut self,
        context: &CallContext,
        service: Service,
        operation: &str,
        body: &Bytes,
    ) -> Result<String, crate::context::ApiError> {
        let body = crate::ecs::shape::parse(body)?;
        let Self { ecs, secrets, scaling, .. } = self;
        if service == Service::Autoscaling {
            let exists = |cluster: &str, service: &str| ecs.has_service(context, cluster, service);
            return Ok(scaling.handle(context, operation, &body, exists)?.to_string());
        }
        if service == Service::SecretsManager {
            // Tasks that were due to start before this call must still find the secrets of that time.
            if !operation.starts_with("Get")
                && !operation.starts_with("Describe")
                && !operation.starts_with("List")
            {
                ecs.catch_up(context, &|from| secrets.can_read(&context.account, &context.region, from));
            }
            return Ok(secrets.handle(context, operation, &body)?.to_string());
        }
        ecs.handle(context, operation, &body, &|from| {
            secrets.can_read(&context.account, &context.region, from)
        })
    }
}

fn between<'a>(text: &'a str, from: &str, to: &str) -> Option<&'a str> {
    text.split_once(from)?.1.split_once(to).map(|(found, _)| found)
}

/// Accepts connections until the task is aborted, and lets `answer` answer each of their requests.
pub(crate) async fn serve<A, F>(listener: TcpListener, answer: A)
where
    A: Fn(Request<HyperBody>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Response<ReplyBody>, Dropped>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => { connections.spawn(connection(stream, answer.clone())); }
                // Out of file descriptors, or the client is gone already: try again shortly.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection<A, F>(stream: TcpStream, answer: A)
where
    A: Fn(Request<HyperBody>) -> F + Send + 'static,
    F: Future<Output = Result<Response<ReplyBody>, Dropped>> + Send + 'static,
{
    // A reply is written at once; waiting for the client's ACK (Nagle) would add 40 ms to it. Without it, only slower.
    let _ = stream.set_nodelay(true);
    let service = service_fn(answer);
    // An error here is a client that hung up, or a connection that a fault closed on purpose.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}
