//! One binary for all end-to-end tests: linking the SDK and libgit2 once is most of their build.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "that is how a test fails")]

mod accept;
mod autoscaling;
mod bad_input;
mod contract;
mod creation;
mod hot_pass;
mod iam_policy;
mod image_drift;
mod import;
mod kill;
mod ownership;
mod plan_and_apply;
mod preview;
mod rollback;
mod round_trip;
mod service_round_trip;
mod settings;
mod simulator_aws_cli;
mod simulator_botocore;
mod simulator_github;
mod tags;
mod terraform;
mod verbs;
mod verdict;
mod webhook;
