//! A suspension is told when it begins, half an hour before its end, and when it is over; each once.

use jiff::Timestamp;

use crate::plan::event::{Event, EventKind};
use crate::plan::memory::{Memory, ToldSuspension};
use crate::plan::report::{HeldWhy, ResourceReport};
use crate::plan::warning::Warning;

/// Tells what changed since it was last told.
pub(super) fn tell(
    memory: &mut Memory,
    reports: &[&ResourceReport],
    now: Timestamp,
    events: &mut Vec<Event>,
) {
    for report in reports {
        let id = report.resource.to_string();
        let known = memory.resources.get(&id).and_then(|resource| resource.suspension.clone());
        let held = report.held.iter().find(|why| matches!(why, HeldWhy::Suspended { .. }));
        let until = report.suspended_until();
        let ending = report.warnings.iter().find(|warning| matches!(warning, Warning::SuspensionEnds { .. }));
        let mut event = |kind, message: String| events.push(Event::new(now, &report.resource, kind, message));
        if let Some(held) = held.filter(|_| known.as_ref().map(|known| known.until) != until) {
            event(EventKind::Suspended, held.to_string());
        }
        if let Some(ending) = ending.filter(|_| !known.as_ref().is_some_and(|known| known.soon)) {
            event(EventKind::SuspensionEnds, ending.to_string());
        }
        if known.is_some() && until.is_none() {
            event(EventKind::Resumed, "its suspension is over: it is acted on again".to_owned());
        }
        let told = until.map(|until| ToldSuspension { until, soon: ending.is_some() });
        if told != known {
            memory.resource_mut(&id).suspension = told;
        }
    }
}
