//! Reviews of pull requests, and who is asked for one.

use serde_json::{Value, json};

use super::call::Scope;
use super::numbers::{node_id, stamp};
use super::permission::{READ_PULLS, WRITE_PULLS};
use super::pull::Review;
use super::reply::{Answer, Handled, Refusal};
use super::route::Route;
use super::{pulls, render};

pub(super) const ROUTES: &[Route] = &[
    Route::get(
        "/repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers",
        READ_PULLS,
        "pulls/review-requests#get-all-requested-reviewers-for-a-pull-request",
        requested,
    ),
    Route::post(
        "/repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers",
        WRITE_PULLS,
        "pulls/review-requests#request-reviewers-for-a-pull-request",
        request,
    ),
    Route::delete(
        "/repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers",
        WRITE_PULLS,
        "pulls/review-requests#remove-requested-reviewers-from-a-pull-request",
        withdraw,
    ),
    Route::get(
        "/repos/{owner}/{repo}/pulls/{pull_number}/reviews",
        READ_PULLS,
        "pulls/reviews#list-reviews-for-a-pull-request",
        list,
    ),
    Route::post(
        "/repos/{owner}/{repo}/pulls/{pull_number}/reviews",
        WRITE_PULLS,
        "pulls/reviews#create-a-review-for-a-pull-request",
        create,
    ),
];

fn requested(scope: &mut Scope<'_>) -> Handled {
    let number = pulls::number(scope)?;
    let urls = &scope.call.urls;
    let Some(pull) = scope.repository.pulls.get(&number) else { return Err(Refusal::not_found()) };
    let users: Vec<Value> = pull.reviewers.iter().map(|login| render::user(urls, login)).collect();
    let owner = &scope.repository.owner;
    let teams: Vec<Value> = pull.team_reviewers.iter().map(|slug| render::team(urls, owner, slug)).collect();
    Ok(Answer::ok(json!({"users": users, "teams": teams})))
}

fn request(scope: &mut Scope<'_>) -> Handled {
    let number = pulls::number(scope)?;
    let (people, teams) = (scope.call.body.texts("reviewers")?, scope.call.body.texts("team_reviewers")?);
    let Some(pull) = scope.repository.pulls.get_mut(&number) else { return Err(Refusal::not_found()) };
    if people.contains(&pull.author) {
        return Err(Refusal::unprocessable("Review cannot be requested from pull request author."));
    }
    let fresh: Vec<String> = people.into_iter().filter(|login| !pull.reviewers.contains(login)).collect();
    pull.reviewers.extend(fresh.clone());
    let fresh_teams: Vec<String> =
        teams.into_iter().filter(|slug| !pull.team_reviewers.contains(slug)).collect();
    pull.team_reviewers.extend(fresh_teams.clone());
    pull.updated = scope.call.now;
    for login in fresh {
        let who = render::user(&scope.call.urls, &login);
        scope.pull_event(number, "review_requested", json!({"requested_reviewer": who}));
    }
    for slug in fresh_teams {
        let who = render::team(&scope.call.urls, &scope.repository.owner, &slug);
        scope.pull_event(number, "review_requested", json!({"requested_team": who}));
    }
    Ok(Answer::created(pulls::simple(&scope.call.urls, scope.repository, number)))
}

fn withdraw(scope: &mut Scope<'_>) -> Handled {
    let number = pulls::number(scope)?;
    let (people, teams) = (scope.call.body.texts("reviewers")?, scope.call.body.texts("team_reviewers")?);
    let Some(pull) = scope.repository.pulls.get_mut(&number) else { return Err(Refusal::not_found()) };
    pull.reviewers.retain(|login| !people.contains(login));
    pull.team_reviewers.retain(|slug| !teams.contains(slug));
    pull.updated = scope.call.now;
    for login in people {
        let who = render::user(&scope.call.urls, &login);
        scope.pull_event(number, "review_request_removed", json!({"requested_reviewer": who}));
    }
    Ok(Answer::ok(pulls::simple(&scope.call.urls, scope.repository, number)))
}

fn list(scope: &mut Scope<'_>) -> Handled {
    let number = pulls::number(scope)?;
    let Some(pull) = scope.repository.pulls.get(&number) else { return Err(Refusal::not_found()) };
    let reviews: Vec<&Review> = pull.reviews.iter().collect();
    Ok(scope.call.page(reviews, |review| shown(scope, number, review)))
}

fn create(scope: &mut Scope<'_>) -> Handled {
    let number = pulls::number(scope)?;
    let state = match scope.call.body.text("event")? {
        Some("APPROVE") => "APPROVED",
        Some("REQUEST_CHANGES") => "CHANGES_REQUESTED",
        Some("COMMENT") => "COMMENTED",
        _ => {
            return Err(Refusal::unprocessable(
                "Variable $event of type PullRequestReviewEvent was provided invalid value",
            ));
        }
    };
    let body = scope.call.body.text("body")?.unwrap_or_default().to_owned();
    let author = scope.call.caller.login.clone();
    let Some(pull) = scope.repository.pulls.get_mut(&number) else { return Err(Refusal::not_found()) };
    if pull.author == author && state == "APPROVED" {
        return Err(Refusal::unprocessable("Can not approve your own pull request"));
    }
    if body.is_empty() && state != "APPROVED" {
        return Err(Refusal::unprocessable("Body can't be blank"));
    }
    pull.reviewers.retain(|login| *login != author);
    let id = scope.numbers.next();
    let review = Review { id, author, state, body, commit: pull.head, at: scope.call.now };
    pull.reviews.push(review.clone());
    pull.updated = scope.call.now;
    Ok(Answer::ok(shown(scope, number, &review)))
}

fn shown(scope: &Scope<'_>, number: u64, review: &Review) -> Value {
    let urls = &scope.call.urls;
    let full_name = scope.repository.full_name();
    let html = format!("{}#pullrequestreview-{}", urls.pull(&full_name, number), review.id);
    let pull = format!("{}/pulls/{number}", urls.repository(&full_name));
    json!({
        "id": review.id,
        "node_id": node_id("PRR", &review.id.to_string()),
        "user": render::user(urls, &review.author),
        "body": review.body,
        "state": review.state,
        "html_url": html,
        "pull_request_url": pull,
        "_links": {"html": {"href": html}, "pull_request": {"href": pull}},
        "submitted_at": stamp(review.at),
        "commit_id": review.commit.to_string(),
        "author_association": "COLLABORATOR",
    })
}
