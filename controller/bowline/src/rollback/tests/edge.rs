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
