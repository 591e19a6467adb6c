//! How does git say that what failed may be tried once more?

use jiff::Timestamp;

use super::finding::{Finding, FindingCode, Location, Severity};
use crate::name::ResourceName;

/// The trailer of a commit that releases a spec that failed, once: `Bowline-Retry: <spec hash>`.
pub const RETRY_TRAILER: &str = "Bowline-Retry";

/// The fewest digits of a spec hash that name it: as many as are shown.
const FEWEST_DIGITS: usize = 12;
/// All digits of a spec hash.
const ALL_DIGITS: usize = 64;

/// A commit of the branch that releases a spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retry {
    /// The beginning of the spec's hash, in lower case, 12 digits or more.
    pub spec: String,
    /// The commit that says so.
    pub commit: String,
    /// When it was committed, by the committer's clock.
    pub committed_at: Timestamp,
}

impl Retry {
    /// What the trailer of a commit releases; absent when it is no spec hash.
    pub fn parse(value: &str, commit: &str, committed_at: Timestamp) -> Option<Self> {
        let spec = value.trim().to_ascii_lowercase();
        let is_hash = (FEWEST_DIGITS..=ALL_DIGITS).contains(&spec.len())
            && spec.chars().all(|digit| digit.is_ascii_hexdigit());
        is_hash.then(|| Self { spec, commit: commit.to_owned(), committed_at })
    }
}

/// What a person runs to release the spec of a service, as the end of a sentence that begins with what it is for. The commit
/// that the verb makes has the trailer.
pub fn how_to_retry(what_for: &str, service: &ResourceName) -> String {
    format!("{what_for}, run `bowline retry {service}`")
}

impl Finding {
    /// The trailer of a commit names nothing that could be released.
    pub fn nothing_to_retry(commit: &str, value: &str) -> Self {
        Self {
            location: Location { path: String::new(), line: 0, column: 0 },
            severity: Severity::Warning,
            code: FindingCode::NotAcceptable,
            message: format!(
                "the trailer `{RETRY_TRAILER}: {value:.70}` of commit {commit:.8} releases nothing: `{value:.70}` is not a \
                 spec hash of 12 to 64 hexadecimal digits"
            ),
            hint: Some("run `bowline retry NAME`, which makes such a commit with the right hash".to_owned()),
            snippet: None,
            related: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trailer_names_a_spec_by_twelve_digits_or_more() {
        let at = Timestamp::UNIX_EPOCH;
        let parsed = |value: &str| Retry::parse(value, "c", at).map(|retry| retry.spec);
        assert_eq!(parsed(" 0123456789AB "), Some("0123456789ab".to_owned()));
        assert_eq!(parsed(&"a".repeat(64)), Some("a".repeat(64)));
        for value in ["0123456789a", "", "0123456789zz", &"a".repeat(65)] {
            assert_eq!(parsed(value), None, "{value}");
        }
    }
}
