//! The simulator as other crates see it: start it, point a client at it, look at what was called.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::calls::CallRecord;
use crate::config::SimulatorConfig;
use crate::faults::FaultRule;
use crate::github::{GitHub, GitHubConfig};
use crate::server::{Shared, serve};

/// A running simulator. Dropping it stops it; what it simulated is gone with it.
pub struct Simulator {
    address: SocketAddr,
    shared: Shared,
    task: JoinHandle<()>,
}

impl Simulator {
    /// Binds the listening address and serves it on the current tokio runtime.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub async fn start(config: SimulatorConfig) -> io::Result<Self> {
        let listener = TcpListener::bind(config.listen).await?;
        let address = listener.local_addr()?;
        let shared = Shared::new(&config);
        let answering = shared.clone();
        let task = tokio::spawn(serve(listener, move |request| answering.clone().answer(request)));
        Ok(Self { address, shared, task })
    }

    /// Starts a simulated GitHub beside it, on an address of its own. They share the clock, the record of calls and the
    /// faults.
    ///
    /// # Errors
    /// The address cannot be bound, or no folder can be made.
    pub async fn start_github(&self, config: GitHubConfig) -> io::Result<GitHub> {
        GitHub::beside(self.shared.clone(), config).await
    }

    /// The endpoint for all services: `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The simulated time.
    pub fn now(&self) -> Timestamp {
        self.shared.lock().clock.now()
    }

    /// Jumps the simulated time forward.
    pub fn advance(&self, by: Duration) {
        self.shared.lock().clock.advance(by);
    }

    /// The newest 200,000 calls that were answered or dropped, oldest first.
    pub fn calls(&self) -> Vec<CallRecord> {
        self.shared.lock().calls.all()
    }

    /// How often each operation was called: of one service, or of all of them.
    pub fn call_counts(&self, service: Option<&str>) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for call in self.calls().into_iter().filter(|call| service.is_none_or(|name| name == call.service)) {
            *counts.entry(call.operation).or_default() += 1;
        }
        counts
    }

    /// Forgets the calls recorded so far.
    pub fn clear_calls(&self) {
        self.shared.lock().calls.clear();
    }

    /// Pushes another image under a tag: what pulls it from now on gets this digest (`sha256:...`).
    pub fn move_tag(&self, image: &str, digest: &str) {
        self.shared.lock().move_tag(image, digest);
    }

    /// Injects a fault into the calls that the rule matches. Of several rules, the first that strikes wins.
    pub fn add_fault(&self, rule: FaultRule) {
        self.shared.lock().faults.add(rule);
    }

    /// Puts a state (`unhealthy`, `initial`, ...) upon all targets of a target group; without one they are as ECS has them.
    pub fn set_target_health(&self, target_group_arn: &str, state: Option<&str>) {
        let mut world = self.shared.lock();
        match state {
            Some(state) => world.targets.insert(target_group_arn.to_owned(), state.to_owned()),
            None => world.targets.remove(target_group_arn),
        };
    }

    /// How many calls a fault has hit since the rules were last removed: also those that still wait because of it.
    pub fn struck(&self) -> usize {
        self.shared.lock().faults.struck()
    }

    /// Removes all fault rules.
    pub fn clear_faults(&self) {
        self.shared.lock().faults.clear();
    }

    /// Stops listening, closes all connections and waits until that is done.
    pub async fn stop(mut self) {
        self.task.abort();
        // The only error is that it was aborted.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.task.abort();
    }
}
