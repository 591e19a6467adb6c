//! Bowline: GitOps for services on AWS ECS.

use std::process::ExitCode;

fn main() -> ExitCode {
    bowline::cli::main()
}
