//! What does a verb of the command line change in git, and what can a person do? The desired state of the branch's head and a wish in, the [`Draft`] of
//! one commit out, or a [`Refusal`].
//!
//! | file | holds |
//! |---|---|
//! | `break_glass` | what was last good, applied ahead of git |
//! | `draft` | a commit that is to be: its change, its message, the name of its branch |
//! | `release` | another image or revision |
//! | `rollback` | the commit to go back to, and the revert |
//! | `declare` | commits that only say something: retry, accept |
//! | `proposal` | the pull request of a verb's commit, as text |
//! | `suspend` | suspensions, and their end |
//! | `explain` | a state in sentences, with what a person can do |
//! | `refusal` | why there is no commit, and what to do instead |
//!
//! May import `desired`, `edit`, `rollback` and the reports of `plan`. Must not know how a commit is made or pushed.

mod break_glass;
mod declare;
mod draft;
mod explain;
mod proposal;
mod refusal;
mod release;
mod rollback;
mod suspend;

use jiff::Timestamp;

use crate::desired::{DesiredService, DesiredState, Origin, ResourceKey, ResourceKind};
use crate::edit::{Edit, FieldEdit, Scalar};
use crate::name::{RelativePath, ResourceName, RestartToken};

pub use break_glass::{Glass, break_glass};
pub use declare::{Refused, accept, retry};
pub use draft::Draft;
pub use explain::{Answer, ExplainedRollback, Explanation, RollbackSeen, answers, explain};
pub use proposal::{body, title};
pub use refusal::Refusal;
pub use release::{Release, release};
pub use rollback::{Goal, Rollback, StandIn, rollback};
pub use suspend::{Suspendable, resume, suspend};

/// Restarts a service once: its manifest has another token. Without one, the token is the time to the minute, or to the
/// second where git has that one already.
pub fn restart(
    desired: &DesiredState,
    name: &ResourceName,
    token: Option<RestartToken>,
    now: Timestamp,
) -> Result<Draft, Refusal> {
    let service = service(desired, name)?;
    let known = service.resource.spec.restart.as_ref();
    let is_known = |token: &str| known.is_some_and(|known| known.as_str() == token);
    let token = token.map_or_else(
        || {
            let minute = now.strftime("%Y-%m-%dT%H-%M").to_string();
            if is_known(&minute) { now.strftime("%Y-%m-%dT%H-%M-%S").to_string() } else { minute }
        },
        |token| token.to_string(),
    );
    if is_known(&token) {
        return Err(Refusal::AlreadySo { what: format!("`restart: {token}` of {}", key(name)) });
    }
    let edit = FieldEdit::set("spec.restart", Scalar::Text(token.clone()));
    let mut draft = of_service("restart", service, name, vec![edit])?;
    draft.subject = format!("Restart {name}");
    draft.body.push(format!("New tasks are started once, for the token {token}."));
    Ok(draft)
}

/// Sets the number of tasks of a service, at most 5,000 (AWS's quota of tasks per service).
pub fn scale(desired: &DesiredState, name: &ResourceName, count: u32) -> Result<Draft, Refusal> {
    let service = service(desired, name)?;
    let known = service.resource.spec.desired_count;
    if known == Some(count) {
        return Err(Refusal::AlreadySo { what: format!("`desiredCount: {count}` of {}", key(name)) });
    }
    let edit = FieldEdit::set("spec.desiredCount", Scalar::Number(count.into()));
    let mut draft = of_service("scale", service, name, vec![edit])?;
    draft.subject = format!("Scale {name} to {count}");
    match known {
        Some(known) => draft.body.push(format!("It was {known}.")),
        None => draft.notes.push(format!(
            "git did not say how many tasks {name} has, and does from now on; where autoscaling sets the count, it keeps doing so \
             unless the count is 0"
        )),
    }
    Ok(draft)
}

/// The key of a service.
fn key(name: &ResourceName) -> ResourceKey {
    ResourceKey { kind: ResourceKind::EcsService, name: name.clone() }
}

/// The service of this name, if git has it in a usable form.
fn service<'a>(desired: &'a DesiredState, name: &ResourceName) -> Result<&'a DesiredService, Refusal> {
    if let Some(service) = desired.services.get(name) {
        return Ok(service);
    }
    Err(match desired.invalid.get(&key(name)) {
        Some(why) => Refusal::Invalid { resource: key(name), why: why.clone() },
        None => Refusal::NoSuch {
            resource: key(name),
            known: desired.services.keys().map(ToString::to_string).collect(),
        },
    })
}

/// A draft that changes fields of a service.
fn of_service(
    verb: &'static str,
    service: &DesiredService,
    name: &ResourceName,
    edits: Vec<FieldEdit>,
) -> Result<Draft, Refusal> {
    let path = path(&service.resource.origin)?;
    let edit = Edit::Fields { path, resource: key(name), edits };
    Ok(Draft::about(verb, key(name), Some(edit)))
}

/// The file that a resource stands in.
fn path(origin: &Origin) -> Result<RelativePath, Refusal> {
    RelativePath::parse(&origin.path).map_err(|_| Refusal::NoPath { path: origin.path.clone() })
}

#[cfg(test)]
mod tests;
