//! The time limits that libgit2 lacks: its connection passes through a socket of ours that can be closed.
//!
//! libgit2 waits for a silent server without end, and its own time-outs are process-wide settings behind `unsafe`. So it
//! connects to a port on 127.0.0.1 that forwards to the one configured server: as an HTTP proxy (`CONNECT`) for https, so
//! that TLS still ends at the server and its name is verified, and byte by byte for ssh and loopback http. When the server
//! is silent for too long, or the whole read takes too long, the sockets close and libgit2 returns.

use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

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
            let mut serving = pin!(accept(listener, &forward));
            tokio::select! {
                () = &mut serving => {}
                // The reason is noted first; the connections close when `serving` is dropped after it.
                () = sleep(limits.total) => {
                    forward.failure.set(format!("the whole read took longer than {}s", limits.total.as_secs()));
                }
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
            let mut client = client;
            // The reason is noted while libgit2's connection is still open: once it closes, libgit2 may be read.
            if let Err(refusal) = forward.serve(&mut client).await {
                forward.failure.set(refusal.problem);
                if let Some(status) = refusal.status {
                    answer(&mut client, status).await;
                }
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

/// Why a connection is not served, and what libgit2 is told if it waits for an answer.
struct Refusal {
    problem: String,
    status: Option<&'static str>,
}

impl Forward {
    async fn serve(&self, client: &mut TcpStream) -> Result<(), Refusal> {
        let answered = self.mode == Mode::Proxy;
        if answered {
            self.admit(client).await?;
        }
        let server = self
            .connect()
            .await
            .map_err(|problem| Refusal { problem, status: answered.then_some("502 Bad Gateway") })?;
        if answered {
            answer(client, "200 Connection established").await;
        }
        self.pump(client, server).await.map_err(|problem| Refusal { problem, status: None })
    }

    /// Reads `CONNECT host:port` and refuses any other target: a redirect must not carry credentials elsewhere.
    async fn admit(&self, client: &mut TcpStream) -> Result<(), Refusal> {
        let refuse = |problem| Refusal { problem, status: Some("403 Forbidden") };
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if head.len() > 8 * 1024 {
                return Err(refuse("the request to the proxy is too long".to_owned()));
            }
            head.push(
                client
                    .read_u8()
                    .await
                    .map_err(|error| refuse(format!("libgit2 closed the connection: {error}")))?,
            );
        }
        let head = String::from_utf8_lossy(&head);
        let asked = head.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next()).unwrap_or_default();
        if asked.eq_ignore_ascii_case(&self.target.authority()) {
            Ok(())
        } else {
            Err(refuse(format!("the server redirects to `{asked}`; if that is right, write it into `repo`")))
        }
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

    async fn pump(&self, client: &mut TcpStream, mut server: TcpStream) -> Result<(), String> {
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

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        connect: Duration::from_secs(5),
        idle: Duration::from_secs(5),
        total: Duration::from_secs(30),
    };

    /// A server that answers each connection with what it read first, then waits for its end.
    async fn echo() -> Endpoint {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut buffer = [0; 64];
                    let count = stream.read(&mut buffer).await.unwrap();
                    stream.write_all(&buffer[..count]).await.unwrap();
                    stream.read(&mut buffer).await.unwrap()
                });
            }
        });
        Endpoint { host: "127.0.0.1".to_owned(), port }
    }

    /// Sends, and reads until the connection closes.
    async fn talk(relay: &Relay, text: &str, close: bool) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", relay.port())).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        if close {
            stream.shutdown().await.unwrap();
        }
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn bytes_pass_both_ways() {
        let direct = Relay::open(echo().await, Mode::Direct, LIMITS).await.unwrap();
        assert_eq!(talk(&direct, "hello", true).await, "hello");
        assert_eq!(direct.failure().get(), None);

        let target = echo().await;
        let proxy = Relay::open(target.clone(), Mode::Proxy, LIMITS).await.unwrap();
        let mut stream = TcpStream::connect(("127.0.0.1", proxy.port())).await.unwrap();
        let connect = format!("CONNECT {} HTTP/1.1\r\nHost: x\r\n\r\n", target.authority());
        stream.write_all(connect.as_bytes()).await.unwrap();
        let mut head = [0; 58];
        stream.read_exact(&mut head).await.unwrap();
        assert!(head.starts_with(b"HTTP/1.1 200 ") && head.ends_with(b"\r\n\r\n"));
        stream.write_all(b"hello").await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert_eq!((answer.as_str(), proxy.failure().get()), ("hello", None));
    }

    #[tokio::test]
    async fn another_target_than_the_configured_one_is_refused() {
        let relay = Relay::open(echo().await, Mode::Proxy, LIMITS).await.unwrap();
        let answer = talk(&relay, "CONNECT elsewhere.example:443 HTTP/1.1\r\n\r\n", false).await;
        assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
        let failure = relay.failure().get().unwrap();
        assert!(failure.starts_with("the server redirects to `elsewhere.example:443`"), "{failure}");
    }

    #[tokio::test]
    async fn silence_and_slowness_end_the_connection_with_a_reason() {
        let target = echo().await;
        let name = target.authority();
        let silent = Limits { idle: Duration::from_millis(50), ..LIMITS };
        let relay = Relay::open(target.clone(), Mode::Direct, silent).await.unwrap();
        assert_eq!(talk(&relay, "hello", false).await, "hello");
        assert_eq!(relay.failure().get().unwrap(), format!("{name} sent nothing for 0s"));

        let slow = Limits { total: Duration::from_millis(50), ..LIMITS };
        let relay = Relay::open(target, Mode::Direct, slow).await.unwrap();
        assert_eq!(talk(&relay, "hello", false).await, "hello");
        assert_eq!(relay.failure().get().unwrap(), "the whole read took longer than 0s");
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_named() {
        let port = TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap().port();
        let target = Endpoint { host: "127.0.0.1".to_owned(), port };
        let relay = Relay::open(target, Mode::Proxy, LIMITS).await.unwrap();
        let answer = talk(&relay, &format!("CONNECT 127.0.0.1:{port} HTTP/1.1\r\n\r\n"), false).await;
        assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
        let failure = relay.failure().get().unwrap();
        assert!(
            failure.starts_with(&format!("connecting to 127.0.0.1:{port} failed: Connection refused")),
            "{failure}"
        );
    }
}
