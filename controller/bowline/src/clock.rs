//! The one place that reads the time. Polls, deadlines and holds can be scaled for demos and tests; socket timeouts never.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Wall-clock time since a fixed start, running `scale` times as fast as the machine's.
#[derive(Debug, Clone)]
pub struct Clock {
    start: Timestamp,
    started: Instant,
    scale: f64,
}

impl Clock {
    /// A clock that runs `scale` times as fast as the machine's, starting now.
    pub fn scaled(scale: f64) -> Self {
        Self { start: Timestamp::now(), started: Instant::now(), scale }
    }

    /// The machine's own speed.
    pub fn real() -> Self {
        Self::scaled(1.0)
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        let elapsed = self.started.elapsed().mul_f64(self.scale);
        SignedDuration::try_from(elapsed)
            .ok()
            .and_then(|passed| self.start.checked_add(passed).ok())
            .unwrap_or(self.start)
    }

    /// Waits until `duration` has passed on this clock.
    pub async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration.div_f64(self.scale)).await;
    }
}
