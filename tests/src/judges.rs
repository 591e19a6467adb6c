//! The Python environment with the independent servers and clients, made by `cargo xtask judges`.

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

/// `$BOWLINE_JUDGES`, else `judges` below cargo's target folder.
fn environment() -> PathBuf {
    if let Some(given) = env::var_os("BOWLINE_JUDGES") {
        return given.into();
    }
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository().join("target"), PathBuf::from);
    repository().join(target).join("judges")
}
