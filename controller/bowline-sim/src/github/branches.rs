//! `branches`: where each is, and whether it is protected.

use git2::Oid;
use http::StatusCode;
use serde_json::{Value, json};

use super::call::Scope;
use super::commits::commit;
use super::permission::READ_CONTENTS;
use super::reply::{Answer, Handled, Refusal};
use super::route::Route;

pub(super) const ROUTES: &[Route] = &[
    Route::get("/repos/{owner}/{repo}/branches", READ_CONTENTS, "branches/branches#list-branches", list),
    Route::get(
        "/repos/{owner}/{repo}/branches/{branch}",
        READ_CONTENTS,
        "branches/branches#get-a-branch",
        get,
    ),
];

fn list(scope: &mut Scope<'_>) -> Handled {
    let all = scope.repository.git.refs();
    let branches: Vec<(String, Oid)> = all
        .into_iter()
        .filter_map(|(name, id)| Some((name.strip_prefix("refs/heads/")?.to_owned(), id)))
        .collect();
    let full_name = scope.repository.full_name();
    Ok(scope.call.page(branches, |(name, id)| {
        let (protected, protection) = protection(scope, &name);
        json!({
            "name": name,
            "commit": {"sha": id.to_string(), "url": scope.call.urls.commit(&full_name, id)},
            "protected": protected,
            "protection": protection,
            "protection_url": protection_url(scope, &name),
        })
    }))
}

fn get(scope: &mut Scope<'_>) -> Handled {
    let name = scope.call.parameter("branch");
    let Some(id) = scope.repository.git.branch(name) else {
        return Err(Refusal::new(StatusCode::NOT_FOUND, "Branch not found"));
    };
    let full_name = scope.repository.full_name();
    let urls = &scope.call.urls;
    let (protected, protection) = protection(scope, name);
    Ok(Answer::ok(json!({
        "name": name,
        "commit": commit(urls, scope.repository, id)?,
        "_links": {
            "self": format!("{}/branches/{name}", urls.repository(&full_name)),
            "html": format!("{}/{full_name}/tree/{name}", urls.web),
        },
        "protected": protected,
        "protection": protection,
        "protection_url": protection_url(scope, name),
    })))
}

fn protection_url(scope: &Scope<'_>, branch: &str) -> String {
    let repository = scope.call.urls.repository(&scope.repository.full_name());
    format!("{repository}/branches/{branch}/protection")
}

/// What everybody may know of a branch's rules: whether there are some, and which checks they ask for.
fn protection(scope: &Scope<'_>, branch: &str) -> (bool, Value) {
    let Some(rules) = scope.repository.protections.get(branch) else {
        let none = json!({"enforcement_level": "off", "contexts": [], "checks": []});
        return (false, json!({"enabled": false, "required_status_checks": none}));
    };
    let checks: Vec<Value> =
        rules.required_checks.iter().map(|name| json!({"context": name, "app_id": null})).collect();
    let level = if rules.enforce_admins { "everyone" } else { "non_admins" };
    let checks = json!({"enforcement_level": level, "contexts": rules.required_checks, "checks": checks});
    (true, json!({"enabled": true, "required_status_checks": checks}))
}
