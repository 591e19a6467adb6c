//! What becomes of a rollout: health conditions, evidence, the stop of what is bad, and the release of what failed.

use std::future::ready;
use std::time::Duration;

use aws_sdk_ecs::types::{
    AwsVpcConfiguration, DeploymentConfiguration, DeploymentLifecycleHook, DeploymentLifecycleHookStage,
    DeploymentLifecycleHookTargetType, LaunchType, LoadBalancer, NetworkConfiguration,
};
use bowline_sim::{Fault, FaultRule, Simulator, SimulatorConfig};
use bowline_tests::bowline::{Bowline, TIME_SCALE};
use bowline_tests::git::{GitHttp, Remote};
use bowline_tests::patient::Patient;
use bowline_tests::process::Ended;
use bowline_tests::servers::{ACCOUNT, REGION};
use bowline_tests::until::until;
use bowline_tests::world::{CLUSTER, World, service, target};
use serde_json::{Value, json};

/// A delay that only a kill ends.
const FOR_EVER: Duration = Duration::from_mins(10);

fn target_group() -> String {
    format!("arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/web/0123456789abcdef")
}

/// `web` runs web:1 behind a load balancer, without a circuit breaker; git says so.
struct Site {
    simulator: Simulator,
    world: World,
    remote: Remote,
    bowline: Bowline,
    patient: Patient,
    _server: GitHttp,
}

impl Site {
    async fn new(hook: bool) -> Self {
        let config = SimulatorConfig { time_scale: TIME_SCALE, ..SimulatorConfig::default() };
        let simulator = Simulator::start(config).await.unwrap();
        let world = World::new(&simulator.url()).await;
        let revision = world.revision("web", "registry.test/web:1").await;
        create(&world, &revision).await;
        world.settled("web").await;
        if hook {
            pause(&world).await;
        }
        let remote = Remote::new();
        let server = remote.serve(None);
        let bowline = Bowline::new(&simulator.url(), &server.url()).with("BOWLINE_LISTEN", "127.0.0.1:0");
        allow(&bowline, "localhost, 127.0.0.1");
        let patient = Patient::healthy().await;
        Self { simulator, world, remote, bowline, patient, _server: server }
    }

    /// Commits the Target and the service on this revision, with these conditions.
    fn commit(&self, message: &str, revision: &str, health: &Value) -> String {
        let spec = json!({
            "taskDefinition": {"revision": revision}, "health": health, "rollout": {"deadline": "5m"},
        });
        let files = [("target.yaml", target("enforce")), ("web.yaml", service("web", spec))];
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
        self.remote.commit(message, &files)
    }

    fn health(&self) -> Value {
        json!([
            {"http": {"url": self.patient.url("/healthz"), "contains": "ready"}},
            {"tcp": {"host": "127.0.0.1", "port": self.patient.port()}, "successes": 1},
            {"mcp": {"url": self.patient.url("/mcp"), "tools": ["search"]}, "successes": 1},
            {"mcp": {"url": self.patient.url("/mcp-events"), "tools": ["fetch", "search"]}, "successes": 1},
            {"targetGroup": {}, "successes": 1},
        ])
    }

    fn calls(&self, operation: &str) -> usize {
        self.simulator.calls().iter().filter(|call| call.operation == operation).count()
    }

    async fn runs(&self) -> String {
        let web = self.world.described("web").await;
        web.task_definition().unwrap().rsplit('/').next().unwrap().to_owned()
    }
}

async fn create(world: &World, revision: &str) {
    let network = AwsVpcConfiguration::builder().subnets("subnet-1").build().unwrap();
    let balancer = LoadBalancer::builder().target_group_arn(target_group());
    let balancer = balancer.container_name("web").container_port(8080).build();
    let create = world.clients.ecs.create_service().cluster(CLUSTER).service_name("web");
    let create = create.task_definition(revision).desired_count(2).launch_type(LaunchType::Fargate);
    let network = NetworkConfiguration::builder().awsvpc_configuration(network).build();
    create.network_configuration(network).load_balancers(balancer).send().await.unwrap();
}

/// From now on each deployment waits for a person before it completes.
async fn pause(world: &World) {
    let hook = DeploymentLifecycleHook::builder()
        .target_type(DeploymentLifecycleHookTargetType::Pause)
        .lifecycle_stages(DeploymentLifecycleHookStage::PostScaleUp)
        .build();
    let configuration = DeploymentConfiguration::builder().lifecycle_hooks(hook).build();
    let update = world.clients.ecs.update_service().cluster(CLUSTER).service("web");
    update.deployment_configuration(configuration).send().await.unwrap();
}

fn allow(bowline: &Bowline, hosts: &str) {
    let text = format!("ceiling:\n  mode: enforce\n  probeHosts: [{hosts}]\n");
    std::fs::write(bowline.home().join("bowline.yaml"), text).unwrap();
}

fn web(ended: &Ended) -> Value {
    reported(ended, "web")
}

fn reported(ended: &Ended, service: &str) -> Value {
    let document = ended.json();
    let resources = document["resources"].as_array().unwrap();
    let key = json!({"kind": "EcsService", "name": service});
    resources.iter().find(|one| one["resource"] == key).unwrap().clone()
}

/// What the newest events of an apply say, by their kinds.
fn kinds(ended: &Ended) -> Vec<String> {
    let document = ended.json();
    let events = document["events"].as_array().unwrap();
    events.iter().map(|event| event["kind"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_is_good_once_every_condition_is_true() {
    let site = Site::new(false).await;
    site.world.revision("web", "registry.test/web:2").await;
    site.commit("Roll out", "web:2", &site.health());
    let ended = site.bowline.apply().await.with_code(0);
    assert!(kinds(&ended).contains(&"rollout-good".to_owned()), "{ended}");
    assert_eq!(site.runs().await, "web:2");
    let web = web(&ended);
    assert_eq!(web["sync"], "in-sync");
    let healthy: Vec<&Value> = web["health"].as_array().unwrap().iter().map(|one| &one["healthy"]).collect();
    assert_eq!(healthy, [true; 5], "{web:#}");
    let asked = site.patient.requests();
    // Before the rollout, and after it.
    assert!(asked.iter().filter(|one| *one == "GET /healthz").count() >= 4, "{asked:?}");
    let conversation =
        ["POST /mcp initialize", "POST /mcp notifications/initialized", "POST /mcp tools/list"];
    assert!(conversation.iter().all(|one| asked.iter().any(|asked| asked == one)), "{asked:?}");
    assert!(asked.iter().any(|one| one == "DELETE /mcp"), "the session is ended: {asked:?}");
    assert_eq!(site.calls("StopServiceDeployment"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_that_makes_the_service_sick_is_bad_and_told_with_evidence() {
    // The page and one of the MCP servers.
    sickening(0, "answered 503 with 13 bytes, expected 200-299").await;
    sickening(2, "tools/list lacks search").await;
}

/// A rollout with one of the conditions, which is false in this way from then on.
async fn sickening(condition: usize, how: &str) {
    let site = Site::new(false).await;
    site.world.revision("web", "registry.test/web:2").await;
    site.commit("Roll out", "web:2", &json!([site.health()[condition]]));
    let mut process = site.bowline.start("apply --yes -o json");
    let begun = || site.calls("UpdateService") == 1 || process.ended().is_some();
    let mut begun = begun;
    until("the rollout", || ready(begun().then_some(()))).await;
    site.patient.fall_sick();
    let ended = until("the verdict", || ready(process.ended())).await;
    assert_eq!(ended.code(), Some(1), "{}", process.output());
    let plan = site.bowline.plan().await.with_code(1);
    let web = web(&plan);
    assert_eq!(web["sync"], "awaiting-git", "{web:#}");
    let failed = &web["failed"];
    let reason = failed["reason"].as_str().unwrap();
    assert!(reason.starts_with("unhealthy at its deadline: ") && reason.ends_with(how), "{reason}");
    assert_eq!(failed["evidence"]["changed"][0]["path"], "taskDefinition");
    assert!(!plan.stdout.contains("hunter2") && !process.output().contains("hunter2"), "a body leaked");
    // ECS has completed it: there is nothing to stop, and nothing is deployed again.
    site.bowline.apply().await.with_code(1);
    assert_eq!((site.calls("StopServiceDeployment"), site.calls("UpdateService")), (0, 1));
    // The text says it, too.
    let text = site.bowline.run("plan").await.stdout;
    assert!(text.contains("failed:") && text.contains("probe:"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn unhealthy_targets_are_bad() {
    let site = Site::new(false).await;
    site.world.revision("web", "registry.test/web:2").await;
    site.commit("Roll out", "web:2", &json!([{"targetGroup": {}}]));
    let mut process = site.bowline.start("apply --yes -o json");
    until("the rollout", || ready((site.calls("UpdateService") == 1).then_some(()))).await;
    site.simulator.set_target_health(&target_group(), Some("unhealthy"));
    let ended = until("the verdict", || ready(process.ended())).await;
    assert_eq!(ended.code(), Some(1), "{}", process.output());
    let reason = web(&site.bowline.plan().await)["failed"]["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("2 of 2 targets are not healthy: "), "{reason}");
    assert!(reason.contains("is unhealthy (Target.FailedHealthChecks)"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sick_before_cannot_convict_a_rollout() {
    let site = Site::new(false).await;
    site.world.revision("web", "registry.test/web:2").await;
    site.patient.fall_sick();
    site.commit("Roll out", "web:2", &json!([{"http": {"url": site.patient.url("/healthz")}}]));
    let ended = site.bowline.apply().await;
    assert!(kinds(&ended).contains(&"rollout-unproven".to_owned()), "{ended}");
    assert_eq!((site.runs().await.as_str(), site.calls("UpdateService")), ("web:2", 1));
    // Once it is well, it is good.
    site.patient.recover();
    site.bowline.apply().await.with_code(0);
    assert_eq!(site.calls("UpdateService"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_outside_of_the_ceiling_is_never_connected_to() {
    let site = Site::new(false).await;
    allow(&site.bowline, "'*.example.com'");
    site.world.revision("web", "registry.test/web:2").await;
    site.commit("Roll out", "web:2", &json!([{"http": {"url": site.patient.url("/healthz")}}]));
    let ended = site.bowline.apply().await.with_code(1);
    let held = web(&ended)["held"][0]["what"].as_str().unwrap().to_owned();
    assert!(held.contains("127.0.0.1 may not be probed: add it to `ceiling.probeHosts`"), "{held}");
    assert_eq!((site.patient.connections(), site.calls("UpdateService")), (0, 0));
}

/// Git wants an image that crashes, and nothing stops ECS from trying for ever.
async fn crashing(site: &Site) {
    site.world.revision("web", "registry.test/crash:2").await;
    site.commit("Break it", "web:2", &json!([]));
}

fn is_stopped_and_told(ended: &Ended, case: &str) {
    let web = web(ended);
    assert_eq!(web["sync"], "awaiting-git", "{case}: {web:#}");
    let notes = web["notes"].to_string();
    assert!(notes.contains("rolled back by ECS, awaiting git; live runs web:1"), "{case}: {notes}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_bad_at_its_deadline_is_stopped_at_once_and_ecs_goes_back() {
    let site = Site::new(false).await;
    crashing(&site).await;
    let ended = site.bowline.apply().await.with_code(1);
    assert_eq!((site.calls("StopServiceDeployment"), site.calls("UpdateService")), (1, 1));
    assert!(kinds(&ended).contains(&"deployment-stopped".to_owned()), "{ended}");
    site.world.settled("web").await;
    assert_eq!(site.runs().await, "web:1");
    let ended = site.bowline.apply().await.with_code(1);
    is_stopped_and_told(&ended, "stopped");
    let group = &web(&ended)["failed"]["evidence"]["tasks"][0];
    assert_eq!(group["stopCode"], "EssentialContainerExited");
    assert_eq!(group["containers"], json!([{"name": "web", "exitCode": 1}]));
    assert!(group["count"].as_u64().unwrap() >= 3, "{group}");
    assert_eq!(site.calls("UpdateService"), 1);

    // A commit releases it, once.
    let hash = web(&ended)["held"][0]["specHash"].as_str().unwrap().to_owned();
    site.remote.commit(&format!("Try again\n\nBowline-Retry: {hash}\n"), &[]);
    let ended = site.bowline.apply().await.with_code(1);
    assert!(kinds(&ended).contains(&"retry-released".to_owned()), "{ended}");
    assert_eq!((site.calls("StopServiceDeployment"), site.calls("UpdateService")), (2, 2));
    site.world.settled("web").await;
    site.bowline.apply().await.with_code(1);
    assert_eq!(site.calls("UpdateService"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_else_a_bad_commit_changed_is_not_started_until_git_goes_back() {
    let site = Site::new(false).await;
    let worker = site.world.revision("worker", "registry.test/worker:1").await;
    site.world.service("worker", &worker, 1).await;
    let at = |revision: &str| service("worker", json!({"taskDefinition": {"revision": revision}}));
    site.remote.commit("Add a worker", &[("worker.yaml", &at("worker:1"))]);
    site.commit("As it runs", "web:1", &json!([]));
    site.bowline.apply().await.with_code(0);
    site.world.revision("worker", "registry.test/worker:2").await;
    site.world.revision("web", "registry.test/crash:2").await;
    let crashes =
        service("web", json!({"taskDefinition": {"revision": "web:2"}, "rollout": {"deadline": "5m"}}));
    let bad = site.remote.commit("Break it", &[("web.yaml", &crashes), ("worker.yaml", &at("worker:2"))]);
    let ended = site.bowline.run("apply --service web --yes -o json").await.with_code(1);
    assert!(kinds(&ended).contains(&"rollout-bad".to_owned()), "{ended}");
    let updates = site.calls("UpdateService");

    let ended = site.bowline.apply().await.with_code(1);
    let held = &reported(&ended, "worker")["held"][0];
    assert_eq!(
        (&held["why"], &held["commit"], &held["resource"]),
        (&json!("commitFailed"), &json!(bad), &json!("EcsService/web")),
        "{ended}"
    );
    assert_eq!(site.calls("UpdateService"), updates);

    // What failed is mended, so the rest of that commit goes on.
    site.commit("Mend it", "web:1", &json!([]));
    site.world.settled("web").await;
    site.bowline.apply().await.with_code(0);
    let worker = site.world.described("worker").await;
    assert!(worker.task_definition().unwrap().ends_with("worker:2"), "{worker:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_capability_it_is_not_stopped_and_that_is_told() {
    let site = Site::new(false).await;
    crashing(&site).await;
    let text = target("enforce").replace("\"ecs:stop-deployment\",", "");
    site.remote.commit("Allow less", &[("target.yaml", &text)]);
    let ended = site.bowline.apply().await.with_code(1);
    assert_eq!(site.calls("StopServiceDeployment"), 0);
    let held = web(&ended)["held"].to_string();
    assert!(held.contains("\"capability\":\"ecs:stop-deployment\""), "{held}");
}

/// An apply is killed at its StopServiceDeployment; the next one ends as an undisturbed one does.
async fn killed_at_the_stop(fault: Fault) {
    let case = format!("{fault:?}");
    let site = Site::new(false).await;
    crashing(&site).await;
    site.simulator.add_fault(FaultRule::new(fault.clone()).operation("StopServiceDeployment").times(1));
    let is_held = matches!(fault, Fault::Delay(_) | Fault::LateReply(_));
    if is_held {
        let mut process = site.bowline.start("apply --yes -o json");
        let is_taken = matches!(fault, Fault::LateReply(_));
        until(&case, || ready(site.is_at_the_stop(is_taken).then_some(()))).await;
        process.kill();
        site.simulator.clear_faults();
    }
    let ended = site.bowline.apply().await;
    assert_eq!(ended.code, 1, "{case}: {ended}");
    site.world.settled("web").await;
    is_stopped_and_told(&site.bowline.apply().await, &case);
    assert_eq!((site.runs().await.as_str(), site.calls("UpdateService")), ("web:1", 1), "{case}");
}

impl Site {
    /// Whether the call that stops the deployment was taken, or what comes right before it: the deployment was looked up after
    /// the tasks that stopped were.
    fn is_at_the_stop(&self, is_taken: bool) -> bool {
        if is_taken {
            return self.calls("StopServiceDeployment") > 0;
        }
        let calls = self.simulator.calls();
        let last = |operation: &str| calls.iter().rposition(|call| call.operation == operation);
        last("DescribeTasks").is_some_and(|read| last("ListServiceDeployments") > Some(read))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_and_after_the_stop() {
    for fault in [
        Fault::Delay(FOR_EVER),
        Fault::LateReply(FOR_EVER),
        Fault::LostReply,
        Fault::Reset,
        Fault::ServerError500,
        Fault::Throttle,
    ] {
        killed_at_the_stop(fault).await;
    }
}

/// Nobody knows any more who began it, so it is not stopped; and it is not begun again either.
#[tokio::test(flavor = "multi_thread")]
async fn with_the_store_lost_what_is_bad_is_told_and_neither_stopped_nor_deployed_again() {
    let site = Site::new(false).await;
    crashing(&site).await;
    let mut process = site.bowline.start("apply --yes -o json");
    until("the rollout", || ready((site.calls("UpdateService") == 1).then_some(()))).await;
    process.kill();
    site.bowline.forget();
    for _ in 0..2 {
        let ended = site.bowline.apply().await.with_code(1);
        assert_eq!(web(&ended)["sync"], "awaiting-git", "{ended}");
    }
    assert_eq!((site.calls("StopServiceDeployment"), site.calls("UpdateService")), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_is_waited_for_beyond_the_deadline() {
    let site = Site::new(true).await;
    site.world.revision("web", "registry.test/web:2").await;
    site.commit("Roll out", "web:2", &json!([]));
    let mut process = site.bowline.start("apply --yes -o json");
    let ecs = &site.world.clients.ecs;
    let deployment = until("the pause", || async {
        let listed = ecs.list_service_deployments().cluster(CLUSTER).service("web").send().await.unwrap();
        let arn = listed.service_deployments()[0].service_deployment_arn().unwrap().to_owned();
        let found = ecs.describe_service_deployments().service_deployment_arns(&arn).send().await.unwrap();
        let hook = found.service_deployments()[0].lifecycle_hook_details().first()?.hook_id()?.to_owned();
        Some((arn, hook))
    })
    .await;
    let begun = site.simulator.now();
    let is_late = || site.simulator.now().duration_since(begun).as_mins() > 10;
    until("ten minutes, which is twice the deadline", || ready(is_late().then_some(()))).await;
    assert_eq!(process.ended(), None, "{}", process.output());
    let (arn, hook) = deployment;
    let go_on = ecs.continue_service_deployment().service_deployment_arn(arn).hook_id(hook);
    go_on.action(aws_sdk_ecs::types::DeploymentLifecycleHookAction::Continue).send().await.unwrap();
    let ended = until("the end", || ready(process.ended())).await;
    assert_eq!(ended.code(), Some(0), "{}", process.output());
    assert_eq!((site.calls("StopServiceDeployment"), site.runs().await.as_str()), (0, "web:2"));
}
