//! A bare repository that tests commit to, and what the tests write into it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use bowline::source::{GitAuth, GitSettings, GitSource};
use bowline_core::desired::{Finding, FindingCode};
use git2::build::TreeUpdateBuilder;
use git2::{FileMode, Oid, Repository, Signature, Time};
use jiff::Timestamp;
use tempfile::TempDir;

/// A Target, complete.
pub(crate) const TARGET: &str = "apiVersion: bowline.dev/v1alpha1\nkind: Target\nmetadata: {name: prod}\nspec: {accountId: '111122223333', region: eu-central-1, cluster: main}\n";
/// Not YAML.
pub(crate) const BROKEN: &str = "spec: {unclosed: [\n";

/// An EcsService on [`TARGET`].
pub(crate) fn service(name: &str, count: u32) -> String {
    format!(
        "apiVersion: bowline.dev/v1alpha1\nkind: EcsService\nmetadata: {{name: {name}}}\nspec: {{target: prod, service: {name}, desiredCount: {count}}}\n"
    )
}

/// 03:00 on some day, and minutes after it.
pub(crate) fn at(minutes: i64) -> Timestamp {
    Timestamp::from_second(1_760_000_400 + minutes * 60).unwrap()
}

/// The commits that were acted from.
pub(crate) fn applied(commits: &[&str]) -> BTreeSet<String> {
    commits.iter().map(|&commit| commit.to_owned()).collect()
}

/// A bare repository with a branch `main`, and a place for a mirror.
pub(crate) struct Repo {
    pub(crate) root: TempDir,
    pub(crate) git: Repository,
}

/// One change of a commit.
pub(crate) enum Change<'a> {
    Write(&'a str, &'a [u8]),
    Link(&'a str, &'a str),
    Submodule(&'a str),
    Blob(&'a str, Oid),
    Remove(&'a str),
}

/// Writes text to a path.
pub(crate) fn write<'a>(path: &'a str, text: &'a (impl AsRef<[u8]> + ?Sized)) -> Change<'a> {
    Change::Write(path, text.as_ref())
}

impl Repo {
    pub(crate) fn new() -> Self {
        let root = TempDir::new().unwrap();
        let git = Repository::init_bare(root.path().join("repo.git")).unwrap();
        git.set_head("refs/heads/main").unwrap();
        Self { root, git }
    }

    /// With one Target and one service `web` in it.
    pub(crate) fn seeded() -> Self {
        let repo = Self::new();
        repo.commit("first", &[write("env/target.yaml", TARGET), write("env/web.yml", &service("web", 1))]);
        repo
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.root.path().join("repo.git")
    }

    pub(crate) fn commit(&self, message: &str, changes: &[Change<'_>]) -> String {
        let parent = self.git.refname_to_id("refs/heads/main").ok();
        self.commit_on(parent, message, changes)
    }

    /// Commits on top of `parent` and moves `main` there, whatever it was.
    pub(crate) fn commit_on(&self, parent: Option<Oid>, message: &str, changes: &[Change<'_>]) -> String {
        self.merge(parent.as_slice(), message, changes)
    }

    /// Commits on top of `parents`, with the content of the first and `changes`, and moves `main` there.
    pub(crate) fn merge(&self, parents: &[Oid], message: &str, changes: &[Change<'_>]) -> String {
        let parents: Vec<_> = parents.iter().map(|id| self.git.find_commit(*id).unwrap()).collect();
        let empty = self.git.treebuilder(None).unwrap().write().unwrap();
        let base = parents
            .first()
            .map_or_else(|| self.git.find_tree(empty).unwrap(), |commit| commit.tree().unwrap());
        let mut update = TreeUpdateBuilder::new();
        for change in changes {
            match change {
                Change::Write(path, text) => {
                    update.upsert(*path, self.git.blob(text).unwrap(), FileMode::Blob)
                }
                Change::Link(path, to) => {
                    update.upsert(*path, self.git.blob(to.as_bytes()).unwrap(), FileMode::Link)
                }
                Change::Submodule(path) => {
                    update.upsert(*path, Oid::from_bytes(&[7; 20]).unwrap(), FileMode::Commit)
                }
                Change::Blob(path, id) => update.upsert(*path, *id, FileMode::Blob),
                Change::Remove(path) => update.remove(*path),
            };
        }
        let tree = self.git.find_tree(update.create_updated(&self.git, &base).unwrap()).unwrap();
        let who = Signature::new("Ada", "ada@example.com", &Time::new(1_760_000_000, 0)).unwrap();
        let parents: Vec<_> = parents.iter().collect();
        let id = self.git.commit(None, &who, &who, message, &tree, &parents).unwrap();
        self.git.reference("refs/heads/main", id, true, message).unwrap();
        id.to_string()
    }

    pub(crate) fn settings(&self) -> GitSettings {
        GitSettings {
            repo: self.path().display().to_string(),
            reference: "main".to_owned(),
            path: "env".to_owned(),
            auth: GitAuth::None,
            mirror: self.root.path().join("mirror"),
        }
    }

    /// A source that knows nothing: as after a restart, when the mirror is already there.
    pub(crate) fn source(&self) -> GitSource {
        GitSource::new(self.settings())
    }

    /// Takes the repository away and brings it back.
    pub(crate) fn hide(&self) {
        fs::rename(self.path(), self.root.path().join("hidden.git")).unwrap();
    }

    pub(crate) fn mirror_files(&self, below: &str) -> Vec<PathBuf> {
        files(&self.root.path().join("mirror/repo.git").join(below))
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

/// Path and code of each finding.
pub(crate) fn codes(findings: &[Finding]) -> Vec<(&str, FindingCode)> {
    findings.iter().map(|finding| (finding.location.path.as_str(), finding.code)).collect()
}
