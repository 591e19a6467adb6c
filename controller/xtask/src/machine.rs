//! What the machine must have before anything else makes sense, and how it gets it.

use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::steps::{self, say};

/// A program that a build or a test starts, what for, and the Debian package that holds it.
const PROGRAMS: &[(&str, &[&str], &str)] = &[
    ("cc", &["--version"], "gcc"),
    ("make", &["--version"], "make"),
    ("perl", &["--version"], "perl"),
    ("git", &["--version"], "git"),
    ("node", &["--version"], "nodejs"),
    ("npm", &["--version"], "npm"),
    ("python3", &["-c", "import venv, ensurepip"], "python3-venv"),
    // `sshd -V` is not known to every version; asked for its configuration syntax it needs host keys. Only its presence counts.
    ("/usr/sbin/sshd", &["-?"], "openssh-server"),
    ("ssh-keygen", &["-?"], "openssh-client"),
];

/// Installs what is missing, where we may, and names it otherwise.
pub(crate) fn prepare() -> Result<()> {
    let missing: Vec<&str> = PROGRAMS
        .iter()
        .filter(|(program, arguments, _)| !present(program, arguments))
        .map(|(_, _, package)| *package)
        .collect();
    if missing.is_empty() {
        return install_nextest();
    }
    let list = missing.join(" ");
    let root = steps::output({
        let mut id = Command::new("id");
        id.arg("-u");
        id
    })
    .is_ok_and(|uid| uid.trim() == "0");
    if !root || !present("apt-get", &["--version"]) {
        bail!("the tests need {list}; install them, for example with `sudo apt-get install {list}`");
    }
    say(&format!("installing {list}"));
    steps::run(apt(&["update", "-qq"]))?;
    let mut arguments = vec!["install", "-y", "-qq", "--no-install-recommends"];
    arguments.extend(missing);
    steps::run(apt(&arguments))?;
    install_nextest()
}

fn apt(arguments: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").stdout(Stdio::null());
    command
}

/// Present means: it can be started. A usage error is an answer; for Python the exit code counts, since it tries an import.
fn present(program: &str, arguments: &[&str]) -> bool {
    let status = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match status {
        Ok(status) => program != "python3" || status.success(),
        Err(_) => false,
    }
}

fn install_nextest() -> Result<()> {
    let found = steps::output(steps::cargo(&["nextest", "--version"])).is_ok();
    if found {
        return Ok(());
    }
    say("installing cargo-nextest (once; takes a few minutes)");
    steps::run(steps::cargo(&["install", "cargo-nextest", "--locked", "--quiet"]))
}
