//! What speaks for a bad verdict, below the resource that it is about.

use std::fmt::Write as _;

use bowline_core::live::ProbeOutcome;
use bowline_core::plan::{FailedRollout, StoppedGroup};
use owo_colors::OwoColorize;

/// How many lines of each kind are shown; `-o json` has all of them.
const MOST_LINES: usize = 5;

/// The failed rollout with its evidence.
pub(super) fn text(failed: &FailedRollout) -> String {
    let mut text = String::new();
    let mut line = |label: &str, what: &str| {
        let _ = writeln!(text, "    {} {what}", label.dimmed());
    };
    let commit = failed.commit.get(..8).unwrap_or(&failed.commit);
    let ended = failed.ended_at.map_or_else(String::new, |at| format!(" to {at:.0}"));
    line("failed:", &format!("commit {commit}, from {:.0}{ended}: {}", failed.began_at, failed.reason));
    let Some(evidence) = &failed.evidence else { return text };
    for group in evidence.tasks.iter().flatten().take(MOST_LINES) {
        line("tasks:", &self::group(group));
    }
    if let Some(why) = &evidence.unread {
        line("tasks:", &format!("not read, and tried again: {why}"));
    }
    for probe in evidence.probes.iter().take(MOST_LINES) {
        let what = match &probe.outcome {
            ProbeOutcome::Failed(what) | ProbeOutcome::Unknown(what) | ProbeOutcome::Refused(what) => what,
            ProbeOutcome::Passed => continue,
        };
        line("probe:", &format!("{}: {what} ({:.0})", probe.condition, probe.at));
    }
    for event in evidence.events.iter().take(MOST_LINES) {
        line("event:", &format!("{:.0} {}", event.at, event.message));
    }
    for difference in evidence.changed.iter().take(MOST_LINES) {
        line("change:", &format!("{}: {} -> {}", difference.path, difference.found, difference.wanted));
    }
    text
}

/// `3 EssentialContainerExited: Essential container in task exited; app exited with 1`.
fn group(group: &StoppedGroup) -> String {
    let mut text = format!("{} {}", group.count, group.stop_code);
    if !group.reason.is_empty() {
        let _ = write!(text, ": {}", group.reason);
    }
    for container in &group.containers {
        let exit = container
            .exit_code
            .map_or_else(|| "did not run".to_owned(), |code| format!("exited with {code}"));
        let _ = write!(text, "; {} {exit}", container.name);
        if let Some(reason) = container.reason.as_ref().filter(|reason| **reason != group.reason) {
            let _ = write!(text, " ({reason})");
        }
    }
    text
}
