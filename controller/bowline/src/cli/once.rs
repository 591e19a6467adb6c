//! What `plan` and `apply` share: one commit, the part of it that was asked for, and the exit code.

use std::sync::Arc;

use bowline_core::desired::kind::Mode;
use bowline_core::desired::{Finding, Severity};
use bowline_core::plan::{self, Action, Event, Outcome, Sync};
use bowline_core::policy::GitStanding;
use serde::Serialize;

use super::args::Selection;
use super::{findings, narrow, output, text};
use crate::config::Config;
use crate::engine::reconcile::{Part, Pass, World};
use crate::engine::status::GitStatus;
use crate::source::{Snapshot, uncommitted};

pub(super) use crate::engine::look::look;

/// The repository's owner went away although nobody asked it to.
pub(super) const NO_READER: &str = "the task that reads the repository ended unexpectedly; this is a bug in Bowline: please report it with the log";

/// The result of `plan` and `apply` as JSON.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document<'a> {
    /// Commit, totals, resources, and the actions of this wave; after `apply`, those that remain.
    #[serde(flatten)]
    plan: plan::Document<'a>,
    /// What would be done in later waves.
    later: Vec<&'a Action>,
    git: GitStatus,
    findings: &'a [Finding],
    exit_code: u8,
    /// What happened; only for `apply`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) events: Option<&'a [Event]>,
}

/// Without a file, a person at the shell is the ceiling; with one, what it leaves out is the controller's default.
pub(super) fn unset_mode(config: &Config) -> Mode {
    if config.file.is_some() { Mode::Observe } else { Mode::Enforce }
}

/// Tells about work that is not committed: it is easily mistaken for what is compared.
pub(super) fn tell_uncommitted(config: &Config) {
    let count = config.source.as_ref().and_then(|source| uncommitted(&source.repo)).unwrap_or_default();
    if count > 0 {
        let noun = if count == 1 { "file is" } else { "files are" };
        output::tell(&format!("note: {count} {noun} not committed; only what is committed is read\n"));
    }
}

/// The newest commit, waited for, narrowed to what was asked for.
pub(super) async fn snapshot(world: &mut World, selection: &Selection) -> anyhow::Result<Snapshot> {
    let mut view = world.git.view.clone();
    let seen = view.wait_for(|view| view.synced_at.is_some()).await;
    let ended = if world.shutdown.is_cancelled() { "interrupted" } else { NO_READER };
    let view = seen.map(|view| view.clone()).map_err(|_| anyhow::anyhow!(ended))?;
    world.part = match (&selection.target, &selection.service) {
        (_, Some(_)) => Part::OneService,
        (Some(_), None) => Part::OneTarget,
        (None, None) => Part::Whole,
    };
    let Some(snapshot) = view.snapshot else {
        let problem = view.problem.unwrap_or_else(|| "the repository cannot be read".to_owned());
        anyhow::bail!(problem);
    };
    narrowed(&snapshot, selection)
}

/// `snapshot` with only the part that was asked for.
pub(super) fn narrowed(snapshot: &Snapshot, selection: &Selection) -> anyhow::Result<Snapshot> {
    let mut snapshot = snapshot.clone();
    if selection.is_partial() {
        snapshot.state = Arc::new(narrow::narrow(&snapshot.state, selection)?);
    }
    Ok(snapshot)
}

/// 2 if anything could not be read, used or done, 1 if anything differs or git is refused, else 0.
pub(super) fn exit_code(pass: &Pass, findings: &[Finding]) -> u8 {
    let stale = matches!(pass.standing, GitStanding::Stale(_));
    let unusable = findings.iter().any(|finding| finding.severity == Severity::Error);
    let unknown =
        pass.approved.reports.values().any(|report| report.has_unknown() || report.sync == Sync::Invalid);
    let failed = pass.attempted.iter().any(|attempt| matches!(attempt.outcome, Outcome::Failed(_)));
    if stale || unusable || unknown || failed {
        2
    } else {
        let is_refused = pass.standing != GitStanding::Fresh;
        u8::from(is_refused || !pass.approved.reports.values().all(|report| report.is_clean()))
    }
}

/// The result as JSON.
pub(super) fn document<'a>(
    config: &Config,
    snapshot: &'a Snapshot,
    pass: &'a Pass,
    code: u8,
) -> Document<'a> {
    Document {
        plan: plan::Document::of_approved(&snapshot.commit, &pass.approved),
        later: pass.later(),
        git: git(config, snapshot, pass),
        findings: &snapshot.findings,
        exit_code: code,
        events: None,
    }
}

/// The result as text; `actions` says whether to list what would be done.
pub(super) fn render(config: &Config, snapshot: &Snapshot, pass: &Pass, actions: bool) -> String {
    let reports = || pass.approved.reports.values().map(|report| &**report);
    let mut result = text::git(&git(config, snapshot, pass));
    result.push('\n');
    result.push_str(&findings::render_errors(&snapshot.findings));
    result.push_str(&text::details(reports().filter(|report| text::is_worth_telling(report))));
    if actions {
        result.push_str(&text::actions(pass));
    }
    result.push_str(&text::orphans(&pass.approved.orphans));
    result.push_str(&text::totals(reports()));
    result
}

fn git(config: &Config, snapshot: &Snapshot, pass: &Pass) -> GitStatus {
    GitStatus::of_pass(config, snapshot, &pass.standing)
}
