//! What happened, in sentences an operator likes to read. Told once, when it changes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::desired::ResourceKey;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// To which resource.
    pub resource: ResourceKey,
    /// What, in one word.
    pub kind: EventKind,
    /// What, as a sentence that begins with the resource's name: "web: rolled back by ECS to web:6: tasks failed to start".
    pub message: String,
}

/// What happened, in one word; stable, for `-o json`, alerts and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// Live is not what git says, and git did not change.
    DriftFound,
    /// Drift that was told is gone.
    DriftHealed,
    /// Git changed, and live is not there yet.
    GitChanged,
    /// Live is what a change in git asked for.
    Converged,
    /// A deployment was begun.
    RolloutStarted,
    /// A deployment is good.
    RolloutGood,
    /// A deployment failed.
    RolloutBad,
    /// ECS completed a deployment, and nobody can say whether it is healthy.
    RolloutUnproven,
    /// Bowline stopped its own bad deployment, so that ECS goes back.
    DeploymentStopped,
    /// A health condition that was true after the rollout is false.
    HealthLost,
    /// Health conditions that were false are true again.
    HealthRegained,
    /// So many rollouts of different commits failed at once that none is rolled back automatically.
    RollbackHeld,
    /// A commit released what had failed.
    RetryReleased,
    /// ECS rolled a deployment back.
    RolledBackByEcs,
    /// AWSCURRENT of a secret was moved to the pinned version.
    SecretPromoted,
    /// A task definition revision was registered.
    TaskDefinitionRegistered,
    /// Tags of a task definition revision were changed.
    TaskDefinitionTagged,
    /// A service was created.
    ServiceCreated,
    /// A restart was begun.
    Restarted,
    /// The desired count was changed.
    Scaled,
    /// Settings were changed, or what was changed is set back.
    SettingsChanged,
    /// A setting left git and stays as it is: it is not managed any more.
    SettingLeft,
    /// Somebody stepped back, and it is left alone for a while.
    Held,
    /// Git says that nothing is to be done to it for a while.
    Suspended,
    /// A suspension ends within half an hour.
    SuspensionEnds,
    /// A suspension is over.
    Resumed,
    /// An action failed.
    ActionFailed,
    /// An action or a rollout was overtaken by somebody else's change.
    Superseded,
    /// A service that this instance claimed is not in git any more.
    OrphanFound,
    /// What was told as such is in git again, or gone.
    OrphanGone,
    /// A rollback was begun: a commit is to be reverted.
    RollbackBegun,
    /// A rollback got on: its branch, its pull request, its merge.
    RollbackStep,
    /// A rollback is over: git and live are equal again, or git went on without it.
    RollbackDone,
    /// The pull request of a rollback was closed: what failed stays quarantined.
    RollbackClosed,
    /// A rollback needs a person, or takes longer than it should.
    RollbackNeedsPerson,
    /// What a rollback went back to failed as well.
    RollbackFailed,
    /// A target is not acted on: the branch was rewritten, or too much of it vanished from git.
    GitRefused,
    /// The repository has another name at its server; told once.
    RepositoryRenamed,
}

impl Event {
    pub(crate) fn new(
        at: Timestamp,
        resource: &ResourceKey,
        kind: EventKind,
        message: impl std::fmt::Display,
    ) -> Self {
        Self { at, resource: resource.clone(), kind, message: format!("{}: {message}", resource.name) }
    }
}
