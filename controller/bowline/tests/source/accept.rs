//! `Bowline-Accept`: what the branch declares as applied, after a rewriting and after a loss.

use std::collections::BTreeMap;
use std::fs;

use bowline::source::{GitSettings, GitSource, Snapshot};
use bowline_core::desired::{Finding, NotAcceptable};
use bowline_core::name::ResourceName;
use bowline_core::policy::GitStanding;
use git2::Oid;

use crate::repo::{Change, Repo, TARGET, applied, at, service, write};

fn id(commit: &str) -> Oid {
    Oid::from_str(commit).unwrap()
}

fn accept(commit: &str) -> String {
    format!("Accept it\n\nBecause it was meant.\n\nBowline-Accept: {commit}\n")
}

/// Per commit that was acted from: what is accepted in its place, and the services that it wants.
fn accepted(snapshot: &Snapshot) -> BTreeMap<&str, (&str, Vec<&str>)> {
    let each = snapshot.accepted.iter().map(|(from, accepted)| {
        let services = accepted.state.services.keys().map(ResourceName::as_str).collect();
        (from.as_str(), (accepted.commit.as_str(), services))
    });
    each.collect()
}

fn force_pushed(snapshot: &Snapshot) -> GitStanding {
    GitStanding::ForcePushed { head: snapshot.commit.clone() }
}

/// Reads the head with a source that knows the branch from before, and with one that was just started.
async fn read_twice(source: &mut GitSource, repo: &Repo, from: &[&str]) -> Snapshot {
    let restarted = repo.source().sync(at(1), &applied(from)).await.unwrap();
    let snapshot = source.sync(at(1), &applied(from)).await.unwrap();
    assert_eq!((&restarted.standing, &restarted.findings), (&snapshot.standing, &snapshot.findings));
    assert_eq!(restarted.accepted, snapshot.accepted);
    snapshot
}

#[tokio::test]
async fn a_commit_accepts_what_git_lost_until_it_is_acted_from() {
    let repo = Repo::seeded();
    let mut source = repo.source();
    let first = source.sync(at(0), &applied(&[])).await.unwrap().commit;
    let lost =
        repo.commit("lose web", &[Change::Remove("env/web.yml"), write("env/api.yml", &service("api", 1))]);
    let before = read_twice(&mut source, &repo, &[&first]).await;
    assert_eq!(accepted(&before), BTreeMap::new());

    let accepting = repo.commit(&accept(&lost), &[]);
    repo.commit("go on", &[write("env/more.yml", &service("more", 1))]);
    let snapshot = read_twice(&mut source, &repo, &[&first]).await;
    assert_eq!(snapshot.standing, GitStanding::Fresh);
    assert_eq!(*snapshot.findings, []);
    assert_eq!(accepted(&snapshot), BTreeMap::from([(first.as_str(), (lost.as_str(), vec!["api"]))]));
    // Nothing but the head's own content is what is wanted.
    assert_eq!(snapshot.state.services.len(), 2);
    // From the accepted commit on, and from the accepting one on, it says nothing any more.
    for from in [&lost, &accepting] {
        let later = read_twice(&mut source, &repo, &[from]).await;
        assert_eq!((accepted(&later), &later.standing), (BTreeMap::new(), &GitStanding::Fresh));
    }
    // A target that was refused is still where it was, while others went on.
    let both = read_twice(&mut source, &repo, &[&first, &accepting]).await;
    assert_eq!(accepted(&both), accepted(&snapshot));
}

#[tokio::test]
async fn a_rewritten_branch_goes_on_from_what_it_accepts() {
    let repo = Repo::seeded();
    let mut source = repo.source();
    let first = source.sync(at(0), &applied(&[])).await.unwrap().commit;
    let second = repo.commit("second", &[write("env/web.yml", &service("web", 2))]);
    source.sync(at(0), &applied(&[&first])).await.unwrap();
    let rewritten = repo.commit_on(Some(id(&first)), "instead", &[write("env/web.yml", &service("web", 5))]);
    let held = read_twice(&mut source, &repo, &[&second]).await;
    assert_eq!(held.standing, force_pushed(&held));
    assert_eq!(*held.findings, [Finding::force_push(&second, &rewritten)]);

    repo.commit(&accept(&rewritten), &[]);
    let snapshot = read_twice(&mut source, &repo, &[&second]).await;
    assert_eq!((&snapshot.standing, &*snapshot.findings), (&GitStanding::Fresh, &vec![]));
    assert_eq!(accepted(&snapshot), BTreeMap::from([(second.as_str(), (rewritten.as_str(), vec!["web"]))]));
    // The next rewriting is held again.
    repo.commit_on(Some(id(&first)), "once more", &[write("env/web.yml", &service("web", 6))]);
    let again = read_twice(&mut source, &repo, &[&snapshot.commit]).await;
    assert_eq!(again.standing, force_pushed(&again));
}

#[tokio::test]
async fn a_branch_that_was_reset_to_an_older_commit_can_accept_that_one() {
    let repo = Repo::seeded();
    let mut source = repo.source();
    let first = source.sync(at(0), &applied(&[])).await.unwrap().commit;
    let second = repo.commit("second", &[write("env/web.yml", &service("web", 2))]);
    source.sync(at(0), &applied(&[&first])).await.unwrap();
    repo.git.reference("refs/heads/main", id(&first), true, "reset").unwrap();
    let held = read_twice(&mut source, &repo, &[&second]).await;
    assert_eq!(held.standing, force_pushed(&held));
    repo.commit(&accept(&first), &[]);
    let snapshot = read_twice(&mut source, &repo, &[&second]).await;
    assert_eq!(snapshot.standing, GitStanding::Fresh);
    assert_eq!(accepted(&snapshot), BTreeMap::from([(second.as_str(), (first.as_str(), vec!["web"]))]));
}

#[tokio::test]
async fn a_rebased_copy_of_an_old_declaration_accepts_nothing() {
    let repo = Repo::seeded();
    let mut source = repo.source();
    let first = source.sync(at(0), &applied(&[])).await.unwrap().commit;
    repo.commit(&accept(&first), &[]);
    let second = repo.commit("second", &[write("env/web.yml", &service("web", 2))]);
    source.sync(at(0), &applied(&[&first])).await.unwrap();
    repo.commit_on(Some(id(&first)), &accept(&first), &[write("env/a.yml", &service("a", 1))]);
    repo.commit("rebased", &[write("env/web.yml", &service("web", 5))]);
    let held = read_twice(&mut source, &repo, &[&second]).await;
    assert_eq!((held.standing.clone(), accepted(&held)), (force_pushed(&held), BTreeMap::new()));
}

#[tokio::test]
async fn a_declaration_counts_through_a_pull_request_and_the_newest_commit_wins() {
    let repo = Repo::seeded();
    let mut source = repo.source();
    let first = source.sync(at(0), &applied(&[])).await.unwrap().commit;
    let lost = repo.commit("lose web", &[Change::Remove("env/web.yml")]);
    let on_branch = repo.commit(&accept(&lost), &[]);
    repo.git.reference("refs/heads/main", id(&lost), true, "back").unwrap();
    let more = repo.commit("more", &[write("env/api.yml", &service("api", 1))]);
    repo.merge(&[id(&more), id(&on_branch)], "Merge pull request #1", &[]);
    let merged = read_twice(&mut source, &repo, &[&first]).await;
    assert_eq!(accepted(&merged), BTreeMap::from([(first.as_str(), (lost.as_str(), vec![]))]));

    repo.commit(&accept(&more), &[]);
    let older_named_later = repo.commit(&accept(&lost), &[]);
    let snapshot = read_twice(&mut source, &repo, &[&first]).await;
    assert_eq!(snapshot.commit, older_named_later);
    assert_eq!(accepted(&snapshot), BTreeMap::from([(first.as_str(), (more.as_str(), vec!["api"]))]));
}

#[tokio::test]
async fn a_trailer_that_names_nothing_acceptable_is_a_finding() {
    let repo = Repo::seeded();
    let mut source = repo.source();
    let first = source.sync(at(0), &applied(&[])).await.unwrap().commit;
    let second = repo.commit("second", &[write("env/web.yml", &service("web", 2))]);
    source.sync(at(0), &applied(&[&first])).await.unwrap();
    let elsewhere = repo.commit_on(None, "no folder", &[write("README.md", "text")]);
    let rewritten =
        repo.merge(&[id(&first), id(&elsewhere)], "instead", &[write("env/web.yml", &service("web", 5))]);
    let absent = "0123456789012345678901234567890123456789";
    let cases = [
        (rewritten[..12].to_owned(), NotAcceptable::NoCommitId),
        ("HEAD".to_owned(), NotAcceptable::NoCommitId),
        (absent.to_owned(), NotAcceptable::NotOnTheBranch),
        (second.clone(), NotAcceptable::NotOnTheBranch),
        (
            elsewhere.clone(),
            NotAcceptable::Unreadable(format!("there is no folder `env` in commit {elsewhere:.8} of main")),
        ),
    ];
    for (named, why) in cases {
        repo.git.reference("refs/heads/main", id(&rewritten), true, "back").unwrap();
        let head = repo.commit(&accept(&named), &[]);
        let snapshot = read_twice(&mut source, &repo, &[&second]).await;
        assert_eq!((&snapshot.standing, accepted(&snapshot)), (&force_pushed(&snapshot), BTreeMap::new()));
        let mut expected =
            [Finding::force_push(&second, &head), Finding::not_acceptable(&head, &named, &why)];
        expected.sort();
        assert_eq!(*snapshot.findings, expected, "{named}");
        // Without a reason to accept anything it is still told.
        let told = read_twice(&mut source, &repo, &[&rewritten]).await;
        if named != elsewhere {
            assert_eq!(*told.findings, [Finding::not_acceptable(&head, &named, &why)], "{named}");
        }
    }
}

#[tokio::test]
async fn a_message_that_only_speaks_of_the_trailer_declares_nothing() {
    let repo = Repo::seeded();
    let mut source = repo.source();
    let first = source.sync(at(0), &applied(&[])).await.unwrap().commit;
    let lost = repo.commit("lose web", &[Change::Remove("env/web.yml")]);
    repo.commit(&format!("Bowline-Accept: {lost}\n\nThat line is the subject.\n"), &[]);
    repo.commit(&format!("Explain\n\nOne writes `Bowline-Accept: {lost}`, and that is all.\n"), &[]);
    repo.commit(&format!("Another key\n\nBowline-Accepted: {lost}\n"), &[]);
    let snapshot = read_twice(&mut source, &repo, &[&first]).await;
    assert_eq!((accepted(&snapshot), &*snapshot.findings), (BTreeMap::new(), &vec![]));
    repo.commit(&format!("In another case\n\nSigned-off-by: Ada <a@b.c>\nbowline-accept: {lost}\n"), &[]);
    let snapshot = read_twice(&mut source, &repo, &[&first]).await;
    assert_eq!(accepted(&snapshot), BTreeMap::from([(first.as_str(), (lost.as_str(), vec![]))]));
}

#[tokio::test]
async fn when_the_applied_commit_is_not_to_be_had_only_the_newest_commit_may_accept() {
    let repo = Repo::seeded();
    let first = repo.git.refname_to_id("refs/heads/main").unwrap().to_string();
    let old = repo.commit(&accept(&first), &[]);
    let gone = repo.commit("applied, and taken away", &[write("env/web.yml", &service("web", 2))]);
    let rewritten = repo.commit_on(Some(id(&old)), "instead", &[write("env/web.yml", &service("web", 5))]);
    // A mirror that never saw the applied commit.
    let fresh = || {
        let mirror = repo.root.path().join("another-mirror");
        if mirror.exists() {
            fs::remove_dir_all(&mirror).unwrap();
        }
        GitSource::new(GitSettings { mirror, ..repo.settings() })
    };
    let held = fresh().sync(at(0), &applied(&[&gone])).await.unwrap();
    assert_eq!((held.standing.clone(), accepted(&held)), (force_pushed(&held), BTreeMap::new()));

    let on_branch = repo.commit(&accept(&rewritten), &[]);
    let wanted = BTreeMap::from([(gone.as_str(), (rewritten.as_str(), vec!["web"]))]);
    let snapshot = fresh().sync(at(0), &applied(&[&gone])).await.unwrap();
    assert_eq!((&snapshot.standing, accepted(&snapshot)), (&GitStanding::Fresh, wanted.clone()));
    repo.merge(&[id(&rewritten), id(&on_branch)], "Merge pull request #2", &[]);
    let merged = fresh().sync(at(0), &applied(&[&gone])).await.unwrap();
    assert_eq!((&merged.standing, accepted(&merged)), (&GitStanding::Fresh, wanted));
    repo.commit("go on", &[write("env/target.yaml", TARGET)]);
    let later = fresh().sync(at(0), &applied(&[&gone])).await.unwrap();
    assert_eq!(later.standing, force_pushed(&later));
}
