//! Events, metrics, the status.

use bowline_core::desired::{Finding, FindingCode, Location, ResourceKey, ResourceKind, Severity};
use bowline_core::name::ResourceName;
use bowline_core::plan::{Event, EventKind};
use bowline_core::rollback::machine::{FailedSpec, Rollback, State, Storm};
use jiff::{SignedDuration, Timestamp};

use crate::engine::status::RollbackStatus;
use crate::source::github::GitHub;

/// How long a rollback that ended is shown in the status.
const SHOWN: SignedDuration = SignedDuration::from_hours(24);

/// The rollbacks that the status shows, the newest first.
pub(crate) fn statuses<'a>(known: impl Iterator<Item = &'a Rollback>, now: Timestamp) -> Vec<RollbackStatus> {
    let is_recent = |at: Timestamp| now.duration_since(at) < SHOWN;
    let mut shown: Vec<&Rollback> =
        known.filter(|one| !one.state.is_last() || is_recent(one.entered_at)).collect();
    shown.sort_by(|one, other| (other.opened_at, &other.id).cmp(&(one.opened_at, &one.id)));
    shown.into_iter().map(RollbackStatus::from).collect()
}

/// A rollback begins, or services join it.
pub(super) fn begun(rollback: &Rollback, now: Timestamp) -> Vec<Event> {
    let commit = format!("commit {:.8} ({})", rollback.bad_commit, rollback.subject);
    if rollback.state == State::NeedsPerson {
        let why = rollback.why.as_deref().unwrap_or_default();
        let event = |(name, failed): (&ResourceName, &FailedSpec)| {
            let sentence = format!("{commit} failed: {}; it is not rolled back: {why}", failed.sentence());
            event(name, EventKind::RollbackNeedsPerson, &sentence, now)
        };
        return rollback.resources.iter().map(event).collect();
    }
    let event = |(name, failed): (&ResourceName, &FailedSpec)| {
        let held = rollback.why.as_ref().map(|why| format!("; {why}")).unwrap_or_default();
        let sentence = format!("{commit} is to be reverted: {}{held}", failed.sentence());
        event(name, EventKind::RollbackBegun, &sentence, now)
    };
    rollback.resources.iter().map(event).collect()
}

/// So much fails at once that rollbacks are held: told once for all of them.
pub(super) fn held(storm: &Storm, now: Timestamp) -> Event {
    event(&storm.first, EventKind::RollbackHeld, &storm.sentence, now)
}

/// The repository has another name at GitHub than in `bowline.yaml`: it is followed, and a person changes that when it suits them.
pub(super) fn renamed(github: &GitHub) -> Option<Finding> {
    let (old, new) = (github.configured(), github.renamed_to()?);
    let location = Location { path: "bowline.yaml".to_owned(), line: 0, column: 0 };
    Some(Finding {
        location,
        severity: Severity::Warning,
        code: FindingCode::RepositoryRenamed,
        message: format!("the repository {old} is called {new} at GitHub by now; Bowline follows it"),
        hint: Some(format!("write {new} in `sources[].repo`, and in `github.repository` if it stands there")),
        snippet: None,
        related: Vec::new(),
    })
}

/// The event of that.
pub(super) fn renaming(finding: &Finding, target: &ResourceName, now: Timestamp) -> Event {
    let hint = finding.hint.as_deref().unwrap_or_default();
    Event {
        at: now,
        resource: ResourceKey { kind: ResourceKind::Target, name: target.clone() },
        kind: EventKind::RepositoryRenamed,
        message: format!("{}: {hint}", finding.message),
    }
}

/// What changed from one state to the next.
pub(super) fn changes(before: &Rollback, rollback: &Rollback, now: Timestamp) -> Vec<Event> {
    if before.state == rollback.state {
        return Vec::new();
    }
    let page = rollback.pull.as_ref().map_or("the pull request", |pull| &pull.url);
    let why = rollback.why.as_deref().unwrap_or_default();
    let (kind, sentence) = match rollback.state {
        State::Detected => return Vec::new(),
        State::Branch => {
            let name = rollback.branch.as_ref().map_or("a branch", |branch| &branch.name);
            (EventKind::RollbackStep, format!("the revert is on the branch {name}"))
        }
        State::PullRequest => {
            let by_whom = if rollback.is_of_storm() {
                format!("; Bowline does not merge it: {}", rollback.left_to_a_person())
            } else {
                String::new()
            };
            (EventKind::RollbackStep, format!("the revert is waiting to be merged: {page}{by_whom}"))
        }
        State::Merged => (EventKind::RollbackStep, "the revert is merged".to_owned()),
        State::Converged => (EventKind::RollbackStep, "after the revert, live is as git wants it".to_owned()),
        State::Verified => {
            (EventKind::RollbackDone, "rolled back: git and live are equal, and stayed so".to_owned())
        }
        State::Closed => {
            let again = rollback.each("retry");
            let sentence =
                format!("{page} was closed: what failed stays quarantined; to try it again: {again}");
            (EventKind::RollbackClosed, sentence)
        }
        State::Overtaken if !why.is_empty() => (
            EventKind::RollbackDone,
            format!("git went on after the revert, and a later commit failed: {why}"),
        ),
        State::Overtaken => (
            EventKind::RollbackDone,
            "git went on without the revert: what failed is not wanted any more, or was good after all"
                .to_owned(),
        ),
        State::NeedsPerson => {
            let commit = format!("commit {:.8} ({})", rollback.bad_commit, rollback.subject);
            (EventKind::RollbackNeedsPerson, format!("the rollback of {commit} cannot go on: {why}"))
        }
        State::Failed => (EventKind::RollbackFailed, format!("what it went back to failed as well: {why}")),
    };
    events(rollback, kind, &sentence, now)
}

/// A state lasts longer than it should.
pub(super) fn overdue(rollback: &Rollback, now: Timestamp) -> Vec<Event> {
    let trouble = rollback.trouble.as_ref().map(|trouble| format!("{} ({})", trouble.sentence, trouble.hint));
    let why = trouble.or_else(|| rollback.why.clone()).unwrap_or_else(|| "nothing more is known".to_owned());
    let next = rollback.what_to_do().map(|next| format!("; next: {next}")).unwrap_or_default();
    let sentence = format!(
        "the rollback {} of commit {:.8} ({}) is at \"{}\" since {:.0}: {why}{next}",
        rollback.id, rollback.bad_commit, rollback.subject, rollback.state, rollback.entered_at
    );
    events(rollback, EventKind::RollbackNeedsPerson, &sentence, now)
}

/// One event for each service.
fn events(rollback: &Rollback, kind: EventKind, sentence: &str, now: Timestamp) -> Vec<Event> {
    rollback.resources.keys().map(|name| event(name, kind, sentence, now)).collect()
}

fn event(name: &ResourceName, kind: EventKind, sentence: &str, now: Timestamp) -> Event {
    Event {
        at: now,
        resource: ResourceKey { kind: ResourceKind::EcsService, name: name.clone() },
        kind,
        message: format!("{name}: {sentence}"),
    }
}

/// How long it took from the bad verdict to each state.
pub(super) fn measure(before: &Rollback, rollback: &Rollback) {
    if before.state != rollback.state {
        let took = rollback.entered_at.duration_since(rollback.opened_at).as_secs_f64();
        metrics::histogram!("bowline_rollback_seconds", "step" => rollback.state.label()).record(took);
    }
}
