//! Where do two normalised values differ? The walk over both, by the rows of their table.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::fields::{Field, Reveal, Rule, Table, plain};
use super::path::Ignored;
use super::{Difference, Reason, Shown};

/// The fields in which two values differ that [`normalize_by`](super::normalize::normalize_by) gave, in the order of their
/// paths. Paths name the item of a list by its key: `containerDefinitions[name=web].environment[name=LOG_LEVEL].value`.
/// What the table calls confidential is shown by length unless its name is in `reveal`.
pub(crate) fn compare_by(
    table: &Table,
    wanted: &Value,
    found: &Value,
    ignored: &Ignored,
    reveal: &[String],
) -> Vec<Difference> {
    let mut walk = Walk { table, ignored, reveal, differences: Vec::new() };
    walk.compare(&Place::default(), Some(wanted), Some(found));
    walk.differences
}

/// As [`compare_by`], for one field: `names` lead to it from the root, whose path is shown as `prefix`.
pub(crate) fn compare_field(
    table: &Table,
    (prefix, names): (&str, &[&str]),
    wanted: Option<&Value>,
    found: Option<&Value>,
    reveal: &[String],
) -> Vec<Difference> {
    let root = Place { path: prefix.to_owned(), ..Place::default() };
    let place = names.iter().fold(root, |place, name| place.child(table, name));
    let mut walk = Walk { table, ignored: &Ignored::default(), reveal, differences: Vec::new() };
    walk.compare(&place, wanted, found);
    walk.differences
}

/// Where the walk is.
#[derive(Debug, Clone, Default)]
struct Place {
    /// As shown: `containerDefinitions[name=web].image`.
    path: String,
    /// As in the table: `containerDefinitions.image`.
    field: String,
    /// Its row; the root has none.
    row: Option<&'static Field>,
    /// The key of the innermost list item.
    item: String,
    /// The key, in a map that the user fills.
    key: Option<String>,
    /// Whether one side lacks the item or the object that it is in: there, nothing is at its default.
    lacking: bool,
}

impl Place {
    fn child(&self, table: &Table, name: &str) -> Self {
        let join =
            |parent: &str| if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") };
        let item = self.item.clone();
        let place = Self { path: join(&self.path), item, lacking: self.lacking, ..Self::default() };
        if self.row.is_some_and(|row| row.has(Rule::Map)) {
            return Self { field: self.field.clone(), row: self.row, key: Some(name.to_owned()), ..place };
        }
        let field = join(&self.field);
        Self { row: table.row(&field), field, ..place }
    }

    fn item(&self, selector: &str, key: &str) -> Self {
        Self { path: format!("{}[{selector}]", self.path), item: key.to_owned(), ..self.clone() }
    }

    /// The same place where one side lacks it.
    fn lacking(&self) -> Self {
        Self { lacking: true, ..self.clone() }
    }

    /// What a side has that leaves it out.
    fn filled_in(&self) -> Option<Value> {
        self.row.filter(|_| !self.lacking).and_then(Field::filled_in)
    }

    /// Whether a value here is shown by its length: it may be confidential, and `reveal` does not list its name. Of what the
    /// user fills with more than a text no name tells what is in it, so that it is never shown.
    fn hides(&self, value: &Value, reveal: &[String]) -> bool {
        let Some(rule) = self.row.and_then(Field::reveal) else { return false };
        let name = match rule {
            Reveal::As(name) => Some(name),
            Reveal::Item => Some(self.item.as_str()),
            Reveal::Key => self.key.as_deref().filter(|_| !value.is_object() && !value.is_array()),
        };
        !name.is_some_and(|name| reveal.iter().any(|open| open == name))
    }
}

struct Walk<'a> {
    table: &'a Table,
    ignored: &'a Ignored,
    reveal: &'a [String],
    differences: Vec<Difference>,
}

impl Walk<'_> {
    fn compare(&mut self, place: &Place, wanted: Option<&Value>, found: Option<&Value>) {
        if wanted == found || self.ignored.covers(&place.path) {
            return;
        }
        if (wanted.is_none() || found.is_none())
            && let Some(default) = place.filled_in()
        {
            self.defaulted(place, wanted.unwrap_or(&default), found.unwrap_or(&default));
            return;
        }
        let object = |side: Option<&Value>| side.is_none_or(Value::is_object);
        let list = |side: Option<&Value>| side.is_none_or(Value::is_array);
        if object(wanted) && object(found) && place.key.is_none() {
            self.objects(place, wanted, found);
        } else if list(wanted) && list(found) {
            match place.row.map_or(Rule::Ordered, Field::list) {
                Rule::Set => self.sets(place, wanted, found),
                Rule::Keyed(by) => self.keyed(place, by, wanted, found),
                _ => self.leaf(place, wanted, found),
            }
        } else {
            self.leaf(place, wanted, found);
        }
    }

    /// One side leaves it to AWS: people see there what AWS fills in.
    fn defaulted(&mut self, place: &Place, wanted: &Value, found: &Value) {
        let before = self.differences.len();
        self.compare(place, Some(wanted), Some(found));
        for difference in self.differences.iter_mut().skip(before) {
            difference.reason = Reason::Defaulted;
        }
    }

    fn objects(&mut self, place: &Place, wanted: Option<&Value>, found: Option<&Value>) {
        let only = wanted.xor(found);
        if !place.lacking && only.is_some_and(|only| self.is_more_than_defaults(place, only)) {
            self.objects(&place.lacking(), wanted, found);
            return;
        }
        let keys: BTreeSet<&String> = [wanted, found]
            .into_iter()
            .flatten()
            .filter_map(Value::as_object)
            .flat_map(|map| map.keys())
            .collect();
        if keys.is_empty() && place.row.is_some_and(|row| row.has(Rule::Present)) {
            self.leaf(place, wanted, found);
        }
        for key in keys {
            self.compare(
                &place.child(self.table, key),
                wanted.and_then(|value| value.get(key)),
                found.and_then(|value| value.get(key)),
            );
        }
    }

    /// Whether a value has something that AWS does not fill in, so that a side without it has nothing of it.
    fn is_more_than_defaults(&self, place: &Place, value: &Value) -> bool {
        match value {
            Value::Object(fields) if !place.row.is_some_and(|row| row.has(Rule::Present)) => fields
                .iter()
                .any(|(name, value)| self.is_more_than_defaults(&place.child(self.table, name), value)),
            _ => place.filled_in().is_none(),
        }
    }

    fn keyed(&mut self, place: &Place, by: &[&str], wanted: Option<&Value>, found: Option<&Value>) {
        let (wanted, found) = (self.by_key(place, by, wanted), self.by_key(place, by, found));
        let field = by.first().copied().unwrap_or_default();
        let keys: BTreeSet<&String> = wanted.keys().chain(found.keys()).collect();
        for key in keys {
            let place = place.item(&format!("{field}={key}"), key);
            let (wanted, found) = (wanted.get(key).copied(), found.get(key).copied());
            if wanted.is_some() && found.is_some() {
                self.compare(&place, wanted, found);
            } else {
                self.whole_item(&place.lacking(), field, wanted, found);
            }
        }
    }

    /// Items by key; a key that occurs twice gets a number, so that nothing is lost.
    fn by_key<'v>(&self, place: &Place, by: &[&str], list: Option<&'v Value>) -> BTreeMap<String, &'v Value> {
        let mut items = BTreeMap::new();
        for item in list.and_then(Value::as_array).into_iter().flatten() {
            let key = self.table.item_key(&place.field, by, item);
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
            self.compare(&place.item(key, key).lacking(), wanted.get(key), found.get(key));
        }
    }

    fn leaf(&mut self, place: &Place, wanted: Option<&Value>, found: Option<&Value>) {
        // Where one side must not be shown the other one is not either: it may be what the first one was before.
        let hidden = [wanted, found].into_iter().flatten().any(|value| place.hides(value, self.reveal));
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
            owner: None,
        });
    }
}
