//! Who we are, and whom we talk to: credentials for libgit2, and the check of SSH host keys.

use std::cell::RefCell;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use git2::{CertificateCheckStatus, Cred, CredentialType, RemoteCallbacks};
use secrecy::{ExposeSecret, SecretString};

use super::address::{Address, Endpoint};
use super::error::{HostKey, SourceError};
use super::github::{GitHub, GitHubError};
use super::known_hosts::{self, Trust};

/// How Bowline identifies itself to the git server.
#[derive(Debug, Clone)]
pub enum GitAuth {
    /// Not at all: public repositories and local paths.
    None,
    /// A token over https, as the password of `x-access-token` (GitHub), or of the user in the address.
    Token(SecretString),
    /// As `Token`, from a file, read for each connection: it may be exchanged any time.
    TokenFile(PathBuf),
    /// The token of GitHub's API, over https: that of an App is got anew before it expires.
    GitHub(Arc<GitHub>),
    /// A private key over ssh.
    SshKey {
        /// The private key's file.
        private_key: PathBuf,
        /// The public key's file; derived from the private key when absent.
        public_key: Option<PathBuf>,
        /// The private key's passphrase.
        passphrase: Option<SecretString>,
        /// The only host keys that are trusted.
        known_hosts: PathBuf,
    },
    /// The keys of the SSH agent (`SSH_AUTH_SOCK`).
    SshAgent {
        /// The only host keys that are trusted.
        known_hosts: PathBuf,
    },
}

impl GitAuth {
    /// For sentences: what is configured.
    pub(super) fn describe(&self) -> &'static str {
        match self {
            Self::None => "not set",
            Self::Token(_) | Self::TokenFile(_) | Self::GitHub(_) => "token",
            Self::SshKey { .. } => "SSH key",
            Self::SshAgent { .. } => "SSH agent",
        }
    }
}

/// Checks, before anything is sent, that the files exist that `auth` names, and that it fits the address.
pub(super) fn prepare(auth: &GitAuth, address: &Address) -> Result<(), SourceError> {
    let known_hosts = match (auth, address) {
        (GitAuth::SshKey { private_key, public_key, known_hosts, .. }, Address::Ssh { .. }) => {
            readable("private key", private_key)?;
            if let Some(public_key) = public_key {
                readable("public key", public_key)?;
            }
            known_hosts
        }
        (GitAuth::SshAgent { known_hosts }, Address::Ssh { .. }) => known_hosts,
        (GitAuth::GitHub(github), Address::Http { .. }) => return token(github, address).map(|_| ()),
        (GitAuth::TokenFile(path), Address::Http { .. }) => return token_in(path).map(|_| ()),
        (
            GitAuth::None | GitAuth::Token(_) | GitAuth::TokenFile(_) | GitAuth::GitHub(_),
            Address::Ssh { .. },
        ) => {
            return Err(SourceError::AuthMissing {
                repo: address.display(),
                wanted: "an SSH key",
                configured: auth.describe(),
            });
        }
        (_, Address::Local(_) | Address::Http { .. }) => return Ok(()),
    };
    readable("known_hosts file", known_hosts)
}

/// A token that is good, for libgit2's thread.
fn token(github: &GitHub, address: &Address) -> Result<SecretString, SourceError> {
    let repo = address.display();
    let failed = |error: GitHubError| SourceError::NoToken { repo, error: Box::new(error) };
    wait(github.token()).map_err(failed)
}

/// The token that a file holds.
fn token_in(path: &Path) -> Result<SecretString, SourceError> {
    let text = fs::read_to_string(path).map_err(|error| unreadable("token file", path, &error))?;
    Ok(SecretString::from(text.trim().to_owned()))
}

/// Waits where waiting blocks nobody: all of git is done on threads for that.
fn wait<T>(what: impl Future<Output = T>) -> T {
    tokio::runtime::Handle::current().block_on(what)
}

fn readable(what: &'static str, path: &Path) -> Result<(), SourceError> {
    File::open(path).map(|_| ()).map_err(|error| unreadable(what, path, &error))
}

fn unreadable(what: &'static str, path: &Path, error: &io::Error) -> SourceError {
    SourceError::AuthFile { what, path: path.to_owned(), problem: error.to_string() }
}

/// libgit2's callbacks. What they refuse is put into `refusal`, since libgit2 keeps only a message.
pub(super) fn callbacks<'a>(
    auth: &'a GitAuth,
    address: &'a Address,
    refusal: &'a RefCell<Option<SourceError>>,
) -> RemoteCallbacks<'a> {
    let mut callbacks = RemoteCallbacks::new();
    let mut offers = Offers { auth, address, made: 0 };
    // Over HTTP they go to the relay, which follows no redirect to another server.
    callbacks.credentials(move |_, _, allowed| offers.next(allowed).map_err(|error| refuse(refusal, error)));
    callbacks.certificate_check(move |certificate, _| match certificate.as_hostkey() {
        Some(key) => {
            check_host(auth, address, key).map_err(|error| refuse(refusal, error))?;
            Ok(CertificateCheckStatus::CertificateOk)
        }
        // Not asked without TLS in libgit2; its own check would stand.
        None => Ok(CertificateCheckStatus::CertificatePassthrough),
    });
    callbacks
}

fn refuse(refusal: &RefCell<Option<SourceError>>, error: SourceError) -> git2::Error {
    let message = git2::Error::from_str(&error.to_string());
    refusal.replace(Some(error));
    message
}

/// The credentials offered to one connection. libgit2 asks again after each refusal, without end: one offer is made.
struct Offers<'a> {
    auth: &'a GitAuth,
    address: &'a Address,
    made: usize,
}

impl Offers<'_> {
    fn next(&mut self, allowed: CredentialType) -> Result<Cred, SourceError> {
        let user = match self.address {
            Address::Ssh { user, .. } => user.as_str(),
            Address::Http { user, .. } => user.as_deref().unwrap_or("x-access-token"),
            Address::Local(_) => "git",
        };
        if allowed.contains(CredentialType::USERNAME) && !allowed.contains(CredentialType::SSH_KEY) {
            return Cred::username(user).map_err(|error| self.rejected(Some(error)));
        }
        let offer = match self.auth {
            GitAuth::Token(token) if allowed.contains(CredentialType::USER_PASS_PLAINTEXT) => {
                Cred::userpass_plaintext(user, token.expose_secret())
            }
            GitAuth::TokenFile(path) if allowed.contains(CredentialType::USER_PASS_PLAINTEXT) => {
                Cred::userpass_plaintext(user, token_in(path)?.expose_secret())
            }
            GitAuth::GitHub(github) if allowed.contains(CredentialType::USER_PASS_PLAINTEXT) => {
                Cred::userpass_plaintext(user, token(github, self.address)?.expose_secret())
            }
            GitAuth::SshKey { private_key, public_key, passphrase, .. }
                if allowed.contains(CredentialType::SSH_KEY) =>
            {
                let passphrase = passphrase.as_ref().map(ExposeSecret::expose_secret);
                Cred::ssh_key(user, public_key.as_deref(), private_key, passphrase)
            }
            GitAuth::SshAgent { .. } if allowed.contains(CredentialType::SSH_KEY) => {
                Cred::ssh_key_from_agent(user)
            }
            GitAuth::None
            | GitAuth::Token(_)
            | GitAuth::TokenFile(_)
            | GitAuth::GitHub(_)
            | GitAuth::SshKey { .. }
            | GitAuth::SshAgent { .. } => {
                return Err(SourceError::AuthMissing {
                    repo: self.address.display(),
                    wanted: wanted(allowed),
                    configured: self.auth.describe(),
                });
            }
        };
        self.made += 1;
        if self.made > 1 {
            if let GitAuth::GitHub(github) = self.auth {
                // It may have been revoked: the next attempt gets another one.
                wait(github.forget_token());
            }
            return Err(self.rejected(None));
        }
        offer.map_err(|error| self.rejected(Some(error)))
    }

    fn rejected(&self, source: Option<git2::Error>) -> SourceError {
        SourceError::AuthRejected { repo: self.address.display(), configured: self.auth.describe(), source }
    }
}

fn wanted(allowed: CredentialType) -> &'static str {
    if allowed.contains(CredentialType::USER_PASS_PLAINTEXT) { "a token" } else { "an SSH key" }
}

fn check_host(
    auth: &GitAuth,
    address: &Address,
    key: &git2::cert::CertHostkey<'_>,
) -> Result<(), SourceError> {
    let (GitAuth::SshKey { known_hosts: file, .. } | GitAuth::SshAgent { known_hosts: file }) = auth else {
        return Err(SourceError::AuthMissing {
            repo: address.display(),
            wanted: "an SSH key",
            configured: auth.describe(),
        });
    };
    let Some(Endpoint { host, port }) = address.endpoint() else { return Ok(()) };
    let text = fs::read_to_string(file).map_err(|error| unreadable("known_hosts file", file, &error))?;
    let key_type = key.hostkey_type().map_or("unknown", |kind| kind.name());
    let trust = match key.hostkey() {
        Some(bytes) => known_hosts::check(&text, host, *port, key_type, bytes),
        None => Trust::Unknown { others: Vec::new() },
    };
    let given = || {
        Box::new(HostKey {
            host: known_hosts::entry_name(host, *port),
            key_type,
            fingerprint: key.hash_sha256().map(|hash| STANDARD_NO_PAD.encode(hash)).unwrap_or_default(),
            file: file.clone(),
        })
    };
    match trust {
        Trust::Known => Ok(()),
        Trust::Changed { line } => {
            Err(SourceError::HostChanged { key: given(), problem: "differs from the one in", line })
        }
        Trust::Revoked { line } => {
            Err(SourceError::HostChanged { key: given(), problem: "is marked as revoked in", line })
        }
        Trust::Unknown { others } => Err(SourceError::HostUnknown {
            key: given(),
            others: if others.is_empty() {
                String::new()
            } else {
                format!(" (which holds {} for it)", others.join(", "))
            },
            keyscan: format!("-p {port} -t {} {host}", keyscan_type(key_type)),
        }),
    }
}

/// What `ssh-keyscan -t` calls the key type.
fn keyscan_type(key_type: &str) -> &'static str {
    if key_type.starts_with("ecdsa") {
        "ecdsa"
    } else if key_type == "ssh-ed25519" {
        "ed25519"
    } else {
        "rsa"
    }
}
