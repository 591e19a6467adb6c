//! One Terraform state: reported, not repaired.

use super::report::{HeldWhy, ResourceReport, Sync};
use super::world::{Seen, World, key};
use crate::desired::kind::TerraformState;
use crate::desired::{Resource, ResourceKind};
use crate::diff::{Difference, Reason, Shown, diff_state};
use crate::name::ResourceName;

/// What there is to say about one state.
pub(crate) fn report(
    world: &World<'_>,
    name: &ResourceName,
    wanted: &Resource<TerraformState>,
) -> ResourceReport {
    let spec = &wanted.spec;
    let mut report = ResourceReport::new(key(ResourceKind::TerraformState, name), &spec.target);
    report.note_origin(&wanted.origin);
    match world.see(&report.resource, &spec.target, world.live.states.get(name)) {
        Seen::Unknown(why) => report.set_unknown(why),
        Seen::Missing => {
            report.sync = Sync::Missing;
            report.differences.push(Difference {
                path: "state".to_owned(),
                reason: Reason::Missing,
                wanted: Shown::Text(format!("s3://{}/{}", spec.bucket, spec.key)),
                found: Shown::Absent,
                note: Some("not created by Bowline".to_owned()),
                owner: None,
            });
            report.held.push(HeldWhy::ReportOnly);
        }
        Seen::Known { value } => {
            report.differences = diff_state(spec, value);
            if !report.differences.is_empty() {
                report.sync = Sync::Drifted;
                report.held.push(HeldWhy::ReportOnly);
            }
        }
    }
    report
}
