//! Services that git wants and that do not exist: created once, whatever happens meanwhile.

use std::future::ready;
use std::time::Duration;

use bowline_sim::{Fault, FaultRule, Simulator, SimulatorConfig};
use bowline_tests::bowline::{Bowline, TIME_SCALE};
use bowline_tests::git::{GitHttp, Remote};
use bowline_tests::process::Process;
use bowline_tests::until::until;
use bowline_tests::world::{CLUSTER, World, secret, service, target, task_definition, version};
use serde_json::{Value, json};

/// An empty cluster, and a git that wants a service in it.
struct Site {
    simulator: Simulator,
    world: World,
    bowline: Bowline,
    remote: Remote,
    _server: GitHttp,
}

impl Site {
    /// In this mode, with this image.
    async fn new(mode: &str, image: &str) -> Self {
        let config = SimulatorConfig { time_scale: TIME_SCALE, ..SimulatorConfig::default() };
        let simulator = Simulator::start(config).await.unwrap();
        let world = World::new(&simulator.url()).await;
        world.secret("app/db", 2).await;
        let remote = Remote::new();
        let server = remote.serve(None);
        let bowline = Bowline::new(&simulator.url(), &server.url()).with("BOWLINE_LISTEN", "127.0.0.1:0");
        let this = Self { simulator, world, bowline, remote, _server: server };
        this.want(mode, image, &json!({"launchType": "FARGATE", "tags": [{"key": "team", "value": "shop"}]}));
        this
    }

    /// Wants the service with this image, and this as its `create`.
    fn want(&self, mode: &str, image: &str, create: &Value) {
        self.want_as(mode, image, spec(create));
    }

    /// Wants the service with this image and spec.
    fn want_as(&self, mode: &str, image: &str, spec: Value) {
        self.remote.commit(
            "What should be",
            &[
                ("target.yaml", &target(mode)),
                ("web.yaml", &service("web", spec)),
                ("web.json", &task_definition("web", image)),
                ("db.yaml", &secret("db", "app/db", &version(2))),
            ],
        );
        self.simulator.clear_calls();
    }

    /// The calls since the last look that change something.
    fn writes(&self) -> Vec<String> {
        let is_read =
            |name: &str| ["Describe", "List", "Get", "Head"].iter().any(|verb| name.starts_with(verb));
        let calls = self.simulator.calls().into_iter().map(|call| call.operation);
        let writes = calls.filter(|name| !is_read(name)).collect();
        self.simulator.clear_calls();
        writes
    }

    /// The service is there once, as git wants it, and nothing is left to do.
    async fn is_there(&self, case: &str) {
        let listed = self.world.clients.ecs.list_services().cluster(CLUSTER).send().await.unwrap();
        assert_eq!(listed.service_arns().len(), 1, "{case}");
        let web = self.world.described("web").await;
        assert_eq!((web.desired_count, web.running_count), (2, 2), "{case}");
        assert_eq!(self.world.deployments("web").await, 1, "{case}");
        let plan = self.bowline.plan().await;
        assert_eq!(plan.code, 0, "{case}: {plan}");
    }
}

/// The spec of the service with this as its `create`.
fn spec(create: &Value) -> Value {
    let network = json!({"awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": ["sg-1"]}});
    let breaker = json!({"deploymentCircuitBreaker": {"enable": true, "rollback": true}});
    json!({
        "taskDefinition": {"file": "web.json"}, "desiredCount": 2, "secrets": ["db"], "restart": "t1",
        "settings": {"networkConfiguration": network, "deploymentConfiguration": breaker}, "create": create,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_service_is_created_with_all_that_it_needs() {
    let site = Site::new("enforce", "registry.test/web:1").await;
    let plan = site.bowline.plan().await.with_code(1).json();
    assert_eq!(plan["actions"][0]["operation"]["operation"], "promoteSecret");
    assert_eq!(site.writes(), Vec::<String>::new());
    site.bowline.apply().await.with_code(0);
    assert_eq!(site.writes(), ["UpdateSecretVersionStage", "RegisterTaskDefinition", "CreateService"]);
    site.is_there("created").await;
    let ask = site.world.clients.ecs.describe_services().cluster(CLUSTER).services("web");
    let answer = ask.include(aws_sdk_ecs::types::ServiceField::Tags).send().await.unwrap();
    let mut keys: Vec<&str> = answer.services()[0].tags().iter().filter_map(|tag| tag.key()).collect();
    keys.sort_unstable();
    let bowline = ["commit", "managed-by", "owner", "resource", "restart", "secrets"];
    let mut expected: Vec<String> = bowline.iter().map(|key| format!("bowline:{key}")).collect();
    expected.push("team".to_owned());
    assert_eq!(keys, expected);
    // With the store lost nothing is restarted, created or tagged.
    site.bowline.forget();
    site.simulator.clear_calls();
    site.bowline.apply().await.with_code(0);
    assert_eq!(site.writes(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn below_enforce_and_without_the_capability_nothing_is_created() {
    let site = Site::new("observe", "registry.test/web:1").await;
    site.bowline.apply().await.with_code(1);
    assert_eq!(site.writes(), Vec::<String>::new());
    let without = target("enforce").replace(r#""ecs:create","#, "");
    site.remote.commit("Withhold it", &[("target.yaml", &without)]);
    let ended = site.bowline.apply().await.with_code(1).json();
    assert_eq!(site.writes(), ["UpdateSecretVersionStage", "RegisterTaskDefinition"]);
    let resources = ended["resources"].as_array().unwrap();
    let web = resources.iter().find(|one| one["resource"]["name"] == "web").unwrap();
    assert_eq!(
        web["held"],
        json!([{"why": "notPermitted", "target": "prod", "capability": "ecs:create", "by_ceiling": false}])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_that_fails_is_not_repeated_and_a_fix_goes_ahead() {
    let site = Site::new("enforce", "registry.test/crash:1").await;
    let ended = site.bowline.apply().await.with_code(1).json();
    assert_eq!(ended["totals"]["awaiting-git"], 1, "{ended}");
    assert_eq!(site.writes().iter().filter(|name| *name == "CreateService").count(), 1);
    for store in ["kept", "lost"] {
        if store == "lost" {
            site.bowline.forget();
        }
        site.bowline.apply().await.with_code(1);
        assert_eq!(site.writes(), Vec::<String>::new(), "{store}");
    }
    site.want("enforce", "registry.test/web:2", &json!({"launchType": "FARGATE"}));
    site.bowline.apply().await.with_code(0);
    assert_eq!(site.world.described("web").await.running_count, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_service_is_created_again() {
    let site = Site::new("enforce", "registry.test/web:1").await;
    site.bowline.apply().await.with_code(0);
    let delete = site.world.clients.ecs.delete_service().cluster(CLUSTER).service("web").force(true);
    delete.send().await.unwrap();
    site.simulator.clear_calls();
    // Whether it still drains or is gone: it ends as git wants it.
    site.bowline.apply().await.with_code(0);
    assert_eq!(site.writes(), ["CreateService"]);
    assert_eq!(site.world.described("web").await.running_count, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_aws_refuses_is_told_in_its_words() {
    let site = Site::new("enforce", "registry.test/web:1").await;
    let balancer = json!([{"targetGroupArn": "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/a/1",
        "containerName": "app", "containerPort": 8080}]);
    let mut spec = spec(&json!({"launchType": "FARGATE", "loadBalancers": balancer}));
    // Else the file is held against the load balancer before.
    spec["ignore"] = json!(["containerDefinitions[name=app]"]);
    site.want_as("enforce", "registry.test/web:1", spec);
    let ended = site.bowline.apply().await.with_code(2).json();
    let resources = ended["resources"].as_array().unwrap();
    let web = resources.iter().find(|one| one["resource"]["name"] == "web").unwrap();
    let held = &web["held"][0];
    assert_eq!(
        (&held["why"], &held["operation"]),
        (&json!("actionFailed"), &json!("create the service web with web:1 and 2 tasks"))
    );
    let message = held["message"].as_str().unwrap();
    assert!(message.contains("The container app does not exist in the task definition."), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_around_the_creation_there_is_one_service() {
    let for_ever = Duration::from_mins(10);
    for fault in [Fault::Delay(for_ever), Fault::LateReply(for_ever)] {
        for forgotten in [false, true] {
            let case = format!("{fault:?}, forgotten {forgotten}");
            let site = Site::new("enforce", "registry.test/web:1").await;
            site.simulator.add_fault(FaultRule::new(fault.clone()).operation("CreateService"));
            let mut process = site.bowline.start("apply --yes -o json");
            let reached = |process: &mut Process| {
                let held = site.simulator.calls().iter().any(|call| call.operation == "CreateService");
                // A call that is delayed before it is applied is not in the log yet: the one before it is.
                let last =
                    site.simulator.calls().last().is_some_and(|call| call.operation == "DescribeServices");
                let registered =
                    site.simulator.calls().iter().any(|call| call.operation == "RegisterTaskDefinition");
                held || (registered && last) || process.ended().is_some()
            };
            until(&case, || ready(reached(&mut process).then_some(()))).await;
            process.kill();
            site.simulator.clear_faults();
            if forgotten {
                site.bowline.forget();
            }
            let ended = site.bowline.apply().await;
            assert_eq!(ended.code, 0, "{case}: {ended}");
            site.is_there(&case).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_whose_answer_is_lost_is_made_once() {
    for fault in [Fault::LostReply, Fault::TruncateBody, Fault::ServerError500, Fault::Reset] {
        let case = format!("{fault:?}");
        let site = Site::new("enforce", "registry.test/web:1").await;
        site.simulator.add_fault(FaultRule::new(fault).operation("CreateService").times(1));
        let ended = site.bowline.apply().await;
        assert_eq!(ended.code, 0, "{case}: {ended}");
        site.is_there(&case).await;
    }
}
