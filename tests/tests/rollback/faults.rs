//! Killed, or let down by the network, at every call that a rollback makes to AWS, to GitHub and to git there: one revert, one
//! pull request, the same end.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use bowline_core::rollback::machine::{Mergeability, PullState};
use bowline_sim::{Fault, FaultRule, Protection};
use bowline_tests::cases::for_each;
use bowline_tests::process::Process;
use bowline_tests::until::until;

use super::{REPOSITORY, SetUp, Site};

/// A delay that only a kill ends.
const FOR_EVER: Duration = Duration::from_mins(10);
/// How often Bowline makes a call to AWS that fails.
const ATTEMPTS: u32 = 4;

/// How a revert gets onto the branch, and what it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Bowline merges it; ECS has gone back by itself.
    Merged,
    /// A check is required: GitHub merges it once that has passed.
    Awaited,
    /// What was last good is INACTIVE: Bowline registers it again, and deploys it once that is merged.
    Registered,
}

impl Way {
    async fn site(self) -> Site {
        let site = self.busy_site().await;
        // Fewer polls: many of these run at once.
        let bowline = site.bowline.with("BOWLINE_INTERVAL_LIVE", "60s").with("BOWLINE_INTERVAL_GIT", "60s");
        Site { bowline, ..site }
    }

    async fn busy_site(self) -> Site {
        match self {
            Self::Merged => Site::new(SetUp::auto_merge()).await,
            Self::Awaited => {
                let rules = Protection { required_checks: vec!["ci".to_owned()], ..Protection::default() };
                Site::new(SetUp { protection: Some(rules), ..SetUp::auto_merge() }).await
            }
            Self::Registered => {
                let site = Site::new(SetUp { pinned: true, ..SetUp::auto_merge() }).await;
                let ecs = &site.world.clients.ecs;
                ecs.deregister_task_definition().task_definition("web:1").send().await.unwrap();
                site
            }
        }
    }

    /// Which calls are looked at: of the first way all, of the others what only they have.
    fn is_about(self, operation: &str) -> bool {
        match self {
            Self::Merged => true,
            Self::Awaited => operation.starts_with("POST /graphql"),
            Self::Registered => {
                ["RegisterTaskDefinition", "TagResource", "UpdateService"].contains(&operation)
            }
        }
    }

    /// Waits until the rollback is over; before that, the check passes.
    async fn is_over(self, site: &Site, process: &Process) {
        if self == Self::Awaited {
            until("auto-merge", || async {
                let pull = site.ada.pull(site.pulls().await.first()?.number).await.ok()?;
                let waits = PullState::Open { mergeability: Mergeability::Blocked, auto_merge: true };
                (pull.state == waits || pull.state == PullState::Merged).then_some(())
            })
            .await;
            site.github.protect(REPOSITORY, "main", None).unwrap();
        }
        site.reaches(process, "verified").await;
    }

    /// Whatever was in the way, this is how it ends.
    async fn ends_well(self, site: &Site, case: &str) {
        let process = site.run();
        self.is_over(site, &process).await;
        self.has_ended_well(site, case).await;
    }

    async fn has_ended_well(self, site: &Site, case: &str) {
        site.is_equal(case).await;
        assert_eq!(site.branches().len(), 1, "{case}: {:?}", site.branches());
        // A crash between an order and its answer costs at most one extra.
        let needed = if self == Self::Merged { 2 } else { 3 };
        let revisions = site.world.revisions("web").await;
        assert!(revisions <= needed, "{case}: {revisions} revisions");
    }

    /// The calls of a rollback that nothing disturbs: of each operation the first few, and then some.
    async fn points(self) -> Vec<Point> {
        let site = self.site().await;
        let process = site.run();
        self.is_over(&site, &process).await;
        let mut counts = BTreeMap::new();
        for call in site.github.calls().into_iter().filter(|call| call.account != "ada") {
            *counts.entry(call.operation).or_insert(0) += 1;
        }
        drop(process);
        self.has_ended_well(&site, "undisturbed").await;
        let mut points = Vec::new();
        for (operation, count) in counts.into_iter().filter(|(operation, _)| self.is_about(operation)) {
            let chosen = (0..count).filter(|nth| *nth < 2 || nth % 10 == 0);
            points.extend(chosen.map(|nth| Point { way: self, operation: operation.clone(), nth }));
        }
        points
    }
}

/// A call of a rollback: the one after `nth` others of the same operation.
#[derive(Debug, Clone)]
struct Point {
    way: Way,
    operation: String,
    nth: u32,
}

impl Point {
    fn rule(&self, fault: Fault) -> FaultRule {
        FaultRule::new(fault).operation(&self.operation).skip(self.nth)
    }

    fn is_at_aws(&self) -> bool {
        !self.operation.contains('/')
    }

    /// Whether something is changed by it.
    fn is_order(&self) -> bool {
        let reads = ["GET ", "POST /{owner}/{repo}.git/git-upload-pack", "Describe", "Get", "List"];
        !reads.iter().any(|read| self.operation.starts_with(read))
    }

    /// Whether the call was taken.
    fn is_taken(&self, site: &Site) -> bool {
        let calls = site.github.calls();
        let same = calls.iter().filter(|call| call.operation == self.operation);
        same.count() > self.nth as usize
    }
}

impl fmt::Display for Point {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}, call {} ({:?})", self.operation, self.nth, self.way)
    }
}

/// Every call of a rollback that is looked at.
async fn points() -> Vec<Point> {
    let of_way = |way: Way| Box::pin(way.points());
    let (merged, awaited, registered) =
        tokio::join!(of_way(Way::Merged), of_way(Way::Awaited), of_way(Way::Registered));
    // Far fewer would mean that this no longer sees what a rollback does.
    let of = |points: &[Point], is_at_aws: bool| {
        points.iter().filter(|point| point.nth == 0 && point.is_at_aws() == is_at_aws).count()
    };
    assert!(of(&merged, true) >= 11 && of(&merged, false) >= 16, "{merged:#?}");
    assert_eq!(awaited.len(), 1, "{awaited:#?}");
    assert!(registered.len() >= 4, "{registered:#?}");
    [merged, awaited, registered].concat()
}

async fn disturbed(fault: Fault) {
    // At AWS a call is repeated at once: a fault that passes is seen by nobody, except where the call was taken.
    let times = |point: &Point| if point.is_at_aws() && fault != Fault::LostReply { ATTEMPTS } else { 1 };
    // Later calls of an operation are repeated just as the first one is, but each order is one of a kind.
    let matters = |point: &Point| point.nth == 0 || point.is_order();
    let points = points().await.into_iter().filter(matters);
    for_each(points, |point| {
        let rule = point.rule(fault.clone()).times(times(&point));
        let case = format!("{fault:?} at {point}");
        async move {
            let site = point.way.site().await;
            site.github.add_fault(rule);
            point.way.ends_well(&site, &case).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_ends_the_same_with_a_server_error_at_every_call() {
    disturbed(Fault::ServerError500).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_ends_the_same_with_a_reset_at_every_call() {
    disturbed(Fault::Reset).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_ends_the_same_with_a_lost_reply_at_every_call() {
    disturbed(Fault::LostReply).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_ends_the_same_when_throttled_at_every_call() {
    disturbed(Fault::Throttle).await;
}

/// When the controller is killed, seen from one of its calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// Before the server takes the call.
    Before,
    /// When the server has taken it, and before its answer arrives.
    Unanswered,
}

/// Runs a controller up to a point, and kills it there.
async fn kill(site: &Site, point: &Point, moment: Moment, case: &str) {
    let fault = match moment {
        Moment::Before => Fault::Delay(FOR_EVER),
        Moment::Unanswered => Fault::LateReply(FOR_EVER),
    };
    site.github.add_fault(point.rule(fault).times(1));
    let mut process = site.run();
    let is_there = || match moment {
        Moment::Before => site.github.struck() > 0,
        Moment::Unanswered => point.is_taken(site),
    };
    until(case, || async {
        // One that has less to wait for makes fewer calls.
        let is_over =
            || async { site.rollbacks(&process).await.first().is_some_and(|one| one["state"] == "verified") };
        (is_there() || is_over().await).then_some(())
    })
    .await;
    process.kill();
    site.github.clear_faults();
}

/// Kills the controller at a point; the next one goes on.
async fn killed(point: Point, moment: Moment) {
    let case = format!("killed at {point}, {moment:?}");
    let site = point.way.site().await;
    kill(&site, &point, moment, &case).await;
    point.way.ends_well(&site, &case).await;
}

/// Before and after a call that only reads is the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_ends_the_same_when_killed_before_every_order() {
    let orders = points().await.into_iter().filter(Point::is_order);
    for_each(orders, |point| killed(point, Moment::Before)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_ends_the_same_when_killed_before_every_answer() {
    for_each(points().await, |point| killed(point, Moment::Unanswered)).await;
}

/// Kills the controller at a point, and deletes its store; the next one finds everything again.
async fn forgotten(point: Point) {
    let case = format!("killed at {point}, and the store deleted");
    let site = point.way.site().await;
    kill(&site, &point, Moment::Unanswered, &case).await;
    site.bowline.forget();
    // Once it is merged, a new store knows of no rollback, and needs none.
    let _process = site.run();
    until(&case, || async {
        let is_merged = site.pulls().await.first().is_some_and(|pull| pull.state == PullState::Merged);
        is_merged.then_some(())
    })
    .await;
    until(&case, || async { (site.bowline.plan().await.code == 0).then_some(()) }).await;
    point.way.has_ended_well(&site, &case).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_ends_the_same_when_killed_and_the_store_deleted() {
    let orders = Way::Merged.points().await.into_iter().filter(Point::is_order);
    for_each(orders, forgotten).await;
}
