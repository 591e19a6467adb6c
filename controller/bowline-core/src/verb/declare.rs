//! Commits that only say something: a spec may be tried once more, a commit counts as applied.

use std::collections::BTreeSet;

use super::draft::one_line;
use super::{Draft, Refusal, key, service};
use crate::desired::{ACCEPT_TRAILER, DesiredState};
use crate::name::{CommitId, ResourceName};
use crate::plan::{HeldWhy, ResourceReport};
use crate::rollback::revert::RETRY_TRAILER;

/// Releases every spec of a service that is in quarantine. `report` is its state after the last pass.
pub fn retry(desired: &DesiredState, name: &ResourceName, report: &ResourceReport) -> Result<Draft, Refusal> {
    service(desired, name)?;
    let quarantined: BTreeSet<(&str, &str)> = report
        .held
        .iter()
        .filter_map(|why| match why {
            HeldWhy::Quarantined { spec_hash, reason } => Some((spec_hash.0.as_str(), reason.as_str())),
            _ => None,
        })
        .collect();
    if quarantined.is_empty() {
        return Err(Refusal::NothingQuarantined { service: key(name), state: report.sync.to_string() });
    }
    let mut draft = Draft::about("retry", key(name), None);
    draft.subject = format!("Retry {name}");
    for (hash, reason) in &quarantined {
        draft.body.push(format!("Spec {hash:.12} failed: {}. It may be tried once more.", one_line(reason)));
    }
    let hashes: BTreeSet<&str> = quarantined.into_iter().map(|(hash, _)| hash).collect();
    draft.trailers = hashes.into_iter().map(|hash| (RETRY_TRAILER, hash.to_owned())).collect();
    Ok(draft)
}

/// What is refused, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The head that is not acted from.
    pub head: CommitId,
    /// Why not, as a sentence.
    pub why: String,
}

/// Accepts that the branch was rewritten, or that much vanished. `head` is the branch's head now: what came after the commit
/// that is refused has been looked at by nobody, and is not accepted with it.
pub fn accept(refused: Option<Refused>, head: &CommitId) -> Result<Draft, Refusal> {
    let Some(Refused { head: refused, why }) = refused else { return Err(Refusal::NothingRefused) };
    if refused != *head {
        return Err(Refusal::Moved { refused, head: head.clone() });
    }
    let mut draft = Draft::of_branch("accept", None);
    draft.subject = format!("Accept {refused:.8}");
    draft.body.push(format!("{}. Commit {refused:.8} counts as applied from here on.", one_line(&why)));
    draft.trailers.push((ACCEPT_TRAILER, refused.to_string()));
    Ok(draft)
}
