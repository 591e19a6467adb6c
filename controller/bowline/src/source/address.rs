//! Where a repository is: the configured text in, a checked address out.

use std::net::IpAddr;
use std::path::PathBuf;

use super::error::SourceError;

/// Where a repository is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    /// A directory of this machine.
    Local(PathBuf),
    /// `https://`, or `http://` to this machine.
    Http { tls: bool, user: Option<String>, endpoint: Endpoint, path: String },
    /// `ssh://`, or the form of scp (`git@host:path`), in which the path counts from the user's home.
    Ssh { user: String, endpoint: Endpoint, path: String, scp: bool },
}

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// A name or an IP address; IPv6 without brackets.
    pub(super) host: String,
    pub(super) port: u16,
}

impl Endpoint {
    /// `host:port`, IPv6 in brackets.
    pub(super) fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// As an address over HTTP has it, and the `Host` header: without the port that everybody knows.
    pub(super) fn shown(&self, tls: bool) -> String {
        let authority = self.authority();
        let default = if tls { ":443" } else { ":80" };
        authority.strip_suffix(default).map(str::to_owned).unwrap_or(authority)
    }

    fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl Address {
    /// Parses `repo` as git does, except that a password in it is refused.
    pub(super) fn parse(repo: &str) -> Result<Self, SourceError> {
        let fail = |problem: &str| SourceError::Address { repo: redact(repo), problem: problem.to_owned() };
        if repo.is_empty() {
            return Err(fail("it is empty"));
        }
        match repo.split_once("://") {
            Some(("file", rest)) => {
                let path = rest.strip_prefix("localhost").unwrap_or(rest);
                let path = percent_decode(path).ok_or_else(|| fail("it holds a broken % escape"))?;
                if path.starts_with('/') {
                    Ok(Self::Local(path.into()))
                } else {
                    Err(fail("a file:// address is absolute: file:///path"))
                }
            }
            Some((scheme @ ("https" | "http"), rest)) => {
                let tls = scheme == "https";
                let (user, endpoint, path) = split_url(rest, if tls { 443 } else { 80 }).map_err(fail)?;
                if !tls && !endpoint.is_loopback() {
                    return Err(fail(
                        "http:// would send everything in the clear; it is allowed to this machine only",
                    ));
                }
                Ok(Self::Http { tls, user, endpoint, path })
            }
            Some(("ssh" | "git+ssh" | "ssh+git", rest)) => {
                let (user, endpoint, path) = split_url(rest, 22).map_err(fail)?;
                Ok(Self::Ssh { user: user.unwrap_or_else(|| "git".to_owned()), endpoint, path, scp: false })
            }
            Some((scheme, _)) => Err(fail(&format!("`{scheme}` is not a scheme that Bowline speaks"))),
            None => match split_scp(repo) {
                Some((user, host, path)) => {
                    if path.is_empty() || path.starts_with('-') || host.starts_with('-') {
                        return Err(fail("the path after the colon is missing or starts with a hyphen"));
                    }
                    let endpoint = Endpoint { host: host.to_owned(), port: 22 };
                    Ok(Self::Ssh {
                        user: user.unwrap_or("git").to_owned(),
                        endpoint,
                        path: path.to_owned(),
                        scp: true,
                    })
                }
                None => Ok(Self::Local(repo.into())),
            },
        }
    }

    /// The remote host, unless the repository is on this machine's disk.
    pub(super) fn endpoint(&self) -> Option<&Endpoint> {
        match self {
            Self::Local(_) => None,
            Self::Http { endpoint, .. } | Self::Ssh { endpoint, .. } => Some(endpoint),
        }
    }

    /// The address for people and logs.
    pub(super) fn display(&self) -> String {
        match self {
            Self::Local(path) => path.display().to_string(),
            Self::Http { tls, endpoint, path, .. } => {
                let scheme = if *tls { "https" } else { "http" };
                format!("{scheme}://{}{path}", endpoint.shown(*tls))
            }
            Self::Ssh { user, endpoint, path, scp: true } => format!("{user}@{}:{path}", endpoint.host),
            Self::Ssh { user, endpoint, path, scp: false } => {
                format!("ssh://{user}@{}{path}", endpoint.authority())
            }
        }
    }
}

/// The text without what may be a password.
pub(super) fn redact(repo: &str) -> String {
    let Some((scheme, rest)) = repo.split_once("://") else { return repo.to_owned() };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://***@{host}{path}"),
        None => repo.to_owned(),
    }
}

/// `[user@]host[:port]/path`.
fn split_url(rest: &str, default_port: u16) -> Result<(Option<String>, Endpoint, String), &'static str> {
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if path.len() < 2 {
        return Err("the path to the repository is missing");
    }
    if path.starts_with("/-") || path.contains(char::is_control) {
        return Err("the path starts with a hyphen or holds a control character");
    }
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, _)) if user.contains(':') => {
            return Err("it holds a password; put it in `auth`, as a token");
        }
        Some((user, host)) => (Some(user.to_owned()), host),
        None => (None, authority),
    };
    let (host, port) = match host.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        None => host.split_once(':').map_or((host, None), |(host, port)| (host, Some(port))),
    };
    let port = match port {
        Some(text) => text.parse().map_err(|_| "the port is not a number up to 65535")?,
        None => default_port,
    };
    if host.is_empty()
        || host.starts_with('-')
        || host.contains(|c: char| c.is_whitespace() || c.is_control())
    {
        return Err("the host is missing or not a name");
    }
    Ok((user.filter(|user| !user.is_empty()), Endpoint { host: host.to_lowercase(), port }, path.to_owned()))
}

/// `[user@]host:path`, if there is a colon before the first slash, as git decides it.
fn split_scp(repo: &str) -> Option<(Option<&str>, &str, &str)> {
    let (before, path) = repo.split_once(':')?;
    if before.contains('/') || before.is_empty() {
        return None;
    }
    match before.split_once('@') {
        Some((user, host)) => Some((Some(user), host, path)),
        None => Some((None, before, path)),
    }
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first == b'%' {
            let hex = std::str::from_utf8(tail.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(hex, 16).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(host: &str, port: u16) -> Endpoint {
        Endpoint { host: host.to_owned(), port }
    }

    #[test]
    fn each_form_is_understood_and_shown_again() {
        let cases = [
            (
                "https://github.com/a/b.git",
                Address::Http {
                    tls: true,
                    user: None,
                    endpoint: endpoint("github.com", 443),
                    path: "/a/b.git".into(),
                },
            ),
            (
                "https://oauth2@git.example:8443/a",
                Address::Http {
                    tls: true,
                    user: Some("oauth2".into()),
                    endpoint: endpoint("git.example", 8443),
                    path: "/a".into(),
                },
            ),
            (
                "http://127.0.0.1:8080/a",
                Address::Http {
                    tls: false,
                    user: None,
                    endpoint: endpoint("127.0.0.1", 8080),
                    path: "/a".into(),
                },
            ),
            (
                "ssh://deploy@[::1]:2222/srv/a",
                Address::Ssh {
                    user: "deploy".into(),
                    endpoint: endpoint("::1", 2222),
                    path: "/srv/a".into(),
                    scp: false,
                },
            ),
            (
                "git@github.com:a/b.git",
                Address::Ssh {
                    user: "git".into(),
                    endpoint: endpoint("github.com", 22),
                    path: "a/b.git".into(),
                    scp: true,
                },
            ),
            ("file:///srv/a%20b", Address::Local("/srv/a b".into())),
            ("./somewhere", Address::Local("./somewhere".into())),
            ("/srv/with:colon", Address::Local("/srv/with:colon".into())),
        ];
        for (text, wanted) in cases {
            assert_eq!(Address::parse(text).unwrap(), wanted, "{text}");
        }
        assert_eq!(Address::parse("https://x@github.com/a").unwrap().display(), "https://github.com/a");
        assert_eq!(Address::parse("ssh://github.com/a").unwrap().display(), "ssh://git@github.com:22/a");
    }

    #[test]
    fn a_refusal_says_why_and_never_shows_a_password() {
        let cases = [
            ("https://me:hunter2@host/a", "it holds a password; put it in `auth`, as a token"),
            (
                "http://github.com/a",
                "http:// would send everything in the clear; it is allowed to this machine only",
            ),
            ("https://github.com", "the path to the repository is missing"),
            ("https://host:99999/a", "the port is not a number up to 65535"),
            ("ssh://host/-oProxyCommand=x", "the path starts with a hyphen or holds a control character"),
            ("ftp://host/a", "`ftp` is not a scheme that Bowline speaks"),
            ("git@host:", "the path after the colon is missing or starts with a hyphen"),
            ("", "it is empty"),
        ];
        for (text, wanted) in cases {
            let SourceError::Address { repo, problem } = Address::parse(text).unwrap_err() else {
                panic!("{text}")
            };
            assert_eq!(problem, wanted, "{text}");
            assert!(!repo.contains("hunter2"));
        }
    }
}
