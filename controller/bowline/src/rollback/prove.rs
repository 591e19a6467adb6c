//! Is a pull request that was found the rollback's own?
//!
//! What its text says is only a hint: whoever may push a branch can write it. It is the rollback's own if it has what Bowline
//! makes when it makes the revert once more, on top of the same commit.

use bowline_core::rollback::machine::{Branch, Pull, Rollback, Trouble, TroubleKind};

use super::step::{Failed, Reverted, parts, trouble};
use super::{Scene, Tools};
use crate::source::WriteError;

impl Tools {
    /// The branch of a pull request whose text says that it is this rollback's, if it is. Another one is left alone.
    pub(super) async fn prove(
        &self,
        rollback: &Rollback,
        pull: &Pull,
        scene: &Scene,
    ) -> Result<Option<Branch>, (&'static str, Trouble)> {
        let told = |error: WriteError| (error.category(), trouble(&error));
        let Some(offered) = self.writer.offered(pull.number, pull.head.clone()).await.map_err(told)? else {
            foreign(rollback, pull, "it has more than one commit on top of the branch that is read");
            return Ok(None);
        };
        let reverted = match self.build(rollback, scene, offered.parent).await {
            Ok(reverted) => reverted,
            Err(Failed::Cannot(why)) => {
                foreign(
                    rollback,
                    pull,
                    &format!("nothing can be reverted on the commit that it stands on: {why}"),
                );
                return Ok(None);
            }
            // The commit that it stands on may have been chosen for that. If it is more than that, making an own one tells.
            Err(Failed::Trouble(trouble)) if trouble.kind == TroubleKind::Person => {
                foreign(rollback, pull, &trouble.to_string());
                return Ok(None);
            }
            Err(Failed::Trouble(trouble)) => return Err(("build", trouble)),
        };
        let Some(Reverted { commit, covers, not_moved_back, .. }) = reverted else {
            foreign(rollback, pull, "the commit that it stands on has the revert already");
            return Ok(None);
        };
        if !self.writer.is_same(commit.id.clone(), offered.commit.clone()).await.map_err(told)? {
            foreign(rollback, pull, "its content or its trailers are not those of the revert");
            return Ok(None);
        }
        Ok(Some(Branch {
            name: pull.branch.clone(),
            commit: offered.commit,
            merges_itself: commit.made.may_merge_itself() && not_moved_back.is_empty(),
            covers,
            parts: parts(&commit.made),
            // It is read where it is needed: that it is known says that this Bowline pushed it.
            message: String::new(),
            not_moved_back,
        }))
    }
}

fn foreign(rollback: &Rollback, pull: &Pull, why: &str) {
    tracing::warn!(
        rollback = %rollback.id, pull_request = %pull.url, why,
        "a pull request says that it is of this rollback, and is not: it is left alone"
    );
}
