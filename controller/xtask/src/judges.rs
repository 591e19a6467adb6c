//! The independent servers and clients that the tests run against, below `target/`: moto, ministack, boto3 and the aws CLI in a
//! Python environment; Prism, GitHub's own client and its description of its API in a folder of npm packages.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::steps::{self, say};

/// Makes both, unless they already hold exactly what is pinned.
pub(crate) fn set_up() -> Result<()> {
    python()?;
    github()
}

/// Makes `target/judges` from `tests/judges/requirements.txt`.
fn python() -> Result<()> {
    let requirements = steps::root().join("tests/judges/requirements.txt");
    let wanted = read(&requirements)?;
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
    write(&stamp, &wanted)
}

/// Makes `target/judges-github` from what `tests/judges/github/` pins, with the part of GitHub's description that is needed.
fn github() -> Result<()> {
    let sources = steps::root().join("tests/judges/github");
    let manifest = read(&sources.join("package.json"))?;
    let lock = read(&sources.join("package-lock.json"))?;
    let cut = sources.join("openapi.mjs");
    let wanted = [manifest.as_str(), &lock, &read(&cut)?].concat();
    let folder = steps::target().join("judges-github");
    let stamp = folder.join("installed.txt");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        say("the npm packages are up to date");
        return Ok(());
    }
    say("installing Prism and GitHub's own client below target/judges-github (once; takes half a minute)");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    write(&folder.join("package.json"), &manifest)?;
    write(&folder.join("package-lock.json"), &lock)?;
    let mut install = Command::new("npm");
    install.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]).current_dir(&folder);
    steps::run(install)?;
    let mut node = Command::new("node");
    node.arg(cut).arg(&folder);
    steps::run(node)?;
    // What was cut from it is 700 KB; all editions of all descriptions are 385 MB.
    let whole = folder.join("node_modules/@octokit/openapi");
    fs::remove_dir_all(&whole).with_context(|| format!("cannot remove {}", whole.display()))?;
    write(&stamp, &wanted)
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

fn write(file: &Path, text: &str) -> Result<()> {
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}
