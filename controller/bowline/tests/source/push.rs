//! Branches that Bowline pushes, and the commits of verbs, over every transport and judged by git.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use bowline::source::{
    Built, Change, Commit, Committer, GitAuth, GitSettings, GitSource, GitWriter, Moved, Pushed, WriteError,
};
use bowline_core::desired::{ResourceKey, ResourceKind};
use bowline_core::edit::{Edit, FieldEdit, Scalar};
use bowline_core::name::{CommitId, RelativePath, ResourceName};
use git2::Oid;
use jiff::Timestamp;

use crate::http_server::HttpServer;
use crate::repo::{Repo, applied, at, service, write};
use crate::sshd::Sshd;
use crate::tls_server::{TlsServer, trusting};
use crate::work_tree::{committer, git_in, id};

const LOGIN: &str = "x-access-token:s3cret";

fn web() -> ResourceKey {
    ResourceKey { kind: ResourceKind::EcsService, name: ResourceName::parse("web").unwrap() }
}

/// `bowline scale web COUNT` on top of a commit.
fn scale(head: &str, count: u64) -> Change {
    Change {
        head: id(head),
        edit: Some(Edit::Fields {
            path: RelativePath::parse("env/web.yml").unwrap(),
            resource: web(),
            edits: vec![FieldEdit::set("spec.desiredCount", Scalar::Number(count))],
        }),
        meant: [web()].into(),
        message: format!("Scale EcsService/web to {count}\n\nBowline-Resource: EcsService/web\n"),
    }
}

async fn head(settings: &GitSettings) -> String {
    GitSource::new(settings.clone()).sync(at(0), &applied(&[])).await.unwrap().commit
}

async fn made(writer: &GitWriter, change: Change, time: Timestamp) -> Commit {
    let Built::Commit(commit) = writer.change(change, time).await.unwrap() else { panic!("nothing to do") };
    commit
}

fn name(attempt: u32) -> String {
    format!("bowline/scale/ecsservice-web/{attempt}")
}

fn branch(repo: &Repo, name: &str) -> Option<Oid> {
    repo.git.refname_to_id(&format!("refs/heads/{name}")).ok()
}

fn pushed(attempt: u32, commit: &CommitId) -> Pushed {
    Pushed { branch: name(attempt), attempt, commit: commit.clone() }
}

/// Lets `git http-backend` take pushes.
fn allow_pushes(repo: &Repo) {
    repo.git.config().unwrap().set_bool("http.receivepack", true).unwrap();
}

#[tokio::test]
async fn a_verb_is_a_commit_on_a_new_branch_and_a_lost_answer_makes_no_second_one() {
    let repo = Repo::seeded();
    let head = head(&repo.settings()).await;
    let writer = GitWriter::new(repo.settings(), committer());
    let commit = made(&writer, scale(&head, 5), at(3)).await;
    assert_eq!(writer.push_new(&commit, name).await.unwrap(), pushed(1, &commit.id));
    let tip = repo.git.find_commit(branch(&repo, &name(1)).unwrap()).unwrap();
    let (author, time) = (tip.author(), tip.time());
    assert_eq!(
        (author.name().unwrap(), author.email().unwrap(), time.seconds(), time.offset_minutes()),
        ("Bowline", "bowline@example.com", at(3).as_second(), 0)
    );
    assert_eq!(tip.parent_ids().collect::<Vec<_>>(), [Oid::from_str(&head).unwrap()]);
    let blob = tip.tree().unwrap().get_path(Path::new("env/web.yml")).unwrap().id();
    let text = String::from_utf8(repo.git.find_blob(blob).unwrap().content().to_vec()).unwrap();
    assert_eq!(text, service("web", 5));
    assert_eq!(branch(&repo, "main"), Oid::from_str(&head).ok());

    // The answer was lost: the same again; and after a restart, at another time.
    assert_eq!(writer.push_new(&commit, name).await.unwrap(), pushed(1, &commit.id));
    let later = made(&writer, scale(&head, 5), at(9)).await;
    assert_ne!(later.id, commit.id);
    assert_eq!(writer.push_new(&later, name).await.unwrap(), pushed(1, &commit.id));
    // Another content under that name is somebody's: it stays, and the next name is taken.
    let other = made(&writer, scale(&head, 7), at(3)).await;
    assert_eq!(writer.push_new(&other, name).await.unwrap(), pushed(2, &other.id));
    assert_eq!(branch(&repo, &name(1)), Oid::from_str(commit.id.as_str()).ok());
    let error = writer.push_new(&later, |_| "main".to_owned()).await.unwrap_err();
    assert!(matches!(&error, WriteError::NamesTaken { branch, .. } if branch == "main"), "{error:?}");
}

#[tokio::test]
async fn what_is_so_already_makes_no_commit_and_a_declaration_makes_an_empty_one() {
    let repo = Repo::seeded();
    let head = head(&repo.settings()).await;
    let writer = GitWriter::new(repo.settings(), committer());
    assert_eq!(writer.change(scale(&head, 1), at(0)).await.unwrap(), Built::NothingToDo);
    let message = "Retry EcsService/web\n\nBowline-Incident: inc-7\n".to_owned();
    let says = Change { edit: None, message, ..scale(&head, 1) };
    let commit = made(&writer, says, at(0)).await;
    assert_eq!(writer.push_onto(&commit).await.unwrap(), Moved::Done { branch: "main".to_owned() });
    let settings = repo.settings();
    let past = bowline::source::Past {
        head: id(&self::head(&settings).await),
        acted_from: vec![],
        until: [id(&head)].into(),
        about: None,
    };
    let past = writer.past(past).await.unwrap();
    assert_eq!(past[0].trailers.incident.as_deref(), Some("inc-7"));
    assert!(past[0].files.is_empty() && past.len() == 2);
}

#[tokio::test]
async fn the_branch_is_moved_forward_only_from_where_it_was_seen() {
    let repo = Repo::seeded();
    let settings = GitSettings { reference: "HEAD".to_owned(), ..repo.settings() };
    let first = head(&settings).await;
    let writer = GitWriter::new(settings.clone(), committer());
    assert_eq!(writer.branch().await.unwrap(), "main");
    let commit = made(&writer, scale(&first, 5), at(3)).await;
    let moved = repo.commit("somebody else", &[write("README.md", "x")]);
    assert_eq!(writer.push_onto(&commit).await.unwrap(), Moved::Behind { head: Some(id(&moved)) });
    assert_eq!(branch(&repo, "main").unwrap().to_string(), moved);
    let commit = made(&writer, scale(&head(&settings).await, 5), at(3)).await;
    for _ in 0..2 {
        assert_eq!(writer.push_onto(&commit).await.unwrap(), Moved::Done { branch: "main".to_owned() });
    }
    assert_eq!(branch(&repo, "main").unwrap().to_string(), commit.id.as_str());
}

#[tokio::test]
async fn over_http_a_token_pushes_and_what_the_server_refuses_is_told_in_its_words() {
    let repo = Repo::seeded();
    allow_pushes(&repo);
    let server = HttpServer::start(repo.root.path(), Some(LOGIN));
    let with = |token: &str| GitSettings {
        repo: server.url("repo.git"),
        auth: GitAuth::Token(token.to_owned().into()),
        ..repo.settings()
    };
    let head = head(&with("s3cret")).await;
    let writer = GitWriter::new(with("s3cret"), committer());
    let commit = made(&writer, scale(&head, 5), at(3)).await;
    assert_eq!(writer.push_new(&commit, name).await.unwrap(), pushed(1, &commit.id));
    assert_eq!(branch(&repo, &name(1)).unwrap().to_string(), commit.id.as_str());
    assert_eq!(writer.push_new(&commit, name).await.unwrap(), pushed(1, &commit.id));

    let wrong = GitWriter::new(with("wr0ng"), committer());
    let refused = server.refused();
    let error = wrong.push_new(&commit, name).await.unwrap_err();
    assert_eq!(error.to_string(), format!("{} refused a push with the token", server.url("repo.git")));
    assert_eq!((error.category(), server.refused() - refused), ("auth", 1));
    assert_eq!(
        error.hint(),
        "give the token or key the right to write contents (at GitHub rollbacks need contents=write, pull_requests=write and \
         statuses=write, an App also checks=write; a deploy key: write access)"
    );

    // libgit2 says that all went well.
    let hook = repo.path().join("hooks/pre-receive");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    let rule = "#!/bin/sh\nprintf 'error: GH013: \\033[1mrule\\033[0m violations\\n\\n- Ask the platform team.\\n' >&2\nexit 1\n";
    fs::write(&hook, rule).unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    let other = made(&writer, scale(&head, 7), at(3)).await;
    let error = writer.push_new(&other, |_| "bowline/refused".to_owned()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "{} refused the branch bowline/refused: pre-receive hook declined: error: GH013: [1mrule[0m violations; - Ask the \
             platform team",
            server.url("repo.git")
        )
    );
    assert_eq!(branch(&repo, "bowline/refused"), None);

    drop(server);
}

#[tokio::test]
async fn over_https_and_ssh_a_branch_is_pushed() {
    trusting(
        "tests/source/certificates/authority.pem",
        "push::over_https_and_ssh_a_branch_is_pushed",
        async || {
            let repo = Repo::seeded();
            allow_pushes(&repo);
            let server = HttpServer::start(repo.root.path(), Some(LOGIN));
            let tls = TlsServer::start("tests/source/certificates/localhost.pem", server.port).await;
            let sshd = Sshd::start();
            let https = GitSettings {
                repo: format!("https://localhost:{}/repo.git", tls.port),
                auth: GitAuth::Token("s3cret".to_owned().into()),
                ..repo.settings()
            };
            let ssh = GitSettings {
                repo: format!("ssh://{}@127.0.0.1:{}{}", sshd.user, sshd.port, repo.path().display()),
                auth: GitAuth::SshKey {
                    private_key: sshd.key("client"),
                    public_key: None,
                    passphrase: None,
                    known_hosts: sshd.known_hosts("host.pub", false),
                },
                mirror: repo.root.path().join("other"),
                ..repo.settings()
            };
            for (settings, count) in [(https, 5), (ssh, 7)] {
                let head = head(&settings).await;
                let writer = GitWriter::new(settings, committer());
                let commit = made(&writer, scale(&head, count), at(3)).await;
                let branch_name = format!("bowline/{count}");
                let given = branch_name.clone();
                let done = writer.push_new(&commit, move |_| given.clone()).await.unwrap();
                assert_eq!((done.commit, done.attempt), (commit.id.clone(), 1));
                assert_eq!(branch(&repo, &branch_name).unwrap().to_string(), commit.id.as_str());
            }
        },
    )
    .await;
}

#[tokio::test]
async fn a_signed_commit_is_one_that_git_verifies() {
    let repo = Repo::seeded();
    let head = head(&repo.settings()).await;
    let key = repo.root.path().join("signing");
    let generate = |path: &Path, kind: &str, passphrase: &str| {
        let arguments = ["-q", "-t", kind, "-N", passphrase, "-C", "", "-f"];
        assert!(Command::new("ssh-keygen").args(arguments).arg(path).status().unwrap().success());
    };
    generate(&key, "ed25519", "");
    let with = |key: &Path| {
        let committer = Committer { signing_key: Some(key.to_owned()), ..committer() };
        GitWriter::new(repo.settings(), committer)
    };
    let writer = with(&key);
    let commit = made(&writer, scale(&head, 5), at(3)).await;
    writer.push_new(&commit, name).await.unwrap();
    let public = fs::read_to_string(key.with_extension("pub")).unwrap();
    let allowed = repo.root.path().join("allowed");
    fs::write(&allowed, format!("bowline@example.com {public}")).unwrap();
    let file = format!("gpg.ssh.allowedSignersFile={}", allowed.display());
    let verified = git_in(&repo.path(), &["-c", &file, "verify-commit", commit.id.as_str()]);
    let words = String::from_utf8(verified.stderr).unwrap();
    assert!(
        verified.status.success() && words.starts_with("Good \"git\" signature for bowline@example.com"),
        "{words}"
    );
    // The same commit without a signature is not verified.
    let plain = made(&GitWriter::new(repo.settings(), committer()), scale(&head, 5), at(3)).await;
    let mirror = repo.root.path().join("mirror/repo.git");
    assert!(!git_in(&mirror, &["-c", &file, "verify-commit", plain.id.as_str()]).status.success());

    let (locked, other) = (repo.root.path().join("locked"), repo.root.path().join("other"));
    generate(&locked, "ed25519", "open sesame");
    generate(&other, "ecdsa", "");
    let text = repo.root.path().join("text");
    fs::write(&text, "secret").unwrap();
    for (key, problem) in [
        (locked, "it has a passphrase"),
        (other, "it is not a private Ed25519 key in the format of OpenSSH"),
        (text, "it is not a private Ed25519 key in the format of OpenSSH"),
        (repo.root.path().join("absent"), "No such file or directory (os error 2)"),
    ] {
        let error = with(&key).change(scale(&head, 5), at(3)).await.unwrap_err();
        assert_eq!(error.to_string(), format!("the signing key {} cannot be used: {problem}", key.display()));
        assert_eq!(error.category(), "signing-key");
    }
}
