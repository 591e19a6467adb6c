//! `cargo xtask test`: everything that must hold before a change lands.

use anyhow::Result;

use crate::steps::{Step, cargo, run as run_command, run_all, target};
use crate::{bench, generate, judges, machine, purity};
use std::process::Command;

const STEPS: &[Step] = &[
    Step { name: "machine: programs that the tests start", run: machine::prepare },
    Step { name: "judges: moto, ministack, aws CLI, Prism", run: judges::set_up },
    Step { name: "format", run: || run_command(cargo(&["fmt", "--all", "--check"])) },
    Step { name: "purity of bowline-core", run: purity::run },
    Step {
        name: "generated files: crds/, docs/reference/",
        run: || generate::run(&generate::Arguments { check: true }),
    },
    Step { name: "lints", run: lints },
    Step {
        name: "build",
        run: || run_command(cargo(&["build", "--workspace", "--all-targets", "--locked", "--quiet"])),
    },
    Step { name: "tests", run: tests },
    Step {
        name: "documentation tests",
        run: || run_command(cargo(&["test", "--workspace", "--doc", "--locked", "--quiet"])),
    },
    Step { name: "the demo's story", run: demo },
    Step { name: "the benchmark, quick: calls only", run: || bench::run(&bench::Arguments::quick()) },
];

/// Runs all steps.
pub(crate) fn run() -> Result<()> {
    run_all(STEPS)
}

fn lints() -> Result<()> {
    run_command(cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--quiet",
        "--",
        "-D",
        "warnings",
    ]))
}

fn tests() -> Result<()> {
    run_command(cargo(&[
        "nextest",
        "run",
        "--workspace",
        "--locked",
        "--no-fail-fast",
        "--status-level",
        "slow",
    ]))
}

fn demo() -> Result<()> {
    let mut demo = Command::new(target().join("debug/bowline"));
    demo.args(["demo", "--exit"]).current_dir(crate::steps::root());
    run_command(demo)
}
