//! How often GitHub is asked, by what it was asked.

use super::*;

impl Site {
    /// How often Bowline looked at a pull request so far.
    fn looks(&self) -> usize {
        let calls = self.simulated.calls();
        let is_look = |operation: &str| {
            ["GET /repos/{owner}/{repo}/pulls/{pull_number}", "GET /repos/{owner}/{repo}/pulls"]
                .contains(&operation)
        };
        calls.iter().filter(|call| call.account == "bowline" && is_look(&call.operation)).count()
    }

    /// What an hour of passes asks, one every 15 seconds.
    async fn hour(&mut self, scene: &Scene) -> usize {
        let before = self.looks();
        for _ in 0..240 {
            self.pass(15);
            self.rollbacks.turn(scene).await.unwrap();
        }
        self.looks() - before
    }
}

#[tokio::test]
async fn a_rollback_that_waits_asks_github_a_few_times_an_hour() {
    for (by_hand, first) in [(true, 61), (false, 91)] {
        let mut site = Site::new().await;
        site.protect(Some(checked(false)));
        let mut scene = site.scene(&["web"]).await;
        if by_hand {
            scene.failed.get_mut(&name("web")).unwrap().strategy = RollbackStrategy::PullRequest;
        }
        site.rollbacks.turn(&scene).await.unwrap();
        assert_eq!(site.known(), [State::PullRequest]);
        let asked = site.hour(&scene).await;
        assert!(asked <= first, "{asked}");
        assert_eq!(site.hour(&scene).await, 12);
        assert_eq!(site.hour(&scene).await, 12);
        // Somebody closes it: that is seen within five minutes, or at once where GitHub tells.
        site.ada.close(1).await.unwrap();
        if by_hand {
            let (mut passes, mut at) = (0, State::PullRequest);
            while at == State::PullRequest {
                site.pass(15);
                site.rollbacks.turn(&scene).await.unwrap();
                (passes, at) = (passes + 1, site.only().state);
            }
            assert!(passes <= 20, "{passes}");
        } else {
            site.rollbacks.turn(&scene).await.unwrap();
            assert_eq!(site.known(), [State::PullRequest]);
            site.rollbacks.look_at_pull(2);
            site.rollbacks.turn(&scene).await.unwrap();
            assert_eq!(site.known(), [State::PullRequest], "of another one");
            site.rollbacks.look_at_pull(1);
            site.rollbacks.turn(&scene).await.unwrap();
        }
        assert_eq!(site.known(), [State::Closed]);
    }
}

#[tokio::test]
async fn what_a_person_merges_is_seen_with_the_commit() {
    let mut site = Site::new().await;
    let mut scene = site.scene(&["web"]).await;
    scene.failed.get_mut(&name("web")).unwrap().strategy = RollbackStrategy::PullRequest;
    site.rollbacks.turn(&scene).await.unwrap();
    site.hour(&scene).await;
    site.ada.merge(1, &site.pulls().await[0].head.clone(), "").await.unwrap();
    let before = site.looks();
    site.rollbacks.turn(&scene).await.unwrap();
    assert_eq!((site.known(), site.looks()), (vec![State::PullRequest], before), "git was read before");
    let scene = site.scene(&[]).await;
    site.rollbacks.turn(&scene).await.unwrap();
    // What was merged is not asked for any more.
    assert_eq!((site.known(), site.looks()), (vec![State::Converged], before + 1));
}
