//! What speaks for a bad verdict, below the resource that it is about.

use std::fmt::Write as _;

use bowline_core::plan::FailedRollout;
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
        line("tasks:", &group.to_string());
    }
    if let Some(why) = &evidence.unread {
        line("tasks:", &format!("not read, and tried again: {why}"));
    }
    for stream in evidence.logs.iter().take(MOST_LINES) {
        line("logs:", &stream.to_string());
    }
    for (condition, what, at) in evidence.failed_probes().take(MOST_LINES) {
        line("probe:", &format!("{condition}: {what} ({at:.0})"));
    }
    for event in evidence.events.iter().take(MOST_LINES) {
        line("event:", &format!("{:.0} {}", event.at, event.message));
    }
    for difference in evidence.changed.iter().take(MOST_LINES) {
        line("change:", &format!("{}: {} -> {}", difference.path, difference.found, difference.wanted));
    }
    text
}
