//! Git repositories that tests commit to, and a real git server over HTTP in front of them.

use std::path::{Path, PathBuf};
use std::process::Command;

use git2::build::TreeUpdateBuilder;
use git2::{FileMode, Oid, Repository, Signature, Time};
use tempfile::TempDir;

use crate::process::run;

// The server that the tests of the git source use, too.
#[allow(dead_code, reason = "they ask it what it has seen as well")]
#[path = "../../controller/bowline/tests/source/http_server.rs"]
mod http_server;

/// A bare repository with a branch `main`.
pub struct Remote {
    folder: TempDir,
}

impl Default for Remote {
    fn default() -> Self {
        Self::new()
    }
}

impl Remote {
    /// An empty repository: not even the branch exists.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let git = Repository::init_bare(folder.path().join("infra.git")).expect("git can be initialised");
        git.set_head("refs/heads/main").expect("HEAD can be set");
        Self { folder }
    }

    /// Where it lies.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("infra.git")
    }

    /// Commits these files (path, content) on top of `main`; files that are not named stay.
    pub fn commit(&self, message: &str, files: &[(&str, &str)]) -> String {
        commit(&self.path(), message, files)
    }

    /// A person's clone of it.
    pub async fn checkout(&self) -> Checkout {
        let checkout = Checkout { folder: tempfile::tempdir().expect("a folder can be made") };
        checkout.run(&format!("git clone --quiet {} .", self.path().display())).await;
        checkout
    }

    /// Serves it to everybody, who may push as well.
    pub fn serve_for_pushes(&self) -> GitHttp {
        let git = Repository::open_bare(self.path()).expect("it was made by new");
        let mut config = git.config().expect("a repository has a configuration");
        config.set_bool("http.receivepack", true).expect("it can be written");
        self.serve(None)
    }

    /// A file as `main` has it.
    pub fn file(&self, path: &str) -> String {
        let git = Repository::open_bare(self.path()).expect("it was made by new");
        let tree = git.revparse_single(&format!("main:{path}")).expect("main has the file");
        let blob = tree.peel_to_blob().expect("it is a file");
        String::from_utf8_lossy(blob.content()).into_owned()
    }

    /// The id of the head of `main`.
    pub fn head(&self) -> String {
        let git = Repository::open_bare(self.path()).expect("it was made by new");
        git.refname_to_id("refs/heads/main").expect("main exists").to_string()
    }

    /// The whole message of the head of `main`.
    pub fn message(&self) -> String {
        let git = Repository::open_bare(self.path()).expect("it was made by new");
        let head =
            git.revparse_single("main").expect("main exists").peel_to_commit().expect("it is a commit");
        head.message().expect("it is UTF-8").to_owned()
    }

    /// Serves it with `git http-backend`; with `login` ("user:password"), only to those who give it.
    pub fn serve(&self, login: Option<&str>) -> GitHttp {
        GitHttp { server: http_server::HttpServer::start(self.folder.path(), login) }
    }
}

/// Commits these files (path, content) on top of `main` of a bare repository; files that are not named stay.
pub fn commit(path: &Path, message: &str, files: &[(&str, &str)]) -> String {
    let git = &Repository::open_bare(path).expect("it is there");
    let parent =
        git.refname_to_id("refs/heads/main").ok().map(|id| git.find_commit(id).expect("main is a commit"));
    let base = parent
        .as_ref()
        .map_or_else(|| empty_tree(git), |commit| commit.tree().expect("a commit has a tree").id());
    let base = git.find_tree(base).expect("the tree exists");
    let mut update = TreeUpdateBuilder::new();
    for (path, content) in files {
        let blob = git.blob(content.as_bytes()).expect("a blob can be written");
        update.upsert(*path, blob, FileMode::Blob);
    }
    let tree = update.create_updated(git, &base).expect("a tree can be written");
    let tree = git.find_tree(tree).expect("the tree exists");
    let who = Signature::new("Ada", "ada@example.com", &Time::new(1_760_000_000, 0)).expect("a signature");
    let parents: Vec<_> = parent.iter().collect();
    let commit = git.commit(Some("refs/heads/main"), &who, &who, message, &tree, &parents);
    commit.expect("a commit can be written").to_string()
}

/// A clone, and a person with a shell and git in it.
pub struct Checkout {
    folder: TempDir,
}

impl Checkout {
    /// Runs a line of shell, which must succeed; gives what it printed.
    pub async fn run(&self, line: &str) -> String {
        let mut command = Command::new("sh");
        command.args(["-euc", line]).current_dir(self.folder.path()).env("HOME", self.folder.path());
        for (role, variable) in
            [("AUTHOR", "NAME"), ("AUTHOR", "EMAIL"), ("COMMITTER", "NAME"), ("COMMITTER", "EMAIL")]
        {
            command.env(format!("GIT_{role}_{variable}"), "ada@example.com");
        }
        run(command).await.with_code(0).stdout.trim().to_owned()
    }
}

fn empty_tree(git: &Repository) -> Oid {
    git.treebuilder(None).and_then(|builder| builder.write()).expect("a tree can be written")
}

/// A real git server over HTTP.
pub struct GitHttp {
    server: http_server::HttpServer,
}

impl GitHttp {
    /// The repository's address.
    pub fn url(&self) -> String {
        self.server.url("infra.git")
    }
}
