//! Labels of the repository, and on pull requests.

use serde_json::{Value, json};

use super::call::Scope;
use super::numbers::node_id;
use super::permission::{READ_ISSUES, WRITE_ISSUES};
use super::reply::{Answer, Handled, Refusal};
use super::repository::Repository;
use super::route::Route;
use super::urls::{Urls, encode};

pub(super) const ROUTES: &[Route] = &[
    Route::get(
        "/repos/{owner}/{repo}/labels",
        READ_ISSUES,
        "issues/labels#list-labels-for-a-repository",
        list,
    ),
    Route::post("/repos/{owner}/{repo}/labels", WRITE_ISSUES, "issues/labels#create-a-label", create),
    Route::get("/repos/{owner}/{repo}/labels/{name}", READ_ISSUES, "issues/labels#get-a-label", get),
    Route::get(
        "/repos/{owner}/{repo}/issues/{issue_number}/labels",
        READ_ISSUES,
        "issues/labels#list-labels-for-an-issue",
        of_pull,
    ),
    Route::post(
        "/repos/{owner}/{repo}/issues/{issue_number}/labels",
        WRITE_ISSUES,
        "issues/labels#add-labels-to-an-issue",
        add,
    ),
    Route::delete(
        "/repos/{owner}/{repo}/issues/{issue_number}/labels/{name}",
        WRITE_ISSUES,
        "issues/labels#remove-a-label-from-an-issue",
        remove,
    ),
];

/// A label. Its name is the key under which the repository has it, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Label {
    id: u64,
    pub(super) name: String,
    color: String,
    description: Option<String>,
}

/// GitHub's own grey, for labels that are made by putting them on something.
const GREY: &str = "ededed";

fn list(scope: &mut Scope<'_>) -> Handled {
    let all: Vec<&Label> = scope.repository.labels.values().collect();
    Ok(scope.call.page(all, |label| render(&scope.call.urls, scope.repository, label)))
}

fn create(scope: &mut Scope<'_>) -> Handled {
    let name = scope.call.body.required("name")?;
    if name.trim().is_empty() {
        return Err(Refusal::invalid("Label", "name", "missing_field"));
    }
    if scope.repository.labels.contains_key(&name.to_lowercase()) {
        return Err(Refusal::invalid("Label", "name", "already_exists"));
    }
    let color = scope.call.body.text("color")?.unwrap_or(GREY);
    if color.len() != 6 || !color.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Refusal::invalid("Label", "color", "invalid"));
    }
    let label = Label {
        id: scope.numbers.next(),
        name: name.to_owned(),
        color: color.to_owned(),
        description: scope.call.body.text("description")?.map(str::to_owned),
    };
    let shown = render(&scope.call.urls, scope.repository, &label);
    scope.repository.labels.insert(name.to_lowercase(), label);
    Ok(Answer::created(shown))
}

fn get(scope: &mut Scope<'_>) -> Handled {
    let label = scope.repository.labels.get(&scope.call.parameter("name").to_lowercase());
    let label = label.ok_or_else(Refusal::not_found)?;
    Ok(Answer::ok(render(&scope.call.urls, scope.repository, label)))
}

/// The labels of the pull request that the path names.
fn on(scope: &Scope<'_>) -> Handled {
    let pull = scope.repository.pulls.get(&scope.call.number("issue_number")?);
    let names = &pull.ok_or_else(Refusal::not_found)?.labels;
    let labels: Vec<&Label> =
        names.iter().filter_map(|name| scope.repository.labels.get(&name.to_lowercase())).collect();
    Ok(scope.call.page(labels, |label| render(&scope.call.urls, scope.repository, label)))
}

fn of_pull(scope: &mut Scope<'_>) -> Handled {
    on(scope)
}

fn add(scope: &mut Scope<'_>) -> Handled {
    let body = scope.call.body.value();
    let listed = body.get("labels").unwrap_or(body);
    let names: Option<Vec<String>> = listed.as_array().and_then(|items| {
        let name = |item: &Value| item.as_str().or_else(|| item.get("name")?.as_str()).map(str::to_owned);
        items.iter().map(name).collect()
    });
    let names = names.ok_or_else(|| Refusal::invalid("Label", "labels", "invalid"))?;
    if names.iter().any(|name| name.trim().is_empty()) {
        return Err(Refusal::invalid("Label", "name", "missing_field"));
    }
    let number = scope.call.number("issue_number")?;
    for name in names {
        put(scope, number, &name)?;
    }
    on(scope)
}

/// Puts a label on a pull request; the label is made where there is none.
fn put(scope: &mut Scope<'_>, number: u64, name: &str) -> Result<(), Refusal> {
    let pull = scope.repository.pulls.get_mut(&number).ok_or_else(Refusal::not_found)?;
    let label = scope.repository.labels.entry(name.to_lowercase()).or_insert_with(|| Label {
        id: scope.numbers.next(),
        name: name.to_owned(),
        color: GREY.to_owned(),
        description: None,
    });
    if pull.labels.contains(&label.name) {
        return Ok(());
    }
    let own = label.clone();
    pull.labels.push(own.name.clone());
    pull.updated = scope.call.now;
    let shown = render(&scope.call.urls, scope.repository, &own);
    scope.pull_event(number, "labeled", json!({"label": shown}));
    Ok(())
}

fn remove(scope: &mut Scope<'_>) -> Handled {
    let name = scope.call.parameter("name").to_lowercase();
    let number = scope.call.number("issue_number")?;
    let pull = scope.repository.pulls.get_mut(&number).ok_or_else(Refusal::not_found)?;
    let before = pull.labels.len();
    pull.labels.retain(|label| label.to_lowercase() != name);
    if pull.labels.len() == before {
        return Err(Refusal::new(http::StatusCode::NOT_FOUND, "Label does not exist"));
    }
    pull.updated = scope.call.now;
    let label = scope.repository.labels.get(&name).cloned();
    let shown = label.map(|label| render(&scope.call.urls, scope.repository, &label));
    scope.pull_event(number, "unlabeled", json!({"label": shown}));
    on(scope)
}

/// A label as GitHub shows it.
pub(super) fn render(urls: &Urls, repository: &Repository, label: &Label) -> Value {
    json!({
        "id": label.id,
        "node_id": node_id("LA", &label.id.to_string()),
        "url": format!("{}/labels/{}", urls.repository(&repository.full_name()), encode(&label.name)),
        "name": label.name,
        "color": label.color,
        "default": false,
        "description": label.description.clone().unwrap_or_default(),
    })
}
