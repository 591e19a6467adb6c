//! How many tasks should run?

use super::gate::held_until;
use super::{ServiceOutlook, Subject};
use crate::diff::{Difference, Reason, diff_desired_count};
use crate::live::{Asked, Observed, ScalableTarget, SchedulingStrategy};
use crate::plan::report::{HeldWhy, WaitingOn};
use crate::plan::seldom::{may_pass, resource_id};
use crate::plan::warning::Warning;

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
    let difference = diff_desired_count(wanted, subject.live.desired_count, &subject.ignored);
    let target = scalable_target(subject);
    if let (Some(wanted), Some(ScalableTarget { minimum, maximum, .. })) = (wanted, target) {
        let (minimum, maximum) = (*minimum, *maximum);
        outlook.report.warnings.push(Warning::CountAutoscaled { wanted, minimum, maximum });
    }
    let Some(difference) = difference else { return };
    // 0 in git is a person's emergency stop: it goes before what autoscaling wants.
    if let Some(target) = target.filter(|_| wanted != Some(0)) {
        outlook.report.left_alone.push(owned_by(*target, difference));
        return;
    }
    if let Some(unread) = unread_target(subject) {
        outlook.report.differences.push(difference);
        outlook.report.waiting_on.get_or_insert(unread);
        return;
    }
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

/// What was said of the scalable target of this service, and not of another one that git meant before.
fn asked<'a>(subject: &Subject<'a>) -> Option<&'a Asked<ScalableTarget>> {
    let id = resource_id(subject.world.desired, &subject.wanted.resource.spec)?;
    subject.world.live.scalable_targets.get(subject.name).filter(|asked| asked.about == id)
}

/// The scalable target that may change the count.
fn scalable_target<'a>(subject: &Subject<'a>) -> Option<&'a ScalableTarget> {
    asked(subject)?.found.known().filter(|target| target.scales())
}

/// The count belongs to whoever moves it all the time: setting it back in each pass would take away the tasks that the load
/// needs, and autoscaling would start them again.
fn owned_by(target: ScalableTarget, difference: Difference) -> Difference {
    let ScalableTarget { minimum, maximum, .. } = target;
    let owner = Some(format!("Application Auto Scaling ({minimum} to {maximum})"));
    Difference { reason: Reason::OwnedBy, owner, ..difference }
}

/// The wait for an answer that did not come: autoscaling may own the count. Where AWS refuses to tell, it was told so once, and
/// git decides.
fn unread_target(subject: &Subject<'_>) -> Option<WaitingOn> {
    let asked = asked(subject).filter(|asked| may_pass(&asked.found))?;
    let why = match &asked.found {
        Observed::Unknown { why } => &why.message,
        Observed::Known { .. } | Observed::Missing => return None,
    };
    Some(WaitingOn::Read { what: format!("whether autoscaling owns desiredCount: {why}") })
}
