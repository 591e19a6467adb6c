//! Check runs: what a GitHub App says about a commit. Other tokens may read them.

use std::collections::BTreeMap;

use git2::Oid;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::call::{Body, Scope, parse_oid};
use super::caller::CallerKind;
use super::commits;
use super::numbers::{id_of_name, node_id, stamp};
use super::permission::{READ_CHECKS, WRITE_CHECKS};
use super::render;
use super::reply::{Answer, Handled, Refusal};
use super::repository::Repository;
use super::route::Route;

pub(super) const ROUTES: &[Route] = &[
    Route::post("/repos/{owner}/{repo}/check-runs", WRITE_CHECKS, "checks/runs#create-a-check-run", create),
    Route::patch(
        "/repos/{owner}/{repo}/check-runs/{check_run_id}",
        WRITE_CHECKS,
        "checks/runs#update-a-check-run",
        update,
    ),
    Route::get(
        "/repos/{owner}/{repo}/check-runs/{check_run_id}",
        READ_CHECKS,
        "checks/runs#get-a-check-run",
        get,
    ),
    Route::get(
        "/repos/{owner}/{repo}/commits/{ref}/check-runs",
        READ_CHECKS,
        "checks/runs#list-check-runs-for-a-git-reference",
        list,
    ),
];

/// One run of a check.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CheckRun {
    id: u64,
    app: u64,
    /// `bowline`, as in `bowline[bot]`.
    slug: String,
    name: String,
    head: Oid,
    status: String,
    conclusion: Option<String>,
    started: Option<Timestamp>,
    completed: Option<Timestamp>,
    details_url: Option<String>,
    external_id: Option<String>,
    output: Value,
}

const STATUSES: [&str; 3] = ["queued", "in_progress", "completed"];
const CONCLUSIONS: [&str; 7] =
    ["action_required", "cancelled", "failure", "neutral", "success", "skipped", "timed_out"];

fn create(scope: &mut Scope<'_>) -> Handled {
    let CallerKind::Installation { app, .. } = scope.call.caller.kind else {
        let message = "You must authenticate via a GitHub App.";
        return Err(Refusal::new(http::StatusCode::FORBIDDEN, message));
    };
    let body = &scope.call.body;
    let head = parse_oid(body.required("head_sha")?)?;
    if scope.repository.git.store.find_commit(head).is_err() {
        return Err(Refusal::unprocessable(format!("No commit found for SHA: {head}")));
    }
    let mut run = CheckRun {
        id: scope.numbers.next(),
        app,
        slug: scope.call.caller.login.trim_end_matches("[bot]").to_owned(),
        name: body.required("name")?.to_owned(),
        head,
        status: "queued".to_owned(),
        conclusion: None,
        started: Some(scope.call.now),
        completed: None,
        details_url: None,
        external_id: None,
        output: json!({"title": null, "summary": null, "text": null}),
    };
    run.change(body, scope.call.now)?;
    let shown = render(scope, &run);
    scope.repository.check_runs.insert(run.id, run);
    Ok(Answer::created(shown))
}

impl CheckRun {
    /// Takes over what a request names.
    fn change(&mut self, body: &Body, now: Timestamp) -> Result<(), Refusal> {
        if let Some(name) = body.text("name")? {
            name.clone_into(&mut self.name);
        }
        if let Some(status) = body.text("status")? {
            if !STATUSES.contains(&status) {
                return Err(Refusal::invalid("CheckRun", "status", "invalid"));
            }
            status.clone_into(&mut self.status);
        }
        if let Some(conclusion) = body.text("conclusion")? {
            if !CONCLUSIONS.contains(&conclusion) {
                return Err(Refusal::invalid("CheckRun", "conclusion", "invalid"));
            }
            self.conclusion = Some(conclusion.to_owned());
            "completed".clone_into(&mut self.status);
        } else if self.status != "completed" {
            (self.conclusion, self.completed) = (None, None);
        }
        if self.status == "completed" {
            if self.conclusion.is_none() {
                return Err(Refusal::invalid("CheckRun", "conclusion", "missing_field"));
            }
            self.completed = Some(time(body, "completed_at")?.or(self.completed).unwrap_or(now));
        }
        self.started = time(body, "started_at")?.or(self.started);
        if let Some(url) = body.text("details_url")? {
            self.details_url = Some(url.to_owned());
        }
        if let Some(id) = body.text("external_id")? {
            self.external_id = Some(id.to_owned());
        }
        if let Some(output) = body.get("output") {
            let text = |name: &str| output.get(name).and_then(Value::as_str);
            let (Some(title), Some(summary)) = (text("title"), text("summary")) else {
                return Err(Refusal::unprocessable(
                    "Invalid request.\n\n\"title\", \"summary\" weren't supplied.",
                ));
            };
            // GitHub's documented maximum for both.
            if summary.len() > 65_535 || text("text").is_some_and(|text| text.len() > 65_535) {
                return Err(Refusal::invalid("CheckRun", "output", "too_long"));
            }
            self.output = json!({"title": title, "summary": summary, "text": text("text")});
        }
        Ok(())
    }
}

fn time(body: &Body, name: &str) -> Result<Option<Timestamp>, Refusal> {
    let Some(text) = body.text(name)? else { return Ok(None) };
    text.parse()
        .map(Some)
        .map_err(|_| Refusal::unprocessable(format!("Invalid request.\n\n{text} is not a valid date-time.")))
}

fn found<'a>(scope: &'a Scope<'_>) -> Result<&'a CheckRun, Refusal> {
    let id = scope.call.number("check_run_id")?;
    scope.repository.check_runs.get(&id).ok_or_else(Refusal::not_found)
}

fn get(scope: &mut Scope<'_>) -> Handled {
    Ok(Answer::ok(render(scope, found(scope)?)))
}

fn update(scope: &mut Scope<'_>) -> Handled {
    let mut run = found(scope)?.clone();
    if scope.call.caller.app() != Some(run.app) {
        let message = format!(
            "Invalid app_id `{}` - check run can only be modified by the GitHub App that created it.",
            run.app
        );
        return Err(Refusal::new(http::StatusCode::FORBIDDEN, message));
    }
    run.change(&scope.call.body, scope.call.now)?;
    let shown = render(scope, &run);
    scope.repository.check_runs.insert(run.id, run);
    Ok(Answer::ok(shown))
}

fn list(scope: &mut Scope<'_>) -> Handled {
    let head = commits::named(scope)?;
    let asked = |name: &str, own: &str| scope.call.asked(name).is_none_or(|wanted| wanted == own);
    let all = scope.call.asked("filter") == Some("all");
    let newest = newest(scope.repository, head);
    let runs: Vec<&CheckRun> = scope
        .repository
        .check_runs
        .values()
        .rev()
        .filter(|run| run.head == head)
        .filter(|run| all || newest.get(&(run.app, run.name.as_str())) == Some(&run.id))
        .filter(|run| asked("check_name", &run.name) && asked("status", &run.status))
        .collect();
    let total = runs.len();
    let (shown, link) = scope.call.cut(runs);
    let runs: Vec<Value> = shown.into_iter().map(|run| render(scope, run)).collect();
    let mut answer = Answer::ok(json!({"total_count": total, "check_runs": runs}));
    answer.headers.extend(link.map(|link| ("link", link)));
    Ok(answer)
}

/// The newest run of each check of each app.
fn newest(repository: &Repository, head: Oid) -> BTreeMap<(u64, &str), u64> {
    let own = repository.check_runs.values().filter(|run| run.head == head);
    own.map(|run| ((run.app, run.name.as_str()), run.id)).collect()
}

/// The newest runs on a commit: name, and conclusion once there is one.
pub(super) fn check_states(repository: &Repository, head: Oid) -> Vec<(String, Option<String>)> {
    let newest = newest(repository, head);
    let runs = newest.into_values().filter_map(|id| repository.check_runs.get(&id));
    runs.map(|run| (run.name.clone(), run.conclusion.clone())).collect()
}

fn render(scope: &Scope<'_>, run: &CheckRun) -> Value {
    let urls = &scope.call.urls;
    let full_name = scope.repository.full_name();
    let url = format!("{}/check-runs/{}", urls.repository(&full_name), run.id);
    let mut output = run.output.clone();
    output["annotations_count"] = 0.into();
    output["annotations_url"] = format!("{url}/annotations").into();
    let html = format!("{}/{full_name}/runs/{}", urls.web, run.id);
    json!({
        "id": run.id,
        "node_id": node_id("CR", &run.id.to_string()),
        "name": run.name,
        "head_sha": run.head.to_string(),
        "url": url,
        "html_url": html,
        "details_url": run.details_url.as_ref().unwrap_or(&html),
        "external_id": run.external_id.clone().unwrap_or_default(),
        "status": run.status,
        "conclusion": run.conclusion,
        "started_at": run.started.map(stamp),
        "completed_at": run.completed.map(stamp),
        "output": output,
        "check_suite": {"id": id_of_name(&format!("{}{}", run.app, run.head))},
        "app": app(scope, run),
        "pull_requests": [],
    })
}

fn app(scope: &Scope<'_>, run: &CheckRun) -> Value {
    let urls = &scope.call.urls;
    json!({
        "id": run.app,
        "slug": run.slug,
        "node_id": node_id("A", &run.app.to_string()),
        "owner": render::user(urls, &scope.repository.owner),
        "name": run.slug,
        "description": null,
        "external_url": format!("{}/apps/{}", urls.web, run.slug),
        "html_url": format!("{}/apps/{}", urls.web, run.slug),
        "created_at": stamp(scope.repository.created),
        "updated_at": stamp(scope.repository.created),
        "permissions": scope.call.caller.permissions.render(),
        "events": [],
    })
}
