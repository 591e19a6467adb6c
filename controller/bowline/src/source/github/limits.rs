//! When GitHub may be called again: what one call learns of its limits, all calls keep to.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// What a call draws from: REST and GraphQL have quotas of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Quota {
    /// The REST API.
    Core,
    /// The GraphQL API.
    GraphQl,
}

/// Which of GitHub's limits is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    /// So many calls an hour, from one quota.
    Primary(Quota),
    /// Too much at once, whatever was called.
    Secondary,
}

impl Limit {
    /// As GitHub calls it.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Primary(_) => "primary",
            Self::Secondary => "secondary",
        }
    }
}

/// How much of a quota is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Left {
    /// How many calls it allows.
    pub(super) limit: u64,
    /// How many of them are left.
    pub(super) remaining: u64,
    /// When it begins anew.
    pub(super) until: Timestamp,
}

impl Left {
    /// Whether so little is left that it is kept for what cannot wait: less than a tenth. A rollback is some dozen calls, and one that
    /// waits for a person 59 in the first hour and 12 in each after that; the rest is for others who use the same token.
    fn is_reserve(self) -> bool {
        self.remaining.saturating_mul(10) < self.limit
    }
}

/// The limits that are reached, and until when; and what is left of the others.
#[derive(Debug, Default)]
pub(super) struct Limits {
    primary: BTreeMap<Quota, Timestamp>,
    secondary: Option<Timestamp>,
    left: BTreeMap<Quota, Left>,
}

impl Limits {
    /// Notes a limit that is reached.
    pub(super) fn reached(&mut self, limit: Limit, until: Timestamp) {
        match limit {
            Limit::Primary(quota) => drop(self.primary.insert(quota, until)),
            Limit::Secondary => self.secondary = self.secondary.max(Some(until)),
        }
    }

    /// Notes what an answer says is left.
    pub(super) fn left(&mut self, quota: Quota, left: Left) {
        self.left.insert(quota, left);
    }

    /// What is left of a quota, where that is too little now for what can wait.
    pub(super) fn reserve(&self, quota: Quota, now: Timestamp) -> Option<Left> {
        self.left.get(&quota).copied().filter(|left| left.is_reserve() && left.until > now)
    }

    /// The limit that keeps a call from being sent now, and until when.
    pub(super) fn holds(&self, quota: Quota, now: Timestamp) -> Option<(Limit, Timestamp)> {
        let primary = self.primary.get(&quota).map(|until| (Limit::Primary(quota), *until));
        let secondary = self.secondary.map(|until| (Limit::Secondary, until));
        let holding = [primary, secondary].into_iter().flatten().filter(|(_, until)| *until > now);
        holding.max_by_key(|(_, until)| *until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_than_a_tenth_of_a_quota_is_kept_until_it_begins_anew() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let left = |remaining| Left { limit: 5_000, remaining, until: at(100) };
        let mut limits = Limits::default();
        assert_eq!(limits.reserve(Quota::Core, at(0)), None);
        limits.left(Quota::Core, left(500));
        assert_eq!(limits.reserve(Quota::Core, at(0)), None);
        limits.left(Quota::Core, left(499));
        assert_eq!(limits.reserve(Quota::Core, at(99)), Some(left(499)));
        assert_eq!(limits.reserve(Quota::GraphQl, at(99)), None);
        assert_eq!(limits.reserve(Quota::Core, at(100)), None, "the hour began anew");
        assert_eq!(limits.holds(Quota::Core, at(0)), None, "what cannot wait is sent");
        limits.left(Quota::Core, left(4_000));
        assert_eq!(limits.reserve(Quota::Core, at(0)), None);
    }

    #[test]
    fn a_quota_holds_its_own_calls_and_a_secondary_limit_all_until_they_end() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut limits = Limits::default();
        assert_eq!(limits.holds(Quota::Core, at(0)), None);
        limits.reached(Limit::Primary(Quota::Core), at(100));
        assert_eq!(limits.holds(Quota::Core, at(99)), Some((Limit::Primary(Quota::Core), at(100))));
        assert_eq!(limits.holds(Quota::GraphQl, at(99)), None);
        assert_eq!(limits.holds(Quota::Core, at(100)), None);
        limits.reached(Limit::Secondary, at(60));
        limits.reached(Limit::Secondary, at(50));
        assert_eq!(limits.holds(Quota::GraphQl, at(59)), Some((Limit::Secondary, at(60))));
        assert_eq!(limits.holds(Quota::Core, at(59)), Some((Limit::Primary(Quota::Core), at(100))));
    }
}
