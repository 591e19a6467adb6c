//! `RegisterTaskDefinition`, `DescribeTaskDefinition`, `DeregisterTaskDefinition`, `ListTaskDefinitions`.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::Env;
use super::defaults;
use super::error::{client, invalid};
use super::paging;
use super::recipe::Recipe;
use super::region::Region;
use super::shape::{Input, epoch};
use super::tags::tag_list;
use super::validate;
use crate::context::ApiError;

/// A registered revision. Only its status and tags ever change.
pub(super) struct TaskDefinition {
    body: Map<String, Value>,
    pub(super) recipe: Arc<Recipe>,
    pub(super) tags: Vec<Value>,
}

impl TaskDefinition {
    pub(super) fn active(&self) -> bool {
        self.body.get("status").is_some_and(|status| status == "ACTIVE")
    }
}

pub(super) fn register(region: &mut Region, env: &Env<'_>, mut input: Input) -> Result<Value, ApiError> {
    validate::check(&input)?;
    let tags = tag_list(&input)?;
    input.take("tags");
    let family = input.text("family").unwrap_or_default().to_owned();
    let revisions = region.families.entry(family.clone()).or_default();
    let revision = revisions.len() + 1;
    let mut body = input.0;
    defaults::fill(&mut body);
    defaults::derive(&mut body);
    body.insert("taskDefinitionArn".to_owned(), region.arns.task_definition(&family, revision).into());
    body.insert("revision".to_owned(), revision.into());
    body.insert("status".to_owned(), "ACTIVE".into());
    body.insert("registeredAt".to_owned(), epoch(env.call.now));
    body.insert("registeredBy".to_owned(), env.call.principal_arn.clone().into());
    let recipe = Arc::new(Recipe::of(&Value::Object(body.clone()), env.registry.clone()));
    let mut reply = json!({ "taskDefinition": body });
    if !tags.is_empty() {
        reply["tags"] = tags.clone().into();
    }
    revisions.push(TaskDefinition { body, recipe, tags });
    Ok(reply)
}

pub(super) fn describe(region: &Region, input: &Input) -> Result<Value, ApiError> {
    let reference =
        input.text("taskDefinition").ok_or_else(|| client("TaskDefinition should not be null or empty."))?;
    let definition =
        region.task_definition(reference).ok_or_else(|| client("Unable to describe task definition."))?;
    let mut reply = json!({ "taskDefinition": definition.body });
    if input.wants_tags() {
        reply["tags"] = definition.tags.clone().into();
    }
    Ok(reply)
}

pub(super) fn deregister(region: &mut Region, env: &Env<'_>, input: &Input) -> Result<Value, ApiError> {
    let reference =
        input.text("taskDefinition").ok_or_else(|| client("TaskDefinition should not be null or empty."))?;
    let name = region.arns.short("task-definition", reference).unwrap_or_default();
    let (family, revision) =
        name.split_once(':').ok_or_else(|| client("Invalid revision number. Number: null"))?;
    let index = revision.parse::<usize>().unwrap_or_default().wrapping_sub(1);
    let definition = region.families.get_mut(family).and_then(|revisions| revisions.get_mut(index));
    let definition = definition.ok_or_else(|| client("The specified task definition does not exist."))?;
    if !definition.active() {
        return Err(client("The specified task definition is inactive."));
    }
    definition.body.insert("status".to_owned(), "INACTIVE".into());
    definition.body.insert("deregisteredAt".to_owned(), epoch(env.call.now));
    Ok(json!({ "taskDefinition": definition.body }))
}

pub(super) fn list(region: &Region, input: &Input) -> Result<Value, ApiError> {
    let active = match input.text("status").unwrap_or("ACTIVE") {
        "ACTIVE" => true,
        "INACTIVE" => false,
        other => return Err(invalid(format!("Invalid task definition status: {other}"))),
    };
    let prefix = input.text("familyPrefix");
    let families = region.families.iter().filter(|(family, _)| prefix.is_none_or(|prefix| prefix == *family));
    let mut arns: Vec<String> = families
        .flat_map(|(_, revisions)| revisions)
        .filter(|definition| definition.active() == active)
        .map(|definition| definition.recipe.arn.clone())
        .collect();
    if input.text("sort") == Some("DESC") {
        arns.reverse();
    }
    paging::arns(input, "taskDefinitionArns", arns, 100)
}

/// The active task definition that a service or task is to use.
pub(super) fn usable(region: &Region, reference: &str) -> Result<Arc<Recipe>, ApiError> {
    let definition = region.task_definition(reference).ok_or_else(|| client("TaskDefinition not found."))?;
    if !definition.active() {
        return Err(client("TaskDefinition is inactive"));
    }
    Ok(Arc::clone(&definition.recipe))
}
