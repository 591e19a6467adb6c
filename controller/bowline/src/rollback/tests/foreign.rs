use std::fmt::Write as _;

use super::*;
use crate::source::github::NewPull;

/// A branch of Mallory's on top of `parent`, with this content and message, and a pull request that says it is the rollback's.
async fn offer(site: &Site, files: &[(String, String)], message: &str) -> Pull {
    let git = Repository::open_bare(&site.path).unwrap();
    let main = git.find_reference("refs/heads/main").unwrap().peel_to_commit().unwrap();
    let mut tree = git.treebuilder(Some(&main.tree().unwrap())).unwrap();
    for (name, text) in files {
        tree.insert(name, git.blob(text.as_bytes()).unwrap(), 0o100_644).unwrap();
    }
    let tree = git.find_tree(tree.write().unwrap()).unwrap();
    let who = git2::Signature::now("Mallory", "m@example.com").unwrap();
    let id = git.commit(Some("refs/heads/tidy"), &who, &who, message, &tree, &[&main]).unwrap();
    let mut body = "Nothing to see.\n".to_owned();
    writeln!(body, "<!-- bowline:revert bad={} commit={id} merges-itself=yes -->", main.id()).unwrap();
    let (head, base) = ("tidy".to_owned(), "main".to_owned());
    let new = NewPull { title: "Tidy up".to_owned(), body, head, base };
    site.ada.open_pull(&new).await.unwrap()
}

/// The message that a revert by hand has.
fn reverting(bad: &str) -> String {
    format!("Revert it\n\nBowline-Reverts: {bad}\nBowline-Resource: EcsService/web\n")
}

#[tokio::test]
async fn a_pull_request_with_a_valid_marker_and_another_content_is_neither_adopted_nor_merged() {
    for evil in ["evil.txt", "web.yaml", "api.yaml"] {
        let mut site = Site::new().await;
        let scene = site.scene(&["web"]).await;
        let mut files = manifests([1, 1]);
        files.retain(|(name, _)| name == "web.yaml");
        files.push((evil.to_owned(), "# not reviewed\n".to_owned()));
        let foreign = offer(&site, &files, &reverting(&scene.snapshot.commit)).await;
        site.turn(&scene).await.unwrap();
        let [theirs, own] = site.states().await[..] else { panic!("two: {:?}", site.states().await) };
        assert!(matches!(theirs, PullState::Open { auto_merge: false, .. }), "{evil}: {theirs:?}");
        assert_eq!(own, PullState::Merged, "{evil}");
        let own = site.only().pull.as_ref().map(|pull| pull.number);
        assert_eq!(own, Some(foreign.number + 1), "{evil}");
    }
}

#[tokio::test]
async fn a_pull_request_with_the_content_of_the_revert_is_its_own_only_if_it_declares_nothing_else() {
    for (more, is_own) in [("", true), ("Bowline-Retry: api-2\n", false)] {
        let mut site = Site::new().await;
        let scene = site.scene(&["web"]).await;
        let mut files = manifests([1, 1]);
        files.retain(|(name, _)| name == "web.yaml");
        let message = format!("{}{more}", reverting(&scene.snapshot.commit));
        let pull = offer(&site, &files, &message).await;
        site.turn(&scene).await.unwrap();
        let found = site.only().pull.as_ref().map(|found| found.number == pull.number);
        assert_eq!(found, Some(is_own), "{message}");
        let merged = site.states().await.iter().map(|state| *state == PullState::Merged).collect::<Vec<_>>();
        assert_eq!(merged, if is_own { vec![true] } else { vec![false, true] });
    }
}

#[tokio::test]
async fn a_closed_pull_request_of_somebody_elses_does_not_end_a_rollback() {
    let mut site = Site::new().await;
    let scene = site.scene(&["web"]).await;
    let files = [("evil.txt".to_owned(), "not reviewed\n".to_owned())];
    let foreign = offer(&site, &files, &reverting(&scene.snapshot.commit)).await;
    site.ada.close(foreign.number).await.unwrap();
    site.turn(&scene).await.unwrap();
    assert_eq!(site.states().await, [PullState::Closed, PullState::Merged]);
}

#[tokio::test]
async fn with_the_store_lost_a_branch_that_was_brought_up_to_date_is_found_again_and_merged() {
    let mut site = Site::new().await;
    site.protect(Some(checked(true)));
    let scene = site.scene(&["web"]).await;
    site.turn(&scene).await.unwrap();
    let pushed = site.pulls().await[0].head.clone();
    commit(&site.path, "Something else", &[("README.md".to_owned(), "Hello\n".to_owned())]);
    site.ci(&pushed).await;
    let scene = site.scene(&["web"]).await;
    site.turn(&scene).await.unwrap();
    let updated = site.pulls().await[0].head.clone();
    assert_ne!(updated, pushed);
    site.rollbacks.known.clear();
    site.rollbacks.examined = None;
    site.turn(&scene).await.unwrap();
    assert_eq!(site.only().pull.as_ref().map(|pull| pull.number), Some(1));
    site.ci(&updated).await;
    assert_eq!(site.states().await, [PullState::Merged]);
}
