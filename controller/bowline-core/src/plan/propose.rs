//! The whole plan: every resource's outlook, then the actions in their waves.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::action::{Action, Expectation, Operation, SettingsRequest, TagKey, Wave, Whose};
use super::commits::FailedCommits;
use super::memory::{FailedAction, Memory};
use super::orphans;
use super::ownership::{self, Actor};
use super::reads::Reads;
use super::report::{HeldWhy, Need, ResourceReport, Sync, WaitingOn};
use super::secret::{self, SecretOutlook, SecretStanding};
use super::service::{self, ServiceOutlook};
use super::world::{World, key};
use super::{Proposed, Reports, retags, rollouts, seldom, terraform_label, terraform_state};
use crate::desired::{DesiredService, DesiredState, ResourceKey, ResourceKind};
use crate::live::{Live, LiveService, Observed};
use crate::name::ResourceName;

/// What is thought of each service. Boxed: a map is collected by way of a list, which would hold thousands of them twice.
pub(super) type Outlooks<'a> = BTreeMap<&'a ResourceName, Box<ServiceOutlook<'a>>>;

/// How many services of a target are claimed in one pass: at half of AWS's rate for TagResource (10 a second) that takes 5
/// seconds at most, so that no repair waits long for a pass that only claims.
const CLAIMS_PER_PASS: usize = 25;

/// What else must be read before a plan can be made. Asked again, with the answers in `live`, until nothing is missing.
///
/// What is answered `Unknown` is not asked for again, so failures must not be carried over to the next pass. Known task
/// definitions are immutable and may be kept for ever, a history while PRIMARY is the same, a secret's dates while its
/// labels are; revisions of a family belong to one pass. Answers come in at most eight rounds.
pub fn needs(
    desired: &DesiredState,
    live: &Live,
    memory: &Memory,
    actor: Actor<'_>,
    now: Timestamp,
) -> BTreeSet<Need> {
    let world = World::new(desired, live, memory, actor, now);
    let mut reads = Reads::new(live);
    let secrets = secrets(&world, &mut reads);
    // One after the other: what is thought of thousands of services is not held at once.
    for (name, wanted) in &world.desired.services {
        service::outlook(&world, &mut reads, &secrets, name, wanted);
    }
    rollouts::ask(&world, &mut reads);
    reads.into_needs()
}

/// What should be done, in which order. Nothing is planned from what is not known.
pub fn propose(
    desired: &DesiredState,
    live: &Live,
    memory: &Memory,
    actor: Actor<'_>,
    now: Timestamp,
) -> Proposed {
    let world = World::new(desired, live, memory, actor, now);
    let mut reads = Reads::new(live);
    let secrets = secrets(&world, &mut reads);
    let mut services = services(&world, &mut reads, &secrets);
    wait_for_dependencies(desired, &mut services);
    let failed = FailedCommits::of(&world);
    failed.hold(&mut services);
    let mut actions = Vec::new();
    stops(desired, &services, &mut actions);
    bookkeeping(&world, &services, &mut actions);
    let unbooked = unbooked(memory, &actions);
    let postponed = promotions(desired, &services, &secrets, &unbooked, &failed, &mut actions);
    registrations(desired, &mut services, &mut actions);
    retags::plan(desired, &mut services, &mut actions);
    creations(desired, &services, &mut actions);
    updates(&world, &services, &mut actions);
    claims(&world, &services, &mut actions);
    let mut reports = base_reports(&world);
    for report in services.into_values().map(|service| service.report) {
        reports.insert(report.resource.clone(), report);
    }
    for mut report in secrets.values().map(|secret| secret.report.clone()) {
        match postponed.get(&report.resource) {
            Some(Postponed::Waits(waiting_on)) => report.waiting_on = Some(waiting_on.clone()),
            Some(Postponed::Held(why)) => report.hold(why.clone()),
            None => {}
        }
        reports.insert(report.resource.clone(), Box::new(report));
    }
    for (name, state) in &desired.states {
        let report = terraform_state::report(&world, name, state);
        reports.insert(report.resource.clone(), Box::new(report));
    }
    terraform_label::label(&world, &mut reports);
    let failures = failures(memory, &actions);
    let orphans = orphans::orphans(desired, live, memory, actor, now);
    Proposed { reports, actions, failures, orphans }
}

pub(crate) fn secrets<'a>(
    world: &World<'a>,
    reads: &mut Reads<'a>,
) -> BTreeMap<&'a ResourceName, SecretOutlook> {
    let secrets = world.desired.secrets.iter();
    secrets.map(|(name, secret)| (name, secret::outlook(world, reads, name, secret))).collect()
}

pub(crate) fn services<'a>(
    world: &'a World<'a>,
    reads: &mut Reads<'a>,
    secrets: &'a BTreeMap<&'a ResourceName, SecretOutlook>,
) -> Outlooks<'a> {
    let mut of = |(name, wanted)| {
        let mut outlook = Box::new(service::outlook(world, reads, secrets, name, wanted));
        // That was learned already.
        outlook.settings = None;
        (name, outlook)
    };
    world.desired.services.iter().map(&mut of).collect()
}

/// Targets, and what git says that cannot be used.
fn base_reports(world: &World<'_>) -> Reports {
    let mut reports = BTreeMap::new();
    for (name, target) in &world.desired.targets {
        let mut report = ResourceReport::new(key(ResourceKind::Target, name), name);
        report.target = None;
        report.note_origin(&target.origin);
        if let Some(why) = world.unread_target(name) {
            report.set_unknown(why);
        } else {
            if let Some(Observed::Unknown { why }) = world.live.strangers.get(name) {
                let note = format!("whether services were left over could not be read: {}", why.message);
                report.notes.push(note);
            }
            report.notes.extend(seldom::notes(world, name));
        }
        reports.insert(report.resource.clone(), Box::new(report));
    }
    for (resource, why) in &world.desired.invalid {
        let report = ResourceReport {
            resource: resource.clone(),
            target: None,
            sync: Sync::Invalid,
            differences: Vec::new(),
            left_alone: Vec::new(),
            warnings: Vec::new(),
            held: Vec::new(),
            waiting_on: None,
            unknown: None,
            notes: vec![why.clone()],
            health: Vec::new(),
            failed: None,
        };
        reports.insert(resource.clone(), Box::new(report));
    }
    reports
}

/// A deployment waits until everything that the service depends on is as git wants it.
fn wait_for_dependencies(desired: &DesiredState, services: &mut Outlooks<'_>) {
    let settled: BTreeSet<ResourceName> = services
        .iter()
        .filter(|(_, outlook)| outlook.report.sync == Sync::InSync)
        .map(|(name, _)| (*name).clone())
        .collect();
    for (name, outlook) in services {
        let depends_on = desired.services.get(*name).map(|wanted| &wanted.resource.spec.depends_on);
        let unsettled = depends_on.into_iter().flatten().find(|dependency| !settled.contains(*dependency));
        if let Some(dependency) = unsettled
            && outlook.withhold_deployment()
        {
            outlook.report.waiting_on = Some(WaitingOn::Dependency { on: dependency.clone() });
        }
    }
}

/// The service as it is now.
pub(crate) fn as_found(live: &LiveService) -> Expectation {
    with_settings(live, BTreeMap::new())
}

fn with_settings(live: &LiveService, settings: BTreeMap<String, String>) -> Expectation {
    Expectation::Service {
        owner: ownership::owner(live).map(str::to_owned),
        settings,
        task_definition: live.task_definition.clone(),
        primary_deployment: live.primary().map(|primary| primary.id.clone()),
        desired_count: live.desired_count,
    }
}

/// Our own bad deployments that are still in progress.
fn stops(desired: &DesiredState, services: &Outlooks<'_>, actions: &mut Vec<Action>) {
    for (name, outlook) in services {
        let (Some(deployment_id), Some(live)) = (&outlook.stop, outlook.live) else { continue };
        // What newly begins replaces it by itself.
        if outlook.deploys() {
            continue;
        }
        let Some(wanted) = desired.services.get(*name) else { continue };
        actions.push(Action {
            target: wanted.resource.spec.target.clone(),
            resource: outlook.report.resource.clone(),
            operation: Operation::StopServiceDeployment {
                service: wanted.resource.spec.service.clone(),
                deployment_id: deployment_id.clone(),
            },
            expect: Expectation::InProgress {
                owner: ownership::owner(live).map(str::to_owned),
                deployment_id: deployment_id.clone(),
            },
            wave: Wave::Safety,
            because: Vec::new(),
        });
    }
}

/// Records of where services stand, each in one call with the claim, where that is due.
fn bookkeeping(world: &World<'_>, services: &Outlooks<'_>, actions: &mut Vec<Action>) {
    for (name, outlook) in services {
        let (Some(live), Some(wanted)) = (outlook.live, world.desired.services.get(*name)) else { continue };
        if outlook.baselines.is_empty() {
            continue;
        }
        let mut tags = outlook.baselines.clone();
        tags.extend(ownership::claim(world.actor, &outlook.report.resource, live, false));
        let target = &wanted.resource.spec.target;
        actions.push(tagging(target, &outlook.report.resource, live, tags, Wave::Bookkeeping));
    }
}

/// Claims of services that nobody has claimed and on which nothing else is done: the last wave, so that they delay nothing.
/// On each target no more than one pass may make; those on which something failed before come last.
fn claims(world: &World<'_>, services: &Outlooks<'_>, actions: &mut Vec<Action>) {
    let mut unclaimed: BTreeMap<&ResourceName, Vec<(Option<Timestamp>, &ServiceOutlook<'_>)>> =
        BTreeMap::new();
    for (name, outlook) in services {
        let (Some(live), Some(wanted)) = (outlook.live, world.desired.services.get(*name)) else { continue };
        let acts = outlook.update.is_some() || outlook.stop.is_some() || !outlook.baselines.is_empty();
        // What is quarantined gets nothing but its desired count.
        if outlook.hands_off.is_some() || outlook.failure.is_some() || acts {
            continue;
        }
        if !ownership::claim(world.actor, &outlook.report.resource, live, false).is_empty() {
            let failed = world.memory.last_failure(&outlook.report.resource);
            unclaimed.entry(&wanted.resource.spec.target).or_default().push((failed, outlook));
        }
    }
    for (target, mut unclaimed) in unclaimed {
        unclaimed.sort_by_key(|(failed, _)| *failed);
        for (_, outlook) in unclaimed.into_iter().take(CLAIMS_PER_PASS) {
            let Some(live) = outlook.live else { continue };
            let tags = ownership::claim(world.actor, &outlook.report.resource, live, false);
            actions.push(tagging(target, &outlook.report.resource, live, tags, Wave::Claims));
        }
    }
}

fn tagging(
    target: &ResourceName,
    resource: &ResourceKey,
    live: &LiveService,
    tags: Vec<(TagKey, String)>,
    wave: Wave,
) -> Action {
    Action {
        target: target.clone(),
        resource: resource.clone(),
        operation: Operation::TagService { service_arn: live.arn.clone(), tags },
        expect: as_found(live),
        wave,
        because: Vec::new(),
    }
}

/// Why AWSCURRENT is not moved now.
enum Postponed {
    /// Its readers come first.
    Waits(WaitingOn),
    /// Its commit failed.
    Held(HeldWhy),
}

/// Moves of AWSCURRENT; what is returned is why some are not made now.
fn promotions(
    desired: &DesiredState,
    services: &Outlooks<'_>,
    secrets: &BTreeMap<&ResourceName, SecretOutlook>,
    unbooked: &BTreeSet<ResourceKey>,
    failed: &FailedCommits<'_>,
    actions: &mut Vec<Action>,
) -> BTreeMap<ResourceKey, Postponed> {
    let mut postponed = BTreeMap::new();
    for (name, outlook) in secrets {
        let (SecretStanding::Promoting(promotion), Some(wanted)) =
            (&outlook.standing, desired.secrets.get(*name))
        else {
            continue;
        };
        if outlook.report.suspended_until().is_some() {
            continue;
        }
        let waits = services.iter().find_map(|(reader, service)| {
            let reads = desired.services.get(*reader)?.resource.spec.secrets.contains(name);
            let record_failed = unbooked.contains(&service.report.resource);
            let record = record_failed.then(|| WaitingOn::Wave { of: vec![service.report.resource.clone()] });
            service.promotion_waits.clone().or(record).filter(|_| reads)
        });
        let held = failed.held(&outlook.report.resource, None).map(Postponed::Held);
        if let Some(why) = waits.map(Postponed::Waits).or(held) {
            postponed.insert(outlook.report.resource.clone(), why);
            continue;
        }
        actions.push(Action {
            target: wanted.spec.target.clone(),
            resource: outlook.report.resource.clone(),
            operation: Operation::PromoteSecret {
                secret_arn: promotion.secret_arn.clone(),
                to: promotion.to.clone(),
                from: promotion.from.clone(),
            },
            expect: Expectation::SecretCurrent {
                version_id: promotion.from.clone(),
                labels: promotion.labels.clone(),
                readers: readers(desired, services, name),
            },
            wave: Wave::Secrets,
            because: outlook.report.differences.clone(),
        });
    }
    postponed
}

/// Whose the services are that read a secret, as far as they are there and known.
fn readers(desired: &DesiredState, services: &Outlooks<'_>, secret: &ResourceName) -> Vec<Whose> {
    let whose = |(name, wanted): (&ResourceName, &DesiredService)| {
        let live = services.get(name).and_then(|outlook| outlook.live)?;
        let reads = wanted.resource.spec.secrets.contains(secret);
        reads.then(|| ownership::whose(wanted, Some(live)))
    };
    desired.services.iter().filter_map(whose).collect()
}

/// Whose records could not be written when that was last tried.
fn unbooked(memory: &Memory, actions: &[Action]) -> BTreeSet<ResourceKey> {
    let failures = failures(memory, actions);
    let failed = |action: &&Action| {
        let failures = failures.get(&action.resource);
        failures.is_some_and(|failures| failures.contains_key(&action.operation.to_string()))
    };
    actions.iter().filter(failed).map(|action| action.resource.clone()).collect()
}

/// What failed before on the resources of these actions.
fn failures(memory: &Memory, actions: &[Action]) -> BTreeMap<ResourceKey, BTreeMap<String, FailedAction>> {
    let of = |action: &Action| {
        let failures = &memory.resources.get(&action.resource.to_string())?.failures;
        (!failures.is_empty()).then(|| (action.resource.clone(), failures.clone()))
    };
    actions.iter().filter_map(of).collect()
}

/// One registration for each content of a family on a target, whoever else wants the same.
fn registrations(desired: &DesiredState, services: &mut Outlooks<'_>, actions: &mut Vec<Action>) {
    let mut planned: Vec<(ResourceName, service::Registration, ResourceKey)> = Vec::new();
    for (name, outlook) in services {
        let (Some(registration), Some(wanted)) = (&outlook.register, desired.services.get(*name)) else {
            continue;
        };
        let target = &wanted.resource.spec.target;
        let twin = planned.iter().find(|(at, other, _)| {
            at == target && other.family == registration.family && other.normal == registration.normal
        });
        if let Some((_, _, first)) = twin {
            outlook.report.waiting_on = Some(WaitingOn::Wave { of: vec![first.clone()] });
            continue;
        }
        planned.push((target.clone(), (**registration).clone(), outlook.report.resource.clone()));
        actions.push(Action {
            target: target.clone(),
            resource: outlook.report.resource.clone(),
            operation: Operation::RegisterTaskDefinition {
                family: registration.family.clone(),
                content: registration.content.clone(),
            },
            expect: Expectation::NewestRevision {
                arn: registration.newest.clone(),
                whose: ownership::whose(wanted, outlook.live),
            },
            wave: Wave::TaskDefinitions,
            because: outlook.report.differences.clone(),
        });
    }
}

fn creations(desired: &DesiredState, services: &Outlooks<'_>, actions: &mut Vec<Action>) {
    for (name, outlook) in services {
        let (Some(creation), Some(wanted)) = (&outlook.create, desired.services.get(*name)) else { continue };
        actions.push(Action {
            target: wanted.resource.spec.target.clone(),
            resource: outlook.report.resource.clone(),
            operation: Operation::CreateService {
                service: wanted.resource.spec.service.clone(),
                task_definition: creation.task_definition.clone(),
                desired_count: creation.desired_count,
                settings: SettingsRequest(creation.fields.clone()),
                tags: creation.tags.clone(),
                client_token: creation.client_token.clone(),
                spec_hash: creation.spec_hash.clone(),
            },
            expect: Expectation::NoService,
            wave: Wave::Services,
            because: outlook.report.differences.clone(),
        });
    }
}

fn updates(world: &World<'_>, services: &Outlooks<'_>, actions: &mut Vec<Action>) {
    for (name, outlook) in services {
        let (Some(update), Some(live), Some(wanted)) =
            (&outlook.update, outlook.live, world.desired.services.get(*name))
        else {
            continue;
        };
        let mut tags = update.tags.clone();
        tags.extend(ownership::claim(world.actor, &outlook.report.resource, live, true));
        let because = outlook.report.differences.iter().filter(|difference| {
            let setting = difference.path.strip_prefix("settings.");
            let setting = setting.and_then(|path| path.split(['.', '[']).next());
            match setting {
                Some(field) => update.deploying.contains_key(field) || update.settings.contains_key(field),
                // Never attempted.
                None if difference.path.starts_with("create.") => false,
                None if difference.path == "desiredCount" => update.desired_count.is_some(),
                None if difference.path.starts_with(retags::TAGS) => false,
                None => update.spec_hash.is_some(),
            }
        });
        let settings = update.deploying.iter().chain(&update.settings);
        let settings: Map<String, Value> =
            settings.map(|(field, value)| (field.clone(), value.clone())).collect();
        let mut expected = outlook.expected_settings.clone();
        expected.retain(|field, _| settings.contains_key(field));
        actions.push(Action {
            target: wanted.resource.spec.target.clone(),
            resource: outlook.report.resource.clone(),
            operation: Operation::UpdateService {
                service: wanted.resource.spec.service.clone(),
                service_arn: live.arn.clone(),
                task_definition: update.task_definition.clone(),
                desired_count: update.desired_count,
                force_new_deployment: update.force,
                settings: SettingsRequest(settings),
                tags,
                spec_hash: update.spec_hash.clone(),
            },
            expect: with_settings(live, expected),
            wave: Wave::Services,
            because: because.cloned().collect(),
        });
    }
}
