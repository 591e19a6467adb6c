//! Killed, or let down by the network, at the orders that only some rollbacks give: to close a pull request, to bring its branch up
//! to date, to merge it by itself no more. The same end.

use std::time::Duration;

use bowline_core::rollback::machine::{Mergeability, PullState};
use bowline_sim::{Fault, FaultRule, Protection};
use bowline_tests::cases::for_each;
use bowline_tests::process::Process;
use bowline_tests::until::until;
use git2::Repository;

use super::{REPOSITORY, SetUp, Site, files, put};

/// A delay that only a kill ends.
const FOR_EVER: Duration = Duration::from_mins(10);

/// What happens while the pull request is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// Somebody repairs it in another way: Bowline closes its pull request.
    Overtaken,
    /// The branch goes on, and what is merged has to be up to date.
    Behind,
    /// The manifest wants a person to merge by now.
    ByHand,
}

impl Turn {
    const ALL: [Self; 3] = [Self::Overtaken, Self::Behind, Self::ByHand];

    /// The order that follows.
    fn order(self) -> &'static str {
        match self {
            Self::Overtaken => "PATCH /repos/{owner}/{repo}/pulls/{pull_number}",
            Self::Behind => "PUT /repos/{owner}/{repo}/pulls/{pull_number}/update-branch",
            Self::ByHand => "POST /graphql disablePullRequestAutoMerge",
        }
    }

    async fn site(self) -> Site {
        let strict = self == Self::Behind;
        let rules = Protection { required_checks: vec!["ci".to_owned()], strict, ..Protection::default() };
        let set_up = match self {
            Self::Overtaken => SetUp::default(),
            Self::Behind | Self::ByHand => SetUp { protection: Some(rules), ..SetUp::auto_merge() },
        };
        let site = Site::new(set_up).await;
        let bowline = site.bowline.with("BOWLINE_INTERVAL_LIVE", "60s").with("BOWLINE_INTERVAL_GIT", "60s");
        Site { bowline, ..site }
    }

    /// Waits for the pull request, and lets it happen.
    async fn comes(self, site: &Site) {
        let armed = PullState::Open { mergeability: Mergeability::Blocked, auto_merge: true };
        let crash = "registry.test/crash:2";
        match self {
            Self::Overtaken => {
                site.pull().await;
                put(&site.path, "Release web 3", &files("enforce", "pull-request", "registry.test/web:3"));
            }
            Self::Behind => {
                site.pull_is(armed).await;
                put(&site.path, "Say hello", &[("README.md", "Hello\n".to_owned())]);
                site.succeed(&site.pull().await.head).await;
            }
            Self::ByHand => {
                site.pull_is(armed).await;
                put(&site.path, "Let a person merge", &files("enforce", "pull-request", crash));
            }
        }
    }

    /// Whatever was in the way, this is how it ends.
    async fn ends_well(self, site: &Site, process: &Process, case: &str) {
        let (pulls, image) = match self {
            Self::Overtaken => {
                site.reaches(process, "overtaken").await;
                site.pull_is(PullState::Closed).await;
                until(case, || async { (site.bowline.plan().await.code == 0).then_some(()) }).await;
                (PullState::Closed, "registry.test/web:3")
            }
            Self::Behind => {
                let updated = until(case, || async {
                    let pull = site.pulls().await.into_iter().next()?;
                    (merges(site, pull.head.as_str()) == 1).then_some(pull.head)
                })
                .await;
                site.succeed(&updated).await;
                site.reaches(process, "verified").await;
                assert_eq!(merges(site, "refs/heads/main"), 2, "{case}: one update, and the pull request");
                (PullState::Merged, "registry.test/web:1")
            }
            Self::ByHand => {
                site.pull_is(PullState::Open { mergeability: Mergeability::Blocked, auto_merge: false })
                    .await;
                site.github.protect(REPOSITORY, "main", None).unwrap();
                let pull = site.pull().await;
                site.ada.merge(pull.number, &pull.head, "").await.unwrap();
                site.reaches(process, "verified").await;
                (PullState::Merged, "registry.test/web:1")
            }
        };
        let states: Vec<PullState> = site.pulls().await.iter().map(|pull| pull.state).collect();
        assert_eq!((states, site.branches().len()), (vec![pulls], 1), "{case}");
        assert_eq!(site.image().await, image, "{case}");
        let plan = site.bowline.plan().await;
        assert_eq!(plan.code, 0, "{case}: {plan}");
    }
}

/// How many merges are behind a commit.
fn merges(site: &Site, of: impl AsRef<str>) -> usize {
    let git = Repository::open_bare(&site.path).unwrap();
    let mut walk = git.revwalk().unwrap();
    walk.push(git.revparse_single(of.as_ref()).unwrap().id()).unwrap();
    walk.filter(|id| git.find_commit(*id.as_ref().unwrap()).unwrap().parent_count() > 1).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_seldom_given_ends_the_same_whatever_the_network_does() {
    let faults = [Fault::Throttle, Fault::ServerError500, Fault::Reset, Fault::LostReply];
    let cases = Turn::ALL.into_iter().flat_map(|turn| faults.clone().map(|fault| (turn, fault)));
    for_each(cases, |(turn, fault)| async move {
        let case = format!("{fault:?} at {}", turn.order());
        let site = turn.site().await;
        site.github.add_fault(FaultRule::new(fault).operation(turn.order()).times(1));
        let process = site.run();
        turn.comes(&site).await;
        until(&case, || async { (site.github.struck() > 0).then_some(()) }).await;
        turn.ends_well(&site, &process, &case).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_seldom_given_ends_the_same_when_killed_before_and_after_it() {
    let cases = Turn::ALL.into_iter().flat_map(|turn| [true, false].map(|is_taken| (turn, is_taken)));
    for_each(cases, |(turn, is_taken)| async move {
        let case = format!("killed at {}, taken: {is_taken}", turn.order());
        let site = turn.site().await;
        let fault = if is_taken { Fault::LateReply(FOR_EVER) } else { Fault::Delay(FOR_EVER) };
        site.github.add_fault(FaultRule::new(fault).operation(turn.order()).times(1));
        let mut process = site.run();
        turn.comes(&site).await;
        let is_there = || {
            let taken = || site.github.calls().iter().any(|call| call.operation == turn.order());
            site.github.struck() > 0 && (!is_taken || taken())
        };
        until(&case, || async { is_there().then_some(()) }).await;
        process.kill();
        site.github.clear_faults();
        let process = site.run();
        turn.ends_well(&site, &process, &case).await;
    })
    .await;
}
