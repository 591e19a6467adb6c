//! Git over HTTP: git's own `http-backend`, behind GitHub's tokens and branch protection.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use bytes::Bytes;
use git2::Oid;
use http::{Response, StatusCode};
use jiff::Timestamp;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::asked::{Asked, What};
use super::caller::Caller;
use super::hub::{Hub, set};
use super::permission::{READ_CONTENTS, WRITE_CONTENTS};
use super::repository::Repository;

/// What git may do, once it is known who asks.
pub(super) struct Admitted {
    path: PathBuf,
    pub(super) login: String,
    refused: Vec<String>,
    reason: String,
    forward_only: Vec<String>,
}

/// One command of a push: a ref, and what it is to become.
#[derive(Debug, PartialEq, Eq)]
struct PushCommand {
    name: String,
    /// `None` deletes it.
    new: Option<Oid>,
}

impl Hub {
    /// Whether git may go on; else GitHub's answer.
    pub(super) fn admit_git(&self, asked: &Asked, now: Timestamp) -> Result<Admitted, Box<Response<Bytes>>> {
        let What::Git { owner, name, rest } = &asked.what else {
            return Err(Box::new(plain(StatusCode::NOT_FOUND, "Not Found")));
        };
        let not_found = || Box::new(plain(StatusCode::NOT_FOUND, "Repository not found."));
        let caller = self.caller(&asked.credentials, now).ok().flatten();
        let Some(caller) = caller else {
            let message =
                "Invalid username or token. Password authentication is not supported for Git operations.";
            let mut response = plain(StatusCode::UNAUTHORIZED, message);
            set(&mut response, "www-authenticate", "Basic realm=\"GitHub\"");
            return Err(Box::new(response));
        };
        let meant = |known: &&Repository| known.is_called(owner, name) || known.was_called(owner, name);
        let found = self.repositories.iter().find(meant).filter(|known| caller.sees(known.id));
        let repository = found.ok_or_else(not_found)?;
        if !caller.allowed(READ_CONTENTS) {
            return Err(not_found());
        }
        if !repository.is_called(owner, name) {
            return Err(Box::new(moved(asked, repository, rest)));
        }
        if asked.pushes() && !caller.allowed(WRITE_CONTENTS) {
            let message = format!("Permission to {owner}/{name}.git denied to {}.", caller.login);
            return Err(Box::new(plain(StatusCode::FORBIDDEN, &message)));
        }
        Ok(Admitted::to(repository, &caller, &push_commands(&asked.body)))
    }
}

impl Admitted {
    fn to(repository: &Repository, caller: &Caller, commands: &[PushCommand]) -> Self {
        let mut admitted = Self {
            path: repository.git.path().to_owned(),
            login: caller.login.clone(),
            refused: Vec::new(),
            reason: String::new(),
            forward_only: Vec::new(),
        };
        for command in commands {
            let Some(branch) = command.name.strip_prefix("refs/heads/") else {
                // What GitHub keeps for itself.
                if command.name.starts_with("refs/pull/") {
                    admitted.refused.push(command.name.clone());
                    "deny updating a hidden ref".clone_into(&mut admitted.reason);
                }
                continue;
            };
            if let Some(reason) = repository.push_refused(caller, branch, command.new) {
                admitted.refused.push(command.name.clone());
                admitted.reason = reason;
            } else if repository.forward_only(caller, branch) && command.new.is_some() {
                admitted.forward_only.push(command.name.clone());
            }
        }
        admitted
    }

    /// Runs the request through `git http-backend`.
    pub(super) async fn serve(&self, asked: &Asked, headers: &http::HeaderMap) -> Response<Bytes> {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let What::Git { rest, .. } = &asked.what else {
            return plain(StatusCode::NOT_FOUND, "Not Found");
        };
        let (root, folder) = (self.path.parent().unwrap_or(Path::new("/")), self.path.file_name());
        let folder = folder.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let query: Vec<String> = asked.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut command = Command::new("git");
        command
            .arg("http-backend")
            .env("GIT_PROJECT_ROOT", root)
            .env("GIT_HTTP_EXPORT_ALL", "1")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("PATH_INFO", format!("/{folder}/{rest}"))
            .env("QUERY_STRING", query.join("&"))
            .env("REQUEST_METHOD", &asked.method)
            .env("CONTENT_TYPE", header("content-type"))
            .env("CONTENT_LENGTH", asked.body.len().to_string())
            .env("HTTP_CONTENT_ENCODING", header("content-encoding"))
            .env("GIT_PROTOCOL", header("git-protocol"))
            .env("REMOTE_USER", &self.login)
            .env("REMOTE_ADDR", "127.0.0.1")
            .env("BOWLINE_SIM_PROTECTED", self.refused.join(" "))
            .env("BOWLINE_SIM_REASON", &self.reason)
            .env("BOWLINE_SIM_FORWARD_ONLY", self.forward_only.join(" "))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let output = feed(command, asked.body.clone()).await;
        output.ok().and_then(|output| cgi(&output)).unwrap_or_else(|| {
            plain(StatusCode::INTERNAL_SERVER_ERROR, "the simulator could not run `git http-backend`")
        })
    }
}

async fn feed(mut command: Command, body: Bytes) -> std::io::Result<Vec<u8>> {
    let mut child = command.spawn()?;
    let stdin = child.stdin.take();
    let write = async {
        if let Some(mut stdin) = stdin {
            // Git may close it early: what it then says counts.
            let _ = stdin.write_all(&body).await;
        }
    };
    let ((), output) = tokio::join!(write, child.wait_with_output());
    Ok(output?.stdout)
}

/// A CGI program's output as a response.
fn cgi(output: &[u8]) -> Option<Response<Bytes>> {
    let end = output.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = str::from_utf8(output.get(..end)?).ok()?;
    let mut response = Response::new(Bytes::copy_from_slice(output.get(end + 4..)?));
    for line in head.split("\r\n") {
        let (name, value) = line.split_once(": ")?;
        if name.eq_ignore_ascii_case("status") {
            let code = value.split(' ').next()?.parse().ok()?;
            *response.status_mut() = StatusCode::from_u16(code).ok()?;
        } else {
            set(&mut response, name, value);
        }
    }
    Some(response)
}

/// Where a renamed repository is now: git's own client warns and goes there.
fn moved(asked: &Asked, repository: &Repository, rest: &str) -> Response<Bytes> {
    let query: Vec<String> = asked.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    let to = format!("{}/{}.git/{rest}{query}", asked.urls.web, repository.full_name());
    let mut response = plain(StatusCode::MOVED_PERMANENTLY, "");
    set(&mut response, "location", &to);
    response
}

pub(super) fn plain(status: StatusCode, message: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(format!("{message}\n")));
    *response.status_mut() = status;
    set(&mut response, "content-type", "text/plain; charset=utf-8");
    response
}

/// The commands at the head of `git-receive-pack`'s body: pkt-lines of `old new ref`, the first with capabilities.
fn push_commands(body: &[u8]) -> Vec<PushCommand> {
    let mut rest = body;
    let mut commands = Vec::new();
    while let Some(length) = rest.get(..4).and_then(|digits| str::from_utf8(digits).ok()) {
        let length = usize::from_str_radix(length, 16).unwrap_or(0);
        let Some(line) = rest.get(4..length) else { break };
        let line = line.split(|byte| *byte == 0).next().unwrap_or_default();
        let words = str::from_utf8(line).unwrap_or_default().trim_end().splitn(3, ' ');
        if let [_, new, name] = words.collect::<Vec<_>>()[..] {
            let new = Oid::from_str(new).ok().filter(|id| !id.is_zero());
            commands.push(PushCommand { name: name.to_owned(), new });
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_of_a_push_are_read_up_to_the_pack() {
        let (old, new) = ("1".repeat(40), "2".repeat(40));
        let zero = "0".repeat(40);
        let line = |text: &str| format!("{:04x}{text}", text.len() + 4);
        let first = line(&format!("{old} {new} refs/heads/main\0 report-status side-band-64k\n"));
        let second = line(&format!("{old} {zero} refs/heads/gone\n"));
        let body = format!("{first}{second}0000PACK....");
        assert_eq!(
            push_commands(body.as_bytes()),
            [
                PushCommand { name: "refs/heads/main".to_owned(), new: Oid::from_str(&new).ok() },
                PushCommand { name: "refs/heads/gone".to_owned(), new: None },
            ]
        );
        assert_eq!(push_commands(b"0000"), []);
    }
}
