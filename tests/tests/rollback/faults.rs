//! Killed, or let down by the network, at every call to GitHub and to git there: one revert, one pull request, the same end.

use std::future::ready;
use std::time::Duration;

use bowline_core::rollback::machine::PullState;
use bowline_sim::{Fault, FaultRule};
use bowline_tests::until::until;
use tokio::task::JoinSet;

use super::{SetUp, Site};

/// How many cases run at once: most of a case is waiting for processes.
const AT_ONCE: usize = 4;
/// A delay that only a kill ends.
const FOR_EVER: Duration = Duration::from_mins(10);

/// Every operation that an undisturbed rollback calls.
async fn operations() -> Vec<String> {
    let site = Site::new(SetUp::auto_merge()).await;
    let process = site.run();
    site.reaches(&process, "verified").await;
    site.is_equal("undisturbed").await;
    let mut operations: Vec<String> = site
        .github
        .calls()
        .into_iter()
        .filter(|call| call.service == "github")
        .map(|call| call.operation)
        .collect();
    operations.sort();
    operations.dedup();
    // Far fewer would mean that this no longer sees what a rollback does.
    assert!(operations.len() >= 14, "{operations:#?}");
    operations
}

async fn for_each<C: Send + 'static, F>(cases: impl IntoIterator<Item = C>, run: impl Fn(C) -> F)
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

/// Whatever was in the way, this is how it ends.
async fn ends_well(site: &Site, case: &str) {
    let process = site.run();
    site.reaches(&process, "verified").await;
    site.is_equal(case).await;
    assert_eq!(site.branches().len(), 1, "{case}: {:?}", site.branches());
}

async fn disturbed(fault: Fault) {
    let operations = operations().await;
    for_each(operations, |operation| {
        let fault = fault.clone();
        async move {
            let site = Site::new(SetUp::auto_merge()).await;
            site.github.add_fault(FaultRule::new(fault.clone()).operation(&operation).times(1));
            ends_well(&site, &format!("{fault:?} at {operation}")).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_error_at_every_call_to_github() {
    disturbed(Fault::ServerError500).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_at_every_call_to_github() {
    disturbed(Fault::Reset).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_reply_at_every_call_to_github() {
    disturbed(Fault::LostReply).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn throttled_at_every_call_to_github() {
    disturbed(Fault::Throttle).await;
}

/// Kills the controller when a call was made and its answer has not arrived; the next one goes on.
async fn killed(operation: String, forgotten: bool) {
    let case = format!("killed at {operation}, store deleted: {forgotten}");
    let site = Site::new(SetUp::auto_merge()).await;
    site.github.add_fault(FaultRule::new(Fault::LateReply(FOR_EVER)).operation(&operation).times(1));
    let mut process = site.run();
    let called = || site.github.calls().iter().any(|call| call.operation == operation);
    until(&case, || ready(called().then_some(()))).await;
    process.kill();
    site.github.clear_faults();
    if !forgotten {
        return ends_well(&site, &case).await;
    }
    site.bowline.forget();
    // Once it is merged, a new store knows of no rollback, and needs none.
    let _process = site.run();
    until(&case, || async {
        let is_merged = site.pulls().await.first().is_some_and(|pull| pull.state == PullState::Merged);
        is_merged.then_some(())
    })
    .await;
    until(&case, || async { (site.bowline.plan().await.code == 0).then_some(()) }).await;
    site.is_equal(&case).await;
    assert_eq!(site.branches().len(), 1, "{case}: {:?}", site.branches());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_killed_at_every_call_to_github() {
    for_each(operations().await, |operation| killed(operation, false)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_killed_at_every_call_to_github_with_the_store_deleted() {
    // What comes after the merge needs no rollback any more: there is nothing to be found in a new store.
    let operations: Vec<String> =
        operations().await.into_iter().filter(|one| !one.contains("/merge")).collect();
    for_each(operations, |operation| killed(operation, true)).await;
}
