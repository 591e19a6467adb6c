//! The revision with which a service was last good: whether ECS still deploys it, and a new one with its content where it does
//! not.

use std::collections::BTreeMap;
use std::sync::Arc;

use bowline_core::desired::{ResourceKey, ResourceKind, TaskDefinitionContent};
use bowline_core::diff::diff_task_definition;
use bowline_core::live::{TaskDefinitionStatus, UnknownReason};
use bowline_core::name::{CommitId, ResourceName, RevisionRef, TaskDefinitionArn};
use bowline_core::plan::{Action, Expectation, Operation, Outcome, Wave};
use bowline_core::rollback::machine::{Trouble, TroubleKind};
use bowline_core::rollback::revert::{Failing, GoodRevision, Revert};

use super::step::Failed;
use super::{Scene, Tools};
use crate::aws::{AwsError, Priority, Session};
use crate::execute::execute;

/// How many of the newest revisions are looked through for one with the same content: as many as for a deployment.
const NEWEST: usize = 10;

impl Tools {
    /// What ECS says of the revision with which a service was good at `good`.
    pub(super) async fn good_revision(
        &self,
        scene: &Scene,
        name: &ResourceName,
        good: &CommitId,
    ) -> Result<GoodRevision, Failed> {
        let Some((arn, content)) = known(scene, name, good) else { return Ok(GoodRevision::Unknown) };
        let Some(session) = self.session(scene, name).await? else { return Ok(GoodRevision::Unknown) };
        // What is cached of it may be from before it was deregistered.
        session.forget_task_definition(arn).await;
        let found = session.describe_task_definition(arn.as_str()).await?;
        Ok(match (found, content) {
            (Some(found), _) if found.status == TaskDefinitionStatus::Active => {
                GoodRevision::Active(arn.revision())
            }
            (Some(found), _) => GoodRevision::Inactive(found.content),
            (None, Some(content)) => GoodRevision::Inactive(content.clone()),
            (None, None) => GoodRevision::Unknown,
        })
    }

    /// Registers what the revert has to pin, where a revision with that content is not to be had.
    pub(super) async fn register(
        &self,
        scene: &Scene,
        failing: &BTreeMap<ResourceName, Failing>,
        revert: &mut Revert,
    ) -> Result<(), Failed> {
        for (name, content) in revert.to_register.clone() {
            let may = scene.failed.get(&name).is_some_and(|failed| failed.may_register);
            if !may {
                return Err(Failed::Cannot(format!(
                    "the revision with which {name} was last good is INACTIVE, and Bowline may not register its content again here: that \
                     takes the mode enforce and the capability ecs:deploy. Register it, and pin it in the commit that takes back {:.8}",
                    revert.bad_commit().map_or(&revert.head, |step| &step.commit)
                )));
            }
            let good = failing.get(&name).and_then(|failing| known(scene, &name, &failing.good));
            let (Some((arn, _)), Some(session)) = (good, self.session(scene, &name).await?) else { continue };
            let family = arn.revision().parts().0.to_owned();
            let revision = self.registered(&session, scene, (&name, family), &content).await?;
            revert.registered(&name, revision);
        }
        Ok(())
    }

    /// A revision with this content: one of the newest, or a new one.
    async fn registered(
        &self,
        session: &Session,
        scene: &Scene,
        (name, family): (&ResourceName, String),
        content: &TaskDefinitionContent,
    ) -> Result<RevisionRef, Failed> {
        let newest = session.newest_revisions(&family, NEWEST, Priority::Watch).await?;
        for arn in &newest {
            let found = session.describe_task_definition(arn.as_str()).await?;
            let same =
                |found: &TaskDefinitionContent| diff_task_definition(content, found, &[], &[]).is_empty();
            if found.is_some_and(|found| same(&found.content)) {
                return Ok(arn.revision());
            }
        }
        let target = scene.snapshot.state.services.get(name).map(|service| &service.resource.spec.target);
        let Some(target) = target.cloned() else { return Err(gone(name)) };
        let action = Action {
            target,
            resource: ResourceKey { kind: ResourceKind::EcsService, name: name.clone() },
            operation: Operation::RegisterTaskDefinition { family, content: Arc::new(content.clone()) },
            expect: Expectation::NewestRevision { arn: newest.into_iter().next() },
            wave: Wave::TaskDefinitions,
            because: Vec::new(),
        };
        match execute(&self.aws, &scene.snapshot.state, &action).await {
            Outcome::Done { task_definition: Some(arn), .. } => Ok(arn.revision()),
            Outcome::Failed(why) => Err(why.into()),
            // Somebody registered one meanwhile: it may be this one.
            Outcome::Done { .. } | Outcome::AlreadyDone | Outcome::Superseded { .. } => {
                Err(Failed::Trouble(Trouble {
                    kind: TroubleKind::Passing,
                    sentence: format!(
                        "what {name} ran was not registered again: its family changed meanwhile"
                    ),
                    hint: "nothing: it is looked at again".to_owned(),
                }))
            }
        }
    }

    /// The Target of a service, with the right account; none if it left git.
    async fn session(&self, scene: &Scene, name: &ResourceName) -> Result<Option<Session>, Failed> {
        let state = &scene.snapshot.state;
        let Some(service) = state.services.get(name) else { return Ok(None) };
        let target = &service.resource.spec.target;
        let Some(found) = state.targets.get(target) else { return Ok(None) };
        let session = self.aws.session(target, &found.spec).await;
        session.verify_account().await?;
        Ok(Some(session))
    }
}

/// The revision with which a service was good at `good`, with its content if that was kept.
fn known<'a>(
    scene: &'a Scene,
    name: &ResourceName,
    good: &CommitId,
) -> Option<(&'a TaskDefinitionArn, Option<&'a TaskDefinitionContent>)> {
    let failed = scene.failed.get(name)?;
    if let Some(known) = failed.good.iter().flatten().find(|known| known.commit == *good) {
        return Some((known.revision.as_ref()?, known.content.as_ref()));
    }
    // Where it was forgotten, what still runs told which commit was good.
    let runs = failed.runs.as_ref().filter(|_| failed.good.iter().all(Option::is_none));
    runs.map(|(arn, content)| (arn, content.as_ref()))
}

fn gone(name: &ResourceName) -> Failed {
    Failed::Cannot(format!("git has no {name} any more"))
}

impl From<UnknownReason> for Failed {
    fn from(why: UnknownReason) -> Self {
        Self::Trouble(Trouble { kind: TroubleKind::Passing, sentence: why.message, hint: why.hint })
    }
}

impl From<AwsError> for Failed {
    fn from(error: AwsError) -> Self {
        error.reason.into()
    }
}
