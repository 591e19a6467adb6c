//! The time limits that libgit2 lacks: its connection passes through a socket of ours that can be closed.
//!
//! libgit2 waits for a silent server without end, and its own time-outs are process-wide settings behind `unsafe`. So for
//! ssh, and for http on this machine, it connects to a port on 127.0.0.1 that forwards to the one configured server. When
//! the server is silent for too long, or the whole read takes too long, the sockets close and libgit2 returns.
//!
//! Not for https: libgit2 must see the server's own name there, so the relay would have to be an HTTP proxy, and libgit2
//! 1.9.7 uses freed memory when a server behind a proxy shows a bad certificate (`http_client_connect` frees the proxy's
//! stream before it closes the TLS stream on top of it). https has [`probe`], TCP keep-alive and the caller's own limit.

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

impl Relay {
    /// Opens a port that forwards to `target` only.
    pub(super) async fn open(target: Endpoint, limits: Limits) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let failure = Failure::default();
        let forward = Arc::new(Forward { target, limits, failure: failure.clone() });
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

/// Whether the server accepts connections at all: with a time limit, and a better reason than libgit2's.
pub(super) async fn probe(target: &Endpoint, limits: Limits) -> Result<(), String> {
    connect(target, limits.connect).await.map(drop)
}

async fn connect(target: &Endpoint, limit: Duration) -> Result<TcpStream, String> {
    match timeout(limit, TcpStream::connect((target.host.as_str(), target.port))).await {
        Ok(Ok(server)) => Ok(server),
        Ok(Err(error)) => Err(format!("connecting to {} failed: {error}", target.authority())),
        Err(_) => {
            Err(format!("{} did not accept a connection within {}s", target.authority(), limit.as_secs()))
        }
    }
}

struct Forward {
    target: Endpoint,
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
            if let Err(problem) = forward.serve(&mut client).await {
                forward.failure.set(problem);
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

impl Forward {
    async fn serve(&self, client: &mut TcpStream) -> Result<(), String> {
        let mut server = connect(&self.target, self.limits.connect).await?;
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
    // Already closed is as good.
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
                    let count = stream.read(&mut buffer).await?;
                    stream.write_all(&buffer[..count]).await?;
                    stream.read(&mut buffer).await
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
        let relay = Relay::open(echo().await, LIMITS).await.unwrap();
        assert_eq!((talk(&relay, "hello", true).await.as_str(), relay.failure().get()), ("hello", None));
    }

    #[tokio::test]
    async fn silence_and_slowness_end_the_connection_with_a_reason() {
        let target = echo().await;
        let silent = Limits { idle: Duration::from_millis(50), ..LIMITS };
        let relay = Relay::open(target.clone(), silent).await.unwrap();
        assert_eq!(talk(&relay, "hello", false).await, "hello");
        assert_eq!(relay.failure().get().unwrap(), format!("{} sent nothing for 0s", target.authority()));

        let slow = Limits { total: Duration::from_millis(50), ..LIMITS };
        let relay = Relay::open(target, slow).await.unwrap();
        assert_eq!(talk(&relay, "hello", false).await, "hello");
        assert_eq!(relay.failure().get().unwrap(), "the whole read took longer than 0s");
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_named() {
        let port = TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap().port();
        let target = Endpoint { host: "127.0.0.1".to_owned(), port };
        let relay = Relay::open(target.clone(), LIMITS).await.unwrap();
        assert_eq!(talk(&relay, "", false).await, "");
        let failure = relay.failure().get().unwrap();
        assert!(
            failure.starts_with(&format!("connecting to 127.0.0.1:{port} failed: Connection refused")),
            "{failure}"
        );
        assert_eq!(probe(&target, LIMITS).await.unwrap_err(), failure);
    }
}
