//! What differs between the settings that git wants of a service and those that are live, and what has to be sent?
//!
//! Only what git lists is compared: field by field inside of objects, lists as a whole. A field that git listed before and
//! does not list any more is taken back, since leaving it out of a request resets nothing.

mod removal;
mod strategy;

use serde_json::{Map, Value};

use super::Difference;
use super::canonical::{canonical_json, sha256_hex};
use super::compare::compare_field;
use super::fields::{Rule, SERVICE, Setting, ShownBy, Taken, setting_row};
use super::normalize::normalize_field;
use super::overlay::overlay_field;
use super::path::Ignored;
use crate::desired::kind::ServiceSettings;
use crate::live::DeploymentController;

pub(crate) use removal::{Removal, removals};

/// Where settings stand in paths.
pub(crate) const PREFIX: &str = "settings";

/// Field names that lead to a value.
pub(crate) type Names<'a> = Vec<&'a str>;

/// One leaf that git lists, held against what is live.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Leaf<'a> {
    /// Where it is.
    pub(crate) names: Names<'a>,
    /// What git says.
    pub(crate) wanted: &'a Value,
    /// How live differs; empty when it does not.
    pub(crate) differences: Vec<Difference>,
}

/// Every leaf that git lists, held against what is live.
pub(crate) fn compare<'a>(
    wanted: &'a Map<String, Value>,
    found: &Map<String, Value>,
    reveal: &[String],
) -> Vec<Leaf<'a>> {
    let leaves = leaves(wanted).into_iter();
    leaves
        .map(|(names, wanted)| {
            let differences = compare_leaf(&names, wanted, get(found, &names), reveal);
            Leaf { names, wanted, differences }
        })
        .collect()
}

/// Whether everything that was asked for by a request is live, as far as DescribeServices shows it; and nothing that the
/// request leaves out of a structure which AWS replaces as a whole.
pub fn settings_in_effect(request: &Map<String, Value>, live: &ServiceSettings) -> bool {
    let live = live.fields();
    let left_out = |(names, value): &(Names<'_>, &Value)| {
        names.first().is_some_and(|field| request.contains_key(*field))
            && get(request, names).is_none()
            && removal::goes_when_left_out(names)
            && normalize_field(&SERVICE, names, value).is_some()
    };
    agrees(request, &live) && !leaves(&live).iter().any(left_out)
}

/// Whether everything that is wanted is live, as far as DescribeServices shows it.
pub(crate) fn settings_agree(wanted: &Map<String, Value>, live: &ServiceSettings, ignored: &Ignored) -> bool {
    let live = live.fields();
    shown_leaves(wanted).all(|(names, wanted)| {
        let differences = compare_leaf(&names, wanted, get(&live, &names), &[]);
        differences.iter().all(|difference| ignored.covers(&difference.path))
    })
}

fn agrees(wanted: &Map<String, Value>, live: &Map<String, Value>) -> bool {
    shown_leaves(wanted).all(|(names, wanted)| same(&names, wanted, get(live, &names)))
}

/// The leaves that DescribeServices shows.
fn shown_leaves(settings: &Map<String, Value>) -> impl Iterator<Item = (Names<'_>, &Value)> {
    leaves(settings).into_iter().filter(|(names, _)| names.first().is_some_and(|field| is_shown(field)))
}

/// Whether DescribeServices shows a top-level field.
pub fn is_shown(field: &str) -> bool {
    setting_row(field).is_some_and(|row| row.shown != ShownBy::Revision)
}

/// Who else sets the field, under a controller for which UpdateService does not take it.
pub(crate) fn owner(controller: DeploymentController, row: &Setting) -> Option<&'static str> {
    match (controller, row.taken) {
        (DeploymentController::Ecs, _)
        | (_, Taken::Always)
        | (DeploymentController::CodeDeploy, Taken::CodeDeploy) => None,
        (DeploymentController::CodeDeploy, Taken::Ecs) => Some("CodeDeploy"),
        (DeploymentController::External, Taken::Ecs | Taken::CodeDeploy) => Some("an external controller"),
    }
}

/// Whether ECS exchanges the target groups of a service with these settings at each deployment.
pub(crate) fn exchanges_target_groups(live: &Map<String, Value>) -> bool {
    let strategy = get(live, &["deploymentConfiguration", "strategy"]).and_then(Value::as_str);
    matches!(strategy, Some("BLUE_GREEN" | "LINEAR" | "CANARY"))
}

/// What tells one value of a top-level field from another: 16 hexadecimal digits. To see whether somebody changed it.
pub fn settings_fingerprint(live: &ServiceSettings, field: &str) -> String {
    fingerprint(live.fields().get(field))
}

/// As [`settings_fingerprint`].
pub(crate) fn fingerprint(value: Option<&Value>) -> String {
    let text = value.map_or_else(|| "null".to_owned(), canonical_json);
    sha256_hex(&text).chars().take(16).collect()
}

/// What is to be sent for one top-level field: the live structure with the wanted leaves laid over it, so that nothing beside
/// them is reset; what somebody else owns stays as it is, and what belongs to another deployment strategy goes unless git lists it.
pub(crate) fn request(
    field: &str,
    wanted: &Map<String, Value>,
    found: &Map<String, Value>,
    removals: &[&Removal],
    ignored: &Ignored,
) -> Value {
    let mut merged = Map::new();
    if let Some(live) = found.get(field) {
        merged.insert(field.to_owned(), live.clone());
    }
    for removal in removals {
        match &removal.to {
            Some(value) => set(&mut merged, &removal.names, value.clone()),
            None => unset(&mut merged, &removal.names),
        }
    }
    strategy::take_out_others(&mut merged, wanted, ignored);
    for (names, value) in leaves(wanted).into_iter().filter(|(names, _)| names.first() == Some(&field)) {
        let (path, in_table) = (shown_path(&names), names.join("."));
        if ignored.covers(&path) {
            continue;
        }
        let live = get(found, &names);
        if let Some(value) = overlay_field(&SERVICE, (&path, &in_table), Some(value), live, ignored) {
            set(&mut merged, &names, value);
        }
    }
    merged.remove(field).unwrap_or(Value::Null)
}

/// The leaves of settings: texts, numbers, flags and lists. An empty object has none.
pub(crate) fn leaves(settings: &Map<String, Value>) -> Vec<(Names<'_>, &Value)> {
    fn walk<'a>(object: &'a Map<String, Value>, names: &Names<'a>, found: &mut Vec<(Names<'a>, &'a Value)>) {
        for (name, value) in object {
            let mut names = names.clone();
            names.push(name);
            match value {
                Value::Object(inner) => walk(inner, &names, found),
                Value::Null => {}
                leaf => found.push((names, leaf)),
            }
        }
    }
    let mut found = Vec::new();
    walk(settings, &Vec::new(), &mut found);
    found
}

/// The value at a place.
pub(crate) fn get<'a>(settings: &'a Map<String, Value>, names: &[impl AsRef<str>]) -> Option<&'a Value> {
    let (first, rest) = names.split_first()?;
    let value = settings.get(first.as_ref())?;
    rest.iter().try_fold(value, |value, name| value.get(name.as_ref())).filter(|value| !value.is_null())
}

/// Puts a value at a place; what is on the way and no object becomes one.
pub(crate) fn set(settings: &mut Map<String, Value>, names: &[impl AsRef<str>], value: Value) {
    let Some((first, rest)) = names.split_first() else { return };
    if rest.is_empty() {
        settings.insert(first.as_ref().to_owned(), value);
        return;
    }
    let inner = settings.entry(first.as_ref()).or_insert(Value::Null);
    if !inner.is_object() {
        *inner = Value::Object(Map::new());
    }
    if let Value::Object(inner) = inner {
        set(inner, rest, value);
    }
}

/// Takes out the value at a place.
pub(crate) fn unset(settings: &mut Map<String, Value>, names: &[impl AsRef<str>]) {
    let Some((first, rest)) = names.split_first() else { return };
    if rest.is_empty() {
        settings.remove(first.as_ref());
    } else if let Some(Value::Object(inner)) = settings.get_mut(first.as_ref()) {
        unset(inner, rest);
    }
}

/// A place as it is shown.
pub(crate) fn shown_path(names: &[impl AsRef<str>]) -> String {
    names.iter().fold(PREFIX.to_owned(), |path, name| format!("{path}.{}", name.as_ref()))
}

/// Whether two values of a field mean the same.
fn same(names: &[&str], wanted: &Value, found: Option<&Value>) -> bool {
    if found == Some(wanted) {
        return true;
    }
    let normal = |value: &Value| normalize_field(&SERVICE, names, value);
    normal(wanted) == found.and_then(normal) || cannot_be_told_apart(names, wanted, found)
}

/// Whether one side has a name and the other an ARN that does not hold it.
pub(crate) fn cannot_be_told_apart(names: &[&str], wanted: &Value, found: Option<&Value>) -> bool {
    let row = SERVICE.row_at(names);
    let is_arn = |side: Option<&Value>| Some(side?.as_str()?.starts_with("arn:"));
    row.is_some_and(|row| row.has(Rule::NameOrArn))
        && matches!((is_arn(Some(wanted)), is_arn(found)), (Some(one), Some(other)) if one != other)
}

/// The leaves that may be given by a name or by an ARN.
pub(crate) fn settings_by_name(request: &Map<String, Value>) -> Vec<(Names<'_>, &Value)> {
    let by_name = |names: &Names<'_>| SERVICE.row_at(names).is_some_and(|row| row.has(Rule::NameOrArn));
    leaves(request).into_iter().filter(|(names, _)| by_name(names)).collect()
}

/// Whether a request asks for something of which the answer cannot tell whether it is live already.
pub fn settings_cannot_be_told(request: &Map<String, Value>, live: &ServiceSettings) -> bool {
    let live = live.fields();
    leaves(request)
        .into_iter()
        .any(|(names, wanted)| cannot_be_told_apart(&names, wanted, get(&live, &names)))
}

/// How a leaf differs that changed, although the two sides cannot be told apart.
pub(crate) fn changed_unseen(
    names: &[&str],
    wanted: &Value,
    found: Option<&Value>,
    note: &str,
) -> Vec<Difference> {
    let mut differences = compare_field(&SERVICE, (PREFIX, names), Some(wanted), found, &[]);
    for difference in &mut differences {
        difference.note = Some(note.to_owned());
    }
    differences
}

fn compare_leaf(names: &[&str], wanted: &Value, found: Option<&Value>, reveal: &[String]) -> Vec<Difference> {
    if same(names, wanted, found) {
        return Vec::new();
    }
    if wanted.is_array() {
        let normal = |value: &Value| normalize_field(&SERVICE, names, value);
        let (wanted, found) = (normal(wanted), found.and_then(normal));
        return compare_field(&SERVICE, (PREFIX, names), wanted.as_ref(), found.as_ref(), reveal);
    }
    compare_field(&SERVICE, (PREFIX, names), Some(wanted), found, reveal)
}

#[cfg(test)]
mod tests;
