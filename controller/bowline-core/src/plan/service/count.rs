//! How many tasks should run?

use super::gate::held_until;
use super::{ServiceOutlook, Subject};
use crate::diff::diff_desired_count;
use crate::live::SchedulingStrategy;
use crate::plan::report::HeldWhy;

/// Plans the change of the desired count. It goes through whatever else is under way.
pub(super) fn scale(subject: &Subject<'_>, outlook: &mut ServiceOutlook<'_>) {
    let wanted = subject.wanted.resource.spec.desired_count;
    if subject.live.scheduling == SchedulingStrategy::Daemon {
        if wanted.is_some() && !subject.ignored.covers("desiredCount") {
            let what = format!(
                "{} is a DAEMON service: ECS decides its count; remove desiredCount",
                subject.wanted.resource.spec.service
            );
            outlook.report.hold(HeldWhy::NeedsPerson { what });
        }
        return;
    }
    let Some(difference) = diff_desired_count(wanted, subject.live.desired_count, &subject.ignored) else {
        return;
    };
    outlook.report.differences.push(difference);
    let stopped = subject.live.desired_count == 0
        && subject
            .memory
            .and_then(|memory| memory.reached_count)
            .is_none_or(|reached| Some(reached) == wanted);
    if stopped {
        let found = match outlook.deviation.take() {
            Some(revision) => format!("{revision}, count 0"),
            None => "count 0".to_owned(),
        };
        let until = held_until(subject, &found);
        outlook.deviation = Some(found);
        if let Some(until) = until {
            outlook.report.hold(HeldWhy::HealDelay { until });
            outlook.report.notes.push("somebody scaled it to 0".to_owned());
            return;
        }
    }
    outlook.update.get_or_insert_default().desired_count = wanted;
}
