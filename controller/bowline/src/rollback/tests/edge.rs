use std::process::Command;

use super::*;

/// Runs git in a repository.
fn git(folder: &Path, arguments: &[&str]) {
    let output = Command::new("git").current_dir(folder).args(arguments).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn what_a_shallow_history_refuses_goes_on_by_itself_once_there_is_more_of_it() {
    let mut site = Site::new().await;
    let whole = site.folder.path().join("whole.git");
    git(&site.path, &["clone", "--quiet", "--mirror", ".", &whole.display().to_string()]);
    git(&site.path, &["fetch", "--quiet", "--depth=1", &format!("file://{}", whole.display()), "main"]);
    let scene = site.scene(&["api", "web"]).await;
    for _ in 0..2 {
        site.turn(&scene).await.unwrap();
        assert_eq!((site.known(), site.states().await), (vec![State::NeedsPerson; 2], vec![]));
    }
    let told = site.told("rollback-needs-person").await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told.iter().all(|told| told.contains("the history is shallow: the parent of commit")),
        "{told:?}"
    );

    // It is not asked for all of it in each turn.
    git(&site.path, &["fetch", "--quiet", "--unshallow", &format!("file://{}", whole.display()), "main"]);
    site.turn(&scene).await.unwrap();
    assert_eq!(site.known(), [State::NeedsPerson; 2]);
    site.rollbacks.look_at_edge = Timestamp::UNIX_EPOCH;
    site.turn(&scene).await.unwrap();
    assert_eq!(site.states().await, [PullState::Merged]);
    assert_eq!((site.known(), site.only().resources.len()), (vec![State::Merged], 2), "one for both");
    assert_eq!(site.store.rollbacks().load().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_history_that_cannot_be_read_is_told_and_goes_on_by_itself_once_it_can() {
    let mut site = Site::new().await;
    let whole = site.folder.path().join("whole.git");
    git(&site.path, &["clone", "--quiet", "--mirror", ".", &whole.display().to_string()]);
    git(&site.path, &["fetch", "--quiet", "--depth=1", &format!("file://{}", whole.display()), "main"]);
    let scene = site.scene(&["web"]).await;
    // Where it is cut off, all of it is fetched, and that fails.
    let away = site.path.with_extension("away");
    std::fs::rename(&site.path, &away).unwrap();
    for _ in 0..2 {
        site.turn(&scene).await.unwrap();
        assert_eq!((site.known(), site.told("rollback-needs-person").await.len()), (vec![], 0));
    }
    for _ in 0..2 {
        site.turn(&scene).await.unwrap();
        assert_eq!(
            (site.known(), site.rollbacks.unread),
            (vec![State::NeedsPerson], 3),
            "and not tried again"
        );
    }
    let [told] = &*site.told("rollback-needs-person").await else { panic!("once") };
    assert!(told.contains("it is not rolled back: the history of the branch cannot be read: "), "{told}");
    assert!(told.contains("; next: then it goes on by itself within 5 minutes"), "{told}");
    site.rollbacks.look_at_edge = Timestamp::UNIX_EPOCH;
    site.turn(&scene).await.unwrap();
    assert_eq!((site.known(), site.rollbacks.unread), (vec![State::NeedsPerson], 4));
    assert_eq!(site.told("rollback-needs-person").await.len(), 1);

    std::fs::rename(&away, &site.path).unwrap();
    git(&site.path, &["fetch", "--quiet", "--unshallow", &format!("file://{}", whole.display()), "main"]);
    site.rollbacks.look_at_edge = Timestamp::UNIX_EPOCH;
    site.turn(&scene).await.unwrap();
    assert_eq!((site.known(), site.states().await), (vec![State::Merged], vec![PullState::Merged]));
}
