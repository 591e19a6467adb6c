//! How everything ends: a signal cancels the token, each task ends its current call, and what remains is left behind in
//! time for the process manager.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long the call under way may take after the token. Together with [`JOIN`] and persisting, the process is gone within
/// 20 s of SIGTERM (ECS sends SIGKILL after 30 s by default).
const CURRENT_CALL: Duration = Duration::from_secs(15);

/// How long the other tasks may take after that; they have nothing to lose.
const JOIN: Duration = Duration::from_secs(3);

/// Cancels `token` on the first SIGTERM or Ctrl-C.
pub fn on_signals(token: CancellationToken) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "Ctrl-C",
        };
        tracing::info!("{name}: ending the current call, then the process");
        token.cancel();
    });
    Ok(())
}

/// Awaits `work`, which ends by itself some time after `token`; `None` if that takes more than [`CURRENT_CALL`].
pub async fn bounded<T>(work: impl Future<Output = T>, token: &CancellationToken) -> Option<T> {
    tokio::select! {
        biased;
        ended = work => Some(ended),
        () = async {
            token.cancelled().await;
            tokio::time::sleep(CURRENT_CALL).await;
        } => None,
    }
}

/// Waits for `tasks`, at most [`JOIN`] altogether; what has not ended then is aborted.
pub async fn join(tasks: Vec<(&'static str, JoinHandle<()>)>) {
    let deadline = tokio::time::Instant::now() + JOIN;
    for (name, mut task) in tasks {
        if tokio::time::timeout_at(deadline, &mut task).await.is_err() {
            tracing::warn!(task = name, "did not end in time and is left behind");
            task.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_current_call_is_awaited_but_not_for_ever() {
        let token = CancellationToken::new();
        let call = |seconds| async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            seconds
        };
        assert_eq!(bounded(call(100), &token).await, Some(100), "without the token it takes what it takes");
        token.cancel();
        assert_eq!(bounded(call(14), &token).await, Some(14));
        assert_eq!(bounded(call(16), &token).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn tasks_that_do_not_end_are_left_behind() {
        let begun = tokio::time::Instant::now();
        let quick = tokio::spawn(async {});
        let stuck = tokio::spawn(std::future::pending::<()>());
        join(vec![("stuck", stuck), ("quick", quick)]).await;
        assert_eq!(begun.elapsed(), JOIN);
    }
}
