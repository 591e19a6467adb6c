//! The world of the demo: a simulated AWS, a git repository at a simulated GitHub, and the controller as a child process.
//!
//! The controller is this same binary, started as `bowline run` with a `bowline.yaml`, so what is shown is what a user gets.

use std::ffi::OsStr;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use bowline_sim::{GitHub, GitHubConfig, Permissions, RepositorySettings, Simulator, SimulatorConfig};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::DemoError;
use super::outsider::{Outsider, Place};
use super::person::{LOGIN, Person, REPOSITORY};
use super::repository::{BRANCH, DemoRepository};

/// How many times faster than real the demo's world runs: a rollout of about a minute is over in two seconds.
pub(super) const TIME_SCALE: f64 = 30.0;

/// The account that the controller's own credentials belong to.
pub(super) const CONTROLLER_ACCOUNT: &str = "111122223333";

/// The longest that a step may take, in real time.
const PATIENCE: Duration = Duration::from_mins(2);

/// How often a step looks, in real time.
const GLANCE: Duration = Duration::from_millis(100);

/// The controller's login at GitHub.
pub(super) const CONTROLLER_LOGIN: &str = "bowline";

/// The file with the controller's token, beside its `bowline.yaml`.
const TOKEN_FILE: &str = "github-token";

/// A simulated AWS, a simulated GitHub with a repository, and a folder for everything else.
pub(super) struct World {
    folder: TempDir,
    binary: PathBuf,
    /// The simulated AWS.
    pub(super) simulator: Simulator,
    /// The simulated GitHub.
    pub(super) github: GitHub,
    /// Somebody there.
    pub(super) person: Person,
    /// The repository that holds the desired state.
    pub(super) repository: DemoRepository,
    /// Where the controller serves its status.
    pub(super) listen: SocketAddr,
}

impl World {
    /// Starts the simulators and seeds the repository; the controller is started later.
    pub(super) async fn start() -> Result<Self, DemoError> {
        let simulator = Simulator::start(SimulatorConfig {
            default_account: CONTROLLER_ACCOUNT.to_owned(),
            time_scale: TIME_SCALE,
            ..SimulatorConfig::default()
        })
        .await
        .map_err(DemoError::io("start the simulator"))?;
        let folder = tempfile::Builder::new()
            .prefix("bowline-demo-")
            .tempdir()
            .map_err(DemoError::io("make a folder"))?;
        let github = simulator
            .start_github(GitHubConfig::default())
            .await
            .map_err(DemoError::io("start the simulated GitHub"))?;
        let made = github.create_repository(REPOSITORY, RepositorySettings::default());
        let repository = DemoRepository::seed(made.map_err(DemoError::SetUp)?)?;
        let token = github.create_token(LOGIN, Permissions::owner()).map_err(DemoError::SetUp)?;
        let person = Person::new(&github.url(), token)?;
        let listen = free_address().map_err(DemoError::io("find a free port"))?;
        let binary = std::env::current_exe().map_err(DemoError::io("find this program"))?;
        let world = Self { folder, binary, simulator, github, person, repository, listen };
        world.write_configuration()?;
        Ok(world)
    }

    /// The folder that goes when the demo ends.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The controller's `bowline.yaml`.
    pub(super) fn configuration(&self) -> PathBuf {
        self.folder().join("bowline.yaml")
    }

    /// The controller's log.
    pub(super) fn log(&self) -> PathBuf {
        self.folder().join("bowline.log")
    }

    /// Clients of somebody who is not Bowline.
    pub(super) fn outsider(&self, place: &Place) -> Outsider {
        Outsider::new(&self.simulator.url(), place)
    }

    fn write_configuration(&self) -> Result<(), DemoError> {
        let token = self.github.create_token(CONTROLLER_LOGIN, Permissions::controller());
        std::fs::write(self.folder().join(TOKEN_FILE), token.map_err(DemoError::SetUp)?)
            .map_err(DemoError::io("write the controller's token"))?;
        let text = format!(
            "# Written by `bowline demo`.\n\
             sources:\n  - repo: {}\n    ref: {BRANCH}\n    auth: {{ github: true }}\n\
             github:\n  baseUrl: {}\n  repository: {REPOSITORY}\n  tokenFile: {TOKEN_FILE}\n  labels: [rollback]\n\
             ceiling:\n  mode: enforce\n\
             store: {}\n\
             listen: {}\n\
             aws:\n  endpointUrl: {}\n\
             intervals: {{ secrets: 60s }}\n\
             timeScale: {TIME_SCALE}\n",
            self.github.git_url(REPOSITORY),
            self.github.url(),
            self.folder().join("bowline.db").display(),
            self.listen,
            self.simulator.url(),
        );
        std::fs::write(self.configuration(), text).map_err(DemoError::io("write bowline.yaml"))
    }

    /// Starts `bowline run`; its log goes to a file.
    pub(super) fn start_controller(&self) -> Result<Child, DemoError> {
        let log = std::fs::File::create(self.log()).map_err(DemoError::io("create the log"))?;
        let mut command = self.command(["run"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).kill_on_drop(true);
        command.spawn().map_err(DemoError::io("start the controller"))
    }

    /// Runs another verb of this binary to its end: exit code and what it printed.
    pub(super) async fn bowline<S: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
    ) -> Result<(i32, String), DemoError> {
        let output = self
            .command(arguments)
            .stdin(Stdio::null())
            .output()
            .await
            .map_err(DemoError::io("start bowline"))?;
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.push_str(&String::from_utf8_lossy(&output.stderr));
        Ok((output.status.code().unwrap_or(-1), text))
    }

    /// What `bowline status -o json` says.
    pub(super) async fn status(&self) -> Result<Value, DemoError> {
        let (code, text) = self.bowline(["status", "-o", "json"]).await?;
        serde_json::from_str(&text)
            .map_err(|_| DemoError::Unexpected(format!("`bowline status -o json` exits {code}:\n{text}")))
    }

    fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .arg("--config")
            .arg(self.configuration())
            .args(arguments)
            .env("AWS_ACCESS_KEY_ID", CONTROLLER_ACCOUNT)
            .env("AWS_SECRET_ACCESS_KEY", "demo")
            .env("AWS_REGION", "eu-central-1")
            .env_remove("AWS_PROFILE")
            .env_remove("AWS_SESSION_TOKEN")
            .env_remove("AWS_ENDPOINT_URL");
        command
    }
}

/// An address of this machine that nobody listens on right now.
fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// Looks again and again until `done` says yes.
pub(super) async fn wait_for<F, Fut>(what: &str, mut done: F) -> Result<(), DemoError>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<bool, DemoError>>,
{
    let looking = async {
        let mut glances = tokio::time::interval(GLANCE);
        loop {
            glances.tick().await;
            if done().await? {
                return Ok(());
            }
        }
    };
    tokio::time::timeout(PATIENCE, looking)
        .await
        .unwrap_or_else(|_| Err(DemoError::TooSlow { what: what.to_owned(), seconds: PATIENCE.as_secs() }))
}
