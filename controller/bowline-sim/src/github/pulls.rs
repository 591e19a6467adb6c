//! `pulls`: opening, finding, changing and closing pull requests.

use http::StatusCode;
use serde_json::{Value, json};

use super::call::Scope;
use super::changes::Changes;
use super::comments::LONGEST;
use super::commits;
use super::permission::{READ_PULLS, WRITE_PULLS};
use super::pull::{PullRequest, PullState};
use super::pull_render;
pub(super) use super::pull_render::simple;
use super::reply::{Answer, Handled, Refusal};
use super::route::Route;

pub(super) const ROUTES: &[Route] = &[
    Route::get("/repos/{owner}/{repo}/pulls", READ_PULLS, "pulls/pulls#list-pull-requests", list),
    Route::post("/repos/{owner}/{repo}/pulls", WRITE_PULLS, "pulls/pulls#create-a-pull-request", create),
    Route::get(
        "/repos/{owner}/{repo}/pulls/{pull_number}",
        READ_PULLS,
        "pulls/pulls#get-a-pull-request",
        get,
    ),
    Route::patch(
        "/repos/{owner}/{repo}/pulls/{pull_number}",
        WRITE_PULLS,
        "pulls/pulls#update-a-pull-request",
        update,
    ),
    Route::get(
        "/repos/{owner}/{repo}/pulls/{pull_number}/files",
        READ_PULLS,
        "pulls/pulls#list-pull-requests-files",
        files,
    ),
    Route::get(
        "/repos/{owner}/{repo}/pulls/{pull_number}/commits",
        READ_PULLS,
        "pulls/pulls#list-commits-on-a-pull-request",
        list_commits,
    ),
];

/// The number in the path, when there is such a pull request.
pub(super) fn number(scope: &Scope<'_>) -> Result<u64, Refusal> {
    let number = scope.call.number("pull_number")?;
    scope.repository.pulls.contains_key(&number).then_some(number).ok_or_else(Refusal::not_found)
}

fn list(scope: &mut Scope<'_>) -> Handled {
    let call = scope.call;
    let state = call.asked("state").unwrap_or("open");
    let repository = &*scope.repository;
    // GitHub ignores a `head` without an owner, and then lists everything.
    let head = call.asked("head").and_then(|head| head.split_once(':'));
    let mut found: Vec<&PullRequest> = repository
        .pulls
        .values()
        .filter(|pull| state == "all" || (state == "open") == pull.is_open())
        .filter(|pull| {
            head.is_none_or(|(owner, branch)| {
                owner.eq_ignore_ascii_case(&repository.owner) && branch == pull.head_branch
            })
        })
        .filter(|pull| call.asked("base").is_none_or(|base| base == pull.base_branch))
        .collect();
    if call.asked("sort") == Some("updated") {
        found.sort_by_key(|pull| (pull.updated, pull.number));
    }
    // Newest first, but ascending where another order was asked for: GitHub's own defaults.
    let descending = if call.asked("sort").is_none_or(|sort| sort == "created") { "desc" } else { "asc" };
    if call.asked("direction").unwrap_or(descending) == "desc" {
        found.reverse();
    }
    Ok(call.page(found, |pull| simple(&call.urls, repository, pull.number)))
}

fn create(scope: &mut Scope<'_>) -> Handled {
    let body = &scope.call.body;
    let (head, base) = (body.required("head")?, body.required("base")?);
    let title = body.required("title")?;
    if title.trim().is_empty() {
        return Err(Refusal::invalid("PullRequest", "title", "missing_field"));
    }
    let text = body.text("body")?;
    check_length(text)?;
    let (owner, branch) = head.split_once(':').unwrap_or((scope.repository.owner.as_str(), head));
    let own = owner.eq_ignore_ascii_case(&scope.repository.owner);
    let git = &scope.repository.git;
    let head_id = git.branch(branch).filter(|_| own);
    let head_id = head_id.ok_or_else(|| Refusal::invalid("PullRequest", "head", "invalid"))?;
    let base_id = git.branch(base).ok_or_else(|| Refusal::invalid("PullRequest", "base", "invalid"))?;
    let double = scope
        .repository
        .pulls
        .values()
        .any(|pull| pull.is_open() && pull.head_branch == branch && pull.base_branch == base);
    if double {
        let message = format!("A pull request already exists for {}:{branch}.", scope.repository.owner);
        return Err(Refusal::custom("PullRequest", message));
    }
    if git.is_ancestor(head_id, base_id) {
        let message = format!("No commits between {base} and {branch}");
        return Err(Refusal::custom("PullRequest", message));
    }
    let number = scope.repository.pulls.keys().next_back().map_or(1, |last| last + 1);
    let pull = PullRequest {
        id: scope.numbers.next(),
        number,
        title: title.to_owned(),
        body: text.map(str::to_owned),
        author: scope.call.caller.login.clone(),
        draft: body.flag("draft", false)?,
        fork: None,
        head_branch: branch.to_owned(),
        head: head_id,
        base_branch: base.to_owned(),
        base: base_id,
        state: PullState::Open,
        created: scope.call.now,
        updated: scope.call.now,
        labels: Vec::new(),
        reviewers: Vec::new(),
        team_reviewers: Vec::new(),
        reviews: Vec::new(),
        auto_merge: None,
        computed: None,
    };
    git.set_ref(&format!("refs/pull/{number}/head"), head_id)?;
    scope.repository.pulls.insert(number, pull);
    scope.pull_event(number, "opened", json!({}));
    let state = scope.repository.look(number)?;
    Ok(Answer::created(pull_render::full(&scope.call.urls, scope.repository, number, state)?))
}

fn check_length(body: Option<&str>) -> Result<(), Refusal> {
    if body.is_some_and(|text| text.chars().count() > LONGEST) {
        return Err(Refusal::custom("PullRequest", "body is too long (maximum is 65536 characters)"));
    }
    Ok(())
}

fn get(scope: &mut Scope<'_>) -> Handled {
    let number = number(scope)?;
    let state = scope.repository.look(number)?;
    Ok(Answer::ok(pull_render::full(&scope.call.urls, scope.repository, number, state)?))
}

fn update(scope: &mut Scope<'_>) -> Handled {
    let number = number(scope)?;
    let body = &scope.call.body;
    let Some(mut pull) = scope.repository.pulls.get(&number).cloned() else {
        return Err(Refusal::not_found());
    };
    check_length(body.text("body")?)?;
    if let Some(title) = body.text("title")? {
        title.clone_into(&mut pull.title);
    }
    if let Some(text) = body.text("body")? {
        pull.body = Some(text.to_owned());
    }
    if let Some(base) = body.text("base")? {
        let id = scope.repository.git.branch(base);
        pull.base = id.ok_or_else(|| Refusal::invalid("PullRequest", "base", "invalid"))?;
        base.clone_into(&mut pull.base_branch);
    }
    let mut action = "edited";
    match (body.text("state")?, &pull.state) {
        (None, _)
        | (Some("open"), PullState::Open)
        | (Some("closed"), PullState::Closed { .. } | PullState::Merged { .. }) => {}
        (Some("closed"), PullState::Open) => {
            pull.state = PullState::Closed { at: scope.call.now };
            pull.auto_merge = None;
            action = "closed";
        }
        (Some("open"), PullState::Closed { .. }) => {
            let head = scope.repository.git.branch(&pull.head_branch);
            let Some(head) = head else {
                let message =
                    format!("state cannot be changed. The {} branch has been deleted.", pull.head_branch);
                return Err(Refusal::custom("PullRequest", message));
            };
            (pull.head, pull.state, action) = (head, PullState::Open, "reopened");
        }
        (Some("open"), PullState::Merged { .. }) => {
            let message = "state cannot be changed. The pull request cannot be reopened.";
            return Err(Refusal::custom("PullRequest", message));
        }
        (Some(_), _) => return Err(Refusal::invalid("PullRequest", "state", "invalid")),
    }
    pull.updated = scope.call.now;
    scope.repository.pulls.insert(number, pull);
    scope.pull_event(number, action, json!({}));
    get(scope)
}

fn files(scope: &mut Scope<'_>) -> Handled {
    let number = number(scope)?;
    let repository = &*scope.repository;
    let Some(pull) = repository.pulls.get(&number) else { return Err(Refusal::not_found()) };
    let from = repository.git.store.merge_base(pull.base, pull.head)?;
    let changes = Changes::between(&repository.git, Some(from), pull.head)?;
    let Value::Array(files) = changes.render(&scope.call.urls, &repository.full_name(), pull.head) else {
        return Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "Server Error"));
    };
    Ok(scope.call.page(files, |file| file))
}

fn list_commits(scope: &mut Scope<'_>) -> Handled {
    let number = number(scope)?;
    let repository = &*scope.repository;
    let Some(pull) = repository.pulls.get(&number) else { return Err(Refusal::not_found()) };
    let own = repository.git.between(Some(pull.base), pull.head)?;
    Ok(scope.call.page(own, |id| commits::commit(&scope.call.urls, repository, id).unwrap_or_default()))
}
