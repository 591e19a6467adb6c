//! Independent servers, each on a free port of 127.0.0.1: moto and ministack speak AWS's protocols, Prism judges GitHub's.

use std::fs::File;
use std::future::ready;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use tempfile::TempDir;

use crate::aws::Cli;
use crate::judges;
use crate::process::Process;
use crate::until::until;

/// The account that all servers are asked as.
pub const ACCOUNT: &str = "111122223333";
/// The region that everything lies in.
pub const REGION: &str = "eu-central-1";

/// A program that is no test may take a port between the moment it was free and the server's start.
const STARTS: usize = 3;

/// A running server. Dropping it stops it.
pub struct Server {
    /// The endpoint of all services.
    pub url: String,
    process: Process,
    _folder: TempDir,
}

impl Server {
    /// Starts moto. New services have `running` running tasks at once, which is all that it knows of rollouts.
    pub async fn moto(running: u32) -> Self {
        Self::start(&|port| {
            let mut command = Command::new(judges::program("moto_server"));
            command
                .args(["-H", "127.0.0.1", "-p", &port.to_string()])
                .env("MOTO_ACCOUNT_ID", ACCOUNT)
                .env("MOTO_ECS_SERVICE_RUNNING", running.to_string());
            command
        })
        .await
    }

    /// A subnet and a security group that moto has from the start: it looks whether they exist.
    pub async fn network(&self) -> [String; 2] {
        let home = tempfile::tempdir().unwrap();
        let aws = Cli::new(&self.url, ACCOUNT, home.path());
        let subnet = aws.run("ec2 describe-subnets --query Subnets[0].SubnetId").await;
        let group = aws.run("ec2 describe-security-groups --query SecurityGroups[0].GroupId").await;
        [subnet, group].map(|id| id.as_str().unwrap().to_owned())
    }

    /// Starts ministack, with what would open ports of its own switched off.
    pub async fn ministack() -> Self {
        Self::start(&|port| {
            let mut command = Command::new(judges::program("ministack"));
            command
                .env("BIND_HOST", "127.0.0.1")
                .env("IOT_MTLS_ENABLED", "0")
                .env("SFTP_ENABLED", "0")
                .env("GATEWAY_PORT", port.to_string());
            command
        })
        .await
    }

    /// Starts Prism in front of the server at `upstream`: it passes everything through, and says in the header
    /// `sl-violations` what GitHub's own description of its API forbids.
    pub async fn prism(upstream: &str) -> Self {
        let folder = judges::github();
        Self::start(&|port| {
            let mut command = Command::new("node");
            command
                .arg(folder.join("node_modules/@stoplight/prism-cli/dist/index.js"))
                .arg("proxy")
                .arg(folder.join("openapi.json"))
                .args([upstream, "-h", "127.0.0.1", "-p", &port.to_string()]);
            command
        })
        .await
    }

    /// What Prism found against the calls and answers that passed it.
    ///
    /// # Panics
    /// When none passed: then it says nothing.
    pub fn violations(&self) -> Vec<String> {
        let output = self.process.output();
        let (mut call, mut judged, mut found) = ("", 0, Vec::new());
        for line in output.lines() {
            if let Some((_, received)) = line.split_once("[HTTP SERVER] ") {
                call = received.split('\u{2139}').next().unwrap_or_default().trim();
                judged += usize::from(call.contains("/repos/"));
            } else if let Some((_, violation)) = line.split_once("Violation: ") {
                // The question whether it is ready is none of GitHub's.
                found.extend((!call.ends_with(" /")).then(|| format!("{call}: {violation}")));
            }
        }
        assert!(judged > 0, "no call went by Prism:\n{output}");
        found
    }

    async fn start(command: &dyn Fn(u16) -> Command) -> Self {
        for _ in 0..STARTS {
            let folder = tempfile::tempdir().expect("a folder can be made");
            let port = free_port();
            let mut command = command(port);
            command.current_dir(folder.path()).env("HOME", folder.path()).env("TMPDIR", folder.path());
            let mut process = Process::start(command, &folder.path().join("output.log"));
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            let ready = until("the server's readiness", || {
                ready(match process.ended() {
                    Some(_) => Some(false),
                    None => answers(address).then_some(true),
                })
            });
            if ready.await {
                return Self { url: format!("http://{address}"), process, _folder: folder };
            }
        }
        panic!("the server ended {STARTS} times instead of becoming ready");
    }
}

/// Ports of servers lie below 32768, where Linux begins to give out ports by itself
/// (<https://docs.kernel.org/networking/ip-sysctl.html>, `ip_local_port_range`): no connection takes one in between.
const PORTS: Range<u16> = 10_240..32_768;

/// The locks of the ports that this process was given, held until it ends.
static RESERVED: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// A port of 127.0.0.1 that nobody listens on, and that no other test is given while this process lives: a slow server
/// would otherwise be taken for ready because that of another test answers.
pub fn free_port() -> u16 {
    let locks = std::env::temp_dir().join("bowline-test-ports");
    std::fs::create_dir_all(&locks).expect("a folder for the locks of ports can be made");
    // Tests of one moment begin at different places.
    let [low, high, ..] = std::process::id().wrapping_mul(16).to_le_bytes();
    let begin = PORTS.start + u16::from_le_bytes([low, high]) % (PORTS.end - PORTS.start);
    let free = |port: &u16| {
        reserve(&locks.join(port.to_string())) && TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok()
    };
    let port = (begin..PORTS.end).chain(PORTS.start..begin).find(free);
    port.unwrap_or_else(|| {
        panic!("no port of {PORTS:?} is free, or no lock can be made in {}", locks.display())
    })
}

/// Takes the lock of a port, unless somebody has it.
fn reserve(lock: &Path) -> bool {
    let Ok(file) = File::create(lock) else { return false };
    let taken = file.try_lock().is_ok();
    if taken {
        RESERVED.lock().expect("nobody panics with it").push(file);
    }
    taken
}

/// Whether anything there speaks HTTP.
fn answers(address: SocketAddr) -> bool {
    let ask = || -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(b"HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = vec![0; 5];
        stream.read_exact(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer == b"HTTP/")
}
