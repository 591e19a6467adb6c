//! An MCP server over streamable HTTP: `initialize`, `notifications/initialized`, `tools/list`.
//!
//! Each message is a POST of its own; the answer is one JSON object, or a stream of server-sent events with it in between.

use std::collections::BTreeSet;

use bowline_core::desired::kind::McpCheck;
use bowline_core::live::ProbeBody;
use bowline_core::name::HostPattern;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::{ACCEPT, CONTENT_TYPE};
use hyper::{Method, Response};
use serde_json::{Value, json};

use super::{Wrong, http};

/// How much of an answer is read: lists of tools with their schemas are large.
const MOST_BYTES: usize = 1 << 20;
/// How many pages of tools are read.
const MOST_PAGES: usize = 20;
/// The header that names the session.
const SESSION: &str = "mcp-session-id";
/// The header that names the protocol version that both agreed on.
const PROTOCOL: &str = "mcp-protocol-version";

/// One conversation.
struct Conversation<'a> {
    hosts: &'a BTreeSet<HostPattern>,
    check: &'a McpCheck,
    session: Option<String>,
    version: Option<String>,
}

/// Whether the server answers and has the tools.
pub(super) async fn ask(hosts: &BTreeSet<HostPattern>, check: &McpCheck) -> Result<(), Wrong> {
    let mut conversation = Conversation { hosts, check, session: None, version: None };
    let asked = conversation.run().await;
    conversation.end().await;
    asked
}

impl Conversation<'_> {
    async fn run(&mut self) -> Result<(), Wrong> {
        let initialize = json!({
            "protocolVersion": self.check.protocol_version,
            "capabilities": {},
            "clientInfo": {"name": "bowline", "version": env!("CARGO_PKG_VERSION")},
        });
        let result = self.call("initialize", 1, initialize).await?;
        let version = result.get("protocolVersion").and_then(Value::as_str);
        let version = version
            .ok_or_else(|| Wrong::Failed("its answer to initialize names no protocol version".to_owned()))?;
        self.version = Some(version.to_owned());
        let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        self.post("notifications/initialized", &initialized).await?;
        let missing = self.missing_tools().await?;
        if missing.is_empty() {
            return Ok(());
        }
        let missing: Vec<&str> = missing.into_iter().collect();
        Err(Wrong::Failed(format!("tools/list lacks {}", missing.join(", "))))
    }

    async fn missing_tools(&mut self) -> Result<BTreeSet<&str>, Wrong> {
        let check = self.check;
        let mut missing: BTreeSet<&str> = check.tools.iter().map(String::as_str).collect();
        let mut cursor = None;
        for page in 0..MOST_PAGES {
            let parameters =
                cursor.take().map_or_else(|| json!({}), |cursor: Value| json!({"cursor": cursor}));
            let result = self.call("tools/list", 2 + page as u64, parameters).await?;
            let tools = result.get("tools").and_then(Value::as_array);
            let tools =
                tools.ok_or_else(|| Wrong::Failed("its answer to tools/list has no tools".to_owned()))?;
            for name in tools.iter().filter_map(|tool| tool["name"].as_str()) {
                missing.remove(name);
            }
            cursor = result.get("nextCursor").filter(|cursor| cursor.is_string()).cloned();
            if cursor.is_none() || missing.is_empty() {
                break;
            }
        }
        Ok(missing)
    }

    /// Calls a method and gives its result.
    async fn call(&mut self, method: &str, id: u64, parameters: Value) -> Result<Value, Wrong> {
        let message = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": parameters});
        let response = self.post(method, &message).await?;
        if let Some(session) = response.headers().get(SESSION).and_then(|value| value.to_str().ok()) {
            self.session = Some(session.to_owned());
        }
        let answer = answer(response, id).await?;
        let mut answer = answer
            .ok_or_else(|| Wrong::Failed(format!("it did not answer {method} with a JSON-RPC message")))?;
        if let Some(error) = answer.get("error") {
            let code = error["code"].as_i64().map_or_else(String::new, |code| format!(" {code}"));
            return Err(Wrong::Failed(format!("it answered {method} with the error{code}")));
        }
        match answer.get_mut("result") {
            Some(result) => Ok(result.take()),
            None => Err(Wrong::Failed(format!("its answer to {method} has no result"))),
        }
    }

    async fn post(&self, method: &str, message: &Value) -> Result<Response<Incoming>, Wrong> {
        let body = Bytes::from(message.to_string());
        let response = self.send(Method::POST, body).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        let why = format!("answered {} to {method}", response.status().as_u16());
        let (body, _) = http::read(response.into_body(), ProbeBody::MOST_BYTES).await?;
        Err(Wrong::Answered(why, ProbeBody::of(&body)))
    }

    async fn send(&self, method: Method, body: Bytes) -> Result<Response<Incoming>, Wrong> {
        let url = self.check.url.parts();
        let mut request = http::request(method, url)
            .header(ACCEPT, "application/json, text/event-stream")
            .header(CONTENT_TYPE, "application/json")
            .header("content-length", body.len());
        if let Some(session) = &self.session {
            request = request.header(SESSION, session);
        }
        if let Some(version) = &self.version {
            request = request.header(PROTOCOL, version);
        }
        http::send(self.hosts, url, request, body).await
    }

    /// Ends the session, so that the server need not keep it. A server may refuse that.
    async fn end(&self) {
        if self.session.is_some() {
            drop(self.send(Method::DELETE, Bytes::new()).await);
        }
    }
}

/// The message with this id.
async fn answer(response: Response<Incoming>, id: u64) -> Result<Option<Value>, Wrong> {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("text/event-stream") {
        let (body, _) = http::read(response.into_body(), MOST_BYTES).await?;
        let message: Option<Value> = serde_json::from_slice(&body).ok();
        return Ok(message.filter(|message| message["id"] == id));
    }
    let mut body = response.into_body();
    let mut events = Events::default();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Wrong::Failed(format!("the answer broke off: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        // The stream may stay open after the answer.
        if let Some(message) = events.add(&data).into_iter().find(|message| message["id"] == id) {
            return Ok(Some(message));
        }
        if events.rest.len() > MOST_BYTES {
            return Err(Wrong::Failed(format!("sent more than {MOST_BYTES} bytes in one event")));
        }
    }
    Ok(events.add(b"\n\n").into_iter().find(|message| message["id"] == id))
}

/// Server-sent events, as they come in.
#[derive(Default)]
struct Events {
    /// What has not ended yet.
    rest: Vec<u8>,
}

impl Events {
    /// The messages of the events that ended with this piece.
    fn add(&mut self, piece: &[u8]) -> Vec<Value> {
        self.rest.extend(piece.iter().filter(|byte| **byte != b'\r'));
        let mut messages = Vec::new();
        while let Some(end) = self.rest.windows(2).position(|two| two == b"\n\n") {
            let event: Vec<u8> = self.rest.drain(..end + 2).collect();
            messages.extend(message(&String::from_utf8_lossy(&event)));
        }
        messages
    }
}

/// The JSON of an event's data.
fn message(event: &str) -> Option<Value> {
    let data = event.lines().filter_map(|line| line.strip_prefix("data:"));
    let data: Vec<&str> = data.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    serde_json::from_str(&data.join("\n")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_taken_apart_wherever_the_pieces_end() {
        let text = ": hello\r\nevent: message\r\ndata: {\"id\": 1,\r\ndata: \"a\": 2}\r\n\r\nid: 7\n\ndata:{\"id\":2}\n\ndata: {";
        for size in 1..text.len() {
            let mut events = Events::default();
            let found: Vec<Value> =
                text.as_bytes().chunks(size).flat_map(|piece| events.add(piece)).collect();
            assert_eq!(found, [json!({"id": 1, "a": 2}), json!({"id": 2})], "{size}");
        }
    }
}
