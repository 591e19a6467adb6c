//! Which actions of a plan may be done, and what holds the others.

use std::collections::{BTreeMap, BTreeSet};

use super::{Ceiling, GitStanding, conditions_refused, outside};
use crate::desired::kind::{Capability, Mode, Target};
use crate::desired::{DesiredState, ResourceKey};
use crate::diff::fields::starts_deployment;
use crate::name::ResourceName;
use crate::plan::{
    Action, Approved, FailedAction, HeldWhy, Operation, Proposed, Reports, ResourceReport, SettingsRequest,
    WaitingOn, Wave,
};

/// Lets through what git's standing, the ceiling, the target's mode, its capabilities and its limits allow; everything else
/// is held, with the reason in its resource's report. Only the first wave that has anything left goes out: later ones are
/// planned again from what is then observed. An action that failed before is tried again beside that wave, so that one
/// refused registration does not hold up everybody; what depends on it is not in the plan.
pub fn approve(
    proposed: Proposed,
    desired: &DesiredState,
    ceiling: &Ceiling,
    standing: &GitStanding,
) -> Approved {
    let Proposed { mut reports, actions, failures, orphans } = proposed;
    let failure = |action: &Action| failures.get(&action.resource)?.get(&action.operation.to_string());
    let weighed: Vec<_> = actions
        .into_iter()
        .map(|action| {
            let (resource, wave) = (action.resource.clone(), action.wave);
            (resource, wave, weigh(action, desired, ceiling, standing))
        })
        .collect();
    let permitted = weighed.iter().filter_map(|(_, _, weighed)| weighed.as_ref().ok());
    let over_limit = over_limit(permitted.map(|(action, _)| action), desired, failure);
    let mut allowed = Vec::new();
    for (resource, wave, weighed) in weighed {
        let limit = over_limit.get(&resource).filter(|_| wave == Wave::Services);
        let (action, mut held) =
            weighed.map_or_else(|held| (None, held), |(action, held)| (Some(action), held));
        let failed = action.as_ref().and_then(|action| Some(failing(action, failure(action)?)));
        if let Some(limit) = limit {
            held = vec![limit.clone()];
        } else {
            allowed.extend(action);
        }
        let Some(report) = reports.get_mut(&resource) else { continue };
        if let Some(failed) = failed {
            report.held.insert(0, failed);
        }
        // A record or a claim that may not be written is nothing that a person has to know of.
        if !matches!(wave, Wave::Bookkeeping | Wave::Claims) {
            for why in held {
                hold(report, why);
            }
        }
    }
    let fails = |action: &Action| failure(action).is_some();
    let first = allowed.iter().filter(|action| !fails(action)).map(|action| action.wave).min();
    let wave = first.or_else(|| allowed.iter().map(|action| action.wave).max());
    let (actions, later): (Vec<Action>, Vec<Action>) = allowed
        .into_iter()
        .partition(|action| Some(action.wave) == wave || (fails(action) && Some(action.wave) < wave));
    // Nobody waits for a claim.
    let later = later.into_iter().filter(|action| action.wave != Wave::Claims);
    let waiting: BTreeSet<ResourceKey> = later.map(|action| action.resource).collect();
    wait_for_wave(&mut reports, &actions, &waiting);
    Approved { reports, actions, waiting, orphans }
}

fn wait_for_wave(reports: &mut Reports, actions: &[Action], waiting: &BTreeSet<ResourceKey>) {
    let of: BTreeSet<&ResourceKey> = actions.iter().map(|action| &action.resource).collect();
    let of: Vec<ResourceKey> = of.into_iter().cloned().collect();
    for resource in waiting {
        if let Some(report) = reports.get_mut(resource).filter(|report| report.waiting_on.is_none()) {
            report.waiting_on = Some(WaitingOn::Wave { of: of.clone() });
        }
    }
}

fn hold(report: &mut ResourceReport, why: HeldWhy) {
    if !report.held.contains(&why) {
        report.held.push(why);
    }
}

/// The action, or what is left of it when only a part is permitted; what holds the rest.
fn weigh(
    action: Action,
    desired: &DesiredState,
    ceiling: &Ceiling,
    standing: &GitStanding,
) -> Result<(Action, Vec<HeldWhy>), Vec<HeldWhy>> {
    let mut held = Vec::new();
    match standing {
        GitStanding::Fresh => {}
        GitStanding::Stale(reason) => held.push(HeldWhy::StaleGit { reason: reason.clone() }),
        GitStanding::ForcePushed { head } => held.push(HeldWhy::ForcePush { head: head.clone() }),
        GitStanding::Shrunk { head, targets } => {
            let shrunk = targets.get(&action.target);
            held.extend(shrunk.map(|what| HeldWhy::Shrunk { what: what.clone(), head: head.clone() }));
        }
    }
    let Some(target) = desired.targets.get(&action.target).map(|target| &target.spec) else {
        held.push(HeldWhy::OutsideCeiling { what: format!("Target/{} is not in git", action.target) });
        return Err(held);
    };
    held.extend(
        outside(target, ceiling).iter().map(|what| HeldWhy::OutsideCeiling { what: what.to_string() }),
    );
    let mode = target.mode.min(ceiling.mode);
    if mode < Mode::Enforce {
        held.push(HeldWhy::Mode { mode, by_ceiling: ceiling.mode < target.mode });
    }
    if !held.is_empty() {
        return Err(held);
    }
    let refused = |capability| refusal(capability, &action.target, target, ceiling);
    let wanted = desired.services.get(&action.resource.name);
    let health = wanted.map_or(&[][..], |wanted| wanted.resource.spec.health.as_slice());
    // What could not be judged is not begun.
    let unjudged = conditions_refused(health, ceiling).into_iter().next();
    let unjudged = unjudged.map(|what| HeldWhy::NeedsPerson { what });
    let (operation, held) = permitted(action.operation.clone(), refused, unjudged);
    match operation {
        Some(operation) => Ok((Action { operation, ..action }, held)),
        None => Err(held),
    }
}

fn refusal(
    capability: Capability,
    name: &ResourceName,
    target: &Target,
    ceiling: &Ceiling,
) -> Option<HeldWhy> {
    let by_ceiling = ceiling.capabilities.as_ref().is_some_and(|allowed| !allowed.contains(&capability));
    let refused = by_ceiling || !target.capabilities.contains(&capability);
    refused.then(|| HeldWhy::NotPermitted { target: name.clone(), capability, by_ceiling })
}

/// What of an operation the capabilities allow. A record in a tag serves deployments and restarts, so either is enough for
/// it, and a claim whatever is done to services; a change of the count and a deployment in one call are judged apart.
/// `unjudged` is why no deployment could be judged.
fn permitted(
    operation: Operation,
    refused: impl Fn(Capability) -> Option<HeldWhy>,
    unjudged: Option<HeldWhy>,
) -> (Option<Operation>, Vec<HeldWhy>) {
    match operation {
        Operation::TagService { service_arn, mut tags } => {
            let deploys = [Capability::EcsRestart, Capability::EcsDeploy];
            let others = [Capability::EcsScale, Capability::EcsCreate, Capability::EcsStopDeployment];
            let any_other = others.into_iter().any(|capability| refused(capability).is_none());
            let held = match deploys.map(&refused) {
                [Some(why), Some(_)] => vec![why],
                _ => Vec::new(),
            };
            // A record is for deployments, a claim for whatever is done to a service.
            if !held.is_empty() {
                tags.retain(|(key, _)| key.is_claim() && any_other);
            }
            ((!tags.is_empty()).then_some(Operation::TagService { service_arn, tags }), held)
        }
        Operation::StopServiceDeployment { .. } => whole(operation, refused(Capability::EcsStopDeployment)),
        Operation::PromoteSecret { .. } => whole(operation, refused(Capability::SecretsPromote)),
        Operation::CreateService { .. } => {
            whole(operation, unjudged.or_else(|| refused(Capability::EcsCreate)))
        }
        Operation::TagTaskDefinition { .. } => whole(operation, refused(Capability::EcsDeploy)),
        Operation::RegisterTaskDefinition { .. } => {
            whole(operation, unjudged.or_else(|| refused(Capability::EcsDeploy)))
        }
        Operation::UpdateService {
            service,
            service_arn,
            mut task_definition,
            mut desired_count,
            mut force_new_deployment,
            mut settings,
            mut tags,
            mut spec_hash,
        } => {
            let mut held = Vec::new();
            let rolls_out =
                task_definition.is_some() || settings.0.keys().any(|field| starts_deployment(field));
            let deploys = if rolls_out { Capability::EcsDeploy } else { Capability::EcsRestart };
            if let Some(why) = spec_hash.as_ref().and_then(|_| unjudged.or_else(|| refused(deploys))) {
                held.push(why);
                task_definition = None;
                force_new_deployment = false;
                tags.retain(|(key, _)| key.is_claim());
                spec_hash = None;
                settings.0.retain(|field, _| !starts_deployment(field));
            }
            if let Some(why) = refused(Capability::EcsDeploy).filter(|_| !settings.is_empty()) {
                held.push(why);
                settings = SettingsRequest::default();
            }
            if let Some(why) = desired_count.and_then(|_| refused(Capability::EcsScale)) {
                held.push(why);
                desired_count = None;
            }
            let nothing_left = spec_hash.is_none() && desired_count.is_none() && settings.is_empty();
            let operation = Operation::UpdateService {
                service,
                service_arn,
                task_definition,
                desired_count,
                force_new_deployment,
                settings,
                tags,
                spec_hash,
            };
            ((!nothing_left).then_some(operation), held)
        }
    }
}

fn whole(operation: Operation, refused: Option<HeldWhy>) -> (Option<Operation>, Vec<HeldWhy>) {
    match refused {
        Some(why) => (None, vec![why]),
        None => (Some(operation), Vec::new()),
    }
}

/// What tells of an action that failed before.
fn failing(action: &Action, failure: &FailedAction) -> HeldWhy {
    HeldWhy::ActionFailed {
        operation: action.operation.to_string(),
        message: failure.message.clone(),
        hint: failure.hint.clone(),
        since: failure.since,
        times: failure.times,
    }
}

/// Which services have to wait since their target's limit is used up. What failed before comes after everything else, and
/// what was not tried for the longest time comes first of that, so that nothing that keeps failing uses up the limit for
/// others. Records and secrets do not count, since without them services would be wrong.
fn over_limit<'a, 'b>(
    actions: impl Iterator<Item = &'a Action>,
    desired: &DesiredState,
    failure: impl Fn(&Action) -> Option<&'b FailedAction>,
) -> BTreeMap<ResourceKey, HeldWhy> {
    let mut in_turn: Vec<&Action> = actions.filter(|action| action.wave == Wave::Services).collect();
    in_turn.sort_by_cached_key(|action| failure(action).map(|failure| failure.last));
    let mut changes: BTreeMap<&ResourceName, u32> = BTreeMap::new();
    let mut over = BTreeMap::new();
    for action in in_turn {
        let target = desired.targets.get(&action.target);
        let Some(limit) = target.and_then(|target| target.spec.constraints.max_changes_per_pass) else {
            continue;
        };
        let count = changes.entry(&action.target).or_default();
        if *count >= limit {
            over.insert(action.resource.clone(), HeldWhy::ChangeLimit { limit });
        } else {
            *count += 1;
        }
    }
    over
}

#[cfg(test)]
mod tests;
