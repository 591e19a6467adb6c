//! Rate limits: so many calls in an hour for everybody, and so much content in a minute.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::reply::Refusal;
use crate::clock::later;

/// What a call draws from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Resource {
    Core,
    GraphQl,
}

impl Resource {
    fn word(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::GraphQl => "graphql",
        }
    }
}

/// The limits of everybody who has called.
#[derive(Debug)]
pub(super) struct Limits {
    /// Calls an hour; GitHub's number is 5,000.
    per_hour: u32,
    /// Whether creating content is limited, too.
    secondary: bool,
    windows: BTreeMap<(String, Resource), Window>,
    created: BTreeMap<String, VecDeque<Timestamp>>,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    used: u32,
    resets: Timestamp,
}

const HOUR: Duration = Duration::from_hours(1);
const MINUTE: Duration = Duration::from_mins(1);
/// "No more than 80 content-generating requests per minute and 500 per hour": GitHub's documentation of rate limits.
const CREATED_PER_MINUTE: usize = 80;
const CREATED_PER_HOUR: usize = 500;

const ABOUT: &str = "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api";

impl Limits {
    pub(super) fn new(per_hour: u32, secondary: bool) -> Self {
        Self { per_hour, secondary, windows: BTreeMap::new(), created: BTreeMap::new() }
    }

    fn window(&mut self, who: &str, resource: Resource, now: Timestamp) -> &mut Window {
        let fresh = Window { used: 0, resets: later(now, HOUR) };
        let window = self.windows.entry((who.to_owned(), resource)).or_insert(fresh);
        if window.resets <= now {
            *window = fresh;
        }
        window
    }

    /// Counts a call, or refuses it.
    pub(super) fn admit(
        &mut self,
        who: &str,
        resource: Resource,
        creates: bool,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let limit = self.per_hour;
        let window = self.window(who, resource, now);
        if window.used >= limit {
            return Err(exhausted(who));
        }
        window.used += 1;
        if creates && self.secondary {
            self.create(who, now)?;
        }
        Ok(())
    }

    fn create(&mut self, who: &str, now: Timestamp) -> Result<(), Refusal> {
        let made = self.created.entry(who.to_owned()).or_default();
        while made.front().is_some_and(|at| later(*at, HOUR) <= now) {
            made.pop_front();
        }
        let wait = |free_at: Timestamp| {
            let seconds = free_at.duration_since(now).as_secs().max(1);
            Err(too_much(u64::try_from(seconds).unwrap_or(1)))
        };
        let nth_back = |count: usize| made.len().checked_sub(count).and_then(|index| made.get(index));
        if let Some(at) = nth_back(CREATED_PER_HOUR) {
            return wait(later(*at, HOUR));
        }
        if let Some(at) = nth_back(CREATED_PER_MINUTE).filter(|at| later(**at, MINUTE) > now) {
            return wait(later(*at, MINUTE));
        }
        made.push_back(now);
        Ok(())
    }

    /// Gives a call back that cost nothing: 304.
    pub(super) fn give_back(&mut self, who: &str, resource: Resource, now: Timestamp) {
        let window = self.window(who, resource, now);
        window.used = window.used.saturating_sub(1);
    }

    /// Only so many calls are left until the window ends.
    pub(super) fn leave(&mut self, who: &str, calls: u32, now: Timestamp) {
        let used = self.per_hour.saturating_sub(calls);
        for resource in [Resource::Core, Resource::GraphQl] {
            self.window(who, resource, now).used = used;
        }
    }

    /// `x-ratelimit-*`
    pub(super) fn headers(
        &mut self,
        who: &str,
        resource: Resource,
        now: Timestamp,
    ) -> [(&'static str, String); 5] {
        let limit = self.per_hour;
        let window = *self.window(who, resource, now);
        [
            ("x-ratelimit-limit", limit.to_string()),
            ("x-ratelimit-remaining", limit.saturating_sub(window.used).to_string()),
            ("x-ratelimit-reset", window.resets.as_second().to_string()),
            ("x-ratelimit-used", window.used.to_string()),
            ("x-ratelimit-resource", resource.word().to_owned()),
        ]
    }

    /// `GET /rate_limit`
    pub(super) fn overview(&mut self, who: &str, now: Timestamp) -> Value {
        let limit = self.per_hour;
        let mut show = |resource| {
            let window = *self.window(who, resource, now);
            json!({
                "limit": limit,
                "used": window.used,
                "remaining": limit.saturating_sub(window.used),
                "reset": window.resets.as_second(),
            })
        };
        let (core, graphql) = (show(Resource::Core), show(Resource::GraphQl));
        // Search has a limit of its own that nothing here draws from.
        let search =
            json!({"limit": 30, "used": 0, "remaining": 30, "reset": later(now, MINUTE).as_second()});
        json!({"resources": {"core": core, "search": search, "graphql": graphql}, "rate": core})
    }
}

/// The hour's calls are used up.
pub(super) fn exhausted(who: &str) -> Refusal {
    let message = format!("API rate limit exceeded for {who}.");
    Refusal::new(StatusCode::FORBIDDEN, message).documented_at(ABOUT)
}

/// Too much at once.
pub(super) fn too_much(seconds: u64) -> Refusal {
    let message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
    Refusal::new(StatusCode::FORBIDDEN, message)
        .documented_at(&format!("{ABOUT}#about-secondary-rate-limits"))
        .with_header("retry-after", seconds.to_string())
}
