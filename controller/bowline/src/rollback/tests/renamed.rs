//! What is told of a repository that has another name.

use super::*;

#[tokio::test]
async fn each_other_name_of_the_repository_is_told_once() {
    let mut site = Site::new().await;
    site.protect(Some(checked(false)));
    let scene = site.scene(&["web"]).await;
    site.turn(&scene).await.unwrap();
    let mut told = Vec::new();
    for (old, new) in [("infra", "platform"), ("platform", "base")] {
        site.simulated.rename(&format!("acme/{old}"), new).unwrap();
        for _ in 0..3 {
            site.turn(&scene).await.unwrap();
        }
        told.insert(
            0,
            format!(
                "the repository acme/infra is called acme/{new} at GitHub by now; Bowline follows it: write acme/{new} in \
                 `sources[].repo`, and in `github.repository` if it stands there"
            ),
        );
        assert_eq!(site.told("repository-renamed").await, told);
    }
}
