//! Deleting with a recovery window, and taking it back.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::reference::arn_of;
use super::request::{DeleteSecret, OnSecret};
use super::{Region, epoch, invalid_parameter, marked_for_deletion};
use crate::context::{ApiError, CallContext};

const DEFAULT_WINDOW_DAYS: i64 = 30;

impl Region {
    pub(super) fn delete(
        &mut self,
        context: &CallContext,
        request: &DeleteSecret,
    ) -> Result<Value, ApiError> {
        if request.force_delete_without_recovery {
            return self.delete_at_once(context, request);
        }
        let days = request.recovery_window_in_days.unwrap_or(DEFAULT_WINDOW_DAYS);
        if !(7..=30).contains(&days) {
            return Err(invalid_parameter(
                "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).",
            ));
        }
        let secret = self.existing_mut(context, &request.secret_id)?;
        if secret.deletion_date.is_some() {
            return Err(marked_for_deletion());
        }
        let date = context.now.saturating_add(SignedDuration::from_hours(days * 24));
        let date = date.map_err(|error| invalid_parameter(error.to_string()))?;
        secret.deletion_date = Some(date);
        Ok(json!({"ARN": secret.arn, "Name": secret.name, "DeletionDate": epoch(date)}))
    }

    /// Forced deletion also succeeds for a secret that does not exist, so that a clean-up can be repeated.
    fn delete_at_once(&mut self, context: &CallContext, request: &DeleteSecret) -> Result<Value, ApiError> {
        if request.recovery_window_in_days.is_some() {
            return Err(invalid_parameter(
                "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
            ));
        }
        let (name, arn) = if let Ok(secret) = self.existing(context, &request.secret_id) {
            (secret.name.clone(), secret.arn.clone())
        } else {
            let arn = arn_of(&context.account, &context.region, &request.secret_id, 0);
            (request.secret_id.clone(), arn)
        };
        self.secrets.remove(&name);
        Ok(json!({"ARN": arn, "Name": name, "DeletionDate": epoch(context.now)}))
    }

    pub(super) fn restore(&mut self, context: &CallContext, request: &OnSecret) -> Result<Value, ApiError> {
        let secret = self.existing_mut(context, &request.secret_id)?;
        secret.deletion_date = None;
        Ok(json!({"ARN": secret.arn, "Name": secret.name}))
    }
}
