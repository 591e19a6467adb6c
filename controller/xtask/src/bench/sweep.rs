//! One sweep: a world of one size, and everything that is measured over it.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde::Serialize;
use serde_json::json;

use super::by_hand::{self, ByHand};
use super::controller::{Controller, Counted, Installation, OFTEN, SELDOM};
use super::seed::{self, CLUSTER, Size, service_name};
use super::simulator::{Calls, Simulator};

/// How services are read, ten at a time: see `docs/ARCHITECTURE.md`, "What a pass asks of AWS".
const SERVICES_PER_CALL: u32 = 10;
/// The longest that anything here may take: reading 5,000 task definitions at half of AWS's rate takes eight minutes.
const BOUND: Duration = Duration::from_mins(20);

/// What to measure, and with what.
pub(super) struct Setting<'a> {
    /// The controller's program.
    pub(super) bowline: &'a Path,
    /// The simulator's program.
    pub(super) simulator: &'a Path,
    /// How long the simulator holds back each reply.
    pub(super) latency: &'a str,
    /// Whether it enforces AWS's rates.
    pub(super) throttle: bool,
    /// How often Bowline looks; absent is its default.
    pub(super) intervals: Option<(&'a str, &'a str)>,
    /// How many hot passes are averaged over.
    pub(super) passes: u32,
    /// How many services are changed by another client.
    pub(super) changes: u32,
    /// Whether the same is read by hand, too.
    pub(super) by_hand: bool,
    /// Tells how far it is.
    pub(super) progress: &'a dyn Fn(&str),
}

/// What was measured over one world.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sweep {
    /// Services.
    pub(super) services: u32,
    /// Those of them whose task definition is a file in git.
    pub(super) with_file: u32,
    /// Secrets.
    pub(super) secrets: u32,
    /// Terraform states.
    pub(super) states: u32,
    /// The size of one DescribeServices answer, in bytes.
    pub(super) answer_bytes: usize,
    /// The very first start: empty store, no mirror of the repository, no task definition known.
    pub(super) cold: Start,
    /// A start with what the one before left on disk.
    pub(super) warm: Start,
    /// Passes over services that nobody touched.
    pub(super) hot: Hot,
    /// Memory of the warm process.
    pub(super) memory: Memory,
    /// From a commit that changes one service to the status that shows it.
    pub(super) commit: Commit,
    /// From a change by somebody else to the status that shows it.
    pub(super) drift: Drift,
    /// The same read without Bowline.
    pub(super) by_hand: Vec<ByHand>,
}

/// From the process's start to the end of its first complete pass.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Start {
    /// How long it took.
    pub(super) seconds: f64,
    /// CPU time, user and system.
    pub(super) cpu_milliseconds: f64,
    /// Calls to AWS.
    pub(super) calls: Calls,
}

/// Passes over services that nobody touched.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Hot {
    /// How often all services were read.
    pub(super) passes: u32,
    /// How long that took altogether, in seconds, waiting in between included.
    pub(super) seconds: f64,
    /// How long one pass took, in seconds; passes over secrets or states only are not shorter than services' ones here.
    pub(super) pass_seconds: f64,
    /// CPU time for each pass over all services, everything in between included (secrets, states, git, waiting).
    pub(super) cpu_milliseconds_per_pass: f64,
    /// Calls to AWS altogether.
    pub(super) calls: Calls,
}

/// Resident memory in megabytes (10^6 bytes).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Memory {
    /// After the hot passes.
    pub(super) resident: f64,
    /// The most, up to the end: the start, and status documents that were asked for, included.
    pub(super) peak: f64,
}

/// From a commit that changes one service to the status that shows it: git is asked as often as it is by default, without a
/// webhook.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Commit {
    /// How long it took.
    pub(super) seconds: f64,
    /// CPU time, user and system.
    pub(super) cpu_milliseconds: f64,
    /// Calls to AWS.
    pub(super) calls: Calls,
}

/// Seconds from a change to the status that shows it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Drift {
    /// How many services were changed.
    pub(super) changes: u32,
    /// The median.
    pub(super) p50: f64,
    /// 99 % are not above.
    pub(super) p99: f64,
    /// The longest.
    pub(super) longest: f64,
}

/// Makes a world of this size in `folder`, and measures.
pub(super) fn sweep(setting: &Setting<'_>, size: Size, folder: &Path) -> Result<Sweep> {
    let tell = |what: &str| (setting.progress)(&format!("{} services: {what}", size.services));
    tell("making them");
    let more: &[&str] = if setting.throttle { &["--throttle"] } else { &[] };
    let simulator = Simulator::start(setting.simulator, folder, setting.latency, more)?;
    let repository: PathBuf = folder.join("repository");
    let answer_bytes = seed::seed(&simulator, size, &repository)?;
    let installation = Installation {
        binary: setting.bowline,
        folder: folder.join("installation"),
        endpoint: &simulator.url,
        settings: settings(&repository, setting.intervals),
    };

    tell("first start");
    let (cold, controller) = start(&installation, &simulator, size)?;
    controller.process.end()?;
    tell("start with a warm cache");
    let (warm, mut controller) = start(&installation, &simulator, size)?;
    tell(&format!("{} passes over services that nobody touches", setting.passes));
    let hot = hot(&mut controller, &simulator, size, setting.passes)?;
    let (resident, _) = controller.process.memory_megabytes()?;
    tell("one commit");
    let commit = commit(&mut controller, &simulator, size, &repository)?;
    tell(&format!("{} changes by somebody else", setting.changes));
    let round = Duration::from_secs_f64(hot.seconds / f64::from(hot.passes));
    let drift = drift(&mut controller, &simulator, setting.changes, round)?;
    let (_, peak) = controller.process.memory_megabytes()?;
    controller.process.end()?;
    let by_hand = if setting.by_hand {
        tell("the same by hand");
        by_hand::measure(&simulator, size.services, folder)?
    } else {
        Vec::new()
    };
    Ok(Sweep {
        services: size.services,
        with_file: size.files(),
        secrets: size.secrets(),
        states: size.states(),
        answer_bytes,
        cold,
        warm,
        hot,
        memory: Memory { resident, peak },
        commit,
        drift,
        by_hand,
    })
}

fn settings(repository: &Path, intervals: Option<(&str, &str)>) -> String {
    let intervals = intervals.map_or_else(String::new, |(live, other)| {
        format!("intervals: {{ live: {live}, secrets: {other}, states: {other} }}\n")
    });
    format!("sources:\n  - repo: file://{}\nceiling:\n  mode: observe\n{intervals}", repository.display())
}

/// Starts the controller and waits for its first pass, which must find everything as git wants it.
fn start(installation: &Installation<'_>, simulator: &Simulator, size: Size) -> Result<(Start, Controller)> {
    simulator.forget_calls()?;
    let mut controller = installation.start()?;
    controller.until("the first pass", BOUND, OFTEN, |counted| counted.passes >= 1.0)?;
    let seconds = controller.started.elapsed().as_secs_f64();
    let cpu_milliseconds = controller.process.cpu_milliseconds()?;
    let calls = simulator.calls()?;
    let totals = controller.totals()?;
    if totals != BTreeMap::from([("in-sync".to_owned(), u64::from(size.resources()))]) {
        bail!("after its first pass Bowline says {totals:?} of {} resources in sync", size.resources());
    }
    Ok((Start { seconds, cpu_milliseconds, calls }, controller))
}

fn hot(controller: &mut Controller, simulator: &Simulator, size: Size, passes: u32) -> Result<Hot> {
    // The one after a start may still write what is new to it.
    let before = all_read(controller, size, 1)?;
    simulator.forget_calls()?;
    let cpu_before = controller.process.cpu_milliseconds()?;
    let begun = Instant::now();
    let after = all_read(controller, size, passes)?;
    let cpu = controller.process.cpu_milliseconds()? - cpu_before;
    let seconds = begun.elapsed().as_secs_f64();
    let calls = simulator.calls()?;
    Ok(Hot {
        passes,
        seconds,
        pass_seconds: (after.pass_seconds - before.pass_seconds) / (after.passes - before.passes),
        cpu_milliseconds_per_pass: cpu / f64::from(passes),
        calls,
    })
}

/// Waits until all services were read so many times more, and the pass that did so has ended.
fn all_read(controller: &mut Controller, size: Size, times: u32) -> Result<Counted> {
    let before = controller.metrics()?;
    let enough = before.describe_services + f64::from(size.services.div_ceil(SERVICES_PER_CALL) * times);
    let passes_before_the_last_call = Cell::new(before.passes);
    controller.until("a pass over all services", BOUND, SELDOM, |now| {
        if now.describe_services < enough {
            passes_before_the_last_call.set(now.passes);
        }
        now.describe_services >= enough && now.passes > passes_before_the_last_call.get()
    })
}

/// Commits another count for the service that nobody else changes.
fn commit(
    controller: &mut Controller,
    simulator: &Simulator,
    size: Size,
    repository: &Path,
) -> Result<Commit> {
    simulator.forget_calls()?;
    let cpu_before = controller.process.cpu_milliseconds()?;
    let begun = Instant::now();
    let number = size.services - 1;
    seed::commit_another_count(repository, size, number)?;
    let mut passes = controller.metrics()?.passes;
    while !controller.drifted()?.contains(&service_name(number)) {
        passes =
            controller.until("a pass over the new commit", BOUND, SELDOM, |now| now.passes > passes)?.passes;
    }
    let seconds = begun.elapsed().as_secs_f64();
    let cpu_milliseconds = controller.process.cpu_milliseconds()? - cpu_before;
    Ok(Commit { seconds, cpu_milliseconds, calls: simulator.calls()? })
}

/// Changes services one after the other, spread over more than two of the controller's rounds so that every phase of a round
/// is met, and watches the status for them.
fn drift(controller: &mut Controller, simulator: &Simulator, changes: u32, round: Duration) -> Result<Drift> {
    let pause = round.mul_f64(2.3) / changes;
    let (sender, made) = mpsc::channel();
    let mut delays = thread::scope(|scope| {
        let changing = scope.spawn(move || {
            for number in 0..changes {
                let name = service_name(number);
                let mut body = seed::meddled(number);
                body["cluster"] = json!(CLUSTER);
                body["service"] = json!(name);
                // Nobody listens any more only if the watching failed, which is what is then told.
                let _ = sender.send((name, Instant::now()));
                simulator.ecs("UpdateService", &body)?;
                thread::sleep(pause);
            }
            Ok(())
        });
        let seen = watch(controller, &made, changes);
        let changing =
            changing.join().unwrap_or_else(|_| bail!("the thread that changes services ended early"));
        changing.and(seen)
    })?;
    delays.sort_unstable();
    Ok(Drift {
        changes,
        p50: percentile(&delays, 50).as_secs_f64(),
        p99: percentile(&delays, 99).as_secs_f64(),
        longest: percentile(&delays, 100).as_secs_f64(),
    })
}

/// The time from each change to the status that shows it.
fn watch(
    controller: &mut Controller,
    made: &mpsc::Receiver<(String, Instant)>,
    changes: u32,
) -> Result<Vec<Duration>> {
    let mut pending: BTreeMap<String, Instant> = BTreeMap::new();
    let mut delays = Vec::new();
    let mut passes = controller.metrics()?.passes;
    while delays.len() < changes as usize {
        passes = controller.until("a pass", BOUND, OFTEN, |now| now.passes > passes)?.passes;
        let drifted = controller.drifted()?;
        let now = Instant::now();
        pending.extend(made.try_iter());
        for name in drifted {
            if let Some(at) = pending.remove(&name) {
                delays.push(now.duration_since(at));
            }
        }
    }
    Ok(delays)
}

/// The nearest-rank percentile of sorted times; zero of none.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let fifty: Vec<Duration> = (1..=50).map(Duration::from_secs).collect();
        let of = |percent| percentile(&fifty, percent).as_secs();
        assert_eq!([of(1), of(50), of(99), of(100)], [1, 25, 50, 50]);
        assert_eq!(percentile(&[], 50), Duration::ZERO);
    }
}
