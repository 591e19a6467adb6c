//! The part of a pull request's text that is Bowline's: only that is ever written anew.

/// What the line above it begins with.
const BEGIN: &str = "<!-- bowline:begin";
/// What the line below it begins with.
const END: &str = "<!-- bowline:end";
/// What every trailer of Bowline's begins with.
const TRAILER: &str = "Bowline-";
/// What ended the text before it had a beginning and an end.
const EARLIER_END: &str = "<!-- bowline:revert ";
/// GitHub's limit, in characters.
const LONGEST: usize = 65_536;

/// A pull request's text, of which `own` is Bowline's. The trailers come last, in a paragraph of their own: a server that makes
/// a commit's message of the text keeps them where they are found.
pub(crate) fn text(own: &str, trailers: &str) -> String {
    let own = own.trim_end();
    let block = format!("{BEGIN}: text outside of these two lines stays -->\n{own}\n{END} -->\n");
    joined(&[&block, trailers])
}

/// The text `present` with Bowline's part as it is in `new`. What people wrote stays, above and below; trailers that `new` does not
/// have, too.
pub fn renewed(present: &str, new: &str) -> String {
    let (present, new) = (lines(present), lines(new));
    let [_, own, new_rest] = split(&new);
    let [above, _, below] = split(&present);
    let (theirs, their_trailers) = without_trailers(&below);
    let (_, trailers) = without_trailers(&new_rest);
    let trailers = if trailers.is_empty() { their_trailers } else { trailers };
    let renewed = joined(&[&above.join("\n"), &own.join("\n"), &theirs.join("\n"), &trailers.join("\n")]);
    if renewed.chars().count() > LONGEST { present.join("\n") } else { renewed }
}

/// Parts with an empty line between them.
fn joined(parts: &[&str]) -> String {
    let parts = parts.iter().map(|part| part.trim_matches('\n')).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("\n\n") + "\n"
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().map(str::trim_end).collect()
}

/// What stands above of Bowline's part, that part with its first and its last line, and what stands below.
fn split<'t>(lines: &[&'t str]) -> [Vec<&'t str>; 3] {
    let at = |what: &str| lines.iter().position(|line| line.starts_with(what));
    let range = match (at(BEGIN), at(END)) {
        (Some(begin), Some(end)) if begin < end => begin..end + 1,
        // Somebody took a line away: all is theirs.
        (Some(_), _) | (_, Some(_)) => 0..0,
        (None, None) => 0..at(EARLIER_END).map_or(0, |end| end + 1),
    };
    let part = |range: std::ops::Range<usize>| lines.get(range).unwrap_or_default().to_vec();
    [part(0..range.start), part(range.clone()), part(range.end..lines.len())]
}

/// The lines without the paragraphs of Bowline's trailers, and those.
fn without_trailers<'t>(lines: &[&'t str]) -> (Vec<&'t str>, Vec<&'t str>) {
    let is_trailers = |paragraph: &&[&str]| {
        paragraph.iter().all(|line| line.starts_with(TRAILER) && line.contains(": ")) && !paragraph.is_empty()
    };
    let (mut others, mut trailers) = (Vec::new(), Vec::new());
    for paragraph in lines.split(|line| line.is_empty()) {
        if is_trailers(&paragraph) {
            trailers.extend_from_slice(paragraph);
        } else {
            others.extend_from_slice(paragraph);
            others.push("");
        }
    }
    (others, trailers)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRAILERS: &str = "Bowline-Reverts: ab\nBowline-Resource: EcsService/web";

    #[test]
    fn what_people_wrote_stays_and_the_trailers_come_last() {
        let first = text("It failed.\n\nTwice.", TRAILERS);
        let marked = |own: &str| {
            format!(
                "<!-- bowline:begin: text outside of these two lines stays -->\n{own}\n<!-- bowline:end -->"
            )
        };
        assert_eq!(first, format!("{}\n\n{TRAILERS}\n", marked("It failed.\n\nTwice.")));
        let edited = format!("On call: Ada\r\n\r\n{}\r\nSee the\r\n\r\nlog.", first.replace('\n', "\r\n"));
        let new = text("It failed three times.", TRAILERS);
        let once = renewed(&edited, &new);
        assert_eq!(
            once,
            format!(
                "On call: Ada\n\n{}\n\nSee the\n\nlog.\n\n{TRAILERS}\n",
                marked("It failed three times.")
            )
        );
        assert_eq!(renewed(&once, &new), once);
        // Where the message of the commit is not known, what is there stays.
        assert_eq!(renewed(&once, &text("Again.", "")), once.replace("It failed three times.", "Again."));
    }

    #[test]
    fn of_a_text_without_its_lines_nothing_is_lost() {
        let new = text("New.", TRAILERS);
        let [begin, end] = ["<!-- bowline:begin -->", "<!-- bowline:end -->"];
        for theirs in ["Somebody else's words", begin, end, &format!("{end}\nwords\n{begin}")] {
            let renewed = renewed(theirs, &new);
            assert!(renewed.contains(theirs) && renewed.contains("\nNew.\n"), "{renewed}");
            assert!(renewed.ends_with(&format!("\n\n{TRAILERS}\n")), "{renewed}");
        }
        // As it was written by earlier versions.
        let earlier = "Old.\n\n<!-- bowline:revert bad=a -->\n\nTheirs.";
        let renewed = renewed(earlier, &new);
        assert!(!renewed.contains("Old.") && renewed.contains("Theirs."), "{renewed}");
        // What would be too long is left as it is.
        let long = "x".repeat(LONGEST);
        assert_eq!(super::renewed(&long, &new), long);
    }
}
