//! Faults that a test injects: which calls they hit, and what goes wrong with them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What goes wrong with a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Fault {
    /// Refused with `ThrottlingException: Rate exceeded` (S3: `SlowDown`; GitHub: the secondary rate limit, for a minute).
    Throttle,
    /// Refused with `AccessDeniedException` (GitHub: 403, `Resource not accessible by integration`).
    AccessDenied,
    /// Answered with HTTP 500; nothing is applied.
    ServerError500,
    /// Answered with HTTP 503; nothing is applied.
    ServiceUnavailable503,
    /// The connection is closed before the call is applied.
    Reset,
    /// The call is applied, then the connection is closed without a reply.
    LostReply,
    /// The call is applied; the reply announces its full length, half of it is sent, then the connection closes.
    TruncateBody,
    /// The call is applied; the reply is well framed but holds only the first half of the body.
    HalfBody,
    /// The call waits (in real time), then goes on as usual. Over HTTP: `{"Delay": seconds}`.
    Delay(#[serde(with = "seconds")] Duration),
    /// The call is applied at once, and the reply waits (in real time). Over HTTP: `{"LateReply": seconds}`.
    LateReply(#[serde(with = "seconds")] Duration),
    /// Refused with `ExpiredTokenException` (GitHub: 401, `Bad credentials`).
    ExpiredToken,
    /// GitHub only: the primary rate limit is used up, and comes back in a minute.
    QuotaExhausted,
    /// GitHub only: refused with this status and message, such as 405 and `Base branch was modified. Review and try the merge
    /// again.`; nothing is applied.
    Refuse {
        /// The HTTP status.
        status: u16,
        /// GitHub's words.
        message: String,
    },
}

/// Which calls a fault hits. Absent conditions match everything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FaultRule {
    /// `ecs`, `secretsmanager`, `s3`, `sts` or `github`.
    #[serde(default)]
    pub service: Option<String>,
    /// The operation's name in AWS's API; at GitHub, method and path template: `POST /repos/{owner}/{repo}/pulls`.
    #[serde(default)]
    pub operation: Option<String>,
    /// A text that the request's body or path contains.
    #[serde(default)]
    pub resource_contains: Option<String>,
    /// The operation after whose next call the fault begins.
    #[serde(default)]
    pub after: Option<String>,
    /// How many matching calls pass before the fault begins.
    #[serde(default)]
    pub skip: u32,
    /// How many calls it hits; absent: all that follow.
    #[serde(default)]
    pub times: Option<u32>,
    /// What goes wrong.
    pub fault: Fault,
}

impl FaultRule {
    /// A rule that hits every call; narrow it with the other methods.
    pub fn new(fault: Fault) -> Self {
        Self {
            service: None,
            operation: None,
            resource_contains: None,
            after: None,
            skip: 0,
            times: None,
            fault,
        }
    }

    /// Only calls of this service.
    #[must_use]
    pub fn service(mut self, service: &str) -> Self {
        self.service = Some(service.to_owned());
        self
    }

    /// Only calls of this operation.
    #[must_use]
    pub fn operation(mut self, operation: &str) -> Self {
        self.operation = Some(operation.to_owned());
        self
    }

    /// Only calls whose body or path contains this text.
    #[must_use]
    pub fn resource_contains(mut self, text: &str) -> Self {
        self.resource_contains = Some(text.to_owned());
        self
    }

    /// Only calls that come after the next call of this operation.
    #[must_use]
    pub fn after(mut self, operation: &str) -> Self {
        self.after = Some(operation.to_owned());
        self
    }

    /// Lets this many matching calls pass first.
    #[must_use]
    pub fn skip(mut self, calls: u32) -> Self {
        self.skip = calls;
        self
    }

    /// Hits at most this many calls.
    #[must_use]
    pub fn times(mut self, calls: u32) -> Self {
        self.times = Some(calls);
        self
    }
}

/// The rules in force, in the order in which they were added, with how often each matched.
#[derive(Debug, Default)]
pub(crate) struct FaultBook {
    rules: Vec<(FaultRule, u32)>,
    /// How many calls were hit since the rules were last removed.
    struck: usize,
}

/// What a rule is matched against.
pub(crate) struct FaultSubject<'a> {
    pub(crate) service: &'a str,
    pub(crate) operation: &'a str,
    pub(crate) path: &'a str,
    pub(crate) body: &'a [u8],
}

impl FaultBook {
    pub(crate) fn add(&mut self, rule: FaultRule) {
        self.rules.push((rule, 0));
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
        self.struck = 0;
    }

    pub(crate) fn struck(&self) -> usize {
        self.struck
    }

    /// The fault of the first rule that hits this call. Rules that match but skip it count it.
    pub(crate) fn strike(&mut self, subject: &FaultSubject<'_>) -> Option<Fault> {
        let fault = self.rules.iter_mut().find_map(|(rule, matched)| {
            if let Some(operation) = rule.after.as_deref() {
                if operation == subject.operation {
                    rule.after = None;
                }
                return None;
            }
            if !matches(rule, subject) {
                return None;
            }
            let earlier = *matched;
            *matched = matched.saturating_add(1);
            let hits = earlier >= rule.skip && rule.times.is_none_or(|times| earlier - rule.skip < times);
            hits.then(|| rule.fault.clone())
        });
        self.struck += usize::from(fault.is_some());
        fault
    }
}

fn matches(rule: &FaultRule, subject: &FaultSubject<'_>) -> bool {
    rule.service.as_deref().is_none_or(|service| service == subject.service)
        && rule.operation.as_deref().is_none_or(|operation| operation == subject.operation)
        && rule.resource_contains.as_deref().is_none_or(|text| {
            subject.path.contains(text) || String::from_utf8_lossy(subject.body).contains(text)
        })
}

mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(value.as_secs_f64())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        Duration::try_from_secs_f64(f64::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn describe(body: &[u8]) -> FaultSubject<'_> {
        FaultSubject { service: "ecs", operation: "DescribeServices", path: "/", body }
    }

    #[test]
    fn a_rule_skips_then_hits_then_ends() {
        let mut book = FaultBook::default();
        book.add(FaultRule::new(Fault::Throttle).operation("DescribeServices").skip(1).times(2));
        let struck: Vec<bool> = (0..5).map(|_| book.strike(&describe(b"{}")).is_some()).collect();
        assert_eq!(struck, [false, true, true, false, false]);
        assert_eq!(book.struck(), 2);
        book.clear();
        assert_eq!(book.struck(), 0);
    }

    #[test]
    fn a_rule_begins_after_an_operation() {
        let mut book = FaultBook::default();
        book.add(FaultRule::new(Fault::Reset).after("UpdateService"));
        assert_eq!(book.strike(&describe(b"{}")), None);
        let update = FaultSubject { operation: "UpdateService", ..describe(b"{}") };
        assert_eq!(book.strike(&update), None);
        assert_eq!(book.strike(&update), Some(Fault::Reset));
        assert_eq!(book.strike(&describe(b"{}")), Some(Fault::Reset));
    }

    #[test]
    fn a_rule_narrowed_to_a_resource_leaves_the_others_alone() {
        let mut book = FaultBook::default();
        book.add(FaultRule::new(Fault::Reset).service("ecs").resource_contains("billing"));
        assert_eq!(book.strike(&describe(br#"{"services":["web"]}"#)), None);
        assert_eq!(book.strike(&describe(br#"{"services":["billing"]}"#)), Some(Fault::Reset));
    }

    #[test]
    fn a_rule_reads_from_json() {
        let rule: FaultRule =
            serde_json::from_str(r#"{"operation":"GetObject","times":1,"fault":{"Delay":0.5}}"#).unwrap();
        assert_eq!(
            rule,
            FaultRule::new(Fault::Delay(Duration::from_millis(500))).operation("GetObject").times(1)
        );
    }
}
