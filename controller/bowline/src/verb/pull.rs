//! The pull request of a branch that a verb pushed: found or opened, and merged where that is asked for.

use std::time::Duration;

use bowline_core::name::CommitId;
use bowline_core::rollback::machine::{Marker, Merging, Pull, PullState, TroubleKind, merging};
use bowline_core::verb;

use super::VerbError;
use crate::clock::Clock;
use crate::source::github::{GitHub, GitHubError, NewPull};

/// How often a pull request that is to be merged is looked at, [`PAUSE`] apart: GitHub takes a few seconds to find out
/// whether it can be merged.
const MOST_LOOKS: usize = 15;
/// The pause between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// A branch that was pushed, and what its pull request is to say.
pub(super) struct Proposal<'a> {
    pub(super) branch: &'a str,
    pub(super) base: &'a str,
    /// The commit at its head.
    pub(super) commit: &'a CommitId,
    pub(super) message: &'a str,
    pub(super) notes: &'a [String],
    /// What a rollback's says for the controller.
    pub(super) marker: Option<&'a Marker>,
    /// Whether its content may be merged without a person.
    pub(super) merges_itself: bool,
}

/// How far a pull request has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It waits for somebody to merge it.
    Open,
    /// GitHub merges it once the rules of the branch allow.
    ByItself,
    /// It is merged.
    Merged,
}

/// The open pull request of the branch; opened, if there is none. One that was closed is not opened again: a person said no
/// then, and says yes now with another one.
pub(super) async fn propose(github: &GitHub, proposal: &Proposal<'_>) -> Result<Pull, VerbError> {
    let failed = |error| VerbError::no_pull(proposal.branch, error);
    if let Some(pull) = find(github, proposal).await.map_err(failed)? {
        return Ok(pull);
    }
    let new = NewPull {
        title: verb::title(proposal.message).to_owned(),
        body: verb::body(proposal.message, proposal.notes, proposal.marker),
        head: proposal.branch.to_owned(),
        base: proposal.base.to_owned(),
    };
    match github.open_pull(&new).await {
        Ok(pull) => Ok(pull),
        // An answer that was lost: it may be there all the same.
        Err(error) => match find(github, proposal).await {
            Ok(Some(pull)) => Ok(pull),
            Ok(None) | Err(_) => Err(failed(error)),
        },
    }
}

async fn find(github: &GitHub, proposal: &Proposal<'_>) -> Result<Option<Pull>, GitHubError> {
    let found = github.pulls_of(proposal.branch).await?;
    let found = found.into_iter().find(|pull| pull.base == proposal.base);
    Ok(found.filter(|pull| pull.state != PullState::Closed))
}

/// Merges a pull request as far as that is possible now; the second part says, as a sentence, why it is not merged.
pub(super) async fn merge(
    github: &GitHub,
    clock: &Clock,
    proposal: &Proposal<'_>,
    pull: &Pull,
) -> Result<(Progress, Option<String>), VerbError> {
    let failed = |error| VerbError::NotMerged { url: pull.url.clone(), error };
    let number = pull.number;
    let mut last = "GitHub has not found out yet whether it can be merged: run the same once more".to_owned();
    for look in 0..MOST_LOOKS {
        if look > 0 {
            clock.sleep(PAUSE).await;
        }
        let tried = match github.pull(number).await {
            Ok(pull) => match merging(&pull, Some(proposal.base), proposal.commit, proposal.merges_itself) {
                Merging::Done => return Ok((Progress::Merged, None)),
                Merging::ByItself => return Ok((Progress::ByItself, None)),
                Merging::Person(why) => return Ok((Progress::Open, Some(why))),
                Merging::Conflict | Merging::Update => {
                    let why = format!("{} moved meanwhile: run the same once more", proposal.base);
                    return Ok((Progress::Open, Some(why)));
                }
                Merging::Soon => Ok(()),
                Merging::Merge => github.merge(number, proposal.commit, proposal.message).await,
                Merging::EnableAutoMerge => {
                    github.enable_auto_merge(&pull.node_id, proposal.commit, proposal.message).await
                }
            },
            Err(error) => Err(error),
        };
        // Whether it was merged is seen with the next look: an answer may be lost, or come too early.
        if let Err(error) = tried {
            match error.trouble().kind {
                TroubleKind::Passing => last = error.to_string(),
                TroubleKind::Until(_) => return Err(failed(error)),
                TroubleKind::Person => return Ok((Progress::Open, Some(error.trouble().to_string()))),
            }
        }
    }
    Ok((Progress::Open, Some(last)))
}
