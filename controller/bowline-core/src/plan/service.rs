//! One service: what differs, what is to be done about it, and why not now.

mod controller;
mod count;
mod creation;
mod gate;
mod health;
mod ignored;
mod images;
mod ports;
mod quarantine;
mod records;
mod settings;
mod settle;
mod stop;
mod tags;
mod task_definition;
mod under_way;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

pub(crate) use creation::Creation;
use creation::Gone;
pub(crate) use gate::Spec;
pub(crate) use images::settled;
pub use images::{is_mutable, only_drift};
use records::Records;
use settings::Settings;
pub(crate) use settings::{Noticed, deploying_part};
pub use tags::has_named_tags;
pub(crate) use tags::{Retag, tags_in_question};
pub(crate) use task_definition::Registration;
use task_definition::{Step, TaskDefinition};
use under_way::Unwatched;

use super::action::TagKey;
use super::hold::Hold;
use super::memory::{InFlight, ServiceMemory, SpecHash};
use super::ownership;
use super::reads::Reads;
use super::report::{HeldWhy, ResourceReport, WaitingOn};
use super::secret::SecretOutlook;
use super::suspension;
use super::world::{Seen, World, key};
use crate::desired::{DesiredService, ResourceKind};
use crate::diff::fields::has_to_be_forced;
use crate::diff::path::Ignored;
use crate::live::{LiveService, ServiceStatus};
use crate::name::{ResourceName, TaskDefinitionArn};
use crate::rollback::Failure;
use crate::rollout::{self, Verdict};

/// The service that is being decided about.
pub(crate) struct Subject<'a> {
    pub(crate) world: &'a World<'a>,
    pub(crate) name: &'a ResourceName,
    pub(crate) target: &'a ResourceName,
    pub(crate) wanted: &'a DesiredService,
    pub(crate) live: &'a LiveService,
    pub(crate) memory: Option<&'a ServiceMemory>,
    pub(crate) ignored: Ignored,
    all_secrets: &'a BTreeMap<&'a ResourceName, SecretOutlook>,
}

impl<'a> Subject<'a> {
    /// The rollout that Bowline began and that has not ended.
    fn in_flight(&self) -> Option<&'a InFlight> {
        self.memory?.in_flight.as_deref()
    }

    /// The secrets that the service reads.
    fn secrets(&self) -> Vec<(&'a ResourceName, &'a SecretOutlook)> {
        read_by(self.wanted, self.all_secrets)
    }
}

/// The secrets that a service reads.
fn read_by<'a>(
    wanted: &'a DesiredService,
    secrets: &'a BTreeMap<&'a ResourceName, SecretOutlook>,
) -> Vec<(&'a ResourceName, &'a SecretOutlook)> {
    let names = wanted.resource.spec.secrets.iter();
    names.filter_map(|name| secrets.get_key_value(name)).map(|(name, secret)| (*name, secret)).collect()
}

/// What is to be done about a service. What few of thousands have is boxed: all of them are held at once.
pub(crate) struct ServiceOutlook<'a> {
    /// Boxed, so that it moves into the plan as it is.
    pub(crate) report: Box<ResourceReport>,
    /// What is live, where it is known and not left alone.
    pub(crate) live: Option<&'a LiveService>,
    /// Why nothing at all is done to it, if that is so.
    pub(crate) hands_off: Option<HandsOff>,
    /// Records to write without rolling anything.
    pub(crate) baselines: Vec<(TagKey, String)>,
    /// Why no secret that it reads may be promoted yet.
    pub(crate) promotion_waits: Option<WaitingOn>,
    /// A revision to register.
    pub(crate) register: Option<Box<Registration>>,
    /// The tags of the revision that it runs, where git names some, and what is to be done about them.
    pub(crate) retag: Option<Box<Retag>>,
    /// The service to create.
    pub(crate) create: Option<Box<Creation>>,
    /// A change of the service.
    pub(crate) update: Option<Box<Update>>,
    /// What it should run, where that had to be worked out.
    pub(crate) spec: Option<Box<Spec>>,
    /// Our own bad deployment that is to be stopped.
    pub(crate) stop: Option<String>,
    /// True when a commit releases what failed.
    pub(crate) retry: bool,
    /// A failed deployment of what it should run.
    pub(crate) failure: Option<Box<Failure>>,
    /// Somebody else's step back, as text.
    pub(crate) deviation: Option<String>,
    /// How much of what git wants it runs.
    pub(crate) runs: Runs,
    /// True when what git wants is being rolled out and nobody watches it.
    pub(crate) is_unwatched: bool,
    /// What the settings that are changed were when they were looked at.
    pub(crate) expected_settings: BTreeMap<String, String>,
    /// What memory learns of settings; absent where they could not be looked at.
    pub(crate) settings: Option<Box<Noticed>>,
}

/// How much of what git wants a service runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Runs {
    /// Something else, or Bowline does not manage its task definition.
    Other,
    /// The task definition and the settings that start a deployment.
    Wanted,
    /// All of it: its tasks were started with the secret versions and for the restart token, too.
    All,
}

/// Why nothing at all is done to a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HandsOff {
    /// Another instance, or another resource, owns it.
    BelongsElsewhere,
    /// Git says so, for a while.
    Suspended,
    /// ECS is deleting it, and it is to be created again.
    Draining,
}

/// One UpdateService: only what changes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Update {
    pub(crate) task_definition: Option<TaskDefinitionArn>,
    pub(crate) desired_count: Option<u32>,
    pub(crate) force: bool,
    /// Settings that start a deployment.
    pub(crate) deploying: Map<String, Value>,
    /// Settings that start none.
    pub(crate) settings: Map<String, Value>,
    pub(crate) tags: Vec<(TagKey, String)>,
    pub(crate) spec_hash: Option<SpecHash>,
}

impl ServiceOutlook<'_> {
    fn only(report: ResourceReport) -> Self {
        Self {
            report: Box::new(report),
            live: None,
            hands_off: None,
            baselines: Vec::new(),
            promotion_waits: None,
            register: None,
            retag: None,
            create: None,
            update: None,
            stop: None,
            retry: false,
            spec: None,
            failure: None,
            deviation: None,
            runs: Runs::Other,
            is_unwatched: false,
            expected_settings: BTreeMap::new(),
            settings: None,
        }
    }

    /// Takes back everything that would be done to the service, since it is somebody else's. What differs is still told.
    fn leave_alone(&mut self, why: HeldWhy) {
        self.do_nothing(HandsOff::BelongsElsewhere);
        // What would have held an action is beside the point.
        self.report.held = vec![why];
    }

    /// Takes back everything that would be done to the service. What differs is still told.
    fn do_nothing(&mut self, why: HandsOff) {
        self.hands_off.get_or_insert(why);
        (self.update, self.register, self.create) = (None, None, None);
        (self.deviation, self.stop, self.retag) = (None, None, None);
        self.baselines.clear();
        // A secret that it reads is not promoted either: nobody here could roll the service then.
        self.promotion_waits = Some(WaitingOn::Wave { of: vec![self.report.resource.clone()] });
        let nothing_comes = |on: &WaitingOn| matches!(on, WaitingOn::Wave { .. });
        self.report.waiting_on = self.report.waiting_on.take().filter(|on| !nothing_comes(on));
    }

    /// Whether a deployment would begin, or its revision be registered.
    pub(crate) fn deploys(&self) -> bool {
        let updates = self.update.as_ref().is_some_and(|update| update.spec_hash.is_some());
        updates || self.register.is_some() || self.create.is_some()
    }

    /// Takes back a deployment that would begin, but not a change of the count or of settings that start none. False if none
    /// would.
    pub(crate) fn withhold_deployment(&mut self) -> bool {
        let deploys = self.deploys();
        (self.register, self.create) = (None, None);
        if deploys {
            let rest = self.update.take().map(|update| Update {
                desired_count: update.desired_count,
                settings: update.settings,
                ..Update::default()
            });
            self.update = rest.filter(|rest| *rest != Update::default()).map(Box::new);
        }
        deploys
    }
}

/// Decides for one service.
pub(crate) fn outlook<'a>(
    world: &'a World<'a>,
    reads: &mut Reads<'a>,
    secrets: &'a BTreeMap<&'a ResourceName, SecretOutlook>,
    name: &'a ResourceName,
    wanted: &'a DesiredService,
) -> ServiceOutlook<'a> {
    let mut outlook = unsuspended(world, reads, secrets, name, wanted);
    // Whose service it is comes first: what belongs elsewhere is not suspended here.
    if outlook.hands_off != Some(HandsOff::BelongsElsewhere) {
        suspension::note(wanted.resource.spec.suspend.as_ref(), world.now, &mut outlook.report);
        let live = world.service(name, &wanted.resource.spec.target);
        if let Seen::Known { value } = live {
            suspension::note_hold(Hold::read(value), world.now, &mut outlook.report);
        }
        if outlook.report.suspended_until().is_some() {
            outlook.do_nothing(HandsOff::Suspended);
        }
    }
    outlook
}

/// Decides for one service, whether it is suspended or not.
fn unsuspended<'a>(
    world: &'a World<'a>,
    reads: &mut Reads<'a>,
    secrets: &'a BTreeMap<&'a ResourceName, SecretOutlook>,
    name: &'a ResourceName,
    wanted: &'a DesiredService,
) -> ServiceOutlook<'a> {
    let spec = &wanted.resource.spec;
    let mut report = ResourceReport::new(key(ResourceKind::EcsService, name), &spec.target);
    report.note_origin(&wanted.resource.origin);
    let live = match world.service(name, &spec.target) {
        Seen::Known { value } => value,
        Seen::Unknown(why) => {
            report.set_unknown(why);
            let mut outlook = ServiceOutlook::only(report);
            outlook.promotion_waits =
                Some(WaitingOn::Read { what: format!("EcsService/{name}, which reads it") });
            return outlook;
        }
        Seen::Missing => {
            return creation::outlook(world, reads, secrets, (name, wanted), report, Gone::Missing);
        }
    };
    match live.status {
        ServiceStatus::Active => {}
        ServiceStatus::Draining => {
            return creation::outlook(world, reads, secrets, (name, wanted), report, Gone::Draining);
        }
        ServiceStatus::Inactive => {
            return creation::outlook(world, reads, secrets, (name, wanted), report, Gone::Inactive);
        }
        ServiceStatus::Other => {
            report.set_unknown(settle::unknown_status(name));
            return ServiceOutlook::only(report);
        }
    }
    if live.managed_by_ecs {
        report.notes.push("ECS itself manages this service (Express Gateway): it is left alone".to_owned());
        return ServiceOutlook::only(report);
    }
    let subject = Subject {
        world,
        name,
        target: &spec.target,
        wanted,
        live,
        memory: world.service_memory(name),
        ignored: Ignored::new(&spec.ignore),
        all_secrets: secrets,
    };
    decide(&subject, reads, report)
}

fn decide<'a>(
    subject: &Subject<'a>,
    reads: &mut Reads<'a>,
    mut report: ResourceReport,
) -> ServiceOutlook<'a> {
    settle::note_controller(subject, &mut report);
    health::report(subject, &mut report);
    let task_definition = task_definition::compare(subject, reads);
    if let TaskDefinition::Unknown(blocked) = &task_definition {
        report.set_unknown(blocked.reason());
        let mut outlook = ServiceOutlook::only(report);
        outlook.promotion_waits = Some(blocked.waiting_on());
        return outlook;
    }
    let mut settings = match settings::look(subject, reads) {
        Ok(settings) => settings,
        Err(blocked) => {
            report.set_unknown(blocked.reason());
            let mut outlook = ServiceOutlook::only(report);
            outlook.promotion_waits = Some(blocked.waiting_on());
            return outlook;
        }
    };
    let records = records::compare(subject, reads);
    let mut outlook = ServiceOutlook::only(report);
    outlook.live = Some(subject.live);
    if matches!(task_definition, TaskDefinition::Same) && settings.deploying.is_empty() {
        outlook.runs = Runs::Wanted;
    }
    outlook.report.left_alone.extend(settings.left_alone.iter().cloned());
    outlook.report.left_alone.extend(ignored::differences(subject, reads));
    outlook.report.notes.extend(settings.notes.iter().cloned());
    let wanted = Wanted { task_definition: &task_definition, records: &records, settings: &settings };
    deploy(subject, reads, &wanted, &mut outlook);
    // What is quarantined gets nothing but its desired count.
    if outlook.failure.is_none() {
        controller::withhold(subject, reads, &mut settings, &mut outlook);
        configure(&settings, &mut outlook);
    }
    tags::compare(subject, &task_definition, &mut settings.noticed, &mut outlook);
    if subject.live.controller.takes_count() {
        count::scale(subject, &mut outlook);
    }
    stop::plan(subject, &mut outlook);
    outlook.baselines = records.baselines;
    outlook.promotion_waits = records.promotion_waits;
    outlook.report.warnings.extend(health::no_breaker(subject));
    outlook.report.warnings.extend(images::warnings(subject));
    settle::settle(subject, reads, &mut outlook);
    let resource = &outlook.report.resource;
    match ownership::belongs_elsewhere(subject.world.actor, resource, subject.world.desired, subject.live) {
        Some(why) => outlook.leave_alone(why),
        None => outlook.report.notes.extend(ownership::untaggable(subject.live).map(str::to_owned)),
    }
    outlook.expected_settings = settings.expected;
    outlook.settings = Some(Box::new(settings.noticed));
    outlook
}

/// What a deployment may be due for.
struct Wanted<'s, 'a> {
    task_definition: &'s TaskDefinition,
    records: &'s Records<'a>,
    settings: &'s Settings,
}

/// Plans the change of settings that start no deployment. They go through whatever else is under way, except
/// for the one that AWS does not take then.
fn configure(settings: &Settings, outlook: &mut ServiceOutlook<'_>) {
    for held in &settings.held {
        outlook.report.hold(held.clone());
    }
    if !settings.others.is_empty() {
        outlook.update.get_or_insert_default().settings.clone_from(&settings.others);
    }
}

/// Plans the deployment, if one is due and may begin.
fn deploy<'a>(
    subject: &Subject<'a>,
    reads: &mut Reads<'a>,
    wanted: &Wanted<'_, '_>,
    outlook: &mut ServiceOutlook<'a>,
) {
    let Wanted { task_definition, records, settings } = *wanted;
    let differs = match task_definition {
        TaskDefinition::Differs { differences, .. } => {
            outlook.report.differences.extend(differences.iter().cloned());
            true
        }
        TaskDefinition::NotManaged | TaskDefinition::Same | TaskDefinition::Unknown(_) => false,
    };
    outlook.report.differences.extend(records.due.iter().map(|(_, _, difference)| difference.clone()));
    outlook.report.differences.extend(settings.differences.iter().cloned());
    let due = differs || !records.due.is_empty() || !settings.deploying.is_empty();
    let has_secrets = !records.other_versions && gate::secrets_first(&subject.secrets()).is_none();
    if outlook.runs == Runs::Wanted && !due && has_secrets {
        outlook.runs = Runs::All;
    }
    if let Some(in_flight) = subject.in_flight() {
        let begins = if due && under_way::leads(subject, in_flight) {
            may_begin(subject, reads, wanted, due, outlook)
        } else {
            Ok(false)
        };
        match begins {
            Ok(true) => begin(wanted, outlook),
            Ok(false) => outlook.report.waiting_on = Some(our_rollout(subject, reads, in_flight)),
            Err(waiting_on) => outlook.report.waiting_on = Some(waiting_on),
        }
        return;
    }
    let unwatched = outlook.runs == Runs::All && settle::unwatched_rollout(subject);
    if !due && !gate::looks_failed(subject) && !unwatched {
        return;
    }
    match may_begin(subject, reads, wanted, due, outlook) {
        // A rollout that nobody watches is not worth the answer that could not be read.
        Err(_) if !due && !gate::looks_failed(subject) => {}
        Err(waiting_on) => outlook.report.waiting_on = Some(waiting_on),
        Ok(false) => {}
        Ok(true) => begin(wanted, outlook),
    }
    outlook.is_unwatched =
        unwatched && outlook.failure.is_none() && under_way::ecs_rollback(subject, reads).is_none();
}

/// Whether the deployment may begin now; what it waits for otherwise. What holds it is noted in the report.
fn may_begin<'a>(
    subject: &Subject<'a>,
    reads: &mut Reads<'a>,
    wanted: &Wanted<'_, '_>,
    due: bool,
    outlook: &mut ServiceOutlook<'a>,
) -> Result<bool, WaitingOn> {
    let task_definition = wanted.task_definition;
    if let TaskDefinition::Differs { step: Step::NeedsPerson(what), .. } = task_definition {
        outlook.report.held.push(HeldWhy::NeedsPerson { what: what.clone() });
        return Ok(false);
    }
    let read = |blocked: super::reads::Blocked| blocked.waiting_on();
    let spec = gate::spec(subject, reads, task_definition, wanted.settings).map_err(read)?;
    let Some(spec) = spec else { return Ok(false) };
    let in_flight = subject.in_flight();
    // Only what git wants newly goes ahead of the end of our own rollout.
    if in_flight.is_some_and(|in_flight| in_flight.spec_hash == spec.hash) {
        return Ok(false);
    }
    outlook.spec = Some(Box::new(spec.clone()));
    let failure = gate::failed_before(subject, reads, &spec, wanted.records.recorded).map_err(read)?;
    let released = failure.as_ref().is_some_and(|failure| gate::is_released(subject, &spec, failure));
    outlook.retry = released;
    let failure = failure.filter(|_| !released);
    let (due, has_failed) = (due || released, failure.is_some());
    if let Some(failure) = failure {
        quarantine::note(subject, &spec, failure, outlook);
    }
    if !due && !has_failed {
        return Ok(false);
    }
    match under_way::ecs_rollback(subject, reads) {
        Some(Unwatched::OnTime(waiting_on)) => return Err(waiting_on),
        Some(Unwatched::Late(why)) => {
            outlook.report.hold(why);
            return Ok(false);
        }
        None if has_failed => return Ok(false),
        None => {}
    }
    if ports::hold(subject, reads, wanted, &spec, outlook).map_err(read)? {
        return Ok(false);
    }
    if in_flight.is_some() {
        // What runs is what we began: nobody stepped back, and nobody else is deploying.
    } else if matches!(task_definition, TaskDefinition::Differs { .. }) {
        if let Some(reached) = gate::stepped_back_from(subject, reads, &spec).map_err(read)? {
            let live = subject.live.task_definition.as_ref().map(|arn| arn.revision().to_string());
            let found = live.unwrap_or_default();
            outlook.deviation = Some(found.clone());
            if let Some(until) = gate::held_until(subject, &found) {
                outlook.report.held.push(HeldWhy::HealDelay { until });
                outlook
                    .report
                    .notes
                    .push(format!("somebody stepped back from {} to {found}", reached.revision()));
                return Ok(false);
            }
        }
    } else if let Some(Unwatched::OnTime(waiting_on)) = under_way::somebody_elses_rollout(subject, reads) {
        return Err(waiting_on);
    }
    if let Some(waiting_on) = gate::secrets_first(&subject.secrets()) {
        return Err(waiting_on);
    }
    health::baseline(subject, reads).map(|()| true)
}

fn begin(wanted: &Wanted<'_, '_>, outlook: &mut ServiceOutlook<'_>) {
    let Wanted { task_definition, records, settings } = *wanted;
    let mut update = Update {
        deploying: settings.deploying.clone(),
        tags: records.due.iter().map(|(key, record, _)| (*key, record.clone())).collect(),
        spec_hash: outlook.spec.as_ref().map(|spec| spec.hash.clone()),
        ..Update::default()
    };
    match task_definition {
        TaskDefinition::Differs { step: Step::Register(registration), .. } => {
            outlook.register = Some(Box::new(registration.clone()));
            let of = vec![outlook.report.resource.clone()];
            outlook.report.waiting_on = Some(WaitingOn::Wave { of });
            return;
        }
        TaskDefinition::Differs { step: Step::Update { arn, .. }, .. } => {
            update.task_definition = Some(arn.clone());
        }
        // New settings start a deployment by themselves.
        _ => update.force = !records.due.is_empty() || (outlook.retry && update.deploying.is_empty()),
    }
    update.force |= update.deploying.keys().any(|field| has_to_be_forced(field));
    outlook.update = Some(Box::new(update));
}

/// The wait for our own rollout. Where another deployment took the place of ours, only ECS's history can tell whether that was
/// its own rollback, and `rollout::judge` decides by it; then the wait is for that, if it cannot be read.
fn our_rollout<'a>(subject: &Subject<'a>, reads: &mut Reads<'a>, in_flight: &InFlight) -> WaitingOn {
    let ours = rollout::our_deployment(in_flight, subject.live);
    let primary = subject.live.primary().map(|primary| &primary.id);
    let replaced = ours.is_some() && ours.as_ref() != primary;
    let unread = if replaced { reads.fresh_history(subject.name).err() } else { None };
    if let Some(blocked) = unread.filter(|blocked| !blocked.is_unsupported()) {
        return blocked.waiting_on();
    }
    let history = subject.world.live.histories.get(subject.name);
    let observed = subject.world.live.services.get(subject.name);
    match observed.map(|observed| rollout::judge(in_flight, observed, history)) {
        Some(Verdict::Pending(
            waiting_on @ (WaitingOn::Health { .. } | WaitingOn::Pause { .. } | WaitingOn::Read { .. }),
        )) => waiting_on,
        _ => WaitingOn::Rollout {
            deployment_id: in_flight.deployment_id.clone(),
            deadline: in_flight.deadline,
        },
    }
}
