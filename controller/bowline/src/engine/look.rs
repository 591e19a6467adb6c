//! A pass that only looks, and looks again at what it does not believe.

use bowline_core::live::UnknownCategory;
use bowline_core::plan::ResourceReport;

use super::reconcile::{Pass, World, preview};
use crate::source::Snapshot;

/// How often a service that was not found is looked for again: once may be a half-read answer.
const SECOND_LOOKS: usize = 2;

/// The pause before a second look. AWS's own reads are consistent within a second or two.
const SECOND_LOOK: std::time::Duration = std::time::Duration::from_secs(2);

/// Looks, and looks again at what was not found the first time.
pub async fn look(world: &mut World, snapshot: &Snapshot) -> Pass {
    let mut pass = preview(world, snapshot).await;
    for _ in 0..SECOND_LOOKS {
        if !pass.approved.reports.values().any(|report| is_suspicious(report)) {
            break;
        }
        tokio::time::sleep(SECOND_LOOK).await;
        pass = preview(world, snapshot).await;
    }
    pass
}

/// Whether it was not found for the first time.
fn is_suspicious(report: &ResourceReport) -> bool {
    report.unknown.as_ref().is_some_and(|why| why.category == UnknownCategory::SuspiciouslyMissing)
}
