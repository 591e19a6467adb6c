//! Secrets Manager: version ids and staging labels. No call of this file can return a secret's value.

use std::collections::BTreeMap;

use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;
use bowline_core::live::LiveSecret;
use bowline_core::name::SecretVersionId;
use jiff::Timestamp;

use super::api::Api;
use super::client::Session;
use super::error::AwsError;
use super::limiter::Priority;
use super::{ecs, timestamp};

/// The error code for a secret, or a version, that does not exist.
const NOT_FOUND: &str = "ResourceNotFoundException";
/// The staging label of the version that readers get.
const CURRENT: &str = "AWSCURRENT";

impl Session {
    /// DescribeSecret; `None` when there is no such secret.
    pub(crate) async fn describe_secret(
        &self,
        id: &str,
        priority: Priority,
    ) -> Result<Option<LiveSecret>, AwsError> {
        let api = Api::DescribeSecret;
        let on = format!("secret {id}");
        let send = || self.clients().secrets.describe_secret().secret_id(id).send();
        match self.call(api, &on, priority, send).await {
            Ok(output) => secret(output).map(Some).map_err(|what| AwsError::bad_answer(api, &on, what)),
            Err(error) if error.code() == Some(NOT_FOUND) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// When each version of a secret was created, those without a label included; `None` when there is no such secret.
    pub(crate) async fn secret_version_dates(
        &self,
        id: &str,
    ) -> Result<Option<BTreeMap<String, Timestamp>>, AwsError> {
        let api = Api::ListSecretVersionIds;
        let on = format!("secret {id}");
        let (mut dates, mut token) = (BTreeMap::new(), None);
        for _ in 0..ecs::MAX_PAGES {
            let send = || {
                let call = self.clients().secrets.list_secret_version_ids().secret_id(id);
                call.include_deprecated(true).set_next_token(token.clone()).send()
            };
            let page = match self.call(api, &on, Priority::Scan, send).await {
                Ok(page) => page,
                Err(error) if error.code() == Some(NOT_FOUND) => return Ok(None),
                Err(error) => return Err(error),
            };
            for version in page.versions.unwrap_or_default() {
                let created = version.created_date.and_then(timestamp);
                let (Some(id), Some(created)) = (version.version_id, created) else {
                    return Err(AwsError::bad_answer(api, &on, "a version has no id or no creation date"));
                };
                dates.insert(id, created);
            }
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(Some(dates));
            }
        }
        Err(ecs::endless(api, &on))
    }

    /// Moves AWSCURRENT, only if it is still on `from`.
    pub(crate) async fn promote_secret(
        &self,
        arn: &str,
        to: &SecretVersionId,
        from: &str,
    ) -> Result<(), AwsError> {
        let send = || {
            let call =
                self.clients().secrets.update_secret_version_stage().secret_id(arn).version_stage(CURRENT);
            call.move_to_version_id(to.as_str()).remove_from_version_id(from).send()
        };
        let on = format!("secret {arn}");
        self.call(Api::UpdateSecretVersionStage, &on, Priority::Watch, send).await.map(drop)
    }
}

fn secret(output: DescribeSecretOutput) -> Result<LiveSecret, &'static str> {
    let stages = output.version_ids_to_stages.unwrap_or_default();
    Ok(LiveSecret {
        arn: output.arn.ok_or("the answer has no ARN")?,
        stages: stages.into_iter().map(|(version, labels)| (version, labels.into_iter().collect())).collect(),
        deleted_at: output.deleted_date.and_then(timestamp),
        last_changed_at: output.last_changed_date.and_then(timestamp),
        rotated_elsewhere: output.rotation_enabled.unwrap_or_default()
            || output.rotation_lambda_arn.is_some()
            || output.owning_service.is_some(),
    })
}
