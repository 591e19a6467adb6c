//! What a request to the simulated GitHub asks for: REST, GraphQL, or git itself.

use bytes::Bytes;
use http::{HeaderMap, request::Parts};

use super::graphql;
use super::route::{Parameters, Route, find};
use super::urls::Urls;
use crate::request::{decode_form, percent_decode};

/// A request, understood as far as the frame needs it.
pub(super) struct Asked {
    pub(super) method: String,
    /// The path without the base, decoded, segment by segment.
    pub(super) path: Vec<String>,
    pub(super) query: Vec<(String, String)>,
    pub(super) urls: Urls,
    pub(super) credentials: Credentials,
    pub(super) if_none_match: Option<String>,
    pub(super) body: Bytes,
    pub(super) what: What,
}

/// The protocol, and what it says.
pub(super) enum What {
    /// REST; no route is GitHub's 404.
    Rest(Option<(&'static Route, Parameters)>),
    GraphQl,
    /// `git fetch`, `git push`: owner, repository, and what follows.
    Git {
        owner: String,
        name: String,
        rest: String,
    },
}

/// What `Authorization` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Credentials {
    None,
    /// A token, from `Bearer`, `token`, or as the password of `Basic`.
    Token(String),
    /// Something else.
    Unreadable,
}

impl Asked {
    /// Understands a request. `own` is the address to show where the request names no host.
    pub(super) fn read(parts: &Parts, body: Bytes, own: &str) -> Self {
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let web = header("host").map_or_else(|| own.to_owned(), |host| format!("http://{host}"));
        let raw = parts.uri.path();
        let (base, raw) = match raw.strip_prefix("/api/v3") {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => ("/api/v3", rest),
            _ => ("", raw),
        };
        let path: Vec<String> = raw.trim_matches('/').split('/').map(percent_decode).collect();
        let method = parts.method.as_str().to_owned();
        let graphql = base.is_empty() && matches!(raw, "/graphql" | "/api/graphql");
        let what = match (graphql, git(&path)) {
            (true, _) => What::GraphQl,
            (false, Some(what)) if base.is_empty() => what,
            _ => What::Rest(find(&method, &path)),
        };
        let api = if raw == "/api/graphql" { format!("{web}/api/v3") } else { format!("{web}{base}") };
        Self {
            urls: Urls { web, api, path: raw.to_owned() },
            query: decode_form(parts.uri.query().unwrap_or_default()),
            credentials: Credentials::of(&parts.headers),
            if_none_match: header("if-none-match").map(str::to_owned),
            method,
            path,
            body,
            what,
        }
    }

    /// Its name in call records and fault rules: `POST /repos/{owner}/{repo}/pulls`, `POST /graphql
    /// enablePullRequestAutoMerge`, `POST /{owner}/{repo}.git/git-receive-pack`, and, since fetching and pushing begin alike,
    /// `GET /{owner}/{repo}.git/info/refs?service=git-receive-pack`.
    pub(super) fn operation(&self) -> String {
        match &self.what {
            What::Rest(Some((route, _))) => route.name(),
            What::Rest(None) => format!("{} /{}", self.method, self.path.join("/")),
            What::GraphQl => format!("{} /graphql {}", self.method, graphql::root_field(&self.body)),
            What::Git { rest, .. } => {
                let service = self.query.iter().find(|(name, _)| name == "service");
                let service = service.map(|(name, value)| format!("?{name}={value}")).unwrap_or_default();
                format!("{} /{{owner}}/{{repo}}.git/{rest}{service}", self.method)
            }
        }
    }

    /// Whether git wants to push.
    pub(super) fn pushes(&self) -> bool {
        let service = self.query.iter().any(|(name, value)| name == "service" && value == "git-receive-pack");
        matches!(&self.what, What::Git { rest, .. } if rest == "git-receive-pack" || service)
    }
}

/// The paths that git's own client asks for. `.git` may be left out, as at GitHub.
fn git(path: &[String]) -> Option<What> {
    let [owner, name, rest @ ..] = path else { return None };
    let rest = rest.join("/");
    let asks = matches!(rest.as_str(), "info/refs" | "git-upload-pack" | "git-receive-pack");
    let name = name.strip_suffix(".git").unwrap_or(name);
    asks.then(|| What::Git { owner: owner.clone(), name: name.to_owned(), rest })
}

impl Credentials {
    fn of(headers: &HeaderMap) -> Self {
        let Some(value) = headers.get("authorization") else { return Self::None };
        let Some((scheme, rest)) = value.to_str().ok().and_then(|value| value.split_once(' ')) else {
            return Self::Unreadable;
        };
        match scheme.to_ascii_lowercase().as_str() {
            "bearer" | "token" => Self::Token(rest.trim().to_owned()),
            "basic" => basic(rest).map_or(Self::Unreadable, Self::Token),
            _ => Self::Unreadable,
        }
    }
}

/// The password; `x-access-token` and everything else as the name will do, as at GitHub.
fn basic(text: &str) -> Option<String> {
    use base64::Engine as _;
    let decoded = base64::engine::general_purpose::STANDARD.decode(text.trim()).ok()?;
    let decoded = String::from_utf8(decoded).ok()?;
    decoded.split_once(':').map(|(_, password)| password.to_owned())
}
