//! Comments on pull requests, which are issue comments in GitHub's API.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::call::Scope;
use super::numbers::{node_id, stamp};
use super::permission::{READ_ISSUES, WRITE_ISSUES};
use super::render;
use super::reply::{Answer, Handled, Refusal};
use super::route::Route;

pub(super) const ROUTES: &[Route] = &[
    Route::get(
        "/repos/{owner}/{repo}/issues/{issue_number}/comments",
        READ_ISSUES,
        "issues/comments#list-issue-comments",
        list,
    ),
    Route::post(
        "/repos/{owner}/{repo}/issues/{issue_number}/comments",
        WRITE_ISSUES,
        "issues/comments#create-an-issue-comment",
        create,
    ),
    Route::get(
        "/repos/{owner}/{repo}/issues/comments/{comment_id}",
        READ_ISSUES,
        "issues/comments#get-an-issue-comment",
        get,
    ),
    Route::patch(
        "/repos/{owner}/{repo}/issues/comments/{comment_id}",
        WRITE_ISSUES,
        "issues/comments#update-an-issue-comment",
        update,
    ),
    Route::delete(
        "/repos/{owner}/{repo}/issues/comments/{comment_id}",
        WRITE_ISSUES,
        "issues/comments#delete-an-issue-comment",
        delete,
    ),
];

/// A comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Comment {
    id: u64,
    /// The pull request.
    pub(super) number: u64,
    author: String,
    body: String,
    created: Timestamp,
    updated: Timestamp,
}

/// GitHub's limit for the text of comments and of pull requests, in characters.
pub(super) const LONGEST: usize = 65_536;

fn text(scope: &Scope<'_>) -> Result<String, Refusal> {
    let text = scope.call.body.required("body")?;
    if text.trim().is_empty() {
        return Err(Refusal::invalid("IssueComment", "body", "missing_field"));
    }
    if text.chars().count() > LONGEST {
        return Err(Refusal::custom("IssueComment", "body is too long (maximum is 65536 characters)"));
    }
    Ok(text.to_owned())
}

fn list(scope: &mut Scope<'_>) -> Handled {
    let number = scope.call.number("issue_number")?;
    if !scope.repository.pulls.contains_key(&number) {
        return Err(Refusal::not_found());
    }
    let all = scope.repository.comments.values().filter(|comment| comment.number == number);
    let all: Vec<&Comment> = all.collect();
    Ok(scope.call.page(all, |comment| render(scope, comment)))
}

fn create(scope: &mut Scope<'_>) -> Handled {
    let number = scope.call.number("issue_number")?;
    if !scope.repository.pulls.contains_key(&number) {
        return Err(Refusal::not_found());
    }
    let comment = Comment {
        id: scope.numbers.next(),
        number,
        author: scope.call.caller.login.clone(),
        body: text(scope)?,
        created: scope.call.now,
        updated: scope.call.now,
    };
    let shown = render(scope, &comment);
    scope.repository.comments.insert(comment.id, comment);
    Ok(Answer::created(shown))
}

fn found(scope: &Scope<'_>) -> Result<Comment, Refusal> {
    let id = scope.call.number("comment_id")?;
    scope.repository.comments.get(&id).cloned().ok_or_else(Refusal::not_found)
}

fn get(scope: &mut Scope<'_>) -> Handled {
    Ok(Answer::ok(render(scope, &found(scope)?)))
}

fn update(scope: &mut Scope<'_>) -> Handled {
    let mut comment = found(scope)?;
    comment.body = text(scope)?;
    comment.updated = scope.call.now;
    let shown = render(scope, &comment);
    scope.repository.comments.insert(comment.id, comment);
    Ok(Answer::ok(shown))
}

fn delete(scope: &mut Scope<'_>) -> Handled {
    let comment = found(scope)?;
    scope.repository.comments.remove(&comment.id);
    Ok(Answer::no_content())
}

fn render(scope: &Scope<'_>, comment: &Comment) -> Value {
    let urls = &scope.call.urls;
    let full_name = scope.repository.full_name();
    let api = urls.repository(&full_name);
    let web = urls.pull(&full_name, comment.number);
    json!({
        "id": comment.id,
        "node_id": node_id("IC", &comment.id.to_string()),
        "url": format!("{api}/issues/comments/{}", comment.id),
        "html_url": format!("{web}#issuecomment-{}", comment.id),
        "issue_url": format!("{api}/issues/{}", comment.number),
        "user": render::user(urls, &comment.author),
        "body": comment.body,
        "author_association": "COLLABORATOR",
        "created_at": stamp(comment.created),
        "updated_at": stamp(comment.updated),
    })
}
