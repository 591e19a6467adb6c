//! TLS in front of an HTTP server, which can fall silent; and a server that redirects.

use std::env::{current_exe, var_os};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Runs `test` in a process of its own that trusts the authorities of `file` and no others: an environment cannot be
/// changed from inside. `name` is the calling test's.
pub(crate) async fn trusting(file: &str, name: &str, test: impl AsyncFnOnce()) {
    if var_os("SSL_CERT_FILE").is_some_and(|set| Path::new(&set) == Path::new(file))
        && var_os("BOWLINE_TEST_TRUSTING").is_some()
    {
        return test().await;
    }
    let again = Command::new(current_exe().unwrap())
        .args(["--exact", name])
        .env("SSL_CERT_FILE", file)
        .env_remove("SSL_CERT_DIR")
        .env("BOWLINE_TEST_TRUSTING", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&again.stdout);
    assert!(again.status.success() && said.contains("1 passed"), "{said}");
}

/// Where a server falls silent, or breaks off.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stall {
    /// When the TCP connection stands.
    BeforeTls,
    /// When TLS stands.
    BeforeAnswer,
    /// Some bytes into the pack.
    InThePack,
    /// There, it closes the connection.
    CutInThePack,
}

#[derive(Default)]
struct State {
    stall: Mutex<Option<Stall>>,
    stalled: Notify,
}

impl State {
    fn stalls(&self, at: Stall) -> bool {
        *self.stall.lock().unwrap() == Some(at)
    }
}

/// TLS on a port of its own.
pub(crate) struct TlsServer {
    pub(crate) port: u16,
    state: Arc<State>,
}

/// A port that nobody serves yet.
pub(crate) struct Bound(TcpListener);

impl TlsServer {
    /// With the certificate and key of the file `certificate`, in front of the port `behind`.
    pub(crate) async fn start(certificate: &str, behind: u16) -> Self {
        Self::bind().await.serve(certificate, behind)
    }

    pub(crate) async fn bind() -> Bound {
        Bound(TcpListener::bind(("127.0.0.1", 0)).await.unwrap())
    }

    /// From the next connection on.
    pub(crate) fn stall(&self, at: Option<Stall>) {
        *self.state.stall.lock().unwrap() = at;
    }

    /// Waits until it has fallen silent.
    pub(crate) async fn stalled(&self) {
        self.state.stalled.notified().await;
    }
}

impl Bound {
    pub(crate) fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    pub(crate) fn serve(self, certificate: &str, behind: u16) -> TlsServer {
        let key = PrivateKeyDer::from_pem_file(certificate).unwrap();
        let certificate = CertificateDer::from_pem_file(certificate).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let server = TlsServer { port: self.port(), state: Arc::default() };
        let state = Arc::clone(&server.state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = self.0.accept().await {
                let (acceptor, state) = (acceptor.clone(), Arc::clone(&state));
                tokio::spawn(async move { serve(stream, &acceptor, behind, &state).await });
            }
        });
        server
    }
}

async fn serve(stream: TcpStream, acceptor: &TlsAcceptor, behind: u16, state: &State) -> std::io::Result<()> {
    if state.stalls(Stall::BeforeTls) {
        return silence(state).await;
    }
    let mut front = acceptor.accept(stream).await?;
    if state.stalls(Stall::BeforeAnswer) {
        front.read_u8().await?;
        return silence(state).await;
    }
    let mut back = TcpStream::connect(("127.0.0.1", behind)).await?;
    if state.stalls(Stall::InThePack) || state.stalls(Stall::CutInThePack) {
        until_the_pack(&mut front, &mut back).await?;
        return if state.stalls(Stall::InThePack) { silence(state).await } else { Ok(()) };
    }
    tokio::io::copy_bidirectional(&mut front, &mut back).await.map(drop)
}

async fn silence(state: &State) -> std::io::Result<()> {
    state.stalled.notify_one();
    std::future::pending().await
}

/// Passes everything, up to the first bytes of a pack.
async fn until_the_pack(
    front: &mut (impl AsyncRead + AsyncWrite + Unpin),
    back: &mut TcpStream,
) -> std::io::Result<()> {
    let (mut ask, mut answer) = (vec![0; 32 * 1024], vec![0; 32 * 1024]);
    loop {
        tokio::select! {
            count = front.read(&mut ask) => back.write_all(&ask[..count?]).await?,
            count = back.read(&mut answer) => {
                let answer = &answer[..count?];
                let pack = answer.windows(4).position(|window| window == b"PACK");
                front.write_all(&answer[..pack.map_or(answer.len(), |start| start + 10)]).await?;
                front.flush().await?;
                if pack.is_some() {
                    return Ok(());
                }
            }
        }
    }
}

/// A server, without TLS, that leads what is below `from` to `to`, and passes everything else to the port `behind`.
pub(crate) async fn redirect(from: &'static str, to: String, behind: u16) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let to = to.clone();
            tokio::spawn(async move { lead(stream, from, &to, behind).await });
        }
    });
    port
}

async fn lead(stream: TcpStream, from: &str, to: &str, behind: u16) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut first = String::new();
    stream.read_line(&mut first).await?;
    let Some(rest) = first.split(' ').nth(1).and_then(|path| path.strip_prefix(from)) else {
        let mut back = TcpStream::connect(("127.0.0.1", behind)).await?;
        back.write_all(first.as_bytes()).await?;
        return tokio::io::copy_bidirectional(&mut stream, &mut back).await.map(drop);
    };
    let answer = format!(
        "HTTP/1.1 301 Moved\r\nLocation: {to}{rest}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 2 {
        line.clear();
    }
    stream.write_all(answer.as_bytes()).await
}

/// A server that is asked something, answers `text`, and closes.
pub(crate) async fn answering(text: &'static str) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            assert!(stream.read(&mut [0; 4096]).await? > 0);
            stream.write_all(text.as_bytes()).await?;
        }
        std::io::Result::Ok(())
    });
    port
}
