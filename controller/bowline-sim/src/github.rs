//! A simulated GitHub: REST, GraphQL, webhooks and git itself, over real bare repositories.
//!
//! Question it answers: what would GitHub say, what would it commit, and whom would it tell? Input: HTTP requests of any
//! GitHub client and of git, and time. Output: GitHub's replies, real commits, signed webhooks, a record of the calls, and
//! faults on demand. Like the simulated AWS it knows nothing of Bowline, and nothing of its GitHub client either.
//!
//! What does not exist there answers GitHub's 404, and is recorded like any call.

#![allow(
    clippy::unnecessary_wraps,
    reason = "all handlers have one signature, so that they stand in one table"
)]

mod apps;
mod asked;
mod branches;
mod call;
mod caller;
mod changes;
mod checks;
mod comments;
mod commits;
mod compare;
mod config;
mod control;
mod deliver;
mod git;
mod git_http;
mod graphql;
mod hub;
mod jwt;
mod labels;
mod merge;
mod merge_call;
mod mergeability;
mod numbers;
mod objects;
mod permission;
mod protection;
mod pull;
mod pull_render;
mod pulls;
mod rate;
mod refs;
mod render;
mod reply;
mod repositories;
mod repository;
mod reviews;
mod route;
mod server;
mod set_up;
mod settle;
mod statuses;
#[cfg(test)]
mod tests;
mod urls;
mod webhook;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::JoinHandle;

pub use config::{GitHubApp, GitHubConfig, SetUpError};
pub use permission::{Access, Permissions};
pub use protection::Protection;
pub use repository::RepositorySettings;
pub use webhook::{Delivery, Webhook};

use crate::calls::CallRecord;
use crate::config::SimulatorConfig;
use crate::faults::FaultRule;
use crate::server::{Shared, serve};
use hub::Hub;
use rate::Limits;
use server::Server;
use set_up::parts;
use settle::Circumstances;

/// A running simulated GitHub. Dropping it stops it; its repositories are gone with it.
pub struct GitHub {
    address: SocketAddr,
    server: Server,
    tasks: [JoinHandle<()>; 2],
    /// Where the repositories lie.
    _root: TempDir,
}

impl GitHub {
    /// Starts one alone, with a clock, a record of calls and faults of its own.
    ///
    /// # Errors
    /// The address cannot be bound, or no folder can be made.
    pub async fn start(config: GitHubConfig) -> io::Result<Self> {
        let time = SimulatorConfig { time_scale: config.time_scale, ..SimulatorConfig::default() };
        Self::beside(Shared::new(&time), config).await
    }

    /// Starts one that shares the clock, the record of calls and the faults of a simulator.
    pub(crate) async fn beside(shared: Shared, config: GitHubConfig) -> io::Result<Self> {
        let listener = TcpListener::bind(config.listen).await?;
        let address = listener.local_addr()?;
        let root = tempfile::Builder::new().prefix("simulated-github-").tempdir()?;
        let limits = Limits::new(config.rate_limit, config.secondary_limits);
        let hub = Arc::new(Mutex::new(Hub::new(limits, config.seed)));
        let (send, parcels) = unbounded_channel();
        let server = Server {
            hub: Arc::clone(&hub),
            shared,
            send,
            root: root.path().to_owned(),
            url: format!("http://{address}"),
            latency: config.latency,
        };
        let answering = server.clone();
        let tasks = [
            tokio::spawn(serve(listener, move |request| answering.clone().answer(request))),
            tokio::spawn(deliver::deliver(parcels, hub)),
        ];
        Ok(Self { address, server, tasks, _root: root })
    }

    /// The API's base, as `https://api.github.com` is: `http://127.0.0.1:<port>`. `<url>/api/v3` and `<url>/api/graphql`,
    /// as GitHub Enterprise has them, are the same.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where git fetches from and pushes to, with a token as the password: `<url>/acme/infra.git`.
    pub fn git_url(&self, repository: &str) -> String {
        format!("http://{}/{repository}.git", self.address)
    }

    /// The simulated time.
    pub fn now(&self) -> Timestamp {
        self.server.now()
    }

    /// Jumps the simulated time forward.
    pub fn advance(&self, by: Duration) {
        self.server.shared.lock().clock.advance(by);
    }

    /// The newest 200,000 calls that were answered or dropped, oldest first; those of the simulated AWS among them where
    /// the two share a record.
    pub fn calls(&self) -> Vec<CallRecord> {
        self.server.shared.lock().calls.all()
    }

    /// Forgets the calls recorded so far.
    pub fn clear_calls(&self) {
        self.server.shared.lock().calls.clear();
    }

    /// Injects a fault into the calls that the rule matches: service `github`, operations such as
    /// `PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge`.
    pub fn add_fault(&self, rule: FaultRule) {
        self.server.shared.lock().faults.add(rule);
    }

    /// How many calls a fault has hit since the rules were last removed: also those that still wait because of it.
    pub fn struck(&self) -> usize {
        self.server.shared.lock().faults.struck()
    }

    /// Removes all fault rules.
    pub fn clear_faults(&self) {
        self.server.shared.lock().faults.clear();
    }

    /// Makes an empty repository `owner/name`; where it lies on disk. What is committed there is noticed with the next call,
    /// or by [`GitHub::notice`], and is held to no protection.
    ///
    /// # Errors
    /// The name is none, or is taken.
    pub fn create_repository(
        &self,
        repository: &str,
        settings: RepositorySettings,
    ) -> Result<PathBuf, SetUpError> {
        self.server.create_repository(repository, settings)
    }

    /// Changes a repository's settings.
    ///
    /// # Errors
    /// There is no such repository.
    pub fn set_settings(&self, repository: &str, settings: RepositorySettings) -> Result<(), SetUpError> {
        self.server.hub().known(repository)?.settings = settings;
        Ok(())
    }

    /// Gives a repository another name (without the owner). The old one redirects.
    ///
    /// # Errors
    /// There is no such repository.
    pub fn rename(&self, repository: &str, name: &str) -> Result<(), SetUpError> {
        self.server.rename(repository, name)
    }

    /// Protects a branch, or, with `None`, no longer does.
    ///
    /// # Errors
    /// There is no such repository.
    pub fn protect(
        &self,
        repository: &str,
        branch: &str,
        rules: Option<Protection>,
    ) -> Result<(), SetUpError> {
        self.server.protect(repository, branch, rules)
    }

    /// A token of a person, for all repositories.
    ///
    /// # Errors
    /// None at present; a later kind of token may name repositories.
    pub fn create_token(&self, login: &str, permissions: Permissions) -> Result<String, SetUpError> {
        self.server.hub().create_token(login, permissions, None)
    }

    /// Takes a token back, a person's or an installation's.
    pub fn revoke_token(&self, token: &str) {
        self.server.hub().revoke(token);
    }

    /// Registers a GitHub App.
    ///
    /// # Errors
    /// Its public key cannot be read.
    pub fn register_app(&self, app: GitHubApp) -> Result<(), SetUpError> {
        let now = self.now();
        self.server.hub().register(app, now)
    }

    /// Installs an app on repositories; the installation's id.
    ///
    /// # Errors
    /// There is no such app or repository.
    pub fn install_app(&self, app: u64, account: &str, repositories: &[&str]) -> Result<u64, SetUpError> {
        let now = self.now();
        let repositories: Vec<String> = repositories.iter().map(|name| (*name).to_owned()).collect();
        self.server.hub().install(app, account, &repositories, now)
    }

    /// Ends an installation, and with it all of its tokens.
    pub fn uninstall_app(&self, installation: u64) {
        self.server.hub().uninstall(installation);
    }

    /// Uses up all calls that the holder of a token has until the hour ends.
    ///
    /// # Errors
    /// Nobody holds the token.
    pub fn exhaust(&self, token: &str) -> Result<(), SetUpError> {
        self.leave(token, 0)
    }

    /// Lets the holder of a token have only so many calls left until the hour ends.
    ///
    /// # Errors
    /// Nobody holds the token.
    pub fn leave(&self, token: &str, calls: u32) -> Result<(), SetUpError> {
        let now = self.now();
        self.server.hub().leave(token, calls, now)
    }

    /// Sends a repository's events somewhere, from now on; a `ping` comes first.
    ///
    /// # Errors
    /// There is no such repository.
    pub fn add_webhook(&self, repository: &str, webhook: Webhook) -> Result<u64, SetUpError> {
        self.server.add_webhook(repository, webhook)
    }

    /// What was sent to the hooks of a repository, oldest first of each hook.
    ///
    /// # Errors
    /// There is no such repository.
    pub fn deliveries(&self, repository: &str) -> Result<Vec<Delivery>, SetUpError> {
        self.server.deliveries(repository)
    }

    /// Sends something again, under the same `X-GitHub-Delivery`.
    ///
    /// # Errors
    /// Nothing was sent under this id.
    pub fn redeliver(&self, guid: &str) -> Result<(), SetUpError> {
        self.server.redeliver(guid)
    }

    /// Makes the head of an open pull request a branch in the fork of `owner`: the repository itself has only
    /// `refs/pull/<number>/head` of it.
    ///
    /// # Errors
    /// There is no such repository or pull request.
    pub fn move_to_fork(&self, repository: &str, number: u64, owner: &str) -> Result<(), SetUpError> {
        let mut hub = self.server.hub();
        let moved = hub.known(repository)?.move_to_fork(number, owner);
        moved.ok_or_else(|| SetUpError::NoPull { repository: repository.to_owned(), number })
    }

    /// Looks at the refs of all repositories, as every call does: what was pushed to their paths is told of, by `login`.
    pub fn notice(&self, login: &str) {
        self.server.settle(Some(login));
    }

    /// Stops listening, closes all connections and waits until that is done.
    pub async fn stop(mut self) {
        for task in &mut self.tasks {
            task.abort();
            // The only error is that it was aborted.
            let _ = task.await;
        }
    }
}

impl Drop for GitHub {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// What both the Rust API and the control API do.
impl Server {
    fn create_repository(&self, name: &str, settings: RepositorySettings) -> Result<PathBuf, SetUpError> {
        let now = self.now();
        self.hub().create_repository(&self.root, name, settings, now)
    }

    fn rename(&self, repository: &str, name: &str) -> Result<(), SetUpError> {
        self.hub().known(repository)?.rename(name);
        Ok(())
    }

    /// Rules that are taken away may let something be merged.
    fn protect(&self, repository: &str, branch: &str, rules: Option<Protection>) -> Result<(), SetUpError> {
        self.hub().protect(repository, branch, rules)?;
        self.settle(None);
        Ok(())
    }

    fn add_webhook(&self, repository: &str, webhook: Webhook) -> Result<u64, SetUpError> {
        let (owner, name) = parts(repository)?;
        // What happened before is not told.
        self.settle(None);
        let (now, urls) = (self.now(), self.urls());
        let around = Circumstances { urls: &urls, login: owner, now };
        let added = self.hub().add_hook(owner, name, webhook, around);
        let (id, parcels) = added.ok_or_else(|| SetUpError::NoRepository(repository.to_owned()))?;
        self.post(parcels);
        Ok(id)
    }

    fn deliveries(&self, repository: &str) -> Result<Vec<Delivery>, SetUpError> {
        let (owner, name) = parts(repository)?;
        self.hub().known(repository)?;
        Ok(self.hub().deliveries(owner, name))
    }

    fn redeliver(&self, guid: &str) -> Result<(), SetUpError> {
        let now = self.now();
        let parcel = self.hub().redeliver(guid, now);
        self.post(vec![parcel.ok_or_else(|| SetUpError::NoDelivery(guid.to_owned()))?]);
        Ok(())
    }
}
