//! One container by itself.

use std::collections::BTreeMap;

use super::{Report, Task, below, place};
use crate::desired::node::{Node, Tree};

pub(super) fn check(task: &Task<'_>, number: usize, container: &Node, report: &mut Report<'_, '_>) {
    if !matches!(container.tree, Tree::Map(_)) {
        return;
    }
    let at = place(number);
    for field in ["name", "image"] {
        if container.get(field).is_none_or(|value| value.text() == Some("")) {
            let message = format!("`{at}.{field}` is missing");
            report.refuse(container, message, "every container needs `name` and `image`");
        }
    }
    if let Some(name) = container.get("name")
        && let Some(text) = name.text()
        && (text.len() > 255
            || !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)))
    {
        let message = format!("`{at}.name` has characters that AWS refuses");
        report.refuse(name, message, "use at most 255 letters, digits, hyphens and underscores");
    }
    memory(task, container, &at, report);
    variables(task, container, &at, report);
    limits(container, &at, report);
    health(container, &at, report);
    network(task, container, &at, report);
    for (index, file) in
        container.get("environmentFiles").map(Node::items).unwrap_or_default().iter().enumerate()
    {
        if let Some(value) = file.get("value")
            && value
                .text()
                .is_some_and(|text| text.rsplit_once('.').is_none_or(|(_, ending)| ending != "env"))
        {
            let message = format!("`{at}.environmentFiles[{index}].value` does not end in `.env`");
            report.refuse(value, message, "AWS reads environment files with that ending only");
        }
    }
}

fn memory(task: &Task<'_>, container: &Node, at: &str, report: &mut Report<'_, '_>) {
    let whole = |field| container.get(field).and_then(Node::whole);
    let (memory, reservation) = (whole("memory"), whole("memoryReservation"));
    if let (Some(memory), Some(reservation)) = (memory, reservation)
        && memory < reservation
        && let Some(value) = container.get("memory")
    {
        let message = format!("`{at}.memory` ({memory}) is less than `memoryReservation` ({reservation})");
        report.refuse(
            value,
            message,
            "memory is the hard limit, memoryReservation the soft one: raise memory",
        );
    }
    if let (Some(memory), Some(most)) = (memory, task.memory)
        && memory > most
        && !task.windows
        && let Some(value) = container.get("memory")
    {
        let message = format!("`{at}.memory` ({memory}) is more than the task's `memory` ({most})");
        report.refuse(value, message, "raise the task's memory, or lower the container's");
    }
    let sized = container.get("memory").is_some() || container.get("memoryReservation").is_some();
    if !sized && !task.fargate && task.root.get("memory").is_none() {
        let message =
            format!("`{at}` has neither `memory` nor `memoryReservation`, and the task has no `memory`");
        report.refuse(container, message, "set one of the three: only Fargate sizes a task as a whole");
    }
}

/// Of two variables of one name AWS keeps one, and nobody says which.
fn variables(task: &Task<'_>, container: &Node, at: &str, report: &mut Report<'_, '_>) {
    let mut names = BTreeMap::new();
    for field in ["environment", "secrets"] {
        for (index, variable) in container.get(field).map(Node::items).unwrap_or_default().iter().enumerate()
        {
            let at = format!("{at}.{field}[{index}]");
            report.unique(variable, "name", &at, "variables", &mut names);
            if let Some(from) = variable.get("valueFrom") {
                value_from(from, &format!("{at}.valueFrom"), report);
            }
        }
    }
    let mut options = BTreeMap::new();
    let log = below(container, &["logConfiguration", "secretOptions"]);
    for (index, option) in log.map(Node::items).unwrap_or_default().iter().enumerate() {
        let at = format!("{at}.logConfiguration.secretOptions[{index}]");
        report.unique(option, "name", &at, "options", &mut options);
        if let Some(from) = option.get("valueFrom") {
            value_from(from, &format!("{at}.valueFrom"), report);
        }
    }
    if let Some(secrets) = container.get("secrets").filter(|secrets| !secrets.items().is_empty())
        && task.root.get("executionRoleArn").is_none()
    {
        let message = format!("`{at}.secrets` needs `executionRoleArn`, which is missing");
        report.refuse(secrets, message, "name the role with which ECS reads the secrets");
    }
}

/// The agent takes a secret's ARN with exactly 2 or 5 parts after the account (source: amazon-ecs-agent, asmsecret.go).
/// The text itself is never shown: somebody may have put the secret there.
fn value_from(node: &Node, at: &str, report: &mut Report<'_, '_>) {
    let Some(text) = node.text() else { return };
    let parts: Vec<&str> = text.split(':').collect();
    let is_secret = parts.first() == Some(&"arn") && parts.get(2) == Some(&"secretsmanager");
    let count = parts.len().saturating_sub(5);
    if is_secret && count != 2 && count != 5 {
        let message = format!("`{at}` has {count} parts after the account id; ECS takes 2 or 5");
        report.refuse(
            node,
            message,
            "write `...:secret:name-AbCdEf` or `...:secret:name-AbCdEf:json-key:version-stage:version-id`; parts may be empty, colons may not be left out",
        );
    }
}

fn limits(container: &Node, at: &str, report: &mut Report<'_, '_>) {
    let mut names = BTreeMap::new();
    for (index, limit) in container.get("ulimits").map(Node::items).unwrap_or_default().iter().enumerate() {
        let at = format!("{at}.ulimits[{index}]");
        report.unique(limit, "name", &at, "ulimits", &mut names);
        let whole = |field| limit.get(field).and_then(Node::whole);
        if let (Some(soft), Some(hard)) = (whole("softLimit"), whole("hardLimit"))
            && soft > hard
            && let Some(value) = limit.get("softLimit")
        {
            let message = format!("`{at}.softLimit` ({soft}) is more than `hardLimit` ({hard})");
            report.refuse(value, message, "the hard limit is the most that the soft one may be raised to");
        }
    }
    let period = below(container, &["restartPolicy", "restartAttemptPeriod"]);
    report.range(period, &format!("{at}.restartPolicy.restartAttemptPeriod"), 60..=1800);
    let swappiness = below(container, &["linuxParameters", "swappiness"]);
    report.range(swappiness, &format!("{at}.linuxParameters.swappiness"), 0..=100);
}

fn health(container: &Node, at: &str, report: &mut Report<'_, '_>) {
    let Some(check) = container.get("healthCheck") else { return };
    for (field, range) in
        [("interval", 5..=300), ("timeout", 2..=60), ("retries", 1..=10), ("startPeriod", 0..=300)]
    {
        report.range(check.get(field), &format!("{at}.healthCheck.{field}"), range);
    }
    if let Some(command) = check.get("command")
        && let Some(first) = command.items().first()
        && !matches!(first.text(), Some("CMD" | "CMD-SHELL" | "NONE"))
    {
        let message = format!("`{at}.healthCheck.command` begins with neither `CMD` nor `CMD-SHELL`");
        report.refuse(
            command,
            message,
            "put `CMD-SHELL` before a line for the shell, `CMD` before arguments",
        );
    }
}

/// BC: what the network mode rules out.
fn network(task: &Task<'_>, container: &Node, at: &str, report: &mut Report<'_, '_>) {
    if task.network != "bridge"
        && let Some(links) = container.get("links").filter(|links| !links.items().is_empty())
    {
        let message = format!("`{at}.links` cannot be with `networkMode` `{}`", task.network);
        report.refuse(
            links,
            message,
            "containers of one task reach each other at localhost there: remove links",
        );
    }
    for field in ["hostname", "extraHosts"] {
        if task.network == "awsvpc"
            && let Some(value) = container.get(field)
        {
            let message = format!("`{at}.{field}` is not supported with `networkMode` `awsvpc`");
            report.refuse(value, message, "remove the field");
        }
    }
}
