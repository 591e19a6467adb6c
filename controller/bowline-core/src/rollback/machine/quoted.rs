//! Text that others wrote, made inert: it calls nobody, links and closes no issue, loads nothing and hides nothing.
//!
//! Not even where the text becomes the message of a commit, in which Markdown means nothing: there a reference is one wherever it
//! stands. So each is broken by a character that is not seen, beside what Markdown and HTML need.

/// Zero-width space.
const BREAK: char = '\u{200b}';
/// What stands before the number of an issue in its address.
const ISSUE_PATHS: [&str; 3] = ["/issues/", "/pull/", "/discussions/"];
/// What GitHub takes for a promise to close what follows.
const CLOSING: [&str; 9] =
    ["close", "closes", "closed", "fix", "fixes", "fixed", "resolve", "resolves", "resolved"];

/// The text on one line, for Markdown.
pub(crate) fn defused(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut escaped = String::with_capacity(line.len());
    // What would begin a heading, a quotation, a list, a table or a block of code.
    if line.starts_with(['#', '>', '-', '+', '*', '=', '|', '`', '~']) {
        escaped.push(BREAK);
    }
    for character in unlinked(&line).chars() {
        match character {
            '\\' | '[' | '<' => escaped.extend(['\\', character]),
            '&' => escaped.push_str("&amp;"),
            other => escaped.push(other),
        }
    }
    uncommented(&escaped)
}

/// The text without the beginning of a comment: what Bowline writes for itself is found by that, also within a block of code.
fn uncommented(text: &str) -> String {
    text.replace("<!--", &format!("<!{BREAK}--"))
}

/// The text as a block of code, which it cannot end by itself.
pub(crate) fn fenced(text: &str) -> String {
    let longest = text.split(|character| character != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}text\n{}\n{fence}", uncommented(&unlinked(text)).trim_end())
}

/// The text without references: `@somebody`, `#12`, `GH-12`, `owner/name#12`, and addresses of issues. Line breaks stay.
pub(crate) fn unlinked(text: &str) -> String {
    let mut broken = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        broken.push(character);
        let number_follows = rest.clone().next().is_some_and(|next| next.is_ascii_digit());
        let is_reference = match character {
            '@' => true,
            '#' => number_follows,
            '-' => number_follows && ends_in(&broken, "gh-"),
            '/' => number_follows && ISSUE_PATHS.iter().any(|path| ends_in(&broken, path)),
            _ => false,
        };
        if is_reference {
            broken.push(BREAK);
        }
    }
    broken
}

/// The subject of a commit without promises to close issues: who takes a change back keeps none of them. Everything else
/// stays, such as the number of the pull request.
pub(crate) fn unpromised(subject: &str) -> String {
    let mut promised = false;
    let words = subject.split(' ').map(|word| {
        let kept = if promised { unlinked(word) } else { word.to_owned() };
        let plain = word.trim_matches(|character: char| !character.is_ascii_alphanumeric());
        promised = CLOSING.iter().any(|closing| plain.eq_ignore_ascii_case(closing));
        kept
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Whether a text ends in this one, in whatever case of letters.
fn ends_in(text: &str, end: &str) -> bool {
    let start = text.len().checked_sub(end.len());
    start.and_then(|start| text.get(start..)).is_some_and(|tail| tail.eq_ignore_ascii_case(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_is_inert() {
        let cases = [
            ("closes #12", "closes #_12"),
            ("fixes: acme/infra#3, gh-4 and GH-5", "fixes: acme/infra#_3, gh-_4 and GH-_5"),
            ("https://github.com/acme/infra/issues/7", "https://github.com/acme/infra/issues/_7"),
            ("https://ghe.example.com/acme/infra/pull/7", "https://ghe.example.com/acme/infra/pull/_7"),
            ("@everyone me@example.com", "@_everyone me@_example.com"),
            ("&#64;everyone &commat;you", "&amp;#_64;everyone &amp;commat;you"),
            ("<!-- bowline:revert bad=x -->", "\\<!_-- bowline:revert bad=x -->"),
            ("![](https://example.com/a.png) [x](y)", "!\\[](https://example.com/a.png) \\[x](y)"),
            ("\\[x](y) <img src=x>", "\\\\\\[x](y) \\<img src=x>"),
            ("# Big\n- [ ] more", "_# Big - \\[ ] more"),
            ("```\nfence", "_``` fence"),
            ("image web:7 #sha size-12 /tasks/12", "image web:7 #sha size-12 /tasks/12"),
        ];
        for (text, wanted) in cases {
            assert_eq!(defused(text).replace(BREAK, "_"), wanted, "{text}");
        }
    }

    #[test]
    fn a_block_of_code_ends_where_it_has_to() {
        assert_eq!(fenced("a\n"), "```text\na\n```");
        assert_eq!(fenced("````\ncloses #1").replace(BREAK, "_"), "`````text\n````\ncloses #_1\n`````");
        let marker = "<!-- bowline:revert bad=x -->\n<!-- bowline:end -->";
        assert_eq!(
            fenced(marker).replace(BREAK, "_"),
            "```text\n<!_-- bowline:revert bad=x -->\n<!_-- bowline:end -->\n```"
        );
    }

    #[test]
    fn a_subject_keeps_its_number_and_promises_nothing() {
        for (subject, wanted) in [
            ("Deploy 3 (#7)", "Deploy 3 (#7)"),
            ("Mend it (fixes #12)", "Mend it (fixes #_12)"),
            ("Resolves: acme/infra#3 (#7)", "Resolves: acme/infra#_3 (#7)"),
            ("Prefix #7", "Prefix #7"),
        ] {
            assert_eq!(unpromised(subject).replace(BREAK, "_"), wanted);
        }
    }
}
