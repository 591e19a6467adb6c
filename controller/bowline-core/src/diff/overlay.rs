//! A file's content with the fields that somebody else owns taken from what is live.
//!
//! Without it, registering a file whose image is ignored (a pipeline sets it) would release the old image again.

use serde_json::{Map, Value};

use super::normalize::{ListKind, item_key, list_kind};
use super::path::Ignored;
use crate::desired::TaskDefinitionContent;

/// The wanted content, except that ignored fields are as found (or left out, where live does not have them).
pub(crate) fn overlay(
    wanted: &TaskDefinitionContent,
    found: &TaskDefinitionContent,
    ignored: &Ignored,
) -> TaskDefinitionContent {
    if ignored.is_empty() {
        return wanted.clone();
    }
    TaskDefinitionContent::new(merge("", "", wanted.value(), found.value(), ignored))
}

fn merge(path: &str, field: &str, wanted: &Value, found: &Value, ignored: &Ignored) -> Value {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => {
            Value::Object(merge_objects(path, field, wanted, found, ignored))
        }
        (Value::Array(wanted), Value::Array(found)) => match list_kind(field) {
            ListKind::Keyed(key) => Value::Array(merge_lists(path, field, key, wanted, found, ignored)),
            ListKind::Ordered | ListKind::Set => Value::Array(wanted.clone()),
        },
        _ => wanted.clone(),
    }
}

fn merge_objects(
    path: &str,
    field: &str,
    wanted: &Map<String, Value>,
    found: &Map<String, Value>,
    ignored: &Ignored,
) -> Map<String, Value> {
    let join =
        |parent: &str, key: &str| if parent.is_empty() { key.to_owned() } else { format!("{parent}.{key}") };
    let mut merged = Map::new();
    for (key, value) in wanted {
        let path = join(path, key);
        match found.get(key) {
            live if ignored.covers(&path) => {
                if let Some(live) = live {
                    merged.insert(key.clone(), live.clone());
                }
            }
            Some(live) => {
                merged.insert(key.clone(), merge(&path, &join(field, key), value, live, ignored));
            }
            None => {
                merged.insert(key.clone(), value.clone());
            }
        }
    }
    for (key, live) in found {
        if !wanted.contains_key(key) && ignored.covers(&join(path, key)) {
            merged.insert(key.clone(), live.clone());
        }
    }
    merged
}

fn merge_lists(
    path: &str,
    field: &str,
    key: &str,
    wanted: &[Value],
    found: &[Value],
    ignored: &Ignored,
) -> Vec<Value> {
    let place = |item: &Value| format!("{path}[{key}={}]", item_key(key, item));
    let twin = |item: &Value, items: &[Value]| {
        items.iter().find(|other| item_key(key, other) == item_key(key, item)).cloned()
    };
    let mut merged = Vec::new();
    for item in wanted {
        let place = place(item);
        match twin(item, found) {
            live if ignored.covers(&place) => merged.extend(live),
            Some(live) => merged.push(merge(&place, field, item, &live, ignored)),
            None => merged.push(item.clone()),
        }
    }
    merged.extend(
        found.iter().filter(|live| twin(live, wanted).is_none() && ignored.covers(&place(live))).cloned(),
    );
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::FieldPath;
    use serde_json::json;

    #[test]
    fn ignored_fields_stay_as_they_are_live() {
        let wanted = TaskDefinitionContent::new(json!({"family": "web", "containerDefinitions": [
            {"name": "web", "image": "web:1", "environment": [{"name": "A", "value": "2"}]},
            {"name": "new", "image": "new:1"}]}));
        let found = TaskDefinitionContent::new(
            json!({"family": "web", "cpu": "256", "containerDefinitions": [
            {"name": "gone", "image": "gone:1"},
            {"name": "web", "image": "web:9", "environment": [{"name": "A", "value": "1"}, {"name": "CI", "value": "9"}]}]}),
        );
        let ignored = Ignored::new(&[
            FieldPath::parse("taskDefinition.containerDefinitions[*].image").unwrap(),
            FieldPath::parse("containerDefinitions[name=web].environment[name=CI]").unwrap(),
        ]);
        assert_eq!(
            overlay(&wanted, &found, &ignored),
            TaskDefinitionContent::new(json!({"family": "web", "containerDefinitions": [
                {"name": "web", "image": "web:9", "environment": [{"name": "A", "value": "2"}, {"name": "CI", "value": "9"}]},
                {"name": "new", "image": "new:1"}]}))
        );
        assert_eq!(overlay(&wanted, &found, &Ignored::default()), wanted);
    }
}
