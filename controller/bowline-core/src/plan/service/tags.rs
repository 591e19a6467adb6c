//! Do the tags of the running revision differ from those that the file names, and what is to be done about it?
//!
//! AWS keeps tags beside a revision and changes them without a new one, so they are repaired in place. Only what git names is
//! compared, and what Bowline managed before: tags of others are left alone, and Bowline's own are nobody's difference.

use std::collections::{BTreeMap, BTreeSet};

use super::settings::Noticed;
use super::task_definition::TaskDefinition;
use super::{ServiceOutlook, Subject};
use crate::desired::{DesiredService, WantedTaskDefinition};
use crate::diff::path::Ignored;
use crate::diff::{Reason, diff_tag, tag_fingerprint};
use crate::live::{Asked, DeploymentController, LiveService, Observed, Tags, UnknownCategory};
use crate::name::TaskDefinitionArn;
use crate::plan::report::WaitingOn;

/// How Bowline's own tags begin.
const OURS: &str = "bowline:";

/// The tags of a revision as a file names them, and how they come to be so.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Retag {
    /// The revision.
    pub(crate) arn: TaskDefinitionArn,
    /// What git wants, without what `ignore` covers.
    pub(crate) wanted: Tags,
    /// The tags to write.
    pub(crate) set: BTreeMap<String, String>,
    /// The keys of tags to take off.
    pub(crate) removed: BTreeSet<String>,
    /// What the tags that change are now, each by its fingerprint.
    pub(crate) expected: BTreeMap<String, Option<String>>,
}

/// The revision whose tags have to be known, and whether they are known to differ.
pub(crate) fn tags_in_question<'a>(
    wanted: &DesiredService,
    live: &'a LiveService,
    managed: Option<&Tags>,
    asked: Option<&Asked<Tags>>,
) -> Option<(&'a TaskDefinitionArn, bool)> {
    let named = named(wanted, live)?;
    let arn = live.task_definition.as_ref()?;
    let nothing = Tags::default();
    let managed = managed.unwrap_or(&nothing);
    if named.is_empty() && managed.is_empty() {
        return None;
    }
    let found = asked.filter(|asked| *asked.about == *arn.as_str()).and_then(|asked| asked.found.known());
    let differ = found.is_some_and(|found| {
        let is_found = |(key, value): &(&String, &String)| found.get(key) == Some(*value);
        let missing = named.iter().filter(|tag| !is_found(tag));
        let left = managed.iter().filter(|tag| !named.contains_key(tag.0) && is_found(tag));
        let ignored = Ignored::new(&wanted.resource.spec.ignore);
        let is_compared = |key: &str| {
            !key.starts_with(OURS) && !ignored.covers(&format!("taskDefinition.tags[key={key}].value"))
        };
        missing.chain(left).any(|(key, _)| is_compared(key))
    });
    Some((arn, differ))
}

/// Whether these have every tag that a service's file names.
pub fn has_named_tags(wanted: &DesiredService, found: &Tags) -> bool {
    let Some(WantedTaskDefinition::Content { content, .. }) = &wanted.task_definition else { return true };
    content.tags().iter().all(|(key, value)| key.starts_with(OURS) || found.get(key) == Some(value))
}

/// The tags that git names for a task definition that it manages by a file; absent where it manages none so.
fn named<'a>(wanted: &'a DesiredService, live: &LiveService) -> Option<&'a Tags> {
    let Some(WantedTaskDefinition::Content { content, .. }) = &wanted.task_definition else { return None };
    let managed = live.controller == DeploymentController::Ecs
        && !Ignored::new(&wanted.resource.spec.ignore).covers("taskDefinition");
    managed.then(|| content.tags())
}

/// Compares the tags of the revision that runs, once that is the wanted one: a new revision is registered with its tags.
pub(super) fn compare(
    subject: &Subject<'_>,
    task_definition: &TaskDefinition,
    noticed: &mut Noticed,
    outlook: &mut ServiceOutlook<'_>,
) {
    let nothing = Tags::default();
    let managed = subject.memory.map_or(&nothing, |memory| &memory.managed_tags);
    let Some(named) = named(subject.wanted, subject.live) else {
        noticed.tags = (!managed.is_empty()).then(Tags::default);
        return;
    };
    if !matches!(task_definition, TaskDefinition::Same) || named.is_empty() && managed.is_empty() {
        return;
    }
    let Some(arn) = subject.live.task_definition.as_ref() else { return };
    let asked = subject.world.live.task_definition_tags.get(subject.name);
    let asked = asked.filter(|asked| *asked.about == *arn.as_str());
    let found = match asked.map(|asked| &*asked.found) {
        Some(Observed::Known { value, .. }) => value,
        Some(Observed::Unknown { why }) if why.category != UnknownCategory::Unsupported => {
            let what = format!("the tags of {}: {}", arn.revision(), why.message);
            outlook.report.waiting_on.get_or_insert(WaitingOn::Read { what });
            return;
        }
        Some(Observed::Unknown { .. } | Observed::Missing) | None => return,
    };
    let mut retag = Retag {
        arn: arn.clone(),
        wanted: Tags::default(),
        set: BTreeMap::new(),
        removed: BTreeSet::new(),
        expected: BTreeMap::new(),
    };
    let (mut named_here, mut in_sync) = (Vec::new(), Vec::new());
    let keys: BTreeSet<&String> = named.keys().chain(managed.keys()).collect();
    for key in keys.into_iter().filter(|key| !key.starts_with(OURS)) {
        let (wanted, before, now) = (named.get(key), managed.get(key), found.get(key));
        if wanted.is_none() && now != before {
            if now.is_some() {
                noticed.left.push((format!("taskDefinition.tags[key={key}]"), "somebody else changed it"));
            }
            continue;
        }
        let as_text = |side: Option<&'_ String>| side.map(String::as_str).map(str::to_owned);
        let reveal = &subject.wanted.resource.spec.reveal;
        let differences = diff_tag(key, as_text(wanted).as_deref(), as_text(now).as_deref(), reveal);
        let ignored = |path: &str| subject.ignored.covers(path);
        if differences.iter().any(|difference| ignored(&difference.path)) {
            outlook.report.left_alone.extend(differences.into_iter().map(|mut difference| {
                difference.reason = Reason::IgnoredByRule;
                difference
            }));
            continue;
        }
        if let Some(wanted) = wanted {
            named_here.push((key.clone(), wanted.clone()));
        }
        if differences.is_empty() {
            in_sync.extend(wanted.map(|wanted| (key.clone(), wanted.clone())));
            continue;
        }
        in_sync.extend(before.map(|before| (key.clone(), before.clone())));
        retag.expected.insert(key.clone(), now.map(|now| tag_fingerprint(now)));
        match wanted {
            Some(wanted) => drop(retag.set.insert(key.clone(), wanted.clone())),
            None => drop(retag.removed.insert(key.clone())),
        }
        outlook.report.differences.extend(differences);
    }
    retag.wanted = named_here.into_iter().collect();
    noticed.tags = Some(in_sync.into_iter().collect());
    // What is quarantined gets nothing but its desired count.
    if outlook.failure.is_none() {
        outlook.retag = Some(Box::new(retag));
    }
}
