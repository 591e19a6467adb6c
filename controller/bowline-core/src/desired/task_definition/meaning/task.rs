//! The task definition's own fields, and what its containers must have together.

use std::collections::BTreeMap;

use super::{Report, Task, is, place};
use crate::desired::node::{Node, Tree};
use crate::desired::suggest::shorten;
use crate::name::Family;

/// Tags on one resource (BC, Tag).
const MOST_TAGS: usize = 50;
/// Characters of a tag's key (BC, Tag).
const LONGEST_KEY: usize = 128;
/// Characters of a tag's value (BC, Tag).
const LONGEST_VALUE: usize = 256;
/// Constraints of one task (BC, placementConstraints).
const MOST_CONSTRAINTS: usize = 10;

pub(super) fn check(task: &Task<'_>, report: &mut Report<'_, '_>) {
    family(task.root, report);
    tags(task.root, report);
    if let Some(constraints) = task.root.get("placementConstraints")
        && constraints.items().len() > MOST_CONSTRAINTS
    {
        let message = format!("`placementConstraints` has {} constraints", constraints.items().len());
        report.refuse(constraints, message, "a task has at most 10, those of RunTask included");
    }
    let size = task.root.get("ephemeralStorage").and_then(|storage| storage.get("sizeInGiB"));
    report.range(size, "ephemeralStorage.sizeInGiB", 21..=200);
    containers(task, report);
}

fn family(root: &Node, report: &mut Report<'_, '_>) {
    if let Some(family) = root.get("family")
        && let Some(text) = family.text()
        && let Err(error) = Family::parse(text)
    {
        let message = format!("`family`: `{}` is not {}", shorten(text), error.expected);
        report.refuse(family, message, "rename the family");
    }
}

fn tags(root: &Node, report: &mut Report<'_, '_>) {
    let Some(tags) = root.get("tags") else { return };
    if tags.tree == Tree::List(Vec::new()) {
        report.refuse(tags, "`tags` is an empty list, which AWS refuses".to_owned(), "remove the field");
    }
    if tags.items().len() > MOST_TAGS {
        let message = format!("`tags` has {} tags", tags.items().len());
        report.refuse(tags, message, "AWS takes at most 50 on one resource");
    }
    let mut keys = BTreeMap::new();
    for (number, tag) in tags.items().iter().enumerate() {
        let at = format!("tags[{number}]");
        report.unique(tag, "key", &at, "tags", &mut keys);
        if tag.get("key").is_none_or(|key| key.text() == Some("")) {
            report.refuse(
                tag,
                format!("`{at}.key` is missing"),
                "every tag needs a key; its value may be empty",
            );
        }
        for (field, most) in [("key", LONGEST_KEY), ("value", LONGEST_VALUE)] {
            if let Some(value) = tag.get(field)
                && value.text().is_some_and(|text| text.chars().count() > most)
            {
                report.refuse(value, format!("`{at}.{field}` has more than {most} characters"), "shorten it");
            }
        }
        if let Some(key) = tag.get("key")
            && key.text().is_some_and(|text| text.to_ascii_lowercase().starts_with("aws:"))
        {
            report.refuse(
                key,
                format!("`{at}.key` begins with `aws:`"),
                "that prefix is AWS's own: rename the tag",
            );
        }
    }
}

fn containers(task: &Task<'_>, report: &mut Report<'_, '_>) {
    let Some(definitions) = task.root.get("containerDefinitions") else { return };
    if definitions.tree == Tree::List(Vec::new()) {
        let message = "`containerDefinitions` is empty: a task needs at least one container".to_owned();
        report.refuse(definitions, message, "add a container with `name` and `image`");
        return;
    }
    if task.containers.iter().all(|container| is(container.get("essential"), false)) {
        let message = "no container is essential".to_owned();
        report.refuse(definitions, message, "leave `essential` out of the container whose end ends the task");
    }
    let mut names = BTreeMap::new();
    for (number, container) in task.containers.iter().enumerate() {
        report.unique(container, "name", &place(number), "containers", &mut names);
    }
    if !task.windows {
        // BC: task-level sizes are ignored for Windows containers.
        totals(task, definitions, report);
    }
}

/// BC: what all containers reserve together must fit into the task.
fn totals(task: &Task<'_>, definitions: &Node, report: &mut Report<'_, '_>) {
    let whole = |container: &Node, field: &str| container.get(field).and_then(Node::whole);
    let reserved =
        |container: &Node| whole(container, "memoryReservation").or_else(|| whole(container, "memory"));
    let memory: u64 = task.containers.iter().filter_map(reserved).fold(0, u64::saturating_add);
    let cpu: u64 =
        task.containers.iter().filter_map(|container| whole(container, "cpu")).fold(0, u64::saturating_add);
    for (field, total, size, unit) in
        [("memory", memory, task.memory, "MiB"), ("cpu", cpu, task.cpu, "CPU units")]
    {
        if let Some(size) = size.filter(|size| total > *size) {
            let message = format!("the containers reserve {total} {unit} of `{field}`, the task has {size}");
            report.refuse(
                definitions,
                message,
                &format!("raise the task's `{field}`, or lower that of containers"),
            );
        }
    }
}
