//! `bowline apply`: the same passes as the controller's, until nothing is under way any more.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use bowline_core::plan::{Event, Outcome, ResourceReport};
use indicatif::{ProgressBar, ProgressStyle};
use tokio_util::sync::CancellationToken;

use super::args::{Apply, Selection};
use super::once;
use super::output::{self, Output};
use crate::config::Config;
use crate::engine::reconcile::{Next, Pass, World, reconcile};
use crate::engine::{driver, shutdown, wiring};
use crate::observe::Scope;
use crate::source::Snapshot;

/// How many passes in a row may fail to read or to do something before `apply` gives up. The clients have already
/// retried each call.
const PATIENCE: u32 = 3;

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
    let mut run = Run { world, selection: &args.selection, progress, events: Vec::new() };
    let ended = run.until_nothing_is_under_way(&mut snapshot).await;
    run.progress.end();
    token.cancel();
    shutdown::join(vec![("git", wired.git_task)]).await;
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

/// One `apply` under way.
struct Run<'a> {
    world: World,
    selection: &'a Selection,
    progress: Progress,
    events: Vec<Event>,
}

impl Run<'_> {
    /// Makes passes until one has nothing under way, and gives that one.
    async fn until_nothing_is_under_way(&mut self, snapshot: &mut Snapshot) -> anyhow::Result<Pass> {
        let mut failures = 0;
        loop {
            let result = reconcile(&mut self.world, snapshot, Scope::ALL).await?;
            let Some(pass) = result else {
                anyhow::bail!("interrupted; what was begun goes on at AWS, and the next apply takes it up");
            };
            self.progress.show(&pass);
            self.events.extend(pass.events.iter().cloned());
            let pause = match pass.next {
                Next::NewCommit => {
                    let mut view = self.world.git.view.clone();
                    view.mark_unchanged();
                    self.world.git.wake().await;
                    view.changed().await?;
                    if let Some(newer) = &view.borrow().snapshot {
                        *snapshot = once::narrowed(newer, self.selection)?;
                    }
                    Duration::ZERO
                }
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
}

/// True if another pass may find or do what this one could not.
fn is_unfinished(pass: &Pass) -> bool {
    !pass.attempted.is_empty() || pass.approved.reports.values().any(ResourceReport::has_unknown)
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
                report.waiting_on.as_ref().map(|on| format!("{} waits for {on}", report.resource))
            });
            spinner.set_message(waiting.unwrap_or_else(|| "looking".to_owned()));
        }
    }

    fn line(&self, line: &str) {
        match &self.spinner {
            Some(spinner) => spinner.suspend(|| output::tell(&format!("{line}\n"))),
            None if !self.silent => output::tell(&format!("{line}\n")),
            None => {}
        }
        let _ = std::io::stderr().flush();
    }

    fn end(&self) {
        if let Some(spinner) = &self.spinner {
            spinner.finish_and_clear();
        }
    }
}
