//! What git lost, and a branch that was rewritten: held, and accepted by running the command that is printed.

use std::collections::BTreeSet;

use bowline_sim::{Simulator, SimulatorConfig};
use bowline_tests::bowline::{Bowline, TIME_SCALE};
use bowline_tests::git::{GitHttp, Remote};
use bowline_tests::servers::free_port;
use bowline_tests::until::until;
use bowline_tests::world::{World, secret, service, target, version};
use serde_json::{Value, json};

/// A service, two more, and a secret: git and live agree.
struct Agreed {
    simulator: Simulator,
    world: World,
    remote: Remote,
    server: GitHttp,
}

impl Agreed {
    async fn new() -> Self {
        let config = SimulatorConfig { time_scale: TIME_SCALE, ..SimulatorConfig::default() };
        let simulator = Simulator::start(config).await.unwrap();
        let world = World::with_services(&simulator.url(), &["web", "one", "two"]).await;
        world.secret("app/db", 1).await;
        let remote = Remote::new();
        remote.commit(
            "Describe production",
            &[
                ("target.yaml", &target("enforce")),
                ("web.yaml", &wanting("web", 1)),
                ("one.yaml", &wanting("one", 1)),
                ("two.yaml", &wanting("two", 1)),
                ("db.yaml", &secret("db", "app/db", &version(1))),
            ],
        );
        let server = remote.serve(None);
        Self { simulator, world, remote, server }
    }

    fn bowline(&self) -> Bowline {
        Bowline::new(&self.simulator.url(), &self.server.url())
    }

    async fn tasks(&self) -> i32 {
        self.world.described("web").await.desired_count
    }
}

fn wanting(name: &str, count: u32) -> String {
    service(name, json!({"taskDefinition": {"revision": "web:1"}, "desiredCount": count}))
}

/// The command that `git.reason` tells to run.
fn command(document: &Value) -> String {
    let reason = document["git"]["reason"].as_str().unwrap_or_else(|| panic!("no reason in {document:#}"));
    let begin = reason.find("`git commit").unwrap_or_else(|| panic!("no command in {reason}"));
    reason[begin + 1..].split('`').next().unwrap().to_owned()
}

/// Why each resource is held, by `why`.
fn held(document: &Value) -> BTreeSet<&str> {
    let resources = document["resources"].as_array().unwrap().iter();
    resources
        .flat_map(|report| report["held"].as_array().unwrap())
        .filter_map(|held| held["why"].as_str())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shrink_is_refused_until_the_printed_command_accepts_it() {
    let agreed = Agreed::new().await;
    let bowline = agreed.bowline();
    bowline.apply().await.with_code(0);
    let checkout = agreed.remote.checkout().await;
    checkout.run("git rm --quiet one.yaml two.yaml db.yaml").await;
    checkout.run("sed -i 's/\"desiredCount\": 1/\"desiredCount\": 3/' web.yaml").await;
    checkout.run("git commit --quiet -a -m 'Keep web only' && git push --quiet origin main").await;
    for verb in ["plan -o json", "apply --yes -o json"] {
        let document = bowline.run(verb).await.with_code(1).json();
        assert_eq!(document["git"]["standing"], "shrunk", "{document:#}");
        assert_eq!(held(&document), ["shrunk"].into(), "{document:#}");
        assert_eq!(agreed.tasks().await, 1);
    }

    let told = bowline.plan().await.json();
    // Through a pull request, as most will.
    checkout.run("git switch --quiet -c accept").await;
    checkout.run(&command(&told)).await;
    checkout.run("git switch --quiet main && git merge --quiet --no-ff -m 'Merge accept' accept").await;
    checkout.run("git push --quiet origin main").await;
    let plan = bowline.plan().await.with_code(1).json();
    assert_eq!((&plan["git"]["standing"], held(&plan)), (&json!("fresh"), BTreeSet::new()), "{plan:#}");
    let applied = bowline.apply().await.with_code(0).json();
    assert_eq!(applied["git"]["standing"], "fresh", "{applied:#}");
    assert_eq!(agreed.tasks().await, 3);
    // It accepted that, and nothing that comes after.
    checkout
        .run("git rm --quiet web.yaml && git commit --quiet -m 'Nothing' && git push --quiet origin main")
        .await;
    assert_eq!(bowline.apply().await.json()["git"]["standing"], "shrunk");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rewritten_branch_is_held_until_the_printed_command_accepts_it() {
    let agreed = Agreed::new().await;
    let bowline = agreed.bowline().with("BOWLINE_LISTEN", &format!("127.0.0.1:{}", free_port()));
    let checkout = agreed.remote.checkout().await;
    let count =
        |from: u32, to: u32| format!("sed -i 's/\"desiredCount\": {from}/\"desiredCount\": {to}/' web.yaml");
    checkout.run(&count(1, 2)).await;
    checkout.run("git commit --quiet -a -m 'Two tasks' && git push --quiet origin main").await;
    let mut controller = bowline.start("run");
    until("two tasks", || async { (agreed.tasks().await == 2).then_some(()) }).await;
    let status = |standing: &'static str, sync: &'static str| {
        let bowline = &bowline;
        until(format!("the standing {standing} with something {sync}"), move || async move {
            let status: Value = serde_json::from_str(&bowline.run("status -o json").await.stdout).ok()?;
            let there = status["git"]["standing"] == standing && !status["totals"][sync].is_null();
            there.then_some(status)
        })
    };
    status("fresh", "in-sync").await;

    checkout.run(&count(2, 3)).await;
    checkout
        .run("git commit --quiet -a --amend -m 'Three tasks' && git push --quiet --force origin main")
        .await;
    let rewritten = status("force-pushed", "drifted").await;
    assert_eq!(held(&rewritten), ["forcePush"].into(), "{rewritten:#}");
    controller.kill();
    controller = bowline.start("run");
    let rewritten = status("force-pushed", "drifted").await;
    assert_eq!(agreed.tasks().await, 2);

    checkout.run(&command(&rewritten)).await;
    checkout.run("git push --quiet origin main").await;
    until("three tasks", || async { (agreed.tasks().await == 3).then_some(()) }).await;
    status("fresh", "in-sync").await;
    drop(controller);
    let plan = bowline.plan().await.with_code(0).json();
    assert_eq!((&plan["git"]["standing"], &plan["findings"]), (&json!("fresh"), &json!([])), "{plan:#}");
}
