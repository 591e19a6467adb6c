//! What follows from a change: pull requests whose branches moved, merges that waited for their checks, and the events
//! that tell of it. It looks at the refs themselves, so it does not matter whether they moved by the API, by a push, or by
//! somebody with the repository's path.

use git2::Oid;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::call::Scope;
use super::merge::MergeOrder;
use super::mergeability::MergeState;
use super::pull::PullState;
use super::repository::Repository;
use super::urls::Urls;
use super::webhook::{Event, pull_request_event, push_event};

/// Who did it and when, and where the addresses in events lead.
#[derive(Clone, Copy)]
pub(super) struct Circumstances<'a> {
    pub(super) urls: &'a Urls,
    pub(super) login: &'a str,
    pub(super) now: Timestamp,
}

impl Scope<'_> {
    /// Notes that something happened to a pull request, by this call.
    pub(super) fn pull_event(&mut self, number: u64, action: &str, more: Value) {
        let around =
            Circumstances { urls: &self.call.urls, login: &self.call.caller.login, now: self.call.now };
        self.repository.pull_event(around, number, action, more);
    }
}

impl Repository {
    pub(super) fn pull_event(&mut self, around: Circumstances<'_>, number: u64, action: &str, more: Value) {
        // A pull request that cannot be shown (its commits are gone) is not told of.
        if let Ok(event) = pull_request_event(self, around, number, action, more) {
            self.events.push(event);
        }
    }

    /// Lets everything follow that follows by itself.
    pub(super) fn settle(&mut self, around: Circumstances<'_>) {
        loop {
            self.notice(around);
            let Some(number) = self.ready_to_merge() else { break };
            self.merge_by_itself(around, number);
        }
    }

    /// Compares the refs with what was last known of them.
    fn notice(&mut self, around: Circumstances<'_>) {
        let mut refs = self.git.refs();
        refs.retain(|name, _| !name.starts_with("refs/pull/"));
        let before = std::mem::replace(&mut self.known, refs);
        let mut names: Vec<String> = before.keys().chain(self.known.keys()).cloned().collect();
        names.sort();
        names.dedup();
        for name in names {
            let (old, new) = (before.get(&name).copied(), self.known.get(&name).copied());
            if old == new {
                continue;
            }
            let event = push_event(self, around, &name, old, new);
            self.events.extend(event.ok());
            if let Some(branch) = name.strip_prefix("refs/heads/") {
                self.moved(around, branch, new);
            }
        }
    }

    /// What a branch that moved means for the pull requests from and to it.
    fn moved(&mut self, around: Circumstances<'_>, branch: &str, to: Option<Oid>) {
        let open: Vec<u64> = self
            .pulls
            .values()
            .filter(|pull| pull.is_open() && (pull.is_of(branch) || pull.base_branch == branch))
            .map(|pull| pull.number)
            .collect();
        for number in open {
            let Some(pull) = self.pulls.get_mut(&number) else { continue };
            let is_head = pull.is_of(branch);
            let Some(to) = to else {
                pull.state = PullState::Closed { at: around.now };
                (pull.auto_merge, pull.updated) = (None, around.now);
                self.pull_event(around, number, "closed", json!({}));
                continue;
            };
            if is_head {
                let before = std::mem::replace(&mut pull.head, to);
                pull.updated = around.now;
                // Only a view: without it, `git fetch origin pull/1/head` would show an older state.
                let _ = self.git.set_ref(&format!("refs/pull/{number}/head"), to);
                let more = json!({"before": before.to_string(), "after": to.to_string()});
                self.pull_event(around, number, "synchronize", more);
            } else if self.git.is_ancestor(pull.head, to) {
                // Somebody merged it by pushing.
                let by = around.login.to_owned();
                pull.state = PullState::Merged { at: around.now, by, commit: to };
                pull.updated = around.now;
                self.pull_event(around, number, "closed", json!({}));
            } else {
                pull.base = to;
            }
        }
    }

    /// The first pull request that waits to be merged and no longer has to.
    fn ready_to_merge(&self) -> Option<u64> {
        let waiting = self.pulls.values().filter(|pull| pull.is_open() && pull.auto_merge.is_some());
        let ready = |number: u64| {
            let state = self.merge_state(number);
            // What is not required does not hold it up.
            matches!(state, Ok(MergeState::Clean | MergeState::Unstable))
        };
        waiting.map(|pull| pull.number).find(|number| ready(*number))
    }

    fn merge_by_itself(&mut self, around: Circumstances<'_>, number: u64) {
        let Some(pull) = self.pulls.get_mut(&number) else { return };
        // Taken back, so that what cannot be merged is not tried for ever.
        let Some(auto) = pull.auto_merge.take() else { return };
        let order = MergeOrder {
            method: auto.method,
            title: auto.title.clone(),
            message: auto.message.clone(),
            by: auto.by.clone(),
        };
        let around = Circumstances { login: &auto.by, ..around };
        if self.merge(number, &order, around.now).is_err() {
            self.pull_event(around, number, "auto_merge_disabled", json!({"reason": "Merge failed"}));
            return;
        }
        if let Some(pull) = self.pulls.get_mut(&number) {
            // GitHub goes on showing how it was merged.
            pull.auto_merge = Some(auto.clone());
        }
        self.pull_event(around, number, "closed", json!({}));
    }

    /// Makes the head of a pull request a branch in somebody's fork; none if there is no such pull request.
    pub(super) fn move_to_fork(&mut self, number: u64, owner: &str) -> Option<()> {
        let pull = self.pulls.get_mut(&number)?;
        pull.fork = Some(owner.to_owned());
        owner.clone_into(&mut pull.author);
        let name = format!("refs/heads/{}", pull.head_branch);
        self.git.store.find_reference(&name).and_then(|mut branch| branch.delete()).ok()?;
        self.known.remove(&name);
        Some(())
    }

    /// What happened since the last time.
    pub(super) fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Gives it another name; the old one redirects.
    pub(super) fn rename(&mut self, name: &str) {
        let old = std::mem::replace(&mut self.name, name.to_owned());
        self.former.retain(|former| former != name);
        if old != name {
            self.former.push(old);
        }
    }
}
