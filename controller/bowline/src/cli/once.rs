//! What `plan` and `apply` share: one commit, the part of it that was asked for, and the exit code.

use std::collections::BTreeMap;
use std::sync::Arc;

use bowline_core::desired::kind::Mode;
use bowline_core::desired::{Finding, Severity};
use bowline_core::live::UnknownCategory;
use bowline_core::plan::{Action, Event, ResourceReport, Sync};
use bowline_core::policy::GitStanding;
use serde::Serialize;

use super::args::Selection;
use super::{findings, narrow, text};
use crate::config::Config;
use crate::engine::reconcile::{Pass, World, preview};
use crate::engine::status::{GitStatus, STATUS_VERSION, Status};
use crate::source::Snapshot;

/// How often a service that was not found is looked for again: once may be a half-read answer.
const SECOND_LOOKS: usize = 2;

/// The pause before a second look. AWS's own reads are consistent within a second or two.
const SECOND_LOOK: std::time::Duration = std::time::Duration::from_secs(2);

/// The result of `plan` and `apply` as JSON.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document<'a> {
    version: u32,
    git: GitStatus,
    exit_code: u8,
    summary: BTreeMap<Sync, usize>,
    findings: &'a [Finding],
    resources: Vec<&'a ResourceReport>,
    /// What would be done now; for `apply`, what remains.
    actions: &'a [Action],
    /// What would be done in later waves.
    later: Vec<&'a Action>,
    /// What happened; only for `apply`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) events: Vec<&'a Event>,
}

/// Without a file, a person at the shell is the ceiling; with one, what it leaves out is the controller's default.
pub(super) fn unset_mode(config: &Config) -> Mode {
    if config.file.is_some() { Mode::Observe } else { Mode::Enforce }
}

/// The newest commit, waited for, narrowed to what was asked for.
pub(super) async fn snapshot(world: &World, selection: &Selection) -> anyhow::Result<Snapshot> {
    let mut view = world.git.view.clone();
    let seen = view.wait_for(|view| view.synced_at.is_some()).await;
    let view = seen.map(|view| view.clone()).map_err(|_| anyhow::anyhow!("interrupted"))?;
    let Some(snapshot) = view.snapshot else {
        let problem = view.problem.unwrap_or_else(|| "the repository cannot be read".to_owned());
        anyhow::bail!(problem);
    };
    narrowed(&snapshot, selection)
}

/// `snapshot` with only the part that was asked for.
pub(super) fn narrowed(snapshot: &Snapshot, selection: &Selection) -> anyhow::Result<Snapshot> {
    let (target, service) = (selection.target.as_deref(), selection.service.as_deref());
    let mut snapshot = snapshot.clone();
    if target.is_some() || service.is_some() {
        snapshot.state = Arc::new(narrow::narrow(&snapshot.state, target, service)?);
    }
    Ok(snapshot)
}

/// Looks, and looks again at what was not found the first time.
pub(super) async fn look(world: &mut World, snapshot: &Snapshot) -> Pass {
    let mut pass = preview(world, snapshot).await;
    for _ in 0..SECOND_LOOKS {
        if !pass.reports.values().any(is_suspicious) {
            break;
        }
        tokio::time::sleep(SECOND_LOOK).await;
        pass = preview(world, snapshot).await;
    }
    pass
}

pub(super) fn is_suspicious(report: &ResourceReport) -> bool {
    report.unknown.as_ref().is_some_and(|why| why.category == UnknownCategory::SuspiciouslyMissing)
}

/// 2 if anything could not be read or used, 1 if anything differs, else 0.
pub(super) fn exit_code(pass: &Pass, findings: &[Finding]) -> u8 {
    let stale = matches!(pass.standing, GitStanding::Stale(_));
    let unusable = findings.iter().any(|finding| finding.severity == Severity::Error);
    let unknown = pass.reports.values().any(|report| report.has_unknown() || report.sync == Sync::Invalid);
    if stale || unusable || unknown {
        2
    } else {
        u8::from(!pass.reports.values().all(ResourceReport::is_clean))
    }
}

/// The result as JSON.
pub(super) fn document<'a>(config: &Config, snapshot: &'a Snapshot, pass: &'a Pass, code: u8) -> Document<'a> {
    let first = pass.approved.first().map(|action| action.wave);
    Document {
        version: STATUS_VERSION,
        git: Status::starting(config, pass.started_at).with_pass(snapshot, pass).git,
        exit_code: code,
        summary: pass.summary(),
        findings: &snapshot.findings,
        resources: pass.reports.values().collect(),
        actions: &pass.approved,
        later: pass.proposed.iter().filter(|action| first.is_some_and(|wave| action.wave > wave)).collect(),
        events: Vec::new(),
    }
}

/// The result as text; `actions` says whether to list what would be done.
pub(super) fn render(config: &Config, snapshot: &Snapshot, pass: &Pass, actions: bool) -> String {
    let git = Status::starting(config, pass.started_at).with_pass(snapshot, pass).git;
    let reports: Vec<ResourceReport> = pass.reports.values().cloned().collect();
    let mut result = text::git(&git);
    result.push('\n');
    result.push_str(&findings::render(&snapshot.findings));
    result.push_str(&text::details(&reports));
    if actions {
        result.push_str(&text::actions(&pass.approved, &pass.proposed));
    }
    result.push_str(&text::summary(&pass.summary()));
    result
}
