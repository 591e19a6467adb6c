//! What the controller tells about itself: one document, published after each pass, served as JSON and read by `status`.

use std::sync::Arc;

use bowline_core::desired::{Finding, FindingCode, ResourceKind};
use bowline_core::plan::{Orphan, ResourceReport, Sync, Totals};
use bowline_core::policy::GitStanding;
use bowline_core::rollback::machine::{Rollback, State};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::git::GitView;
use super::reconcile::{Found, Pass};
use super::refusal;
use crate::config::Config;
use crate::source::Snapshot;

/// The version of the document's shape. It counts up when a field is removed or changes its meaning, not when one is
/// added.
pub const STATUS_VERSION: u32 = 1;

/// What the controller tells about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// [`STATUS_VERSION`].
    pub version: u32,
    /// The version of the program.
    pub bowline: String,
    /// When it started.
    pub started_at: Timestamp,
    /// The repository.
    pub git: GitStatus,
    /// The last pass that ended; absent before the first.
    pub pass: Option<PassStatus>,
    /// Why no pass can be made, as a sentence.
    pub problem: Option<String>,
    /// How many resources are in each state.
    pub totals: Totals,
    /// What a person has to look at in the desired state.
    pub findings: Vec<Finding>,
    /// Every resource. Shared by the documents of one pass, of which there may be several.
    #[serde(serialize_with = "as_list", deserialize_with = "from_list")]
    pub resources: Arc<[Box<ResourceReport>]>,
    /// Services of this instance that git does not name any more. Nothing is done to them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub orphans: Vec<Orphan>,
    /// Rollbacks that are under way, or ended within the last day; the newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rollbacks: Vec<RollbackStatus>,
    /// Why previews of pull requests are not made for now; absent while they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previews_wait: Option<PreviewsWait>,
}

/// Previews are not made for now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PreviewsWait {
    /// Until when.
    pub until: Timestamp,
    /// Why, as a sentence.
    pub why: String,
}

impl std::fmt::Display for PreviewsWait {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let until = self.until.strftime("%H:%M UTC");
        write!(formatter, "previews of pull requests wait until {until}: {}", self.why)
    }
}

/// One rollback.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RollbackStatus {
    /// Its id, also that of its incident.
    pub id: String,
    /// The services that failed.
    pub services: Vec<String>,
    /// The commit that is taken back.
    pub bad_commit: String,
    /// The first line of its message.
    pub subject: String,
    /// Where it is.
    pub state: State,
    /// Since when.
    pub since: Timestamp,
    /// When a person is told that this lasts too long; absent at its end.
    pub deadline: Option<Timestamp>,
    /// Its branch.
    pub branch: Option<String>,
    /// Its pull request.
    pub pull_request: Option<String>,
    /// Why it does not go on by itself, or what went wrong with the last step.
    pub why: Option<String>,
}

impl From<&Rollback> for RollbackStatus {
    fn from(rollback: &Rollback) -> Self {
        let trouble =
            rollback.trouble.as_ref().map(|trouble| format!("{} ({})", trouble.sentence, trouble.hint));
        Self {
            id: rollback.id.clone(),
            services: rollback.resources.keys().map(ToString::to_string).collect(),
            bad_commit: rollback.bad_commit.to_string(),
            subject: rollback.subject.clone(),
            state: rollback.state,
            since: rollback.entered_at,
            deadline: rollback.deadline(),
            branch: rollback.branch.as_ref().map(|branch| branch.name.clone()),
            pull_request: rollback.pull.as_ref().map(|pull| pull.url.clone()),
            why: trouble.or_else(|| rollback.why.clone()),
        }
    }
}

fn is_of_server(finding: &Finding) -> bool {
    finding.code == FindingCode::RepositoryRenamed
}

fn as_list<S: Serializer>(reports: &Arc<[Box<ResourceReport>]>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(reports.iter())
}

fn from_list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<[Box<ResourceReport>]>, D::Error> {
    Vec::deserialize(deserializer).map(Arc::from)
}

/// What is known of the repository.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GitStatus {
    /// The repository as configured.
    pub repo: String,
    /// The branch as configured; `HEAD` for the remote's own.
    pub reference: String,
    /// The folder inside it.
    pub path: String,
    /// The commit at hand; absent before the first successful read.
    pub commit: Option<CommitStatus>,
    /// Whether it may be acted from.
    pub standing: Standing,
    /// Why not, as a sentence.
    pub reason: Option<String>,
}

/// One commit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommitStatus {
    /// Its full id.
    pub id: String,
    /// The first line of its message.
    pub subject: String,
    /// Who wrote it.
    pub author: String,
    /// When it was committed.
    pub committed_at: Timestamp,
    /// When the remote last confirmed that it is the head.
    pub read_at: Timestamp,
}

/// Whether git may be acted from, in one word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Nothing was read yet.
    #[default]
    Unread,
    /// It may.
    Fresh,
    /// The remote cannot be read.
    Stale,
    /// The branch was rewritten.
    ForcePushed,
    /// Too much vanished at once.
    Shrunk,
}

/// One pass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PassStatus {
    /// Counts up from 1 since the start.
    pub number: u64,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// How many actions were attempted in it.
    pub attempted: usize,
}

impl Status {
    /// The document before anything was read.
    pub fn starting(config: &Config, now: Timestamp) -> Self {
        Self {
            version: STATUS_VERSION,
            bowline: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: now,
            git: GitStatus::unread(config),
            pass: None,
            problem: None,
            totals: Totals::default(),
            findings: Vec::new(),
            resources: Arc::default(),
            orphans: Vec::new(),
            rollbacks: Vec::new(),
            previews_wait: None,
        }
    }

    /// The reports.
    pub fn reports(&self) -> impl Iterator<Item = &ResourceReport> {
        self.resources.iter().map(|report| &**report)
    }

    /// The document after git was read (or not), and before a pass over it ended.
    #[must_use]
    pub fn with_git(mut self, view: &GitView) -> Self {
        if let Some(snapshot) = &view.snapshot {
            self.git.take(snapshot, &snapshot.standing);
            self.take_findings(snapshot);
        }
        self.problem.clone_from(&view.problem);
        self
    }

    /// The findings of a commit; what is found of the repository's name at its server stays.
    fn take_findings(&mut self, snapshot: &Snapshot) {
        let of_server = std::mem::take(&mut self.findings).into_iter().filter(is_of_server);
        self.findings = snapshot.findings.iter().cloned().chain(of_server).collect();
    }

    /// The document with what is found of the repository's name at its server.
    #[must_use]
    pub fn with_name(mut self, renamed: Option<Finding>) -> Self {
        self.findings.retain(|finding| !is_of_server(finding));
        self.findings.extend(renamed);
        self
    }

    /// The document after a pass.
    #[must_use]
    pub fn with_pass(mut self, snapshot: &Snapshot, pass: Pass, found: Found) -> Self {
        self.git.take(snapshot, &pass.standing);
        self.take_findings(snapshot);
        self.pass = Some(PassStatus {
            number: self.pass.map_or(1, |last| last.number + 1),
            started_at: pass.started_at,
            finished_at: pass.finished_at,
            attempted: pass.attempted.len(),
        });
        self.totals = Totals::of(found.reports.iter().map(|report| &**report));
        self.resources = found.reports;
        self.orphans = pass.approved.orphans;
        self
    }
}

impl GitStatus {
    /// Before anything was read.
    fn unread(config: &Config) -> Self {
        let source = config.source.clone().unwrap_or_default();
        Self {
            repo: source.repo,
            reference: source.reference.unwrap_or_else(|| "HEAD".to_owned()),
            path: source.path,
            ..Self::default()
        }
    }

    /// After a pass over this commit.
    pub fn of_pass(config: &Config, snapshot: &Snapshot, standing: &GitStanding) -> Self {
        let mut git = Self::unread(config);
        git.take(snapshot, standing);
        git
    }

    fn take(&mut self, snapshot: &Snapshot, standing: &GitStanding) {
        self.commit = Some(CommitStatus {
            id: snapshot.commit.clone(),
            subject: snapshot.subject.clone(),
            author: snapshot.author.clone(),
            committed_at: snapshot.committed_at,
            read_at: snapshot.read_at,
        });
        self.standing = Standing::of(standing);
        self.reason = refusal::reason(standing);
    }
}

impl Standing {
    /// Every standing that a pass can find, with its label in metrics.
    const LABELS: [(Self, &str); 4] = [
        (Self::Fresh, "fresh"),
        (Self::Stale, "stale"),
        (Self::ForcePushed, "force-pushed"),
        (Self::Shrunk, "shrunk"),
    ];

    fn of(standing: &GitStanding) -> Self {
        match standing {
            GitStanding::Fresh => Self::Fresh,
            GitStanding::Stale(_) => Self::Stale,
            GitStanding::ForcePushed { .. } => Self::ForcePushed,
            GitStanding::Shrunk { .. } => Self::Shrunk,
        }
    }
}

/// Every state, with its label in metrics.
const STATES: [(Sync, &str); 7] = [
    (Sync::InSync, "in-sync"),
    (Sync::Drifted, "drifted"),
    (Sync::Progressing, "progressing"),
    (Sync::AwaitingGit, "awaiting-git"),
    (Sync::Missing, "missing"),
    (Sync::Unknown, "unknown"),
    (Sync::Invalid, "invalid"),
];

/// Brings a pass into the metrics.
pub(super) fn measure(pass: &Pass) {
    let totals = Totals::of(pass.approved.reports.values().map(|report| &**report));
    for (state, label) in STATES {
        let count = u32::try_from(totals.0.get(&state).copied().unwrap_or_default()).unwrap_or(u32::MAX);
        metrics::gauge!("bowline_resources", "state" => label).set(count);
    }
    for (standing, label) in Standing::LABELS {
        let is_it = u8::from(standing == Standing::of(&pass.standing));
        metrics::gauge!("bowline_git_standing", "standing" => label).set(is_it);
    }
    for target in pass.approved.reports.keys().filter(|key| key.kind == ResourceKind::Target) {
        let count = pass.approved.orphans.iter().filter(|orphan| orphan.target == target.name).count();
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        metrics::gauge!("bowline_orphans", "target" => target.name.to_string()).set(count);
    }
    metrics::histogram!("bowline_pass_duration_seconds").record(pass.took.as_secs_f64());
    metrics::counter!("bowline_passes_total").increment(1);
    metrics::counter!("bowline_actions_total").increment(pass.attempted.len() as u64);
}

/// Publishes what `change` makes of the newest document.
pub(crate) fn publish(
    sender: &tokio::sync::watch::Sender<Arc<Status>>,
    change: impl FnOnce(Status) -> Status,
) {
    // In one step: passes, rollbacks and previews publish.
    sender.send_modify(|status| *status = Arc::new(change(Status::clone(status))));
}
