//! Who commits, the commit object, and its signature.

use std::path::{Path, PathBuf};

use git2::{Commit, Oid, Repository, Signature, Time, Tree};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use ssh_key::{Algorithm, HashAlg, LineEnding, PrivateKey};

/// What a signature of git's is made for, so that it counts nowhere else (`PROTOCOL.sshsig` of OpenSSH; git's `gpg-interface.c`).
const NAMESPACE: &str = "git";

const NO_KEY: &str = "it is not a private Ed25519 key in the format of OpenSSH";

/// In whose name Bowline commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committer {
    /// The name of author and committer.
    pub name: String,
    /// The address of author and committer.
    pub email: String,
    /// A private Ed25519 key of OpenSSH without a passphrase, with which commits are signed. Read for each commit.
    pub signing_key: Option<PathBuf>,
}

/// Why there is no commit.
pub(super) enum Problem {
    Git(git2::Error),
    Key { path: PathBuf, problem: String },
}

impl From<git2::Error> for Problem {
    fn from(error: git2::Error) -> Self {
        Self::Git(error)
    }
}

impl Committer {
    /// Writes the commit; no branch is moved.
    pub(super) fn commit(
        &self,
        repository: &Repository,
        parent: &Commit<'_>,
        tree: &Tree<'_>,
        message: &str,
        at: Timestamp,
    ) -> Result<Oid, Problem> {
        // In UTC: where the controller runs is nobody's business.
        let who = Signature::new(&self.name, &self.email, &Time::new(at.as_second(), 0))?;
        let buffer = repository.commit_create_buffer(&who, &who, message, tree, &[parent])?;
        let Some(path) = &self.signing_key else {
            return Ok(repository.odb()?.write(git2::ObjectType::Commit, &buffer)?);
        };
        let signature =
            sign(path, &buffer).map_err(|problem| Problem::Key { path: path.clone(), problem })?;
        let text =
            std::str::from_utf8(&buffer).map_err(|_| git2::Error::from_str("a commit that is not UTF-8"))?;
        Ok(repository.commit_signed(text, &signature, None)?)
    }
}

/// The signature over the bytes of a commit, as `git commit -S` with `gpg.format=ssh` makes it. Nothing of the key is ever
/// in the words of a problem.
fn sign(path: &Path, buffer: &[u8]) -> Result<String, String> {
    let text = std::fs::read_to_string(path).map(SecretString::from).map_err(|error| error.to_string())?;
    let key = PrivateKey::from_openssh(text.expose_secret()).map_err(|_| NO_KEY.to_owned())?;
    if key.is_encrypted() {
        return Err("it has a passphrase".to_owned());
    }
    if key.algorithm() != Algorithm::Ed25519 {
        return Err(NO_KEY.to_owned());
    }
    let signature = key.sign(NAMESPACE, HashAlg::Sha512, buffer).map_err(|error| error.to_string())?;
    signature.to_pem(LineEnding::LF).map_err(|error| error.to_string())
}
