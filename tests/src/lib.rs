//! What the end-to-end tests share: the servers they start, the clients they ask, and the world they build.
//!
//! A test sees Bowline as a user does: the built binary, a git repository and AWS on the wire. What is asserted was read
//! through clients of another make, not through Bowline's own state.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper that fails fails its test, with the place where it happened"
)]

pub mod aws;
pub mod bowline;
pub mod calls;
pub mod cases;
pub mod generate;
pub mod git;
pub mod hub;
pub mod judges;
pub mod known_differences;
pub mod patient;
pub mod planned;
pub mod process;
pub mod register;
pub mod servers;
pub mod until;
pub mod world;
