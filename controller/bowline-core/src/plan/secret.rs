//! One secret: where should AWSCURRENT be, and may it be moved there?

use std::collections::{BTreeMap, BTreeSet};

use super::memory::Memory;
use super::reads::Reads;
use super::report::{HeldWhy, ResourceReport, Sync, WaitingOn};
use super::suspension;
use super::world::{Seen, World, key};
use crate::desired::kind::{Secret, SecretRollback};
use crate::desired::{DesiredState, Resource, ResourceKey, ResourceKind};
use crate::diff::{Difference, Reason, Shown, diff_secret};
use crate::live::{Live, LiveSecret};
use crate::name::{ResourceName, SecretVersionId};

/// What is to be done about a secret.
pub(crate) struct SecretOutlook {
    pub(crate) report: ResourceReport,
    pub(crate) standing: SecretStanding,
    /// The version that AWSCURRENT is on, if known.
    pub(crate) current: Option<String>,
}

/// Where a secret stands, as its readers need to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SecretStanding {
    /// AWSCURRENT is on the pinned version.
    Settled,
    /// AWSCURRENT is on another version, and stays there: newer than the pin and not to be moved back, or rotated by somebody
    /// else.
    LeftAlone,
    /// AWSCURRENT is to be moved to the pinned version.
    Promoting(Promotion),
    /// AWSCURRENT should be moved, and a person is needed for it.
    Blocked,
    /// It is not known.
    Unknown,
}

/// One move of AWSCURRENT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Promotion {
    pub(crate) secret_arn: String,
    pub(crate) from: String,
    pub(crate) to: SecretVersionId,
    /// The labels of each version that has any.
    pub(crate) labels: BTreeMap<String, BTreeSet<String>>,
}

/// Decides for one secret.
pub(crate) fn outlook<'a>(
    world: &World<'a>,
    reads: &mut Reads<'a>,
    name: &ResourceName,
    wanted: &'a Resource<Secret>,
) -> SecretOutlook {
    let spec = &wanted.spec;
    let mut report = ResourceReport::new(key(ResourceKind::Secret, name), &spec.target);
    report.note_origin(&wanted.origin);
    let found = match world.see(&report.resource, &spec.target, world.live.secrets.get(name)) {
        Seen::Known { value } => value,
        Seen::Unknown(why) => {
            report.set_unknown(why);
            return SecretOutlook { report, standing: SecretStanding::Unknown, current: None };
        }
        Seen::Missing => {
            report.sync = Sync::Missing;
            report.differences.push(missing_secret(spec));
            report.held.push(HeldWhy::NeedsPerson {
                what: format!(
                    "the secret {} does not exist: create it, with a version for each pin",
                    spec.secret_id
                ),
            });
            return SecretOutlook { report, standing: SecretStanding::Blocked, current: None };
        }
    };
    let standing = stand(world, reads, name, spec, found, &mut report);
    suspension::note(spec.suspend.as_ref(), world.now, &mut report);
    SecretOutlook { report, standing, current: found.current().map(str::to_owned) }
}

fn stand(
    world: &World<'_>,
    reads: &mut Reads<'_>,
    name: &ResourceName,
    spec: &Secret,
    found: &LiveSecret,
    report: &mut ResourceReport,
) -> SecretStanding {
    if let Some(deleted_at) = found.deleted_at {
        report.sync = Sync::Drifted;
        report.differences.push(Difference {
            path: "deletedDate".to_owned(),
            reason: Reason::Removed,
            wanted: Shown::Absent,
            found: Shown::text(deleted_at),
            note: Some("it is marked for deletion".to_owned()),
            owner: None,
        });
        report.held.push(HeldWhy::NeedsPerson {
            what: format!("{} is marked for deletion: RestoreSecret brings it back", spec.secret_id),
        });
        return SecretStanding::Blocked;
    }
    note_pending(found, report);
    let Some(difference) = diff_secret(spec, found) else { return SecretStanding::Settled };
    if found.rotated_elsewhere {
        report.notes.push(format!(
            "AWSCURRENT is on {}, not on the pinned version; AWS rotates this secret by itself, so it is left alone",
            found.current().unwrap_or("no version")
        ));
        return SecretStanding::LeftAlone;
    }
    report.sync = Sync::Drifted;
    report.differences.push(difference);
    let Some(current) = found.current() else {
        report.held.push(HeldWhy::NeedsPerson {
            what: format!("{} has no AWSCURRENT version: put its first value", spec.secret_id),
        });
        return SecretStanding::Blocked;
    };
    let dates = match reads.secret_version_dates(name) {
        Ok(dates) => dates.cloned().unwrap_or_default(),
        Err(blocked) => {
            report.waiting_on = Some(blocked.waiting_on());
            return SecretStanding::Unknown;
        }
    };
    let promoted = is_promoted(world.memory, name, current);
    compare_dates(spec, found, (current, promoted), &dates, report)
}

fn compare_dates(
    spec: &Secret,
    found: &LiveSecret,
    (current, promoted): (&str, bool),
    dates: &BTreeMap<String, jiff::Timestamp>,
    report: &mut ResourceReport,
) -> SecretStanding {
    let pin = spec.version_id.as_str();
    if !dates.contains_key(pin) && !found.stages.contains_key(pin) {
        report.held.push(HeldWhy::VersionMissing);
        return SecretStanding::Blocked;
    }
    match (dates.get(pin), dates.get(current)) {
        (Some(pinned), Some(since)) if since > pinned && !promoted => {
            report.held.push(HeldWhy::NewerThanPin { current: current.to_owned() });
            SecretStanding::LeftAlone
        }
        (Some(pinned), Some(since)) if since > pinned && spec.rollback == SecretRollback::Refuse => {
            report.held.push(HeldWhy::LabelNotMovedBack { current: current.to_owned() });
            SecretStanding::LeftAlone
        }
        (Some(_), Some(_)) => SecretStanding::Promoting(Promotion {
            secret_arn: found.arn.clone(),
            from: current.to_owned(),
            to: spec.version_id.clone(),
            labels: found.stages.clone(),
        }),
        _ => {
            report.waiting_on = Some(WaitingOn::Read {
                what: "when the current and the pinned version were created: AWS does not list both"
                    .to_owned(),
            });
            SecretStanding::Unknown
        }
    }
}

/// Whether it was Bowline that moved AWSCURRENT to the version that is current. Where that was forgotten, it was somebody else.
fn is_promoted(memory: &Memory, name: &ResourceName, current: &str) -> bool {
    let known = memory.resources.get(&key(ResourceKind::Secret, name).to_string());
    known.and_then(|known| known.promoted.as_ref()).is_some_and(|version| version.as_str() == current)
}

/// The Secrets whose AWSCURRENT would stay where git wants it now if git pinned an older version again, each with why, as a
/// sentence.
pub fn not_moved_back(desired: &DesiredState, live: &Live, memory: &Memory) -> BTreeMap<ResourceKey, String> {
    let stays = |(name, secret): (&ResourceName, &Resource<Secret>)| {
        let pin = secret.spec.version_id.as_str();
        let current = live.secrets.get(name).and_then(|found| found.known()).map(LiveSecret::current);
        // Where AWSCURRENT never came to the pinned version, it has no way back.
        if current.is_some_and(|current| current != Some(pin)) {
            return None;
        }
        let resource = key(ResourceKind::Secret, name);
        let why = match secret.spec.rollback {
            SecretRollback::Refuse => {
                "a label that is moved back does not change the credential at its issuer; `rollback: label` in its manifest lets \
                 Bowline move it"
            }
            SecretRollback::Label if is_promoted(memory, name, pin) => return None,
            SecretRollback::Label => "it is not known that it was Bowline that moved it there",
        };
        let sentence = format!("{resource}: AWSCURRENT stays on {pin}: {why}");
        Some((resource, sentence))
    };
    desired.secrets.iter().filter_map(stays).collect()
}

/// A rotation under way is no drift.
fn note_pending(found: &LiveSecret, report: &mut ResourceReport) {
    let pending = found
        .stages
        .iter()
        .find(|(version, stages)| stages.contains("AWSPENDING") && found.current() != Some(version.as_str()));
    if let Some((version, _)) = pending {
        report.notes.push(format!("a rotation is under way: AWSPENDING is on {version}"));
    }
}

fn missing_secret(spec: &Secret) -> Difference {
    Difference {
        path: "secret".to_owned(),
        reason: Reason::Missing,
        wanted: Shown::text(&spec.secret_id),
        found: Shown::Absent,
        note: Some("not created by Bowline".to_owned()),
        owner: None,
    }
}
