//! What has to be asked and read of rollouts under way, and of those that turned out bad.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::memory::{AttemptVerdict, InFlight, Memory, ServiceMemory};
use super::reads::Reads;
use super::world::World;
use crate::desired::kind::HealthCondition;
use crate::desired::{DesiredService, DesiredState};
use crate::live::{Live, LiveService, Observed, ServiceStatus};
use crate::name::{HumanDuration, ResourceName};
use crate::rollout::{self, Sight, Verdict};

/// How long AWS keeps stopped tasks: at least an hour (DescribeTasks).
const STOPPED_TASKS_KEPT: SignedDuration = SignedDuration::from_hours(1);

/// How often the conditions of a service are asked at most while no rollout is under way.
const CALM_INTERVAL: HumanDuration = HumanDuration::from_secs(60);

/// The health conditions of a service that have to be asked at their intervals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Followed {
    /// The Target resource.
    pub target: ResourceName,
    /// The conditions.
    pub conditions: Vec<HealthCondition>,
    /// The ARNs of target groups, one list for each load balancer of the service: what `targetGroup` without `arn` means.
    pub target_groups: Vec<Vec<String>>,
}

/// Which health conditions have to be asked until the next pass. During a rollout all of them, at their own intervals. After
/// that at most once a minute, and without asking AWS: a condition that turns false then is an incident.
pub fn followed(desired: &DesiredState, live: &Live, memory: &Memory) -> BTreeMap<ResourceName, Followed> {
    let services = desired.services.iter().filter(|(_, wanted)| !wanted.resource.spec.health.is_empty());
    let follow = |(name, wanted): (&ResourceName, &DesiredService)| {
        let spec = &wanted.resource.spec;
        let service = live.services.get(name)?.known()?;
        if service.status != ServiceStatus::Active || service.desired_count == 0 {
            return None;
        }
        let memory = memory.services.get(name);
        let rolls = memory.is_some_and(|memory| memory.in_flight.is_some());
        let good = memory.and_then(|memory| memory.last_good.as_ref());
        let is_good =
            good.is_some_and(|good| Some(&good.task_definition) == service.task_definition.as_ref());
        let mut conditions = spec.health.clone();
        if !rolls {
            conditions.retain(|condition| !is_good || condition.check.host().is_some());
            for condition in &mut conditions {
                condition.interval = condition.interval.max(CALM_INTERVAL);
            }
        }
        let followed =
            Followed { target: spec.target.clone(), conditions, target_groups: target_groups(service) };
        (!followed.conditions.is_empty()).then(|| (name.clone(), followed))
    };
    services.filter_map(follow).collect()
}

/// The target groups of each load balancer of a service, the one for the other side of a blue/green deployment included.
pub fn target_groups(service: &LiveService) -> Vec<Vec<String>> {
    let fields = service.settings.fields();
    let balancers = fields.get("loadBalancers").and_then(Value::as_array);
    let of = |balancer: &Value| {
        let both =
            [&balancer["targetGroupArn"], &balancer["advancedConfiguration"]["alternateTargetGroupArn"]];
        both.into_iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
    };
    balancers.into_iter().flatten().map(of).filter(|groups| !groups.is_empty()).collect()
}

/// Notes what else has to be read.
pub(super) fn ask<'a>(world: &World<'a>, reads: &mut Reads<'a>) {
    for (name, wanted) in &world.desired.services {
        let Some(memory) = world.service_memory(name) else { continue };
        if let Some(in_flight) = &memory.in_flight
            && let Some(observed @ Observed::Known { value, .. }) = world.live.services.get(name)
        {
            let ours = rollout::our_deployment(in_flight, value);
            if let Some(ours) = ours.filter(|_| is_paced(value)) {
                reads.progress(name, &ours);
            }
            if let Some(deployment) = turns_out_bad(world, name, wanted, in_flight, observed) {
                reads.stopped_tasks(name, &deployment);
            }
        }
        for deployment in lacking_evidence(memory, world.now) {
            reads.stopped_tasks(name, deployment);
        }
    }
}

/// Whether ECS may hold deployments of the service on purpose: another strategy than rolling, or lifecycle hooks.
fn is_paced(service: &LiveService) -> bool {
    let fields = service.settings.fields();
    let Some(configuration) = fields.get("deploymentConfiguration") else { return false };
    let rolls = configuration["strategy"].as_str().is_none_or(|strategy| strategy == "ROLLING");
    let hooks = configuration["lifecycleHooks"].as_array().is_some_and(|hooks| !hooks.is_empty());
    !rolls || hooks
}

/// The deployment, if this pass will find it bad: its tasks are read before they vanish.
fn turns_out_bad(
    world: &World<'_>,
    name: &ResourceName,
    wanted: &DesiredService,
    in_flight: &InFlight,
    observed: &Observed<Arc<LiveService>>,
) -> Option<String> {
    let mut in_flight = in_flight.clone();
    follow(world.live, name, &wanted.resource.spec.health, &mut in_flight, observed);
    match rollout::judge(&in_flight, observed, world.live.histories.get(name)) {
        Verdict::Bad(_) => in_flight.deployment_id,
        Verdict::Pending(_) | Verdict::Good | Verdict::Unproven(_) | Verdict::Superseded { .. } => None,
    }
}

/// Takes what was observed in this pass into a rollout.
pub(super) fn follow(
    live: &Live,
    name: &ResourceName,
    health: &[HealthCondition],
    in_flight: &mut InFlight,
    observed: &Observed<Arc<LiveService>>,
) {
    let Observed::Known { value: service, at } = observed else { return };
    in_flight.deployment_id = rollout::our_deployment(in_flight, service);
    let probes = live.probes.get(name).map_or(&[][..], Vec::as_slice);
    let progress = live.progress.get(name);
    let sight = Sight { service, at: *at, probes, progress };
    rollout::follow(in_flight, health, &sight);
}

/// The bad deployments whose tasks were not read so far, and can still be.
fn lacking_evidence(memory: &ServiceMemory, now: Timestamp) -> impl Iterator<Item = &String> {
    memory.attempts.values().filter_map(move |attempt| {
        let is_bad = matches!(attempt.verdict, Some(AttemptVerdict::Bad(_)));
        let unread = attempt.aftermath.evidence.as_ref().is_some_and(|evidence| evidence.tasks.is_none());
        let kept = attempt.aftermath.ended_at.is_some_and(|at| now.duration_since(at) < STOPPED_TASKS_KEPT);
        attempt.deployment_id.as_ref().filter(|_| is_bad && unread && kept)
    })
}
