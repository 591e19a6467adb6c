//! The trailers of a commit's message, found as git finds them.

use bowline_core::rollback::revert::Trailers;
use git2::{Commit, message_trailers_strs};

/// What the trailers with this name say, as written.
pub(super) fn values(commit: &Commit<'_>, name: &str) -> Vec<String> {
    let pairs = pairs(commit).into_iter();
    pairs
        .filter(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim().to_owned())
        .collect()
}

/// What the trailers of a commit of Bowline's declare.
pub(super) fn declared(commit: &Commit<'_>) -> Trailers {
    let pairs = pairs(commit);
    Trailers::from_pairs(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())))
}

fn pairs(commit: &Commit<'_>) -> Vec<(String, String)> {
    let message = String::from_utf8_lossy(commit.message_bytes());
    // Parsing trailers fails only for what git itself does not write.
    let Ok(trailers) = message_trailers_strs(&message) else { return Vec::new() };
    trailers.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
