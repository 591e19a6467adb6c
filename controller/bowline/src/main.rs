//! Bowline: GitOps for services on AWS ECS.

use std::process::ExitCode;

/// A pass reads and forgets what thousands of services are. The C library's allocator keeps a third of that as holes, in an arena
/// for each thread. How this one is set stands in `.cargo/config.toml`.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    bowline::cli::main()
}
