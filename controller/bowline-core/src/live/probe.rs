//! What was found of a service beside DescribeServices: answers to health conditions, pauses of a deployment, tasks that
//! stopped.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One answer to one health condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProbeResult {
    /// The condition, by what it is called: `http https://web.example.com/healthz`.
    pub condition: String,
    /// When the answer came.
    pub at: Timestamp,
    /// What it says.
    pub outcome: ProbeOutcome,
    /// What a wrong answer held, where it held text. It goes nowhere but into the store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<ProbeBody>,
}

/// The beginning of what an answer to a probe held, as text. It may be confidential: where it is debugged, only its size shows.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProbeBody(String);

impl ProbeBody {
    /// How many bytes are kept.
    pub const MOST_BYTES: usize = 2 << 10;

    /// The beginning of an answer; none if there is no text in it. What is not UTF-8 is replaced, and control characters that
    /// would change a terminal are taken out.
    pub fn of(answer: &[u8]) -> Option<Self> {
        let begin = answer.get(..Self::MOST_BYTES).unwrap_or(answer);
        let text = String::from_utf8_lossy(begin).replace("\r\n", "\n");
        let shown = |character: &char| !character.is_control() || matches!(character, '\n' | '\t');
        let mut kept = String::new();
        for character in text.chars().filter(shown) {
            // What was replaced is longer than what was there.
            if kept.len() + character.len_utf8() > Self::MOST_BYTES {
                break;
            }
            kept.push(character);
        }
        let kept = kept.trim_end();
        (!kept.trim_start().is_empty()).then(|| Self(kept.to_owned()))
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ProbeBody {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ProbeBody({} bytes)", self.0.len())
    }
}

/// What an answer says of a health condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "outcome", content = "what")]
pub enum ProbeOutcome {
    /// The condition is true.
    Passed,
    /// It is false, and how, as a sentence without any of the answer's body: "answered 503 with 12 bytes".
    Failed(String),
    /// Nobody can say: AWS could not be asked, and why.
    Unknown(String),
    /// It is not asked, and why: the ceiling does not allow it, or nothing is there to ask.
    Refused(String),
}

/// Where a deployment stands inside ECS.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentProgress {
    /// What it waits for on purpose, if it does.
    pub pause: Option<Pause>,
}

/// A wait inside of a deployment that somebody asked for: it does not count against the deadline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "pause")]
pub enum Pause {
    /// A PAUSE lifecycle hook waits for ContinueServiceDeployment.
    #[serde(rename_all = "camelCase")]
    Hook {
        /// The hook, as ContinueServiceDeployment takes it.
        hook_id: String,
        /// The stage that it holds.
        stage: String,
        /// When ECS decides by itself.
        until: Option<Timestamp>,
    },
    /// Both revisions run side by side before the old one is removed (`bakeTimeInMinutes`).
    BakeTime,
    /// Traffic moves in steps, each with its own bake time (LINEAR, CANARY).
    TrafficShift,
}

/// A task that stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoppedTask {
    /// Its id, the last part of its ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// When.
    pub stopped_at: Option<Timestamp>,
    /// AWS's word for how.
    pub stop_code: Option<String>,
    /// AWS's sentence.
    pub reason: Option<String>,
    /// Its containers, in AWS's order.
    pub containers: Vec<StoppedContainer>,
}

/// A container of a task that stopped.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoppedContainer {
    /// Its name.
    pub name: String,
    /// Absent when it never ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// AWS's sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_answer_the_beginning_is_kept_and_never_debugged() {
        let kept = |answer: &[u8]| ProbeBody::of(answer).map(|body| body.text().to_owned());
        assert_eq!(kept(b"no\r\n\tdatabase\x1b[31m\n").as_deref(), Some("no\n\tdatabase[31m"));
        assert_eq!((kept(b""), kept(b" \r\n")), (None, None));
        for answer in [vec![b'a'; 5_000], vec![0xff; 5_000], "\u{20ac}".repeat(5_000).into_bytes()] {
            let body = kept(&answer).unwrap();
            assert!(body.len() <= 2_048 && body.len() > 2_044, "{}", body.len());
        }
        let body = ProbeBody::of(b"password=hunter2");
        assert_eq!(format!("{body:?}"), "Some(ProbeBody(16 bytes))");
    }
}
