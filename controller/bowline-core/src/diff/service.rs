//! What differs on a service, apart from its task definition's content.

use super::path::Ignored;
use super::{Difference, Reason, Shown};
use crate::desired::kind::EcsService;
use crate::name::RevisionRef;

/// The service that git names is not there.
pub(crate) fn missing_service(spec: &EcsService, note: &str) -> Difference {
    Difference {
        path: "service".to_owned(),
        reason: Reason::Missing,
        wanted: Shown::text(&spec.service),
        found: Shown::Absent,
        note: Some(note.to_owned()),
        owner: None,
    }
}

/// The revision that is live is not the one that is pinned.
pub(crate) fn diff_revision(
    wanted: &RevisionRef,
    found: Option<&RevisionRef>,
    ignored: &Ignored,
) -> Option<Difference> {
    let path = "taskDefinition";
    if found == Some(wanted) || ignored.covers(path) {
        return None;
    }
    let found = found.map_or(Shown::Absent, Shown::text);
    let wanted = Shown::text(wanted);
    Some(Difference {
        path: path.to_owned(),
        reason: Reason::of(&wanted, &found),
        wanted,
        found,
        note: None,
        owner: None,
    })
}

/// The desired count is not the one in git; a count that git leaves out is not managed.
pub(crate) fn diff_desired_count(wanted: Option<u32>, found: u32, ignored: &Ignored) -> Option<Difference> {
    let path = "desiredCount";
    let wanted = wanted.filter(|wanted| *wanted != found && !ignored.covers(path))?;
    Some(Difference {
        path: path.to_owned(),
        reason: Reason::Changed,
        wanted: Shown::text(wanted),
        found: Shown::text(found),
        note: None,
        owner: None,
    })
}

/// The running tasks were started for another token, or with other secret versions, than git wants.
pub(crate) fn diff_record(path: &str, wanted: &str, found: &str, note: String) -> Difference {
    Difference {
        path: path.to_owned(),
        reason: Reason::Changed,
        wanted: Shown::text(wanted),
        found: Shown::text(found),
        note: Some(note),
        owner: None,
    }
}
