//! Token buckets, one for each (account, region, API bucket), at half of AWS's documented rates, shared by all callers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bowline_core::name::{AccountId, Region};
use tokio::time::Instant;

use super::api::Bucket;

/// What part of AWS's rate Bowline takes; the rest is for consoles, pipelines and Terraform.
const SHARE: f64 = 0.5;

/// How long scans that found no token wait at least, to go on several at once: calls that come one by one find all caches
/// cold, and cost twice the CPU (650 instead of 300 ms for 5,000 services, 10 calls a second).
const PAUSE: Duration = Duration::from_millis(500);

/// Who goes first when calls wait for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Priority {
    /// Watching a rollout, or acting.
    Watch,
    /// Looking at everything else.
    Scan,
}

type Key = (AccountId, Region, Bucket);

/// All token buckets of the process.
#[derive(Debug, Default)]
pub(crate) struct Limiter {
    buckets: Mutex<BTreeMap<Key, Arc<TokenBucket>>>,
}

impl Limiter {
    /// Waits for a token. Callers of one priority are served in order; scans queue behind watches.
    pub(crate) async fn acquire(
        &self,
        account: &AccountId,
        region: &Region,
        bucket: Bucket,
        priority: Priority,
    ) {
        self.bucket(account, region, bucket).acquire(priority).await;
    }

    /// AWS throttled a call all the same: somebody else uses the rest, so what is left in the bucket is given up.
    pub(crate) async fn drain(&self, account: &AccountId, region: &Region, bucket: Bucket) {
        self.bucket(account, region, bucket).drain().await;
    }

    fn bucket(&self, account: &AccountId, region: &Region, bucket: Bucket) -> Arc<TokenBucket> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = buckets.entry((account.clone(), region.clone(), bucket));
        Arc::clone(entry.or_insert_with(|| {
            let (burst, refill) = bucket.documented();
            Arc::new(TokenBucket::new(burst * SHARE, refill * SHARE))
        }))
    }
}

/// One bucket. Tokio's mutex is fair, so whoever holds it may sleep until its token is there, and the others wait in order.
#[derive(Debug)]
struct TokenBucket {
    burst: f64,
    refill: f64,
    level: tokio::sync::Mutex<Level>,
    /// Scans pass this gate one by one, so that a watch never waits for more than one of them.
    scans: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Level {
    tokens: f64,
    at: Instant,
}

impl TokenBucket {
    fn new(burst: f64, refill: f64) -> Self {
        let level = Level { tokens: burst, at: Instant::now() };
        Self { burst, refill, level: tokio::sync::Mutex::new(level), scans: tokio::sync::Mutex::new(()) }
    }

    async fn acquire(&self, priority: Priority) {
        let _gate = match priority {
            Priority::Watch => None,
            Priority::Scan => Some(self.pass_gate().await),
        };
        let mut level = self.level.lock().await;
        if let Some(missing) = self.missing(&mut level) {
            tokio::time::sleep(missing).await;
            self.fill(&mut level);
        }
        level.tokens -= 1.0;
    }

    /// Waits until it is this scan's turn, and if there is no token, for some more.
    async fn pass_gate(&self) -> tokio::sync::MutexGuard<'_, ()> {
        let gate = self.scans.lock().await;
        let missing = self.missing(&mut *self.level.lock().await);
        if let Some(missing) = missing {
            let all = Duration::from_secs_f64(self.burst / self.refill);
            tokio::time::sleep(missing.max(PAUSE.min(all))).await;
        }
        gate
    }

    /// How long it is to the next token, if there is none.
    fn missing(&self, level: &mut Level) -> Option<Duration> {
        self.fill(level);
        (level.tokens < 1.0).then(|| Duration::from_secs_f64((1.0 - level.tokens) / self.refill))
    }

    async fn drain(&self) {
        let mut level = self.level.lock().await;
        self.fill(&mut level);
        level.tokens = level.tokens.min(0.0);
    }

    fn fill(&self, level: &mut Level) {
        let now = Instant::now();
        let passed = now.saturating_duration_since(level.at).as_secs_f64();
        level.tokens = (level.tokens + passed * self.refill).min(self.burst);
        level.at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> AccountId {
        AccountId::parse("111122223333").unwrap()
    }

    fn region() -> Region {
        Region::parse("eu-central-1").unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn half_of_the_burst_is_free_then_half_of_the_rate() {
        let limiter = Limiter::default();
        let began = Instant::now();
        for _ in 0..10 {
            limiter.acquire(&account(), &region(), Bucket::TaskDefinitionModify, Priority::Scan).await;
        }
        assert_eq!(began.elapsed(), Duration::ZERO);
        for _ in 0..5 {
            limiter.acquire(&account(), &region(), Bucket::TaskDefinitionModify, Priority::Scan).await;
        }
        // 0.5 tokens a second; tokio rounds each sleep up to a millisecond.
        assert_eq!(began.elapsed().as_secs(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn accounts_regions_and_buckets_do_not_share() {
        let limiter = Limiter::default();
        let began = Instant::now();
        for _ in 0..10 {
            limiter.acquire(&account(), &region(), Bucket::TagModify, Priority::Scan).await;
            limiter.acquire(&account(), &region(), Bucket::TaskDefinitionModify, Priority::Scan).await;
            let other = Region::parse("us-east-1").unwrap();
            limiter.acquire(&account(), &other, Bucket::TagModify, Priority::Scan).await;
            let other = AccountId::parse("444455556666").unwrap();
            limiter.acquire(&other, &region(), Bucket::TagModify, Priority::Scan).await;
        }
        assert_eq!(began.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_overtakes_scans_that_wait() {
        let limiter = Arc::new(Limiter::default());
        limiter.drain(&account(), &region(), Bucket::ServiceRead).await;
        let served = Arc::new(Mutex::new(Vec::new()));
        let mut callers = tokio::task::JoinSet::new();
        for number in 0..6 {
            let (limiter, served) = (Arc::clone(&limiter), Arc::clone(&served));
            callers.spawn(async move {
                let priority = if number == 5 { Priority::Watch } else { Priority::Scan };
                limiter.acquire(&account(), &region(), Bucket::ServiceRead, priority).await;
                served.lock().unwrap().push(number);
            });
        }
        callers.join_all().await;
        assert_eq!(*served.lock().unwrap(), [5, 0, 1, 2, 3, 4]);
    }

    #[tokio::test(start_paused = true)]
    async fn scans_that_wait_go_on_several_at_once_and_no_faster() {
        let limiter = Limiter::default();
        limiter.drain(&account(), &region(), Bucket::ServiceRead).await;
        let began = Instant::now();
        let mut served = Vec::new();
        for _ in 0..12 {
            limiter.acquire(&account(), &region(), Bucket::ServiceRead, Priority::Scan).await;
            served.push(began.elapsed().as_millis() / 10 * 10);
        }
        assert_eq!(served, [500, 500, 500, 500, 500, 1000, 1000, 1000, 1000, 1000, 1500, 1500]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttle_empties_the_bucket() {
        let limiter = Limiter::default();
        limiter.drain(&account(), &region(), Bucket::ServiceRead).await;
        let began = Instant::now();
        limiter.acquire(&account(), &region(), Bucket::ServiceRead, Priority::Watch).await;
        assert_eq!(began.elapsed(), Duration::from_millis(100));
    }
}
