//! People and repositories as GitHub shows them, which all other answers contain.

use serde_json::{Map, Value, json};

use super::numbers::{id_of_name, node_id, stamp};
use super::repository::Repository;
use super::urls::Urls;

/// A person, an organization, or an app's bot.
pub(super) fn user(urls: &Urls, login: &str) -> Value {
    let id = id_of_name(login);
    let url = format!("{}/users/{}", urls.api, super::urls::encode(login));
    let bot = login.ends_with("[bot]");
    json!({
        "login": login,
        "id": id,
        "node_id": node_id(if bot { "BOT" } else { "U" }, &id.to_string()),
        "avatar_url": format!("{}/avatars/{id}", urls.web),
        "gravatar_id": "",
        "url": url,
        "html_url": format!("{}/{}", urls.web, super::urls::encode(login)),
        "followers_url": format!("{url}/followers"),
        "following_url": format!("{url}/following{{/other_user}}"),
        "gists_url": format!("{url}/gists{{/gist_id}}"),
        "starred_url": format!("{url}/starred{{/owner}}{{/repo}}"),
        "subscriptions_url": format!("{url}/subscriptions"),
        "organizations_url": format!("{url}/orgs"),
        "repos_url": format!("{url}/repos"),
        "events_url": format!("{url}/events{{/privacy}}"),
        "received_events_url": format!("{url}/received_events"),
        "type": if bot { "Bot" } else { "User" },
        "site_admin": false,
    })
}

/// A team, which the simulator knows by its slug only.
pub(super) fn team(urls: &Urls, owner: &str, slug: &str) -> Value {
    let id = id_of_name(&format!("{owner}/{slug}"));
    let url = format!("{}/organizations/{}/team/{id}", urls.api, id_of_name(owner));
    json!({
        "id": id,
        "node_id": node_id("T", &id.to_string()),
        "url": url,
        "html_url": format!("{}/orgs/{owner}/teams/{slug}", urls.web),
        "name": slug,
        "slug": slug,
        "description": null,
        "privacy": "closed",
        "permission": "push",
        "members_url": format!("{url}/members{{/member}}"),
        "repositories_url": format!("{url}/repos"),
        "parent": null,
        "type": "organization",
        "organization_id": id_of_name(owner),
    })
}

/// Links of a repository whose address is the name itself.
const PLAIN: [&str; 17] = [
    "contributors",
    "deployments",
    "downloads",
    "events",
    "forks",
    "hooks",
    "languages",
    "merges",
    "stargazers",
    "subscribers",
    "subscription",
    "tags",
    "teams",
    "assignees{/user}",
    "branches{/branch}",
    "collaborators{/collaborator}",
    "comments{/number}",
];

/// Links of a repository whose address is more than the name.
const OTHERS: [(&str, &str); 19] = [
    ("archive_url", "{archive_format}{/ref}"),
    ("blobs_url", "git/blobs{/sha}"),
    ("commits_url", "commits{/sha}"),
    ("compare_url", "compare/{base}...{head}"),
    ("contents_url", "contents/{+path}"),
    ("git_commits_url", "git/commits{/sha}"),
    ("git_refs_url", "git/refs{/sha}"),
    ("git_tags_url", "git/tags{/sha}"),
    ("issue_comment_url", "issues/comments{/number}"),
    ("issue_events_url", "issues/events{/number}"),
    ("issues_url", "issues{/number}"),
    ("keys_url", "keys{/key_id}"),
    ("labels_url", "labels{/name}"),
    ("milestones_url", "milestones{/number}"),
    ("notifications_url", "notifications{?since,all,participating}"),
    ("pulls_url", "pulls{/number}"),
    ("releases_url", "releases{/id}"),
    ("statuses_url", "statuses/{sha}"),
    ("trees_url", "git/trees{/sha}"),
];

/// A repository, short: where its things are.
pub(super) fn minimal_repository(urls: &Urls, repository: &Repository) -> Map<String, Value> {
    let full_name = repository.full_name();
    let url = urls.repository(&full_name);
    let mut body = Map::new();
    for link in PLAIN {
        let name = link.split('{').next().unwrap_or(link);
        body.insert(format!("{name}_url"), format!("{url}/{link}").into());
    }
    for (name, path) in OTHERS {
        body.insert(name.to_owned(), format!("{url}/{path}").into());
    }
    let own = [
        ("id", json!(repository.id)),
        ("node_id", json!(node_id("R", &repository.id.to_string()))),
        ("name", json!(repository.name)),
        ("full_name", json!(full_name)),
        ("private", json!(repository.settings.private)),
        ("owner", user(urls, &repository.owner)),
        ("html_url", json!(format!("{}/{full_name}", urls.web))),
        ("description", Value::Null),
        ("fork", json!(false)),
        ("url", json!(url)),
    ];
    body.extend(own.map(|(name, value)| (name.to_owned(), value)));
    body
}

/// A repository in full.
pub(super) fn repository(urls: &Urls, repository: &Repository) -> Value {
    let full_name = repository.full_name();
    let host = urls.web.trim_start_matches("http://");
    let settings = &repository.settings;
    let rest = json!({
        "git_url": format!("git://{host}/{full_name}.git"),
        "ssh_url": format!("git@{host}:{full_name}.git"),
        "clone_url": format!("{}/{full_name}.git", urls.web),
        "svn_url": format!("{}/{full_name}", urls.web),
        "mirror_url": null,
        "homepage": null,
        "language": null,
        "license": null,
        "topics": [],
        "custom_properties": {},
        "visibility": if settings.private { "private" } else { "public" },
        "default_branch": settings.default_branch,
        "archived": false,
        "disabled": false,
        "is_template": false,
        "has_issues": true,
        "has_projects": false,
        "has_wiki": false,
        "has_pages": false,
        "has_downloads": true,
        "has_discussions": false,
        "allow_forking": false,
        "web_commit_signoff_required": false,
        "allow_merge_commit": settings.allow_merge_commit,
        "allow_squash_merge": settings.allow_squash_merge,
        "allow_rebase_merge": settings.allow_rebase_merge,
        "allow_auto_merge": settings.allow_auto_merge,
        "allow_update_branch": false,
        "delete_branch_on_merge": settings.delete_branch_on_merge,
    });
    let mut body = minimal_repository(urls, repository);
    for more in [rest, counts(repository)] {
        if let Value::Object(more) = more {
            body.extend(more);
        }
    }
    Value::Object(body)
}

/// What is counted of a repository, and when it last changed.
fn counts(repository: &Repository) -> Value {
    let open = repository.pulls.values().filter(|pull| pull.is_open()).count();
    let created = stamp(repository.created);
    let pushed = repository
        .git
        .branch(&repository.settings.default_branch)
        .and_then(|tip| repository.git.store.find_commit(tip).ok())
        .and_then(|commit| jiff::Timestamp::from_second(commit.time().seconds()).ok())
        .map_or_else(|| created.clone(), stamp);
    json!({
        "size": 0,
        "stargazers_count": 0,
        "watchers": 0,
        "watchers_count": 0,
        "forks": 0,
        "forks_count": 0,
        "network_count": 0,
        "subscribers_count": 0,
        "open_issues": open,
        "open_issues_count": open,
        "created_at": created,
        "updated_at": pushed,
        "pushed_at": pushed,
    })
}
