//! Tokens, and those that a GitHub App gets for its private key.

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use octocrab::Octocrab;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use super::GitHub;
use super::call::Base;
use super::error::GitHubError;
use crate::clock::Clock;

/// Who Bowline is at GitHub.
#[derive(Debug, Clone)]
pub enum GitHubAuth {
    /// A token: of a person, or fine-grained.
    Token(Credential),
    /// A GitHub App.
    App {
        /// The App's id, as its settings page shows it.
        id: u64,
        /// Where it is installed; asked for the repository where it is left out.
        installation: Option<u64>,
        /// Its private key in PEM, as GitHub gives it for download.
        private_key: PathBuf,
    },
}

/// Something confidential, and where it comes from.
#[derive(Debug, Clone)]
pub enum Credential {
    /// A file, read when it is needed: it may be exchanged any time.
    File(PathBuf),
    /// The value itself.
    Value(SecretString),
}

impl Credential {
    fn read(&self) -> Result<SecretString, GitHubError> {
        match self {
            Self::Value(value) => Ok(value.clone()),
            Self::File(path) => read(path, "github.tokenFile"),
        }
    }
}

fn read(path: &std::path::Path, field: &'static str) -> Result<SecretString, GitHubError> {
    let text = std::fs::read_to_string(path).map_err(|error| GitHubError::Credential {
        path: path.to_owned(),
        field,
        problem: error.to_string(),
    })?;
    Ok(SecretString::from(text.trim().to_owned()))
}

/// A client with a token.
pub(super) struct Session {
    pub(super) client: Octocrab,
    token: SecretString,
    /// When the token was got, by the machine's own clock.
    since: Instant,
}

impl Session {
    fn has(&self, token: &SecretString) -> bool {
        self.token.expose_secret() == token.expose_secret()
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Session").field("since", &self.since).finish_non_exhaustive()
    }
}

/// How long a token of an installation is used: it is good for an hour (GitHub's documentation).
const RENEWED_AFTER: Duration = Duration::from_mins(50);
/// How far back a JWT is dated, since clocks differ, and how long it is good for: GitHub takes at most 10 minutes.
const JWT_SECONDS: (i64, i64) = (60, 540);

#[derive(Deserialize)]
struct Installation {
    id: u64,
}

#[derive(Deserialize)]
struct AccessToken {
    #[serde(deserialize_with = "secret")]
    token: SecretString,
}

fn secret<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    String::deserialize(deserializer).map(SecretString::from)
}

impl GitHub {
    /// A client whose token is good.
    pub(super) async fn client(&self) -> Result<Octocrab, GitHubError> {
        self.with_session(|session| session.client.clone()).await
    }

    /// A token that is good: for git over https it is the password.
    pub async fn token(&self) -> Result<SecretString, GitHubError> {
        self.with_session(|session| session.token.clone()).await
    }

    async fn with_session<T>(&self, take: impl Fn(&Session) -> T) -> Result<T, GitHubError> {
        let mut session = self.session.lock().await;
        let token = match &self.settings.auth {
            GitHubAuth::Token(credential) => {
                let token = credential.read()?;
                if let Some(session) = session.as_ref().filter(|session| session.has(&token)) {
                    return Ok(take(session));
                }
                token
            }
            GitHubAuth::App { id, installation, private_key } => {
                if let Some(session) =
                    session.as_ref().filter(|session| session.since.elapsed() < RENEWED_AFTER)
                {
                    return Ok(take(session));
                }
                self.installation_token(*id, *installation, private_key).await?
            }
        };
        let client = self.base()?.client(&token)?;
        let fresh = Session { client, token, since: Instant::now() };
        Ok(take(session.insert(fresh)))
    }

    /// The token is not good any more: the next call gets another one.
    pub async fn forget_token(&self) {
        *self.session.lock().await = None;
    }

    /// Whether check runs can be written: GitHub lets only Apps do so.
    pub(super) fn is_app(&self) -> bool {
        matches!(self.settings.auth, GitHubAuth::App { .. })
    }

    pub(super) fn base(&self) -> Result<Base, GitHubError> {
        Base::parse(&self.settings.base_url)
    }

    async fn installation_token(
        &self,
        app: u64,
        installation: Option<u64>,
        private_key: &std::path::Path,
    ) -> Result<SecretString, GitHubError> {
        let pem = read(private_key, "github.app.privateKeyFile")?;
        // GitHub compares with its own clock, so that a scaled one is of no use.
        let jwt =
            jwt(app, &pem, Clock::real().now().as_second()).map_err(|problem| GitHubError::Credential {
                path: private_key.to_owned(),
                field: "github.app.privateKeyFile",
                problem: problem.to_owned(),
            })?;
        let client = self.base()?.client(&jwt)?;
        let repository = self.repository();
        let installation = if let Some(id) = installation {
            id
        } else {
            let path = format!("/repos/{repository}/installation");
            let found: Installation = self.send_as(&client, Method::GET, &path, None).await?;
            found.id
        };
        let path = format!("/app/installations/{installation}/access_tokens");
        let narrowed = json!({"repositories": [repository.name]});
        let token: AccessToken = self.send_as(&client, Method::POST, &path, Some(&narrowed)).await?;
        Ok(token.token)
    }
}

/// The JSON web token by which an App says who it is, signed with RS256.
pub(super) fn jwt(app: u64, pem: &SecretString, now: i64) -> Result<SecretString, &'static str> {
    const NO_KEY: &str = "it is not an RSA private key in PEM, as GitHub gives it for download";
    let key = PrivateKeyDer::from_pem_slice(pem.expose_secret().as_bytes()).map_err(|_| NO_KEY)?;
    let key = match &key {
        PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
        PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
        _ => return Err(NO_KEY),
    };
    let key = key.map_err(|_| NO_KEY)?;
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = part(json!({"alg": "RS256", "typ": "JWT"}));
    let claims =
        part(json!({"iat": now - JWT_SECONDS.0, "exp": now + JWT_SECONDS.1, "iss": app.to_string()}));
    let signed = format!("{header}.{claims}");
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
        .map_err(|_| "it cannot sign")?;
    Ok(SecretString::from(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))))
}
