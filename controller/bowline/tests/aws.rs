//! The rooms `aws`, `observe` and `execute` against the simulator, on the wire.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails in a helper fails the test")]

#[path = "aws/actions.rs"]
mod actions;
#[path = "aws/expectations.rs"]
mod expectations;
#[path = "aws/failures.rs"]
mod failures;
#[path = "aws/reads.rs"]
mod reads;
#[path = "aws/seldom.rs"]
mod seldom;
#[path = "aws/world.rs"]
mod world;
