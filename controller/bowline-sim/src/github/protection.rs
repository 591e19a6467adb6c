//! Protected branches: what must hold before something is merged or pushed there.

use git2::Oid;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::call::Scope;
use super::caller::Caller;
use super::checks::check_states;
use super::permission::{READ_ADMINISTRATION, READ_CONTENTS};
use super::reply::{Answer, Handled, Refusal};
use super::repository::Repository;
use super::route::Route;
use super::statuses::newest_statuses;

/// The rules of one branch.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(clippy::struct_excessive_bools, reason = "these are GitHub's own switches, by its names")]
pub struct Protection {
    /// The names of commit statuses or check runs that must have succeeded on the head.
    pub required_checks: Vec<String>,
    /// The head must contain the base's newest commit.
    pub strict: bool,
    /// How many people must approve. More than 0 also means that nothing is pushed without a pull request.
    pub required_approvals: usize,
    /// Whether administrators are held to it, too.
    pub enforce_admins: bool,
    /// Whether it may be rewritten.
    pub allow_force_pushes: bool,
    /// Whether it may be deleted.
    pub allow_deletions: bool,
    /// Whether merge commits are refused.
    pub required_linear_history: bool,
}

/// The page that GitHub's refusals point to.
pub(super) const ABOUT: &str = "https://docs.github.com/articles/about-protected-branches";

pub(super) const ROUTES: &[Route] = &[
    Route::get(
        "/repos/{owner}/{repo}/branches/{branch}/protection/required_status_checks",
        READ_ADMINISTRATION,
        "branches/branch-protection#get-status-checks-protection",
        get_checks,
    ),
    Route::get(
        "/repos/{owner}/{repo}/branches/{branch}/protection",
        READ_ADMINISTRATION,
        "branches/branch-protection#get-branch-protection",
        get,
    ),
    Route::get(
        "/repos/{owner}/{repo}/rules/branches/{branch}",
        READ_CONTENTS,
        "repos/rules#get-rules-for-a-branch",
        |scope| Ok(scope.call.page(Vec::<Value>::new(), |rule| rule)),
    ),
];

/// What a required check says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CheckState {
    Expected,
    Pending,
    Failing,
    Passed,
}

impl Repository {
    /// What of the rules of a branch `head` does not fulfil, one sentence each.
    pub(super) fn unfulfilled(&self, branch: &str, head: Oid) -> Vec<String> {
        let Some(rules) = self.protections.get(branch) else { return Vec::new() };
        let states: Vec<(&String, CheckState)> = rules
            .required_checks
            .iter()
            .map(|name| (name, self.required(name, head)))
            .filter(|(_, state)| *state != CheckState::Passed)
            .collect();
        match states.as_slice() {
            [] => Vec::new(),
            [(name, state)] => {
                let word = match state {
                    CheckState::Expected => "expected",
                    CheckState::Pending => "in progress",
                    CheckState::Failing | CheckState::Passed => "failing",
                };
                vec![format!("Required status check \"{name}\" is {word}.")]
            }
            several => {
                let of = rules.required_checks.len();
                let all_expected = several.iter().all(|(_, state)| *state == CheckState::Expected);
                let what = if all_expected { "are expected" } else { "have not succeeded" };
                vec![format!("{} of {of} required status checks {what}.", several.len())]
            }
        }
    }

    /// Of a status and a check run with the same name, both count.
    fn required(&self, name: &str, head: Oid) -> CheckState {
        let statuses =
            newest_statuses(self, head).into_iter().filter(|status| status.context == name).map(|status| {
                match status.state.as_str() {
                    "success" => CheckState::Passed,
                    "pending" => CheckState::Pending,
                    _ => CheckState::Failing,
                }
            });
        let checks = check_states(self, head).into_iter().filter(|(check, _)| check == name);
        let checks = checks.map(|(_, conclusion)| match conclusion.as_deref() {
            Some("success" | "neutral" | "skipped") => CheckState::Passed,
            Some(_) => CheckState::Failing,
            None => CheckState::Pending,
        });
        let all: Vec<CheckState> = statuses.chain(checks).collect();
        let worst = [CheckState::Failing, CheckState::Pending, CheckState::Passed];
        worst.into_iter().find(|state| all.contains(state)).unwrap_or(CheckState::Expected)
    }

    /// Why `caller` may not put `head` on a branch without a pull request, if it may not.
    pub(super) fn push_refused(&self, caller: &Caller, branch: &str, head: Option<Oid>) -> Option<String> {
        let rules = self.protections.get(branch)?;
        if caller.administers() && !rules.enforce_admins {
            return None;
        }
        let Some(head) = head else {
            return (!rules.allow_deletions).then(|| "Cannot delete this branch".to_owned());
        };
        if rules.required_approvals > 0 {
            return Some("Changes must be made through a pull request.".to_owned());
        }
        self.unfulfilled(branch, head).into_iter().next()
    }

    /// Whether `caller` may only move a branch forward.
    pub(super) fn forward_only(&self, caller: &Caller, branch: &str) -> bool {
        self.protections
            .get(branch)
            .is_some_and(|rules| !rules.allow_force_pushes && (rules.enforce_admins || !caller.administers()))
    }
}

fn protection<'a>(scope: &'a Scope<'_>) -> Result<&'a Protection, Refusal> {
    let branch = scope.call.parameter("branch");
    if scope.repository.git.branch(branch).is_none() {
        return Err(Refusal::new(StatusCode::NOT_FOUND, "Branch not found"));
    }
    let found = scope.repository.protections.get(branch);
    found.ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, "Branch not protected"))
}

fn get(scope: &mut Scope<'_>) -> Handled {
    let rules = protection(scope)?;
    let branch = scope.call.parameter("branch");
    let url =
        format!("{}/branches/{branch}/protection", scope.call.urls.repository(&scope.repository.full_name()));
    Ok(Answer::ok(render(rules, &url)))
}

/// A protection, as GitHub shows it to those who may see it.
pub(super) fn render(rules: &Protection, url: &str) -> Value {
    let on = |enabled: bool| json!({"enabled": enabled});
    let mut body = json!({
        "url": url,
        "required_signatures": {"url": format!("{url}/required_signatures"), "enabled": false},
        "enforce_admins": {"url": format!("{url}/enforce_admins"), "enabled": rules.enforce_admins},
        "required_linear_history": on(rules.required_linear_history),
        "allow_force_pushes": on(rules.allow_force_pushes),
        "allow_deletions": on(rules.allow_deletions),
        "block_creations": on(false),
        "required_conversation_resolution": on(false),
        "lock_branch": on(false),
        "allow_fork_syncing": on(false),
    });
    if !rules.required_checks.is_empty() {
        body["required_status_checks"] = checks(rules, url);
    }
    if rules.required_approvals > 0 {
        body["required_pull_request_reviews"] = json!({
            "url": format!("{url}/required_pull_request_reviews"),
            "dismiss_stale_reviews": false,
            "require_code_owner_reviews": false,
            "require_last_push_approval": false,
            "required_approving_review_count": rules.required_approvals,
        });
    }
    body
}

fn checks(rules: &Protection, url: &str) -> Value {
    let checks: Vec<Value> =
        rules.required_checks.iter().map(|name| json!({"context": name, "app_id": null})).collect();
    json!({
        "url": format!("{url}/required_status_checks"),
        "strict": rules.strict,
        "contexts": rules.required_checks,
        "contexts_url": format!("{url}/required_status_checks/contexts"),
        "checks": checks,
    })
}

fn get_checks(scope: &mut Scope<'_>) -> Handled {
    let rules = protection(scope)?;
    if rules.required_checks.is_empty() {
        return Err(Refusal::new(StatusCode::NOT_FOUND, "Required status checks not enabled"));
    }
    let repository = scope.call.urls.repository(&scope.repository.full_name());
    let url = format!("{repository}/branches/{}/protection", scope.call.parameter("branch"));
    Ok(Answer::ok(checks(rules, &url)))
}
