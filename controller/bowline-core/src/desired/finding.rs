//! A finding: something in the desired state that a person has to look at, and where it stands.

use serde::{Deserialize, Serialize};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The resource cannot be used as written: it is held at its last good form.
    Error,
    /// It can be used, but it does not do what one may think.
    Warning,
}

/// A place in a file. Lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Location {
    /// Path inside the repository.
    pub path: String,
    /// Line, from 1; 0 when the finding is about the whole file.
    pub line: usize,
    /// Column in characters, from 1; 0 when the finding is about the whole file.
    pub column: usize,
}

/// What kind of finding it is; stable, for `-o json` and for tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
    /// Two resources of one kind and name, two that manage one service, or a field or list item that stands twice.
    Duplicate,
    /// A task definition file that AWS would refuse.
    InvalidTaskDefinition,
    /// A field that is checked but not acted on by this version.
    NotActedOn,
    /// The repository, or the path in it, holds nothing.
    Empty,
    /// The branch was rewritten: its head does not descend from the last applied commit.
    ForcePush,
    /// A commit's trailer accepts a commit that cannot be accepted.
    NotAcceptable,
    /// The repository has another name at its server than in `bowline.yaml`; it is followed.
    RepositoryRenamed,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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

impl Finding {
    /// With a hint.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Without the source line, where it could hold something confidential.
    #[must_use]
    pub(super) fn without_snippet(mut self) -> Self {
        self.snippet = None;
        self
    }

    /// With another place that belongs to it.
    #[must_use]
    pub(super) fn with_related(mut self, location: Location, label: impl Into<String>) -> Self {
        self.related.push((location, label.into()));
        self
    }

    fn about_file(path: &str, code: FindingCode, message: String, hint: &str) -> Self {
        Self {
            location: Location { path: path.to_owned(), line: 0, column: 0 },
            severity: Severity::Error,
            code,
            message,
            hint: Some(hint.to_owned()),
            snippet: None,
            related: Vec::new(),
        }
    }

    /// The file is larger than [`MAX_MANIFEST_BYTES`](super::MAX_MANIFEST_BYTES); `size` in bytes.
    pub fn too_large(path: &str, size: u64) -> Self {
        let most = super::MAX_MANIFEST_BYTES / 1024;
        Self::about_file(
            path,
            FindingCode::TooLarge,
            format!("the file has {size} bytes; Bowline reads manifests of at most {most} KiB"),
            "split it, or move it out of the folder that Bowline reads",
        )
    }

    /// The entry is a symbolic link.
    pub fn symlink(path: &str) -> Self {
        Self::about_file(
            path,
            FindingCode::NotAFile,
            "this is a symbolic link; Bowline does not follow links".to_owned(),
            "put the file itself here",
        )
    }

    /// The entry is a submodule.
    pub fn submodule(path: &str) -> Self {
        Self::about_file(
            path,
            FindingCode::NotAFile,
            "this is a submodule; Bowline reads one repository only".to_owned(),
            "put the files into this repository, or give Bowline a second source",
        )
    }

    /// There is nothing to read; `what` says what holds nothing: "the repository", "the folder `prod`".
    pub fn empty(path: &str, what: &str) -> Self {
        Self::about_file(
            path,
            FindingCode::Empty,
            format!("{what} holds no desired state, so nothing is touched"),
            "check `ref` and `path` of the source",
        )
    }

    /// The branch's head `to` does not descend from the last applied commit `from`.
    pub fn force_push(from: &str, to: &str) -> Self {
        Self::about_file(
            "",
            FindingCode::ForcePush,
            format!("the branch was rewritten: {to} does not descend from {from}, the last applied commit"),
            &format!(
                "all actions are held: push a branch that contains the last applied commit, or {}",
                super::how_to_accept(to)
            ),
        )
    }
}
