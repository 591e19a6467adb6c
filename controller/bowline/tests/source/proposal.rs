//! Pull requests, merged in memory and read like any commit.

use bowline::source::{GitSettings, Merged, Proposals, Proposed};
use bowline_core::desired::FindingCode;
use bowline_core::name::CommitId;
use git2::Oid;

use crate::repo::{BROKEN, Change, Repo, at, codes, service, write};

/// A branch that went on after a pull request had begun.
struct Site {
    repo: Repo,
    began: Oid,
    base: CommitId,
    proposals: Proposals,
}

fn id(text: &str) -> CommitId {
    CommitId::parse(text).unwrap()
}

impl Site {
    fn new() -> Self {
        let repo = Repo::seeded();
        let began = repo.git.refname_to_id("refs/heads/main").unwrap();
        let base = id(&repo.commit("meanwhile", &[write("env/api.yaml", &service("api", 1))]));
        let settings = GitSettings { mirror: repo.root.path().join("pulls"), ..repo.settings() };
        Self { repo, began, base, proposals: Proposals::new(settings) }
    }

    /// The head of a pull request that begins before the branch went on.
    fn pull(&self, number: u64, changes: &[Change<'_>]) -> CommitId {
        let main = self.repo.git.refname_to_id("refs/heads/main").unwrap();
        let head = self.repo.commit_on(Some(self.began), "pull", changes);
        let target = Oid::from_str(&head).unwrap();
        self.repo.git.reference(&format!("refs/pull/{number}/head"), target, true, "pull").unwrap();
        self.repo.git.reference("refs/heads/main", main, true, "back").unwrap();
        id(&head)
    }

    async fn read(&self, number: u64, head: &CommitId, base: &CommitId) -> Proposed {
        self.proposals.merged(number, head, base, at(0)).await.unwrap()
    }

    async fn merged(&self, number: u64, head: &CommitId) -> Merged {
        match self.read(number, head, &self.base).await {
            Proposed::Merged(merged) => merged,
            other => panic!("{other:?}"),
        }
    }
}

fn counts(merged: &Merged) -> Vec<(&str, Option<u32>)> {
    let services = merged.state.services.iter();
    services.map(|(name, service)| (name.as_str(), service.resource.spec.desired_count)).collect()
}

#[tokio::test]
async fn a_pull_request_is_read_on_top_of_what_the_branch_has_by_now() {
    let site = Site::new();
    let head = site.pull(7, &[write("env/web.yml", &service("web", 5))]);
    let merged = site.merged(7, &head).await;
    assert_eq!(counts(&merged), [("api", Some(1)), ("web", Some(5))]);
    assert_eq!(codes(&merged.findings), []);
    // Nothing of it is where commits are acted from, nor on the server.
    assert!(!site.repo.root.path().join("mirror").exists());
    assert_eq!(site.repo.git.refname_to_id("refs/heads/main").unwrap().to_string(), site.base.as_str());
}

#[tokio::test]
async fn a_file_that_it_breaks_has_a_finding_and_stays_as_the_branch_has_it() {
    let site = Site::new();
    let good = site.pull(1, &[write("env/web.yml", &service("web", 9))]);
    let bad = site.pull(2, &[write("env/web.yml", BROKEN)]);
    assert_eq!(counts(&site.merged(1, &good).await), [("api", Some(1)), ("web", Some(9))]);
    let merged = site.merged(2, &bad).await;
    assert_eq!(codes(&merged.findings), [("env/web.yml", FindingCode::Syntax)]);
    assert_eq!(counts(&merged), [("api", Some(1)), ("web", Some(1))], "nothing of another pull request");
}

#[tokio::test]
async fn what_cannot_be_merged_or_leaves_nothing_is_said() {
    let site = Site::new();
    let other = site.pull(1, &[write("env/api.yaml", &service("api", 2))]);
    match site.read(1, &other, &site.base).await {
        Proposed::Conflict(why) => assert_eq!(why, "it is in conflict with the branch: env/api.yaml"),
        found => panic!("{found:?}"),
    }
    let gone = [Change::Remove("env/web.yml"), Change::Remove("env/target.yaml")];
    let moved = site.pull(2, &gone);
    let empty = site.began;
    let empty = id(&empty.to_string());
    match site.read(2, &moved, &empty).await {
        Proposed::Unusable(why) => assert!(why.contains("env"), "{why}"),
        found => panic!("{found:?}"),
    }
    let unrelated = {
        let main = site.repo.git.refname_to_id("refs/heads/main").unwrap();
        let head = site.repo.commit_on(None, "unrelated", &[write("env/web.yml", &service("web", 1))]);
        site.repo.git.reference("refs/pull/3/head", Oid::from_str(&head).unwrap(), true, "pull").unwrap();
        site.repo.git.reference("refs/heads/main", main, true, "back").unwrap();
        id(&head)
    };
    match site.read(3, &unrelated, &site.base).await {
        Proposed::Conflict(why) => assert_eq!(why, "it has no commit in common with the branch"),
        found => panic!("{found:?}"),
    }
}

#[tokio::test]
async fn only_the_commits_that_were_asked_for_are_looked_at() {
    let site = Site::new();
    let first = site.pull(1, &[write("env/web.yml", &service("web", 5))]);
    let second = site.pull(1, &[write("env/web.yml", &service("web", 6))]);
    assert!(matches!(site.read(1, &first, &site.base).await, Proposed::Moved));
    let stranger = id(&"1".repeat(40));
    assert!(matches!(site.read(1, &second, &stranger).await, Proposed::Moved));
    assert_eq!(counts(&site.merged(1, &second).await), [("api", Some(1)), ("web", Some(6))]);
    assert!(site.proposals.merged(99, &second, &site.base, at(0)).await.is_err(), "no such pull request");
}
