//! Killed, or let down by the network, before and after every single call: the next run ends where git wants it.

use std::future::ready;
use std::time::Duration;

use bowline_sim::{Fault, FaultRule, Simulator, SimulatorConfig};
use bowline_tests::bowline::{Bowline, TIME_SCALE};
use bowline_tests::cases::for_each;
use bowline_tests::git::{GitHttp, Remote};
use bowline_tests::process::Process;
use bowline_tests::until::until;
use bowline_tests::world::{World, secret, service, target, task_definition, version};
use serde_json::json;

/// A delay that only a kill ends.
const FOR_EVER: Duration = Duration::from_mins(10);

/// Git wants another version of a secret, another image in the service that reads it, and one task more.
struct Change {
    simulator: Simulator,
    world: World,
    bowline: Bowline,
    _remote: Remote,
    _server: GitHttp,
}

impl Change {
    async fn new() -> Self {
        Self::to("registry.test/web:2", false).await
    }

    async fn to(image: &str, rollback_keeps_id: bool) -> Self {
        let config =
            SimulatorConfig { time_scale: TIME_SCALE, rollback_keeps_id, ..SimulatorConfig::default() };
        let simulator = Simulator::start(config).await.unwrap();
        let world = World::new(&simulator.url()).await;
        let revision = world.revision("web", "registry.test/web:1").await;
        world.service("web", &revision, 1).await;
        world.secret("app/db", 2).await;
        let remote = Remote::new();
        let files = |image: &str, count: u32, digit: u8| {
            let spec =
                json!({"taskDefinition": {"file": "web.json"}, "desiredCount": count, "secrets": ["db"]});
            [
                ("target.yaml", target("enforce")),
                ("web.yaml", service("web", spec)),
                ("web.json", task_definition("web", image)),
                ("db.yaml", secret("db", "app/db", &version(digit))),
            ]
        };
        let commit = |message: &str, files: &[(&str, String)]| {
            let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
            remote.commit(message, &files)
        };
        let server = remote.serve(None);
        let bowline = Bowline::new(&simulator.url(), &server.url()).with("BOWLINE_LISTEN", "127.0.0.1:0");
        commit("As it is", &files("registry.test/web:1", 1, 1));
        bowline.apply().await.with_code(0);
        commit("As it should be", &files(image, 2, 2));
        simulator.clear_calls();
        Self { simulator, world, bowline, _remote: remote, _server: server }
    }

    /// An undisturbed apply: how many calls it makes.
    async fn calls() -> u32 {
        let change = Self::new().await;
        change.bowline.apply().await.with_code(0);
        let calls = change.simulator.calls();
        let is_write =
            |name: &String| !["Describe", "List", "Get", "Head"].iter().any(|read| name.starts_with(read));
        let writes: Vec<String> = calls.iter().map(|call| call.operation.clone()).filter(is_write).collect();
        let wanted = ["UpdateSecretVersionStage", "RegisterTaskDefinition", "TagResource", "UpdateService"];
        assert_eq!(writes, wanted);
        change.is_as_git_wants("undisturbed", 0).await;
        u32::try_from(calls.len()).unwrap()
    }

    /// The new task definition is rolled out, and the secret promoted.
    async fn has_settled(&self) -> bool {
        let web = self.world.described("web").await;
        let [deployment] = web.deployments() else { return false };
        let completed = deployment.rollout_state().is_some_and(|state| state.as_str() == "COMPLETED");
        completed
            && (web.desired_count, web.running_count) == (2, 2)
            && self.world.image(web.task_definition().unwrap()).await == "registry.test/web:2"
            && self.world.current("app/db").await == Some(version(2))
    }

    /// Everything is as git wants it, at the cost of at most `extra` more revisions and deployments than needed.
    async fn is_as_git_wants(&self, case: &str, extra: usize) {
        let web = self.world.described("web").await;
        let image = self.world.image(web.task_definition().unwrap()).await;
        assert_eq!((&*image, web.desired_count), ("registry.test/web:2", 2), "{case}");
        assert_eq!(self.world.current("app/db").await, Some(version(2)), "{case}");
        let revisions = self.world.revisions("web").await;
        let deployments = self.world.deployments("web").await;
        assert!(revisions <= 2 + extra, "{case}: {revisions} revisions");
        assert!(deployments <= 2 + extra, "{case}: {deployments} deployments");
        let plan = self.bowline.plan().await;
        assert_eq!(plan.code, 0, "{case}: {plan}");
    }
}

/// When a process is killed, seen from one of its calls.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// Before AWS takes the call.
    Before,
    /// When AWS has taken it, and before its answer arrives.
    Unanswered,
}

impl Moment {
    /// The fault that holds the process at the call after the first `done`, and how many calls AWS has taken then.
    fn of_call(self, done: u32) -> (FaultRule, usize) {
        let (fault, taken) = match self {
            Self::Before => (Fault::Delay(FOR_EVER), done),
            Self::Unanswered => (Fault::LateReply(FOR_EVER), done + 1),
        };
        (FaultRule::new(fault).skip(done), taken as usize)
    }
}

/// Kills an apply at the call after the first `done`, then lets another one finish.
async fn killed_at(done: u32, moment: Moment, forgotten: bool) {
    let store = if forgotten { "deleted" } else { "kept" };
    let case = format!("killed at call {done}, {moment:?}, store {store}");
    let change = Change::new().await;
    let (fault, taken) = moment.of_call(done);
    change.simulator.add_fault(fault);
    let mut process = change.bowline.start("apply --yes -o json");
    // One with fewer passes, since its rollout was seen to end earlier, makes fewer calls.
    let is_enough =
        |process: &mut Process| change.simulator.calls().len() >= taken || process.ended().is_some();
    until(&case, || ready(is_enough(&mut process).then_some(()))).await;
    process.kill();
    change.simulator.clear_faults();
    if forgotten {
        change.bowline.forget();
    }
    let ended = change.bowline.apply().await;
    assert_eq!(ended.code, 0, "{case}: {ended}");
    change.is_as_git_wants(&case, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_every_call_with_the_store_kept() {
    let calls = Change::calls().await;
    for_each(0..calls, |done| killed_at(done, Moment::Before, false)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_every_call_with_the_store_deleted() {
    let calls = Change::calls().await;
    for_each(0..calls, |done| killed_at(done, Moment::Before, true)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_every_answer_with_the_store_kept() {
    let calls = Change::calls().await;
    for_each(0..calls, |done| killed_at(done, Moment::Unanswered, false)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_every_answer_with_the_store_deleted() {
    let calls = Change::calls().await;
    for_each(0..calls, |done| killed_at(done, Moment::Unanswered, true)).await;
}

/// An apply is killed while it waits for the answer to the deployment of an image that crashes; while nobody looks, ECS
/// rolls it back.
async fn rolled_back_while_down(forgotten: bool, keeps_id: bool) {
    let case = format!("forgotten: {forgotten}, ECS keeps the deployment's id: {keeps_id}");
    let change = Change::to("registry.test/crash:2", keeps_id).await;
    change.simulator.add_fault(FaultRule::new(Fault::LateReply(FOR_EVER)).operation("UpdateService"));
    let mut process = change.bowline.start("apply --yes -o json");
    let has_deployed = || change.simulator.calls().iter().any(|call| call.operation == "UpdateService");
    until(&case, || ready(has_deployed().then_some(()))).await;
    process.kill();
    change.simulator.clear_faults();
    change.world.settled("web").await;
    let web = change.world.described("web").await;
    assert_eq!(change.world.image(web.task_definition().unwrap()).await, "registry.test/web:1", "{case}");
    let deployments = change.world.deployments("web").await;

    if forgotten {
        change.bowline.forget();
    }
    let document = change.bowline.apply().await.with_code(1).json();
    let resources = document["resources"].as_array().unwrap();
    let web = resources.iter().find(|one| one["resource"] == json!({"kind": "EcsService", "name": "web"}));
    assert_eq!(web.unwrap()["sync"], "awaiting-git", "{case}: {document:#}");
    assert_eq!(change.world.deployments("web").await, deployments, "{case}: it was deployed again");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ecs_rolled_back_while_bowline_was_down_is_not_deployed_again() {
    for (forgotten, keeps_id) in [(false, false), (false, true), (true, false), (true, true)] {
        rolled_back_while_down(forgotten, keeps_id).await;
    }
}

/// Kills a controller at the call after the first `done`; the next one finishes, and ends in order when it is told to.
async fn controller_killed_at(done: u32, moment: Moment) {
    let case = format!("controller killed at call {done}, {moment:?}");
    let change = Change::new().await;
    let (fault, taken) = moment.of_call(done);
    change.simulator.add_fault(fault);
    let mut process = change.bowline.start("run");
    until(&case, || ready((change.simulator.calls().len() >= taken).then_some(()))).await;
    assert_eq!(process.ended(), None, "{case}");
    process.kill();
    change.simulator.clear_faults();
    // Before its first call it may not have begun to listen for signals.
    change.simulator.clear_calls();
    let mut process = change.bowline.start("run");
    let has_begun = || change.simulator.calls().iter().any(|call| call.service == "sts");
    until(&case, || async { (has_begun() && change.has_settled().await).then_some(()) }).await;
    process.terminate();
    let ended = until("the end of a terminated controller", || ready(process.ended())).await;
    assert_eq!(ended.code(), Some(0), "{case}: {}", process.output());
    change.is_as_git_wants(&case, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_killed_before_every_call() {
    let calls = Change::calls().await;
    for_each(0..calls, |done| controller_killed_at(done, Moment::Before)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_killed_before_every_answer() {
    let calls = Change::calls().await;
    for_each(0..calls, |done| controller_killed_at(done, Moment::Unanswered)).await;
}

/// One call of an apply goes wrong. Whatever this apply makes of it, the next one ends where git wants it.
async fn disturbed(fault: Fault) {
    let calls = Change::calls().await;
    for_each(0..calls, |number| {
        let fault = fault.clone();
        async move {
            let case = format!("{fault:?} at call {number}");
            let change = Change::new().await;
            change.simulator.add_fault(FaultRule::new(fault).skip(number).times(1));
            change.bowline.apply().await;
            change.simulator.clear_faults();
            let ended = change.bowline.apply().await;
            assert_eq!(ended.code, 0, "{case}: {ended}");
            change.is_as_git_wants(&case, 1).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn throttled_at_every_call() {
    disturbed(Fault::Throttle).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_error_at_every_call() {
    disturbed(Fault::ServerError500).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_at_every_call() {
    disturbed(Fault::Reset).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_reply_at_every_call() {
    disturbed(Fault::LostReply).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_body_at_every_call() {
    disturbed(Fault::HalfBody).await;
}
