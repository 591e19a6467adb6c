//! What should be? Bytes of the files of one commit in, a typed [`DesiredState`] and findings out.
//!
//! May import `name`. Must not know where the bytes came from: git, a folder and a test are the same.

pub mod finding;
pub mod kind;
mod state;

pub use finding::{Finding, FindingCode, Location, Severity};
pub use state::{
    DesiredService, DesiredState, Metadata, Origin, Resource, ResourceKey, ResourceKind,
    TaskDefinitionContent, WantedTaskDefinition,
};
