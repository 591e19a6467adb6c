//! The simulated GitHub over the wire, against what git itself says of its repositories.

mod answering;
mod merging;
mod protecting;
mod telling;

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{GitHub, GitHubConfig, Permissions, RepositorySettings};

const REPOSITORY: &str = "acme/infra";

/// A GitHub whose clock stands still, with one repository: `main` with `a.txt`, and a branch `change` with two more commits.
struct Site {
    github: GitHub,
    path: PathBuf,
    /// Ada's, who may write.
    ada: String,
}

/// An answer.
struct Reply {
    status: u16,
    head: String,
    body: Value,
}

impl Reply {
    fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or_default()
    }

    fn header(&self, name: &str) -> &str {
        let found = self.head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        found.unwrap_or_default()
    }
}

impl Site {
    async fn new() -> Self {
        Self::with(RepositorySettings { mergeability_takes_a_moment: false, ..RepositorySettings::default() })
            .await
    }

    async fn with(settings: RepositorySettings) -> Self {
        let config = GitHubConfig { time_scale: 0.0, ..GitHubConfig::default() };
        let github = GitHub::start(config).await.unwrap();
        let path = github.create_repository(REPOSITORY, settings).unwrap();
        let ada = github.create_token("ada", Permissions::controller()).unwrap();
        let site = Self { github, path, ada };
        site.commit("main", None, "first", &[("a.txt", "one\ntwo\nthree\n")]);
        site.commit("change", Some("main"), "second", &[("b.txt", "b\n")]);
        site.commit("change", Some("change"), "third\n\nand why", &[("c.txt", "c\n")]);
        site
    }

    /// Git on the bare repository; what it printed.
    fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git").arg("-C").arg(&self.path).args(arguments).output().unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// A commit of these files on a branch, on top of another or of nothing.
    fn commit(&self, branch: &str, onto: Option<&str>, message: &str, files: &[(&str, &str)]) -> String {
        let git = git2::Repository::open_bare(&self.path).unwrap();
        let parent = onto
            .map(|name| git.find_reference(&format!("refs/heads/{name}")).unwrap().peel_to_commit().unwrap());
        let tree = parent.as_ref().map(|commit| commit.tree().unwrap());
        let mut builder = git.treebuilder(tree.as_ref()).unwrap();
        for (path, content) in files {
            builder.insert(path, git.blob(content.as_bytes()).unwrap(), 0o100_644).unwrap();
        }
        let tree = git.find_tree(builder.write().unwrap()).unwrap();
        let who = git2::Signature::new("Bob", "bob@example.com", &git2::Time::new(1_760_000_000, 0)).unwrap();
        let parents: Vec<_> = parent.iter().collect();
        let id = git.commit(None, &who, &who, message, &tree, &parents).unwrap();
        git.reference(&format!("refs/heads/{branch}"), id, true, "test").unwrap();
        id.to_string()
    }

    fn tip(&self, branch: &str) -> String {
        self.git(&["rev-parse", &format!("refs/heads/{branch}")])
    }

    /// Sends a call as somebody; the path is below the repository unless it starts with `//`.
    async fn call_as(&self, token: &str, line: &str, body: Value) -> Reply {
        self.send(line, &[("authorization", &format!("Bearer {token}"))], &body).await
    }

    async fn call(&self, line: &str, body: Value) -> Reply {
        self.call_as(&self.ada, line, body).await
    }

    async fn get(&self, path: &str) -> Reply {
        self.call(&format!("GET {path}"), Value::Null).await
    }

    async fn send(&self, line: &str, headers: &[(&str, &str)], body: &Value) -> Reply {
        let (method, path) = line.split_once(' ').unwrap();
        let path = match path.strip_prefix("//") {
            Some(whole) => format!("/{whole}"),
            None => format!("/repos/{REPOSITORY}{path}"),
        };
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let url = self.github.url();
        let mut stream = TcpStream::connect(url.trim_start_matches("http://")).await.unwrap();
        let headers: String =
            headers.iter().map(|(name, value)| [name, ": ", value, "\r\n"].concat()).collect();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: github.test\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        Reply {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.replace("\r\n", "\n"),
            body: serde_json::from_str(body).unwrap_or(Value::String(body.to_owned())),
        }
    }

    /// Opens a pull request from a branch to `main`; its number.
    async fn open(&self, branch: &str) -> u64 {
        let title = format!("Release {branch}");
        let reply = self.call("POST /pulls", json!({"title": title, "head": branch, "base": "main"})).await;
        assert_eq!(reply.status, 201, "{}", reply.body);
        reply.body["number"].as_u64().unwrap()
    }

    /// A commit status on a branch's tip.
    async fn status(&self, branch: &str, context: &str, state: &str) {
        let line = format!("POST /statuses/{}", self.tip(branch));
        let reply = self.call(&line, json!({"state": state, "context": context})).await;
        assert_eq!(reply.status, 201, "{}", reply.body);
    }

    async fn graphql(&self, query: &str, variables: Value) -> Value {
        let reply = self.call("POST //graphql", json!({"query": query, "variables": variables})).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.body
    }
}
