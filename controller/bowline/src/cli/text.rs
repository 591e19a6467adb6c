//! Resources as an operator likes to read them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bowline_core::diff::{Difference, Reason, Shown};
use bowline_core::plan::{Action, ResourceReport, Sync};
use owo_colors::{OwoColorize, Style};
use similar::{ChangeTag, TextDiff};

use super::words;
use crate::engine::status::{GitStatus, Standing, counts};

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
pub(super) fn table(resources: &[ResourceReport]) -> String {
    let shown: Vec<&ResourceReport> = resources.iter().filter(|report| counts(report)).collect();
    let width = |of: &dyn Fn(&ResourceReport) -> usize| shown.iter().map(|report| of(report)).max().unwrap_or(0);
    let target = |report: &ResourceReport| report.target.as_ref().map(ToString::to_string).unwrap_or_default();
    let names = width(&|report| report.resource.to_string().len());
    let targets = width(&|report| target(report).len());
    let states = width(&|report| words::state(report.sync).len());
    let mut text = String::new();
    for report in shown {
        let style = style(report.sync);
        let line = format!(
            "{} {:names$}  {:targets$}  {:states$}  {}",
            symbol(report.sync).style(style),
            report.resource.to_string(),
            target(report),
            words::state(report.sync).style(style),
            first(report)
        );
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// The first thing to know of a resource.
fn first(report: &ResourceReport) -> String {
    if let Some(why) = &report.unknown {
        return why.message.clone();
    }
    if let Some(on) = &report.waiting_on {
        return words::waiting(on);
    }
    if let Some(why) = report.held.first() {
        return words::held(why).0;
    }
    let paths: Vec<&str> = report.differences.iter().map(|difference| difference.path.as_str()).collect();
    if paths.is_empty() { report.notes.first().cloned().unwrap_or_default() } else { paths.join(", ") }
}

/// Every resource that is not simply in sync, with all that is known of it.
pub(super) fn details(resources: &[ResourceReport]) -> String {
    let told = |report: &&ResourceReport| {
        report.sync != Sync::InSync || !report.differences.is_empty() || !report.notes.is_empty()
    };
    resources.iter().filter(told).map(detail).collect()
}

/// One resource with all that is known of it.
pub(super) fn detail(report: &ResourceReport) -> String {
    let style = style(report.sync);
    let target = report.target.as_ref().map(|target| format!(" on {target}")).unwrap_or_default();
    let mut text = format!(
        "{} {}{target}: {}\n",
        symbol(report.sync).style(style),
        report.resource.to_string().bold(),
        words::state(report.sync).style(style)
    );
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
        let (what, hint) = words::held(why);
        line("held:", &what, hint.as_deref());
    }
    if let Some(on) = &report.waiting_on {
        line("wait:", &words::waiting(on), None);
    }
    for note in &report.notes {
        line("note:", note, None);
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
pub(super) fn actions(approved: &[Action], proposed: &[Action]) -> String {
    let mut text = String::new();
    if !approved.is_empty() {
        let _ = writeln!(text, "{}", "Would be done now:".bold());
        for action in approved {
            let _ = writeln!(text, "  {}: {}", action.resource, words::action(action));
        }
    }
    let later: Vec<&Action> = proposed
        .iter()
        .filter(|action| approved.first().is_some_and(|first| action.wave > first.wave))
        .collect();
    if !later.is_empty() {
        let _ = writeln!(text, "{}", "After that, planned again from what is then found:".bold());
        for action in later {
            let _ = writeln!(text, "  {}: {}", action.resource, words::action(action));
        }
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

/// `3 resources differ, 12 in sync, 1 unknown`.
pub(super) fn summary(summary: &BTreeMap<Sync, usize>) -> String {
    let count = |states: &[Sync]| states.iter().filter_map(|state| summary.get(state)).sum::<usize>();
    let differ = count(&[Sync::Drifted, Sync::Missing, Sync::AwaitingGit]);
    let noun = if differ == 1 { "resource differs" } else { "resources differ" };
    let mut parts = vec![format!("{differ} {noun}"), format!("{} in sync", count(&[Sync::InSync]))];
    for (states, word) in [
        (Sync::Progressing, "rolling out"),
        (Sync::Unknown, "unknown"),
        (Sync::Invalid, "cannot be used as written"),
    ] {
        let count = count(&[states]);
        if count > 0 {
            parts.push(format!("{count} {word}"));
        }
    }
    parts.join(", ") + "\n"
}

#[cfg(test)]
mod tests;
