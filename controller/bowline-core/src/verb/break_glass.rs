//! What was last good, applied at once and ahead of git, with a hold that ends by itself.

use std::sync::Arc;

use super::{Refusal, key, service};
use crate::desired::DesiredState;
use crate::desired::kind::{Capability, Mode};
use crate::live::{LiveService, Observed};
use crate::name::{ResourceName, TaskDefinitionArn};
use crate::plan::{
    Action, Actor, Hold, Operation, SettingsRequest, TagKey, Wave, as_found, belongs_elsewhere,
};
use crate::policy::{Ceiling, outside};

/// What is known where the glass is broken.
#[derive(Debug, Clone, Copy)]
pub struct Glass<'a> {
    /// What git says.
    pub desired: &'a DesiredState,
    /// The service as it is.
    pub live: &'a Observed<Arc<LiveService>>,
    /// The revision with which it was last good.
    pub good: Option<&'a TaskDefinitionArn>,
    /// The most that is allowed.
    pub ceiling: &'a Ceiling,
    /// Who acts, and from which commit.
    pub actor: Actor<'a>,
}

/// The one call that lets a service run its last good revision again, and keeps Bowline away from it for the time of `hold`.
/// What `bowline.yaml` and the Target do not allow is not done by this way either.
pub fn break_glass(glass: &Glass<'_>, name: &ResourceName, hold: &Hold) -> Result<Action, Refusal> {
    let resource = key(name);
    let refused = |why: String| Refusal::GlassHolds { service: key(name), why };
    let wanted = service(glass.desired, name)?;
    let target_name = &wanted.resource.spec.target;
    let target = glass.desired.targets.get(target_name).map(|target| &target.spec);
    let target = target.ok_or_else(|| refused(format!("git has no usable Target {target_name}")))?;
    if !outside(target, glass.ceiling).is_empty() {
        return Err(refused(format!("the Target {target_name} is outside of the ceiling in bowline.yaml")));
    }
    let mode = target.mode.min(glass.ceiling.mode);
    if mode != Mode::Enforce {
        return Err(refused(format!(
            "the mode in force for {target_name} is {mode}, and this takes enforce"
        )));
    }
    let by_ceiling = glass.ceiling.capabilities.as_ref();
    let allowed = by_ceiling.is_none_or(|allowed| allowed.contains(&Capability::EcsDeploy));
    if !allowed || !target.capabilities.contains(&Capability::EcsDeploy) {
        return Err(refused(format!("the capability ecs:deploy is not given for {target_name}")));
    }
    let live = match glass.live {
        Observed::Known { value, .. } => value,
        Observed::Missing => return Err(refused("ECS has no such service".to_owned())),
        Observed::Unknown { why } => return Err(refused(why.message.clone())),
    };
    if let Some(why) = belongs_elsewhere(glass.actor, &resource, glass.desired, live) {
        return Err(refused(why.to_string()));
    }
    let good = glass.good.ok_or_else(|| {
        refused(
            "no store that is named in bowline.yaml knows with which revision it was last good".to_owned(),
        )
    })?;
    let tags = vec![(TagKey::Hold, hold.value())];
    let operation = if live.task_definition.as_ref() == Some(good) {
        Operation::TagService { service_arn: live.arn.clone(), tags }
    } else {
        Operation::UpdateService {
            service: wanted.resource.spec.service.clone(),
            service_arn: live.arn.clone(),
            task_definition: Some(good.clone()),
            desired_count: None,
            force_new_deployment: false,
            settings: SettingsRequest::default(),
            tags,
            spec_hash: None,
        }
    };
    Ok(Action {
        target: target_name.clone(),
        resource,
        operation,
        expect: as_found(live),
        wave: Wave::Services,
        because: Vec::new(),
    })
}
