//! A file's content with the fields that somebody else owns taken from what is live.
//!
//! Without it, registering a file whose image is ignored (a pipeline sets it) would release the old image again.

use serde_json::{Map, Value};

use super::fields::{Field, Rule, TASK_DEFINITION, Table, plain};
use super::path::Ignored;
use crate::desired::TaskDefinitionContent;

/// The wanted content, except that ignored fields are as found (or left out, where live does not have them).
pub(crate) fn overlay(
    wanted: &TaskDefinitionContent,
    found: &TaskDefinitionContent,
    ignored: &Ignored,
) -> TaskDefinitionContent {
    let (content, live) = (wanted.value(), found.value());
    let merged = overlay_field(&TASK_DEFINITION, ("", ""), Some(&content), Some(&live), ignored);
    merged.map_or_else(|| wanted.clone(), TaskDefinitionContent::new)
}

/// The same for one field of any table: `path` as it is shown, `field` as the table has it. Nothing where git does not want
/// the field, and nothing of what is live there is ignored.
pub(crate) fn overlay_field(
    table: &Table,
    (path, field): (&str, &str),
    wanted: Option<&Value>,
    found: Option<&Value>,
    ignored: &Ignored,
) -> Option<Value> {
    if ignored.is_empty() {
        return wanted.cloned();
    }
    let place = Place { path: path.to_owned(), field: field.to_owned() };
    Merger { table, ignored }.merge(&place, wanted, found)
}

/// Where the merger is.
struct Place {
    /// As shown: `containerDefinitions[name=web].image`.
    path: String,
    /// As in the table: `containerDefinitions.image`.
    field: String,
}

impl Place {
    fn child(&self, name: &str) -> Self {
        let join =
            |parent: &str| if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") };
        Self { path: join(&self.path), field: join(&self.field) }
    }

    fn item(&self, selector: &str) -> Self {
        Self { path: format!("{}[{selector}]", self.path), field: self.field.clone() }
    }
}

struct Merger<'a> {
    table: &'a Table,
    ignored: &'a Ignored,
}

impl Merger<'_> {
    /// What git wants, with what is ignored as it is live. Of what only live has, that alone is left.
    fn merge(&self, place: &Place, wanted: Option<&Value>, found: Option<&Value>) -> Option<Value> {
        if self.ignored.covers(&place.path) {
            return found.cloned();
        }
        match (wanted.filter(|wanted| !wanted.is_null()), found) {
            (Some(Value::Object(wanted)), Some(Value::Object(found))) => {
                Some(Value::Object(self.objects(place, wanted, found)))
            }
            (None, Some(Value::Object(found))) => {
                let kept = self.objects(place, &Map::new(), found);
                // ECS refuses half of a structure.
                let stands = self.table.required_in(&place.field).all(|name| kept.contains_key(name));
                (stands && !kept.is_empty()).then_some(Value::Object(kept))
            }
            (Some(Value::Array(wanted)), Some(Value::Array(found))) => {
                Some(Value::Array(self.lists(place, wanted, found)))
            }
            (None, Some(Value::Array(found))) => {
                let kept = self.lists(place, &[], found);
                (!kept.is_empty()).then_some(Value::Array(kept))
            }
            (wanted, _) => wanted.cloned(),
        }
    }

    fn objects(
        &self,
        place: &Place,
        wanted: &Map<String, Value>,
        found: &Map<String, Value>,
    ) -> Map<String, Value> {
        let only_live = found.keys().filter(|key| !wanted.contains_key(*key));
        let merged = |key: &String| {
            Some((key.clone(), self.merge(&place.child(key), wanted.get(key), found.get(key))?))
        };
        wanted.keys().chain(only_live).filter_map(merged).collect()
    }

    fn lists(&self, place: &Place, wanted: &[Value], found: &[Value]) -> Vec<Value> {
        match self.table.row(&place.field).map_or(Rule::Ordered, Field::list) {
            Rule::Keyed(by) => self.keyed(place, by, wanted, found),
            Rule::Set => {
                let covers = |item: &Value| self.ignored.covers(&place.item(&plain(item)).path);
                let (wanted, found) = (wanted.iter().filter(|item| !covers(item)), found.iter());
                wanted.chain(found.filter(|item| covers(item))).cloned().collect()
            }
            _ => wanted.to_vec(),
        }
    }

    fn keyed(&self, place: &Place, by: &[&str], wanted: &[Value], found: &[Value]) -> Vec<Value> {
        let key = |item: &Value| self.table.item_key(&place.field, by, item);
        let at =
            |item: &Value| place.item(&format!("{}={}", by.first().copied().unwrap_or_default(), key(item)));
        let twin =
            |item: &Value, items: &[Value]| items.iter().find(|other| key(other) == key(item)).cloned();
        let merged =
            wanted.iter().filter_map(|item| self.merge(&at(item), Some(item), twin(item, found).as_ref()));
        let only_live = found.iter().filter(|live| twin(live, wanted).is_none());
        merged.chain(only_live.filter(|live| self.covers_item(&at(live), by)).cloned()).collect()
    }

    /// Whether nothing of an item is git's: it is ignored, or all that it may hold beside its key. Half of an item is none.
    fn covers_item(&self, place: &Place, by: &[&str]) -> bool {
        let names = || self.table.names_in(&place.field).filter(|name| !by.contains(name));
        let covers_all = || names().all(|name| self.ignored.covers(&place.child(name).path));
        self.ignored.covers(&place.path) || names().next().is_some() && covers_all()
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

    fn overlaid(wanted: Value, found: Value, ignore: &[&str]) -> Value {
        let patterns: Vec<FieldPath> = ignore.iter().map(|path| FieldPath::parse(path).unwrap()).collect();
        let (wanted, found) = (TaskDefinitionContent::new(wanted), TaskDefinitionContent::new(found));
        overlay(&wanted, &found, &Ignored::new(&patterns)).value()
    }

    #[test]
    fn an_ignored_item_of_a_set_is_there_if_it_is_live() {
        let with = |kinds: Value, added: Value| {
            json!({"requiresCompatibilities": kinds, "containerDefinitions": [
                {"name": "web", "linuxParameters": {"capabilities": {"add": added}}}]})
        };
        let wanted = with(json!(["FARGATE", "EXTERNAL"]), json!(["NET_RAW"]));
        let found = with(json!(["EC2", "MANAGED_INSTANCES"]), json!(["SYS_PTRACE", "CHOWN"]));
        let ignore = [
            "requiresCompatibilities[EC2]",
            "requiresCompatibilities[EXTERNAL]",
            "containerDefinitions[*].linuxParameters.capabilities.add[SYS_PTRACE]",
        ];
        assert_eq!(
            overlaid(wanted, found, &ignore),
            with(json!(["FARGATE", "EC2"]), json!(["NET_RAW", "SYS_PTRACE"]))
        );
    }

    #[test]
    fn an_ignored_field_stays_where_git_has_nothing_around_it() {
        let with = |more: Value| {
            let mut container = json!({"name": "web", "image": "web:1"});
            container.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            json!({"containerDefinitions": [container]})
        };
        let environment = json!([{"name": "CI", "value": "9"}, {"name": "A", "value": "1"}]);
        let found = json!({
            "dockerLabels": {"build-commit": "abc", "team": "shop"},
            "environment": environment,
            "healthCheck": {"command": ["CMD", "true"], "interval": 5},
            "linuxParameters": {"capabilities": {"add": ["CHOWN", "SYS_PTRACE"]}},
            "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "web"}},
            "mountPoints": [{"containerPath": "/data", "sourceVolume": "data"}],
        });
        let ignore = [
            "taskDefinition.containerDefinitions[name=web].dockerLabels.build-commit",
            "containerDefinitions[name=web].environment[name=CI]",
            "containerDefinitions[*].healthCheck.interval",
            "containerDefinitions[*].linuxParameters.capabilities.add[SYS_PTRACE]",
            "containerDefinitions[*].logConfiguration.options.awslogs-group",
            "containerDefinitions[*].mountPoints[*].sourceVolume",
        ];
        let kept = json!({
            "dockerLabels": {"build-commit": "abc"},
            "environment": [{"name": "CI", "value": "9"}],
            "linuxParameters": {"capabilities": {"add": ["SYS_PTRACE"]}},
        });
        assert_eq!(overlaid(with(json!({})), with(found.clone()), &ignore), with(kept.clone()));
        let nothing = json!({"dockerLabels": null, "environment": null});
        assert_eq!(overlaid(with(nothing), with(found.clone()), &ignore), with(kept));
        // A health check is none without its command, nor a log configuration without its driver.
        // A variable is its name and its value: with the value, all of it is ignored.
        let values = ["containerDefinitions[*].environment[*].value"];
        let kept = with(json!({"environment": environment}));
        assert_eq!(overlaid(with(json!({})), with(found.clone()), &values), kept);
        assert_eq!(
            overlaid(with(json!({})), with(found), &["containerDefinitions[*].memory"]),
            with(json!({}))
        );
    }
}
