//! Which differences does a Terraform state have a say in? Labels on them, and a warning where two controllers would fight.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Reports;
use super::warning::Warning;
use super::world::{World, key};
use crate::desired::ResourceKind;
use crate::desired::kind::{EcsService, Mode, TaskDefinitionSource, TerraformState};
use crate::desired::terraform::{ATTRIBUTES, Attribute, Form, TerraformService, agrees, attribute_of};
use crate::diff::fields::SERVICE;
use crate::diff::normalize::normalize_field;
use crate::diff::path::Ignored;
use crate::diff::settings::{PREFIX, get, leaves, shown_path};
use crate::diff::{Difference, Reason};
use crate::live::{LiveService, LiveState, Observed};
use crate::name::{ResourceName, TerraformAttribute};

/// One service in one state.
struct Subject<'a> {
    /// `aws_ecs_service.web in states/prod/app.tfstate`.
    place: String,
    state_name: &'a ResourceName,
    address: &'a str,
    declared: BTreeSet<&'a str>,
    wanted: &'a EcsService,
    live: &'a LiveService,
    service: &'a TerraformService,
}

/// Puts labels on the differences of services, and notes beside them.
pub(crate) fn label(world: &World<'_>, reports: &mut Reports) {
    for (state_name, state) in &world.desired.states {
        for (address, service_name) in &state.spec.resources {
            let resource = key(ResourceKind::EcsService, service_name);
            let Some(wanted) = world.desired.services.get(service_name) else { continue };
            let Some(live) = world.live.services.get(service_name).and_then(Observed::known) else {
                continue;
            };
            let found = world.live.states.get(state_name);
            let Some(read) = found.and_then(Observed::known) else {
                if let Some(report) =
                    reports.get_mut(&resource).filter(|report| !report.differences.is_empty())
                {
                    let note = format!(
                        "whether Terraform manages these fields, too, is not known: see TerraformState/{state_name}"
                    );
                    if !report.notes.contains(&note) {
                        report.notes.push(note);
                    }
                }
                continue;
            };
            let service = match standing(&state.spec, read, address, live) {
                Ok(service) => service,
                Err(note) => {
                    if let Some(report) = reports.get_mut(&key(ResourceKind::TerraformState, state_name)) {
                        report.notes.push(note);
                    }
                    continue;
                }
            };
            let Some(report) = reports.get_mut(&resource) else { continue };
            let subject = Subject {
                place: format!("{address} in {}/{}", state.spec.bucket, state.spec.key),
                state_name,
                address,
                declared: declared(&state.spec, address),
                wanted: &wanted.resource.spec,
                live,
                service,
            };
            for difference in &mut report.differences {
                subject.label(difference);
            }
            if world
                .desired
                .targets
                .get(&wanted.resource.spec.target)
                .is_some_and(|target| target.spec.mode == Mode::Enforce)
            {
                report.warnings.extend(subject.fight(&report.left_alone));
            }
        }
    }
}

/// What the state has under an address, unless that is not the service that git means.
fn standing<'a>(
    spec: &TerraformState,
    read: &'a LiveState,
    address: &str,
    live: &LiveService,
) -> Result<&'a TerraformService, String> {
    let place = format!("s3://{}/{}", spec.bucket, spec.key);
    match read.services.get(address) {
        Some(Some(service)) if service.arn.as_ref().is_some_and(|arn| *arn != live.arn) => Err(format!(
            "resources: {address} is {} in {place}, and git means {}",
            service.arn.as_deref().unwrap_or_default(),
            live.arn
        )),
        Some(Some(service)) => Ok(service),
        Some(None) | None => Err(format!("resources: {place} has no managed {address}")),
    }
}

/// What git declares to be in the resource's `ignore_changes`.
fn declared<'a>(spec: &'a TerraformState, address: &str) -> BTreeSet<&'a str> {
    let declared = spec.ignore_changes.get(address);
    declared.into_iter().flatten().map(TerraformAttribute::as_str).collect()
}

impl Subject<'_> {
    /// The value that the state has of an argument that Terraform would apply; nothing if it would not.
    fn set(&self, row: &Attribute) -> Option<&Option<Value>> {
        let ignored = self.declared.contains("all") || self.declared.contains(row.root());
        self.service.set.get(row.terraform).filter(|_| !ignored)
    }

    fn label(&self, difference: &mut Difference) {
        let Some(row) = attribute_of(&difference.path).filter(|_| difference.reason != Reason::Missing)
        else {
            return;
        };
        let Some(value) = self.set(row) else { return };
        let mut note = format!("also managed by Terraform: {}", self.place);
        note.push_str(self.verdict(row, value.as_ref()));
        difference.owner = Some(format!("Terraform ({})", self.place));
        difference.note = Some(match difference.note.take() {
            Some(before) => format!("{before}; {note}"),
            None => note,
        });
    }

    /// Who agrees with whom.
    fn verdict(&self, row: &Attribute, value: Option<&Value>) -> &'static str {
        let agrees_with = |ecs: Option<Value>| agree(row, value?, ecs.as_ref());
        match (agrees_with(live_value(self.live, row)), agrees_with(wanted_value(self.wanted, row))) {
            (_, Some(true)) => ", whose state agrees with git",
            (Some(true), _) => {
                ", whose state agrees with live: the next `terraform apply` would undo what git wants"
            }
            (Some(false), Some(false)) => ", whose state agrees with neither",
            _ => "",
        }
    }

    /// The fields that git enforces and that Terraform would set back, with nothing declared about it.
    fn fight(&self, left_alone: &[Difference]) -> Option<Warning> {
        let ignored = Ignored::new(&self.wanted.ignore);
        let is_left = |path: &str| left_alone.iter().any(|left| left.path == path);
        let enforced = enforced_fields(self.wanted);
        let fights = |row: &&Attribute| {
            let fought = enforced.iter().any(|path| {
                !ignored.covers(path)
                    && !is_left(path)
                    && attribute_of(path).is_some_and(|sets| sets.terraform == row.terraform)
            });
            fought && self.set(row).is_some()
        };
        let attributes: BTreeSet<&str> = ATTRIBUTES.iter().filter(fights).map(Attribute::root).collect();
        (!attributes.is_empty()).then(|| Warning::ManagedByTerraform {
            place: self.place.clone(),
            state: self.state_name.clone(),
            address: self.address.to_owned(),
            attributes: attributes.into_iter().map(str::to_owned).collect(),
        })
    }
}

/// Whether a value of Terraform's is that of ECS. A setting that is not there has AWS's default.
fn agree(row: &Attribute, terraform: &Value, ecs: Option<&Value>) -> Option<bool> {
    if let (Form::Same, Some(names)) = (row.form, setting(row)) {
        let normal = |value: Option<&Value>| normalize_field(&SERVICE, &names, value?);
        return Some(normal(Some(terraform)) == normal(ecs));
    }
    agrees(row.form, terraform, ecs?)
}

/// Everything that git names of a service, as paths.
fn enforced_fields(wanted: &EcsService) -> Vec<String> {
    let settings = wanted.settings.fields();
    let count = wanted.desired_count.map(|_| "desiredCount".to_owned());
    let definition = wanted.task_definition.as_ref().map(|_| "taskDefinition".to_owned());
    let settings: Vec<String> = leaves(&settings).into_iter().map(|(names, _)| shown_path(&names)).collect();
    count.into_iter().chain(definition).chain(settings).collect()
}

fn live_value(live: &LiveService, row: &Attribute) -> Option<Value> {
    match setting(row) {
        Some(names) => get(&live.settings.fields(), &names).cloned(),
        None if row.field == "desiredCount" => Some(live.desired_count.into()),
        None => live.task_definition.as_ref().map(|arn| arn.as_str().into()),
    }
}

fn wanted_value(wanted: &EcsService, row: &Attribute) -> Option<Value> {
    match setting(row) {
        Some(names) => get(&wanted.settings.fields(), &names).cloned(),
        None if row.field == "desiredCount" => wanted.desired_count.map(Value::from),
        None => match &wanted.task_definition {
            Some(TaskDefinitionSource::Revision(revision)) => Some(revision.as_str().into()),
            Some(TaskDefinitionSource::File(_)) | None => None,
        },
    }
}

/// The names that lead to a setting.
fn setting(row: &Attribute) -> Option<Vec<&'static str>> {
    let rest = row.field.strip_prefix(PREFIX)?.strip_prefix('.')?;
    Some(rest.split('.').collect())
}
