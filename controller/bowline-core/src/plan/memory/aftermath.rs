//! What is known and was done after a rollout ended.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::diff::Difference;
use crate::live::{ProbeOutcome, ProbeResult, StoppedContainer};

/// What is known and was done after a rollout ended.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Aftermath {
    /// True when Bowline made the call that began it, false when it was taken over.
    pub ours: bool,
    /// When the verdict fell.
    pub ended_at: Option<Timestamp>,
    /// True when it is bad by its health conditions: ECS calls such a deployment completed.
    pub unhealthy: bool,
    /// When Bowline was about to ask ECS to stop the deployment and to go back: after a crash nobody knows whether it did.
    pub stop_begun_at: Option<Timestamp>,
    /// When it had asked.
    pub stopped_at: Option<Timestamp>,
    /// What speaks for a bad verdict.
    pub evidence: Option<Evidence>,
    /// The commits whose `Bowline-Retry` trailer this attempt, and earlier ones of the same spec, have used up.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub retries: BTreeSet<String>,
}

/// What speaks for a bad verdict. Bounded in size, and without any confidential value.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Evidence {
    /// What ECS said of the service since the rollout began, newest first.
    pub events: Vec<EvidenceEvent>,
    /// Tasks of the deployment that failed, grouped by how; absent while they could not be read.
    pub tasks: Option<Vec<StoppedGroup>>,
    /// Why the tasks could not be read so far.
    pub unread: Option<String>,
    /// Where the logs of tasks that failed are, as far as the task definition says so.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub logs: Vec<LogStream>,
    /// Health conditions that were false.
    pub probes: Vec<ProbeResult>,
    /// What the rollout changed, values by their length.
    pub changed: Vec<Difference>,
}

/// What ECS said of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EvidenceEvent {
    /// When.
    pub at: Timestamp,
    /// In ECS's own words.
    pub message: String,
}

/// A stream of CloudWatch Logs, in which a container of a task that failed wrote. What it wrote is never read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogStream {
    /// The log group.
    pub group: String,
    /// The stream: prefix, container and task.
    pub stream: String,
    /// Its region, where the task definition names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

/// The command that reads it.
impl fmt::Display for LogStream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (group, stream) = (quoted(&self.group), quoted(&self.stream));
        write!(formatter, "aws logs get-log-events --log-group-name {group} --log-stream-name {stream}")?;
        self.region.as_ref().map_or(Ok(()), |region| write!(formatter, " --region {}", quoted(region)))
    }
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_./:".contains(character);
    if word.chars().all(is_plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

/// Tasks that failed in the same way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoppedGroup {
    /// How many.
    pub count: u32,
    /// When the last of them stopped.
    pub last_at: Option<Timestamp>,
    /// AWS's word for how.
    pub stop_code: String,
    /// AWS's sentence, task ids taken out.
    pub reason: String,
    /// Containers that ended with an error, or with a reason.
    pub containers: Vec<StoppedContainer>,
}

/// `3 EssentialContainerExited: Essential container in task exited; app exited with 1`.
impl fmt::Display for StoppedGroup {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.count, self.stop_code)?;
        if !self.reason.is_empty() {
            write!(formatter, ": {}", self.reason)?;
        }
        for container in &self.containers {
            match container.exit_code {
                Some(code) => write!(formatter, "; {} exited with {code}", container.name)?,
                None => write!(formatter, "; {} did not run", container.name)?,
            }
            if let Some(reason) = container.reason.as_ref().filter(|reason| **reason != self.reason) {
                write!(formatter, " ({reason})")?;
            }
        }
        Ok(())
    }
}

impl Evidence {
    /// Without what answers to probes held: that stays in the store.
    #[must_use]
    pub fn without_bodies(mut self) -> Self {
        for probe in &mut self.probes {
            probe.body = None;
        }
        self
    }

    /// What wrong answers to probes held: the condition, when, and the text.
    pub fn bodies(&self) -> impl Iterator<Item = (&str, Timestamp, &str)> {
        let bodies = self.probes.iter().filter_map(|probe| Some((probe, probe.body.as_ref()?)));
        bodies.map(|(probe, body)| (probe.condition.as_str(), probe.at, body.text()))
    }

    /// The health conditions that were false, each with its last answer and when that came.
    pub fn failed_probes(&self) -> impl Iterator<Item = (&str, &str, Timestamp)> {
        self.probes.iter().filter_map(|probe| match &probe.outcome {
            ProbeOutcome::Failed(what) | ProbeOutcome::Unknown(what) | ProbeOutcome::Refused(what) => {
                Some((probe.condition.as_str(), what.as_str(), probe.at))
            }
            ProbeOutcome::Passed => None,
        })
    }

    /// The most frequent failure of tasks, as the end of a sentence: "; 3 tasks: Essential container in task exited, app exited
    /// with 1". Empty where none is known.
    pub(crate) fn summary(&self) -> String {
        let Some(group) = self.tasks.iter().flatten().next() else { return String::new() };
        let tasks = if group.count == 1 { "1 task".to_owned() } else { format!("{} tasks", group.count) };
        let how = if group.reason.is_empty() { &group.stop_code } else { &group.reason };
        let exits = group.containers.iter().filter_map(|one| Some((&one.name, one.exit_code?)));
        let exits = exits.map(|(name, code)| format!("{name} exited with {code}"));
        let parts: Vec<String> = std::iter::once(how.clone()).chain(exits).collect();
        format!("; {tasks}: {}", parts.join(", "))
    }
}
