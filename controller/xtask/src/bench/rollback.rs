//! How fast is a rollback? Two services whose release crashes, at the simulated AWS and GitHub, and Bowline with its defaults.
//!
//! ECS's circuit breaker stops these deployments without going back, so that the recovery is a deployment of Bowline's own.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::controller::{Installation, OFTEN};
use super::seed::{CLUSTER, manifest, write};
use super::simulator::{ACCOUNT, REGION, Simulator};
use super::sweep::Setting;
use crate::steps;

/// The repository at the simulated GitHub.
const REPOSITORY: &str = "acme/infra";
/// The services, each named by its `rollback.strategy`.
pub(super) const SERVICES: [&str; 2] = ["pull-request", "auto-merge"];
/// The longest that anything here may take.
const BOUND: Duration = Duration::from_mins(3);
/// How far the simulated time jumps while a deployment crashes, in seconds, until ECS's circuit breaker has had enough.
const JUMP: f64 = 20.0;
/// The call that opens a pull request, as the simulator's record names it.
const OPENS: &str = "github POST /repos/{owner}/{repo}/pulls";
/// The call that deploys.
const DEPLOYS: &str = "ecs UpdateService";

/// Seconds from Bowline's bad verdict.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rollback {
    /// To the opened pull request: the longer of two, by `bowline_rollback_seconds`.
    pub(super) pull_request: f64,
    /// To the first call that changes something at AWS, where Bowline merges the pull request itself: to the opened pull request by
    /// the metric, and from there by the simulator's record.
    pub(super) recovery: f64,
}

/// A clone of the repository, and where it is pushed.
struct Clone<'a> {
    folder: &'a Path,
    remote: String,
}

/// Makes a world of two services in `folder`, releases something that crashes to each, and measures.
pub(super) fn measure(setting: &Setting<'_>, folder: &Path) -> Result<Rollback> {
    let tell = |what: &str| (setting.progress)(&format!("rollbacks: {what}"));
    tell("making two services and a repository at GitHub");
    let simulator =
        Simulator::start(setting.simulator, folder, setting.latency, &["--github", "127.0.0.1:0"])?;
    let github = simulator.github.clone().context("the simulator does not say where GitHub is")?;
    let made = simulator.set_up_github("repositories", &json!({ "repository": REPOSITORY }))?;
    let permissions = json!({"metadata": "read", "contents": "write", "pull_requests": "write", "statuses": "write", "issues": "write"});
    let token = json!({"login": "bowline", "permissions": permissions});
    let token = simulator.set_up_github("tokens", &token)?;
    let clone = folder.join("clone");
    let clone = Clone {
        folder: &clone,
        remote: made["path"].as_str().context("the repository has no path")?.to_owned(),
    };
    seed(&simulator, &clone)?;
    let settings = format!(
        "sources:\n  - repo: {github}/{REPOSITORY}.git\n    ref: main\n    auth: {{ github: true }}\n\
         github:\n  baseUrl: {github}\n  repository: {REPOSITORY}\n  tokenFile: token\n\
         ceiling:\n  mode: enforce\n\
         intervals: {{ git: 5s }}\n"
    );
    let home = folder.join("installation");
    fs::create_dir_all(&home).with_context(|| format!("cannot create {}", home.display()))?;
    write(&home, "token", token["token"].as_str().context("there is no token")?)?;
    let installation =
        Installation { binary: setting.bowline, folder: home, endpoint: &simulator.url, settings };
    let mut controller = installation.start()?;
    controller.until("the first pass", BOUND, OFTEN, |counted| counted.passes >= 1.0)?;

    let mut pull_requests = Vec::new();
    let mut recovery = None;
    for (number, name) in SERVICES.into_iter().enumerate() {
        tell(&format!("a release that crashes, with the strategy {name}"));
        simulator.forget_calls()?;
        let before = controller.rollbacks("pull-request")?.1;
        write(clone.folder, &format!("{name}.json"), &definition(name, "crash:2").to_string())?;
        clone.push("Release 2")?;
        crash(&simulator, name)?;
        let after = until("a pull request", || {
            let (count, seconds) = controller.rollbacks("pull-request")?;
            Ok((count > f64::from(u32::try_from(number)?)).then_some(seconds))
        })?;
        pull_requests.push(after - before);
        if name == "auto-merge" {
            recovery = Some(after - before + until("the recovery", || recovered(&simulator))?);
        }
    }
    controller.process.end()?;
    let recovery = recovery.context("no service has the strategy auto-merge")?;
    Ok(Rollback { pull_request: pull_requests.into_iter().fold(0.0, f64::max), recovery })
}

/// The cluster, both services with a good release, and the commit that describes them.
fn seed(simulator: &Simulator, clone: &Clone<'_>) -> Result<()> {
    fs::create_dir_all(clone.folder).with_context(|| format!("cannot create {}", clone.folder.display()))?;
    simulator.ecs("CreateCluster", &json!({ "clusterName": CLUSTER }))?;
    let target = json!({"accountId": ACCOUNT, "region": REGION, "cluster": CLUSTER, "mode": "enforce",
        "capabilities": ["ecs:deploy"]});
    write(clone.folder, "target.yaml", &manifest("Target", "prod", &target))?;
    for name in SERVICES {
        let definition = definition(name, "app:1");
        simulator.ecs("RegisterTaskDefinition", &definition)?;
        let create = json!({
            "cluster": CLUSTER, "serviceName": name, "taskDefinition": format!("{name}:1"), "desiredCount": 1,
            "launchType": "FARGATE",
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-0a1"]}},
            "deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": true, "rollback": false}},
        });
        simulator.ecs("CreateService", &create)?;
        write(clone.folder, &format!("{name}.json"), &definition.to_string())?;
        let spec = json!({"target": "prod", "service": name, "taskDefinition": {"file": format!("{name}.json")},
            "rollback": {"strategy": name}});
        write(clone.folder, &format!("{name}.yaml"), &manifest("EcsService", name, &spec))?;
    }
    simulator.advance(600.0)?;
    clone.git(&["init", "--quiet", "--initial-branch=main"])?;
    clone.push("As it is")
}

fn definition(family: &str, image: &str) -> Value {
    json!({
        "family": family, "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
        "containerDefinitions": [{"name": "app", "image": format!("registry.example.com/{image}"), "essential": true}],
    })
}

/// Lets simulated time jump until ECS has found the new deployment bad; from then on it passes as it does.
fn crash(simulator: &Simulator, service: &str) -> Result<()> {
    until("the deployment", || {
        Ok(simulator.moments()?.iter().any(|(call, _)| call == DEPLOYS).then_some(()))
    })?;
    until("the circuit breaker", || {
        simulator.advance(JUMP)?;
        let body = json!({"cluster": CLUSTER, "services": [service]});
        let answer = simulator.ecs("DescribeServices", &body)?;
        let deployments = answer["services"][0]["deployments"].as_array();
        let failed = deployments.into_iter().flatten().any(|one| one["rolloutState"] == "FAILED");
        Ok(failed.then_some(()))
    })
}

/// Seconds from the call that opened the pull request to the first one after it that deploys.
fn recovered(simulator: &Simulator) -> Result<Option<f64>> {
    let moments = simulator.moments()?;
    let first = |call: &str, from: Timestamp| {
        moments.iter().find(|(name, at)| name == call && *at >= from).map(|(_, at)| *at)
    };
    let opened = first(OPENS, Timestamp::MIN);
    let deployed = opened.and_then(|opened| first(DEPLOYS, opened));
    Ok(opened.zip(deployed).map(|(opened, deployed)| deployed.duration_since(opened).as_secs_f64()))
}

/// Looks until there is something.
fn until<T>(what: &str, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let begun = Instant::now();
    while begun.elapsed() < BOUND {
        if let Some(found) = look()? {
            return Ok(found);
        }
        thread::sleep(OFTEN);
    }
    bail!("{what} did not come within {} s", BOUND.as_secs())
}

impl Clone<'_> {
    /// Commits everything, and pushes it.
    fn push(&self, message: &str) -> Result<()> {
        self.git(&["add", "--all"])?;
        self.git(&["commit", "--quiet", "--no-gpg-sign", "--message", message])?;
        self.git(&["push", "--quiet", &self.remote, "HEAD:main"])
    }

    fn git(&self, arguments: &[&str]) -> Result<()> {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]).args(arguments);
        git.current_dir(self.folder);
        steps::run(git)
    }
}
