//! One request: its limits in time, what an answer means, renamed repositories.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use http_body_util::BodyExt as _;
use jiff::{SignedDuration, Timestamp};
use octocrab::Octocrab;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::GitHubError;
use super::limits::{Left, Limit, Quota};
use super::{GitHub, GitHubAuth, RepositoryName};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a call may take altogether: GitHub itself gives up after 10 s.
const TOTAL: Duration = Duration::from_secs(30);
/// How long is waited where a limit does not say how long: "at least one minute" (GitHub's documentation).
const UNTOLD: SignedDuration = SignedDuration::from_mins(1);
/// The version of the REST API that is spoken.
const API_VERSION: (&str, &str) = ("x-github-api-version", "2022-11-28");
/// How much of an answer's text is shown in an error, in characters.
const SHOWN: usize = 300;

/// The API's base, in parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Base {
    /// `https://api.github.com`
    origin: String,
    /// `/api/v3` at a GitHub Enterprise Server, else nothing.
    path: String,
}

impl Base {
    pub(super) fn parse(url: &str) -> Result<Self, GitHubError> {
        let fail = |problem| GitHubError::BaseUrl { url: url.to_owned(), problem };
        let parsed: Uri = url.parse().map_err(|_| fail("it is no URL"))?;
        let (Some(scheme), Some(authority)) = (parsed.scheme_str(), parsed.authority()) else {
            return Err(fail("it needs a scheme and a host"));
        };
        if authority.as_str().contains('@') || parsed.query().is_some() {
            return Err(fail("it may hold no user, password or query"));
        }
        let local = ["localhost", "127.0.0.1", "[::1]"].contains(&authority.host());
        if !(scheme == "https" || scheme == "http" && local) {
            return Err(fail("a token goes over https only, or over http to this machine"));
        }
        let path = parsed.path().trim_end_matches('/').to_owned();
        Ok(Self { origin: format!("{scheme}://{authority}"), path })
    }

    /// Where GraphQL is: beside `v3` at a GitHub Enterprise Server.
    fn graphql(&self) -> String {
        format!("{}/graphql", self.path.strip_suffix("/v3").unwrap_or(&self.path))
    }

    /// A client that speaks with a token. It sends nothing twice: the crate's retries are not compiled in.
    pub(super) fn client(&self, token: &SecretString) -> Result<Octocrab, GitHubError> {
        let down = |error: octocrab::Error| self.down(&error);
        let (name, version) = API_VERSION;
        Octocrab::builder()
            .base_uri(self.origin.as_str())
            .map_err(down)?
            .set_connect_timeout(Some(CONNECT))
            .set_read_timeout(Some(TOTAL))
            .set_write_timeout(Some(TOTAL))
            .add_header(HeaderName::from_static(name), version.to_owned())
            .personal_token(token.expose_secret())
            .build()
            .map_err(down)
    }

    fn down(&self, error: &(dyn std::error::Error + 'static)) -> GitHubError {
        // The crate's own words end in where in its code they come from.
        let problem = crate::engine::sentence(error);
        let problem = problem.lines().next().unwrap_or_default().to_owned();
        GitHubError::Down { url: format!("{}{}", self.origin, self.path), problem }
    }

    fn unclear(&self, problem: String) -> GitHubError {
        GitHubError::Down { url: format!("{}{}", self.origin, self.path), problem }
    }
}

/// An answer, before it is understood.
pub(super) struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    /// The limit that it says is reached, and until when.
    limit: Option<(Limit, Timestamp)>,
}

/// How GitHub names one answer, to be asked whether it is still the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ETag(HeaderValue);

/// An answer to a question that was asked before.
pub(super) enum Again<T> {
    /// It is the known one.
    Same,
    /// It is another one, with its name.
    New(T, Option<ETag>),
}

/// What GitHub says in an error.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Said {
    message: String,
    errors: Vec<Value>,
}

/// An answer of GraphQL: errors come with 200.
#[derive(Deserialize)]
struct GraphAnswer {
    #[serde(default)]
    errors: Vec<GraphError>,
}

#[derive(Deserialize)]
struct GraphError {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
struct Renamed {
    full_name: String,
}

impl GitHub {
    /// Calls something of the repository; `path` is below it. `doing` says what is tried, to end "does not let Bowline".
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        doing: &'static str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T, GitHubError> {
        let answer = self.answer(doing, &method, path, body).await?;
        self.read(&answer)
    }

    /// As [`GitHub::call`] with GET, unless the answer would be the one that `known` was given with: that costs nothing of the
    /// rate limit.
    pub(super) async fn call_again<T: DeserializeOwned>(
        &self,
        doing: &'static str,
        path: &str,
        known: Option<&ETag>,
    ) -> Result<Again<T>, GitHubError> {
        let answer = Box::pin(self.answer_unless(doing, &Method::GET, path, None, known)).await?;
        if answer.status == StatusCode::NOT_MODIFIED {
            return Ok(Again::Same);
        }
        let tag = answer.headers.get(ETAG).cloned().map(ETag);
        Ok(Again::New(self.read(&answer)?, tag))
    }

    /// As [`GitHub::call`], where the answer says nothing more than that it was done.
    pub(super) async fn order(
        &self,
        doing: &'static str,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Result<(), GitHubError> {
        self.answer(doing, &method, path, Some(body)).await.map(|_| ())
    }

    async fn answer(
        &self,
        doing: &'static str,
        method: &Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, GitHubError> {
        Box::pin(self.answer_unless(doing, method, path, body, None)).await
    }

    async fn answer_unless(
        &self,
        doing: &'static str,
        method: &Method,
        path: &str,
        body: Option<&Value>,
        known: Option<&ETag>,
    ) -> Result<Answer, GitHubError> {
        let mut renewed = false;
        let mut followed = false;
        loop {
            let client = self.client().await?;
            let whole = format!("/repos/{}{path}", self.repository());
            let answer = self.exchange(&client, method, &whole, body, known).await?;
            match answer.status.as_u16() {
                200..=299 => return Ok(answer),
                304 if known.is_some() => return Ok(answer),
                // An App's token may have been taken back; another one is made once. GitHub did nothing.
                401 if self.is_app() && !renewed => {
                    renewed = true;
                    self.forget_token().await;
                }
                301 | 307 | 308 if !followed => {
                    followed = true;
                    self.follow(&client, &answer).await?;
                }
                _ => {
                    let error = self.refusal(doing, &answer);
                    if matches!(error, GitHubError::NotAuthenticated { .. } | GitHubError::Forbidden { .. }) {
                        // What an App may do by the next call, only a new token may.
                        self.forget_token().await;
                    }
                    return Err(error);
                }
            }
        }
    }

    /// Calls something that is not the repository's own.
    pub(super) async fn send_as<T: DeserializeOwned>(
        &self,
        client: &Octocrab,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T, GitHubError> {
        let answer = self.exchange(client, &method, path, body, None).await?;
        if !answer.status.is_success() {
            return Err(self.refusal("use the App's installation", &answer));
        }
        self.read(&answer)
    }

    /// Whether what can wait may be sent: not while less than a tenth of the hour's calls is left, which is kept for what cannot.
    pub fn may_send_what_can_wait(&self) -> Result<(), GitHubError> {
        match self.limits().reserve(Quota::Core, self.clock.now()) {
            Some(Left { limit, remaining, until }) => Err(GitHubError::Reserved { limit, remaining, until }),
            None => Ok(()),
        }
    }

    /// Runs a mutation of GraphQL.
    pub(super) async fn mutate(&self, doing: &'static str, query: &Value) -> Result<(), GitHubError> {
        let client = self.client().await?;
        let base = self.base()?;
        let request = http::Request::builder().method(Method::POST).uri(base.graphql());
        let answer = self.fetch(&client, (request, Quota::GraphQl), Some(query)).await?;
        if !answer.status.is_success() {
            return Err(self.refusal(doing, &answer));
        }
        let said: GraphAnswer = self.read(&answer)?;
        let Some(error) = said.errors.into_iter().next() else { return Ok(()) };
        let (repository, message) = (self.repository(), error.message);
        Err(match error.kind.as_str() {
            "RATE_LIMITED" => {
                let (limit, until) = (Limit::Primary(Quota::GraphQl), self.until(&answer.headers));
                self.limits().reached(limit, until);
                GitHubError::Limited { kind: limit.kind(), until }
            }
            "FORBIDDEN" => GitHubError::Forbidden { doing, repository, needs: None, message },
            "NOT_FOUND" => GitHubError::NotFound { doing, repository, message },
            // Refusals have a type; what has none went wrong at GitHub ("Something went wrong while executing your query").
            "" => base.unclear(message),
            _ => GitHubError::Refused { doing, repository, status: 200, message },
        })
    }

    async fn exchange(
        &self,
        client: &Octocrab,
        method: &Method,
        path: &str,
        body: Option<&Value>,
        known: Option<&ETag>,
    ) -> Result<Answer, GitHubError> {
        let base = self.base()?;
        let mut request = http::Request::builder().method(method.clone()).uri(format!("{}{path}", base.path));
        if let Some(ETag(tag)) = known {
            request = request.header(IF_NONE_MATCH, tag);
        }
        self.fetch(client, (request, Quota::Core), body).await
    }

    /// Sends a request, unless a limit is known to be reached: whoever goes on calling is kept out longer.
    async fn fetch(
        &self,
        client: &Octocrab,
        (request, quota): (http::request::Builder, Quota),
        body: Option<&Value>,
    ) -> Result<Answer, GitHubError> {
        let base = self.base()?;
        let held = self.limits().holds(quota, self.clock.now());
        if let Some((limit, until)) = held {
            return Err(GitHubError::Limited { kind: limit.kind(), until });
        }
        let down = |error: octocrab::Error| base.down(&error);
        let request = client.build_request(request, body).map_err(down)?;
        let call = async {
            let response = client.execute(request).await?;
            let (parts, body) = response.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok(Answer { status: parts.status, headers: parts.headers, body, limit: None })
        };
        let mut answer = match tokio::time::timeout(TOTAL, call).await {
            Ok(answer) => answer.map_err(down)?,
            Err(_) => return Err(base.unclear(format!("no answer within {} s", TOTAL.as_secs()))),
        };
        if let Some(left) = left(&answer.headers) {
            self.limits().left(quota, left);
        }
        answer.limit = self.limit(&answer, quota);
        if let Some((limit, until)) = answer.limit {
            self.limits().reached(limit, until);
        }
        Ok(answer)
    }

    /// The limit that this answer says is reached, and until when: the answer may be a good one, the last for now.
    fn limit(&self, answer: &Answer, quota: Quota) -> Option<(Limit, Timestamp)> {
        let header = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok());
        let is_refused = matches!(answer.status.as_u16(), 403 | 429);
        let message = if is_refused { said(answer).message } else { String::new() };
        let is_secondary =
            is_refused && (header("retry-after").is_some() || message.contains("secondary rate limit"));
        let is_exhausted = header("x-ratelimit-remaining") == Some("0");
        let is_primary =
            is_exhausted || message.contains("rate limit exceeded") || answer.status.as_u16() == 429;
        let limit = if is_secondary { Limit::Secondary } else { Limit::Primary(quota) };
        (is_secondary || is_primary).then(|| (limit, self.until(&answer.headers)))
    }

    fn read<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, GitHubError> {
        match serde_json::from_slice(&answer.body) {
            Ok(read) => Ok(read),
            Err(error) => Err(self.base()?.unclear(format!("an answer that cannot be read ({error})"))),
        }
    }

    /// The repository has another name: asks for it, tells it, and uses it from now on.
    async fn follow(&self, client: &Octocrab, answer: &Answer) -> Result<(), GitHubError> {
        let base = self.base()?;
        let location =
            answer.headers.get("location").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let path = location.strip_prefix(&base.origin).unwrap_or(location);
        let path = path.strip_prefix(&base.path).unwrap_or(path);
        let id = path.strip_prefix("/repositories/").and_then(|rest| rest.split(['/', '?']).next());
        let Some(id) = id.filter(|id| id.chars().all(|c| c.is_ascii_digit())) else {
            return Err(base.unclear("it redirects to another place".to_owned()));
        };
        let renamed: Renamed =
            self.send_as(client, Method::GET, &format!("/repositories/{id}"), None).await?;
        let old = self.repository();
        let Some(new) = RepositoryName::parse(&renamed.full_name).filter(|new| *new != old) else {
            return Err(base.unclear("it redirects in a circle".to_owned()));
        };
        tracing::warn!(%old, %new, "the repository was renamed at GitHub: change `sources` and `github.repository`");
        self.renamed(new);
        Ok(())
    }

    fn refusal(&self, doing: &'static str, answer: &Answer) -> GitHubError {
        let Said { mut message, errors } = said(answer);
        for error in errors.iter().filter_map(problem) {
            message = format!("{message}: {error}");
        }
        let message: String = message.lines().next().unwrap_or_default().chars().take(SHOWN).collect();
        let header = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok());
        let repository = self.repository();
        if let Some((limit, until)) = answer.limit.filter(|_| matches!(answer.status.as_u16(), 403 | 429)) {
            return GitHubError::Limited { kind: limit.kind(), until };
        }
        match answer.status.as_u16() {
            401 => {
                let what = match self.settings.auth {
                    GitHubAuth::Token(_) => "token",
                    GitHubAuth::App { .. } => "GitHub App's key",
                };
                GitHubError::NotAuthenticated { what, repository, message }
            }
            403 => {
                let needs = header("x-accepted-github-permissions").map(str::to_owned);
                GitHubError::Forbidden {
                    doing,
                    repository,
                    needs: needs.filter(|needs| !needs.is_empty()),
                    message,
                }
            }
            404 => GitHubError::NotFound { doing, repository, message },
            status @ 400..=499 => GitHubError::Refused { doing, repository, status, message },
            status => {
                let base = self.settings.base_url.clone();
                GitHubError::Down { url: base, problem: format!("HTTP {status} {message}").trim().to_owned() }
            }
        }
    }

    /// When a limit lets calls through again.
    fn until(&self, headers: &HeaderMap) -> Timestamp {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.parse::<i64>().ok();
        let now = self.clock.now();
        let after = |by: SignedDuration| now.checked_add(by).unwrap_or(now);
        if let Some(seconds) = number("retry-after") {
            return after(SignedDuration::from_secs(seconds.max(1)));
        }
        let exhausted = number("x-ratelimit-remaining") == Some(0);
        let reset = number("x-ratelimit-reset").filter(|_| exhausted);
        reset.and_then(|at| Timestamp::from_second(at).ok()).unwrap_or_else(|| after(UNTOLD))
    }
}

/// What an answer says is left of its quota.
fn left(headers: &HeaderMap) -> Option<Left> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.parse::<u64>().ok();
    let reset = i64::try_from(number("x-ratelimit-reset")?).ok()?;
    Some(Left {
        limit: number("x-ratelimit-limit")?,
        remaining: number("x-ratelimit-remaining")?,
        until: Timestamp::from_second(reset).ok()?,
    })
}

/// What an answer says of what went wrong.
fn said(answer: &Answer) -> Said {
    serde_json::from_slice(&answer.body).unwrap_or_default()
}

/// One of the errors in words: `base is invalid`.
fn problem(error: &Value) -> Option<String> {
    let text = |name: &str| error[name].as_str();
    let said = text("message").or_else(|| error.as_str()).map(str::to_owned);
    said.or_else(|| Some(format!("{} is {}", text("field")?, text("code")?)))
}
