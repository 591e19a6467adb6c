//! Numeric ids, node ids, and how times are written.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

/// Hands out ids: one sequence for everything, so that no two things share one.
#[derive(Debug, Default)]
pub(super) struct Numbers(u64);

impl Numbers {
    /// The next id. They start high, so that nobody mistakes one for a pull request's number.
    pub(super) fn next(&mut self) -> u64 {
        self.0 += 1;
        1_000_000 + self.0
    }
}

/// A node id: opaque to callers, the prefix is GitHub's own for that kind of object.
pub(super) fn node_id(prefix: &str, id: &str) -> String {
    format!("{prefix}_{}", URL_SAFE_NO_PAD.encode(id))
}

/// The id of a person or a bot: the same name always has the same.
pub(super) fn id_of_name(name: &str) -> u64 {
    let digest = Sha256::digest(name.to_ascii_lowercase().as_bytes());
    digest.iter().take(4).fold(0, |id, byte| (id << 8) | u64::from(*byte))
}

/// `2026-11-21T10:00:00Z`: whole seconds, as GitHub writes all times.
pub(super) fn stamp(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
