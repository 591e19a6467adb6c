//! What can go wrong between Bowline and the repository, and what a person does about it.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::github::GitHubError;

/// Reading the desired state failed as a whole. Nothing may be acted on: there is no desired state to act from.
///
/// What is wrong with a single file is a [`bowline_core::desired::Finding`] instead.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The configured address is not one that Bowline can use.
    #[error("the repository address `{repo}` cannot be used: {problem}")]
    Address {
        /// The address, without a password.
        repo: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A key, a known_hosts file or the like cannot be read.
    #[error("the {what} {} cannot be read: {problem}", path.display())]
    AuthFile {
        /// "private key", "known_hosts file".
        what: &'static str,
        /// Where it should be.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The server wants credentials and none of a kind that it takes are configured.
    #[error("{repo} asks for {wanted}, and `auth` is {configured}")]
    AuthMissing {
        /// The address.
        repo: String,
        /// What the server takes.
        wanted: &'static str,
        /// What is configured.
        configured: &'static str,
    },
    /// GitHub gives no token, with which the repository could be asked.
    #[error("no token for {repo} could be got: {error}")]
    NoToken {
        /// The address.
        repo: String,
        /// What GitHub said.
        error: Box<GitHubError>,
    },
    /// The server refused the credentials.
    #[error("{repo} refused the {configured}")]
    AuthRejected {
        /// The address.
        repo: String,
        /// What was offered: "token", "SSH key".
        configured: &'static str,
        /// libgit2's words, when the refusal came from the server's answer.
        #[source]
        source: Option<git2::Error>,
    },
    /// The server led to another one, or to something that is no repository.
    #[error("{repo} redirects to {to}, where Bowline does not follow it")]
    Redirected {
        /// The address.
        repo: String,
        /// Where to.
        to: String,
    },
    /// The server's SSH host key is not in known_hosts, in this type.
    #[error("{key} is not in {}{others}", key.file.display())]
    HostUnknown {
        /// The key that the server gave.
        key: Box<HostKey>,
        /// " (which holds ssh-rsa for it)", or nothing.
        others: String,
        /// The arguments with which `ssh-keyscan` fetches the key.
        keyscan: String,
    },
    /// The server's SSH host key differs from the one in known_hosts, or is marked as revoked.
    #[error("{key} {problem} {}:{line}", key.file.display())]
    HostChanged {
        /// The key that the server gave.
        key: Box<HostKey>,
        /// "differs from the one in", "is marked as revoked in".
        problem: &'static str,
        /// The line in known_hosts, from 1.
        line: usize,
    },
    /// The server's TLS certificate is not trusted.
    #[error("the TLS certificate of {repo} is not trusted: {problem}")]
    Certificate {
        /// The address.
        repo: String,
        /// What is wrong with it.
        problem: String,
        /// What to do about it.
        advice: &'static str,
    },
    /// There is no repository at a path of this machine.
    #[error("there is no git repository at {}", path.display())]
    PathIsNoRepository {
        /// The path, as configured.
        path: PathBuf,
        /// The repository that the path lies in, if it does.
        above: Option<PathBuf>,
    },
    /// There is no repository at the address, or it is not shown to us.
    #[error("there is no git repository at {repo}, or these credentials may not see it")]
    RepositoryMissing {
        /// The address.
        repo: String,
        /// libgit2's words.
        #[source]
        source: git2::Error,
    },
    /// The repository belongs to another user of this machine, and git refuses to read it.
    #[error("the repository {repo} belongs to another user")]
    Owner {
        /// The address.
        repo: String,
        /// libgit2's words.
        #[source]
        source: git2::Error,
    },
    /// The server cannot be reached, or the connection broke.
    #[error("{repo} cannot be reached: {problem}")]
    Unreachable {
        /// The address.
        repo: String,
        /// DNS, connect, or an interruption, in words.
        problem: String,
    },
    /// libgit2 cannot read how a server lists a repository that is shallow itself.
    #[error(
        "{repo} gives a list of its branches that cannot be read, as one does whose history is shallow: {source}"
    )]
    ShallowServer {
        /// The address.
        repo: String,
        /// libgit2's words.
        #[source]
        source: git2::Error,
    },
    /// The whole read took too long.
    #[error("reading {repo} did not end within {}s", limit.as_secs())]
    TimedOut {
        /// The address.
        repo: String,
        /// The limit.
        limit: Duration,
    },
    /// The server answered something that is not a fetch.
    #[error("reading {repo} failed")]
    Fetch {
        /// The address.
        repo: String,
        /// libgit2's words.
        #[source]
        source: git2::Error,
    },
    /// The repository has no commit.
    #[error("the repository {repo} is empty: it has no branch and no tag")]
    EmptyRepository {
        /// The address.
        repo: String,
    },
    /// The branch or tag does not exist.
    #[error("{repo} has no branch or tag `{reference}` (it has {})", list(found))]
    ReferenceMissing {
        /// The address.
        repo: String,
        /// What is configured.
        reference: String,
        /// Branches and tags that exist, at most ten.
        found: Vec<String>,
    },
    /// The configured path is not in the commit, or not on the disk.
    #[error("there is no folder `{path}`{}", within(commit.as_deref()))]
    PathMissing {
        /// What is configured.
        path: String,
        /// "commit 1234abcd of main"; absent for a path of this machine.
        commit: Option<String>,
    },
    /// The path declares nothing.
    #[error(
        "`{path}`{} holds no manifests: no *.yaml file there has a Target, EcsService, Secret or TerraformState{}",
        within(commit.as_deref()), others(*skipped)
    )]
    NoManifests {
        /// What is configured.
        path: String,
        /// "commit 1234abcd of main"; absent for a path of this machine.
        commit: Option<String>,
        /// How many documents there have another `apiVersion`.
        skipped: usize,
    },
    /// The path holds more than Bowline is willing to look through.
    #[error("`{path}` holds more than {limit} files and folders")]
    TooManyFiles {
        /// What is configured.
        path: String,
        /// The limit.
        limit: usize,
    },
    /// Another process is using the mirror.
    #[error("the mirror {} is in use by another process", path.display())]
    MirrorBusy {
        /// The mirror's directory.
        path: PathBuf,
    },
    /// The mirror's files cannot be written or read.
    #[error("cannot {operation} in the mirror {}", path.display())]
    MirrorFiles {
        /// The mirror's directory.
        path: PathBuf,
        /// What was attempted.
        operation: &'static str,
        /// The operating system's words.
        #[source]
        source: io::Error,
    },
    /// The mirror's git data is broken, and could not be made anew.
    #[error("cannot {operation} in the mirror {}", path.display())]
    Mirror {
        /// The mirror's directory.
        path: PathBuf,
        /// What was attempted.
        operation: &'static str,
        /// libgit2's words.
        #[source]
        source: git2::Error,
    },
    /// A file or folder on the disk cannot be read.
    #[error("cannot read {}", path.display())]
    ReadFile {
        /// The file.
        path: PathBuf,
        /// The operating system's words.
        #[source]
        source: io::Error,
    },
    /// The thread that reads ended without an answer.
    #[error("the thread that reads {repo} ended without an answer")]
    Worker {
        /// The address.
        repo: String,
        /// Why.
        #[source]
        source: tokio::task::JoinError,
    },
}

/// A host key that a server gave, and the file that it was looked up in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostKey {
    /// As it stands in known_hosts: `host` or `[host]:port`.
    pub host: String,
    /// `ssh-ed25519` and the like.
    pub key_type: &'static str,
    /// Base64 of the key's SHA-256, as ssh-keygen shows it.
    pub fingerprint: String,
    /// The known_hosts file.
    pub file: PathBuf,
}

impl fmt::Display for HostKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "the SSH host key of {} ({}, SHA256:{})",
            self.host, self.key_type, self.fingerprint
        )
    }
}

impl SourceError {
    /// The label of this error in metrics; stable.
    pub fn category(&self) -> &'static str {
        match self {
            Self::Address { .. } | Self::AuthFile { .. } => "config",
            Self::AuthMissing { .. }
            | Self::NoToken { .. }
            | Self::AuthRejected { .. }
            | Self::Redirected { .. } => "auth",
            Self::HostUnknown { .. } | Self::HostChanged { .. } => "host-key",
            Self::Certificate { .. } => "certificate",
            Self::RepositoryMissing { .. } | Self::PathIsNoRepository { .. } => "not-found",
            Self::Owner { .. } => "owner",
            Self::Unreachable { .. } | Self::TimedOut { .. } => "unreachable",
            Self::Fetch { .. } | Self::ShallowServer { .. } => "protocol",
            Self::EmptyRepository { .. } | Self::NoManifests { .. } => "empty",
            Self::ReferenceMissing { .. } => "ref-missing",
            Self::PathMissing { .. } => "path-missing",
            Self::TooManyFiles { .. } => "too-large",
            Self::MirrorBusy { .. } | Self::MirrorFiles { .. } | Self::Mirror { .. } => "mirror",
            Self::ReadFile { .. } => "file",
            Self::Worker { .. } => "internal",
        }
    }

    /// What to do next, as a sentence.
    pub fn hint(&self) -> String {
        match self {
            Self::Address { .. } => {
                "write it as https://host/path, ssh://git@host/path, git@host:path, file:///path or a local path; credentials belong in `auth`".to_owned()
            }
            Self::AuthFile { .. } => "check that the file exists and that the user Bowline runs as may read it".to_owned(),
            Self::AuthMissing { .. } => "set `auth` of this source to a token (https) or to an SSH key (ssh)".to_owned(),
            Self::NoToken { error, .. } => error.hint(),
            Self::AuthRejected { configured, .. } => {
                format!("check that the {configured} is not expired or revoked (an SSH key: and its passphrase), and that it may read this repository")
            }
            Self::Redirected { .. } => {
                "if the repository has moved, write its new address into `repo`: credentials are sent to that server only".to_owned()
            },
            Self::HostUnknown { key, keyscan, .. } => format!(
                "compare the fingerprint with the one that the server's owner publishes; if it is the same: ssh-keyscan {keyscan} >> {}",
                key.file.display()
            ),
            Self::HostChanged { line, .. } => format!(
                "somebody may be listening in. Ask the server's owner; if the key was changed on purpose, replace line {line}"
            ),
            Self::Certificate { advice, .. } => (*advice).to_owned(),
            Self::PathIsNoRepository { above: Some(above), .. } => {
                format!("it lies in the repository {}: give that one, and the folder inside it as `path` (--path)", above.display())
            }
            Self::PathIsNoRepository { above: None, .. } => {
                "give the folder that holds `.git`, a bare repository, or an address such as https://host/path; a relative path counts from the working directory (in bowline.yaml: from its folder)".to_owned()
            }
            Self::RepositoryMissing { .. } => {
                "check the spelling and the rights of the token or key: many servers say \"not found\" for what one may not see".to_owned()
            }
            Self::Owner { .. } => {
                "run Bowline as the owner, or allow it: git config --global --add safe.directory PATH".to_owned()
            }
            Self::Unreachable { .. } | Self::TimedOut { .. } => {
                "check DNS, routes and security groups from this machine to the server; Bowline keeps trying".to_owned()
            }
            Self::Fetch { .. } => "try `git ls-remote` with the same address from this machine, and look at the free space of the mirror's disk".to_owned(),
            Self::ShallowServer { .. } => {
                "give the repository that the server has its whole history: git fetch --unshallow; it is read then without anything else being done".to_owned()
            }
            Self::EmptyRepository { .. } => "push a first commit".to_owned(),
            Self::ReferenceMissing { .. } => "correct `ref` of this source, or push the branch".to_owned(),
            Self::PathMissing { .. } => "correct `path` of this source; it counts from the repository's root".to_owned(),
            Self::NoManifests { commit: None, .. } => {
                "give the folder that holds them; docs/getting-started.md shows how to write the first one".to_owned()
            }
            Self::NoManifests { commit: Some(_), .. } => {
                "correct `path`, or commit the manifests: with nothing to read, nothing is touched".to_owned()
            }
            Self::TooManyFiles { .. } => "set `path` to the folder that holds the manifests".to_owned(),
            Self::MirrorBusy { .. } => "give each process its own mirror directory, or wait for the other one".to_owned(),
            Self::MirrorFiles { .. } => "check free space and the directory's owner".to_owned(),
            Self::Mirror { .. } => "delete the directory; it is fetched anew".to_owned(),
            Self::ReadFile { .. } => "check that it exists and that this user may read it".to_owned(),
            Self::Worker { .. } => "this is a bug in Bowline: please report it with the log".to_owned(),
        }
    }

    /// True when the repository could not be asked at all, so that the last good commit still stands.
    ///
    /// False for answers (the branch is gone, the path holds nothing) and for what is wrong on this side.
    pub(super) fn is_remote_down(&self) -> bool {
        match self {
            Self::AuthFile { .. }
            | Self::AuthMissing { .. }
            | Self::NoToken { .. }
            | Self::AuthRejected { .. }
            | Self::Redirected { .. }
            | Self::HostUnknown { .. }
            | Self::HostChanged { .. }
            | Self::Certificate { .. }
            | Self::RepositoryMissing { .. }
            | Self::PathIsNoRepository { .. }
            | Self::Owner { .. }
            | Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::Fetch { .. }
            | Self::ShallowServer { .. } => true,
            Self::Address { .. }
            | Self::EmptyRepository { .. }
            | Self::ReferenceMissing { .. }
            | Self::PathMissing { .. }
            | Self::NoManifests { .. }
            | Self::TooManyFiles { .. }
            | Self::MirrorBusy { .. }
            | Self::MirrorFiles { .. }
            | Self::Mirror { .. }
            | Self::ReadFile { .. }
            | Self::Worker { .. } => false,
        }
    }

    /// The error, the words of its source, and the hint, in one line.
    pub fn sentence(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        format!("{text}; {}", self.hint())
    }
}

fn list(found: &[String]) -> String {
    if found.is_empty() { "none".to_owned() } else { found.join(", ") }
}

fn within(commit: Option<&str>) -> String {
    commit.map(|commit| format!(" in {commit}")).unwrap_or_default()
}

fn others(skipped: usize) -> String {
    match skipped {
        0 => String::new(),
        1 => " (1 document has another apiVersion)".to_owned(),
        count => format!(" ({count} documents have another apiVersion)"),
    }
}
