//! The independent servers and clients (moto, ministack, boto3, aws CLI) in a Python environment below `target/`.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use crate::steps::{self, say};

/// Makes `target/judges`, unless it already holds exactly what `tests/judges/requirements.txt` pins.
pub(crate) fn set_up() -> Result<()> {
    let requirements = steps::root().join("tests/judges/requirements.txt");
    let wanted = fs::read_to_string(&requirements)
        .with_context(|| format!("cannot read {}", requirements.display()))?;
    let environment = steps::target().join("judges");
    let stamp = environment.join("installed.txt");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        say("the Python environment is up to date");
        return Ok(());
    }
    say("installing moto, ministack, boto3 and the aws CLI below target/judges (once; takes a minute)");
    let mut create = Command::new("python3");
    create.args(["-m", "venv", "--clear"]).arg(&environment);
    steps::run(create)?;
    let mut install = Command::new(environment.join("bin/pip"));
    install.args(["install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(&requirements);
    steps::run(install)?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
}
