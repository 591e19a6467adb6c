//! The measurements as text, or as one JSON document.

use serde::Serialize;

use super::budget::Verdict;
use super::rollback::Rollback;
use super::simulator::Calls;
use super::sweep::Sweep;

/// Everything that one run found.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    /// The version of this document's shape.
    pub(super) version: u32,
    /// Where it was measured.
    pub(super) machine: Machine,
    /// `dist`, as it is shipped, or `debug`.
    pub(super) build: &'static str,
    /// How long the simulator held back each reply.
    pub(super) latency: String,
    /// Whether it enforced AWS's rates.
    pub(super) throttle: bool,
    /// One for each number of services.
    pub(super) sweeps: Vec<Sweep>,
    /// How fast rollbacks are.
    pub(super) rollback: Rollback,
    /// Every budget.
    pub(super) budgets: Vec<Verdict>,
}

/// Where it was measured.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Machine {
    /// The operating system and the processor's kind.
    pub(super) system: String,
    /// Processors.
    pub(super) cores: usize,
    /// Memory in gigabytes (10^9 bytes).
    pub(super) memory_gigabytes: f64,
    /// How many programs wanted to run in the minute before, on average. Above 1, times are longer than they had to be.
    pub(super) load: f64,
}

impl Report {
    /// As text.
    pub(super) fn text(&self) -> String {
        let machine = &self.machine;
        let rates = if self.throttle { "AWS's rates enforced" } else { "no rates enforced" };
        let mut lines = vec![format!(
            "{}, {} cores, {:.0} GB; {} build; each reply held back {}; {rates}",
            machine.system, machine.cores, machine.memory_gigabytes, self.build, self.latency
        )];
        if machine.load > 1.0 {
            lines.push(format!(
                "The machine was busy before (load {:.1}): CPU time and counts hold, other times may be too long.",
                machine.load
            ));
        }
        for sweep in &self.sweeps {
            lines.push(String::new());
            lines.extend(sweep_lines(sweep));
        }
        lines.push(String::new());
        lines.push(format!(
            "Rollbacks: {:.1} s from the bad verdict to the pull request, {:.1} s to the first call of the recovery where Bowline merges",
            self.rollback.pull_request, self.rollback.recovery
        ));
        lines.push(String::new());
        lines.push("Budgets".to_owned());
        for verdict in &self.budgets {
            let mark = match (verdict.met, verdict.hard) {
                (true, _) => "ok",
                (false, true) => "EXCEEDED",
                (false, false) => "above",
            };
            lines.push(format!(
                "  {mark:<9} {:>5} services  {:<32} {:>8}  found {}",
                verdict.services, verdict.what, verdict.budget, verdict.found
            ));
        }
        lines.join("\n")
    }
}

fn sweep_lines(sweep: &Sweep) -> Vec<String> {
    let mut lines = vec![
        format!(
            "{} services ({} with a task definition file), {} secrets, {} states; {:.0} KB an answer of DescribeServices",
            sweep.services,
            sweep.with_file,
            sweep.secrets,
            sweep.states,
            // A size in KB needs no more digits than f64 has.
            f64::from(u32::try_from(sweep.answer_bytes).unwrap_or(u32::MAX)) / 1e3
        ),
        format!("  {:<28} {:>9} {:>11}  {}", "", "time", "CPU", "calls"),
    ];
    for (name, start) in [("first start", &sweep.cold), ("start with a warm cache", &sweep.warm)] {
        let (time, cpu) = (seconds(start.seconds), milliseconds(start.cpu_milliseconds));
        lines.push(format!("  {name:<28} {time:>9} {cpu:>11}  {}", listed(&start.calls)));
    }
    let hot = &sweep.hot;
    let name = format!("hot pass, mean of {}", hot.passes);
    let (time, cpu) = (seconds(hot.pass_seconds), milliseconds(hot.cpu_milliseconds_per_pass));
    lines.push(format!("  {name:<28} {time:>9} {cpu:>11}  {} in all of them", listed(&hot.calls)));
    for way in &sweep.by_hand {
        let (time, cpu) = (seconds(way.seconds), milliseconds(way.cpu_seconds * 1e3));
        let sample = if way.measured < sweep.services {
            format!(" for {} services; time and CPU extrapolated", way.measured)
        } else {
            String::new()
        };
        lines.push(format!("  {:<28} {time:>9} {cpu:>11}  {}{sample}", way.way, listed(&way.calls)));
    }
    lines.push(format!(
        "  memory: {:.0} MB after the hot passes, {:.0} MB at most",
        sweep.memory.resident, sweep.memory.peak
    ));
    let commit = &sweep.commit;
    lines.push(format!(
        "  commit to reported: {}, CPU {}; {}",
        seconds(commit.seconds),
        milliseconds(commit.cpu_milliseconds),
        listed(&commit.calls)
    ));
    let drift = &sweep.drift;
    lines.push(format!(
        "  drift to reported, {} changes: p50 {:.1} s, p99 {:.1} s, longest {:.1} s",
        drift.changes, drift.p50, drift.p99, drift.longest
    ));
    lines
}

fn seconds(seconds: f64) -> String {
    if seconds < 1.0 { format!("{:.0} ms", seconds * 1e3) } else { format!("{seconds:.1} s") }
}

fn milliseconds(milliseconds: f64) -> String {
    seconds(milliseconds / 1e3)
}

fn listed(calls: &Calls) -> String {
    let one = |(name, count): (&String, &super::simulator::Count)| {
        let operation = name.split_once(' ').map_or(name.as_str(), |(_, operation)| operation);
        match count.refused {
            0 => format!("{operation} {}", count.calls),
            refused => format!("{operation} {} ({refused} refused)", count.calls),
        }
    };
    calls.0.iter().map(one).collect::<Vec<_>>().join(", ")
}
