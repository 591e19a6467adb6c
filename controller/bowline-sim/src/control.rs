//! The simulator's own API under `/_sim/`, for tests that are not written in Rust.
//!
//! `GET /_sim/health` · `GET|DELETE /_sim/calls` · `POST|DELETE /_sim/faults` (a `FaultRule` as JSON) ·
//! `POST /_sim/advance` (`{"seconds": 90}`) · `POST /_sim/targets` (`{"targetGroupArn": "...", "state": "unhealthy"}`; without
//! `state` the targets are as ECS has them) · `POST /_sim/tags` (`{"image": "registry/web:1", "digest": "sha256:..."}`: somebody
//! pushes another image under a tag)

use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode, header, request::Parts};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::faults::FaultRule;
use crate::server::Shared;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    seconds: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Targets {
    target_group_arn: String,
    state: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MovedTag {
    image: String,
    digest: String,
}

/// Answers a request to `/_sim/`.
pub(crate) fn answer(shared: &Shared, parts: &Parts, body: &[u8]) -> Response<Bytes> {
    let (status, body) = match route(shared, parts, body) {
        Ok(body) => (StatusCode::OK, body),
        Err((status, message)) => (status, json!({"error": message})),
    };
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

fn route(shared: &Shared, parts: &Parts, body: &[u8]) -> Result<Value, (StatusCode, String)> {
    let mut world = shared.lock();
    match (parts.method.as_str(), parts.uri.path()) {
        ("GET", "/_sim/health") => Ok(json!({"status": "ok", "now": world.clock.now()})),
        ("GET", "/_sim/calls") => Ok(json!({"calls": world.calls.all()})),
        ("DELETE", "/_sim/calls") => {
            world.calls.clear();
            Ok(json!({}))
        }
        ("POST", "/_sim/faults") => {
            world.faults.add(parse::<FaultRule>(body)?);
            Ok(json!({}))
        }
        ("DELETE", "/_sim/faults") => {
            world.faults.clear();
            Ok(json!({}))
        }
        ("POST", "/_sim/advance") => {
            let by = parse::<Advance>(body)?.seconds;
            let by = Duration::try_from_secs_f64(by)
                .map_err(|error| (StatusCode::BAD_REQUEST, format!("seconds: {error}")))?;
            world.clock.advance(by);
            Ok(json!({"now": world.clock.now()}))
        }
        ("POST", "/_sim/targets") => {
            let Targets { target_group_arn, state } = parse(body)?;
            match state {
                Some(state) => world.targets.insert(target_group_arn, state),
                None => world.targets.remove(&target_group_arn),
            };
            Ok(json!({}))
        }
        ("POST", "/_sim/tags") => {
            let MovedTag { image, digest } = parse(body)?;
            world.move_tag(&image, &digest);
            Ok(json!({}))
        }
        (method, path) => Err((StatusCode::NOT_FOUND, format!("no {method} {path}"))),
    }
}

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, (StatusCode, String)> {
    serde_json::from_slice(body).map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))
}
