//! What may it cost? Measurements in; for each budget, whether it is met.

use serde::Serialize;

use super::rollback::{Rollback, SERVICES};
use super::sweep::Sweep;

/// CPU time for a pass over 1,000 services that nobody touched, in milliseconds.
const CPU_PER_THOUSAND: f64 = 100.0;
/// Memory at up to [`MOST_SERVICES`] services, in megabytes.
const MEMORY: f64 = 100.0;
const MOST_SERVICES: u32 = 5_000;
/// From the start to the end of the first pass with a warm cache, at up to [`USUAL_SERVICES`] services, in seconds.
const START: f64 = 10.0;
/// From a change to its report by polling, 99 of 100, at up to [`USUAL_SERVICES`] services, in seconds.
const REPORTED: f64 = 30.0;
const USUAL_SERVICES: u32 = 1_000;

/// From the bad verdict to the opened pull request, in seconds.
const PULL_REQUEST: f64 = 3.0;
/// From the bad verdict to the first call of the recovery, where Bowline merges, in seconds.
const RECOVERY: f64 = 5.0;

/// One budget, and what was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Verdict {
    /// How many services it was measured over.
    pub(super) services: u32,
    /// What is limited.
    pub(super) what: &'static str,
    /// The limit.
    pub(super) budget: String,
    /// What was measured.
    pub(super) found: String,
    /// Whether it is within the limit.
    pub(super) met: bool,
    /// Whether exceeding it makes the benchmark fail. Times that a busy machine changes are only reported.
    pub(super) hard: bool,
}

/// What must hold on any machine and in any build: the number of calls.
pub(super) fn counts(sweep: &Sweep) -> Vec<Verdict> {
    let calls = &sweep.hot.calls;
    let (describe, per_pass) = (calls.of("ecs DescribeServices"), sweep.services.div_ceil(10));
    let other: u32 =
        calls.0.iter().filter(|(name, _)| name.starts_with("ecs ")).map(|(_, count)| count.calls).sum();
    let other = other - describe;
    vec![
        Verdict {
            services: sweep.services,
            what: "DescribeServices in a hot pass",
            budget: format!("{per_pass}"),
            found: format!("{} in {} passes", describe, sweep.hot.passes),
            met: describe == per_pass * sweep.hot.passes,
            hard: true,
        },
        Verdict {
            services: sweep.services,
            what: "other ECS calls in a hot pass",
            budget: "0".to_owned(),
            found: format!("{other} in {} passes", sweep.hot.passes),
            met: other == 0,
            hard: true,
        },
    ]
}

/// What holds for what is shipped, on a machine like the one that `docs/benchmarks.md` names.
pub(super) fn costs(sweep: &Sweep) -> Vec<Verdict> {
    // What a pass costs whatever it looks at is granted once.
    let cpu = CPU_PER_THOUSAND * (f64::from(sweep.services) / 1_000.0).max(1.0);
    let found = sweep.hot.cpu_milliseconds_per_pass;
    let mut verdicts = vec![Verdict {
        services: sweep.services,
        what: "CPU for a hot pass",
        budget: format!("{cpu:.0} ms"),
        found: format!("{found:.0} ms"),
        met: found <= cpu,
        hard: true,
    }];
    if sweep.services <= MOST_SERVICES {
        verdicts.push(Verdict {
            services: sweep.services,
            what: "peak memory",
            budget: format!("{MEMORY:.0} MB"),
            found: format!("{:.0} MB", sweep.memory.peak),
            met: sweep.memory.peak <= MEMORY,
            hard: true,
        });
    }
    if sweep.services <= USUAL_SERVICES {
        let services = sweep.services;
        verdicts.push(seconds(services, "start to first pass, warm cache", START, sweep.warm.seconds));
        verdicts.push(seconds(services, "drift to reported, p99", REPORTED, sweep.drift.p99));
    }
    verdicts
}

/// How fast a rollback is.
pub(super) fn rollback(rollback: &Rollback) -> Vec<Verdict> {
    let services = u32::try_from(SERVICES.len()).unwrap_or(u32::MAX);
    vec![
        seconds(services, "bad verdict to pull request", PULL_REQUEST, rollback.pull_request),
        seconds(services, "bad verdict to recovery, merged", RECOVERY, rollback.recovery),
    ]
}

fn seconds(services: u32, what: &'static str, budget: f64, found: f64) -> Verdict {
    let (met, found) = (found <= budget, format!("{found:.1} s"));
    Verdict { services, what, budget: format!("{budget:.0} s"), found, met, hard: false }
}
