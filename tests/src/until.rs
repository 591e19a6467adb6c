//! Waiting for something to become true: asked again and again, with a bound, never a fixed sleep.

use std::fmt::Display;
use std::time::{Duration, Instant};

/// How long nothing in these tests may take: far above what the slowest machine needs, so that only a fault reaches it.
pub const BOUND: Duration = Duration::from_mins(1);

/// The pause between two questions.
const PAUSE: Duration = Duration::from_millis(20);

/// Asks until there is an answer.
///
/// # Panics
/// After [`BOUND`], naming what did not happen.
pub async fn until<T, F: Future<Output = Option<T>>>(what: impl Display, mut ask: impl FnMut() -> F) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(begun.elapsed() < BOUND, "{what} did not happen within {BOUND:?}");
        tokio::time::sleep(PAUSE).await;
    }
}
