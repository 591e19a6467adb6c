//! Webhooks: what they say, to whom, and what became of it.

use std::collections::VecDeque;

use git2::Oid;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::Sha256;

use super::changes::Changes;
use super::git::{Person, message};
use super::numbers::{hex, id_of_name, stamp};
use super::pull_render;
use super::render;
use super::reply::Refusal;
use super::repository::Repository;
use super::settle::Circumstances;

/// Where a repository's events are sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// `http://127.0.0.1:8082/webhooks/github`; the simulator does not speak TLS.
    pub url: String,
    /// What the payloads are signed with.
    pub secret: String,
    /// GitHub's names of events: `push`, `pull_request`; `*` is all.
    pub events: Vec<String>,
}

/// One try to send an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Delivery {
    /// The hook.
    pub hook: u64,
    /// `X-GitHub-Delivery`: the same when it is sent again.
    pub guid: String,
    /// `X-GitHub-Event`
    pub event: String,
    /// The payload's `action`, where it has one.
    pub action: Option<String>,
    /// Whether it was sent again because somebody asked for it.
    pub redelivery: bool,
    /// The receiver's HTTP status; absent while it is under way, 0 when nobody answered within 10 s.
    pub status: Option<u16>,
    /// Simulated time.
    pub at: Timestamp,
    /// The body.
    pub payload: String,
}

/// A hook and what was sent to it, newest last.
#[derive(Debug)]
pub(super) struct Hook {
    pub(super) webhook: Webhook,
    pub(super) deliveries: VecDeque<Delivery>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Event {
    pub(super) name: &'static str,
    pub(super) payload: Value,
}

/// Something to be sent.
#[derive(Debug, Clone)]
pub(super) struct Parcel {
    pub(super) repository: u64,
    pub(super) url: String,
    pub(super) signature: String,
    pub(super) delivery: Delivery,
}

/// GitHub shows the last 30 days; a demo that runs for days must not grow without end.
const KEPT: usize = 1000;

impl Repository {
    /// Addresses one event to the hooks that want it.
    pub(super) fn address(
        &mut self,
        event: &Event,
        now: Timestamp,
        mut guid: impl FnMut() -> String,
    ) -> Vec<Parcel> {
        let repository = self.id;
        let wanted = |hook: &Hook| {
            event.name == "ping" || hook.webhook.events.iter().any(|name| name == "*" || name == event.name)
        };
        let hooks = self.hooks.iter_mut().filter(|(_, hook)| wanted(hook));
        hooks
            .map(|(id, hook)| {
                let delivery = Delivery {
                    hook: *id,
                    guid: guid(),
                    event: event.name.to_owned(),
                    action: event.payload.get("action").and_then(Value::as_str).map(str::to_owned),
                    redelivery: false,
                    status: None,
                    at: now,
                    payload: event.payload.to_string(),
                };
                hook.parcel(repository, delivery)
            })
            .collect()
    }
}

impl Hook {
    /// Notes a delivery and makes what is to be sent of it.
    pub(super) fn parcel(&mut self, repository: u64, delivery: Delivery) -> Parcel {
        if self.deliveries.len() == KEPT {
            self.deliveries.pop_front();
        }
        self.deliveries.push_back(delivery.clone());
        let signature = sign(&self.webhook.secret, delivery.payload.as_bytes());
        Parcel { repository, url: self.webhook.url.clone(), signature, delivery }
    }
}

/// `sha256=...`, as `X-Hub-Signature-256` has it.
fn sign(secret: &str, body: &[u8]) -> String {
    // An HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(body);
    format!("sha256={}", hex(&mac.finalize().into_bytes()))
}

/// `ping`: the hook exists now.
pub(super) fn ping_event(repository: &Repository, around: Circumstances<'_>, id: u64) -> Event {
    let api = around.urls.repository(&repository.full_name());
    let hook = repository.hooks.get(&id).map(|hook| {
        json!({
            "type": "Repository",
            "id": id,
            "name": "web",
            "active": true,
            "events": hook.webhook.events,
            "config": {
                "content_type": "json", "insecure_ssl": "0", "secret": "********", "url": hook.webhook.url,
            },
            "updated_at": stamp(around.now),
            "created_at": stamp(around.now),
            "url": format!("{api}/hooks/{id}"),
            "test_url": format!("{api}/hooks/{id}/test"),
            "ping_url": format!("{api}/hooks/{id}/pings"),
            "deliveries_url": format!("{api}/hooks/{id}/deliveries"),
            "last_response": {"code": null, "status": "unused", "message": null},
        })
    });
    let payload = json!({
        "zen": "Responsive is better than fast.",
        "hook_id": id,
        "hook": hook,
        "repository": render::repository(around.urls, repository),
        "sender": render::user(around.urls, around.login),
    });
    Event { name: "ping", payload }
}

/// `pull_request`: something happened to one.
pub(super) fn pull_request_event(
    repository: &Repository,
    around: Circumstances<'_>,
    number: u64,
    action: &str,
    more: Value,
) -> Result<Event, Refusal> {
    let state = repository.merge_state(number)?;
    let mut payload = json!({
        "action": action,
        "number": number,
        "pull_request": pull_render::full(around.urls, repository, number, state)?,
        "repository": render::repository(around.urls, repository),
        "sender": render::user(around.urls, around.login),
    });
    if let (Value::Object(payload), Value::Object(more)) = (&mut payload, more) {
        payload.extend(more);
    }
    Ok(Event { name: "pull_request", payload })
}

/// A push lists at most this many commits.
const COMMITS: usize = 2048;

/// `push`: a branch or tag was made, moved or deleted.
pub(super) fn push_event(
    repository: &Repository,
    around: Circumstances<'_>,
    name: &str,
    old: Option<Oid>,
    new: Option<Oid>,
) -> Result<Event, git2::Error> {
    let git = &repository.git;
    let forced = matches!((old, new), (Some(old), Some(new)) if !git.is_ancestor(old, new));
    let fresh = match new {
        Some(new) if git.store.find_commit(new).is_ok() => {
            // A new branch shows what the default branch has not.
            let main = git.branch(&repository.settings.default_branch).filter(|main| *main != new);
            git.between(old.or(main), new)?
        }
        _ => Vec::new(),
    };
    let from = fresh.len().saturating_sub(COMMITS);
    let commits = fresh.iter().skip(from).map(|id| pushed(repository, around, *id));
    let commits = commits.collect::<Result<Vec<_>, _>>()?;
    let head = match new.filter(|new| git.store.find_commit(*new).is_ok()) {
        Some(new) => pushed(repository, around, new)?,
        None => Value::Null,
    };
    let mut shown = render::repository(around.urls, repository);
    // In this one event, GitHub writes two of the times as numbers.
    shown["created_at"] = repository.created.as_second().into();
    shown["pushed_at"] = around.now.as_second().into();
    shown["master_branch"] = repository.settings.default_branch.clone().into();
    shown["stargazers"] = 0.into();
    shown["owner"]["name"] = repository.owner.clone().into();
    shown["owner"]["email"] = noreply(&repository.owner).into();
    let zero = Oid::ZERO_SHA1;
    let (before, after) = (old.unwrap_or(zero).to_string(), new.unwrap_or(zero).to_string());
    let range = format!("{}...{}", &before[..12], &after[..12]);
    let payload = json!({
        "ref": name,
        "before": before,
        "after": after,
        "created": old.is_none(),
        "deleted": new.is_none(),
        "forced": forced,
        "base_ref": null,
        "compare": format!("{}/{}/compare/{range}", around.urls.web, repository.full_name()),
        "commits": commits,
        "head_commit": head,
        "repository": shown,
        "pusher": {"name": around.login, "email": noreply(around.login)},
        "sender": render::user(around.urls, around.login),
    });
    Ok(Event { name: "push", payload })
}

fn noreply(login: &str) -> String {
    format!("{}+{login}@users.noreply.github.com", id_of_name(login))
}

fn pushed(repository: &Repository, around: Circumstances<'_>, id: Oid) -> Result<Value, git2::Error> {
    let commit = repository.git.store.find_commit(id)?;
    let who = |person: Person| {
        let mut shown = json!({"name": person.name, "email": person.email});
        if let Some(login) = person.login() {
            shown["username"] = login.into();
        }
        shown
    };
    let changes = Changes::between(&repository.git, commit.parent_id(0).ok(), id)?;
    let at = Timestamp::from_second(commit.time().seconds()).unwrap_or_default();
    Ok(json!({
        "id": id.to_string(),
        "tree_id": commit.tree_id().to_string(),
        "distinct": true,
        "message": message(&commit),
        "timestamp": stamp(at),
        "url": format!("{}/{}/commit/{id}", around.urls.web, repository.full_name()),
        "author": who(Person::of(&commit.author())),
        "committer": who(Person::of(&commit.committer())),
        "added": changes.paths("added"),
        "removed": changes.paths("removed"),
        "modified": changes.paths("modified"),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// GitHub's own example, from "Validating webhook deliveries".
    #[test]
    fn a_signature_is_what_github_documents() {
        assert_eq!(
            sign("It's a Secret to Everybody", b"Hello, World!"),
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        );
    }
}
