//! `repos`: the repository itself, and what is known of it from the outside.

use serde_json::Value;

use super::call::{Call, Scope};
use super::hub::Hub;
use super::permission::{METADATA, WRITE_ADMINISTRATION};
use super::render;
use super::reply::{Answer, Handled, Refusal};
use super::route::Route;

pub(super) const ROUTES: &[Route] = &[
    Route::get("/repos/{owner}/{repo}", METADATA, "repos/repos#get-a-repository", get),
    Route::patch("/repos/{owner}/{repo}", WRITE_ADMINISTRATION, "repos/repos#update-a-repository", update),
    Route::on_hub(
        "GET",
        "/installation/repositories",
        "apps/installations#list-repositories-accessible-to-the-app-installation",
        of_installation,
    ),
    Route::on_hub("GET", "/user", "users/users#get-the-authenticated-user", me),
];

fn get(scope: &mut Scope<'_>) -> Handled {
    let mut body = render::repository(&scope.call.urls, scope.repository);
    let caller = &scope.call.caller;
    let writes = caller.allowed(super::permission::WRITE_CONTENTS);
    body["permissions"] = serde_json::json!({
        "admin": caller.administers(), "maintain": caller.administers(), "push": writes, "triage": writes, "pull": true,
    });
    Ok(Answer::ok(body))
}

fn update(scope: &mut Scope<'_>) -> Handled {
    let body = &scope.call.body;
    let mut settings = scope.repository.settings.clone();
    settings.allow_merge_commit = body.flag("allow_merge_commit", settings.allow_merge_commit)?;
    settings.allow_squash_merge = body.flag("allow_squash_merge", settings.allow_squash_merge)?;
    settings.allow_rebase_merge = body.flag("allow_rebase_merge", settings.allow_rebase_merge)?;
    settings.allow_auto_merge = body.flag("allow_auto_merge", settings.allow_auto_merge)?;
    settings.delete_branch_on_merge = body.flag("delete_branch_on_merge", settings.delete_branch_on_merge)?;
    if !(settings.allow_merge_commit || settings.allow_squash_merge || settings.allow_rebase_merge) {
        return Err(Refusal::custom("Repository", "Sorry, you need to allow at least one merge strategy."));
    }
    if let Some(name) = body.text("name")? {
        scope.repository.rename(name);
    }
    scope.repository.settings = settings;
    get(scope)
}

fn of_installation(hub: &mut Hub, call: &Call) -> Handled {
    if call.caller.installation().is_none() {
        let message = "You must authenticate with an installation access token in order to list repositories for an installation.";
        return Err(Refusal::new(http::StatusCode::FORBIDDEN, message));
    }
    let all = hub.repositories.iter().filter(|repository| call.caller.sees(repository.id));
    let all: Vec<_> = all.collect();
    let total = all.len();
    let (shown, link) = call.cut(all);
    let repositories: Vec<Value> =
        shown.into_iter().map(|repository| render::repository(&call.urls, repository)).collect();
    let mut answer = Answer::ok(serde_json::json!({"total_count": total, "repositories": repositories}));
    answer.headers.extend(link.map(|link| ("link", link)));
    Ok(answer)
}

fn me(_: &mut Hub, call: &Call) -> Handled {
    if call.caller.app().is_some() {
        return Err(super::permission::refuse(super::permission::NOTHING, true));
    }
    let mut body = render::user(&call.urls, &call.caller.login);
    let more = serde_json::json!({
        "name": null, "company": null, "blog": null, "location": null, "email": null, "hireable": null, "bio": null,
        "public_repos": 0, "public_gists": 0, "followers": 0, "following": 0,
        "created_at": "2020-01-01T00:00:00Z", "updated_at": "2020-01-01T00:00:00Z",
    });
    if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
        body.extend(more);
    }
    Ok(Answer::ok(body))
}
