//! Simulated time: the wall clock, run faster, standing still, or moved by hand.

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// The one clock of a simulator.
#[derive(Debug)]
pub(crate) struct Clock {
    origin: Timestamp,
    started: Instant,
    scale: f64,
    jumped: Duration,
}

impl Clock {
    /// A clock that starts at the wall clock's time. A scale of 0 (or no number at all) stands still.
    pub(crate) fn new(scale: f64) -> Self {
        let scale = if scale.is_finite() && scale > 0.0 { scale } else { 0.0 };
        Self { origin: Timestamp::now(), started: Instant::now(), scale, jumped: Duration::ZERO }
    }

    /// The simulated time.
    pub(crate) fn now(&self) -> Timestamp {
        later(self.origin, self.started.elapsed().mul_f64(self.scale).saturating_add(self.jumped))
    }

    /// Jumps forward.
    pub(crate) fn advance(&mut self, by: Duration) {
        self.jumped = self.jumped.saturating_add(by);
    }
}

/// `at + by`, stopping at the end of time.
pub(crate) fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_stands_still_moves_by_hand_only() {
        let mut clock = Clock::new(0.0);
        let before = clock.now();
        assert_eq!(clock.now(), before);
        clock.advance(Duration::from_secs(90));
        assert_eq!(clock.now(), later(before, Duration::from_secs(90)));
    }
}
