//! The calls that merge: what is asked before, and how a refusal is worded.

use http::StatusCode;
use serde_json::json;

use super::call::Scope;
use super::mergeability::MergeState;
use super::permission::{READ_PULLS, WRITE_CONTENTS, WRITE_PULLS};
use super::protection;
use super::pull::{MergeMethod, PullState};
use super::pulls::number;
use super::reply::{Answer, Handled, Refusal};
use super::repository::RepositorySettings;
use super::route::Route;
use crate::github::merge::MergeOrder;

pub(super) const ROUTES: &[Route] = &[
    Route::get(
        "/repos/{owner}/{repo}/pulls/{pull_number}/merge",
        READ_PULLS,
        "pulls/pulls#check-if-a-pull-request-has-been-merged",
        is_merged,
    ),
    Route::put(
        "/repos/{owner}/{repo}/pulls/{pull_number}/merge",
        WRITE_CONTENTS,
        "pulls/pulls#merge-a-pull-request",
        merge,
    ),
    Route::put(
        "/repos/{owner}/{repo}/pulls/{pull_number}/update-branch",
        WRITE_PULLS,
        "pulls/pulls#update-a-pull-request-branch",
        update_branch,
    ),
];

fn is_merged(scope: &mut Scope<'_>) -> Handled {
    let number = number(scope)?;
    let merged = scope.repository.pulls.get(&number).map(|pull| &pull.state);
    match merged {
        Some(PullState::Merged { .. }) => Ok(Answer::no_content()),
        _ => Err(Refusal::not_found()),
    }
}

/// Why a method may not be used here, if it may not.
pub(super) fn forbidden(settings: &RepositorySettings, method: MergeMethod) -> Option<&'static str> {
    match method {
        MergeMethod::Merge if !settings.allow_merge_commit => {
            Some("Merge commits are not allowed on this repository.")
        }
        MergeMethod::Squash if !settings.allow_squash_merge => {
            Some("Squash merges are not allowed on this repository.")
        }
        MergeMethod::Rebase if !settings.allow_rebase_merge => {
            Some("Rebase merges are not allowed on this repository.")
        }
        _ => None,
    }
}

fn merge(scope: &mut Scope<'_>) -> Handled {
    let number = number(scope)?;
    let body = &scope.call.body;
    let method = body.text("merge_method")?.map_or(Some(MergeMethod::Merge), MergeMethod::parse);
    let method = method.ok_or_else(|| {
        Refusal::unprocessable(
            "Invalid request.\n\nmerge_method is not a member of [\"merge\", \"squash\", \"rebase\"].",
        )
    })?;
    let Some(pull) = scope.repository.pulls.get(&number) else { return Err(Refusal::not_found()) };
    if !pull.is_open() {
        return Err(Refusal::not_allowed("Pull Request is not mergeable"));
    }
    if body.text("sha")?.is_some_and(|sha| sha != pull.head.to_string()) {
        let message = "Head branch was modified. Review and try the merge again.";
        return Err(Refusal::conflict(message));
    }
    if pull.draft {
        return Err(Refusal::not_allowed("Pull Request is still a draft"));
    }
    if let Some(message) = forbidden(&scope.repository.settings, method) {
        return Err(Refusal::not_allowed(message));
    }
    if scope.repository.merge_state(number)? == MergeState::Dirty {
        return Err(Refusal::not_allowed("Pull Request is not mergeable"));
    }
    obey(scope, number, method)?;
    let order = MergeOrder {
        method,
        title: body.text("commit_title")?.map(str::to_owned),
        message: body.text("commit_message")?.map(str::to_owned),
        by: scope.call.caller.login.clone(),
    };
    let merged = scope.repository.merge(number, &order, scope.call.now)?;
    scope.pull_event(number, "closed", json!({}));
    Ok(Answer::ok(json!({
        "sha": merged.to_string(),
        "merged": true,
        "message": "Pull Request successfully merged",
    })))
}

/// The rules of the base branch, which administrators may set aside where they are not enforced on them.
fn obey(scope: &Scope<'_>, number: u64, method: MergeMethod) -> Result<(), Refusal> {
    let Some(pull) = scope.repository.pulls.get(&number) else { return Err(Refusal::not_found()) };
    let Some(rules) = scope.repository.protections.get(&pull.base_branch) else { return Ok(()) };
    if scope.call.caller.administers() && !rules.enforce_admins {
        return Ok(());
    }
    let refuse = |message: String| Err(Refusal::not_allowed(message).documented_at(protection::ABOUT));
    let mut unmet = scope.repository.unmet(pull);
    if rules.strict && scope.repository.merge_state(number)? == MergeState::Behind {
        unmet.push("Head branch is out of date with the base branch.".to_owned());
    }
    if rules.required_linear_history && method == MergeMethod::Merge {
        unmet.push("Merge commits are not allowed on this branch.".to_owned());
    }
    if unmet.is_empty() { Ok(()) } else { refuse(unmet.join(" ")) }
}

fn update_branch(scope: &mut Scope<'_>) -> Handled {
    let number = number(scope)?;
    let Some(pull) = scope.repository.pulls.get(&number) else { return Err(Refusal::not_found()) };
    if !pull.is_open() {
        return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "Pull request is closed"));
    }
    let expected = scope.call.body.text("expected_head_sha")?;
    if expected.is_some_and(|sha| sha != pull.head.to_string()) {
        let message = "expected head sha didn’t match current head ref.";
        return Err(Refusal::unprocessable(message));
    }
    scope.repository.update_head(number, &scope.call.caller.login, scope.call.now)?;
    let url = format!("{}/pulls/{number}", scope.call.urls.repository(&scope.repository.full_name()));
    Ok(Answer::accepted(json!({"message": "Updating pull request branch.", "url": url})))
}
