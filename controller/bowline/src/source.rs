//! What does git say? A repository and a reference in, a [`Snapshot`] of the desired state out; and a commit back, where Bowline
//! has something to say.
//!
//! May import `bowline_core::{desired, edit, name, policy, rollback::revert}`. The only room that names `git2`. Must not know what is done with the
//! desired state, nor what AWS is.
//!
//! | file | holds |
//! |---|---|
//! | `git` | [`GitSource`]: one read from start to end, and the last good commit when the remote is down |
//! | `address` | the forms in which a repository is named |
//! | `relay` | libgit2's connection: time limits, TLS, and which redirects are followed |
//! | `auth`, `known_hosts` | credentials, and the check of SSH host keys |
//! | `remote` | the conversation: head and fetch |
//! | `said` | what the server says beside its answer |
//! | `mirror` | the bare repository on this machine, its lock and its repair |
//! | `accept` | whether the branch was rewritten, and what it declares as applied |
//! | `commit` | a commit's manifests as blobs, cached, with the last form that parsed |
//! | `github` | [`github::GitHub`]: pull requests, the only part that names `octocrab` |
//! | `history` | the branch's own line, for the choice of what to revert |
//! | `proposal` | [`Proposals`]: pull requests, merged in memory |
//! | `trailer` | what a commit's message declares |
//! | `write` | [`GitWriter`]: reverts and other commits of Bowline's, and pushing them |
//! | `folder` | the same from a directory, for `validate` and `import` |
//! | `person` | who sits at the shell |
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
pub mod github;
mod history;
mod known_hosts;
mod mirror;
mod person;
mod proposal;
mod relay;
mod remote;
mod retry;
mod said;
mod trailer;
mod work_tree;
mod write;

pub use auth::GitAuth;
pub use error::{HostKey, SourceError};
pub use git::{GitSettings, GitSource, HeadReader, Snapshot};
pub use history::Past;
pub use person::person;
pub use proposal::{Merged, Proposals, Proposed};
pub use work_tree::uncommitted;
pub use write::{Built, Change, Commit, Committer, GitWriter, Line, Moved, Offered, Pushed, WriteError};
