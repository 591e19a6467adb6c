//! Which actions of a plan may be done, and what holds the others.

use std::collections::{BTreeMap, BTreeSet};

use super::{Ceiling, GitStanding, outside};
use crate::desired::kind::{Capability, Mode, Target};
use crate::desired::{DesiredState, ResourceKey};
use crate::diff::fields::starts_deployment;
use crate::name::ResourceName;
use crate::plan::{
    Action, Approved, HeldWhy, Operation, Proposed, ResourceReport, SettingsRequest, WaitingOn, Wave,
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
    let Proposed { mut reports, actions, failing } = proposed;
    let mut changes: BTreeMap<ResourceName, u32> = BTreeMap::new();
    let mut allowed = Vec::new();
    for action in actions {
        let bookkeeping = action.wave == Wave::Bookkeeping;
        let resource = action.resource.clone();
        let (action, held) = match weigh(action, desired, ceiling, standing) {
            Ok((action, held)) => match over_limit(&action, desired, &mut changes) {
                Some(limit) => (None, vec![limit]),
                None => (Some(action), held),
            },
            Err(held) => (None, held),
        };
        allowed.extend(action);
        // A record that may not be written is nothing that a person has to know of.
        if let Some(report) = reports.get_mut(&resource).filter(|_| !bookkeeping) {
            for why in held {
                hold(report, why);
            }
        }
    }
    let fails = |action: &Action| failing.contains(&(action.resource.clone(), action.wave));
    let first = allowed.iter().filter(|action| !fails(action)).map(|action| action.wave).min();
    let wave = first.or_else(|| allowed.iter().map(|action| action.wave).max());
    let (actions, later): (Vec<Action>, Vec<Action>) = allowed
        .into_iter()
        .partition(|action| Some(action.wave) == wave || (fails(action) && Some(action.wave) < wave));
    let waiting: BTreeSet<ResourceKey> = later.into_iter().map(|action| action.resource).collect();
    wait_for_wave(&mut reports, &actions, &waiting);
    Approved { reports, actions, waiting }
}

fn wait_for_wave(
    reports: &mut BTreeMap<ResourceKey, ResourceReport>,
    actions: &[Action],
    waiting: &BTreeSet<ResourceKey>,
) {
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
    let (operation, held) = permitted(action.operation.clone(), refused);
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
/// it; a change of the count and a deployment in one call are judged apart.
fn permitted(
    operation: Operation,
    refused: impl Fn(Capability) -> Option<HeldWhy>,
) -> (Option<Operation>, Vec<HeldWhy>) {
    match operation {
        Operation::TagService { .. } => {
            match (refused(Capability::EcsRestart), refused(Capability::EcsDeploy)) {
                (Some(why), Some(_)) => (None, vec![why]),
                _ => (Some(operation), Vec::new()),
            }
        }
        Operation::PromoteSecret { .. } => whole(operation, refused(Capability::SecretsPromote)),
        Operation::RegisterTaskDefinition { .. } => whole(operation, refused(Capability::EcsDeploy)),
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
            if let Some(why) = spec_hash.as_ref().and_then(|_| refused(deploys)) {
                held.push(why);
                task_definition = None;
                force_new_deployment = false;
                tags = Vec::new();
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

/// Counts the services that are changed; records and secrets do not count, since without them services would be wrong.
fn over_limit(
    action: &Action,
    desired: &DesiredState,
    changes: &mut BTreeMap<ResourceName, u32>,
) -> Option<HeldWhy> {
    if action.wave != Wave::Services {
        return None;
    }
    let limit = desired.targets.get(&action.target)?.spec.constraints.max_changes_per_pass?;
    let count = changes.entry(action.target.clone()).or_default();
    if *count >= limit {
        return Some(HeldWhy::ChangeLimit { limit });
    }
    *count += 1;
    None
}

#[cfg(test)]
mod tests;
