//! What a suspension means: the resource is looked at and reported, and nothing is done to it.

use jiff::{SignedDuration, Timestamp};

use super::action::TagKey;
use super::hold::Hold;
use super::report::{HeldWhy, ResourceReport};
use super::warning::Warning;
use crate::desired::kind::Suspension;

/// How long before its end a suspension is warned about: somebody has to be able to react.
const NOTICE: SignedDuration = SignedDuration::from_mins(30);

/// Notes in the report what the suspension says; see [`ResourceReport::suspended_until`] for whether it is in force.
pub(crate) fn note(suspension: Option<&Suspension>, now: Timestamp, report: &mut ResourceReport) {
    let Some(suspension) = suspension else { return };
    let until = suspension.until.timestamp();
    if !suspension.holds(now) {
        report.notes.push(format!(
            "its suspension ended at {until:.0}, and is without effect; `bowline resume {}` takes it out of git",
            report.resource
        ));
        return;
    }
    in_force(until, suspension.reason.to_string(), now, report);
}

/// Notes a hold that somebody put on the service itself, while it lasts. Where git suspends it as well, that is told.
pub(crate) fn note_hold(hold: Option<Hold>, now: Timestamp, report: &mut ResourceReport) {
    let Some(Hold { until, reason }) = hold else { return };
    if now < until && report.suspended_until().is_none() {
        let key = TagKey::Hold.as_str();
        let reason = format!("break-glass: {reason} (take the tag {key} off the service to end it now)");
        in_force(until, reason, now, report);
    }
}

fn in_force(until: Timestamp, reason: String, now: Timestamp, report: &mut ResourceReport) {
    // What would have held an action is beside the point; what failed before stays true.
    report.held.retain(|why| matches!(why, HeldWhy::Quarantined { .. }));
    report.held.insert(0, HeldWhy::Suspended { until, reason });
    if until.duration_since(now) <= NOTICE {
        report.warnings.push(Warning::SuspensionEnds { resource: report.resource.clone(), until });
    }
}
