//! What would a pull request do? Pull requests that are open for the watched branch in; a comment and a check on each out.
//!
//! The loop that feeds [`bowline_core::preview`]. It has a task of its own, reads AWS as `plan` does, and writes to GitHub only:
//! no pass ever waits for it, and whatever goes wrong in it goes wrong for the comment alone. May import `source`, `engine` and
//! `store`. Must not decide anything, and must not do anything for a pull request from a fork but read its files.

mod compare;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bowline_core::desired::ResourceKey;
use bowline_core::desired::kind::Mode;
use bowline_core::name::CommitId;
use bowline_core::plan::{Sync, Warning};
use bowline_core::policy::GitStanding;
use bowline_core::preview::{self, Compared, Conclusion, Findings, Preview, Seen};
use bowline_core::rollback::machine::TroubleKind;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::engine::driver::jittered;
use crate::engine::git::{GitHandle, GitView};
use crate::engine::status::{PreviewsWait, Status};
use crate::source::github::{Check, GitHub, GitHubError, OpenPull, OpenPulls};
use crate::source::{Proposals, Proposed, Snapshot, SourceError};
use crate::store::StoreError;

pub use compare::Comparison;

/// How soon a preview is made again because live changed, or because something could not be read: a rollout changes what is
/// live many times, and each preview asks AWS.
const AGAIN: SignedDuration = SignedDuration::from_mins(5);

/// What the loop works with.
#[derive(Debug)]
pub struct Tools {
    /// Where pull requests are.
    pub github: Arc<GitHub>,
    /// Those that are open.
    pub open: OpenPulls,
    /// Reads them.
    pub proposals: Proposals,
    /// Compares them with live.
    pub comparison: Comparison,
}

/// The loop.
#[derive(Debug)]
pub struct Loop {
    /// What it works with.
    pub tools: Arc<Tools>,
    /// The way to the repository's owner: what the branch wants now.
    pub git: GitHandle,
    /// What passes found, and where it is told that previews wait.
    pub status: watch::Sender<Arc<Status>>,
    /// Somebody says that a pull request changed.
    pub wakes: Arc<Notify>,
    /// The time.
    pub clock: Clock,
    /// How often GitHub is asked.
    pub interval: Duration,
    /// What was told of each open pull request.
    pub known: BTreeMap<u64, Known>,
}

/// What was told of a pull request, and of what.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// Its newest commit, and the one that it was merged onto; none if it could not be told.
    told: Option<(CommitId, CommitId)>,
    /// What was written of it, and the commit of the branch that this names.
    said: Option<(CommitId, String)>,
    /// The resources that it is about.
    about: BTreeSet<ResourceKey>,
    /// How these were then, by the passes.
    live: Live,
    /// Whether something could not be read.
    unsure: bool,
    /// Before this it is not made again for the same commits.
    not_before: Timestamp,
}

/// The state of some resources and their differences from the watched branch.
type Live = Vec<(ResourceKey, Sync, Vec<String>)>;

/// Why a preview was not made.
#[derive(Debug, thiserror::Error)]
pub enum PreviewError {
    /// GitHub did not take it.
    #[error(transparent)]
    GitHub(#[from] GitHubError),
    /// The pull request cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// What is remembered cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Its task ended; nothing else is affected.
    #[error("it ended unexpectedly; please report this as a bug with the log")]
    Ended(#[source] tokio::task::JoinError),
}

impl PreviewError {
    /// The label in metrics; stable.
    fn category(&self) -> &'static str {
        match self {
            Self::GitHub(error) => error.category(),
            Self::Source(error) => error.category(),
            Self::Store(_) => "store",
            Self::Ended(_) => "bug",
        }
    }

    /// When it may be tried again: at the next look, or later.
    fn not_before(&self, now: Timestamp) -> Timestamp {
        let later = |by| now.checked_add(by).unwrap_or(now);
        match self {
            Self::GitHub(error) => match error.trouble().kind {
                TroubleKind::Until(until) => until,
                TroubleKind::Passing => now,
                TroubleKind::Person => later(AGAIN),
            },
            Self::Source(_) | Self::Store(_) => now,
            Self::Ended(_) => later(AGAIN),
        }
    }
}

/// What came of one pull request.
struct Told {
    /// The comment, as if the branch were still where it was when it was written last.
    text: String,
    /// The commit of the branch that the comment names.
    onto: CommitId,
    /// Absent where nothing is written of it.
    conclusion: Option<Conclusion>,
    about: BTreeSet<ResourceKey>,
    unsure: bool,
}

impl Told {
    /// All that it changes is only observed: nothing was written.
    fn observed(onto: CommitId) -> Self {
        Self { text: String::new(), onto, conclusion: None, about: BTreeSet::new(), unsure: false }
    }
}

impl Loop {
    /// Looks until shutdown. A call under way is cut off then: its effect is looked for after the next start.
    pub async fn run(mut self, shutdown: CancellationToken) {
        shutdown.run_until_cancelled(self.turn_forever()).await;
    }

    async fn turn_forever(&mut self) {
        let mut git = self.git.view.clone();
        loop {
            let base = git.borrow_and_update().snapshot.clone();
            let limited = match &base {
                Some(base) => self.turn(base).await,
                None => None,
            };
            if let Some(wait) = limited {
                tracing::warn!("{wait}");
                let pause =
                    Duration::try_from(wait.until.duration_since(self.clock.now())).unwrap_or_default();
                self.tell_wait(Some(wait));
                self.clock.sleep(pause).await;
                self.tell_wait(None);
                continue;
            }
            let pause = self.clock.sleep(jittered(self.interval));
            tokio::select! {
                () = pause => {}
                () = self.wakes.notified() => {}
                () = moved(&mut git, base.as_deref()) => {}
            }
        }
    }

    fn tell_wait(&self, wait: Option<PreviewsWait>) {
        crate::engine::status::publish(&self.status, |status| Status { previews_wait: wait, ..status });
    }

    /// Looks at every open pull request for which something is new; until when GitHub is to be left alone, if it is.
    async fn turn(&mut self, base: &Arc<Snapshot>) -> Option<PreviewsWait> {
        let ceiling = self.tools.comparison.mode();
        let may_tell =
            base.state.targets.values().any(|target| target.spec.mode.min(ceiling) >= Mode::Propose);
        if !may_tell || matches!(base.standing, GitStanding::Stale(_)) {
            // `observe` writes nothing, anywhere; and from an old commit nothing is told.
            return None;
        }
        if let Err(error) = self.tools.github.may_send_what_can_wait() {
            return self.failed(None, &error.into());
        }
        let open = match self.tools.open.list(&self.tools.github).await {
            Ok(open) => open,
            Err(error) => return self.failed(None, &error.into()),
        };
        self.known.retain(|number, _| open.iter().any(|pull| pull.number == *number));
        for pull in open {
            if !self.is_due(&pull, base) {
                continue;
            }
            if let Err(error) = self.tools.github.may_send_what_can_wait() {
                return self.failed(None, &error.into());
            }
            if let Some(wait) = self.tell(&pull, base).await {
                return Some(wait);
            }
        }
        None
    }

    /// Whether there is something new: its head, the branch, what is live of it, or what could not be read before.
    fn is_due(&self, pull: &OpenPull, base: &Snapshot) -> bool {
        let Some(known) = self.known.get(&pull.number) else { return true };
        let now = self.clock.now();
        match &known.told {
            Some((head, onto)) if *head == pull.head && onto.as_str() == base.commit => {
                let live_changed = !pull.from_fork && self.live(&known.about) != known.live;
                now >= known.not_before && (known.unsure || live_changed)
            }
            Some(_) => true,
            None => now >= known.not_before,
        }
    }

    /// Makes a preview and tells it; until when GitHub is to be left alone, if it is.
    async fn tell(&mut self, pull: &OpenPull, base: &Arc<Snapshot>) -> Option<PreviewsWait> {
        let (tools, one, onto, clock) =
            (Arc::clone(&self.tools), pull.clone(), Arc::clone(base), self.clock.clone());
        let known = self.known.get(&pull.number);
        let same_head = |known: &&Known| known.told.as_ref().is_some_and(|(head, _)| *head == pull.head);
        let said = known.filter(same_head).and_then(|known| known.said.clone());
        let before = self.warnings();
        // What a stranger wrote must not be able to end the loop, whatever it is.
        let task = tokio::spawn(async move { tools.tell(&one, &onto, before, said, clock.now()).await });
        let told = task.await.unwrap_or_else(|error| Err(PreviewError::Ended(error)));
        let now = self.clock.now();
        match told {
            // It moved while it was looked at: GitHub's list shows that the next time.
            Ok(None) => None,
            Ok(Some(told)) => {
                count(told.conclusion.map_or("observed", label));
                let commits = CommitId::parse(&base.commit).ok().map(|base| (pull.head.clone(), base));
                let known = Known {
                    told: commits,
                    said: Some((told.onto, told.text)),
                    live: self.live(&told.about),
                    about: told.about,
                    unsure: told.unsure,
                    not_before: now.checked_add(AGAIN).unwrap_or(now),
                };
                self.known.insert(pull.number, known);
                None
            }
            Err(error) => {
                let known = Known {
                    told: None,
                    said: None,
                    about: BTreeSet::new(),
                    live: Vec::new(),
                    unsure: true,
                    not_before: error.not_before(now),
                };
                self.known.insert(pull.number, known);
                self.failed(Some(pull.number), &error)
            }
        }
    }

    /// Notes a failure; until when GitHub is to be left alone, if that is it.
    fn failed(&self, pull: Option<u64>, error: &PreviewError) -> Option<PreviewsWait> {
        count(error.category());
        let problem = crate::engine::sentence(error);
        if let PreviewError::GitHub(GitHubError::Limited { until, .. } | GitHubError::Reserved { until, .. }) =
            error
            && *until > self.clock.now()
        {
            return Some(PreviewsWait { until: *until, why: problem });
        }
        let hint = if let PreviewError::GitHub(error) = error { error.hint() } else { String::new() };
        tracing::warn!(pull, %problem, %hint, "a pull request could not be previewed; it is tried again");
        None
    }

    /// The warnings of what the passes could read.
    fn warnings(&self) -> BTreeMap<ResourceKey, Vec<Warning>> {
        let status = self.status.borrow();
        let known = status.resources.iter().filter(|report| !report.has_unknown());
        known.map(|report| (report.resource.clone(), report.warnings.clone())).collect()
    }

    fn live(&self, about: &BTreeSet<ResourceKey>) -> Live {
        let status = self.status.borrow();
        let reports = status.resources.iter().filter(|report| about.contains(&report.resource));
        reports
            .map(|report| {
                let differences = report.differences.iter().map(ToString::to_string).collect();
                (report.resource.clone(), report.sync, differences)
            })
            .collect()
    }
}

impl Tools {
    /// Makes the preview of one pull request and tells it; nothing if it moved meanwhile.
    async fn tell(
        &self,
        pull: &OpenPull,
        base: &Snapshot,
        before: BTreeMap<ResourceKey, Vec<Warning>>,
        said: Option<(CommitId, String)>,
        now: Timestamp,
    ) -> Result<Option<Told>, PreviewError> {
        let Ok(onto) = CommitId::parse(&base.commit) else { return Ok(None) };
        let mut findings = Findings::default();
        let mut about = BTreeSet::new();
        let seen = match self.proposals.merged(pull.number, &pull.head, &onto, now).await? {
            Proposed::Moved => return Ok(None),
            Proposed::Conflict(why) => Seen::CannotTell(why),
            Proposed::Unusable(why) => Seen::Unusable(why),
            Proposed::Merged(merged) => {
                let part = preview::part(&base.state, &merged.state);
                if preview::is_only_observed(&base.state, &merged.state, &part, self.comparison.mode()) {
                    return Ok(Some(Told::observed(onto)));
                }
                let on_branch = (&*base.state, base.findings.as_slice());
                findings = Findings::compare(on_branch, (&*merged.state, merged.findings.as_slice()));
                if pull.from_fork {
                    Seen::Files
                } else {
                    about.clone_from(&part.told);
                    let compared = self.comparison.compare(&part, &pull.head, base).await?;
                    Seen::Compared(Compared { before, ..compared })
                }
            }
        };
        let instance = self.comparison.instance().clone();
        let mut preview = Preview { instance, head: pull.head.clone(), base: onto, findings, seen };
        let verdict = preview.verdict();
        let unsure = !pull.from_fork && verdict.conclusion == Conclusion::Neutral;
        if let Some((onto, text)) = said {
            let now_onto = std::mem::replace(&mut preview.base, onto);
            // A push that changes nothing for this one is no reason to write to all that are open.
            if preview::comment(&preview) == text {
                let (onto, conclusion) = (preview.base, Some(verdict.conclusion));
                return Ok(Some(Told { text, onto, conclusion, about, unsure }));
            }
            preview.base = now_onto;
        }
        let (marker, text) = (preview::marker(&preview.instance), preview::comment(&preview));
        if verdict.is_worth_telling {
            self.github.comment(pull.number, &marker, &text).await?;
        } else {
            // Most pull requests have nothing to do with Bowline; but what it said before must not stay.
            self.github.recomment(pull.number, &marker, &text).await?;
        }
        let check = Check {
            context: preview::context(&preview.instance),
            conclusion: verdict.conclusion,
            title: "Against live".to_owned(),
            summary: verdict.summary,
            url: None,
        };
        self.github.report(&pull.head, &check).await?;
        let conclusion = Some(verdict.conclusion);
        Ok(Some(Told { text, onto: preview.base, conclusion, about, unsure }))
    }
}

/// Waits until the branch is at another commit. Without its owner nothing new comes: that ends everything, but not from here.
async fn moved(git: &mut watch::Receiver<GitView>, from: Option<&Snapshot>) {
    let commit = |snapshot: &Snapshot| (snapshot.commit.clone(), snapshot.standing == GitStanding::Fresh);
    let known = from.map(commit);
    let is_other = |view: &GitView| view.snapshot.as_deref().map(commit) != known;
    if git.wait_for(is_other).await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn label(conclusion: Conclusion) -> &'static str {
    match conclusion {
        Conclusion::Success => "success",
        Conclusion::Failure => "failure",
        Conclusion::Neutral => "neutral",
    }
}

/// Counts one preview; `outcome` is what it came to, or the category of an error.
fn count(outcome: &'static str) {
    metrics::counter!("bowline_previews_total", "outcome" => outcome).increment(1);
}
