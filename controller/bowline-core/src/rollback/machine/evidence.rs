//! What speaks for a verdict, as text.

use std::fmt::Write as _;

use super::FailedSpec;
use super::quoted::{defused, fenced};
use super::text::list;
use crate::plan::Evidence;

impl FailedSpec {
    /// The verdict in one sentence, with what speaks most for it: for histories and messages of commits.
    pub fn sentence(&self) -> String {
        let Some(evidence) = &self.evidence else { return self.reason.clone() };
        let mut sentence = format!("{}{}", self.reason, evidence.summary());
        if let Some((condition, what, _)) = evidence.failed_probes().next() {
            let _ = write!(sentence, "; {condition}: {what}");
        }
        sentence
    }

    /// Everything that is known, as lists of Markdown.
    pub(super) fn markdown(&self, text: &mut String) {
        let none = Evidence::default();
        let evidence = self.evidence.as_deref().unwrap_or(&none);
        let tasks: Vec<String> = evidence.tasks.iter().flatten().map(ToString::to_string).collect();
        list(text, "Tasks that stopped", &tasks);
        if let Some(why) = evidence.unread.as_ref().filter(|_| evidence.tasks.is_none()) {
            let _ = writeln!(text, "The tasks that stopped could not be read yet: {}\n", defused(why));
        }
        let logs: Vec<String> = evidence.logs.iter().map(ToString::to_string).collect();
        list(text, "What they wrote, for who may read it", &logs);
        let probes = evidence.failed_probes();
        let probes: Vec<String> =
            probes.map(|(condition, what, at)| format!("{condition}: {what} ({at:.0})")).collect();
        list(text, "Health conditions that were not true", &probes);
        for (condition, _, body) in evidence.bodies() {
            let _ = writeln!(text, "What `{}` answered\n\n{}\n", defused(condition), fenced(body));
        }
        let events = evidence.events.iter();
        let events: Vec<String> = events.map(|event| format!("{:.0} {}", event.at, event.message)).collect();
        list(text, "What ECS said since it began, newest first", &events);
        list(text, "The attempt", &self.attempt);
        let changed: Vec<String> = evidence.changed.iter().map(ToString::to_string).collect();
        if changed.is_empty() {
            list(text, "What git wanted and live does not have", &self.differences);
        } else {
            list(text, "What the deployment changed, values by their length", &changed);
        }
    }
}
