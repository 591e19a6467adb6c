//! `commits`: history, with what each commit changed.

use git2::{Commit, Oid};
use serde_json::{Value, json};

use super::call::Scope;
use super::changes::Changes;
use super::git::{Person, message};
use super::numbers::{node_id, stamp};
use super::permission::{READ_CONTENTS, READ_PULLS};
use super::reply::{Answer, Handled, Refusal};
use super::repository::Repository;
use super::route::Route;
use super::urls::Urls;
use super::{pulls, render};

pub(super) const ROUTES: &[Route] = &[
    Route::get("/repos/{owner}/{repo}/commits", READ_CONTENTS, "commits/commits#list-commits", list),
    Route::get("/repos/{owner}/{repo}/commits/{ref}", READ_CONTENTS, "commits/commits#get-a-commit", get),
    Route::get(
        "/repos/{owner}/{repo}/commits/{commit_sha}/pulls",
        READ_PULLS,
        "commits/commits#list-pull-requests-associated-with-a-commit",
        pulls_of,
    ),
];

/// The commit that `{ref}` names, or GitHub's 422 for one that names none.
pub(super) fn named(scope: &Scope<'_>) -> Result<Oid, Refusal> {
    let text = scope.call.parameter("ref");
    let found = scope.repository.git.resolve(text);
    found.ok_or_else(|| Refusal::unprocessable(format!("No commit found for SHA: {text}")))
}

fn list(scope: &mut Scope<'_>) -> Handled {
    let git = &scope.repository.git;
    let from = scope.call.asked("sha").unwrap_or(&scope.repository.settings.default_branch);
    let Some(tip) = git.resolve(from) else {
        if git.refs().is_empty() {
            return Err(Refusal::conflict("Git Repository is empty."));
        }
        return Err(Refusal::not_found());
    };
    let mut found = git.between(None, tip)?;
    found.reverse();
    if let Some(path) = scope.call.asked("path") {
        found.retain(|id| touches(scope.repository, *id, path).unwrap_or(false));
    }
    Ok(scope.call.page(found, |id| commit(&scope.call.urls, scope.repository, id).unwrap_or_default()))
}

/// Whether a commit changed what is at `path`, a file or a folder.
fn touches(repository: &Repository, id: Oid, path: &str) -> Result<bool, git2::Error> {
    let at = |commit: &Commit<'_>| -> Option<Oid> {
        commit.tree().ok()?.get_path(std::path::Path::new(path)).ok().map(|entry| entry.id())
    };
    let commit = repository.git.store.find_commit(id)?;
    let own = at(&commit);
    if commit.parent_count() == 0 {
        return Ok(own.is_some());
    }
    // A merge that took one side as it was changed nothing itself.
    Ok(commit.parents().all(|parent| at(&parent) != own))
}

fn get(scope: &mut Scope<'_>) -> Handled {
    let id = named(scope)?;
    let mut body = commit(&scope.call.urls, scope.repository, id)?;
    let parent = scope.repository.git.store.find_commit(id)?.parent_id(0).ok();
    let changes = Changes::between(&scope.repository.git, parent, id)?;
    body["stats"] = json!({
        "total": changes.additions() + changes.deletions(),
        "additions": changes.additions(),
        "deletions": changes.deletions(),
    });
    body["files"] = changes.render(&scope.call.urls, &scope.repository.full_name(), id);
    Ok(Answer::ok(body))
}

fn pulls_of(scope: &mut Scope<'_>) -> Handled {
    let id = scope.repository.git.resolve(scope.call.parameter("commit_sha"));
    let id = id.ok_or_else(|| {
        Refusal::unprocessable(format!("No commit found for SHA: {}", scope.call.parameter("commit_sha")))
    })?;
    let repository = &*scope.repository;
    let numbers: Vec<u64> = repository
        .pulls
        .values()
        .filter(|pull| {
            let merged = matches!(pull.state, super::pull::PullState::Merged { commit, .. } if commit == id);
            let own = repository.git.between(Some(pull.base), pull.head);
            merged || own.is_ok_and(|commits| commits.contains(&id))
        })
        .map(|pull| pull.number)
        .collect();
    Ok(scope.call.page(numbers, |number| pulls::simple(&scope.call.urls, repository, number)))
}

/// A commit as lists show it.
pub(super) fn commit(urls: &Urls, repository: &Repository, id: Oid) -> Result<Value, git2::Error> {
    let commit = repository.git.store.find_commit(id)?;
    let full_name = repository.full_name();
    let api = urls.repository(&full_name);
    let url = urls.commit(&full_name, id);
    let who = |person: &Person| json!({"name": person.name, "email": person.email, "date": stamp(person.at)});
    let (author, committer) = (Person::of(&commit.author()), Person::of(&commit.committer()));
    let parents: Vec<Value> = commit
        .parent_ids()
        .map(|parent| {
            json!({
                "sha": parent.to_string(),
                "url": urls.commit(&full_name, parent),
                "html_url": format!("{}/{full_name}/commit/{parent}", urls.web),
            })
        })
        .collect();
    let tree = commit.tree_id();
    Ok(json!({
        "sha": id.to_string(),
        "node_id": node_id("C", &id.to_string()),
        "url": url,
        "html_url": format!("{}/{full_name}/commit/{id}", urls.web),
        "comments_url": format!("{url}/comments"),
        "commit": {
            "author": who(&author),
            "committer": who(&committer),
            "message": message(&commit),
            "tree": {"sha": tree.to_string(), "url": format!("{api}/git/trees/{tree}")},
            "url": format!("{api}/git/commits/{id}"),
            "comment_count": 0,
            "verification": verification(repository, &commit),
        },
        "author": account(urls, &author),
        "committer": account(urls, &committer),
        "parents": parents,
    }))
}

/// The account of somebody who stands on a commit.
fn account(urls: &Urls, person: &Person) -> Value {
    if person.email == "noreply@github.com" {
        return render::user(urls, "web-flow");
    }
    person.login().map_or(Value::Null, |login| render::user(urls, login))
}

/// Whether a signature holds. The simulator knows no keys: a signature is one that nobody registered.
pub(super) fn verification(repository: &Repository, commit: &Commit<'_>) -> Value {
    match repository.git.store.extract_signature(&commit.id(), None) {
        Ok((signature, payload)) => json!({
            "verified": false,
            "reason": "unknown_key",
            "signature": String::from_utf8_lossy(&signature),
            "payload": String::from_utf8_lossy(&payload),
            "verified_at": null,
        }),
        Err(_) => json!({
            "verified": false, "reason": "unsigned", "signature": null, "payload": null, "verified_at": null,
        }),
    }
}
