//! What would AWS Secrets Manager answer?
//!
//! An operation name and its JSON body in, the JSON answer or an [`ApiError`] out. State is kept per account and
//! region. The clock and the caller come in through the [`CallContext`]; nothing here knows of HTTP or of the other
//! services, except that ECS asks [`SecretsManager::can_read`] before it starts a task.

mod delete;
mod read;
mod reference;
mod request;
mod rotate;
mod secret;
mod stages;
#[cfg(test)]
mod tests;
mod write;

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::context::{ApiError, CallContext};
use reference::{SecretId, ValueFrom};
use secret::{AWSCURRENT, Secret};

/// All secrets of all accounts and regions.
#[derive(Default)]
pub(crate) struct SecretsManager {
    regions: BTreeMap<(String, String), Region>,
}

/// The secrets of one account in one region, by name.
#[derive(Default)]
struct Region {
    secrets: BTreeMap<String, Secret>,
    /// How often each name was created: a secret that is created again after its deletion has another ARN.
    generations: BTreeMap<String, u32>,
}

impl SecretsManager {
    /// Answers one call of the JSON 1.1 protocol.
    pub(crate) fn handle(
        &mut self,
        context: &CallContext,
        operation: &str,
        body: &Value,
    ) -> Result<Value, ApiError> {
        let region = self.regions.entry((context.account.clone(), context.region.clone())).or_default();
        region.purge(context.now);
        match operation {
            "CreateSecret" => region.create(context, parse(body)?),
            "DescribeSecret" => region.describe(context, &parse(body)?),
            "ListSecrets" => region.list(&parse(body)?),
            "PutSecretValue" => region.put_value(context, parse(body)?),
            "UpdateSecret" => region.update(context, parse(body)?),
            "GetSecretValue" => region.get_value(context, &parse(body)?),
            "ListSecretVersionIds" => region.list_versions(context, &parse(body)?),
            "UpdateSecretVersionStage" => region.update_stage(context, &parse(body)?),
            "DeleteSecret" => region.delete(context, &parse(body)?),
            "RestoreSecret" => region.restore(context, &parse(body)?),
            "TagResource" => region.tag(context, parse(body)?),
            "UntagResource" => region.untag(context, &parse(body)?),
            "RotateSecret" => region.rotate(context, parse(body)?),
            "CancelRotateSecret" => region.cancel_rotation(context, &parse(body)?),
            _ => Err(ApiError::bad_request(
                "UnknownOperationException",
                format!("Secrets Manager operation {operation} is not simulated."),
            )),
        }
    }

    /// Could the ECS agent resolve this `valueFrom` when it starts a task?
    ///
    /// `value_from` is a secret's ARN or name, bare or followed by `:json-key:version-stage:version-id`.
    pub(crate) fn can_read(&self, account: &str, region: &str, value_from: &str) -> bool {
        let Some(wanted) = ValueFrom::parse(value_from, account, region) else { return false };
        let Some(region) = self.regions.get(&(wanted.account, wanted.region)) else { return false };
        let Some(secret) = region.lookup(&wanted.id) else { return false };
        if secret.deletion_date.is_some() {
            return false;
        }
        let version = match (&wanted.version_stage, &wanted.version_id) {
            (Some(_), Some(_)) => None,
            (Some(stage), None) => secret.holder(stage),
            (None, Some(id)) => secret.version(id),
            (None, None) => secret.holder(AWSCURRENT),
        };
        // The agent reads SecretString only; a binary value cannot be injected.
        let Some(text) = version.and_then(|version| version.text()) else { return false };
        let Some(key) = &wanted.json_key else { return true };
        serde_json::from_str::<Value>(text).is_ok_and(|value| value.get(key).is_some())
    }
}

impl Region {
    /// Secrets Manager removes a deleted secret for good when its recovery window is over.
    fn purge(&mut self, now: jiff::Timestamp) {
        self.secrets.retain(|_, secret| secret.deletion_date.is_none_or(|date| date > now));
    }

    /// The secret that an id names, whether or not it is marked for deletion.
    fn lookup(&self, id: &SecretId) -> Option<&Secret> {
        match id {
            SecretId::Name(name) => self.secrets.get(name),
            // A full ARN ends in a hyphen and six random characters; a partial one leaves them out.
            SecretId::Arn { arn, resource } => {
                let full = resource
                    .len()
                    .checked_sub(7)
                    .and_then(|end| resource.get(..end))
                    .and_then(|name| self.secrets.get(name).filter(|secret| &secret.arn == arn));
                full.or_else(|| self.secrets.get(resource))
            }
        }
    }

    fn existing(&self, context: &CallContext, secret_id: &str) -> Result<&Secret, ApiError> {
        let id = SecretId::parse_for_caller(secret_id, context)?;
        self.lookup(&id).ok_or_else(secret_not_found)
    }

    fn existing_mut(&mut self, context: &CallContext, secret_id: &str) -> Result<&mut Secret, ApiError> {
        let name = self.existing(context, secret_id)?.name.clone();
        self.secrets.get_mut(&name).ok_or_else(secret_not_found)
    }

    /// The secret, refused when it is marked for deletion.
    fn active_mut(&mut self, context: &CallContext, secret_id: &str) -> Result<&mut Secret, ApiError> {
        let secret = self.existing_mut(context, secret_id)?;
        if secret.deletion_date.is_some() {
            return Err(marked_for_deletion());
        }
        Ok(secret)
    }
}

fn parse<T: DeserializeOwned>(body: &Value) -> Result<T, ApiError> {
    T::deserialize(body).map_err(|error| {
        ApiError::bad_request("ValidationException", format!("1 validation error detected: {error}"))
    })
}

fn secret_not_found() -> ApiError {
    ApiError::bad_request("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}

fn marked_for_deletion() -> ApiError {
    ApiError::bad_request(
        "InvalidRequestException",
        "You can't perform this operation on the secret because it was marked for deletion.",
    )
}

fn invalid_parameter(message: impl Into<String>) -> ApiError {
    ApiError::bad_request("InvalidParameterException", message)
}

fn invalid_request(message: impl Into<String>) -> ApiError {
    ApiError::bad_request("InvalidRequestException", message)
}

/// A moment as the JSON protocol writes it: seconds since the epoch, with milliseconds.
fn epoch(moment: jiff::Timestamp) -> Value {
    let milliseconds = jiff::SignedDuration::from_millis(moment.as_millisecond());
    Value::from(milliseconds.as_secs_f64())
}
