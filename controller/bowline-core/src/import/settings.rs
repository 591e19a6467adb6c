//! The settings of a service as a manifest lists them: without what AWS fills in, what somebody else sets, and what looks
//! confidential.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::FoundService;
use super::suspect::{Because, confidential_settings};
use crate::desired::kind::{ServiceSettings, service_settings_schema};
use crate::diff::canonical::canonical_json;
use crate::diff::fields::{EXCHANGED, Field, Reset, Rule, SERVICE, SETTINGS, plain, reset_of};
use crate::diff::normalize::normalize_row;
use crate::diff::settings::{exchanges_target_groups, is_shown, owner, unset};
use crate::live::SchedulingStrategy;

/// What is written of a service's settings, and what is not.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Listed {
    /// The fields, each with its value; the order of lists that have none is that of their keys.
    pub(super) fields: Map<String, Value>,
    /// AWS's defaults, left out: the structure (empty for the settings themselves), and `bakeTimeInMinutes 0` of it.
    pub(super) defaults: BTreeMap<String, BTreeSet<String>>,
    /// Fields that are left out, by who else sets them.
    pub(super) owned: BTreeMap<&'static str, Vec<&'static str>>,
    /// The fields of which ECS exchanges the target groups with each deployment.
    pub(super) exchanged: Vec<&'static str>,
    /// What looks confidential and is left out.
    pub(super) confidential: Vec<Confidential>,
}

/// A setting that is left out, since something in it looks confidential.
#[derive(Debug, PartialEq)]
pub(super) struct Confidential {
    /// `serviceConnectConfiguration.logConfiguration.options.splunk-token`; a list as a whole.
    pub(super) path: String,
    /// What the confidential part is called: an option, a header, a tag. `--allow-env` takes it.
    pub(super) name: String,
    /// What gave it away.
    pub(super) because: Because,
}

/// The settings of a service as they are to be written; `allowed` says which names may be written although they look
/// confidential.
pub(super) fn listed(found: &FoundService, allowed: impl Fn(&str) -> bool) -> Listed {
    let live = &found.live;
    let mut fields = live.settings.fields();
    // A revision shows more: a platform version that is resolved, for one.
    let of_revision = found.revision_settings.iter().flat_map(ServiceSettings::fields);
    fields.extend(of_revision.filter(|(field, _)| !is_shown(field)));
    let exchanged = exchanges_target_groups(&fields);
    let mut listed = Listed::default();
    for row in SETTINGS {
        let Some(value) = fields.remove(row.name) else { continue };
        let daemon = live.scheduling == SchedulingStrategy::Daemon;
        let mut trimmer = Trimmer { daemon, left_out: Vec::new(), within_lists: 0 };
        let schema = &service_settings_schema()["properties"][row.name];
        let kept = trimmer.field(row.name, schema, &value);
        if let Some(who) = owner(live.controller, row) {
            listed.owned.entry(who).or_default().extend(kept.map(|_| row.name));
            continue;
        }
        listed.note_defaults(trimmer.left_out);
        if let Some(mut kept) = kept {
            sort(row.name, &mut kept);
            listed.fields.insert(row.name.to_owned(), kept);
        }
    }
    listed.owned.retain(|_, fields| !fields.is_empty());
    listed.withhold(allowed);
    if exchanged {
        listed.exchanged = EXCHANGED.into_iter().filter(|field| listed.fields.contains_key(*field)).collect();
    }
    listed
}

impl Listed {
    fn note_defaults(&mut self, left_out: Vec<LeftOut>) {
        for LeftOut { path, value } in left_out {
            let (structure, field) = path.rsplit_once('.').unwrap_or(("", &path));
            let told = value.map_or_else(|| field.to_owned(), |value| format!("{field} {value}"));
            self.defaults.entry(structure.to_owned()).or_default().insert(told);
        }
    }

    /// Takes out what looks confidential and is not allowed.
    fn withhold(&mut self, allowed: impl Fn(&str) -> bool) {
        for suspect in confidential_settings(&self.fields) {
            if !allowed(&suspect.name) {
                unset(&mut self.fields, &suspect.names);
                let path = suspect.names.join(".");
                let one = Confidential { path, name: suspect.name, because: suspect.because };
                if !self.confidential.contains(&one) {
                    self.confidential.push(one);
                }
            }
        }
        self.fields.retain(|_, value| drop_empty(value));
    }
}

/// Takes out the objects in which nothing is left; false when that is all of it.
fn drop_empty(value: &mut Value) -> bool {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| drop_empty(value));
            !fields.is_empty()
        }
        _ => true,
    }
}

/// Leaves out what makes no difference.
struct Trimmer {
    daemon: bool,
    left_out: Vec<LeftOut>,
    /// How deep in lists it is: they are managed as a whole, so that what is left out there is managed all the same.
    within_lists: usize,
}

/// What AWS fills in.
struct LeftOut {
    path: String,
    /// Its value; absent where it is a whole structure.
    value: Option<String>,
}

impl Trimmer {
    /// A value as far as it says something; nothing if it does not, or if it is no field of the request.
    fn field(&mut self, path: &str, schema: &Value, value: &Value) -> Option<Value> {
        let row = SERVICE.row(path).filter(|row| row.is_compared())?;
        match value {
            Value::Null => None,
            Value::Object(keys) if row.has(Rule::Map) => {
                let keys: Map<String, Value> = keys
                    .iter()
                    .filter(|(_, value)| !value.is_null())
                    .map(|(key, value)| (key.clone(), value.clone()))
                    .collect();
                (!keys.is_empty()).then_some(Value::Object(keys))
            }
            Value::Object(fields) => self.object(path, schema, fields),
            Value::Array(_) if is_whole_default(row, value) => {
                self.leave_out(path, None);
                None
            }
            Value::Array(items) => {
                self.within_lists += 1;
                let kept: Vec<Value> =
                    items.iter().filter_map(|item| self.field(path, &schema["items"], item)).collect();
                self.within_lists -= 1;
                (!kept.is_empty()).then_some(Value::Array(kept))
            }
            scalar if self.is_default(row, scalar) => {
                self.leave_out(path, Some(told(row, scalar)));
                None
            }
            scalar => Some(scalar.clone()),
        }
    }

    fn leave_out(&mut self, path: &str, value: Option<String>) {
        // The role that AWS has for itself is nothing that one could list.
        if self.within_lists == 0 && path != "role" {
            self.left_out.push(LeftOut { path: path.to_owned(), value });
        }
    }

    /// An object without its defaults. What a manifest has to have stays, if anything does.
    fn object(&mut self, path: &str, schema: &Value, fields: &Map<String, Value>) -> Option<Value> {
        let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
        let (mut kept, mut defaults, mut needed) = (Map::new(), Map::new(), Vec::new());
        for (name, value) in fields {
            let before = self.left_out.len();
            let inner = format!("{path}.{name}");
            match self.field(&inner, &schema["properties"][name], value) {
                Some(value) => drop(kept.insert(name.clone(), value)),
                None if required.contains(&Value::from(name.as_str())) => {
                    needed.extend(self.left_out.split_off(before));
                    defaults.insert(name.clone(), value.clone());
                }
                None => {}
            }
        }
        if kept.is_empty() {
            self.left_out.append(&mut needed);
            return None;
        }
        kept.extend(defaults);
        Some(Value::Object(kept))
    }

    fn is_default(&self, row: &Field, value: &Value) -> bool {
        // What a service has by itself depends on when it was created, so that either value may have been chosen.
        if row.path == "availabilityZoneRebalancing" {
            return false;
        }
        let normal = normalize_row(&SERVICE, row, value);
        let service_linked = || {
            row.path == "role" && value.as_str().is_some_and(|role| role.contains(":role/aws-service-role/"))
        };
        normal.is_none() || self.reset(row.path).as_ref() == Some(value) || service_linked()
    }

    /// What the field is set back to.
    fn reset(&self, path: &str) -> Option<Value> {
        let json = match reset_of(path)? {
            Reset::To(json) => json,
            Reset::ByStrategy { daemon, .. } if self.daemon => daemon,
            Reset::ByStrategy { replica, .. } => replica,
            Reset::Omit => return None,
        };
        serde_json::from_str(json).ok()
    }
}

/// Whether a list is as AWS has it by itself although no field of it is a default alone.
fn is_whole_default(row: &Field, value: &Value) -> bool {
    row.filled_in().is_some() && normalize_row(&SERVICE, row, value).is_none()
}

/// A default as it is told: empty text, which some mean it by, as what it means.
fn told(row: &Field, value: &Value) -> String {
    let text = plain(value);
    let default = row.rules.iter().find_map(|rule| match rule {
        Rule::Default(literal) if text.is_empty() => Some(plain(&literal.to_value())),
        _ => None,
    });
    default.unwrap_or(text)
}

/// Puts lists whose order means nothing into the order of their keys, so that the same live state gives the same text.
fn sort(path: &str, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                sort(&format!("{path}.{name}"), value);
            }
        }
        Value::Array(items) => {
            for item in items.iter_mut() {
                sort(path, item);
            }
            match SERVICE.row(path).map(Field::list) {
                Some(Rule::Set) => items.sort_by_cached_key(canonical_json),
                Some(Rule::Keyed(by)) => {
                    items.sort_by_cached_key(|item| (SERVICE.item_key(path, by, item), canonical_json(item)));
                }
                _ => {}
            }
        }
        _ => {}
    }
}

/// The fields of an object as people expect them: in an item of a list, those first that tell it apart.
pub(super) fn in_order<'v>(path: &str, fields: &'v Map<String, Value>) -> Vec<(&'v String, &'v Value)> {
    let by = match SERVICE.row(path).map(Field::list) {
        Some(Rule::Keyed(by)) => by,
        _ => &[],
    };
    let rank = |name: &str| by.iter().position(|key| *key == name).unwrap_or(by.len());
    let mut fields: Vec<_> = fields.iter().collect();
    fields.sort_by_key(|(name, _)| (rank(name), *name));
    fields
}

#[cfg(test)]
mod tests;
