//! Programs that a test starts: their output is kept, and nothing outlives the test.

use std::fs::File;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread;

/// A running program. Dropping it kills it with everything it started, and shows its output if the test is failing.
pub struct Process {
    child: Child,
    log: PathBuf,
    name: String,
}

impl Process {
    /// Starts the program in a process group of its own, with its output going to the file `log`.
    pub fn start(mut command: Command, log: &Path) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        let out = File::create(log).expect("the log can be created");
        let err = out.try_clone().expect("a file can be opened twice");
        command.stdin(Stdio::null()).stdout(out).stderr(err).process_group(0);
        let child = command.spawn().unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        Self { child, log: log.to_owned(), name }
    }

    /// What it has written so far.
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be waited for")
    }

    /// Sends SIGTERM, as systemd and ECS do.
    pub fn terminate(&self) {
        signal("TERM", &self.child.id().to_string());
    }

    /// Ends it where it stands, with everything it started, and waits until it is gone.
    pub fn kill(&mut self) {
        signal("KILL", &format!("-{}", self.child.id()));
        self.child.wait().expect("a child can be waited for");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ended().is_none() {
            self.kill();
        }
        if thread::panicking() {
            show(&self.name, &self.output());
        }
    }
}

#[allow(clippy::print_stderr, reason = "the test runner shows it below the failed test")]
fn show(name: &str, output: &str) {
    let lines: Vec<&str> = output.lines().collect();
    let tail = &lines[lines.len().saturating_sub(60)..];
    eprintln!("--- the end of what {name} wrote ---\n{}\n---", tail.join("\n"));
}

/// `kill` is built into every shell; the standard library has no call for it.
fn signal(signal: &str, to: &str) {
    let _ =
        Command::new("sh").args(["-c", r#"kill -s "$0" -- "$1""#, signal, to]).stderr(Stdio::null()).status();
}

/// What a program that ran to its end left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code; 128 + n after signal n, as a shell says it.
    pub code: i32,
    /// What it wrote to its standard output.
    pub stdout: String,
    /// What it wrote to its standard error.
    pub stderr: String,
}

impl Ended {
    /// The standard output as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("not JSON: {error}\n{self}"))
    }

    /// Itself, if it ended with this code.
    #[allow(
        clippy::must_use_candidate,
        clippy::return_self_not_must_use,
        reason = "often it is the code that matters"
    )]
    pub fn with_code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self}");
        self
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { code, stdout, stderr } = self;
        write!(formatter, "exit code {code}\n--- stdout\n{stdout}\n--- stderr\n{stderr}\n---")
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let status = output.status;
        Self {
            code: status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default()),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Runs a program to its end without holding up the runtime that its servers live on.
pub async fn run(mut command: Command) -> Ended {
    command.stdin(Stdio::null());
    let name = command.get_program().to_string_lossy().into_owned();
    let output = tokio::process::Command::from(command).kill_on_drop(true).output();
    let ended = tokio::time::timeout(super::until::BOUND, output).await;
    let output = ended.unwrap_or_else(|_| panic!("{name} did not end within {:?}", super::until::BOUND));
    output.unwrap_or_else(|error| panic!("cannot start {name}: {error}")).into()
}
