//! A connection to a host that may be probed: its addresses are looked at after the name was resolved, and only those are
//! connected to that may be.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bowline_core::name::{HostPattern, UrlParts};
use bowline_core::policy::{address_refused, host_refused};
use rustls_native_certs::load_native_certs;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Why there is no connection.
#[derive(Debug)]
pub(super) enum Refusal {
    /// It may not be made.
    NotAllowed(String),
    /// It was not accepted.
    NoConnection(String),
}

/// A stream of bytes, encrypted or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Whom TLS trusts: the machine's authorities, read once.
static TRUST: OnceCell<Arc<ClientConfig>> = OnceCell::const_new();

/// Connects to a host by TCP.
pub(super) async fn tcp(hosts: &BTreeSet<HostPattern>, host: &str, port: u16) -> Result<TcpStream, Refusal> {
    if let Some(why) = host_refused(host, hosts) {
        return Err(Refusal::NotAllowed(why));
    }
    let resolved = lookup_host((host, port)).await;
    let resolved =
        resolved.map_err(|error| Refusal::NoConnection(format!("{host} cannot be resolved: {error}")))?;
    let mut refused = None;
    let mut failed = None;
    for address in resolved {
        if let Some(why) = address_refused(address.ip(), hosts) {
            refused = Some(format!("{host} leads to {}, which {why}", address.ip()));
            continue;
        }
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failed = Some(no_connection(address, &error)),
        }
    }
    match (failed, refused) {
        (Some(why), _) => Err(Refusal::NoConnection(why)),
        (None, Some(why)) => Err(Refusal::NotAllowed(why)),
        (None, None) => Err(Refusal::NoConnection(format!("{host} has no address"))),
    }
}

fn no_connection(address: SocketAddr, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => format!("{address} refused the connection"),
        _ => format!("{address} did not accept a connection: {error}"),
    }
}

/// Connects to the server of a URL, by TLS where it is `https`.
pub(super) async fn server(
    hosts: &BTreeSet<HostPattern>,
    url: UrlParts<'_>,
) -> Result<Box<dyn Stream>, Refusal> {
    let stream = tcp(hosts, url.host, url.port).await?;
    if !url.https {
        return Ok(Box::new(stream));
    }
    let failed = |what: String| Refusal::NoConnection(format!("TLS with {} failed: {what}", url.host));
    let name = ServerName::try_from(url.host.to_owned()).map_err(|error| failed(error.to_string()))?;
    let trust = TRUST.get_or_try_init(load).await.map_err(failed)?;
    let stream = TlsConnector::from(Arc::clone(trust)).connect(name, stream).await;
    Ok(Box::new(stream.map_err(|error| failed(error.to_string()))?))
}

async fn load() -> Result<Arc<ClientConfig>, String> {
    let loaded = tokio::task::spawn_blocking(|| {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(load_native_certs().certs);
        roots
    });
    let roots = loaded.await.map_err(|error| error.to_string())?;
    if roots.is_empty() {
        return Err("this machine has no certificate authorities".to_owned());
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
