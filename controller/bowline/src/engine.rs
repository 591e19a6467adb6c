//! What happens next, and when? A [`Config`] in; passes, a published [`Status`] and an orderly end out.
//!
//! [`reconcile`] is the one function in which both worlds meet. [`driver`] decides when it runs, [`wiring`] builds what
//! it needs, [`git`] owns the repository, [`shutdown`] ends everything. One task owns each piece of state; the others
//! read what it publishes. May import every other room except `cli`.

pub mod driver;
mod findings;
pub mod git;
pub mod look;
pub mod reconcile;
pub mod refusal;
pub mod shutdown;
pub mod status;
pub mod wiring;

use std::net::SocketAddr;
use std::sync::Arc;

use bowline_core::desired::kind::Mode;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::store::StoreError;
use crate::{http, rollback};
use shutdown::Owner;
use status::Status;

/// How many messages of GitHub's about pull requests wait for the rollbacks at most. What is more is seen with the next look.
const MOST_TOUCHED: usize = 64;

/// Why the engine cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// No repository is configured.
    #[error(
        "no repository is configured: write `sources` into a bowline.yaml (in this folder, or named with --config), or set \
         BOWLINE_REPO; plan and apply also take --repo"
    )]
    NoSource,
    /// A credential that the configuration names cannot be read.
    #[error("{what} cannot be read: {reason}")]
    Credential {
        /// What, as the configuration names it.
        what: String,
        /// Why not.
        reason: String,
    },
    /// The secret of the webhook is empty.
    #[error(
        "{what} is empty: anybody could sign with it. Make one (`openssl rand -hex 32`), and write the same into the webhook's \
         settings at GitHub"
    )]
    EmptyWebhookSecret {
        /// Where it was looked for, as the configuration names it.
        what: String,
    },
    /// A folder that is needed beside the store cannot be made.
    #[error("{path}: cannot be created; check that it belongs to this user")]
    Folder {
        /// The folder.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// GitHub is configured, but not which repository there.
    #[error(
        "`github` is configured, but {repo} does not name a repository there: write `github.repository: owner/name`"
    )]
    NoRepository {
        /// The source's address.
        repo: String,
    },
    /// A task ended before shutdown.
    #[error(transparent)]
    Ended(#[from] shutdown::Ended),
    /// The store cannot be used.
    #[error("the store cannot be used")]
    Store(#[from] StoreError),
    /// The address is not to be had.
    #[error("cannot listen on {address}; another process has it, or it is not an address of this machine")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

/// The controller: looks, repairs and serves its status until `shutdown`, then persists and returns. An error when one of
/// its tasks ended before that.
///
/// Without a mode in the configured ceiling it observes only.
pub async fn run(config: Config, shutdown: CancellationToken) -> Result<(), EngineError> {
    let secret = wiring::webhook_secret(&config)?;
    let wired = wiring::wire(&config, Mode::Observe, &shutdown).await?;
    let listener = listen(config.listen).await?;
    let address = listener.local_addr().unwrap_or(config.listen);
    let (publish, status) = watch::channel(Arc::new(Status::starting(&config, wired.world.clock.now())));
    let served = http::Served {
        status,
        history: wired.world.store.history(),
        metrics: http::metrics::recorder(),
        clock: wired.world.clock.clone(),
        stale_after: http::stale_after(&config.intervals),
    };
    let http = Owner::spawn("serves the status", http::serve(listener, served, shutdown.clone()));
    tracing::info!(%address, "bowline is running; status at http://{address}/api/v1/status");
    let (scenes, seen) = watch::channel(None);
    let (touched, pulls) = mpsc::channel(MOST_TOUCHED);
    let github = wiring::github(&config, &wired.world.clock)?.map(Arc::new);
    let tools = wiring::rollback_tools(&config, &wired.world, github.as_ref())?;
    let rollbacks = rollback::Loop::new(tools, seen, pulls, publish.clone()).await?;
    let rollbacks = Owner::spawn("rolls back what failed", rollbacks.run(shutdown.clone()));
    let mut beside = vec![wired.git_task, http, rollbacks];
    if let Some(github) = github {
        let wakes = Arc::new(Notify::new());
        let previews =
            wiring::previews(&config, &wired.world, &github, publish.clone(), &wakes)?.run(shutdown.clone());
        beside.push(Owner::spawn("previews pull requests", previews));
        if let Some((address, secret)) = secret {
            let listener = listen(address).await?;
            let address = listener.local_addr().unwrap_or(address);
            tracing::info!(%address, "webhooks of GitHub are taken at {}", http::webhook::PATH);
            let webhook = wiring::webhook(&config, &wired.world, github, secret, wakes, touched);
            let webhook = http::webhook::serve(listener, webhook, shutdown.clone());
            beside.push(Owner::spawn("takes webhooks", webhook));
        }
    }
    let driver = driver::Driver {
        world: wired.world,
        intervals: config.intervals.clone(),
        publish,
        scenes,
        shutdown: shutdown.clone(),
    };
    let passes = Owner::spawn("makes the passes", driver.drive());
    let (world, outcome) = shutdown::supervise(passes, beside, &shutdown).await;
    if let Some(world) = world {
        world.store.close().await;
        tracing::info!("everything is persisted");
    } else {
        // What the call was to begin is on disk; the next start judges it, as after a kill.
        tracing::warn!("the last pass did not come to its end in time, and is left behind");
    }
    Ok(outcome?)
}

async fn listen(address: SocketAddr) -> Result<TcpListener, EngineError> {
    TcpListener::bind(address).await.map_err(|source| EngineError::Listen { address, source })
}

/// An error and its sources in one line.
pub(crate) fn sentence(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}
