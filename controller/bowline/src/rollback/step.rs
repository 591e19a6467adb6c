//! Looking, and taking one step.

use std::collections::{BTreeMap, BTreeSet};

use bowline_core::desired::kind::RollbackStrategy;
use bowline_core::desired::{ResourceKey, ResourceKind};
use bowline_core::name::{CommitId, ResourceName};
use bowline_core::rollback::machine::{
    self, Branch, GitSeen, NotRolledBack, Pull, PullSeen, PullState, Rollback, Seen, State, Step, Trouble,
    TroubleKind,
};
use bowline_core::rollback::revert::{
    Failing, Made, NoRevert, PastCommit, Revert, choose, deployed_by, message, rollback_branch,
};
use jiff::Timestamp;

use super::{Scene, Tools};
use crate::source::github::{GitHub, GitHubError, NewPull, NotOpened, Verdict};
use crate::source::{Built, Commit, Past, WriteError};

/// A revert in the mirror.
pub(super) struct Reverted {
    /// The commit.
    pub(super) commit: Commit,
    /// Its message.
    message: String,
    /// The services whose failing spec it takes back.
    pub(super) covers: BTreeSet<ResourceName>,
    /// Why a secret that it takes back stays as it is at AWS.
    pub(super) not_moved_back: Vec<String>,
}

/// Why a step came to nothing.
pub(super) enum Failed {
    /// It may be tried again.
    Trouble(Trouble),
    /// There is nothing that could be done.
    Cannot(String),
}

impl From<GitHubError> for Failed {
    fn from(error: GitHubError) -> Self {
        Self::Trouble(error.trouble())
    }
}

impl From<WriteError> for Failed {
    fn from(error: WriteError) -> Self {
        if let WriteError::NotGood { .. } = error {
            return Self::Cannot(error.sentence());
        }
        Self::Trouble(trouble(&error))
    }
}

pub(super) fn trouble(error: &WriteError) -> Trouble {
    let kind = match error.category() {
        "auth" | "refused" | "signing-key" | "edit" | "shallow" | "internal" => TroubleKind::Person,
        _ => TroubleKind::Passing,
    };
    Trouble { kind, sentence: crate::engine::sentence(error), hint: error.hint() }
}

impl Tools {
    /// Everything that the next step is decided by. The server is asked, where that is due, after git was read, so that a merge
    /// that git shows is one that the server knows.
    pub(super) async fn look(
        &self,
        rollback: &mut Rollback,
        known: &BTreeMap<String, Rollback>,
        scene: &Scene,
        storm: bool,
        now: Timestamp,
    ) -> Seen {
        let (git, live) = machine::standing(rollback, &scene.snapshot.state, &scene.by_resource());
        let git = if scene.fresh { git } else { GitSeen::Unknown };
        let mut seen = Seen {
            commit: scene.snapshot.commit.clone(),
            git,
            read_at: scene.snapshot.read_at,
            wanted: machine::wanted(rollback, &scene.snapshot.state),
            live,
            pull: PullSeen::NotAsked,
            proven: None,
            followed: None,
            github: self.github.is_some(),
            writes: scene.may_write(rollback.resources.keys()),
            strategy: scene.allows(rollback.resources.keys()).min(self.strategy),
            storm,
        };
        if let Some(github) = self.github.as_ref().filter(|_| rollback.is_due(&seen, now)) {
            match self.find(github, rollback, known, scene).await {
                Ok((pull, proven)) => {
                    let followed = match &proven {
                        Some(_) => true,
                        None => self.follows(rollback, pull.as_ref()).await,
                    };
                    seen.proven = proven;
                    seen.followed = pull.as_ref().filter(|_| followed).map(|pull| pull.head.clone());
                    seen.pull = pull.map_or(PullSeen::None, PullSeen::There);
                }
                Err((category, trouble)) => {
                    count("look", category);
                    rollback.asked_in_vain(&seen);
                    rollback.troubled(&Step::Rest, &trouble, now);
                }
            }
        }
        seen
    }

    /// The pull request of a rollback, which none of the other known ones has. Before anything is remembered of one, all newest
    /// are looked through, since the store may be new: what is found then comes with its branch, which is proven to be its own.
    async fn find(
        &self,
        github: &GitHub,
        rollback: &Rollback,
        known: &BTreeMap<String, Rollback>,
        scene: &Scene,
    ) -> Result<(Option<Pull>, Option<Branch>), (&'static str, Trouble)> {
        let told = |error: GitHubError| (error.category(), error.trouble());
        if let Some(pull) = &rollback.pull {
            return github.pull(pull.number).await.map(|pull| (Some(pull), None)).map_err(told);
        }
        if rollback.branch.is_none() && rollback.state != State::Detected {
            return Ok((None, None));
        }
        let base = self.writer.branch().await.map_err(|error| (error.category(), trouble(&error)))?;
        let pulls = match &rollback.branch {
            Some(branch) => github.pulls_of(&branch.name).await,
            None => github.newest_pulls().await,
        };
        let pulls = pulls.map_err(told)?;
        for found in machine::own(rollback, &pulls, &base, known.values()) {
            let pull = github.pull(found.number).await.map_err(told)?;
            if rollback.branch.is_some() {
                return Ok((Some(pull), None));
            }
            if let Some(branch) = Box::pin(self.prove(rollback, &pull, scene)).await? {
                return Ok((Some(pull), Some(branch)));
            }
        }
        Ok((None, None))
    }

    /// Whether an open pull request that Bowline may merge has another head than what was pushed, which is only that and its
    /// base. What cannot be told is what somebody else pushed.
    async fn follows(&self, rollback: &Rollback, pull: Option<&Pull>) -> bool {
        let Some(pull) = pull.filter(|pull| matches!(pull.state, PullState::Open { .. })) else {
            return false;
        };
        let pushed = rollback.branch.as_ref().map(|branch| branch.commit.clone());
        let Some(pushed) = pushed.filter(|pushed| *pushed != pull.head) else { return false };
        if rollback.strategy != RollbackStrategy::AutoMerge {
            return false;
        }
        match self.writer.follows(pull.branch.clone(), pull.head.clone(), pushed).await {
            Ok(follows) => follows,
            Err(error) => {
                tracing::warn!(rollback = %rollback.id, problem = %crate::engine::sentence(&error), hint = %error.hint(), "nobody knows what the branch of a pull request has by now");
                false
            }
        }
    }

    /// Takes a step, and notes what came of it.
    pub(super) async fn take(&self, step: &Step, rollback: &mut Rollback, scene: &Scene, now: Timestamp) {
        let result = match (step, &self.github) {
            (Step::Push, _) => Box::pin(self.push(rollback, scene, now)).await,
            (Step::OpenPull, Some(github)) => self.open_pull(github, rollback, now).await,
            (Step::Merge { .. } | Step::EnableAutoMerge { .. }, Some(github)) => {
                let asked = Box::pin(self.merge(github, rollback, step)).await;
                rollback.refused_methods = github.refused_methods();
                asked.map(|()| rollback.merge_asked(now))
            }
            (Step::DisableAutoMerge { node_id }, Some(github)) => {
                let disabled = github.disable_auto_merge(node_id).await;
                disabled.map(|()| rollback.disarmed(now)).map_err(Failed::from)
            }
            (Step::UpdateBranch { number, expected }, Some(github)) => {
                let asked = github.update_branch(*number, expected).await;
                asked.map(|()| rollback.update_asked(now)).map_err(Failed::from)
            }
            (Step::Close { number }, Some(github)) => {
                github.close(*number).await.map(|()| rollback.has_closed()).map_err(Failed::from)
            }
            (Step::Tell { number }, Some(github)) => tell(github, rollback, *number).await,
            (
                Step::OpenPull
                | Step::Merge { .. }
                | Step::EnableAutoMerge { .. }
                | Step::DisableAutoMerge { .. }
                | Step::UpdateBranch { .. }
                | Step::Close { .. }
                | Step::Tell { .. }
                | Step::Rest,
                _,
            ) => Ok(()),
        };
        match result {
            Ok(()) => count(step.label(), "ok"),
            Err(Failed::Cannot(why)) => rollback.cannot(why, now),
            Err(Failed::Trouble(trouble)) => {
                count(step.label(), "failed");
                tracing::warn!(rollback = %rollback.id, step = step.label(), problem = %trouble, "a step of a rollback failed");
                rollback.troubled(step, &trouble, now);
            }
        }
    }

    /// Makes the revert on top of the head, and pushes it as a new branch.
    async fn push(&self, rollback: &mut Rollback, scene: &Scene, now: Timestamp) -> Result<(), Failed> {
        let head = CommitId::parse(&scene.snapshot.commit)
            .map_err(|error| Failed::Cannot(format!("the head is no commit: {error}")))?;
        let Some(Reverted { commit, message, covers, not_moved_back }) =
            self.build(rollback, scene, head).await?
        else {
            rollback.reverted_already(now);
            return Ok(());
        };
        let Some(first) = rollback.resources.keys().next().cloned() else {
            return Err(Failed::Cannot("it is about no service".to_owned()));
        };
        let (instance, key, bad) = (rollback.instance.clone(), service(first), rollback.bad_commit.clone());
        let pushed = self
            .writer
            .push_new(&commit, move |attempt| rollback_branch(&instance, &key, &bad, attempt))
            .await?;
        let branch = Branch {
            name: pushed.branch,
            commit: pushed.commit,
            merges_itself: commit.made.may_merge_itself() && not_moved_back.is_empty(),
            covers,
            parts: parts(&commit.made),
            message,
            not_moved_back,
        };
        rollback.pushed(branch, now);
        Ok(())
    }

    /// Makes the revert on top of `head`, in the mirror alone; none if the head has it already.
    pub(super) async fn build(
        &self,
        rollback: &Rollback,
        scene: &Scene,
        head: CommitId,
    ) -> Result<Option<Reverted>, Failed> {
        let goods = rollback.resources.values().filter_map(|failed| failed.good.clone());
        let past = Past { head, acted_from: scene.acted_from.clone(), until: goods.collect(), about: None };
        let history = self.writer.past(past).await?;
        let failing = self.failing(rollback, scene).await?;
        let Some(mut revert) = chosen(&history, &failing, &rollback.bad_commit)? else { return Ok(None) };
        self.register(scene, &failing, &mut revert).await?;
        let message = message(&revert, &reason(rollback), &rollback.id);
        let covers = covers(&history, &revert);
        let meant = revert.meant();
        let stays = scene.not_moved_back.iter().filter(|(secret, _)| meant.contains(secret));
        let not_moved_back = stays.map(|(_, why)| why.clone()).collect();
        Ok(match self.writer.revert(revert, message.clone(), rollback.opened_at).await? {
            Built::NothingToDo => None,
            Built::Commit(commit) => Some(Reverted { commit, message, covers, not_moved_back }),
        })
    }

    /// The services that it goes back for, and to what.
    async fn failing(
        &self,
        rollback: &Rollback,
        scene: &Scene,
    ) -> Result<BTreeMap<ResourceName, Failing>, Failed> {
        let mut failing = BTreeMap::new();
        for (name, failed) in &rollback.resources {
            let Some(good) = failed.good.clone() else { continue };
            let revision = self.good_revision(scene, name, &good).await?;
            let after_failed_rollback = rollback.after.is_some();
            failing.insert(name.clone(), Failing { good, revision, after_failed_rollback });
        }
        Ok(failing)
    }

    /// Merges the pull request, or lets GitHub merge it.
    async fn merge(&self, github: &GitHub, rollback: &Rollback, step: &Step) -> Result<(), Failed> {
        match step {
            Step::Merge { number, expected } => {
                let message = self.message_of(rollback, expected).await?;
                Ok(github.merge(*number, expected, &message).await?)
            }
            Step::EnableAutoMerge { node_id, expected } => {
                let message = self.message_of(rollback, expected).await?;
                Ok(github.enable_auto_merge(node_id, expected, &message).await?)
            }
            Step::Push
            | Step::OpenPull
            | Step::DisableAutoMerge { .. }
            | Step::UpdateBranch { .. }
            | Step::Close { .. }
            | Step::Tell { .. }
            | Step::Rest => Ok(()),
        }
    }

    /// The message that the merge is to have: that of the revert itself, whose trailers say what it takes back, and never that of
    /// what brought its branch up to date since. Where it was forgotten, the pull request has it.
    async fn message_of(&self, rollback: &Rollback, head: &CommitId) -> Result<String, Failed> {
        let known = rollback.branch.as_ref().map(|branch| branch.message.clone());
        if let Some(message) = known.filter(|message| !message.is_empty()) {
            return Ok(message);
        }
        let offered = match &rollback.pull {
            Some(pull) => self.writer.offered(pull.number, head.clone()).await?,
            None => None,
        };
        match offered {
            Some(offered) => Ok(offered.message),
            None => Err(Failed::Trouble(Trouble {
                kind: TroubleKind::Passing,
                sentence: format!(
                    "the pull request has another commit than {head:.8} and what is below it by now"
                ),
                hint: "nothing: it is looked at again".to_owned(),
            })),
        }
    }

    async fn open_pull(
        &self,
        github: &GitHub,
        rollback: &mut Rollback,
        now: Timestamp,
    ) -> Result<(), Failed> {
        let Some(branch) = rollback.branch.clone() else { return Ok(()) };
        let new = NewPull {
            title: machine::title(&branch).to_owned(),
            body: machine::body(rollback, &branch),
            head: branch.name,
            base: self.writer.branch().await?,
        };
        let error = match github.open_pull(&new).await {
            Ok(pull) => {
                rollback.opened(&pull, now);
                return Ok(());
            }
            Err(error) => error,
        };
        match NotOpened::from(&error) {
            Some(NotOpened::NothingInIt) => {
                rollback.reverted_already(now);
                Ok(())
            }
            Some(NotOpened::NoBase) => Err(Failed::Trouble(Trouble {
                kind: TroubleKind::Person,
                sentence: format!(
                    "GitHub has no branch {} in {} to open a pull request for",
                    new.base,
                    github.repository()
                ),
                hint: "check `sources[].ref` and `github.repository`: both have to name the same repository"
                    .to_owned(),
            })),
            None => Err(error.into()),
        }
    }

    /// Writes the pull request's text anew, after services joined. It only adds to what a person reads, so that a failure is
    /// not tried again.
    pub(super) async fn rewrite(&self, rollback: &Rollback, scene: &Scene) {
        if !scene.may_write(rollback.resources.keys()) {
            return;
        }
        let (Some(github), Some(pull), Some(branch)) = (&self.github, &rollback.pull, &rollback.branch)
        else {
            return;
        };
        let body = machine::body(rollback, branch);
        let written = match github.pull(pull.number).await {
            Ok(present) => github.set_body(pull.number, &machine::renewed(&present.body, &body)).await,
            Err(error) => Err(error),
        };
        if let Err(error) = written {
            tracing::warn!(rollback = %rollback.id, problem = %error, "the pull request's text is not up to date");
        }
    }
}

/// The comment, what is said of the bad commit, labels and reviewers; without a pull request the second alone.
async fn tell(github: &GitHub, rollback: &mut Rollback, number: Option<u64>) -> Result<(), Failed> {
    if let Some(number) = number {
        let marker = machine::comment_marker(&rollback.instance);
        github.comment(number, &marker, &machine::comment(rollback)).await?;
    }
    let verdict = Verdict {
        context: machine::status_context(&rollback.instance),
        summary: machine::status(rollback),
        url: rollback.pull.as_ref().map(|pull| pull.url.clone()),
    };
    github.convict(&rollback.bad_commit, &verdict).await?;
    // Last: a reviewer that GitHub refuses keeps nobody from reading the rest.
    if let Some(number) = number
        && rollback.told.is_none()
    {
        github.decorate(number).await?;
    }
    rollback.has_told();
    Ok(())
}

/// The revert for `bad_commit` on top of the present head; none if the head has it already.
fn chosen(
    history: &[PastCommit],
    failing: &BTreeMap<ResourceName, Failing>,
    bad_commit: &CommitId,
) -> Result<Option<Revert>, Failed> {
    let chosen = choose(history, failing);
    let own = chosen
        .reverts
        .into_iter()
        .find(|revert| revert.bad_commit().is_some_and(|bad| bad.commit == *bad_commit));
    if own.is_some() {
        return Ok(own);
    }
    match chosen.none.into_iter().next() {
        Some((_, NoRevert::SameAsGood { .. })) => Ok(None),
        Some((name, why @ NoRevert::CutOff { .. })) => Err(Failed::Trouble(Trouble {
            kind: TroubleKind::Person,
            sentence: format!("{name}: {why}"),
            hint: "it is tried again every 5 minutes".to_owned(),
        })),
        Some((name, why)) => Err(Failed::Cannot(NotRolledBack::NoRevert(why).sentence(&name))),
        None => {
            let buried = NotRolledBack::Buried { bad: bad_commit.clone() };
            let sentences = failing.keys().map(|name| buried.sentence(name));
            Err(Failed::Cannot(sentences.collect::<Vec<_>>().join("; ")))
        }
    }
}

/// The services whose failing spec a revert takes back.
fn covers(history: &[PastCommit], revert: &Revert) -> BTreeSet<ResourceName> {
    let mut covered = revert.resources.clone();
    for step in revert.steps.iter().filter(|step| step.whole) {
        let pair =
            history.windows(2).find(|pair| pair.first().is_some_and(|commit| commit.id == step.commit));
        if let Some([commit, before]) = pair {
            covered.extend(deployed_by(commit, before));
        }
    }
    covered
}

pub(super) fn parts(made: &Made) -> Vec<String> {
    let line = |(part, changes): (&_, &Vec<_>)| {
        let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
        format!("{part}: {}", changes.join(", "))
    };
    made.parts.iter().map(line).collect()
}

/// Why, for the commit's message.
fn reason(rollback: &Rollback) -> String {
    let lines =
        rollback.resources.iter().map(|(name, failed)| format!("EcsService/{name}: {}", failed.sentence()));
    lines.collect::<Vec<_>>().join("\n")
}

fn service(name: ResourceName) -> ResourceKey {
    ResourceKey { kind: ResourceKind::EcsService, name }
}

/// Counts one step; `outcome` is `ok`, `failed`, or the category of an error.
fn count(step: &'static str, outcome: &'static str) {
    metrics::counter!("bowline_rollback_steps_total", "step" => step, "outcome" => outcome).increment(1);
}
