//! The record of every call that the simulator answered, for tests to read.

use std::collections::VecDeque;

use serde::Serialize;

/// One call as the simulator saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CallRecord {
    /// `ecs`, `secretsmanager`, `application-autoscaling`, `s3`, `sts` or `github`.
    pub service: String,
    /// The operation's name in AWS's API, such as `DescribeServices` or `HeadObject`; at GitHub, method and path template,
    /// such as `POST /repos/{owner}/{repo}/pulls`.
    pub operation: String,
    /// The account that the caller's access key belongs to; at GitHub, the caller's login.
    pub account: String,
    /// The region of the request's signature; GitHub has none.
    pub region: String,
    /// The HTTP status of the reply; 0 when the connection was closed without one.
    pub status: u16,
    /// Simulated time of the call.
    pub at: jiff::Timestamp,
    /// What the call was about, where one field says so: a service, a task definition, a secret, `bucket/key`;
    /// at GitHub, the path.
    pub resource: Option<String>,
}

/// The newest calls. Bounded, so that a demo left running for days does not grow without end.
#[derive(Debug, Default)]
pub(crate) struct CallLog {
    records: VecDeque<CallRecord>,
}

/// Far above what one test makes, and about 40 MB.
const KEPT: usize = 200_000;

impl CallLog {
    pub(crate) fn push(&mut self, record: CallRecord) {
        if self.records.len() == KEPT {
            self.records.pop_front();
        }
        self.records.push_back(record);
    }

    pub(crate) fn all(&self) -> Vec<CallRecord> {
        self.records.iter().cloned().collect()
    }

    pub(crate) fn clear(&mut self) {
        self.records.clear();
    }
}
