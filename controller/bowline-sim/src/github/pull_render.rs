//! A pull request as GitHub shows it: short in lists, in full alone.

use serde_json::{Value, json};

use super::changes::Changes;
use super::labels;
use super::mergeability::MergeState;
use super::numbers::{node_id, stamp};
use super::pull::{PullRequest, PullState};
use super::render;
use super::reply::Refusal;
use super::repository::Repository;
use super::urls::Urls;

/// As lists show it; null when there is no such pull request.
pub(super) fn simple(urls: &Urls, repository: &Repository, number: u64) -> Value {
    let Some(pull) = repository.pulls.get(&number) else { return Value::Null };
    let mut body = links(urls, repository, pull);
    let (state, closed, merged) = match &pull.state {
        PullState::Open => ("open", None, None),
        PullState::Closed { at } => ("closed", Some(stamp(*at)), None),
        PullState::Merged { at, .. } => ("closed", Some(stamp(*at)), Some(stamp(*at))),
    };
    let merge_commit = match &pull.state {
        PullState::Merged { commit, .. } => Some(commit.to_string()),
        _ => None,
    };
    let auto_merge = pull.auto_merge.as_ref().map(|auto| {
        json!({
            "enabled_by": render::user(urls, &auto.by),
            "merge_method": auto.method.word(),
            "commit_title": auto.title.clone().unwrap_or_default(),
            "commit_message": auto.message.clone().unwrap_or_default(),
        })
    });
    let people = pull.reviewers.iter().map(|login| render::user(urls, login));
    let teams = pull.team_reviewers.iter().map(|slug| render::team(urls, &repository.owner, slug));
    let labels = pull.labels.iter().filter_map(|name| repository.labels.get(&name.to_lowercase()));
    let own = json!({
        "id": pull.id,
        "node_id": node_id("PR", &pull.id.to_string()),
        "number": pull.number,
        "state": state,
        "locked": false,
        "title": pull.title,
        "user": render::user(urls, &pull.author),
        "body": pull.body,
        "created_at": stamp(pull.created),
        "updated_at": stamp(pull.updated),
        "closed_at": closed,
        "merged_at": merged,
        "merge_commit_sha": merge_commit,
        "assignee": null,
        "assignees": [],
        "requested_reviewers": people.collect::<Vec<_>>(),
        "requested_teams": teams.collect::<Vec<_>>(),
        "labels": labels.map(|label| labels::render(urls, repository, label)).collect::<Vec<_>>(),
        "milestone": null,
        "draft": pull.draft,
        "head": head(urls, repository, pull),
        "base": side(urls, repository, &pull.base_branch, pull.base),
        "author_association": "COLLABORATOR",
        "auto_merge": auto_merge,
        "active_lock_reason": null,
    });
    if let (Value::Object(body), Value::Object(own)) = (&mut body, own) {
        body.extend(own);
    }
    body
}

fn head(urls: &Urls, repository: &Repository, pull: &PullRequest) -> Value {
    let own = side(urls, repository, &pull.head_branch, pull.head);
    let Some(owner) = &pull.fork else { return own };
    // A fork has the same links below its own name.
    let (here, there) = (repository.full_name(), format!("{owner}/{}", repository.name));
    let mut fork: Value = serde_json::from_str(&own.to_string().replace(&here, &there)).unwrap_or_default();
    fork["label"] = json!(format!("{owner}:{}", pull.head_branch));
    fork["user"] = render::user(urls, owner);
    fork["repo"]["owner"] = render::user(urls, owner);
    fork["repo"]["fork"] = json!(true);
    fork
}

fn side(urls: &Urls, repository: &Repository, branch: &str, id: git2::Oid) -> Value {
    json!({
        "label": format!("{}:{branch}", repository.owner),
        "ref": branch,
        "sha": id.to_string(),
        "user": render::user(urls, &repository.owner),
        "repo": render::repository(urls, repository),
    })
}

fn links(urls: &Urls, repository: &Repository, pull: &PullRequest) -> Value {
    let full_name = repository.full_name();
    let api = urls.repository(&full_name);
    let (url, web) = (format!("{api}/pulls/{}", pull.number), urls.pull(&full_name, pull.number));
    let issue = format!("{api}/issues/{}", pull.number);
    let statuses = format!("{api}/statuses/{}", pull.head);
    let link = |to: &str| json!({"href": to});
    json!({
        "url": url,
        "html_url": web,
        "diff_url": format!("{web}.diff"),
        "patch_url": format!("{web}.patch"),
        "issue_url": issue,
        "commits_url": format!("{url}/commits"),
        "review_comments_url": format!("{url}/comments"),
        "review_comment_url": format!("{api}/pulls/comments{{/number}}"),
        "comments_url": format!("{issue}/comments"),
        "statuses_url": statuses,
        "_links": {
            "self": link(&url),
            "html": link(&web),
            "issue": link(&issue),
            "comments": link(&format!("{issue}/comments")),
            "review_comments": link(&format!("{url}/comments")),
            "review_comment": link(&format!("{api}/pulls/comments{{/number}}")),
            "commits": link(&format!("{url}/commits")),
            "statuses": link(&statuses),
        },
    })
}

/// In full, with what is known of its mergeability.
pub(super) fn full(
    urls: &Urls,
    repository: &Repository,
    number: u64,
    state: MergeState,
) -> Result<Value, Refusal> {
    let Some(pull) = repository.pulls.get(&number) else { return Err(Refusal::not_found()) };
    let git = &repository.git;
    let from = git.store.merge_base(pull.base, pull.head).ok();
    let changes = Changes::between(git, from, pull.head)?;
    let merged_by = match &pull.state {
        PullState::Merged { by, .. } => render::user(urls, by),
        _ => Value::Null,
    };
    let comments = repository.comments.values().filter(|comment| comment.number == number).count();
    let more = json!({
        "merged": matches!(pull.state, PullState::Merged { .. }),
        "mergeable": state.mergeable(),
        "rebaseable": state.mergeable(),
        "mergeable_state": state.word(),
        "merged_by": merged_by,
        "comments": comments,
        "review_comments": 0,
        "maintainer_can_modify": false,
        "commits": git.between(Some(pull.base), pull.head)?.len(),
        "additions": changes.additions(),
        "deletions": changes.deletions(),
        "changed_files": changes.count(),
    });
    let mut body = simple(urls, repository, number);
    if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
        body.extend(more);
    }
    Ok(body)
}
