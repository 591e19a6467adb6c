//! Many cases of one test, some at once.

use tokio::task::JoinSet;

/// How many run at once: most of a case is waiting for processes.
const AT_ONCE: usize = 4;

/// Runs each case; the first that fails ends all.
pub async fn for_each<C, F>(cases: impl IntoIterator<Item = C>, run: impl Fn(C) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut running = JoinSet::new();
    for case in cases {
        if running.len() == AT_ONCE {
            running.join_next().await.unwrap().unwrap();
        }
        running.spawn(run(case));
    }
    while let Some(ended) = running.join_next().await {
        ended.unwrap();
    }
}
