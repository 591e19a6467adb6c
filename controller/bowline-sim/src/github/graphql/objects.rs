//! What can be asked for: repositories, pull requests, oneself.

use serde_json::{Map, Value, json};

use super::{Asker, GraphError};
use crate::github::caller::Caller;
use crate::github::hub::Hub;
use crate::github::mergeability::MergeState;
use crate::github::numbers::{node_id, stamp};
use crate::github::permission::READ_PULLS;
use crate::github::pull::{PullRequest, PullState};
use crate::github::rate::Resource;
use crate::github::repository::Repository;
use crate::github::urls::Urls;

/// A root field of a query.
pub(super) fn query(
    hub: &mut Hub,
    asker: &Asker<'_>,
    name: &str,
    arguments: &Value,
) -> Result<Value, GraphError> {
    let text = |name: &str| arguments[name].as_str().unwrap_or_default();
    match name {
        "repository" => {
            let (owner, name) = (text("owner"), text("name"));
            let named = |known: &&Repository| {
                asker.caller.sees(known.id) && (known.is_called(owner, name) || known.was_called(owner, name))
            };
            let found = hub.repositories.iter().find(named).ok_or_else(|| {
                let message = format!("Could not resolve to a Repository with the name '{owner}/{name}'.");
                GraphError::new("NOT_FOUND", message)
            })?;
            Ok(repository(asker.urls, found))
        }
        "node" => {
            let (index, number) = resolve(hub, asker.caller, text("id"))?;
            pull(hub, asker, index, number)
        }
        "viewer" => Ok(actor(asker.urls, &asker.caller.login)),
        "rateLimit" => {
            let who = asker.caller.limited_as();
            let overview = hub.limits.overview(&who, asker.now);
            let own = &overview["resources"]["graphql"];
            let resets = hub.limits.headers(&who, Resource::GraphQl, asker.now);
            let resets = resets.iter().find(|(name, _)| *name == "x-ratelimit-reset");
            let resets = resets.and_then(|(_, at)| jiff::Timestamp::from_second(at.parse().ok()?).ok());
            Ok(json!({
                "__typename": "RateLimit",
                "limit": own["limit"],
                "remaining": own["remaining"],
                "used": own["used"],
                "resetAt": resets.map(stamp),
                "cost": 1,
            }))
        }
        _ => Ok(Value::Null),
    }
}

fn repository(urls: &Urls, known: &Repository) -> Value {
    let settings = &known.settings;
    json!({
        "__typename": "Repository",
        "id": node_id("R", &known.id.to_string()),
        "name": known.name,
        "nameWithOwner": known.full_name(),
        "url": format!("{}/{}", urls.web, known.full_name()),
        "autoMergeAllowed": settings.allow_auto_merge,
        "mergeCommitAllowed": settings.allow_merge_commit,
        "squashMergeAllowed": settings.allow_squash_merge,
        "rebaseMergeAllowed": settings.allow_rebase_merge,
        "deleteBranchOnMerge": settings.delete_branch_on_merge,
    })
}

/// `pullRequest(number:)` of a repository.
pub(super) fn pull_of(
    hub: &mut Hub,
    asker: &Asker<'_>,
    repository: &Map<String, Value>,
    arguments: &Value,
) -> Result<Value, GraphError> {
    let full_name = repository.get("nameWithOwner").and_then(Value::as_str).unwrap_or_default();
    let number = arguments["number"].as_u64().unwrap_or_default();
    let missing = || {
        let message = format!("Could not resolve to a PullRequest with the number of {number}.");
        GraphError::new("NOT_FOUND", message)
    };
    let index =
        hub.repositories.iter().position(|known| known.full_name() == full_name).ok_or_else(missing)?;
    if hub.repositories.get(index).is_none_or(|known| !known.pulls.contains_key(&number)) {
        return Err(missing());
    }
    pull(hub, asker, index, number)
}

/// Where the pull request with a node id is: index of the repository, and number.
pub(super) fn resolve(hub: &Hub, caller: &Caller, id: &str) -> Result<(usize, u64), GraphError> {
    let named = |pull: &&PullRequest| node_id("PR", &pull.id.to_string()) == id;
    let mut seen = hub.repositories.iter().enumerate().filter(|(_, known)| caller.sees(known.id));
    let found = seen.find_map(|(index, known)| Some((index, known.pulls.values().find(named)?.number)));
    found.ok_or_else(|| {
        GraphError::new("NOT_FOUND", format!("Could not resolve to a node with the global id of '{id}'."))
    })
}

/// A pull request, with every field.
pub(super) fn pull(hub: &mut Hub, asker: &Asker<'_>, index: usize, number: u64) -> Result<Value, GraphError> {
    if !asker.caller.allowed(READ_PULLS) {
        return Err(GraphError::forbidden(asker.caller));
    }
    let gone = || GraphError::new("NOT_FOUND", "Could not resolve to a PullRequest.");
    let known = hub.repositories.get_mut(index).ok_or_else(gone)?;
    let state = known.look(number).map_err(|_| gone())?;
    let own = known.pulls.get(&number).ok_or_else(gone)?;
    Ok(show(asker.urls, known, own, state))
}

fn show(urls: &Urls, known: &Repository, pull: &PullRequest, merge_state: MergeState) -> Value {
    let full_name = known.full_name();
    let (state, closed, merged) = match &pull.state {
        PullState::Open => ("OPEN", None, None),
        PullState::Closed { at } => ("CLOSED", Some(*at), None),
        PullState::Merged { at, by, commit } => ("MERGED", Some(*at), Some((by, commit))),
    };
    let mergeable = match merge_state.mergeable() {
        None => "UNKNOWN",
        Some(true) => "MERGEABLE",
        Some(false) => "CONFLICTING",
    };
    let rules = known.protections.get(&pull.base_branch);
    let decision = match rules.map_or(0, |rules| rules.required_approvals) {
        _ if pull.changes_requested() => Some("CHANGES_REQUESTED"),
        0 => None,
        wanted if pull.approvals() >= wanted => Some("APPROVED"),
        _ => Some("REVIEW_REQUIRED"),
    };
    let auto_merge = pull.auto_merge.as_ref().map(|auto| {
        json!({
            "__typename": "AutoMergeRequest",
            "enabledAt": stamp(auto.at),
            "enabledBy": actor(urls, &auto.by),
            "mergeMethod": auto.method.word().to_ascii_uppercase(),
            "commitHeadline": auto.title,
            "commitBody": auto.message,
        })
    });
    let commit = merged.map(|(_, commit)| {
        let url = format!("{}/{full_name}/commit/{commit}", urls.web);
        json!({"__typename": "Commit", "oid": commit.to_string(), "url": url})
    });
    json!({
        "__typename": "PullRequest",
        "id": node_id("PR", &pull.id.to_string()),
        "fullDatabaseId": pull.id.to_string(),
        "number": pull.number,
        "title": pull.title,
        "body": pull.body.clone().unwrap_or_default(),
        "url": urls.pull(&full_name, pull.number),
        "state": state,
        "closed": closed.is_some(),
        "closedAt": closed.map(stamp),
        "merged": merged.is_some(),
        "mergedAt": closed.filter(|_| merged.is_some()).map(stamp),
        "mergedBy": merged.map(|(by, _)| actor(urls, by)),
        "mergeCommit": commit,
        "isDraft": pull.draft,
        "mergeable": mergeable,
        "mergeStateStatus": merge_state.word().to_ascii_uppercase(),
        "reviewDecision": decision,
        "headRefName": pull.head_branch,
        "headRefOid": pull.head.to_string(),
        "baseRefName": pull.base_branch,
        "baseRefOid": pull.base.to_string(),
        "createdAt": stamp(pull.created),
        "updatedAt": stamp(pull.updated),
        "author": actor(urls, &pull.author),
        "autoMergeRequest": auto_merge,
    })
}

/// A person or a bot; GraphQL leaves `[bot]` out of its login.
pub(super) fn actor(urls: &Urls, login: &str) -> Value {
    match login.strip_suffix("[bot]") {
        Some(slug) => {
            json!({"__typename": "Bot", "login": slug, "url": format!("{}/apps/{slug}", urls.web)})
        }
        None => json!({"__typename": "User", "login": login, "url": format!("{}/{login}", urls.web)}),
    }
}
