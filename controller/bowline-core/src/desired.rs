//! What should be? Bytes of the files of one commit in, a typed [`DesiredState`] and findings out.
//!
//! `parse_manifest` and `parse_task_definition` read one file each, `assemble` holds the files of a commit against each other.
//! May import `name`, and from `diff` the tables of fields: a pattern of `ignore` has to match one. Must not know where the
//! bytes came from: git, a folder and a test are the same.

mod acceptance;
mod assemble;
mod check;
mod creation;
pub mod finding;
mod health;
mod ignore;
mod json;
pub mod kind;
mod node;
mod parse;
mod reference;
mod retry;
mod schema;
mod settings;
mod shapes;
mod size;
mod source;
mod state;
mod suggest;
mod tags;
mod task_definition;
pub mod terraform;
mod yaml;

pub use acceptance::{ACCEPT_TRAILER, NotAcceptable, how_to_accept};
pub use assemble::{Assembled, SourceFile, assemble, referenced_task_definitions};
pub use finding::{Finding, FindingCode, Location, Severity};
pub(crate) use parse::document_value;
pub use parse::{MAX_MANIFEST_BYTES, ParsedDocument, ParsedFile, ParsedResource, parse_manifest};
pub use retry::{RETRY_TRAILER, Retry, how_to_retry};
pub use schema::{custom_resource_definition, json_schema};
pub use size::Unit;
pub use state::{
    DesiredService, DesiredState, Metadata, Origin, Resource, ResourceKey, ResourceKind,
    TaskDefinitionContent, WantedTaskDefinition,
};
pub use tags::Tags;
pub(crate) use task_definition::{Lack, Ports};
pub use task_definition::{
    ParsedTaskDefinition, SERVER_ONLY_FIELDS, parse_task_definition, task_definition_schema,
};

#[cfg(test)]
mod tests;
