//! What differs on a Terraform state: version id, serial, lineage.

use super::{Difference, Reason, Shown};
use crate::desired::kind::TerraformState;
use crate::live::LiveState;

/// The fields of the state's head that are not as git says. A field that git leaves out is only watched.
pub(crate) fn diff_state(wanted: &TerraformState, found: &LiveState) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut compare = |path: &str, wanted: Shown, found: Shown| {
        if wanted != found {
            let reason = Reason::of(&wanted, &found);
            differences.push(Difference {
                path: path.to_owned(),
                reason,
                wanted,
                found,
                note: None,
                owner: None,
            });
        }
    };
    if let Some(lineage) = &wanted.lineage {
        compare("lineage", Shown::text(lineage), Shown::text(&found.lineage));
    }
    if let Some(version) = &wanted.version {
        let live = found.version_id.as_ref().map_or(Shown::Absent, Shown::text);
        compare("version.id", Shown::text(&version.id), live);
        compare("version.serial", Shown::text(version.serial), Shown::text(found.serial));
    }
    differences
}
