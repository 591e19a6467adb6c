//! Running one step after the other, with progress and a summary at the end.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.ancestors().nth(2).unwrap_or(manifest).to_path_buf()
}

/// The folder for everything that is built or installed.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Prints a line.
#[allow(clippy::print_stdout, reason = "this is a command-line tool")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}

/// The same cargo that runs this tool.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    command
}

/// Runs a command to its end; its output goes to ours.
pub(crate) fn run(mut command: Command) -> Result<()> {
    let shown = show(&command);
    let status = command.status().with_context(|| format!("cannot start `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` ended with {status}");
    }
    Ok(())
}

/// Runs a command to its end and returns what it printed.
pub(crate) fn output(mut command: Command) -> Result<String> {
    let shown = show(&command);
    let output = command.output().with_context(|| format!("cannot start `{shown}`"))?;
    if !output.status.success() {
        bail!("`{shown}` ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{shown}` printed something that is not UTF-8"))
}

fn show(command: &Command) -> String {
    let program =
        Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
    std::iter::once(program)
        .chain(command.get_args().map(|argument| argument.to_string_lossy().into_owned()))
        .collect::<Vec<_>>()
        .join(" ")
}

/// One thing to check.
pub(crate) struct Step {
    /// What it is, in a few words.
    pub(crate) name: &'static str,
    /// Doing it.
    pub(crate) run: fn() -> Result<()>,
}

/// Runs every step, also after one has failed, and sums up.
pub(crate) fn run_all(steps: &[Step]) -> Result<()> {
    let mut lines = Vec::new();
    let mut failed = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        say(&format!("\n[{}/{}] {}", index + 1, steps.len(), step.name));
        let started = Instant::now();
        let outcome = (step.run)();
        let took = took(started.elapsed());
        match outcome {
            Ok(()) => lines.push(format!("  ok      {:<42} {took:>8}", step.name)),
            Err(error) => {
                say(&format!("{}: {error:#}", step.name));
                lines.push(format!("  FAILED  {:<42} {took:>8}  {error:#}", step.name));
                failed.push(step.name);
            }
        }
    }
    say("\nSummary");
    for line in lines {
        say(&line);
    }
    if failed.is_empty() {
        say(&format!("\nAll {} steps passed.", steps.len()));
        return Ok(());
    }
    bail!("{} of {} steps failed: {}", failed.len(), steps.len(), failed.join(", "))
}

fn took(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 60.0 {
        format!("{seconds:.1} s")
    } else {
        format!("{:.0}m {:02.0}s", (seconds / 60.0).floor(), seconds % 60.0)
    }
}
