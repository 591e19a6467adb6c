//! Services: one manifest each, and the task definition beside it if it is to be a file.

use std::collections::{BTreeMap, BTreeSet};

use super::{Named, Standing, Writer, document, key, path};
use crate::desired::{ResourceKind, Severity, TaskDefinitionContent, parse_task_definition};
use crate::import::settings::{Confidential, Listed, in_order, listed};
use crate::import::suspect::suspects;
use crate::import::yaml::Yaml;
use crate::import::{
    FoundService, Inventory, Site, is_deployed_by_ecs, left_out, secrets_read_at_start, task_definition,
};
use crate::live::{DeploymentController, RolloutState, SchedulingStrategy, TaskDefinitionStatus};
use crate::name::{RelativePath, ResourceName, ServiceName, TaskDefinitionArn};

/// A service that is written.
pub(super) struct Subject<'a> {
    name: ResourceName,
    standing: Standing,
    /// Its name at ECS.
    pub(super) called: &'a ServiceName,
    found: &'a FoundService,
}

impl Subject<'_> {
    /// What it runs, where Bowline could deploy it.
    pub(super) fn content(&self) -> Option<&TaskDefinitionContent> {
        let found = self.found.task_definition.as_ref().filter(|_| is_deployed_by_ecs(&self.found.live));
        found.map(|found| &found.content)
    }
}

/// The sections of a service's `spec`, in their order. Each writes what it has to say, or nothing.
const SECTIONS: [fn(&Section<'_>, &mut Yaml); 4] =
    [task_definition_section, desired_count, settings, secrets];

/// How the path of a container's field begins.
const CONTAINERS: &str = "containerDefinitions.";

/// What a section is written from.
struct Section<'a> {
    subject: &'a Subject<'a>,
    /// The file's name beside the manifest, and what it leaves out.
    file: Option<(String, BTreeSet<String>)>,
    counts: bool,
    settings: Listed,
    secrets: BTreeSet<ResourceName>,
}

/// The services of one Target that are written, with their names.
pub(super) fn name<'a>(writer: &mut Writer<'_>, inventory: &'a Inventory) -> Vec<Subject<'a>> {
    let mut named: BTreeMap<&ServiceName, Named> = BTreeMap::new();
    let mut new = BTreeSet::new();
    let imported = inventory.services.iter().filter(|(_, service)| left_out(&service.live).is_none());
    for (called, _) in imported.clone() {
        match declared(writer, &inventory.site, called) {
            Some((_, Standing::Elsewhere)) => {}
            Some(found) => drop(named.insert(called, found)),
            None => drop(new.insert(called.as_str())),
        }
    }
    let given = writer.names.give(ResourceKind::EcsService, inventory.site.name.as_str(), &new);
    imported
        .filter_map(|(called, found)| {
            let given = given.get(called.as_str()).map(|name| (name.clone(), Standing::New));
            let (name, standing) = named.get(called).cloned().or(given)?;
            Some(Subject { name, standing, called, found })
        })
        .collect()
}

/// The resource that the folder has for this service.
fn declared(writer: &mut Writer<'_>, site: &Site, called: &ServiceName) -> Option<Named> {
    let state = writer.folder.state;
    let place = (&site.target.account_id, &site.target.region, &site.target.cluster);
    let (name, service) = state.services.iter().find(|(_, service)| {
        let target = state.targets.get(&service.resource.spec.target).map(|target| &target.spec);
        let here =
            target.is_some_and(|target| (&target.account_id, &target.region, &target.cluster) == place);
        here && service.resource.spec.service == *called
    })?;
    let origin = &service.resource.origin;
    Some((name.clone(), writer.standing(site, &key(ResourceKind::EcsService, name), origin)))
}

/// Writes them.
pub(super) fn write(writer: &mut Writer<'_>, inventory: &Inventory, services: &[Subject<'_>]) {
    let site = &inventory.site;
    for subject in services {
        note(writer, subject);
        let key = key(ResourceKind::EcsService, &subject.name);
        let manifest = path(site, &key);
        let file = task_definition_file(writer, subject, &manifest);
        let read = subject.content().map(secrets_read_at_start).unwrap_or_default();
        let arns = read.iter().filter_map(|id| Some(&inventory.secrets.get(id)?.as_ref()?.arn));
        let settings = listed(subject.found, |name| writer.options.allowed.contains(name));
        note_confidential(writer, subject, &settings);
        let section = Section {
            subject,
            file: file.as_ref().map(|(name, file)| (name.clone(), file.left_out.clone())),
            counts: writer.options.counts,
            settings,
            secrets: arns.filter_map(|arn| writer.secrets.get(arn).cloned()).collect(),
        };
        let text = document(&key, None, |spec| {
            spec.text("target", site.name.as_str());
            spec.text("service", subject.called.as_str());
            for write in SECTIONS {
                write(&section, spec);
            }
        });
        let mut files = vec![(manifest.clone(), text)];
        files.extend(file.map(|(name, file)| (beside(&manifest, &name), file.text)));
        writer.unit(key, subject.standing, files);
    }
}

fn beside(manifest: &str, file: &str) -> String {
    manifest.rsplit_once('/').map_or_else(|| file.to_owned(), |(folder, _)| format!("{folder}/{file}"))
}

/// The task definition as a file, if one is wanted and possible.
fn task_definition_file(
    writer: &mut Writer<'_>,
    subject: &Subject<'_>,
    manifest: &str,
) -> Option<(String, task_definition::File)> {
    let content = subject.content().filter(|_| writer.options.files)?;
    let file = task_definition::file(content);
    let name = format!("{}.json", subject.name);
    let path = RelativePath::parse(&beside(manifest, &name)).ok()?;
    let findings = parse_task_definition(&path, file.text.as_bytes()).findings;
    if let Some(error) = findings.iter().find(|finding| finding.severity == Severity::Error) {
        let sentence =
            format!("its revision is pinned, since a file of it would have errors: {}", error.message);
        writer.note(subject.called.as_str(), sentence);
        return None;
    }
    // What an earlier import wrote stays as it is, unless it is to be written anew.
    if subject.standing == Standing::New || writer.options.again {
        let allowed = |name: &str| writer.options.allowed.contains(name);
        writer.result.suspects.extend(suspects(subject.called.as_str(), content, allowed));
    }
    Some((name, file))
}

/// What a person should know before believing the first plan.
fn note(writer: &mut Writer<'_>, subject: &Subject<'_>) {
    let (live, called) = (&subject.found.live, subject.called.as_str());
    if !is_deployed_by_ecs(live) {
        return;
    }
    match live.primary().and_then(|primary| primary.rollout_state.as_ref()) {
        Some(RolloutState::InProgress) => {
            writer.note(called, "a rollout was under way: what is imported is what it leads to");
        }
        Some(RolloutState::Failed) => {
            writer
                .note(called, "its last deployment failed: the plan says so until git has something better");
        }
        Some(RolloutState::Completed | RolloutState::Other(_)) | None => {}
    }
    match &subject.found.task_definition {
        Some(found) if found.status == TaskDefinitionStatus::Inactive => {
            let revision = found.arn.revision();
            let sentence = format!(
                "{revision}, which it runs, is deregistered (INACTIVE): ECS could not go back to it. Terraform does so to \
                 what it replaces, unless the aws_ecs_task_definition has skip_destroy = true"
            );
            writer.note(called, sentence);
        }
        None if live.task_definition.is_some() => {
            writer.note(
                called,
                "its task definition does not exist any more; the revision is pinned all the same",
            );
        }
        Some(_) | None => {}
    }
}

/// Settings that are left out for what they hold are told, since drift in them is not seen.
fn note_confidential(writer: &mut Writer<'_>, subject: &Subject<'_>, settings: &Listed) {
    if subject.standing == Standing::Elsewhere {
        return;
    }
    for Confidential { path, name, because } in &settings.confidential {
        let why = because.in_words();
        let sentence = format!(
            "settings.{path} is left out, since {name} looks confidential ({why}): drift in it is not seen. If it is not \
             confidential, give --allow-env {name}"
        );
        writer.note(subject.called.as_str(), sentence);
    }
}

fn task_definition_section(section: &Section<'_>, spec: &mut Yaml) {
    let live = &section.subject.found.live;
    match (live.controller, &live.task_definition, &section.file) {
        (DeploymentController::CodeDeploy, ..) => {
            spec.comment("taskDefinition is left out: CodeDeploy deploys this service.");
        }
        (DeploymentController::External, ..) => {
            spec.comment(
                "taskDefinition and desiredCount are left out: an external controller deploys this service.",
            );
        }
        (DeploymentController::Ecs, None, _) => {
            spec.comment("taskDefinition is left out: the service has none.");
        }
        (DeploymentController::Ecs, Some(_), Some((file, left_out))) => {
            spec.map("taskDefinition", |inner| {
                inner.text("file", file);
                left_out_comment(inner, file, left_out);
            });
        }
        (DeploymentController::Ecs, Some(arn), None) => pinned(section, arn, spec),
    }
}

fn pinned(section: &Section<'_>, arn: &TaskDefinitionArn, spec: &mut Yaml) {
    let definition = section.subject.found.task_definition.as_ref();
    let inactive = definition.is_some_and(|found| found.status == TaskDefinitionStatus::Inactive);
    spec.map("taskDefinition", |inner| {
        if inactive {
            inner.comment("Deregistered (INACTIVE): what runs stays, but ECS would not deploy it again.");
        }
        inner.text("revision", arn.revision().as_str());
    });
}

fn left_out_comment(yaml: &mut Yaml, file: &str, left_out: &BTreeSet<String>) {
    if left_out.is_empty() {
        return;
    }
    let (inner, outer): (Vec<&str>, Vec<&str>) =
        left_out.iter().map(String::as_str).partition(|field| field.starts_with(CONTAINERS));
    let mut fields = outer.join(", ");
    if !inner.is_empty() {
        let inner: Vec<&str> = inner.iter().filter_map(|field| field.strip_prefix(CONTAINERS)).collect();
        let between = if outer.is_empty() { "" } else { "; " };
        fields = format!("{fields}{between}in containers {}", inner.join(", "));
    }
    yaml.comment(&format!("Left out of {file}, since AWS fills it in: {fields}."));
}

fn desired_count(section: &Section<'_>, spec: &mut Yaml) {
    let live = &section.subject.found.live;
    if !live.controller.takes_count() {
        return;
    }
    if live.scheduling == SchedulingStrategy::Daemon {
        spec.comment("desiredCount is left out: a DAEMON service runs one task on each instance.");
    } else if !section.counts {
        spec.comment("desiredCount is left out: whoever scales the service, autoscaling for one, owns it.");
    } else {
        spec.number("desiredCount", u64::from(live.desired_count));
    }
}

fn settings(section: &Section<'_>, spec: &mut Yaml) {
    let Listed { fields, defaults, owned, exchanged, confidential } = &section.settings;
    let comments = |yaml: &mut Yaml| {
        if !defaults.is_empty() {
            yaml.comment(&format!("AWS's defaults, left out and so not managed: {}.", grouped(defaults)));
        }
        for (who, fields) in owned {
            yaml.comment(&format!("Left out, since {who} deploys the service: {}.", fields.join(", ")));
        }
        for Confidential { path, name, .. } in confidential {
            yaml.comment(&format!("{path} is left out: {name} looks confidential (see --allow-env)."));
        }
    };
    if fields.is_empty() {
        return comments(spec);
    }
    spec.map("settings", |yaml| {
        comments(yaml);
        for (field, value) in fields {
            if exchanged.contains(&field.as_str()) {
                yaml.comment(
                    "ECS exchanges targetGroupArn and alternateTargetGroupArn at each deployment: that is no drift.",
                );
            }
            yaml.value(field, value, in_order);
        }
    });
}

/// `propagateTags NONE; in deploymentConfiguration strategy ROLLING`.
fn grouped(defaults: &BTreeMap<String, BTreeSet<String>>) -> String {
    let groups = defaults.iter().map(|(structure, fields)| {
        let fields = fields.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        if structure.is_empty() { fields } else { format!("in {structure} {fields}") }
    });
    groups.collect::<Vec<_>>().join("; ")
}

fn secrets(section: &Section<'_>, spec: &mut Yaml) {
    if !section.secrets.is_empty() {
        spec.list("secrets", section.secrets.iter().map(ResourceName::as_str));
    }
}
