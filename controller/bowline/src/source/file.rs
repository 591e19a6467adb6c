//! Which files are manifests, and how one file becomes parsed: the rules that a commit and a folder share.

use std::path::Path;

use bowline_core::desired::{
    Assembled, Finding, FindingCode, Location, MAX_MANIFEST_BYTES, ParsedFile, ParsedTaskDefinition,
    Severity, parse_manifest, parse_task_definition,
};
use bowline_core::name::RelativePath;

use super::error::SourceError;

/// How many files and folders below the path are looked at: a bound against trees that contain themselves many times.
pub(super) const MAX_ENTRIES: usize = 200_000;

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Entry<I> {
    /// A file, with what is needed to read it.
    File(I),
    /// A symbolic link; never followed.
    Symlink,
    /// A submodule; never entered.
    Submodule,
}

/// Whether the file's name says that it is read without being referenced.
pub(super) fn is_manifest(path: &str) -> bool {
    ends_in(path, "yaml") || ends_in(path, "yml")
}

/// Whether a name is passed over: what starts with a dot belongs to other tools (`.github`, `.gitlab-ci.yml`).
pub(super) fn is_hidden(name: &str) -> bool {
    name.starts_with('.')
}

/// Whether something that is not a plain file is worth a finding: it may have been meant as a manifest or a folder of
/// them. A `*.json` is, once it is referenced.
pub(super) fn is_suspect<I>(path: &str, entry: &Entry<I>) -> bool {
    match entry {
        Entry::File(_) => is_manifest(path),
        Entry::Symlink | Entry::Submodule => !ends_in(path, "json"),
    }
}

fn ends_in(path: &str, ending: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found.eq_ignore_ascii_case(ending))
}

/// Parses a manifest, or says why it is not read. `read` is called only for a plain file of an allowed size.
pub(super) fn manifest<E>(
    path: &RelativePath,
    entry: Entry<u64>,
    read: impl FnOnce() -> Result<Vec<u8>, E>,
) -> Result<ParsedFile, E> {
    Ok(match refuse(path, entry) {
        Some(finding) => ParsedFile::refused(path, finding),
        None => parse_manifest(path, &read()?),
    })
}

/// Parses a task definition, or says why it is not read.
pub(super) fn task_definition<E>(
    path: &RelativePath,
    entry: Entry<u64>,
    read: impl FnOnce() -> Result<Vec<u8>, E>,
) -> Result<ParsedTaskDefinition, E> {
    Ok(match refuse(path, entry) {
        Some(finding) => {
            ParsedTaskDefinition { path: path.clone(), family: None, content: None, findings: vec![finding] }
        }
        None => parse_task_definition(path, &read()?),
    })
}

fn refuse(path: &RelativePath, entry: Entry<u64>) -> Option<Finding> {
    match entry {
        Entry::File(size) if size > MAX_MANIFEST_BYTES as u64 => {
            Some(Finding::too_large(path.as_str(), size))
        }
        Entry::File(_) => None,
        Entry::Symlink => Some(Finding::symlink(path.as_str())),
        Entry::Submodule => Some(Finding::submodule(path.as_str())),
    }
}

/// The finding for a manifest whose name cannot be a path of Bowline's.
pub(super) fn unusable_name(path: String) -> Finding {
    Finding {
        location: Location { path, line: 0, column: 0 },
        severity: Severity::Error,
        code: FindingCode::NotAFile,
        message: "the file is not read: its name is not UTF-8, or holds a backslash".to_owned(),
        hint: Some("rename it".to_owned()),
        snippet: None,
        related: Vec::new(),
    }
}

/// Refuses a desired state in which there is nothing, unless findings say why.
pub(super) fn refuse_empty(
    assembled: Assembled,
    path: &str,
    commit: Option<&str>,
) -> Result<Assembled, SourceError> {
    let state = &assembled.state;
    let nothing = state.targets.is_empty()
        && state.services.is_empty()
        && state.secrets.is_empty()
        && state.states.is_empty()
        && state.invalid.is_empty();
    if nothing && !assembled.findings.iter().any(|finding| finding.severity == Severity::Error) {
        return Err(SourceError::NoManifests {
            path: shown(path),
            commit: commit.map(str::to_owned),
            skipped: state.skipped,
        });
    }
    Ok(assembled)
}

/// The configured path for people: the root has no name.
pub(super) fn shown(path: &str) -> String {
    if path.is_empty() { "/".to_owned() } else { path.to_owned() }
}
