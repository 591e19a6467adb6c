//! What GitHub tells by itself: whether it is GitHub that speaks, and whether it is about what is watched.
//!
//! Nothing of a message is used but whether to look: what it claims is asked for again, from git and from GitHub.

use ring::hmac;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::RepositoryName;

/// The only way of signing that is taken; `X-Hub-Signature`, with SHA-1, is not looked at.
const SCHEME: &str = "sha256=";

/// What messages are signed with.
#[derive(Clone)]
pub struct WebhookSecret(hmac::Key);

impl std::fmt::Debug for WebhookSecret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("WebhookSecret")
    }
}

impl WebhookSecret {
    /// None for an empty one: with it, anybody could sign.
    pub fn new(secret: &SecretString) -> Option<Self> {
        let secret = secret.expose_secret().trim();
        (!secret.is_empty()).then(|| Self(hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())))
    }

    /// Whether `signature` (the header `X-Hub-Signature-256`) is that of this body, as it came over the wire. How long that
    /// takes does not depend on how much of it is right.
    pub fn signed(&self, body: &[u8], signature: Option<&str>) -> bool {
        let tag = signature.and_then(|text| text.strip_prefix(SCHEME)).and_then(bytes);
        tag.is_some_and(|tag| hmac::verify(&self.0, body, &tag).is_ok())
    }
}

/// The bytes that hexadecimal digits stand for.
fn bytes(digits: &str) -> Option<Vec<u8>> {
    let value = |digit: u8| char::from(digit).to_digit(16);
    let pair = |pair: &[u8]| match pair {
        [high, low] => u8::try_from(value(*high)? * 16 + value(*low)?).ok(),
        _ => None,
    };
    digits.as_bytes().chunks(2).map(pair).collect()
}

/// The branch that desired state is read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// Where.
    pub repository: RepositoryName,
    /// A branch, a tag, a full ref name, or `HEAD`, as `sources[].ref` has it.
    pub reference: String,
}

/// What a message makes Bowline look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// The webhook was just made: nothing.
    Ping,
    /// The watched branch moved: git.
    Push,
    /// Something happened to the pull request with this number, for the watched branch.
    PullRequest(u64),
    /// It is about something else: nothing.
    Unwatched,
}

#[derive(Deserialize)]
struct Payload {
    repository: Repository,
    #[serde(default, rename = "ref")]
    reference: Option<String>,
    #[serde(default)]
    pull_request: Option<Pull>,
}

#[derive(Deserialize)]
struct Repository {
    full_name: String,
    default_branch: String,
}

#[derive(Deserialize)]
struct Pull {
    number: u64,
    base: Side,
}

#[derive(Deserialize)]
struct Side {
    #[serde(rename = "ref")]
    branch: String,
}

impl Watched {
    /// What a message of GitHub's is about; `event` is the header `X-GitHub-Event`. None if it is not what GitHub sends.
    pub fn notice(&self, event: &str, body: &[u8]) -> Option<Notice> {
        if event == "ping" {
            return Some(Notice::Ping);
        }
        if !matches!(event, "push" | "pull_request") {
            return Some(Notice::Unwatched);
        }
        let payload: Payload = serde_json::from_slice(body).ok()?;
        let (named, notice) = if event == "push" {
            (payload.reference?, Notice::Push)
        } else {
            let pull = payload.pull_request?;
            (format!("refs/heads/{}", pull.base.branch), Notice::PullRequest(pull.number))
        };
        // GitHub's names of owners and repositories have no case.
        let here = payload.repository.full_name.eq_ignore_ascii_case(&self.repository.to_string());
        let is_ours = here && self.is_it(&named, &payload.repository.default_branch);
        Some(if is_ours { notice } else { Notice::Unwatched })
    }

    /// Whether a full ref name is what is watched.
    pub(super) fn is_it(&self, named: &str, default_branch: &str) -> bool {
        let reference = if self.reference == "HEAD" { default_branch } else { &self.reference };
        let short = named.strip_prefix("refs/heads/").or_else(|| named.strip_prefix("refs/tags/"));
        named == reference || short == Some(reference)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn secret(text: &str) -> Option<WebhookSecret> {
        WebhookSecret::new(&SecretString::from(text.to_owned()))
    }

    #[test]
    fn only_what_github_signed_with_the_secret_is_its_own() {
        // GitHub's own example, from "Validating webhook deliveries".
        const SIGNATURE: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let (secret, body) = (secret("It's a Secret to Everybody\n").unwrap(), b"Hello, World!");
        assert!(secret.signed(body, Some(SIGNATURE)));
        assert!(!secret.signed(b"Hello, World?", Some(SIGNATURE)));
        let flipped = SIGNATURE.replace("e17", "e18");
        let wrong = [
            "",
            "sha256=",
            "sha256=7",
            "sha256=zz",
            &SIGNATURE[7..],
            &SIGNATURE[..SIGNATURE.len() - 2],
            &flipped,
            "sha1=757107ea0eb2509fc211221cce984b8a37570b6d",
            "sha256=\u{e9}\u{e9}",
        ];
        for signature in wrong {
            assert!(!secret.signed(body, Some(signature)), "{signature}");
        }
        assert!(!secret.signed(body, None));
    }

    #[test]
    fn an_empty_secret_is_none() {
        for empty in ["", "\n", "  \r\n"] {
            assert!(secret(empty).is_none(), "{empty:?}");
        }
    }

    #[test]
    fn only_the_watched_branch_of_the_watched_repository_counts() {
        let body = |value: serde_json::Value| value.to_string().into_bytes();
        let repository = json!({"full_name": "Acme/infra", "default_branch": "main"});
        let push = |name: &str| body(json!({"ref": name, "repository": repository}));
        let pull = |base: &str| {
            body(json!({"repository": repository, "pull_request": {"number": 7, "base": {"ref": base}}}))
        };
        let watched = |reference: &str| Watched {
            repository: RepositoryName::parse("acme/infra").unwrap(),
            reference: reference.to_owned(),
        };
        let main = watched("main");
        assert_eq!(main.notice("push", &push("refs/heads/main")), Some(Notice::Push));
        assert_eq!(main.notice("push", &push("refs/heads/topic/main")), Some(Notice::Unwatched));
        assert_eq!(main.notice("pull_request", &pull("main")), Some(Notice::PullRequest(7)));
        assert_eq!(main.notice("pull_request", &pull("release")), Some(Notice::Unwatched));
        assert_eq!(main.notice("ping", b"{}"), Some(Notice::Ping));
        assert_eq!(main.notice("issues", b"not even JSON"), Some(Notice::Unwatched));
        for (event, text) in [("push", "not JSON"), ("push", "{}"), ("pull_request", "{\"repository\": 1}")] {
            assert_eq!(main.notice(event, text.as_bytes()), None, "{event} {text}");
        }
        assert_eq!(watched("HEAD").notice("push", &push("refs/heads/main")), Some(Notice::Push));
        assert_eq!(watched("HEAD").notice("push", &push("refs/heads/other")), Some(Notice::Unwatched));
        assert_eq!(watched("refs/heads/main").notice("push", &push("refs/heads/main")), Some(Notice::Push));
        assert_eq!(watched("v1").notice("push", &push("refs/tags/v1")), Some(Notice::Push));
        let elsewhere = Watched { repository: RepositoryName::parse("acme/other").unwrap(), ..main };
        assert_eq!(elsewhere.notice("push", &push("refs/heads/main")), Some(Notice::Unwatched));
    }
}
