//! The control API of the simulated GitHub, for tests that are not written in Rust. What is not here is the simulator's own:
//! `/_sim/calls`, `/_sim/faults`, `/_sim/advance`.
//!
//! All are POSTs to `/_sim/github/...`: `repositories` (`{"repository": "acme/infra", "settings": {...}}`) · `settings` ·
//! `rename` (`{"repository", "name"}`) · `protection` (`{"repository", "branch", "rules": {...} or null}`) · `tokens`
//! (`{"login", "permissions": {"contents": "write"}, "repositories": [...]}`) · `revoke` and `exhaust` (`{"token"}`) · `apps` ·
//! `installations` (`{"app", "account", "repositories"}`) · `webhooks` (`{"repository", "webhook": {"url", "secret",
//! "events"}}`) · `deliveries` (`{"repository"}`) · `redeliver` (`{"guid"}`) · `notice` (after a push past the simulator) ·
//! `operations` (all that are simulated)

use bytes::Bytes;
use http::{Response, StatusCode, request::Parts};
use serde::Deserialize;
use serde_json::{Value, json};

use super::config::{GitHubApp, SetUpError};
use super::hub::respond;
use super::permission::Permissions;
use super::protection::Protection;
use super::reply::Answer;
use super::repository::RepositorySettings;
use super::route;
use super::server::Server;
use super::webhook::Webhook;

#[derive(Deserialize)]
#[serde(tag = "set", rename_all = "lowercase", deny_unknown_fields)]
enum Order {
    Repositories {
        repository: String,
        #[serde(default)]
        settings: RepositorySettings,
    },
    Settings {
        repository: String,
        settings: RepositorySettings,
    },
    Rename {
        repository: String,
        name: String,
    },
    Protection {
        repository: String,
        branch: String,
        rules: Option<Protection>,
    },
    Tokens {
        login: String,
        permissions: Permissions,
        repositories: Option<Vec<String>>,
    },
    Revoke {
        token: String,
    },
    Exhaust {
        token: String,
    },
    Apps(GitHubApp),
    Installations {
        app: u64,
        account: String,
        repositories: Vec<String>,
    },
    Webhooks {
        repository: String,
        webhook: Webhook,
    },
    Deliveries {
        repository: String,
    },
    Redeliver {
        guid: String,
    },
    Notice {},
    Operations {},
}

/// Answers a request to `/_sim/`.
pub(super) fn answer(server: &Server, parts: &Parts, body: &[u8]) -> Response<Bytes> {
    let Some(what) = parts.uri.path().strip_prefix("/_sim/github/") else {
        return crate::control::answer(&server.shared, parts, body);
    };
    let (status, body) = match order(parts.method.as_str(), what, body) {
        Err(message) => (StatusCode::BAD_REQUEST, json!({"error": message})),
        Ok(order) => match carry_out(server, order) {
            Ok(body) => (StatusCode::OK, body),
            Err(error) => (StatusCode::UNPROCESSABLE_ENTITY, json!({"error": error.to_string()})),
        },
    };
    respond(Ok(Answer { status, body: Some(body), headers: Vec::new() }), None)
}

fn order(method: &str, what: &str, body: &[u8]) -> Result<Order, String> {
    if method != "POST" {
        return Err(format!("{method} is not POST"));
    }
    let body = if body.is_empty() { b"{}" } else { body };
    let mut fields: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    if !fields.is_object() {
        return Err("the body is not a JSON object".to_owned());
    }
    fields["set"] = what.into();
    serde_json::from_value(fields).map_err(|error| error.to_string())
}

fn carry_out(server: &Server, order: Order) -> Result<Value, SetUpError> {
    let done = json!({});
    Ok(match order {
        Order::Repositories { repository, settings } => {
            json!({"path": server.create_repository(&repository, settings)?})
        }
        Order::Settings { repository, settings } => {
            server.hub().known(&repository)?.settings = settings;
            done
        }
        Order::Rename { repository, name } => {
            server.rename(&repository, &name)?;
            done
        }
        Order::Protection { repository, branch, rules } => {
            server.protect(&repository, &branch, rules)?;
            done
        }
        Order::Tokens { login, permissions, repositories } => {
            json!({"token": server.hub().create_token(&login, permissions, repositories.as_deref())?})
        }
        Order::Revoke { token } => {
            server.hub().revoke(&token);
            done
        }
        Order::Exhaust { token } => {
            let now = server.now();
            server.hub().leave(&token, 0, now)?;
            done
        }
        Order::Apps(app) => {
            let now = server.now();
            server.hub().register(app, now)?;
            done
        }
        Order::Installations { app, account, repositories } => {
            let now = server.now();
            json!({"id": server.hub().install(app, &account, &repositories, now)?})
        }
        Order::Webhooks { repository, webhook } => json!({"id": server.add_webhook(&repository, webhook)?}),
        Order::Deliveries { repository } => json!({"deliveries": server.deliveries(&repository)?}),
        Order::Redeliver { guid } => {
            server.redeliver(&guid)?;
            done
        }
        Order::Operations {} => json!({"operations": route::names()}),
        Order::Notice {} => {
            server.settle(None);
            done
        }
    })
}
