//! The HTTP side of the relay: a reverse proxy from libgit2, which speaks plain HTTP to it, to the one server.
//!
//! It adds nothing to a request but the server's name (`Host`): the credentials are libgit2's. Bodies pass piece by piece.
//! Other processes of this machine can connect as well, so it asks the server only what a fetch asks (a push, where
//! one is under way), and only about the configured repository, or what the server itself has led to.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::error::Error;
use std::sync::{Mutex, PoisonError};

use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1 as client;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::server::conn::http1 as server;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::link::{self, Activity};
use super::tls::Trust;
use super::{Endpoint, Failure, Limits, Problem, Purpose};
use crate::source::address::{Address, redact};

/// What a fetch asks, below the repository's path.
const READS: [(Method, &str); 2] = [(Method::GET, "/info/refs"), (Method::POST, "/git-upload-pack")];
/// What a push asks besides.
const PUSH: (Method, &str) = (Method::POST, "/git-receive-pack");

/// What belongs to one connection and not to the message (RFC 9110, 7.6.1), besides what `Connection` names; and `Expect`,
/// which hyper has answered.
const HOP_BY_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::EXPECT,
];

/// The body of an answer.
type Body = UnsyncBoxBody<Bytes, hyper::Error>;

/// The one server, and what may be asked of it.
pub(super) struct Site {
    endpoint: Endpoint,
    /// Absent for http to this machine.
    trust: Option<Trust>,
    host: HeaderValue,
    limits: Limits,
    failure: Failure,
    /// The repository's path, and those that the server has redirected to; without a slash at the end.
    paths: Mutex<BTreeSet<String>>,
    purpose: Purpose,
}

/// What a request asks about the repository: `/info/refs?service=git-upload-pack`.
struct Question(String);

/// A connection to the server, for one request after the other.
struct Upstream {
    sender: client::SendRequest<Incoming>,
    /// Moves the bytes; ends with this.
    _driver: JoinSet<()>,
}

impl Site {
    /// The server that has the repository at `path`. What goes wrong with it is noted in `failure`.
    pub(super) async fn new(
        tls: bool,
        endpoint: Endpoint,
        path: &str,
        limits: Limits,
        failure: Failure,
    ) -> Result<Self, Problem> {
        let trust = if tls { Some(Trust::load(&endpoint).await?) } else { None };
        let host = HeaderValue::try_from(endpoint.shown(tls))
            .map_err(|_| Problem::Network(format!("`{}` is not a host's name", endpoint.host)))?;
        let path = before_query(path).trim_end_matches('/').to_owned();
        Ok(Self {
            endpoint,
            trust,
            host,
            limits,
            failure,
            paths: Mutex::new(BTreeSet::from([path])),
            purpose: Purpose::Fetch,
        })
    }

    /// For something else than a fetch.
    pub(super) fn with(self, purpose: Purpose) -> Self {
        Self { purpose, ..self }
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Answers the requests of one connection until it closes.
    pub(super) async fn converse(&self, client: &mut TcpStream, activity: &Activity) {
        let upstream = tokio::sync::Mutex::new(None);
        let answer = service_fn(|request| async {
            // Never waits: the next request is read when the last one is answered.
            let mut upstream = upstream.lock().await;
            let answer = self.answer(request, &mut upstream, activity).await;
            Ok::<_, Infallible>(answer.unwrap_or_else(|problem| {
                self.failure.set(problem);
                empty(StatusCode::BAD_GATEWAY)
            }))
        });
        // What goes wrong with the server is noted; what goes wrong with libgit2, it tells itself.
        let _ = server::Builder::new().serve_connection(TokioIo::new(client), answer).await;
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        upstream: &mut Option<Upstream>,
        activity: &Activity,
    ) -> Result<Response<Body>, Problem> {
        let Some(question) = self.question(&request) else {
            return Ok(empty(StatusCode::MISDIRECTED_REQUEST));
        };
        let answer = self.ask(request, upstream, activity).await?;
        self.pass_on(answer, &question)
    }

    /// The request as a question of a fetch, if it is one, about a repository that may be asked about.
    fn question(&self, request: &Request<Incoming>) -> Option<Question> {
        let (method, uri) = (request.method(), request.uri());
        let push = (self.purpose == Purpose::Push).then_some(&PUSH);
        let (path, asked) = READS.iter().chain(push).find_map(|(known, end)| {
            let path = uri.path().strip_suffix(end).filter(|_| known == method)?;
            Some((path, end))
        })?;
        let known = self.paths.lock().unwrap_or_else(PoisonError::into_inner).contains(path);
        let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        known.then(|| Question(format!("{asked}{query}")))
    }

    async fn ask(
        &self,
        request: Request<Incoming>,
        upstream: &mut Option<Upstream>,
        activity: &Activity,
    ) -> Result<Response<Incoming>, Problem> {
        let (mut parts, body) = request.into_parts();
        strip(&mut parts.headers);
        parts.headers.insert(header::HOST, self.host.clone());
        // Without a host of the client's choice.
        parts.uri = parts.uri.path_and_query().cloned().map(Uri::from).unwrap_or_default();
        let reusable = match upstream.take() {
            Some(mut open) => open.sender.ready().await.is_ok().then_some(open),
            None => None,
        };
        let open = match reusable {
            Some(open) => open,
            None => self.connect(activity).await?,
        };
        let sent = upstream.insert(open).sender.send_request(Request::from_parts(parts, body)).await;
        sent.map_err(|error| interrupted(&self.endpoint, &error))
    }

    async fn connect(&self, activity: &Activity) -> Result<Upstream, Problem> {
        let limit = self.limits.connect;
        let link = link::connect(&self.endpoint, limit, activity).await.map_err(Problem::Network)?;
        match &self.trust {
            None => self.start(link).await,
            Some(trust) => self.start(trust.handshake(link, &self.endpoint, limit).await?).await,
        }
    }

    async fn start<S>(&self, stream: S) -> Result<Upstream, Problem>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let started = client::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = started.map_err(|error| interrupted(&self.endpoint, &error))?;
        let mut driver = JoinSet::new();
        driver.spawn(async {
            // An error reaches the request that it concerns.
            let _ = connection.await;
        });
        Ok(Upstream { sender, _driver: driver })
    }

    /// The server's answer for libgit2: led back to the relay, and with an interruption noted.
    fn pass_on(&self, answer: Response<Incoming>, question: &Question) -> Result<Response<Body>, Problem> {
        let (mut parts, body) = answer.into_parts();
        strip(&mut parts.headers);
        if let Some(location) = parts.headers.remove(header::LOCATION)
            && parts.status.is_redirection()
        {
            parts.headers.insert(header::LOCATION, self.follow(&location, question)?);
        }
        let (failure, endpoint) = (self.failure.clone(), self.endpoint.clone());
        let body = body.map_err(move |error| {
            failure.set(interrupted(&endpoint, &error));
            error
        });
        Ok(Response::from_parts(parts, body.boxed_unsync()))
    }

    /// Where a redirect leads, seen from libgit2: another path of the same server, at which the same is asked.
    fn follow(&self, location: &HeaderValue, question: &Question) -> Result<HeaderValue, Problem> {
        let location = location.to_str().unwrap_or("an address that cannot be shown");
        let to = match location {
            path if path.starts_with('/') && !path.starts_with("//") => {
                let (tls, endpoint) = (self.trust.is_some(), self.endpoint.clone());
                Ok(Address::Http { tls, user: None, endpoint, path: path.to_owned() })
            }
            other => Address::parse(other),
        };
        let Ok(Address::Http { tls, endpoint, path, .. }) = to else {
            return Err(Problem::Redirect(redact(before_query(location))));
        };
        let end = before_query(&question.0);
        let path = before_query(&path);
        match path.strip_suffix(end) {
            Some(path) if tls == self.trust.is_some() && endpoint == self.endpoint => {
                let path = path.trim_end_matches('/');
                self.paths.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned());
                HeaderValue::try_from(format!("{path}{}", question.0))
                    .map_err(|_| Problem::Redirect(path.to_owned()))
            }
            repository => {
                let path = repository.unwrap_or(path).to_owned();
                Err(Problem::Redirect(Address::Http { tls, user: None, endpoint, path }.display()))
            }
        }
    }
}

fn interrupted(endpoint: &Endpoint, error: &hyper::Error) -> Problem {
    let mut text = format!("the connection to {} broke: {error}", endpoint.authority());
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    Problem::Network(text)
}

fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in HOP_BY_HOP.iter().chain(&named) {
        headers.remove(name);
    }
}

fn before_query(path: &str) -> &str {
    path.split_once(['?', '#']).map_or(path, |(before, _)| before)
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut answer = Response::new(Empty::new().map_err(|never| match never {}).boxed_unsync());
    *answer.status_mut() = status;
    answer
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::source::relay::Relay;

    const ASKED: &str = "/info/refs?service=git-upload-pack";

    /// A server that gives every request the same answer, and keeps what it was asked.
    struct Fake {
        port: u16,
        heads: Arc<Mutex<Vec<String>>>,
    }

    impl Fake {
        async fn start(answer: impl Fn(u16) -> String) -> Self {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
            let port = listener.local_addr().unwrap().port();
            let (answer, heads) = (answer(port), Arc::<Mutex<Vec<String>>>::default());
            let seen = Arc::clone(&heads);
            tokio::spawn(async move {
                while let Ok((mut stream, _)) = listener.accept().await {
                    let mut buffer = vec![0; 4096];
                    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
                        seen.lock().unwrap().push(String::from_utf8_lossy(&buffer[..count]).into_owned());
                        stream.write_all(answer.as_bytes()).await.unwrap();
                    }
                }
            });
            Self { port, heads }
        }

        async fn relay(&self, purpose: Purpose) -> Relay {
            let limit = Duration::from_secs(30);
            let address = Address::parse(&format!("http://127.0.0.1:{}/a.git/", self.port)).unwrap();
            let limits = Limits { connect: limit, idle: limit, total: limit };
            Relay::open(&address, limits, purpose).await.unwrap().unwrap()
        }
    }

    /// The answer to one request.
    async fn ask(relay: &Relay, line: &str, headers: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", relay.port())).await.unwrap();
        let request =
            format!("{line} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close, X-Mine\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    fn ok(_: u16) -> String {
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nKeep-Alive: timeout=5\r\n\r\nyes".to_owned()
    }

    #[tokio::test]
    async fn a_request_passes_as_it_is_under_the_servers_name() {
        let server = Fake::start(ok).await;
        let relay = server.relay(Purpose::Fetch).await;
        let headers = "Authorization: Basic eA==\r\nX-Mine: 1\r\nGit-Protocol: version=2\r\n";
        let answer = ask(&relay, &format!("GET http://elsewhere/a.git{ASKED}"), headers).await;
        let head = server.heads.lock().unwrap().concat();
        let mut lines: Vec<&str> = head.trim_end().split("\r\n").collect();
        lines[1..].sort_unstable();
        let wanted = [
            &format!("GET /a.git{ASKED} HTTP/1.1"),
            "authorization: Basic eA==",
            "git-protocol: version=2",
            &format!("host: 127.0.0.1:{}", server.port),
        ];
        assert_eq!(lines, wanted);
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && !answer.contains("timeout=5"), "{answer}");
        assert_eq!(relay.failure(), None);
    }

    #[tokio::test]
    async fn only_what_a_fetch_asks_about_this_repository_passes() {
        let server = Fake::start(ok).await;
        let relay = server.relay(Purpose::Fetch).await;
        for line in [
            format!("GET /b.git{ASKED}"),
            format!("GET /a.git/../b.git{ASKED}"),
            format!("GET /a.git/%2e%2e/b.git{ASKED}"),
            format!("GET /a.git/b.git{ASKED}"),
            format!("POST /a.git{ASKED}"),
            "POST /a.git/git-receive-pack".to_owned(),
            "GET /a.git/config".to_owned(),
            "GET /".to_owned(),
        ] {
            let answer = ask(&relay, &line, "").await;
            assert!(answer.starts_with("HTTP/1.1 421 Misdirected Request\r\n"), "{line}: {answer}");
        }
        assert_eq!((server.heads.lock().unwrap().len(), relay.failure()), (0, None));
    }

    #[tokio::test]
    async fn a_push_passes_only_where_one_is_under_way() {
        let server = Fake::start(ok).await;
        let relay = server.relay(Purpose::Push).await;
        for line in ["POST /a.git/git-receive-pack", "GET /a.git/info/refs?service=git-receive-pack"] {
            let answer = ask(&relay, line, "").await;
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{line}: {answer}");
        }
        let answer = ask(&relay, "POST /b.git/git-receive-pack", "").await;
        assert!(answer.starts_with("HTTP/1.1 421 Misdirected Request\r\n"), "{answer}");
    }

    #[tokio::test]
    async fn a_redirect_stays_on_the_server_or_is_a_problem() {
        let cases = [
            ("/b.git/info/refs?service=git-upload-pack", Ok("/b.git")),
            ("http://127.0.0.1:PORT/b.git/info/refs", Ok("/b.git")),
            ("http://127.0.0.1:PORT/users/sign_in?from=x", Err("http://127.0.0.1:PORT/users/sign_in")),
            ("/users/sign_in", Err("http://127.0.0.1:PORT/users/sign_in")),
            ("http://127.0.0.1:1/b.git/info/refs?x", Err("http://127.0.0.1:1/b.git")),
            ("https://127.0.0.1:PORT/b.git/info/refs", Err("https://127.0.0.1:PORT/b.git")),
            ("https://git.example/b.git/info/refs?key=1", Err("https://git.example/b.git")),
            ("https://me:hunter2@git.example/b", Err("https://***@git.example/b")),
            ("//git.example/b.git/info/refs", Err("//git.example/b.git/info/refs")),
            ("ssh://git@git.example/b.git", Err("ssh://***@git.example/b.git")),
        ];
        for (location, wanted) in cases {
            let fill = |text: &str, port: u16| text.replace("PORT", &port.to_string());
            let server = Fake::start(|port| {
                let location = fill(location, port);
                format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")
            })
            .await;
            let relay = server.relay(Purpose::Fetch).await;
            let answer = ask(&relay, &format!("GET /a.git{ASKED}"), "").await;
            match wanted {
                Ok(path) => {
                    assert!(answer.contains(&format!("location: {path}{ASKED}\r\n")), "{location}: {answer}");
                    // Where the server leads, it may be asked.
                    let answer = ask(&relay, &format!("GET {path}{ASKED}"), "").await;
                    assert!(answer.starts_with("HTTP/1.1 302 Found\r\n"), "{location}: {answer}");
                    assert_eq!(relay.failure(), None);
                }
                Err(to) => {
                    assert!(answer.starts_with("HTTP/1.1 502 Bad Gateway\r\n"), "{location}: {answer}");
                    assert_eq!(relay.failure(), Some(Problem::Redirect(fill(to, server.port))));
                }
            }
        }
    }
}
