//! The pull request, its comment and the commit status, as text.

use std::fmt::Write as _;

use super::quoted::defused;
use super::{Branch, Marker, Rollback, State, ours};
use crate::desired::RETRY_TRAILER;
use crate::name::InstanceName;

/// What GitHub takes is 65,536 characters; the rest of what is known is in Bowline's history.
const LONGEST_BODY: usize = 65_000;
/// How much of that is for what is known of the failures, in characters: what follows them must not be cut off.
const LONGEST_EVIDENCE: usize = 40_000;
/// How many lines of one list are shown.
const MOST_LINES: usize = 40;
/// GitHub's limit for the description of a commit status, in characters.
const LONGEST_STATUS: usize = 140;

/// The line by which an instance finds its own comment.
pub fn comment_marker(instance: &InstanceName) -> String {
    if *instance == InstanceName::default() {
        "<!-- bowline:rollback -->".to_owned()
    } else {
        format!("<!-- bowline:rollback {instance} -->")
    }
}

/// The name of the commit status, and of the check run, on the bad commit.
pub fn status_context(instance: &InstanceName) -> String {
    if *instance == InstanceName::default() {
        "bowline/rollback".to_owned()
    } else {
        format!("bowline/rollback/{instance}")
    }
}

/// The pull request's title: that of the commit.
pub fn title(branch: &Branch) -> &str {
    branch.message.lines().next().unwrap_or_default()
}

/// The pull request's text: the verdict, the evidence, what changes, and how to release it again.
pub fn body(rollback: &Rollback, branch: &Branch) -> String {
    let mut text = String::new();
    let names: Vec<String> = rollback.resources.keys().map(|name| format!("`{name}`")).collect();
    let _ = writeln!(
        text,
        "The deployment of {} failed. This takes back commit {} ({}), so that git says again what was last good.\n",
        names.join(", "),
        rollback.bad_commit,
        defused(&rollback.subject)
    );
    let mut known = String::new();
    for (name, failed) in &rollback.resources {
        let _ = writeln!(known, "### {name}\n\n**Verdict:** bad: {}\n", defused(&failed.reason));
        if let Some(good) = &failed.good {
            let _ = writeln!(known, "Last good with commit {good}.\n");
        }
        failed.markdown(&mut known);
    }
    text.push_str(&cut(&known, LONGEST_EVIDENCE));
    list(&mut text, "### What this changes", &branch.parts);
    if !branch.not_moved_back.is_empty() {
        text.push_str(
            "> **Look closely:** git goes back with this, and the secret does not. Bowline does not merge this by itself.\n\n",
        );
        list(&mut text, "### What stays as it is", &branch.not_moved_back);
    } else if !branch.merges_itself {
        text.push_str(
            "> **Look closely:** a document was replaced by its last good form, because later changes of it are in conflict. Bowline \
             does not merge this by itself.\n\n",
        );
    }
    if rollback.is_of_storm() {
        let _ = writeln!(
            text,
            "> **Look closely:** {}. Bowline does not merge this by itself.\n",
            rollback.left_to_a_person()
        );
    }
    text.push_str("### To release it again\n\nRevert this revert");
    let hashes: Vec<String> = rollback
        .resources
        .values()
        .map(|failed| format!("{RETRY_TRAILER}: {}", failed.spec_hash.0))
        .collect();
    let retries: Vec<String> =
        rollback.resources.keys().map(|name| format!("`bowline retry {name}`")).collect();
    let _ = writeln!(
        text,
        ", and fix what was wrong. What failed stays quarantined: the very same spec is deployed again only with another \
         `restart` token, or after {}, which makes a commit whose message ends in\n\n```\n{}\n```\n",
        retries.join(" and "),
        hashes.join("\n")
    );
    text.push_str(
        "Merging this is the rollback. Closing it leaves git as it is, and what failed quarantined.\n\n",
    );
    let trailers = branch.message.rsplit("\n\n").next().unwrap_or_default().trim();
    let marker = Marker {
        bad_commit: rollback.bad_commit.clone(),
        commit: branch.commit.clone(),
        merges_itself: branch.merges_itself,
        rollback: Some(rollback.id.clone()),
        instance: Some(rollback.instance.clone()),
        resources: Some(branch.covers.clone()),
        in_storm: rollback.is_of_storm(),
    };
    let end = format!("\n\n{}", marker.line());
    let room = LONGEST_BODY.saturating_sub(ours::text(&end, trailers).chars().count());
    let text: String = text.chars().take(room).collect();
    ours::text(&format!("{}{end}", text.trim_end()), trailers)
}

/// As many whole lines as there is room for.
fn cut(text: &str, most: usize) -> String {
    let mut room = most;
    let fits = |line: &&str| {
        let length = line.chars().count();
        let has_room = length <= room;
        room = room.saturating_sub(length);
        has_room
    };
    let mut kept: String = text.split_inclusive('\n').take_while(fits).collect();
    if kept.len() < text.len() {
        kept.push_str("\nThere is more: `bowline diff` shows it.\n\n");
    }
    kept
}

pub(super) fn list(text: &mut String, heading: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(text, "{heading}\n");
    for line in lines.iter().take(MOST_LINES) {
        let _ = writeln!(text, "- {}", defused(line));
    }
    if lines.len() > MOST_LINES {
        let _ = writeln!(text, "- and {} more", lines.len() - MOST_LINES);
    }
    text.push('\n');
}

/// The one comment, for the present state.
pub fn comment(rollback: &Rollback) -> String {
    let sentence = match rollback.state {
        State::NeedsPerson if rollback.merged_at.is_some() => {
            format!("Merged without effect: {}.", quoted(rollback.why.as_deref().unwrap_or("see the history")))
        }
        State::Detected | State::Branch | State::PullRequest | State::NeedsPerson => match &rollback.why {
            Some(why) => format!("Not merged yet: {}.", quoted(why)),
            None => "Not merged yet.".to_owned(),
        },
        State::Merged => match &rollback.why {
            Some(why) => format!("Merged, and live is not as git wants it yet: {}.", quoted(why)),
            None => "Merged. Waiting until live is as git wants it.".to_owned(),
        },
        State::Converged => "Live is as git wants it again. Watching whether it stays so.".to_owned(),
        State::Verified => "Done: live is as git wants it, and stayed so.".to_owned(),
        State::Closed => {
            "Closed: git stays as it is, and what failed stays quarantined. Nothing is deployed until git changes.".to_owned()
        }
        State::Overtaken => match &rollback.why {
            Some(why) => {
                format!("Merged, and git went on; a later commit failed: {}.", quoted(why))
            }
            None => "Git went on without this, or what failed was good after all. Bowline closes this, so that it is not merged any more.".to_owned(),
        },
        State::Failed => format!(
            "What this went back to failed as well: {}.",
            quoted(rollback.why.as_deref().unwrap_or("see the history"))
        ),
    };
    format!("{}\n**Rollback {}**: {sentence}\n", comment_marker(&rollback.instance), rollback.id)
}

/// A sentence without its end.
fn quoted(why: &str) -> String {
    defused(why.trim_end_matches('.'))
}

/// What is said of the bad commit, in one line.
pub fn status(rollback: &Rollback) -> String {
    let text = match &rollback.pull {
        Some(pull) => with_pull(rollback, pull.number),
        None => without_pull(rollback),
    };
    text.chars().take(LONGEST_STATUS).collect()
}

fn with_pull(rollback: &Rollback, number: u64) -> String {
    match rollback.state {
        State::Verified => format!("Failed on ECS; taken back by #{number}"),
        State::Closed => format!("Failed on ECS; #{number}, which takes it back, was closed: quarantined"),
        State::Overtaken if rollback.why.is_some() => {
            format!("Failed on ECS; taken back by #{number}, and git went on")
        }
        State::Overtaken => "Failed on ECS; git went on without a rollback".to_owned(),
        State::Failed => format!("Failed on ECS, and so did what #{number} went back to"),
        State::Merged if rollback.why.is_some() => {
            format!("Failed on ECS; #{number}, which takes it back, is merged, and live does not follow")
        }
        State::Detected
        | State::Branch
        | State::PullRequest
        | State::NeedsPerson
        | State::Merged
        | State::Converged => format!("Failed on ECS; #{number} takes it back"),
    }
}

fn without_pull(rollback: &Rollback) -> String {
    let name = rollback.resources.keys().next().map_or("", |name| name.as_str());
    let explain = format!("`bowline explain {name}` tells why");
    match rollback.state {
        State::NeedsPerson => format!("Failed on ECS; a person has to take it back: {explain}"),
        State::Detected | State::Branch | State::PullRequest => {
            format!("Failed on ECS; not taken back yet: {explain}")
        }
        State::Merged | State::Converged => "Failed on ECS; taken back in git".to_owned(),
        State::Verified => "Failed on ECS; taken back".to_owned(),
        State::Closed => "Failed on ECS; quarantined".to_owned(),
        State::Overtaken => "Failed on ECS; git went on without a rollback".to_owned(),
        State::Failed => "Failed on ECS, and so did what git went back to".to_owned(),
    }
}
