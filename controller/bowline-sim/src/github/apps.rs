//! GitHub Apps: who they are, where they are installed, and the tokens that they get there.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::call::Call;
use super::caller::{Caller, CallerKind, Token};
use super::hub::Hub;
use super::jwt::PublicKey;
use super::numbers::{id_of_name, node_id, stamp};
use super::permission::Permissions;
use super::render;
use super::reply::{Answer, Handled, Refusal};
use super::route::Route;
use crate::clock::later;

pub(super) const ROUTES: &[Route] = &[
    Route::on_hub("GET", "/app", "apps/apps#get-the-authenticated-app", get_app),
    Route::on_hub(
        "GET",
        "/app/installations",
        "apps/apps#list-installations-for-the-authenticated-app",
        list,
    ),
    Route::on_hub(
        "GET",
        "/app/installations/{installation_id}",
        "apps/apps#get-an-installation-for-the-authenticated-app",
        get_installation,
    ),
    Route::on_hub(
        "GET",
        "/repos/{owner}/{repo}/installation",
        "apps/apps#get-a-repository-installation-for-the-authenticated-app",
        of_repository,
    ),
    Route::on_hub(
        "POST",
        "/app/installations/{installation_id}/access_tokens",
        "apps/apps#create-an-installation-access-token-for-an-app",
        create_token,
    ),
    Route::on_hub(
        "GET",
        "/rate_limit",
        "rate-limit/rate-limit#get-rate-limit-status-for-the-authenticated-user",
        |hub, call| Ok(Answer::ok(hub.limits.overview(&call.caller.limited_as(), call.now))),
    ),
];

/// A GitHub App.
#[derive(Debug, Clone)]
pub(super) struct App {
    pub(super) id: u64,
    pub(super) slug: String,
    pub(super) owner: String,
    pub(super) key: PublicKey,
    pub(super) permissions: Permissions,
    pub(super) created: Timestamp,
}

/// An app that somebody let in.
#[derive(Debug, Clone)]
pub(super) struct Installation {
    pub(super) id: u64,
    pub(super) app: u64,
    pub(super) account: String,
    /// Ids.
    pub(super) repositories: BTreeSet<u64>,
    pub(super) created: Timestamp,
}

/// How long an installation's token is good for.
const LIFETIME: Duration = Duration::from_hours(1);

impl App {
    /// The app itself, with its JWT.
    pub(super) fn caller(&self) -> Caller {
        Caller {
            login: format!("{}[bot]", self.slug),
            kind: CallerKind::App { app: self.id },
            permissions: Permissions::default(),
            repositories: None,
        }
    }
}

fn own_app<'a>(hub: &'a Hub, call: &Call) -> Result<&'a App, Refusal> {
    let CallerKind::App { app } = call.caller.kind else {
        return Err(Refusal::new(http::StatusCode::UNAUTHORIZED, "A JSON web token could not be decoded"));
    };
    hub.apps.get(&app).ok_or_else(|| Refusal::new(http::StatusCode::NOT_FOUND, "Integration not found"))
}

fn get_app(hub: &mut Hub, call: &Call) -> Handled {
    let app = own_app(hub, call)?;
    let count = hub.installations.values().filter(|installation| installation.app == app.id).count();
    let web = format!("{}/apps/{}", call.urls.web, app.slug);
    Ok(Answer::ok(json!({
        "id": app.id,
        "slug": app.slug,
        "node_id": node_id("A", &app.id.to_string()),
        "owner": render::user(&call.urls, &app.owner),
        "name": app.slug,
        "description": null,
        "external_url": web,
        "html_url": web,
        "created_at": stamp(app.created),
        "updated_at": stamp(app.created),
        "permissions": app.permissions.render(),
        "events": ["pull_request", "push"],
        "installations_count": count,
    })))
}

fn list(hub: &mut Hub, call: &Call) -> Handled {
    let app = own_app(hub, call)?;
    let own: Vec<&Installation> =
        hub.installations.values().filter(|installation| installation.app == app.id).collect();
    Ok(call.page(own, |installation| show(call, app, installation)))
}

fn show(call: &Call, app: &App, installation: &Installation) -> Value {
    let api = format!("{}/app/installations/{}", call.urls.api, installation.id);
    json!({
        "id": installation.id,
        "account": render::user(&call.urls, &installation.account),
        "repository_selection": "selected",
        "access_tokens_url": format!("{api}/access_tokens"),
        "repositories_url": format!("{}/installation/repositories", call.urls.api),
        "html_url": format!("{}/settings/installations/{}", call.urls.web, installation.id),
        "app_id": app.id,
        "app_slug": app.slug,
        "target_id": id_of_name(&installation.account),
        "target_type": "User",
        "permissions": app.permissions.render(),
        "events": ["pull_request", "push"],
        "created_at": stamp(installation.created),
        "updated_at": stamp(installation.created),
        "single_file_name": null,
        "has_multiple_single_files": false,
        "single_file_paths": [],
        "suspended_by": null,
        "suspended_at": null,
    })
}

fn installation<'a>(hub: &'a Hub, call: &Call, app: u64) -> Result<&'a Installation, Refusal> {
    let found = hub.installations.get(&call.number("installation_id")?);
    found.filter(|installation| installation.app == app).ok_or_else(Refusal::not_found)
}

fn get_installation(hub: &mut Hub, call: &Call) -> Handled {
    let app = own_app(hub, call)?;
    Ok(Answer::ok(show(call, app, installation(hub, call, app.id)?)))
}

fn of_repository(hub: &mut Hub, call: &Call) -> Handled {
    let app = own_app(hub, call)?;
    let (owner, name) = (call.parameter("owner"), call.parameter("repo"));
    let repository = hub.repositories.iter().find(|repository| repository.is_called(owner, name));
    let found = repository.and_then(|repository| {
        hub.installations
            .values()
            .find(|known| known.app == app.id && known.repositories.contains(&repository.id))
    });
    Ok(Answer::ok(show(call, app, found.ok_or_else(Refusal::not_found)?)))
}

fn create_token(hub: &mut Hub, call: &Call) -> Handled {
    let app = own_app(hub, call)?;
    let installation = installation(hub, call, app.id)?.clone();
    let Some(permissions) = app.permissions.narrowed(call.body.get("permissions").unwrap_or(&Value::Null))
    else {
        let message = "The permissions requested are not granted to this installation.";
        return Err(Refusal::unprocessable(message));
    };
    let wanted = call.body.texts("repositories")?;
    let chosen = hub.repositories.iter().filter(|repository| {
        installation.repositories.contains(&repository.id)
            && wanted.iter().any(|name| name.eq_ignore_ascii_case(&repository.name))
    });
    let chosen: BTreeSet<u64> = chosen.map(|repository| repository.id).collect();
    if chosen.len() < wanted.len() {
        let message = "There is at least one repository that does not exist or is not accessible to the parent installation.";
        return Err(Refusal::unprocessable(message));
    }
    let repositories = if wanted.is_empty() { installation.repositories.clone() } else { chosen };
    let expires = later(call.now, LIFETIME);
    let shown: Vec<Value> = hub
        .repositories
        .iter()
        .filter(|repository| !wanted.is_empty() && repositories.contains(&repository.id))
        .map(|repository| render::repository(&call.urls, repository))
        .collect();
    let caller = Caller {
        login: format!("{}[bot]", app.slug),
        kind: CallerKind::Installation { app: app.id, installation: installation.id },
        permissions: permissions.clone(),
        repositories: Some(repositories),
    };
    let token = hub.hand_out("ghs", Token { caller, expires: Some(expires) });
    let mut body = json!({
        "token": token,
        "expires_at": stamp(expires),
        "permissions": permissions.render(),
        "repository_selection": "selected",
    });
    if !shown.is_empty() {
        body["repositories"] = shown.into();
    }
    Ok(Answer::created(body))
}
