//! What is found again after something was lost: a pull request without a store, a revision that was deregistered.

use bowline_core::rollback::machine::PullState;
use bowline_sim::{Fault, FaultRule, RepositorySettings};
use bowline_tests::until::until;
use git2::Repository;
use serde_json::{Value, json};

use super::{REPOSITORY, SetUp, Site};

const MERGE: &str = "PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge";

/// The message of the newest commit.
fn newest_message(site: &Site) -> String {
    let git = Repository::open_bare(&site.path).unwrap();
    let head = git.revparse_single("main").unwrap().peel_to_commit().unwrap();
    head.message().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_request_that_is_found_again_is_squashed_with_the_message_of_its_commit() {
    let site = Site::new(SetUp::auto_merge()).await;
    let settings = RepositorySettings { allow_merge_commit: false, ..RepositorySettings::default() };
    site.github.set_settings(REPOSITORY, settings).unwrap();
    site.github.add_fault(FaultRule::new(Fault::ServerError500).operation(MERGE));
    let mut process = site.run();
    let called = || site.github.calls().iter().any(|call| call.operation == MERGE);
    until("an order to merge", || std::future::ready(called().then_some(()))).await;
    process.kill();
    site.github.clear_faults();
    site.bowline.forget();
    let _process = site.run();
    until("the merge", || async {
        let is_merged = site.pulls().await.first().is_some_and(|pull| pull.state == PullState::Merged);
        is_merged.then_some(())
    })
    .await;
    let message = newest_message(&site);
    assert!(message.starts_with("Revert \"Release web 2\"\n\nEcsService/web: "), "{message}");
    for trailer in ["Bowline-Reverts: ", "Bowline-Resource: EcsService/web", "Bowline-Incident: "] {
        assert!(message.contains(trailer), "{message}");
    }
    until("the end", || async { (site.bowline.plan().await.code == 0).then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn breaking_the_glass_registers_a_good_revision_again_that_is_inactive() {
    let site = Site::new(SetUp { strategy: "none", pinned: true, ..SetUp::default() }).await;
    let ecs = &site.world.clients.ecs;
    site.world.revision("web", "registry.test/web:3").await;
    let update = ecs.update_service().cluster("main").service("web").task_definition("web:3");
    update.send().await.unwrap();
    ecs.deregister_task_definition().task_definition("web:1").send().await.unwrap();
    let broken = site.bowline.run("rollback web --break-glass --reason down --merge -o json").await;
    let told: Value =
        serde_json::from_str(&broken.stdout).unwrap_or_else(|error| panic!("{error}: {broken}"));
    assert_eq!((&told["result"], &told["exitCode"]), (&json!("merged"), &json!(0)), "{broken}");
    let note = told["notes"][0].as_str().unwrap();
    assert!(note.starts_with("web runs web:4 again"), "{note}");
    assert!(note.ends_with("; web:1 was deregistered, and web:4 has the same in it"), "{note}");
    assert_eq!(site.image().await, "registry.test/web:1");
    assert!(site.file("web.yaml").contains("web:4"), "{}", site.file("web.yaml"));
}
