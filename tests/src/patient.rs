//! A server that answers health conditions, and that can be made sick: a page, an MCP server, and what a test asks for.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What is shared with the connections.
#[derive(Debug, Default)]
struct State {
    sick: AtomicBool,
    connections: AtomicUsize,
    /// `METHOD /path` of each request, with the JSON-RPC method where it has one.
    requests: Mutex<Vec<String>>,
}

/// A running server. Dropping it stops it.
#[derive(Debug)]
pub struct Patient {
    port: u16,
    state: Arc<State>,
    task: JoinHandle<()>,
}

/// The session that the MCP server opens.
const SESSION: &str = "session-7";

impl Patient {
    /// A healthy one, on a free port of this machine.
    pub async fn healthy() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                shared.connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(answer(stream, Arc::clone(&shared)));
            }
        });
        Self { port, state, task }
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL of a path: `/healthz` says "ready", `/moved` redirects there, `/mcp` is an MCP server that answers with JSON
    /// objects, `/mcp-events` one that answers with events.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// From now on pages answer 503, and the MCP server has no tools.
    pub fn fall_sick(&self) {
        self.state.sick.store(true, Ordering::SeqCst);
    }

    /// From now on all is well again.
    pub fn recover(&self) {
        self.state.sick.store(false, Ordering::SeqCst);
    }

    /// How many connections were made.
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// What was asked, in order.
    pub fn requests(&self) -> Vec<String> {
        self.state.requests.lock().expect("no holder panicked").clone()
    }
}

impl Drop for Patient {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Answers the one request of a connection; one that is closed without a request is a TCP probe.
async fn answer(stream: TcpStream, state: Arc<State>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut first, mut length, mut session) = (String::new(), 0, None);
    stream.read_line(&mut first).await?;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? <= 2 {
            break;
        }
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap_or(0),
            "mcp-session-id" => session = Some(value.trim().to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    let message: Value = serde_json::from_slice(&body).unwrap_or_default();
    let request = first.rsplit_once(' ').map_or("", |(request, _)| request).to_owned();
    let method = message["method"].as_str().map(|method| format!(" {method}")).unwrap_or_default();
    state.requests.lock().expect("no holder panicked").push(format!("{request}{method}"));
    let sick = state.sick.load(Ordering::SeqCst);
    let path = request.split_once(' ').map_or("", |(_, path)| path);
    let reply = match path {
        "/healthz" if sick => reply("503 Service Unavailable", "", "text/plain", "token=hunter2"),
        "/healthz" => reply("200 OK", "", "text/plain", "all is ready"),
        "/moved" => reply("302 Found", "location: /healthz\r\n", "text/plain", ""),
        "/mcp" | "/mcp-events" => mcp(&message, session.as_deref(), sick, path == "/mcp-events"),
        _ => reply("404 Not Found", "", "text/plain", ""),
    };
    stream.get_mut().write_all(reply.as_bytes()).await
}

fn reply(status: &str, headers: &str, kind: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\n{headers}content-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn mcp(message: &Value, session: Option<&str>, sick: bool, events: bool) -> String {
    let result = match message["method"].as_str() {
        Some("initialize") => json!({
            "protocolVersion": message["params"]["protocolVersion"], "capabilities": {"tools": {}},
            "serverInfo": {"name": "patient", "version": "1"},
        }),
        _ if session != Some(SESSION) => return reply("400 Bad Request", "", "text/plain", ""),
        Some("notifications/initialized") => return reply("202 Accepted", "", "text/plain", ""),
        Some("tools/list") if sick => json!({"tools": []}),
        // On the second page.
        Some("tools/list") if message["params"]["cursor"] == "2" => json!({"tools": [{"name": "search"}]}),
        Some("tools/list") => json!({"tools": [{"name": "fetch"}], "nextCursor": "2"}),
        _ => return reply("204 No Content", "", "text/plain", ""),
    };
    let answer = json!({"jsonrpc": "2.0", "id": message["id"], "result": result}).to_string();
    let session = format!("mcp-session-id: {SESSION}\r\n");
    if events {
        let text = format!(": hello\n\nevent: message\ndata: {answer}\n\n");
        reply("200 OK", &session, "text/event-stream", &text)
    } else {
        reply("200 OK", &session, "application/json", &answer)
    }
}
