//! `enablePullRequestAutoMerge` and `disablePullRequestAutoMerge`.

use serde_json::{Value, json};

use super::objects::{actor, pull, resolve};
use super::{Asker, GraphError};
use crate::github::hub::Hub;
use crate::github::merge_call::forbidden;
use crate::github::mergeability::MergeState;
use crate::github::permission::{WRITE_CONTENTS, WRITE_PULLS};
use crate::github::pull::{AutoMerge, MergeMethod};
use crate::github::settle::Circumstances;

/// A root field of a mutation.
pub(super) fn mutate(
    hub: &mut Hub,
    asker: &Asker<'_>,
    name: &str,
    input: &Value,
) -> Result<Value, GraphError> {
    if !asker.caller.allowed(WRITE_PULLS) || !asker.caller.allowed(WRITE_CONTENTS) {
        return Err(GraphError::forbidden(asker.caller));
    }
    let (index, number) = resolve(hub, asker.caller, input["pullRequestId"].as_str().unwrap_or_default())?;
    let kind = if name == "enablePullRequestAutoMerge" {
        enable(hub, asker, index, number, input)?;
        "EnablePullRequestAutoMergePayload"
    } else {
        disable(hub, asker, index, number)?;
        "DisablePullRequestAutoMergePayload"
    };
    Ok(json!({
        "__typename": kind,
        "actor": actor(asker.urls, &asker.caller.login),
        "clientMutationId": input["clientMutationId"],
        "pullRequest": pull(hub, asker, index, number)?,
    }))
}

fn unprocessable(message: impl Into<String>) -> GraphError {
    GraphError::new("UNPROCESSABLE", message)
}

fn enable(
    hub: &mut Hub,
    asker: &Asker<'_>,
    index: usize,
    number: u64,
    input: &Value,
) -> Result<(), GraphError> {
    let gone = || unprocessable("Pull request is closed");
    let known = hub.repositories.get_mut(index).ok_or_else(gone)?;
    if !known.settings.allow_auto_merge {
        return Err(unprocessable("Pull request Auto merge is not allowed for this repository"));
    }
    let state = known.merge_state(number).map_err(|_| gone())?;
    let own = known.pulls.get(&number).filter(|pull| pull.is_open()).ok_or_else(gone)?;
    if own.draft {
        return Err(unprocessable("Pull request Pull request is in draft state"));
    }
    let word = input["mergeMethod"].as_str().unwrap_or("MERGE");
    let method = MergeMethod::parse(word)
        .ok_or_else(|| unprocessable(format!("'{word}' is not a valid PullRequestMergeMethod")))?;
    if let Some(message) = forbidden(&known.settings, method) {
        return Err(unprocessable(message));
    }
    let is_linear =
        known.protections.get(&own.base_branch).is_some_and(|rules| rules.required_linear_history);
    if is_linear && method == MergeMethod::Merge {
        return Err(unprocessable("Pull request Merge commits are not allowed on this branch"));
    }
    let expected = input["expectedHeadOid"].as_str();
    if expected.is_some_and(|expected| expected != own.head.to_string()) {
        let message = "Head branch was modified. Review and try the merge again.";
        return Err(unprocessable(message));
    }
    // There is nothing to wait for, or nothing that waiting would help.
    if matches!(state, MergeState::Clean | MergeState::Unstable | MergeState::Dirty) {
        return Err(unprocessable(format!("Pull request Pull request is in {} status", state.word())));
    }
    let text = |name: &str| input[name].as_str().map(str::to_owned);
    let auto = AutoMerge {
        by: asker.caller.login.clone(),
        method,
        title: text("commitHeadline"),
        message: text("commitBody"),
        at: asker.now,
    };
    if let Some(own) = known.pulls.get_mut(&number) {
        own.auto_merge = Some(auto);
        own.updated = asker.now;
    }
    let around = Circumstances { urls: asker.urls, login: &asker.caller.login, now: asker.now };
    known.pull_event(around, number, "auto_merge_enabled", json!({}));
    Ok(())
}

fn disable(hub: &mut Hub, asker: &Asker<'_>, index: usize, number: u64) -> Result<(), GraphError> {
    let none = || unprocessable("Can't disable auto-merge for this pull request.");
    let known = hub.repositories.get_mut(index).ok_or_else(none)?;
    let own = known.pulls.get_mut(&number).filter(|pull| pull.is_open()).ok_or_else(none)?;
    own.auto_merge.take().ok_or_else(none)?;
    own.updated = asker.now;
    let around = Circumstances { urls: asker.urls, login: &asker.caller.login, now: asker.now };
    known.pull_event(around, number, "auto_merge_disabled", json!({"reason": "Disabled by a person"}));
    Ok(())
}
