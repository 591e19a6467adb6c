//! `bowline apply`: the same passes as the controller's, until nothing is under way any more.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bowline_core::plan::{Event, Outcome};
use bowline_core::policy::GitStanding;
use indicatif::{ProgressBar, ProgressStyle};
use tokio_util::sync::CancellationToken;

use super::args::{Apply, Selection};
use super::once;
use super::output::{self, Output};
use crate::config::Config;
use crate::engine::git::GitView;
use crate::engine::reconcile::{Next, Pass, Reread, World, reconcile};
use crate::engine::{driver, shutdown, wiring};
use crate::observe::Scope;
use crate::source::Snapshot;

/// How many passes in a row may fail to read or to do something before `apply` gives up. The clients have already
/// retried each call.
const PATIENCE: u32 = 3;

/// What a person has to know when `apply` ends early.
const LEFT_BEHIND: &str = "what was begun goes on at AWS, and the next apply takes it up";

pub(super) async fn apply(config: &Config, args: &Apply, output: Output) -> anyhow::Result<u8> {
    let interactive = std::io::stdin().is_terminal() && !output.is_json();
    if !args.yes && !interactive {
        anyhow::bail!(
            "apply asks before it changes anything, and there is no terminal to ask on; run `bowline plan` first, then \
             `bowline apply --yes`"
        );
    }
    let token = CancellationToken::new();
    shutdown::on_signals(token.clone())?;
    let wired = wiring::wire(config, once::unset_mode(config), &token).await?;
    let mut world = wired.world;
    let mut snapshot = once::snapshot(&mut world, &args.selection).await?;
    once::tell_uncommitted(config);
    if !args.yes {
        let pass = once::look(&mut world, &snapshot).await;
        output::write_out(&once::render(config, &snapshot, &pass, true));
        if !pass.approved.actions().is_empty() && !confirmed().await? {
            return Ok(once::exit_code(&pass, &snapshot.findings).max(1));
        }
    }
    let progress = Progress::new(output);
    let consent = if args.yes { Consent::Head } else { Consent::Commit };
    let mut run = Run { world, selection: &args.selection, consent, progress, events: Vec::new() };
    let ended = run.until_nothing_is_under_way(&mut snapshot).await;
    run.progress.end();
    token.cancel();
    wired.git_task.join().await;
    let Run { world, events, .. } = run;
    world.store.close().await;
    let pass = ended?;
    let code = once::exit_code(&pass, &snapshot.findings);
    let mut document = once::document(config, &snapshot, &pass, code);
    document.events = Some(&events);
    output.result(&document, || once::render(config, &snapshot, &pass, false))?;
    Ok(code)
}

/// Asks on the terminal; anything but yes is no.
async fn confirmed() -> anyhow::Result<bool> {
    output::tell("\nApply this? Only `yes` is accepted: ");
    let read = tokio::task::spawn_blocking(|| {
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).map(|_| answer)
    });
    let answer = read.await??;
    Ok(matches!(answer.trim(), "yes" | "y"))
}

/// What may be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Consent {
    /// `--yes`: whatever the head is.
    Head,
    /// The commit whose plan a person has seen, and no other.
    Commit,
}

/// What came of reading the repository again.
#[derive(Debug)]
enum Read {
    /// The commit at hand is still the head, and was compared anew.
    Same(Arc<Snapshot>),
    /// The branch moved on, and its new head was read.
    Newer(Arc<Snapshot>),
    /// The head cannot be read, with the reason as a sentence.
    Nothing(String),
}

impl Read {
    /// What the repository's owner read after it was asked to, because of `why`; the commit at hand was `commit`.
    fn from(why: &Reread, commit: &str, view: &GitView) -> Self {
        let Some(read) = &view.snapshot else {
            return Self::Nothing(view.problem.clone().unwrap_or_else(|| "it was not read yet".to_owned()));
        };
        match (&view.problem, &read.standing, why) {
            (Some(problem), _, _) => Self::Nothing(problem.clone()),
            (None, GitStanding::Stale(reason), _) => Self::Nothing(reason.clone()),
            (None, _, _) if read.commit != commit => Self::Newer(Arc::clone(read)),
            (None, _, Reread::Uncompared) => Self::Same(Arc::clone(read)),
            (None, _, Reread::Moved(_)) => Self::Nothing(format!(
                "the remote names it as its head, but gives {commit:.8} when it is read"
            )),
        }
    }
}

/// What could not be read, for an error.
fn unread(why: &Reread, commit: &str) -> String {
    match why {
        Reread::Moved(head) => format!("the branch moved on from {commit:.8} to {head:.8}"),
        Reread::Uncompared => {
            format!("{commit:.8} has to be compared with what was applied since it was read")
        }
    }
}

/// One `apply` under way.
struct Run<'a> {
    world: World,
    selection: &'a Selection,
    consent: Consent,
    progress: Progress,
    events: Vec<Event>,
}

impl Run<'_> {
    /// Makes passes until one has nothing under way, and gives that one.
    async fn until_nothing_is_under_way(&mut self, snapshot: &mut Snapshot) -> anyhow::Result<Pass> {
        let mut failures = 0;
        loop {
            let result = reconcile(&mut self.world, snapshot, Scope::ALL).await?;
            let Some(pass) = result else { anyhow::bail!("interrupted; {LEFT_BEHIND}") };
            self.progress.show(&pass);
            self.events.extend(pass.events.iter().cloned());
            let pause = match &pass.next {
                Next::Reread(why) => match Read::from(why, &snapshot.commit, &self.newest().await?) {
                    Read::Same(same) => {
                        *snapshot = once::narrowed(&same, self.selection)?;
                        Duration::ZERO
                    }
                    Read::Newer(newer) => {
                        let (taken, told) = self.consent.follow(snapshot, &newer, self.selection)?;
                        self.progress.tell(&told);
                        *snapshot = taken;
                        failures = 0;
                        Duration::ZERO
                    }
                    Read::Nothing(_) if failures < PATIENCE => {
                        failures += 1;
                        driver::SOON
                    }
                    Read::Nothing(reason) => anyhow::bail!(
                        "{}, which cannot be read, so nothing more is done: {reason}; {LEFT_BEHIND}",
                        unread(why, &snapshot.commit)
                    ),
                },
                Next::Soon => {
                    failures = 0;
                    driver::SOON
                }
                Next::AtInterval if failures < PATIENCE && is_unfinished(&pass) => {
                    failures += 1;
                    driver::SOON
                }
                Next::AtInterval => return Ok(pass),
            };
            self.world.shutdown.run_until_cancelled(self.world.clock.sleep(pause)).await;
        }
    }

    /// Has the repository read, and gives what came of it.
    async fn newest(&self) -> anyhow::Result<GitView> {
        let mut view = self.world.git.view.clone();
        view.mark_unchanged();
        self.world.git.wake().await;
        match self.world.shutdown.run_until_cancelled(view.changed()).await {
            Some(Ok(())) => Ok(view.borrow().clone()),
            Some(Err(_)) => anyhow::bail!("{}; {LEFT_BEHIND}", once::NO_READER),
            None => anyhow::bail!("interrupted; {LEFT_BEHIND}"),
        }
    }
}

impl Consent {
    /// The new head as what is applied from now on, and what to tell about it; an error if that is not what was asked for.
    fn follow(
        self,
        from: &Snapshot,
        newer: &Snapshot,
        selection: &Selection,
    ) -> anyhow::Result<(Snapshot, String)> {
        let moved =
            format!("the branch moved on from {:.8} to {:.8} ({})", from.commit, newer.commit, newer.subject);
        match self {
            Self::Head => {
                let taken = once::narrowed(newer, selection)
                    .with_context(|| format!("{moved}, which does not have what was asked for"))?;
                Ok((taken, format!("{moved}: applying that")))
            }
            Self::Commit => anyhow::bail!(
                "{moved}, whose plan you have not seen, so nothing more is done; run `bowline apply` again to see it; \
                 {LEFT_BEHIND}"
            ),
        }
    }
}

/// True if another pass may find or do what this one could not.
fn is_unfinished(pass: &Pass) -> bool {
    !pass.attempted.is_empty() || pass.approved.reports.values().any(|report| report.has_unknown())
}

/// What is told while it works: a spinner on a terminal, lines elsewhere, nothing beside JSON.
struct Progress {
    spinner: Option<ProgressBar>,
    silent: bool,
}

impl Progress {
    fn new(output: Output) -> Self {
        let spinner = (!output.is_json() && std::io::stderr().is_terminal()).then(|| {
            let style = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}");
            let bar = ProgressBar::new_spinner().with_message("looking");
            bar.enable_steady_tick(Duration::from_millis(100));
            if let Ok(style) = style { bar.with_style(style) } else { bar }
        });
        Self { spinner, silent: output.is_json() }
    }

    fn show(&self, pass: &Pass) {
        // What went well is told as an event, and so is a failure; what to do about a failure is told here.
        for attempt in &pass.attempted {
            if let Outcome::Failed(why) = &attempt.outcome {
                self.line(&format!("{}: failed: {}; {}", attempt.action, why.message, why.hint));
            }
        }
        for event in &pass.events {
            self.line(&event.message);
        }
        if let Some(spinner) = &self.spinner {
            let waiting = pass.approved.reports.values().find_map(|report| {
                report.waits_for().map(|on| format!("{} waits for {on}", report.resource))
            });
            spinner.set_message(waiting.unwrap_or_else(|| "looking".to_owned()));
        }
    }

    /// A line of what happens; the document holds it too.
    fn line(&self, line: &str) {
        if !self.silent {
            self.tell(line);
        }
    }

    /// A line that is told beside JSON as well.
    fn tell(&self, line: &str) {
        let line = format!("{line}\n");
        match &self.spinner {
            Some(spinner) => spinner.suspend(|| output::tell(&line)),
            None => output::tell(&line),
        }
        let _ = std::io::stderr().flush();
    }

    fn end(&self) {
        if let Some(spinner) = &self.spinner {
            spinner.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests;
