//! `bowline explain`: why a resource is in its state, what is waited for, and what a person can do.

use std::fmt::Write as _;

use bowline_core::desired::ResourceKind;
use bowline_core::plan::ResourceReport;
use bowline_core::verb::{self, Answer, ExplainedRollback, Explanation, RollbackSeen};
use owo_colors::OwoColorize;

use super::args::Explain;
use super::knowledge;
use super::output::Output;
use crate::config::Config;
use crate::engine::status::RollbackStatus;

pub(super) async fn explain(config: &Config, args: &Explain, output: Output) -> anyhow::Result<u8> {
    let knowledge::Known { reports, rollbacks, memory } =
        knowledge::resources(config, &args.resource).await?;
    let explain = |report: &ResourceReport| {
        let is_service = report.resource.kind == ResourceKind::EcsService;
        let about = |one: &&RollbackStatus| {
            is_service && one.services.iter().any(|name| name == report.resource.name.as_str())
        };
        let answers = {
            let remembered = memory.services.get(&report.resource.name).map(|memory| &**memory);
            verb::answers(report, remembered)
        };
        let rollback = rollbacks.iter().find(about).map(seen);
        Explanation { answers, ..verb::explain(report, rollback.as_ref()) }
    };
    let explanations: Vec<Explanation> = reports.iter().map(explain).collect();
    output.result(&explanations, || explanations.iter().map(render).collect::<Vec<_>>().join("\n"))?;
    if reports.iter().any(ResourceReport::has_unknown) {
        return Ok(super::FAILED);
    }
    Ok(u8::from(!reports.iter().all(ResourceReport::is_clean)))
}

fn seen(status: &RollbackStatus) -> RollbackSeen {
    RollbackSeen {
        id: status.id.clone(),
        state: status.state,
        since: status.since,
        bad_commit: status.bad_commit.clone(),
        subject: status.subject.clone(),
        branch: status.branch.clone(),
        pull_request: status.pull_request.clone(),
        why: status.why.clone(),
    }
}

/// A rollback in lines: where it is, what it takes back, where to look, and why it waits.
fn lines(rollback: &ExplainedRollback) -> Vec<String> {
    let ExplainedRollback { id, state, since, means, bad_commit, subject, branch, pull_request, why } =
        rollback;
    let commit = bad_commit.get(..8).unwrap_or(bad_commit);
    let branch = branch.as_ref().filter(|_| pull_request.is_none());
    let mut lines = vec![
        format!("{id} is at \"{state}\" since {since:.0}: {means}"),
        format!("takes back commit {commit} ({subject})"),
    ];
    lines.extend(branch.map(|branch| format!("branch {branch}")));
    lines.extend(pull_request.clone());
    lines.extend(why.clone());
    lines
}

fn answered(answer: &Answer) -> Vec<String> {
    let Answer { condition, at, text } = answer;
    let lines = text.lines().map(|line| format!("  {line}"));
    std::iter::once(format!("{condition} ({at:.0})")).chain(lines).collect()
}

fn render(explanation: &Explanation) -> String {
    let Explanation { resource, sync, means, because, rollback, answers, waits_for, can_do } = explanation;
    let mut text = format!("{}: {sync}: {means}\n", resource.bold());
    let mut list = |title: &str, lines: &mut dyn Iterator<Item = &String>| {
        let lines: Vec<&String> = lines.collect();
        if !lines.is_empty() {
            let _ = writeln!(text, "\n{title}");
        }
        for line in lines {
            let _ = writeln!(text, "  {line}");
        }
    };
    list("Because:", &mut because.iter());
    let answers: Vec<String> = answers.iter().flat_map(answered).collect();
    list("What health conditions were answered, by the store on this machine:", &mut answers.iter());
    list("Rollback:", &mut rollback.as_ref().map(lines).unwrap_or_default().iter());
    list("It waits for:", &mut waits_for.iter());
    list("What you can do:", &mut can_do.iter());
    text
}

#[cfg(test)]
mod tests {
    use bowline_core::plan::Sync;
    use bowline_core::rollback::machine::State;

    use super::*;

    #[test]
    fn a_rollback_is_told_with_its_page_and_its_reason() {
        let rollback = ExplainedRollback {
            id: "222222222222-1".to_owned(),
            state: State::PullRequest,
            since: "2026-11-21T12:00:00.5Z".parse().unwrap(),
            means: "the revert waits to be merged",
            bad_commit: "2".repeat(40),
            subject: "Release web 2".to_owned(),
            branch: Some("bowline/rollback/web".to_owned()),
            pull_request: Some("https://github.com/acme/infra/pull/7".to_owned()),
            why: Some("somebody made it a draft".to_owned()),
        };
        let explanation = Explanation {
            resource: "EcsService/web".to_owned(),
            sync: Sync::AwaitingGit,
            means: "what git wants has failed before, so git has to change",
            because: vec!["it crashed".to_owned()],
            rollback: Some(rollback.clone()),
            answers: vec![Answer {
                condition: "http https://web.example.com/".to_owned(),
                at: "2026-11-21T11:59:00.5Z".parse().unwrap(),
                text: "no database\nat 10.0.0.7".to_owned(),
            }],
            waits_for: None,
            can_do: vec!["merge it".to_owned()],
        };
        let text = anstream::adapter::strip_str(&render(&explanation)).to_string();
        assert_eq!(
            text,
            "EcsService/web: awaiting git: what git wants has failed before, so git has to change\n\nBecause:\n  it crashed\n\n\
             What health conditions were answered, by the store on this machine:\n  http https://web.example.com/ \
             (2026-11-21T11:59:00Z)\n    no database\n    at 10.0.0.7\n\n\
             Rollback:\n  222222222222-1 is at \"pull request\" since 2026-11-21T12:00:00Z: the revert waits to be merged\n  \
             takes back commit 22222222 (Release web 2)\n  https://github.com/acme/infra/pull/7\n  somebody made it a draft\n\n\
             What you can do:\n  merge it\n"
        );
        // Without a pull request the branch is where to look.
        let branch = ExplainedRollback { pull_request: None, why: None, ..rollback };
        assert_eq!(lines(&branch).last().unwrap(), "branch bowline/rollback/web");
    }
}
