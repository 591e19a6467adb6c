//! One commit's desired state, read from the mirror's objects. There is no work tree.
//!
//! What was parsed is kept by (path, blob id), so that a new commit costs what it changed.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bowline_core::desired::{
    DesiredState, Finding, ParsedFile, ParsedTaskDefinition, SourceFile, assemble,
    referenced_task_definitions,
};
use bowline_core::name::RelativePath;
use git2::{Commit, ErrorCode, ObjectType, Oid, Repository, Tree, TreeEntry};
use jiff::Timestamp;

use super::error::SourceError;
use super::file::{self, Entry, MAX_ENTRIES};
use super::mirror::Mirror;
use super::retry;

/// How many commits are gone back, along the branch, to find a file as it last parsed.
const MAX_HISTORY: usize = 50;

/// What one commit says.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) commit: Oid,
    pub(super) subject: String,
    pub(super) author: String,
    pub(super) committed_at: Timestamp,
    pub(super) state: Arc<DesiredState>,
    pub(super) findings: Arc<Vec<Finding>>,
}

/// The commit that was read last, and everything that was parsed for it.
#[derive(Debug, Default)]
pub(super) struct Reader {
    last: Option<Arc<Content>>,
    manifests: Parsed<ParsedFile>,
    task_definitions: Parsed<ParsedTaskDefinition>,
    /// Each file as it last parsed, for those that are still there.
    usable: BTreeMap<RelativePath, Arc<ParsedFile>>,
}

/// What was parsed, by path and blob. What the current commit did not ask for is dropped at its end.
#[derive(Debug)]
struct Parsed<T> {
    current: BTreeMap<(RelativePath, Entry<Oid>), Arc<T>>,
    previous: BTreeMap<(RelativePath, Entry<Oid>), Arc<T>>,
    count: usize,
}

impl<T> Default for Parsed<T> {
    fn default() -> Self {
        Self { current: BTreeMap::new(), previous: BTreeMap::new(), count: 0 }
    }
}

impl<T> Parsed<T> {
    fn begin(&mut self) {
        self.previous.append(&mut self.current);
        self.count = 0;
    }

    fn end(&mut self) -> usize {
        self.previous.clear();
        self.count
    }

    fn get(
        &mut self,
        path: &RelativePath,
        entry: Entry<Oid>,
        parse: impl FnOnce() -> Result<T, git2::Error>,
    ) -> Result<Arc<T>, git2::Error> {
        let key = (path.clone(), entry);
        if let Some(known) = self.current.get(&key) {
            return Ok(Arc::clone(known));
        }
        let parsed = if let Some(known) = self.previous.remove(&key) {
            known
        } else {
            self.count += 1;
            Arc::new(parse()?)
        };
        self.current.insert(key, Arc::clone(&parsed));
        Ok(parsed)
    }
}

impl Reader {
    /// Reads `commit`, and says how many files had to be parsed. Nothing is read when it is the one that was read last.
    pub(super) fn read(
        &mut self,
        mirror: &Mirror,
        commit: Oid,
        path: &str,
        reference: &str,
    ) -> Result<(Arc<Content>, usize), SourceError> {
        if let Some(last) = self.last.as_ref().filter(|last| last.commit == commit) {
            return Ok((Arc::clone(last), 0));
        }
        let repository = mirror.open()?;
        let path = normalise(path);
        let place = || format!("commit {:.8} of {reference}", commit.to_string());
        let broken = |source| mirror.git("read a commit", source);
        let found = repository.find_commit(commit).map_err(broken)?;
        let root = found.tree().map_err(broken)?;
        let top = folder(&root, &path)
            .map_err(broken)?
            .ok_or_else(|| SourceError::PathMissing { path: path.clone(), commit: Some(place()) })?;

        self.manifests.begin();
        self.task_definitions.begin();
        let listing = Listing::of(&repository, top, &path).map_err(broken)?;
        if listing.visited > MAX_ENTRIES {
            return Err(SourceError::TooManyFiles { path: file::shown(&path), limit: MAX_ENTRIES });
        }
        if listing.files.is_empty() && listing.findings.is_empty() {
            return Err(SourceError::NoManifests {
                path: file::shown(&path),
                commit: Some(place()),
                skipped: 0,
            });
        }
        let files = self.manifests(&repository, &found, &listing).map_err(broken)?;
        let task_definitions = self.task_definitions(&repository, &found, &files).map_err(broken)?;
        let mut assembled = file::refuse_empty(assemble(&files, &task_definitions), &path, Some(&place()))?;
        assembled.findings.extend(listing.findings);
        let (retries, findings) = retry::retries(&repository, commit).map_err(broken)?;
        assembled.state.retries = retries;
        assembled.findings.extend(findings);
        assembled.findings.sort();
        let parsed = self.manifests.end() + self.task_definitions.end();
        self.usable = files
            .into_iter()
            .filter_map(|file| usable(&file).map(|good| (good.path.clone(), good)))
            .collect();
        let content = Arc::new(Content {
            commit,
            subject: found.summary().ok().flatten().unwrap_or_default().to_owned(),
            author: author(&found),
            committed_at: Timestamp::from_second(found.time().seconds()).unwrap_or_default(),
            state: Arc::new(assembled.state),
            findings: Arc::new(assembled.findings),
        });
        self.last = Some(Arc::clone(&content));
        Ok((content, parsed))
    }

    fn manifests(
        &mut self,
        repository: &Repository,
        commit: &Commit<'_>,
        listing: &Listing,
    ) -> Result<Vec<SourceFile>, git2::Error> {
        let mut files = Vec::with_capacity(listing.files.len());
        for (path, entry) in &listing.files {
            let parsed = self.manifest(repository, path, *entry)?;
            let fallback = if parsed.is_usable() { None } else { self.fallback(repository, commit, path)? };
            files.push(SourceFile { parsed, fallback });
        }
        Ok(files)
    }

    fn manifest(
        &mut self,
        repository: &Repository,
        path: &RelativePath,
        entry: Entry<Oid>,
    ) -> Result<Arc<ParsedFile>, git2::Error> {
        self.manifests
            .get(path, entry, || file::manifest(path, sized(repository, entry)?, || bytes(repository, entry)))
    }

    fn fallback(
        &mut self,
        repository: &Repository,
        commit: &Commit<'_>,
        path: &RelativePath,
    ) -> Result<Option<Arc<ParsedFile>>, git2::Error> {
        if !file::is_manifest(path.as_str()) {
            return Ok(None);
        }
        let earlier = search(commit, path, |entry| {
            let parsed = self.manifest(repository, path, entry)?;
            Ok(parsed.is_usable().then_some(parsed))
        })?;
        Ok(match earlier {
            Earlier::Found(parsed) => Some(parsed),
            Earlier::None => None,
            // What this process saw itself still counts.
            Earlier::TooLongAgo => self.usable.get(path).cloned(),
        })
    }

    /// The task definition files that the manifests refer to. One that does not parse keeps its findings, and is given
    /// the content with which it last parsed.
    fn task_definitions(
        &mut self,
        repository: &Repository,
        commit: &Commit<'_>,
        files: &[SourceFile],
    ) -> Result<BTreeMap<RelativePath, Arc<ParsedTaskDefinition>>, git2::Error> {
        let root = commit.tree()?;
        let mut found = BTreeMap::new();
        for path in referenced_task_definitions(files) {
            let Some(entry) = at(&root, path.as_str())? else { continue };
            let mut parsed = self.task_definition(repository, &path, entry)?;
            if !is_complete(&parsed) {
                let earlier = search(commit, &path, |entry| {
                    let parsed = self.task_definition(repository, &path, entry)?;
                    Ok(is_complete(&parsed).then_some(parsed))
                })?;
                if let Earlier::Found(good) = earlier {
                    parsed = Arc::new(ParsedTaskDefinition {
                        findings: parsed.findings.clone(),
                        ..(*good).clone()
                    });
                }
            }
            found.insert(path, parsed);
        }
        Ok(found)
    }

    fn task_definition(
        &mut self,
        repository: &Repository,
        path: &RelativePath,
        entry: Entry<Oid>,
    ) -> Result<Arc<ParsedTaskDefinition>, git2::Error> {
        self.task_definitions.get(path, entry, || {
            file::task_definition(path, sized(repository, entry)?, || bytes(repository, entry))
        })
    }
}

fn is_complete(parsed: &ParsedTaskDefinition) -> bool {
    parsed.family.is_some() && parsed.content.is_some()
}

/// What the branch's history says of a file.
enum Earlier<T> {
    Found(T),
    /// It never parsed, or it was absent in between: then its earlier form was removed on purpose.
    None,
    TooLongAgo,
}

/// Goes back along the branch to the last commit whose form of the file `accept`s.
fn search<T>(
    commit: &Commit<'_>,
    path: &RelativePath,
    mut accept: impl FnMut(Entry<Oid>) -> Result<Option<T>, git2::Error>,
) -> Result<Earlier<T>, git2::Error> {
    let mut commit = commit.clone();
    for _ in 0..MAX_HISTORY {
        if commit.parent_count() == 0 {
            return Ok(Earlier::None);
        }
        commit = commit.parent(0)?;
        let Some(entry) = at(&commit.tree()?, path.as_str())? else { return Ok(Earlier::None) };
        if let Some(good) = accept(entry)? {
            return Ok(Earlier::Found(good));
        }
    }
    Ok(Earlier::TooLongAgo)
}

/// The form of the file that is in force: as it stands, or else as it last parsed.
fn usable(file: &SourceFile) -> Option<Arc<ParsedFile>> {
    if file.parsed.is_usable() { Some(Arc::clone(&file.parsed)) } else { file.fallback.clone() }
}

/// The manifests below a folder, and what else there needs a finding.
#[derive(Default)]
struct Listing {
    files: BTreeMap<RelativePath, Entry<Oid>>,
    findings: Vec<Finding>,
    visited: usize,
}

impl Listing {
    /// Stops at [`MAX_ENTRIES`], which the caller sees in `visited`.
    fn of(repository: &Repository, top: Oid, path: &str) -> Result<Self, git2::Error> {
        let mut listing = Self::default();
        let mut folders = vec![(path.to_owned(), top)];
        while let Some((folder, id)) = folders.pop() {
            let tree = repository.find_tree(id)?;
            listing.visited += tree.len();
            if listing.visited > MAX_ENTRIES {
                break;
            }
            for entry in &tree {
                let name = String::from_utf8_lossy(entry.name_bytes());
                if file::is_hidden(&name) {
                    continue;
                }
                let path = if folder.is_empty() { name.into_owned() } else { format!("{folder}/{name}") };
                match kind(&entry) {
                    None => folders.push((path, entry.id())),
                    Some(kind) if file::is_suspect(&path, &kind) => listing.add(path, kind),
                    Some(_) => {}
                }
            }
        }
        Ok(listing)
    }

    fn add(&mut self, path: String, entry: Entry<Oid>) {
        match RelativePath::parse(&path) {
            Ok(path) => {
                self.files.insert(path, entry);
            }
            Err(_) => self.findings.push(file::unusable_name(path)),
        }
    }
}

/// What an entry of a tree is; none for a folder.
fn kind(entry: &TreeEntry<'_>) -> Option<Entry<Oid>> {
    match entry.filemode() {
        0o040_000 => None,
        0o120_000 => Some(Entry::Symlink),
        0o160_000 => Some(Entry::Submodule),
        _ => Some(Entry::File(entry.id())),
    }
}

/// What stands at a path; none for nothing and for a folder.
fn at(root: &Tree<'_>, path: &str) -> Result<Option<Entry<Oid>>, git2::Error> {
    match root.get_path(Path::new(path)) {
        Ok(entry) => Ok(kind(&entry)),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The folder at a path, which may be empty for the root itself.
fn folder(root: &Tree<'_>, path: &str) -> Result<Option<Oid>, git2::Error> {
    if path.is_empty() {
        return Ok(Some(root.id()));
    }
    if path.split('/').any(|part| part == "..") {
        return Ok(None);
    }
    match root.get_path(Path::new(path)) {
        Ok(entry) => Ok((entry.kind() == Some(ObjectType::Tree)).then(|| entry.id())),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The size, from the object's header: the content of a large file is never loaded.
fn sized(repository: &Repository, entry: Entry<Oid>) -> Result<Entry<u64>, git2::Error> {
    Ok(match entry {
        Entry::File(id) => Entry::File(repository.odb()?.read_header(id)?.0 as u64),
        Entry::Symlink => Entry::Symlink,
        Entry::Submodule => Entry::Submodule,
    })
}

fn bytes(repository: &Repository, entry: Entry<Oid>) -> Result<Vec<u8>, git2::Error> {
    match entry {
        Entry::File(id) => Ok(repository.find_blob(id)?.content().to_vec()),
        Entry::Symlink | Entry::Submodule => Ok(Vec::new()),
    }
}

/// `./a//b/` is `a/b`, and `.` is the root.
fn normalise(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    parts.join("/")
}

fn author(commit: &Commit<'_>) -> String {
    let author = commit.author();
    let name = String::from_utf8_lossy(author.name_bytes()).into_owned();
    match String::from_utf8_lossy(author.email_bytes()) {
        email if email.is_empty() => name,
        email => format!("{name} <{email}>"),
    }
}
