//! A bar on the terminal, once it is clear that this takes its time.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::observe::inventory::Step;

/// Nobody needs a bar for less.
const PATIENCE: Duration = Duration::from_secs(2);

/// How far it is, on standard error; nothing where that is no terminal.
pub(super) struct Progress {
    bar: ProgressBar,
    began: Instant,
    shown: bool,
}

impl Progress {
    pub(super) fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        let style = ProgressStyle::with_template("{msg} [{bar:30}] {pos}/{len} {elapsed}");
        let bar = if let Ok(style) = style { bar.with_style(style.progress_chars("=> ")) } else { bar };
        Self { bar, began: Instant::now(), shown: std::io::stderr().is_terminal() }
    }

    pub(super) fn show(&self, cluster: &str, step: Step) {
        self.bar.set_message(format!("{cluster}: {}", step.what));
        if self.shown && self.bar.is_hidden() && self.began.elapsed() >= PATIENCE {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.set_position(step.done as u64);
        self.bar.set_length(step.of as u64);
    }

    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
