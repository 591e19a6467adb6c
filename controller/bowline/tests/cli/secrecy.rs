//! A marker stands in every place that may hold a secret, live and in git; nothing that the binary says may have it.

use aws_sdk_ecs::types::{
    AwsVpcConfiguration, Compatibility, ContainerDefinition, LaunchType, NetworkConfiguration, NetworkMode,
};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::place::{Cloud, Place, TARGET, eventually};
use crate::run::Controller;

/// What no output may have.
const MARKER: &str = "s3cr3tmark";

/// Everything that was said, by whom.
struct Said(Vec<(String, String)>);

impl Said {
    fn add(&mut self, who: impl Into<String>, what: String) {
        self.0.push((who.into(), what));
    }

    /// Runs the binary to its end, and keeps what it says; gives what it wrote to standard output.
    async fn bowline(&mut self, place: &Place, log: &str, arguments: &[&str]) -> String {
        let mut command = Command::from(place.command(arguments));
        let output = command.env("BOWLINE_LOG", log).output().await.unwrap();
        let answer = place.answer(&output);
        self.add(format!("{arguments:?} at {log}"), format!("{}{}", answer.out, answer.err));
        answer.out
    }

    fn has_no_marker(&self) {
        for (who, what) in &self.0 {
            assert!(!what.is_empty(), "{who} says something");
            let line = what.lines().find(|line| line.contains(MARKER));
            assert_eq!(line, None, "said by {who}");
        }
    }
}

/// A task definition in which everything that may be confidential is the marker and this.
fn content(which: &str) -> Value {
    let secret = format!("{MARKER}-{which}");
    json!({
        "family": "web", "networkMode": "awsvpc", "requiresCompatibilities": ["EC2"], "cpu": "256", "memory": "512",
        "containerDefinitions": [
            {
                "name": "app", "image": "acme/web:1", "essential": true,
                "command": ["serve", secret], "entryPoint": ["run", secret],
                "environment": [{"name": "LEVEL", "value": secret}],
                "dockerLabels": {"team": secret},
                "healthCheck": {"command": ["CMD-SHELL", format!("curl localhost/{secret}")]},
                "logConfiguration": {"logDriver": "awsfirelens", "options": {"Name": "http", "HTTP_Passwd": secret, "Header": secret}},
            },
            {
                "name": "router", "image": "acme/router:1", "essential": true,
                "firelensConfiguration": {"type": "fluentbit", "options": {"config-file-value": secret}},
            },
            {"name": "envoy", "image": "acme/envoy:1", "essential": true},
        ],
        "proxyConfiguration": {"type": "APPMESH", "containerName": "envoy", "properties": [{"name": "AppPorts", "value": secret}]},
        "volumes": [
            {"name": "files", "dockerVolumeConfiguration": {"driver": "local", "scope": "task",
                "driverOpts": {"o": format!("username=u,password={secret}")}, "labels": {"team": secret}}},
            {"name": "data", "configuredAtLaunch": true},
        ],
        "tags": [{"key": "password", "value": secret}],
    })
}

/// The manifest beside it, with the same in its settings.
fn manifest(which: &str) -> String {
    let secret = format!("{MARKER}-{which}");
    let role = "arn:aws:iam::111122223333:role/ecs";
    let hook = "arn:aws:lambda:eu-central-1:111122223333:function:check";
    json!({
        "apiVersion": "bowline.dev/v1alpha1", "kind": "EcsService", "metadata": {"name": "web"},
        "spec": {
            "target": "production", "service": "web", "taskDefinition": {"file": "web.json"},
            "settings": {
                "deploymentConfiguration": {"lifecycleHooks": [{
                    "hookTargetArn": hook, "roleArn": role, "lifecycleStages": ["POST_SCALE_UP"],
                    "hookDetails": {"level": secret, "to": {"apiKey": secret}, "list": [secret]},
                }]},
                "serviceConnectConfiguration": {"enabled": true, "namespace": "internal", "logConfiguration": {
                    "logDriver": "splunk", "options": {"splunk-url": format!("https://u:{secret}@logs")}}},
                "volumeConfigurations": [{"name": "data", "managedEBSVolume": {"roleArn": role, "sizeInGiB": 1,
                    "tagSpecifications": [{"resourceType": "volume", "tags": [{"key": "team", "value": secret}]}]}}],
            },
        },
    })
    .to_string()
}

fn commit(place: &Place, which: &str) {
    let (content, manifest) = (content(which).to_string(), manifest(which));
    let broken = format!("password: \"{MARKER}\n");
    let files = [("target.yaml", TARGET), ("web.yaml", &manifest), ("web.json", &content)];
    let broken = [("broken.yaml", broken.as_str())];
    // The first commit has to be applied in full, so that the marker is live.
    let broken = if which == "first" { &broken[..0] } else { &broken[..] };
    place.commit(which, &[&files, broken].concat());
}

async fn create(cloud: &Cloud) {
    let container = ContainerDefinition::builder().name("app").image("acme/web:1").build();
    let register = cloud.ecs.register_task_definition().family("web").cpu("256").memory("512");
    let register = register.network_mode(NetworkMode::Awsvpc).requires_compatibilities(Compatibility::Ec2);
    register.container_definitions(container).send().await.unwrap();
    cloud.ecs.create_cluster().cluster_name("main").send().await.unwrap();
    let network = AwsVpcConfiguration::builder().subnets("subnet-1").build().unwrap();
    let create = cloud.ecs.create_service().cluster("main").service_name("web").task_definition("web:1");
    let create = create.desired_count(1).launch_type(LaunchType::Ec2);
    let network = NetworkConfiguration::builder().awsvpc_configuration(network).build();
    create.network_configuration(network).send().await.unwrap();
    eventually("the service to settle", || async { cloud.service("web").await.2.then_some(()) }).await;
}

/// `run` at this level for three passes, and everything that it is asked then.
async fn controlled(place: &Place, log: &str, said: &mut Said) {
    let controller = Controller::start_at(place, Some(log));
    controller.status(place, "the third pass", |status| status["pass"]["number"].as_u64() >= Some(3)).await;
    let history = eventually("a rollout in the history", || async {
        let history = controller.get("/api/v1/history?limit=500").await;
        history.contains("rollout-started").then_some(history)
    })
    .await;
    said.add("/api/v1/history", history);
    said.add("/api/v1/status", controller.get("/api/v1/status").await);
    for arguments in
        [["status"].as_slice(), &["diff", "web"], &["history", "web"], &["diff", "web", "-o", "json"]]
    {
        let answer = controller.ask(place, arguments).await;
        said.add(format!("{arguments:?}"), format!("{}{}", answer.out, answer.err));
    }
    controller.stop().await;
    said.add(format!("run at {log}"), std::fs::read_to_string(place.path().join("run.log")).unwrap());
}

#[tokio::test]
async fn no_confidential_value_is_in_anything_that_is_said() {
    let (place, cloud, mut said) = (Place::new(), Cloud::start().await, Said(Vec::new()));
    create(&cloud).await;
    place.configure(&cloud.simulator.url(), "ceiling: { mode: enforce }\n");

    commit(&place, "first");
    said.bowline(&place, "info", &["plan"]).await;
    said.bowline(&place, "trace", &["apply", "--yes"]).await;
    let live = cloud.ecs.describe_services().cluster("main").services("web").send().await.unwrap();
    assert!(format!("{:?}", live.services()[0].deployments()).contains(MARKER), "{:?}", said.0);

    commit(&place, "of the second commit");
    let plan = said.bowline(&place, "info", &["plan"]).await;
    for path in [
        "command",
        "entryPoint",
        "environment[name=LEVEL].value",
        "dockerLabels.team",
        "healthCheck.command",
        "options.HTTP_Passwd",
        "options.Header",
        "options.config-file-value",
        "properties[name=AppPorts].value",
        "driverOpts.o",
        "labels.team",
        "hookDetails.level",
        "hookDetails.to",
        "hookDetails.list",
        "options.splunk-url",
        "tags[key=team].value",
    ] {
        assert!(plan.contains(&format!("{path}: changed (")), "{path} differs: {plan}");
    }
    said.bowline(&place, "trace", &["plan", "-o", "json"]).await;
    controlled(&place, "trace", &mut said).await;
    commit(&place, "of the third");
    controlled(&place, "info", &mut said).await;
    said.bowline(&place, "info", &["apply", "--yes", "-o", "json"]).await;

    said.bowline(&place, "trace", &["import", "--target", "prod", "--cluster", "main", "git"]).await;
    let written = place.path().join("git/prod/services/web.yaml");
    let text = std::fs::read_to_string(&written).unwrap();
    std::fs::write(&written, text.replace("spec:\n", &format!("spec:\n  reveal: [{MARKER}]\n"))).unwrap();
    let again = said.bowline(&place, "info", &["import", "--target", "prod", "git"]).await;
    assert!(again.contains("left alone"), "{again}");
    said.bowline(&place, "info", &["import", "--files", "--target", "prod", "--cluster", "main", "files"])
        .await;
    said.has_no_marker();
}
