//! States and reasons as sentences.

use std::fmt;

use super::action::{Action, Operation, TagKey, Wave};
use super::report::{HeldWhy, ResourceReport, Sync, WaitingOn};
use crate::desired::kind::{Capability, Mode};
use crate::desired::{how_to_accept, how_to_retry};
use crate::diff::{Difference, Reason};
use crate::live::Pause;
use crate::name::ResourceName;

impl fmt::Display for Sync {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::InSync => "in sync",
            Self::Drifted => "drifted",
            Self::Progressing => "progressing",
            Self::AwaitingGit => "awaiting git",
            Self::Missing => "missing",
            Self::Unknown => "unknown",
            Self::Invalid => "invalid",
        })
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Observe => "observe",
            Self::Propose => "propose",
            Self::Enforce => "enforce",
        })
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::EcsCreate => "ecs:create",
            Self::EcsDeploy => "ecs:deploy",
            Self::EcsScale => "ecs:scale",
            Self::EcsRestart => "ecs:restart",
            Self::EcsStopDeployment => "ecs:stop-deployment",
            Self::SecretsPromote => "secrets:promote",
        })
    }
}

/// Who sets the limit.
fn by(ceiling: bool) -> &'static str {
    if ceiling { "bowline.yaml" } else { "the Target" }
}

impl fmt::Display for HeldWhy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mode { mode, by_ceiling } => {
                write!(formatter, "mode {mode} (set by {}): nothing is changed", by(*by_ceiling))
            }
            Self::NotPermitted { target, capability, by_ceiling } => write!(
                formatter,
                "Operation not permitted for target {target}: {} does not grant {capability}",
                by(*by_ceiling)
            ),
            Self::OutsideCeiling { what } => write!(formatter, "outside the ceiling of bowline.yaml: {what}"),
            Self::Suspended { until, reason } => {
                write!(formatter, "suspended until {until:.0}, so nothing is done to it: {reason}")
            }
            Self::Quarantined { service, reason, .. } => formatter.write_str(&quarantined(service, reason)),
            Self::CommitFailed { commit, resource, held, spec_hash } => {
                let service = spec_hash.as_ref().map(|_| &held.name);
                commit_failed(formatter, commit, resource, service)
            }
            Self::HealDelay { until } => {
                write!(formatter, "somebody stepped back on purpose, perhaps: it is healed at {until:.0} unless git changes")
            }
            Self::ForcePush { head } => write!(
                formatter,
                "the branch was rewritten since the last applied commit, so nothing is changed; {}",
                how_to_accept(head)
            ),
            Self::StaleGit { reason } => write!(formatter, "git cannot be read, so nothing is changed: {reason}"),
            Self::Shrunk { what, head } => write!(
                formatter,
                "too much vanished from git at once: {what}, so nothing is changed there; {}",
                how_to_accept(head)
            ),
            Self::ChangeLimit { limit } => {
                write!(formatter, "the target allows {limit} changes in one pass; the rest follows in the next ones")
            }
            Self::ActionFailed { operation, message, hint, since, times } => {
                let times = if *times == 1 { "once".to_owned() } else { format!("{times} times") };
                write!(
                    formatter,
                    "failed to {operation} ({times} since {since:.0}, and tried again in each pass): {message}; {hint}"
                )
            }
            Self::OwnedByInstance { owner, resource, service_arn } => {
                formatter.write_str(&owned_by_instance(owner, resource.as_deref(), service_arn))
            }
            Self::OwnedByResource { resource, service_arn } => {
                formatter.write_str(&owned_by_resource(resource, service_arn))
            }
            Self::NotCreatedByBowline => {
                formatter.write_str(
                    "the service does not exist, and its manifest has no `create`: create it, let Bowline create it (add `create`, \
                     and ecs:create to the capabilities), or delete its manifest",
                )
            }
            Self::NewerThanPin { current } => formatter.write_str(&newer_than_pin(current)),
            Self::LabelNotMovedBack { current } => formatter.write_str(&label_not_moved_back(current)),
            Self::VersionMissing => {
                formatter.write_str("the secret has no version with the pinned id: pin one that exists")
            }
            Self::NeedsRecreation { field } => write!(
                formatter,
                "{field} needs recreation: AWS cannot change it on a service that exists, so Bowline does not try"
            ),
            Self::ReportOnly => formatter.write_str("reported only: this version of Bowline does not repair it"),
            Self::NeedsPerson { what } => formatter.write_str(what),
        }
    }
}

fn owned_by_instance(owner: &str, resource: Option<&str>, service_arn: &str) -> String {
    let of = resource.map(|one| format!(", which claimed it for {one}")).unwrap_or_default();
    format!(
        "the service belongs to the Bowline instance `{owner}`{of}: nothing is done to it here. If `{owner}` is to keep it, delete \
         this manifest; otherwise take it out of the git of `{owner}` and then run `{}`",
        untag(service_arn)
    )
}

fn newer_than_pin(current: &str) -> String {
    format!(
        "AWSCURRENT is on {current}, which is newer than the pinned version: pin it in git; it is never moved back"
    )
}

fn label_not_moved_back(current: &str) -> String {
    format!(
        "AWSCURRENT stays on {current}, which is newer than the pinned version: a label that is moved back does not change the \
         credential at its issuer; `rollback: label` in its manifest lets Bowline move it"
    )
}

fn owned_by_resource(resource: &str, service_arn: &str) -> String {
    format!(
        "the service was claimed for {resource}, which is still in git, and two resources cannot manage one service: delete one of \
         the two manifests; if {resource} now means another service, run `{}`",
        untag(service_arn)
    )
}

impl HeldWhy {
    /// As it stands in a table of many resources: whose the service is, without the command that changes it.
    pub fn brief(&self) -> String {
        match self {
            Self::OwnedByInstance { owner, .. } => format!("belongs to instance `{owner}`"),
            Self::OwnedByResource { resource, .. } => format!("claimed for {resource}"),
            other => other.to_string(),
        }
    }
}

fn quarantined(service: &ResourceName, reason: &str) -> String {
    let retry = how_to_retry("to try it once more as it is", service);
    format!(
        "this spec failed before ({reason}); it is not deployed again until git changes it, also when the same comes back by a merge \
         or a bot; {retry}"
    )
}

/// The command that takes a claim off a service.
fn untag(service_arn: &str) -> String {
    let region = service_arn.split(':').nth(3).unwrap_or_default();
    let keys: Vec<&str> = TagKey::CLAIM.into_iter().map(TagKey::as_str).collect();
    format!(
        "aws ecs untag-resource --region {region} --resource-arn {service_arn} --tag-keys {}",
        keys.join(" ")
    )
}

fn commit_failed(
    formatter: &mut fmt::Formatter<'_>,
    commit: &str,
    resource: &str,
    service: Option<&ResourceName>,
) -> fmt::Result {
    write!(
        formatter,
        "{resource} failed with commit {commit:.8}, so nothing else of that commit is started; it goes on when git changes what \
         failed, or this"
    )?;
    match service {
        Some(service) => {
            write!(formatter, "; {}", how_to_retry("to start it all the same", service))
        }
        None => Ok(()),
    }
}

impl fmt::Display for WaitingOn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wave { of } => {
                let of: Vec<String> = of.iter().map(ToString::to_string).collect();
                formatter.write_str(&of.join(", "))
            }
            Self::Rollout { deployment_id: Some(id), deadline } => {
                write!(formatter, "the rollout of {id}, until {deadline:.0}")
            }
            Self::Rollout { deployment_id: None, deadline } => {
                write!(formatter, "its tasks to start, until {deadline:.0}")
            }
            Self::Health { of, deadline } => {
                write!(formatter, "its health conditions, until {deadline:.0}: {}", of.join("; "))
            }
            Self::Pause { pause, since } => write!(formatter, "{pause} (since {since:.0})"),
            Self::Deletion { deadline } => {
                write!(formatter, "ECS to finish deleting the service, until {deadline:.0}")
            }
            Self::EcsRollback => formatter.write_str("ECS to finish its own rollback"),
            Self::Dependency { on } => write!(formatter, "{on}, which it depends on, to be in sync"),
            Self::Read { what } => write!(formatter, "something that could not be read: {what}"),
        }
    }
}

impl fmt::Display for Pause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hook { hook_id, stage, until } => {
                write!(
                    formatter,
                    "a person to continue the deployment, which is paused at {stage}: aws ecs continue-service-deployment \
                     --hook-id {hook_id} --action CONTINUE"
                )?;
                match until {
                    Some(until) => write!(formatter, "; ECS decides by itself at {until:.0}"),
                    None => Ok(()),
                }
            }
            Self::BakeTime => formatter.write_str("the deployment's bake time"),
            Self::TrafficShift => formatter.write_str("the deployment's traffic, which moves in steps"),
        }
    }
}

impl ResourceReport {
    /// What is waited for, as it stands behind "waits for". Nothing while the mode holds everything: then nothing comes.
    pub fn waits_for(&self) -> Option<String> {
        let on = self.waiting_on.as_ref()?;
        if self.held.iter().any(|why| matches!(why, HeldWhy::Mode { .. })) {
            return None;
        }
        let WaitingOn::Wave { of } = on else { return Some(on.to_string()) };
        if !of.contains(&self.resource) {
            return Some(on.to_string());
        }
        let deploys = |difference: &Difference| {
            difference.reason == Reason::Missing || difference.path.starts_with("taskDefinition")
        };
        Some(if self.differences.iter().any(deploys) {
            "its task definition to be registered".to_owned()
        } else {
            "its own record to be written in a tag".to_owned()
        })
    }
}

impl fmt::Display for Wave {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Safety => "safety",
            Self::Bookkeeping => "bookkeeping",
            Self::Secrets => "secrets",
            Self::TaskDefinitions => "task definitions",
            Self::Services => "services",
            Self::Claims => "claims",
        })
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TagService { tags, .. } => {
                let records = tags.iter().filter(|(key, _)| !key.is_claim());
                let mut parts: Vec<String> =
                    records.map(|(key, value)| format!("note {}={value} in a tag", key.as_str())).collect();
                if tags.iter().any(|(key, _)| key.is_claim()) {
                    parts.push("claim the service by tags".to_owned());
                }
                formatter.write_str(&parts.join(" and "))
            }
            Self::PromoteSecret { to, from, .. } => write!(formatter, "move AWSCURRENT from {from} to {to}"),
            Self::RegisterTaskDefinition { family, .. } => {
                write!(formatter, "register a new revision of {family}")
            }
            Self::TagTaskDefinition { task_definition, tags, removed } => {
                let named = |verb: &str, keys: Vec<&str>| {
                    let noun = if keys.len() == 1 { "tag" } else { "tags" };
                    (!keys.is_empty()).then(|| format!("{verb} the {noun} {}", keys.join(", ")))
                };
                let set = named("set", tags.0.keys().map(String::as_str).collect());
                let taken = named("remove", removed.iter().map(String::as_str).collect());
                let parts: Vec<String> = set.into_iter().chain(taken).collect();
                write!(formatter, "{} of {}", parts.join(" and "), task_definition.revision())
            }
            Self::StopServiceDeployment { deployment_id, .. } => {
                write!(formatter, "stop {deployment_id}, so that ECS goes back")
            }
            Self::CreateService { service, task_definition, desired_count, .. } => {
                write!(formatter, "create the service {service} with {}", task_definition.revision())?;
                match desired_count {
                    Some(1) => formatter.write_str(" and 1 task"),
                    Some(count) => write!(formatter, " and {count} tasks"),
                    None => Ok(()),
                }
            }
            Self::UpdateService {
                task_definition, desired_count, force_new_deployment, settings, ..
            } => {
                let mut parts = Vec::new();
                if let Some(arn) = task_definition {
                    parts.push(format!("deploy {}", arn.revision()));
                }
                if *force_new_deployment {
                    parts.push("start new tasks".to_owned());
                }
                if !settings.is_empty() {
                    parts.push(format!("change {}", settings.names()));
                }
                if let Some(count) = desired_count {
                    parts.push(format!("set the desired count to {count}"));
                }
                formatter.write_str(&parts.join(" and "))
            }
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.resource, self.operation)
    }
}

/// `1 task`, `2 tasks`.
pub(crate) fn tasks(count: u32) -> String {
    if count == 1 { "1 task".to_owned() } else { format!("{count} tasks") }
}
