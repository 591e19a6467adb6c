//! `ListTasks`, `DescribeTasks`, `StopTask`, `RunTask`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Env;
use super::arn::last;
use super::error::{client, invalid, service_not_found};
use super::paging;
use super::region::{Cluster, Region};
use super::render;
use super::settings::Template;
use super::shape::Input;
use super::tags::tag_list;
use super::task::{Launch, Task};
use super::task_definition::usable;
use crate::context::ApiError;

pub(super) fn list(region: &mut Region, env: &mut Env<'_>, input: &Input) -> Result<Value, ApiError> {
    let cluster = region.cluster(input)?;
    cluster.catch_up(env);
    let wanted = match input.text("desiredStatus").unwrap_or("RUNNING") {
        "RUNNING" | "PENDING" => true,
        "STOPPED" => false,
        other => return Err(invalid(format!("Invalid desired status: {other}"))),
    };
    let group = match input.text("serviceName") {
        Some(reference) => {
            Some(format!("service:{}", cluster.service(reference).ok_or_else(service_not_found)?.name))
        }
        None => None,
    };
    let matching = all(cluster).filter(|task| {
        task.wanted == wanted
            && group.as_ref().is_none_or(|group| task.made.group == *group)
            && input.text("startedBy").is_none_or(|by| task.made.started_by.as_deref() == Some(by))
            && input.text("family").is_none_or(|family| task.made.recipe.family == family)
            && input
                .text("launchType")
                .is_none_or(|kind| task.made.template.launch_type.as_deref() == Some(kind))
            && !input.has("containerInstance")
    });
    paging::arns(input, "taskArns", matching.map(|task| task.made.arn.clone()).collect(), 100)
}

pub(super) fn describe(region: &mut Region, env: &mut Env<'_>, input: &Input) -> Result<Value, ApiError> {
    let arns = region.arns.clone();
    let cluster = region.cluster(input)?;
    match input.list("tasks").len() {
        0 => return Err(invalid("Tasks cannot be empty.")),
        1..=100 => {}
        _ => return Err(invalid("Tasks cannot have more than 100 elements.")),
    }
    cluster.catch_up(env);
    let (mut tasks, mut failures) = (Vec::new(), Vec::new());
    for reference in input.texts("tasks") {
        if let Some(task) = all(cluster).find(|task| task.made.id == last(reference)) {
            tasks.push(render::task::task(task, input.wants_tags()));
        } else {
            let known = reference.starts_with("arn:");
            let arn = if known { reference.to_owned() } else { arns.task(&cluster.name, reference) };
            failures.push(json!({"arn": arn, "reason": "MISSING"}));
        }
    }
    Ok(json!({"tasks": tasks, "failures": failures}))
}

pub(super) fn stop(region: &mut Region, env: &mut Env<'_>, input: &Input) -> Result<Value, ApiError> {
    let cluster = region.cluster(input)?;
    cluster.catch_up(env);
    let id = last(input.text("task").unwrap_or_default());
    let reason = input.text("reason").unwrap_or("Task stopped by user").to_owned();
    let now = env.call.now;
    if let Some(task) = cluster.tasks.iter_mut().find(|task| task.made.id == id) {
        task.stop(now, "UserInitiated", reason);
        return Ok(json!({"task": render::task::task(task, true)}));
    }
    for service in cluster.services.values_mut() {
        if let Some(task) = service.tasks.iter_mut().find(|task| task.made.id == id) {
            task.stop(now, "UserInitiated", reason);
            let reply = json!({"task": render::task::task(task, true)});
            service.steady = false;
            service.wake(now);
            return Ok(reply);
        }
    }
    Err(invalid("The referenced task was not found."))
}

pub(super) fn run(region: &mut Region, env: &mut Env<'_>, mut input: Input) -> Result<Value, ApiError> {
    let reference = input.text("taskDefinition").ok_or_else(|| client("TaskDefinition can not be blank."))?;
    let recipe = usable(region, reference)?;
    let tags = tag_list(&input)?;
    let count = input.integer("count").unwrap_or(1);
    if !(1..=10).contains(&count) {
        return Err(invalid("Count must be between 1 and 10."));
    }
    let launch_type = input.text("launchType").unwrap_or("EC2").to_owned();
    let mut template = Template::new(Some(Arc::clone(&recipe)), Some(launch_type));
    template.apply(&mut input);
    template.check()?;
    if template.fargate() && template.platform_version.is_none() {
        template.platform_version = Some("LATEST".to_owned());
    }
    let template = Arc::new(template);
    let cluster = region.cluster(&input)?;
    let mut tasks = Vec::new();
    for _ in 0..count {
        let id = env.ids.hex32();
        let launch = Launch {
            arn: format!("{}/{id}", cluster.arn.replacen(":cluster/", ":task/", 1)),
            id,
            cluster_arn: cluster.arn.clone(),
            started_by: input.text("startedBy").map(str::to_owned),
            deployment: 0,
            group: input.text("group").map_or_else(|| format!("family:{}", recipe.family), str::to_owned),
            template: Arc::clone(&template),
            recipe: Arc::clone(&recipe),
            tags: tags.clone(),
            overrides: input.get("overrides").cloned(),
            execute_command: input.flag("enableExecuteCommand") == Some(true),
            number: env.ids.next(),
        };
        let task = Task::launch(launch, env.call.now);
        tasks.push(render::task::task(&task, true));
        cluster.tasks.push(task);
    }
    Ok(json!({"tasks": tasks, "failures": []}))
}

fn all(cluster: &Cluster) -> impl Iterator<Item = &Task> {
    cluster.tasks.iter().chain(cluster.services.values().flat_map(|service| &service.tasks))
}
