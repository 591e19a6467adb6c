//! Commit statuses: what any token may say about a commit.

use std::collections::BTreeMap;

use git2::Oid;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::call::{Scope, parse_oid};
use super::commits;
use super::numbers::{node_id, stamp};
use super::permission::{READ_STATUSES, WRITE_STATUSES};
use super::render;
use super::reply::{Answer, Handled, Refusal};
use super::repository::Repository;
use super::route::Route;

pub(super) const ROUTES: &[Route] = &[
    Route::post(
        "/repos/{owner}/{repo}/statuses/{sha}",
        WRITE_STATUSES,
        "commits/statuses#create-a-commit-status",
        create,
    ),
    Route::get(
        "/repos/{owner}/{repo}/commits/{ref}/statuses",
        READ_STATUSES,
        "commits/statuses#list-commit-statuses-for-a-reference",
        list,
    ),
    Route::get(
        "/repos/{owner}/{repo}/commits/{ref}/status",
        READ_STATUSES,
        "commits/statuses#get-the-combined-status-for-a-specific-reference",
        combined,
    ),
];

/// What somebody said about a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Status {
    id: u64,
    commit: Oid,
    /// `error`, `failure`, `pending` or `success`
    pub(super) state: String,
    pub(super) context: String,
    description: Option<String>,
    target_url: Option<String>,
    creator: String,
    at: Timestamp,
}

/// GitHub keeps no more for one commit and context.
const LIMIT: usize = 1000;

fn create(scope: &mut Scope<'_>) -> Handled {
    let commit = parse_oid(scope.call.parameter("sha"))?;
    if scope.repository.git.store.find_commit(commit).is_err() {
        return Err(Refusal::unprocessable(format!("No commit found for SHA: {commit}")));
    }
    let body = &scope.call.body;
    let state = body.required("state")?;
    if !["error", "failure", "pending", "success"].contains(&state) {
        return Err(Refusal::invalid("Status", "state", "invalid"));
    }
    let description = body.text("description")?;
    if description.is_some_and(|text| text.chars().count() > 140) {
        let message = "description is too long (maximum is 140 characters)";
        return Err(Refusal::custom("Status", message));
    }
    let context = body.text("context")?.unwrap_or("default");
    let earlier = scope.repository.statuses.iter();
    if earlier.filter(|status| status.commit == commit && status.context == context).count() >= LIMIT {
        let message = "This SHA and context has reached the maximum number of statuses.";
        return Err(Refusal::custom("Status", message));
    }
    let status = Status {
        id: scope.numbers.next(),
        commit,
        state: state.to_owned(),
        context: context.to_owned(),
        description: description.map(str::to_owned),
        target_url: body.text("target_url")?.map(str::to_owned),
        creator: scope.call.caller.login.clone(),
        at: scope.call.now,
    };
    let shown = render(scope, &status);
    scope.repository.statuses.push(status);
    Ok(Answer::created(shown))
}

fn render(scope: &Scope<'_>, status: &Status) -> Value {
    let mut shown = simple(scope, status);
    shown["creator"] = render::user(&scope.call.urls, &status.creator);
    shown
}

fn simple(scope: &Scope<'_>, status: &Status) -> Value {
    let urls = &scope.call.urls;
    let creator = render::user(urls, &status.creator);
    json!({
        "id": status.id,
        "node_id": node_id("SC", &status.id.to_string()),
        "url": format!("{}/statuses/{}", urls.repository(&scope.repository.full_name()), status.commit),
        "avatar_url": creator["avatar_url"],
        "state": status.state,
        "description": status.description,
        "target_url": status.target_url,
        "context": status.context,
        "created_at": stamp(status.at),
        "updated_at": stamp(status.at),
    })
}

fn list(scope: &mut Scope<'_>) -> Handled {
    let commit = commits::named(scope)?;
    let all = scope.repository.statuses.iter().rev().filter(|status| status.commit == commit);
    let all: Vec<&Status> = all.collect();
    Ok(scope.call.page(all, |status| render(scope, status)))
}

/// The newest status of each context.
pub(super) fn newest_statuses(repository: &Repository, commit: Oid) -> Vec<&Status> {
    let own = repository.statuses.iter().filter(|status| status.commit == commit);
    let newest: BTreeMap<&str, &Status> = own.map(|status| (status.context.as_str(), status)).collect();
    newest.into_values().collect()
}

fn combined(scope: &mut Scope<'_>) -> Handled {
    let commit = commits::named(scope)?;
    let newest = newest_statuses(scope.repository, commit);
    let any = |states: &[&str]| newest.iter().any(|status| states.contains(&status.state.as_str()));
    let state = if any(&["error", "failure"]) {
        "failure"
    } else if newest.is_empty() || any(&["pending"]) {
        "pending"
    } else {
        "success"
    };
    let urls = &scope.call.urls;
    let url = urls.commit(&scope.repository.full_name(), commit);
    let total = newest.len();
    let (shown, link) = scope.call.cut(newest);
    let statuses: Vec<Value> = shown.into_iter().map(|status| simple(scope, status)).collect();
    let mut answer = Answer::ok(json!({
        "state": state,
        "statuses": statuses,
        "sha": commit.to_string(),
        "total_count": total,
        "repository": render::minimal_repository(urls, scope.repository),
        "commit_url": url,
        "url": format!("{url}/status"),
    }));
    answer.headers.extend(link.map(|link| ("link", link)));
    Ok(answer)
}
