//! A service that does not exist: may it be created, with what, and what comes first?

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::gate::{Spec, secrets_first};
use super::quarantine::failed;
use super::settings::deploying_part;
use super::task_definition::{Found, Registration, Step, find_revision, pinned};
use super::{HandsOff, ServiceOutlook, read_by};
use crate::desired::kind::ServiceCreation;
use crate::desired::{DesiredService, WantedTaskDefinition};
use crate::diff::canonical::sha256_hex;
use crate::diff::{missing_service, normal_text};
use crate::name::{ResourceName, TaskDefinitionArn};
use crate::plan::action::TagKey;
use crate::plan::memory::{AttemptVerdict, EcsServiceId, ServiceMemory, SpecHash};
use crate::plan::ownership;
use crate::plan::reads::Reads;
use crate::plan::report::{HeldWhy, ResourceReport, Sync, WaitingOn};
use crate::plan::secret::SecretOutlook;
use crate::plan::spec::{Deployed, fingerprint, pinned_versions, spec_hash};
use crate::plan::tag::TagRecord;
use crate::plan::world::World;
use crate::{rollback, rollout};

/// Why there is no service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gone {
    /// ECS knows no service of this name.
    Missing,
    /// It was deleted, and ECS still knows of it.
    Inactive,
    /// It is being deleted.
    Draining,
}

/// One CreateService.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Creation {
    pub(crate) task_definition: TaskDefinitionArn,
    /// Absent for a DAEMON service.
    pub(crate) desired_count: Option<u32>,
    /// The other fields of the request, without Bowline's own tags.
    pub(crate) fields: Map<String, Value>,
    /// Claim, and where restart token and secret versions stand from the beginning.
    pub(crate) tags: Vec<(TagKey, String)>,
    pub(crate) client_token: String,
    pub(crate) spec_hash: SpecHash,
}

/// Decides for a service that does not exist.
pub(super) fn outlook<'a>(
    world: &'a World<'a>,
    reads: &mut Reads<'a>,
    secrets: &'a BTreeMap<&'a ResourceName, SecretOutlook>,
    (name, wanted): (&'a ResourceName, &'a DesiredService),
    report: ResourceReport,
    gone: Gone,
) -> ServiceOutlook<'a> {
    let mut outlook = missing(report, wanted, gone);
    let Some(create) = &wanted.resource.spec.create else {
        outlook.report.held.push(HeldWhy::NotCreatedByBowline);
        return outlook;
    };
    let memory = world.service_memory(name);
    if gone == Gone::Draining {
        draining(world, wanted, memory, &mut outlook);
        return outlook;
    }
    let (arn, normal) = match task_definition(reads, wanted) {
        Step::Update { arn, normal } => (Some(arn), normal),
        Step::Register(registration) => {
            let normal = registration.normal.clone();
            outlook.register = Some(Box::new(registration));
            (None, normal)
        }
        Step::Read(blocked) => {
            outlook.report.waiting_on = Some(blocked.waiting_on());
            return outlook;
        }
        Step::NeedsPerson(what) => {
            outlook.report.held.push(HeldWhy::NeedsPerson { what });
            return outlook;
        }
    };
    let settings = deploying_part(&wanted.resource.spec.settings.fields());
    let versions = pinned_versions(world.desired, wanted);
    let hash = spec_hash(Deployed::Content(&normal), &versions, &settings);
    if let Some(reason) = failed_before(world, memory, wanted, &hash) {
        outlook.report.failed = failed(memory, &hash);
        outlook.register = None;
        outlook.report.sync = Sync::AwaitingGit;
        outlook.report.notes.push(format!("failed, awaiting git; the service is gone since ({reason})"));
        outlook.report.held.push(HeldWhy::Quarantined { service: name.clone(), spec_hash: hash, reason });
        return outlook;
    }
    if let Some(waiting_on) = secrets_first(&read_by(wanted, secrets)) {
        outlook.register = None;
        outlook.report.waiting_on = Some(waiting_on);
        return outlook;
    }
    outlook.spec =
        Some(Box::new(Spec { hash: hash.clone(), arn: arn.clone(), normal: Some(normal), settings }));
    let Some(arn) = arn else {
        outlook.report.waiting_on = Some(WaitingOn::Wave { of: vec![outlook.report.resource.clone()] });
        return outlook;
    };
    let mut tags = ownership::claim_tags(world.actor, &outlook.report.resource);
    if let Some(token) = &wanted.resource.spec.restart {
        tags.push((TagKey::Restart, TagRecord::baseline(token.as_str()).to_string()));
    }
    if !wanted.resource.spec.secrets.is_empty() {
        tags.push((TagKey::Secrets, TagRecord::baseline(&fingerprint(&versions)).to_string()));
    }
    let attempted = memory.and_then(|memory| memory.attempts.get(&hash)).map(|attempt| attempt.at);
    let (desired_count, fields) = request(wanted, create);
    outlook.create = Some(Box::new(Creation {
        task_definition: arn,
        desired_count,
        fields,
        tags,
        client_token: client_token(world, name, &hash, attempted),
        spec_hash: hash,
    }));
    outlook
}

fn missing<'a>(mut report: ResourceReport, wanted: &DesiredService, gone: Gone) -> ServiceOutlook<'a> {
    let note = match gone {
        Gone::Missing => "ECS knows no such service",
        Gone::Inactive => "it was deleted",
        Gone::Draining => "it is being deleted",
    };
    let spec = &wanted.resource.spec;
    let wish = if spec.create.is_some() { ", and git says to create it" } else { "" };
    report.sync = Sync::Missing;
    report.differences.push(missing_service(spec, &format!("{note}{wish}")));
    ServiceOutlook::only(report)
}

/// The fields of the request besides the ones that have a place of their own, and the count.
fn request(wanted: &DesiredService, create: &ServiceCreation) -> (Option<u32>, Map<String, Value>) {
    let spec = &wanted.resource.spec;
    let mut fields = create.fields();
    let begins_with = fields.remove("desiredCount").and_then(|count| count.as_u64());
    fields.extend(spec.settings.fields());
    let daemon = fields.get("schedulingStrategy").and_then(Value::as_str) == Some("DAEMON");
    let count = spec.desired_count.or_else(|| begins_with.and_then(|count| u32::try_from(count).ok()));
    (count.filter(|_| !daemon), fields)
}

/// The revision to create the service with, or what comes first.
fn task_definition<'a>(reads: &mut Reads<'a>, wanted: &'a DesiredService) -> Step {
    let target = &wanted.resource.spec.target;
    match &wanted.task_definition {
        None => {
            Step::NeedsPerson("a service is created with a task definition: add `taskDefinition`".to_owned())
        }
        Some(WantedTaskDefinition::Revision(revision)) => {
            pinned(revision, reads.task_definition(target, revision.as_str()))
        }
        Some(WantedTaskDefinition::Content { family, content, .. }) => {
            let normal = normal_text(content);
            match find_revision(reads, target, None, family, &normal) {
                Err(blocked) => Step::Read(blocked),
                Ok(Found::Revision(arn)) => Step::Update { arn, normal },
                Ok(Found::Nothing { newest }) => Step::Register(Registration {
                    family: family.clone(),
                    content: Arc::clone(content),
                    newest,
                    normal,
                }),
            }
        }
    }
}

/// How this spec failed, unless a person asked for one more attempt, by another restart token or by a commit that releases it.
fn failed_before(
    world: &World<'_>,
    memory: Option<&ServiceMemory>,
    wanted: &DesiredService,
    hash: &SpecHash,
) -> Option<String> {
    let attempt = memory?.attempts.get(hash)?;
    if rollback::released(&world.desired.retries, hash, Some(attempt), None, world.now).is_some() {
        return None;
    }
    match &attempt.verdict {
        Some(AttemptVerdict::Bad(reason)) if attempt.restart == wanted.resource.spec.restart => {
            Some(reason.clone())
        }
        _ => None,
    }
}

/// Nothing is created before ECS has finished deleting; past the deadline a person is told.
fn draining(
    world: &World<'_>,
    wanted: &DesiredService,
    memory: Option<&ServiceMemory>,
    outlook: &mut ServiceOutlook<'_>,
) {
    outlook.hands_off = Some(HandsOff::Draining);
    let since = memory.and_then(|memory| memory.draining_since).unwrap_or(world.now);
    let deadline = rollout::deadline(since, wanted.resource.spec.rollout.deadline);
    if world.now <= deadline {
        outlook.report.waiting_on = Some(WaitingOn::Deletion { deadline });
        return;
    }
    let what = format!(
        "ECS has been deleting the service since {since:.0}, past the deadline {deadline:.0}: look at its tasks in ECS, and \
         stop them if they do not end; it is created again as soon as it is gone"
    );
    outlook.report.hold(HeldWhy::NeedsPerson { what });
}

/// The `clientToken` of CreateService, of 32 ASCII characters (AWS takes 36, and took 32 before 2023): the same for the same attempt, so that a request
/// whose answer was lost creates nothing twice; another one once an earlier attempt is known to have ended.
fn client_token(
    world: &World<'_>,
    name: &ResourceName,
    hash: &SpecHash,
    attempted: Option<Timestamp>,
) -> String {
    let place = EcsServiceId::meant_by(world.desired, name)
        .map(|of| format!("{}/{}/{}/{}", of.account_id, of.region, of.cluster, of.service));
    let attempt = attempted.map_or_else(String::new, |at| at.to_string());
    let text = format!(
        "{}\n{name}\n{}\n{}\n{}\n{attempt}",
        world.actor.instance,
        place.unwrap_or_default(),
        world.actor.commit,
        hash.0
    );
    format!("bowline-{}", sha256_hex(&text).get(..24).unwrap_or_default())
}
