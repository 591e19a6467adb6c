//! How is one resource changed in its file, and nothing else? The bytes of a manifest in, its new bytes out.
//!
//! | file | holds |
//! |---|---|
//! | `slice` | where the documents of a file are |
//! | `tree` | one document with the place of every field |
//! | `patch` | fields that are set and removed, with comments and layout kept |
//! | `image` | the image of a container in a task definition file |
//! | `render` | values as YAML |
//! | `merge` | one document taken back to an earlier form, with what came later kept |
//! | `touched` | which resources differ between two forms of a file |
//! | `strays` | which resources changed that were not meant to |
//!
//! Every change is read again before it is given out: the other documents have the same bytes, and this one says what was
//! meant. May import `desired` and `name`. Must not know why something is changed. The parser is the one that reads
//! desired state, so that both see the same ([ADR 0010](../../../docs/adr/0010-edits-by-the-parsers-spans.md)).

mod image;
mod merge;
mod patch;
mod render;
mod slice;
mod strays;
mod touched;
mod tree;

use serde_json::Value;

use crate::desired::{ResourceKey, document_value};
use crate::name::RelativePath;

pub use merge::{Reversal, TakenBack, take_back};
pub use patch::{FieldEdit, Scalar, edit};
pub use slice::document;
pub use strays::strays;
pub use touched::{Touched, touched};

use patch::line_end;
use slice::{Slice, locate, read};

/// One change of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// Fields of one resource in a manifest.
    Fields {
        /// The manifest.
        path: RelativePath,
        /// The resource.
        resource: ResourceKey,
        /// What is set and removed, in this order.
        edits: Vec<FieldEdit>,
    },
    /// The image of one container in a task definition file.
    Image {
        /// The file.
        path: RelativePath,
        /// The container's name.
        container: String,
        /// The image, as a container runtime takes it.
        image: String,
    },
}

impl Edit {
    /// The file that is changed.
    pub fn path(&self) -> &RelativePath {
        match self {
            Self::Fields { path, .. } | Self::Image { path, .. } => path,
        }
    }

    /// The file with the change made; the same text where it says so already.
    pub fn apply(&self, text: &str) -> Result<String, EditError> {
        match self {
            Self::Fields { path, resource, edits } => edit(path, text, resource, edits),
            Self::Image { path, container, image } => image::image(path, text, container, image),
        }
    }
}

/// Why a resource cannot be changed in its file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The file cannot be read as manifests.
    #[error("{path} cannot be edited: {problem}; edit it by hand")]
    Unreadable {
        /// The file.
        path: RelativePath,
        /// What is wrong with it.
        problem: String,
    },
    /// The file does not have the resource, or has it twice.
    #[error("{path} has {count} documents for {resource}, and one is needed")]
    NotOne {
        /// The file.
        path: RelativePath,
        /// The resource.
        resource: ResourceKey,
        /// How many there are.
        count: usize,
    },
    /// The task definition file has no such container with an image.
    #[error("{path} has no container `{container}` with an image; it has: {}", listed(known))]
    NoContainer {
        /// The file.
        path: RelativePath,
        /// The container that was asked for.
        container: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// The field is written in a form that is not edited.
    #[error("`{field}` of {resource} in {path} cannot be edited: {problem}; edit it by hand")]
    Field {
        /// The file.
        path: RelativePath,
        /// The resource.
        resource: ResourceKey,
        /// The field: `spec.desiredCount`.
        field: String,
        /// Why not.
        problem: &'static str,
    },
    /// The change did not come out as it was meant, so it is not made.
    #[error(
        "{resource} in {path} was not changed: the file would not say afterwards what was meant ({problem}); edit it by hand"
    )]
    NotAsMeant {
        /// The file.
        path: RelativePath,
        /// The resource.
        resource: ResourceKey,
        /// What is not as it should be.
        problem: &'static str,
    },
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// The file with another text for one document, after it was read again: every other byte is the same, and the document is
/// still that resource, without an error that was not there before, and with the value that was meant where one is given.
fn replaced(
    path: &RelativePath,
    text: &str,
    resource: &ResourceKey,
    content: &str,
    meant: Option<&Value>,
) -> Result<String, EditError> {
    let wrong = |problem| EditError::NotAsMeant { path: path.clone(), resource: resource.clone(), problem };
    let before = read(path, text)?;
    let Slice { content: range, errors, .. } = locate(path, &before, resource)?;
    // A marker needs a line of its own, and something between it and the document.
    let above =
        if range.start > 0 && !content.starts_with([' ', '\t', '\r', '\n']) { line_end(text) } else { "" };
    let below = if range.end < text.len() && !content.ends_with('\n') { line_end(text) } else { "" };
    let after = [&text[..range.start], above, content, below, &text[range.end..]].concat();
    let read_again = read(path, &after)?;
    let same_others = before.len() == read_again.len()
        && before.iter().zip(&read_again).all(|(old, new)| {
            old.content == *range || text[old.content.clone()] == after[new.content.clone()]
        });
    if !same_others {
        return Err(wrong("another document would change"));
    }
    let changed = locate(path, &read_again, resource)?;
    if changed.errors > *errors {
        return Err(wrong("the document would have an error"));
    }
    if meant.is_some() && document_value(&after[changed.content.clone()]).as_ref() != meant {
        return Err(wrong("another field would change"));
    }
    Ok(after)
}

#[cfg(test)]
mod tests;
