//! Do the tasks of a deployment run different images under one tag?

use std::collections::BTreeSet;

use super::Subject;
use crate::live::{DeploymentController, LiveService, RolloutState, RunningDigests, RunningImages};
use crate::plan::warning::{DigestTasks, Warning};

/// Containers that AWS itself adds to tasks, by the begin of their names: they are in no task definition.
const ADDED_BY_AWS: [&str; 2] = ["ecs-service-connect-", "aws-guardduty-agent-"];

/// The deployment whose tasks' images say something: PRIMARY, if there is no other and it is done. While tasks are replaced,
/// different images are what is wanted.
pub(crate) fn settled(live: &LiveService) -> Option<&str> {
    let primary = live.primary().filter(|_| live.controller == DeploymentController::Ecs)?;
    let done = live.deployments.len() == 1 && primary.rollout_state != Some(RolloutState::InProgress);
    done.then_some(primary.id.as_str())
}

/// Image drift of the service, as far as its images were read.
pub(super) fn warnings(subject: &Subject<'_>) -> Vec<Warning> {
    let asked = subject.world.live.images.get(subject.name);
    let asked = asked.filter(|asked| settled(subject.live) == Some(&*asked.about));
    asked.and_then(|asked| asked.found.known()).map(drift).unwrap_or_default()
}

/// Image drift of one deployment. A digest that nobody tells is unknown, and never drift.
fn drift(images: &RunningImages) -> Vec<Warning> {
    let containers = images.running.iter().filter(|((container, image), _)| {
        is_mutable(image) && !ADDED_BY_AWS.iter().any(|added| container.starts_with(added))
    });
    containers
        .filter_map(|((container, image), running)| {
            let resolved = images.resolved.get(container).filter(|resolved| resolved.image == *image);
            drift_of(container, image, resolved.and_then(|resolved| resolved.digest.as_deref()), running)
        })
        .collect()
}

/// What of the images says something: those that drifted. What thousands of services agree in need not be kept.
pub fn only_drift(images: RunningImages) -> RunningImages {
    let drifted: BTreeSet<String> = drift(&images).into_iter().filter_map(container).collect();
    // Collected anew, since a map that was emptied keeps its memory.
    let running = images.running.into_iter().filter(|((container, _), _)| drifted.contains(container));
    let resolved = images.resolved.into_iter().filter(|(container, _)| drifted.contains(container));
    RunningImages { running: running.collect(), resolved: resolved.collect() }
}

fn container(drift: Warning) -> Option<String> {
    match drift {
        Warning::ImageDrift { container, .. } => Some(container),
        _ => None,
    }
}

/// Whether an image may be another one tomorrow: a digest never is.
pub fn is_mutable(image: &str) -> bool {
    !image.contains('@')
}

fn drift_of(
    container: &str,
    image: &str,
    resolved: Option<&str>,
    running: &RunningDigests,
) -> Option<Warning> {
    let differs = match resolved {
        Some(resolved) => running.0.keys().any(|digest| digest != resolved),
        None => running.0.len() > 1,
    };
    let mut digests: Vec<DigestTasks> = running
        .0
        .iter()
        .map(|(digest, tasks)| DigestTasks { digest: digest.clone(), tasks: *tasks })
        .collect();
    digests.sort_by_key(|one| std::cmp::Reverse(one.tasks));
    let most = digests.first().map(|one| one.digest.as_str());
    let pin = format!("{}@{}", repository(image), resolved.or(most).filter(|_| differs)?);
    Some(Warning::ImageDrift {
        container: container.to_owned(),
        image: image.to_owned(),
        resolved: resolved.map(str::to_owned),
        running: digests,
        pin,
    })
}

/// An image without its tag. A colon before the last slash belongs to the registry's port.
fn repository(image: &str) -> &str {
    let name = image.rfind('/').map_or(0, |slash| slash + 1);
    match image[name..].find(':') {
        Some(colon) => &image[..name + colon],
        None => image,
    }
}

#[cfg(test)]
mod tests;
