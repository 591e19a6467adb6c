//! Services, each with what git says of it and what is to be told.

use bowline_core::diff::fields::{Effect, Field, Rule, SETTINGS as ROWS};
use bowline_tests::calls::call;
use bowline_tests::generate::changes::{
    Change, Reported, default_written, defaults, lists, of_field, of_order,
};
use bowline_tests::generate::place::SETTINGS;
use bowline_tests::generate::services::{Network, more_than_aws_takes, request, samples};
use bowline_tests::world::CLUSTER;
use serde_json::{Map, Value, json};

/// What ECS refuses to create a service without.
const NEVER_WITHOUT: [&str; 2] = ["networkConfiguration", "networkConfiguration.awsvpcConfiguration"];

/// One service.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) name: String,
    /// The field that it is about.
    pub(super) field: &'static str,
    /// The settings that it is created with.
    pub(super) created: Value,
    /// The settings that it is given then.
    pub(super) updated: Option<Value>,
    /// What git lists.
    pub(super) listed: Value,
    pub(super) reported: Reported,
    /// Whether CreateService is held against AWS's model.
    pub(super) strict: bool,
}

impl Case {
    pub(super) fn creation(&self) -> Value {
        let mut input = request(&self.name, &self.created);
        input["cluster"] = json!(CLUSTER);
        call("create_service", &input)
    }

    pub(super) fn update(&self) -> Option<Value> {
        let mut input = self.updated.clone()?;
        input["cluster"] = json!(CLUSTER);
        input["service"] = json!(self.name);
        let strategy = |settings: &Value| settings["capacityProviderStrategy"].clone();
        if strategy(&input) != strategy(&self.created) {
            input["forceNewDeployment"] = json!(true);
        }
        Some(call("update_service", &input))
    }

    /// Whether UpdateService was given everything that it takes.
    pub(super) fn is_restated(&self) -> bool {
        self.updated.as_ref().is_some_and(|updated| updated.get("deploymentController").is_none())
    }
}

/// Services that are as git says.
pub(super) fn unchanged(all: &[Value], name: &str) -> Vec<Case> {
    let cases = all.iter().enumerate().map(|(number, settings)| Case {
        name: format!("{name}-{number}"),
        field: "",
        created: settings.clone(),
        updated: None,
        listed: settings.clone(),
        reported: Reported::Nothing,
        strict: true,
    });
    cases.collect()
}

/// One service for each field of the table, in which that field is other than git says. What UpdateService takes is changed by it,
/// beside everything else that it takes; the rest, and what is left out as a whole, by another creation.
pub(super) fn changed(bases: &[Value]) -> Vec<Case> {
    let rows = SETTINGS.compared().filter(|row| !NEVER_WITHOUT.contains(&row.path));
    rows.map(|row| {
        let base = base(bases, row, |_| true);
        let change = of_field(*SETTINGS, base, row);
        let is_object =
            place(base, row.path).is_some_and(|found| found.is_object() && !row.rules.contains(&Rule::Map));
        if is_object || is_created_only(row) {
            return Case { listed: base.clone(), ..of(&change, "created") };
        }
        let updated = if row.path.starts_with("deploymentController") {
            json!({"deploymentController": change.definition["deploymentController"]})
        } else {
            updateable(&change.definition)
        };
        Case { created: base.clone(), updated: Some(updated), listed: base.clone(), ..of(&change, "updated") }
    })
    .collect()
}

/// Resources have names that fields have not: the number of its row stands for each.
fn of(change: &Change, name: &str) -> Case {
    let number = SETTINGS.compared().position(|row| row.path == change.field).unwrap();
    Case {
        name: format!("{name}-{number}"),
        field: change.field,
        created: change.definition.clone(),
        updated: None,
        listed: Value::Null,
        reported: change.reported.clone(),
        strict: false,
    }
}

/// The first of the settings that has the field, and in it what is asked for.
fn base<'a>(bases: &'a [Value], row: &Field, wanted: impl Fn(&Value) -> bool) -> &'a Value {
    let mut bases = bases.iter();
    let found = bases.find(|base| place(base, row.path).is_some_and(&wanted));
    found.unwrap_or_else(|| panic!("none of the samples has a fitting {}", row.path))
}

fn place<'a>(base: &'a Value, path: &str) -> Option<&'a Value> {
    base.pointer(&SETTINGS.find(base, path)?.pointer)
}

fn is_created_only(row: &Field) -> bool {
    let top = row.path.split('.').next().unwrap_or(row.path);
    ROWS.iter().any(|row| row.name == top && row.effect == Effect::Recreation)
}

/// What UpdateService takes of these settings.
fn updateable(settings: &Value) -> Value {
    let taken = |name: &str| ROWS.iter().any(|row| row.name == name && row.effect != Effect::Recreation);
    let fields = settings.as_object().unwrap().iter().filter(|(name, _)| taken(name));
    Value::Object(fields.map(|(name, value)| (name.clone(), value.clone())).collect::<Map<_, _>>())
}

/// Samples, and what has two items in every list.
pub(super) fn bases(network: &Network) -> Vec<Value> {
    let mut bases = samples(network);
    bases.push(more_than_aws_takes(network));
    bases
}

/// For each list a service in which it is the other way round.
pub(super) fn orders(bases: &[Value]) -> Vec<Case> {
    let several = |list: &Value| list.as_array().is_some_and(|items| items.len() > 1);
    let cases = lists(*SETTINGS).map(|row| {
        let base = base(bases, row, several);
        Case { listed: base.clone(), ..of(&of_order(*SETTINGS, base, row), "order") }
    });
    cases.collect()
}

/// For each default a service that has it written down where git leaves it out, and one that leaves it out where git has it.
/// Of what every manifest has to have beside other fields, neither side can be left out.
pub(super) fn written_defaults(bases: &[Value]) -> Vec<Case> {
    let mut cases = Vec::new();
    for (row, default) in defaults(*SETTINGS) {
        let base = base(bases, row, |_| true);
        let (mut without, with) = default_written(*SETTINGS, base, row, default);
        if is_required(row) {
            let (structure, _) = row.path.rsplit_once('.').unwrap();
            let alone =
                place(base, structure).and_then(Value::as_object).is_some_and(|fields| fields.len() == 1);
            if !alone || structure.contains('.') {
                continue;
            }
            without.as_object_mut().unwrap().remove(structure);
        }
        cases.push(Case { listed: without.clone(), ..of(&with, "live-default") });
        // Each of these objects is one setting, AWS has no empty ones; and a service that is created without the other field
        // has it enabled.
        let never_without =
            ["serviceConnectConfiguration.containerConfigurations.logLevel", "availabilityZoneRebalancing"];
        if never_without.contains(&row.path) {
            continue;
        }
        cases.push(Case { created: without, listed: with.definition.clone(), ..of(&with, "git-default") });
    }
    cases
}

/// Whether a manifest, and AWS, want the field in each object that it belongs to.
fn is_required(row: &Field) -> bool {
    let Some((parent, name)) = row.path.rsplit_once('.') else { return false };
    let schema = SETTINGS.schema(parent);
    let object = if schema["type"] == "array" { &schema["items"] } else { schema };
    object["required"].as_array().is_some_and(|all| all.contains(&json!(name)))
}

/// For each spelling that means the same as another, a service with the one where git has the other.
pub(super) fn spellings(bases: &[Value]) -> Vec<Case> {
    let mut cases = Vec::new();
    for row in SETTINGS.compared() {
        let base = base(bases, row, |_| true);
        let pointer = SETTINGS.find(base, row.path).unwrap().pointer;
        let with = |value: &str| {
            let mut settings = base.clone();
            *settings.pointer_mut(&pointer).unwrap() = json!(value);
            settings
        };
        let pairs = row.rules.iter().flat_map(|rule| match rule {
            Rule::Same(pairs) => pairs.to_vec(),
            Rule::Role => vec![("arn:aws:iam::111122223333:role/team/one", "one")],
            _ => Vec::new(),
        });
        for (number, (one, other)) in pairs.enumerate() {
            for (side, live, git) in [("live", one, other), ("git", other, one)] {
                let change = Change { field: row.path, definition: with(live), reported: Reported::Nothing };
                cases.push(Case { listed: with(git), ..of(&change, &format!("{side}-spelling-{number}")) });
            }
        }
    }
    cases
}
