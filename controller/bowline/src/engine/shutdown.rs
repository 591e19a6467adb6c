//! How everything ends: a signal cancels the token, each task ends its current call, and what remains is left behind in
//! time for the process manager. A task that ends by itself ends everything too.

use std::task::Poll;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::task::{JoinError, JoinHandle};
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

/// A task that has to go on until shutdown.
#[derive(Debug)]
pub struct Owner<T> {
    /// What it does, to end "the task that".
    does: &'static str,
    /// Absent once its end was seen.
    task: Option<JoinHandle<T>>,
}

/// A task ended although nobody asked it to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the task that {does} ended unexpectedly ({how}), and without it the process cannot go on; start it again, and report \
     this as a bug with the log"
)]
pub struct Ended {
    does: &'static str,
    how: String,
}

impl Owner<()> {
    /// Waits for its end after the token was cancelled; what has not ended then is left behind.
    pub async fn join(self) {
        join(self.task.map(|task| (self.does, task))).await;
    }
}

impl<T: Send + 'static> Owner<T> {
    /// Starts the task that `does` something.
    pub fn spawn(does: &'static str, task: impl Future<Output = T> + Send + 'static) -> Self {
        Self { does, task: Some(tokio::spawn(task)) }
    }

    /// Waits for its end, which is always too early.
    async fn ended(&mut self) -> Ended {
        let Some(task) = &mut self.task else { return std::future::pending().await };
        let how = task.await;
        self.task = None;
        self.early(how.err().as_ref())
    }

    fn early(&self, error: Option<&JoinError>) -> Ended {
        let how = error.map_or_else(|| "without an error".to_owned(), ToString::to_string);
        Ended { does: self.does, how }
    }
}

/// Waits for `shutdown`, or for the first task to end before it; then ends all of them. Gives what `passes` ended with, if
/// it came to its end in time, and what went wrong. `beside` are the tasks that have nothing to lose.
pub async fn supervise<T: Send + 'static>(
    mut passes: Owner<T>,
    mut beside: Vec<Owner<()>>,
    shutdown: &CancellationToken,
) -> (Option<T>, Result<(), Ended>) {
    let mut outcome = tokio::select! {
        biased;
        () = shutdown.cancelled() => Ok(()),
        ended = passes.ended() => Err(ended),
        ended = first(&mut beside) => Err(ended),
    };
    shutdown.cancel();
    let mut last = None;
    if let Some(task) = &mut passes.task {
        match bounded(task, shutdown).await {
            Some(Ok(value)) => last = Some(value),
            Some(Err(error)) => outcome = outcome.and(Err(passes.early(Some(&error)))),
            None => {}
        }
    }
    join(beside.into_iter().filter_map(|owner| Some((owner.does, owner.task?)))).await;
    (last, outcome)
}

/// Waits for the first of them to end, which is always too early.
async fn first(owners: &mut [Owner<()>]) -> Ended {
    let mut waiting: Vec<_> = owners.iter_mut().map(|owner| Box::pin(owner.ended())).collect();
    std::future::poll_fn(|context| {
        let ended = waiting.iter_mut().map(|one| one.as_mut().poll(context)).find(Poll::is_ready);
        ended.unwrap_or(Poll::Pending)
    })
    .await
}

/// Awaits `work`, which ends by itself some time after `token`; `None` if that takes more than [`CURRENT_CALL`].
async fn bounded<T>(work: impl Future<Output = T>, token: &CancellationToken) -> Option<T> {
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
async fn join(tasks: impl IntoIterator<Item = (&'static str, JoinHandle<()>)>) {
    let deadline = tokio::time::Instant::now() + JOIN;
    for (does, mut task) in tasks {
        if tokio::time::timeout_at(deadline, &mut task).await.is_err() {
            tracing::warn!("the task that {does} did not end in time and is left behind");
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
        join([("stuck", stuck), ("quick", quick)]).await;
        assert_eq!(begun.elapsed(), JOIN);
    }

    /// What `supervise` says of three tasks; each that is not given goes on until shutdown.
    async fn supervised(
        passes: Option<Owner<&'static str>>,
        git: Option<Owner<()>>,
        http: Option<Owner<()>>,
        token: &CancellationToken,
    ) -> (Option<&'static str>, Result<(), String>) {
        let waiting = || token.clone().cancelled_owned();
        let until = waiting();
        let passes = passes.unwrap_or_else(|| {
            Owner::spawn("passes", async {
                until.await;
                "persisted"
            })
        });
        let git = git.unwrap_or_else(|| Owner::spawn("git", waiting()));
        let http = http.unwrap_or_else(|| Owner::spawn("http", waiting()));
        let (last, outcome) = supervise(passes, vec![git, http], token).await;
        (last, outcome.map_err(|ended| ended.to_string()))
    }

    fn told(does: &str, how: &str) -> String {
        format!(
            "the task that {does} ended unexpectedly ({how}), and without it the process cannot go on; start it again, and \
             report this as a bug with the log"
        )
    }

    #[tokio::test]
    async fn shutdown_ends_all_tasks_in_order() {
        let token = CancellationToken::new();
        let (ended, ()) = tokio::join!(supervised(None, None, None, &token), async { token.cancel() });
        assert_eq!(ended, (Some("persisted"), Ok(())));
    }

    #[tokio::test]
    async fn a_task_that_ends_by_itself_ends_everything_with_an_error() {
        let token = CancellationToken::new();
        let git = Some(Owner::spawn("reads", async {}));
        let ended = supervised(None, git, None, &token).await;
        assert_eq!(ended, (Some("persisted"), Err(told("reads", "without an error"))));

        let token = CancellationToken::new();
        let http = Owner { does: "serves", task: Some(tokio::spawn(std::future::pending())) };
        http.task.as_ref().unwrap().abort();
        let (last, outcome) = supervised(None, None, Some(http), &token).await;
        assert_eq!(last, Some("persisted"));
        let how = outcome.unwrap_err();
        assert!(
            how.starts_with("the task that serves ended unexpectedly (task ") && how.contains("cancelled"),
            "{how}"
        );

        let token = CancellationToken::new();
        let passes = Some(Owner::spawn("looks", async { panic!("a bug") }));
        let (last, outcome) = supervised(passes, None, None, &token).await;
        let how = outcome.unwrap_err();
        assert_eq!(last, None);
        assert!(
            how.contains("the task that looks ended unexpectedly (task ") && how.contains("a bug"),
            "{how}"
        );
    }
}
