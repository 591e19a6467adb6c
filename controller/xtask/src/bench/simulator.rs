//! The simulator as a process of its own, and a client of it that shares no code with Bowline's.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use std::{fs, thread};

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::process::Process;

/// The account that everything lies in.
pub(super) const ACCOUNT: &str = "111122223333";
/// The region that everything lies in.
pub(super) const REGION: &str = "eu-central-1";

/// How far time jumps when AWS's rates are enforced and a bucket is empty while services are being made: 20 s fill it with
/// 20 registrations or 100 services.
const WHEN_THROTTLED: f64 = 20.0;

/// The largest answer: the record of some 100,000 calls.
const LARGEST: u64 = 200_000_000;

/// A simulator. Dropping it ends it.
pub(super) struct Simulator {
    /// The endpoint of all services.
    pub(super) url: String,
    /// The API of the simulated GitHub, where one was asked for.
    pub(super) github: Option<String>,
    agent: ureq::Agent,
    _process: Process,
}

/// Calls by `service operation`, and how many of them were refused.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(super) struct Calls(pub(super) BTreeMap<String, Count>);

/// How often one operation was called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct Count {
    /// Calls.
    pub(super) calls: u32,
    /// Those of them that were refused, throttled ones included.
    pub(super) refused: u32,
}

impl Calls {
    /// How often this operation was called.
    pub(super) fn of(&self, operation: &str) -> u32 {
        self.0.get(operation).map_or(0, |count| count.calls)
    }
}

/// An HTTP client that gives every answer, also one that is not 200.
pub(super) fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder().http_status_as_error(false);
    config.timeout_global(Some(Duration::from_mins(1))).build().into()
}

impl Simulator {
    /// Starts it on a free port, with its log in `folder`.
    pub(super) fn start(binary: &Path, folder: &Path, latency: &str, more: &[&str]) -> Result<Self> {
        let log = folder.join("simulator.log");
        let mut command = Command::new(binary);
        command.args(["--listen", "127.0.0.1:0", "--account", ACCOUNT, "--latency", latency]).args(more);
        let mut process = Process::start(command, &log)?;
        let (url, github) = ready(&mut process, &log)?;
        Ok(Self { url, github, agent: agent(), _process: process })
    }

    /// Calls ECS; a throttled call is repeated after the simulated time has jumped.
    pub(super) fn ecs(&self, operation: &str, body: &Value) -> Result<Value> {
        loop {
            let target = format!("AmazonEC2ContainerServiceV20141113.{operation}");
            let (status, answer) = self.json("ecs", &target, body)?;
            match status {
                200 => return Ok(answer),
                400 if answer["__type"].as_str().is_some_and(|code| code.contains("Throttling")) => {
                    self.advance(WHEN_THROTTLED)?;
                }
                _ => bail!("{operation} was answered with {status}: {answer}"),
            }
        }
    }

    /// Calls Secrets Manager.
    pub(super) fn secrets_manager(&self, operation: &str, body: &Value) -> Result<Value> {
        match self.json("secretsmanager", &format!("secretsmanager.{operation}"), body)? {
            (200, answer) => Ok(answer),
            (status, answer) => bail!("{operation} was answered with {status}: {answer}"),
        }
    }

    /// Puts something at S3; gives the version id, if there is one.
    pub(super) fn put(&self, path: &str, body: &str) -> Result<Option<String>> {
        let url = format!("{}/{path}", self.url);
        let request = self.agent.put(&url).header("authorization", &authorization("s3"));
        let answer = request.send(body).with_context(|| format!("cannot put {path}"))?;
        if answer.status().as_u16() != 200 {
            bail!("putting {path} was answered with {}", answer.status());
        }
        let version = answer.headers().get("x-amz-version-id").and_then(|value| value.to_str().ok());
        Ok(version.map(str::to_owned))
    }

    /// Jumps the simulated time forward.
    pub(super) fn advance(&self, seconds: f64) -> Result<()> {
        self.control("POST", "advance", &json!({ "seconds": seconds })).map(|_| ())
    }

    /// The calls since the last [`Simulator::forget_calls`].
    pub(super) fn calls(&self) -> Result<Calls> {
        let answer = self.control("GET", "calls", &Value::Null)?;
        let mut calls = Calls::default();
        for call in answer["calls"].as_array().map(Vec::as_slice).unwrap_or_default() {
            let (service, operation) = (call["service"].as_str(), call["operation"].as_str());
            let name = format!("{} {}", service.unwrap_or_default(), operation.unwrap_or_default());
            let count = calls.0.entry(name).or_default();
            count.calls += 1;
            count.refused += u32::from(call["status"].as_u64().is_none_or(|status| status >= 400));
        }
        Ok(calls)
    }

    /// When each call since the last [`Simulator::forget_calls`] was made, in simulated time, by `service operation`.
    pub(super) fn moments(&self) -> Result<Vec<(String, Timestamp)>> {
        let answer = self.control("GET", "calls", &Value::Null)?;
        let calls = answer["calls"].as_array().map(Vec::as_slice).unwrap_or_default();
        let moment = |call: &Value| {
            let text = |field: &str| call[field].as_str().unwrap_or_default();
            let at = text("at").parse().context("the record of a call has no time")?;
            Ok((format!("{} {}", text("service"), text("operation")), at))
        };
        calls.iter().map(moment).collect()
    }

    /// Sets something up at the simulated GitHub.
    pub(super) fn set_up_github(&self, what: &str, body: &Value) -> Result<Value> {
        let url = self.github.as_ref().context("there is no simulated GitHub")?;
        let url = format!("{url}/_sim/github/{what}");
        let mut answer =
            self.agent.post(&url).send(body.to_string()).with_context(|| format!("cannot call {url}"))?;
        let text =
            answer.body_mut().read_to_string().with_context(|| format!("cannot read the answer of {url}"))?;
        if answer.status().as_u16() != 200 {
            bail!("{url} answered {text}");
        }
        serde_json::from_str(&text).with_context(|| format!("the answer of {url} is not JSON"))
    }

    /// Starts counting anew.
    pub(super) fn forget_calls(&self) -> Result<()> {
        self.control("DELETE", "calls", &Value::Null).map(|_| ())
    }

    fn json(&self, service: &str, target: &str, body: &Value) -> Result<(u16, Value)> {
        let request = self
            .agent
            .post(&self.url)
            .header("x-amz-target", target)
            .header("content-type", "application/x-amz-json-1.1")
            .header("authorization", &authorization(service));
        let mut answer = request.send(body.to_string()).with_context(|| format!("cannot call {target}"))?;
        let status = answer.status().as_u16();
        let text = answer.body_mut().with_config().limit(LARGEST).read_to_string();
        let text = text.with_context(|| format!("cannot read the answer of {target}"))?;
        let value =
            serde_json::from_str(&text).with_context(|| format!("the answer of {target} is not JSON"))?;
        Ok((status, value))
    }

    fn control(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let url = format!("{}/_sim/{path}", self.url);
        let sent = match method {
            "GET" => self.agent.get(&url).call(),
            "DELETE" => self.agent.delete(&url).call(),
            _ => self.agent.post(&url).send(body.to_string()),
        };
        let mut answer = sent.with_context(|| format!("the simulator does not answer {method} {path}"))?;
        let text = answer.body_mut().with_config().limit(LARGEST).read_to_string();
        let text = text.with_context(|| format!("cannot read the simulator's {path}"))?;
        serde_json::from_str(&text).with_context(|| format!("the simulator's {path} is not JSON"))
    }
}

/// The simulator reads who calls whom from the signature's scope, and does not check the signature.
fn authorization(service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential={ACCOUNT}/20260101/{REGION}/{service}/aws4_request, SignedHeaders=host, Signature=0"
    )
}

/// The endpoint that it prints when it is ready, and before it that of GitHub, if there is one.
fn ready(process: &mut Process, log: &PathBuf) -> Result<(String, Option<String>)> {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(30) {
        let text = fs::read_to_string(log).unwrap_or_default();
        let after = |words: &str| text.lines().find_map(|line| line.strip_prefix(words)).map(str::to_owned);
        if let Some(url) = after("bowline-sim ready at ").filter(|_| text.ends_with('\n')) {
            return Ok((url, after("simulated GitHub at ")));
        }
        process.must_run(log)?;
        thread::sleep(Duration::from_millis(10));
    }
    bail!("the simulator was not ready within 30 s")
}
