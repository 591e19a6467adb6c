//! Rotation as far as it shows from outside: the configuration, and the AWSPENDING version that a rotation function
//! would fill. No function runs here; a test plays it with
//! `PutSecretValue` and `UpdateSecretVersionStage`.

use serde_json::{Value, json};

use super::request::{OnSecret, RotateSecret};
use super::secret::{AWSCURRENT, AWSPENDING, Rotation, Secret};
use super::write::checked_token;
use super::{Region, invalid_request};
use crate::context::{ApiError, CallContext};

impl Region {
    pub(super) fn rotate(&mut self, context: &CallContext, request: RotateSecret) -> Result<Value, ApiError> {
        let secret = self.active_mut(context, &request.secret_id)?;
        let token = checked_token(request.client_request_token)?;
        if rotation_in_progress(secret) {
            return Err(invalid_request(
                "A previous rotation isn't complete. That rotation will be reattempted.",
            ));
        }
        let before = secret.rotation.take();
        let (lambda_before, rules_before) =
            before.map_or((None, None), |rotation| (Some(rotation.lambda_arn), rotation.rules));
        let Some(lambda_arn) = request.rotation_lambda_arn.or(lambda_before) else {
            return Err(invalid_request("No Lambda rotation function ARN is associated with this secret."));
        };
        let rules = request.rotation_rules.or(rules_before);
        secret.rotation = Some(Rotation { enabled: true, lambda_arn, rules });
        secret.last_changed = context.now;
        let mut answer = json!({"ARN": secret.arn, "Name": secret.name});
        if request.rotate_immediately.unwrap_or(true) {
            if secret.version(&token).is_none() {
                secret.add_version(&token, None, context.now);
            }
            secret.attach(AWSPENDING, &token);
            answer["VersionId"] = token.into();
        }
        Ok(answer)
    }

    pub(super) fn cancel_rotation(
        &mut self,
        context: &CallContext,
        request: &OnSecret,
    ) -> Result<Value, ApiError> {
        let secret = self.active_mut(context, &request.secret_id)?;
        if let Some(rotation) = &mut secret.rotation {
            rotation.enabled = false;
        }
        secret.last_changed = context.now;
        let mut answer = json!({"ARN": secret.arn, "Name": secret.name});
        if let Some(pending) = secret.holder_id(AWSPENDING) {
            answer["VersionId"] = pending.into();
        }
        Ok(answer)
    }
}

/// AWSPENDING on another version than AWSCURRENT means that a rotation has started and not ended.
fn rotation_in_progress(secret: &Secret) -> bool {
    secret.holder(AWSPENDING).is_some_and(|pending| !pending.stages.contains(AWSCURRENT))
}
