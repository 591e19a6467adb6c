//! Creating secrets and versions, and changing what describes a secret.

use serde_json::{Value, json};
use uuid::Uuid;

use super::reference::arn_of;
use super::request::{CreateSecret, PutSecretValue, TagResource, UntagResource, UpdateSecret};
use super::secret::{AWSCURRENT, Secret, SecretValue};
use super::{Region, invalid_parameter, invalid_request};
use crate::context::{ApiError, CallContext};

const MAXIMUM_VALUE_BYTES: usize = 65_536;
const MAXIMUM_STAGES: usize = 20;

impl Region {
    pub(super) fn create(&mut self, context: &CallContext, request: CreateSecret) -> Result<Value, ApiError> {
        check_name(&request.name)?;
        let value = value_of(request.secret_string, request.secret_binary)?;
        let token = checked_token(request.client_request_token)?;
        if let Some(existing) = self.secrets.get(&request.name) {
            return create_again(existing, &token, value.as_ref());
        }
        let generation = self.generations.entry(request.name.clone()).or_default();
        *generation += 1;
        let mut secret = Secret {
            arn: arn_of(&context.account, &context.region, &request.name, *generation),
            name: request.name,
            description: request.description,
            kms_key_id: request.kms_key_id,
            tags: request.tags,
            created: context.now,
            last_changed: context.now,
            last_accessed: None,
            deletion_date: None,
            rotation: None,
            versions: Vec::new(),
        };
        let mut answer = json!({"ARN": secret.arn, "Name": secret.name});
        if value.is_some() {
            secret.add_version(&token, value, context.now);
            secret.attach(AWSCURRENT, &token);
            answer["VersionId"] = token.into();
        }
        self.secrets.insert(secret.name.clone(), secret);
        Ok(answer)
    }

    pub(super) fn put_value(
        &mut self,
        context: &CallContext,
        request: PutSecretValue,
    ) -> Result<Value, ApiError> {
        let secret = self.active_mut(context, &request.secret_id)?;
        let value = value_of(request.secret_string, request.secret_binary)?
            .ok_or_else(|| invalid_request("You must provide either SecretString or SecretBinary."))?;
        let token = checked_token(request.client_request_token)?;
        let mut stages = request.version_stages.unwrap_or_else(|| vec![AWSCURRENT.to_owned()]);
        if stages.is_empty() || stages.len() > MAXIMUM_STAGES {
            return Err(invalid_parameter(format!(
                "VersionStages must have between 1 and {MAXIMUM_STAGES} members."
            )));
        }
        match secret.version_mut(&token).map(|version| &mut version.value) {
            Some(Some(existing)) if *existing == value => {
                return Ok(describe_version(secret, &token));
            }
            Some(Some(_)) => return Err(token_in_use(&token, &secret.arn)),
            // A rotation announced this version; now its function brings the value.
            Some(empty @ None) => *empty = Some(value),
            None => {
                if secret.versions.is_empty() && !stages.iter().any(|stage| stage == AWSCURRENT) {
                    stages.push(AWSCURRENT.to_owned());
                }
                secret.add_version(&token, Some(value), context.now);
            }
        }
        for stage in &stages {
            secret.attach(stage, &token);
        }
        secret.last_changed = context.now;
        Ok(describe_version(secret, &token))
    }

    pub(super) fn update(&mut self, context: &CallContext, request: UpdateSecret) -> Result<Value, ApiError> {
        let secret = self.active_mut(context, &request.secret_id)?;
        let value = value_of(request.secret_string, request.secret_binary)?;
        let token = checked_token(request.client_request_token)?;
        let mut answer = json!({"ARN": secret.arn, "Name": secret.name});
        if value.is_some() {
            // Unlike PutSecretValue, the same value does not excuse a token that was used before.
            if secret.version(&token).is_some() {
                return Err(token_in_use(&token, &secret.arn));
            }
            secret.add_version(&token, value, context.now);
            secret.attach(AWSCURRENT, &token);
            answer["VersionId"] = token.into();
        }
        if let Some(description) = request.description {
            secret.description = Some(description);
        }
        if let Some(kms_key_id) = request.kms_key_id {
            secret.kms_key_id = Some(kms_key_id);
        }
        secret.last_changed = context.now;
        Ok(answer)
    }

    pub(super) fn tag(&mut self, context: &CallContext, request: TagResource) -> Result<Value, ApiError> {
        let secret = self.active_mut(context, &request.secret_id)?;
        for tag in request.tags {
            match secret.tags.iter_mut().find(|present| present.key == tag.key) {
                Some(present) => present.value = tag.value,
                None => secret.tags.push(tag),
            }
        }
        secret.last_changed = context.now;
        Ok(json!({}))
    }

    pub(super) fn untag(
        &mut self,
        context: &CallContext,
        request: &UntagResource,
    ) -> Result<Value, ApiError> {
        let secret = self.active_mut(context, &request.secret_id)?;
        secret.tags.retain(|tag| !request.tag_keys.contains(&tag.key));
        secret.last_changed = context.now;
        Ok(json!({}))
    }
}

/// `CreateSecret` for a name that exists is answered kindly only if it is the very same call once more.
fn create_again(existing: &Secret, token: &str, value: Option<&SecretValue>) -> Result<Value, ApiError> {
    if existing.deletion_date.is_some() {
        return Err(invalid_request(
            "You can't create this secret because a secret with this name is already scheduled for deletion.",
        ));
    }
    match existing.version(token) {
        Some(version) if version.value.as_ref() == value => {
            Ok(json!({"ARN": existing.arn, "Name": existing.name, "VersionId": token}))
        }
        Some(_) => Err(token_in_use(token, &existing.arn)),
        None => Err(ApiError::bad_request(
            "ResourceExistsException",
            format!("The operation failed because the secret {} already exists.", existing.name),
        )),
    }
}

fn describe_version(secret: &Secret, id: &str) -> Value {
    let stages = secret.version(id).map(|version| &version.stages);
    json!({"ARN": secret.arn, "Name": secret.name, "VersionId": id, "VersionStages": stages})
}

fn token_in_use(token: &str, arn: &str) -> ApiError {
    ApiError::bad_request(
        "ResourceExistsException",
        format!(
            "You can't use ClientRequestToken {token} because that value is already in use for a version of \
             secret {arn}."
        ),
    )
}

/// The token becomes the version's id. Clients always send one; a bare HTTP call may leave it out.
pub(super) fn checked_token(token: Option<String>) -> Result<String, ApiError> {
    let token = token.unwrap_or_else(|| Uuid::new_v4().to_string());
    if (32..=64).contains(&token.len()) {
        Ok(token)
    } else {
        Err(invalid_parameter("ClientRequestToken must be 32-64 characters long."))
    }
}

fn value_of(text: Option<String>, binary: Option<String>) -> Result<Option<SecretValue>, ApiError> {
    let value = match (text, binary) {
        (Some(_), Some(_)) => {
            return Err(invalid_parameter(
                "You can't specify both a binary secret value and a string secret value in the same secret.",
            ));
        }
        (Some(text), None) => SecretValue::Text(text),
        (None, Some(binary)) => SecretValue::Binary(binary),
        (None, None) => return Ok(None),
    };
    let length = match &value {
        SecretValue::Text(text) => text.len(),
        // Four characters of base64 carry three bytes.
        SecretValue::Binary(encoded) => encoded.trim_end_matches('=').len() * 3 / 4,
    };
    if length > MAXIMUM_VALUE_BYTES {
        return Err(ApiError::bad_request(
            "ValidationException",
            format!(
                "1 validation error detected: the secret value failed to satisfy constraint: Member must have \
                 length less than or equal to {MAXIMUM_VALUE_BYTES}"
            ),
        ));
    }
    Ok(Some(value))
}

fn check_name(name: &str) -> Result<(), ApiError> {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "-/_+=.@!".contains(letter);
    if (1..=512).contains(&name.len()) && name.chars().all(allowed) {
        return Ok(());
    }
    Err(ApiError::bad_request(
        "ValidationException",
        "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
    ))
}
