//! The trailers of a commit's message, found as git finds them, also where a server made the message of a pull request's text.

use std::collections::BTreeSet;

use bowline_core::rollback::revert::{INCIDENT_TRAILER, Trailers};
use git2::{Commit, message_trailers_strs};

/// What the names of all trailers begin with that mean anything to Bowline, in small letters.
const OWN: &str = "bowline-";

/// What a server that squashes adds to a message: who else wrote it.
const ADDED: [&str; 2] = ["co-authored-by:", "signed-off-by:"];
/// What begins each commit's message where a server lists those of all that it squashes.
const LISTED: &str = "* ";

/// What the trailers with this name say, as written.
pub(super) fn values(commit: &Commit<'_>, name: &str) -> Vec<String> {
    let pairs = pairs(&message(commit)).into_iter();
    pairs
        .filter(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim().to_owned())
        .collect()
}

/// What the trailers of a commit of Bowline's declare.
pub(super) fn declared(commit: &Commit<'_>) -> Trailers {
    declared_in(&message(commit))
}

/// Everything of Bowline's that a commit declares and that has an effect, by name: all but whose incident it is.
pub(super) fn effects(commit: &Commit<'_>) -> BTreeSet<(String, String)> {
    let pairs = pairs(&message(commit)).into_iter();
    let pairs = pairs.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
    pairs.filter(|(name, _)| name.starts_with(OWN) && !name.eq_ignore_ascii_case(INCIDENT_TRAILER)).collect()
}

fn message(commit: &Commit<'_>) -> String {
    String::from_utf8_lossy(commit.message_bytes()).into_owned()
}

/// Of several messages in one, as of several commits that a merge brings: it is a rollback if every one of them is.
fn declared_in(message: &str) -> Trailers {
    let own = trailers(message);
    let mut all = own.clone();
    for message in listed(message) {
        let trailers = trailers(&message);
        // The branch itself, merged into it meanwhile.
        if message.starts_with("Merge ") {
            continue;
        }
        if !trailers.is_rollback() {
            return own;
        }
        all.add(trailers);
    }
    all
}

fn trailers(message: &str) -> Trailers {
    let pairs = pairs(message);
    Trailers::from_pairs(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())))
}

/// Name and value of the trailers in the last paragraph but for what a server added.
fn pairs(message: &str) -> Vec<(String, String)> {
    let paragraphs = paragraphs(message);
    // The first one is the subject.
    let Some(last) = paragraphs.iter().skip(1).next_back() else { return Vec::new() };
    // Parsing trailers fails only for what git itself does not write.
    let Ok(trailers) = message_trailers_strs(&format!("Subject\n\n{}\n", last.join("\n"))) else {
        return Vec::new();
    };
    trailers.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The paragraphs without what a server added at the end: lines of dashes, and who else wrote it. Those that are indented as a whole
/// are not any more.
fn paragraphs(message: &str) -> Vec<Vec<&str>> {
    let mut lines: Vec<&str> = message.lines().map(str::trim_end).collect();
    let is_added = |line: &&str| {
        let line = line.trim_start();
        let is_rule = line.len() >= 3 && line.chars().all(|character| character == '-');
        let author =
            ADDED.iter().any(|name| line.get(..name.len()).is_some_and(|key| key.eq_ignore_ascii_case(name)));
        line.is_empty() || is_rule || author
    };
    while lines.last().is_some_and(is_added) {
        lines.pop();
    }
    let paragraphs = lines.split(|line| line.is_empty()).filter(|paragraph| !paragraph.is_empty());
    paragraphs.map(dedented).collect()
}

fn dedented<'t>(paragraph: &[&'t str]) -> Vec<&'t str> {
    let indent = paragraph.iter().map(|line| line.len() - line.trim_start().len()).min().unwrap_or_default();
    paragraph.iter().map(|line| line.get(indent..).unwrap_or(line)).collect()
}

/// The messages that a server listed below the subject; none if it made the message in another way.
fn listed(message: &str) -> Vec<String> {
    let paragraphs = paragraphs(message);
    let mut listed: Vec<String> = Vec::new();
    for paragraph in paragraphs.iter().skip(1) {
        let text = paragraph.join("\n");
        match (text.strip_prefix(LISTED), listed.last_mut()) {
            (Some(begin), _) => listed.push(begin.to_owned()),
            (None, Some(last)) => {
                last.push_str("\n\n");
                last.push_str(&text);
            }
            (None, None) => return Vec::new(),
        }
    }
    listed
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLLBACK: &str = "Bowline-Reverts: abababababababababababababababababababab\nBowline-Resource: EcsService/web\nBowline-Incident: inc-1";
    const OTHER: &str =
        "Bowline-Reverts: cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd\nBowline-Resource: EcsService/api";
    const ADA: &str = "Co-authored-by: Ada <ada@example.com>";

    fn reverts(message: &str) -> Vec<String> {
        declared_in(message).reverts.iter().map(|commit| commit.as_str()[..2].to_owned()).collect()
    }

    #[test]
    fn what_a_squash_makes_of_a_message_or_a_text_still_declares() {
        let indented = ROLLBACK.replace("Bowline-", "    Bowline-");
        for message in [
            format!("Revert\n\nIt failed.\n\n{ROLLBACK}\n"),
            format!("Revert (#7)\n\nIt failed.\n\n{ROLLBACK}\n\n{ADA}\n"),
            format!("Revert (#7)\n\nIt failed.\n\n{ROLLBACK}\n{ADA}\n"),
            format!(
                "Revert (#7)\r\n\r\n<!-- x -->\r\n\r\n---\r\n\r\n{}\r\n\r\n---------\r\n\r\n{ADA}\r\n",
                ROLLBACK.replace('\n', "\r\n")
            ),
            format!(
                "Revert (#7)\n\n* Revert\n\nIt failed.\n\n{ROLLBACK}\n\n* Merge branch 'main' into bowline/rollback\n\n---------\n\n{ADA}\n"
            ),
            format!("Revert (#7)\n\n{indented}\n"),
        ] {
            assert_eq!(declared_in(&message), trailers(&format!("x\n\n{ROLLBACK}")), "{message}");
            assert_eq!(reverts(&message), ["ab"]);
        }
        let both = format!("Both (#7)\n\n* Revert\n\n{ROLLBACK}\n\n* Revert another\n\n{OTHER}\n");
        assert_eq!(reverts(&both), ["ab", "cd"]);
    }

    #[test]
    fn what_is_quoted_or_beside_something_else_declares_nothing() {
        for message in [
            format!("{ROLLBACK}\n"),
            format!("Quoted\n\n```\n{ROLLBACK}\n```\n"),
            format!("Quoted\n\n{ROLLBACK}\n\nand more\n"),
            format!("Both (#7)\n\n* Revert\n\n{ROLLBACK}\n\n* Beside it\n"),
        ] {
            assert_eq!(reverts(&message), Vec::<String>::new(), "{message}");
        }
        let retry = "Retry (#7)\n\nBowline-Retry: abc\n\n---------\n\nCo-authored-by: Ada <ada@example.com>";
        assert_eq!(pairs(retry), [("Bowline-Retry".to_owned(), "abc".to_owned())]);
    }
}
