//! What differs on a secret: where AWSCURRENT is. Never a value.

use super::{Difference, Reason, Shown};
use crate::desired::kind::Secret;
use crate::live::LiveSecret;

/// AWSCURRENT is not on the pinned version.
pub(crate) fn diff_secret(wanted: &Secret, found: &LiveSecret) -> Option<Difference> {
    if found.current() == Some(wanted.version_id.as_str()) {
        return None;
    }
    let shown = found.current().map_or(Shown::Absent, Shown::text);
    let wanted = Shown::text(&wanted.version_id);
    Some(Difference {
        path: "versionId".to_owned(),
        reason: Reason::of(&wanted, &shown),
        wanted,
        found: shown,
        note: None,
        owner: None,
    })
}
