//! A finding: something in the desired state that a person has to look at, and where it stands.

use serde::Serialize;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The resource cannot be used as written: it is held at its last good form.
    Error,
    /// It can be used, but it does not do what one may think.
    Warning,
}

/// A place in a file. Lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Location {
    /// Path inside the repository.
    pub path: String,
    /// Line, from 1; 0 when the finding is about the whole file.
    pub line: usize,
    /// Column in characters, from 1; 0 when the finding is about the whole file.
    pub column: usize,
}

/// What kind of finding it is; stable, for `-o json` and for tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingCode {
    /// Not YAML at all, or nested or aliased beyond the limits.
    Syntax,
    /// Not UTF-8.
    Encoding,
    /// Larger than a manifest may be.
    TooLarge,
    /// A symbolic link, a submodule, or something else that is not a plain file.
    NotAFile,
    /// `kind` is not one that Bowline knows.
    UnknownKind,
    /// A field that the kind does not have.
    UnknownField,
    /// A field that the kind needs.
    MissingField,
    /// A value of the wrong type, or outside what is allowed.
    InvalidValue,
    /// A reference to a resource that does not exist.
    DanglingReference,
    /// Two resources of one kind and name, or two that manage one service.
    Duplicate,
    /// A task definition file that AWS would refuse.
    InvalidTaskDefinition,
    /// A field that is checked but not acted on by this version.
    NotActedOn,
    /// The repository, or the path in it, holds nothing.
    Empty,
    /// The branch was rewritten: its head does not descend from the last applied commit.
    ForcePush,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// Where.
    pub location: Location,
    /// How bad.
    pub severity: Severity,
    /// Which kind of finding.
    pub code: FindingCode,
    /// What was found, as a sentence.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The source line, for display; never set where it could hold a secret value.
    pub snippet: Option<String>,
    /// Other places that belong to it (the first of two duplicates), each with a label.
    pub related: Vec<(Location, String)>,
}
