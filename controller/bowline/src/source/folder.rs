//! Desired state from a directory or a single file, for `bowline validate PATH`: the same rules as for a commit.

use std::collections::BTreeMap;
use std::fs::{self, File, FileType};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bowline_core::desired::{
    DesiredState, Finding, MAX_MANIFEST_BYTES, ParsedTaskDefinition, SourceFile, assemble,
    referenced_task_definitions,
};
use bowline_core::name::RelativePath;

use super::error::SourceError;
use super::file::{self, Entry, MAX_ENTRIES};

/// Reads the manifests below `path`, or the one file that it is.
///
/// Paths in findings count from the root of the git repository that `path` lies in, or else from `path` itself, so that
/// they are what the controller will say of the same files once they are committed.
pub fn read(path: &Path) -> Result<(DesiredState, Vec<Finding>), SourceError> {
    let shown = path.display().to_string();
    let start = match fs::canonicalize(path) {
        Ok(start) => start,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(SourceError::PathMissing { path: shown, commit: None });
        }
        Err(source) => return Err(SourceError::ReadFile { path: path.to_owned(), source }),
    };
    let root = root_of(&start);
    let mut listing = Listing { root: &root, files: BTreeMap::new(), findings: Vec::new(), visited: 0 };
    if start.is_dir() {
        listing.walk(&start)?;
    } else {
        listing.add(&start, Entry::File(()));
    }
    if listing.visited > MAX_ENTRIES {
        return Err(SourceError::TooManyFiles { path: shown, limit: MAX_ENTRIES });
    }
    if listing.files.is_empty() && listing.findings.is_empty() {
        return Err(SourceError::NoManifests { path: shown, commit: None, skipped: 0 });
    }
    let mut files = Vec::with_capacity(listing.files.len());
    for (path, entry) in &listing.files {
        let parsed = with_file(&root, path, *entry, |entry, read| file::manifest(path, entry, read))?;
        files.push(SourceFile { parsed: Arc::new(parsed), fallback: None });
    }
    let mut assembled =
        file::refuse_empty(assemble(&files, &task_definitions(&root, &files)?), &shown, None)?;
    assembled.findings.extend(listing.findings);
    assembled.findings.sort();
    Ok((assembled.state, assembled.findings))
}

/// The nearest folder above that is a git repository's, or else the folder itself.
fn root_of(start: &Path) -> PathBuf {
    let folder = if start.is_dir() { start } else { start.parent().unwrap_or(start) };
    folder.ancestors().find(|above| above.join(".git").exists()).unwrap_or(folder).to_owned()
}

/// The manifests found, from the root.
struct Listing<'a> {
    root: &'a Path,
    files: BTreeMap<RelativePath, Entry<()>>,
    findings: Vec<Finding>,
    visited: usize,
}

impl Listing<'_> {
    fn walk(&mut self, top: &Path) -> Result<(), SourceError> {
        let mut folders = vec![top.to_owned()];
        while let Some(folder) = folders.pop() {
            let failed = |source| SourceError::ReadFile { path: folder.clone(), source };
            for entry in fs::read_dir(&folder).map_err(failed)? {
                let entry = entry.map_err(failed)?;
                self.visited += 1;
                if self.visited > MAX_ENTRIES {
                    return Ok(());
                }
                if file::is_hidden(&entry.file_name().to_string_lossy()) {
                    continue;
                }
                let path = entry.path();
                match kind(&path, entry.file_type().map_err(failed)?) {
                    None => folders.push(path),
                    Some(kind) if file::is_suspect(&path.to_string_lossy(), &kind) => self.add(&path, kind),
                    Some(_) => {}
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, path: &Path, entry: Entry<()>) {
        let relative = path.strip_prefix(self.root).unwrap_or(path);
        match relative.to_str().and_then(|text| RelativePath::parse(text).ok()) {
            Some(path) => {
                self.files.insert(path, entry);
            }
            None => self.findings.push(file::unusable_name(relative.to_string_lossy().into_owned())),
        }
    }
}

/// What a directory entry is; none for a folder. A folder with its own `.git` is what git calls a submodule.
fn kind(path: &Path, kind: FileType) -> Option<Entry<()>> {
    if kind.is_symlink() {
        Some(Entry::Symlink)
    } else if !kind.is_dir() {
        Some(Entry::File(()))
    } else if path.join(".git").exists() {
        Some(Entry::Submodule)
    } else {
        None
    }
}

fn task_definitions(
    root: &Path,
    files: &[SourceFile],
) -> Result<BTreeMap<RelativePath, Arc<ParsedTaskDefinition>>, SourceError> {
    let mut found = BTreeMap::new();
    for path in referenced_task_definitions(files) {
        let Some(entry) = at(root, &path)? else { continue };
        let parsed = with_file(root, &path, entry, |entry, read| file::task_definition(&path, entry, read))?;
        found.insert(path, Arc::new(parsed));
    }
    Ok(found)
}

/// What stands at a path below the root; none for nothing, for a folder, and for what lies behind a symbolic link.
fn at(root: &Path, path: &RelativePath) -> Result<Option<Entry<()>>, SourceError> {
    let mut full = root.to_owned();
    let mut found = None;
    for part in path.as_str().split('/') {
        if found.is_some() {
            return Ok(None);
        }
        full.push(part);
        found = match fs::symlink_metadata(&full) {
            Ok(metadata) => kind(&full, metadata.file_type()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(SourceError::ReadFile { path: full, source }),
        };
    }
    Ok(found)
}

/// Gives `parse` the file's size and a way to read it.
fn with_file<T>(
    root: &Path,
    path: &RelativePath,
    entry: Entry<()>,
    parse: impl FnOnce(Entry<u64>, Box<dyn FnOnce() -> Result<Vec<u8>, SourceError>>) -> Result<T, SourceError>,
) -> Result<T, SourceError> {
    let full = root.join(path.as_str());
    let failed = |source| SourceError::ReadFile { path: full.clone(), source };
    match entry {
        Entry::Symlink => parse(Entry::Symlink, Box::new(|| Ok(Vec::new()))),
        Entry::Submodule => parse(Entry::Submodule, Box::new(|| Ok(Vec::new()))),
        Entry::File(()) => {
            let mut bytes = Vec::new();
            let file = File::open(&full).map_err(failed)?;
            let size = file.metadata().map_err(failed)?.len();
            // A file that grows while it is read, and a device without end, stop one byte above the limit.
            file.take(MAX_MANIFEST_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
            parse(Entry::File(size.max(bytes.len() as u64)), Box::new(|| Ok(bytes)))
        }
    }
}
