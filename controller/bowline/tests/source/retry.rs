//! `Bowline-Retry`: which specs the branch releases.

use bowline_core::desired::Finding;
use git2::Oid;

use crate::repo::{Repo, applied, at, service, write};

const SPEC: &str = "0123456789abcdef";

fn retry(value: &str) -> String {
    format!("Try again\n\nIt was the registry.\n\nBowline-Retry: {value}\n")
}

#[tokio::test]
async fn commits_reachable_from_the_head_release_specs_also_through_a_merge() {
    let repo = Repo::seeded();
    let mut source = repo.source();
    let base = repo.commit("go on", &[write("env/api.yml", &service("api", 1))]);
    let direct = repo.commit(&retry(&SPEC.to_uppercase()), &[]);
    let side = repo.git.find_commit(Oid::from_str(&base).unwrap()).unwrap();
    let signature = side.author().to_owned();
    let merged =
        repo.git.commit(None, &signature, &signature, &retry(SPEC), &side.tree().unwrap(), &[&side]).unwrap();
    let head = repo.git.find_commit(Oid::from_str(&direct).unwrap()).unwrap();
    let parents = [&head, &repo.git.find_commit(merged).unwrap()];
    let tree = head.tree().unwrap();
    repo.git.commit(Some("refs/heads/main"), &signature, &signature, "Merge it", &tree, &parents).unwrap();
    let snapshot = source.sync(at(0), &applied(&[])).await.unwrap();
    let mut found: Vec<(&str, String)> =
        snapshot.state.retries.iter().map(|retry| (retry.spec.as_str(), retry.commit.clone())).collect();
    found.sort_unstable();
    let mut expected = vec![(SPEC, direct), (SPEC, merged.to_string())];
    expected.sort_unstable();
    assert_eq!((found, snapshot.findings.to_vec()), (expected, vec![]));
}

#[tokio::test]
async fn a_trailer_that_names_no_spec_is_told_while_it_is_new() {
    let repo = Repo::seeded();
    let mut source = repo.source();
    let by = repo.commit(&retry("web"), &[]);
    let snapshot = source.sync(at(0), &applied(&[])).await.unwrap();
    assert_eq!(snapshot.findings.to_vec(), [Finding::nothing_to_retry(&by, "web")]);
    assert_eq!(snapshot.state.retries, []);
    for number in 0..10 {
        repo.commit("go on", &[write("env/more.yml", &service("more", number))]);
    }
    assert_eq!(source.sync(at(1), &applied(&[])).await.unwrap().findings.to_vec(), []);
}
