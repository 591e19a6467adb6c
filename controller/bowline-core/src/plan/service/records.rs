//! Do the running tasks know the restart token and the secret versions that git wants? Asked of the service's tags.

use jiff::Timestamp;

use super::Subject;
use crate::desired::ResourceKind;
use crate::diff::{Difference, diff_record};
use crate::live::DeploymentController;
use crate::name::{ResourceName, RestartToken};
use crate::plan::action::TagKey;
use crate::plan::ownership;
use crate::plan::reads::Reads;
use crate::plan::report::WaitingOn;
use crate::plan::secret::{SecretOutlook, SecretStanding};
use crate::plan::spec::{fingerprint, pinned_versions};
use crate::plan::tag::{Recorded, Restart, STALE, TagRecord};
use crate::plan::world::key;

/// What the records of a service ask for.
#[derive(Default)]
pub(crate) struct Records<'a> {
    /// What they say was tried.
    pub(crate) recorded: Recorded<'a>,
    /// Records to write without rolling anything.
    pub(crate) baselines: Vec<(TagKey, String)>,
    /// Why the running tasks have to be replaced, with the record to write right before.
    pub(crate) due: Vec<(TagKey, String, Difference)>,
    /// True when they say that the running tasks were started with other secret versions than git pins.
    pub(crate) other_versions: bool,
    /// Why no secret of this service may be promoted yet.
    pub(crate) promotion_waits: Option<WaitingOn>,
}

/// Reads the records of a service.
pub(crate) fn compare<'a>(subject: &Subject<'a>, reads: &mut Reads<'a>) -> Records<'a> {
    let mut records = Records::default();
    if subject.live.controller != DeploymentController::Ecs {
        return records;
    }
    if let Some(token) = &subject.wanted.resource.spec.restart {
        restart(subject, token, &mut records);
    }
    if !subject.wanted.resource.spec.secrets.is_empty() {
        secrets(subject, reads, &mut records);
    }
    records
}

fn restart<'a>(subject: &Subject<'_>, wanted: &'a RestartToken, records: &mut Records<'a>) {
    let resource = key(ResourceKind::EcsService, subject.name);
    let (key, token) = (TagKey::Restart, wanted.as_str());
    if subject.ignored.covers("restart") {
        return;
    }
    match TagRecord::read(key, subject.live) {
        // A claim is written after the records: the service was claimed while git had no token, so this one is a wish.
        None if ownership::is_claimed(subject.world.actor, &resource, subject.live) => {
            records.recorded.restart = Restart::New;
            let note = "the service is restarted once for its first token".to_owned();
            records.due(subject, key, token, "(none)", note);
        }
        None => records.baselines.push((key, TagRecord::baseline(token).to_string())),
        Some(record) if record.what != token => {
            records.recorded.restart = Restart::New;
            records.due(
                subject,
                key,
                token,
                &record.what,
                "the service is restarted once for a new token".to_owned(),
            );
        }
        Some(record) if record.not_forced_yet(subject.live) => {
            records.recorded.restart = Restart::Noted(wanted);
            records.due(subject, key, token, &record.what, "noted, but the restart has not begun".to_owned());
        }
        Some(_) => {}
    }
}

fn secrets<'a>(subject: &Subject<'a>, reads: &mut Reads<'a>, records: &mut Records<'_>) {
    let key = TagKey::Secrets;
    let readers = subject.secrets();
    let pins = pinned_versions(subject.world.desired, subject.wanted);
    let wanted = fingerprint(&pins);
    let left_alone = readers.iter().any(|(_, secret)| secret.standing == SecretStanding::LeftAlone);
    let promoting: Vec<&ResourceName> = readers
        .iter()
        .filter(|(_, secret)| matches!(secret.standing, SecretStanding::Promoting(_)))
        .map(|(name, _)| *name)
        .collect();
    match TagRecord::read(key, subject.live) {
        None => {
            if let Some(resolved) = resolved(subject, &readers) {
                records.baselines.push((key, TagRecord::baseline(&resolved).to_string()));
            }
        }
        Some(record) if record.what != wanted => {
            records.other_versions = true;
            if !left_alone {
                let note =
                    "running tasks may have been started with other versions of its secrets".to_owned();
                records.due(subject, key, &wanted, &record.what, note);
            }
        }
        Some(record) if record.not_forced_yet(subject.live) => {
            records.recorded.secrets_noted = true;
            let note = "noted, but the new tasks have not been started".to_owned();
            records.due(subject, key, &wanted, &record.what, note);
        }
        Some(_) if !promoting.is_empty() => heal(subject, reads, &promoting, records),
        Some(_) => {}
    }
}

/// AWSCURRENT was moved back by somebody, and the tasks already run with what git wants: they are replaced only if one of
/// them may have been started in between.
fn heal<'a>(
    subject: &Subject<'a>,
    reads: &mut Reads<'a>,
    secrets: &[&'a ResourceName],
    records: &mut Records<'_>,
) {
    let starts = match reads.task_starts(subject.name) {
        Ok(starts) => starts,
        Err(blocked) if blocked.is_unsupported() => None,
        Err(blocked) => {
            records.promotion_waits = Some(blocked.waiting_on());
            return;
        }
    };
    let moved: Option<Vec<Timestamp>> = secrets.iter().map(|name| moved_away(subject, name)).collect();
    let all_before = match (starts, moved.and_then(|moved| moved.into_iter().min())) {
        (Some(starts), Some(moved)) => starts.iter().all(|start| *start < moved),
        _ => false,
    };
    if !all_before {
        records.baselines.push((TagKey::Secrets, TagRecord::baseline(STALE).to_string()));
    }
}

/// When AWSCURRENT left the pinned version: as first seen, or, failing that, when the secret last changed.
fn moved_away(subject: &Subject<'_>, secret: &ResourceName) -> Option<Timestamp> {
    let remembered = subject.world.memory.resources.get(&key(ResourceKind::Secret, secret).to_string());
    let live = subject.world.live.secrets.get(secret).and_then(|secret| secret.known());
    remembered.and_then(|memory| memory.moved_away).or_else(|| live.and_then(|secret| secret.last_changed_at))
}

/// The fingerprint of what a task started now would read: the pinned version, or the current one where AWSCURRENT has yet to
/// be moved. Nothing when that is not known.
fn resolved(subject: &Subject<'_>, readers: &[(&ResourceName, &SecretOutlook)]) -> Option<String> {
    let mut versions = pinned_versions(subject.world.desired, subject.wanted);
    for (name, secret) in readers {
        match &secret.standing {
            SecretStanding::Settled | SecretStanding::LeftAlone => {}
            SecretStanding::Promoting(_) | SecretStanding::Blocked => {
                versions.insert(name.as_str(), secret.current.as_deref()?);
            }
            SecretStanding::Unknown => return None,
        }
    }
    Some(fingerprint(&versions))
}

impl Records<'_> {
    fn due(&mut self, subject: &Subject<'_>, key: TagKey, wanted: &str, found: &str, note: String) {
        let path = if key == TagKey::Restart { "restart" } else { "secrets" };
        let record = TagRecord::before_forcing(wanted, subject.live).to_string();
        self.due.push((key, record, diff_record(path, wanted, found, note)));
    }
}
