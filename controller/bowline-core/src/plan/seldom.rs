//! What is due to be read seldom, and what is said when it cannot be read?
//!
//! It decides no more than notes, with two exceptions: a desired count is not changed while autoscaling may own it, and tags of
//! task definitions are compared with what was read.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::memory::Memory;
use super::service::{settled, tags_in_question};
use super::world::World;
use crate::desired::kind::EcsService;
use crate::desired::{DesiredService, DesiredState};
use crate::diff::path::Ignored;
use crate::live::{Asked, Live, LiveService, Observed, SchedulingStrategy, UnknownCategory};
use crate::name::ResourceName;

/// How long an answer is good, also a refusal.
pub const KEPT: SignedDuration = SignedDuration::from_hours(1);
/// How long one is good before a count is changed.
const SHORT: SignedDuration = SignedDuration::from_mins(1);
/// How long it is before a read that failed is tried again.
const AGAIN: SignedDuration = SignedDuration::from_mins(1);
/// How many old answers of one kind are renewed in one pass, so that they do not all come due at once.
const RENEWED: usize = 100;

/// What is due, by EcsService resource, each with what to ask about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seldom {
    /// The images of running tasks, by the id of the PRIMARY deployment.
    pub images: BTreeMap<ResourceName, String>,
    /// Scalable targets, by resource id (`service/<cluster>/<service>`).
    pub scalable_targets: BTreeMap<ResourceName, String>,
    /// The tags of the revisions that services run, by ARN.
    pub task_definition_tags: BTreeMap<ResourceName, String>,
}

impl Seldom {
    /// Whether nothing is due.
    pub fn is_empty(&self) -> bool {
        self.images.is_empty() && self.scalable_targets.is_empty() && self.task_definition_tags.is_empty()
    }
}

/// What is due to be read, and how it is called at AWS: once for each new PRIMARY deployment or revision, else after an hour.
/// Before a count or a tag is changed the answer is at most a minute old. What was never
/// asked for is due at once, old answers a few in each pass.
pub fn due_seldom(desired: &DesiredState, live: &Live, memory: &Memory, now: Timestamp) -> Seldom {
    let mut images = Due::default();
    let mut tags = Due::default();
    let mut targets = Due::default();
    for (name, wanted) in &desired.services {
        let Some(service) = live.services.get(name).and_then(Observed::known) else { continue };
        if service.managed_by_ecs {
            continue;
        }
        if let Some(deployment) = settled(service).filter(|_| service.running_count > 0) {
            images.look_at(name, deployment, live.images.get(name), KEPT, now);
        }
        if counts(wanted, service)
            && let Some(id) = resource_id(desired, &wanted.resource.spec)
        {
            let differs = wanted.resource.spec.desired_count != Some(service.desired_count);
            let kept = if differs { SHORT } else { KEPT };
            targets.look_at(name, &id, live.scalable_targets.get(name), kept, now);
        }
        let managed = memory.services.get(name).map(|service| &service.managed_tags);
        if let Some((arn, differ)) =
            tags_in_question(wanted, service, managed, live.task_definition_tags.get(name))
        {
            let kept = if differ { SHORT } else { KEPT };
            tags.look_at(name, arn.as_str(), live.task_definition_tags.get(name), kept, now);
        }
    }
    Seldom {
        images: images.into_map(),
        scalable_targets: targets.into_map(),
        task_definition_tags: tags.into_map(),
    }
}

/// Whether git names a desired count that Bowline would set.
fn counts(wanted: &DesiredService, live: &LiveService) -> bool {
    let spec = &wanted.resource.spec;
    spec.desired_count.is_some()
        && live.controller.takes_count()
        && live.scheduling == SchedulingStrategy::Replica
        && !Ignored::new(&spec.ignore).covers("desiredCount")
}

/// What Application Auto Scaling calls the service.
pub(crate) fn resource_id(desired: &DesiredState, spec: &EcsService) -> Option<String> {
    let target = &desired.targets.get(&spec.target)?.spec;
    Some(format!("service/{}/{}", target.cluster, spec.service))
}

#[derive(Default)]
struct Due<'a> {
    at_once: BTreeMap<&'a ResourceName, String>,
    old: Vec<(Timestamp, &'a ResourceName, String)>,
}

impl<'a> Due<'a> {
    fn look_at<T>(
        &mut self,
        name: &'a ResourceName,
        about: &str,
        asked: Option<&Asked<T>>,
        kept: SignedDuration,
        now: Timestamp,
    ) {
        match asked.filter(|asked| *asked.about == *about) {
            None => drop(self.at_once.insert(name, about.to_owned())),
            Some(asked) => {
                let kept = if may_pass(&asked.found) { AGAIN } else { kept };
                if now.duration_since(asked.at) >= kept {
                    self.old.push((asked.at, name, about.to_owned()));
                }
            }
        }
    }

    fn into_map(self) -> BTreeMap<ResourceName, String> {
        let mut old = self.old;
        old.sort();
        let old = old.into_iter().take(RENEWED).map(|(_, name, about)| (name, about));
        self.at_once.into_iter().chain(old).map(|(name, about)| (name.clone(), about)).collect()
    }
}

/// Whether asking again soon may help: AWS did not refuse, it did not answer.
pub(crate) fn may_pass<T>(found: &Observed<T>) -> bool {
    let Observed::Unknown { why } = found else { return false };
    match why.category {
        UnknownCategory::NotRead
        | UnknownCategory::Throttled
        | UnknownCategory::NoCredentials
        | UnknownCategory::InvalidCredentials
        | UnknownCategory::Unreachable
        | UnknownCategory::ServerError
        | UnknownCategory::BadAnswer => true,
        UnknownCategory::Denied
        | UnknownCategory::OutsideCeiling
        | UnknownCategory::WrongAccount
        | UnknownCategory::Unsupported
        | UnknownCategory::SuspiciouslyMissing
        | UnknownCategory::Refused => false,
    }
}

/// What could not be looked at on a Target, each reason once. An endpoint that does not offer it has none of it.
pub(crate) fn notes(world: &World<'_>, target: &ResourceName) -> Vec<String> {
    let of_target = |name: &ResourceName| {
        world.desired.services.get(name).is_some_and(|service| service.resource.spec.target == *target)
    };
    let images = reasons(&world.live.images, of_target).into_iter();
    let targets = reasons(&world.live.scalable_targets, of_target).into_iter();
    let tags = reasons(&world.live.task_definition_tags, of_target).into_iter();
    images
        .map(|why| format!("whether tags of images drifted could not be looked at: {why}"))
        .chain(
            targets.map(|why| format!("whether autoscaling owns desiredCount could not be looked at: {why}")),
        )
        .chain(
            tags.map(|why| format!("whether tags of task definitions drifted could not be looked at: {why}")),
        )
        .collect()
}

fn reasons<T>(
    asked: &BTreeMap<ResourceName, Asked<T>>,
    of_target: impl Fn(&ResourceName) -> bool,
) -> BTreeSet<String> {
    let unread =
        asked.iter().filter(|(name, _)| of_target(name)).filter_map(|(_, asked)| match &*asked.found {
            Observed::Unknown { why } if why.category != UnknownCategory::Unsupported => Some(
                why.aws
                    .as_ref()
                    .map_or_else(|| why.message.clone(), |aws| format!("{}: {}", aws.code, aws.message)),
            ),
            Observed::Known { .. } | Observed::Missing | Observed::Unknown { .. } => None,
        });
    unread.collect()
}
