//! The time limits that libgit2 lacks: its connection passes through a socket of ours that can be closed.
//!
//! libgit2 waits for a silent server without end, and its own time-outs are process-wide settings behind `unsafe`. So it
//! connects to a port on 127.0.0.1 that forwards to the one configured server: bytes for ssh, requests for http and https.
//! When the server is silent for too long, or the whole read takes too long, the sockets close and libgit2 returns.
//!
//! For https, TLS is ours: libgit2 speaks plain HTTP to the port (`relay::http`), and would otherwise have to see the
//! server's own name. As an HTTP proxy it cannot pass through one: libgit2 1.9.7 uses freed memory when a server behind a
//! proxy shows a bad certificate (`http_client_connect` frees the proxy's stream before the TLS stream on top of it).

mod http;
mod link;
mod tls;

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

use self::http::Site;
use self::link::Activity;
use super::address::{Address, Endpoint};

/// The pause after a connection could not be accepted: this process has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long a remote may keep us waiting.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// For DNS and the TCP connection; and once more for the TLS handshake.
    pub(super) connect: Duration,
    /// Without a byte in either direction. git servers send a keep-alive every 5 s while they prepare a pack.
    pub(super) idle: Duration,
    /// For everything together.
    pub(super) total: Duration,
}

/// What libgit2 is to do through a relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Read.
    Fetch,
    /// Read, and push.
    Push,
}

/// A forwarding port, open until it is dropped. It must live as long as libgit2 may connect to it: on a port that was given
/// up, another process could listen, and be sent the token.
pub(super) struct Relay {
    port: u16,
    failure: Failure,
    task: JoinHandle<()>,
}

/// Why a connection ended that should not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Problem {
    /// DNS, connect, TLS without a certificate, or an interruption, in words.
    Network(String),
    /// The server's certificate is not to be trusted.
    Certificate {
        /// Why not.
        problem: String,
        /// What to do about it.
        advice: &'static str,
    },
    /// The server leads to another one, at this address.
    Redirect(String),
}

/// The first [`Problem`], if there was one.
#[derive(Debug, Clone, Default)]
struct Failure(Arc<Mutex<Option<Problem>>>);

impl Failure {
    fn set(&self, problem: Problem) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(problem);
    }

    fn get(&self) -> Option<Problem> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Relay {
    /// Opens a port that forwards to the server of `address` only; none for a repository on the disk.
    pub(super) async fn open(
        address: &Address,
        limits: Limits,
        purpose: Purpose,
    ) -> Result<Option<Self>, Problem> {
        let failure = Failure::default();
        let server = match address {
            Address::Local(_) => return Ok(None),
            Address::Ssh { endpoint, .. } => Server::Bytes(endpoint.clone()),
            Address::Http { tls, endpoint, path, .. } => {
                let site = Site::new(*tls, endpoint.clone(), path, limits, failure.clone());
                Server::Requests(site.await?.with(purpose))
            }
        };
        let unbound = |error| Problem::Network(format!("no port can be opened on 127.0.0.1: {error}"));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(unbound)?;
        let port = listener.local_addr().map_err(unbound)?.port();
        let forward = Arc::new(Forward { server, limits, failure: failure.clone() });
        let task = tokio::spawn(async move {
            let open = limits.total;
            {
                let mut serving = pin!(serve(&listener, &forward));
                tokio::select! {
                    () = &mut serving => {}
                    // The reason is noted first; the connections close when `serving` is dropped after it.
                    () = sleep(open) => {
                        let problem = format!("the whole read took longer than {}s", open.as_secs());
                        forward.failure.set(Problem::Network(problem));
                    }
                }
            }
            // The port stays ours, and says no.
            loop {
                drop(accept(&listener).await);
            }
        });
        Ok(Some(Self { port, failure, task }))
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Why a connection failed, if one did: the first reason.
    pub(super) fn failure(&self) -> Option<Problem> {
        self.failure.get()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((client, _)) => return client,
            Err(_) => sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// Serves connections until the future is dropped; they are dropped with it.
async fn serve(listener: &TcpListener, forward: &Arc<Forward>) {
    let mut connections = JoinSet::new();
    loop {
        let mut client = accept(listener).await;
        let forward = Arc::clone(forward);
        connections.spawn(async move { forward.serve(&mut client).await });
        while connections.try_join_next().is_some() {}
    }
}

struct Forward {
    server: Server,
    limits: Limits,
    failure: Failure,
}

/// To whom, and what passes.
enum Server {
    /// Bytes, as they are: ssh.
    Bytes(Endpoint),
    /// HTTP requests, one by one.
    Requests(Site),
}

impl Forward {
    /// Serves one connection of libgit2's. The reason of a failure is noted while it is still open: once it closes, libgit2
    /// may be read.
    async fn serve(&self, client: &mut TcpStream) {
        let activity = Activity::default();
        let target = match &self.server {
            Server::Bytes(endpoint) => endpoint,
            Server::Requests(site) => site.endpoint(),
        };
        let conversation = async {
            match &self.server {
                Server::Bytes(endpoint) => pass_bytes(endpoint, self.limits, client, &activity).await,
                Server::Requests(site) => {
                    site.converse(client, &activity).await;
                    Ok(())
                }
            }
        };
        let ended = tokio::select! {
            ended = conversation => ended,
            () = activity.silence(self.limits.idle) => {
                Err(format!("{} sent nothing for {}s", target.authority(), self.limits.idle.as_secs()))
            }
        };
        if let Err(problem) = ended {
            self.failure.set(Problem::Network(problem));
        }
    }
}

async fn pass_bytes(
    target: &Endpoint,
    limits: Limits,
    client: &mut TcpStream,
    activity: &Activity,
) -> Result<(), String> {
    let mut server = link::connect(target, limits.connect, activity).await?;
    activity.note();
    // An interruption just ends both sides: libgit2 sees it as a closed connection.
    let _ = tokio::io::copy_bidirectional(client, &mut server).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

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

    async fn relay(endpoint: &Endpoint, limits: Limits) -> Relay {
        let (user, path) = ("git".to_owned(), "/a".to_owned());
        let address = Address::Ssh { user, endpoint: endpoint.clone(), path, scp: false };
        Relay::open(&address, limits, Purpose::Fetch).await.unwrap().unwrap()
    }

    fn network(problem: &str) -> Problem {
        Problem::Network(problem.to_owned())
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
        let relay = relay(&echo().await, LIMITS).await;
        assert_eq!((talk(&relay, "hello", true).await.as_str(), relay.failure()), ("hello", None));
    }

    #[tokio::test]
    async fn silence_and_slowness_end_the_connection_with_a_reason() {
        let target = echo().await;
        let silent = relay(&target, Limits { idle: Duration::from_millis(50), ..LIMITS }).await;
        assert_eq!(talk(&silent, "hello", false).await, "hello");
        let problem = format!("{} sent nothing for 0s", target.authority());
        assert_eq!(silent.failure(), Some(network(&problem)));

        let slow = relay(&target, Limits { total: Duration::from_millis(50), ..LIMITS }).await;
        assert_eq!(talk(&slow, "hello", false).await, "hello");
        assert_eq!(slow.failure(), Some(network("the whole read took longer than 0s")));
        // The port is kept, so that nobody else can listen on it, and leads nowhere any more.
        let mut late = TcpStream::connect(("127.0.0.1", slow.port())).await.unwrap();
        assert_eq!(late.read(&mut [0; 8]).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_named() {
        let port = TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap().port();
        let target = Endpoint { host: "127.0.0.1".to_owned(), port };
        let relay = relay(&target, LIMITS).await;
        assert_eq!(talk(&relay, "", false).await, "");
        let Some(Problem::Network(problem)) = relay.failure() else { panic!() };
        let wanted = format!("connecting to 127.0.0.1:{port} failed: Connection refused");
        assert!(problem.starts_with(&wanted), "{problem}");
    }
}
