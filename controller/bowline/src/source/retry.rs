//! Which specs that failed does the branch say may be tried once more?
//!
//! A commit with the trailer `Bowline-Retry: <spec hash>` says so. Whether it was used up is not known here.

use std::collections::{BTreeMap, BTreeSet};

use bowline_core::desired::{Finding, RETRY_TRAILER, Retry};
use git2::{Commit, Error, ErrorCode, Oid, Repository};
use jiff::Timestamp;

use super::trailer;

/// How many commits of the branch are looked at, along all parents. A release that is older was used, or is of no use: a spec
/// that still waits for it can be released again.
const MOST_COMMITS: usize = 500;
/// How many of the newest commits are told about when their trailer releases nothing.
const TOLD_OF: usize = 10;

/// The releases in the history of `head`, newest first, and trailers that release nothing.
pub(super) fn retries(repository: &Repository, head: Oid) -> Result<(Vec<Retry>, Vec<Finding>), Error> {
    let first = repository.find_commit(head)?;
    let mut due = BTreeMap::from([(age(&first), first)]);
    let mut seen = BTreeSet::from([head]);
    let (mut found, mut findings) = (Vec::new(), Vec::new());
    for number in 0..MOST_COMMITS {
        let Some((_, commit)) = due.pop_last() else { break };
        let id = commit.id().to_string();
        let at = Timestamp::from_second(commit.time().seconds()).unwrap_or_default();
        for value in named_by(&commit) {
            match Retry::parse(&value, &id, at) {
                Some(retry) => found.push(retry),
                None if number < TOLD_OF => findings.push(Finding::nothing_to_retry(&id, &value)),
                None => {}
            }
        }
        for parent in commit.parent_ids().filter(|parent| seen.insert(*parent)) {
            match repository.find_commit(parent) {
                Ok(parent) => {
                    due.insert(age(&parent), parent);
                }
                // The edge of a shallow history.
                Err(error) if error.code() == ErrorCode::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok((found, findings))
}

/// What commits are taken in the order of, the newest last.
fn age(commit: &Commit<'_>) -> (i64, Oid) {
    (commit.time().seconds(), commit.id())
}

fn named_by(commit: &Commit<'_>) -> Vec<String> {
    let bytes = commit.message_bytes();
    // Most commits have none: their messages are not taken apart.
    let name = RETRY_TRAILER.as_bytes();
    if !bytes.windows(name.len()).any(|part| part.eq_ignore_ascii_case(name)) {
        return Vec::new();
    }
    trailer::values(commit, RETRY_TRAILER)
}
