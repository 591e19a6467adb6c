//! Repository automation: what CI runs, and what a person runs before a commit.

mod generate;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Repository automation.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write everything that is generated from the Rust kinds: crds/.
    Gen(generate::Arguments),
}

fn main() -> anyhow::Result<ExitCode> {
    match Arguments::parse().command {
        Command::Gen(arguments) => generate::run(&arguments),
    }
}
