//! Reasons, waits and actions as sentences: what it is, and what a person can do.

use bowline_core::plan::{Action, HeldWhy, Operation, Outcome, Sync, WaitingOn};
use serde_json::Value;

/// The state as it is written in JSON and text.
pub(super) fn state(sync: Sync) -> &'static str {
    crate::engine::status::STATES
        .iter()
        .find_map(|(state, label)| (*state == sync).then_some(*label))
        .unwrap_or("unknown")
}

/// A value's own serialized name (`ecs:deploy`, `observe`).
fn name(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(text)) => text,
        _ => String::new(),
    }
}

/// Why it is held, and what a person can do.
pub(super) fn held(why: &HeldWhy) -> (String, Option<String>) {
    let by = |by_ceiling: bool| if by_ceiling { "the ceiling in bowline.yaml" } else { "the Target" };
    let (what, hint) = match why {
        HeldWhy::Mode { mode, by_ceiling: true } => (
            format!("{} sets mode {}", by(true), name(mode)),
            "set `ceiling.mode: enforce` in bowline.yaml to let Bowline act".to_owned(),
        ),
        HeldWhy::Mode { mode, by_ceiling: false } => (
            format!("{} is in mode {}", by(false), name(mode)),
            "set `mode: enforce` in the Target, in git, to let Bowline act".to_owned(),
        ),
        HeldWhy::NotPermitted { target, capability, by_ceiling } => (
            format!("Operation not permitted for target {target}: {} withholds {}", by(*by_ceiling), name(capability)),
            format!("add {} to the capabilities of {}", name(capability), by(*by_ceiling)),
        ),
        HeldWhy::OutsideCeiling { what } => {
            (what.clone(), "widen the ceiling in bowline.yaml, or correct the Target".to_owned())
        }
        HeldWhy::Quarantined { spec_hash, reason } => (
            format!("this spec ({spec_hash}) failed before: {reason}"),
            "change it in git; what failed is not deployed again".to_owned(),
        ),
        HeldWhy::HealDelay { until } => (
            format!("somebody stepped back by hand; it is healed at {until} (healDelay)"),
            "put the same into git before then to keep it, or set a shorter healDelay".to_owned(),
        ),
        HeldWhy::ForcePush => (
            "the branch was rewritten since the last applied commit".to_owned(),
            "restore the branch, or move the store away to accept the new history".to_owned(),
        ),
        HeldWhy::StaleGit { reason } => {
            (format!("git cannot be read: {reason}"), "nothing is done from an old commit; it goes on by itself".to_owned())
        }
        HeldWhy::Shrunk { what } => {
            (what.clone(), "revert the commit, or remove the resources in smaller steps".to_owned())
        }
        HeldWhy::ChangeLimit { limit } => {
            return (format!("{limit} changes were made in this pass, as many as the Target allows"), None);
        }
        HeldWhy::NotCreatedByBowline => (
            "the service does not exist, and is not created by Bowline".to_owned(),
            "create it (Terraform, CloudFormation), or correct the name, account, region or cluster".to_owned(),
        ),
        HeldWhy::NewerThanPin { current } => (
            format!("AWSCURRENT is on {current}, which is newer than the pinned version: somebody rotated by hand"),
            format!("pin `versionId: {current}` in git"),
        ),
        HeldWhy::VersionMissing => (
            "the pinned version does not exist".to_owned(),
            "pin a version that exists, or write it first".to_owned(),
        ),
        HeldWhy::ReportOnly => return ("reported only; this version does not repair it".to_owned(), None),
        HeldWhy::NeedsPerson { what } => return (what.clone(), None),
    };
    (what, Some(hint))
}

/// What is waited for.
pub(super) fn waiting(on: &WaitingOn) -> String {
    match on {
        WaitingOn::Wave { of } => {
            let names: Vec<String> = of.iter().map(ToString::to_string).collect();
            format!("waits for {}", names.join(", "))
        }
        WaitingOn::Rollout { deployment_id, deadline } => {
            let which = deployment_id.as_deref().unwrap_or("the deployment");
            format!("rolling out: {which} must be COMPLETED by {deadline}")
        }
        WaitingOn::EcsRollback => "ECS is rolling back; nothing is done meanwhile".to_owned(),
        WaitingOn::Dependency { on } => format!("waits for EcsService/{on}, which it depends on"),
        WaitingOn::Read { what } => format!("waits for a read: {what}"),
    }
}

/// The call that will be made, as a short sentence.
pub(super) fn action(action: &Action) -> String {
    match &action.operation {
        Operation::TagService { key, value, .. } => format!("note on the service: {} = {value}", key.as_str()),
        Operation::PromoteSecret { to, from, .. } => format!("move AWSCURRENT from {from} to {to}"),
        Operation::RegisterTaskDefinition { family, .. } => format!("register a new revision of {family}"),
        Operation::UpdateService { task_definition, desired_count, force_new_deployment, .. } => {
            let mut parts = Vec::new();
            if let Some(task_definition) = task_definition {
                parts.push(format!("deploy {}", task_definition.revision()));
            }
            if let Some(count) = desired_count {
                parts.push(format!("set the desired count to {count}"));
            }
            if *force_new_deployment {
                parts.push("start new tasks".to_owned());
            }
            if parts.is_empty() { "update the service".to_owned() } else { parts.join(", ") }
        }
    }
}

/// How an attempt went.
pub(super) fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done { deployment_id: Some(id), .. } => format!("done ({id})"),
        Outcome::Done { .. } => "done".to_owned(),
        Outcome::AlreadyDone => "was done already".to_owned(),
        Outcome::Superseded { found } => format!("not done, somebody else was faster: {found}"),
        Outcome::Failed(why) => format!("failed: {}; {}", why.message, why.hint),
    }
}
