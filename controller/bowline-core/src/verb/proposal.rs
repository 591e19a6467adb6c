//! The pull request of a verb's commit, as text.

use std::fmt::Write as _;

use crate::rollback::machine::quoted::defused;
use crate::rollback::machine::{Marker, ours};

/// Its title: that of the commit.
pub fn title(message: &str) -> &str {
    message.lines().next().unwrap_or_default()
}

/// Its text: the commit's own message, what merging and closing it mean, and what is to be known of it. With `marker`, a
/// controller that is about to take back the same commit knows it for its own, and opens no second one.
pub fn body(message: &str, notes: &[String], marker: Option<&Marker>) -> String {
    let rest = message.split_once("\n\n").map_or("", |(_, rest)| rest).trim_end();
    let (said, trailers) = rest.rsplit_once("\n\n").unwrap_or(("", rest));
    let mut text = String::new();
    for paragraph in said.split("\n\n").filter(|paragraph| !paragraph.is_empty()) {
        let _ = writeln!(text, "{}\n", defused(paragraph));
    }
    for note in notes {
        let _ = writeln!(text, "- {}", defused(note));
    }
    if !notes.is_empty() {
        text.push('\n');
    }
    text.push_str("It takes effect when it is merged. Closing it leaves everything as it is.\n\n");
    if let Some(marker) = marker {
        let _ = writeln!(text, "{}", marker.line());
    }
    ours::text(&text, trailers)
}
