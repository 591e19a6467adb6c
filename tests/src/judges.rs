//! The independent servers and clients, made by `cargo xtask judges`: a Python environment, and a folder of npm packages.

use std::env;
use std::path::{Path, PathBuf};

/// The repository's root.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the repository")
}

/// A program of the environment, such as `moto_server` or `aws`.
///
/// # Panics
/// When the environment is not there. A test that needs a judge fails without it; it is never skipped.
pub fn program(name: &str) -> PathBuf {
    let program = environment().join("bin").join(name);
    assert!(program.exists(), "{} does not exist: run `cargo xtask judges` first", program.display());
    program
}

/// The folder with the npm packages that judge the simulated GitHub: `$BOWLINE_JUDGES_GITHUB`, else `judges-github` below
/// cargo's target folder.
///
/// # Panics
/// When it is not complete.
pub fn github() -> PathBuf {
    let folder =
        env::var_os("BOWLINE_JUDGES_GITHUB").map_or_else(|| target().join("judges-github"), PathBuf::from);
    let last = folder.join("installed.txt");
    assert!(last.exists(), "{} does not exist: run `cargo xtask judges` first", last.display());
    folder
}

/// `$BOWLINE_JUDGES`, else `judges` below cargo's target folder.
fn environment() -> PathBuf {
    env::var_os("BOWLINE_JUDGES").map_or_else(|| target().join("judges"), PathBuf::from)
}

fn target() -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository().join("target"), PathBuf::from);
    repository().join(target)
}
