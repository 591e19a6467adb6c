//! `git/refs`: branches and tags by their full names.

use git2::Oid;
use http::StatusCode;
use serde_json::{Value, json};

use super::call::Scope;
use super::numbers::node_id;
use super::permission::{READ_CONTENTS, WRITE_CONTENTS};
use super::protection;
use super::reply::{Answer, Handled, Refusal};
use super::route::Route;

pub(super) const ROUTES: &[Route] = &[
    Route::get("/repos/{owner}/{repo}/git/ref/{ref}", READ_CONTENTS, "git/refs#get-a-reference", get),
    Route::get(
        "/repos/{owner}/{repo}/git/matching-refs/{ref}",
        READ_CONTENTS,
        "git/refs#list-matching-references",
        list,
    ),
    Route::post("/repos/{owner}/{repo}/git/refs", WRITE_CONTENTS, "git/refs#create-a-reference", create),
    Route::patch(
        "/repos/{owner}/{repo}/git/refs/{ref}",
        WRITE_CONTENTS,
        "git/refs#update-a-reference",
        update,
    ),
    Route::delete(
        "/repos/{owner}/{repo}/git/refs/{ref}",
        WRITE_CONTENTS,
        "git/refs#delete-a-reference",
        delete,
    ),
];

fn render(scope: &Scope<'_>, name: &str, id: Oid) -> Value {
    let url = scope.call.urls.repository(&scope.repository.full_name());
    let kind = scope.repository.git.store.find_object(id, None).ok().and_then(|object| object.kind());
    let kind = kind.map_or("commit", |kind| kind.str());
    json!({
        "ref": name,
        "node_id": node_id("REF", &format!("{}:{name}", scope.repository.id)),
        "url": format!("{url}/git/{name}"),
        "object": {"sha": id.to_string(), "type": kind, "url": format!("{url}/git/{kind}s/{id}")},
    })
}

fn asked(scope: &Scope<'_>) -> (String, Option<Oid>) {
    let name = format!("refs/{}", scope.call.parameter("ref"));
    let id = scope.repository.git.store.refname_to_id(&name).ok();
    (name, id)
}

fn get(scope: &mut Scope<'_>) -> Handled {
    let (name, id) = asked(scope);
    id.map(|id| Answer::ok(render(scope, &name, id))).ok_or_else(Refusal::not_found)
}

fn list(scope: &mut Scope<'_>) -> Handled {
    let prefix = format!("refs/{}", scope.call.parameter("ref"));
    let found: Vec<(String, Oid)> =
        scope.repository.git.refs().into_iter().filter(|(name, _)| name.starts_with(&prefix)).collect();
    Ok(scope.call.page(found, |(name, id)| render(scope, &name, id)))
}

fn create(scope: &mut Scope<'_>) -> Handled {
    let name = scope.call.body.required("ref")?.to_owned();
    let id = scope.call.body.oid("sha")?;
    if !name.starts_with("refs/") || name.matches('/').count() < 2 {
        return Err(Refusal::unprocessable(
            "Reference name must start with 'refs/' and have at least two slashes.",
        ));
    }
    if !git2::Reference::is_valid_name(&name) {
        return Err(Refusal::unprocessable(format!("{name} is not a valid ref name.")));
    }
    if scope.repository.git.store.refname_to_id(&name).is_ok() {
        return Err(Refusal::unprocessable("Reference already exists"));
    }
    exists(scope, id)?;
    scope.repository.git.set_ref(&name, id).map_err(|_| {
        // A branch `a` and a branch `a/b` cannot both exist.
        Refusal::unprocessable("Reference update failed")
    })?;
    Ok(Answer::created(render(scope, &name, id)))
}

fn exists(scope: &Scope<'_>, id: Oid) -> Result<(), Refusal> {
    let found = scope.repository.git.store.find_commit(id);
    found.map(|_| ()).map_err(|_| Refusal::unprocessable("Object does not exist"))
}

fn update(scope: &mut Scope<'_>) -> Handled {
    let id = scope.call.body.oid("sha")?;
    let force = scope.call.body.flag("force", false)?;
    let (name, Some(old)) = asked(scope) else {
        return Err(Refusal::unprocessable("Reference does not exist"));
    };
    exists(scope, id)?;
    let forward = scope.repository.git.is_ancestor(old, id);
    if !forward && !force {
        return Err(Refusal::unprocessable("Update is not a fast forward"));
    }
    guard(scope, &name, Some(id))?;
    let branch = name.strip_prefix("refs/heads/").unwrap_or_default();
    if !forward && scope.repository.forward_only(&scope.call.caller, branch) {
        let refusal = Refusal::unprocessable("Cannot force-push to this branch");
        return Err(refusal.documented_at(protection::ABOUT));
    }
    scope.repository.git.set_ref(&name, id)?;
    Ok(Answer::ok(render(scope, &name, id)))
}

fn delete(scope: &mut Scope<'_>) -> Handled {
    let (name, Some(_)) = asked(scope) else {
        return Err(Refusal::unprocessable("Reference does not exist"));
    };
    if name == format!("refs/heads/{}", scope.repository.settings.default_branch) {
        return Err(Refusal::unprocessable("Cannot delete the default branch"));
    }
    guard(scope, &name, None)?;
    scope.repository.git.delete_ref(&name)?;
    Ok(Answer::no_content())
}

/// Protected branches hold here as they do for a push.
fn guard(scope: &Scope<'_>, name: &str, to: Option<Oid>) -> Result<(), Refusal> {
    let Some(branch) = name.strip_prefix("refs/heads/") else { return Ok(()) };
    let refused = scope.repository.push_refused(&scope.call.caller, branch, to);
    refused.map_or(Ok(()), |reason| {
        Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, reason).documented_at(protection::ABOUT))
    })
}
