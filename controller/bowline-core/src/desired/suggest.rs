//! What was probably meant.

/// The known name nearest to `found`, if one is near enough to be a slip of the pen.
pub(super) fn nearest<'a>(found: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = found.to_lowercase();
    let length = found.chars().count();
    let allowed = |name: &str| (length.min(name.chars().count()) / 3).max(1);
    known
        .into_iter()
        // Cheap, and spares the distance to almost all of thousands of names.
        .filter(|name| length.abs_diff(name.chars().count()) <= allowed(name))
        .map(|name| (strsim::osa_distance(&lower, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= allowed(name))
        .min()
        .map(|(_, name)| name)
}

/// "did you mean `x`?" if something is near, else what exists.
pub(super) fn hint<'a>(found: &str, what: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    if let Some(name) = nearest(found, known.clone()) {
        return format!("did you mean `{name}`?");
    }
    let mut names: Vec<&str> = known.collect();
    names.sort_unstable();
    match names.len() {
        0 => format!("there are no {what} at all"),
        count @ 0..=40 => {
            let list: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            let verb = if count == 1 { "there is only" } else { "there are" };
            format!("{what}: {verb} {}", list.join(", "))
        }
        count => format!("{what}: there are {count}, none with a similar name"),
    }
}

/// Text as it may stand in a message: on one line, and not longer than a person reads.
pub(super) fn shorten(text: &str) -> String {
    const MOST: usize = 80;
    let one_line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if one_line.chars().count() <= MOST {
        return one_line;
    }
    one_line.chars().take(MOST).chain("...".chars()).collect()
}
