//! How everything ends: a signal cancels the token, each task ends its current call, and what remains is left behind in
//! time for the process manager.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long tasks may take after the token: together with persisting, the process is gone within 20 s of SIGTERM (ECS
/// sends SIGKILL after 30 s by default).
pub const GRACE: Duration = Duration::from_secs(18);

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

/// Waits for `tasks`, at most [`GRACE`] altogether; what has not ended then is aborted.
pub async fn join(tasks: Vec<(&'static str, JoinHandle<()>)>) {
    let deadline = tokio::time::Instant::now() + GRACE;
    for (name, mut task) in tasks {
        if tokio::time::timeout_at(deadline, &mut task).await.is_err() {
            tracing::warn!(task = name, "did not end in time and is left behind");
            task.abort();
        }
    }
}
