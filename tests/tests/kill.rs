//! Killed, or let down by the network, at every single call of an apply: the next apply ends where git wants it.

use std::future::ready;
use std::time::Duration;

use bowline_sim::{Fault, FaultRule, Simulator, SimulatorConfig};
use bowline_tests::bowline::{Bowline, TIME_SCALE};
use bowline_tests::git::{GitHttp, Remote};
use bowline_tests::process::Process;
use bowline_tests::until::until;
use bowline_tests::world::{World, secret, service, target, task_definition, version};
use serde_json::json;
use tokio::task::JoinSet;

/// How many cases run at once: most of a case is waiting for processes.
const AT_ONCE: usize = 4;

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
        let config = SimulatorConfig { time_scale: TIME_SCALE, ..SimulatorConfig::default() };
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
        commit("As it should be", &files("registry.test/web:2", 2, 2));
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

/// Runs `case` for each number, some at once; the first failure ends all.
async fn for_each<F>(numbers: impl IntoIterator<Item = u32>, case: impl Fn(u32) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut running = JoinSet::new();
    for number in numbers {
        if running.len() == AT_ONCE {
            running.join_next().await.unwrap().unwrap();
        }
        running.spawn(case(number));
    }
    while let Some(ended) = running.join_next().await {
        ended.unwrap();
    }
}

/// Kills an apply that has made `done` calls, then lets another one finish.
async fn killed_after(done: u32, forgotten: bool) {
    let case = format!("killed after {done} calls, store {}", if forgotten { "deleted" } else { "kept" });
    let change = Change::new().await;
    change.simulator.add_fault(FaultRule::new(Fault::Delay(FOR_EVER)).skip(done));
    let mut process = change.bowline.start("apply --yes -o json");
    // One with fewer passes, since its rollout was seen to end earlier, makes fewer calls.
    let is_enough =
        |process: &mut Process| change.simulator.calls().len() >= done as usize || process.ended().is_some();
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
async fn killed_after_every_call_with_the_store_kept() {
    let calls = Change::calls().await;
    for_each(0..calls, |done| killed_after(done, false)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_every_call_with_the_store_deleted() {
    let calls = Change::calls().await;
    for_each(0..calls, |done| killed_after(done, true)).await;
}

/// Kills a controller that has made `done` calls; the next one finishes, and ends in order when it is told to.
async fn controller_killed_after(done: u32) {
    let case = format!("controller killed after {done} calls");
    let change = Change::new().await;
    change.simulator.add_fault(FaultRule::new(Fault::Delay(FOR_EVER)).skip(done));
    let mut process = change.bowline.start("run");
    until(&case, || ready((change.simulator.calls().len() >= done as usize).then_some(()))).await;
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
async fn a_controller_killed_after_every_call() {
    let calls = Change::calls().await;
    for_each(0..calls, controller_killed_after).await;
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
