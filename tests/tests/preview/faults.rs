//! Let down by the network at every call of a preview: one comment, one status, and the passes go on.

use bowline_sim::{Fault, FaultRule};
use bowline_tests::hub::Hub;
use bowline_tests::until::until;
use serde_json::json;

use super::{Ada, web};

const TOLD: &str = "1 resource on live would change";

/// A pull request that waits for its preview, and a Bowline that polls all the time.
async fn site() -> (Hub, Ada, String, u64) {
    let hub = Hub::new(json!({})).await.with("BOWLINE_INTERVAL_GIT", "60s");
    let token = hub.github.create_token("ada", bowline_sim::Permissions::owner()).unwrap();
    let ada = Ada { url: hub.github.url(), token };
    let head = hub.branch("release", &[("web.json", web("registry.test/web:2"))]);
    let number = ada.open("release").await;
    hub.forget_calls();
    (hub, ada, head, number)
}

/// Every operation of the API that a preview calls.
async fn operations() -> Vec<String> {
    let (hub, ada, head, _) = site().await;
    let _process = hub.run().await;
    ada.is_told(&head, "success", TOLD).await;
    let calls = hub.github.calls().into_iter().filter(|call| call.account == "bowline");
    let mut operations: Vec<String> =
        calls.map(|call| call.operation).filter(|name| name.contains("/repos/")).collect();
    operations.sort();
    operations.dedup();
    assert_eq!(
        operations,
        [
            "GET /repos/{owner}/{repo}/commits/{ref}/statuses",
            "GET /repos/{owner}/{repo}/issues/{issue_number}/comments",
            "GET /repos/{owner}/{repo}/pulls",
            "POST /repos/{owner}/{repo}/issues/{issue_number}/comments",
            "POST /repos/{owner}/{repo}/statuses/{sha}",
        ]
    );
    operations
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_github_does_there_is_one_comment_and_passes_go_on() {
    for operation in operations().await {
        for fault in [Fault::ServerError500, Fault::Reset, Fault::LostReply, Fault::Throttle] {
            let case = format!("{fault:?} at {operation}");
            let (hub, ada, head, number) = site().await;
            hub.github.add_fault(FaultRule::new(fault).operation(&operation).times(2));
            // Comes to its first pass all the same.
            let process = hub.run().await;
            until(&case, || async { (ada.status(&head).await?.1 == TOLD).then_some(()) }).await;
            hub.github.clear_faults();
            let comments = ada.comments(number).await;
            assert_eq!(comments.len(), 1, "{case}: {comments:#?}");
            let status = hub.status(&process).await;
            assert_eq!(status["problem"], json!(null), "{case}");
            assert_eq!(status["totals"]["in-sync"], json!(2), "{case}: {}", status["totals"]);
        }
    }
}
