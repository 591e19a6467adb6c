//! Do the settings of the service differ from those that git lists, what is to be sent, and what is somebody else's?

mod launch;
mod traffic;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::Subject;
use crate::desired::kind::ServiceSettings;
use crate::diff::fields::{Effect, SERVICE, ShownBy, setting_row, starts_deployment};
use crate::diff::normalize::normalize_by;
use crate::diff::settings::{
    Leaf, Removal, cannot_be_told_apart, changed_unseen, compare, fingerprint, get, is_shown, leaves, owner,
    removals, request, set, shown_path,
};
use crate::diff::{Difference, Reason};
use crate::live::{SchedulingStrategy, Tags};
use crate::plan::memory::ServiceMemory;
use crate::plan::reads::{Blocked, Reads};
use crate::plan::report::HeldWhy;

/// Where the settings of a service stand.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    /// What is to be repaired.
    pub(crate) differences: Vec<Difference>,
    /// What differs and is left alone, with the reason.
    pub(crate) left_alone: Vec<Difference>,
    /// Why something is not repaired.
    pub(crate) held: Vec<HeldWhy>,
    /// Things a person should know.
    pub(crate) notes: Vec<String>,
    /// What is to be sent, and starts a deployment.
    pub(crate) deploying: Map<String, Value>,
    /// What is to be sent, and starts none.
    pub(crate) others: Map<String, Value>,
    /// What the fields that are sent were when the plan was made.
    pub(crate) expected: BTreeMap<String, String>,
    /// What git wants of everything that starts a deployment; absent where that is what it lists.
    wanted: Option<Map<String, Value>>,
    /// What becomes of memory.
    pub(crate) noticed: Noticed,
}

impl Settings {
    /// What git wants of everything that starts a deployment, normalised.
    pub(crate) fn wanted(&self, listed: &ServiceSettings) -> Map<String, Value> {
        self.wanted.clone().unwrap_or_else(|| deploying_part(&listed.fields()))
    }

    /// Whether nothing differs, and nothing is to be done or told.
    fn is_quiet(&self) -> bool {
        self.differences.is_empty()
            && self.left_alone.is_empty()
            && self.held.is_empty()
            && self.notes.is_empty()
            && self.deploying.is_empty()
            && self.others.is_empty()
            && self.noticed.left.is_empty()
    }
}

/// What memory learns of settings.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Noticed {
    /// What Bowline manages, as it was last in sync.
    pub(crate) managed: ServiceSettings,
    /// Fields that left git and are left as they are, with the reason.
    pub(crate) left: Vec<(String, &'static str)>,
    /// Changed settings that every running task has by now.
    pub(crate) effective: BTreeSet<String>,
    /// What live shows, by path, where a name and an ARN cannot be told apart and count as the same; absent where settings
    /// were not looked at anew.
    pub(crate) names: Option<BTreeMap<String, String>>,
    /// The tags of the task definition that Bowline manages, as they were last in sync; absent where they could not be
    /// compared.
    pub(crate) tags: Option<Tags>,
}

/// Holds the settings of a service against git.
pub(crate) fn look<'a>(subject: &Subject<'a>, reads: &mut Reads<'a>) -> Result<Settings, Blocked> {
    let mut settings = Settings::default();
    needs_recreation(subject, &mut settings);
    let remembered = subject.memory.map(|memory| &memory.managed_settings);
    let written = &subject.wanted.resource.spec.settings;
    if written.is_empty() && remembered.is_none_or(ServiceSettings::is_empty) {
        effective(subject, reads, &mut settings);
        return Ok(settings);
    }
    if let Some(remembered) = remembered.filter(|known| subject.live.settings.agree_still(written, known)) {
        settings.noticed.managed = remembered.clone();
        effective(subject, reads, &mut settings);
        return Ok(settings);
    }
    let mut wanted = written.fields();
    let managed = remembered.map(ServiceSettings::fields).unwrap_or_default();
    let mut found = subject.live.settings.fields();
    from_revision(subject, reads, (&mut wanted, &managed), &mut found, &mut settings)?;
    settings.wanted = Some(deploying_part(&wanted));
    // What only a revision shows is not a part of what is live: it may change while that stays.
    let is_all_live = wanted.keys().all(|field| is_shown(field));
    traffic::follow(&mut wanted, &found, &mut settings);
    let launch_type_comes_back = launch::want_it_back(subject, &mut wanted, &managed, &found);
    settings.noticed.names = Some(BTreeMap::new());
    let mut touched = BTreeSet::new();
    let mut in_sync = Map::new();
    for mut leaf in compare(&wanted, &found, &subject.wanted.resource.spec.reveal) {
        by_name_or_arn(subject, &mut leaf, &managed, &found, &mut settings);
        if is_as_managed(subject, &leaf) {
            set(&mut in_sync, &leaf.names, leaf.wanted.clone());
        }
        if let Some(field) = sort_out(subject, leaf, (&found, launch_type_comes_back), &mut settings) {
            touched.insert(field);
        }
    }
    let resets = take_back(subject, (&managed, &wanted), &found, &mut in_sync, &mut settings);
    touched.extend(resets.iter().filter_map(|removal| removal.names.first().cloned()));
    for field in touched {
        let Some(row) = setting_row(&field) else { continue };
        let of_field: Vec<&Removal> =
            resets.iter().filter(|removal| removal.names.first() == Some(&field)).collect();
        let value = request(&field, &wanted, &found, &of_field, &subject.ignored);
        if row.shown != ShownBy::Revision {
            settings.expected.insert(field.clone(), fingerprint(found.get(&field)));
        }
        let sent = if starts_deployment(&field) { &mut settings.deploying } else { &mut settings.others };
        sent.insert(field, value);
    }
    settings.noticed.managed = ServiceSettings::new(&in_sync);
    if let Some(remembered) = remembered.filter(|known| **known == settings.noticed.managed)
        && is_all_live
        && settings.is_quiet()
    {
        subject.live.settings.note_agreement(written, remembered);
    }
    effective(subject, reads, &mut settings);
    Ok(settings)
}

/// Where git has a name and live an ARN, or the other way round, the two cannot be compared. What live showed when the service
/// was last in sync tells whether it changed since; and git, whether it names another one.
fn by_name_or_arn(
    subject: &Subject<'_>,
    leaf: &mut Leaf<'_>,
    managed: &Map<String, Value>,
    found: &Map<String, Value>,
    settings: &mut Settings,
) {
    let live = get(found, &leaf.names);
    if !leaf.differences.is_empty() || !cannot_be_told_apart(&leaf.names, leaf.wanted, live) {
        return;
    }
    let path = shown_path(&leaf.names);
    let now = live.and_then(Value::as_str).unwrap_or_default();
    if get(managed, &leaf.names).is_some_and(|before| before != leaf.wanted) {
        leaf.differences = changed_unseen(&leaf.names, leaf.wanted, live, "git named another one before");
        return;
    }
    match subject.memory.and_then(|memory| memory.accepted_names.get(&path)) {
        Some(accepted) if accepted == now => {}
        Some(accepted) => {
            let note = format!("live showed {accepted} when it was in sync");
            leaf.differences = changed_unseen(&leaf.names, leaf.wanted, live, &note);
            return;
        }
        None => {
            let is_arn = leaf.wanted.as_str().is_some_and(|text| text.starts_with("arn:"));
            let (git, live) = if is_arn { ("its ARN", "names it") } else { ("its name", "has its ARN") };
            let why = format!("{path} cannot be told apart: git has {git}, live {live}");
            settings
                .notes
                .push(format!("{why}; it is taken for the same, and a change of either is seen from now on"));
        }
    }
    settings.noticed.names.get_or_insert_default().insert(path, now.to_owned());
}

/// What `create` says and AWS cannot change on a service that exists. The rest of `create` is where the service began, and
/// says nothing of where it is now.
fn needs_recreation(subject: &Subject<'_>, settings: &mut Settings) {
    let Some(create) = &subject.wanted.resource.spec.create else { return };
    let mut fields = create.fields();
    fields.retain(|field, _| setting_row(field).is_some_and(|row| row.effect == Effect::Recreation));
    if fields.is_empty() {
        return;
    }
    let found = subject.live.settings.fields();
    for leaf in compare(&fields, &found, &subject.wanted.resource.spec.reveal) {
        for mut difference in leaf.differences {
            let field = difference.path.strip_prefix("settings.").unwrap_or(&difference.path);
            difference.path = format!("create.{field}");
            if subject.ignored.covers(&difference.path) {
                difference.reason = Reason::IgnoredByRule;
                settings.left_alone.push(difference);
                continue;
            }
            let at = (&*leaf.names, difference.path.clone());
            settings.held.push(launch::unchangeable(subject, at, leaf.wanted, &found));
            settings.differences.push(difference);
        }
    }
}

/// Adds what only DescribeServiceRevisions shows, where it is asked for. An endpoint that has no revisions cannot tell: then
/// it is not compared.
fn from_revision<'a>(
    subject: &Subject<'a>,
    reads: &mut Reads<'a>,
    (wanted, managed): (&mut Map<String, Value>, &Map<String, Value>),
    found: &mut Map<String, Value>,
    settings: &mut Settings,
) -> Result<(), Blocked> {
    let in_revision = |field: &&String| setting_row(field).is_some_and(|row| row.shown == ShownBy::Revision);
    let asked: Vec<String> = wanted.keys().chain(managed.keys()).filter(in_revision).cloned().collect();
    if asked.is_empty() {
        return Ok(());
    }
    if subject.live.service_revision.is_some() {
        match reads.revision_settings(subject.name) {
            Ok(Some(shown)) => {
                // The rest is as DescribeServices shows it: the executor looks there again.
                found.extend(shown.fields().into_iter().filter(|(field, _)| !is_shown(field)));
                return Ok(());
            }
            Ok(None) => {}
            Err(blocked) if blocked.is_unsupported() => {}
            Err(blocked) => return Err(blocked),
        }
    }
    for field in &asked {
        wanted.remove(field);
        settings
            .notes
            .push(format!("settings.{field} is not compared: AWS shows no service revision to read it from"));
    }
    Ok(())
}

/// The part that a deployment rolls out, normalised.
pub(crate) fn deploying_part(wanted: &Map<String, Value>) -> Map<String, Value> {
    let part: Map<String, Value> = wanted
        .iter()
        .filter(|(field, _)| starts_deployment(field))
        .map(|(field, value)| (field.clone(), value.clone()))
        .collect();
    match normalize_by(&SERVICE, &Value::Object(part)) {
        Value::Object(normalized) => normalized,
        _ => Map::new(),
    }
}

/// Whether nothing differs in a leaf but parts of it that are ignored. One that is ignored as a whole is somebody else's.
fn is_as_managed(subject: &Subject<'_>, leaf: &Leaf<'_>) -> bool {
    let ignored = |path: &str| subject.ignored.covers(path);
    leaf.differences.is_empty()
        || !ignored(&shown_path(&leaf.names)) && leaf.differences.iter().all(|one| ignored(&one.path))
}

/// Files the differences of one leaf; its top-level field, if it is to be sent.
fn sort_out(
    subject: &Subject<'_>,
    leaf: Leaf<'_>,
    (found, launch_type_comes_back): (&Map<String, Value>, bool),
    settings: &mut Settings,
) -> Option<String> {
    let field = (*leaf.names.first()?).to_owned();
    let row = setting_row(&field)?;
    let (ignored, rest): (Vec<_>, Vec<_>) =
        leaf.differences.into_iter().partition(|difference| subject.ignored.covers(&difference.path));
    settings.left_alone.extend(ignored.into_iter().map(|mut difference| {
        difference.reason = Reason::IgnoredByRule;
        difference
    }));
    if rest.is_empty() {
        return None;
    }
    if let Some(owner) = launch::owner_of(subject, row, found) {
        settings.left_alone.extend(rest.into_iter().map(|mut difference| {
            difference.reason = Reason::OwnedBy;
            difference.owner = Some(owner.to_owned());
            difference
        }));
        return None;
    }
    settings.differences.extend(rest);
    if field == launch::LAUNCH_TYPE && launch_type_comes_back {
        return None;
    }
    // UpdateService leads away from CodeDeploy, never to it.
    let to_code_deploy =
        leaf.names == ["deploymentController", "type"] && leaf.wanted.as_str() == Some("CODE_DEPLOY");
    if row.effect == Effect::Recreation || to_code_deploy {
        let held = launch::unchangeable(subject, (&leaf.names, shown_path(&[&field])), leaf.wanted, found);
        if !settings.held.contains(&held) {
            settings.held.push(held);
        }
        return None;
    }
    Some(field)
}

/// What left git and is set back; what is still managed is added to `in_sync`.
fn take_back(
    subject: &Subject<'_>,
    (managed, wanted): (&Map<String, Value>, &Map<String, Value>),
    found: &Map<String, Value>,
    in_sync: &mut Map<String, Value>,
    settings: &mut Settings,
) -> Vec<Removal> {
    let daemon = subject.live.scheduling == SchedulingStrategy::Daemon;
    let reveal = &subject.wanted.resource.spec.reveal;
    let removals = removals(managed, wanted, found, daemon, &subject.ignored, reveal);
    let mine = |removal: &Removal| {
        let row = removal.names.first().and_then(|field| setting_row(field));
        row.is_some_and(|row| owner(subject.live.controller, row).is_none())
    };
    let resets: Vec<Removal> = removals.resets.into_iter().filter(mine).collect();
    for (names, value) in leaves(managed) {
        let pending = resets.iter().any(|removal| names.starts_with(&as_texts(&removal.names)));
        let differs = get(wanted, &names).is_some() && get(in_sync, &names).is_none();
        if pending || differs {
            set(in_sync, &names, value.clone());
        }
    }
    settings.differences.extend(resets.iter().flat_map(|removal| removal.differences.iter().cloned()));
    settings.noticed.left = removals.left;
    resets
}

fn as_texts(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

/// Says which changed settings some running tasks do not have yet. Tasks are only asked for while there may be such ones, and
/// not in every pass.
fn effective<'a>(subject: &Subject<'a>, reads: &mut Reads<'a>, settings: &mut Settings) {
    let changed = subject.memory.into_iter().flat_map(|memory| &memory.changed_settings);
    for (field, changed_at) in changed {
        if field == ServiceMemory::TASK_DEFINITION_TAGS && !propagates_task_definition_tags(subject) {
            settings.noticed.effective.insert(field.clone());
            continue;
        }
        let only = subject.live.deployments.len() == 1;
        let replaced = subject.live.primary().filter(|_| only).and_then(|primary| primary.created_at);
        if replaced.is_some_and(|since| since >= *changed_at) {
            settings.noticed.effective.insert(field.clone());
            continue;
        }
        let how_many = match reads.task_starts_seen(subject.name) {
            Ok(starts) => match starts.into_iter().flatten().filter(|start| *start < changed_at).count() {
                0 => {
                    settings.noticed.effective.insert(field.clone());
                    continue;
                }
                1 => "1 running task is still old".to_owned(),
                old => format!("{old} running tasks are still old"),
            },
            Err(_) => "running tasks may still be old".to_owned(),
        };
        let path = setting_row(field).map_or_else(|| field.clone(), |row| shown_path(&[row.name]));
        settings.notes.push(format!("{path} is applied, but {how_many}: change `restart` to roll them"));
    }
}

/// Whether tasks get the tags of their task definition when they are started.
fn propagates_task_definition_tags(subject: &Subject<'_>) -> bool {
    let fields = subject.live.settings.fields();
    fields.get("propagateTags").and_then(Value::as_str) == Some("TASK_DEFINITION")
}
