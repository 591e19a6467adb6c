//! Commits that only say something: a spec may be tried once more, a commit counts as applied.

use std::collections::BTreeMap;

use super::draft::one_line;
use super::{Draft, Refusal, key, service};
use crate::desired::{ACCEPT_TRAILER, DesiredState, RETRY_TRAILER};
use crate::name::{CommitId, ResourceName};
use crate::plan::{HeldWhy, ResourceReport};

/// Releases every spec of a service that is in quarantine, or that is held because another service of its commit failed.
/// `report` is its state after the last pass.
pub fn retry(desired: &DesiredState, name: &ResourceName, report: &ResourceReport) -> Result<Draft, Refusal> {
    service(desired, name)?;
    let held: BTreeMap<&str, String> = report
        .held
        .iter()
        .filter_map(|why| match why {
            HeldWhy::Quarantined { spec_hash, reason, .. } => {
                Some((spec_hash, format!("failed: {}. It may be tried once more.", one_line(reason))))
            }
            HeldWhy::CommitFailed { commit, resource, spec_hash: Some(spec_hash), .. } => {
                let why = format!("is held, since {resource} failed with commit {commit:.8}");
                Some((spec_hash, format!("{why}. It may be started all the same.")))
            }
            _ => None,
        })
        .map(|(spec_hash, sentence)| (spec_hash.0.as_str(), sentence))
        .collect();
    if held.is_empty() {
        return Err(Refusal::NothingQuarantined { service: key(name), state: report.sync.to_string() });
    }
    let mut draft = Draft::about("retry", key(name), None);
    draft.subject = format!("Retry {name}");
    draft.body.extend(held.iter().map(|(hash, sentence)| format!("Spec {hash:.12} {sentence}")));
    draft.trailers = held.into_keys().map(|hash| (RETRY_TRAILER, hash.to_owned())).collect();
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
