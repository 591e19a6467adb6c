//! Moving staging labels: the compare-and-swap that promotes a version.

use serde_json::{Value, json};

use super::request::UpdateSecretVersionStage;
use super::secret::{AWSCURRENT, Secret};
use super::{Region, invalid_parameter};
use crate::context::{ApiError, CallContext};

impl Region {
    pub(super) fn update_stage(
        &mut self,
        context: &CallContext,
        request: &UpdateSecretVersionStage,
    ) -> Result<Value, ApiError> {
        let secret = self.active_mut(context, &request.secret_id)?;
        let stage = request.version_stage.as_str();
        let named = [&request.move_to_version_id, &request.remove_from_version_id];
        for id in named.into_iter().flatten() {
            if secret.version(id).is_none() {
                return Err(invalid_parameter(format!("Not a valid version: {id}")));
            }
        }
        check_removal(secret, request)?;
        match (&request.move_to_version_id, &request.remove_from_version_id) {
            (Some(to), _) => secret.attach(stage, to),
            (None, Some(_)) if stage == AWSCURRENT => {
                return Err(invalid_parameter(
                    "You can only move staging label AWSCURRENT to a different secret version. \
                     It can't be completely removed.",
                ));
            }
            (None, Some(from)) => {
                if let Some(version) = secret.version_mut(from) {
                    version.stages.remove(stage);
                }
            }
            (None, None) => {
                return Err(invalid_parameter(
                    "You must specify RemoveFromVersionId, MoveToVersionId, or both.",
                ));
            }
        }
        secret.last_changed = context.now;
        Ok(json!({"ARN": secret.arn, "Name": secret.name}))
    }
}

/// The swap happens only if the caller knows where the label is: `RemoveFromVersionId` must name that version. Moving
/// a label onto the version that has it already takes nothing away from another, so it needs no such proof.
fn check_removal(secret: &Secret, request: &UpdateSecretVersionStage) -> Result<(), ApiError> {
    let stage = &request.version_stage;
    let holder = secret.holder_id(stage);
    match (&request.remove_from_version_id, holder) {
        (Some(from), Some(holder)) if *from == holder => Ok(()),
        (Some(from), _) => Err(invalid_parameter(format!(
            "Staging label {stage} is not currently attached to version {from}."
        ))),
        (None, Some(holder)) if request.move_to_version_id.as_ref() != Some(&holder) => {
            Err(invalid_parameter(format!(
                "The parameter RemoveFromVersionId can't be empty. Staging label {stage} is currently attached to \
                 version {holder}, so you must explicitly reference that version in RemoveFromVersionId."
            )))
        }
        (None, _) => Ok(()),
    }
}
