//! How a simulated GitHub is set up, and who may do what there.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::Deserialize;

use super::permission::Permissions;

/// The settings of a [`GitHub`](crate::GitHub).
#[derive(Debug, Clone, PartialEq)]
pub struct GitHubConfig {
    /// Where to listen; port 0 takes any free one.
    pub listen: SocketAddr,
    /// Calls that each caller has in an hour; GitHub's number is 5,000.
    pub rate_limit: u32,
    /// Whether more than 80 POSTs in a minute or 500 in an hour are refused, as at GitHub.
    pub secondary_limits: bool,
    /// Real time that each reply is held back.
    pub latency: Duration,
    /// Where tokens and delivery ids start: the same seed and calls give the same ones.
    pub seed: u64,
    /// How many simulated seconds pass in a real one, where it runs alone; else the simulator's clock is its clock.
    pub time_scale: f64,
}

impl Default for GitHubConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            rate_limit: 5000,
            secondary_limits: true,
            latency: Duration::ZERO,
            seed: 0,
            time_scale: 1.0,
        }
    }
}

/// A GitHub App to be registered.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GitHubApp {
    /// `iss` of its JWTs.
    pub id: u64,
    /// `bowline`; it acts as `bowline[bot]`.
    pub slug: String,
    /// Whose it is.
    pub owner: String,
    /// The public half of its key, in PEM: `-----BEGIN PUBLIC KEY-----` or `-----BEGIN RSA PUBLIC KEY-----`.
    pub public_key: String,
    /// What it is granted where it is installed.
    pub permissions: Permissions,
}

/// What the person who set up the test asked for cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetUpError {
    /// There is no such repository.
    #[error("the simulated GitHub has no repository {0}: create it first")]
    NoRepository(String),
    /// A repository with this name exists.
    #[error("the simulated GitHub already has a repository {0}")]
    RepositoryExists(String),
    /// There is no such app.
    #[error("the simulated GitHub has no app {0}: register it first")]
    NoApp(u64),
    /// The public key cannot be read.
    #[error(
        "public_key of app {0} is not an RSA public key in PEM: take the output of `openssl rsa -pubout`"
    )]
    PublicKey(u64),
    /// There is no such delivery.
    #[error("no webhook delivery has the id {0}")]
    NoDelivery(String),
    /// There is no such pull request.
    #[error("the simulated GitHub has no pull request {number} in {repository}")]
    NoPull {
        /// `owner/name`
        repository: String,
        /// Its number.
        number: u64,
    },
    /// The name is not `owner/name`.
    #[error("{0:?} is not the name of a repository: write it as owner/name")]
    Name(String),
    /// Nobody holds the token.
    #[error("the token was not handed out, or is revoked or expired")]
    NoToken,
    /// Git said no.
    #[error("cannot make the repository {name}: {reason}")]
    Git {
        /// `owner/name`
        name: String,
        /// Git's words.
        reason: String,
    },
}
