//! The policies below `deploy/iam` list exactly what the binary calls.

use std::collections::BTreeSet;
use std::fs;

use aws_sdk_ecs::types::{
    AwsVpcConfiguration, DeploymentConfiguration, DeploymentLifecycleHook, DeploymentLifecycleHookAction,
    DeploymentLifecycleHookStage, DeploymentLifecycleHookTargetType,
    DeploymentLifecycleHookTimeoutConfiguration, LaunchType, LoadBalancer, NetworkConfiguration,
};
use bowline_sim::{Simulator, SimulatorConfig};
use bowline_tests::aws::Clients;
use bowline_tests::bowline::{Bowline, TIME_SCALE};
use bowline_tests::git::Remote;
use bowline_tests::judges::repository;
use bowline_tests::servers::{ACCOUNT, REGION};
use bowline_tests::world::{
    BUCKET, CLUSTER, STATE, World, secret, service, target_in, task_definition, terraform_state, version,
};
use serde_json::{Value, json};

/// The account of the second target, reached by a role.
const OTHER: &str = "444455556666";

/// Listed, but not calls: what they allow is checked by other calls.
const NOT_A_CALL: [(&str, &str); 1] =
    [("iam:PassRole", "checked by RegisterTaskDefinition with roles in it")];

/// Calls that need no permission.
const FREE: [&str; 1] = ["sts:GetCallerIdentity"];

/// The actions that a policy allows.
fn listed(file: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(repository().join("deploy/iam").join(file)).unwrap();
    let policy: Value = serde_json::from_str(&text).unwrap();
    let statements = policy["Statement"].as_array().unwrap().iter();
    let actions = statements.flat_map(|statement| {
        assert_eq!(statement["Effect"], "Allow");
        statement["Action"].as_array().unwrap()
    });
    let actions = actions.map(|action| action.as_str().unwrap().to_owned());
    actions.filter(|action| NOT_A_CALL.iter().all(|(listed, _)| listed != action)).collect()
}

/// The IAM action of a call. S3 names them otherwise than its operations.
fn action(service: &str, operation: &str) -> String {
    match (service, operation) {
        ("s3", "HeadObject") => "s3:GetObject".to_owned(),
        // Always of the version that HeadObject told.
        ("s3", "GetObject") => "s3:GetObjectVersion".to_owned(),
        _ => format!("{service}:{operation}"),
    }
}

fn called(simulator: &Simulator) -> BTreeSet<String> {
    let calls = simulator.calls().into_iter().map(|call| action(&call.service, &call.operation));
    calls.filter(|action| !FREE.contains(&action.as_str())).collect()
}

/// In minutes of the simulator: longer than a process takes to start.
const AN_HOUR: i32 = 60;

/// A world in which git asks for everything that Bowline does and reads.
struct Everything {
    simulator: Simulator,
    world: World,
    bowline: Bowline,
    remote: Remote,
    _server: bowline_tests::git::GitHttp,
    state: String,
    /// What the first apply in this mode called: it writes down where the services stand.
    first_apply: BTreeSet<String>,
}

impl Everything {
    /// Bowline has enforced it before, and is now to go on in this mode.
    async fn new(mode: &str) -> Self {
        let config = SimulatorConfig { time_scale: TIME_SCALE, ..SimulatorConfig::default() };
        let simulator = Simulator::start(config).await.unwrap();
        let world = World::new(&simulator.url()).await;
        let revision = world.revision("web", "registry.test/web:1").await;
        world.service("web", &revision, 1).await;
        world.service("worker", &revision, 1).await;
        world.service("tagged", &revision, 1).await;
        let halting = world.revision("halting", "registry.test/halting:1").await;
        create_halting(&world, &halting).await;
        world.settled("halting").await;
        world.secret("app/db", 2).await;
        world.bucket().await;
        let state = world.state(1).await;
        let remote = Remote::new();
        let server = remote.serve(None);
        let bowline = Bowline::new(&simulator.url(), &server.url());
        let mut this =
            Self { simulator, world, bowline, remote, _server: server, state, first_apply: BTreeSet::new() };
        this.world.promote("app/db", &version(1), &version(2)).await;
        this.commit("enforce", "registry.test/web:1", "one");
        this.simulator.clear_calls();
        this.bowline.apply().await.with_code(0);
        if mode == "enforce" {
            this.first_apply = called(&this.simulator);
        }
        // By hand what git will want; whoever enforces is the one to deploy it.
        let image = if mode == "enforce" { "registry.test/crash:2" } else { "registry.test/halting:2" };
        let next = this.world.revision("halting", image).await;
        if mode != "enforce" {
            let update = this.world.clients.ecs.update_service().cluster(CLUSTER).service("halting");
            let update = update.task_definition(next).deployment_configuration(pausing(AN_HOUR));
            update.send().await.unwrap();
        }
        // By hand, to an older version: which tasks may have started with it?
        this.world.promote("app/db", &version(2), &version(1)).await;
        this.commit(mode, "registry.test/web:2", "two");
        this.simulator.clear_calls();
        this
    }

    /// What an apply calls that finds everything otherwise than git wants it.
    async fn apply(&self, code: i32) -> BTreeSet<String> {
        self.bowline.apply().await.with_code(code);
        // A plan looks for what is left over as well. It comes second: a deployment that pauses by now may have ended by then.
        self.bowline.plan().await.with_code(1);
        self.first_apply.union(&called(&self.simulator)).cloned().collect()
    }

    /// Wants this image, the second version of the secret, and this restart token.
    fn commit(&self, mode: &str, image: &str, restart: &str) {
        let role =
            json!({"arn": format!("arn:aws:iam::{OTHER}:role/bowline"), "externalId": "from-a-contract"});
        let mut other: Value = serde_json::from_str(&target_in(mode, OTHER)).unwrap();
        other["metadata"]["name"] = json!("other");
        other["spec"]["assumeRole"] = role;
        let web = json!({"taskDefinition": {"file": "web.json"}, "secrets": ["db"], "desiredCount": 1});
        let number = if restart == "one" { 1 } else { 2 };
        let halting = json!({
            "taskDefinition": {"revision": format!("halting:{number}")}, "health": [{"targetGroup": {}}],
            "rollout": {"deadline": "90s"},
        });
        // Wanted, but not there.
        let network = json!({"awsvpcConfiguration": {"subnets": ["subnet-1"]}});
        let create = json!({"launchType": "FARGATE", "desiredCount": 1, "networkConfiguration": network});
        let fresh = json!({"taskDefinition": {"revision": "web:1"}, "create": create});
        // The second commit changes one tag and takes another one off.
        let mut tagged: Value = serde_json::from_str(&task_definition("web", "registry.test/web:1")).unwrap();
        tagged["tags"] = json!([{"key": "team", "value": restart}, {"key": "first", "value": "yes"}]);
        if restart == "two" {
            tagged["tags"].as_array_mut().unwrap().pop();
        }
        let worker = json!({"taskDefinition": {"revision": "web:1"}, "restart": restart, "secrets": ["db"]});
        self.remote.commit(
            "Ask for everything",
            &[
                ("target.yaml", &target_in(mode, ACCOUNT)),
                ("other.yaml", &format!("{other:#}")),
                ("web.yaml", &service("web", web)),
                ("web.json", &task_definition("web", image)),
                ("halting.yaml", &service("halting", halting)),
                ("worker.yaml", &service("worker", worker)),
                ("tagged.yaml", &service("tagged", json!({"taskDefinition": {"file": "tagged.json"}}))),
                ("tagged.json", &tagged.to_string()),
                ("fresh.yaml", &service("fresh", fresh)),
                ("db.yaml", &secret("db", "app/db", &version(2))),
                ("state.yaml", &terraform_state(&self.state, 1)),
            ],
        );
    }
}

/// A service behind a load balancer whose deployments pause for two minutes, and that has no circuit breaker.
async fn create_halting(world: &World, revision: &str) {
    let network = AwsVpcConfiguration::builder().subnets("subnet-1").build().unwrap();
    let group = format!("arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/web/0123456789abcdef");
    let balancer = LoadBalancer::builder().target_group_arn(group);
    let balancer = balancer.container_name("halting").container_port(8080).build();
    let create = world.clients.ecs.create_service().cluster(CLUSTER).service_name("halting");
    let create = create.task_definition(revision).desired_count(1).launch_type(LaunchType::Fargate);
    let network = NetworkConfiguration::builder().awsvpc_configuration(network).build();
    let create = create.network_configuration(network).load_balancers(balancer);
    create.deployment_configuration(pausing(2)).send().await.unwrap();
}

/// Deployments wait so many minutes for a person, and go on by themselves then.
fn pausing(minutes: i32) -> DeploymentConfiguration {
    let timeout = DeploymentLifecycleHookTimeoutConfiguration::builder().timeout_in_minutes(minutes);
    let timeout = timeout.action(DeploymentLifecycleHookAction::Continue).build();
    let hook = DeploymentLifecycleHook::builder()
        .target_type(DeploymentLifecycleHookTargetType::Pause)
        .lifecycle_stages(DeploymentLifecycleHookStage::PostScaleUp)
        .timeout_configuration(timeout)
        .build();
    DeploymentConfiguration::builder().lifecycle_hooks(hook).build()
}

#[tokio::test(flavor = "multi_thread")]
async fn enforce_lists_what_an_apply_of_everything_calls() {
    let everything = Everything::new("enforce").await;
    // One service ends in a bad deployment, which is stopped.
    assert_eq!(everything.apply(1).await, listed("enforce.json"));
    assert_eq!(everything.world.current("app/db").await, Some(version(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn observe_lists_what_looking_at_everything_calls_and_that_is_reads_only() {
    let everything = Everything::new("observe").await;
    let called = everything.apply(1).await;
    assert_eq!(called, listed("observe.json"));
    assert!(called.iter().all(is_read), "{called:?}");
    assert_eq!(everything.world.current("app/db").await, Some(version(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn import_lists_what_importing_everything_calls_and_that_is_reads_only() {
    let everything = Everything::new("enforce").await;
    let Everything { simulator, bowline, .. } = &everything;
    // A Target of another account, and a service that reads a secret.
    let there = Clients::new(&simulator.url(), OTHER);
    there.ecs.create_cluster().cluster_name("main").send().await.unwrap();
    let role = json!({"arn": format!("arn:aws:iam::{OTHER}:role/bowline"), "externalId": "from-a-contract"});
    let mut other: Value = serde_json::from_str(&target_in("observe", OTHER)).unwrap();
    other["metadata"]["name"] = json!("other");
    other["spec"]["assumeRole"] = role;
    fs::create_dir(bowline.home().join("git")).unwrap();
    fs::write(bowline.home().join("git/other.yaml"), other.to_string()).unwrap();
    everything.world.reader("reader", "app/db").await;
    simulator.clear_calls();
    let state = format!("--terraform-state s3://{BUCKET}/{STATE}");
    for arguments in ["--all", "--target other", &format!("--target main --counts --files --force {state}")] {
        bowline.run(&format!("import {arguments} git")).await.with_code(0);
    }
    let called = called(simulator);
    assert_eq!(called, listed("import.json"));
    assert!(called.iter().all(is_read), "{called:?}");
}

fn is_read(action: &String) -> bool {
    let operation = action.split_once(':').unwrap().1;
    action == "sts:AssumeRole" || ["Describe", "List", "Get"].iter().any(|verb| operation.starts_with(verb))
}
