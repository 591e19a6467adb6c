//! Git that may not be acted from is told: in the history per target, and in the log, both once.

use bowline_core::desired::{DesiredState, ResourceKey, ResourceKind, how_to_accept};
use bowline_core::name::ResourceName;
use bowline_core::plan::{Event, EventKind};
use bowline_core::policy::GitStanding;
use jiff::Timestamp;

use crate::store::{History, StoreError};

/// What a rewritten branch is, as a sentence.
const REWRITTEN: &str = "the branch was rewritten: its head does not descend from the last applied commit";

/// Why git is refused, without the way out; absent when it is not.
pub fn why(standing: &GitStanding) -> Option<String> {
    match standing {
        GitStanding::Fresh | GitStanding::Stale(_) => None,
        GitStanding::ForcePushed { .. } => Some(REWRITTEN.to_owned()),
        GitStanding::Shrunk { targets, .. } => Some(targets.values().cloned().collect::<Vec<_>>().join("; ")),
    }
}

/// Why git may not be acted from, with the way out, as a sentence; absent when it may.
pub(super) fn reason(standing: &GitStanding) -> Option<String> {
    match standing {
        GitStanding::Fresh => None,
        GitStanding::Stale(reason) => Some(reason.clone()),
        GitStanding::ForcePushed { head } | GitStanding::Shrunk { head, .. } => {
            why(standing).map(|why| format!("{why}; {}", how_to_accept(head)))
        }
    }
}

/// Why git is refused; absent also when it only cannot be read.
pub(super) fn refused(standing: &GitStanding) -> Option<String> {
    match standing {
        GitStanding::Fresh | GitStanding::Stale(_) => None,
        GitStanding::ForcePushed { .. } | GitStanding::Shrunk { .. } => reason(standing),
    }
}

/// An event for each target that is refused, unless it was the last thing told of it.
pub(super) async fn events(
    standing: &GitStanding,
    desired: &DesiredState,
    history: &History,
    now: Timestamp,
) -> Result<Vec<Event>, StoreError> {
    let of = |target: &ResourceName, why: &str, head: &str| Event {
        at: now,
        resource: ResourceKey { kind: ResourceKind::Target, name: target.clone() },
        kind: EventKind::GitRefused,
        message: format!("{target}: nothing is done: {why}; {}", how_to_accept(head)),
    };
    let refused: Vec<Event> = match standing {
        GitStanding::Fresh | GitStanding::Stale(_) => Vec::new(),
        GitStanding::ForcePushed { head } => {
            desired.targets.keys().map(|target| of(target, REWRITTEN, head)).collect()
        }
        GitStanding::Shrunk { head, targets } => {
            targets.iter().map(|(target, why)| of(target, why, head)).collect()
        }
    };
    let mut news = Vec::new();
    for event in refused {
        let last = history.newest(Some(event.resource.name.as_str()), 1).await?;
        if last.first().is_none_or(|last| last.message != event.message) {
            news.push(event);
        }
    }
    Ok(news)
}

/// Warns about a refusal that was not warned about since the start, and says when it is over. `known` is the one that was.
pub(super) fn log(standing: &GitStanding, known: &mut Option<String>) {
    let now = refused(standing);
    if now == *known || matches!(standing, GitStanding::Stale(_)) {
        return;
    }
    if let Some(why) = &now {
        tracing::warn!("nothing is done: {why}");
    } else {
        tracing::info!("git is acted from again");
    }
    *known = now;
}
