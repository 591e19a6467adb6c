//! Every registered target is healthy, and there is at least one.

use bowline_core::desired::kind::TargetGroupCheck;
use bowline_core::live::UnknownCategory;

use super::{Site, Wrong};
use crate::aws::load_balancing::TargetHealth;

/// How many unhealthy targets are named.
const MOST_NAMED: usize = 3;

/// Asks the load balancers of a service, or one target group. A load balancer with a group for each side of a blue/green
/// deployment is healthy if the targets of both together are: the side without traffic has none, or idle ones.
pub(super) async fn ask(site: &Site, check: &TargetGroupCheck) -> Result<(), Wrong> {
    let balancers = match &check.arn {
        Some(arn) => vec![vec![arn.as_str().to_owned()]],
        None => site.target_groups.clone(),
    };
    if balancers.is_empty() {
        return Err(Wrong::Refused(
            "the service has no load balancer: name a target group by `arn`, or take the condition out of `health`"
                .to_owned(),
        ));
    }
    for groups in &balancers {
        let mut targets = Vec::new();
        for group in groups {
            let found = site.session.target_health(group).await.map_err(|error| {
                // A group that does not exist is no failure to read.
                if error.category() == UnknownCategory::Refused {
                    Wrong::Failed(error.reason.message)
                } else {
                    Wrong::Unknown(error.reason.message)
                }
            })?;
            targets.extend(found.into_iter().filter(|target| !target.is_idle));
        }
        judge(&targets).map_err(Wrong::Failed)?;
    }
    Ok(())
}

fn judge(targets: &[TargetHealth]) -> Result<(), String> {
    let sick: Vec<&TargetHealth> = targets.iter().filter(|target| !target.is_healthy).collect();
    if targets.is_empty() {
        return Err("no target is registered and in use".to_owned());
    }
    if sick.is_empty() {
        return Ok(());
    }
    let named = sick.iter().take(MOST_NAMED).map(|target| format!("{} is {}", target.target, target.words));
    let named: Vec<String> = named.collect();
    Err(format!("{} of {} targets are not healthy: {}", sick.len(), targets.len(), named.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(id: &str, words: &str) -> TargetHealth {
        TargetHealth {
            target: id.to_owned(),
            is_healthy: words == "healthy",
            is_idle: false,
            words: words.to_owned(),
        }
    }

    #[test]
    fn all_targets_that_are_in_use_have_to_be_healthy() {
        assert_eq!(judge(&[target("10.0.0.1:80", "healthy")]), Ok(()));
        assert_eq!(judge(&[]), Err("no target is registered and in use".to_owned()));
        let sick = [
            target("10.0.0.1:80", "healthy"),
            target("10.0.0.2:80", "unhealthy (Target.Timeout)"),
            target("10.0.0.3:80", "initial"),
        ];
        assert_eq!(
            judge(&sick),
            Err("2 of 3 targets are not healthy: 10.0.0.2:80 is unhealthy (Target.Timeout), 10.0.0.3:80 is initial"
                .to_owned())
        );
    }
}
