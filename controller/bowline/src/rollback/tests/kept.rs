//! What is kept of rollbacks in the store, in a file.

use super::*;

const DAY: i64 = 24 * 3_600;

#[tokio::test]
async fn of_what_ended_a_month_ago_the_evidence_is_forgotten_and_the_rest_is_kept() {
    let mut site = Site::new().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bowline.db");
    let store = Store::open(&path).await.unwrap();
    site.rollbacks.tools.store = store.rollbacks();
    let mut scene = site.scene(&["web"]).await;
    let failed = scene.failed.get_mut(&name("web")).unwrap();
    failed.attempt = vec!["revision web:2".to_owned()];
    failed.differences = vec!["taskDefinition is web:1, git wants web:2".to_owned()];
    site.turn(&scene).await.unwrap();
    let scene = site.scene(&[]).await;
    site.turn(&scene).await.unwrap();
    site.pass(60);
    site.turn(&scene).await.unwrap();
    assert_eq!(site.known(), [State::Verified]);
    let told = store.history().newest(None, 50).await.unwrap();

    site.pass(30 * DAY - 120);
    site.rollbacks.turn(&scene).await.unwrap();
    let before = Store::peek_rollbacks(&path).await.unwrap();
    let [kept] = before.values().collect::<Vec<_>>()[..] else { panic!("{before:?}") };
    assert_eq!(kept.resources[&name("web")].attempt, ["revision web:2"]);

    site.pass(120);
    site.rollbacks.turn(&scene).await.unwrap();
    let after = Store::peek_rollbacks(&path).await.unwrap();
    let [slim] = after.values().collect::<Vec<_>>()[..] else { panic!("{after:?}") };
    let web = &slim.resources[&name("web")];
    assert_eq!((&web.attempt, &web.differences, &web.evidence), (&Vec::new(), &Vec::new(), &None));
    let branch = slim.branch.as_ref().unwrap();
    assert_eq!((&branch.parts, branch.message.as_str()), (&Vec::new(), ""));
    // By what it is known again, and what happened, stay.
    assert_eq!((&slim.id, slim.state, &slim.bad_commit), (&kept.id, State::Verified, &kept.bad_commit));
    assert!(slim.is_about(&name("web"), &SpecHash("web-2".to_owned())) && slim.pull == kept.pull);
    assert!(slim.is_over(true), "nothing is said anew");
    assert_eq!(store.history().newest(None, 50).await.unwrap(), told);
}
