//! The revision with which a service was last good: whether ECS still deploys it, and a new one with its content where it does
//! not.

use std::collections::BTreeMap;

use bowline_core::desired::TaskDefinitionContent;
use bowline_core::live::UnknownReason;
use bowline_core::name::{CommitId, ResourceName, TaskDefinitionArn};
use bowline_core::rollback::machine::{Trouble, TroubleKind};
use bowline_core::rollback::revert::{Failing, GoodRevision, Revert};

use super::step::Failed;
use super::{Scene, Tools};
use crate::aws::{AwsError, Session};
use crate::execute::{Kept, NoStandIn, kept, stand_in};

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
        Ok(match kept(&session, arn, content).await? {
            Kept::Active => GoodRevision::Active(arn.revision()),
            Kept::Inactive(content) => GoodRevision::Inactive(content),
            Kept::Gone => GoodRevision::Unknown,
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
            let state = &scene.snapshot.state;
            let target = state.services.get(&name).map(|service| &service.resource.spec.target);
            let Some(target) = target else { return Err(gone(&name)) };
            let found = stand_in(&self.aws, &session, state, (&name, target), arn, &content).await;
            revert.registered(&name, found.map_err(|why| failed(&name, why))?.revision());
        }
        Ok(())
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

fn failed(name: &ResourceName, why: NoStandIn) -> Failed {
    match why {
        NoStandIn::Failed(why) => why.into(),
        NoStandIn::Moved => Failed::Trouble(Trouble {
            kind: TroubleKind::Passing,
            sentence: format!("what {name} ran was not registered again: its family changed meanwhile"),
            hint: "nothing: it is looked at again".to_owned(),
        }),
    }
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
