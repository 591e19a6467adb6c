//! One HTTP request on a connection of its own. Redirects are not followed: they would lead to hosts that nobody allowed.

use std::collections::BTreeSet;

use bowline_core::desired::kind::HttpCheck;
use bowline_core::live::ProbeBody;
use bowline_core::name::{HostPattern, UrlParts};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{ACCEPT, CONNECTION, HOST, USER_AGENT};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;

use super::{Wrong, connect};

/// How much of an answer is read.
const MOST_BYTES: usize = 64 << 10;

/// Asks for a page.
pub(super) async fn ask(hosts: &BTreeSet<HostPattern>, check: &HttpCheck) -> Result<(), Wrong> {
    let request = request(Method::GET, check.url.parts()).header(ACCEPT, "*/*");
    let response = send(hosts, check.url.parts(), request, Bytes::new()).await?;
    let status = response.status().as_u16();
    let (body, is_whole) = read(response.into_body(), MOST_BYTES).await?;
    let size = if is_whole { body.len().to_string() } else { format!("more than {MOST_BYTES}") };
    let wrong = |why: String| Err(Wrong::Answered(why, ProbeBody::of(&body)));
    if !check.status.holds(status) {
        return wrong(format!("answered {status} with {size} bytes, expected {}", check.status));
    }
    let holds = |text: &String| body.windows(text.len()).any(|window| window == text.as_bytes());
    match &check.contains {
        Some(text) if !holds(text) => {
            wrong(format!("answered {status} with {size} bytes, without the expected text"))
        }
        Some(_) | None => Ok(()),
    }
}

/// The beginning of a request for a URL.
pub(super) fn request(method: Method, url: UrlParts<'_>) -> http::request::Builder {
    let host = if url.host.contains(':') { format!("[{}]", url.host) } else { url.host.to_owned() };
    let usual = if url.https { 443 } else { 80 };
    let authority = if url.port == usual { host } else { format!("{host}:{}", url.port) };
    let slash = if url.target.starts_with('/') { "" } else { "/" };
    Request::builder()
        .method(method)
        .uri(format!("{slash}{}", url.target))
        .header(HOST, authority)
        .header(USER_AGENT, concat!("bowline/", env!("CARGO_PKG_VERSION")))
        .header(CONNECTION, "close")
}

/// Sends a request and waits until its answer begins.
pub(super) async fn send(
    hosts: &BTreeSet<HostPattern>,
    url: UrlParts<'_>,
    request: http::request::Builder,
    body: Bytes,
) -> Result<Response<Incoming>, Wrong> {
    let failed = |error: &dyn std::fmt::Display| Wrong::Failed(format!("no answer: {error}"));
    let request = request.body(Full::new(body)).map_err(|error| failed(&error))?;
    let stream = connect::server(hosts, url).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
    // It ends with the answer, or when that is dropped.
    tokio::spawn(connection);
    sender.send_request(request).await.map_err(|error| failed(&error))
}

/// The beginning of an answer, and whether that is all of it.
pub(super) async fn read(mut body: Incoming, most: usize) -> Result<(Vec<u8>, bool), Wrong> {
    let mut read = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Wrong::Failed(format!("the answer broke off: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        let room = most - read.len();
        read.extend_from_slice(data.get(..room.min(data.len())).unwrap_or_default());
        if data.len() > room {
            return Ok((read, false));
        }
    }
    Ok((read, true))
}
