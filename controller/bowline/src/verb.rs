//! How does what a person asks for become a commit on the remote? A [`Request`] and a repository in, what was pushed out.
//!
//! | file | holds |
//! |---|---|
//! | `request` | what can be asked for, and the command line that says the same |
//! | `pull` | the pull request of a branch that was pushed |
//! | `error` | [`VerbError`] |
//!
//! Core decides what a verb changes; here the branch is read, the commit made and delivered, and all of it begun anew when
//! somebody else was faster. May import `source`, `config`, `clock` and `engine::wiring`. Must not know what is live at AWS:
//! whoever asks brings what has to be known of it.

mod error;
mod pull;
mod request;

use std::collections::BTreeSet;

use bowline_core::live::Live;
use bowline_core::name::{CommitId, InstanceName};
use bowline_core::plan::not_moved_back;
use bowline_core::policy::GitStanding;
use bowline_core::rollback::machine::Marker;
use bowline_core::rollback::revert::{Revert, rollback_branch};
use bowline_core::verb::{self, Draft, Refusal, Rollback};

use crate::clock::Clock;
use crate::config::{Config, Delivery};
use crate::engine::EngineError;
use crate::engine::wiring;
use crate::source::github::GitHub;
use crate::source::{
    Built, Change, Commit, Committer, GitSource, GitWriter, Line, Moved, Snapshot, WriteError, person,
};

pub use error::VerbError;
pub use pull::Progress;
pub use request::{Request, Until};

use pull::Proposal;

/// How often a commit is made anew because the branch moved meanwhile. Each try takes two round trips.
const MOST_TRIES: usize = 5;

/// One repository, and somebody who asks for commits to it.
#[derive(Debug)]
pub struct Desk {
    source: GitSource,
    writer: GitWriter,
    clock: Clock,
    delivery: Delivery,
    /// Where pull requests are; none where it is not configured, or not needed.
    github: Option<GitHub>,
    instance: InstanceName,
    who: String,
}

/// How far a commit is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Far {
    /// It is made and shown, and nothing is pushed.
    Shown,
    /// It is delivered as configured.
    Delivered,
    /// It is delivered as a pull request, and that is merged.
    Merged,
}

/// A commit that was made, and where it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// The commit.
    pub commit: CommitId,
    /// The commit that it stands on.
    pub parent: CommitId,
    /// Its whole message.
    pub message: String,
    /// What it changes, as a unified diff; empty for one that only says something.
    pub patch: String,
    /// What a person should know, as sentences.
    pub notes: Vec<String>,
    /// Where it is.
    pub landed: Landed,
}

/// Where a commit is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Landed {
    /// Only in the mirror on this machine: nothing was pushed.
    Nowhere,
    /// On the branch that is read.
    Onto {
        /// Its name.
        branch: String,
    },
    /// On a branch of its own.
    Branch {
        /// Its name.
        branch: String,
        /// The branch that is read.
        base: String,
    },
    /// In a pull request.
    PullRequest {
        /// The name of its branch.
        branch: String,
        /// The branch that is read.
        base: String,
        /// Its page.
        url: String,
        /// How far it has got.
        progress: Progress,
    },
}

/// What core made of a request.
enum Decided {
    Change(Draft),
    Rollback(WayBack),
}

/// A rollback that a person asks for.
struct WayBack {
    rollback: Rollback,
    message: String,
    /// Secrets that it takes back, and whose AWSCURRENT stays where it is all the same, each with why.
    not_moved_back: Vec<String>,
}

impl Desk {
    /// A desk for the configured repository, for commits that are taken so `far`.
    pub fn open(config: &Config, far: Far) -> Result<Self, EngineError> {
        let settings = wiring::git(config)?;
        let clock = Clock::scaled(config.time_scale);
        let delivery = if far == Far::Merged { Delivery::Branch } else { config.git.delivery };
        // For a commit that needs none, no token is asked for either.
        let wants_pull = delivery == Delivery::Branch && far != Far::Shown;
        let github = if wants_pull { wiring::github(config, &clock)? } else { None };
        let committer = Committer {
            name: config.git.name.clone(),
            email: config.git.email.clone(),
            signing_key: config.git.signing_key.clone(),
        };
        Ok(Self {
            source: GitSource::new(settings.clone()),
            writer: GitWriter::new(settings, committer),
            clock,
            delivery,
            github,
            instance: config.instance.clone(),
            who: person().unwrap_or_else(|| "somebody whose name git does not know".to_owned()),
        })
    }

    /// Makes the commit that is asked for, and takes it so `far`. When the branch moves meanwhile, it is read and decided
    /// again.
    pub async fn perform(&mut self, request: &Request, far: Far) -> Result<Delivered, VerbError> {
        if far == Far::Merged && self.github.is_none() {
            return Err(VerbError::NoGitHub);
        }
        for _ in 0..MOST_TRIES {
            let snapshot = self.read().await?;
            let head = CommitId::parse(&snapshot.commit).map_err(|_| WriteError::NoCommitId)?;
            let decided = self.decide(request, &snapshot, &head).await?;
            let (commit, message) = self.build(request, &decided, &head).await?;
            let patch = self.writer.patch(&commit).await?;
            let mut notes = decided.notes(&commit);
            let landed = if far == Far::Shown {
                Landed::Nowhere
            } else {
                match self.deliver(&decided, (&commit, &message), far, &mut notes).await? {
                    Some(landed) => landed,
                    None => continue,
                }
            };
            let Commit { id, parent, .. } = commit;
            return Ok(Delivered { commit: id, parent, message, patch, notes, landed });
        }
        Err(VerbError::KeepsMoving { tries: MOST_TRIES })
    }

    /// The head as it is on the remote now. From an older one nothing is committed.
    async fn read(&mut self) -> Result<Snapshot, VerbError> {
        let snapshot = self.source.sync(self.clock.now(), &BTreeSet::new()).await?;
        match snapshot.standing {
            GitStanding::Stale(why) => Err(VerbError::Stale { why }),
            GitStanding::Fresh | GitStanding::ForcePushed { .. } | GitStanding::Shrunk { .. } => Ok(snapshot),
        }
    }

    async fn decide(
        &self,
        request: &Request,
        snapshot: &Snapshot,
        head: &CommitId,
    ) -> Result<Decided, VerbError> {
        let desired = &*snapshot.state;
        let draft = match request {
            Request::Restart { service, token } => {
                verb::restart(desired, service, token.clone(), self.clock.now())
            }
            Request::Scale { service, count } => verb::scale(desired, service, *count),
            Request::Release { service, what } => verb::release(desired, service, what),
            Request::Retry { service, report } => verb::retry(desired, service, report),
            Request::Accept { refused } => verb::accept(refused.clone(), head),
            Request::Suspend { resource, until, reason } => {
                let now = self.clock.now();
                verb::suspend(desired, resource, until.from(now), reason, now)
            }
            Request::Resume { resource } => verb::resume(desired, resource, self.clock.now()),
            Request::Rollback { service, goal, reason, acted_from, stand_in, memory } => {
                let (name, wish) = (service.clone(), goal.clone());
                let enough = move |history: &[_]| wish.is_met(history, &name);
                let toward = goal.toward().map(str::to_owned);
                let line = Line { head: head.clone(), acted_from: acted_from.clone(), toward };
                let history = self.writer.line(line, enough).await?;
                let rollback = verb::rollback(&history, service, goal, stand_in.as_ref())?;
                let message = rollback.message(reason.as_deref(), &self.who, &request.command());
                // What is live is not asked: that the pinned version is, is the worse case.
                let stays = not_moved_back(desired, &Live::default(), memory).into_iter();
                let meant = rollback.revert.meant();
                let stays = stays.filter(|(secret, _)| meant.contains(secret)).map(|(_, why)| why);
                let not_moved_back = stays.collect();
                return Ok(Decided::Rollback(WayBack { rollback, message, not_moved_back }));
            }
        };
        Ok(Decided::Change(draft?))
    }

    /// The commit in the mirror, and its message.
    async fn build(
        &self,
        request: &Request,
        decided: &Decided,
        head: &CommitId,
    ) -> Result<(Commit, String), VerbError> {
        let now = self.clock.now();
        let (built, message) = match decided {
            Decided::Change(draft) => {
                let message = draft.message(&self.who, &request.command());
                let change = Change {
                    head: head.clone(),
                    edit: draft.edit.clone(),
                    meant: draft.meant(),
                    message: message.clone(),
                };
                (self.writer.change(change, now).await?, message)
            }
            Decided::Rollback(WayBack { rollback, message, .. }) => {
                (self.writer.revert(rollback.revert.clone(), message.clone(), now).await?, message.clone())
            }
        };
        match built {
            Built::Commit(commit) => Ok((commit, message)),
            Built::NothingToDo => Err(Refusal::AlreadySo { what: "all of it".to_owned() }.into()),
        }
    }

    /// Pushes the commit; nothing when the branch moved meanwhile.
    async fn deliver(
        &self,
        decided: &Decided,
        (commit, message): (&Commit, &str),
        far: Far,
        notes: &mut Vec<String>,
    ) -> Result<Option<Landed>, VerbError> {
        let onto = self.delivery == Delivery::Push;
        let merges_itself = decided.merges_itself(commit);
        if onto && merges_itself {
            return match self.writer.push_onto(commit).await {
                Ok(Moved::Done { branch }) => Ok(Some(Landed::Onto { branch })),
                Ok(Moved::Behind { .. }) => Ok(None),
                // The server refuses also what came in between, in words of its own.
                Err(WriteError::Refused { .. }) if self.moved_from(&commit.parent).await => Ok(None),
                Err(error) => Err(VerbError::onto(error)),
            };
        }
        if onto {
            let why = if commit.made.may_merge_itself() {
                "a secret would stay where it is, and its readers go back"
            } else {
                "later changes are in conflict and would be lost"
            };
            notes.push(format!(
                "not pushed onto the branch that is read: {why}, so a person has to look at it first"
            ));
        }
        let base = self.writer.branch().await?;
        let pushed = match decided {
            Decided::Change(draft) => {
                let (draft, head) = (draft.clone(), commit.parent.clone());
                self.writer.push_new(commit, move |attempt| draft.branch(&head, attempt)).await?
            }
            Decided::Rollback(WayBack { rollback, .. }) => {
                let (revert, instance) = (rollback.revert.clone(), self.instance.clone());
                self.writer.push_new(commit, move |attempt| branch_of(&instance, &revert, attempt)).await?
            }
        };
        let Some(github) = &self.github else {
            return Ok(Some(Landed::Branch { branch: pushed.branch, base }));
        };
        let marker = decided.marker(&self.instance, commit, &pushed.commit);
        let proposal = Proposal {
            branch: &pushed.branch,
            base: &base,
            commit: &pushed.commit,
            message,
            notes,
            marker: marker.as_ref(),
            merges_itself,
        };
        let (landed, told) = self.propose(github, &proposal, far).await?;
        notes.extend(told);
        Ok(Some(landed))
    }

    /// Opens the pull request of a branch that is pushed, and takes it so `far`; with what a person should know of that.
    async fn propose(
        &self,
        github: &GitHub,
        proposal: &Proposal<'_>,
        far: Far,
    ) -> Result<(Landed, Vec<String>), VerbError> {
        let pull = pull::propose(github, proposal).await?;
        let mut told = Vec::new();
        // Labels and reviewers are not what was asked for: without them it is told, and no error.
        if let Err(error) = github.decorate(pull.number).await {
            told.push(format!("the pull request has not all of its labels and reviewers: {error}"));
        }
        let mut progress = Progress::Open;
        if far == Far::Merged {
            let (reached, why) = pull::merge(github, &self.clock, proposal, &pull).await?;
            progress = reached;
            told.extend(why.map(|why| format!("not merged: {why}")));
        }
        let (branch, base) = (proposal.branch.to_owned(), proposal.base.to_owned());
        Ok((Landed::PullRequest { branch, base, url: pull.url, progress }, told))
    }

    /// Whether the branch is known to be elsewhere by now.
    async fn moved_from(&self, commit: &CommitId) -> bool {
        self.source.head_reader().head().await.is_ok_and(|head| head != commit.as_str())
    }
}

/// The branch of a rollback, named by its bad commit.
fn branch_of(instance: &InstanceName, revert: &Revert, attempt: u32) -> String {
    let resource = revert.meant().into_iter().next();
    let bad = revert.bad_commit().map(|step| &step.commit);
    match resource.zip(bad) {
        Some((resource, bad)) => rollback_branch(instance, &resource, bad, attempt),
        None => format!("bowline/rollback/{:.12}-{attempt}", revert.head),
    }
}

impl Decided {
    /// By what a controller that is about to take back the same knows the pull request for its own. It merges one by itself
    /// only if it would have chosen the same commit to go back to.
    fn marker(&self, instance: &InstanceName, commit: &Commit, pushed: &CommitId) -> Option<Marker> {
        let Self::Rollback(WayBack { rollback, .. }) = self else { return None };
        Some(Marker {
            bad_commit: rollback.revert.bad_commit()?.commit.clone(),
            commit: pushed.clone(),
            merges_itself: self.merges_itself(commit) && !rollback.named,
            rollback: None,
            instance: Some(instance.clone()),
            resources: Some(rollback.revert.resources.clone()),
            in_storm: false,
        })
    }

    /// Whether it may get to the branch that is read without a person who read it. As where the controller makes it, it may not where
    /// a document was replaced, and where a secret would stay as it is.
    fn merges_itself(&self, commit: &Commit) -> bool {
        let stays = match self {
            Self::Change(_) => false,
            Self::Rollback(back) => !back.not_moved_back.is_empty(),
        };
        commit.made.may_merge_itself() && !stays
    }

    /// What a person should know of it, once the commit was made.
    fn notes(&self, commit: &Commit) -> Vec<String> {
        match self {
            Self::Change(draft) => draft.notes.clone(),
            Self::Rollback(WayBack { rollback, not_moved_back, .. }) => {
                let parts = commit.made.parts.iter().map(|(part, changes)| {
                    let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
                    format!("{part}: {}", changes.join(", "))
                });
                let stays = not_moved_back.iter().map(|why| {
                    format!("look closely, git goes back with this, and the secret does not: {why}")
                });
                std::iter::once(rollback.sentence()).chain(parts).chain(stays).collect()
            }
        }
    }
}
