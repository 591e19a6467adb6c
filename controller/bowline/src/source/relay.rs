//! The time limits that libgit2 lacks: its connection passes through a socket of ours that can be closed.
//!
//! libgit2 waits for a silent server without end, and its own time-outs are process-wide settings behind `unsafe`. So it
//! connects to a port on 127.0.0.1 that forwards to the one configured server: as an HTTP proxy (`CONNECT`) for https, so
//! that TLS still ends at the server and its name is verified, and byte by byte for ssh and loopback http. When the server
//! is silent for too long, or the whole read takes too long, the sockets close and libgit2 returns.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use super::address::Endpoint;

/// How long a remote may keep us waiting.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// For DNS and the TCP connection.
    pub(super) connect: Duration,
    /// Without a byte in either direction. git servers send a keep-alive every 5 s while they prepare a pack.
    pub(super) idle: Duration,
    /// For everything together.
    pub(super) total: Duration,
}

/// A forwarding port, open until it is dropped.
pub(super) struct Relay {
    port: u16,
    failure: Failure,
    task: JoinHandle<()>,
}

/// Why a connection ended that should not have: the first reason, in words.
#[derive(Debug, Clone, Default)]
pub(super) struct Failure(Arc<Mutex<Option<String>>>);

impl Failure {
    fn set(&self, problem: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(problem);
    }

    /// The reason, if a connection failed.
    pub(super) fn get(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// How libgit2 speaks to the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// As to an HTTP proxy: `CONNECT host:port` first.
    Proxy,
    /// As to the server itself.
    Direct,
}

impl Relay {
    /// Opens a port that forwards to `target` only.
    pub(super) async fn open(target: Endpoint, mode: Mode, limits: Limits) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let failure = Failure::default();
        let forward = Arc::new(Forward { target, mode, limits, failure: failure.clone() });
        let task = tokio::spawn(async move {
            if timeout(limits.total, accept(listener, &forward)).await.is_err() {
                forward.failure.set(format!("the whole read took longer than {}s", limits.total.as_secs()));
            }
        });
        Ok(Self { port, failure, task })
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn failure(&self) -> Failure {
        self.failure.clone()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Forward {
    target: Endpoint,
    mode: Mode,
    limits: Limits,
    failure: Failure,
}

/// Serves connections until the task is dropped; they are dropped with it.
async fn accept(listener: TcpListener, forward: &Arc<Forward>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let forward = Arc::clone(forward);
        connections.spawn(async move {
            if let Err(problem) = forward.serve(client).await {
                forward.failure.set(problem);
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

impl Forward {
    async fn serve(&self, mut client: TcpStream) -> Result<(), String> {
        if self.mode == Mode::Proxy {
            self.admit(&mut client).await?;
        }
        let server = match self.connect().await {
            Ok(server) => server,
            Err(problem) => {
                if self.mode == Mode::Proxy {
                    answer(&mut client, "502 Bad Gateway").await;
                }
                return Err(problem);
            }
        };
        if self.mode == Mode::Proxy {
            answer(&mut client, "200 Connection established").await;
        }
        self.pump(client, server).await
    }

    /// Reads `CONNECT host:port` and refuses any other target: a redirect must not carry credentials elsewhere.
    async fn admit(&self, client: &mut TcpStream) -> Result<(), String> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if head.len() > 8 * 1024 {
                return Err("the proxy request is too long".to_owned());
            }
            match client.read_u8().await {
                Ok(byte) => head.push(byte),
                // libgit2 closed a connection that it did not need.
                Err(_) => return Ok(()),
            }
        }
        let head = String::from_utf8_lossy(&head);
        let asked = head.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next()).unwrap_or_default();
        if asked.eq_ignore_ascii_case(&self.target.authority()) {
            return Ok(());
        }
        answer(client, "403 Forbidden").await;
        Err(format!("the server redirects to `{asked}`; if that is right, write it into `repo`"))
    }

    async fn connect(&self) -> Result<TcpStream, String> {
        let Endpoint { host, port } = &self.target;
        match timeout(self.limits.connect, TcpStream::connect((host.as_str(), *port))).await {
            Ok(Ok(server)) => Ok(server),
            Ok(Err(error)) => Err(format!("connecting to {} failed: {error}", self.target.authority())),
            Err(_) => Err(format!(
                "{} did not accept a connection within {}s",
                self.target.authority(),
                self.limits.connect.as_secs()
            )),
        }
    }

    async fn pump(&self, mut client: TcpStream, mut server: TcpStream) -> Result<(), String> {
        let alive = Notify::new();
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let both = async {
            tokio::join!(copy(from_client, to_server, &alive), copy(from_server, to_client, &alive));
        };
        tokio::select! {
            () = both => Ok(()),
            () = silence(&alive, self.limits.idle) => {
                Err(format!("{} sent nothing for {}s", self.target.authority(), self.limits.idle.as_secs()))
            }
        }
    }
}

async fn answer(client: &mut TcpStream, status: &str) {
    // A client that is gone needs no answer.
    let _ = client.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").as_bytes()).await;
}

/// Copies until the end or an error, which both just end the direction: the peer sees it as a closed connection.
async fn copy(
    mut from: impl tokio::io::AsyncRead + Unpin,
    mut to: impl tokio::io::AsyncWrite + Unpin,
    alive: &Notify,
) {
    let mut buffer = vec![0; 32 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if to.write_all(&buffer[..count]).await.is_err() {
            break;
        }
        alive.notify_one();
    }
    let _ = to.shutdown().await;
}

/// Ends when nothing moved for `idle`.
async fn silence(alive: &Notify, idle: Duration) {
    while timeout(idle, alive.notified()).await.is_ok() {}
}
