//! The conversation with the git server: which commit is the head, and the objects that are missing here.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use git2::{AutotagOption, Direction, ErrorClass, ErrorCode, FetchOptions, Oid, PushOptions, Repository};

use super::address::Address;
use super::auth::{self, GitAuth};
use super::error::SourceError;
use super::relay::{Limits, Problem, Purpose, Relay};
use super::said::Said;

/// Where branches are.
const BRANCHES: &str = "refs/heads/";

/// How to reach the repository in this operation.
pub(super) struct Route {
    pub(super) address: Address,
    way: Way,
}

/// What lies between libgit2 and the repository.
enum Way {
    /// Nothing: a local repository.
    Straight,
    /// A relay, open as long as libgit2 may use it.
    Relay(Relay),
    /// It could not be opened; libgit2 is not even asked.
    Closed(Problem),
}

/// What became of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sent {
    Done,
    /// The remote has the branch at another commit than was thought; none: it has no such branch.
    NotThere(Option<Oid>),
    /// The server's words.
    Refused(String),
}

/// The head that the remote has under the configured name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tip {
    /// The full name: `refs/heads/main`.
    pub(super) name: String,
    /// What it points to: a commit, or an annotated tag.
    pub(super) target: Oid,
    /// The commit.
    pub(super) commit: Oid,
}

impl Route {
    /// Opens what lies between: for one operation.
    pub(super) async fn open(address: Address, limits: Limits, purpose: Purpose) -> Self {
        let way = match Relay::open(&address, limits, purpose).await {
            Ok(None) => Way::Straight,
            Ok(Some(relay)) => Way::Relay(relay),
            Err(problem) => Way::Closed(problem),
        };
        Self { address, way }
    }

    /// The address that is given to libgit2.
    fn url(&self) -> String {
        let port = if let Way::Relay(relay) = &self.way { relay.port() } else { 0 };
        match &self.address {
            // libgit2 takes a relative path from its own idea of the current directory.
            Address::Local(path) => {
                std::path::absolute(path).unwrap_or_else(|_| path.clone()).to_string_lossy().into_owned()
            }
            // TLS is the relay's.
            Address::Http { path, .. } => format!("http://127.0.0.1:{port}{path}"),
            Address::Ssh { user, path, scp: true, .. } => format!("[{user}@127.0.0.1:{port}]:{path}"),
            Address::Ssh { user, path, scp: false, .. } => format!("ssh://{user}@127.0.0.1:{port}{path}"),
        }
    }

    /// What can be known to fail without libgit2.
    fn prepare(&self, auth: &GitAuth) -> Result<(), SourceError> {
        if let Way::Closed(problem) = &self.way {
            return Err(self.failed(problem.clone()));
        }
        auth::prepare(auth, &self.address)
    }

    /// Asks the remote for its head, and nothing else.
    pub(super) fn tip(&self, auth: &GitAuth, reference: &str) -> Result<Tip, SourceError> {
        self.prepare(auth)?;
        let refusal = RefCell::new(None);
        let mut remote =
            git2::Remote::create_detached(self.url()).map_err(|error| self.explain(error, auth, &refusal))?;
        let callbacks = auth::callbacks(auth, &self.address, &refusal);
        let connection = remote
            .connect_auth(Direction::Fetch, Some(callbacks), None)
            .map_err(|error| self.explain(error, auth, &refusal))?;
        let heads = connection.list().map_err(|error| self.explain(error, auth, &refusal))?;
        choose(heads, reference, &self.address)
    }

    /// Asks the remote for its head and, if it is not `known`, fetches it into `into` of the mirror.
    pub(super) fn fetch(
        &self,
        auth: &GitAuth,
        reference: &str,
        mirror: &Repository,
        into: &str,
    ) -> Result<Tip, SourceError> {
        self.prepare(auth)?;
        let refusal = RefCell::new(None);
        let explain = |error| self.explain(error, auth, &refusal);
        let mut remote = mirror.remote_anonymous(&self.url()).map_err(explain)?;
        let callbacks = auth::callbacks(auth, &self.address, &refusal);
        let mut connection = remote.connect_auth(Direction::Fetch, Some(callbacks), None).map_err(explain)?;
        let tip = choose(connection.list().map_err(explain)?, reference, &self.address)?;
        if mirror.refname_to_id(into).is_ok_and(|known| known == tip.target)
            && mirror.find_commit(tip.commit).is_ok()
        {
            return Ok(tip);
        }
        let mut options = FetchOptions::new();
        options
            .remote_callbacks(auth::callbacks(auth, &self.address, &refusal))
            .download_tags(AutotagOption::None)
            .update_fetchhead(false);
        let refspec = format!("+{}:{into}", tip.name);
        connection.remote().fetch(&[refspec], Some(&mut options), None).map_err(explain)?;
        Ok(tip)
    }

    /// The branch that is configured, without `refs/heads/`; the remote's own one for `HEAD`.
    pub(super) fn branch(&self, auth: &GitAuth, reference: &str) -> Result<String, SourceError> {
        if reference != "HEAD" {
            return Ok(reference.strip_prefix(BRANCHES).unwrap_or(reference).to_owned());
        }
        self.prepare(auth)?;
        let refusal = RefCell::new(None);
        let explain = |error| self.explain(error, auth, &refusal);
        let mut remote = git2::Remote::create_detached(self.url()).map_err(explain)?;
        let callbacks = auth::callbacks(auth, &self.address, &refusal);
        let connection = remote.connect_auth(Direction::Fetch, Some(callbacks), None).map_err(explain)?;
        let name = connection.default_branch().map_err(explain)?;
        let name = String::from_utf8_lossy(&name).into_owned();
        Ok(name.strip_prefix(BRANCHES).unwrap_or(&name).to_owned())
    }

    /// Gives the branch `branch` to `commit`, if the remote has it at `from` (absent: has no such branch). The remote
    /// itself refuses if that changes meanwhile, and nothing is ever forced.
    pub(super) fn push(
        &self,
        auth: &GitAuth,
        mirror: &Repository,
        commit: Oid,
        branch: &str,
        from: Option<Oid>,
    ) -> Result<Sent, SourceError> {
        self.prepare(auth)?;
        let refusal = RefCell::new(None);
        let explain = |error| self.explain(error, auth, &refusal);
        let mut remote = mirror.remote_anonymous(&self.url()).map_err(explain)?;
        let callbacks = auth::callbacks(auth, &self.address, &refusal);
        let mut connection = remote.connect_auth(Direction::Push, Some(callbacks), None).map_err(explain)?;
        let name = format!("{BRANCHES}{branch}");
        let heads = connection.list().map_err(explain)?;
        let there = heads.iter().find(|head| head.name() == name).map(git2::RemoteHead::oid);
        if there != from {
            return Ok(Sent::NotThere(there));
        }
        let refused: RefCell<Option<String>> = RefCell::new(None);
        let said = Said::default();
        let mut callbacks = auth::callbacks(auth, &self.address, &refusal);
        // What a hook or a rule refuses comes here; libgit2 itself says that all went well.
        callbacks.push_update_reference(|_, status| {
            if let Some(status) = status {
                refused.replace(Some(status.to_owned()));
            }
            Ok(())
        });
        callbacks.sideband_progress(|words| {
            said.hear(words);
            true
        });
        let mut options = PushOptions::new();
        options.remote_callbacks(callbacks);
        let pushed = connection.remote().push(&[format!("{commit}:{name}")], Some(&mut options));
        drop(options);
        if let Some(problem) = refused.take() {
            return Ok(Sent::Refused(said.beside(&problem)));
        }
        pushed.map(|()| Sent::Done).map_err(explain)
    }

    fn failed(&self, problem: Problem) -> SourceError {
        let repo = self.address.display();
        match problem {
            Problem::Network(problem) => SourceError::Unreachable { repo, problem },
            Problem::Certificate { problem, advice } => SourceError::Certificate { repo, problem, advice },
            Problem::Redirect(to) => SourceError::Redirected { repo, to },
        }
    }

    /// The most precise error for what happened: our own refusal, then the connection, then libgit2's words.
    fn explain(
        &self,
        error: git2::Error,
        auth: &GitAuth,
        refusal: &RefCell<Option<SourceError>>,
    ) -> SourceError {
        if let Some(refused) = refusal.take() {
            return refused;
        }
        let repo = self.address.display();
        if let Way::Relay(relay) = &self.way
            && let Some(problem) = relay.failure()
        {
            return self.failed(problem);
        }
        match Cause::of(&error, &self.address) {
            Cause::Owner => SourceError::Owner { repo, source: error },
            Cause::Rejected => {
                SourceError::AuthRejected { repo, configured: auth.describe(), source: Some(error) }
            }
            Cause::Missing => match &self.address {
                Address::Local(path) => {
                    SourceError::PathIsNoRepository { path: path.clone(), above: repository_above(path) }
                }
                Address::Http { .. } | Address::Ssh { .. } => {
                    SourceError::RepositoryMissing { repo, source: error }
                }
            },
            Cause::Shallow => SourceError::ShallowServer { repo, source: error },
            Cause::Network => SourceError::Unreachable { repo, problem: error.message().to_owned() },
            Cause::Other => SourceError::Fetch { repo, source: error },
        }
    }
}

/// The repository that a path of this machine lies in.
fn repository_above(path: &Path) -> Option<PathBuf> {
    let full = std::path::absolute(path).ok()?;
    full.ancestors().skip(1).find(|above| above.join(".git").exists()).map(Path::to_owned)
}

/// What libgit2's error is about. Where its codes do not tell, its words and the server's are looked at.
enum Cause {
    Owner,
    Rejected,
    Missing,
    Shallow,
    Network,
    Other,
}

impl Cause {
    fn of(error: &git2::Error, address: &Address) -> Self {
        let message = error.message().to_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
        match (error.code(), error.class(), address) {
            (ErrorCode::Owner, ..) => Self::Owner,
            (ErrorCode::Auth, ..) => Self::Rejected,
            // libgit2 takes a path at which nothing is for an address with an unknown scheme.
            (ErrorCode::NotFound, ..) | (_, ErrorClass::Net, Address::Local(_)) => Self::Missing,
            (_, ErrorClass::Repository, Address::Local(_)) if says(&["could not find repository"]) => {
                Self::Missing
            }
            (_, ErrorClass::Http, _) if says(&["status code: 401", "status code: 403"]) => Self::Rejected,
            (_, ErrorClass::Http, _) if says(&["status code: 404"]) => Self::Missing,
            // OpenSSH and libssh2; git's, GitHub's and GitLab's words for a repository that is not there.
            (_, ErrorClass::Ssh, _) if says(&["failed to authenticate", "denied"]) => Self::Rejected,
            (_, ErrorClass::Ssh, _)
                if says(&["does not appear to be a git repository", "not found", "not be found"]) =>
            {
                Self::Missing
            }
            // It does not expect the end of the line in `shallow <id>`.
            (_, ErrorClass::Net, _) if says(&["invalid packet line"]) => Self::Shallow,
            (_, ErrorClass::Net, _) => Self::Network,
            _ => Self::Other,
        }
    }
}

/// The configured name among the remote's: a full name, a branch, or a tag, in that order.
fn choose(heads: &[git2::RemoteHead<'_>], reference: &str, address: &Address) -> Result<Tip, SourceError> {
    if heads.is_empty() {
        return Err(SourceError::EmptyRepository { repo: address.display() });
    }
    let find = |name: &str| heads.iter().find(|head| head.name() == name);
    let candidates =
        [reference.to_owned(), format!("refs/heads/{reference}"), format!("refs/tags/{reference}")];
    let Some(head) = candidates.iter().find_map(|name| find(name)) else {
        let found = heads
            .iter()
            .filter_map(|head| {
                head.name().strip_prefix("refs/heads/").or_else(|| head.name().strip_prefix("refs/tags/"))
            })
            .filter(|name| !name.ends_with("^{}"))
            .take(10)
            .map(str::to_owned)
            .collect();
        return Err(SourceError::ReferenceMissing {
            repo: address.display(),
            reference: reference.to_owned(),
            found,
        });
    };
    // The server lists the commit behind an annotated tag under the tag's name with `^{}`.
    let peeled = find(&format!("{}^{{}}", head.name())).map_or_else(|| head.oid(), git2::RemoteHead::oid);
    Ok(Tip { name: head.name().to_owned(), target: head.oid(), commit: peeled })
}
