//! AWS's documented token buckets of the ECS API, per account and region.
//!
//! The numbers are those of "Request throttling for the Amazon ECS API": all actions of a bucket share it, as do
//! all callers of the account. They refill in simulated time.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// One of ECS's API buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Bucket {
    ServiceRead,
    ServiceModify,
    TaskDefinitionRead,
    TaskDefinitionModify,
    ServiceDeployment,
    ServiceRevision,
    ClusterResourceRead,
    ClusterResourceModify,
    ClusterRead,
    ClusterModify,
    TagRead,
    TagModify,
}

impl Bucket {
    /// The bucket of an ECS operation. `StopServiceDeployment` and `ContinueServiceDeployment` are in no documented
    /// bucket; they share that of the other service deployment calls.
    fn of(operation: &str) -> Option<Self> {
        Some(match operation {
            "DescribeServices" | "ListServices" => Self::ServiceRead,
            "CreateService" | "UpdateService" | "DeleteService" => Self::ServiceModify,
            "DescribeTaskDefinition" | "ListTaskDefinitions" => Self::TaskDefinitionRead,
            "RegisterTaskDefinition" | "DeregisterTaskDefinition" => Self::TaskDefinitionModify,
            "DescribeServiceDeployments"
            | "ListServiceDeployments"
            | "StopServiceDeployment"
            | "ContinueServiceDeployment" => Self::ServiceDeployment,
            "DescribeServiceRevisions" => Self::ServiceRevision,
            "DescribeTasks" | "ListTasks" => Self::ClusterResourceRead,
            "RunTask" | "StopTask" => Self::ClusterResourceModify,
            "DescribeClusters" | "ListClusters" => Self::ClusterRead,
            "CreateCluster" | "DeleteCluster" => Self::ClusterModify,
            "ListTagsForResource" => Self::TagRead,
            "TagResource" | "UntagResource" => Self::TagModify,
            _ => return None,
        })
    }

    /// Burst size and refill per second.
    fn limits(self) -> (f64, f64) {
        match self {
            Self::ServiceRead | Self::ClusterResourceRead => (100.0, 20.0),
            Self::ServiceModify => (50.0, 5.0),
            Self::TaskDefinitionRead
            | Self::ServiceDeployment
            | Self::ServiceRevision
            | Self::ClusterRead
            | Self::TagRead => (50.0, 20.0),
            Self::TaskDefinitionModify | Self::ClusterModify => (20.0, 1.0),
            Self::ClusterResourceModify => (100.0, 40.0),
            Self::TagModify => (20.0, 10.0),
        }
    }
}

/// The fill of every bucket that was ever used.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    buckets: BTreeMap<(String, String, Bucket), (f64, Timestamp)>,
}

impl Throttle {
    /// Takes a token for an ECS call; false when the call is to be refused.
    pub(crate) fn admit(&mut self, account: &str, region: &str, operation: &str, now: Timestamp) -> bool {
        let Some(bucket) = Bucket::of(operation) else { return true };
        let (burst, refill) = bucket.limits();
        let key = (account.to_owned(), region.to_owned(), bucket);
        let (tokens, at) = self.buckets.entry(key).or_insert((burst, now));
        *tokens = (*tokens + now.duration_since(*at).as_secs_f64().max(0.0) * refill).min(burst);
        *at = now;
        if *tokens < 1.0 {
            return false;
        }
        *tokens -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::later;

    #[test]
    fn task_definitions_register_20_at_once_then_one_a_second() {
        let mut throttle = Throttle::default();
        let now = Timestamp::UNIX_EPOCH;
        let mut admitted = |at| throttle.admit("111122223333", "us-east-1", "RegisterTaskDefinition", at);
        assert_eq!((0..30).filter(|_| admitted(now)).count(), 20);
        let next = later(now, Duration::from_secs(2));
        assert_eq!((0..30).filter(|_| admitted(next)).count(), 2);
    }

    #[test]
    fn accounts_and_buckets_do_not_share_tokens() {
        let mut throttle = Throttle::default();
        let now = Timestamp::UNIX_EPOCH;
        while throttle.admit("111122223333", "us-east-1", "DescribeServices", now) {}
        assert!(!throttle.admit("111122223333", "us-east-1", "ListServices", now));
        assert!(throttle.admit("111122223333", "us-east-1", "DescribeTasks", now));
        assert!(throttle.admit("444455556666", "us-east-1", "DescribeServices", now));
    }
}
