//! A file's content with the fields that somebody else owns taken from what is live.
//!
//! Without it, registering a file whose image is ignored (a pipeline sets it) would release the old image again.

use serde_json::{Map, Value};

use super::fields::{Field, Rule, TASK_DEFINITION, Table};
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
    let merger = Merger { table: &TASK_DEFINITION, ignored };
    TaskDefinitionContent::new(merger.merge("", "", &wanted.value(), &found.value()))
}

/// The same for one field of any table: `path` as it is shown, `field` as the table has it.
pub(crate) fn overlay_field(
    table: &Table,
    (path, field): (&str, &str),
    wanted: &Value,
    found: &Value,
    ignored: &Ignored,
) -> Value {
    if ignored.is_empty() {
        return wanted.clone();
    }
    Merger { table, ignored }.merge(path, field, wanted, found)
}

struct Merger<'a> {
    table: &'a Table,
    ignored: &'a Ignored,
}

impl Merger<'_> {
    fn merge(&self, path: &str, field: &str, wanted: &Value, found: &Value) -> Value {
        match (wanted, found) {
            (Value::Object(wanted), Value::Object(found)) => {
                Value::Object(self.merge_objects(path, field, wanted, found))
            }
            (Value::Array(wanted), Value::Array(found)) => {
                match self.table.row(field).map_or(Rule::Ordered, Field::list) {
                    Rule::Keyed(by) => Value::Array(self.merge_lists(path, field, by, wanted, found)),
                    _ => Value::Array(wanted.clone()),
                }
            }
            _ => wanted.clone(),
        }
    }

    fn merge_objects(
        &self,
        path: &str,
        field: &str,
        wanted: &Map<String, Value>,
        found: &Map<String, Value>,
    ) -> Map<String, Value> {
        let join = |parent: &str, key: &str| {
            if parent.is_empty() { key.to_owned() } else { format!("{parent}.{key}") }
        };
        let mut merged = Map::new();
        for (key, value) in wanted {
            let path = join(path, key);
            match found.get(key) {
                live if self.ignored.covers(&path) => {
                    if let Some(live) = live {
                        merged.insert(key.clone(), live.clone());
                    }
                }
                Some(live) => {
                    merged.insert(key.clone(), self.merge(&path, &join(field, key), value, live));
                }
                None => {
                    merged.insert(key.clone(), value.clone());
                }
            }
        }
        for (key, live) in found {
            if !wanted.contains_key(key) && self.ignored.covers(&join(path, key)) {
                merged.insert(key.clone(), live.clone());
            }
        }
        merged
    }

    fn merge_lists(
        &self,
        path: &str,
        field: &str,
        by: &[&str],
        wanted: &[Value],
        found: &[Value],
    ) -> Vec<Value> {
        let key = |item: &Value| self.table.item_key(field, by, item);
        let place =
            |item: &Value| format!("{path}[{}={}]", by.first().copied().unwrap_or_default(), key(item));
        let twin =
            |item: &Value, items: &[Value]| items.iter().find(|other| key(other) == key(item)).cloned();
        let mut merged = Vec::new();
        for item in wanted {
            let place = place(item);
            match twin(item, found) {
                live if self.ignored.covers(&place) => merged.extend(live),
                Some(live) => merged.push(self.merge(&place, field, item, &live)),
                None => merged.push(item.clone()),
            }
        }
        merged.extend(
            found
                .iter()
                .filter(|live| twin(live, wanted).is_none() && self.ignored.covers(&place(live)))
                .cloned(),
        );
        merged
    }
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
