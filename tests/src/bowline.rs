//! The built binary, started as a user would start it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::aws::credentials;
use crate::process::{Ended, Process, run};
use crate::servers::ACCOUNT;

/// How many times faster than real time Bowline's polls, waits and deadlines run in these tests.
pub const TIME_SCALE: f64 = 600.0;

/// The binary that lies beside the tests' own.
///
/// # Panics
/// When it was not built: cargo builds the binaries of other packages only when asked for the whole workspace.
fn binary() -> PathBuf {
    let test = env::current_exe().expect("a test knows its own path");
    let profile = test.ancestors().nth(2).expect("it lies in target/<profile>/deps");
    let binary = profile.join("bowline");
    assert!(binary.exists(), "{} does not exist: run `cargo build -p bowline` first", binary.display());
    binary
}

/// A user's installation: a home folder of its own, an endpoint, a repository, and credentials.
pub struct Bowline {
    home: TempDir,
    endpoint: String,
    repository: String,
    environment: Vec<(String, Option<String>)>,
}

impl Bowline {
    /// Points it at an endpoint and a repository, allowed to act, with a store, and with time running fast.
    pub fn new(endpoint: &str, repository: &str) -> Self {
        let home = tempfile::tempdir().expect("a folder can be made");
        let this = Self {
            home,
            endpoint: endpoint.to_owned(),
            repository: repository.to_owned(),
            environment: Vec::new(),
        };
        let store = this.store().display().to_string();
        this.with("BOWLINE_MODE", "enforce")
            .with("BOWLINE_TIME_SCALE", &TIME_SCALE.to_string())
            .with("BOWLINE_STORE", &store)
    }

    /// With this environment variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), Some(value.to_owned())));
        self
    }

    /// Without this environment variable.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.environment.push((name.to_owned(), None));
        self
    }

    /// Its home folder.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    fn store(&self) -> PathBuf {
        self.home.path().join("state").join("bowline.db")
    }

    /// Deletes the store and everything beside it: what Bowline remembers is gone.
    pub fn forget(&self) {
        let folder = self.home.path().join("state");
        if folder.exists() {
            std::fs::remove_dir_all(folder).expect("a folder can be removed");
        }
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = self.program(&binary());
        command.args(arguments.split_whitespace());
        command
    }

    /// A program that runs as the user would run it.
    fn program(&self, program: &Path) -> Command {
        let state = self.home.path().join("state");
        std::fs::create_dir_all(&state).expect("a folder can be made");
        let mut command = Command::new(program);
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("BOWLINE_") {
                command.env_remove(name);
            }
        }
        credentials(&mut command, self.home.path(), ACCOUNT)
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("XDG_CACHE_HOME", self.home.path().join("cache"))
            .env("BOWLINE_REPO", &self.repository)
            .current_dir(self.home.path());
        for (name, value) in &self.environment {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }

    /// Runs `bowline ARGUMENTS` to its end.
    pub async fn run(&self, arguments: &str) -> Ended {
        run(self.command(arguments)).await
    }

    /// Runs lines of shell in which `bowline` is found, as a CI job does.
    pub async fn shell(&self, lines: &str) -> Ended {
        let mut command = self.program(Path::new("sh"));
        let binary = binary();
        let folder = binary.parent().expect("it lies in a folder").display();
        let path = env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{folder}:{path}")).args(["-euc", lines]);
        run(command).await
    }

    /// Runs `bowline plan -o json`.
    pub async fn plan(&self) -> Ended {
        self.run("plan -o json").await
    }

    /// Runs `bowline apply --yes -o json`.
    pub async fn apply(&self) -> Ended {
        self.run("apply --yes -o json").await
    }

    /// Starts `bowline ARGUMENTS` and leaves it running.
    pub fn start(&self, arguments: &str) -> Process {
        Process::start(self.command(arguments), &self.home.path().join("bowline.log"))
    }
}
