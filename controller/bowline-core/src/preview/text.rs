//! The comment, found again by its first line.

use std::fmt::Write as _;

use super::{Change, Compared, Conclusion, Preview, Seen};
use crate::desired::{Finding, Severity};
use crate::name::InstanceName;
use crate::plan::{ResourceReport, Sync};

/// What GitHub takes as a comment, in characters.
const LONGEST: usize = 65_536;
/// What is kept free for the sentence that says what was left out, and for the end.
const RESERVE: usize = 1_000;
/// How much of one resource is shown, in characters: one file with a thousand changes must not hide the other resources.
const LONGEST_BLOCK: usize = 8_000;
/// How much of one line is shown, in characters.
const LONGEST_LINE: usize = 400;

/// The line by which an instance finds its own comment.
pub fn marker(instance: &InstanceName) -> String {
    format!("<!-- bowline:preview {instance} -->")
}

/// The comment: what would change, and what is wrong. At most 65,536 characters. It has no time in it, so that the same
/// outcome is the same text.
pub fn comment(preview: &Preview) -> String {
    let verdict = preview.verdict();
    let mut page = Page::new(&preview.instance);
    let symbol = match verdict.conclusion {
        Conclusion::Success => ":white_check_mark:",
        Conclusion::Failure => ":x:",
        Conclusion::Neutral => ":grey_question:",
    };
    let whose = if preview.instance == InstanceName::default() {
        String::new()
    } else {
        format!(" ({})", preview.instance)
    };
    let _ = writeln!(page.text, "### {symbol} Bowline{whose}: {}\n", one_line(&verdict.summary));
    let onto = format!("commit {:.8} on top of {:.8}", preview.head, preview.base);
    let sentence = match &preview.seen {
        Seen::Compared(_) => format!("What {onto} would mean for live, if it were merged now.\n\n"),
        Seen::Files => format!(
            "The files of {onto}. It comes from a fork: AWS is not asked for it, and it is compared with live after the merge.\n\n"
        ),
        Seen::Unusable(_) | Seen::CannotTell(_) => format!("Looked at {onto}.\n\n"),
    };
    page.text.push_str(&sentence);
    page.findings("**New findings**", &preview.findings.brought);
    let standing = preview.findings.standing.iter().filter(|finding| finding.severity == Severity::Error);
    page.findings("**Errors that the branch has already**", standing);
    match &preview.seen {
        Seen::Files => {}
        Seen::Unusable(why) | Seen::CannotTell(why) => page.block("**Not compared with live**", why),
        Seen::Compared(compared) => page.compared(compared),
    }
    page.end()
}

/// A text that is never too long.
struct Page {
    text: String,
    left_out: usize,
}

impl Page {
    fn new(instance: &InstanceName) -> Self {
        Self { text: format!("{}\n", marker(instance)), left_out: 0 }
    }

    /// A heading and a block of plain text, if there is room. Inside of a block nothing is a link, a name or HTML.
    fn block(&mut self, heading: &str, content: &str) {
        let content = shortened(content);
        // A longer fence than any inside cannot be closed by what it holds.
        let longest = content.split(|c| c != '`').map(str::len).max().unwrap_or(0);
        let fence = "`".repeat(longest.max(2) + 1);
        let block = format!("{heading}\n\n{fence}text\n{}\n{fence}\n\n", content.trim_end());
        if self.text.chars().count() + block.chars().count() > LONGEST - RESERVE {
            self.left_out += 1;
        } else {
            self.text.push_str(&block);
        }
    }

    fn findings<'f>(&mut self, heading: &str, findings: impl IntoIterator<Item = &'f Finding>) {
        let mut lines = String::new();
        for finding in findings {
            let severity = match finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            };
            let place = &finding.location;
            let place = match place.line {
                0 => place.path.clone(),
                line => format!("{}:{line}:{}", place.path, place.column),
            };
            // Without the line itself: more people read this than the file.
            let _ = writeln!(lines, "{place}: {severity}: {}", finding.message);
            if let Some(hint) = &finding.hint {
                let _ = writeln!(lines, "    -> {hint}");
            }
        }
        if !lines.is_empty() {
            self.block(heading, &lines);
        }
    }

    fn compared(&mut self, compared: &Compared) {
        if let Some(why) = &compared.refused {
            self.block("**Held after the merge**", why);
        }
        for report in &compared.reports {
            self.block(&heading(report), &body(report));
        }
        let mut others = String::new();
        for (key, change) in &compared.changes {
            let _ = match change {
                Change::Added | Change::Changed => Ok(()),
                Change::Removed => {
                    writeln!(others, "{key} leaves git: it is left as it is, and not managed any more")
                }
                Change::NotCompared(why) => writeln!(others, "{key} is not compared: {why}"),
            };
        }
        if !others.is_empty() {
            self.block("**Besides**", &others);
        }
        if !compared.actions.is_empty() {
            self.block("**What would be done**, as far as it is known before", &compared.actions.join("\n"));
        }
    }

    fn end(mut self) -> String {
        if self.left_out > 0 {
            let _ = writeln!(
                self.text,
                "There is more than fits: {} left out. `bowline plan --ref <branch>` shows everything.\n",
                super::counted(self.left_out, "block")
            );
        }
        self.text.push_str("Values of environment variables, commands and labels are shown by length.\n");
        self.text
    }
}

fn heading(report: &ResourceReport) -> String {
    let target = report.target.as_ref().map(|target| format!(" on `{target}`")).unwrap_or_default();
    let state = match report.sync {
        Sync::InSync if report.differences.is_empty() => "as it would be wanted",
        Sync::InSync | Sync::Drifted => "would change",
        Sync::Progressing => "rolling out",
        Sync::AwaitingGit => "would not be deployed: it failed before",
        Sync::Missing => "does not exist",
        Sync::Unknown => "unknown",
        Sync::Invalid => "cannot be used as written",
    };
    format!("**`{}`**{target}: {state}", report.resource)
}

fn body(report: &ResourceReport) -> String {
    let mut text = String::new();
    for difference in &report.differences {
        let _ = writeln!(text, "{difference}");
    }
    if let Some(why) = &report.unknown {
        let _ = writeln!(text, "unknown: {}\n    -> {}", why.message, why.hint);
    }
    for why in &report.held {
        let _ = writeln!(text, "held: {why}");
    }
    if let Some(on) = report.waits_for() {
        let _ = writeln!(text, "waits for {on}");
    }
    for warning in &report.warnings {
        let _ = writeln!(text, "warning: {warning}\n    -> {}", warning.hint());
    }
    for note in &report.notes {
        let _ = writeln!(text, "note: {note}");
    }
    if text.is_empty() { "no difference\n".to_owned() } else { text }
}

/// At most [`LONGEST_BLOCK`] characters, in lines of at most [`LONGEST_LINE`].
fn shortened(text: &str) -> String {
    let mut short = String::new();
    let mut room = LONGEST_BLOCK;
    for (index, line) in text.lines().enumerate() {
        let mut line: String = line.chars().filter(|c| !c.is_control() || *c == '\t').collect();
        if line.chars().count() > LONGEST_LINE {
            line = line.chars().take(LONGEST_LINE).chain(" ...".chars()).collect();
        }
        let length = line.chars().count() + 1;
        if length > room {
            let more = text.lines().count() - index;
            let _ = writeln!(short, "... and {}", super::counted(more, "more line"));
            break;
        }
        room -= length;
        let _ = writeln!(short, "{line}");
    }
    short
}

fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    // What came from a commit or from AWS must not call people, be HTML, or link.
    line.replace('@', "@\u{200b}").replace('<', "&lt;").replace('#', "#\u{200b}").replace("](", "] (")
}
