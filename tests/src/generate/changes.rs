//! Changes of a request: each field in turn, the order of each list, and each default written down.

use bowline_core::diff::fields::{Field, Literal, Rule};
use serde_json::{Value, json};

use super::place::{Form, Place};

/// A definition in which one thing is other than in the one that it was made of.
#[derive(Debug, Clone)]
pub struct Change {
    /// The field of the table that was changed.
    pub field: &'static str,
    /// The changed definition.
    pub definition: Value,
    /// What Bowline has to report.
    pub reported: Reported,
}

/// What is to be reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reported {
    /// Nothing: it means the same.
    Nothing,
    /// One difference, with exactly this path.
    Exactly(String),
    /// At least one difference, and none whose path does not begin so: a whole object or item came or went.
    Below(String),
}

impl Reported {
    /// Whether these paths are what is to be reported.
    pub fn is(&self, paths: &[String]) -> bool {
        match self {
            Self::Nothing => paths.is_empty(),
            Self::Exactly(path) => paths == [path.clone()],
            Self::Below(prefix) => !paths.is_empty() && paths.iter().all(|path| path.starts_with(prefix)),
        }
    }
}

fn place(form: Form, base: &Value, row: &Field) -> Place {
    form.find(base, row.path).unwrap_or_else(|| panic!("the definition has no {}", row.path))
}

fn put(base: &Value, pointer: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut definition = base.clone();
    change(definition.pointer_mut(pointer).expect("the place was found"));
    definition
}

fn without(base: &Value, pointer: &str) -> Value {
    let (parent, name) = pointer.rsplit_once('/').expect("it is a field");
    put(base, parent, |parent| {
        parent.as_object_mut().expect("fields are in objects").remove(name);
    })
}

/// As [`without`]; what would be left empty goes, too: an empty union is nothing that AWS answers.
fn without_object(base: &Value, pointer: &str) -> Value {
    let parent = pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
    let only = base.pointer(parent).and_then(Value::as_object).is_some_and(|fields| fields.len() == 1);
    without(base, if only { parent } else { pointer })
}

/// One change for each field of the table. `base` must have all of them.
pub fn of_each_field(form: Form, base: &Value) -> Vec<Change> {
    form.compared().map(|row| of_field(form, base, row)).collect()
}

/// One change for each field of tags, which `base` must have.
pub fn of_each_tag(form: Form, base: &Value) -> Vec<Change> {
    form.tags().map(|row| of_field(form, base, row)).collect()
}

/// A change of one field, which `base` must have.
pub fn of_field(form: Form, base: &Value, row: &'static Field) -> Change {
    let place = place(form, base, row);
    let found = base.pointer(&place.pointer).expect("it was found");
    let schema = form.schema(row.path);
    let exactly = Reported::Exactly(place.shown.clone());
    let (definition, reported) = match found {
        Value::Array(items) if schema["items"]["type"] == "object" => {
            let reported = match form.keyed(row.path) {
                Some(by) => Reported::Below(format!("{}[{}=", place.shown, by[0])),
                None if row.rules.contains(&Rule::Set) => Reported::Below(format!("{}[", place.shown)),
                None => exactly,
            };
            (put(base, &place.pointer, |list| drop(list.as_array_mut().and_then(Vec::pop))), reported)
        }
        Value::Array(items) => {
            let (item, definition) = another_item(items, &schema["items"], base, &place.pointer);
            let reported = match &item {
                _ if is_key(form, row) => of_leaf(form, row, &place),
                _ if !row.rules.contains(&Rule::Set) => exactly,
                Value::String(text) => Reported::Exactly(format!("{}[{text}]", place.shown)),
                other => Reported::Exactly(format!("{}[{other}]", place.shown)),
            };
            (definition, reported)
        }
        Value::Object(keys) if schema.get("properties").is_none() => {
            // The one that is the easiest to lose on the way.
            let dotted = keys.keys().find(|key| key.contains('.'));
            let key = dotted.or_else(|| keys.keys().next()).expect("a map with a key");
            let reported = Reported::Exactly(format!("{}.{key}", place.shown));
            (put(base, &place.pointer, |map| map[key] = json!("another text")), reported)
        }
        Value::Object(_) => (without_object(base, &place.pointer), Reported::Below(place.shown.clone())),
        leaf => {
            let new = another(row, leaf, schema);
            (put(base, &place.pointer, |leaf| *leaf = new), of_leaf(form, row, &place))
        }
    };
    Change { field: row.path, definition, reported }
}

/// Whether a field tells the items of a list apart.
fn is_key(form: Form, row: &Field) -> bool {
    let (list, name) = row.path.rsplit_once('.').unwrap_or_default();
    form.keyed(list).is_some_and(|by| by.contains(&name))
}

/// A field that tells items apart makes another item of it.
fn of_leaf(form: Form, row: &Field, place: &Place) -> Reported {
    let parent = row.path.rsplit_once('.');
    let key = parent.and_then(|(list, name)| form.keyed(list).filter(|by| by.contains(&name)));
    match key {
        Some(by) if !place.within_list => {
            let item = format!("[{}=", by[0]);
            let list = place.shown.rfind(&item).map_or("", |at| &place.shown[..at]);
            Reported::Below(format!("{list}{item}"))
        }
        _ if place.within_set => Reported::Below(format!("{}[", place.shown)),
        _ => Reported::Exactly(place.shown.clone()),
    }
}

fn another(row: &Field, found: &Value, schema: &Value) -> Value {
    match found {
        Value::Bool(flag) => json!(!flag),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => json!(whole + 1),
            None => json!(number.as_f64().expect("it is finite") + 1.0),
        },
        Value::String(_) if matches!(row.path, "cpu" | "memory") => json!("16384"),
        Value::String(text) => match schema["examples"].as_array() {
            // Of some there is one value only; AWS may add others.
            Some(values) => values.iter().find(|value| *value != found).cloned().unwrap_or(json!("other")),
            None => json!(format!("{text}-other")),
        },
        _ => panic!("{} is no leaf", row.path),
    }
}

/// Adds an item, or takes one out where another one would make it the whole of what there is; gives that item.
fn another_item(items: &[Value], schema: &Value, base: &Value, pointer: &str) -> (Value, Value) {
    let values = schema["examples"].as_array().map(Vec::as_slice).unwrap_or_default();
    let missing: Vec<&Value> = values.iter().filter(|value| !items.contains(value)).collect();
    if let [_] = missing[..] {
        let definition = put(base, pointer, |list| drop(list.as_array_mut().and_then(Vec::pop)));
        return (items[items.len() - 1].clone(), definition);
    }
    let new = match missing.last() {
        Some(value) => (*value).clone(),
        None if schema["type"] == "integer" => json!(77),
        None => json!("other"),
    };
    (new.clone(), put(base, pointer, |list| list.as_array_mut().expect("a list").push(new)))
}

/// Each list the other way round. `base` must have at least two items in each.
pub fn of_each_order(form: Form, base: &Value) -> Vec<Change> {
    lists(form).map(|row| of_order(form, base, row)).collect()
}

/// The lists among the fields.
pub fn lists(form: Form) -> impl Iterator<Item = &'static Field> {
    form.compared().filter(move |row| form.schema(row.path)["type"] == "array")
}

/// One list the other way round.
pub fn of_order(form: Form, base: &Value, row: &'static Field) -> Change {
    let place = place(form, base, row);
    let reported =
        if row.rules.contains(&Rule::Ordered) { Reported::Exactly(place.shown) } else { Reported::Nothing };
    let definition = put(base, &place.pointer, |list| {
        let items = list.as_array_mut().expect("a list");
        assert!(items.len() > 1 && items[0] != items[1], "{} needs two items", row.path);
        items.reverse();
    });
    Change { field: row.path, definition, reported }
}

/// For each default, the definition without the field, and the same with the default written down.
pub fn of_each_default(form: Form, base: &Value) -> Vec<(Value, Change)> {
    defaults(form).map(|(row, default)| default_written(form, base, row, default)).collect()
}

/// The fields that AWS fills in, with what.
pub fn defaults(form: Form) -> impl Iterator<Item = (&'static Field, Literal)> {
    form.compared().filter_map(|row| {
        let default = row.rules.iter().find_map(|rule| match rule {
            Rule::Default(literal) => Some(*literal),
            _ => None,
        })?;
        Some((row, default))
    })
}

/// The request without the field, and the same with its default written down.
pub fn default_written(form: Form, base: &Value, row: &'static Field, default: Literal) -> (Value, Change) {
    let place = place(form, base, row);
    let definition = put(base, &place.pointer, |value| *value = default.to_value());
    let change = Change { field: row.path, definition, reported: Reported::Nothing };
    (without(base, &place.pointer), change)
}

/// What means the same for another reason than order or a default.
pub fn of_each_spelling(base: &Value) -> Vec<Change> {
    let role = "arn:aws:iam::111122223333:role/team/task";
    let spellings: [(&'static str, &[(&str, Value)]); 3] = [
        ("cpu", &[("/cpu", json!("4 vCPU")), ("/cpu", json!("4.0 vcpu"))]),
        ("memory", &[("/memory", json!("8GB")), ("/memory", json!("8 GB"))]),
        ("taskRoleArn", &[("/taskRoleArn", json!(role)), ("/taskRoleArn", json!("task"))]),
    ];
    let mut changes = Vec::new();
    for (field, ways) in spellings {
        for (pointer, value) in ways {
            let definition = put(base, pointer, |place| *place = value.clone());
            changes.push(Change { field, definition, reported: Reported::Nothing });
        }
    }
    changes
}
