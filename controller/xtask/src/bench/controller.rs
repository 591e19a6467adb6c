//! `bowline run` as anybody starts it: a `bowline.yaml`, a repository, a store on disk, AWS's environment variables.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::process::Process;
use super::simulator::{ACCOUNT, REGION, agent};

/// How often the controller is asked whether a pass ended, while its CPU time is counted: the asking costs it time, too.
pub(super) const SELDOM: Duration = Duration::from_secs(1);
/// How often it is asked where the answer's time matters.
pub(super) const OFTEN: Duration = Duration::from_millis(20);

/// The largest status document: 5,000 resources that all differ.
const LARGEST: u64 = 100_000_000;

/// A user's installation: everything but the process.
pub(super) struct Installation<'a> {
    /// The program.
    pub(super) binary: &'a Path,
    /// The folder with `bowline.yaml`, store and home.
    pub(super) folder: PathBuf,
    /// The simulator.
    pub(super) endpoint: &'a str,
    /// The lines of `bowline.yaml`, but for those that say where it listens and stores.
    pub(super) settings: String,
}

/// A running controller. Dropping it kills it.
pub(super) struct Controller {
    /// The process, to measure it.
    pub(super) process: Process,
    /// When it was started.
    pub(super) started: Instant,
    url: String,
    log: PathBuf,
    agent: ureq::Agent,
}

/// What the controller's metrics say.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Counted {
    /// Passes that ended, those that looked at secrets or states only included.
    pub(super) passes: f64,
    /// DescribeServices calls that were answered.
    pub(super) describe_services: f64,
    /// The time that all passes took together, in seconds.
    pub(super) pass_seconds: f64,
}

impl Installation<'_> {
    /// Starts the controller.
    pub(super) fn start(&self) -> Result<Controller> {
        let home = self.folder.join("home");
        fs::create_dir_all(&home).with_context(|| format!("cannot create {}", home.display()))?;
        let port = free_port()?;
        let file = self.folder.join("bowline.yaml");
        let settings = format!("store: state/bowline.db\nlisten: 127.0.0.1:{port}\n{}", self.settings);
        fs::write(&file, settings).with_context(|| format!("cannot write {}", file.display()))?;
        let log = self.folder.join("bowline.log");
        let mut command = Command::new(self.binary);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", &home);
        environment(&mut command, self.endpoint);
        command.arg("run").current_dir(&self.folder);
        let started = Instant::now();
        let process = Process::start(command, &log)?;
        Ok(Controller { process, started, url: format!("http://127.0.0.1:{port}"), log, agent: agent() })
    }
}

/// The environment of an AWS client that talks to the simulator.
///
/// Each service has its endpoint named on its own: Bowline keeps task definitions on disk only if no other endpoint for all
/// of AWS is configured, and a start with a warm cache is to be measured.
pub(super) fn environment(command: &mut Command, endpoint: &str) {
    for service in ["ECS", "SECRETS_MANAGER", "S3", "STS", "APPLICATION_AUTO_SCALING"] {
        command.env(format!("AWS_ENDPOINT_URL_{service}"), endpoint);
    }
    command
        .env("AWS_ACCESS_KEY_ID", ACCOUNT)
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("AWS_REGION", REGION)
        .env("AWS_DEFAULT_REGION", REGION)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_PAGER", "");
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("127.0.0.1 has no free port")?;
    Ok(listener.local_addr().context("a listener has no address")?.port())
}

impl Controller {
    /// Waits until `enough` says so of the metrics, asking every `pause`; gives them.
    pub(super) fn until(
        &mut self,
        what: &str,
        within: Duration,
        pause: Duration,
        enough: impl Fn(&Counted) -> bool,
    ) -> Result<Counted> {
        let begun = Instant::now();
        while begun.elapsed() < within {
            self.process.must_run(&self.log)?;
            // It does not listen at once.
            if let Ok(counted) = self.metrics()
                && enough(&counted)
            {
                return Ok(counted);
            }
            thread::sleep(pause);
        }
        bail!("{what} did not happen within {} s; see what it wrote:\n{}", within.as_secs(), self.tail())
    }

    /// The metrics now.
    pub(super) fn metrics(&self) -> Result<Counted> {
        let text = self.get("/metrics")?;
        Ok(Counted {
            passes: sum(&text, "bowline_passes_total", ""),
            describe_services: sum(&text, "bowline_aws_calls_total", r#"operation="DescribeServices""#),
            pass_seconds: sum(&text, "bowline_pass_duration_seconds_sum", ""),
        })
    }

    /// How many rollbacks came to this step, and the seconds from bad verdict to it, of all of them together.
    pub(super) fn rollbacks(&self, step: &str) -> Result<(f64, f64)> {
        let (text, label) = (self.get("/metrics")?, format!(r#"step="{step}""#));
        let of = |field: &str| sum(&text, &format!("bowline_rollback_seconds_{field}"), &label);
        Ok((of("count"), of("sum")))
    }

    /// How many resources are in which state.
    pub(super) fn totals(&self) -> Result<BTreeMap<String, u64>> {
        let status = self.status()?;
        serde_json::from_value(status["totals"].clone()).context("the status has no totals")
    }

    /// The names of services that are not as git wants them.
    pub(super) fn drifted(&self) -> Result<Vec<String>> {
        let status = self.status()?;
        let resources = status["resources"].as_array().context("the status has no resources")?;
        let drifted = resources.iter().filter(|one| one["sync"] == "drifted");
        Ok(drifted.filter_map(|one| one["resource"]["name"].as_str().map(str::to_owned)).collect())
    }

    fn status(&self) -> Result<Value> {
        serde_json::from_str(&self.get("/api/v1/status")?).context("the status is not JSON")
    }

    fn get(&self, path: &str) -> Result<String> {
        let url = format!("{}{path}", self.url);
        let mut answer = self.agent.get(&url).call().with_context(|| format!("{url} does not answer"))?;
        let text = answer.body_mut().with_config().limit(LARGEST).read_to_string();
        text.with_context(|| format!("the answer of {url} cannot be read"))
    }

    fn tail(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

/// The metric's value, over all of its labels with this one in them.
fn sum(text: &str, name: &str, label: &str) -> f64 {
    let lines = text.lines().filter(|line| line.starts_with(name) && line.contains(label));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}
