//! Which specs that failed does the branch say may be tried once more?
//!
//! A commit with the trailer `Bowline-Retry: <spec hash>` says so. Whether it was used up is not known here.

use bowline_core::desired::{Finding, RETRY_TRAILER, Retry};
use git2::{Commit, Error, Oid, Repository, Sort, message_trailers_strs};
use jiff::Timestamp;

/// How many commits of the branch are looked at, along all parents. A release that is older was used, or is of no use: a spec
/// that still waits for it can be released again.
const MOST_COMMITS: usize = 500;
/// How many of the newest commits are told about when their trailer releases nothing.
const TOLD_OF: usize = 10;

/// The releases in the history of `head`, newest first, and trailers that release nothing.
pub(super) fn retries(repository: &Repository, head: Oid) -> Result<(Vec<Retry>, Vec<Finding>), Error> {
    let mut walk = repository.revwalk()?;
    walk.set_sorting(Sort::TOPOLOGICAL | Sort::TIME)?;
    walk.push(head)?;
    let (mut found, mut findings) = (Vec::new(), Vec::new());
    for (number, id) in walk.take(MOST_COMMITS).enumerate() {
        let commit = repository.find_commit(id?)?;
        let id = commit.id().to_string();
        let at = Timestamp::from_second(commit.time().seconds()).unwrap_or_default();
        for value in named_by(&commit) {
            match Retry::parse(&value, &id, at) {
                Some(retry) => found.push(retry),
                None if number < TOLD_OF => findings.push(Finding::nothing_to_retry(&id, &value)),
                None => {}
            }
        }
    }
    Ok((found, findings))
}

fn named_by(commit: &Commit<'_>) -> Vec<String> {
    let bytes = commit.message_bytes();
    // Most commits have none: their messages are not taken apart.
    let name = RETRY_TRAILER.as_bytes();
    if !bytes.windows(name.len()).any(|part| part.eq_ignore_ascii_case(name)) {
        return Vec::new();
    }
    let message = String::from_utf8_lossy(bytes);
    let Ok(trailers) = message_trailers_strs(&message) else { return Vec::new() };
    let ours = trailers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(RETRY_TRAILER));
    ours.map(|(_, value)| value.trim().to_owned()).collect()
}
