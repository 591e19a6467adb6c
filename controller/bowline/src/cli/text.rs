//! Resources as an operator likes to read them.

mod evidence;

use std::fmt::Write as _;

use bowline_core::diff::{Difference, Reason, Shown};
use bowline_core::live::UnknownReason;
use bowline_core::plan::{Action, Orphan, ResourceReport, Sync, Wave};
use owo_colors::{OwoColorize, Style};
use similar::{ChangeTag, TextDiff};

use crate::engine::reconcile::Pass;
use crate::engine::status::{GitStatus, RollbackStatus, Standing};

/// `~` differs, `+` is missing, `?` is unknown ...
fn symbol(sync: Sync) -> char {
    match sync {
        Sync::InSync => '=',
        Sync::Drifted => '~',
        Sync::Progressing => '>',
        Sync::AwaitingGit => '!',
        Sync::Missing => '+',
        Sync::Unknown => '?',
        Sync::Invalid => 'x',
    }
}

fn style(sync: Sync) -> Style {
    match sync {
        Sync::InSync => Style::new().green(),
        Sync::Drifted | Sync::Missing => Style::new().yellow(),
        Sync::Progressing => Style::new().cyan(),
        Sync::AwaitingGit | Sync::Unknown => Style::new().magenta(),
        Sync::Invalid => Style::new().red(),
    }
}

/// The commit and where it is from.
pub(super) fn git(git: &GitStatus) -> String {
    let folder = if git.path.is_empty() { String::new() } else { format!(", folder {}", git.path) };
    let place = format!("{} of {}{folder}", git.reference, git.repo);
    let mut text = match &git.commit {
        Some(commit) => format!(
            "{} {} ({}, {})\n",
            commit.id.get(..8).unwrap_or(&commit.id).bold(),
            commit.subject,
            commit.author,
            place
        ),
        None => format!("nothing read yet of {place}\n"),
    };
    if git.standing != Standing::Fresh
        && let Some(reason) = &git.reason
    {
        let _ = writeln!(text, "{} {reason}", "nothing is done:".magenta());
    }
    text
}

/// A table of all resources: symbol, name, target, state, and the first thing to know.
pub(super) fn table(resources: &[Box<ResourceReport>]) -> String {
    let width = |of: &dyn Fn(&ResourceReport) -> usize| resources.iter().map(|it| of(it)).max().unwrap_or(0);
    let target =
        |report: &ResourceReport| report.target.as_ref().map(ToString::to_string).unwrap_or_default();
    let names = width(&|report| report.resource.to_string().len());
    let targets = width(&|report| target(report).len());
    let states = width(&|report| report.sync.to_string().len());
    let mut text = String::new();
    for report in resources {
        let style = style(report.sync);
        let first = first(report);
        // Blanks at the end of a line help nobody.
        let states = if first.is_empty() { 0 } else { states };
        let state = format!("{:states$}", report.sync.to_string());
        let _ = write!(
            text,
            "{} {:names$}  {:targets$}  {}",
            symbol(report.sync).style(style),
            report.resource.to_string(),
            target(report),
            state.style(style)
        );
        let _ = if first.is_empty() { writeln!(text) } else { writeln!(text, "  {first}") };
    }
    text
}

/// The first thing to know of a resource.
fn first(report: &ResourceReport) -> String {
    if let Some(why) = &report.unknown {
        return why.message.clone();
    }
    if let Some(failing) = report.failing() {
        return failing.to_string();
    }
    if let Some(on) = report.waits_for() {
        return format!("waits for {on}");
    }
    if let Some(why) = report.held.first() {
        return why.brief();
    }
    let paths: Vec<&str> = report.differences.iter().map(|difference| difference.path.as_str()).collect();
    if !paths.is_empty() {
        return paths.join(", ");
    }
    let warning = report.warnings.first().map(ToString::to_string);
    warning.or_else(|| report.notes.first().cloned()).unwrap_or_default()
}

/// True unless the resource is simply in sync.
pub(super) fn is_worth_telling(report: &ResourceReport) -> bool {
    report.sync != Sync::InSync
        || !report.differences.is_empty()
        || !report.warnings.is_empty()
        || !report.notes.is_empty()
        || report.failing().is_some()
}

/// Each resource with all that is known of it; those of which nothing is known, for one reason, together.
pub(super) fn details<'a>(reports: impl Iterator<Item = &'a ResourceReport>) -> String {
    let mut groups: Vec<Vec<&ResourceReport>> = Vec::new();
    for report in reports {
        let same = groups.iter_mut().find(|group| group.first().is_some_and(|first| is_alike(first, report)));
        match same {
            Some(group) => group.push(report),
            None => groups.push(vec![report]),
        }
    }
    let mut text = String::new();
    for group in &groups {
        text.extend(group.iter().map(|report| headline(report)));
        text.extend(group.first().map(|report| body(report)));
    }
    text
}

/// True if both are unknown for the same reason, and that is all there is to tell of either.
fn is_alike(one: &ResourceReport, other: &ResourceReport) -> bool {
    let (Some(why), Some(same)) = (&one.unknown, &other.unknown) else { return false };
    let code = |why: &UnknownReason| why.aws.as_ref().map(|aws| (aws.code.clone(), aws.message.clone()));
    let only = |report: &ResourceReport| {
        report.sync == Sync::Unknown
            && report.differences.is_empty()
            && report.held.is_empty()
            && report.waiting_on.is_none()
            && report.warnings.is_empty()
            && report.notes.is_empty()
    };
    only(one)
        && only(other)
        && (&why.message, &why.hint, code(why)) == (&same.message, &same.hint, code(same))
}

/// A resource and its state, on a line.
fn headline(report: &ResourceReport) -> String {
    let style = style(report.sync);
    let target = report.target.as_ref().map(|target| format!(" on {target}")).unwrap_or_default();
    format!(
        "{} {}{target}: {}\n",
        symbol(report.sync).style(style),
        report.resource.to_string().bold(),
        report.sync.to_string().style(style)
    )
}

/// One resource with all that is known of it.
pub(super) fn detail(report: &ResourceReport) -> String {
    headline(report) + &body(report)
}

/// What is known of a resource, below its headline.
fn body(report: &ResourceReport) -> String {
    let mut text = String::new();
    for difference in &report.differences {
        text.push_str(&self::difference(difference));
    }
    let mut line = |label: &str, what: &str, hint: Option<&str>| {
        let _ = writeln!(text, "    {} {what}", label.dimmed());
        if let Some(hint) = hint {
            let _ = writeln!(text, "          {} {hint}", "->".dimmed());
        }
    };
    if let Some(why) = &report.unknown {
        line("why: ", &why.message, Some(&why.hint));
        if let Some(aws) = &why.aws {
            let id = aws.request_id.as_deref().map(|id| format!(" (request {id})")).unwrap_or_default();
            line("AWS: ", &format!("{}: {}{id}", aws.code, aws.message), None);
        }
    }
    for why in &report.held {
        line("held:", &why.to_string(), None);
    }
    if let Some(on) = report.waits_for() {
        line("waits for", &on, None);
    }
    for difference in &report.left_alone {
        let why = match &difference.owner {
            Some(owner) => format!("{owner} owns it"),
            None => "ignored by a rule".to_owned(),
        };
        line(
            "left:",
            &format!("{} is {}, git has {}: {why}", difference.path, difference.found, difference.wanted),
            None,
        );
    }
    for health in &report.health {
        let said = match (health.healthy, &health.reason) {
            (Some(true), _) => "true".to_owned(),
            (Some(false), Some(reason)) => format!("false: {reason}"),
            (Some(false), None) => "false".to_owned(),
            (None, Some(reason)) => format!("unknown: {reason}"),
            (None, None) => "not asked yet".to_owned(),
        };
        line("health:", &format!("{} is {said}", health.condition), None);
    }
    for warning in &report.warnings {
        line("warning:", &warning.to_string(), Some(&warning.hint()));
    }
    for note in &report.notes {
        line("note:", note, None);
    }
    if let Some(failed) = &report.failed {
        text.push_str(&evidence::text(failed));
    }
    text.push('\n');
    text
}

/// `path: found -> wanted`, or a unified diff where the values have several lines.
fn difference(difference: &Difference) -> String {
    let path = &difference.path;
    let mut text = match (&difference.found, &difference.wanted) {
        (Shown::Text(found), Shown::Text(wanted)) if found.contains('\n') || wanted.contains('\n') => {
            format!("    {path}:\n{}", unified(found, wanted))
        }
        (Shown::Length(found), Shown::Length(wanted)) => {
            format!("    {path}: changed ({found} -> {wanted} chars)\n")
        }
        (found, wanted) => {
            format!("    {path}: {} -> {}\n", shown(found).red(), shown(wanted).green())
        }
    };
    if difference.reason == Reason::Missing {
        text = format!("    {path}: {} wanted, nothing found\n", shown(&difference.wanted).green());
    }
    if let Some(note) = &difference.note {
        let _ = writeln!(text, "          {} {note}", "->".dimmed());
    }
    text
}

fn shown(value: &Shown) -> String {
    match value {
        Shown::Text(text) => text.clone(),
        Shown::Length(length) => format!("({length} chars)"),
        Shown::Absent => "(absent)".to_owned(),
    }
}

fn unified(found: &str, wanted: &str) -> String {
    let diff = TextDiff::from_lines(found, wanted);
    let mut text = String::new();
    for group in diff.grouped_ops(2) {
        for change in group.iter().flat_map(|operation| diff.iter_changes(operation)) {
            let line = change.value().trim_end_matches('\n');
            let _ = match change.tag() {
                ChangeTag::Delete => writeln!(text, "      {}", format!("- {line}").red()),
                ChangeTag::Insert => writeln!(text, "      {}", format!("+ {line}").green()),
                ChangeTag::Equal => writeln!(text, "        {line}"),
            };
        }
    }
    text
}

/// The actions of this pass, and those of later waves.
pub(super) fn actions(pass: &Pass) -> String {
    let list = |title: &str, actions: &mut dyn Iterator<Item = &Action>| {
        let (claims, others): (Vec<&Action>, Vec<&Action>) =
            actions.partition(|action| action.wave == Wave::Claims);
        let mut lines: Vec<String> = others.iter().map(|action| format!("  {action}\n")).collect();
        lines.extend(match &claims[..] {
            [] => None,
            [one] => Some(format!("  {one}\n")),
            many => Some(format!("  {} services: claim each by tags\n", many.len())),
        });
        if lines.is_empty() { String::new() } else { format!("{}\n{}\n", title.bold(), lines.concat()) }
    };
    list("Would be done now:", &mut pass.approved.actions().iter())
        + &list("After that, planned again from what is then found:", &mut pass.later().into_iter())
}

/// Services that git does not name any more.
pub(super) fn orphans(orphans: &[Orphan]) -> String {
    if orphans.is_empty() {
        return String::new();
    }
    let title = "Left over: claimed by this instance, not in git any more, and left as they are:".bold();
    let lines = orphans.iter().map(|orphan| {
        let was = orphan.resource.as_ref().map(|one| format!(", it was {one}")).unwrap_or_default();
        format!("  {} on {}{was} (seen {:.0})\n", orphan.service, orphan.target, orphan.since)
    });
    format!("{title}\n{}\n", lines.collect::<String>())
}

/// Each rollback in a line, with where to go, and below it why it does not go on by itself.
pub(super) fn rollbacks(rollbacks: &[RollbackStatus]) -> String {
    if rollbacks.is_empty() {
        return String::new();
    }
    let mut text = format!("{}\n", "Rollbacks:".bold());
    let width = rollbacks.iter().map(|one| one.state.to_string().len()).max().unwrap_or(0);
    for one in rollbacks {
        let place = one.pull_request.as_deref().or(one.branch.as_deref()).unwrap_or_default();
        let bad = one.bad_commit.get(..8).unwrap_or(&one.bad_commit);
        let line = format!(
            "  {:width$}  {} of {bad} ({}), since {:.0}  {place}",
            one.state.to_string(),
            one.services.join(", "),
            one.subject,
            one.since
        );
        let _ = writeln!(text, "{}", line.trim_end());
        if let Some(why) = &one.why {
            let _ = writeln!(text, "  {:width$}  {why}", "");
        }
    }
    text.push('\n');
    text
}

/// `3 resources differ, 1 of them rolling out, 12 in sync, 1 unknown`.
pub(super) fn totals<'a>(reports: impl IntoIterator<Item = &'a ResourceReport>) -> String {
    let reports: Vec<&ResourceReport> = reports.into_iter().collect();
    let count = |is: &dyn Fn(&ResourceReport) -> bool| reports.iter().filter(|report| is(report)).count();
    let differs = |report: &ResourceReport| match report.sync {
        Sync::Drifted | Sync::Missing | Sync::AwaitingGit => true,
        Sync::InSync | Sync::Progressing => !report.differences.is_empty(),
        Sync::Unknown | Sync::Invalid => false,
    };
    let in_state = |state: Sync| count(&|report| report.sync == state && !differs(report));
    let differ = count(&differs);
    let noun = if differ == 1 { "resource differs" } else { "resources differ" };
    let mut parts = vec![format!("{differ} {noun}")];
    let rolling_out = count(&|report| report.sync == Sync::Progressing && differs(report));
    if rolling_out > 0 {
        parts.push(format!("{rolling_out} of them rolling out"));
    }
    parts.push(format!("{} in sync", in_state(Sync::InSync)));
    for (state, word) in [
        (Sync::Progressing, "rolling out"),
        (Sync::Unknown, "unknown"),
        (Sync::Invalid, "cannot be used as written"),
    ] {
        let count = in_state(state);
        if count > 0 {
            parts.push(format!("{count} {word}"));
        }
    }
    parts.join(", ") + "\n"
}

#[cfg(test)]
mod tests;
