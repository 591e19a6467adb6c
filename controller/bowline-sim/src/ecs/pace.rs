//! What holds a deployment back on purpose: PAUSE lifecycle hooks and bake time.
//!
//! Simplified: whatever its strategy, a deployment replaces its tasks first, and pauses and bakes before it completes. A hook
//! for several stages pauses at each.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::service::Service;
use super::shape::epoch;
use crate::clock::later;
use crate::ids::Ids;

/// How long a hook waits unless it says otherwise.
const HOOK_MINUTES: u64 = 24 * 60;

/// How far a deployment is in what holds it back.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// How many pauses are over.
    passed: usize,
    /// The one that waits.
    waits: Option<Wait>,
    /// Until when it bakes.
    bakes_until: Option<Timestamp>,
}

/// A hook that waits for `ContinueServiceDeployment`.
#[derive(Debug, Clone)]
struct Wait {
    hook: String,
    stage: String,
    expires_at: Timestamp,
    action: String,
}

/// What came of a deployment that would complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Held {
    No,
    Yes,
    /// A hook timed out, and goes back.
    GoesBack,
}

impl Pace {
    /// Whether a deployment with this configuration may complete now.
    pub(super) fn hold(&mut self, configuration: &Map<String, Value>, at: Timestamp, ids: &mut Ids) -> Held {
        let pauses = pauses(configuration);
        if let Some(wait) = self.waits.clone() {
            if at < wait.expires_at {
                return Held::Yes;
            }
            self.waits = None;
            self.passed += 1;
            if wait.action == "ROLLBACK" {
                return Held::GoesBack;
            }
        }
        if let Some((stage, minutes, action)) = pauses.get(self.passed) {
            self.waits = Some(Wait {
                hook: ids.short(),
                stage: stage.clone(),
                expires_at: later(at, Duration::from_mins(*minutes)),
                action: action.clone(),
            });
            return Held::Yes;
        }
        let bakes = configuration.get("bakeTimeInMinutes").and_then(Value::as_u64).unwrap_or_default();
        let until = *self.bakes_until.get_or_insert_with(|| later(at, Duration::from_mins(bakes)));
        if at < until { Held::Yes } else { Held::No }
    }

    /// Ends the wait of a hook; false if that does not wait.
    pub(super) fn go_on(&mut self, hook: &str) -> bool {
        let waits = self.waits.as_ref().is_some_and(|wait| wait.hook == hook);
        if waits {
            self.waits = None;
            self.passed += 1;
        }
        waits
    }

    /// When something falls due.
    pub(super) fn due(&self) -> Option<Timestamp> {
        self.waits.as_ref().map(|wait| wait.expires_at).or(self.bakes_until)
    }

    /// `lifecycleStage` and `lifecycleHookDetails` of a deployment under way.
    pub(super) fn render(&self) -> (Option<&str>, Vec<Value>) {
        match &self.waits {
            Some(wait) => {
                let details = json!({
                    "hookId": wait.hook,
                    "targetType": "PAUSE",
                    "status": "AWAITING_ACTION",
                    "expiresAt": epoch(wait.expires_at),
                    "timeoutAction": wait.action,
                });
                (Some(&wait.stage), vec![details])
            }
            None => (self.bakes_until.map(|_| "BAKE_TIME"), Vec::new()),
        }
    }
}

/// Stage, minutes and what comes after them, of each pause.
fn pauses(configuration: &Map<String, Value>) -> Vec<(String, u64, String)> {
    let hooks = configuration.get("lifecycleHooks").and_then(Value::as_array);
    let pauses = hooks.into_iter().flatten().filter(|hook| hook["targetType"] == "PAUSE");
    pauses
        .flat_map(|hook| {
            let timeout = &hook["timeoutConfiguration"];
            let minutes = timeout["timeoutInMinutes"].as_u64().unwrap_or(HOOK_MINUTES);
            let action = timeout["action"].as_str().unwrap_or("ROLLBACK").to_owned();
            let stages = hook["lifecycleStages"].as_array().into_iter().flatten();
            stages.map(move |stage| (stage.as_str().unwrap_or_default().to_owned(), minutes, action.clone()))
        })
        .collect()
}

impl Service {
    /// Whether the PRIMARY deployment, which runs well, is held back.
    pub(super) fn is_held(&mut self, at: Timestamp, ids: &mut Ids) -> bool {
        let Some(primary) = self.deployments.first().filter(|primary| !primary.rollback) else {
            return false;
        };
        let record = &mut self.records[primary.record];
        match record.pace.hold(&record.configuration, at, ids) {
            Held::No => false,
            Held::Yes => {
                self.touch();
                true
            }
            Held::GoesBack => {
                self.roll_back_on_request(at, ids);
                true
            }
        }
    }
}
