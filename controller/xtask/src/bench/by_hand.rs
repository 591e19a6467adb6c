//! The same services, read without Bowline: the runbook's own way, and a plain loop in Python.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::controller::environment;
use super::seed::{CLUSTER, service_name};
use super::simulator::{Calls, Simulator};
use crate::steps;

/// What reads, a process for each call or a loop.
const SCRIPT: &str = include_str!("by_hand.py");

/// How many services are read at most; the rest is extrapolated, each service costing the same.
const SAMPLE: [(&str, &str, u32); 2] =
    [("cli", "aws CLI, as the runbook says", 10), ("boto3", "boto3, in a loop", 1_000)];

/// One way to read all services once, and what it costs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ByHand {
    /// Which way.
    pub(super) way: &'static str,
    /// How many services were read. If that is not all, the following is extrapolated.
    pub(super) measured: u32,
    /// How long it takes.
    pub(super) seconds: f64,
    /// CPU time, user and system.
    pub(super) cpu_seconds: f64,
    /// The most resident memory of one process, in megabytes (10^6 bytes).
    pub(super) peak_megabytes: f64,
    /// Calls to AWS while measuring, not extrapolated.
    pub(super) calls: Calls,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Used {
    seconds: f64,
    cpu_seconds: f64,
    peak_megabytes: f64,
}

/// Reads services in both ways.
pub(super) fn measure(simulator: &Simulator, services: u32, folder: &Path) -> Result<Vec<ByHand>> {
    let script = folder.join("by_hand.py");
    fs::write(&script, SCRIPT).with_context(|| format!("cannot write {}", script.display()))?;
    SAMPLE.iter().map(|(name, way, most)| one(simulator, &script, services, name, way, *most)).collect()
}

fn one(
    simulator: &Simulator,
    script: &Path,
    services: u32,
    name: &str,
    way: &'static str,
    most: u32,
) -> Result<ByHand> {
    let measured = services.min(most);
    let mut python = Command::new(steps::target().join("judges/bin/python"));
    environment(&mut python, &simulator.url);
    python.arg(script).args([name, CLUSTER]).args((0..measured).map(service_name));
    simulator.forget_calls()?;
    let text = steps::output(python).context("run `cargo xtask judges` first")?;
    let used: Used = serde_json::from_str(&text).with_context(|| format!("by_hand.py said {text}"))?;
    let factor = f64::from(services) / f64::from(measured);
    Ok(ByHand {
        way,
        measured,
        seconds: used.seconds * factor,
        cpu_seconds: used.cpu_seconds * factor,
        peak_megabytes: used.peak_megabytes,
        calls: simulator.calls()?,
    })
}
