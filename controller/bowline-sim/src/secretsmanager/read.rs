//! Reading: what a secret is, what it holds, and what there is.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::request::{
    Filter, FilterKey, GetSecretValue, ListSecretVersionIds, ListSecrets, OnSecret, SortBy, SortOrder,
};
use super::secret::{AWSCURRENT, Secret, SecretValue, Version};
use super::{Region, epoch, invalid_parameter, invalid_request};
use crate::context::{ApiError, CallContext};

const DEFAULT_PAGE: usize = 100;

impl Region {
    pub(super) fn describe(&self, context: &CallContext, request: &OnSecret) -> Result<Value, ApiError> {
        let secret = self.existing(context, &request.secret_id)?;
        let mut answer = describe(secret);
        answer.insert("VersionIdsToStages".to_owned(), versions_to_stages(secret));
        Ok(Value::Object(answer))
    }

    pub(super) fn list(&self, request: &ListSecrets) -> Result<Value, ApiError> {
        let mut found: Vec<&Secret> = self
            .secrets
            .values()
            .filter(|secret| request.include_planned_deletion || secret.deletion_date.is_none())
            .filter(|secret| request.filters.iter().all(|filter| matches(secret, filter)))
            .collect();
        let by = request.sort_by.unwrap_or(SortBy::CreatedDate);
        found.sort_by(|left, right| match by {
            SortBy::CreatedDate => left.created.cmp(&right.created),
            SortBy::LastAccessedDate => left.last_accessed.cmp(&right.last_accessed),
            SortBy::LastChangedDate => left.last_changed.cmp(&right.last_changed),
            SortBy::Name => left.name.cmp(&right.name),
        });
        if request.sort_order.unwrap_or(SortOrder::Desc) == SortOrder::Desc {
            found.reverse();
        }
        let (page, next) =
            page(&found, request.max_results, request.next_token.as_deref(), |secret| &secret.arn)?;
        let entries: Vec<Value> = page
            .iter()
            .map(|secret| {
                let mut entry = describe(secret);
                entry.insert("SecretVersionsToStages".to_owned(), versions_to_stages(secret));
                Value::Object(entry)
            })
            .collect();
        let mut answer = json!({"SecretList": entries});
        if let Some(next) = next {
            answer["NextToken"] = next.into();
        }
        Ok(answer)
    }

    pub(super) fn get_value(
        &mut self,
        context: &CallContext,
        request: &GetSecretValue,
    ) -> Result<Value, ApiError> {
        let today = start_of_day(context.now);
        let secret = self.active_mut(context, &request.secret_id)?;
        let id = wanted_version(secret, request)?.id.clone();
        let mut answer = json!({"ARN": secret.arn, "Name": secret.name, "VersionId": id});
        secret.last_accessed = Some(today);
        if let Some(version) = secret.version_mut(&id) {
            version.last_accessed = Some(today);
            answer["VersionStages"] = json!(version.stages);
            answer["CreatedDate"] = epoch(version.created);
            match &version.value {
                Some(SecretValue::Text(text)) => answer["SecretString"] = text.as_str().into(),
                Some(SecretValue::Binary(encoded)) => answer["SecretBinary"] = encoded.as_str().into(),
                None => {}
            }
        }
        Ok(answer)
    }

    pub(super) fn list_versions(
        &self,
        context: &CallContext,
        request: &ListSecretVersionIds,
    ) -> Result<Value, ApiError> {
        let secret = self.existing(context, &request.secret_id)?;
        // Newest first. A version without a label is deprecated.
        let listed: Vec<&Version> = secret
            .versions
            .iter()
            .rev()
            .filter(|version| request.include_deprecated || !version.stages.is_empty())
            .collect();
        let (page, next) =
            page(&listed, request.max_results, request.next_token.as_deref(), |version| &version.id)?;
        let key = secret.kms_key_id.as_deref().unwrap_or("DefaultEncryptionKey");
        let entries: Vec<Value> = page.iter().map(|version| describe_version(version, key)).collect();
        let mut answer = json!({"ARN": secret.arn, "Name": secret.name, "Versions": entries});
        if let Some(next) = next {
            answer["NextToken"] = next.into();
        }
        Ok(answer)
    }
}

fn describe(secret: &Secret) -> Map<String, Value> {
    let mut answer = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            answer.insert(name.to_owned(), value);
        }
    };
    put("ARN", Some(secret.arn.as_str().into()));
    put("Name", Some(secret.name.as_str().into()));
    put("Description", secret.description.as_deref().map(Value::from));
    put("KmsKeyId", secret.kms_key_id.as_deref().map(Value::from));
    if let Some(rotation) = &secret.rotation {
        put("RotationEnabled", Some(rotation.enabled.into()));
        put("RotationLambdaARN", Some(rotation.lambda_arn.as_str().into()));
        put("RotationRules", rotation.rules.as_ref().map(|rules| json!(rules)));
    }
    put("CreatedDate", Some(epoch(secret.created)));
    put("LastChangedDate", Some(epoch(secret.last_changed)));
    put("LastAccessedDate", secret.last_accessed.map(epoch));
    put("DeletedDate", secret.deletion_date.map(epoch));
    put("Tags", (!secret.tags.is_empty()).then(|| json!(secret.tags)));
    answer
}

/// Deprecated versions, those without a label, are not shown.
fn versions_to_stages(secret: &Secret) -> Value {
    let labelled = secret.versions.iter().filter(|version| !version.stages.is_empty());
    Value::Object(labelled.map(|version| (version.id.clone(), json!(version.stages))).collect())
}

fn describe_version(version: &Version, key: &str) -> Value {
    let mut entry = json!({
        "VersionId": version.id,
        "CreatedDate": epoch(version.created),
        "KmsKeyIds": [key],
    });
    if !version.stages.is_empty() {
        entry["VersionStages"] = json!(version.stages);
    }
    if let Some(accessed) = version.last_accessed {
        entry["LastAccessedDate"] = epoch(accessed);
    }
    entry
}

fn wanted_version<'a>(secret: &'a Secret, request: &GetSecretValue) -> Result<&'a Version, ApiError> {
    let found = match (&request.version_id, &request.version_stage) {
        (Some(id), stage) => {
            let version = secret.version(id);
            if let (Some(version), Some(stage)) = (version, stage)
                && !version.stages.contains(stage)
            {
                return Err(invalid_request(
                    "You provided a VersionStage that is not associated to the provided VersionId.",
                ));
            }
            version
        }
        (None, stage) => secret.holder(stage.as_deref().unwrap_or(AWSCURRENT)),
    };
    found.filter(|version| version.value.is_some()).ok_or_else(|| {
        let wanted = match (&request.version_id, &request.version_stage) {
            (Some(id), _) => format!("VersionId: {id}"),
            (None, stage) => format!("staging label: {}", stage.as_deref().unwrap_or(AWSCURRENT)),
        };
        ApiError::bad_request(
            "ResourceNotFoundException",
            format!("Secrets Manager can't find the specified secret value for {wanted}"),
        )
    })
}

/// One page of `items`. The token names the last item that was given out, so that items which come or go between two
/// calls neither repeat nor hide others.
fn page<'a, T>(
    items: &'a [T],
    max_results: Option<usize>,
    token: Option<&str>,
    key: impl Fn(&T) -> &str,
) -> Result<(&'a [T], Option<String>), ApiError> {
    let size = max_results.unwrap_or(DEFAULT_PAGE);
    if !(1..=100).contains(&size) {
        return Err(invalid_parameter("MaxResults must be between 1 and 100."));
    }
    let start = match token {
        None => 0,
        Some(token) => {
            let decoded = URL_SAFE_NO_PAD.decode(token).unwrap_or_default();
            let last = items.iter().position(|item| key(item).as_bytes() == decoded);
            1 + last.ok_or_else(|| {
                ApiError::bad_request("InvalidNextTokenException", "The NextToken value is invalid.")
            })?
        }
    };
    let rest = items.get(start..).unwrap_or_default();
    let page = rest.get(..size).unwrap_or(rest);
    let next = page.last().filter(|_| rest.len() > size).map(|last| URL_SAFE_NO_PAD.encode(key(last)));
    Ok((page, next))
}

/// Values of one filter are alternatives; a leading `!` turns one round.
fn matches(secret: &Secret, filter: &Filter) -> bool {
    filter.values.iter().any(|value| match value.strip_prefix('!') {
        Some(value) => !matches_value(secret, filter.key, value),
        None => matches_value(secret, filter.key, value),
    })
}

fn matches_value(secret: &Secret, key: FilterKey, value: &str) -> bool {
    let description = secret.description.as_deref().unwrap_or_default().to_lowercase();
    match key {
        FilterKey::Name => secret.name.starts_with(value),
        FilterKey::Description => description.starts_with(&value.to_lowercase()),
        FilterKey::TagKey => secret.tags.iter().any(|tag| tag.key.starts_with(value)),
        FilterKey::TagValue => secret.tags.iter().any(|tag| tag.value.starts_with(value)),
        // Nothing here is replicated or owned by another service.
        FilterKey::PrimaryRegion | FilterKey::OwningService => false,
        FilterKey::All => {
            let wanted = value.to_lowercase();
            let tags = secret.tags.iter().flat_map(|tag| [tag.key.to_lowercase(), tag.value.to_lowercase()]);
            let mut attributes = [secret.name.to_lowercase(), description].into_iter().chain(tags);
            attributes.any(|attribute| attribute.contains(&wanted))
        }
    }
}

/// Secrets Manager tells the day of the last access, not the time.
fn start_of_day(moment: Timestamp) -> Timestamp {
    let day = moment.as_second().div_euclid(86_400) * 86_400;
    Timestamp::from_duration(SignedDuration::from_secs(day)).unwrap_or(moment)
}
