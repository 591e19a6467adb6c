//! A deployment is due: may it begin now? What failed before, what ECS or somebody else is doing, and what has to come first.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::Subject;
use super::settings::Settings;
use super::task_definition::{Step, TaskDefinition, running_content};
use crate::desired::{ResourceKind, WantedTaskDefinition};
use crate::diff::{normal_text, settings_agree};
use crate::live::{PastDeployment, RolloutState};
use crate::name::{ResourceName, TaskDefinitionArn};
use crate::plan::memory::{AttemptVerdict, SpecHash};
use crate::plan::reads::{Blocked, Reads};
use crate::plan::report::WaitingOn;
use crate::plan::secret::{SecretOutlook, SecretStanding};
use crate::plan::spec::{Deployed, pinned_versions, spec_hash};
use crate::plan::tag::{Recorded, Restart};
use crate::plan::world::key;
use crate::rollback::{self, Failure, Remembered};
use crate::rollout;
use jiff::Timestamp;

/// What is to be deployed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Spec {
    pub(crate) hash: SpecHash,
    /// The revision, once it exists.
    pub(crate) arn: Option<TaskDefinitionArn>,
    /// The content's normal form; absent where Bowline does not manage the task definition.
    pub(crate) normal: Option<Arc<str>>,
    /// The settings that it rolls out.
    pub(crate) settings: Map<String, Value>,
}

/// The spec that git wants for this service.
pub(crate) fn spec<'a>(
    subject: &Subject<'a>,
    reads: &mut Reads<'a>,
    task_definition: &TaskDefinition,
    settings: &Settings,
) -> Result<Option<Spec>, Blocked> {
    let (arn, normal) = match task_definition {
        TaskDefinition::NotManaged => (subject.live.task_definition.clone(), None),
        TaskDefinition::Same => match running_content(subject, reads)? {
            Some(content) => (subject.live.task_definition.clone(), Some(content)),
            None => return Ok(None),
        },
        TaskDefinition::Differs { step: Step::Update { arn, normal }, .. } => {
            (Some(arn.clone()), Some(normal.clone()))
        }
        TaskDefinition::Differs { step: Step::Register(registration), .. } => {
            (None, Some(registration.normal.clone()))
        }
        TaskDefinition::Differs { step: Step::Read(blocked), .. } | TaskDefinition::Unknown(blocked) => {
            return Err(blocked.clone());
        }
        TaskDefinition::Differs { step: Step::NeedsPerson(_), .. } => return Ok(None),
    };
    let versions = pinned_versions(subject.world.desired, subject.wanted);
    let deployed = normal.as_deref().map_or(Deployed::Live(arn.as_ref()), Deployed::Content);
    let wanted = settings.wanted(&subject.wanted.resource.spec.settings);
    let hash = spec_hash(deployed, &versions, &wanted);
    Ok(Some(Spec { hash, arn, normal, settings: wanted }))
}

/// Whether the spec failed before. Memory knows; where it does not, ECS's own history is asked before anything is deployed.
/// A new restart token is a person's word to try once more, so what failed before it does not count.
pub(crate) fn failed_before<'a>(
    subject: &Subject<'a>,
    reads: &mut Reads<'a>,
    spec: &Spec,
    recorded: Recorded<'_>,
) -> Result<Option<Failure>, Blocked> {
    if recorded.restart == Restart::New {
        return Ok(None);
    }
    let since = match rollback::remembered(subject.memory, &spec.hash, recorded) {
        Remembered::Bad(failure) => {
            ask_for_repair(subject, reads, spec);
            return Ok(Some(failure));
        }
        Remembered::Free => return Ok(None),
        Remembered::Lost { since } => Some(since),
        Remembered::Nothing => None,
    };
    let mut past = past_deployments(subject, reads)?;
    past.retain(|past| since.is_none_or(|since| rollout::began_since(past.created_at, since)));
    // The same revision with other settings is another deployment.
    past.retain(|past| {
        past.settings.as_ref().is_none_or(|had| settings_agree(&spec.settings, had, &subject.ignored))
    });
    let mut same: BTreeSet<&TaskDefinitionArn> = spec.arn.iter().collect();
    if let Some(normal) = &spec.normal {
        let failed = rollback::failed_revisions(&past);
        let others: Vec<_> = failed.into_iter().filter(|arn| Some(*arn) != spec.arn.as_ref()).collect();
        let contents: Vec<_> =
            others.iter().map(|arn| reads.task_definition(subject.target, arn.as_str())).collect();
        for (arn, content) in others.into_iter().zip(contents) {
            if content?.is_some_and(|revision| normal_text(&revision.content) == *normal) {
                same.insert(arn);
            }
        }
    }
    Ok(rollback::failed_before(&past, |arn| same.contains(arn), &rollback::explained(subject.memory)))
}

/// Somebody may have deployed successfully since what failed: `learn` judges it by the history, which is asked for here.
fn ask_for_repair<'a>(subject: &Subject<'a>, reads: &mut Reads<'a>, spec: &Spec) {
    let attempt = subject.memory.and_then(|memory| memory.attempts.get(&spec.hash));
    if attempt.is_some_and(|attempt| rollback::may_be_repaired(attempt, subject.live)) {
        let _ = reads.history(subject.name);
    }
}

/// Whether a commit releases what failed.
pub(crate) fn is_released(subject: &Subject<'_>, spec: &Spec, failure: &Failure) -> bool {
    let attempt = subject.memory.and_then(|memory| memory.attempts.get(&spec.hash));
    let (retries, now) = (&subject.world.desired.retries, subject.world.now);
    rollback::released(retries, &spec.hash, attempt, failure.began_at, now).is_some()
}

/// ECS's history, newest first; where the endpoint has none, what `deployments[]` shows.
fn past_deployments<'a>(
    subject: &Subject<'a>,
    reads: &mut Reads<'a>,
) -> Result<Vec<PastDeployment>, Blocked> {
    let shown = rollback::failed_in_deployments(subject.live);
    let history = match reads.history(subject.name) {
        Ok(history) => history.map_or(&[][..], Vec::as_slice),
        Err(blocked) if blocked.is_unsupported() => &[],
        Err(blocked) => return Err(blocked),
    };
    let listed: BTreeSet<&str> = history.iter().map(|past| past.deployment_id.as_str()).collect();
    let mut past: Vec<PastDeployment> =
        shown.into_iter().filter(|shown| !listed.contains(shown.deployment_id.as_str())).collect();
    past.extend(history.iter().cloned());
    Ok(past)
}

/// Whether a deployment of what the service runs looks bad, although nothing differs.
pub(crate) fn looks_failed(subject: &Subject<'_>) -> bool {
    let primary_failed =
        subject.live.primary().is_some_and(|primary| primary.rollout_state == Some(RolloutState::Failed));
    let remembered_bad = subject.memory.is_some_and(|memory| {
        memory.attempts.values().any(|attempt| {
            matches!(attempt.verdict, Some(AttemptVerdict::Bad(_)))
                && attempt.task_definition == subject.live.task_definition
                && attempt.restart == subject.wanted.resource.spec.restart
        })
    });
    primary_failed || remembered_bad
}

/// The revision from which somebody else stepped back to an earlier one, if that is what happened: git wants what was
/// reached before, and live has gone to an older, or an earlier good, revision.
pub(crate) fn stepped_back_from<'a>(
    subject: &Subject<'a>,
    reads: &mut Reads<'a>,
    spec: &Spec,
) -> Result<Option<TaskDefinitionArn>, Blocked> {
    let Some(live) = &subject.live.task_definition else { return Ok(None) };
    let Some(reached) = reached_before(subject, reads, spec)? else { return Ok(None) };
    let (live_revision, reached_revision) = (live.revision(), reached.revision());
    let ((live_family, live_number), (family, number)) = (live_revision.parts(), reached_revision.parts());
    let older = live_family == family && live_number < number;
    let earlier_good = subject.memory.is_some_and(|memory| {
        memory.attempts.values().any(|attempt| {
            attempt.verdict == Some(AttemptVerdict::Good) && attempt.task_definition.as_ref() == Some(live)
        })
    });
    Ok((older || earlier_good).then_some(reached))
}

fn reached_before<'a>(
    subject: &Subject<'a>,
    reads: &mut Reads<'a>,
    spec: &Spec,
) -> Result<Option<TaskDefinitionArn>, Blocked> {
    if let Some(good) = subject.memory.and_then(|memory| memory.last_good.as_ref()) {
        let pinned = match &subject.wanted.task_definition {
            Some(WantedTaskDefinition::Revision(revision)) => good.task_definition.revision() == *revision,
            _ => false,
        };
        let content = good.content.as_ref().map(normal_text);
        let same_content = content.is_some() && content == spec.normal;
        let same = pinned || good.spec_hash.as_ref() == Some(&spec.hash) || same_content;
        return Ok(same.then(|| good.task_definition.clone()));
    }
    if subject.memory.is_some_and(|memory| memory.attempts.contains_key(&spec.hash)) {
        return Ok(None);
    }
    let Some(arn) = &spec.arn else { return Ok(None) };
    let past = past_deployments(subject, reads)?;
    Ok(rollback::succeeded_before(&past, |past| past == arn).cloned())
}

/// When somebody else's step back will be healed; nothing when it is time.
pub(crate) fn held_until(subject: &Subject<'_>, found: &str) -> Option<Timestamp> {
    let remembered = subject.memory.and_then(|memory| memory.deviation.as_ref());
    let since = remembered
        .filter(|deviation| deviation.found == found)
        .map_or(subject.world.now, |deviation| deviation.since);
    let until = rollout::deadline(since, subject.wanted.resource.spec.heal_delay);
    (until > subject.world.now).then_some(until)
}

/// What has to happen to the service's secrets before it is deployed.
pub(crate) fn secrets_first(secrets: &[(&ResourceName, &SecretOutlook)]) -> Option<WaitingOn> {
    let mut first = Vec::new();
    for (name, secret) in secrets {
        match secret.standing {
            SecretStanding::Settled | SecretStanding::LeftAlone => {}
            SecretStanding::Promoting(_) | SecretStanding::Blocked => first.push(*name),
            SecretStanding::Unknown => {
                return Some(WaitingOn::Read { what: format!("Secret/{name}, which the service reads") });
            }
        }
    }
    let of: Vec<_> = first.into_iter().map(|name: &ResourceName| key(ResourceKind::Secret, name)).collect();
    (!of.is_empty()).then_some(WaitingOn::Wave { of })
}
