//! Whose service is it? Two instances at one simulator, each with a git of its own, and tags as anybody sees them.

use std::collections::BTreeMap;
use std::future::ready;

use bowline_sim::{Fault, FaultRule, Simulator, SimulatorConfig};
use bowline_tests::aws::Cli;
use bowline_tests::bowline::{Bowline, TIME_SCALE};
use bowline_tests::git::{GitHttp, Remote};
use bowline_tests::servers::{ACCOUNT, free_port};
use bowline_tests::until::until;
use bowline_tests::world::{World, arn, service, target};
use serde_json::{Value, json};

/// A git of its own, and the instance that acts from it.
struct Instance {
    bowline: Bowline,
    remote: Remote,
    _server: GitHttp,
}

impl Instance {
    /// Wants so many tasks of each service, in this mode.
    fn new(simulator: &Simulator, name: &str, mode: &str, services: &[(&str, u32)]) -> Self {
        let remote = Remote::new();
        let server = remote.serve(None);
        let bowline = Bowline::new(&simulator.url(), &server.url()).with("BOWLINE_INSTANCE", name);
        let this = Self { bowline, remote, _server: server };
        this.want(mode, services);
        this
    }

    fn want(&self, mode: &str, services: &[(&str, u32)]) -> String {
        let spec = |count: u32| json!({"taskDefinition": {"revision": "web:1"}, "desiredCount": count});
        let manifests: Vec<String> =
            services.iter().map(|(name, count)| format!("---\n{}", service(name, spec(*count)))).collect();
        self.remote.commit(
            "What should be",
            &[("target.yaml", &target(mode)), ("services.yaml", &manifests.concat())],
        )
    }
}

async fn simulator() -> (Simulator, World) {
    let config = SimulatorConfig { time_scale: TIME_SCALE, ..SimulatorConfig::default() };
    let simulator = Simulator::start(config).await.unwrap();
    let world = World::new(&simulator.url()).await;
    let revision = world.revision("web", "registry.test/web:1").await;
    for name in ["web", "api"] {
        world.service(name, &revision, 1).await;
    }
    (simulator, world)
}

/// Runs a command of the AWS CLI.
async fn aws(simulator: &Simulator, command: &str) -> Value {
    let home = tempfile::tempdir().unwrap();
    let url = simulator.url();
    Cli::new(&url, ACCOUNT, home.path()).run(command).await
}

/// The tags of a service, as the AWS CLI shows them.
async fn tags(simulator: &Simulator, service: &str) -> BTreeMap<String, String> {
    let arn = arn(&format!("service/main/{service}"));
    let answer = aws(simulator, &format!("ecs list-tags-for-resource --resource-arn {arn}")).await;
    let text = |tag: &Value, field: &str| tag[field].as_str().unwrap().to_owned();
    let tags = answer["tags"].as_array().unwrap().iter();
    tags.map(|tag| (text(tag, "key"), text(tag, "value"))).collect()
}

/// The report of an EcsService in a document.
fn report<'a>(document: &'a Value, name: &str) -> &'a Value {
    let resources = document["resources"].as_array().unwrap();
    let is_it = |one: &&Value| one["resource"] == json!({"kind": "EcsService", "name": name});
    resources.iter().find(is_it).unwrap()
}

fn claim(instance: &str, service: &str, commit: &str) -> BTreeMap<String, String> {
    let tags = [
        ("bowline:managed-by", "bowline"),
        ("bowline:owner", instance),
        ("bowline:resource", &format!("EcsService/{service}")),
        ("bowline:commit", commit),
    ];
    tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

/// The calls since the last look that change something.
fn writes(simulator: &Simulator) -> Vec<String> {
    let is_read = |name: &str| ["Describe", "List", "Get", "Head"].iter().any(|verb| name.starts_with(verb));
    let calls = simulator.calls().into_iter().map(|call| call.operation).filter(|name| !is_read(name));
    let calls = calls.collect();
    simulator.clear_calls();
    calls
}

#[tokio::test(flavor = "multi_thread")]
async fn services_are_claimed_once_and_a_commit_alone_writes_nothing() {
    let (simulator, world) = simulator().await;
    let one = Instance::new(&simulator, "one", "enforce", &[("web", 1), ("api", 1)]);
    simulator.clear_calls();
    // No tag is no drift.
    one.bowline.plan().await.with_code(0);
    assert_eq!(writes(&simulator), Vec::<String>::new());
    let first = one.want("enforce", &[("web", 1), ("api", 2)]);
    one.bowline.apply().await.with_code(0);
    // The change first, with its claim right before it; then the quiet one.
    assert_eq!(writes(&simulator), ["TagResource", "UpdateService", "TagResource"]);
    for name in ["web", "api"] {
        assert_eq!(tags(&simulator, name).await, claim("one", name, &first));
    }
    // Tags of others stay, and are no drift.
    let web = arn("service/main/web");
    aws(&simulator, &format!("ecs tag-resource --resource-arn {web} --tags key=team,value=payments")).await;
    let second = one.want("enforce", &[("web", 1), ("api", 1)]);
    simulator.clear_calls();
    one.bowline.apply().await.with_code(0);
    assert_eq!(writes(&simulator), ["TagResource", "UpdateService"]);
    assert_eq!(tags(&simulator, "api").await, claim("one", "api", &second));
    let mut expected = claim("one", "web", &first);
    expected.insert("team".to_owned(), "payments".to_owned());
    assert_eq!(tags(&simulator, "web").await, expected);
    // With the store lost, nothing is written either.
    one.bowline.forget();
    one.bowline.apply().await.with_code(0);
    assert_eq!(writes(&simulator), Vec::<String>::new());
    assert_eq!(world.described("web").await.running_count, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_instance_tells_differences_and_does_nothing_until_the_claim_is_taken_off() {
    let (simulator, world) = simulator().await;
    let one = Instance::new(&simulator, "one", "enforce", &[("web", 1)]);
    one.bowline.apply().await.with_code(0);
    let two = Instance::new(&simulator, "two", "enforce", &[("web", 3), ("api", 2)]);
    simulator.clear_calls();
    let ended = two.bowline.apply().await.with_code(1).json();
    assert_eq!(writes(&simulator), ["TagResource", "UpdateService"], "of api only");
    let web = report(&ended, "web");
    assert_eq!(
        web["held"],
        json!([{"why": "ownedByInstance", "owner": "one", "resource": "EcsService/web",
            "serviceArn": arn("service/main/web")}])
    );
    assert_eq!(world.described("web").await.desired_count, 1);
    // What the text says to run hands the service over.
    let text = two.bowline.run("plan").await.with_code(1).stdout;
    let command = text.split('`').find(|part| part.starts_with("aws ecs untag-resource")).unwrap();
    aws(&simulator, command.strip_prefix("aws ").unwrap()).await;
    two.bowline.apply().await.with_code(0);
    assert_eq!(world.described("web").await.desired_count, 3);
    assert_eq!(tags(&simulator, "web").await["bowline:owner"], "two");
    // Now the first one has to leave it alone.
    one.want("enforce", &[("web", 2)]);
    one.bowline.apply().await.with_code(1);
    assert_eq!(world.described("web").await.desired_count, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn below_enforce_nothing_is_tagged() {
    for mode in ["observe", "propose"] {
        let (simulator, _world) = simulator().await;
        let one = Instance::new(&simulator, "one", mode, &[("web", 1), ("api", 2)]);
        simulator.clear_calls();
        one.bowline.apply().await.with_code(1);
        assert_eq!(writes(&simulator), Vec::<String>::new(), "{mode}");
        assert_eq!(tags(&simulator, "web").await, BTreeMap::new(), "{mode}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_claim_is_told_and_holds_no_repair_up() {
    let (simulator, world) = simulator().await;
    let one = Instance::new(&simulator, "one", "enforce", &[("web", 2)]);
    simulator.add_fault(FaultRule::new(Fault::AccessDenied).operation("TagResource"));
    let ended = one.bowline.apply().await.with_code(2).json();
    assert_eq!(world.described("web").await.desired_count, 2);
    let web = report(&ended, "web");
    let held = &web["held"][0];
    assert_eq!(
        (&held["why"], &held["operation"]),
        (&json!("actionFailed"), &json!("claim the service by tags")),
        "{ended}"
    );
    simulator.clear_faults();
    one.bowline.apply().await.with_code(0);
    assert_eq!(tags(&simulator, "web").await["bowline:owner"], "one");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_leaves_git_is_told_as_left_over_and_left_alone() {
    let (simulator, world) = simulator().await;
    let one = Instance::new(&simulator, "one", "enforce", &[("web", 1), ("api", 1)]);
    one.bowline.apply().await.with_code(0);
    let two = Instance::new(&simulator, "two", "enforce", &[("web", 1)]);
    one.want("enforce", &[("web", 1)]);
    simulator.clear_calls();
    let plan = one.bowline.plan().await.with_code(0).json();
    let orphan = &plan["orphans"][0];
    assert_eq!(
        (
            &orphan["target"],
            &orphan["service"],
            &orphan["serviceArn"],
            &orphan["resource"],
            &plan["orphans"][1]
        ),
        (
            &json!("prod"),
            &json!("api"),
            &json!(arn("service/main/api")),
            &json!("EcsService/api"),
            &Value::Null
        )
    );
    let text = one.bowline.run("plan").await.with_code(0).stdout;
    assert!(text.contains("Left over: claimed by this instance"), "{text}");
    assert!(text.contains("\n  api on prod, it was EcsService/api (seen "), "{text}");
    // It is nobody else's to tell.
    assert_eq!(two.bowline.plan().await.with_code(0).json()["orphans"], Value::Null);
    // A failed listing claims nothing, and is no reason to fail.
    simulator.add_fault(FaultRule::new(Fault::AccessDenied).operation("ListServices"));
    let plan = one.bowline.plan().await.with_code(0).json();
    assert_eq!(plan["orphans"], Value::Null);
    let note = plan["resources"][0]["notes"][0].as_str().unwrap();
    assert!(
        note.starts_with("whether services were left over could not be read: ECS ListServices"),
        "{note}"
    );
    simulator.clear_faults();
    one.bowline.apply().await.with_code(0);
    assert_eq!(writes(&simulator), Vec::<String>::new());
    assert_eq!(world.described("api").await.status(), Some("ACTIVE"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_controller_looks_for_what_is_left_over_once_in_many_passes_and_tells_it_once() {
    let (simulator, _world) = simulator().await;
    let one = Instance::new(&simulator, "one", "enforce", &[("web", 1), ("api", 1)]);
    one.bowline.apply().await.with_code(0);
    one.want("enforce", &[("web", 1)]);
    simulator.clear_calls();
    let listen = format!("127.0.0.1:{}", free_port());
    // An hour is three minutes, and a pass comes every second.
    let Instance { bowline, .. } = one;
    let bowline = bowline.with("BOWLINE_LISTEN", &listen).with("BOWLINE_TIME_SCALE", "20");
    let controller = bowline.start("run");
    let count = |operation: &str| simulator.calls().iter().filter(|call| call.operation == operation).count();
    until("some passes", || ready((count("DescribeServices") >= 5).then_some(()))).await;
    assert_eq!(count("ListServices"), 1);
    assert_eq!(writes(&simulator), Vec::<String>::new());
    let status = bowline.run("status -o json").await.with_code(0).json();
    assert_eq!(status["orphans"][0]["service"], "api");
    let text = bowline.run("status").await.with_code(0).stdout;
    assert!(text.contains("\n  api on prod, it was EcsService/api (seen "), "{text}");
    let log = controller.output();
    assert_eq!(
        log.matches("the ECS service api (it was EcsService/api) is claimed by this instance").count(),
        1,
        "{log}"
    );
    let history = bowline.run("history").await.stdout;
    assert_eq!(history.matches("orphan-found").count(), 1, "{history}");
}
