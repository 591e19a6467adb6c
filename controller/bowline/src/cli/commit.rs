//! The verbs that are commits: what was asked for goes to the repository, and what came of it is told.

use std::fmt::Write as _;

use bowline_core::verb::{Goal, Refusal, Release, StandIn};
use owo_colors::OwoColorize;
use serde::Serialize;

use super::args::{self, CommitVerb};
use super::output::Output;
use super::{break_glass, knowledge};
use crate::config::Config;
use crate::verb::{Delivered, Desk, Far, Landed, Progress, Request, VerbError};

/// The result of a verb that is a commit, as JSON.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    /// `pushed` (onto the branch that is read), `branch` (a new one), `pull-request`, `auto-merge` (a pull request that GitHub
    /// merges by itself), `merged`, `dry-run`, or `refused`.
    result: &'static str,
    /// Why it was refused, as a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<CommitDocument<'a>>,
    /// The branch that the commit is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    branch: Option<&'a str>,
    /// The branch that is read, into which that one is to be merged.
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<&'a str>,
    /// The page of the pull request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pull_request: Option<&'a str>,
    notes: &'a [String],
    exit_code: u8,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CommitDocument<'a> {
    id: &'a str,
    parent: &'a str,
    message: &'a str,
    patch: &'a str,
}

/// Does what is asked for.
pub(super) async fn commit(config: &Config, verb: &CommitVerb, output: Output) -> anyhow::Result<u8> {
    let (mut told, mut stand_in) = (Vec::new(), None);
    if let CommitVerb::Rollback(args::Rollback { service, reason: Some(reason), hold, .. }) = verb
        && verb.breaks_glass()
    {
        match Box::pin(break_glass::apply(config, service, reason, *hold)).await? {
            Ok(broken) => {
                told.push(broken.told);
                stand_in = broken.stand_in;
            }
            Err(refusal) => return refused(&refusal, &[], output),
        }
    }
    let result = async {
        let request = request(config, verb, stand_in).await?;
        perform(config, &request, far(verb.commit()), &told, output).await
    };
    // What was done at AWS is done, whatever becomes of the commit.
    let context = |error: anyhow::Error| match told.first() {
        Some(done) => error.context(format!("{done}; but git does not say so yet")),
        None => error,
    };
    result.await.map_err(context)
}

fn far(commit: &args::Commit) -> Far {
    match (commit.dry_run, commit.merge) {
        (true, _) => Far::Shown,
        (false, true) => Far::Merged,
        (false, false) => Far::Delivered,
    }
}

async fn request(config: &Config, verb: &CommitVerb, stand_in: Option<StandIn>) -> anyhow::Result<Request> {
    Ok(match verb {
        CommitVerb::Restart(args::Restart { service, token, .. }) => {
            Request::Restart { service: service.clone(), token: token.clone() }
        }
        CommitVerb::Scale(args::Scale { service, count, .. }) => {
            Request::Scale { service: service.clone(), count: *count }
        }
        CommitVerb::Release(args::Release { service, image, revision, .. }) => {
            let what = match (image, revision) {
                (Some((container, image)), _) => {
                    Release::Image { container: container.clone(), image: image.clone() }
                }
                (None, Some(number)) => Release::Revision(*number),
                (None, None) => anyhow::bail!("name what to release: --image or --revision"),
            };
            Request::Release { service: service.clone(), what }
        }
        CommitVerb::Rollback(args::Rollback { service, to, reason, .. }) => {
            let goal = match to {
                Some(commit) => Goal::Named(commit.clone()),
                None => Goal::Before { last_good: knowledge::last_good(config, service).await? },
            };
            let acted_from = knowledge::acted_from(config).await?;
            let memory = Box::new(knowledge::memory(config).await?);
            let (service, reason) = (service.clone(), reason.clone());
            Request::Rollback { service, goal, reason, acted_from, stand_in, memory }
        }
        CommitVerb::Suspend(args::Suspend { resource, until, reason, .. }) => {
            Request::Suspend { resource: resource.clone(), until: until.clone(), reason: reason.clone() }
        }
        CommitVerb::Resume(args::Resume { resource, .. }) => Request::Resume { resource: resource.clone() },
        CommitVerb::Retry(args::Retry { service, .. }) => {
            let report = Box::new(knowledge::service(config, service).await?);
            Request::Retry { service: service.clone(), report }
        }
        CommitVerb::Accept(_) => Request::Accept { refused: knowledge::refused(config).await? },
    })
}

/// `told` is what was done before, as sentences.
async fn perform(
    config: &Config,
    request: &Request,
    far: Far,
    told: &[String],
    output: Output,
) -> anyhow::Result<u8> {
    match Desk::open(config, far)?.perform(request, far).await {
        Ok(mut delivered) => {
            delivered.notes.splice(0..0, told.iter().cloned());
            let unmerged = matches!(&delivered.landed, Landed::PullRequest { progress: Progress::Open, .. });
            let code = u8::from(far == Far::Merged && unmerged);
            output.result(&document(&delivered, code), || render(&delivered))?;
            Ok(code)
        }
        Err(VerbError::Refused(refusal)) if !refusal.is_mistake() => refused(&refusal, told, output),
        Err(error) => Err(error.into()),
    }
}

fn refused(refusal: &Refusal, told: &[String], output: Output) -> anyhow::Result<u8> {
    let reason = refusal.to_string();
    let document = Document {
        result: "refused",
        reason: Some(reason.clone()),
        commit: None,
        branch: None,
        base: None,
        pull_request: None,
        notes: told,
        exit_code: 1,
    };
    let notes: Vec<String> = told.iter().map(|note| format!("{} {note}\n", "note:".dimmed())).collect();
    output.result(&document, || format!("{}{reason}\n", notes.concat()))?;
    Ok(1)
}

fn document(delivered: &Delivered, exit_code: u8) -> Document<'_> {
    let (result, branch, base, pull_request) = match &delivered.landed {
        Landed::Nowhere => ("dry-run", None, None, None),
        Landed::Onto { branch } => ("pushed", Some(branch), None, None),
        Landed::Branch { branch, base } => ("branch", Some(branch), Some(base), None),
        Landed::PullRequest { branch, base, url, progress } => {
            let result = match progress {
                Progress::Open => "pull-request",
                Progress::ByItself => "auto-merge",
                Progress::Merged => "merged",
            };
            (result, Some(branch), Some(base), Some(url))
        }
    };
    let (branch, base) = (branch.map(String::as_str), base.map(String::as_str));
    Document {
        result,
        reason: None,
        commit: Some(CommitDocument {
            id: delivered.commit.as_str(),
            parent: delivered.parent.as_str(),
            message: &delivered.message,
            patch: &delivered.patch,
        }),
        branch,
        base,
        pull_request: pull_request.map(String::as_str),
        notes: &delivered.notes,
        exit_code,
    }
}

fn render(delivered: &Delivered) -> String {
    let Delivered { commit, parent, message, patch, notes, landed } = delivered;
    let mut text = String::new();
    let subject = message.lines().next().unwrap_or_default();
    if *landed == Landed::Nowhere {
        let _ = writeln!(text, "{}\n", format!("would commit on {parent:.8}:").bold());
        for line in message.trim_end().lines() {
            let _ = writeln!(text, "{}", format!("    {line}").trim_end());
        }
        text.push('\n');
        text.push_str(&coloured(patch));
    } else {
        let _ = writeln!(text, "{:.8} {}", commit.to_string().bold(), subject);
        text.push_str(&coloured(&changed_lines(patch)));
    }
    for note in notes {
        let _ = writeln!(text, "{} {note}", "note:".dimmed());
    }
    match landed {
        Landed::Nowhere => text.push_str("nothing was pushed\n"),
        Landed::Onto { branch } => {
            let _ = writeln!(text, "pushed onto {branch}; `bowline status` shows what comes of it");
        }
        Landed::Branch { branch, base } => {
            let _ = writeln!(
                text,
                "pushed as {branch}; it takes effect once it is in {base}: open a pull request, with GitHub\n  gh pr create \
                 --base {base} --head {branch} --fill"
            );
        }
        Landed::PullRequest { branch, base, url, progress } => {
            let what = match progress {
                Progress::Open => format!("it takes effect once it is merged into {base}"),
                Progress::ByItself => format!("GitHub merges it into {base} once the branch's rules allow"),
                Progress::Merged => format!("merged into {base}; `bowline status` shows what comes of it"),
            };
            let _ = writeln!(text, "pushed as {branch}\npull request {url}: {what}");
        }
    }
    text
}

/// The lines of a patch that were taken away or added, below the name of their file.
fn changed_lines(patch: &str) -> String {
    let is_told = |line: &&str| match line.strip_prefix("+++ b/") {
        Some(_) => true,
        None => line.starts_with(['+', '-']) && !line.starts_with("---"),
    };
    let lines = patch.lines().filter(is_told);
    let lines: Vec<String> =
        lines.map(|line| format!("  {}\n", line.strip_prefix("+++ b/").unwrap_or(line))).collect();
    lines.concat()
}

fn coloured(patch: &str) -> String {
    let lines: Vec<String> = patch
        .lines()
        .map(|line| match line.trim_start().chars().next() {
            Some('+') => format!("{}\n", line.green()),
            Some('-') => format!("{}\n", line.red()),
            _ => format!("{line}\n"),
        })
        .collect();
    lines.concat()
}
