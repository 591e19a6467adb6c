//! What does git say? A repository and a reference in, a [`Snapshot`] of the desired state out.
//!
//! May import `bowline_core::{desired, name, policy}`. The only room that names `git2`. Must not know what is done with the
//! desired state, nor what AWS is.
//!
//! | file | holds |
//! |---|---|
//! | `git` | [`GitSource`]: one read from start to end, and the last good commit when the remote is down |
//! | `address` | the forms in which a repository is named |
//! | `relay` | libgit2's connection: time limits, TLS, and which redirects are followed |
//! | `auth`, `known_hosts` | credentials, and the check of SSH host keys |
//! | `remote` | the conversation: head and fetch |
//! | `mirror` | the bare repository on this machine, its lock and its repair |
//! | `accept` | whether the branch was rewritten, and what it declares as applied |
//! | `commit` | a commit's manifests as blobs, cached, with the last form that parsed |
//! | `folder` | the same from a directory, for `validate` and `import` |
//! | `work_tree` | what a person has not committed yet, to be told |
//! | `file` | the rules that a commit and a directory share |
//! | `error` | [`SourceError`] |

mod accept;
mod address;
mod auth;
mod commit;
mod error;
mod file;
pub mod folder;
mod git;
mod known_hosts;
mod mirror;
mod relay;
mod remote;
mod retry;
mod work_tree;

pub use auth::GitAuth;
pub use error::{HostKey, SourceError};
pub use git::{GitSettings, GitSource, HeadReader, Snapshot};
pub use work_tree::uncommitted;
