//! `TagResource`, `UntagResource`, `ListTagsForResource`, and tags given on creation.

use serde_json::{Value, json};

use super::arn::last;
use super::error::{client, invalid};
use super::region::Region;
use super::shape::Input;
use crate::context::ApiError;

/// AWS's limit of tags on one resource.
const MOST_TAGS: usize = 50;

/// The `tags` of an input, each key once.
pub(super) fn tag_list(input: &Input) -> Result<Vec<Value>, ApiError> {
    let mut tags = Vec::new();
    merge(&mut tags, input.list("tags"))?;
    Ok(tags)
}

pub(super) fn tag(region: &mut Region, input: &Input) -> Result<Value, ApiError> {
    let mut tags = tags_of(region, input)?.clone();
    merge(&mut tags, input.list("tags"))?;
    *tags_of(region, input)? = tags;
    Ok(json!({}))
}

pub(super) fn untag(region: &mut Region, input: &Input) -> Result<Value, ApiError> {
    let keys: Vec<&str> = input.texts("tagKeys").collect();
    tags_of(region, input)?.retain(|tag| !keys.contains(&tag["key"].as_str().unwrap_or_default()));
    Ok(json!({}))
}

pub(super) fn list(region: &mut Region, input: &Input) -> Result<Value, ApiError> {
    Ok(json!({"tags": tags_of(region, input)?}))
}

fn merge(tags: &mut Vec<Value>, added: &[Value]) -> Result<(), ApiError> {
    for tag in added {
        let key = tag["key"].as_str().unwrap_or_default();
        if key.is_empty() || key.len() > 128 {
            return Err(invalid("Tag key must be between 1 and 128 characters."));
        }
        let tag = json!({"key": key, "value": tag["value"].as_str().unwrap_or_default()});
        match tags.iter_mut().find(|old| old["key"] == key) {
            Some(old) => *old = tag,
            None => tags.push(tag),
        }
    }
    if tags.len() > MOST_TAGS {
        return Err(invalid(format!("A resource cannot have more than {MOST_TAGS} tags.")));
    }
    Ok(())
}

fn tags_of<'a>(region: &'a mut Region, input: &Input) -> Result<&'a mut Vec<Value>, ApiError> {
    let missing = |what: &str| {
        client(format!("The specified {what} is not found. Specify a valid {what} ARN and try again."))
    };
    let arn = input.text("resourceArn").ok_or_else(|| invalid("resourceArn can not be blank."))?;
    if let Some(name) = region.arns.short("cluster", arn) {
        let cluster = region.clusters.get_mut(name).filter(|cluster| cluster.active);
        return cluster.map(|cluster| &mut cluster.tags).ok_or_else(|| missing("cluster"));
    }
    if region.arns.short("service", arn).is_some() {
        let service = region.service_by_arn(arn).ok_or_else(|| missing("service"))?;
        service.touch();
        return Ok(&mut service.tags);
    }
    if let Some((family, revision)) =
        region.arns.short("task-definition", arn).and_then(|name| name.split_once(':'))
    {
        let index = revision.parse::<usize>().unwrap_or_default().wrapping_sub(1);
        let definition = region.families.get_mut(family).and_then(|family| family.get_mut(index));
        return definition.map(|definition| &mut definition.tags).ok_or_else(|| missing("task-definition"));
    }
    if let Some((cluster, id)) = region.arns.short("task", arn).and_then(|path| path.split_once('/')) {
        let cluster = region.clusters.get_mut(cluster).ok_or_else(|| missing("task"))?;
        let mut tasks = cluster
            .tasks
            .iter_mut()
            .chain(cluster.services.values_mut().flat_map(|service| &mut service.tasks));
        let task = tasks.find(|task| last(&task.made.arn) == id);
        return task.map(|task| &mut task.made.tags).ok_or_else(|| missing("task"));
    }
    Err(invalid("Invalid ARN."))
}
