//! What a person should change, and what Bowline itself does nothing about. It makes no resource different from git.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::sentence::tasks;
use crate::desired::ResourceKey;
use crate::name::ResourceName;

/// How many hexadecimal digits of an image's digest a sentence shows.
const SHORT: usize = 12;

/// Something that a person should change; stable, for `-o json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Warning {
    /// The tag of an image stands for more than one digest in one deployment.
    #[serde(rename_all = "camelCase")]
    ImageDrift {
        /// The container.
        container: String,
        /// The image, as the task definition has it.
        image: String,
        /// The digest that the service revision says the tag was resolved to, where it says so.
        resolved: Option<String>,
        /// What the running tasks run, the digest of most tasks first.
        running: Vec<DigestTasks>,
        /// What to write into the task definition.
        pin: String,
    },
    /// Git names a desired count that autoscaling sets, too.
    #[serde(rename_all = "camelCase")]
    CountAutoscaled {
        /// What git wants.
        wanted: u32,
        /// `MinCapacity` of the scalable target.
        minimum: u32,
        /// `MaxCapacity` of the scalable target.
        maximum: u32,
    },
    /// Its suspension ends soon: what differs is repaired then.
    #[serde(rename_all = "camelCase")]
    SuspensionEnds {
        /// The resource.
        resource: ResourceKey,
        /// When.
        until: Timestamp,
    },
    /// The deployment circuit breaker is off, and git says nothing of it: ECS tries a bad deployment for ever.
    CircuitBreakerOff,
    /// Git enforces what the next `terraform apply` sets back.
    #[serde(rename_all = "camelCase")]
    ManagedByTerraform {
        /// The address in its state: `aws_ecs_service.web in states/prod/app.tfstate`.
        place: String,
        /// The TerraformState resource.
        state: ResourceName,
        /// The address.
        address: String,
        /// What both set, as `ignore_changes` names it.
        attributes: Vec<String>,
    },
}

/// How many tasks run one digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DigestTasks {
    /// In full: `sha256:` and 64 hexadecimal digits.
    pub digest: String,
    /// How many running tasks of the PRIMARY deployment.
    pub tasks: u32,
}

impl Warning {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::ImageDrift { pin, .. } => format!(
                "pin what should run in the task definition, such as `{pin}`; a new `restart` token rolls all tasks to \
                 what the tag stands for then"
            ),
            Self::CountAutoscaled { wanted, .. } => {
                let until_then = match wanted {
                    0 => "0 is an emergency stop, and is set again in each pass",
                    _ => "the count is left to autoscaling",
                };
                format!(
                    "take desiredCount out of git, or deregister or suspend the scalable target; until then {until_then}"
                )
            }
            Self::SuspensionEnds { resource, .. } => format!(
                "nothing, if Bowline may act on it again then; otherwise `bowline suspend {resource} --until TIME --reason REASON`"
            ),
            Self::CircuitBreakerOff => {
                "set settings.deploymentConfiguration.deploymentCircuitBreaker to {enable: true, rollback: true}"
                    .to_owned()
            }
            Self::ManagedByTerraform { state, address, attributes, .. } => format!(
                "leave these fields out of git, or add `lifecycle {{ ignore_changes = [{}] }}` to {address} and declare it in \
                 `ignoreChanges` of TerraformState/{state}",
                attributes.join(", ")
            ),
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ImageDrift { container, image, resolved, running, .. } => {
                let running: Vec<String> = running
                    .iter()
                    .map(|one| format!("{} on {}", short(&one.digest), tasks(one.tasks)))
                    .collect();
                write!(
                    formatter,
                    "image drift: container {container} runs {image} as {}",
                    running.join(" and ")
                )?;
                match resolved {
                    Some(digest) => write!(formatter, "; the service revision has {}", short(digest)),
                    None => Ok(()),
                }
            }
            Self::CountAutoscaled { wanted, minimum, maximum } => write!(
                formatter,
                "git wants desiredCount {wanted}, and Application Auto Scaling moves it between {minimum} and {maximum}"
            ),
            Self::SuspensionEnds { until, .. } => {
                write!(formatter, "its suspension ends at {until:.0}: what differs then is repaired")
            }
            Self::CircuitBreakerOff => formatter
                .write_str("the deployment circuit breaker is off, so ECS tries a bad deployment for ever"),
            Self::ManagedByTerraform { place, attributes, .. } => {
                write!(
                    formatter,
                    "Terraform sets {}, too, and each undoes the other: {place}",
                    attributes.join(", ")
                )
            }
        }
    }
}

/// `sha256:` and the first digits.
fn short(digest: &str) -> &str {
    let start = digest.find(':').map_or(0, |colon| colon + 1);
    digest.get(..start + SHORT).unwrap_or(digest)
}
