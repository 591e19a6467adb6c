//! How a simulator is set up.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// The settings of a [`Simulator`](crate::Simulator).
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatorConfig {
    /// Where to listen; port 0 takes any free one.
    pub listen: SocketAddr,
    /// The account of callers whose access key names none.
    pub default_account: String,
    /// How many simulated seconds pass in a real one; 0 stands still until [`advance`](crate::Simulator::advance).
    pub time_scale: f64,
    /// Real time that each reply is held back.
    pub latency: Duration,
    /// Whether ECS calls are refused beyond AWS's documented rates.
    pub throttle: bool,
    /// Where identifiers start: the same seed and calls give the same ids.
    pub seed: u64,
    /// What becomes PRIMARY when ECS rolls back: a new deployment of the old revision (false), or the old deployment
    /// itself, under its own id and with the tasks it still has (true). AWS's documentation does not settle it and
    /// reports from the field suggest the latter; a client should stand both.
    pub rollback_keeps_id: bool,
}

impl Default for SimulatorConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            default_account: "111122223333".to_owned(),
            time_scale: 1.0,
            latency: Duration::ZERO,
            throttle: false,
            seed: 0,
            rollback_keeps_id: false,
        }
    }
}
