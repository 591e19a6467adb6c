//! `bench`: what does it cost to watch services, and how fast is a rollback? The built program, against the simulator in a process of its own.

mod budget;
mod by_hand;
mod controller;
mod process;
mod report;
mod rollback;
mod seed;
mod simulator;
mod sweep;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::steps::{self, cargo, say};
use report::{Machine, Report};
use seed::Size;
use sweep::Setting;

/// The version of the JSON document's shape.
const VERSION: u32 = 1;

/// What `bench` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many services; several numbers are measured one after the other.
    #[arg(long, value_delimiter = ',', default_value = "100,1000,5000")]
    services: Vec<u32>,
    /// Of 100 services, how many have their task definition as a file in git; the others pin a revision.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=100))]
    percent_files: u32,
    /// Let the simulator refuse ECS calls beyond AWS's documented rates.
    #[arg(long)]
    throttle: bool,
    /// How many passes over unchanged services are averaged over.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    passes: u32,
    /// How many services another client changes.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    changes: u32,
    /// Leave out the aws CLI and boto3, which `cargo xtask judges` installs.
    #[arg(long)]
    alone: bool,
    /// A debug build, 100 services, short intervals: exercises the benchmark in less than a minute. Only calls are judged.
    #[arg(long)]
    quick: bool,
    /// `text` or `json`.
    #[arg(long, short, default_value = "text")]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    Text,
    Json,
}

impl Arguments {
    /// What `cargo xtask test` runs.
    pub(crate) fn quick() -> Self {
        Self {
            services: vec![100],
            percent_files: 20,
            throttle: false,
            passes: 3,
            changes: 10,
            alone: true,
            quick: true,
            output: Output::Text,
        }
    }
}

/// Measures, prints, and fails if a budget is exceeded.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let quick = Arguments::quick();
    let arguments =
        if arguments.quick { &Arguments { output: arguments.output, ..quick } } else { arguments };
    let build = if arguments.quick { "debug" } else { "dist" };
    let programs = built(build)?;
    let machine = machine()?;
    let setting = Setting {
        bowline: &programs.join("bowline"),
        simulator: &programs.join("bowline-sim"),
        latency: "20ms",
        throttle: arguments.throttle,
        intervals: arguments.quick.then_some(("1s", "2s")),
        passes: arguments.passes,
        changes: arguments.changes,
        by_hand: !arguments.alone,
        progress: &tell,
    };
    let (mut sweeps, mut budgets) = (Vec::new(), Vec::new());
    for services in &arguments.services {
        if *services <= arguments.changes {
            bail!("--services {services} is not more than --changes {}", arguments.changes);
        }
        let size = Size { services: *services, percent_files: arguments.percent_files };
        let folder = tempfile::tempdir().context("cannot create a folder")?;
        let sweep = sweep::sweep(&setting, size, folder.path())
            .with_context(|| format!("{services} services cannot be measured"))?;
        budgets.extend(budget::counts(&sweep));
        if !arguments.quick {
            budgets.extend(budget::costs(&sweep));
        }
        sweeps.push(sweep);
    }
    let folder = tempfile::tempdir().context("cannot create a folder")?;
    let rollback = rollback::measure(&setting, folder.path()).context("rollbacks cannot be measured")?;
    budgets.extend(budget::rollback(&rollback));
    let latency = setting.latency.to_owned();
    let throttle = arguments.throttle;
    let report = Report { version: VERSION, machine, build, latency, throttle, sweeps, rollback, budgets };
    match arguments.output {
        Output::Text => say(&report.text()),
        Output::Json => say(&serde_json::to_string_pretty(&report).context("the report is no JSON")?),
    }
    let exceeded = report.budgets.iter().filter(|verdict| verdict.hard && !verdict.met);
    let exceeded: Vec<String> = exceeded
        .map(|it| format!("{} at {} services: {} instead of {}", it.what, it.services, it.found, it.budget))
        .collect();
    if !exceeded.is_empty() {
        bail!("{}", exceeded.join("; "));
    }
    Ok(())
}

/// Progress goes where it does not mix with a JSON document.
#[allow(clippy::print_stderr, reason = "this is a command-line tool")]
fn tell(line: &str) {
    eprintln!("{line}");
}

/// Builds both programs; gives their folder.
fn built(build: &str) -> Result<PathBuf> {
    let mut arguments =
        vec!["build", "--locked", "--quiet", "--package", "bowline", "--package", "bowline-sim"];
    if build == "dist" {
        arguments.extend(["--profile", "dist"]);
        tell("building as for a release, which takes a quarter of an hour at first");
    }
    steps::run(cargo(&arguments))?;
    Ok(steps::target().join(build))
}

fn machine() -> Result<Machine> {
    let memory = fs::read_to_string("/proc/meminfo").context("the benchmark needs Linux's /proc")?;
    let load = fs::read_to_string("/proc/loadavg").context("the benchmark needs Linux's /proc")?;
    let load = load.split_whitespace().next().and_then(|number| number.parse().ok());
    Ok(Machine {
        system: format!("{} on {}", std::env::consts::OS, std::env::consts::ARCH),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        memory_gigabytes: process::kilobytes(&memory, "MemTotal:")? / 1e6,
        load: load.context("/proc/loadavg has no number")?,
    })
}
