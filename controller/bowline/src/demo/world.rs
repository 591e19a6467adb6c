//! The world of the demo: a simulated AWS, a git repository, and the controller as a child process.
//!
//! The controller is this same binary, started as `bowline run` with a `bowline.yaml`, so what is shown is what a user gets.

use std::ffi::OsStr;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use bowline_sim::{Simulator, SimulatorConfig};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::DemoError;
use super::outsider::{Outsider, Place};
use super::repository::{BRANCH, DemoRepository};

/// How many times faster than real the demo's world runs: a rollout of about a minute is over in two seconds.
pub(super) const TIME_SCALE: f64 = 30.0;

/// The account that the controller's own credentials belong to.
pub(super) const CONTROLLER_ACCOUNT: &str = "111122223333";

/// The longest that a step may take, in real time.
const PATIENCE: Duration = Duration::from_mins(2);

/// How often a step looks, in real time.
const GLANCE: Duration = Duration::from_millis(100);

/// A simulated AWS, a repository and a folder for everything else.
pub(super) struct World {
    folder: TempDir,
    binary: PathBuf,
    /// The simulated AWS.
    pub(super) simulator: Simulator,
    /// The repository that holds the desired state.
    pub(super) repository: DemoRepository,
    /// Where the controller serves its status.
    pub(super) listen: SocketAddr,
}

impl World {
    /// Starts the simulator and seeds the repository; the controller is started later.
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
        let repository = DemoRepository::seed(&folder.path().join("desired-state.git"))?;
        let listen = free_address().map_err(DemoError::io("find a free port"))?;
        let binary = std::env::current_exe().map_err(DemoError::io("find this program"))?;
        let world = Self { folder, binary, simulator, repository, listen };
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
        let text = format!(
            "# Written by `bowline demo`.\n\
             sources:\n  - repo: file://{}\n    ref: {BRANCH}\n\
             ceiling:\n  mode: enforce\n\
             store: {}\n\
             listen: {}\n\
             aws:\n  endpointUrl: {}\n\
             timeScale: {TIME_SCALE}\n",
            self.repository.path().display(),
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
