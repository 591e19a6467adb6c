//! The built binary, started as a user would.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on ends; the lint knows only functions marked #[test]"
)]

mod accept;
mod commits;
mod converge;
mod offline;
mod place;
mod remote;
mod run;
mod secrecy;
