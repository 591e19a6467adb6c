//! Repository automation. `cargo xtask test` is what CI runs, and what a newcomer runs.

mod bench;
mod generate;
mod judges;
mod machine;
mod purity;
#[cfg(test)]
mod rules;
mod steps;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Repository automation for Bowline")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Check everything: format, lints, purity, generated files, tests, the demo's story.
    Test,
    /// Write what is generated from the kinds and tables: crds/ and pages of docs/reference/.
    Gen(generate::Arguments),
    /// Prove that bowline-core is pure, from its dependency tree and its sources.
    Purity,
    /// Set up the independent servers and clients that the tests run against: Python and npm packages.
    Judges,
    /// Measure what watching services costs, and compare it with the budgets: docs/benchmarks.md.
    Bench(bench::Arguments),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Test => test::run(),
        Command::Gen(arguments) => generate::run(&arguments),
        Command::Purity => purity::run(),
        Command::Judges => judges::set_up(),
        Command::Bench(arguments) => bench::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            steps::say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
