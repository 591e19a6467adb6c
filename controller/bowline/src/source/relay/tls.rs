//! TLS to the server: the machine's certificate authorities, and what is wrong with a certificate in words.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls_native_certs::load_native_certs;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{ServerName, UnixTime};
use tokio_rustls::rustls::{self, CertificateError, ClientConfig, RootCertStore};

use super::link::Link;
use super::{Endpoint, Problem};

const ADD_AUTHORITY: &str =
    "add the certificate authority to the system's store, or point SSL_CERT_FILE to a file that holds it";
const CHECK_DATES: &str =
    "renew the certificate on the server; if its dates are right, this machine's clock is wrong";
const CHECK_NAME: &str =
    "write the name that the certificate is for into `repo`, or give the server a certificate for this name";
const REPLACE: &str = "give the server a certificate for its name that a certificate authority has issued, not an authority's own";

/// Who is trusted. Made for each read, so that a new file of authorities is seen without a restart.
pub(super) struct Trust {
    connector: TlsConnector,
    server: ServerName<'static>,
}

impl Trust {
    /// Reads the machine's authorities as the AWS clients do: `SSL_CERT_FILE`, `SSL_CERT_DIR`, else the system's store.
    pub(super) async fn load(endpoint: &Endpoint) -> Result<Self, Problem> {
        let server = ServerName::try_from(endpoint.host.clone())
            .map_err(|_| Problem::Network(format!("`{}` is not a host's name", endpoint.host)))?;
        let loaded = spawn_blocking(|| {
            let found = load_native_certs();
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(found.certs);
            let why: Vec<_> = found.errors.iter().map(ToString::to_string).collect();
            (roots, why)
        });
        let (roots, why) = loaded.await.map_err(|error| {
            Problem::Network(format!("reading the certificate authorities failed: {error}"))
        })?;
        if roots.is_empty() {
            let why = if why.is_empty() { String::new() } else { format!(" ({})", why.join(", ")) };
            let problem = format!("this machine has no certificate authorities{why}");
            return Err(Problem::Certificate { problem, advice: ADD_AUTHORITY });
        }
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| Problem::Network(format!("TLS cannot be used: {error}")))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), server })
    }

    /// Opens TLS on a fresh connection to `endpoint`, within the limit.
    pub(super) async fn handshake(
        &self,
        link: Link,
        endpoint: &Endpoint,
        limit: Duration,
    ) -> Result<TlsStream<Link>, Problem> {
        let name = endpoint.authority();
        match timeout(limit, self.connector.connect(self.server.clone(), link)).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err(explain(&name, &error)),
            Err(_) => {
                let limit = limit.as_secs();
                Err(Problem::Network(format!("{name} did not end the TLS handshake within {limit}s")))
            }
        }
    }
}

fn explain(name: &str, error: &io::Error) -> Problem {
    match error.get_ref().and_then(|inner| inner.downcast_ref()) {
        Some(rustls::Error::InvalidCertificate(certificate)) => {
            let (problem, advice) = explain_certificate(certificate);
            Problem::Certificate { problem, advice }
        }
        Some(other) => Problem::Network(format!("TLS with {name} failed: {other}")),
        None => Problem::Network(format!("{name} closed the connection during the TLS handshake: {error}")),
    }
}

/// What is wrong, and what to do. rustls' own words, except where they are a code or count seconds.
fn explain_certificate(error: &CertificateError) -> (String, &'static str) {
    match error {
        CertificateError::UnknownIssuer => {
            ("no certificate authority that this machine trusts has signed it".to_owned(), ADD_AUTHORITY)
        }
        CertificateError::ExpiredContext { not_after, .. } => {
            (format!("it expired on {}", date(*not_after)), CHECK_DATES)
        }
        CertificateError::NotValidYetContext { not_before, .. } => {
            (format!("it is not valid before {}", date(*not_before)), CHECK_DATES)
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            (error.to_string(), CHECK_NAME)
        }
        // Such as `CaUsedAsEndEntity`: a certificate that signs itself, as OpenSSL makes it unless told otherwise.
        CertificateError::Other(inner) => (inner.to_string(), REPLACE),
        other => (other.to_string(), REPLACE),
    }
}

fn date(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).ok();
    let time = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.map_or_else(|| "a day outside of the calendar".to_owned(), |time| time.to_string())
}
