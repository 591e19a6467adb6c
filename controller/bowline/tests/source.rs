//! The git source against real git: repositories on the disk, `git http-backend`, and a real sshd.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper that fails fails its test"
)]

#[path = "source/accept.rs"]
mod accept;
#[path = "source/folder.rs"]
mod folder;
#[path = "source/good_again.rs"]
mod good_again;
#[path = "source/http.rs"]
mod http;
#[path = "source/http_server.rs"]
mod http_server;
#[path = "source/https.rs"]
mod https;
#[path = "source/line.rs"]
mod line;
#[path = "source/local.rs"]
mod local;
#[path = "source/proposal.rs"]
mod proposal;
#[path = "source/push.rs"]
mod push;
#[path = "source/repo.rs"]
mod repo;
#[path = "source/retry.rs"]
mod retry;
#[path = "source/revert.rs"]
mod revert;
#[path = "source/ssh.rs"]
mod ssh;
#[path = "source/sshd.rs"]
mod sshd;
#[path = "source/tls_server.rs"]
mod tls_server;
#[path = "source/work_tree.rs"]
mod work_tree;
