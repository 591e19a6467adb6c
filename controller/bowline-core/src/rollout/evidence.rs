//! What speaks for a bad verdict: service events, tasks that failed, health conditions, and what was changed.
//!
//! Everything is bounded, since it is kept with the attempt and told in pull requests.

mod logs;

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::began_since;
use crate::live::{LiveService, Observed, ProbeOutcome, ProbeResult, StoppedContainer, StoppedTask};
pub(crate) use logs::add_logs;

use crate::plan::{Evidence, EvidenceEvent, InFlight, StoppedGroup};

/// How many groups of tasks, conditions and differences are kept.
const MOST: usize = 20;
/// How many characters of a sentence are kept.
const MOST_CHARACTERS: usize = 500;

/// Gathers what is known when the verdict falls. Tasks that could not be read are added later by [`add_tasks`].
pub(crate) fn gather(
    in_flight: &InFlight,
    service: Option<&LiveService>,
    stopped: Option<&Observed<Vec<StoppedTask>>>,
) -> Evidence {
    let began = |at: &Timestamp| began_since(Some(*at), in_flight.started_at);
    let events = service.into_iter().flat_map(|service| service.events.iter()).filter(|(at, _)| began(at));
    let events = events.map(|(at, message)| EvidenceEvent { at: *at, message: short(message) });
    let probes = in_flight.watch.health.iter().filter_map(|(name, standing)| {
        let last = standing.last.as_ref().filter(|_| !standing.is_met())?;
        let outcome = match &last.outcome {
            ProbeOutcome::Passed => return None,
            ProbeOutcome::Failed(what) => ProbeOutcome::Failed(short(what)),
            ProbeOutcome::Unknown(what) => ProbeOutcome::Unknown(short(what)),
            ProbeOutcome::Refused(what) => ProbeOutcome::Refused(short(what)),
        };
        Some(ProbeResult { condition: name.clone(), at: last.at, outcome, body: last.body.clone() })
    });
    let mut evidence = Evidence {
        events: events.take(MOST).collect(),
        tasks: None,
        unread: None,
        logs: Vec::new(),
        probes: probes.take(MOST).collect(),
        changed: in_flight.watch.changed.clone(),
    };
    if let Some(stopped) = stopped {
        add_tasks(&mut evidence, stopped);
    }
    evidence
}

/// Adds the tasks that failed, or why they cannot be read.
pub(crate) fn add_tasks(evidence: &mut Evidence, stopped: &Observed<Vec<StoppedTask>>) {
    match stopped {
        Observed::Known { value, .. } => {
            evidence.tasks = Some(group(value));
            evidence.unread = None;
        }
        Observed::Missing => evidence.tasks = Some(Vec::new()),
        Observed::Unknown { why } => evidence.unread = Some(short(&why.message)),
    }
}

/// Stop code, reason and containers: what makes failures alike.
type How = (String, String, Vec<StoppedContainer>);

/// Groups tasks by how they failed, the largest group first. Those that ECS or a person stopped on purpose did not fail.
fn group(tasks: &[StoppedTask]) -> Vec<StoppedGroup> {
    let mut groups: BTreeMap<How, (u32, Option<Timestamp>)> = BTreeMap::new();
    for task in tasks.iter().filter(|task| has_failed(task)) {
        let code = task.stop_code.clone().unwrap_or_else(|| "unknown".to_owned());
        let reason = task.reason.as_deref().map(|reason| short(&without_ids(reason))).unwrap_or_default();
        let ended = task.containers.iter().filter(|one| one.reason.is_some() || one.exit_code != Some(0));
        let containers = ended.map(|one| StoppedContainer {
            name: one.name.clone(),
            exit_code: one.exit_code,
            reason: one.reason.as_deref().map(|reason| short(&without_ids(reason))),
        });
        let (count, last) = groups.entry((code, reason, containers.take(MOST).collect())).or_default();
        *count += 1;
        *last = (*last).max(task.stopped_at);
    }
    let mut groups: Vec<StoppedGroup> = groups
        .into_iter()
        .map(|((stop_code, reason, containers), (count, last_at))| StoppedGroup {
            count,
            last_at,
            stop_code,
            reason,
            containers,
        })
        .collect();
    groups.sort_by_key(|group| std::cmp::Reverse((group.count, group.last_at)));
    groups.truncate(MOST);
    groups
}

/// A task that was stopped on purpose, by a scaling activity or by a person, tells nothing of the deployment.
fn has_failed(task: &StoppedTask) -> bool {
    let scaled = task.reason.as_deref().is_some_and(|why| why.starts_with("Scaling activity initiated by"));
    task.stop_code.as_deref() != Some("UserInitiated") && !scaled
}

/// The sentence with 32-digit ids taken out: each task has its own, and they would keep like tasks apart.
fn without_ids(text: &str) -> String {
    let is_id = |word: &str| word.len() == 32 && word.chars().all(|c| c.is_ascii_hexdigit());
    text.split_inclusive(|c: char| !c.is_ascii_alphanumeric())
        .map(|piece| {
            let word = piece.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
            if is_id(word) { piece.replacen(word, "...", 1) } else { piece.to_owned() }
        })
        .collect()
}

fn short(text: &str) -> String {
    text.chars().take(MOST_CHARACTERS).collect()
}

#[cfg(test)]
mod tests;
