//! What differs between two contents of a task definition, field by field.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::canonical::canonical_json;
use super::normalize::{ListKind, item_key, list_kind, normalize};
use super::path::Ignored;
use super::{Difference, Reason, Shown};
use crate::desired::TaskDefinitionContent;
use crate::name::FieldPath;

/// The fields in which two contents differ, defaults normalised away, in the order of their paths. Paths name the item of
/// a list by its key: `containerDefinitions[name=web].environment[name=LOG_LEVEL].value`. Environment, command and label
/// values are shown by length unless their name is in `reveal`.
pub fn diff_task_definition(
    wanted: &TaskDefinitionContent,
    found: &TaskDefinitionContent,
    ignore: &[FieldPath],
    reveal: &[String],
) -> Vec<Difference> {
    diff_normalized(&normalize(wanted), &normalize(found), &Ignored::new(ignore), reveal)
}

/// As [`diff_task_definition`], for contents that are normalised already.
pub(crate) fn diff_normalized(
    wanted: &Value,
    found: &Value,
    ignored: &Ignored,
    reveal: &[String],
) -> Vec<Difference> {
    let mut walk = Walk { ignored, reveal, differences: Vec::new() };
    walk.compare(&Place::default(), Some(wanted), Some(found));
    walk.differences
}

/// Where the walk is.
#[derive(Debug, Clone, Default)]
struct Place {
    /// As shown: `containerDefinitions[name=web].image`.
    path: String,
    /// As in the table: `containerDefinitions.image`.
    field: String,
    /// The key of the innermost list item.
    item: String,
}

impl Place {
    fn child(&self, key: &str) -> Self {
        let join = |parent: &str| if parent.is_empty() { key.to_owned() } else { format!("{parent}.{key}") };
        Self { path: join(&self.path), field: join(&self.field), item: self.item.clone() }
    }

    fn item(&self, selector: &str, key: &str) -> Self {
        Self { path: format!("{}[{selector}]", self.path), field: self.field.clone(), item: key.to_owned() }
    }

    /// The name under which `reveal` lists this value, if it may be confidential.
    fn confidential_name(&self) -> Option<&str> {
        let container = self.field.strip_prefix("containerDefinitions.");
        let label = |prefix: &str| self.path.rsplit_once(prefix).map(|(_, key)| key);
        match container {
            Some("environment.value") => Some(&self.item),
            Some("command") => Some("command"),
            Some("entryPoint") => Some("entryPoint"),
            Some("healthCheck.command") => Some("healthCheck"),
            Some(field) if field.starts_with("dockerLabels.") => label("].dockerLabels."),
            Some(field) if field.starts_with("logConfiguration.options.") => {
                label("].logConfiguration.options.").filter(|option| looks_secret(option))
            }
            _ if self.field.starts_with("volumes.dockerVolumeConfiguration.labels.") => label(".labels."),
            _ if self.field.starts_with("volumes.dockerVolumeConfiguration.driverOpts.") => {
                label(".driverOpts.")
            }
            _ => None,
        }
    }
}

/// Log drivers take credentials as options (`splunk-token`).
fn looks_secret(option: &str) -> bool {
    let option = option.to_ascii_lowercase();
    ["token", "key", "secret", "password"].iter().any(|word| option.contains(word))
}

struct Walk<'a> {
    ignored: &'a Ignored,
    reveal: &'a [String],
    differences: Vec<Difference>,
}

impl Walk<'_> {
    fn compare(&mut self, place: &Place, wanted: Option<&Value>, found: Option<&Value>) {
        if wanted == found || self.ignored.covers(&place.path) {
            return;
        }
        match (wanted.or(found), wanted, found) {
            (Some(Value::Object(_)), None | Some(Value::Object(_)), None | Some(Value::Object(_))) => {
                self.objects(place, wanted, found);
            }
            (Some(Value::Array(_)), None | Some(Value::Array(_)), None | Some(Value::Array(_))) => {
                match list_kind(&place.field) {
                    ListKind::Ordered => self.leaf(place, wanted, found),
                    ListKind::Set => self.sets(place, wanted, found),
                    ListKind::Keyed(field) => self.keyed(place, field, wanted, found),
                }
            }
            _ => self.leaf(place, wanted, found),
        }
    }

    fn objects(&mut self, place: &Place, wanted: Option<&Value>, found: Option<&Value>) {
        let keys: BTreeSet<&String> = [wanted, found]
            .into_iter()
            .flatten()
            .filter_map(Value::as_object)
            .flat_map(|map| map.keys())
            .collect();
        for key in keys {
            self.compare(
                &place.child(key),
                wanted.and_then(|value| value.get(key)),
                found.and_then(|value| value.get(key)),
            );
        }
    }

    fn keyed(&mut self, place: &Place, field: &str, wanted: Option<&Value>, found: Option<&Value>) {
        let (wanted, found) = (by_key(field, wanted), by_key(field, found));
        let keys: BTreeSet<&String> = wanted.keys().chain(found.keys()).collect();
        for key in keys {
            let place = place.item(&format!("{field}={key}"), key);
            let (wanted, found) = (wanted.get(key).copied(), found.get(key).copied());
            if wanted.is_some() && found.is_some() {
                self.compare(&place, wanted, found);
            } else {
                self.whole_item(&place, field, wanted, found);
            }
        }
    }

    /// An item that only one side has: its fields, without the one that its path already names.
    fn whole_item(&mut self, place: &Place, field: &str, wanted: Option<&Value>, found: Option<&Value>) {
        if self.ignored.covers(&place.path) {
            return;
        }
        let rest = |item: &Value| {
            let mut item = item.clone();
            if let Some(map) = item.as_object_mut() {
                map.remove(field);
            }
            item
        };
        let before = self.differences.len();
        let (rest_wanted, rest_found) = (wanted.map(rest), found.map(rest));
        self.compare(place, rest_wanted.as_ref(), rest_found.as_ref());
        if self.differences.len() == before {
            let shown =
                |side: Option<&Value>| side.map_or(Shown::Absent, |_| Shown::Text(place.item.clone()));
            self.push(place, shown(wanted), shown(found));
        }
    }

    fn sets(&mut self, place: &Place, wanted: Option<&Value>, found: Option<&Value>) {
        let items = |side: Option<&Value>| -> BTreeMap<String, Value> {
            let items = side.and_then(Value::as_array).into_iter().flatten();
            items.map(|item| (plain(item), item.clone())).collect()
        };
        let (wanted, found) = (items(wanted), items(found));
        let keys: BTreeSet<&String> = wanted.keys().chain(found.keys()).collect();
        for key in keys {
            self.compare(&place.item(key, key), wanted.get(key), found.get(key));
        }
    }

    fn leaf(&mut self, place: &Place, wanted: Option<&Value>, found: Option<&Value>) {
        let hidden =
            place.confidential_name().is_some_and(|name| !self.reveal.iter().any(|open| open == name));
        let shown = |side: Option<&Value>| match side.map(plain) {
            None => Shown::Absent,
            Some(text) if hidden => Shown::Length(text.chars().count()),
            Some(text) => Shown::Text(text),
        };
        self.push(place, shown(wanted), shown(found));
    }

    fn push(&mut self, place: &Place, wanted: Shown, found: Shown) {
        self.differences.push(Difference {
            path: place.path.clone(),
            reason: Reason::of(&wanted, &found),
            wanted,
            found,
            note: None,
        });
    }
}

/// Items by key; a key that occurs twice gets a number, so that nothing is lost.
fn by_key<'a>(field: &str, list: Option<&'a Value>) -> BTreeMap<String, &'a Value> {
    let mut items = BTreeMap::new();
    for item in list.and_then(Value::as_array).into_iter().flatten() {
        let key = item_key(field, item);
        let mut unique = key.clone();
        let mut number = 2;
        while items.contains_key(&unique) {
            unique = format!("{key}#{number}");
            number += 1;
        }
        items.insert(unique, item);
    }
    items
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| canonical_json(value), str::to_owned)
}

#[cfg(test)]
mod tests;
