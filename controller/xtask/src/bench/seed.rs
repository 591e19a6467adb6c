//! What the benchmark looks at: services of a usual size at the simulated AWS, and the git repository that describes them.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::simulator::{ACCOUNT, REGION, Simulator};
use crate::steps;

/// The cluster that all services are in.
pub(super) const CLUSTER: &str = "prod";
/// The bucket of Terraform states.
const BUCKET: &str = "states";
/// A service is described with at most 100 events, and a healthy one says so every 6 hours: after 26 days every service has
/// as long a history as it will ever have. That is the case to measure, since events are most of what DescribeServices says.
const AGE: f64 = 26.0 * 24.0 * 3600.0;
/// Calls to the simulator under way while the world is being made.
const AT_ONCE: u32 = 16;

/// How much there is of everything.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    /// Services, each with a task definition family of its own.
    pub(super) services: u32,
    /// Of 100 services, how many have their task definition as a file in git; the others pin a revision.
    pub(super) percent_files: u32,
}

impl Size {
    /// Whether this service has its task definition as a file in git.
    pub(super) fn has_file(self, number: u32) -> bool {
        number % 100 < self.percent_files
    }

    /// Services whose task definition is a file in git.
    pub(super) fn files(self) -> u32 {
        u32::try_from((0..self.services).filter(|number| self.has_file(*number)).count()).unwrap_or(0)
    }

    /// One secret for 20 services.
    pub(super) fn secrets(self) -> u32 {
        self.services.div_ceil(20)
    }

    /// One Terraform state for 100 services.
    pub(super) fn states(self) -> u32 {
        self.services.div_ceil(100)
    }

    /// Every resource in git: these and the Target.
    pub(super) fn resources(self) -> u32 {
        self.services + self.secrets() + self.states() + 1
    }
}

/// The name of a service and of its resource.
pub(super) fn service_name(number: u32) -> String {
    format!("s{number:04}")
}

/// Makes the world and the repository `folder`; gives the size of one DescribeServices answer in bytes.
pub(super) fn seed(simulator: &Simulator, size: Size, folder: &Path) -> Result<usize> {
    for sub in ["services", "secrets", "states"] {
        let sub = folder.join(sub);
        fs::create_dir_all(&sub).with_context(|| format!("cannot create {}", sub.display()))?;
    }
    let target = json!({"accountId": ACCOUNT, "region": REGION, "cluster": CLUSTER, "mode": "observe"});
    write(folder, "target.yaml", &manifest("Target", "prod", &target))?;
    simulator.ecs("CreateCluster", &json!({ "clusterName": CLUSTER }))?;
    let place = format!("<LocationConstraint>{REGION}</LocationConstraint>");
    simulator.put(BUCKET, &format!("<CreateBucketConfiguration>{place}</CreateBucketConfiguration>"))?;
    simulator.put(
        &format!("{BUCKET}?versioning"),
        "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>",
    )?;
    each(size.secrets(), &|number| secret(simulator, folder, number))?;
    each(size.states(), &|number| state(simulator, folder, number))?;
    each(size.services, &|number| service(simulator, folder, size, number))?;
    simulator.advance(AGE)?;
    let answer_size = settled(simulator, size)?;
    commit(folder)?;
    Ok(answer_size)
}

/// Does something for each number, several at once; the first failure ends it.
fn each(count: u32, work: &(dyn Fn(u32) -> Result<()> + Sync)) -> Result<()> {
    let next = AtomicU32::new(0);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= count {
                            return Ok(());
                        }
                        work(number)?;
                    }
                })
            })
            .collect();
        workers.into_iter().try_for_each(|worker| match worker.join() {
            Ok(outcome) => outcome,
            Err(_) => bail!("a thread that makes the world ended early"),
        })
    })
}

fn secret(simulator: &Simulator, folder: &Path, number: u32) -> Result<()> {
    let (name, version) = (format!("secret-{number:03}"), "1".repeat(32));
    let body =
        json!({"Name": secret_id(number), "ClientRequestToken": version, "SecretString": "{\"KEY\":\"x\"}"});
    simulator.secrets_manager("CreateSecret", &body)?;
    let spec = json!({"target": "prod", "secretId": secret_id(number), "versionId": version});
    write(folder, &format!("secrets/{name}.yaml"), &manifest("Secret", &name, &spec))
}

fn secret_id(number: u32) -> String {
    format!("/prod/secret-{number:03}")
}

fn state(simulator: &Simulator, folder: &Path, number: u32) -> Result<()> {
    let (name, key) = (format!("state-{number:03}"), format!("prod/state-{number:03}.tfstate"));
    let lineage = "8d1f7c2e-53b9-4f0a-a6d4-2b9e0c71f5e3";
    let text = json!({"version": 4, "terraform_version": "1.15.5", "serial": 7, "lineage": lineage, "outputs": {},
        "resources": [], "check_results": null});
    let version = simulator.put(&format!("{BUCKET}/{key}"), &text.to_string())?;
    let spec = json!({"target": "prod", "bucket": BUCKET, "key": key, "lineage": lineage,
        "version": {"id": version.context("the bucket keeps no versions")?, "serial": 7}});
    write(folder, &format!("states/{name}.yaml"), &manifest("TerraformState", &name, &spec))
}

fn service(simulator: &Simulator, folder: &Path, size: Size, number: u32) -> Result<()> {
    let name = service_name(number);
    let definition = task_definition(&name, number % size.secrets());
    let registered = simulator.ecs("RegisterTaskDefinition", &definition)?;
    let arn = registered["taskDefinition"]["taskDefinitionArn"].as_str().context("it has no ARN")?;
    simulator.ecs("CreateService", &create(&name, arn))?;
    if size.has_file(number) {
        write(folder, &format!("services/{name}.json"), &format!("{definition:#}\n"))?;
    }
    describe_service(folder, size, number, 1)
}

/// Writes the manifest of a service that runs so many tasks.
fn describe_service(folder: &Path, size: Size, number: u32, count: u32) -> Result<()> {
    let name = service_name(number);
    let source = if size.has_file(number) {
        json!({ "file": format!("{name}.json") })
    } else {
        json!({ "revision": format!("{name}:1") })
    };
    let settings = json!({"enableExecuteCommand": false, "deploymentConfiguration": {"maximumPercent": 200}});
    let spec = json!({"target": "prod", "service": name, "taskDefinition": source, "desiredCount": count,
        "settings": settings});
    write(folder, &format!("services/{name}.yaml"), &manifest("EcsService", &name, &spec))
}

/// What another client changes of a service: a field that git manages, each in turn.
pub(super) fn meddled(number: u32) -> Value {
    match number % 3 {
        0 => json!({ "desiredCount": 2 }),
        1 => json!({ "enableExecuteCommand": true }),
        _ => json!({"deploymentConfiguration": {"maximumPercent": 150, "minimumHealthyPercent": 100,
            "deploymentCircuitBreaker": {"enable": true, "rollback": true}}}),
    }
}

/// Commits another count for a service.
pub(super) fn commit_another_count(folder: &Path, size: Size, number: u32) -> Result<()> {
    describe_service(folder, size, number, 2)?;
    git(folder, &["commit", "--quiet", "--no-gpg-sign", "--all", "--message", "Run two tasks"])
}

fn create(name: &str, task_definition: &str) -> Value {
    json!({
        "cluster": CLUSTER, "serviceName": name, "taskDefinition": task_definition, "desiredCount": 1,
        "launchType": "FARGATE", "platformVersion": "1.4.0", "enableECSManagedTags": true, "propagateTags": "SERVICE",
        "networkConfiguration": {"awsvpcConfiguration": {"assignPublicIp": "DISABLED",
            "subnets": ["subnet-0a1", "subnet-0b2", "subnet-0c3"], "securityGroups": ["sg-0a1", "sg-0b2"]}},
        "deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": true, "rollback": true},
            "maximumPercent": 200, "minimumHealthyPercent": 100},
        "tags": [{"key": "environment", "value": "prod"}, {"key": "team", "value": "platform"}],
    })
}

/// An application and a log router beside it, of the size that such files have: about 2.5 KB.
fn task_definition(family: &str, secret: u32) -> Value {
    let environment: Vec<Value> = (0..12)
        .map(|number| json!({"name": format!("SETTING_{number}"), "value": format!("value-{number}-of-{family}")}))
        .collect();
    let arn = format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{}", secret_id(secret));
    let log = json!({"logDriver": "awslogs", "options": {"awslogs-group": format!("/ecs/prod/{family}"),
        "awslogs-region": REGION, "awslogs-stream-prefix": "ecs"}});
    json!({
        "family": family, "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "512", "memory": "1024",
        "executionRoleArn": format!("arn:aws:iam::{ACCOUNT}:role/prod-execution"),
        "taskRoleArn": format!("arn:aws:iam::{ACCOUNT}:role/{family}"),
        "runtimePlatform": {"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"},
        "containerDefinitions": [
            {"name": "app", "image": format!("{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{family}:1.14.2"),
                "essential": true, "readonlyRootFilesystem": true,
                "portMappings": [{"containerPort": 8000, "protocol": "tcp"}],
                "environment": environment,
                "secrets": [{"name": "KEY", "valueFrom": format!("{arn}:KEY::")}],
                "healthCheck": {"command": ["CMD-SHELL", "curl -fsS http://localhost:8000/health || exit 1"],
                    "interval": 15, "timeout": 5, "retries": 3, "startPeriod": 30},
                "dependsOn": [{"containerName": "log-router", "condition": "START"}],
                "logConfiguration": log},
            {"name": "log-router", "image": "public.ecr.aws/aws-observability/aws-for-fluent-bit:stable",
                "essential": true, "memoryReservation": 50, "user": "0",
                "firelensConfiguration": {"type": "fluentbit"}, "logConfiguration": log},
        ],
        "tags": [{"key": "team", "value": "platform"}],
    })
}

/// Makes sure that every service runs, as AWS would say after the time that was skipped.
fn settled(simulator: &Simulator, size: Size) -> Result<usize> {
    let names: Vec<String> = (0..size.services).map(service_name).collect();
    let mut bytes = 0;
    for batch in names.chunks(10) {
        let body = json!({"cluster": CLUSTER, "services": batch, "include": ["TAGS"]});
        let answer = simulator.ecs("DescribeServices", &body)?;
        bytes = bytes.max(answer.to_string().len());
        let services = answer["services"].as_array().map(Vec::as_slice).unwrap_or_default();
        let runs = |service: &&Value| service["deployments"][0]["rolloutState"] == "COMPLETED";
        if services.iter().filter(runs).count() != batch.len() {
            bail!("not all of {} run, so there is nothing to measure", batch.join(", "));
        }
    }
    Ok(bytes)
}

pub(super) fn manifest(kind: &str, name: &str, spec: &Value) -> String {
    let mut text =
        format!("apiVersion: bowline.dev/v1alpha1\nkind: {kind}\nmetadata:\n  name: {name}\nspec:\n");
    // JSON is YAML, too: a line for each field keeps it readable.
    for (field, value) in spec.as_object().into_iter().flatten() {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {field}: {value}");
    }
    text
}

pub(super) fn write(folder: &Path, file: &str, text: &str) -> Result<()> {
    let path = folder.join(file);
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn commit(folder: &Path) -> Result<()> {
    git(folder, &["init", "--quiet", "--initial-branch=main"])?;
    git(folder, &["add", "--all"])?;
    git(folder, &["commit", "--quiet", "--no-gpg-sign", "--message", "Everything that runs"])
}

fn git(folder: &Path, arguments: &[&str]) -> Result<()> {
    let mut git = Command::new("git");
    git.args(["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]).args(arguments).current_dir(folder);
    steps::run(git)
}
