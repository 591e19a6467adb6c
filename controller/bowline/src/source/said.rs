//! What a git server says beside its answer (`remote:` at a shell): there it names the rule that refuses a push.

use std::cell::RefCell;

/// What is kept of it, in bytes: rules are named at once, and the rest is nobody's to store.
const MOST_BYTES: usize = 16 * 1024;
/// How many lines are told.
const MOST_LINES: usize = 6;
/// How long each may be, in characters.
const LONGEST_LINE: usize = 200;

/// What was said so far.
#[derive(Debug, Default)]
pub(super) struct Said(RefCell<Vec<u8>>);

impl Said {
    /// Takes in what came: any part of a line, or several.
    pub(super) fn hear(&self, words: &[u8]) {
        let mut said = self.0.borrow_mut();
        let room = MOST_BYTES.saturating_sub(said.len());
        said.extend(words.iter().take(room));
    }

    /// The server's answer with what it said of it: its first lines, as one, without what a terminal would obey.
    pub(super) fn beside(&self, answer: &str) -> String {
        let said = self.0.borrow();
        let said = String::from_utf8_lossy(&said);
        let lines: Vec<String> = said.split(['\n', '\r']).map(plain).filter(|line| is_told(line)).collect();
        let more = if lines.len() > MOST_LINES { "; and more" } else { "" };
        let told: Vec<String> = lines.into_iter().take(MOST_LINES).collect();
        let answer = plain(answer);
        if told.is_empty() { answer } else { format!("{answer}: {}{more}", told.join("; ")) }
    }
}

/// Whether it is more than an empty line, a frame, or how far the server is with its own work ("Resolving deltas: 40% (2/5)").
fn is_told(line: &str) -> bool {
    line.chars().any(char::is_alphanumeric) && !line.contains("% (")
}

/// One line without its full stop, control characters and those that turn the direction of what follows, and not longer than it may be.
fn plain(line: &str) -> String {
    let turns = |character| matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let line: String = line
        .replace('\t', " ")
        .chars()
        .filter(|character| !character.is_control() && !turns(*character))
        .collect();
    let line = line.trim().trim_end_matches('.');
    let cut: String = line.chars().take(LONGEST_LINE).collect();
    if cut.len() < line.len() { format!("{cut}...") } else { cut }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beside(words: &[&[u8]]) -> String {
        let said = Said::default();
        for part in words {
            said.hear(part);
        }
        said.beside("push declined")
    }

    #[test]
    fn the_rule_that_refuses_is_told_on_one_line_and_nothing_else() {
        assert_eq!(beside(&[]), "push declined");
        assert_eq!(
            beside(&[
                b"Resolving deltas:  50% (1/2)\rResolving deltas: 100% (2/2), done.\n",
                b"error: GH013: Repository rule viol",
                b"ations found for refs/heads/main.\n\n- Changes must be made\tthrough a pull request.\n=====\n",
            ]),
            "push declined: error: GH013: Repository rule violations found for refs/heads/main; - Changes must be made through a \
             pull request"
        );
        assert_eq!(
            beside(&["\u{1b}[31mno\u{7}\u{202e}pe\u{9b}1m\n\u{fffd}".as_bytes(), b"\xff\0"]),
            "push declined: [31mnope1m"
        );
    }

    #[test]
    fn of_what_is_long_the_beginning_is_told() {
        let many = ["1", "2", "3", "4", "5", "6", "7", "8", "9"].join("\n");
        assert_eq!(beside(&[many.as_bytes()]), "push declined: 1; 2; 3; 4; 5; 6; and more");
        let long = "x".repeat(MOST_BYTES + 1);
        assert_eq!(beside(&[long.as_bytes()]), format!("push declined: {}...", "x".repeat(LONGEST_LINE)));
        let said = Said::default();
        said.hear(long.as_bytes());
        said.hear(b"y");
        assert_eq!(said.0.borrow().len(), MOST_BYTES);
    }
}
