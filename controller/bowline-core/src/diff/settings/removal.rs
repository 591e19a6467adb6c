//! Settings that Bowline managed and that git does not list any more: which of them are set back, and to what?

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Names, PREFIX, compare_leaf, get, leaves, shown_path, strategy};
use crate::diff::Difference;
use crate::diff::compare::compare_field;
use crate::diff::fields::{Reset, SERVICE, reset_of, why_left};
use crate::diff::normalize::normalize_field;
use crate::diff::overlay::overlay_field;
use crate::diff::path::Ignored;

/// A field that is set back.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Removal {
    /// Where it is.
    pub(crate) names: Vec<String>,
    /// What it is set to, with what is ignored as it is live; absent where it is left out of its structure.
    pub(crate) to: Option<Value>,
    /// How live differs from that.
    pub(crate) differences: Vec<Difference>,
}

/// What becomes of the fields that left git.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Removals {
    /// Fields that are set back.
    pub(crate) resets: Vec<Removal>,
    /// Fields that are left as they are, each with the reason.
    pub(crate) left: Vec<(String, &'static str)>,
}

/// What becomes of the fields that `managed` has and `wanted` has not. One is set back only if it still is as it was managed:
/// otherwise somebody else has taken it over. `daemon` says how the service is scheduled.
pub(crate) fn removals(
    managed: &Map<String, Value>,
    wanted: &Map<String, Value>,
    found: &Map<String, Value>,
    daemon: bool,
    ignored: &Ignored,
    reveal: &[String],
) -> Removals {
    let mut removals = Removals::default();
    let mut anchors: BTreeMap<Names<'_>, (Reset, bool)> = BTreeMap::new();
    let to_be = strategy::after_removals(managed, wanted, found, ignored);
    for (names, value) in leaves(managed) {
        let path = shown_path(&names);
        if is_listed(wanted, &names) || ignored.covers(&path) {
            continue;
        }
        // It goes with its strategy.
        if strategy::is_of_another(&names, to_be) {
            continue;
        }
        if names == strategy::STRATEGY && strategy::is_needed(wanted, to_be) {
            removals.left.push((path, "git lists what goes with that strategy only"));
            continue;
        }
        let mut changed = compare_leaf(&names, value, get(found, &names), &[]).into_iter();
        let untouched = changed.all(|difference| ignored.covers(&difference.path));
        match anchor(wanted, &names) {
            Some((anchor, reset)) => anchors.entry(anchor).or_insert((reset, true)).1 &= untouched,
            // What AWS has by itself is left to it.
            None if SERVICE.row_at(&names).is_some_and(|row| row.is_default(value)) => {}
            None => removals.left.push((path, why_left(&names.join(".")))),
        }
    }
    for (names, (reset, untouched)) in anchors {
        let (path, in_table, live) = (shown_path(&names), names.join("."), get(found, &names));
        let back = reset_value(reset, daemon);
        let to = overlay_field(&SERVICE, (&path, &in_table), back.as_ref(), live, ignored);
        let note = note(back.as_ref(), to.as_ref());
        let mut differences = differences(&names, to.as_ref(), live, &note, reveal);
        differences.retain(|difference| !ignored.covers(&difference.path));
        if differences.is_empty() {
            continue;
        }
        if untouched {
            let names = names.into_iter().map(str::to_owned).collect();
            removals.resets.push(Removal { names, to, differences });
        } else {
            removals.left.push((path, "somebody has changed it since"));
        }
    }
    removals
}

/// Whether git lists the field, or a list that it is in, or a part of it.
pub(super) fn is_listed(wanted: &Map<String, Value>, names: &[&str]) -> bool {
    let Some((first, rest)) = names.split_first() else { return false };
    match wanted.get(*first) {
        None | Some(Value::Null) => false,
        Some(Value::Object(inner)) if rest.is_empty() => !leaves(inner).is_empty(),
        Some(Value::Object(inner)) => is_listed(inner, rest),
        Some(_) => true,
    }
}

/// The outermost field around this one of which git lists nothing and that can be set back.
fn anchor<'a>(wanted: &Map<String, Value>, names: &[&'a str]) -> Option<(Names<'a>, Reset)> {
    let outer = (1..=names.len()).map(|length| &names[..length]).filter(|outer| !is_listed(wanted, outer));
    let found = outer.clone().find_map(|outer| Some((outer.to_vec(), reset_of(&outer.join("."))?)));
    // One key of a map inside of what AWS replaces as a whole.
    let in_map = || {
        let (_, map) = names.split_last()?;
        (reset_of(&map.join(".")) == Some(Reset::Omit)).then(|| (names.to_vec(), Reset::Omit))
    };
    found.or_else(in_map)
}

/// Whether AWS drops the field when a request leaves it out of its structure.
pub(super) fn goes_when_left_out(names: &[&str]) -> bool {
    (1..=names.len()).any(|length| reset_of(&names[..length].join(".")) == Some(Reset::Omit))
}

/// What is sent to set a field back; nothing where it is left out of its structure.
fn reset_value(reset: Reset, daemon: bool) -> Option<Value> {
    let json = match reset {
        Reset::ByStrategy { daemon: json, .. } if daemon => json,
        Reset::To(json) | Reset::ByStrategy { replica: json, .. } => json,
        Reset::Omit => return None,
    };
    serde_json::from_str(json).ok()
}

/// Says to what a field is set back: never what is live of it, which may be confidential.
fn note(back: Option<&Value>, to: Option<&Value>) -> String {
    let what = match back {
        Some(value) => format!("it is set back to {value}"),
        None => "it is taken out".to_owned(),
    };
    let but = if back == to { "" } else { ", but for what is ignored" };
    format!("taken out of git, so {what}{but}")
}

fn differences(
    names: &[&str],
    to: Option<&Value>,
    found: Option<&Value>,
    note: &str,
    reveal: &[String],
) -> Vec<Difference> {
    let normal = |value: &Value| normalize_field(&SERVICE, names, value);
    let (wanted, live) = (to.and_then(normal), found.and_then(normal));
    let mut differences = compare_field(&SERVICE, (PREFIX, names), wanted.as_ref(), live.as_ref(), reveal);
    for difference in &mut differences {
        difference.reason = crate::diff::Reason::Removed;
        difference.wanted = crate::diff::Shown::Absent;
        difference.note = Some(note.to_owned());
    }
    differences
}
