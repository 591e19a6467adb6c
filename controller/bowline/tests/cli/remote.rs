//! A bare repository behind a git server that asks for a token, and a `bowline.yaml` for it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::place::{Answer, Place};

#[allow(dead_code, reason = "the tests of the git source ask it more")]
#[path = "../source/http_server.rs"]
mod http_server;

const TOKEN: &str = "s3cret";

/// A repository on a server, and a person's place with a configuration.
pub(crate) struct Remote {
    folder: TempDir,
    pub(crate) place: Place,
    server: http_server::HttpServer,
}

impl Remote {
    /// With one commit of these files, below `env/`; `more` lines are added to `bowline.yaml`.
    pub(crate) fn new(files: &[(&str, &str)], more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let login = format!("x-access-token:{TOKEN}");
        let server = http_server::HttpServer::start(folder.path(), Some(&login));
        let remote = Self { folder, place: Place::new(), server };
        for line in ["init --quiet --bare --initial-branch=main", "config http.receivepack true"] {
            fs::create_dir_all(remote.path()).unwrap();
            remote.git(line);
        }
        remote.commit("main", "Describe production", files);
        remote.place.write("secrets/token", TOKEN);
        remote.place.write(
            "bowline.yaml",
            &format!(
                "sources: [{{ repo: '{}', ref: main, path: env, auth: {{ tokenFile: secrets/token }} }}]\nstore: ':memory:'\n{more}",
                remote.server.url("infra.git")
            ),
        );
        remote
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("infra.git")
    }

    /// `git LINE` in the repository, which must succeed; gives what it printed.
    pub(crate) fn git(&self, line: &str) -> String {
        let output = Command::new("git")
            .args(line.split(' '))
            .current_dir(self.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .unwrap();
        assert!(output.status.success(), "git {line}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// Commits these files, below `env/`, on top of `main` as the branch's new head; those that are not named stay.
    pub(crate) fn commit(&self, branch: &str, message: &str, files: &[(&str, &str)]) -> String {
        let git = git2::Repository::open_bare(self.path()).unwrap();
        let parent = git.refname_to_id("refs/heads/main").ok().map(|id| git.find_commit(id).unwrap());
        let empty = git.treebuilder(None).unwrap().write().unwrap();
        let base =
            parent.as_ref().map_or_else(|| git.find_tree(empty).unwrap(), |commit| commit.tree().unwrap());
        let mut update = git2::build::TreeUpdateBuilder::new();
        for (path, text) in files {
            update.upsert(format!("env/{path}"), git.blob(text.as_bytes()).unwrap(), git2::FileMode::Blob);
        }
        let tree = git.find_tree(update.create_updated(&git, &base).unwrap()).unwrap();
        let time = git2::Time::new(1_760_000_000, 0);
        let who = git2::Signature::new("Ada", "ada@example.com", &time).unwrap();
        let parents: Vec<_> = parent.iter().collect();
        let id = git.commit(None, &who, &who, message, &tree, &parents).unwrap();
        git.reference(&format!("refs/heads/{branch}"), id, true, message).unwrap();
        id.to_string()
    }

    /// A file as a branch has it.
    pub(crate) fn file(&self, branch: &str, path: &str) -> String {
        self.git(&format!("show {branch}:env/{path}")) + "\n"
    }

    /// The branches, with their commits.
    pub(crate) fn branches(&self) -> String {
        self.git("for-each-ref --format=%(refname:short)=%(objectname) refs/heads")
    }

    /// Lets a hook of the server run this script.
    pub(crate) fn hook(&self, name: &str, script: &str) {
        let path = self.path().join("hooks").join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Runs the binary as Ada; the server's address reads `REMOTE` in what it prints, and ids of commits have no digits.
    pub(crate) fn bowline(&self, arguments: &[&str]) -> Answer {
        let mut command = self.place.command(arguments);
        command.env("GIT_AUTHOR_NAME", "Ada").env("GIT_AUTHOR_EMAIL", "ada@example.com");
        let answer = self.place.answer(&command.output().unwrap());
        let plain = |text: &str| text.replace(&self.server.url("infra.git"), "REMOTE");
        Answer { code: answer.code, out: plain(&answer.out), err: plain(&answer.err) }
    }
}
