//! The verbs that are commits, with a controller that acts from them: on the wire from the command line to live.

use bowline_sim::{Simulator, SimulatorConfig};
use bowline_tests::bowline::{Bowline, TIME_SCALE};
use bowline_tests::git::{GitHttp, Remote};
use bowline_tests::process::Process;
use bowline_tests::servers::free_port;
use bowline_tests::until::until;
use bowline_tests::world::{World, service, target, task_definition};
use serde_json::{Value, json};

/// Git and live agree on web, and a controller keeps it so.
struct Running {
    _simulator: Simulator,
    world: World,
    remote: Remote,
    _server: GitHttp,
    bowline: Bowline,
    _controller: Process,
}

impl Running {
    async fn new() -> Self {
        let config = SimulatorConfig { time_scale: TIME_SCALE, ..SimulatorConfig::default() };
        let simulator = Simulator::start(config).await.unwrap();
        let world = World::with_services(&simulator.url(), &["web", "one", "two"]).await;
        let remote = Remote::new();
        let pinned = |name: &str| service(name, json!({"taskDefinition": {"revision": "web:1"}}));
        remote.commit(
            "Describe production",
            &[
                ("target.yaml", &target("enforce")),
                (
                    "web.yaml",
                    &service("web", json!({"taskDefinition": {"file": "web.json"}, "desiredCount": 1})),
                ),
                ("web.json", &task_definition("web", "registry.test/web:1")),
                ("one.yaml", &pinned("one")),
                ("two.yaml", &pinned("two")),
            ],
        );
        let server = remote.serve_for_pushes();
        let bowline = Bowline::new(&simulator.url(), &server.url())
            .with("BOWLINE_LISTEN", &format!("127.0.0.1:{}", free_port()))
            .with("GIT_AUTHOR_NAME", "Ada");
        let controller = bowline.start("run");
        let running =
            Self { _simulator: simulator, world, remote, _server: server, bowline, _controller: controller };
        running.status("everything in sync", is_in_sync).await;
        until("the claim", || async { (running.tag("bowline:owner").await.is_some()).then_some(()) }).await;
        running
    }

    /// The status, once it is of the newest commit and `is` so.
    async fn status(&self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let (is, head) = (&is, self.remote.head());
        let head = &head;
        until(what.to_owned(), move || async move {
            let status: Value =
                serde_json::from_str(&self.bowline.run("status -o json").await.stdout).ok()?;
            (status["git"]["commit"]["id"] == **head && !status["pass"].is_null() && is(&status))
                .then_some(status)
        })
        .await
    }

    /// A tag of web.
    async fn tag(&self, key: &str) -> Option<String> {
        let arn = self.world.described("web").await.service_arn?;
        let ask = self.world.clients.ecs.list_tags_for_resource().resource_arn(arn);
        let tags = ask.send().await.unwrap().tags.unwrap_or_default();
        tags.into_iter().find(|tag| tag.key() == Some(key)).and_then(|tag| tag.value)
    }

    /// The image that web is to run by ECS's word.
    async fn image(&self) -> String {
        let web = self.world.described("web").await;
        self.world.image(web.task_definition().unwrap()).await
    }
}

fn report<'a>(status: &'a Value, name: &str) -> &'a Value {
    let mut all = status["resources"].as_array().unwrap().iter();
    all.find(|report| report["resource"]["name"] == name).unwrap_or(&Value::Null)
}

fn is_in_sync(status: &Value) -> bool {
    let totals = status["totals"].as_object();
    status["git"]["standing"] == "fresh" && totals.is_some_and(|all| all.keys().eq(["in-sync"]))
}

#[tokio::test(flavor = "multi_thread")]
async fn restart_scale_and_release_are_pushed_and_done_once() {
    let running = Running::new().await;
    let (world, bowline) = (&running.world, &running.bowline);
    let before = world.deployments("web").await;
    bowline.run("restart web --push").await.with_code(0);
    until("the restart", || async { (world.deployments("web").await == before + 1).then_some(()) }).await;
    running.status("the end of the restart", is_in_sync).await;

    bowline.run("scale web 3 --push").await.with_code(0);
    until("three tasks", || async { (world.described("web").await.desired_count == 3).then_some(()) }).await;
    running.status("the end of the scaling", is_in_sync).await;
    assert_eq!(
        world.deployments("web").await,
        before + 1,
        "it was restarted once, and scaling restarts nothing"
    );

    bowline.run("release web --image web=registry.test/web:2 --push").await.with_code(0);
    until("the image", || async { (running.image().await == "registry.test/web:2").then_some(()) }).await;
    running.status("the end of the release", is_in_sync).await;
    assert_eq!(world.deployments("web").await, before + 2);
    bowline.plan().await.with_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_release_is_rolled_back_in_git_and_both_sides_are_equal_again() {
    let running = Running::new().await;
    let (world, bowline, remote) = (&running.world, &running.bowline, &running.remote);
    let good = remote.file("web.json");
    bowline.run("release web --image web=registry.test/crash:1 --push").await.with_code(0);
    let bad =
        running.status("the quarantine", |status| report(status, "web")["sync"] == "awaiting-git").await;
    let held = &report(&bad, "web")["held"][0];
    assert_eq!(held["why"], "quarantined", "{bad:#}");

    // To try it once more would be one commit, too.
    let retry = bowline.run("retry web --dry-run -o json").await.with_code(0).json();
    let trailer = format!("Bowline-Retry: {}\n", held["specHash"].as_str().unwrap());
    assert!(retry["commit"]["message"].as_str().unwrap().contains(&trailer), "{retry:#}");
    assert_eq!(bowline.run("retry one --push -o json").await.with_code(1).json()["result"], "refused");

    bowline.run("rollback web --push").await.with_code(0);
    assert_eq!(remote.file("web.json"), good);
    assert!(remote.message().contains("the last one with which it was good"), "{}", remote.message());
    running.status("git and live equal", is_in_sync).await;
    assert_eq!(running.image().await, "registry.test/web:1");
    bowline.plan().await.with_code(0);
    world.settled("web").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_accepted_by_a_verb_and_nothing_else_is() {
    let running = Running::new().await;
    let (bowline, remote) = (&running.bowline, &running.remote);
    let nothing = bowline.run("accept --push -o json").await.with_code(1).json();
    assert_eq!(nothing["reason"], "nothing to do: git is not refused, so there is nothing to accept");
    let checkout = remote.checkout().await;
    checkout.run("git rm --quiet web.yaml web.json one.yaml two.yaml").await;
    checkout.run("git commit --quiet -m 'Nothing' && git push --quiet origin main").await;
    let refused = running.status("the refusal", |status| status["git"]["standing"] == "shrunk").await;
    let head = refused["git"]["commit"]["id"].as_str().unwrap().to_owned();

    bowline.run("accept --push").await.with_code(0);
    assert_eq!(
        remote.message(),
        format!(
            "Accept {head:.8}\n\n3 of the 3 resources on prod are gone. Commit {head:.8} counts as applied from here on.\n\n\
             Asked for by Ada with `bowline accept`.\n\nBowline-Accept: {head}\n"
        )
    );
    running.status("the acceptance", |status| status["git"]["standing"] == "fresh").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_service_is_left_alone_and_explained_until_it_is_resumed() {
    let running = Running::new().await;
    let (world, bowline) = (&running.world, &running.bowline);
    bowline.run("suspend web --until 30d --reason migration --push").await.with_code(0);
    bowline.run("scale web 4 --push").await.with_code(0);
    let is_held = |status: &Value| {
        let web = report(status, "web");
        web["sync"] == "drifted"
            && web["held"][0]["why"] == "suspended"
            && web["held"][0]["reason"] == "migration"
    };
    running.status("the suspension", is_held).await;
    let explained = bowline.run("explain web -o json").await.with_code(1).json();
    assert_eq!(
        explained[0]["canDo"],
        json!(["to end it now: bowline resume EcsService/web"]),
        "{explained:#}"
    );
    // Another service is not held by it, and two more passes change nothing.
    bowline.run("scale one 2 --push").await.with_code(0);
    until("two tasks", || async { (world.described("one").await.desired_count == 2).then_some(()) }).await;
    running.status("the suspension again", is_held).await;
    assert_eq!(world.described("web").await.desired_count, 1);

    bowline.run("resume web --push").await.with_code(0);
    until("four tasks", || async { (world.described("web").await.desired_count == 4).then_some(()) }).await;
    running.status("everything in sync", is_in_sync).await;
    bowline.run("explain web").await.with_code(0);
}

/// The workflow that the documentation shows, as far as it matters here.
#[derive(serde::Deserialize)]
struct Workflow {
    jobs: std::collections::BTreeMap<String, Job>,
}

#[derive(serde::Deserialize)]
struct Job {
    env: std::collections::BTreeMap<String, String>,
    steps: Vec<Step>,
}

#[derive(serde::Deserialize)]
struct Step {
    #[serde(default)]
    run: String,
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ci_job_of_the_documentation_releases_an_image() {
    let text = include_str!("../../docs/examples/github-actions-release.yaml");
    let workflow: Workflow = serde_saphyr::from_str(text).unwrap();
    let job = &workflow.jobs["release"];
    let step = job.steps.iter().find(|step| step.run.contains("bowline")).unwrap();
    // What GitHub puts in for an expression.
    let image = job.env["IMAGE"].replace("${{ github.sha }}", "0123abcd");
    assert!(!image.contains("${{"), "{image}");

    let running = Running::new().await;
    let home = running.bowline.home();
    std::fs::create_dir_all(home.join("deploy")).unwrap();
    std::fs::write(home.join("deploy/bowline.yaml"), "store: ':memory:'\n").unwrap();
    running.bowline.shell(&format!("IMAGE={image}\n{}", step.run)).await.with_code(0);
    until("the image", || async { (running.image().await == image).then_some(()) }).await;
    running.status("the end of the release", is_in_sync).await;
}
