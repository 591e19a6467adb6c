//! A repository with a work tree, changed by the `git` program itself: what it does is what is right.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use bowline::source::{
    Built, Commit, Committer, GitAuth, GitSettings, GitSource, GitWriter, Past, Snapshot, SourceError,
};
use bowline_core::name::{CommitId, ResourceName};
use bowline_core::rollback::revert::{Chosen, Failing, GoodRevision, PastCommit, Revert, choose, message};
use tempfile::TempDir;

use crate::repo::{TARGET, applied, at};

/// An EcsService that runs a revision, written over several lines.
pub(crate) fn pinned(name: &str, revision: u32) -> String {
    format!(
        "apiVersion: bowline.dev/v1alpha1\nkind: EcsService\nmetadata:\n  name: {name}\nspec:\n  target: prod\n  service: {name}\n  taskDefinition:\n    revision: {name}:{revision}\n  # the count\n\n  desiredCount: 1\n"
    )
}

pub(crate) struct WorkTree {
    pub(crate) root: TempDir,
}

impl WorkTree {
    /// With a Target, and the service `web` at revision 1; the first commit.
    pub(crate) fn seeded() -> Self {
        let tree = Self { root: TempDir::new().unwrap() };
        fs::create_dir(tree.path()).unwrap();
        tree.git(&["init", "--quiet", "--initial-branch=main"]);
        tree.write("env/target.yaml", TARGET);
        tree.write("env/web.yaml", &pinned("web", 1));
        tree.commit("Begin");
        tree
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.root.path().join("work")
    }

    /// Runs git, which may fail.
    pub(crate) fn try_git(&self, arguments: &[&str]) -> Output {
        git_in(&self.path(), arguments)
    }

    /// Runs git, and gives what it prints.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let output = self.try_git(arguments);
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn replace(&self, path: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path().join(path)).unwrap();
        assert!(text.contains(from), "{path} has no {from}");
        self.write(path, &text.replace(from, to));
    }

    /// Commits all that is there, and gives the id.
    pub(crate) fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", message]);
        self.head()
    }

    pub(crate) fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"])
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

    pub(crate) fn writer(&self) -> GitWriter {
        GitWriter::new(self.settings(), committer())
    }

    /// Reads the head into the mirror.
    pub(crate) async fn sync(&self) -> CommitId {
        let snapshot = GitSource::new(self.settings()).sync(at(0), &applied(&[])).await.unwrap();
        id(&snapshot.commit)
    }

    pub(crate) async fn past(&self, acted_from: &[&str], until: &[&str]) -> Vec<PastCommit> {
        let past = Past {
            head: self.sync().await,
            acted_from: acted_from.iter().map(|commit| id(commit)).collect(),
            until: until.iter().map(|commit| id(commit)).collect(),
            about: None,
        };
        self.writer().past(past).await.unwrap()
    }

    /// Where only what concerns the services is held of each commit, the same is chosen.
    async fn same_with_less(&self, names: &[&str], good: &str, chosen: &Chosen) {
        let about: BTreeSet<ResourceName> =
            names.iter().map(|name| ResourceName::parse(name).unwrap()).collect();
        let failing = about.iter().map(|name| (name.clone(), failing(good))).collect();
        let past = Past {
            head: self.sync().await,
            acted_from: vec![id(good)],
            until: [id(good)].into(),
            about: Some(about),
        };
        let less = choose(&self.writer().past(past).await.unwrap(), &failing);
        let steps = |chosen: &Chosen| -> Vec<_> {
            chosen.reverts.iter().map(|revert| (revert.resources.clone(), revert.steps.clone())).collect()
        };
        assert_eq!((steps(&less), &less.none), (steps(chosen), &chosen.none));
    }

    /// What is chosen when these services fail, which were good with `good`.
    pub(crate) async fn choose(&self, names: &[&str], good: &str) -> Chosen {
        let past = self.past(&[good], &[good]).await;
        let failing = names.iter().map(|name| (ResourceName::parse(name).unwrap(), failing(good)));
        let chosen = choose(&past, &failing.collect());
        self.same_with_less(names, good, &chosen).await;
        chosen
    }

    /// The one rollback for these services.
    pub(crate) async fn rollback(&self, names: &[&str], good: &str) -> Revert {
        let chosen = self.choose(names, good).await;
        assert_eq!((chosen.none, chosen.reverts.len()), (BTreeMap::new(), 1));
        chosen.reverts.into_iter().next().unwrap()
    }

    pub(crate) async fn build(&self, revert: &Revert) -> Built {
        let message = message(revert, "It crashed.", "inc-1");
        self.writer().revert(revert.clone(), message, at(5)).await.unwrap()
    }

    /// The commit of the rollback for these services.
    pub(crate) async fn made(&self, names: &[&str], good: &str) -> Commit {
        let revert = self.rollback(names, good).await;
        let Built::Commit(commit) = self.build(&revert).await else { panic!("nothing to do") };
        commit
    }

    /// Runs git in the mirror.
    pub(crate) fn mirror(&self, arguments: &[&str]) -> String {
        let output = git_in(&self.root.path().join("mirror/repo.git"), arguments);
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The tree of a commit in the mirror.
    pub(crate) fn tree_of(&self, commit: &Commit) -> String {
        self.mirror(&["rev-parse", &format!("{}^{{tree}}", commit.id)]).trim().to_owned()
    }

    pub(crate) fn file_of(&self, commit: &Commit, path: &str) -> String {
        self.mirror(&["show", &format!("{}:{path}", commit.id)])
    }
}

/// A source that may be shallow, read into a mirror of its own.
pub(crate) struct Edge {
    settings: GitSettings,
    pub(crate) mirror: PathBuf,
}

impl Edge {
    pub(crate) fn writer(&self) -> GitWriter {
        GitWriter::new(self.settings.clone(), committer())
    }

    pub(crate) fn way(head: &str, until: &str) -> Past {
        Past { head: id(head), acted_from: vec![], until: [id(until)].into(), about: None }
    }

    pub(crate) async fn sync(&self) -> Result<Snapshot, SourceError> {
        GitSource::new(self.settings.clone()).sync(at(0), &applied(&[])).await
    }

    /// Reads the head, and the past from there.
    pub(crate) async fn past(&self, until: &str) -> Vec<PastCommit> {
        let snapshot = self.sync().await.unwrap();
        self.writer().past(Self::way(&snapshot.commit, until)).await.unwrap()
    }
}

impl WorkTree {
    /// A clone beside it that has the newest commits only.
    pub(crate) fn clone_shallow(&self, name: &str, depth: u32) -> PathBuf {
        let from = format!("file://{}", self.path().display());
        let depth = format!("--depth={depth}");
        let output = git_in(self.root.path(), &["clone", "--quiet", &depth, &from, name]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        self.root.path().join(name)
    }

    /// A clone beside it as a source.
    pub(crate) fn shallow(&self, name: &str) -> Edge {
        self.edge(self.root.path().join(name).display().to_string())
    }

    /// Another address as a source.
    pub(crate) fn edge(&self, repo: String) -> Edge {
        let mirror = self.root.path().join("edge");
        Edge { settings: GitSettings { repo, mirror: mirror.clone(), ..self.settings() }, mirror }
    }
}

pub(crate) fn failing(good: &str) -> Failing {
    Failing { good: id(good), revision: GoodRevision::Unknown, after_failed_rollback: false }
}

pub(crate) fn committer() -> Committer {
    Committer { name: "Bowline".to_owned(), email: "bowline@example.com".to_owned(), signing_key: None }
}

pub(crate) fn id(commit: &str) -> CommitId {
    CommitId::parse(commit).unwrap()
}

pub(crate) fn names(commit: &[&str]) -> BTreeSet<ResourceName> {
    commit.iter().map(|name| ResourceName::parse(name).unwrap()).collect()
}

/// Runs git with nothing of this machine's configuration.
pub(crate) fn git_in(folder: &Path, arguments: &[&str]) -> Output {
    Command::new("git")
        .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "core.hooksPath=/dev/null"])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .env("GIT_EDITOR", "true")
        .output()
        .expect("git is installed")
}
